//! What is drawn anew, and what is told in passing.

use crate::base::{EventKind, RemoteLeaveReason};
use crate::call::view::{CallPhase, Notice, Snapshot};

/// A fingerprint of what is worth drawing anew: a call in which nothing happens lets the window sleep. Pictures wake it
/// themselves, and the timer needs it once a second.
pub(super) fn gist(snapshot: &Snapshot) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    let mut add = |part: &dyn std::fmt::Debug| format!("{part:?}").hash(&mut hasher);
    add(&(&snapshot.devices, &snapshot.choice, &snapshot.camera, &snapshot.microphone, &snapshot.speaker));
    add(&snapshot.screen);
    add(&(snapshot.quit, &snapshot.room));
    match &snapshot.call {
        // The lobby's meter.
        None => add(&snapshot.own_level.round()),
        Some(call) => {
            match &call.phase {
                CallPhase::InCall { elapsed } => add(&elapsed.as_secs()),
                phase => add(phase),
            }
            add(&(&call.room, call.session, call.host, call.quality, call.speaking));
            for p in &call.people {
                add(&(&p.user, &p.name, p.picture.is_some(), p.microphone, p.speaking, p.quality));
            }
        }
    }
    hasher.finish()
}

/// What somebody should be told of an event in passing.
pub(super) fn notice_of(kind: &EventKind) -> Option<Notice> {
    match kind {
        EventKind::RemoteUserEnterRoom { name, .. } => Some(Notice::Joined(name.clone())),
        EventKind::RemoteUserLeaveRoom { name, reason, .. } => Some(match reason {
            RemoteLeaveReason::Left => Notice::Left(name.clone()),
            RemoteLeaveReason::TimedOut => Notice::Dropped(name.clone()),
            RemoteLeaveReason::Removed => Notice::Removed(name.clone()),
        }),
        EventKind::ConnectionRecovery { .. } => Some(Notice::BackInCall),
        EventKind::DeviceFailed { kind, .. } => Some(Notice::Device(*kind)),
        _ => None,
    }
}
