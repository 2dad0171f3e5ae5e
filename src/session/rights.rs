//! Our right to publish, and our devices that the host or the server keeps off: a device is open only while what it gives
//! may leave.
//!
//! A device that was turned off by others stays off when the right comes back, until the user turns it on: nobody is to be
//! seen or heard because of what somebody else did.

use super::publish::lk_source;
use super::{Output, PeerCommand, Session};
use crate::base::{DeviceKind, EventKind, TrackSource, Withheld};
use livekit_protocol as lk;
use lk::request_response::{Reason, Request as Refused};
use lk::signal_request::Message as Request;
use std::collections::BTreeMap;

/// What we may publish, and the devices that others keep off.
#[derive(Clone, Debug, Default)]
pub(super) struct Rights {
    /// The sources that we may publish; `None` allows all. A server that tells no permission allows all.
    sources: Option<Vec<lk::TrackSource>>,
    withheld: BTreeMap<DeviceKind, Withheld>,
    /// Whether we may not send data, which the chat needs.
    data_denied: bool,
}

impl Rights {
    /// Whether we may publish a track of this source.
    pub(super) fn allow(&self, source: TrackSource) -> bool {
        self.sources.as_ref().is_none_or(|sources| sources.contains(&lk_source(source)))
    }

    /// Whether we may send data to others.
    pub(super) const fn allow_data(&self) -> bool {
        !self.data_denied
    }

    /// Whether what a device gives may leave. What no track carries does not leave.
    fn allow_device(&self, kind: DeviceKind) -> bool {
        kind.source().is_none_or(|source| self.allow(source))
    }
}

/// The sources that a permission allows; `None` for all. Without a list, `can_publish` is about all.
fn allowed_sources(permission: &lk::ParticipantPermission) -> Option<Vec<lk::TrackSource>> {
    match (permission.can_publish, permission.can_publish_sources.is_empty()) {
        (false, _) => Some(Vec::new()),
        (true, true) => None,
        (true, false) => Some(permission.can_publish_sources().collect()),
    }
}

impl Session {
    /// Why others keep a device of ours off; `None` if they do not.
    pub(crate) fn withheld(&self, kind: DeviceKind) -> Option<Withheld> {
        self.rights.withheld.get(&kind).copied()
    }

    /// The user turns a device on or off. One that may not send stays off, and the user is told so again.
    pub(super) fn switch_device(&mut self, kind: DeviceKind, on: bool) {
        if on && !self.is_leaving() {
            if !self.rights.allow_device(kind) {
                self.rights.withheld.insert(kind, Withheld::NotAllowed);
                return self.tell_withheld(kind, Withheld::NotAllowed);
            }
            self.rights.withheld.remove(&kind);
        }
        self.set_device(kind, on);
    }

    /// Takes our own participant, as a join, a resume or an update describes it.
    pub(super) fn own_participant(&mut self, me: &lk::ParticipantInfo) {
        let Some(permission) = &me.permission else { return };
        if self.room.is_waiting() {
            // Camera and microphone stay open for the user's own preview, as in the lobby: no track carries them.
            self.rights.data_denied = true;
            return;
        }
        self.rights.data_denied = !permission.can_publish_data;
        self.send_waiting();
        let before = std::mem::replace(&mut self.rights.sources, allowed_sources(permission));
        let before = Rights { sources: before, ..Rights::default() };
        for kind in DeviceKind::ALL {
            match (before.allow_device(kind), self.rights.allow_device(kind)) {
                (_, false) if self.withheld(kind) != Some(Withheld::NotAllowed) => {
                    self.withhold(kind, Withheld::NotAllowed);
                }
                (false, true) => {
                    self.rights.withheld.remove(&kind);
                    self.out.push_back(Output::Event(EventKind::DeviceAllowed { kind }));
                }
                _ => {}
            }
        }
    }

    /// Turns a device off for others. It is told if the device was on, or if it is off for another reason than before.
    fn withhold(&mut self, kind: DeviceKind, why: Withheld) {
        let was_on = self.slot(kind).is_wanted();
        let before = self.rights.withheld.insert(kind, why);
        if was_on {
            self.set_device(kind, false);
        }
        if was_on || before.is_some_and(|before| before != why) {
            self.tell_withheld(kind, why);
        }
    }

    fn tell_withheld(&mut self, kind: DeviceKind, reason: Withheld) {
        self.out.push_back(Output::Event(EventKind::DeviceWithheld { kind, reason }));
    }

    /// The server has muted a track of ours, which turns its device off; or has unmuted it, which does not turn it on.
    pub(super) fn muted_by_server(&mut self, mute: &lk::MuteTrackRequest) {
        let Some(track) = self.tracks.iter_mut().find(|t| t.sid.as_deref() == Some(mute.sid.as_str())) else { return };
        (track.muted, track.acknowledged) = (mute.muted, true);
        let source = track.source;
        let on = !mute.muted && self.source_is_on(source);
        self.out.push_back(Output::SetSending { source, on });
        if mute.muted {
            self.withhold_source(source, Withheld::Host);
            // An unmute of ours may have crossed it, and would stand.
            self.send(Request::Mute(mute.clone()));
        }
        // The others see a track that is unmuted as one that sends.
        self.send_mutes();
    }

    /// The server has ended a track of ours. The next press of the button publishes another one.
    pub(super) fn unpublished_by_server(&mut self, sid: &str) {
        let at = self.tracks.iter().position(|t| t.sid.as_deref() == Some(sid));
        if let Some(source) = at.map(|at| self.drop_track(at)) {
            self.withhold_source(source, Withheld::Host);
        }
    }

    /// The server has refused a request of ours. A track that it refuses never gets a receiver.
    pub(super) fn request_refused(&mut self, response: lk::RequestResponse) {
        let why = match response.reason() {
            Reason::Ok | Reason::Queued => return,
            Reason::NotAllowed => Withheld::NotAllowed,
            _ => Withheld::Refused,
        };
        let Some(Refused::AddTrack(request)) = response.request else { return };
        let at = self.tracks.iter().position(|t| t.cid == request.cid && t.sid.is_none());
        if let Some(source) = at.map(|at| self.drop_track(at)) {
            tracing::warn!(?source, reason = response.message, "the server refuses a track of ours");
            self.withhold_source(source, why);
        }
    }

    /// Forgets a track of ours and takes it out of the connection. Returns its source.
    pub(super) fn drop_track(&mut self, at: usize) -> TrackSource {
        let track = self.tracks.remove(at);
        self.out.push_back(Output::SetSending { source: track.source, on: false });
        if track.epoch == self.epoch {
            self.command(PeerCommand::Unpublish { cid: track.cid });
            self.offer(false);
        }
        track.source
    }

    /// Turns off the device whose own track has this source, if it is on. The end of a screen's audio does not end the
    /// screen.
    pub(super) fn withhold_source(&mut self, source: TrackSource, why: Withheld) {
        if let Some(kind) = source.device().filter(|kind| kind.source() == Some(source))
            && self.slot(kind).is_wanted()
        {
            self.withhold(kind, why);
        }
    }
}
