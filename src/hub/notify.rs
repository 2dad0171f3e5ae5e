//! Events for webhooks, with the contents that livekit-server 1.13.5 gives them.

use super::leave::departed;
use super::member::{Member, RoomNo, Track};
use super::{Hub, MemberId, Output};
use livekit_protocol as lk;
use lk::DisconnectReason as Why;

impl Hub {
    pub(super) fn notify_room(&mut self, event: &str, no: RoomNo) {
        self.notify(event, no, |_| None);
    }

    /// A participant is in the room: its media connection is up for the first time. The tracks that it published before
    /// are told afterwards.
    pub(super) fn notify_joined(&mut self, id: MemberId) {
        let Some(member) = self.members.get(&id) else { return };
        let no = member.room;
        let tracks: Vec<_> = member.tracks.iter().filter(|t| t.is_published).map(|t| t.info.clone()).collect();
        let participant = |hub: &Self| {
            let info = hub.members.get(&id)?.info();
            Some(lk::ParticipantInfo { tracks: Vec::new(), ..info })
        };
        self.notify("participant_joined", no, participant);
        for track in &tracks {
            self.notify_track("track_published", id, track);
        }
    }

    /// A participant has left. One that never had a media connection was not in the room.
    pub(super) fn notify_left(&mut self, member: &Member, why: Why) {
        let event = if member.is_active() && member.waiting.is_none() {
            "participant_left"
        } else {
            "participant_connection_aborted"
        };
        self.notify(event, member.room, |_| Some(departed(member, why)));
    }

    /// A track of a participant that is in the room.
    pub(super) fn notify_track(&mut self, event: &str, member: MemberId, track: &lk::TrackInfo) {
        let Some(owner) = self.members.get(&member).filter(|owner| owner.is_active()) else { return };
        let (no, who) = (owner.room, (owner.sid().to_owned(), owner.user.to_string()));
        self.notify_track_of(event, (no, who), track);
    }

    /// Tracks of a member that is in no table any more.
    pub(super) fn notify_unpublished(&mut self, member: &Member, track: &Track) {
        if track.is_published && member.is_active() {
            let who = (member.sid().to_owned(), member.user.to_string());
            self.notify_track_of("track_unpublished", (member.room, who), &track.info);
        }
    }

    fn notify_track_of(&mut self, event: &str, (no, who): (RoomNo, (String, String)), track: &lk::TrackInfo) {
        let Some(room) = self.rooms.get(&no).filter(|_| self.config.notifies) else { return };
        let (name, room_sid) = (room.info.name.clone(), room.info.sid.clone());
        let (sid, identity) = who;
        self.push_notice(lk::WebhookEvent {
            event: event.to_owned(),
            room: Some(lk::Room { sid: room_sid, name, ..Default::default() }),
            participant: Some(lk::ParticipantInfo { sid, identity, ..Default::default() }),
            track: Some(track.clone()),
            ..Default::default()
        });
    }

    fn notify(&mut self, event: &str, no: RoomNo, participant: impl FnOnce(&Self) -> Option<lk::ParticipantInfo>) {
        let Some(room) = self.rooms.get(&no).filter(|_| self.config.notifies) else { return };
        let (room, participant) = (Some(self.room_info(room)), participant(self));
        self.push_notice(lk::WebhookEvent { event: event.to_owned(), room, participant, ..Default::default() });
    }

    fn push_notice(&mut self, event: lk::WebhookEvent) {
        let event = lk::WebhookEvent { id: self.ids.event(), created_at: self.unix_s(), ..event };
        self.out.push_back(Output::Notify(Box::new(event)));
    }
}
