//! The rooms of a server as a pure state machine: no sockets, no threads, time as an argument.
//!
//! [`Hub`] owns the rooms. Its methods are grouped by subject: `rooms`, `join`, `leave`, `signal` (client messages), `media`
//! (reports of the forwarding plane), `publish`, `subscribe`, `negotiate`, `data`, `door` (locked and waiting rooms), `admin`, `notify` (webhooks). Parts that need no room
//! stand alone: `uplink`, `downlink_single` and `downlink_dual` (which m-line carries which track), `presence`,
//! `speakers`, `bans`, `leave_log`. `io` has the types of the interface.

mod admin;
mod bans;
mod config;
mod data;
mod door;
mod downlink_dual;
mod downlink_single;
mod ids;
mod io;
mod join;
mod leave;
mod leave_log;
mod media;
mod member;
mod negotiate;
mod notify;
mod presence;
mod publish;
mod rooms;
mod signal;
mod speakers;
mod subscribe;
#[cfg(test)]
mod tests;
mod uplink;

pub use bans::BanList;
pub use config::HubConfig;
pub use io::*;

use crate::base::{Moment, Timers, TrackSid};
use crate::proto::room_settings::RoomSettings;

use ids::Ids;
use leave_log::LeaveLog;
use livekit_protocol as lk;
use lk::signal_response::Message;
use member::{Member, RoomNo};
use rooms::Counts;
use speakers::Speakers;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The rooms of a server: members, published tracks, subscriptions and bans.
///
/// Call [`Hub::handle`] with one input, then [`Hub::poll`] until it returns `None`, then the next input.
/// [`Hub::deadline`] is the time for [`Input::Tick`].
#[derive(Clone, Debug)]
pub struct Hub {
    config: HubConfig,
    ids: Ids,
    now: Moment,
    rooms: BTreeMap<RoomNo, Room>,
    names: BTreeMap<String, RoomNo>,
    members: BTreeMap<MemberId, Member>,
    links: BTreeMap<LinkId, MemberId>,
    /// The publisher of each track, announced or published.
    owners: BTreeMap<TrackSid, MemberId>,
    bans: BanList,
    leave_log: LeaveLog,
    timers: Timers<Timer>,
    out: VecDeque<Output>,
    last_member: u64,
    last_room: u64,
    is_stopping: bool,
}

#[derive(Clone, Debug)]
struct Room {
    info: lk::Room,
    /// What hosts have set, from the metadata in `info`.
    settings: RoomSettings,
    /// When hosts closed the door last, in Unix seconds; 0 before.
    closed_at: i64,
    members: BTreeSet<MemberId>,
    /// The counts that the members were told last.
    counts: Counts,
    speakers: Speakers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Check a member's presence again.
    Presence(MemberId),
    /// The limit for the first media connection.
    Entry(MemberId),
    /// Repeat a request for an offer, or give up on an unanswered offer.
    Negotiation(MemberId),
    /// Tell a publisher to stop layers that nobody subscribes to.
    Dynacast(MemberId),
    /// Send `speakers_changed`.
    Speakers(RoomNo),
    /// Send the counts of a room.
    Counts(RoomNo),
    /// Close an empty room.
    Idle(RoomNo),
}

impl Hub {
    /// An empty hub. The same seed and inputs give the same ids.
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

    /// Handles one input, then fires the timers that are due at `now`. The order lets a resume that arrives at the
    /// deadline succeed.
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

    /// The next output, in order.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to call [`Hub::handle`] with [`Input::Tick`] if no other input comes.
    pub fn deadline(&self) -> Option<Moment> {
        self.timers.next_deadline()
    }

