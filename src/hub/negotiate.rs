//! Offer and answer: sends what `downlink_single` and `downlink_dual` decide.

use super::config::SDP_BYTES;
use super::member::Downlink;
use super::presence::MediaState;
use super::{ConnectionId, ConnectionRole, Hub, MediaCommand, MemberId, Mid, Timer};
use crate::base::TrackSid;
use crate::proto::sdp;
use livekit_protocol as lk;
use lk::signal_response::Message;
use std::collections::BTreeMap;

impl Hub {
    /// If tracks wait for m-lines and no negotiation is pending: asks a v1 client for an offer, or makes one for a v0
    /// client.
    pub(super) fn negotiate(&mut self, id: MemberId) {
        let now = self.now;
        let Some(member) = self.members.get_mut(&id).filter(|m| m.link.is_some()) else { return };
        let connection = member.down();
        let (missing, plan, next) = match &mut member.downlink {
            Downlink::Single(single) => (single.request_offer(now), None, single.next_request()),
            Downlink::Dual { downlink, .. } => (None, downlink.next_offer(), downlink.answer_limit()),
        };
        match next {
            Some(at) => self.timers.set(Timer::Negotiation(id), at),
            None => self.timers.stop(Timer::Negotiation(id)),
        }
        if let Some((num_audios, num_videos)) = missing {
            let requirement = lk::MediaSectionsRequirement { num_audios, num_videos };
            self.send(id, Message::MediaSectionsRequirement(requirement));
        }
        if let Some(plan) = plan {
            let add = plan.add.iter().filter_map(|track| self.subscribed(track)).collect();
            let (remove, ice_restart) = (plan.remove, plan.ice_restart);
            self.command(MediaCommand::MakeOffer { connection, add, remove, ice_restart });
        }
    }

    pub(super) fn negotiation_due(&mut self, id: MemberId) {
        let Some(member) = self.members.get(&id).filter(|m| m.link.is_some()) else { return };
        match &member.downlink {
            Downlink::Dual { downlink, .. } if downlink.answer_limit().is_some_and(|at| at <= self.now) => {
                tracing::info!(user = %member.user, "an offer was not answered");
                self.require_rejoin(id);
            }
            _ => self.negotiate(id),
        }
    }

    /// The forwarding plane answered a client's offer.
    pub(super) fn answered(&mut self, connection: ConnectionId, offer_id: u32, sdp: String) {
        let id = connection.member;
        let Some(member) = self.members.get_mut(&id) else { return };
        let map = match &mut member.downlink {
            Downlink::Single(single) => match single.answered() {
                Some(map) => map,
                None => return self.negotiate(id),
            },
            Downlink::Dual { .. } => BTreeMap::new(),
        };
        self.send(id, Message::Answer(description("answer", sdp, offer_id, map)));
        self.tell_streams(id);
        self.negotiate(id);
    }

    /// The forwarding plane made an offer.
    pub(super) fn offered(&mut self, connection: ConnectionId, sdp: String, m_lines: Vec<(Mid, TrackSid)>) {
        let (id, now) = (connection.member, self.now);
        let Some(Downlink::Dual { downlink: dual, .. }) = self.members.get_mut(&id).map(|m| &mut m.downlink) else {
            return;
        };
        let Some(offer_id) = dual.offered(&m_lines, now) else { return };
        for (_, track) in &m_lines {
            self.send_preference_if_set(id, track);
        }
        self.send(id, Message::Offer(description("offer", sdp, offer_id, m_lines)));
        self.negotiate(id);
    }

