//! A simulated client: it offers when no answer is outstanding, applies what it receives, and panics where a real
//! client would break.

use crate::base::{MediaKind, TrackSid};
use crate::hub::{LinkId, Mid};
use livekit_protocol as lk;
use lk::leave_request::Action;
use lk::participant_info::State;
use lk::signal_request::Message as Request;
use lk::signal_response::Message;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One client through all its sessions.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) name: String,
    pub(super) single: bool,
    pub(super) link: Option<LinkId>,
    /// Received messages, oldest first.
    pub(super) inbox: Vec<Message>,
    pub(super) outbox: VecDeque<Request>,
    pub(super) sid: String,
    /// The other participants, by identity.
    pub(super) others: BTreeMap<String, lk::ParticipantInfo>,
    /// The track of each m-line.
    pub(super) map: BTreeMap<Mid, TrackSid>,
    pub(super) ended: Option<(Action, lk::DisconnectReason)>,
    /// The server's ids of the client's own tracks, by cid.
    pub(super) own: BTreeMap<String, TrackSid>,
    known_tracks: BTreeSet<TrackSid>,
    m_lines: Vec<MLine>,
    next_mid: u32,
    offer_id: u32,
    awaits_answer: bool,
    offer_again: bool,
}

#[derive(Clone, Debug)]
struct MLine {
    mid: Mid,
    kind: MediaKind,
    direction: Direction,
}

#[derive(Clone, Debug, PartialEq)]
enum Direction {
    Receive,
    Send { cid: String },
    Inactive,
}

impl Client {
    pub(super) fn new(name: &str, single: bool) -> Self {
        Self {
            name: name.to_owned(),
            single,
            link: None,
            inbox: Vec::new(),
            outbox: VecDeque::new(),
            sid: String::new(),
            others: BTreeMap::new(),
            map: BTreeMap::new(),
            ended: None,
            own: BTreeMap::new(),
            known_tracks: BTreeSet::new(),
            m_lines: Vec::new(),
            next_mid: 0,
            offer_id: 0,
            awaits_answer: false,
            offer_again: false,
        }
    }

    /// Starts a new session. Returns its join request.
    pub(super) fn start(&mut self, link: LinkId, spare: usize) -> lk::JoinRequest {
        *self = Self { inbox: std::mem::take(&mut self.inbox), ..Self::new(&self.name, self.single) };
        self.link = Some(link);
        let client_info = Some(lk::ClientInfo { protocol: 17, ..Default::default() });
        let settings = lk::ConnectionSettings { auto_subscribe: true, ..Default::default() };
        if self.single {
            for kind in [MediaKind::Audio, MediaKind::Video] {
                (0..spare).for_each(|_| self.add_m_line(kind, Direction::Receive));
            }
        }
        let publisher_offer = self.single.then(|| self.make_offer());
        lk::JoinRequest { client_info, connection_settings: Some(settings), publisher_offer, ..Default::default() }
    }

    /// Resumes on a new link. Unsent messages are lost.
    pub(super) fn come_back(&mut self, link: LinkId) -> lk::JoinRequest {
        self.link = Some(link);
        self.outbox.clear();
        lk::JoinRequest { reconnect: true, participant_sid: self.sid.clone(), ..Default::default() }
    }

    fn add_m_line(&mut self, kind: MediaKind, direction: Direction) {
        self.m_lines.push(MLine { mid: self.next_mid.to_string(), kind, direction });
        self.next_mid += 1;
    }

