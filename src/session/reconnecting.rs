//! Reconnecting: resume the session with a new socket and an ICE restart; else join afresh; else end with reason 102.
//!
//! A resume is tried while the server may still keep the session ([`RESUME_WINDOW`]). If we were removed or the room was
//! dismissed meanwhile, the server answers it with a leave. A fresh join uses the same token, which the server refuses
//! after a removal, with the reason.
//!
//! That the server has lost us is no end. Nor is a time in which this process stood still: the limits count only time in
//! which we could act, and after waking the whole [`RECONNECT_LIMIT`] is there again.

use super::io::EntryError;
use super::link::ice_servers;
use super::{Epoch, InRoom, Joined, Output, PeerCommand, Phase, Reconnecting, Session, Timer};
use crate::base::{EntryErrorKind, EventKind, ExitReason, Moment};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use std::time::Duration;

/// Longest outage after which a resume is tried: the server's grace, during which the others do not notice the outage.
pub(super) const RESUME_WINDOW: Duration = Duration::from_secs(5);
/// Time for reconnecting. The attempt that runs or begins at its end is the last one: if it fails, the stay ends with
/// reason 102.
pub(crate) const RECONNECT_LIMIT: Duration = Duration::from_secs(60);
/// Longest wait for the server's answer in one attempt, and then again for media.
pub(super) const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);
/// Longest wait for the first word of the server on a link that may have died.
const PROBE_LIMIT: Duration = Duration::from_secs(3);
/// An outage so soon after the last one goes on with its pauses, so that a server that lets us in and loses us at once is
/// not asked all the time.
const STEADY: Duration = Duration::from_secs(10);
/// Pauses before the attempts, in ms; the last one repeats.
const PAUSES_MS: [u64; 6] = [0, 200, 400, 800, 1500, 3000];

/// The state of an attempt.
#[derive(Clone, Debug)]
pub(super) enum AttemptState {
    /// The pause before the next attempt, with the session that the server may still keep.
    Waiting(Option<Joined>),
    /// Opening a new socket for the same session.
    Resuming(Joined),
    /// The socket is open; ICE restarts.
    Restarting(Joined),
    /// A fresh join; with the join response, once it has arrived.
    Rejoining(Option<Joined>),
}

impl AttemptState {
    pub(super) fn joined_mut(&mut self) -> Option<&mut Joined> {
        match self {
            Self::Waiting(joined) | Self::Rejoining(joined) => joined.as_mut(),
            Self::Resuming(joined) | Self::Restarting(joined) => Some(joined),
        }
    }

    /// Whether the server has let us in afresh.
    pub(super) const fn has_joined_afresh(&self) -> bool {
        matches!(self, Self::Rejoining(Some(_)))
    }

    pub(super) fn rejoined(&mut self, joined: Joined) {
        *self = Self::Rejoining(Some(joined));
    }

    /// The pause before the next attempt.
    pub(super) fn wait(&mut self, session: Option<Joined>) {
        *self = Self::Waiting(session);
    }

    pub(super) fn take_session(&mut self) -> Option<Joined> {
        match std::mem::replace(self, Self::Waiting(None)) {
            Self::Waiting(joined) => joined,
            Self::Resuming(joined) | Self::Restarting(joined) => Some(joined),
            Self::Rejoining(_) => None,
        }
    }
}

impl Session {
    /// The link ended unasked.
    pub(super) fn link_lost(&mut self, now: Moment) {
        match &mut self.phase {
            Phase::Entering(_) => {
                let message = "The connection was lost while entering. Try again.";
                self.entry_failed(EntryErrorKind::Unreachable, message.into(), now);
            }
            Phase::InRoom(room) => {
                let joined = room.joined.clone();
                self.start_reconnecting(Some(joined), now);
            }
            Phase::Reconnecting(r) => {
                let session = r.step.take_session();
                self.wait_for_next(session, now);
            }
            Phase::Leaving(_) | Phase::Ended(_) => {}
        }
    }

