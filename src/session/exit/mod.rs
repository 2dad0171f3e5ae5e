//! Carries out the exit that [`steps`] describes.

mod steps;

pub use steps::{CLOSE_NOW, Leaving};

use super::hands::OwnHand;
use super::{Ended, Output, PeerCommand, Phase, RELEASE_LIMIT, Session, Timer};
use crate::base::{DeviceKind, EventKind, ExitReason, ExitRequestedBy, Moment, StepName, StepState};
use std::time::Duration;
use steps::{CEILING, CLOSE_LIMIT, GOODBYE_LIMIT, RELEASE_NOW, step_of};

/// A device that is not reported as released by then is given up. Its driver takes it away by force after
/// [`RELEASE_LIMIT`].
const DEVICES_LIMIT: Duration = Duration::from_millis(RELEASE_LIMIT.as_millis() as u64 + 400);

impl Session {
    /// Our own exit. Accepted in every phase; during an exit it changes nothing.
    pub(super) fn exit(&mut self, by: ExitRequestedBy, now: Moment) {
        if self.is_leaving() {
            return;
        }
        self.out.push_back(Output::Event(EventKind::ExitRequested { by }));
        self.leave(ExitReason::Left, String::new(), now);
    }

    /// Begins the exit with a reason; the first reason stands.
    pub(super) fn leave(&mut self, reason: ExitReason, message: String, now: Moment) {
        let (in_room, link_ended) = match &self.phase {
            Phase::Entering(e) => (e.joined.is_some(), e.link_ended),
            Phase::InRoom(_) | Phase::Reconnecting(_) => (true, false),
            Phase::Leaving(_) | Phase::Ended(_) => return,
        };
        let reconnecting = matches!(self.phase, Phase::Reconnecting(_));
        let told = self.roster.people().iter().map(|p| p.name.clone()).collect();
        let mut leaving = Leaving::new(reason, now, message, told);
        self.timers.clear();
        self.timers.set(Timer::Ceiling, now + CEILING);
        self.timers.set(Timer::Devices, now + DEVICES_LIMIT);
        let connecting = self.link_open && (!in_room || reconnecting);
        let is_ours = matches!(reason, ExitReason::Left | ExitReason::EntryFailed);
        let is_up = self.link_open && !link_ended;
        let goodbye = in_room && is_up && is_ours;
        let is_lost = in_room && is_ours && (reconnecting || !is_up);
        if is_lost || reason == ExitReason::ConnectionLost {
            // A goodbye may not arrive; then the others learn it when the server's grace ends.
            leaving.finish(StepName::OthersTold, StepState::Unconfirmed, "the connection was lost", now);
        } else if goodbye {
            self.timers.set(Timer::Goodbye, now + GOODBYE_LIMIT);
        } else {
            leaving.finish(StepName::OthersTold, StepState::NotApplicable, "", now);
        }
        self.phase = Phase::Leaving(leaving);
        self.release_devices(now);
        if goodbye {
            self.out.push_back(Output::SayGoodbye(self.epoch));
        }
        if connecting {
            self.out.push_back(Output::CancelConnect(self.epoch));
        }
        if !goodbye || reconnecting {
            self.close_peers(now);
            self.close_link(now);
        }
        self.with_roster(|roster, out| roster.clear(out));
        self.tracks.clear();
        self.end_data();
        self.own_hand = OwnHand::default();
        self.finish_connections(now);
    }

    fn release_devices(&mut self, now: Moment) {
        for kind in DeviceKind::ALL {
            let slot = self.slot_mut(kind);
            let output = slot.want(false);
            let closed = slot.is_closed();
            self.out.extend(output);
            let Phase::Leaving(leaving) = &mut self.phase else { return };
            match step_of(kind) {
                None => leaving.speaker_open = !closed,
                Some(step) if closed => leaving.finish(step, StepState::NotApplicable, "it was not on", now),
                Some(_) => {}
            }
        }
    }

    /// Ends a device's step if the device is closed.
    pub(super) fn device_while_leaving(&mut self, kind: DeviceKind, now: Moment) {
        let slot = self.slot(kind);
        if !slot.is_closed() {
            return;
        }
        let (state, detail) = slot.last_release().cloned().unwrap_or((StepState::Confirmed, String::new()));
        let Phase::Leaving(leaving) = &mut self.phase else { return };
        match step_of(kind) {
            None => {
                leaving.speaker_open = false;
                if state != StepState::Confirmed {
                    leaving.trouble.get_or_insert((state, format!("the speaker: {detail}")));
                }
            }
            Some(step) => leaving.finish(step, state, detail, now),
        }
        self.finish_connections(now);
    }

    pub(super) fn goodbye_sent(&mut self) {
        self.close_peers_only();
    }

    /// The server answered our goodbye.
    pub(super) fn goodbye_acknowledged(&mut self, now: Moment) {
        self.end_goodbye(StepState::Confirmed, "", now);
    }

