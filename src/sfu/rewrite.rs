//! One track at one subscriber: turns what comes in, from several layers, with padding left out and with pauses, into
//! one stream whose sequence numbers, timestamps and picture ids go on without a hole.
//!
//! Nothing here knows a socket or a clock. The numbering is a list of [`Segment`]s: a run of the source's numbers and
//! what has to be taken off them. A late packet is written with the segment it belongs to, so a repaired loss fills
//! exactly the number that was kept free for it, even after a layer switch.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Packets that are later than this many segments are dropped.
const SEGMENTS: usize = 32;
/// A jump of the source's numbers by more than this is a new start, not a loss.
const JUMP: u64 = 3000;
/// A source that comes back keeps its clock, if that is within this much of the wall clock.
const CLOCK_SLACK: Duration = Duration::from_millis(200);
/// VP8 picture ids have 15 bits.
const PICTURE_ID: u16 = 0x7fff;

/// The numbers of a packet as the publisher sent it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceNumbers {
    /// The numbering space: the SSRC.
    pub(crate) source: u32,
    /// Extended sequence number.
    pub(crate) sequence: u64,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    /// VP8 PictureID.
    pub(crate) picture_id: Option<u16>,
    /// VP8 TL0PICIDX.
    pub(crate) tl0: Option<u8>,
    /// When it was received.
    pub(crate) at: Instant,
}

/// The numbers of the same packet as the subscriber gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutgoingNumbers {
    /// Extended sequence number, from 1.
    pub(crate) sequence: u64,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    /// VP8 PictureID, if the packet has one.
    pub(crate) picture_id: Option<u16>,
    /// VP8 TL0PICIDX, if the packet has one.
    pub(crate) tl0: Option<u8>,
}

/// A run of a source's packets that differ from the subscriber's numbers by the same offsets.
#[derive(Clone, Copy, Debug)]
struct Segment {
    source: u32,
    from: u64,
    /// Last number of the run; `None` for the one that still grows.
    to: Option<u64>,
    sequence_offset: i64,
    timestamp_offset: u32,
    picture_offset: u16,
    tl0_offset: u8,
}

impl Segment {
    fn holds(&self, source: u32, sequence: u64) -> bool {
        self.source == source && sequence >= self.from && self.to.is_none_or(|to| sequence <= to)
    }

    fn out(&self, sequence: u64) -> u64 {
        u64::try_from(sequence as i64 - self.sequence_offset).unwrap_or(0)
    }
}

/// The state of one outgoing stream.
#[derive(Debug)]
pub(crate) struct Rewriter {
    /// Timestamp units a millisecond: 90 for pictures, 48 for sound.
    units_per_ms: u32,
    segments: VecDeque<Segment>,
    /// Highest number of the growing segment's source.
    highest_in: u64,
    /// The next number that nobody has.
    next_out: u64,
    last_timestamp: u32,
    last_timestamp_at: Option<Instant>,
    last_picture_id: u16,
    last_tl0: u8,
}

impl Rewriter {
    pub(crate) fn new(units_per_ms: u32) -> Self {
        Self {
            units_per_ms,
            segments: VecDeque::new(),
            highest_in: 0,
            next_out: 1,
            last_timestamp: 0,
            last_timestamp_at: None,
            last_picture_id: 0,
            last_tl0: 0,
        }
    }

    /// Whether this packet goes on with what is being sent: the same source, without a jump.
    pub(crate) fn continues(&self, packet: &SourceNumbers) -> bool {
        self.growing().is_some_and(|s| s.source == packet.source && packet.sequence.abs_diff(self.highest_in) < JUMP)
    }

    /// From this packet on the stream is fed by the packet's source. Whoever calls it sees to it that a picture can
    /// be decoded from here.
    pub(crate) fn start(&mut self, packet: &SourceNumbers) {
        let timestamp_offset = packet.timestamp.wrapping_sub(self.next_timestamp(packet));
        self.pause();
        let picture_id = self.last_picture_id.wrapping_add(1) & PICTURE_ID;
        self.push(Segment {
            source: packet.source,
            from: packet.sequence,
            to: None,
            sequence_offset: packet.sequence as i64 - self.next_out as i64,
            timestamp_offset,
            picture_offset: packet.picture_id.unwrap_or(0).wrapping_sub(picture_id) & PICTURE_ID,
            tl0_offset: packet.tl0.unwrap_or(0).wrapping_sub(self.last_tl0.wrapping_add(1)),
        });
        self.highest_in = packet.sequence;
    }

