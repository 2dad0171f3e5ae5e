//! VP8 packets in, whole frames in decoding order out. Pure: time is an argument.
//!
//! A lost packet is waited for until its NACK timeout, 400 ms at most. A loss that is not repaired by then becomes one
//! [`VideoMedia::Gap`], and the next frame is a key frame.

use super::loss::{LossTracker, SeqExtender};
use super::vp8::Descriptor;
use crate::base::{EncodedFrame, MediaPacket, Moment};
use crate::codec::Vp8Header;
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Packets held at most; then the oldest loss is given up. A key frame of 1080p has about 200.
const HELD: usize = 1024;
/// Packets held while no key frame starts among them: its first packet may still come, out of order.
const HELD_WITHOUT_KEYFRAME: usize = 128;
/// A jump of the sequence number by more than this is a new stream.
const JUMP: u64 = 3000;
/// Key frames of at most this many pixels a side are the black frames with which livekit-server ends a track.
const BLACK_SIDE: u32 = 16;
/// Time for a key frame that has begun to arrive before another is requested.
const KEYFRAME_TIMEOUT: Duration = Duration::from_millis(250);

/// The next item of a received video track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VideoMedia {
    /// A frame.
    Frame(EncodedFrame),
    /// Frames are missing; the next one is a key frame, which has been requested.
    Gap,
}

struct HeldPacket {
    packet: MediaPacket,
    /// `None` for packets without bitstream: padding, bandwidth probes.
    descriptor: Option<Descriptor>,
}

impl HeldPacket {
    fn starts_frame(&self) -> bool {
        self.descriptor.is_some_and(|d| d.frame_start)
    }

    fn starts_keyframe(&self) -> bool {
        self.descriptor.is_some_and(|d| d.frame_start && Vp8Header::is_keyframe(&self.packet.payload[d.len..]))
    }
}

/// Which packet may be taken next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first of a whole key frame. `request`: whether it must be requested from the sender.
    NeedsKeyframe { request: bool },
    /// The one with the next sequence number.
    Running,
}

/// Depacketizes one stream.
pub(super) struct VideoDepacketizer {
    sequence: SeqExtender,
    losses: LossTracker,
    /// Packets that cannot be taken yet, by extended sequence number.
    held: BTreeMap<u64, HeldPacket>,
    state: State,
    /// Extended sequence number of the next packet. Older packets come too late.
    next: u64,
    /// Packets of the frame that is being put together, and its timestamp.
    parts: Vec<Bytes>,
    timestamp: u32,
    /// When the first packet of the newest key frame arrived.
    keyframe_began: Option<Moment>,
    out: VecDeque<VideoMedia>,
    lost: u64,
}

impl Default for VideoDepacketizer {
    fn default() -> Self {
        Self {
            sequence: SeqExtender::default(),
            losses: LossTracker::default(),
            held: BTreeMap::new(),
            state: State::NeedsKeyframe { request: true },
            next: 0,
            parts: Vec::new(),
            timestamp: 0,
            keyframe_began: None,
            out: VecDeque::new(),
            lost: 0,
        }
    }
}

impl VideoDepacketizer {
    /// Takes a packet. Packets may come in any order and more than once.
    pub(super) fn push(&mut self, packet: MediaPacket, now: Moment) {
        let before = self.sequence.highest();
        let mut number = self.sequence.extend(packet.sequence);
        match before {
            Some(highest) if number.abs_diff(highest) > JUMP => number = self.restart(packet.sequence),
            Some(highest) if number > highest + 1 => self.losses.add_lost(highest + 1, number, now),
            _ => self.losses.add_received(number, now),
        }
        if number < self.next || self.held.contains_key(&number) {
            return;
        }
        let held = HeldPacket { descriptor: Descriptor::parse(&packet.payload), packet };
        if held.starts_keyframe() {
            self.keyframe_began = Some(now);
        } else if held.starts_frame() && self.state == (State::NeedsKeyframe { request: false }) {
            self.state = State::NeedsKeyframe { request: true };
        }
        self.held.insert(number, held);
        self.advance(now);
    }

    /// The next frame or gap, if one is due.
    pub(super) fn poll(&mut self, now: Moment) -> Option<VideoMedia> {
        if self.out.is_empty() {
            self.advance(now);
        }
        self.out.pop_front()
    }

    /// When [`poll`](Self::poll) may return something although no packet comes.
    pub(super) fn deadline(&self) -> Option<Moment> {
        match self.state {
            State::Running if !self.held.is_empty() => Some(self.losses.deadline(self.next)),
            _ => None,
        }
    }

    /// Whether a key frame must be requested from the sender.
    pub(super) fn wants_keyframe(&self, now: Moment) -> bool {
        self.sequence.highest().is_some()
            && self.state == (State::NeedsKeyframe { request: true })
            && self.keyframe_began.is_none_or(|began| now.since(began) >= KEYFRAME_TIMEOUT)
    }