    /// The server has dropped our session, but we may join afresh.
    pub(super) fn must_rejoin(&mut self, now: Moment) {
        match &mut self.phase {
            Phase::InRoom(_) => self.start_reconnecting(None, now),
            Phase::Reconnecting(r) => {
                // A server that refuses a resume is there: the pauses are for one that is not.
                r.skip_pause |= matches!(r.step, AttemptState::Resuming(_) | AttemptState::Restarting(_));
                self.wait_for_next(None, now);
            }
            Phase::Entering(_) => self.dropped_while_entering("The server asked to join again. Try again.", now),
            Phase::Leaving(_) | Phase::Ended(_) => {}
        }
    }

    pub(super) fn start_reconnecting(&mut self, session: Option<Joined>, now: Moment) {
        let Phase::InRoom(room) = &self.phase else { return };
        let entered = room.since;
        let just_ended = room.last_outage.filter(|(end, _)| now.since(*end) < STEADY);
        self.timers.stop(Timer::MediaDown);
        self.timers.stop(Timer::Probe);
        self.data_interrupted();
        self.timers.set(Timer::Reconnect, now + RECONNECT_LIMIT);
        self.out.push_back(Output::Event(EventKind::ConnectionLost { attempt: 0 }));
        self.phase = Phase::Reconnecting(Reconnecting {
            entered,
            since: now,
            attempt: 0,
            earlier_attempts: just_ended.map_or(0, |(_, attempts)| attempts),
            resume_until: now + RESUME_WINDOW,
            last: false,
            skip_pause: false,
            step: AttemptState::Waiting(None),
        });
        self.wait_for_next(session, now);
    }

    fn wait_for_next(&mut self, session: Option<Joined>, now: Moment) {
        let Phase::Reconnecting(r) = &mut self.phase else { return };
        if r.last {
            return self.give_up(now);
        }
        r.step = AttemptState::Waiting(session);
        let attempts = r.earlier_attempts.saturating_add(r.attempt) as usize;
        let pause = match std::mem::take(&mut r.skip_pause) {
            true => 0,
            false => PAUSES_MS[attempts.min(PAUSES_MS.len() - 1)],
        };
        self.timers.stop(Timer::Attempt);
        self.timers.set(Timer::Retry, now + Duration::from_millis(pause));
    }

    /// Begins the next attempt at once, or, if one runs, lets the next follow without a pause.
    pub(super) fn try_now(&mut self, now: Moment) {
        let r = match &mut self.phase {
            Phase::InRoom(room) if room.media_down.is_some() => return self.media_stayed_down(now),
            Phase::Reconnecting(r) => r,
            _ => return,
        };
        if matches!(r.step, AttemptState::Waiting(_)) {
            self.timers.set(Timer::Retry, now);
        } else {
            r.skip_pause = true;
        }
    }

    pub(super) fn next_attempt(&mut self, now: Moment) {
        let Phase::Reconnecting(r) = &mut self.phase else { return };
        r.attempt += 1;
        let attempt = r.attempt;
        let session = r.step.take_session().filter(|_| now < r.resume_until);
        self.out.push_back(Output::Event(EventKind::TryToReconnect { attempt }));
        self.timers.set(Timer::Attempt, now + ATTEMPT_LIMIT);
        match session {
            Some(joined) => {
                r.step = AttemptState::Resuming(joined);
                self.out.push_back(Output::Resume(self.epoch, lk::ReconnectReason::RrSignalDisconnected));
            }
            None => {
                r.step = AttemptState::Rejoining(None);
                self.join_afresh();
            }
        }
    }

    pub(super) fn join_afresh(&mut self) {
        self.out.push_back(Output::CancelConnect(self.epoch));
        self.out.push_back(Output::CloseLink(self.epoch));
        self.command(PeerCommand::Close);
        self.with_roster(|roster, out| roster.forget_media(out));
        self.awaits_list = false;
        self.data_restarts();
        self.watching.forget_told();
        self.epoch = Epoch(self.epoch.0 + 1);
        self.link_open = true;
        self.peers_open = true;
        self.out.push_back(Output::Connect(self.epoch));
    }

