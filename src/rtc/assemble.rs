//! From received VP8 packets to whole frames in decoding order. Pure: time is an argument.
//!
//! A missing packet is waited for (its repair has been asked for by then), at most 400 ms. What cannot be repaired
//! ends in one [`VideoMedia::Gap`], and nothing more comes out until a whole key frame is there.

use super::event::VideoMedia;
use super::reorder::{Holes, Sequence};
use super::vp8::{self, Descriptor};
use crate::base::{EncodedFrame, MediaPacket, Moment};
use bytes::{Bytes, BytesMut};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Packets held back at most. A key frame of 1080p is about 200.
const HELD: usize = 1024;
/// Packets kept while there is no key frame among them: its start may still come, out of order.
const HELD_WITHOUT_KEYFRAME: usize = 128;
/// A jump this far is a stream that starts anew.
const JUMP: u64 = 3000;
/// Key frames up to this many pixels a side are the black ones with which a server ends a track.
const BLACK_SIDE: u16 = 16;
/// Time for a key frame that has begun to become whole before another is asked for.
const KEYFRAME_TIME: Duration = Duration::from_millis(250);

/// One packet in the order of sequence numbers.
struct Held {
    packet: MediaPacket,
    /// `None` for packets without a picture: padding, probes.
    descriptor: Option<Descriptor>,
}

impl Held {
    fn bitstream(&self) -> &[u8] {
        self.descriptor.map_or(&[], |d| &self.packet.payload[d.len..])
    }

    fn starts_frame(&self) -> bool {
        self.descriptor.is_some_and(|d| d.frame_start)
    }

    fn starts_keyframe(&self) -> bool {
        self.starts_frame() && vp8::is_keyframe(self.bitstream())
    }
}

/// What may be given out next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Only a key frame. `ask`: whether somebody must be asked for it.
    NeedsKeyframe { ask: bool },
    /// The packet with this number.
    Running { next: u64 },
}

/// Packets of one stream in, frames out.
pub(super) struct VideoAssembler {
    sequence: Sequence,
    holes: Holes,
    held: BTreeMap<u64, Held>,
    state: State,
    /// The frame being put together.
    parts: Vec<Bytes>,
    timestamp: u32,
    /// When the newest key frame began to arrive.
    keyframe_began: Option<Moment>,
    out: VecDeque<VideoMedia>,
    lost: u64,
    duplicates: u64,
}

impl Default for VideoAssembler {
    fn default() -> Self {
        Self {
            sequence: Sequence::default(),
            holes: Holes::default(),
            held: BTreeMap::new(),
            state: State::NeedsKeyframe { ask: true },
            parts: Vec::new(),
            timestamp: 0,
            keyframe_began: None,
            out: VecDeque::new(),
            lost: 0,
            duplicates: 0,
        }
    }
}

