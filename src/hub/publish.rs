//! Publishing: `add_track`, a client's offers, mute and unmute.

use super::config::{MAX_QUEUED, NAME_BYTES, SDP_BYTES};
use super::member::{Downlink, Dynacast, Member, Track};
use super::{Bound, Hub, MediaCommand, MemberId, Published, Subscribed};
use crate::base::{Codec, MediaKind, TrackSid, UserId};
use crate::proto::sdp::{self, MLine};
use livekit_protocol as lk;
use lk::request_response::{Reason, Request};
use lk::signal_response::Message;
use std::collections::BTreeSet;

/// RIDs of the simulcast layers, by quality.
const RIDS: [&str; 3] = ["q", "h", "f"];
/// The stream of a track whose source is not known. It joins no other track: see [`Member::stream_id`].
pub(super) const UNKNOWN_STREAM: &str = "unknown";
/// Number of simulcast layers.
pub(super) const ALL_LAYERS: u8 = 3;

impl Hub {
    pub(super) fn add_track(&mut self, id: MemberId, mut request: lk::AddTrackRequest) {
        let Some(member) = self.members.get(&id) else { return };
        if let Some((reason, message)) = publish_error(member, &request, self.config.max_tracks) {
            tracing::debug!(user = %member.user, message, "a track is refused");
            let cids = cids_of(&request);
            if let Some(member) = self.members.get_mut(&id) {
                member.uplink.retire(&cids);
            }
            return self.respond(id, 0, reason, message, Request::AddTrack(request));
        }
        let same = member.tracks.iter().find(|t| t.cids.first() == Some(&request.cid));
        match same {
            Some(track) if track.is_published => return self.queue_track(id, request),
            Some(track) => {
                let track = Some(track.info.clone());
                return self.send(id, Message::TrackPublished(lk::TrackPublishedResponse { cid: request.cid, track }));
            }
            None => {}
        }
        let is_muted = self.mute_on_entry(id, &mut request);
        let track = self.new_track(request);
        let (sid, info) = (track.sid.clone(), track.info.clone());
        let cid = track.cids.first().cloned().unwrap_or_default();
        self.owners.insert(sid.clone(), id);
        self.send(id, Message::TrackPublished(lk::TrackPublishedResponse { cid, track: Some(info) }));
        if is_muted {
            self.send(id, Message::Mute(lk::MuteTrackRequest { sid: sid.to_string(), muted: true }));
        }
        let Some(member) = self.members.get_mut(&id) else { return };
        if member.uplink.take_unsupported(track.announced()) {
            self.owners.remove(&sid);
            return self.refuse_codec(id, &track);
        }
        let claimed = member.uplink.claim(track.announced());
        member.tracks.push(track);
        if let Some(m_line) = claimed {
            let connection = member.up();
            let published = start(member, &m_line, &sid);
            if let Some(published) = published {
                self.command(MediaCommand::Publish { connection, published });
            }
            self.publish(id, &[sid]);
        }
    }

    /// Mutes the first microphone of a member that enters muted. Returns whether it was not muted before.
    fn mute_on_entry(&mut self, id: MemberId, request: &mut lk::AddTrackRequest) -> bool {
        let is_microphone = request.source() == lk::TrackSource::Microphone;
        let Some(member) = self.members.get_mut(&id).filter(|member| member.enters_muted && is_microphone) else {
            return false;
        };
        member.enters_muted = false;
        !std::mem::replace(&mut request.muted, true)
    }

    fn new_track(&mut self, request: lk::AddTrackRequest) -> Track {
        let kind = kind_of(request.r#type());
        let sid = self.ids.track(kind, request.source());
        let cids = cids_of(&request);
        let of_rooms = Codec::of_rooms(kind);
        // Clients fall back to the codec that they are told. Some name none.
        let announced_codec = request.simulcast_codecs.first().filter(|named| !named.codec.is_empty()).map(|named| {
            let named = Codec::from_mime(&named.codec);
            named.filter(|codec| of_rooms.contains(codec)).unwrap_or(of_rooms[0])
        });
        let codec = announced_codec.unwrap_or(of_rooms[0]);
        let info = lk::TrackInfo { version: Some(self.version()), ..track_info(&sid, kind, codec, request) };
        let dynacast = Dynacast { requested: ALL_LAYERS, lower_at: None };
        let subscribers = BTreeSet::new();
        Track {
            sid,
            info,
            kind,
            announced_codec,
            codec,
            cids,
            is_published: false,
            subscribers,
            sent_subscribed: false,
            dynacast,
        }
    }

    fn queue_track(&mut self, id: MemberId, request: lk::AddTrackRequest) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if member.queued.len() >= MAX_QUEUED {
            let message = "too many tracks wait for others with the same cid";
            return self.respond(id, 0, Reason::LimitExceeded, message, Request::AddTrack(request));
        }
        member.queued.push(request.clone());
        self.respond(id, 0, Reason::Queued, "a track with this cid is published", Request::AddTrack(request));
    }

