//! Events as support scripts read them: one JSON object per line, named after TRTC's callbacks without "on".
//! Names and fields are a public interface; the table in docs/events.md documents them.

use super::name::printable_json;
use crate::base::{
    Codec, DeviceKind, EntryErrorKind, ExitReason, Reaction, Receipt, RemoteLeaveReason, RoomName, SessionId,
    Statistics, TrackRef, TrackSid, TrackSource, Undecodable, UserId, Withheld,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The origin of an exit request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitRequestedBy {
    /// The Leave button or key, or a bot's own plan.
    User,
    /// The window was closed.
    Window,
    /// SIGTERM, SIGINT or the end of the login session.
    Signal,
    /// `--leave-after`.
    Timer,
}

/// The measurements of `--verify` of one remote user: the test picture and tone as they arrived.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Verification {
    /// The user.
    pub remote_user: String,
    /// Of their camera (the first, if there are several): `frames`, `missing`, `repeated`, `delay_ms_p50`,
    /// `delay_ms_p95`, `wrong`. Null without a camera.
    pub picture: Value,
    /// Of their microphone (the first): `hz`, `dbfs`, `gaps_ms`. Null without a microphone.
    pub tone: Value,
    /// The same for each track, screens included.
    pub tracks: Vec<TrackVerification>,
}

/// The measurements of `--verify` of one remote track.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrackVerification {
    /// Its source.
    pub source: TrackSource,
    /// Its id at the server.
    pub track: TrackSid,
    /// As in [`Verification`], for a video track.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub picture: Value,
    /// As in [`Verification`], for an audio track.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub tone: Value,
}

/// The kind of an event, with its own fields.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // the names and fields are those of the table in docs/events.md
pub enum EventKind {
    EnterRoom { result_ms: f64 },
    EnterRoomFailed { error: EntryErrorKind, message: String },
    ExitRoom { reason: ExitReason, total_ms: f64, receipt: Receipt },
    ExitRequested { by: ExitRequestedBy },
    RemoteUserEnterRoom { user: UserId, name: String },
    RemoteUserLeaveRoom { user: UserId, name: String, reason: RemoteLeaveReason },
    UserVideoAvailable { track: TrackRef, available: bool },
    UserAudioAvailable { track: TrackRef, available: bool },
    UserSubStreamAvailable { track: TrackRef, available: bool },
    TrackCovered { track: TrackRef, why: Option<Undecodable> },
    TrackPaused { track: TrackRef, paused: bool },
    FirstVideoFrame { track: TrackRef, width: u32, height: u32 },
    FirstAudioFrame { track: TrackRef },
    ChatMessage { user: UserId, text: String, private: bool },
    HandRaised { user: UserId, name: String, raised: bool },
    HandLowered { reason: Withheld },
    Reaction { user: UserId, name: String, reaction: Reaction },
    ConnectionLost { attempt: u32 },
    TryToReconnect { attempt: u32 },
    ConnectionRecovery { attempt: u32 },
    DeviceOpened { kind: DeviceKind, id: String },
    DeviceClosed { kind: DeviceKind, id: String, message: String },
    DeviceFailed { kind: DeviceKind, id: String, message: String },
    DeviceWithheld { kind: DeviceKind, reason: Withheld },
    DeviceAllowed { kind: DeviceKind },
    DeviceAsked { kind: DeviceKind },
    Waiting,
    Admitted,
    GuestWaiting { user: UserId, name: String, waiting: bool },
    RoomSettingsChanged { spotlight: Option<UserId>, muted_on_entry: bool, locked: bool, waiting_room: bool },
    ScreenShown { screen: String },
    Focused { control: String },
    Statistics(Statistics),
    Verified { users: Vec<Verification>, met: bool },
}

/// Where a call takes place. The journal needs it to hide it; it is not in the event's line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallPlace {
    /// The room.
    pub(crate) room: RoomName,
    /// The server's address.
    pub(crate) server: String,
    /// Our display name.
    pub(crate) name: String,
}

/// One line of the event file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    /// Unix time in ms, with a fraction.
    pub(crate) unix_ms: f64,
    /// The session.
    pub(crate) session: SessionId,
    /// Our own user id.
    pub(crate) user: String,
    /// Where the call takes place; `None` for events of the program itself.
    pub(crate) place: Option<Arc<CallPlace>>,
    /// The event.
    pub(crate) kind: EventKind,
}

