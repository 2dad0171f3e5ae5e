//! The room as hosts have set it up: what is set for everybody, whether we wait to be let in, and what a host asks of us.

use super::{Output, Phase, Session};
use crate::base::{DeviceKind, EventKind, Moment, TrackSource, UserId, Withheld};
use crate::proto::room_settings::RoomSettings;
use crate::proto::{device_request, standing};
use livekit_protocol as lk;
use lk::data_packet::Value;

/// People who are listed as waiting at most.
const GUESTS: usize = 500;

/// The room as the server describes it.
#[derive(Clone, Debug, Default)]
pub(super) struct RoomState {
    metadata: String,
    settings: RoomSettings,
    /// Whether our own participant is a host.
    is_host: bool,
    /// Whether we wait to be let in: we have a connection, and nothing is sent or received on it.
    is_waiting: bool,
    /// Whether EnterRoom was told.
    has_entered: bool,
    /// Who waits, with their names, as a host is told.
    guests: Vec<(UserId, String)>,
}

impl RoomState {
    /// Whether we wait to be let in.
    pub(super) const fn is_waiting(&self) -> bool {
        self.is_waiting
    }
}

impl Session {
    /// What hosts have set for the room.
    pub fn room_settings(&self) -> &RoomSettings {
        &self.room.settings
    }

    /// The room's metadata, in which the settings are.
    pub(crate) fn room_metadata(&self) -> &str {
        &self.room.metadata
    }

    /// Whether the server shows us as a host.
    pub(crate) fn is_host(&self) -> bool {
        self.room.is_host
    }

    /// Whether we wait to be let in, or waited when our stay ended.
    pub fn is_waiting(&self) -> bool {
        self.room.is_waiting
    }

    /// Who waits, with their names, as a host is told.
    pub(crate) fn guests(&self) -> &[(UserId, String)] {
        &self.room.guests
    }

    /// Takes our own participant.
    pub(super) fn own_standing(&mut self, me: &lk::ParticipantInfo, now: Moment) {
        self.room.is_host = standing::is_host(&me.attributes);
        let is_waiting = standing::is_waiting(&me.attributes);
        let was_waiting = std::mem::replace(&mut self.room.is_waiting, is_waiting);
        match (was_waiting, is_waiting) {
            (false, true) => self.out.push_back(Output::Event(EventKind::Waiting)),
            (true, false) => self.let_in(me, now),
            (true, true) | (false, false) => {}
        }
    }

    /// A host has let us in: our rights come with the same message, and our tracks are published.
    fn let_in(&mut self, me: &lk::ParticipantInfo, now: Moment) {
        self.out.push_back(Output::Event(EventKind::Admitted));
        self.mute_on_entry();
        self.own_participant(me);
        self.tell_entered(now);
        if matches!(self.phase, Phase::InRoom(_)) {
            self.publish_wanted();
        }
    }

    /// EnterRoom, once: media can flow, and we do not wait any more.
    pub(super) fn tell_entered(&mut self, now: Moment) {
        let Phase::InRoom(room) = &mut self.phase else { return };
        if !self.room.is_waiting && !std::mem::replace(&mut self.room.has_entered, true) {
            let result_ms = now.millis_since(room.since);
            room.since = now;
            self.out.push_back(Output::Event(EventKind::EnterRoom { result_ms }));
        }
    }

    /// Takes the room as a join or an update describes it.
    pub(super) fn room_described(&mut self, room: Option<&lk::Room>) {
        let Some(room) = room else { return };
        self.room.metadata.clone_from(&room.metadata);
        let settings = RoomSettings::read(&room.metadata);
        if settings != self.room.settings {
            self.room.settings = settings.clone();
            self.out.push_back(Output::Event(EventKind::RoomSettingsChanged {
                spotlight: settings.spotlight,
                muted_on_entry: settings.muted_on_entry,
                locked: settings.locked,
                waiting_room: settings.waiting_room,
            }));
        }
    }

    /// We enter a room in which microphones are muted on entry. A host's is not, and one that returns after an outage is not
    /// either.
    pub(super) fn mute_on_entry(&mut self) {
        if self.room.settings.muted_on_entry && !self.room.is_host && !self.room.has_entered {
            self.withhold_source(TrackSource::Microphone, Withheld::Host);
        }
    }

    /// The server lists who waits.
    pub(super) fn guests_wait(&mut self, mut guests: Vec<(UserId, String)>) {
        if self.is_leaving() {
            return;
        }
        guests.truncate(GUESTS);
        let before = std::mem::replace(&mut self.room.guests, guests);
        let now = &self.room.guests;
        let is_in = |list: &[(UserId, String)], user: &UserId| list.iter().any(|(known, _)| known == user);
        let gone = before.iter().filter(|(user, _)| !is_in(now, user)).map(|guest| (guest, false));
        let come = now.iter().filter(|(user, _)| !is_in(&before, user)).map(|guest| (guest, true));
        let told = gone.chain(come).map(|((user, name), waiting)| {
            Output::Event(EventKind::GuestWaiting { user: user.clone(), name: name.clone(), waiting })
        });
        let told: Vec<Output> = told.collect();
        self.out.extend(told);
    }

    /// Takes a packet that no participant has sent: a host asks us for something. Nothing is turned on by that.
    pub(super) fn asked_by_host(&mut self, value: &Value) {
        let Some(kind) = device_request::decode(value) else { return };
        if self.may_turn_on(kind) {
            self.out.push_back(Output::Event(EventKind::DeviceAsked { kind }));
        }
    }

    /// Whether the user could turn a device on that is off.
    fn may_turn_on(&self, kind: DeviceKind) -> bool {
        !self.is_leaving() && !self.slot(kind).is_wanted() && self.withheld(kind) != Some(Withheld::NotAllowed)
    }
}