    /// Why a join is refused before the WebSocket upgrade. A resume is never refused here: the hub answers it with
    /// `leave` on the link, so that a user who was removed meanwhile learns the reason.
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
        if self.is_locked_for(room, admission) {
            return Some(Refusal::Locked);
        }
        self.is_full(room, admission).then_some(Refusal::Full)
    }

    /// Sets the wall clock, which may jump against `now` when the machine sleeps. Bans are dated by it and compared
    /// with the time of tokens, so call this before each admin call.
    pub(crate) fn set_unix_ms(&mut self, unix_ms: i64, now: Moment) {
        self.config.unix_ms_at_zero = unix_ms - millis(now);
    }

    /// Restores the bans that [`HubEvent::Banned`] reported before a restart.
    pub fn restore(&mut self, bans: BanList) {
        self.bans = bans;
    }

    fn find_ban(&self, admission: &Admission) -> Option<&Ban> {
        self.bans.find(&admission.room, &admission.user, admission.issued_at, self.unix_s())
    }

    /// The names of all rooms.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// The number of members in all rooms.
    pub(crate) fn members(&self) -> usize {
        self.members.len()
    }

    /// The number of published tracks in all rooms.
    pub(crate) fn tracks(&self) -> usize {
        self.members.values().flat_map(|m| &m.tracks).filter(|t| t.is_published).count()
    }

    /// Whether there is no member, room or timer. Bans do not count.
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
            Timer::Counts(room) => self.send_counts(room),
            Timer::Idle(room) => self.close_if_empty(room, true),
        }
    }

    fn unix_ms(&self) -> i64 {
        self.config.unix_ms_at_zero + millis(self.now)
    }

    /// The version of something that changes now: clients keep the newest.
    fn version(&self) -> lk::TimedVersion {
        let unix_micro = self.config.unix_ms_at_zero * 1000 + self.now.as_micros() as i64;
        lk::TimedVersion { unix_micro, ticks: 0 }
    }

    fn unix_s(&self) -> i64 {
        self.unix_ms().div_euclid(1000)
    }

    fn send_on_link(&mut self, link: LinkId, message: Message) {
        self.out.push_back(Output::Signal { link, message: Box::new(message) });
    }

    /// Sends a message to a member. Without a link it is dropped: a resume sends the current state.
    fn send(&mut self, member: MemberId, message: Message) {
        if let Some(link) = self.members.get(&member).and_then(|m| m.link) {
            self.send_on_link(link, message);
        }
    }

    /// Sends a message to all who do not wait before the room.
    fn broadcast(&mut self, room: RoomNo, message: &Message) {
        for member in self.present_in(room) {
            self.send(member, message.clone());
        }
    }

    /// Has a new token sent to a member, with its current name, metadata and permission; for one that waits, with the
    /// permission that it gets.
    fn renew_token(&mut self, id: MemberId) {
        let Some(member) = self.members.get(&id) else { return };
        let Some(link) = member.link else { return };
        let permission = member.waiting.as_ref().unwrap_or(&member.permission).clone();
        let holder = Box::new(lk::ParticipantInfo { permission: Some(permission), ..member.info() });
        self.out.push_back(Output::RenewToken { link, holder });
    }

    fn others_in(&self, room: RoomNo, but: MemberId) -> Vec<MemberId> {
        self.present_in(room).into_iter().filter(|m| *m != but).collect()
    }

    fn command(&mut self, command: MediaCommand) {
        self.out.push_back(Output::Media(command));
    }

    fn emit(&mut self, event: HubEvent) {
        self.out.push_back(Output::Event(event));
    }

    /// Sends a member's new state to the whole room, itself included; a hidden member's only to itself.
    fn broadcast_info(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.base.version += 1;
        let (room, hidden) = (member.room, member.permission.hidden);
        self.counts_changed(room);
        let Some(member) = self.members.get(&id) else { return };
        let update = Message::Update(lk::ParticipantUpdate { participants: vec![member.info()] });
        if hidden {
            self.send(id, update);
        } else {
            self.broadcast(room, &update);
        }
    }

    fn room_name(&self, room: RoomNo) -> String {
        self.rooms.get(&room).map(|r| r.info.name.clone()).unwrap_or_default()
    }
}

fn millis(at: Moment) -> i64 {
    (at.as_micros() / 1000) as i64
}

/// The first `bytes` of a text, cut at a character boundary.
fn clipped(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let end = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