impl EventKind {
    /// TRTC's callback name without "on".
    pub const fn name(&self) -> &'static str {
        match self {
            Self::EnterRoom { .. } | Self::EnterRoomFailed { .. } => "EnterRoom",
            Self::ExitRoom { .. } => "ExitRoom",
            Self::ExitRequested { .. } => "ExitRequested",
            Self::RemoteUserEnterRoom { .. } => "RemoteUserEnterRoom",
            Self::RemoteUserLeaveRoom { .. } => "RemoteUserLeaveRoom",
            Self::UserVideoAvailable { .. } => "UserVideoAvailable",
            Self::UserAudioAvailable { .. } => "UserAudioAvailable",
            Self::UserSubStreamAvailable { .. } => "UserSubStreamAvailable",
            Self::TrackCovered { .. } => "TrackCovered",
            Self::TrackPaused { .. } => "TrackPaused",
            Self::FirstVideoFrame { .. } => "FirstVideoFrame",
            Self::FirstAudioFrame { .. } => "FirstAudioFrame",
            Self::ChatMessage { .. } => "ChatMessage",
            Self::HandRaised { .. } => "HandRaised",
            Self::HandLowered { .. } => "HandLowered",
            Self::Reaction { .. } => "Reaction",
            Self::ConnectionLost { .. } => "ConnectionLost",
            Self::TryToReconnect { .. } => "TryToReconnect",
            Self::ConnectionRecovery { .. } => "ConnectionRecovery",
            Self::DeviceOpened { .. } => "DeviceOpened",
            Self::DeviceClosed { .. } => "DeviceClosed",
            Self::DeviceFailed { .. } => "DeviceFailed",
            Self::DeviceWithheld { .. } => "DeviceWithheld",
            Self::DeviceAllowed { .. } => "DeviceAllowed",
            Self::DeviceAsked { .. } => "DeviceAsked",
            Self::Waiting => "Waiting",
            Self::Admitted => "Admitted",
            Self::GuestWaiting { .. } => "GuestWaiting",
            Self::RoomSettingsChanged { .. } => "RoomSettingsChanged",
            Self::ScreenShown { .. } => "ScreenShown",
            Self::Focused { .. } => "Focused",
            Self::Statistics(_) => "Statistics",
            Self::Verified { .. } => "Verified",
        }
    }

    /// Its own fields, as in the event file.
    pub(crate) fn fields(&self) -> Value {
        match self {
            Self::EnterRoom { result_ms } => json!({ "result_ms": result_ms }),
            Self::EnterRoomFailed { error, message } => json!({ "error": error, "message": message }),
            Self::ExitRoom { reason, total_ms, receipt } => {
                json!({ "reason": reason.code(), "total_ms": total_ms, "receipt": receipt })
            }
            Self::ExitRequested { by } => json!({ "by": by }),
            Self::RemoteUserEnterRoom { user, name } => json!({ "remote_user": user.as_str(), "name": name }),
            Self::RemoteUserLeaveRoom { user, name, reason } => {
                json!({ "remote_user": user.as_str(), "name": name, "reason": reason.code() })
            }
            Self::UserVideoAvailable { track, available }
            | Self::UserAudioAvailable { track, available }
            | Self::UserSubStreamAvailable { track, available } => of_track(track, json!({ "available": available })),
            Self::TrackCovered { track, why } => {
                let (codec, word) = (why.and_then(Undecodable::codec).map(Codec::as_str), why.map(Undecodable::as_str));
                of_track(track, json!({ "covered": why.is_some(), "why": word, "codec": codec }))
            }
            Self::TrackPaused { track, paused } => of_track(track, json!({ "paused": paused })),
            Self::FirstVideoFrame { track, width, height } => {
                of_track(track, json!({ "width": width, "height": height }))
            }
            Self::FirstAudioFrame { track } => of_track(track, json!({})),
            Self::ChatMessage { user, text, private } => {
                json!({ "remote_user": user.as_str(), "text": text, "private": private })
            }
            Self::HandRaised { user, name: _, raised } => json!({ "remote_user": user.as_str(), "raised": raised }),
            Self::HandLowered { reason } => json!({ "reason": reason }),
            Self::Reaction { user, name: _, reaction } => {
                json!({ "remote_user": user.as_str(), "reaction": reaction, "emoji": reaction.emoji() })
            }
            Self::ConnectionLost { attempt }
            | Self::TryToReconnect { attempt }
            | Self::ConnectionRecovery { attempt } => {
                json!({ "attempt": attempt })
            }
            Self::DeviceOpened { kind, id } => json!({ "kind": kind, "id": id }),
            Self::DeviceClosed { kind, id, message } | Self::DeviceFailed { kind, id, message } => {
                json!({ "kind": kind, "id": id, "message": message })
            }
            Self::DeviceWithheld { kind, reason } => json!({ "kind": kind, "reason": reason }),
            Self::DeviceAllowed { kind } | Self::DeviceAsked { kind } => json!({ "kind": kind }),
            Self::Waiting | Self::Admitted => json!({}),
            Self::GuestWaiting { user, name, waiting } => {
                json!({ "remote_user": user.as_str(), "name": name, "waiting": waiting })
            }
            Self::RoomSettingsChanged { spotlight, muted_on_entry, locked, waiting_room } => json!({
                "spotlight": spotlight.as_ref().map(UserId::as_str),
                "muted_on_entry": muted_on_entry,
                "locked": locked,
                "waiting_room": waiting_room,
            }),
            Self::ScreenShown { screen } => json!({ "screen": screen }),
            Self::Focused { control } => json!({ "control": control }),
            Self::Statistics(s) => json!(s),
            Self::Verified { users, met } => json!({ "users": users, "met": met }),
        }
    }
}

