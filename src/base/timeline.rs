//! The timeline of a call: what happened, when, in plain words.

use crate::base::{
    DeviceKind, Event, EventKind, ExitRequestedBy, RemoteLeaveReason, TrackRef, TrackRole, Undecodable, UserId,
    Withheld,
};
use serde::Serialize;

/// One thing that happened in a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct TimelineEntry {
    /// Unix time in ms, with a fraction.
    pub(crate) at: f64,
    /// The name of its event ([`EventKind::name`]).
    pub(crate) kind: &'static str,
    /// What happened, for people.
    pub(crate) words: String,
}

impl TimelineEntry {
    /// The entry of an event; `None` for measurements, and for what happens in the window alone. `name` gives the name of
    /// a user; no text of a message is in the words.
    pub(crate) fn of(event: &Event, name: impl Fn(&UserId) -> String) -> Option<Self> {
        let words = words(&event.kind, name)?;
        Some(Self { at: event.unix_ms, kind: event.kind.name(), words })
    }
}

fn words(kind: &EventKind, name: impl Fn(&UserId) -> String) -> Option<String> {
    Some(match kind {
        EventKind::EnterRoom { result_ms } => format!("You came in after {result_ms:.0} ms"),
        EventKind::EnterRoomFailed { error, message } => {
            format!("The room could not be entered ({}): {message}", error.as_str())
        }
        EventKind::ExitRequested { by } => match by {
            ExitRequestedBy::User => "You pressed Leave",
            ExitRequestedBy::Window => "You closed the window",
            ExitRequestedBy::Signal => "The system asked the program to end",
            ExitRequestedBy::Timer => "The time set for the call is over",
        }
        .to_owned(),
        EventKind::ExitRoom { reason, total_ms, .. } => format!("The call ended after {total_ms:.0} ms: {reason}"),
        EventKind::RemoteUserEnterRoom { name, .. } => format!("{name} came in"),
        EventKind::RemoteUserLeaveRoom { name, reason, .. } => match reason {
            RemoteLeaveReason::Left => format!("{name} left"),
            RemoteLeaveReason::TimedOut => format!("{name} lost the connection"),
            RemoteLeaveReason::Removed => format!("{name} was removed"),
        },
        EventKind::UserVideoAvailable { track, available }
        | EventKind::UserAudioAvailable { track, available }
        | EventKind::UserSubStreamAvailable { track, available } => {
            let state = if *available { "on" } else { "off" };
            format!("{}: {} {state}", name(&track.user), source(track))
        }
        EventKind::TrackCovered { track, why } => {
            let (name, source) = (name(&track.user), source(track));
            match why {
                Some(why) => format!("{name}: {source} cannot be used, {}", covered(*why)),
                None => format!("{name}: {source} can be used again"),
            }
        }
        EventKind::TrackPaused { track, paused } => {
            let state = if *paused { "paused by the server, a weak connection" } else { "sent again" };
            format!("{}: {} {state}", name(&track.user), source(track))
        }
        EventKind::FirstVideoFrame { track, width, height } => {
            format!("{}: first picture of the {}, {width}×{height}", name(&track.user), source(track))
        }
        EventKind::FirstAudioFrame { track } => format!("{}: first sound of the {}", name(&track.user), source(track)),
        EventKind::ChatMessage { user, private, .. } => {
            format!("{} wrote a {}message", name(user), if *private { "private " } else { "" })
        }
        EventKind::HandRaised { name, raised, .. } => {
            format!("{name} {} a hand", if *raised { "raised" } else { "lowered" })
        }
        EventKind::HandLowered { reason } => format!("Your hand was lowered, {}", withheld(*reason)),
        EventKind::Reaction { name, reaction, .. } => format!("{name} reacted: {}", reaction.as_str()),
        EventKind::ConnectionLost { .. } => "The connection was lost".to_owned(),
        EventKind::TryToReconnect { attempt } => format!("Attempt {attempt} to connect again"),
        EventKind::ConnectionRecovery { attempt } => format!("Connected again, attempt {attempt}"),
        EventKind::DeviceOpened { kind, id } => format!("Your {} opened: {id}", device(*kind)),
        EventKind::DeviceClosed { kind, message, .. } => sentence(format!("Your {} closed", device(*kind)), message),
        EventKind::DeviceFailed { kind, message, .. } => sentence(format!("Your {} failed", device(*kind)), message),
        EventKind::DeviceWithheld { kind, reason } => {
            format!("Your {} was kept off, {}", device(*kind), withheld(*reason))
        }
        EventKind::DeviceAllowed { kind } => format!("Your {} may be turned on", device(*kind)),
        EventKind::DeviceAsked { .. }
        | EventKind::Waiting
        | EventKind::Admitted
        | EventKind::GuestWaiting { .. }
        | EventKind::RoomSettingsChanged { .. } => return of_hosts(kind, name),
        EventKind::ScreenShown { .. }
        | EventKind::Focused { .. }
        | EventKind::Statistics(_)
        | EventKind::Verified { .. } => return None,
    })
}

