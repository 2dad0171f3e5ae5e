//! str0m's events, above all: forwarding media packets from a publisher to its subscribers.

use super::bandwidth::{BandwidthAllocator, LayerDemand};
use super::connection::{Connection, LinkState};
use super::counters::SfuCounters;
use super::layers::{LAYERS, layer_of};
use super::rewrite::{OutgoingNumbers, SourceNumbers};
use super::track::{ForwardDecision, ForwardedTrack, IncomingPacket, Subscriber};
use super::worker::Worker;
use crate::base::{Codec, MediaKind, SenderReport, TrackSid};
use crate::hub::{ConnectionId, ConnectionRole, MediaEvent};
use crate::proto::payload::{PayloadPart, Vp9Payload};
use std::collections::HashMap;
use std::time::{Instant, SystemTime};
use str0m::bwe::BweKind;
use str0m::format::{Codec as Format, CodecSpec};
use str0m::media::{KeyframeRequestKind, Pt, Rid};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Vp8Descriptor, Vp8Patch};
use str0m::{Event, IceConnectionState};

/// Bytes of a payload at most. Larger ones are dropped: they would not fit into a datagram.
const MAX_PAYLOAD: usize = 1500;
/// Known SSRCs of a connection at most; then all are looked up anew.
const SOURCES: usize = 64;
/// Mask of a VP8 PictureID of 7 bits.
const SHORT_PICTURE_ID: u16 = 0x7f;

impl Worker {
    pub(super) fn on_event(&mut self, id: ConnectionId, event: Event, now: Instant) {
        match event {
            Event::RtpPacket(packet) => self.forward(id, &packet, now),
            Event::Connected => self.on_up(id, now),
            Event::IceConnectionStateChange(state) => self.on_ice(id, state, now),
            Event::KeyframeRequest(request) => {
                let Some(c) = self.connections.get(&id) else { return };
                let Some(sid) = c.outgoing.get(&request.mid).map(|s| s.track.clone()) else { return };
                if let Some(track) = self.tracks.get_mut(&sid) {
                    track.want_keyframe(id, request.mid);
                    self.needs_keyframe.insert(sid);
                    self.next_request = Some(now);
                }
            }
            Event::ChannelOpen(channel, label) => {
                let Some(c) = self.connections.get_mut(&id) else { return };
                c.channels.opened(&mut c.rtc, channel, label);
                self.flush_data(id, now);
            }
            Event::ChannelBufferedAmountLow(_) => self.flush_data(id, now),
            Event::ChannelClose(channel) => {
                if let Some(c) = self.connections.get_mut(&id) {
                    c.channels.closed(channel);
                }
            }
            Event::ChannelData(data) => {
                let label = self.connections.get(&id).and_then(|c| c.channels.label(data.id));
                if let Some(label) = label {
                    let (label, payload) = (label.to_owned(), data.data.into());
                    self.reporter.report(MediaEvent::Data { connection: id, label, payload });
                }
            }
            Event::MediaEgressStats(report) => {
                if let Some(c) = self.connections.get_mut(&id) {
                    c.quality.egress(&report);
                }
            }
            Event::MediaIngressStats(report) => {
                if let Some(c) = self.connections.get_mut(&id) {
                    c.quality.ingress(&report);
                }
            }
            Event::PeerStats(report) => {
                if let Some(c) = self.connections.get_mut(&id) {
                    c.quality.end_interval(&report);
                    self.report_quality(id);
                }
            }
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => {
                if let Some(c) = self.connections.get_mut(&id) {
                    c.bandwidth.set_estimate(estimate.as_u64());
                }
            }
            Event::Closed => self.on_closed(id),
            _ => {}
        }
    }

    /// Sends a client the data messages that wait for it, as far as there is room.
    pub(super) fn flush_data(&mut self, id: ConnectionId, now: Instant) {
        let Some(c) = self.connections.get_mut(&id) else { return };
        if c.channels.flush(&mut c.rtc, now) {
            self.mark_dirty(id);
        }
    }

    fn on_ice(&mut self, id: ConnectionId, state: IceConnectionState, now: Instant) {
        match state {
            IceConnectionState::Disconnected => self.on_lost(id),
            // After an ICE restart DTLS is still connected, so `Event::Connected` does not come again.
            IceConnectionState::Connected | IceConnectionState::Completed
                if self.connections.get(&id).is_some_and(|c| c.link == LinkState::Lost && c.rtc.is_connected()) =>
            {
                self.on_up(id, now);
            }
            _ => {}
        }
    }

