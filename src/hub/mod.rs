//! All the rooms of a server. Pure: a goodbye, a kick, a lost link and an offer are inputs like any other.
//!
//! [`Hub`] holds the rooms; its work is spread over the files by what happens: `join`, `leave`, `signal` and `media`
//! (what comes in), `publish`, `subscribe`, `negotiate`, `data`, `admin`. What can be decided without the rest stands by
//! itself: `downlink_single` and `downlink_dual` (which section carries which track), `uplink`, `presence`, `speakers`, `bans`.

mod admin;
mod bans;
mod config;
mod data;
mod downlink_dual;
mod downlink_single;
mod ids;
mod io;
mod join;
mod leave;
mod media;
mod member;
mod negotiate;
mod presence;
mod publish;
mod signal;
mod speakers;
mod subscribe;
#[cfg(test)]
mod tests;
mod uplink;

pub use bans::BanList;
pub use config::HubConfig;
pub use io::*;

use crate::base::{Moment, Timers};
use bans::LeaveLog;
use ids::Ids;
use livekit_protocol as lk;
use lk::signal_response::Message;
use member::{Member, RoomNo};
use speakers::Speakers;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// All the rooms of a server: who is in them, who publishes what, who sees it, and who must not come back.
///
/// One input, then drain [`Hub::poll`], then the next. [`Hub::deadline`] says when to come with [`Input::Tick`].
#[derive(Clone, Debug)]
pub struct Hub {
    config: HubConfig,
    ids: Ids,
    now: Moment,
    rooms: BTreeMap<RoomNo, Room>,
    names: BTreeMap<String, RoomNo>,
    members: BTreeMap<MemberId, Member>,
    links: BTreeMap<LinkId, MemberId>,
    /// Whose a track is, announced or published.
    owners: BTreeMap<TrackSid, MemberId>,
    bans: BanList,
    leave_log: LeaveLog,
    timers: Timers<Timer>,
    out: VecDeque<Output>,
    last_member: u64,
    last_room: u64,
    is_stopping: bool,
}

/// One room.
#[derive(Clone, Debug)]
struct Room {
    info: lk::Room,
    members: BTreeSet<MemberId>,
    /// Whether it is kept for a while without anybody in it, as `CreateRoom` or a token wished.
    is_kept: bool,
    speakers: Speakers,
}

/// What can be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Somebody may be gone.
    Presence(MemberId),
    /// Somebody has not connected the media.
    Entry(MemberId),
    /// Ask for an offer again; or an offer was not answered.
    Negotiation(MemberId),
    /// A publisher may stop sending layers that nobody wants.
    Dynacast(MemberId),
    /// Tell who speaks.
    Speakers(RoomNo),
    /// An empty room is not kept any longer.
    Idle(RoomNo),
}

impl Hub {
    /// An empty server. The same seed and inputs give the same ids.
    pub fn new(config: HubConfig, seed: u64) -> Self {
        Self {
            config,
            ids: Ids::new(seed),
            now: Moment::ZERO,
            rooms: BTreeMap::new(),
            names: BTreeMap::new(),
            members: BTreeMap::new(),
            links: BTreeMap::new(),
            owners: BTreeMap::new(),
            bans: BanList::default(),
            leave_log: LeaveLog::default(),
            timers: Timers::default(),
            out: VecDeque::new(),
            last_member: 0,
            last_room: 0,
            is_stopping: false,
        }
    }

    /// Takes one input, then carries out what was due until `now`: a resume that comes in the last moment counts.
    pub fn handle(&mut self, input: Input, now: Moment) {
        self.now = self.now.max(now);
        match input {
            Input::Join { link, admission, request, single } => self.join(link, *admission, *request, single),
            Input::Signal { link, message } => self.signal(link, *message),
            Input::LinkGone { link } => self.link_gone(link),
            Input::Admin { call, request } => {
                let answer = self.admin(*request).map(Box::new);
                self.out.push_back(Output::Answer { call, answer });
            }
            Input::Media(event) => self.media_event(event),
            Input::Tick => {}
            Input::Shutdown => self.shut_down(),
        }
        while let Some(timer) = self.timers.pop_due(self.now) {
            self.fire(timer);
        }
    }

    /// The next thing to do, in order.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to come with [`Input::Tick`] if nothing else happens.
    pub fn deadline(&self) -> Option<Moment> {
        self.timers.next_deadline()
    }

    /// Whether somebody is turned away at the door. A resume never is: it is answered by `leave` on the link, so that
    /// whoever was removed meanwhile learns why.
    pub fn refusal(&self, admission: &Admission, resume: bool) -> Option<Refusal> {
        if resume {
            return None;
        }
        if let Some(ban) = self.find_ban(admission) {
            return Some(if ban.dismissed { Refusal::Dismissed } else { Refusal::Removed });
        }
        let Some(room) = self.names.get(&admission.room).and_then(|no| self.rooms.get(no)) else {
            let no_place = self.rooms.len() >= self.config.max_rooms;
            let full = no_place.then_some(Refusal::Full);
            return if self.config.auto_create { full } else { Some(Refusal::NoRoom) };
        };
        let limit = Some(room.info.max_participants as usize).filter(|n| *n > 0);
        let limit = limit.map_or(self.config.max_members, |n| n.min(self.config.max_members));
        let others = room.members.iter().filter(|m| self.members.get(m).is_some_and(|m| m.user != admission.user));
        (others.count() >= limit).then_some(Refusal::Full)
    }

