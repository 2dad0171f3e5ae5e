//! Messages of clients.

use super::config::{METADATA_BYTES, NAME_BYTES};
use super::join::attributes_bytes;
use super::subscribe::named_tracks;
use super::{Hub, LinkId, MemberId};
use crate::base::TrackSid;
use crate::proto::{hand, standing};
use livekit_protocol as lk;
use lk::request_response::{Reason, Request as Refused};
use lk::signal_request::Message as Request;
use lk::signal_response::Message;
use std::collections::HashMap;

impl Hub {
    pub(super) fn signal(&mut self, link: LinkId, message: Request) {
        let Some(&id) = self.links.get(&link) else { return };
        let now = self.now;
        if let Some(member) = self.members.get_mut(&id) {
            member.presence.heard(now);
        }
        match message {
            Request::Ping(_) | Request::PingReq(_) => self.ping(id, &message),
            Request::Offer(offer) => self.offer(id, offer),
            Request::Answer(answer) => self.answer(id, answer),
            Request::Trickle(trickle) => self.trickle(id, &trickle),
            Request::AddTrack(request) => self.add_track(id, request),
            Request::Mute(request) => self.mute(id, request),
            Request::Subscription(s) => {
                let tracks = named_tracks(&s.track_sids, &s.participant_tracks);
                self.update_subscription(id, &tracks, s.subscribe);
            }
            Request::TrackSetting(settings) => self.track_settings(id, &settings),
            Request::SubscriptionPermission(sharing) => self.set_sharing(id, sharing),
            Request::SyncState(state) => self.sync_state(id, state),
            Request::UpdateMetadata(update) => self.update_metadata(id, update),
            Request::UpdateAudioTrack(update) => self.update_audio_track(id, update),
            Request::UpdateVideoTrack(update) => self.update_video_track(id, update),
            Request::Leave(_) => self.client_leaves(id),
            Request::PublishDataTrackRequest(request) => {
                let message = "data tracks are not supported";
                self.respond(id, 0, Reason::UnsupportedType, message, Refused::PublishDataTrack(request));
            }
            Request::UnpublishDataTrackRequest(request) => {
                let message = "data track does not exist";
                self.respond(id, 0, Reason::NotFound, message, Refused::UnpublishDataTrack(request));
            }
            // As livekit-server answers while its `enable_participant_data_blob` is off, the default.
            Request::StoreDataBlobRequest(request) => {
                self.respond(id, request.request_id, Reason::NotAllowed, "data blobs are not supported", None);
            }
            Request::GetDataBlobRequest(request) => {
                self.respond(id, request.request_id, Reason::NotFound, "data blob does not exist", None);
            }
            other => tracing::debug!(?id, message = name(&other), "an unsupported message is ignored"),
        }
    }

    fn ping(&mut self, id: MemberId, ping: &Request) {
        if let Some(member) = self.members.get_mut(&id) {
            member.presence.pinged();
        }
        let timestamp = self.unix_ms();
        let pong = match ping {
            Request::PingReq(ping) => Message::PongResp(lk::Pong { last_ping_timestamp: ping.timestamp, timestamp }),
            _ => Message::Pong(timestamp),
        };
        self.send(id, pong);
        self.check_presence(id);
    }

    fn mute(&mut self, id: MemberId, request: lk::MuteTrackRequest) {
        if !self.set_muted(id, &TrackSid::from(request.sid.as_str()), request.muted) {
            self.respond(id, 0, Reason::NotFound, "track does not exist", Refused::Mute(request));
        }
    }

    fn update_metadata(&mut self, id: MemberId, update: lk::UpdateParticipantMetadata) {
        let Some(member) = self.members.get(&id) else { return };
        let request_id = update.request_id;
        let may = match member.permission.can_update_metadata {
            true => !changes_standing(&member.base, &update),
            false => changes_hand_only(&member.base, &update),
        };
        if !may {
            let message = "does not have permission to update own metadata";
            return self.respond(id, request_id, Reason::NotAllowed, message, Refused::UpdateMetadata(update));
        }
        let copy = update.clone();
        if !self.set_metadata(id, update.name, update.metadata, update.attributes) {
            let message = "the name, metadata or attributes are too long";
            return self.respond(id, request_id, Reason::LimitExceeded, message, Refused::UpdateMetadata(copy));
        }
        self.respond(id, request_id, Reason::Ok, "", Refused::UpdateMetadata(copy));
        self.renew_token(id);
    }

