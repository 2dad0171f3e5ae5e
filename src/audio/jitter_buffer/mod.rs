//! The jitter buffer of one voice: packets in as they come, in order and in time out, with a word on what to do where one
//! is missing. Pure: time is an argument, and it holds packets, not sound.

use crate::audio::playout_delay::PlayoutDelay;
use crate::audio::{BLOCK, micros};
use crate::base::{MediaPacket, Moment};
use crate::codec::OpusDecoder;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

/// The most packets that wait: two seconds of 20 ms. The oldest make room.
const CAPACITY: usize = 100;
/// Made-up sound fades out within this; then there is silence, and what comes next starts anew.
const LONGEST_CONCEALMENT: usize = 12 * BLOCK;
/// Sound that would be heard this much too late is left out.
const TOO_LATE_US: i64 = 400_000;
/// The delay is followed when it is off by more than this.
const SLACK_US: i64 = 20_000;
/// With this much over, it is followed in a hurry.
const HURRY_US: i64 = 80_000;
/// A sequence number this far away belongs to a new stream.
const FOREIGN: i64 = 1000;
/// Opus conceals in steps of 2.5 ms.
const STEP: i64 = 120;

/// What the voice is to play next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PlayoutAction {
    /// This packet.
    Decode {
        /// One Opus packet.
        payload: Bytes,
        /// Since it arrived.
        waited: Duration,
    },
    /// `samples` of the packet before `next`, which is lost, from the copy in `next`. `next` comes as a turn of its own.
    Recover {
        /// The packet behind the lost one.
        next: Bytes,
        /// A multiple of 120, up to the length of `next`.
        samples: usize,
    },
    /// `samples` made up from what was before.
    Conceal {
        /// A multiple of 120.
        samples: usize,
    },
    /// `samples` of nothing: the sender is silent, or was not heard for long.
    Silence {
        /// Always one block.
        samples: usize,
    },
}

/// What would bring the delay nearer to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DelayAdjustment {
    /// It is near enough.
    Keep,
    /// Leave a little out where it is not noticed.
    Shorten,
    /// Leave something out now.
    ShortenNow,
    /// Insert a little where it is not noticed.
    Lengthen,
}

/// Counts since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Packets that came, duplicates not counted.
    pub(super) received: u64,
    /// Packets that had not come when it was their turn.
    pub(super) lost: u64,
    /// Of these, the ones that were repaired from the next packet.
    pub(super) recovered: u64,
    /// Packets that came after their turn, copies of played ones among them.
    pub(super) late: u64,
    /// Packets that came twice.
    pub(super) duplicates: u64,
    /// Packets that were left out to catch up, or for want of room.
    pub(super) dropped: u64,
    /// What came and was not Opus.
    pub(super) invalid: u64,
    /// Samples that were made up without help of a packet.
    pub(super) concealed: u64,
}

#[derive(Clone, Debug)]
struct Packet {
    timestamp: i64,
    samples: usize,
    payload: Bytes,
    arrived: Moment,
}

/// Where playing stands. Numbers do not wrap.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing is played until the next packet is due.
    Waiting,
    Playing {
        /// The next sample that has a packet of its own.
        next: i64,
        /// Samples made up since, for packets that may come yet.
        made_up: usize,
    },
}

/// The newest numbers, to unwrap others by.
#[derive(Clone, Copy, Debug)]
struct Newest {
    sequence: i64,
    timestamp: i64,
}

#[derive(Debug)]
pub(super) struct JitterBuffer {
    packets: BTreeMap<i64, Packet>,
    state: State,
    newest: Option<Newest>,
    /// The sequence number that was played or left out last.
    played: Option<i64>,
    /// Packets missing before that, for which nothing has been played yet.
    missing: i64,
    /// Whether the sender said that it is silent.
    quiet: bool,
    delay: PlayoutDelay,
    counts: Counts,
}

impl JitterBuffer {
    pub(super) fn new() -> Self {
        Self {
            packets: BTreeMap::new(),
            state: State::Waiting,
            newest: None,
            played: None,
            missing: 0,
            quiet: false,
            delay: PlayoutDelay::new(),
            counts: Counts::default(),
        }
    }

