//! Reports of the forwarding plane: active speakers, connection quality.

use super::member::RoomNo;
use super::presence::MediaState;
use super::speakers::SpeakerLevel;
use super::{Hub, MediaEvent, MemberId, Timer};
use crate::base::TrackSid;
use livekit_protocol as lk;
use lk::ConnectionQuality as Quality;
use lk::signal_response::Message;

impl Hub {
    pub(super) fn media_event(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::Answered { connection, offer_id, sdp } => self.answered(connection, offer_id, sdp),
            MediaEvent::Offered { connection, sdp, m_lines } => self.offered(connection, sdp, m_lines),
            MediaEvent::NegotiationFailed { connection, message } => self.negotiation_failed(connection, &message),
            MediaEvent::Candidate { connection, candidate } => self.offer_candidate(connection, &candidate),
            MediaEvent::Connected { connection } => self.connected(connection),
            MediaEvent::Disconnected { connection } => self.disconnected(connection, MediaState::Lost),
            MediaEvent::Closed { connection } => self.disconnected(connection, MediaState::Closed),
            MediaEvent::MediaSeen { track } => tracing::debug!(track = track.as_str(), "the first packet arrived"),
            MediaEvent::Data { connection, label, payload } => self.data(connection.member, &label, &payload),
            MediaEvent::Level { track, level, active: _ } => self.level(&track, level),
            MediaEvent::LinkQuality { member, lost_percent, rtt_ms } => self.link_quality(member, lost_percent, rtt_ms),
        }
    }

    fn level(&mut self, track: &TrackSid, level: f32) {
        let Some(&owner) = self.owners.get(track) else { return };
        let Some(member) = self.members.get(&owner) else { return };
        let (no, is_muted) = (member.room, member.track(track).is_none_or(|t| t.info.muted || !t.is_published));
        let now = self.now;
        let Some(room) = self.rooms.get_mut(&no).filter(|_| !is_muted) else { return };
        room.speakers.level(owner, track, level, now);
        self.set_speakers_timer(no);
    }

    fn set_speakers_timer(&mut self, no: RoomNo) {
        match self.rooms.get(&no).and_then(|room| room.speakers.deadline()) {
            Some(at) => self.timers.set(Timer::Speakers(no), at),
            None => self.timers.stop(Timer::Speakers(no)),
        }
    }

    pub(super) fn broadcast_speakers(&mut self, no: RoomNo) {
        let now = self.now;
        let Some(room) = self.rooms.get_mut(&no) else { return };
        let changes = room.speakers.changes(now);
        if !changes.is_empty() {
            let message = self.speakers_message(&changes);
            self.broadcast(no, &message);
        }
        self.set_speakers_timer(no);
    }

    pub(super) fn speakers_message(&self, spoken: &[SpeakerLevel]) -> Message {
        let info = |(member, level): &SpeakerLevel| {
            let sid = self.members.get(member)?.sid().to_owned();
            Some(lk::SpeakerInfo { sid, level: *level, active: *level > 0.0 })
        };
        Message::SpeakersChanged(lk::SpeakersChanged { speakers: spoken.iter().filter_map(info).collect() })
    }

    /// Broadcasts a member's connection quality when it changes.
    fn link_quality(&mut self, id: MemberId, lost_percent: f32, rtt_ms: f32) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let (quality, score) = rate(lost_percent, rtt_ms);
        let is_known = member.quality.is_some_and(|(q, _)| q == quality);
        member.quality = Some((quality, score));
        if is_known || member.permission.hidden {
            return;
        }
        let (room, info) = (member.room, quality_info(member.sid(), quality, score));
        let update = lk::ConnectionQualityUpdate { updates: vec![info] };
        self.broadcast(room, &Message::ConnectionQuality(update));
    }

    /// Sends the connection quality of all members to a new one.
    pub(super) fn send_qualities(&mut self, id: MemberId) {
        let Some(room) = self.members.get(&id).map(|m| m.room) else { return };
        let members = self.members_in(room).into_iter().filter_map(|m| self.members.get(&m));
        let visible = members.filter(|m| !m.permission.hidden);
        let updates: Vec<_> =
            visible.filter_map(|m| m.quality.map(|(quality, score)| quality_info(m.sid(), quality, score))).collect();
        if !updates.is_empty() {
            self.send(id, Message::ConnectionQuality(lk::ConnectionQualityUpdate { updates }));
        }
    }
}

fn quality_info(sid: &str, quality: Quality, score: f32) -> lk::ConnectionQualityInfo {
    lk::ConnectionQualityInfo { participant_sid: sid.to_owned(), quality: quality as i32, score }
}

/// Connection quality and score (1 to 5, LiveKit's scale). Never `LOST`: livekit-client joins again when it sees that.
fn rate(lost_percent: f32, rtt_ms: f32) -> (Quality, f32) {
    let (lost, rtt) = (lost_percent.clamp(0.0, 100.0), rtt_ms.clamp(0.0, 10_000.0));
    let score = (5.0 - lost * 0.2 - (rtt - 100.0).max(0.0) / 200.0).clamp(1.0, 5.0);
    let quality = match (lost, rtt) {
        (l, r) if l < 2.0 && r < 300.0 => Quality::Excellent,
        (l, r) if l < 8.0 && r < 600.0 => Quality::Good,
        _ => Quality::Poor,
    };
    (quality, score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_follows_loss_and_round_trip() {
        assert_eq!(rate(0.0, 20.0), (Quality::Excellent, 5.0));
        assert_eq!(rate(5.0, 20.0).0, Quality::Good);
        assert_eq!(rate(0.0, 900.0).0, Quality::Poor);
        assert_eq!(rate(f32::INFINITY, f32::INFINITY).0, Quality::Poor);
        assert_eq!(rate(f32::NAN, f32::NAN).0, Quality::Poor);
    }
}
