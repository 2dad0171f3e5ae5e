//! Entering: the devices and the connection open at once; EnterRoom follows when we have joined and media can flow.

use super::io::EntryError;
use super::link::ice_servers;
use super::media_ports::MediaPorts;
use super::negotiation::Negotiation;
use super::reconnecting::ATTEMPT_LIMIT;
use super::{InRoom, Joined, Output, PeerCommand, Phase, Session, Timer};
use crate::base::{DeviceKind, EntryErrorKind, EventKind, ExitReason, Moment};
use livekit_protocol as lk;
use std::time::Duration;

/// Longest time for entering; then it fails with reason 103.
pub(super) const ENTER_LIMIT: Duration = Duration::from_secs(15);

impl Session {
    pub(super) fn begin(&mut self, now: Moment) {
        self.out.push_back(Output::Connect(self.epoch));
        for kind in DeviceKind::ALL {
            self.step_device(kind);
        }
        self.timers.set(Timer::Enter, now + ENTER_LIMIT);
    }

    /// Takes the response to a first or a fresh join.
    pub(super) fn joined(&mut self, response: &lk::JoinResponse, single: bool, now: Moment) {
        let Some(me) = response.participant.as_ref() else {
            let message = "The server answered, but not like a LiveKit room server. Check its address.".into();
            return self.refused(EntryError { kind: EntryErrorKind::NotAServer, message, retry: false }, now);
        };
        let joined = Joined {
            sid: me.sid.clone(),
            negotiation: Negotiation::new(single),
            media_ports: MediaPorts::default(),
            subscriber_primary: !single && response.subscriber_primary,
        };
        match &mut self.phase {
            Phase::Entering(e) => e.joined = Some(joined),
            Phase::Reconnecting(r) => {
                r.step.rejoined(joined);
                self.timers.set(Timer::Attempt, now + ATTEMPT_LIMIT);
            }
            Phase::InRoom(_) | Phase::Leaving(_) | Phase::Ended(_) => return,
        }
        self.command(PeerCommand::SetIceServers(ice_servers(&response.ice_servers)));
        self.with_roster(|roster, out| roster.joined(&me.identity, &response.other_participants, out));
        self.room_described(response.room.as_ref());
        self.own_standing(me, now);
        self.own_participant(me);
        self.own_hand_shown(me, true);
        if !self.room.is_waiting() {
            self.mute_on_entry();
        }
        self.publish_wanted();
    }

    /// No connection came up, and none is held.
    pub(super) fn connect_failed(&mut self, error: EntryError, now: Moment) {
        if matches!(self.phase, Phase::Entering(_) | Phase::Reconnecting(_)) {
            (self.link_open, self.peers_open) = (false, false);
            self.refused(error, now);
        }
    }

    /// The room could not be entered, or entered again.
    fn refused(&mut self, error: EntryError, now: Moment) {
        match &self.phase {
            Phase::Entering(_) => self.entry_failed(error.kind, error.message, now),
            Phase::Reconnecting(_) => self.rejoin_refused(error, now),
            Phase::InRoom(_) | Phase::Leaving(_) | Phase::Ended(_) => {}
        }
    }

    /// Entering has failed. The exit closes what is open.
    pub(super) fn entry_failed(&mut self, error: EntryErrorKind, message: String, now: Moment) {
        self.out.push_back(Output::Event(EventKind::EnterRoomFailed { error, message: message.clone() }));
        self.leave(ExitReason::EntryFailed, message, now);
    }

    /// The server has let us in, and ends that before EnterRoom. It needs no goodbye.
    pub(super) fn dropped_while_entering(&mut self, message: &str, now: Moment) {
        let Phase::Entering(entering) = &mut self.phase else { return };
        entering.joined = None;
        self.entry_failed(EntryErrorKind::Other, message.into(), now);
    }

    pub(super) fn enter_timed_out(&mut self, now: Moment) {
        if let Phase::Entering(e) = &self.phase {
            let message = match &e.joined {
                Some(joined) => format!(
                    "The server let you in, but no media connection came up. A firewall may block {} to it.",
                    joined.media_ports
                ),
                None => "The server does not answer. Check its address and your internet connection.".to_owned(),
            };
            self.entry_failed(EntryErrorKind::Timeout, message, now);
        }
    }

    /// EnterRoom: media can flow. Who waits to be let in has the connection only.
    pub(super) fn entered(&mut self, now: Moment) {
        let Phase::Entering(e) = &mut self.phase else { return };
        let Some(joined) = e.joined.take() else { return };
        self.phase = Phase::InRoom(InRoom { since: e.since, media_down: None, joined, last_outage: None });
        self.timers.stop(Timer::Enter);
        self.tell_entered(now);
    }
}
