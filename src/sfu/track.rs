//! A published track and its subscribers: which layer each of them gets, and when a key frame has to be asked for.

use super::layers::{LAYERS, LayerSet, LayerStats};
use super::level::RtpLevelMeter;
use super::rewrite::{OutgoingNumbers, Rewriter, SourceNumbers};
use crate::base::MediaKind;
use crate::hub::ConnectionId;
use std::time::{Duration, Instant};
use str0m::media::{Mid, Pt};

/// libwebrtc honours one request per 300 ms and stream; one that comes too early costs that much.
const KEY_FRAME_EVERY: Duration = Duration::from_millis(310);

/// Where a track comes from.
#[derive(Clone, Debug)]
pub(super) struct TrackOrigin {
    pub(super) connection: ConnectionId,
    pub(super) mid: Mid,
    pub(super) simulcast: bool,
}

/// What is asked of one layer's sender.
#[derive(Clone, Copy, Debug, Default)]
struct KeyFrames {
    wanted: bool,
    asked_at: Option<Instant>,
}

/// A media packet's numbers, and what they mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct IncomingPacket {
    pub(super) arrival: SourceNumbers,
    pub(super) layer: u8,
    /// A picture that needs none before it begins here, and nothing later has come yet.
    pub(super) begins: bool,
    /// Padding: no payload.
    pub(super) empty: bool,
}

/// What to do with a packet for one subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ForwardDecision {
    Forward(OutgoingNumbers),
    /// An empty packet with this number.
    Fill(u64),
    /// Nothing can go before the next key frame of this packet's layer.
    Wait,
    Drop,
}

/// One subscriber of a track.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) connection: ConnectionId,
    pub(super) mid: Mid,
    pub(super) payload_type: Option<Pt>,
    /// From when the client can take packets; `None` before it is connected.
    pub(super) ready_at: Option<Instant>,
    /// Highest layer that the client wants.
    pub(super) limit: u8,
    /// Highest layer that its link carries.
    pub(super) cap: u8,
    pub(super) paused: bool,
    current: Option<u8>,
    rewriter: Rewriter,
}

impl Subscriber {
    pub(super) fn new(connection: ConnectionId, mid: Mid, kind: MediaKind) -> Self {
        let units_per_ms = if kind == MediaKind::Video { 90 } else { 48 };
        Self {
            connection,
            mid,
            payload_type: None,
            ready_at: None,
            limit: LAYERS as u8 - 1,
            cap: LAYERS as u8 - 1,
            paused: false,
            current: None,
            rewriter: Rewriter::new(units_per_ms),
        }
    }

    /// Whether packets may go to it.
    pub(super) fn takes(&self, now: Instant) -> bool {
        !self.paused && self.ready_at.is_some_and(|at| at <= now)
    }

    /// The next packet begins anew: with a key frame, and without a hole in the numbers.
    pub(super) fn restart(&mut self) {
        self.rewriter.pause();
        self.current = None;
    }

    /// The layer it should get of those that are there.
    pub(super) fn target(&self, alive: LayerSet) -> Option<u8> {
        alive.choose(self.limit.min(self.cap))
    }

    /// The layer whose key frame it needs before it can get what it should.
    fn missing_layer(&self, alive: LayerSet) -> Option<u8> {
        self.target(alive).filter(|t| self.current != Some(*t))
    }

    /// Decides what becomes of a packet of sound.
    pub(super) fn sound(&mut self, packet: &IncomingPacket) -> ForwardDecision {
        if packet.empty {
            return self.padding(packet);
        }
        if !self.rewriter.continues(&packet.arrival) {
            self.rewriter.start(&packet.arrival);
            self.current = Some(packet.layer);
        }
        self.rewriter.rewrite(&packet.arrival).map_or(ForwardDecision::Drop, ForwardDecision::Forward)
    }

    /// Decides what becomes of a packet of a picture: of all layers only one goes out, changed at a key frame.
    pub(super) fn picture(&mut self, packet: &IncomingPacket, alive: LayerSet) -> ForwardDecision {
        if packet.empty {
            return self.padding(packet);
        }
        let wanted = self.target(alive).is_none_or(|t| t == packet.layer);
        let goes_on = self.current == Some(packet.layer) && self.rewriter.continues(&packet.arrival);
        if !goes_on && wanted && packet.begins {
            self.rewriter.start(&packet.arrival);
            self.current = Some(packet.layer);
        }
        match self.rewriter.rewrite(&packet.arrival) {
            Some(departure) => ForwardDecision::Forward(departure),
            None if wanted => ForwardDecision::Wait,
            None => ForwardDecision::Drop,
        }
    }

