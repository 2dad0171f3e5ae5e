//! The jitter buffer of one received stream: it takes packets as they arrive and returns them in order at their playout
//! time, or says how to bridge a missing one. It is pure: time is an argument, and it holds packets, not samples.
//!
//! The names follow WebRTC's NetEQ. Decode is its Normal, Conceal its Expand, Recover its decoding of redundancy (Opus
//! in-band FEC). There is no Merge: the Opus decoder itself fades from concealment to the next packet.

use crate::audio::playout_delay::PlayoutDelay;
use crate::audio::{BLOCK, micros};
use crate::base::{MediaPacket, Moment};
use crate::codec::OpusDecoder;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

/// The most packets that wait: two seconds of 20 ms. Beyond that the oldest are dropped.
const CAPACITY: usize = 100;
/// Opus fades concealment out within 120 ms; then there is silence, and playout restarts with the next packet.
const LONGEST_CONCEALMENT: usize = 12 * BLOCK;
/// Packets that would be played this much after their playout time are dropped.
const TOO_LATE_US: i64 = 400_000;
/// The delay is adjusted when it differs from the target by more than this.
const SLACK_US: i64 = 20_000;
/// The delay is adjusted fast when it exceeds the target by more than this.
const FAST_US: i64 = 80_000;
/// A sequence number that differs from the newest by this much belongs to a new stream.
const NEW_STREAM: i64 = 1000;
/// Opus conceals in steps of 2.5 ms (RFC 6716).
const STEP: i64 = 120;

/// The next samples to play.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PlayoutAction {
    /// Decode this packet.
    Decode {
        /// One Opus packet.
        payload: Bytes,
        /// Time since its arrival.
        waited: Duration,
    },
    /// Recover `samples` of the lost packet before `next` from the in-band FEC in `next`. An action of its own decodes
    /// `next` afterwards.
    Recover {
        /// The packet after the lost one.
        next: Bytes,
        /// A multiple of 120, up to the length of `next`.
        samples: usize,
    },
    /// Conceal `samples` with the decoder's state.
    Conceal {
        /// A multiple of 120.
        samples: usize,
    },
    /// Play silence: the sender is silent, or nothing has arrived for long.
    Silence {
        /// Always one block.
        samples: usize,
    },
}

/// How to bring the delay nearer to its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DelayAdjustment {
    /// Not at all: it is near enough.
    Keep,
    /// Remove a little where it is not audible.
    Accelerate,
    /// Remove something now.
    FastAccelerate,
    /// Insert a little where it is not audible.
    PreemptiveExpand,
}

/// Counters since the stream was added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Packets received, without duplicates.
    pub(super) received: u64,
    /// Packets that were missing at their playout time.
    pub(super) lost: u64,
    /// Lost packets that were recovered from the next one.
    pub(super) recovered: u64,
    /// Packets received after their playout time, including duplicates of played ones.
    pub(super) late: u64,
    /// Packets received twice.
    pub(super) duplicates: u64,
    /// Packets dropped because the delay or the buffer was too large.
    pub(super) dropped: u64,
    /// Packets that are no Opus packets.
    pub(super) invalid: u64,
    /// Samples that were concealed.
    pub(super) concealed: u64,
}

#[derive(Clone, Debug)]
struct Packet {
    timestamp: i64,
    samples: usize,
    payload: Bytes,
    arrived: Moment,
}

/// The state of playout.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing is played before the next packet's playout time.
    Waiting,
    Playing {
        /// Unwrapped timestamp of the next sample that comes from a packet.
        next: i64,
        /// Samples concealed since, in place of packets that may still arrive.
        concealed: usize,
    },
}

