//! Linux: the desktop's notification service. <https://specifications.freedesktop.org/notification-spec/>

use super::bus;
use std::collections::HashMap;
use zbus::blocking::Connection;
use zbus::zvariant::Value;

const SERVICE: &str = "org.freedesktop.Notifications";
const OBJECT: &str = "/org/freedesktop/Notifications";
/// The program's desktop entry, by which a desktop finds its name and icon.
const ENTRY: &str = "io.github.visavis_call.Visavis";
/// The service chooses how long it is shown.
const ITS_CHOICE: i32 = -1;

/// The service, and the notification that it shows.
#[derive(Debug, Default)]
pub(in crate::desktop) struct Board {
    service: Option<Service>,
    /// The number of the notification; 0 is none.
    shown: u32,
}

#[derive(Debug)]
struct Service {
    connection: Connection,
    /// Whether it takes the body for markup.
    has_markup: bool,
}

impl Board {
    pub(in crate::desktop) fn show(&mut self, title: &str, body: &str) {
        match self.try_show(title, body) {
            Ok(number) => self.shown = number,
            Err(error) => {
                tracing::debug!(%error, "no notification is shown");
                // The service may be another one next time. Over this connection an earlier notification is withdrawn.
                if self.shown == 0 {
                    self.service = None;
                }
            }
        }
    }

    pub(in crate::desktop) fn withdraw(&mut self) {
        let (Some(service), number) = (&self.service, std::mem::take(&mut self.shown)) else { return };
        if number == 0 {
            return;
        }
        match service.call("CloseNotification", &(number,)) {
            Ok(_) => {}
            // A service answers with an error where the user has closed it already.
            Err(zbus::Error::MethodError(name, ..)) => {
                tracing::debug!(%name, "the notification was not there any more")
            }
            Err(error) => {
                tracing::debug!(%error, "the notification could not be withdrawn");
                self.service = None;
            }
        }
    }

    fn try_show(&mut self, title: &str, body: &str) -> zbus::Result<u32> {
        let service = match self.service.take() {
            Some(service) => service,
            None => Service::connect()?,
        };
        let service = self.service.insert(service);
        let body = if service.has_markup { escaped(body) } else { body.to_owned() };
        // It is of no use after the call: the list of old notifications does not keep it.
        let hints = HashMap::from([
            ("desktop-entry", Value::from(ENTRY)),
            ("category", Value::from("im")),
            ("transient", Value::from(true)),
            ("suppress-sound", Value::from(true)),
        ]);
        let no_actions: &[&str] = &[];
        let request = ("Visavis", self.shown, ENTRY, title, body, no_actions, hints, ITS_CHOICE);
        service.call("Notify", &request)?.body().deserialize()
    }
}

impl Service {
    fn connect() -> zbus::Result<Self> {
        Self::on(bus::session()?)
    }

    fn on(connection: Connection) -> zbus::Result<Self> {
        let answer = connection.call_method(Some(SERVICE), OBJECT, Some(SERVICE), "GetCapabilities", &())?;
        let capabilities: Vec<String> = answer.body().deserialize()?;
        Ok(Self { connection, has_markup: capabilities.iter().any(|capability| capability == "body-markup") })
    }

    fn call<B>(&self, method: &str, body: &B) -> zbus::Result<zbus::Message>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        self.connection.call_method(Some(SERVICE), OBJECT, Some(SERVICE), method, body)
    }
}