    /// Forwards a publisher's packet to its subscribers.
    fn forward(&mut self, from: ConnectionId, packet: &RtpPacket, now: Instant) {
        let Self { connections, tracks, dirty, needs_keyframe, next_request, reporter, started, .. } = self;
        let Some(publisher) = connections.get_mut(&from) else { return };
        let Some((sid, layer)) = publisher.source(packet) else { return };
        let Some(track) = tracks.get_mut(&sid) else { return };
        let format = track.format_of(packet.header.payload_type, publisher);
        let layer = spatial_layer(track, format, packet).unwrap_or(layer);
        track.layers.add_packet(layer, packet.payload.len(), now);
        if !std::mem::replace(&mut track.seen, true) {
            reporter.report(MediaEvent::MediaSeen { track: sid.clone() });
        }
        // A muted libwebrtc sends black frames and silence.
        if track.muted || packet.payload.len() > MAX_PAYLOAD {
            return;
        }
        if let Some(level) = packet.header.ext_vals.audio_level {
            track.level.add(level, packet.header.ext_vals.voice_activity.unwrap_or(false));
        }
        let captured = publisher.captured(packet, track.kind, *started);
        let Some((incoming, descriptor)) = read(track, format, packet, layer, captured) else { return };
        if incoming.starts_keyframe {
            track.keyframe_received(layer);
        }
        let active = track.layers.active(now);
        let mut waits = false;
        for subscriber in track.subscribers.iter_mut().filter(|s| s.is_ready(now)) {
            let Some(connection) = connections.get_mut(&subscriber.connection) else { continue };
            if connection.link != LinkState::Up {
                continue;
            }
            let Some(pt) = subscriber.payload_type(connection, format) else { continue };
            let decision = match track.kind {
                MediaKind::Audio => subscriber.audio(&incoming),
                MediaKind::Video => subscriber.video(&incoming, active),
            };
            let outgoing = match decision {
                ForwardDecision::Forward(numbers) => {
                    let marker = packet.header.marker || subscriber.ends_picture(&incoming);
                    outgoing(packet, pt, track.kind, captured, numbers, descriptor.as_ref()).marker(marker)
                }
                ForwardDecision::Fill(number) => filler(packet, pt, number),
                ForwardDecision::Wait => {
                    waits = true;
                    continue;
                }
                ForwardDecision::Drop => continue,
            };
            if connection.write(subscriber.mid, outgoing) {
                SfuCounters::add(&reporter.counters.forwarded, 1);
                if !std::mem::replace(&mut connection.dirty, true) {
                    dirty.push(subscriber.connection);
                }
            }
        }
        if waits && !needs_keyframe.contains(&sid) {
            needs_keyframe.insert(sid);
            *next_request = Some(now);
        }
    }

    /// Requests the key frames that subscribers wait for.
    pub(super) fn request_keyframes(&mut self, now: Instant) {
        self.next_request = None;
        let needs_keyframe = std::mem::take(&mut self.needs_keyframe);
        for sid in needs_keyframe {
            let Some(track) = self.tracks.get_mut(&sid) else { continue };
            let (layers, again) = track.requests(now);
            if let Some(origin) = track.origin.clone() {
                for layer in layers {
                    self.request_keyframe(&origin.connection, &origin, layer);
                }
            }
            if let Some(again) = again {
                self.needs_keyframe.insert(sid);
                self.next_request = Some(self.next_request.map_or(again, |at| at.min(again)));
            }
        }
    }

