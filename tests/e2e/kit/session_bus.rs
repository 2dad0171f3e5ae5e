//! A D-Bus session bus with a screen saver and a notification service on it, as a desktop has them.

use super::{Process, TIMEOUT, TestContext};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::process::Command;
use std::sync::Arc;
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::blocking::fdo::DBusProxy;
use zbus::message::Header;
use zbus::names::BusName;
use zbus::zvariant::OwnedValue;

const SCREEN_SAVER: &str = "org.freedesktop.ScreenSaver";
const OBJECT: &str = "/org/freedesktop/ScreenSaver";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
const NOTIFICATIONS_OBJECT: &str = "/org/freedesktop/Notifications";

/// A running bus.
pub(crate) struct SessionBus {
    address: String,
    service: Connection,
    state: Arc<Mutex<State>>,
    _daemon: Process,
}

/// Those who keep the screen on (their name on the bus, and the number of the request), and how many have withdrawn theirs.
#[derive(Default)]
struct State {
    held: Vec<(String, u32)>,
    requests: u32,
    withdrawn: u32,
    /// The bodies of the notifications that are shown, with their numbers.
    notifications: Vec<(u32, String)>,
}

struct Notifications(Arc<Mutex<State>>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".into()]
    }

    #[allow(clippy::too_many_arguments)]
    fn notify(
        &self,
        _program: String,
        replaces: u32,
        _icon: String,
        _title: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let mut state = self.0.lock();
        state.requests += 1;
        let number = if replaces == 0 { state.requests } else { replaces };
        state.notifications.retain(|(shown, _)| *shown != number);
        state.notifications.push((number, body));
        number
    }

    fn close_notification(&self, number: u32) {
        self.0.lock().notifications.retain(|(shown, _)| *shown != number);
    }
}

struct ScreenSaver(Arc<Mutex<State>>);

#[zbus::interface(name = "org.freedesktop.ScreenSaver")]
impl ScreenSaver {
    fn inhibit(&self, program: String, reason: String, #[zbus(header)] header: Header<'_>) -> u32 {
        assert!(!program.is_empty() && !reason.is_empty(), "lists of what keeps a screen on show both");
        let mut state = self.0.lock();
        state.requests += 1;
        let number = state.requests;
        state.held.push((header.sender().map(ToString::to_string).unwrap_or_default(), number));
        number
    }

    fn un_inhibit(&self, number: u32) {
        let mut state = self.0.lock();
        state.held.retain(|(_, held)| *held != number);
        state.withdrawn += 1;
    }
}

impl SessionBus {
    /// Starts it.
    pub(crate) fn start(context: &TestContext) -> Self {
        let mut command = Command::new("dbus-daemon");
        let daemon = Process::start(
            context,
            "dbus-daemon",
            command.args(["--session", "--nofork", "--nopidfile", "--print-address=1"]),
        );
        let address = daemon.wait_for_line("its address", TIMEOUT, |lines| lines.first().cloned());
        let state = Arc::new(Mutex::new(State::default()));
        let service = Builder::address(address.as_str())
            .and_then(|b| b.serve_at(OBJECT, ScreenSaver(state.clone())))
            .and_then(|b| b.serve_at(NOTIFICATIONS_OBJECT, Notifications(state.clone())))
            .and_then(|b| b.name(SCREEN_SAVER))
            .and_then(|b| b.name(NOTIFICATIONS))
            .and_then(Builder::build)
            .expect("a service on the bus");
        Self { address, service, state, _daemon: daemon }
    }

    /// The value for `DBUS_SESSION_BUS_ADDRESS`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// How many programs keep the screen on. Who is gone from the bus does not count.
    pub(crate) fn screen_holders(&self) -> usize {
        let bus = DBusProxy::new(&self.service).expect("the bus");
        let is_there = |name: &String| {
            let name = BusName::try_from(name.as_str()).expect("a name on the bus");
            bus.name_has_owner(name).expect("the bus answers")
        };
        let held = self.state.lock().held.clone();
        held.iter().filter(|(name, _)| is_there(name)).count()
    }

    /// How many requests were withdrawn.
    pub(crate) fn withdrawn(&self) -> u32 {
        self.state.lock().withdrawn
    }

    /// The bodies of the notifications that are shown.
    pub(crate) fn notifications(&self) -> Vec<String> {
        self.state.lock().notifications.iter().map(|(_, body)| body.clone()).collect()
    }

    /// Tells everybody that the screen is locked.
    pub(crate) fn lock_screen(&self) {
        let told = self.service.emit_signal(None::<&str>, OBJECT, SCREEN_SAVER, "ActiveChanged", &(true,));
        told.expect("a signal");
    }
}
