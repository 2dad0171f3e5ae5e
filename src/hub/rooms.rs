//! Rooms: how they open, the counts that their members are told, and how they close.
//!
//! A room outlives its last person by `departure_timeout`, and one that nobody joined its making by `empty_timeout`, as on
//! livekit-server. Agents and egress depend on people: they neither keep a room open nor count towards its limit.

use super::config::METADATA_BYTES;
use super::member::{Member, RoomNo};
use super::publish::mime_type;
use super::speakers::Speakers;
use super::{Admission, Hub, HubEvent, MemberId, Room, Timer, clipped};
use crate::base::{Codec, MediaKind};
use crate::proto::room_settings::RoomSettings;
use livekit_protocol as lk;
use lk::DisconnectReason as Why;
use lk::leave_request::Action;
use lk::participant_info::Kind;
use lk::signal_response::Message;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long changes of the counts are collected before the members are told.
const COUNTS_AFTER: Duration = Duration::from_millis(250);

/// The numbers of participants and of publishers.
pub(super) type Counts = (u32, u32);

/// Whether a participant of this kind depends on people.
pub(super) const fn is_dependent(kind: Kind) -> bool {
    matches!(kind, Kind::Agent | Kind::Egress)
}

impl Member {
    fn is_dependent(&self) -> bool {
        is_dependent(self.base.kind())
    }
}

impl Hub {
    /// Whether a room has no place for this participant. Its own earlier session does not count.
    pub(super) fn is_full(&self, room: &Room, admission: &Admission) -> bool {
        let others = || room.members.iter().filter_map(|m| self.members.get(m)).filter(|m| m.user != admission.user);
        let limit = Some(room.info.max_participants as usize).filter(|n| *n > 0 && !is_dependent(admission.kind));
        limit.is_some_and(|limit| others().filter(|m| !m.is_dependent() && m.waiting.is_none()).count() >= limit)
            || others().count() >= self.config.max_members
    }

    /// The room that a participant joins; it is made if it does not exist.
    pub(super) fn room_for_join(&mut self, admission: &Admission) -> RoomNo {
        let dependent = is_dependent(admission.kind);
        if let Some(no) = self.names.get(&admission.room).copied() {
            if !dependent {
                self.timers.stop(Timer::Idle(no));
            }
            return no;
        }
        let config = admission.room_config.as_deref().cloned().unwrap_or_default();
        let no = self.open_room(lk::Room {
            name: admission.room.clone(),
            metadata: clipped(config.metadata, METADATA_BYTES),
            max_participants: config.max_participants,
            empty_timeout: config.empty_timeout,
            departure_timeout: config.departure_timeout,
            ..lk::Room::default()
        });
        if !dependent {
            self.timers.stop(Timer::Idle(no));
        }
        no
    }

    /// Makes a room; the caller sets name, metadata and limits. A timeout of 0 is the server's.
    pub(super) fn open_room(&mut self, info: lk::Room) -> RoomNo {
        self.last_room += 1;
        let no = RoomNo(self.last_room);
        let or = |value: u32, default: u32| if value > 0 { value } else { default };
        let info = lk::Room {
            sid: self.ids.room(),
            empty_timeout: or(info.empty_timeout, self.config.empty_timeout_s),
            departure_timeout: or(info.departure_timeout, self.config.departure_timeout_s),
            creation_time: self.unix_s(),
            creation_time_ms: self.unix_ms(),
            enabled_codecs: codecs(),
            ..info
        };
        self.timers.set(Timer::Idle(no), self.now + Duration::from_secs(info.empty_timeout.into()));
        self.names.insert(info.name.clone(), no);
        self.emit(HubEvent::RoomOpened { room: info.name.clone() });
        let settings = RoomSettings::read(&info.metadata);
        let (members, speakers) = (BTreeSet::new(), Speakers::default());
        let closed_at = if settings.is_closed() { self.unix_s() } else { 0 };
        self.rooms.insert(no, Room { info, settings, closed_at, members, counts: (0, 0), speakers });
        self.notify_room("room_started", no);
        no
    }

    /// A room as clients are told of it.
    pub(super) fn room_info(&self, room: &Room) -> lk::Room {
        let (num_participants, num_publishers) = self.counts(room);
        lk::Room { num_participants, num_publishers, ..room.info.clone() }
    }

    fn counts(&self, room: &Room) -> Counts {
        let members = || room.members.iter().filter_map(|id| self.members.get(id)).filter(|m| m.waiting.is_none());
        let publishes = |member: &&Member| member.tracks.iter().any(|track| track.is_published);
        let participants = members().filter(|member| !member.is_dependent()).count();
        (participants as u32, members().filter(publishes).count() as u32)
    }

    /// Has the members told soon if the counts of their room differ from those that they know.
    pub(super) fn counts_changed(&mut self, no: RoomNo) {
        let Some(room) = self.rooms.get(&no) else { return };
        if self.counts(room) == room.counts || room.members.is_empty() {
            self.timers.stop(Timer::Counts(no));
        } else {
            self.timers.set_earlier(Timer::Counts(no), self.now + COUNTS_AFTER);
        }
    }

    /// Sends `room_update` with the current counts.
    pub(super) fn send_counts(&mut self, no: RoomNo) {
        let Some(room) = self.rooms.get(&no) else { return };
        let info = self.room_info(room);
        if let Some(room) = self.rooms.get_mut(&no) {
            room.counts = (info.num_participants, info.num_publishers);
        }
        self.broadcast(no, &Message::RoomUpdate(lk::RoomUpdate { room: Some(info) }));
    }

    /// Closes a room without people: after its `departure_timeout`, or at once if that time is over.
    pub(super) fn close_if_empty(&mut self, no: RoomNo, is_time_over: bool) {
        let Some(room) = self.rooms.get(&no) else { return };
        if room.members.iter().filter_map(|id| self.members.get(id)).any(|member| !member.is_dependent()) {
            return;
        }
        let keep = Duration::from_secs(room.info.departure_timeout.into());
        if !is_time_over && !keep.is_zero() {
            return self.timers.set(Timer::Idle(no), self.now + keep);
        }
        for id in self.members_in(no) {
            self.send_leave(id, Action::Disconnect, Why::RoomClosed);
            if let Some(member) = self.detach_member(id) {
                self.release_member(member, Why::RoomClosed);
            }
        }
        self.close_room(no);
    }

    /// Forgets a room without members.
    pub(super) fn close_room(&mut self, no: RoomNo) {
        for timer in [Timer::Idle(no), Timer::Speakers(no), Timer::Counts(no)] {
            self.timers.stop(timer);
        }
        self.notify_room("room_finished", no);
        if let Some(room) = self.rooms.remove(&no) {
            self.names.remove(&room.info.name);
            self.emit(HubEvent::RoomClosed { room: room.info.name });
        }
    }

    /// The identities of a room's members.
    pub(super) fn members_in(&self, room: RoomNo) -> Vec<MemberId> {
        self.rooms.get(&room).map(|r| r.members.iter().copied().collect()).unwrap_or_default()
    }
}

/// The codecs that rooms carry.
pub(super) fn codecs() -> Vec<lk::Codec> {
    let codec = |kind: MediaKind, codec: &Codec| lk::Codec { mime: mime_type(kind, *codec), fmtp_line: String::new() };
    // Without `video/rtx`: livekit-client 2.5 takes it for a codec that it has to offer, and publishes nothing.
    let kinds = [MediaKind::Audio, MediaKind::Video].into_iter();
    kinds.flat_map(|kind| Codec::of_rooms(kind).iter().map(move |c| codec(kind, c))).collect()
}
