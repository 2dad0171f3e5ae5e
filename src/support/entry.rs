//! What the journal keeps of an event: its kind and its fields, without anything private.

use super::redact::{Hidden, Redactor};
use crate::base::{
    Codec, EventKind, Receipt, RemoteStatistics, Statistics, TrackRef, Undecodable, UserId, Verification, Withheld,
};
use serde_json::{Map, Value, json};

/// Tracks of one statistics entry at most; a larger room has more people than anybody looks at.
const TRACKS: usize = 32;

/// The fields of an event for the journal; `None` for one that is not kept.
pub(super) fn fields(kind: &EventKind, redactor: &Redactor) -> Option<Map<String, Value>> {
    let user = |user: &UserId| redactor.hide(Hidden::User, user.as_str());
    // Every event is named: a new one does not compile until it is decided what of it is private.
    let value = match kind {
        EventKind::EnterRoom { result_ms } => json!({ "result_ms": rounded(*result_ms) }),
        EventKind::EnterRoomFailed { error, message } => json!({ "error": error, "message": redactor.text(message) }),
        EventKind::ExitRoom { reason, total_ms, receipt } => json!({
            "reason": reason.code(),
            "total_ms": rounded(*total_ms),
            "receipt": receipt_of(receipt, redactor),
        }),
        EventKind::ExitRequested { by } => json!({ "by": by }),
        EventKind::RemoteUserEnterRoom { user: id, name } => {
            redactor.learn_user(id.as_str(), name);
            json!({ "remote_user": user(id) })
        }
        EventKind::RemoteUserLeaveRoom { user: id, name: _, reason } => {
            json!({ "remote_user": user(id), "reason": reason.code() })
        }
        EventKind::UserVideoAvailable { track, available }
        | EventKind::UserAudioAvailable { track, available }
        | EventKind::UserSubStreamAvailable { track, available } => {
            return Some(of_track(track, json!({ "available": available }), redactor));
        }
        EventKind::TrackCovered { track, why } => {
            let codec = why.and_then(Undecodable::codec).map(Codec::as_str);
            let word = why.map(Undecodable::as_str);
            return Some(of_track(track, json!({ "covered": why.is_some(), "why": word, "codec": codec }), redactor));
        }
        EventKind::TrackPaused { track, paused } => {
            return Some(of_track(track, json!({ "paused": paused }), redactor));
        }
        EventKind::FirstVideoFrame { track, width, height } => {
            return Some(of_track(track, json!({ "width": width, "height": height }), redactor));
        }
        EventKind::FirstAudioFrame { track } => return Some(of_track(track, json!({}), redactor)),
        // That something was written, and how long it was.
        EventKind::ChatMessage { user: id, text, private } => {
            json!({ "remote_user": user(id), "chars": text.chars().count(), "private": private })
        }
        EventKind::HandRaised { user: id, name: _, raised } => json!({ "remote_user": user(id), "raised": raised }),
        EventKind::HandLowered { reason } => json!({ "reason": reason }),
        EventKind::Reaction { user: id, name: _, reaction } => {
            json!({ "remote_user": user(id), "reaction": reaction })
        }
        EventKind::ConnectionLost { attempt }
        | EventKind::TryToReconnect { attempt }
        | EventKind::ConnectionRecovery { attempt } => json!({ "attempt": attempt }),
        EventKind::DeviceOpened { kind, id } => json!({ "kind": kind, "id": redactor.device_id(id) }),
        EventKind::DeviceClosed { kind, id, message } | EventKind::DeviceFailed { kind, id, message } => {
            json!({ "kind": kind, "id": redactor.device_id(id), "message": redactor.text(message) })
        }
        EventKind::DeviceWithheld { kind, reason } => {
            let reason: &Withheld = reason;
            json!({ "kind": kind, "reason": reason })
        }
        EventKind::DeviceAllowed { kind } | EventKind::DeviceAsked { kind } => json!({ "kind": kind }),
        EventKind::Waiting | EventKind::Admitted => json!({}),
        EventKind::GuestWaiting { user: id, name, waiting } => {
            redactor.learn_user(id.as_str(), name);
            json!({ "remote_user": user(id), "waiting": waiting })
        }
        EventKind::RoomSettingsChanged { spotlight, muted_on_entry, locked, waiting_room } => json!({
            "spotlight": spotlight.as_ref().map(user),
            "muted_on_entry": muted_on_entry,
            "locked": locked,
            "waiting_room": waiting_room,
        }),
        EventKind::ScreenShown { screen } => json!({ "screen": screen }),
        // Its control is called like a person, for example a tile.
        EventKind::Focused { control: _ } => return None,
        EventKind::Statistics(statistics) => statistics_of(statistics, redactor),
        EventKind::Verified { users, met } => json!({ "met": met, "users": users.iter().map(|user| {
            let Verification { remote_user, picture: _, tone: _, tracks: _ } = user;
            redactor.hide(Hidden::User, remote_user)
        }).collect::<Vec<_>>() }),
    };
    match value {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

/// The fields of an event of a track.
fn of_track(track: &TrackRef, fields: Value, redactor: &Redactor) -> Map<String, Value> {
    let mut all = Map::new();
    all.insert("remote_user".into(), json!(redactor.hide(Hidden::User, track.user.as_str())));
    all.insert("source".into(), json!(track.source));
    all.insert("track".into(), json!(redactor.hide(Hidden::Track, track.sid.as_str())));
    if let Value::Object(fields) = fields {
        all.extend(fields);
    }
    all
}

/// The steps of a receipt. Their notes may quote a system or a server.
fn receipt_of(receipt: &Receipt, redactor: &Redactor) -> Value {
    let steps = receipt.steps.iter().map(|step| {
        let detail = redactor.text(&step.detail);
        json!({ "step": step.step, "state": step.state, "ms": rounded(step.ms), "detail": detail })
    });
    steps.collect()
}

fn statistics_of(statistics: &Statistics, redactor: &Redactor) -> Value {
    let Statistics {
        rtt_ms,
        sent_kbps,
        received_kbps,
        sent_lost_percent,
        received_lost_percent,
        capacity_kbps,
        cpu_percent,
        candidate_pairs,
        devices,
        local,
        remote,
    } = statistics;
    json!({
        "rtt_ms": rounded(*rtt_ms),
        "sent_kbps": rounded(*sent_kbps),
        "received_kbps": rounded(*received_kbps),
        "sent_lost_percent": rounded(*sent_lost_percent),
        "received_lost_percent": rounded(*received_lost_percent),
        "capacity_kbps": rounded(*capacity_kbps),
        "cpu_percent": rounded(*cpu_percent),
        // Types and protocols, no address.
        "candidate_pairs": candidate_pairs,
        // Kinds, formats and figures, no name.
        "devices": with_rounded_figures(json!(devices)),
        "local": with_rounded_figures(json!(local)),
        "remote": remote.iter().take(TRACKS).map(|track| track_of(track, redactor)).collect::<Vec<_>>(),
    })
}

fn track_of(statistics: &RemoteStatistics, redactor: &Redactor) -> Value {
    let RemoteStatistics {
        remote_user,
        source,
        track,
        kind,
        codec,
        width,
        height,
        fps,
        kbps,
        lost_percent,
        jitter_ms,
        freezes,
        delay_ms,
        ahead_ms,
    } = statistics;
    let mut value = json!({
        "remote_user": redactor.hide(Hidden::User, remote_user),
        "source": source,
        "track": redactor.hide(Hidden::Track, track.as_str()),
        "kind": kind,
        "codec": redactor.text(codec),
        "kbps": rounded(*kbps),
        "lost_percent": rounded(*lost_percent),
        "jitter_ms": rounded(*jitter_ms),
        "delay_ms": rounded(*delay_ms),
    });
    if *kind == "video"
        && let Value::Object(fields) = &mut value
    {
        fields.insert("width".into(), json!(width));
        fields.insert("height".into(), json!(height));
        fields.insert("fps".into(), json!(rounded(*fps)));
        fields.insert("freezes".into(), json!(freezes));
        fields.insert("ahead_ms".into(), json!(ahead_ms.map(rounded)));
    }
    value
}

/// A value whose figures have one decimal.
fn with_rounded_figures(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => json!(number.as_f64().map(rounded)),
        Value::Array(list) => list.into_iter().map(with_rounded_figures).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, with_rounded_figures(value))).collect(),
        other => other,
    }
}

/// A figure with one decimal: more of them say nothing, and fill the disk.
fn rounded(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}