/// The newest unwrapped numbers; others are unwrapped relative to them.
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
    /// The sequence number that was played or dropped last.
    played: Option<i64>,
    /// Packets missing before that for which no loss has been counted yet.
    missing: i64,
    /// Whether the last packet said that the sender is silent (DTX).
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

    /// Adds a packet that arrived at `now`.
    pub(super) fn insert(&mut self, packet: &MediaPacket, now: Moment) {
        // A server's padding packet has a sequence number and no payload.
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

    /// The next samples to play, from `at` on.
    pub(super) fn next(&mut self, at: Moment) -> PlayoutAction {
        if let State::Waiting = self.state {
            let Some(timestamp) = self.first_timestamp().filter(|t| self.delay.lateness_us(*t, at) >= 0) else {
                return PlayoutAction::Silence { samples: BLOCK };
            };
            self.state = State::Playing { next: timestamp, concealed: 0 };
        }
        self.drop_late(at);
        self.drop_passed();
        let State::Playing { next, concealed } = self.state else { return PlayoutAction::Silence { samples: BLOCK } };
        let Some((&sequence, packet)) = self.packets.first_key_value() else { return self.underrun(next, concealed) };
        // Concealed samples replace packets that did not arrive.
        let next = next + (packet.timestamp - next).min(concealed as i64);
        let gap = packet.timestamp - next;
        let lost = self.missing_before(sequence);
        if gap < STEP {
            return self.play(sequence, lost, at);
        }
        if lost == 0 || gap > LONGEST_CONCEALMENT as i64 {
            // The sender was silent, or everything was lost for long: the packet waits for its playout time.
            self.state = State::Waiting;
            return PlayoutAction::Silence { samples: BLOCK };
        }
        self.bridge_gap(next, gap)
    }

    /// How to adjust the delay, if the next samples are played from `at` on.
    pub(super) fn delay_adjustment(&self, at: Moment) -> DelayAdjustment {
        let State::Playing { next, concealed: 0 } = self.state else { return DelayAdjustment::Keep };
        match self.delay.lateness_us(next, at) {
            FAST_US.. => DelayAdjustment::FastAccelerate,
            SLACK_US.. => DelayAdjustment::Accelerate,
            late if late <= -SLACK_US => DelayAdjustment::PreemptiveExpand,
            _ => DelayAdjustment::Keep,
        }
    }

    /// The RTP timestamp of the next sample of [`Self::next`]; `None` while nothing is played.
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

    /// Unwraps sequence number and timestamp. A jump means a new stream, which resets the buffer.
    fn unwrap(&mut self, packet: &MediaPacket) -> (i64, i64) {
        if let Some(newest) = self.newest {
            let sequence = newest.sequence + i64::from(packet.sequence.wrapping_sub(newest.sequence as u16) as i16);
            let timestamp = newest.timestamp + i64::from(packet.timestamp.wrapping_sub(newest.timestamp as u32) as i32);
            let restarted = sequence > newest.sequence && timestamp < newest.timestamp;
            if (sequence - newest.sequence).abs() < NEW_STREAM && !restarted {
                return (sequence, timestamp);
            }
            self.counts.dropped += self.packets.len() as u64;
            *self = Self { counts: self.counts, ..Self::new() };
        }
        // The offset keeps the numbers of earlier packets that arrive later above zero.
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
        self.state = State::Playing { next: packet.timestamp + packet.samples as i64, concealed: 0 };
        self.quiet = OpusDecoder::is_silence(&packet.payload);
        PlayoutAction::Decode { payload: packet.payload, waited: at.since(packet.arrived) }
    }

    /// Bridges the gap before the first packet: its FEC recovers the end of the gap, the rest is concealed.
    fn bridge_gap(&mut self, next: i64, gap: i64) -> PlayoutAction {
        let Some((_, packet)) = self.packets.first_key_value() else {
            return PlayoutAction::Silence { samples: BLOCK };
        };
        let (recoverable, payload) = (packet.samples as i64, packet.payload.clone());
        let gap = gap / STEP * STEP;
        let (samples, action) = if gap <= recoverable {
            self.counts.recovered += 1;
            (gap, PlayoutAction::Recover { next: payload, samples: gap as usize })
        } else {
            let samples = (gap - recoverable).min(2 * BLOCK as i64).max(STEP) / STEP * STEP;
            self.counts.concealed += samples.unsigned_abs();
            (samples, PlayoutAction::Conceal { samples: samples as usize })
        };
        self.state = State::Playing { next: next + samples, concealed: 0 };
        action
    }

    /// The buffer is empty during playout.
    fn underrun(&mut self, next: i64, concealed: usize) -> PlayoutAction {
        if self.quiet || concealed >= LONGEST_CONCEALMENT {
            self.state = State::Waiting;
            return PlayoutAction::Silence { samples: BLOCK };
        }
        self.state = State::Playing { next, concealed: concealed + BLOCK };
        self.counts.concealed += BLOCK as u64;
        PlayoutAction::Conceal { samples: BLOCK }
    }

    /// Drops packets that would be played much too late, as after an outage of the network.
    fn drop_late(&mut self, at: Moment) {
        while self.packets.len() > 1
            && self.first_timestamp().is_some_and(|timestamp| self.delay.lateness_us(timestamp, at) > TOO_LATE_US)
        {
            self.drop_oldest();
        }
    }

    /// Drops packets whose playout time has passed, and padding packets.
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
            self.state = State::Playing { next: timestamp, concealed: 0 };
        }
    }
}

#[cfg(test)]
mod tests;