    /// The server resumes the session.
    pub(super) fn resumed(&mut self, response: &lk::ReconnectResponse, now: Moment) {
        let Phase::Reconnecting(r) = &mut self.phase else { return };
        // An answer while ICE restarts is that of a later attempt, which replaced the one before.
        let (AttemptState::Resuming(joined) | AttemptState::Restarting(joined)) = &mut r.step else { return };
        let restart = joined.negotiation.restart();
        r.step = AttemptState::Restarting(joined.clone());
        self.awaits_list = true;
        self.timers.set(Timer::Attempt, now + ATTEMPT_LIMIT);
        self.data_resumed(response.last_message_seq);
        self.sync_state();
        self.watching.forget_told();
        self.with_roster(|roster, out| roster.nothing_is_paused(out));
        if !response.ice_servers.is_empty() {
            self.command(PeerCommand::SetIceServers(ice_servers(&response.ice_servers)));
        }
        self.command(restart);
    }

    /// The current attempt has failed, or takes too long.
    pub(super) fn attempt_failed(&mut self, now: Moment) {
        if let Phase::Reconnecting(r) = &mut self.phase {
            let session = r.step.take_session();
            self.wait_for_next(session, now);
        }
    }

    /// A fresh join was refused.
    pub(super) fn rejoin_refused(&mut self, error: EntryError, now: Moment) {
        match error.kind.ended_stay() {
            Some(reason) => self.leave(reason, String::new(), now),
            // We were in a room there, so another program that answers now (a proxy) may do so for a short time only.
            // The server may count our old stay as one of those who fill the room, and a host may open a locked one.
            None if error.retry
                || matches!(
                    error.kind,
                    EntryErrorKind::NotAServer | EntryErrorKind::RoomFull | EntryErrorKind::Locked
                ) =>
            {
                self.wait_for_next(None, now);
            }
            None => self.leave(ExitReason::ConnectionLost, error.message, now),
        }
    }

    /// Media flows again.
    pub(super) fn recovered(&mut self, now: Moment) {
        let Phase::Reconnecting(r) = &mut self.phase else { return };
        let (entered, attempt) = (r.entered, r.attempt);
        let last_outage = Some((now, r.earlier_attempts.saturating_add(attempt)));
        let (joined, resumed) = match std::mem::replace(&mut r.step, AttemptState::Waiting(None)) {
            AttemptState::Restarting(joined) => (joined, true),
            AttemptState::Rejoining(Some(joined)) => (joined, false),
            other => {
                r.step = other;
                return;
            }
        };
        self.phase = Phase::InRoom(InRoom { since: entered, media_down: None, joined, last_outage });
        for timer in [Timer::Attempt, Timer::Retry, Timer::Reconnect] {
            self.timers.stop(timer);
        }
        if resumed {
            self.out.push_back(Output::ResumeDone(self.epoch));
            self.await_answers_anew();
        }
        self.out.push_back(Output::Event(EventKind::ConnectionRecovery { attempt }));
        self.tell_entered(now);
        self.publish_wanted();
        self.send_hand();
    }

    /// The time for reconnecting is over: the attempt that runs is the last one, or one begins now.
    pub(super) fn reconnect_timed_out(&mut self, now: Moment) {
        let Phase::Reconnecting(r) = &mut self.phase else { return };
        r.last = true;
        if matches!(r.step, AttemptState::Waiting(_)) {
            self.timers.stop(Timer::Retry);
            self.next_attempt(now);
        }
    }

    fn give_up(&mut self, now: Moment) {
        let message = "The connection did not come back. Check your internet connection, then join again.";
        self.leave(ExitReason::ConnectionLost, message.into(), now);
    }

    /// The process stood still. The server may have given us up, the network may be another one, and devices that were
    /// taken away may be back. An exit goes on.
    pub(super) fn woke(&mut self, after: Duration, now: Moment) {
        if self.is_leaving() {
            return;
        }
        self.retry_failed_devices();
        match &mut self.phase {
            // A link that died meanwhile would be noticed only after seconds.
            Phase::InRoom(_) => self.probe_link(now),
            Phase::Reconnecting(r) => {
                r.since = now;
                if after >= RESUME_WINDOW {
                    r.resume_until = now;
                }
                r.last = false;
                self.timers.set(Timer::Reconnect, now + RECONNECT_LIMIT);
                self.try_now(now);
            }
            Phase::Entering(_) | Phase::Leaving(_) | Phase::Ended(_) => {}
        }
    }

    /// Asks the server for a word. If none comes in time, the link is lost.
    pub(super) fn probe_link(&mut self, now: Moment) {
        self.send(Request::PingReq(lk::Ping::default()));
        self.timers.set(Timer::Probe, now + PROBE_LIMIT);
    }
}