    /// A v0 client answered our offer.
    pub(super) fn answer(&mut self, id: MemberId, answer: lk::SessionDescription) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let connection = member.down();
        let is_awaited = match &mut member.downlink {
            Downlink::Dual { downlink, .. } => downlink.answer(answer.id),
            Downlink::Single(_) => false,
        };
        if !is_awaited {
            tracing::debug!(user = %member.user, id = answer.id, "an unexpected answer is ignored");
            return;
        }
        if answer.sdp.len() > SDP_BYTES {
            return self.require_rejoin(id);
        }
        self.note_received_codecs(id, &sdp::m_lines(&answer.sdp));
        self.command(MediaCommand::AcceptAnswer { connection, sdp: answer.sdp });
        self.tell_streams(id);
        self.negotiate(id);
    }

    /// A description was rejected: the client joins again. A failed offer that a resume made stale is ignored.
    pub(super) fn negotiation_failed(&mut self, connection: ConnectionId, message: &str) {
        let Some(member) = self.members.get_mut(&connection.member) else { return };
        tracing::warn!(user = %member.user, ?connection, message, "negotiation failed");
        let is_stale = match (&mut member.downlink, connection.role) {
            (Downlink::Dual { downlink, .. }, ConnectionRole::Subscriber) => downlink.failed(),
            (Downlink::Single(single), ConnectionRole::Single) => single.failed(),
            _ => false,
        };
        if is_stale {
            self.negotiate(connection.member);
        } else {
            self.require_rejoin(connection.member);
        }
    }

    /// A client's ICE candidate. An unreadable one is ignored: ICE-lite does not need it.
    pub(super) fn trickle(&mut self, id: MemberId, trickle: &lk::TrickleRequest) {
        let Some(member) = self.members.get(&id) else { return };
        let connection = match trickle.target() {
            lk::SignalTarget::Publisher => member.up(),
            lk::SignalTarget::Subscriber => member.down(),
        };
        if let Some(candidate) = candidate(&trickle.candidate_init) {
            self.command(MediaCommand::AddCandidate { connection, candidate });
        }
    }

    /// Sends a client an ICE candidate of ours, for the first m-line of the bundle, as livekit-server writes it.
    pub(super) fn offer_candidate(&mut self, connection: ConnectionId, candidate: &str) {
        let target = match connection.role {
            ConnectionRole::Single | ConnectionRole::Publisher => lk::SignalTarget::Publisher,
            ConnectionRole::Subscriber => lk::SignalTarget::Subscriber,
        };
        let init = serde_json::json!({"candidate": candidate, "sdpMid": "", "sdpMLineIndex": 0});
        let trickle =
            lk::TrickleRequest { candidate_init: init.to_string(), target: target.into(), ..Default::default() };
        self.send(connection.member, Message::Trickle(trickle));
    }

    /// A connection is up. The primary one makes the participant active.
    pub(super) fn connected(&mut self, connection: ConnectionId) {
        let id = connection.member;
        let now = self.now;
        let Some(member) = self.members.get_mut(&id) else { return };
        member.presence.media(connection.role, MediaState::Up, now);
        if connection == member.primary() && !member.is_active() {
            member.base.state = lk::participant_info::State::Active as i32;
            self.timers.stop(Timer::Entry(id));
            let waits = member.waiting.is_some();
            self.broadcast_info(id);
            if !waits {
                self.notify_joined(id);
                self.send_qualities(id);
            }
        }
        self.check_presence(id);
    }

    /// A connection was lost or closed.
    pub(super) fn disconnected(&mut self, connection: ConnectionId, media: MediaState) {
        let now = self.now;
        let Some(member) = self.members.get_mut(&connection.member) else { return };
        member.presence.media(connection.role, media, now);
        self.check_presence(connection.member);
    }
}

fn description(
    kind: &str,
    sdp: String,
    id: u32,
    tracks: impl IntoIterator<Item = (Mid, TrackSid)>,
) -> lk::SessionDescription {
    let mid_to_track_id = tracks.into_iter().map(|(mid, track)| (mid, track.to_string())).collect();
    lk::SessionDescription { r#type: kind.to_owned(), sdp, id, mid_to_track_id }
}

/// The `candidate:` line of an `RTCIceCandidateInit` in JSON. `None` for the empty candidate that ends a browser's
/// list.
fn candidate(json: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Init {
        candidate: String,
    }
    const CANDIDATE_BYTES: usize = 4096;
    if json.len() > CANDIDATE_BYTES {
        return None;
    }
    let init: Init = serde_json::from_str(json).ok()?;
    Some(init.candidate).filter(|c| !c.is_empty())
}
