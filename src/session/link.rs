//! Reports of the signalling link, and the server's messages.

use super::{Epoch, LinkInput, PeerCommand, Phase, Session, Timer};
use crate::base::{ExitReason, IceServer, Moment, Secret, SignalTarget, TrackSid};
use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_response::Message as Response;

impl Session {
    /// Takes a report of the link.
    pub(super) fn link(&mut self, epoch: Epoch, input: LinkInput, now: Moment) {
        if epoch != self.epoch {
            return;
        }
        self.timers.stop(Timer::Probe);
        match input {
            LinkInput::Joined { response, single } => self.joined(&response, single, now),
            LinkInput::ConnectFailed(_) if matches!(self.phase, Phase::Leaving(_)) => {
                self.peers_closed(now);
                self.link_closed(now);
            }
            LinkInput::ConnectFailed(error) => self.connect_failed(error, now),
            LinkInput::Message(message) => self.message(*message, now),
            LinkInput::Lost => match &mut self.phase {
                Phase::Leaving(_) => self.link_lost_while_leaving(now),
                Phase::Entering(entering) => {
                    entering.link_ended = true;
                    self.link_lost(now);
                }
                _ => self.link_lost(now),
            },
            LinkInput::Resumed(response) => self.resumed(&response, now),
            LinkInput::ResumeFailed(Some(leave)) => self.server_leave(&leave, now),
            LinkInput::ResumeFailed(None) => self.attempt_failed(now),
            LinkInput::GoodbyeSent => self.goodbye_sent(),
            LinkInput::Closed => self.link_closed(now),
        }
    }

    fn message(&mut self, message: Response, now: Moment) {
        if let Phase::Leaving(_) | Phase::Ended(_) = self.phase {
            // Our exit has begun: the server's leave is the answer to our goodbye, whatever its reason.
            if let Response::Leave(_) = message {
                self.goodbye_acknowledged(now);
            }
            return;
        }
        match message {
            Response::Answer(d) => self.answer(d),
            Response::Offer(d) => {
                self.bind(d.mid_to_track_id);
                self.command(PeerCommand::Answer { id: d.id, sdp: d.sdp });
            }
            Response::Trickle(t) => self.trickle(&t),
            Response::Update(u) => {
                self.with_roster(|roster, out| roster.update(&u.participants, out));
                let sid = self.my_sid();
                if let Some(me) = u.participants.iter().find(|p| p.sid == sid && !sid.is_empty()) {
                    // The first update after a resume that contains us lists everybody; later ones may contain us alone.
                    let lists_everybody = std::mem::take(&mut self.awaits_list);
                    if lists_everybody {
                        self.compare_tracks(&me.tracks);
                    }
                    self.acknowledge(&me.tracks);
                    self.own_standing(me, now);
                    self.own_participant(me);
                    self.own_hand_shown(me, false);
                    if lists_everybody {
                        self.with_roster(|roster, out| roster.keep_only(&u.participants, out));
                    }
                }
            }
            Response::RoomUpdate(update) => self.room_described(update.room.as_ref()),
            Response::TrackPublished(p) => self.track_published(p),
            Response::TrackUnpublished(t) => self.unpublished_by_server(&t.track_sid),
            Response::RequestResponse(response) => {
                self.hand_refused(&response);
                self.request_refused(response);
            }
            Response::MediaSectionsRequirement(r) => {
                if r.num_audios + r.num_videos > 0 {
                    // A bound on what a server can make us allocate.
                    let (audios, videos) = (r.num_audios.min(200), r.num_videos.min(200));
                    self.command(PeerCommand::AddMLines { audios, videos });
                }
                self.offer(false);
            }
            Response::Leave(leave) => self.server_leave(&leave, now),
            Response::Mute(m) => self.muted_by_server(&m),
            Response::SpeakersChanged(s) => {
                let me = self.my_sid();
                if let Some(own) = s.speakers.iter().find(|s| s.sid == me) {
                    self.speaking = own.active;
                }
                self.roster.speakers(&s.speakers);
            }
            Response::ConnectionQuality(q) => {
                let me = self.my_sid();
                if let Some(own) = q.updates.iter().find(|u| u.participant_sid == me) {
                    self.quality = super::roster::connection_quality(own);
                }
                self.roster.qualities(&q.updates);
            }
            Response::SubscribedQualityUpdate(update) => self.want_layers(&update),
            Response::SubscriptionPermissionUpdate(p) => {
                self.with_roster(|roster, out| roster.shared(&TrackSid::from(p.track_sid.as_str()), p.allowed, out));
            }
            Response::StreamStateUpdate(s) => {
                self.with_roster(|roster, out| roster.stream_states(&s.stream_states, out));
            }
            Response::SubscriptionResponse(r) if r.err() == lk::SubscriptionError::SeCodecUnsupported => {
                self.with_roster(|roster, out| roster.no_codec(&TrackSid::from(r.track_sid.as_str()), out));
            }
            _ => {}
        }
    }