    /// Nothing goes out until the next [`Rewriter::start`], but for late packets of what was being sent.
    pub(crate) fn pause(&mut self) {
        let highest = self.highest_in;
        if let Some(s) = self.segments.back_mut().filter(|s| s.to.is_none()) {
            s.to = Some(highest);
        }
    }

    /// The numbers to send a packet with, or nothing if it belongs to no segment.
    pub(crate) fn rewrite(&mut self, packet: &SourceNumbers) -> Option<OutgoingNumbers> {
        let s = *self.segments.iter().rev().find(|s| s.holds(packet.source, packet.sequence))?;
        let growing = s.to.is_none();
        if growing && packet.sequence > self.highest_in + JUMP {
            return None;
        }
        let departure = OutgoingNumbers {
            sequence: s.out(packet.sequence),
            timestamp: packet.timestamp.wrapping_sub(s.timestamp_offset),
            picture_id: packet.picture_id.map(|p| p.wrapping_sub(s.picture_offset) & PICTURE_ID),
            tl0: packet.tl0.map(|t| t.wrapping_sub(s.tl0_offset)),
        };
        if growing {
            self.remember(packet, &departure);
        }
        Some(departure)
    }

    /// A packet without payload is left out and the numbers close up behind it. When later ones have gone out
    /// already, its number is returned instead: an empty packet has to be sent with it.
    pub(crate) fn skip(&mut self, source: u32, sequence: u64) -> Option<u64> {
        let at = self.segments.iter().rposition(|s| s.holds(source, sequence))?;
        let s = self.segments[at];
        if s.to.is_some() || sequence <= self.highest_in {
            return Some(s.out(sequence));
        }
        if sequence > self.highest_in + JUMP {
            return None;
        }
        let after = Segment { from: sequence + 1, sequence_offset: s.sequence_offset + 1, ..s };
        self.highest_in = sequence;
        self.next_out = self.next_out.max(s.out(sequence));
        if s.from == sequence {
            self.segments[at] = after;
        } else {
            self.segments[at].to = Some(sequence - 1);
            self.push(after);
        }
        None
    }

    fn growing(&self) -> Option<&Segment> {
        self.segments.back().filter(|s| s.to.is_none())
    }

    fn push(&mut self, segment: Segment) {
        if self.segments.len() == SEGMENTS {
            self.segments.pop_front();
        }
        self.segments.push_back(segment);
    }

    /// The timestamp that continues the stream at this packet: by the clock of its source when that was heard before,
    /// else by the wall clock.
    fn next_timestamp(&self, packet: &SourceNumbers) -> u32 {
        let Some(last_at) = self.last_timestamp_at else { return packet.timestamp };
        let units = |d: Duration| (d.as_micros() as u64 * u64::from(self.units_per_ms) / 1000) as u32;
        let by_clock = self.last_timestamp.wrapping_add(units(packet.at.saturating_duration_since(last_at)).max(1));
        let known = self.segments.iter().rev().find(|s| s.source == packet.source);
        let by_source = known.map(|s| packet.timestamp.wrapping_sub(s.timestamp_offset));
        by_source
            .filter(|t| (t.wrapping_sub(self.last_timestamp) as i32) > 0)
            .filter(|t| (t.wrapping_sub(by_clock) as i32).unsigned_abs() < units(CLOCK_SLACK))
            .unwrap_or(by_clock)
    }

