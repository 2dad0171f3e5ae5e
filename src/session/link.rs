//! What the signalling connection says, and what devices report.

use super::entering::PUBLISHED;
use super::{DeviceInput, SlotChange};
use super::{Epoch, Generation, LinkInput, Output, PeerCommand, Phase, Session};
use crate::base::{DeviceKind, EventKind, ExitReason, IceServer, Moment, NO_DEVICE, Secret, SignalTarget, TrackSource};
use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;

impl Session {
    pub(super) fn link(&mut self, epoch: Epoch, input: LinkInput, now: Moment) {
        if epoch != self.epoch {
            return;
        }
        match input {
            LinkInput::Joined { response, single } => self.joined(&response, single, now),
            LinkInput::ConnectFailed(_) if matches!(self.phase, Phase::Leaving(_)) => {
                self.peers_closed(now);
                self.link_closed(now);
            }
            LinkInput::ConnectFailed(error) => self.refused(error, now),
            LinkInput::Message(message) => self.message(*message, now),
            LinkInput::Lost => match self.phase {
                Phase::Leaving(_) => self.link_gone_while_leaving(now),
                _ => self.link_lost(now),
            },
            LinkInput::Resumed(response) => self.resumed(&response, now),
            LinkInput::ResumeFailed(leave) => match leave {
                Some(leave) => self.server_leave(&leave, now),
                None => self.resume_failed(now),
            },
            LinkInput::GoodbyeSent => self.goodbye_sent(),
            LinkInput::Closed => self.link_closed(now),
        }
    }

