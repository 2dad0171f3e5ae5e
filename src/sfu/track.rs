//! A published track and its subscribers: which layer each of them gets, and when a key frame must be requested.

use super::layers::{LAYERS, LayerSet, LayerStats};
use super::level::RtpLevelMeter;
use super::rewrite::{OutgoingNumbers, Rewriter, SourceNumbers};
use crate::base::{Codec, MediaKind};
use crate::hub::ConnectionId;
use std::time::{Duration, Instant};
use str0m::format::CodecSpec;
use str0m::media::{Mid, Pt};

/// Interval of key frame requests for one layer. libwebrtc answers one in 300 ms, and ignores requests that are closer.
const KEYFRAME_REQUEST_INTERVAL: Duration = Duration::from_millis(310);

/// The m-line of the publisher that carries a track.
#[derive(Clone, Debug)]
pub(super) struct TrackOrigin {
    pub(super) connection: ConnectionId,
    pub(super) mid: Mid,
    pub(super) simulcast: bool,
    pub(super) codec: Codec,
}

/// Key frame requests for one layer.
#[derive(Clone, Copy, Debug, Default)]
struct KeyframeRequests {
    /// Whether a subscriber that gets the layer lost frames.
    wanted: bool,
    last: Option<Instant>,
}

/// A packet of the publisher, as far as it decides about forwarding.
#[derive(Clone, Copy, Debug)]
pub(super) struct IncomingPacket {
    pub(super) numbers: SourceNumbers,
    pub(super) layer: u8,
    /// Whether a key frame starts here and no later packet of its layer has come.
    pub(super) starts_keyframe: bool,
    /// Whether the layer's part of its picture ends here.
    pub(super) ends_layer: bool,
    /// Whether the layers build on each other, in one stream (VP9).
    pub(super) scalable: bool,
    /// Whether it has no payload (padding).
    pub(super) empty: bool,
}

/// The decision on a packet for one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForwardDecision {
    /// Send it with these numbers.
    Forward(OutgoingNumbers),
    /// Send an empty packet with this sequence number.
    Fill(u64),
    /// Drop it: the subscriber needs a key frame of this packet's layer first.
    Wait,
    Drop,
}

/// One subscriber of a track.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) connection: ConnectionId,
    pub(super) mid: Mid,
    pub(super) payload_type: Option<Pt>,
    /// Time from which the client can take packets; `None` before it is connected.
    pub(super) ready_at: Option<Instant>,
    /// Highest layer that the client requests.
    pub(super) limit: u8,
    /// Highest layer that its bandwidth allows.
    pub(super) cap: u8,
    pub(super) paused: bool,
    current: Option<u8>,
    /// RTP timestamp of the newest picture.
    picture: u32,
    rewriter: Rewriter,
}

impl Subscriber {
    pub(super) fn new(connection: ConnectionId, mid: Mid, kind: MediaKind) -> Self {
        Self {
            connection,
            mid,
            payload_type: None,
            ready_at: None,
            limit: LAYERS as u8 - 1,
            cap: LAYERS as u8 - 1,
            paused: false,
            current: None,
            picture: 0,
            rewriter: Rewriter::new(kind),
        }
    }