    fn remember(&mut self, packet: &SourceNumbers, departure: &OutgoingNumbers) {
        self.highest_in = self.highest_in.max(packet.sequence);
        if departure.sequence < self.next_out {
            return;
        }
        self.next_out = departure.sequence + 1;
        if self.last_timestamp_at.is_none() || departure.timestamp != self.last_timestamp {
            self.last_timestamp = departure.timestamp;
            self.last_timestamp_at = Some(packet.at);
        }
        self.last_picture_id = departure.picture_id.unwrap_or(self.last_picture_id);
        self.last_tl0 = departure.tl0.unwrap_or(self.last_tl0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn packet(source: u32, sequence: u64, picture: u16, at: Instant) -> SourceNumbers {
        SourceNumbers {
            source,
            sequence,
            timestamp: source.wrapping_mul(77_777).wrapping_add(u32::from(picture) * 3000),
            picture_id: Some(picture & PICTURE_ID),
            tl0: Some(picture as u8),
            at,
        }
    }

    #[test]
    fn a_switch_continues_all_numbers() {
        let t = Instant::now();
        let mut r = Rewriter::new(90);
        r.start(&packet(1, 500, 10, t));
        assert_eq!(r.rewrite(&packet(1, 500, 10, t)).unwrap().sequence, 1);
        let last = r.rewrite(&packet(1, 501, 10, t)).unwrap();
        let later = t + Duration::from_millis(33);
        r.start(&packet(2, 9000, 4000, later));
        let first = r.rewrite(&packet(2, 9000, 4000, later)).unwrap();
        assert_eq!(first.sequence, last.sequence + 1);
        assert_eq!(first.picture_id, last.picture_id.map(|p| p + 1));
        assert_eq!(first.tl0, last.tl0.map(|t| t + 1));
        assert_eq!(first.timestamp.wrapping_sub(last.timestamp), 33 * 90);
    }

    #[test]
    fn a_packet_older_than_the_switch_is_dropped_and_a_late_one_of_the_old_layer_fills_its_hole() {
        let t = Instant::now();
        let mut r = Rewriter::new(90);
        r.start(&packet(1, 500, 10, t));
        r.rewrite(&packet(1, 500, 10, t)).unwrap();
        r.rewrite(&packet(1, 502, 10, t)).unwrap();
        r.start(&packet(2, 9000, 20, t));
        r.rewrite(&packet(2, 9000, 20, t)).unwrap();
        assert_eq!(r.rewrite(&packet(2, 8999, 19, t)), None);
        assert_eq!(r.rewrite(&packet(1, 501, 10, t)).unwrap().sequence, 2);
        assert_eq!(r.rewrite(&packet(1, 503, 11, t)), None);
    }

    #[test]
    fn padding_leaves_no_hole_and_does_not_move_a_late_packet() {
        let t = Instant::now();
        let mut r = Rewriter::new(90);
        r.start(&packet(1, 10, 1, t));
        r.rewrite(&packet(1, 10, 1, t)).unwrap();
        assert_eq!(r.skip(1, 12), None);
        assert_eq!(r.skip(1, 13), None);
        assert_eq!(r.rewrite(&packet(1, 14, 2, t)).unwrap().sequence, 3);
        assert_eq!(r.rewrite(&packet(1, 11, 1, t)).unwrap().sequence, 2);
        assert_eq!(r.rewrite(&packet(1, 16, 2, t)).unwrap().sequence, 5);
        assert_eq!(r.skip(1, 15), Some(4), "a late one keeps its number");
    }

    #[test]
    fn a_pause_leaves_no_hole_and_keeps_the_clock_of_its_source() {
        let t = Instant::now();
        let mut r = Rewriter::new(48);
        let sound =
            |n: u64| SourceNumbers { timestamp: n as u32 * 960, picture_id: None, tl0: None, ..packet(1, n, 0, t) };
        r.start(&sound(100));
        let first = r.rewrite(&sound(100)).unwrap();
        r.pause();
        assert_eq!(r.rewrite(&sound(101)), None);
        let back = SourceNumbers { at: t + Duration::from_millis(1010), ..sound(150) };
        assert!(!r.continues(&back));
        r.start(&back);
        let next = r.rewrite(&back).unwrap();
        assert_eq!(next.sequence, first.sequence + 1);
        assert_eq!(next.timestamp - first.timestamp, 50 * 960);
    }

    #[test]
    fn a_jump_of_the_source_is_no_continuation() {
        let t = Instant::now();
        let mut r = Rewriter::new(90);
        r.start(&packet(1, 10, 1, t));
        r.rewrite(&packet(1, 10, 1, t)).unwrap();
        assert!(r.continues(&packet(1, 1000, 2, t)));
        assert!(!r.continues(&packet(1, 90_000, 2, t)));
        assert_eq!(r.rewrite(&packet(1, 90_000, 2, t)), None);
    }

    /// What happens next on the way from a publisher with three layers.
    #[derive(Clone, Debug)]
    enum Step {
        Picture { packets: u8 },
        Padding { packets: u8 },
        Switch { to: u32 },
        Pause,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (1u8..6).prop_map(|packets| Step::Picture { packets }),
            2 => (1u8..4).prop_map(|packets| Step::Padding { packets }),
            2 => (0u32..3).prop_map(|to| Step::Switch { to }),
            1 => Just(Step::Pause),
        ]
    }

    /// What the publisher sent on one layer: its number, and the picture (none: padding).
    type Sent = (u32, u64, Option<u16>);

    proptest! {
        /// Without loss every number is there once, in order, whatever is switched, padded and paused.
        #[test]
        fn numbers_are_continuous(steps in proptest::collection::vec(step(), 1..120), base in 0u64..70_000) {
            let t = Instant::now();
            let mut r = Rewriter::new(90);
            let mut next = [base, base * 3 + 5, 40_000];
            let (mut layer, mut picture, mut running) = (0u32, 0u16, false);
            let mut out: Vec<OutgoingNumbers> = vec![];
            for (i, step) in steps.iter().enumerate() {
                let at = t + Duration::from_millis(33 * i as u64);
                match step {
                    Step::Picture { packets } => {
                        picture += 1;
                        for (l, next) in next.iter_mut().enumerate() {
                            for _ in 0..*packets {
                                let p = packet(l as u32, *next, picture, at);
                                *next += 1;
                                if l as u32 == layer && !running {
                                    r.start(&p);
                                    running = true;
                                }
                                out.extend(r.rewrite(&p));
                            }
                        }
                    }
                    Step::Padding { packets } => {
                        for (l, next) in next.iter_mut().enumerate() {
                            for _ in 0..*packets {
                                prop_assert_eq!(r.skip(l as u32, *next), None);
                                *next += 1;
                            }
                        }
                    }
                    Step::Switch { to } => {
                        running = running && *to == layer;
                        layer = *to;
                    }
                    Step::Pause => {
                        r.pause();
                        running = false;
                    }
                }
            }
            for pair in out.windows(2) {
                prop_assert_eq!(pair[1].sequence, pair[0].sequence + 1);
                let forward = pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32;
                prop_assert!(forward >= 0, "timestamps go back by {}", -forward);
                let pictures = pair[1].picture_id.unwrap().wrapping_sub(pair[0].picture_id.unwrap()) & PICTURE_ID;
                prop_assert!(pictures <= 200, "picture ids go back");
                prop_assert_eq!(pictures == 0, forward == 0, "a new picture has a new timestamp");
            }
        }

        /// With loss, repair and reordering no number is used twice, and once everything has come there is no hole.
        #[test]
        fn late_packets_get_the_numbers_kept_for_them(
            steps in proptest::collection::vec(step(), 1..60),
            delays in proptest::collection::vec(0usize..25, 400),
        ) {
            let t = Instant::now();
            // One layer; each packet is delayed by some places.
            let mut sent: Vec<Sent> = vec![];
            let mut picture = 0;
            for step in &steps {
                let (count, padding) = match step {
                    Step::Picture { packets } => (*packets, false),
                    Step::Padding { packets } => (*packets, true),
                    Step::Switch { .. } | Step::Pause => continue,
                };
                picture += u16::from(!padding);
                for _ in 0..count {
                    sent.push((1, 1000 + sent.len() as u64, (!padding).then_some(picture)));
                }
            }
            prop_assume!(sent.first().is_some_and(|s| s.2.is_some()));
            let mut order: Vec<(usize, Sent)> = sent.iter().enumerate()
                .map(|(i, s)| (if i == 0 { 0 } else { i + delays[i % delays.len()] }, *s)).collect();
            order.sort_by_key(|(place, s)| (*place, s.1));
            let mut r = Rewriter::new(90);
            let mut out: BTreeMap<u64, Option<u64>> = BTreeMap::new();
            for (_, (source, sequence, content)) in order {
                let number = match content {
                    Some(picture) => {
                        let p = packet(source, sequence, picture, t);
                        if !r.continues(&p) { r.start(&p); }
                        r.rewrite(&p).map(|d| d.sequence)
                    }
                    None => r.skip(source, sequence),
                };
                if let Some(number) = number {
                    let before = out.insert(number, content.map(|_| sequence));
                    prop_assert_eq!(before, None, "number {} is used twice", number);
                }
            }
            let numbers: Vec<u64> = out.keys().copied().collect();
            prop_assert_eq!(numbers.clone(), (1..=numbers.len() as u64).collect::<Vec<_>>());
            let media: Vec<u64> = out.values().flatten().copied().collect();
            prop_assert!(media.is_sorted(), "packets keep their order");
            prop_assert_eq!(media.len(), sent.iter().filter(|s| s.2.is_some()).count(), "nothing is lost");
        }
    }
}