    /// Takes a packet that arrived at `now`.
    pub(super) fn insert(&mut self, packet: &MediaPacket, now: Moment) {
        // A server's padding has a number and nothing else.
        let samples = if packet.payload.is_empty() { Some(0) } else { OpusDecoder::packet_samples(&packet.payload) };
        let Some(samples) = samples else {
            self.counts.invalid += 1;
            return;
        };
        let (sequence, timestamp) = self.unwrap(packet);
        if self.played.is_some_and(|played| sequence <= played) {
            self.counts.late += 1;
            return;
        }
        if self.packets.contains_key(&sequence) {
            self.counts.duplicates += 1;
            return;
        }
        self.counts.received += 1;
        let in_order = self.newest.is_none_or(|newest| sequence > newest.sequence);
        if samples > 0 {
            self.delay.on_packet(timestamp, Duration::from_micros(micros(samples)), in_order, now);
        }
        if in_order {
            self.newest = Some(Newest { sequence, timestamp });
        }
        self.packets.insert(sequence, Packet { timestamp, samples, payload: packet.payload.clone(), arrived: now });
        if self.packets.len() > CAPACITY {
            self.drop_oldest();
        }
    }

    /// The next piece of sound, to be heard from `at` on.
    pub(super) fn next(&mut self, at: Moment) -> PlayoutAction {
        if let State::Waiting = self.state {
            let Some(timestamp) = self.first_timestamp().filter(|t| self.delay.lateness_us(*t, at) >= 0) else {
                return PlayoutAction::Silence { samples: BLOCK };
            };
            self.state = State::Playing { next: timestamp, made_up: 0 };
        }
        self.catch_up(at);
        self.drop_passed();
        let State::Playing { next, made_up } = self.state else { return PlayoutAction::Silence { samples: BLOCK } };
        let Some((&sequence, packet)) = self.packets.first_key_value() else { return self.underrun(next, made_up) };
        // What was made up while the packets were on their way stands for those that never came.
        let next = next + (packet.timestamp - next).min(made_up as i64);
        let gap = packet.timestamp - next;
        let lost = self.missing_before(sequence);
        if gap < STEP {
            return self.play(sequence, lost, at);
        }
        if lost == 0 || gap > LONGEST_CONCEALMENT as i64 {
            // The sender was silent, or everything was lost for long: the packet waits until it is due.
            self.state = State::Waiting;
            return PlayoutAction::Silence { samples: BLOCK };
        }
        self.bridge(next, gap)
    }

    /// Whether the delay should change, if the next piece is heard from `at` on.
    pub(super) fn follow(&self, at: Moment) -> DelayAdjustment {
        let State::Playing { next, made_up: 0 } = self.state else { return DelayAdjustment::Keep };
        match self.delay.lateness_us(next, at) {
            HURRY_US.. => DelayAdjustment::ShortenNow,
            SLACK_US.. => DelayAdjustment::Shorten,
            late if late <= -SLACK_US => DelayAdjustment::Lengthen,
            _ => DelayAdjustment::Keep,
        }
    }