    fn my_sid(&mut self) -> String {
        self.joined_mut().map(|j| j.sid.clone()).unwrap_or_default()
    }

    fn bind(&mut self, mids: std::collections::HashMap<String, String>) {
        self.with_roster(|roster, out| roster.bind(mids, out));
    }

    fn answer(&mut self, d: lk::SessionDescription) {
        if self.joined_mut().is_some_and(|j| j.negotiation.is_void(d.id)) {
            return;
        }
        self.bind(d.mid_to_track_id);
        if let Some(joined) = self.joined_mut() {
            joined.media_ports.add_description(&d.sdp);
        }
        self.command(PeerCommand::SetAnswer(d.sdp));
        if let Some(command) = self.joined_mut().and_then(|j| j.negotiation.settled()) {
            self.command(command);
        }
    }

    fn trickle(&mut self, t: &lk::TrickleRequest) {
        let init: serde_json::Value = serde_json::from_str(&t.candidate_init).unwrap_or_default();
        // An empty candidate means the end of candidates (RFC 8838), which changes nothing here.
        let Some(candidate) = init["candidate"].as_str().filter(|candidate| !candidate.is_empty()) else { return };
        let Some(joined) = self.joined_mut() else { return };
        joined.media_ports.add_candidate(candidate);
        let target = joined.negotiation.candidate_target(t.target());
        self.command(PeerCommand::AddCandidate { target, json: t.candidate_init.clone() });
    }

    /// The server ends our stay, or asks us to resume or to join again. If it says only that it has lost us, whatever it
    /// asks for, we are here, and join again.
    pub(super) fn server_leave(&mut self, leave: &lk::LeaveRequest, now: Moment) {
        let action = if asks_to_rejoin(leave) { Action::Reconnect } else { leave.action() };
        match action {
            Action::Resume => self.link_lost(now),
            Action::Reconnect => self.must_rejoin(now),
            Action::Disconnect => {
                let entering = matches!(self.phase, Phase::Entering(_));
                match exit_reason(leave.reason()) {
                    Some(reason) => self.leave(reason, String::new(), now),
                    None if entering => {
                        self.dropped_while_entering("The server ended the call before it began. Try again.", now);
                    }
                    None => self.must_rejoin(now),
                }
            }
        }
    }

    /// Whether EnterRoom waits for this connection.
    pub(super) fn is_primary(&mut self, target: SignalTarget) -> bool {
        self.joined_mut().is_some_and(|j| (target == SignalTarget::Subscriber) == j.subscriber_primary)
    }
}

/// Whether a server older than protocol 13, which sets no action, asks us to join again.
fn asks_to_rejoin(leave: &lk::LeaveRequest) -> bool {
    leave.can_reconnect && leave.action() == Action::Disconnect
}

/// Our reason for LiveKit's; `None` for those by which the server has lost us and nobody has ended our stay.
fn exit_reason(r: lk::DisconnectReason) -> Option<ExitReason> {
    use lk::DisconnectReason as R;
    Some(match r {
        R::ClientInitiated => ExitReason::Left,
        R::ParticipantRemoved => ExitReason::Kicked,
        R::RoomDeleted => ExitReason::Dismissed,
        R::DuplicateIdentity => ExitReason::JoinedElsewhere,
        R::ServerShutdown => ExitReason::ServerStopped,
        // Time-outs of the server, states that differ, and reasons that are newer than this client.
        _ => return None,
    })
}

/// The STUN and TURN servers of a join or a resume.
pub(crate) fn ice_servers(servers: &[lk::IceServer]) -> Vec<IceServer> {
    let server = |s: &lk::IceServer| IceServer {
        urls: s.urls.clone(),
        username: s.username.clone(),
        credential: Secret::new(s.credential.clone()),
    };
    servers.iter().map(server).collect()
}