    /// When the key frame that is arriving times out, if that lies ahead.
    pub(super) fn keyframe_deadline(&self, now: Moment) -> Option<Moment> {
        let waiting = self.state == (State::NeedsKeyframe { request: true });
        let due = self.keyframe_began? + KEYFRAME_TIMEOUT;
        (waiting && due > now).then_some(due)
    }

    /// Drops everything before the next key frame, for a consumer that could not keep up.
    pub(super) fn skip_to_keyframe(&mut self) {
        self.state = State::NeedsKeyframe { request: true };
        self.keyframe_began = None;
        self.parts.clear();
        self.out.clear();
    }

    /// Packets that were given up.
    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }

    fn restart(&mut self, sequence: u16) -> u64 {
        let before = std::mem::take(self);
        self.lost = before.lost;
        self.out = before.out;
        if before.state == State::Running {
            self.out.push_back(VideoMedia::Gap);
        }
        self.sequence.extend(sequence)
    }

    fn advance(&mut self, now: Moment) {
        loop {
            let moved = match self.state {
                State::Running => self.take_next(now),
                State::NeedsKeyframe { .. } => self.find_keyframe(),
            };
            if !moved {
                return;
            }
        }
    }

    /// Moves past the next packet, or past a loss whose timeout is over.
    fn take_next(&mut self, now: Moment) -> bool {
        if let Some(held) = self.held.remove(&self.next) {
            self.next += 1;
            self.append(&held);
            return true;
        }
        let Some((&first, _)) = self.held.first_key_value() else { return false };
        if now < self.losses.deadline(self.next) && self.held.len() < HELD {
            return false;
        }
        self.lost += first.saturating_sub(self.next);
        self.next = first;
        self.give_up_frame();
        true
    }

    fn give_up_frame(&mut self) {
        self.state = State::NeedsKeyframe { request: true };
        self.parts.clear();
        self.out.push_back(VideoMedia::Gap);
    }

    /// Adds a packet to its frame. All packets before it have been taken.
    fn append(&mut self, held: &HeldPacket) {
        let Some(descriptor) = held.descriptor else { return };
        if descriptor.frame_start {
            self.finish_frame(); // of a sender that sets no marker
            self.timestamp = held.packet.timestamp;
        } else if self.parts.is_empty() {
            return self.give_up_frame();
        }
        self.parts.push(held.packet.payload.slice(descriptor.len..));
        if held.packet.marker {
            self.finish_frame();
        }
    }

    fn finish_frame(&mut self) {
        let data = match self.parts.as_mut_slice() {
            [] => return,
            [only] => std::mem::take(only),
            parts => {
                let mut all = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
                parts.iter().for_each(|part| all.extend_from_slice(part));
                all.freeze()
            }
        };
        self.parts.clear();
        if matches!(Vp8Header::parse(&data), Some(Vp8Header::Keyframe { width, height }) if width.max(height) <= BLACK_SIDE)
        {
            self.state = State::NeedsKeyframe { request: false };
            self.keyframe_began = None;
            return;
        }
        let keyframe = Vp8Header::is_keyframe(&data);
        self.out.push_back(VideoMedia::Frame(EncodedFrame { data, keyframe, timestamp: self.timestamp }));
    }

    /// Starts at the first whole key frame held, and drops the packets before it.
    fn find_keyframe(&mut self) -> bool {
        let starts = self.held.iter().filter(|(_, h)| h.starts_keyframe()).map(|(&n, _)| n);
        let whole = starts.clone().find(|&n| self.is_whole(n));
        let keep = whole.or_else(|| starts.clone().next());
        match keep {
            Some(start) => self.held = self.held.split_off(&start),
            None => self.drop_oldest(HELD_WITHOUT_KEYFRAME),
        }
        self.drop_oldest(HELD);
        let Some(start) = whole else { return false };
        self.state = State::Running;
        self.next = start;
        self.parts.clear();
        true
    }

    /// Whether all packets of the frame that starts at `start` are held.
    fn is_whole(&self, start: u64) -> bool {
        for (expected, (&number, held)) in (start..).zip(self.held.range(start..)) {
            if number != expected {
                return false;
            }
            if held.packet.marker || (number > start && held.starts_frame()) {
                return true;
            }
        }
        false
    }

    fn drop_oldest(&mut self, limit: usize) {
        while self.held.len() > limit {
            self.held.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::vp8::{FrameNumbers, packetize};
    use super::*;
    use proptest::prelude::*;

    /// A frame with a VP8 header and a number, which no decoder accepts.
    fn frame(number: u32, keyframe: bool, size: usize) -> EncodedFrame {
        let mut data = if keyframe { vec![0, 0, 0, 0x9D, 1, 0x2A, 0x80, 2, 0x68, 1] } else { vec![1] };
        data.extend_from_slice(&number.to_be_bytes());
        data.resize(data.len() + size, number as u8);
        EncodedFrame { data: data.into(), keyframe, timestamp: number.wrapping_mul(3000) }
    }

    fn packets(frames: &[EncodedFrame], first: u16) -> Vec<MediaPacket> {
        let mut packets = Vec::new();
        for frame in frames {
            let payloads = packetize(&frame.data, FrameNumbers::starting_at(7));
            let last = payloads.len() - 1;
            for (i, payload) in payloads.into_iter().enumerate() {
                let sequence = first.wrapping_add(packets.len() as u16);
                packets.push(MediaPacket { sequence, timestamp: frame.timestamp, marker: i == last, payload });
            }
        }
        packets
    }

    /// All frames and gaps for packets that arrive at these milliseconds.
    fn run(arrivals: impl IntoIterator<Item = (u64, MediaPacket)>) -> Vec<VideoMedia> {
        let (mut depacketizer, mut out) = (VideoDepacketizer::default(), Vec::new());
        for (ms, packet) in arrivals {
            let now = Moment::from_millis(ms);
            out.extend(std::iter::from_fn(|| depacketizer.poll(now)));
            depacketizer.push(packet, now);
            out.extend(std::iter::from_fn(|| depacketizer.poll(now)));
        }
        let end = Moment::from_millis(1_000_000);
        out.extend(std::iter::from_fn(|| depacketizer.poll(end)));
        out
    }

    fn wanted(frames: &[EncodedFrame]) -> Vec<VideoMedia> {
        frames.iter().cloned().map(VideoMedia::Frame).collect()
    }

    fn video(count: u32, sizes: &[usize]) -> Vec<EncodedFrame> {
        (0..count).map(|n| frame(n, n % 10 == 0, sizes[n as usize % sizes.len()])).collect()
    }

    #[test]
    fn a_repaired_loss_loses_no_frame() {
        let frames = video(4, &[3000]);
        let mut packets = packets(&frames, 65_530);
        let late = packets.remove(4);
        packets.insert(8, late);
        let arrivals = packets.into_iter().enumerate().map(|(i, p)| (i as u64 * 10, p));
        assert_eq!(run(arrivals), wanted(&frames));
    }

    #[test]
    fn losses_that_are_not_repaired_are_one_gap_up_to_the_next_key_frame() {
        let frames = video(25, &[10]);
        let mut packets = packets(&frames, 0);
        packets.remove(3);
        packets.remove(5);
        let out = run(packets.into_iter().enumerate().map(|(i, p)| (i as u64 * 500, p)));
        let mut expected = wanted(&frames[..3]);
        expected.push(VideoMedia::Gap);
        expected.extend(wanted(&frames[10..]));
        assert_eq!(out, expected);
    }

    #[test]
    fn nothing_comes_out_before_the_first_whole_key_frame() {
        let frames = video(12, &[2500]);
        let mut packets = packets(&frames, 100);
        packets.remove(1); // the first key frame is broken
        let mut depacketizer = VideoDepacketizer::default();
        assert!(!depacketizer.wants_keyframe(Moment::ZERO), "no packet has come");
        let mut out = Vec::new();
        for (i, packet) in packets.into_iter().enumerate() {
            let now = Moment::from_millis(i as u64 * 30);
            depacketizer.push(packet, now);
            out.extend(std::iter::from_fn(|| depacketizer.poll(now)));
            if i == 0 {
                assert!(!depacketizer.wants_keyframe(now), "one is arriving");
                assert!(depacketizer.wants_keyframe(now + KEYFRAME_TIMEOUT), "it has timed out");
            }
        }
        assert_eq!(out, wanted(&frames[10..]));
    }

    #[test]
    fn the_black_frames_at_the_end_of_a_track_are_skipped() {
        let mut frames = video(3, &[10]);
        let mut black = frame(3, true, 0);
        black.data = Bytes::from_static(&[0, 0, 0, 0x9D, 1, 0x2A, 8, 0, 8, 0, 1, 2]);
        frames.extend([black.clone(), black]);
        let mut depacketizer = VideoDepacketizer::default();
        for packet in packets(&frames, 0) {
            depacketizer.push(packet, Moment::ZERO);
        }
        let out: Vec<_> = std::iter::from_fn(|| depacketizer.poll(Moment::ZERO)).collect();
        assert_eq!(out, wanted(&frames[..3]));
        assert!(!depacketizer.wants_keyframe(Moment::from_millis(900)), "the track has ended");
        for packet in packets(&[frame(9, false, 10)], 5) {
            depacketizer.push(packet, Moment::from_millis(1000));
        }
        assert!(depacketizer.wants_keyframe(Moment::from_millis(1000)), "the track goes on");
    }

    #[test]
    fn a_key_frame_that_was_given_up_does_not_come_out_later() {
        let frames = video(32, &[10]);
        let mut packets = packets(&frames, 0);
        let late = packets.remove(10); // a key frame in one packet
        packets.remove(24); // of frame 25
        packets.insert(26, late); // before frame 28, while a key frame is waited for
        let out = run(packets.into_iter().enumerate().map(|(i, p)| (i as u64 * 500, p)));
        let mut expected = wanted(&frames[..10]);
        expected.push(VideoMedia::Gap);
        expected.extend(wanted(&frames[20..25]));
        expected.push(VideoMedia::Gap);
        expected.extend(wanted(&frames[30..]));
        assert_eq!(out, expected);
    }

    #[test]
    fn padding_is_no_loss() {
        let frames = video(2, &[10]);
        let mut packets = packets(&frames, 0);
        let padding = MediaPacket { sequence: 1, timestamp: 0, marker: false, payload: Bytes::new() };
        packets[1].sequence = 2;
        packets.insert(1, padding);
        assert_eq!(run(packets.into_iter().map(|p| (0, p))), wanted(&frames));
    }

    #[test]
    fn a_jump_of_the_sequence_number_is_a_new_stream() {
        let (before, after) = (video(3, &[10]), video(13, &[20]));
        let all = packets(&before, 100).into_iter().chain(packets(&after[10..], 40_000));
        let out = run(all.enumerate().map(|(i, p)| (i as u64, p)));
        let mut expected = wanted(&before);
        expected.push(VideoMedia::Gap);
        expected.extend(wanted(&after[10..]));
        assert_eq!(out, expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn reordering_and_duplication_within_the_nack_timeout_lose_nothing(
            first in any::<u16>(),
            sizes in prop::collection::vec(0usize..4000, 1..8),
            shifts in prop::collection::vec((0u64..70, any::<bool>()), 400),
        ) {
            let frames = video(30, &sizes);
            let mut arrivals = Vec::new();
            for (i, packet) in packets(&frames, first).into_iter().enumerate() {
                let (shift, duplicate) = shifts[i % shifts.len()];
                // The stream starts at the key frame that is whole first: that is frame 0 as long as it is not shifted.
                let at = i as u64 + if packet.timestamp == 0 { 0 } else { shift };
                if duplicate {
                    arrivals.push((at + 200, packet.clone()));
                }
                arrivals.push((at, packet));
            }
            arrivals.sort_by_key(|(at, _)| *at);
            prop_assert_eq!(run(arrivals), wanted(&frames));
        }

        #[test]
        fn any_loss_leaves_whole_frames_in_order_and_a_key_frame_after_each_gap(
            first in any::<u16>(),
            sizes in prop::collection::vec(0usize..4000, 1..8),
            fates in prop::collection::vec((0u64..300, 0u8..10), 400),
        ) {
            let frames = video(60, &sizes);
            let mut arrivals: Vec<_> = packets(&frames, first).into_iter().enumerate().filter_map(|(i, packet)| {
                let (delay, fate) = fates[i % fates.len()];
                (fate > 0).then_some((i as u64 * 5 + delay, packet))
            }).collect();
            arrivals.sort_by_key(|(at, _)| *at);
            let (mut previous, mut needs_keyframe) = (None, true);
            for media in run(arrivals) {
                match media {
                    VideoMedia::Gap => needs_keyframe = true,
                    VideoMedia::Frame(got) => {
                        let number = frames.iter().position(|f| *f == got);
                        prop_assert!(number.is_some(), "a frame that was never sent");
                        prop_assert!(number > previous, "out of order");
                        prop_assert!(!needs_keyframe || got.keyframe, "a gap was not followed by a key frame");
                        if !got.keyframe {
                            prop_assert_eq!(number, previous.map(|p: usize| p + 1), "a gap was not reported");
                        }
                        (previous, needs_keyframe) = (number, false);
                    }
                }
            }
        }

        #[test]
        fn random_packets_are_survived(
            packets in prop::collection::vec((any::<u16>(), any::<u32>(), any::<bool>(), prop::collection::vec(any::<u8>(), 0..12), 0u64..1000), 0..300),
        ) {
            let mut arrivals: Vec<_> = packets.into_iter().map(|(sequence, timestamp, marker, payload, at)| {
                (at, MediaPacket { sequence, timestamp, marker, payload: payload.into() })
            }).collect();
            arrivals.sort_by_key(|(at, _)| *at);
            let count = arrivals.len();
            prop_assert!(run(arrivals).len() <= 2 * count);
        }
    }
}