    /// The RTP timestamp of the next sample that [`Self::next`] hands out; `None` while nothing is played.
    pub(super) fn position(&self) -> Option<u32> {
        match self.state {
            State::Playing { next, .. } => Some(next as u32),
            State::Waiting => None,
        }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn target(&self) -> Duration {
        self.delay.target()
    }

    pub(super) fn jitter_ms(&self) -> f64 {
        self.delay.jitter_ms()
    }

    /// Numbers that go on where they would wrap. A stream that jumps is a new one.
    fn unwrap(&mut self, packet: &MediaPacket) -> (i64, i64) {
        if let Some(newest) = self.newest {
            let sequence = newest.sequence + i64::from(packet.sequence.wrapping_sub(newest.sequence as u16) as i16);
            let timestamp = newest.timestamp + i64::from(packet.timestamp.wrapping_sub(newest.timestamp as u32) as i32);
            let restarted = sequence > newest.sequence && timestamp < newest.timestamp;
            if (sequence - newest.sequence).abs() < FOREIGN && !restarted {
                return (sequence, timestamp);
            }
            self.counts.dropped += self.packets.len() as u64;
            *self = Self { counts: self.counts, ..Self::new() };
        }
        // Room below, so that an earlier packet that comes second does not fall under zero.
        (i64::from(packet.sequence) + (1 << 32), i64::from(packet.timestamp) + (1 << 40))
    }

    fn missing_before(&self, sequence: i64) -> i64 {
        self.missing + self.played.map_or(0, |played| sequence - played - 1)
    }

    fn first_timestamp(&self) -> Option<i64> {
        self.packets.first_key_value().map(|(_, packet)| packet.timestamp)
    }

    fn play(&mut self, sequence: i64, lost: i64, at: Moment) -> PlayoutAction {
        let Some(packet) = self.packets.remove(&sequence) else { return PlayoutAction::Silence { samples: BLOCK } };
        self.counts.lost += lost.unsigned_abs();
        (self.played, self.missing) = (Some(sequence), 0);
        self.state = State::Playing { next: packet.timestamp + packet.samples as i64, made_up: 0 };
        self.quiet = OpusDecoder::is_silence(&packet.payload);
        PlayoutAction::Decode { payload: packet.payload, waited: at.since(packet.arrived) }
    }

    /// There is a hole before the first packet: its copy of the one before fills the end, the rest is made up.
    fn bridge(&mut self, next: i64, gap: i64) -> PlayoutAction {
        let Some((_, packet)) = self.packets.first_key_value() else {
            return PlayoutAction::Silence { samples: BLOCK };
        };
        let (copy, payload) = (packet.samples as i64, packet.payload.clone());
        let gap = gap / STEP * STEP;
        let (samples, turn) = if gap <= copy {
            self.counts.recovered += 1;
            (gap, PlayoutAction::Recover { next: payload, samples: gap as usize })
        } else {
            let samples = (gap - copy).min(2 * BLOCK as i64).max(STEP) / STEP * STEP;
            self.counts.concealed += samples.unsigned_abs();
            (samples, PlayoutAction::Conceal { samples: samples as usize })
        };
        self.state = State::Playing { next: next + samples, made_up: 0 };
        turn
    }

    fn underrun(&mut self, next: i64, made_up: usize) -> PlayoutAction {
        if self.quiet || made_up >= LONGEST_CONCEALMENT {
            self.state = State::Waiting;
            return PlayoutAction::Silence { samples: BLOCK };
        }
        self.state = State::Playing { next, made_up: made_up + BLOCK };
        self.counts.concealed += BLOCK as u64;
        PlayoutAction::Conceal { samples: BLOCK }
    }

    /// Leaves out what would be heard much too late, as after a standstill of the network.
    fn catch_up(&mut self, at: Moment) {
        while self.packets.len() > 1
            && self.first_timestamp().is_some_and(|timestamp| self.delay.lateness_us(timestamp, at) > TOO_LATE_US)
        {
            self.drop_oldest();
        }
    }

    /// Removes packets whose time has passed, and empty ones, which only have a number.
    fn drop_passed(&mut self) {
        let State::Playing { next, .. } = self.state else { return };
        while let Some((&sequence, packet)) = self.packets.first_key_value() {
            if packet.samples > 0 && packet.timestamp >= next {
                return;
            }
            let passed = packet.samples > 0;
            self.counts.late += u64::from(passed);
            self.missing = self.missing_before(sequence) + i64::from(passed);
            self.played = Some(sequence);
            self.packets.remove(&sequence);
        }
    }

    fn drop_oldest(&mut self) {
        let Some((sequence, _)) = self.packets.pop_first() else { return };
        self.counts.dropped += 1;
        self.played = Some(sequence);
        if let (State::Playing { .. }, Some(timestamp)) = (self.state, self.first_timestamp()) {
            self.state = State::Playing { next: timestamp, made_up: 0 };
        }
    }
}

#[cfg(test)]
mod tests;