    fn request_keyframe(&mut self, id: &ConnectionId, origin: &super::track::TrackOrigin, layer: u8) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let rid: Option<Rid> = origin.simulcast.then(|| super::layers::RIDS[usize::from(layer)].into());
        let mut api = connection.rtc.direct_api();
        if let Some(stream) = api.stream_rx_by_mid(origin.mid, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
            SfuCounters::add(&self.reporter.counters.key_frame_requests, 1);
            self.mark_dirty(*id);
        }
    }

    /// Shares each subscriber's bandwidth among its tracks with layers.
    pub(super) fn share_bandwidth(&mut self, now: Instant) {
        let mut demands: HashMap<ConnectionId, Vec<(&TrackSid, usize, LayerDemand)>> = HashMap::new();
        for (sid, track) in self.tracks.iter().filter(|(_, t)| t.has_layers() && !t.muted) {
            let (active, rates) = (track.layers.active(now), track.layer_rates(now));
            for (i, s) in track.subscribers.iter().enumerate().filter(|(_, s)| s.is_ready(now)) {
                let demand = LayerDemand { rates, active, limit: s.limit, cap: s.cap };
                demands.entry(s.connection).or_default().push((sid, i, demand));
            }
        }
        let mut changes: Vec<(TrackSid, usize, u8)> = vec![];
        for connection in self.connections.values_mut().filter(|c| c.link == LinkState::Up) {
            let mut mine = demands.remove(&connection.id).unwrap_or_default();
            mine.sort_by_key(|(sid, ..)| *sid);
            let all: Vec<LayerDemand> = mine.iter().map(|(.., w)| *w).collect();
            connection.set_desired(BandwidthAllocator::desired(&all), BandwidthAllocator::is_short(&all), now);
            let caps = connection.bandwidth.allocate(now, &all);
            let changed = mine.iter().zip(caps).filter(|((.., w), cap)| w.cap != *cap);
            changes.extend(changed.map(|((sid, i, _), cap)| ((*sid).clone(), *i, cap)));
        }
        for (sid, i, cap) in changes {
            if let Some(s) = self.tracks.get_mut(&sid).and_then(|t| t.subscribers.get_mut(i)) {
                tracing::debug!(connection = ?s.connection, %sid, cap, "highest layer");
                s.cap = cap;
            }
            self.needs_keyframe.insert(sid);
            self.next_request = Some(now);
        }
    }

    /// Reports a member's quality, the worse of its connections'. With two connections it is reported when the subscriber
    /// connection has new statistics.
    fn report_quality(&mut self, id: ConnectionId) {
        let of = |role| self.connections.get(&ConnectionId { role, ..id }).filter(|c| c.link == LinkState::Up);
        let (Some(own), other) = (of(id.role), of(ConnectionRole::Publisher)) else { return };
        if id.role == ConnectionRole::Publisher {
            return;
        }
        let (lost, rtt) = own.quality.last();
        let (other_lost, other_rtt) = other.map_or((0.0, 0.0), |c| c.quality.last());
        let (lost_percent, rtt_ms) = (lost.max(other_lost), rtt.max(other_rtt));
        self.reporter.report(MediaEvent::LinkQuality { member: id.member, lost_percent, rtt_ms });
    }

    pub(super) fn report_levels(&mut self) {
        for (sid, track) in self.tracks.iter_mut().filter(|(_, t)| t.kind == MediaKind::Audio) {
            if let Some((level, active)) = track.level.take() {
                self.reporter.report(MediaEvent::Level { track: sid.clone(), level, active });
            }
        }
    }
}

impl Connection {
    /// When a packet was captured, by the reports of its sender.
    fn captured(&mut self, packet: &RtpPacket, kind: MediaKind, epoch: Instant) -> Instant {
        // A sender without packets, str0m for one, reports timestamp 0.
        let report = packet.last_sender_info.filter(|info| info.sender_packet_count > 0).and_then(|info| {
            let wall = info.ntp_time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            Some(SenderReport {
                wall_us: i64::try_from(wall.as_micros()).ok()?,
                timestamp: info.rtp_time.numer() as u32,
            })
        });
        let rate = super::rewrite::clock_rate(kind);
        self.clock.captured(report, packet.header.timestamp, rate, packet.timestamp, epoch)
    }

    /// Track and layer of a packet.
    fn source(&mut self, packet: &RtpPacket) -> Option<(TrackSid, u8)> {
        if let Some(known) = self.sources.get(&packet.header.ssrc) {
            return Some(known.clone());
        }
        let mut api = self.rtc.direct_api();
        let stream = api.stream_rx(&packet.header.ssrc)?;
        let (mid, layer) = (stream.mid(), layer_of(stream.rid().as_deref()));
        let known = (self.incoming.get(&mid)?.clone(), layer);
        if self.sources.len() >= SOURCES {
            self.sources.clear();
        }
        self.sources.insert(packet.header.ssrc, known.clone());
        Some(known)
    }
}

impl Subscriber {
    /// The payload type that the client expects. Only video has several formats.
    fn payload_type(&mut self, connection: &Connection, format: Option<CodecSpec>) -> Option<Pt> {
        if self.payload_type.is_none() {
            self.payload_type = match format {
                Some(format) => connection.payload_type_for(self.mid, &format),
                None => connection.payload_type(self.mid),
            };
        }
        self.payload_type
    }
}

impl ForwardedTrack {
    /// The format of a video packet. When the publisher changes it, subscribers get other payload types.
    fn format_of(&mut self, payload_type: Pt, publisher: &Connection) -> Option<CodecSpec> {
        if self.kind != MediaKind::Video {
            return None;
        }
        if self.format.is_none_or(|(known, _)| known != payload_type) {
            self.format = publisher.format(payload_type).map(|format| (payload_type, format));
            self.subscribers.iter_mut().for_each(|s| s.payload_type = None);
        }
        self.format.map(|(_, format)| format)
    }
}

/// The layer of a packet of scalable video.
fn spatial_layer(track: &ForwardedTrack, format: Option<CodecSpec>, packet: &RtpPacket) -> Option<u8> {
    let is_scalable = track.is_scalable() && format.is_some_and(|f| f.codec == Format::Vp9);
    let payload = is_scalable.then(|| Vp9Payload::read(&packet.payload)).flatten()?;
    Some(payload.spatial.min(LAYERS as u8 - 1))
}