    fn padding(&mut self, packet: &IncomingPacket) -> ForwardDecision {
        let SourceNumbers { source, sequence, .. } = packet.arrival;
        self.rewriter.skip(source, sequence).map_or(ForwardDecision::Drop, ForwardDecision::Fill)
    }
}

/// A published track.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) kind: MediaKind,
    /// `None` before it is published and after its publisher's connection is gone.
    pub(super) origin: Option<TrackOrigin>,
    pub(super) muted: bool,
    pub(super) seen: bool,
    pub(super) layers: LayerStats,
    /// Highest number that came on each layer, with its SSRC.
    highest: [(u32, u64); LAYERS],
    key_frames: [KeyFrames; LAYERS],
    pub(super) level: RtpLevelMeter,
    pub(super) subscribers: Vec<Subscriber>,
}

impl Track {
    pub(super) fn new(kind: MediaKind) -> Self {
        Self {
            kind,
            origin: None,
            muted: false,
            seen: false,
            layers: LayerStats::default(),
            highest: [(0, 0); LAYERS],
            key_frames: [KeyFrames::default(); LAYERS],
            level: RtpLevelMeter::default(),
            subscribers: vec![],
        }
    }

    /// Whether there is a layer to choose.
    pub(super) fn layered(&self) -> bool {
        self.origin.as_ref().is_some_and(|o| o.simulcast)
    }

    /// Notes a packet's number. Whether nothing later has come on its layer.
    pub(super) fn is_newest(&mut self, layer: u8, source: u32, sequence: u64) -> bool {
        let Some(highest) = self.highest.get_mut(usize::from(layer)) else { return false };
        let newest = highest.0 != source || sequence >= highest.1;
        if newest {
            *highest = (source, sequence);
        }
        newest
    }

    /// A subscriber lost its picture.
    pub(super) fn want_key_frame(&mut self, connection: ConnectionId, mid: Mid) {
        let of = |s: &&Subscriber| s.connection == connection && s.mid == mid;
        let layer = self.subscribers.iter().find(of).and_then(|s| s.current);
        if let Some(k) = layer.and_then(|l| self.key_frames.get_mut(usize::from(l))) {
            k.wanted = true;
        }
    }

    /// The key frame has come.
    pub(super) fn key_frame_came(&mut self, layer: u8) {
        if let Some(k) = self.key_frames.get_mut(usize::from(layer)) {
            k.wanted = false;
        }
    }

    /// The layers whose key frame is to be asked for now, and when to look again. Asking is repeated until the key
    /// frame comes; a layer that does not send at all is not asked.
    pub(super) fn requests(&mut self, now: Instant) -> (Vec<u8>, Option<Instant>) {
        let (mut ask, mut again) = (vec![], None);
        if self.kind != MediaKind::Video || self.muted || self.origin.is_none() {
            return (ask, again);
        }
        let mut look_at = |at: Instant| again = Some(again.map_or(at, |a: Instant| a.min(at)));
        let alive = self.layers.alive(now);
        let mut wanted = [false; LAYERS];
        for s in self.subscribers.iter().filter(|s| !s.paused) {
            match (s.missing_layer(alive), s.ready_at) {
                (Some(layer), Some(at)) if at <= now => wanted[usize::from(layer)] = true,
                (Some(_), Some(at)) => look_at(at),
                _ => {}
            }
        }
        for (layer, k) in self.key_frames.iter_mut().enumerate() {
            if !(wanted[layer] || k.wanted && alive.has(layer as u8)) {
                continue;
            }
            match k.asked_at.map(|at| at + KEY_FRAME_EVERY).filter(|next| *next > now) {
                Some(next) => look_at(next),
                None => {
                    k.asked_at = Some(now);
                    ask.push(layer as u8);
                    look_at(now + KEY_FRAME_EVERY);
                }
            }
        }
        (ask, again)
    }