    fn make_offer(&mut self) -> lk::SessionDescription {
        self.awaits_answer = true;
        self.offer_again = false;
        self.offer_id += 1;
        let sdp = self.m_lines.iter().map(MLine::text).collect();
        lk::SessionDescription { r#type: "offer".into(), sdp, id: self.offer_id, ..Default::default() }
    }

    /// Offers now, or after the outstanding answer.
    pub(super) fn offer(&mut self) {
        if self.awaits_answer {
            self.offer_again = true;
            return;
        }
        let offer = self.make_offer();
        self.outbox.push_back(Request::Offer(offer));
    }

    pub(super) fn publish(&mut self, cid: &str, kind: MediaKind) {
        let r#type = if kind == MediaKind::Video { lk::TrackType::Video } else { lk::TrackType::Audio } as i32;
        let source = if kind == MediaKind::Video { lk::TrackSource::Camera } else { lk::TrackSource::Microphone };
        let (cid, source) = (cid.to_owned(), source as i32);
        self.outbox.push_back(Request::AddTrack(lk::AddTrackRequest {
            cid: cid.clone(),
            r#type,
            source,
            ..Default::default()
        }));
        // Browsers reuse an inactive m-line.
        let unused = self.m_lines.iter_mut().find(|s| s.kind == kind && s.direction == Direction::Inactive);
        match unused {
            Some(m_line) => m_line.direction = Direction::Send { cid },
            None => self.add_m_line(kind, Direction::Send { cid }),
        }
        self.offer();
    }

    pub(super) fn unpublish(&mut self, cid: &str) {
        for m_line in &mut self.m_lines {
            if matches!(&m_line.direction, Direction::Send { cid: c } if c == cid) {
                m_line.direction = Direction::Inactive;
            }
        }
        self.own.remove(cid);
        self.offer();
    }

    /// The cids of the tracks being sent.
    pub(super) fn sending(&self) -> Vec<String> {
        let cids = self.m_lines.iter().filter_map(|s| match &s.direction {
            Direction::Send { cid } => Some(cid.clone()),
            _ => None,
        });
        cids.collect()
    }

    /// Handles a message as an SDK does.
    pub(super) fn receive(&mut self, message: Message) {
        self.inbox.push(message.clone());
        match message {
            Message::Join(join) => {
                self.sid = join.participant.expect("join names the participant").sid;
                self.show(join.other_participants);
            }
            Message::Reconnect(_) => {
                self.awaits_answer = false;
                if self.single || !self.m_lines.is_empty() {
                    self.offer();
                }
            }
            Message::Update(update) => self.show(update.participants),
            Message::Answer(answer) => self.apply_answer(&answer),
            Message::Offer(offer) => {
                assert!(!self.single, "a v1 client never gets an offer");
                self.apply(tracks_of(&offer));
                let answer = lk::SessionDescription { r#type: "answer".into(), id: offer.id, ..Default::default() };
                self.outbox.push_back(Request::Answer(answer));
            }
            Message::MediaSectionsRequirement(r) => {
                (0..r.num_audios).for_each(|_| self.add_m_line(MediaKind::Audio, Direction::Receive));
                (0..r.num_videos).for_each(|_| self.add_m_line(MediaKind::Video, Direction::Receive));
                self.offer();
            }
            Message::TrackPublished(published) => {
                let track = published.track.expect("a track");
                if self.sending().contains(&published.cid) {
                    self.own.insert(published.cid, track.sid.as_str().into());
                }
            }
            Message::Leave(leave) => self.ended = Some((leave.action(), leave.reason())),
            _ => {}
        }
    }

    fn apply_answer(&mut self, answer: &lk::SessionDescription) {
        if answer.id != self.offer_id {
            return;
        }
        assert!(self.awaits_answer, "{}: answer {} was not expected", self.name, answer.id);
        self.awaits_answer = false;
        if self.single {
            let map = tracks_of(answer);
            let shown: BTreeMap<_, _> = answer.sdp.lines().filter_map(|l| l.split_once('=')).collect();
            let named: BTreeMap<_, _> = map.iter().map(|(mid, track)| (mid.as_str(), track.as_str())).collect();
            assert_eq!(named, shown, "{}: the map names other tracks than the answer", self.name);
            self.apply(map);
        }
        if self.offer_again {
            self.offer();
        }
    }

    fn apply(&mut self, map: BTreeMap<Mid, TrackSid>) {
        for (mid, track) in &map {
            assert!(self.known_tracks.contains(track), "{}: {track} is described before its participant", self.name);
            let before = self.map.get(mid);
            let dark = self.single && before.is_some_and(|before| before != track);
            assert!(!dark, "{}: m-line {mid} carries {track} directly after {before:?}", self.name);
        }
        self.map = map;
    }

    fn show(&mut self, participants: Vec<lk::ParticipantInfo>) {
        for p in participants.into_iter().filter(|p| p.identity != self.name) {
            self.known_tracks.extend(p.tracks.iter().map(|t| TrackSid::from(t.sid.as_str())));
            let known = self.others.get(&p.identity);
            if known.is_some_and(|k| k.sid == p.sid && k.version > p.version) {
                continue;
            }
            if p.state == State::Disconnected as i32 {
                self.others.remove(&p.identity);
            } else {
                self.others.insert(p.identity.clone(), p);
            }
        }
    }

    /// The tracks of others that are both announced and received.
    pub(super) fn sees(&self) -> BTreeSet<TrackSid> {
        let shown: BTreeSet<_> = self.others.values().flat_map(|p| &p.tracks).map(|t| t.sid.as_str()).collect();
        self.map.values().filter(|t| shown.contains(t.as_str())).cloned().collect()
    }
}

/// The track of each m-line of a description.
fn tracks_of(description: &lk::SessionDescription) -> BTreeMap<Mid, TrackSid> {
    description.mid_to_track_id.iter().map(|(mid, track)| (mid.clone(), track.as_str().into())).collect()
}

impl MLine {
    fn text(&self) -> String {
        let kind = if self.kind == MediaKind::Audio { "audio" } else { "video" };
        let direction = match &self.direction {
            Direction::Receive => "a=recvonly\r\n".to_owned(),
            Direction::Send { cid } => format!("a=sendonly\r\na=msid:- {cid}\r\n"),
            Direction::Inactive => "a=inactive\r\n".to_owned(),
        };
        format!("m={kind} 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{}\r\n{direction}", self.mid)
    }
}