    /// Whether packets may be sent to it.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        !self.paused && self.ready_at.is_some_and(|at| at <= now)
    }

    /// Starts anew with the next key frame, without a gap in the sequence numbers.
    pub(super) fn restart(&mut self) {
        self.rewriter.pause();
        self.current = None;
    }

    /// The layer that it should get of the active ones.
    fn target(&self, active: LayerSet) -> Option<u8> {
        active.choose(self.limit.min(self.cap))
    }

    /// The layer that it should get but does not yet: it needs a key frame of it.
    fn missing_layer(&self, active: LayerSet) -> Option<u8> {
        self.target(active).filter(|t| self.current != Some(*t))
    }

    /// The highest layer of scalable video that it should get. Those that its publisher does not send at the moment are
    /// simply not there: the pictures end earlier.
    fn highest_layer(&self) -> u8 {
        self.limit.min(self.cap)
    }

    /// Whether it needs a key picture of scalable video, to begin or for a higher layer.
    fn needs_key_picture(&self) -> bool {
        self.current.is_none_or(|current| current < self.highest_layer())
    }

    /// Decides about an audio packet.
    pub(super) fn audio(&mut self, packet: &IncomingPacket) -> ForwardDecision {
        if packet.empty {
            return self.padding(packet);
        }
        if !self.rewriter.continues(&packet.numbers) {
            self.rewriter.start(&packet.numbers);
            self.current = Some(packet.layer);
        }
        self.rewriter.rewrite(&packet.numbers).map_or(ForwardDecision::Drop, ForwardDecision::Forward)
    }

    /// Whether a picture of scalable video is complete for the subscriber with this packet.
    pub(super) fn ends_picture(&self, packet: &IncomingPacket) -> bool {
        packet.scalable && packet.ends_layer && self.current == Some(packet.layer)
    }

    /// Decides about a video packet. One layer is forwarded; it changes at key frames.
    pub(super) fn video(&mut self, packet: &IncomingPacket, active: LayerSet) -> ForwardDecision {
        if packet.empty {
            return self.padding(packet);
        }
        if packet.scalable {
            return self.scalable_video(packet);
        }
        let wanted = self.target(active).is_none_or(|t| t == packet.layer);
        let continues = self.current == Some(packet.layer) && self.rewriter.continues(&packet.numbers);
        if !continues && wanted && packet.starts_keyframe {
            self.rewriter.start(&packet.numbers);
            self.current = Some(packet.layer);
        }
        match self.rewriter.rewrite(&packet.numbers) {
            Some(numbers) => ForwardDecision::Forward(numbers),
            None if wanted => ForwardDecision::Wait,
            None => ForwardDecision::Drop,
        }
    }

    /// Decides about a packet of scalable video. Layers up to one are forwarded: a lower one from the next picture on, a
    /// higher one from the next key picture on.
    fn scalable_video(&mut self, packet: &IncomingPacket) -> ForwardDecision {
        let target = self.highest_layer();
        let continues = self.current.is_some() && self.rewriter.continues(&packet.numbers);
        if !continues && !packet.starts_keyframe {
            return ForwardDecision::Wait;
        }
        if !continues {
            self.rewriter.start(&packet.numbers);
        }
        let is_newer = packet.numbers.timestamp.wrapping_sub(self.picture) as i32 > 0;
        if packet.starts_keyframe {
            self.current = Some(target);
        } else if is_newer {
            self.current = self.current.map(|current| current.min(target));
        }
        if packet.starts_keyframe || is_newer {
            self.picture = packet.numbers.timestamp;
        }
        if self.current.is_some_and(|current| packet.layer > current) {
            return self.padding(packet);
        }
        self.rewriter.rewrite(&packet.numbers).map_or(ForwardDecision::Drop, ForwardDecision::Forward)
    }

    fn padding(&mut self, packet: &IncomingPacket) -> ForwardDecision {
        let SourceNumbers { ssrc, sequence, .. } = packet.numbers;
        self.rewriter.skip(ssrc, sequence).map_or(ForwardDecision::Drop, ForwardDecision::Fill)
    }
}

/// A published track.
#[derive(Debug)]
pub(super) struct ForwardedTrack {
    pub(super) kind: MediaKind,
    /// `None` before it is published and after its publisher's connection is gone.
    pub(super) origin: Option<TrackOrigin>,
    pub(super) muted: bool,
    /// Whether any packet has come.
    pub(super) seen: bool,
    pub(super) layers: LayerStats,
    /// The payload type that its publisher uses, and its format.
    pub(super) format: Option<(Pt, CodecSpec)>,
    /// SSRC and highest sequence number of each layer.
    highest: [(u32, u64); LAYERS],
    keyframes: [KeyframeRequests; LAYERS],
    pub(super) level: RtpLevelMeter,
    pub(super) subscribers: Vec<Subscriber>,
}