    /// Every subscriber begins anew with what comes next.
    pub(super) fn restart_all(&mut self) {
        self.subscribers.iter_mut().for_each(Subscriber::restart);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{MemberId, Role};

    fn connection(n: u64) -> ConnectionId {
        ConnectionId { member: MemberId(n), role: Role::Single }
    }

    fn subscriber(t: Instant) -> Subscriber {
        let mut s = Subscriber::new(connection(2), Mid::from("1"), MediaKind::Video);
        s.ready_at = Some(t);
        s
    }

    fn picture(layer: u8, sequence: u64, begins: bool, at: Instant) -> IncomingPacket {
        let arrival = SourceNumbers {
            source: u32::from(layer) + 10,
            sequence,
            timestamp: 0,
            picture_id: Some(sequence as u16),
            tl0: None,
            at,
        };
        IncomingPacket { arrival, layer, begins, empty: false }
    }

    #[test]
    fn layers_change_at_key_frames_only() {
        let t = Instant::now();
        let (mut s, both) = (subscriber(t), LayerSet::of(&[0, 2]));
        s.limit = 0;
        assert_eq!(s.picture(&picture(0, 1, false, t), both), ForwardDecision::Wait);
        assert_eq!(s.picture(&picture(2, 1, true, t), both), ForwardDecision::Drop);
        assert!(matches!(s.picture(&picture(0, 2, true, t), both), ForwardDecision::Forward(d) if d.sequence == 1));
        s.limit = 2;
        assert!(matches!(s.picture(&picture(0, 3, false, t), both), ForwardDecision::Forward(d) if d.sequence == 2));
        assert_eq!(s.picture(&picture(2, 2, false, t), both), ForwardDecision::Wait);
        assert!(matches!(s.picture(&picture(2, 3, true, t), both), ForwardDecision::Forward(d) if d.sequence == 3));
        assert_eq!(s.picture(&picture(0, 4, false, t), both), ForwardDecision::Drop);
    }

    #[test]
    fn a_new_source_of_the_same_layer_waits_for_its_key_frame() {
        let t = Instant::now();
        let (mut s, alive) = (subscriber(t), LayerSet::of(&[0]));
        assert!(matches!(s.picture(&picture(0, 1, true, t), alive), ForwardDecision::Forward(_)));
        let mut other = picture(0, 900, false, t);
        other.arrival.source = 99;
        assert_eq!(s.picture(&other, alive), ForwardDecision::Wait);
        other.begins = true;
        assert!(matches!(s.picture(&other, alive), ForwardDecision::Forward(d) if d.sequence == 2));
    }

    #[test]
    fn a_key_frame_is_asked_for_when_the_client_is_ready_and_again_until_it_comes() {
        let t = Instant::now();
        let ms = |n| t + Duration::from_millis(n);
        let mut track = Track::new(MediaKind::Video);
        track.origin = Some(TrackOrigin { connection: connection(1), mid: Mid::from("0"), simulcast: true });
        track.subscribers.push(subscriber(ms(20)));
        assert_eq!(track.requests(t), (vec![], None), "nothing is sent yet");
        track.layers.saw(1, 100, t);
        assert_eq!(track.requests(t), (vec![], Some(ms(20))));
        assert_eq!(track.requests(ms(20)), (vec![1], Some(ms(330))));
        assert_eq!(track.requests(ms(100)), (vec![], Some(ms(330))));
        track.layers.saw(1, 100, ms(330));
        assert_eq!(track.requests(ms(330)).0, vec![1]);
        let both = track.layers.alive(ms(331));
        track.subscribers[0].picture(&picture(1, 5, true, ms(331)), both);
        track.key_frame_came(1);
        assert_eq!(track.requests(ms(900)), (vec![], None));
        track.layers.saw(1, 100, ms(1000));
        track.want_key_frame(connection(2), Mid::from("1"));
        assert_eq!(track.requests(ms(1000)).0, vec![1]);
        track.muted = true;
        assert_eq!(track.requests(ms(2000)), (vec![], None));
    }

    #[test]
    fn a_late_start_of_a_key_frame_is_not_the_newest() {
        let mut track = Track::new(MediaKind::Video);
        assert!(track.is_newest(0, 7, 10));
        assert!(!track.is_newest(0, 7, 9));
        assert!(track.is_newest(0, 8, 3));
    }
}
