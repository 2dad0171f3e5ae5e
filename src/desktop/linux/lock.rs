//! Linux: signals of the login manager, and of the desktop's screen saver.

use super::bus;
use crate::desktop::lock::Locked;
use std::sync::Arc;
use std::thread;
use zbus::MatchRule;
use zbus::blocking::{Connection, MessageIterator};
use zbus::message::{Message, Type};
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

/// Signals that wait for a thread; zbus drops the oldest of more.
const SIGNALS: usize = 64;

/// Passes signals on until the connection is lost.
type Watcher = fn(&Locked) -> zbus::Result<()>;

const LOGIN: &str = "org.freedesktop.login1";
const LOGIN_OBJECT: &str = "/org/freedesktop/login1";
const LOGIN_MANAGER: &str = "org.freedesktop.login1.Manager";
const LOGIN_SESSION: &str = "org.freedesktop.login1.Session";

pub(in crate::desktop) fn watch(locked: Locked) {
    let locked = Arc::new(locked);
    let watchers: [(&str, Watcher); 2] =
        [("login sessions", watch_login_manager), ("screen saver", watch_screen_saver)];
    for (name, watcher) in watchers {
        let locked = locked.clone();
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            if let Err(error) = watcher(&locked) {
                tracing::debug!(%error, name, "locks of the screen are not told here");
            }
        });
        if let Err(error) = thread {
            tracing::info!(%error, name, "locks of the screen are not told");
        }
    }
}

/// The session's `Lock`, its `LockedHint` and `Active`, and the manager's `PrepareForSleep`.
/// <https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.login1.html>
fn watch_login_manager(locked: &Locked) -> zbus::Result<()> {
    let bus = bus::system()?;
    let rule = MatchRule::builder().msg_type(Type::Signal).sender(LOGIN)?.build();
    let signals = MessageIterator::for_match_rule(rule, &bus, Some(SIGNALS))?;
    let session = own_session(&bus).inspect_err(|error| tracing::debug!(%error, "this login session has no name")).ok();
    for signal in signals {
        let signal = signal?;
        if says_locked(&signal, session.as_ref()) {
            locked();
        }
    }
    Ok(())
}

/// The object of this login session.
fn own_session(bus: &Connection) -> zbus::Result<OwnedObjectPath> {
    let call = |method: &str, argument: &str| {
        bus.call_method(Some(LOGIN), LOGIN_OBJECT, Some(LOGIN_MANAGER), method, &(argument,))
    };
    let answer = match std::env::var("XDG_SESSION_ID") {
        Ok(id) => call("GetSession", &id)?,
        Err(_) => {
            let pid = std::process::id();
            bus.call_method(Some(LOGIN), LOGIN_OBJECT, Some(LOGIN_MANAGER), "GetSessionByPID", &(pid,))?
        }
    };
    answer.body().deserialize()
}

/// Whether a signal of the login manager says that `session` cannot be seen any more. Without a session, every one counts:
/// the microphone rather closes too often.
fn says_locked(signal: &Message, session: Option<&OwnedObjectPath>) -> bool {
    let header = signal.header();
    let (Some(path), Some(member)) = (header.path(), header.member()) else { return false };
    if member.as_str() == "PrepareForSleep" {
        return signal.body().deserialize::<bool>().unwrap_or(false);
    }
    if session.is_some_and(|session| session.as_str() != path.as_str()) {
        return false;
    }
    match member.as_str() {
        "Lock" => true,
        "PropertiesChanged" => changed_to_locked(signal),
        _ => false,
    }
}

/// Whether `LockedHint` became true, or `Active` false.
fn changed_to_locked(signal: &Message) -> bool {
    let body = signal.body();
    type Changes = (String, std::collections::HashMap<String, OwnedValue>, Vec<String>);
    let Ok((interface, changed, _)) = body.deserialize::<Changes>() else { return false };
    let is = |property: &str, value: bool| changed.get(property).is_some_and(|v| bool::try_from(v) == Ok(value));
    interface == LOGIN_SESSION && (is("LockedHint", true) || is("Active", false))
}

/// `ActiveChanged(true)` of `org.freedesktop.ScreenSaver`, and of the same interface under the names of GNOME, Cinnamon
/// and MATE.
fn watch_screen_saver(locked: &Locked) -> zbus::Result<()> {
    let bus = bus::session()?;
    let rule = MatchRule::builder().msg_type(Type::Signal).member("ActiveChanged")?.build();
    for signal in MessageIterator::for_match_rule(rule, &bus, Some(SIGNALS))? {
        let signal = signal?;
        let header = signal.header();
        let is_screen_saver = header.interface().is_some_and(|name| name.as_str().ends_with(".ScreenSaver"));
        if is_screen_saver && signal.body().deserialize::<bool>().unwrap_or(false) {
            locked();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use zbus::zvariant::Value;

    fn path(path: &str) -> OwnedObjectPath {
        OwnedObjectPath::try_from(path).expect("a path")
    }

    fn signal<B: serde::Serialize + zbus::zvariant::DynamicType>(
        object: &str,
        name: (&str, &str),
        body: &B,
    ) -> Message {
        Message::signal(object, name.0, name.1).expect("a signal").build(body).expect("a message")
    }

    fn properties(object: &str, interface: &str, property: &str, value: bool) -> Message {
        let changed = HashMap::from([(property, Value::from(value))]);
        let name = ("org.freedesktop.DBus.Properties", "PropertiesChanged");
        signal(object, name, &(interface, changed, Vec::<String>::new()))
    }

    #[test]
    fn a_lock_a_switch_and_a_sleep_are_told_of_this_session_only() {
        let (ours, other) = ("/org/freedesktop/login1/session/_32", "/org/freedesktop/login1/session/c1");
        let session = path(ours);
        let told = |signal: &Message| says_locked(signal, Some(&session));
        assert!(told(&signal(ours, (LOGIN_SESSION, "Lock"), &())));
        assert!(!told(&signal(other, (LOGIN_SESSION, "Lock"), &())));
        assert!(says_locked(&signal(other, (LOGIN_SESSION, "Lock"), &()), None), "which session is ours is not known");
        assert!(!told(&signal(ours, (LOGIN_SESSION, "Unlock"), &())));
        assert!(told(&properties(ours, LOGIN_SESSION, "LockedHint", true)));
        assert!(!told(&properties(ours, LOGIN_SESSION, "LockedHint", false)));
        assert!(told(&properties(ours, LOGIN_SESSION, "Active", false)));
        assert!(!told(&properties(ours, LOGIN_SESSION, "Active", true)));
        assert!(!told(&properties(ours, LOGIN_SESSION, "IdleHint", true)));
        assert!(told(&signal(LOGIN_OBJECT, (LOGIN_MANAGER, "PrepareForSleep"), &(true,))));
        assert!(!told(&signal(LOGIN_OBJECT, (LOGIN_MANAGER, "PrepareForSleep"), &(false,))));
    }
}