    /// Changes every field that is not empty, and removes attributes with an empty value. Returns whether all are
    /// within the limits; otherwise nothing changes.
    pub(super) fn set_metadata(
        &mut self,
        id: MemberId,
        name: String,
        metadata: String,
        attributes: HashMap<String, String>,
    ) -> bool {
        let Some(member) = self.members.get_mut(&id) else { return false };
        let mut merged = member.base.attributes.clone();
        merged.extend(attributes);
        merged.retain(|_, value| !value.is_empty());
        let is_long = metadata.len() > METADATA_BYTES || name.len() > NAME_BYTES;
        if is_long || attributes_bytes(&merged) > METADATA_BYTES {
            return false;
        }
        member.base.attributes = merged;
        if !name.is_empty() {
            member.base.name = name;
        }
        if !metadata.is_empty() {
            member.base.metadata = metadata;
        }
        self.broadcast_info(id);
        true
    }

    fn update_audio_track(&mut self, id: MemberId, mut update: lk::UpdateLocalAudioTrack) {
        const MAX_FEATURES: usize = 16;
        update.features.truncate(MAX_FEATURES);
        let sid = TrackSid::from(update.track_sid.as_str());
        let version = self.version();
        let track = self.members.get_mut(&id).and_then(|m| m.track_mut(&sid));
        match track {
            Some(track) => {
                track.info.version = Some(version);
                track.info.audio_features = update.features;
                self.broadcast_info(id);
            }
            None => self.respond(id, 0, Reason::NotFound, "track does not exist", Refused::UpdateAudioTrack(update)),
        }
    }

    fn update_video_track(&mut self, id: MemberId, update: lk::UpdateLocalVideoTrack) {
        let sid = TrackSid::from(update.track_sid.as_str());
        let version = self.version();
        let track = self.members.get_mut(&id).and_then(|m| m.track_mut(&sid));
        match track {
            Some(track) => {
                track.info.version = Some(version);
                (track.info.width, track.info.height) = (update.width, update.height);
                self.broadcast_info(id);
            }
            None => self.respond(id, 0, Reason::NotFound, "track does not exist", Refused::UpdateVideoTrack(update)),
        }
    }
}

/// Whether an update changes what the participant is in the room. Only hosts may, by the admin API.
fn changes_standing(participant: &lk::ParticipantInfo, update: &lk::UpdateParticipantMetadata) -> bool {
    let is_new = |key: &str, value: &String| participant.attributes.get(key).map_or("", String::as_str) != value;
    update.attributes.iter().any(|(key, value)| standing::is_reserved(key) && is_new(key, value))
}

/// Whether an update changes the participant's raised hand and nothing else. Everybody may: what others take for the word of
/// whoever signed the token stays as it is.
fn changes_hand_only(participant: &lk::ParticipantInfo, update: &lk::UpdateParticipantMetadata) -> bool {
    let same = |new: &str, old: &str| new.is_empty() || new == old;
    // Clients repeat name, metadata and other attributes as they are.
    let is_known = |key: &str, value: &str| participant.attributes.get(key).is_some_and(|old| old == value);
    let mut attributes = update.attributes.iter();
    same(&update.name, &participant.name)
        && same(&update.metadata, &participant.metadata)
        && update.attributes.keys().any(|key| hand::is_hand(key, ""))
        && attributes.all(|(key, value)| hand::is_hand(key, value) || is_known(key, value))
}

/// The name of an unsupported message. Its contents stay out of the log.
const fn name(message: &Request) -> &'static str {
    match message {
        Request::Simulate(_) => "simulate",
        Request::UnpublishDataTrackRequest(_) => "unpublish_data_track_request",
        Request::UpdateDataSubscription(_) => "update_data_subscription",
        Request::StoreDataBlobRequest(_) => "store_data_blob_request",
        Request::GetDataBlobRequest(_) => "get_data_blob_request",
        _ => "other",
    }
}