impl ForwardedTrack {
    pub(super) fn new(kind: MediaKind) -> Self {
        Self {
            kind,
            origin: None,
            muted: false,
            seen: false,
            layers: LayerStats::default(),
            format: None,
            highest: [(0, 0); LAYERS],
            keyframes: [KeyframeRequests::default(); LAYERS],
            level: RtpLevelMeter::default(),
            subscribers: vec![],
        }
    }

    /// Whether it may have layers to choose from: simulcast, or scalable video.
    pub(super) fn has_layers(&self) -> bool {
        self.origin.as_ref().is_some_and(|o| o.simulcast || o.codec == Codec::Vp9)
    }

    /// Whether its layers build on each other, in one stream.
    pub(super) fn is_scalable(&self) -> bool {
        self.origin.as_ref().is_some_and(|o| !o.simulcast && o.codec == Codec::Vp9)
    }

    /// The rate that each layer needs, in bits a second, with those that it builds on.
    pub(super) fn layer_rates(&self, now: Instant) -> [u64; LAYERS] {
        let mut rates = self.layers.rates(now);
        if self.is_scalable() {
            for layer in 1..LAYERS {
                rates[layer] += rates[layer - 1];
            }
        }
        rates
    }

    /// Records a packet. Whether no later packet of its layer has come.
    pub(super) fn is_newest(&mut self, layer: u8, ssrc: u32, sequence: u64) -> bool {
        let Some(highest) = self.highest.get_mut(usize::from(layer)) else { return false };
        let newest = highest.0 != ssrc || sequence >= highest.1;
        if newest {
            *highest = (ssrc, sequence);
        }
        newest
    }

    /// A subscriber requests a key frame of the layer it gets.
    pub(super) fn want_keyframe(&mut self, connection: ConnectionId, mid: Mid) {
        let of = |s: &&Subscriber| s.connection == connection && s.mid == mid;
        let layer = self.subscribers.iter().find(of).and_then(|s| s.current).map(|layer| self.requested_layer(layer));
        if let Some(k) = layer.and_then(|l| self.keyframes.get_mut(usize::from(l))) {
            k.wanted = true;
        }
    }

    /// The layer that a key frame is requested of: all layers of scalable video begin with the lowest.
    fn requested_layer(&self, layer: u8) -> u8 {
        if self.is_scalable() { 0 } else { layer }
    }

    /// A key frame of the layer has come.
    pub(super) fn keyframe_received(&mut self, layer: u8) {
        if let Some(k) = self.keyframes.get_mut(usize::from(layer)) {
            k.wanted = false;
        }
    }

    /// The layers whose key frame is to be requested now, and when to call again. Requests are repeated until the key frame
    /// comes. Inactive layers are not requested.
    pub(super) fn requests(&mut self, now: Instant) -> (Vec<u8>, Option<Instant>) {
        let (mut request, mut again) = (vec![], None);
        if self.kind != MediaKind::Video || self.muted || self.origin.is_none() {
            return (request, again);
        }
        let mut call_at = |at: Instant| again = Some(again.map_or(at, |a: Instant| a.min(at)));
        let active = self.layers.active(now);
        // A key picture of scalable video begins with the lowest layer.
        let scalable = self.is_scalable();
        let missing = |s: &Subscriber| match scalable {
            true => active.choose(0).filter(|_| s.needs_key_picture()).map(|_| 0),
            false => s.missing_layer(active),
        };
        let mut wanted = [false; LAYERS];
        for s in self.subscribers.iter().filter(|s| !s.paused) {
            match (missing(s), s.ready_at) {
                (Some(layer), Some(at)) if at <= now => wanted[usize::from(layer)] = true,
                (Some(_), Some(at)) => call_at(at),
                _ => {}
            }
        }
        for (layer, k) in self.keyframes.iter_mut().enumerate() {
            if !(wanted[layer] || k.wanted && active.has(layer as u8)) {
                continue;
            }
            match k.last.map(|at| at + KEYFRAME_REQUEST_INTERVAL).filter(|next| *next > now) {
                Some(next) => call_at(next),
                None => {
                    k.last = Some(now);
                    request.push(layer as u8);
                    call_at(now + KEYFRAME_REQUEST_INTERVAL);
                }
            }
        }
        (request, again)
    }