    /// Answers a request; some are named in the answer.
    pub(super) fn respond(
        &mut self,
        id: MemberId,
        request_id: u32,
        reason: Reason,
        message: &str,
        request: impl Into<Option<Request>>,
    ) {
        self.send(
            id,
            Message::RequestResponse(lk::RequestResponse {
                request_id,
                reason: reason as i32,
                message: message.to_owned(),
                request: request.into(),
            }),
        );
    }

    /// Handles a client's offer: matches its sending m-lines to announced tracks and, on v1, its receiving ones to
    /// subscribed tracks.
    pub(super) fn offer(&mut self, id: MemberId, description: lk::SessionDescription) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if description.sdp.len() > SDP_BYTES {
            tracing::warn!(user = %member.user, bytes = description.sdp.len(), "an offer is too long");
            return self.require_rejoin(id);
        }
        let m_lines = sdp::m_lines(&description.sdp);
        self.note_received_codecs(id, &m_lines);
        let Some(member) = self.members.get_mut(&id) else { return };
        let announced: Vec<_> = member.tracks.iter().map(Track::announced).collect();
        let change = member.uplink.offer(&m_lines, &announced);
        let connection = member.up();
        let started: Vec<TrackSid> = change.start.iter().map(|(_, track)| track.clone()).collect();
        let recoded = recoded(member, &m_lines);
        let publish: Vec<Published> =
            change.start.iter().chain(&recoded).filter_map(|(m_line, track)| start(member, m_line, track)).collect();
        let binding = match &mut member.downlink {
            Downlink::Single(single) => single.offer(&m_lines),
            Downlink::Dual { .. } => Default::default(),
        };
        let ended = self.remove_tracks(id, &[change.end, change.unsupported.clone()].concat());
        for track in &ended {
            self.unpublish(track);
        }
        for track in binding.lost {
            self.command(MediaCommand::Unsubscribe { connection, track });
        }
        let bind: Vec<Bound> = binding
            .bind
            .into_iter()
            .filter_map(|(mid, track)| Some(Bound { mid, what: self.subscribed(&track)? }))
            .collect();
        let fresh: Vec<TrackSid> = bind.iter().map(|b| b.what.track.clone()).collect();
        let (offer_id, sdp, release) = (description.id, description.sdp, binding.release);
        self.command(MediaCommand::AcceptOffer { connection, offer_id, sdp, publish, bind, release });
        for track in fresh {
            self.send_preference_if_set(id, &track);
        }
        for track in ended.iter().filter(|track| change.unsupported.contains(&track.sid)) {
            self.refuse_codec(id, track);
        }
        if !started.is_empty() || !ended.is_empty() || !recoded.is_empty() {
            self.publish(id, &started);
        }
        for (_, track) in &recoded {
            self.refuse_those_without_its_codec(id, track);
        }
        let subscribers: BTreeSet<MemberId> = ended.iter().flat_map(|t| t.subscribers.iter().copied()).collect();
        for subscriber in subscribers {
            self.negotiate(subscriber);
        }
        self.add_queued(id);
    }

    /// Tells a publisher that its track has no codec that rooms carry, and is not published.
    fn refuse_codec(&mut self, id: MemberId, track: &Track) {
        let user = self.members.get(&id).map(|member| member.user.clone());
        tracing::info!(user = user.as_ref().map(UserId::as_str), track = %track.sid, "a track has no codec that is forwarded");
        let lk::TrackInfo { name, r#type, source, .. } = track.info.clone();
        let cid = track.cids.first().cloned().unwrap_or_default();
        let request = lk::AddTrackRequest { cid, name, r#type, source, ..Default::default() };
        let message = "this server forwards VP8, VP9, H.264 and Opus only";
        self.respond(id, 0, Reason::UnsupportedType, message, Request::AddTrack(request));
        self.send(id, Message::TrackUnpublished(lk::TrackUnpublishedResponse { track_sid: track.sid.to_string() }));
    }

    /// Broadcasts a member's tracks, and subscribes the others to the new ones if they subscribe automatically.
    fn publish(&mut self, id: MemberId, started: &[TrackSid]) {
        let Some(member) = self.members.get(&id) else { return };
        let room = member.room;
        let muted: Vec<_> = started.iter().filter(|t| member.track(t).is_some_and(|t| t.info.muted)).cloned().collect();
        for track in muted {
            self.command(MediaCommand::Mute { track, muted: true });
        }
        self.broadcast_info(id);
        for sid in started {
            if let Some(info) = self.members.get(&id).and_then(|m| m.track(sid)).map(|track| track.info.clone()) {
                self.notify_track("track_published", id, &info);
            }
        }
        for other in self.others_in(room, id) {
            let wants = self.members.get(&other).is_some_and(|m| m.auto_subscribe);
            let is_new = |hub: &mut Self, track: &TrackSid| hub.subscribe(other, track).is_ok();
            if wants && started.iter().filter(|track| is_new(self, track)).count() > 0 {
                self.negotiate(other);
            }
        }
        // Without a subscriber nothing needs to be sent.
        for track in started {
            self.dynacast(id, track);
        }
    }

    /// Removes tracks from a member. The caller ends their subscriptions with [`Hub::unpublish`].
    pub(super) fn remove_tracks(&mut self, id: MemberId, tracks: &[TrackSid]) -> Vec<Track> {
        let Some(member) = self.members.get_mut(&id) else { return Vec::new() };
        let (gone, kept): (Vec<Track>, Vec<Track>) =
            std::mem::take(&mut member.tracks).into_iter().partition(|t| tracks.contains(&t.sid));
        member.tracks = kept;
        for track in tracks {
            member.uplink.forget(track);
            self.owners.remove(track);
            if let Some(room) = self.rooms.get_mut(&member.room) {
                room.speakers.silence(id, track);
            }
        }
        for track in gone.iter().filter(|track| track.is_published) {
            self.notify_track("track_unpublished", id, &track.info);
        }
        gone
    }

    /// Ends all subscriptions to a removed track. The caller negotiates with its subscribers.
    pub(super) fn unpublish(&mut self, track: &Track) {
        let sid = &track.sid;
        for subscriber in &track.subscribers {
            self.end_subscription(*subscriber, sid);
        }
        if track.is_published {
            self.command(MediaCommand::Unpublish { track: sid.clone() });
        }
    }

    /// Adds queued tracks whose cid is free now.
    fn add_queued(&mut self, id: MemberId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if member.queued.is_empty() {
            return;
        }
        let in_use: BTreeSet<String> = member.tracks.iter().flat_map(|t| t.cids.iter().cloned()).collect();
        let (wait, free): (Vec<_>, Vec<_>) =
            std::mem::take(&mut member.queued).into_iter().partition(|request| in_use.contains(&request.cid));
        member.queued = wait;
        for request in free {
            self.add_track(id, request);
        }
    }

    /// Mutes or unmutes a member's own track. Returns whether it has that track.
    pub(super) fn set_muted(&mut self, id: MemberId, sid: &TrackSid, muted: bool) -> bool {
        let version = self.version();
        let Some(member) = self.members.get_mut(&id) else { return false };
        let room = member.room;
        let Some(track) = member.track_mut(sid) else { return false };
        if track.info.muted == muted {
            return true;
        }
        track.info.muted = muted;
        track.info.version = Some(version);
        if track.is_published {
            self.command(MediaCommand::Mute { track: sid.clone(), muted });
        }
        if let Some(room) = self.rooms.get_mut(&room).filter(|_| muted) {
            room.speakers.silence(id, sid);
        }
        self.broadcast_info(id);
        true
    }

    /// The description of a track for a subscriber's m-line.
    pub(super) fn subscribed(&self, track: &TrackSid) -> Option<Subscribed> {
        let owner = self.owners.get(track).and_then(|owner| self.members.get(owner))?;
        let found = owner.track(track)?;
        Some(Subscribed { track: track.clone(), stream_id: owner.stream_id(found), kind: found.kind })
    }
}

/// The published tracks whose m-line asks for another codec than before. The Rust SDK names its codec by the order of the
/// m-line alone, and may have sent an offer just before it set that order.
fn recoded(member: &Member, m_lines: &[MLine]) -> Vec<(MLine, TrackSid)> {
    let published = m_lines.iter().filter_map(|m_line| Some((m_line, member.uplink.track_of(&m_line.mid)?)));
    let is_other = |m_line: &MLine, sid: &TrackSid| {
        let track = member.track(sid).filter(|track| track.is_published);
        track.is_some_and(|t| m_line.room_codec(t.announced_codec).is_some_and(|codec| codec != t.codec))
    };
    let recoded = published.filter(|(m_line, sid)| is_other(m_line, sid));
    recoded.map(|(m_line, sid)| (m_line.clone(), sid.clone())).collect()
}

/// Records that an m-line carries a track from now on, and in which codec.
fn start(member: &mut Member, m_line: &MLine, sid: &TrackSid) -> Option<Published> {
    let track = member.track_mut(sid)?;
    let codec = m_line.room_codec(track.announced_codec).unwrap_or(track.codec);
    track.codec = codec;
    track.is_published = true;
    track.info.mid.clone_from(&m_line.mid);
    track.info.mime_type = mime_type(track.kind, codec);
    if let Some(codec) = track.info.codecs.first_mut() {
        codec.mime_type.clone_from(&track.info.mime_type);
        codec.mid.clone_from(&m_line.mid);
        if codec.cid != m_line.track_id {
            codec.sdp_cid.clone_from(&m_line.track_id);
        }
    }
    set_simulcast(&mut track.info, m_line.simulcast);
    let (mid, track, kind) = (m_line.mid.clone(), sid.clone(), track.kind);
    Some(Published { mid, track, kind, simulcast: m_line.simulcast, codec })
}

#[allow(deprecated)] // older clients read it
fn set_simulcast(info: &mut lk::TrackInfo, simulcast: bool) {
    info.simulcast = simulcast;
}

/// Why a track is refused.
fn publish_error(member: &Member, request: &lk::AddTrackRequest, max: usize) -> Option<(Reason, &'static str)> {
    let permission = &member.permission;
    let sources = &permission.can_publish_sources;
    let is_long = [&request.cid, &request.name, &request.stream].iter().any(|text| text.len() > NAME_BYTES);
    if !permission.can_publish || !(sources.is_empty() || sources.contains(&request.source)) {
        Some((Reason::NotAllowed, "does not have permission to publish"))
    } else if request.cid.is_empty()
        || is_long
        || request.layers.len() > RIDS.len()
        || request.simulcast_codecs.len() > 4
    {
        Some((Reason::InvalidRequest, "the cid is missing, or something is too long"))
    } else if request.r#type() == lk::TrackType::Data || !request.sid.is_empty() {
        Some((Reason::UnsupportedType, "only sound and pictures, with one codec each"))
    } else if member.tracks.len() >= max {
        Some((Reason::LimitExceeded, "too many tracks"))
    } else {
        None
    }
}