/// The fields of an event of a track, before those of the event itself.
fn of_track(track: &TrackRef, fields: Value) -> Value {
    let mut line = json!({ "remote_user": track.user.as_str(), "source": track.source, "track": track.sid });
    if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
        line.extend(fields);
    }
    line
}

impl Event {
    /// The event as one line of JSON, without line feed and without characters that a terminal might obey.
    pub(crate) fn to_line(&self, pid: u32) -> String {
        let mut line = Map::new();
        line.insert("unix_ms".into(), json!((self.unix_ms * 1000.0).round() / 1000.0));
        line.insert("pid".into(), json!(pid));
        line.insert("session".into(), json!(self.session.0));
        line.insert("user".into(), json!(self.user));
        line.insert("event".into(), json!(self.kind.name()));
        if let Value::Object(fields) = self.kind.fields() {
            line.extend(fields);
        }
        printable_json(&Value::Object(line).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ReceiptStep, StepName, StepState};

    #[test]
    fn an_event_of_a_track_names_user_source_and_track() {
        let sid = TrackSid::from("TR_VS1");
        let track = TrackRef { user: "mina".parse().expect("an id"), source: TrackSource::Screen, sid };
        let read = |kind: EventKind| {
            let line =
                Event { unix_ms: 0.0, session: SessionId(1), user: "bot-1".into(), place: None, kind }.to_line(1);
            serde_json::from_str::<Value>(&line).expect("JSON")
        };
        let shared = read(EventKind::UserSubStreamAvailable { track: track.clone(), available: true });
        assert_eq!(
            (&shared["remote_user"], &shared["source"], &shared["track"]),
            (&json!("mina"), &json!("screen"), &json!("TR_VS1"))
        );
        assert_eq!((&shared["event"], &shared["available"]), (&json!("UserSubStreamAvailable"), &json!(true)));
        let shown = read(EventKind::FirstVideoFrame { track, width: 1920, height: 1080 });
        assert_eq!(
            (&shown["source"], &shown["width"], &shown["height"]),
            (&json!("screen"), &json!(1920), &json!(1080))
        );
    }

    #[test]
    fn an_exit_reads_as_documented() {
        let step =
            ReceiptStep { step: StepName::CameraReleased, state: StepState::Confirmed, ms: 3.5, detail: String::new() };
        let kind =
            EventKind::ExitRoom { reason: ExitReason::Kicked, total_ms: 12.25, receipt: Receipt { steps: vec![step] } };
        let event =
            Event { unix_ms: 1_763_850_000_123.456, session: SessionId(1), user: "bot-1".into(), place: None, kind };
        let line: Value = serde_json::from_str(&event.to_line(4242)).expect("JSON");
        assert_eq!(
            line,
            json!({"unix_ms": 1763850000123.456, "pid": 4242, "session": 1, "user": "bot-1", "event": "ExitRoom", "reason": 1,
                "total_ms": 12.25, "receipt": [{"step": "camera_released", "state": "confirmed", "ms": 3.5, "detail": ""}]})
        );
    }
}
