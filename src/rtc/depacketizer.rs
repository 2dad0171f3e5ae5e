//! Video packets in, whole frames in decoding order out. Pure: time is an argument.
//!
//! A lost packet is waited for until its NACK timeout, 400 ms at most. A loss that is not repaired by then becomes one
//! [`VideoMedia::Gap`], and the next frame is a key frame.

use super::loss::{LossTracker, SeqExtender};
use crate::base::{Codec, EncodedFrame, MediaPacket, Moment, Orientation};
use crate::codec::Vp8Header;
use crate::proto::payload::{PayloadPart, assemble};
use bytes::Bytes;
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
    /// A frame, and how its picture has to be turned.
    Frame(EncodedFrame, Orientation),
    /// Frames are missing; the next one is a key frame, which has been requested.
    Gap,
}

struct HeldPacket {
    packet: MediaPacket,
    /// The video orientation that the packet announces.
    orientation: Option<Orientation>,
    codec: Codec,
    /// `None` for packets without bitstream: padding, bandwidth probes.
    part: Option<PayloadPart>,
}

impl HeldPacket {
    fn starts_frame(&self) -> bool {
        self.part.is_some_and(|part| part.begins)
    }

    fn starts_keyframe(&self) -> bool {
        self.part.is_some_and(|part| part.begins_keyframe)
    }

    /// Whether it starts another frame than that of `timestamp`.
    fn starts_frame_after(&self, timestamp: u32) -> bool {
        self.starts_frame() && self.packet.timestamp != timestamp
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
    /// Payloads of the frame that is being put together, its timestamp and its codec.
    parts: Vec<(PayloadPart, Bytes)>,
    timestamp: u32,
    codec: Codec,
    /// The orientation that was announced last: it holds until another is (3GPP TS 26.114, section 7.4.5).
    orientation: Orientation,
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
            codec: Codec::Vp8,
            orientation: Orientation::default(),
            keyframe_began: None,
            out: VecDeque::new(),
            lost: 0,
        }
    }
}

impl VideoDepacketizer {
    /// Takes a packet, the codec of its payload type, and the video orientation in its header extension. Packets may come
    /// in any order and more than once.
    pub(super) fn push(&mut self, packet: MediaPacket, codec: Codec, orientation: Option<Orientation>, now: Moment) {
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
        let held = HeldPacket { part: PayloadPart::read(codec, &packet.payload), codec, orientation, packet };
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
        self.orientation = before.orientation;
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
        let Some(part) = held.part else { return };
        if part.begins && (self.parts.is_empty() || held.starts_frame_after(self.timestamp)) {
            self.finish_frame(); // of a sender that sets no marker
            if held.codec != self.codec && !part.begins_keyframe {
                return self.give_up_frame();
            }
            (self.timestamp, self.codec) = (held.packet.timestamp, held.codec);
        } else if self.parts.is_empty() {
            return self.give_up_frame();
        }
        self.parts.push((part, held.packet.payload.clone()));
        self.orientation = held.orientation.unwrap_or(self.orientation);
        if held.packet.marker {
            self.finish_frame();
        }
    }

    fn finish_frame(&mut self) {
        let Some((first, _)) = self.parts.first() else { return };
        let (keyframe, codec) = (first.begins_keyframe, self.codec);
        let data = assemble(codec, &self.parts);
        self.parts.clear();
        let is_black =
            |header| matches!(header, Some(Vp8Header::Keyframe { width, height }) if width.max(height) <= BLACK_SIDE);
        if codec == Codec::Vp8 && is_black(Vp8Header::parse(&data)) {
            self.state = State::NeedsKeyframe { request: false };
            self.keyframe_began = None;
            return;
        }
        let frame = EncodedFrame { codec, data, keyframe, timestamp: self.timestamp };
        self.out.push_back(VideoMedia::Frame(frame, self.orientation));
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
        let Some(timestamp) = self.held.get(&start).map(|held| held.packet.timestamp) else { return false };
        for (expected, (&number, held)) in (start..).zip(self.held.range(start..)) {
            if number != expected {
                return false;
            }
            if held.packet.marker || held.starts_frame_after(timestamp) {
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
mod tests;