    fn message(&mut self, message: Response, now: Moment) {
        if let Phase::Leaving(_) | Phase::Gone(_) = self.phase {
            // An own exit beats what comes later: the server's leave is only the answer to our goodbye.
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
                self.complete_resume(&u.participants);
            }
            Response::TrackPublished(p) => self.track_published(p),
            Response::MediaSectionsRequirement(r) => {
                if r.num_audios + r.num_videos > 0 {
                    // More tracks than any tile grid shows are not worth a section each.
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
            _ => {}
        }
    }

    /// The server says which layers of a track of ours anybody subscribes to.
    fn want_layers(&mut self, update: &lk::SubscribedQualityUpdate) {
        let Some(track) = self.tracks.iter().find(|t| t.sid.as_deref() == Some(&update.track_sid)) else { return };
        let codecs = update.subscribed_codecs.iter().filter(|c| c.codec.to_lowercase().contains("vp8"));
        // LOW, MEDIUM and HIGH are 0, 1 and 2: the indices of the layers.
        let qualities = codecs.flat_map(|c| &c.qualities).filter(|q| q.quality() != lk::VideoQuality::Off);
        let layers: Vec<_> = qualities.map(|q| (q.quality as usize, q.enabled)).collect();
        if !layers.is_empty() {
            self.out.push_back(Output::WantLayers { cid: track.cid.clone(), layers });
        }
    }

    fn my_sid(&mut self) -> String {
        self.joined_mut().map(|j| j.sid.clone()).unwrap_or_default()
    }

    fn bind(&mut self, sections: std::collections::HashMap<String, String>) {
        self.with_roster(|roster, out| roster.bind(sections, out));
    }

    fn answer(&mut self, d: lk::SessionDescription) {
        self.bind(d.mid_to_track_id);
        self.command(PeerCommand::SetAnswer(d.sdp));
        if let Some(command) = self.joined_mut().and_then(|j| j.negotiation.settled()) {
            self.command(command);
        }
    }

    fn trickle(&mut self, t: &lk::TrickleRequest) {
        // An empty candidate is the end of candidates, which nobody waits for.
        let empty = serde_json::from_str::<serde_json::Value>(&t.candidate_init)
            .map_or(true, |v| v["candidate"].as_str().is_none_or(str::is_empty));
        let Some(joined) = self.joined_mut().filter(|_| !empty) else { return };
        let target = joined.negotiation.candidate_target(t.target());
        self.command(PeerCommand::AddCandidate { target, json: t.candidate_init.clone() });
    }

    fn track_published(&mut self, p: lk::TrackPublishedResponse) {
        let Some(info) = p.track else { return };
        if let Some(t) = self.tracks.iter_mut().find(|t| t.cid == p.cid) {
            t.sid = Some(info.sid);
            t.muted = info.muted;
        }
        self.tell_mutes();
    }

    fn muted_by_server(&mut self, m: &lk::MuteTrackRequest) {
        let Some(track) = self.tracks.iter_mut().find(|t| t.sid.as_deref() == Some(m.sid.as_str())) else { return };
        track.muted = m.muted;
        let source = track.source;
        self.out.push_back(Output::Feed { source, on: !m.muted });
        // A muted screen audio leaves the screen alone.
        if m.muted
            && let Some(kind) = source.device().filter(|kind| kind.source() == Some(source))
        {
            self.set_device(kind, false);
        }
    }

    /// The server ends our stay, or asks us to come again.
    pub(super) fn server_leave(&mut self, leave: &lk::LeaveRequest, now: Moment) {
        let action = if asks_to_rejoin(leave) { Action::Reconnect } else { leave.action() };
        match action {
            Action::Resume => self.link_lost(now),
            Action::Reconnect => self.must_rejoin(now),
            Action::Disconnect => {
                let entering = matches!(self.phase, Phase::Entering(_));
                let reason = exit_reason(leave.reason(), entering);
                self.leave(reason, ending_sentence(reason), now);
            }
        }
    }

    // ---- devices

    pub(super) fn set_device(&mut self, kind: DeviceKind, on: bool) {
        if matches!(self.phase, Phase::Leaving(_) | Phase::Gone(_)) {
            return;
        }
        let output = self.slot_mut(kind).want(on);
        self.out.extend(output);
        self.after_device();
    }

    pub(super) fn choose_device(&mut self, kind: DeviceKind, id: Option<String>) {
        if matches!(self.phase, Phase::Leaving(_) | Phase::Gone(_)) {
            return;
        }
        let output = self.slot_mut(kind).choose(id);
        self.out.extend(output);
        self.after_device();
    }

    pub(super) fn step_device(&mut self, kind: DeviceKind) {
        if let Some(output) = self.slot_mut(kind).step() {
            self.out.push_back(output);
        }
    }

    pub(super) fn device(&mut self, kind: DeviceKind, generation: Generation, input: DeviceInput, now: Moment) {
        let Some(change) = self.slot_mut(kind).handle(generation, input) else { return };
        let event = match change {
            SlotChange::Opened(id) => Some(EventKind::DeviceOpened { kind, id }),
            SlotChange::Closed { id, detail } => Some(EventKind::DeviceClosed { kind, id, message: detail }),
            SlotChange::Failed { id, message } => Some(EventKind::DeviceFailed { kind, id, message }),
            SlotChange::GivenUp => None,
        };
        self.out.extend(event.map(Output::Event));
        if let Phase::Leaving(_) = self.phase {
            self.device_while_leaving(kind, now);
        } else {
            self.step_device(kind);
            self.after_device();
        }
    }

    /// Tracks follow their devices: published when first wanted, muted while nothing feeds them.
    fn after_device(&mut self) {
        if matches!(self.phase, Phase::Entering(ref e) if e.joined.is_none()) {
            return;
        }
        if self.joined_mut().is_some() {
            self.publish_wanted();
        }
        self.tell_mutes();
    }

    fn tell_mutes(&mut self) {
        let mut changes = Vec::new();
        for source in PUBLISHED {
            let muted = !self.source_is_fed(source);
            if let Some(t) = self.tracks.iter_mut().find(|t| t.source == source && t.sid.is_some() && t.muted != muted)
            {
                t.muted = muted;
                changes.push((source, lk::MuteTrackRequest { sid: t.sid.clone().unwrap_or_default(), muted }));
            }
        }
        for (source, mute) in changes {
            let on = !mute.muted;
            self.send(Request::Mute(mute));
            self.out.push_back(Output::Feed { source, on });
        }
    }

    /// Whether a device is wanted and has not failed; while it opens, its track counts as live.
    pub(super) fn source_is_fed(&self, source: TrackSource) -> bool {
        source.device().is_some_and(|kind| {
            let s = self.slot(kind);
            s.wanted() && s.choice() != Some(NO_DEVICE) && !matches!(s.state(), super::SlotState::Failed { .. })
        })
    }

    pub(super) fn slot_mut(&mut self, kind: DeviceKind) -> &mut super::DeviceSlot {
        match kind {
            DeviceKind::Camera => &mut self.camera,
            DeviceKind::Microphone => &mut self.microphone,
            DeviceKind::Speaker => &mut self.speaker,
            DeviceKind::Screen => &mut self.screen,
        }
    }

    /// The connection that EnterRoom waits for.
    pub(super) fn is_primary(&mut self, target: SignalTarget) -> bool {
        self.joined_mut().is_some_and(|j| (target == SignalTarget::Subscriber) == j.subscriber_primary)
    }
}

/// Whether a server older than protocol 13, which sets no action, asks us to join again.
fn asks_to_rejoin(leave: &lk::LeaveRequest) -> bool {
    leave.can_reconnect && leave.action() == Action::Disconnect
}

/// LiveKit's reason in our words.
fn exit_reason(r: lk::DisconnectReason, entering: bool) -> ExitReason {
    use lk::DisconnectReason as R;
    match r {
        R::ClientInitiated => ExitReason::Left,
        R::ParticipantRemoved => ExitReason::Kicked,
        R::RoomDeleted => ExitReason::Dismissed,
        R::DuplicateIdentity => ExitReason::JoinedElsewhere,
        R::ServerShutdown => ExitReason::ServerStopped,
        R::JoinFailure => ExitReason::EntryFailed,
        _ if entering => ExitReason::EntryFailed,
        _ => ExitReason::ConnectionLost,
    }
}

/// The STUN and TURN servers of a join or a resume.
pub(super) fn ice_servers(servers: &[lk::IceServer]) -> Vec<IceServer> {
    let server = |s: &lk::IceServer| IceServer {
        urls: s.urls.clone(),
        username: s.username.clone(),
        credential: Secret::new(s.credential.clone()),
    };
    servers.iter().map(server).collect()
}

fn ending_sentence(reason: ExitReason) -> String {
    match reason {
        ExitReason::EntryFailed => "The server ended the call before it began. Try again.".into(),
        ExitReason::ConnectionLost => "The server ended the connection. Try to join again.".into(),
        _ => String::new(),
    }
}
