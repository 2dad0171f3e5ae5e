//! The snapshot that the window draws, whether it has to draw again, and the notices that events become.

use super::device_news::device_notices;
use super::task::{CallState, ServiceTask};
use crate::base::{DeviceKind, EventKind, ExitReason, RemoteLeaveReason};
use crate::call::view::{CallPhase, CallView, Notice, Snapshot};
use std::sync::Arc;

impl ServiceTask {
    /// Publishes the state of now, and wakes the window if that looks different.
    pub(super) fn publish(&mut self) {
        let device = |kind| {
            let mut device = match &self.call {
                Some(CallState::Running { call, .. }) => call.local(kind),
                _ => self.preview.local(kind, &self.devices),
            };
            device.missing = device.missing.map(|id| match self.lister.name(&id) {
                Some(name) => name.to_owned(),
                // Not seen since the program was started: the end of an id says the most.
                None => id.rsplit(['/', ':']).next().unwrap_or(&id).to_owned(),
            });
            device
        };
        if let (Some(shown), Some(CallState::Running { call, .. })) = (&mut self.details, &self.call) {
            *shown = call.details(Some(&*shown));
        }
        let snapshot = Arc::new(Snapshot {
            devices: self.lister.lists().clone(),
            choice: self.preview.choice().clone(),
            camera: device(DeviceKind::Camera),
            microphone: device(DeviceKind::Microphone),
            speaker: device(DeviceKind::Speaker),
            screen: device(DeviceKind::Screen),
            own_frames: self.devices.camera().own_slot().clone(),
            screen_frames: self.devices.screen().own_slot().clone(),
            sharing_paused: self.devices.screen().is_paused(),
            share_options: self.screens.found().cloned(),
            talking: self.talk.key(),
            own_level: self.devices.audio().report().microphone.dbfs,
            room: self.lookup.shown(),
            call: self.call_view(),
            details: self.details.clone(),
            quit: self.quit,
        });
        let before = self.snapshots.send_replace(snapshot.clone());
        for notice in device_notices(&before, &snapshot) {
            self.mailbox.notice(notice);
        }
        if looks_different(&before, &snapshot) {
            self.mailbox.wake();
        }
    }

    fn call_view(&self) -> Option<CallView> {
        Some(match self.call.as_ref()? {
            CallState::Running { call, .. } => call.view(),
            CallState::Over(view) => (**view).clone(),
            CallState::Starting(params) => {
                let view = self.ended_view(params.clone(), ExitReason::Left, String::new());
                CallView { phase: CallPhase::Entering, ..view }
            }
        })
    }
}

/// Whether the window has to draw again. Video frames wake it themselves; the level of our microphone is drawn in the
/// lobby only, in whole decibels.
fn looks_different(before: &Snapshot, now: &Snapshot) -> bool {
    // Every field is named: a new one does not compile until it is compared or left out here.
    let Snapshot {
        devices,
        choice,
        camera,
        microphone,
        speaker,
        screen,
        own_frames,
        screen_frames,
        sharing_paused,
        share_options,
        talking,
        own_level: _,
        room,
        call,
        details,
        quit,
    } = now;
    let level = |s: &Snapshot| s.call.as_ref().is_none_or(|call| call.waiting).then(|| s.own_level.round());
    (devices, choice, camera, microphone, speaker)
        != (&before.devices, &before.choice, &before.camera, &before.microphone, &before.speaker)
        || (screen, own_frames, room, quit) != (&before.screen, &before.own_frames, &before.room, &before.quit)
        || (screen_frames, sharing_paused, share_options)
            != (&before.screen_frames, &before.sharing_paused, &before.share_options)
        || *talking != before.talking
        || details.as_ref().map(|d| d.revision) != before.details.as_ref().map(|d| d.revision)
        || level(now) != level(before)
        || match (&before.call, call) {
            (Some(before), Some(now)) => call_looks_different(before, now),
            (before, now) => before.is_some() != now.is_some(),
        }
}