    /// Every subscriber starts anew with the next key frame.
    pub(super) fn restart_all(&mut self) {
        self.subscribers.iter_mut().for_each(Subscriber::restart);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{ConnectionRole, MemberId};

    fn connection(n: u64) -> ConnectionId {
        ConnectionId { member: MemberId(n), role: ConnectionRole::Single }
    }

    fn subscriber(t: Instant) -> Subscriber {
        let mut s = Subscriber::new(connection(2), Mid::from("1"), MediaKind::Video);
        s.ready_at = Some(t);
        s
    }

    fn packet(layer: u8, sequence: u64, starts_keyframe: bool, captured: Instant) -> IncomingPacket {
        let (ends_layer, scalable) = (false, false);
        let numbers = SourceNumbers {
            ssrc: u32::from(layer) + 10,
            sequence,
            timestamp: 0,
            picture_id: Some(sequence as u16),
            tl0_pic_idx: None,
            captured,
        };
        IncomingPacket { numbers, layer, starts_keyframe, ends_layer, scalable, empty: false }
    }

    #[test]
    fn layers_change_at_key_frames_only() {
        let t = Instant::now();
        let (mut s, both) = (subscriber(t), LayerSet::of(&[0, 2]));
        s.limit = 0;
        assert_eq!(s.video(&packet(0, 1, false, t), both), ForwardDecision::Wait);
        assert_eq!(s.video(&packet(2, 1, true, t), both), ForwardDecision::Drop);
        assert!(matches!(s.video(&packet(0, 2, true, t), both), ForwardDecision::Forward(d) if d.sequence == 1));
        s.limit = 2;
        assert!(matches!(s.video(&packet(0, 3, false, t), both), ForwardDecision::Forward(d) if d.sequence == 2));
        assert_eq!(s.video(&packet(2, 2, false, t), both), ForwardDecision::Wait);
        assert!(matches!(s.video(&packet(2, 3, true, t), both), ForwardDecision::Forward(d) if d.sequence == 3));
        assert_eq!(s.video(&packet(0, 4, false, t), both), ForwardDecision::Drop);
    }

    /// Pictures of scalable video, three packets each, one for each layer.
    fn scalable(picture: u64, layer: u8, key: bool, captured: Instant) -> IncomingPacket {
        let sequence = 100 + picture * 3 + u64::from(layer);
        let mut packet = packet(layer, sequence, key && layer == 0, captured);
        packet.numbers =
            SourceNumbers { ssrc: 10, timestamp: picture as u32 * 3000, picture_id: None, ..packet.numbers };
        IncomingPacket { ends_layer: true, scalable: true, ..packet }
    }

    #[test]
    fn layers_of_scalable_video_are_raised_at_key_pictures_and_lowered_between_pictures() {
        let t = Instant::now();
        let (mut s, all) = (subscriber(t), LayerSet::of(&[0, 1, 2]));
        let mut numbers = vec![];
        // The layers of a picture that are sent, and the one that ends it.
        let mut picture = |s: &mut Subscriber, n: u64, key: bool| {
            let mut sent = vec![];
            for layer in 0..3 {
                let packet = scalable(n, layer, key, t);
                if let ForwardDecision::Forward(out) = s.video(&packet, all) {
                    numbers.push(out.sequence);
                    sent.push((layer, s.ends_picture(&packet)));
                }
            }
            sent
        };
        assert_eq!(picture(&mut s, 0, false), [], "it waits for a key picture");
        assert_eq!(picture(&mut s, 1, true), [(0, false), (1, false), (2, true)]);
        s.limit = 1;
        assert_eq!(picture(&mut s, 2, false), [(0, false), (1, true)]);
        s.limit = 2;
        assert_eq!(picture(&mut s, 3, false), [(0, false), (1, true)], "its layer 2 builds on what was not sent");
        assert!(s.needs_key_picture(), "one is requested");
        assert_eq!(picture(&mut s, 4, true), [(0, false), (1, false), (2, true)]);
        s.limit = 0;
        assert_eq!(picture(&mut s, 5, false), [(0, true)]);
        assert!(!s.needs_key_picture());
        assert!(numbers.windows(2).all(|n| n[1] == n[0] + 1), "{numbers:?}");
    }

    #[test]
    fn a_new_source_of_the_same_layer_waits_for_its_key_frame() {
        let t = Instant::now();
        let (mut s, active) = (subscriber(t), LayerSet::of(&[0]));
        assert!(matches!(s.video(&packet(0, 1, true, t), active), ForwardDecision::Forward(_)));
        let mut other = packet(0, 900, false, t);
        other.numbers.ssrc = 99;
        assert_eq!(s.video(&other, active), ForwardDecision::Wait);
        other.starts_keyframe = true;
        assert!(matches!(s.video(&other, active), ForwardDecision::Forward(d) if d.sequence == 2));
    }

    #[test]
    fn a_key_frame_is_requested_when_the_client_is_ready_and_again_until_it_comes() {
        let t = Instant::now();
        let ms = |n| t + Duration::from_millis(n);
        let mut track = ForwardedTrack::new(MediaKind::Video);
        track.origin =
            Some(TrackOrigin { connection: connection(1), mid: Mid::from("0"), simulcast: true, codec: Codec::Vp8 });
        track.subscribers.push(subscriber(ms(20)));
        assert_eq!(track.requests(t), (vec![], None), "no layer is active");
        track.layers.add_packet(1, 100, t);
        assert_eq!(track.requests(t), (vec![], Some(ms(20))));
        assert_eq!(track.requests(ms(20)), (vec![1], Some(ms(330))));
        assert_eq!(track.requests(ms(100)), (vec![], Some(ms(330))));
        track.layers.add_packet(1, 100, ms(330));
        assert_eq!(track.requests(ms(330)).0, vec![1]);
        let both = track.layers.active(ms(331));
        track.subscribers[0].video(&packet(1, 5, true, ms(331)), both);
        track.keyframe_received(1);
        assert_eq!(track.requests(ms(900)), (vec![], None));
        track.layers.add_packet(1, 100, ms(1000));
        track.want_keyframe(connection(2), Mid::from("1"));
        assert_eq!(track.requests(ms(1000)).0, vec![1]);
        track.muted = true;
        assert_eq!(track.requests(ms(2000)), (vec![], None));
    }

    #[test]
    fn somebody_who_comes_while_a_screen_stands_still_gets_a_key_frame() {
        let t = Instant::now();
        let mut track = ForwardedTrack::new(MediaKind::Video);
        track.origin =
            Some(TrackOrigin { connection: connection(1), mid: Mid::from("0"), simulcast: true, codec: Codec::Vp8 });
        for layer in [0, 1] {
            track.layers.add_packet(layer, 100, t);
        }
        let later = t + Duration::from_secs(60);
        track.subscribers.push(subscriber(later));
        assert_eq!(track.requests(later).0, vec![1]);
    }

    #[test]
    fn a_late_start_of_a_key_frame_is_not_the_newest() {
        let mut track = ForwardedTrack::new(MediaKind::Video);
        assert!(track.is_newest(0, 7, 10));
        assert!(!track.is_newest(0, 7, 9));
        assert!(track.is_newest(0, 8, 3));
    }
}