/// What hosts do, and what they set for the room.
fn of_hosts(kind: &EventKind, name: impl Fn(&UserId) -> String) -> Option<String> {
    Some(match kind {
        EventKind::DeviceAsked { kind } => format!("A host asked for your {}", device(*kind)),
        EventKind::Waiting => "You wait to be let in".to_owned(),
        EventKind::Admitted => "A host let you in".to_owned(),
        EventKind::GuestWaiting { name, waiting: true, .. } => format!("{name} waits to be let in"),
        EventKind::GuestWaiting { name, .. } => format!("{name} does not wait any more"),
        EventKind::RoomSettingsChanged { spotlight, muted_on_entry, locked, waiting_room } => {
            let lit = spotlight.as_ref().map(|user| format!("{} is shown large", name(user)));
            let set = [(*muted_on_entry, "muted on entry"), (*locked, "locked"), (*waiting_room, "waiting room")];
            let set = set.iter().filter(|(on, _)| *on).map(|(_, words)| (*words).to_owned());
            let all: Vec<String> = lit.into_iter().chain(set).collect();
            format!("For everybody: {}", if all.is_empty() { "nothing is set".to_owned() } else { all.join(", ") })
        }
        _ => return None,
    })
}

/// `what`, with the system's message if there is one.
fn sentence(what: String, message: &str) -> String {
    if message.is_empty() { what } else { format!("{what}: {message}") }
}

const fn source(track: &TrackRef) -> &'static str {
    match track.source.role() {
        TrackRole::Camera => "camera",
        TrackRole::Voice => "microphone",
        TrackRole::Screen => "screen",
        TrackRole::ScreenAudio => "screen sound",
    }
}

const fn device(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Camera => "camera",
        DeviceKind::Microphone => "microphone",
        DeviceKind::Speaker => "speaker",
        DeviceKind::Screen => "shared screen",
    }
}

const fn withheld(why: Withheld) -> &'static str {
    match why {
        Withheld::Host => "by the host",
        Withheld::NotAllowed => "the room does not allow it",
        Withheld::Refused => "the server refused it",
    }
}

fn covered(why: Undecodable) -> String {
    match why.codec() {
        Some(codec) => format!("its codec is {}", codec.as_str()),
        None => format!("it is {}", why.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{SessionId, Statistics, TrackSource};

    fn entry(kind: EventKind) -> Option<TimelineEntry> {
        let event = Event { unix_ms: 5.5, session: SessionId(1), user: "ada".into(), place: None, kind };
        TimelineEntry::of(&event, |user| if user.as_str() == "mina" { "Mina Park".into() } else { user.to_string() })
    }

    #[test]
    fn an_entry_has_the_time_the_event_and_the_name() {
        let user: UserId = "mina".parse().expect("an id");
        let track = TrackRef { user: user.clone(), source: TrackSource::Screen, sid: "TR_1".into() };
        let shared = entry(EventKind::UserSubStreamAvailable { track, available: true }).expect("an entry");
        assert_eq!(
            (shared.at, shared.kind, shared.words.as_str()),
            (5.5, "UserSubStreamAvailable", "Mina Park: screen on")
        );
        let message = EventKind::ChatMessage { user, text: "a secret".into(), private: true };
        assert_eq!(entry(message).expect("an entry").words, "Mina Park wrote a private message");
        let kind = DeviceKind::Camera;
        let failed = EventKind::DeviceFailed { kind, id: "cam".into(), message: "busy".into() };
        assert_eq!(entry(failed).expect("an entry").words, "Your camera failed: busy");
    }

    #[test]
    fn measurements_are_no_entries() {
        assert_eq!(entry(EventKind::Statistics(Statistics::default())), None);
        assert_eq!(entry(EventKind::Focused { control: "Leave call".into() }), None);
    }
}