/// The same for a call. The timer counts whole seconds.
fn call_looks_different(before: &CallView, now: &CallView) -> bool {
    let CallView {
        session,
        room,
        user,
        name,
        server,
        invitation,
        host,
        settings,
        waiting,
        guests,
        phase,
        people,
        chat,
        hand,
        quality,
        speaking,
        stale_peer_limit,
    } = now;
    let phase_differs = match (&before.phase, phase) {
        (CallPhase::InCall { elapsed: before }, CallPhase::InCall { elapsed }) => before.as_secs() != elapsed.as_secs(),
        (before, now) => before != now,
    };
    phase_differs
        || (session, room, user, name) != (&before.session, &before.room, &before.user, &before.name)
        || (server, invitation, host) != (&before.server, &before.invitation, &before.host)
        || (people, quality, speaking) != (&before.people, &before.quality, &before.speaking)
        || (chat, hand, settings) != (&before.chat, &before.hand, &before.settings)
        || (waiting, guests) != (&before.waiting, &before.guests)
        || *stale_peer_limit != before.stale_peer_limit
}

/// The notice for an event, if there is one.
pub(super) fn notice_of(kind: &EventKind) -> Option<Notice> {
    match kind {
        EventKind::RemoteUserEnterRoom { name, .. } => Some(Notice::Joined(name.clone())),
        EventKind::RemoteUserLeaveRoom { name, reason, .. } => Some(match reason {
            RemoteLeaveReason::Left => Notice::Left(name.clone()),
            RemoteLeaveReason::TimedOut => Notice::Dropped(name.clone()),
            RemoteLeaveReason::Removed => Notice::Removed(name.clone()),
        }),
        EventKind::GuestWaiting { user, name, waiting: true } => Some(Notice::Waits(user.clone(), name.clone())),
        EventKind::HandRaised { name, raised: true, .. } => Some(Notice::HandRaised(name.clone())),
        EventKind::HandLowered { reason } => Some(Notice::HandLowered(*reason)),
        EventKind::Reaction { user, name, reaction } => {
            Some(Notice::Reaction { user: user.clone(), name: name.clone(), reaction: *reaction })
        }
        EventKind::ConnectionRecovery { .. } => Some(Notice::BackInCall),
        EventKind::DeviceFailed { kind, .. } => Some(Notice::Device(*kind)),
        EventKind::DeviceWithheld { kind, reason } => Some(Notice::Withheld(*kind, *reason)),
        EventKind::DeviceAllowed { kind } => Some(Notice::Allowed(*kind)),
        EventKind::DeviceAsked { kind } => Some(Notice::Asked(*kind)),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::{ConnectionQuality, FrameSlot, SessionId};
    use crate::call::view::{CallDetails, ChatView};
    use crate::proto::room_settings::RoomSettings;
    use std::time::Duration;

    #[test]
    fn the_window_draws_again_only_when_something_looks_different() {
        let before = Snapshot { own_level: -41.6, ..Snapshot::default() };
        assert!(!looks_different(&before, &before.clone()));
        assert!(!looks_different(&before, &Snapshot { own_level: -42.4, ..before.clone() }), "the same decibel");
        assert!(looks_different(&before, &Snapshot { own_level: -40.0, ..before.clone() }));
        assert!(looks_different(&before, &Snapshot { quit: true, ..before.clone() }));
        assert!(looks_different(&before, &Snapshot { own_frames: FrameSlot::default(), ..before.clone() }));
        let details = |revision| Snapshot {
            details: Some(Arc::new(CallDetails { revision, ..CallDetails::default() })),
            ..before.clone()
        };
        assert!(looks_different(&before, &details(0)) && looks_different(&details(1), &details(2)));
        assert!(!looks_different(&details(1), &details(1)), "nothing was added");
        let in_call = |ms, level| Snapshot {
            own_level: level,
            call: Some(call(CallPhase::InCall { elapsed: Duration::from_millis(ms) })),
            ..before.clone()
        };
        assert!(looks_different(&before, &in_call(1200, -41.6)));
        assert!(!looks_different(&in_call(1200, -41.6), &in_call(1900, -10.0)), "no level is drawn in a call");
        assert!(looks_different(&in_call(1900, -41.6), &in_call(2000, -41.6)));
    }

    pub(in crate::call::service) fn call(phase: CallPhase) -> CallView {
        CallView {
            session: SessionId(1),
            room: "num/7".parse().expect("a room"),
            user: "mina".parse().expect("a user id"),
            name: "Mina".into(),
            server: "ws://127.0.0.1:7880".into(),
            invitation: None,
            host: false,
            settings: RoomSettings::default(),
            waiting: false,
            guests: Vec::new(),
            phase,
            people: Vec::new(),
            chat: ChatView::default(),
            hand: None,
            quality: ConnectionQuality::Good,
            speaking: false,
            stale_peer_limit: Duration::from_secs(6),
        }
    }
}