/// A text in which nothing is markup: what others write must not become a link or a picture.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::Notifier;
    use parking_lot::Mutex;
    use std::io::{BufRead as _, BufReader};
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;
    use std::thread::sleep;
    use std::time::{Duration, Instant};
    use zbus::blocking::connection::Builder;
    use zbus::zvariant::OwnedValue;

    /// A session bus of its own, with a notification service on it.
    struct Desk {
        daemon: Child,
        _service: Connection,
        shown: Shown,
        board: Board,
    }

    /// The notifications that are shown: number, title and body; and how many were shown in all.
    type Shown = Arc<Mutex<(Vec<(u32, String, String)>, u32)>>;

    struct TestService(Shown);

    #[zbus::interface(name = "org.freedesktop.Notifications")]
    impl TestService {
        fn get_capabilities(&self) -> Vec<String> {
            vec!["body".into(), "body-markup".into()]
        }

        #[allow(clippy::too_many_arguments)]
        fn notify(
            &self,
            program: String,
            replaces: u32,
            _icon: String,
            title: String,
            body: String,
            actions: Vec<String>,
            hints: HashMap<String, OwnedValue>,
            _timeout: i32,
        ) -> u32 {
            assert_eq!((program.as_str(), actions.len()), ("Visavis", 0));
            assert_eq!(hints.get("transient").map(|v| bool::try_from(v) == Ok(true)), Some(true));
            let mut shown = self.0.lock();
            shown.1 += 1;
            let number = if replaces == 0 { shown.1 } else { replaces };
            shown.0.retain(|(n, ..)| *n != number);
            shown.0.push((number, title, body));
            number
        }

        fn close_notification(&self, number: u32) -> zbus::fdo::Result<()> {
            let mut shown = self.0.lock();
            let before = shown.0.len();
            shown.0.retain(|(n, ..)| *n != number);
            if shown.0.len() == before { Err(zbus::fdo::Error::Failed("it is closed".into())) } else { Ok(()) }
        }
    }

    impl Desk {
        fn start() -> Self {
            let mut command = Command::new("dbus-daemon");
            command.args(["--session", "--nofork", "--nopidfile", "--print-address=1"]).stdout(Stdio::piped());
            let mut daemon = command.spawn().expect("dbus-daemon (apt-get install dbus-daemon)");
            let mut address = String::new();
            BufReader::new(daemon.stdout.take().expect("a pipe")).read_line(&mut address).expect("its address");
            let shown = Shown::default();
            let connect = || Builder::address(address.trim()).expect("an address");
            let service = connect().serve_at(OBJECT, TestService(shown.clone())).and_then(|b| b.name(SERVICE));
            let service = service.and_then(Builder::build).expect("a service on the bus");
            let ours = connect().build().expect("a connection");
            let board = Board { service: Some(Service::on(ours).expect("capabilities")), shown: 0 };
            Self { daemon, _service: service, shown, board }
        }
    }

    impl Drop for Desk {
        fn drop(&mut self) {
            self.daemon.kill().ok();
            self.daemon.wait().ok();
        }
    }

    #[test]
    fn a_later_notification_replaces_the_earlier_and_is_withdrawn() {
        let mut desk = Desk::start();
        desk.board.show("Visavis: Tea", "Mina joined");
        desk.board.show("Visavis: Tea", "<b>Mina</b> & Jonas joined");
        let expected = (1, "Visavis: Tea".to_owned(), "&lt;b&gt;Mina&lt;/b&gt; &amp; Jonas joined".to_owned());
        assert_eq!(desk.shown.lock().0, [expected]);
        desk.board.withdraw();
        assert_eq!(desk.shown.lock().0, []);
        desk.board.withdraw();
        desk.board.show("Visavis: Tea", "Jonas left");
        let shown = desk.shown.lock();
        assert_eq!((shown.0.len(), shown.1), (1, 3), "it is shown anew");
    }

    #[test]
    fn one_that_the_user_has_closed_and_a_lost_bus_do_no_harm() {
        let mut desk = Desk::start();
        desk.board.show("Visavis: Tea", "Mina joined");
        desk.shown.lock().0.clear();
        desk.board.withdraw();
        desk.daemon.kill().expect("killed");
        desk.daemon.wait().expect("ended");
        desk.board.show("Visavis: Tea", "Jonas joined");
        assert!(desk.board.service.is_none(), "the next one looks for a service again");
        desk.board.withdraw();
    }

    /// Waits until that many notifications are shown, ten seconds at most.
    fn wait_for(shown: &Shown, count: usize) {
        let limit = Instant::now() + Duration::from_secs(10);
        while shown.lock().0.len() != count {
            assert!(Instant::now() < limit, "{:?}", shown.lock());
            sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn none_is_left_at_the_end_of_a_call_and_of_the_program() {
        for ends_program in [false, true] {
            let mut desk = Desk::start();
            let notifier = Notifier::on(std::mem::take(&mut desk.board));
            notifier.show("Visavis: Tea".into(), "Mina joined".into());
            wait_for(&desk.shown, 1);
            if ends_program {
                notifier.end();
            } else {
                notifier.withdraw();
            }
            wait_for(&desk.shown, 0);
            notifier.show("Visavis: Tea".into(), "Jonas joined".into());
            if !ends_program {
                wait_for(&desk.shown, 1);
                // As after a panic of the window: nobody ends it.
                drop(notifier);
                wait_for(&desk.shown, 0);
            } else {
                notifier.end();
                assert_eq!(desk.shown.lock().1, 1, "nothing is shown after the end");
            }
        }
    }

    #[test]
    fn texts_of_others_are_no_markup() {
        let text = "<img src=\"http://a.example\"/> & <b>";
        assert_eq!(escaped(text), "&lt;img src=\"http://a.example\"/&gt; &amp; &lt;b&gt;");
    }
}