    pub(super) fn goodbye_timed_out(&mut self, now: Moment) {
        self.end_goodbye(StepState::Unconfirmed, "the server did not answer", now);
    }

    /// The link ended, perhaps before an answer arrived. Its socket is ours until it is closed.
    pub(super) fn link_lost_while_leaving(&mut self, now: Moment) {
        self.end_goodbye(StepState::Unconfirmed, "the connection ended before the server answered", now);
    }

    fn end_goodbye(&mut self, state: StepState, detail: &str, now: Moment) {
        let Phase::Leaving(leaving) = &mut self.phase else { return };
        leaving.finish(StepName::OthersTold, state, detail, now);
        self.timers.stop(Timer::Goodbye);
        self.close_peers(now);
        self.close_link(now);
    }

    fn close_peers_only(&mut self) {
        let Phase::Leaving(leaving) = &mut self.phase else { return };
        if self.peers_open && !leaving.closing_peers {
            leaving.closing_peers = true;
            self.command(PeerCommand::Close);
        }
    }

    fn close_peers(&mut self, now: Moment) {
        self.close_peers_only();
        if !self.timers.is_set(Timer::Close) {
            self.timers.set(Timer::Close, now + CLOSE_LIMIT);
        }
    }

    fn close_link(&mut self, now: Moment) {
        let Phase::Leaving(leaving) = &mut self.phase else { return };
        if self.link_open && !leaving.closing_link {
            leaving.closing_link = true;
            self.out.push_back(Output::CloseLink(self.epoch));
        }
        self.finish_connections(now);
    }

    pub(super) fn peers_closed(&mut self, now: Moment) {
        self.peers_open = false;
        self.finish_connections(now);
    }

    /// The link is closed. Outside an exit a new one takes its place.
    pub(super) fn link_closed(&mut self, now: Moment) {
        if let Phase::Leaving(_) = self.phase {
            self.link_open = false;
            self.finish_connections(now);
        }
    }

    fn finish_connections(&mut self, now: Moment) {
        let Phase::Leaving(leaving) = &mut self.phase else { return };
        let closed = !self.peers_open && !self.link_open && !leaving.speaker_open;
        if closed && leaving.is_done(StepName::OthersTold) {
            let (state, detail) = leaving.trouble.take().unwrap_or((StepState::Confirmed, String::new()));
            leaving.finish(StepName::ConnectionsClosed, state, detail, now);
        }
    }

    /// Shortens the limits of an exit; they never become longer.
    pub(super) fn close_now(&mut self, now: Moment) {
        if !matches!(self.phase, Phase::Leaving(_)) {
            return;
        }
        self.timers.set_earlier(Timer::Ceiling, now + CLOSE_NOW);
        for kind in DeviceKind::ALL {
            let shortened = self.slot(kind).limit_release(RELEASE_NOW);
            self.out.extend(shortened);
        }
        self.end_goodbye(StepState::Unconfirmed, "not waited for", now);
    }

    /// The limit for closing the peer connections and the link is over.
    pub(super) fn close_timed_out(&mut self, now: Moment) {
        let Phase::Leaving(leaving) = &mut self.phase else { return };
        let late = match (self.peers_open, self.link_open) {
            (true, _) => "the peer connections did not close in time",
            (false, true) => "the signalling connection did not close in time",
            (false, false) => return,
        };
        (self.peers_open, self.link_open) = (false, false);
        leaving.trouble.get_or_insert((StepState::Unconfirmed, late.into()));
        self.finish_connections(now);
    }

    /// The limit for releasing devices is over.
    pub(super) fn abandon_devices(&mut self, now: Moment) {
        for kind in DeviceKind::ALL {
            self.slot_mut(kind).abandon();
            self.device_while_leaving(kind, now);
        }
    }

    /// The limit for the whole exit is over.
    pub(super) fn ceiling_reached(&mut self, now: Moment) {
        self.abandon_devices(now);
        self.end(now);
    }

    pub(super) fn end_if_complete(&mut self, now: Moment) {
        if matches!(&self.phase, Phase::Leaving(l) if l.is_complete()) {
            self.end(now);
        }
    }

    /// ExitRoom; no other function emits it.
    fn end(&mut self, now: Moment) {
        let Phase::Leaving(leaving) = &self.phase else { return };
        let leaving = leaving.clone();
        let (reason, message, told) = (leaving.reason, leaving.message.clone(), leaving.told.clone());
        let total_ms = now.millis_since(leaving.since);
        let receipt = leaving.receipt(now);
        self.timers.clear();
        self.phase = Phase::Ended(Ended { reason, receipt: receipt.clone(), total_ms, told, message });
        self.out.push_back(Output::Event(EventKind::ExitRoom { reason, total_ms, receipt }));
    }
}