/// A packet's numbers, and the payload descriptor of VP8. `None` for video that is not of its format.
fn read(
    track: &mut ForwardedTrack,
    format: Option<CodecSpec>,
    packet: &RtpPacket,
    layer: u8,
    captured: Instant,
) -> Option<(IncomingPacket, Option<Vp8Descriptor>)> {
    let (source, sequence) = (*packet.header.ssrc, *packet.seq_no);
    let empty = packet.payload.is_empty();
    let newest = track.is_newest(layer, source, sequence);
    let mut payload = VideoPayload::default();
    if track.kind == MediaKind::Video && !empty {
        payload = VideoPayload::read(format?.codec, &packet.payload).or_else(|| {
            tracing::debug!(?format, "a video packet is not of its format");
            None
        })?;
    }
    let descriptor = payload.vp8;
    let numbers = SourceNumbers {
        ssrc: source,
        sequence,
        timestamp: packet.header.timestamp,
        picture_id: descriptor.and_then(|d| d.picture_id()),
        tl0_pic_idx: descriptor.and_then(|d| d.tl0_pic_idx()),
        captured,
    };
    let starts_keyframe = newest && payload.starts_keyframe;
    let (ends_layer, scalable) = (payload.ends_layer, track.is_scalable());
    Some((IncomingPacket { numbers, layer, starts_keyframe, ends_layer, scalable, empty }, descriptor))
}

/// What the payload of a video packet says.
#[derive(Default)]
struct VideoPayload {
    starts_keyframe: bool,
    ends_layer: bool,
    vp8: Option<Vp8Descriptor>,
}

impl VideoPayload {
    fn read(format: Format, payload: &[u8]) -> Option<Self> {
        match format {
            Format::Vp8 => {
                let descriptor = Vp8Descriptor::parse(payload).ok()?;
                let starts_keyframe = descriptor.starts_keyframe(payload);
                Some(Self { starts_keyframe, ends_layer: false, vp8: Some(descriptor) })
            }
            Format::Vp9 => {
                let vp9 = Vp9Payload::read(payload)?;
                Some(Self { starts_keyframe: vp9.begins_keyframe(), ends_layer: vp9.end, vp8: None })
            }
            Format::H264 => {
                let part = PayloadPart::read(Codec::H264, payload)?;
                Some(Self { starts_keyframe: part.begins_keyframe, ..Self::default() })
            }
            _ => None,
        }
    }
}

/// The packet as a subscriber gets it: with the subscriber's numbers, and without the header extensions that belong to the
/// publisher's connection (MID, RID, transport-wide sequence number).
fn outgoing(
    packet: &RtpPacket,
    pt: Pt,
    kind: MediaKind,
    captured: Instant,
    numbers: OutgoingNumbers,
    descriptor: Option<&Vp8Descriptor>,
) -> RtpWrite {
    let from = &packet.header.ext_vals;
    let values = ExtensionValues {
        audio_level: from.audio_level,
        voice_activity: from.voice_activity,
        video_orientation: from.video_orientation,
        ..ExtensionValues::default()
    };
    let sequence = numbers.sequence.into();
    let write = RtpWrite::new(pt, sequence, numbers.timestamp, captured, packet.payload.clone())
        .marker(packet.header.marker)
        .ext_vals(values)
        .nackable(kind == MediaKind::Video);
    match descriptor.and_then(|d| patch(d, &numbers)) {
        Some(patch) => write.vp8_patch(patch),
        None => write,
    }
}

/// The changed bytes of a payload descriptor. A PictureID that does not fit the descriptor's 7 bits is cut to them.
fn patch(descriptor: &Vp8Descriptor, numbers: &OutgoingNumbers) -> Option<Vp8Patch> {
    let with = |picture_id: Option<u16>| {
        let mut patch = descriptor.patch();
        if let Some(id) = picture_id {
            patch = patch.picture_id(id);
        }
        if let Some(index) = numbers.tl0_pic_idx {
            patch = patch.tl0_pic_idx(index);
        }
        patch.build().ok()
    };
    with(numbers.picture_id).or_else(|| with(numbers.picture_id.map(|id| id & SHORT_PICTURE_ID)))
}

/// An empty packet in place of padding that arrived too late to close the gap in the sequence numbers.
fn filler(packet: &RtpPacket, pt: Pt, number: u64) -> RtpWrite {
    let nothing: &[u8] = &[];
    RtpWrite::new(pt, number.into(), packet.header.timestamp, packet.timestamp, nothing)
}