impl VideoAssembler {
    /// Takes a packet in, in any order, any number of times.
    pub(super) fn push(&mut self, packet: MediaPacket, now: Moment) {
        let before = self.sequence.highest();
        let mut number = self.sequence.extend(packet.sequence);
        match before {
            Some(highest) if number.abs_diff(highest) > JUMP => number = self.restart(packet.sequence),
            Some(highest) if number > highest + 1 => self.holes.open(highest + 1, number, now),
            _ => self.holes.fill(number, now),
        }
        let late = matches!(self.state, State::Running { next } if number < next);
        if late || self.held.contains_key(&number) {
            self.duplicates += 1;
            return;
        }
        let held = Held { descriptor: Descriptor::parse(&packet.payload), packet };
        if held.starts_keyframe() {
            self.keyframe_began = Some(now);
        } else if held.starts_frame() && self.state == (State::NeedsKeyframe { ask: false }) {
            self.state = State::NeedsKeyframe { ask: true };
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

    /// When [`poll`](Self::poll) may have something without a packet coming in.
    pub(super) fn deadline(&self) -> Option<Moment> {
        match self.state {
            State::Running { next } if !self.held.is_empty() => Some(self.holes.deadline(next)),
            _ => None,
        }
    }

    /// Whether the sender must be asked for a key frame.
    pub(super) fn wants_keyframe(&self, now: Moment) -> bool {
        self.sequence.highest().is_some()
            && self.state == (State::NeedsKeyframe { ask: true })
            && !self.keyframe_began.is_some_and(|began| now.since(began) < KEYFRAME_TIME)
    }

    /// When a key frame that has begun has had its time.
    pub(super) fn keyframe_due(&self, now: Moment) -> Option<Moment> {
        let waiting = self.state == (State::NeedsKeyframe { ask: true });
        let due = self.keyframe_began? + KEYFRAME_TIME;
        (waiting && due > now).then_some(due)
    }

    /// Drops everything up to the next key frame: whoever takes the frames could not keep up.
    pub(super) fn skip_to_keyframe(&mut self) {
        self.state = State::NeedsKeyframe { ask: true };
        self.keyframe_began = None;
        self.parts.clear();
        self.out.clear();
    }

    /// Packets that were given up.
    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }

    /// Packets that came twice, or too late.
    pub(super) const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Time that a missing packet is waited for.
    pub(super) fn patience(&self) -> Duration {
        self.holes.patience()
    }

    fn restart(&mut self, sequence: u16) -> u64 {
        let gone = std::mem::take(self);
        self.lost = gone.lost;
        self.duplicates = gone.duplicates;
        if matches!(gone.state, State::Running { .. }) {
            self.out.push_back(VideoMedia::Gap);
        }
        self.sequence.extend(sequence)
    }

    fn advance(&mut self, now: Moment) {
        loop {
            let moved = match self.state {
                State::Running { next } => self.take(next, now),
                State::NeedsKeyframe { .. } => self.find_keyframe(),
            };
            if !moved {
                return;
            }
        }
    }

    /// Moves past the packet `next`, or past the hole in its place when waiting has ended.
    fn take(&mut self, next: u64, now: Moment) -> bool {
        if let Some(held) = self.held.remove(&next) {
            self.state = State::Running { next: next + 1 };
            self.append(&held);
            return true;
        }
        let Some((&first, _)) = self.held.first_key_value() else { return false };
        if now < self.holes.deadline(next) && self.held.len() < HELD {
            return false;
        }
        self.lost += first.saturating_sub(next);
        self.give_up();
        true
    }

    fn give_up(&mut self) {
        self.state = State::NeedsKeyframe { ask: true };
        self.parts.clear();
        self.out.push_back(VideoMedia::Gap);
    }

    /// Adds one packet to the frame it belongs to. The packets before it are all there.
    fn append(&mut self, held: &Held) {
        let Some(descriptor) = held.descriptor else { return };
        if descriptor.frame_start {
            self.finish(); // a sender that sets no marker
            self.timestamp = held.packet.timestamp;
        } else if self.parts.is_empty() {
            return self.give_up();
        }
        self.parts.push(held.packet.payload.slice(descriptor.len..));
        if held.packet.marker {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let data = match self.parts.as_mut_slice() {
            [] => return,
            [only] => std::mem::take(only),
            parts => parts
                .iter()
                .fold(BytesMut::new(), |mut all, part| {
                    all.extend_from_slice(part);
                    all
                })
                .freeze(),
        };
        self.parts.clear();
        let keyframe = vp8::is_keyframe(&data);
        if keyframe && vp8::dimensions(&data).is_some_and(|(w, h)| w.max(h) <= BLACK_SIDE) {
            self.state = State::NeedsKeyframe { ask: false };
            self.keyframe_began = None;
            return;
        }
        self.out.push_back(VideoMedia::Frame(EncodedFrame { data, keyframe, timestamp: self.timestamp }));
    }

    /// Starts at the first whole key frame held, and forgets what came before.
    fn find_keyframe(&mut self) -> bool {
        let starts = self.held.iter().filter(|(_, h)| h.starts_keyframe()).map(|(&n, _)| n);
        let whole = starts.clone().find(|&n| self.is_whole(n));
        let keep = whole.or_else(|| starts.clone().next());
        match keep {
            Some(start) => self.held = self.held.split_off(&start),
            None => self.shrink(HELD_WITHOUT_KEYFRAME),
        }
        self.shrink(HELD);
        let Some(start) = whole else { return false };
        self.state = State::Running { next: start };
        true
    }

    /// Whether the frame that starts at `start` is there to its end.
    fn is_whole(&self, start: u64) -> bool {
        let mut expected = start;
        for (&number, held) in self.held.range(start..) {
            if number != expected {
                return false;
            }
            if held.packet.marker || (number > start && held.starts_frame()) {
                return true;
            }
            expected += 1;
        }
        false
    }

    fn shrink(&mut self, limit: usize) {
        while self.held.len() > limit {
            self.held.pop_first();
        }
    }
}