    /// Sets the clock on the wall, which may have moved against `now` while the machine slept. Removals are dated by it,
    /// and compared with the time of tokens: tell it before each admin call.
    pub fn set_unix_ms(&mut self, unix_ms: i64, now: Moment) {
        self.config.unix_ms_at_zero = unix_ms - millis(now);
    }

    /// Takes back who was banned before a restart, as [`HubEvent::Banned`] told it one by one.
    pub fn restore(&mut self, bans: BanList) {
        self.bans = bans;
    }

    fn find_ban(&self, admission: &Admission) -> Option<&Ban> {
        self.bans.find(&admission.room, &admission.user, admission.issued_at, self.unix_s())
    }

    /// Names of all rooms.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// How many people are in all rooms together.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// How many tracks are published in all rooms together.
    pub fn tracks(&self) -> usize {
        self.members.values().flat_map(|m| &m.tracks).filter(|t| t.is_published).count()
    }

    /// Whether nobody is here, no room is kept and no timer runs. BanList do not count.
    pub fn is_empty(&self) -> bool {
        let no_people = self.members.is_empty() && self.links.is_empty() && self.owners.is_empty();
        no_people && self.rooms.is_empty() && self.names.is_empty() && self.timers.is_empty()
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Presence(member) => self.check_presence(member),
            Timer::Entry(member) => self.kick(member, lk::DisconnectReason::JoinFailure),
            Timer::Negotiation(member) => self.negotiation_due(member),
            Timer::Dynacast(member) => self.dynacast_due(member),
            Timer::Speakers(room) => self.broadcast_speakers(room),
            Timer::Idle(room) => self.close_if_empty(room, true),
        }
    }

    fn unix_ms(&self) -> i64 {
        self.config.unix_ms_at_zero + millis(self.now)
    }

    fn unix_s(&self) -> i64 {
        self.unix_ms().div_euclid(1000)
    }

    fn send_on_link(&mut self, link: LinkId, message: Message) {
        self.out.push_back(Output::Signal { link, message: Box::new(message) });
    }

    /// Tells a member something; without a link it is lost, as the messages after a resume make up for it.
    fn send(&mut self, member: MemberId, message: Message) {
        if let Some(link) = self.members.get(&member).and_then(|m| m.link) {
            self.send_on_link(link, message);
        }
    }

    fn broadcast(&mut self, room: RoomNo, message: &Message) {
        for member in self.members_in(room) {
            self.send(member, message.clone());
        }
    }

    /// Has a member's client given a token that says what it may do and how it is called now.
    fn renew_token(&mut self, id: MemberId) {
        let Some(member) = self.members.get(&id) else { return };
        let Some(link) = member.link else { return };
        let holder = Box::new(member.info());
        self.out.push_back(Output::RenewToken { link, holder });
    }

    fn members_in(&self, room: RoomNo) -> Vec<MemberId> {
        self.rooms.get(&room).map(|r| r.members.iter().copied().collect()).unwrap_or_default()
    }

    fn others_in(&self, room: RoomNo, but: MemberId) -> Vec<MemberId> {
        self.members_in(room).into_iter().filter(|m| *m != but).collect()
    }

    fn command(&mut self, command: MediaCommand) {
        self.out.push_back(Output::Media(command));
    }

    fn emit(&mut self, event: HubEvent) {
        self.out.push_back(Output::Event(event));
    }

    /// Shows a member's new state to everybody, itself included.
    fn broadcast_info(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.base.version += 1;
        let (room, hidden) = (member.room, member.permission.hidden);
        let update = Message::Update(lk::ParticipantUpdate { participants: vec![member.info()] });
        if hidden {
            self.send(id, update);
        } else {
            self.broadcast(room, &update);
        }
    }

    fn room_info(&self, room: &Room) -> lk::Room {
        let publishes = |id: &&MemberId| self.members.get(id).is_some_and(|m| m.tracks.iter().any(|t| t.is_published));
        lk::Room {
            num_participants: room.members.len() as u32,
            num_publishers: room.members.iter().filter(publishes).count() as u32,
            ..room.info.clone()
        }
    }

    fn room_name(&self, room: RoomNo) -> String {
        self.rooms.get(&room).map(|r| r.info.name.clone()).unwrap_or_default()
    }
}

fn millis(at: Moment) -> i64 {
    (at.as_micros() / 1000) as i64
}

/// The first `bytes` of a text, cut between characters.
fn clipped(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
