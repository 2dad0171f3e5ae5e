//! The door of a room: a lock refuses newcomers, and in a waiting room they wait until a host lets them in.
//!
//! Who waits is a member without rights: it sees, hears and is seen by nobody, and its connections come up meanwhile, so that
//! it is in the room at once when it is let in. Hosts, agents and egress wait for nobody, and neither do those who were in
//! the room when the door was closed or were let in since: their tokens are renewed and say so ([`standing::admitted`]).

use super::member::RoomNo;
use super::rooms::is_dependent;
use super::{Admission, Hub, MemberId, Room};
use crate::proto::room_settings::RoomSettings;
use crate::proto::standing;
use livekit_protocol as lk;

/// How a participant comes in.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrival {
    /// Whether it waits until a host lets it in.
    pub(super) waits: bool,
    /// The attributes that say what it is in the room.
    pub(super) standing: Vec<(String, String)>,
    /// Whether its first microphone is muted.
    pub(super) enters_muted: bool,
}

impl Hub {
    /// Whether the door is no obstacle to a participant.
    fn passes(&self, room: &Room, admission: &Admission) -> bool {
        let is_known = || standing::was_admitted(&admission.attributes, &room.info.sid);
        // No renewed token may have reached somebody who was inside, with a token from before the door was closed.
        let was_inside = || admission.issued_at <= room.closed_at && self.is_inside(room, admission);
        admission.room_admin || is_dependent(admission.kind) || is_known() || was_inside()
    }

    /// Whether a participant is in the room, or was lost from it just now.
    fn is_inside(&self, room: &Room, admission: &Admission) -> bool {
        let is_same =
            |id: &MemberId| self.members.get(id).is_some_and(|m| m.user == admission.user && m.waiting.is_none());
        let returns = || self.leave_log.was_inside(&admission.room, &admission.user, self.now);
        room.members.iter().any(is_same) || returns()
    }

    /// Whether the room is locked for a participant.
    pub(super) fn is_locked_for(&self, room: &Room, admission: &Admission) -> bool {
        room.settings.locked && !self.passes(room, admission)
    }

    /// How a participant comes in.
    pub(super) fn arrival(&self, no: RoomNo, admission: &Admission) -> Arrival {
        let Some(room) = self.rooms.get(&no) else { return Arrival::default() };
        let waits = room.settings.waiting_room && !self.passes(room, admission);
        let door = match waits {
            true => Some(standing::waiting()),
            false => room.settings.is_closed().then(|| standing::admitted(&room.info.sid)),
        };
        // A host is not muted, and neither is somebody who returns after an outage.
        let enters_muted = room.settings.muted_on_entry && !admission.room_admin && !self.is_inside(room, admission);
        let standing = door.into_iter().chain(admission.room_admin.then(standing::host)).collect();
        Arrival { waits, standing, enters_muted }
    }

    /// Lets somebody in who waits: with the rights of their token. The others see them come, and they see the others.
    pub(super) fn admit(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let Some(granted) = member.waiting.take() else { return };
        let before = std::mem::replace(&mut member.permission, granted);
        let (no, is_active) = (member.room, member.is_active());
        member.base.version += 1;
        member.base.attributes.remove(&standing::waiting().0);
        self.mark_admitted(id);
        self.counts_changed(no);
        self.broadcast_arrival(id);
        self.resync(id, no, self.now);
        self.apply_permission(id, &before);
        self.renew_token(id);
        if is_active {
            self.notify_joined(id);
            self.send_qualities(id);
        }
    }

    /// Hosts have changed the settings of a room. When the door closes, those who are in the room may return; when it opens,
    /// those who wait come in.
    pub(super) fn door_changed(&mut self, no: RoomNo, before: &RoomSettings) {
        let Some(settings) = self.rooms.get(&no).map(|room| room.settings.clone()) else { return };
        if settings.is_closed() && !before.is_closed() {
            let now = self.unix_s();
            if let Some(room) = self.rooms.get_mut(&no) {
                room.closed_at = now;
            }
            for id in self.present_in(no) {
                self.mark_admitted(id);
                self.renew_token(id);
            }
        }
        if !settings.is_closed() {
            for id in self.members_in(no) {
                self.admit(id);
            }
        }
    }

    /// Notes that a member may return to its room through a closed door.
    fn mark_admitted(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let Some(room) = self.rooms.get(&member.room) else { return };
        member.base.attributes.extend([standing::admitted(&room.info.sid)]);
    }

    /// The members of a room that do not wait before it.
    pub(super) fn present_in(&self, no: RoomNo) -> Vec<MemberId> {
        let is_present = |id: &MemberId| self.members.get(id).is_some_and(|member| member.waiting.is_none());
        self.members_in(no).into_iter().filter(is_present).collect()
    }
}

/// The rights of somebody who waits.
pub(super) fn no_rights() -> lk::ParticipantPermission {
    lk::ParticipantPermission { hidden: true, ..Default::default() }
}