/// The client's ids of a track: its own first, then those of its codecs.
fn cids_of(request: &lk::AddTrackRequest) -> Vec<String> {
    let mut cids = vec![request.cid.clone()];
    cids.extend(request.simulcast_codecs.iter().map(|codec| codec.cid.clone()).filter(|cid| !cid.is_empty()));
    cids.dedup();
    cids
}

const fn kind_of(kind: lk::TrackType) -> MediaKind {
    match kind {
        lk::TrackType::Video => MediaKind::Video,
        lk::TrackType::Audio | lk::TrackType::Data => MediaKind::Audio,
    }
}

#[allow(deprecated)] // older clients read them
fn track_info(sid: &TrackSid, kind: MediaKind, codec: Codec, request: lk::AddTrackRequest) -> lk::TrackInfo {
    let mime = mime_type(kind, codec);
    let of_codec = request.simulcast_codecs.first().map(|c| c.layers.clone()).unwrap_or_default();
    let mut layers = if request.layers.is_empty() { of_codec } else { request.layers.clone() };
    layers.truncate(RIDS.len());
    for layer in &mut layers {
        layer.rid = RIDS.get(layer.quality as usize).copied().unwrap_or(RIDS[0]).to_owned();
    }
    let codec = lk::SimulcastCodecInfo {
        mime_type: mime.clone(),
        cid: request.cid.clone(),
        layers: layers.clone(),
        video_layer_mode: layer_mode(codec).into(),
        ..Default::default()
    };
    let stream = if request.stream.is_empty() { stream_of(request.source()) } else { request.stream };
    lk::TrackInfo {
        sid: sid.to_string(),
        r#type: request.r#type,
        name: request.name,
        muted: request.muted,
        width: request.width,
        height: request.height,
        simulcast: layers.len() > 1,
        disable_dtx: request.disable_dtx,
        source: request.source,
        layers,
        mime_type: mime,
        codecs: vec![codec],
        stereo: request.stereo,
        disable_red: request.disable_red,
        encryption: request.encryption,
        stream,
        audio_features: request.audio_features,
        backup_codec_policy: request.backup_codec_policy,
        ..Default::default()
    }
}

/// The MIME type of a codec in LiveKit's messages.
pub(super) fn mime_type(kind: MediaKind, codec: Codec) -> String {
    let kind = match kind {
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
    };
    format!("{kind}/{}", codec.as_str())
}

/// How a track of this codec is sent in several sizes: VP9 in one stream.
const fn layer_mode(codec: Codec) -> lk::video_layer::Mode {
    match codec {
        Codec::Vp9 => lk::video_layer::Mode::MultipleSpatialLayersPerStream,
        _ => lk::video_layer::Mode::OneSpatialLayerPerStream,
    }
}

/// The stream of a source: clients synchronize camera with microphone, and screen with screen audio.
fn stream_of(source: lk::TrackSource) -> String {
    match source {
        lk::TrackSource::Camera | lk::TrackSource::Microphone => "camera",
        lk::TrackSource::ScreenShare | lk::TrackSource::ScreenShareAudio => "screen",
        lk::TrackSource::Unknown => UNKNOWN_STREAM,
    }
    .to_owned()
}
