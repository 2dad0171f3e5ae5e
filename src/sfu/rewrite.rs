//! Rewrites one track for one subscriber: packets of several layers, with padding removed and with pauses, become one
//! stream whose sequence numbers, timestamps and PictureIDs are continuous.
//!
//! Pure: time is an argument. The numbering is a list of [`Segment`]s: a run of source numbers and the offsets to subtract.
//! A late packet is rewritten by the segment it belongs to, so a retransmission gets the number that was left free for it,
//! even after a layer switch.

use crate::base::MediaKind;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Segments that are kept; packets of older ones are dropped. Each picture of which layers are left out begins one.
const SEGMENTS: usize = 64;
/// A jump of the source's sequence number by more than this is a new stream, not a loss.
const JUMP: u64 = 3000;
/// A source that returns keeps its RTP clock if that differs from the wall clock by less than this.
const CLOCK_SLACK: Duration = Duration::from_millis(200);
/// Mask of a VP8 PictureID: 15 bits.
const PICTURE_ID: u16 = 0x7fff;

/// Ticks a second of the RTP clock of video and of Opus.
pub(super) const fn clock_rate(kind: MediaKind) -> u32 {
    match kind {
        MediaKind::Video => 90_000,
        MediaKind::Audio => 48_000,
    }
}

/// The numbers of a packet as the publisher sent it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceNumbers {
    /// SSRC: the space of the sequence numbers.
    pub(crate) ssrc: u32,
    /// Extended sequence number.
    pub(crate) sequence: u64,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    /// VP8 PictureID.
    pub(crate) picture_id: Option<u16>,
    /// VP8 TL0PICIDX.
    pub(crate) tl0_pic_idx: Option<u8>,
    /// When it was captured, on our clock.
    pub(crate) captured: Instant,
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
    pub(crate) tl0_pic_idx: Option<u8>,
}

/// A run of one source's packets whose numbers differ from the subscriber's by the same offsets.
#[derive(Clone, Copy, Debug)]
struct Segment {
    ssrc: u32,
    from: u64,
    /// Last number of the run; `None` for the current one.
    to: Option<u64>,
    sequence_offset: i64,
    timestamp_offset: u32,
    picture_offset: u16,
    tl0_pic_idx_offset: u8,
}

impl Segment {
    fn contains(&self, ssrc: u32, sequence: u64) -> bool {
        self.ssrc == ssrc && sequence >= self.from && self.to.is_none_or(|to| sequence <= to)
    }

    fn out(&self, sequence: u64) -> u64 {
        u64::try_from(sequence as i64 - self.sequence_offset).unwrap_or(0)
    }
}

/// State of one outgoing stream.
#[derive(Debug)]
pub(crate) struct Rewriter {
    /// Ticks a second of the RTP clock.
    rate: u32,
    segments: VecDeque<Segment>,
    /// Highest sequence number of the current segment's source.
    highest_in: u64,
    /// The next free sequence number.
    next_out: u64,
    last_timestamp: u32,
    last_captured: Option<Instant>,
    last_picture_id: u16,
    last_tl0_pic_idx: u8,
}

impl Rewriter {
    pub(crate) fn new(kind: MediaKind) -> Self {
        Self {
            rate: clock_rate(kind),
            segments: VecDeque::new(),
            highest_in: 0,
            next_out: 1,
            last_timestamp: 0,
            last_captured: None,
            last_picture_id: 0,
            last_tl0_pic_idx: 0,
        }
    }

    /// Whether this packet continues the current segment: the same source, without a jump.
    pub(crate) fn continues(&self, packet: &SourceNumbers) -> bool {
        self.current().is_some_and(|s| s.ssrc == packet.ssrc && packet.sequence.abs_diff(self.highest_in) < JUMP)
    }

    /// Makes the packet's source the current one, from this packet on. Video must be decodable from here.
    pub(crate) fn start(&mut self, packet: &SourceNumbers) {
        let timestamp_offset = packet.timestamp.wrapping_sub(self.next_timestamp(packet));
        self.pause();
        let picture_id = self.last_picture_id.wrapping_add(1) & PICTURE_ID;
        self.push(Segment {
            ssrc: packet.ssrc,
            from: packet.sequence,
            to: None,
            sequence_offset: packet.sequence as i64 - self.next_out as i64,
            timestamp_offset,
            picture_offset: packet.picture_id.unwrap_or(0).wrapping_sub(picture_id) & PICTURE_ID,
            tl0_pic_idx_offset: packet.tl0_pic_idx.unwrap_or(0).wrapping_sub(self.last_tl0_pic_idx.wrapping_add(1)),
        });
        self.highest_in = packet.sequence;
    }

    /// Ends the current segment: only its late packets are rewritten until the next [`Rewriter::start`].
    pub(crate) fn pause(&mut self) {
        let highest = self.highest_in;
        if let Some(s) = self.segments.back_mut().filter(|s| s.to.is_none()) {
            s.to = Some(highest);
        }
    }

    /// The numbers of a packet for the subscriber; `None` if it belongs to no segment.
    pub(crate) fn rewrite(&mut self, packet: &SourceNumbers) -> Option<OutgoingNumbers> {
        let s = *self.segments.iter().rev().find(|s| s.contains(packet.ssrc, packet.sequence))?;
        let current = s.to.is_none();
        if current && packet.sequence > self.highest_in + JUMP {
            return None;
        }
        let numbers = OutgoingNumbers {
            sequence: s.out(packet.sequence),
            timestamp: packet.timestamp.wrapping_sub(s.timestamp_offset),
            picture_id: packet.picture_id.map(|p| p.wrapping_sub(s.picture_offset) & PICTURE_ID),
            tl0_pic_idx: packet.tl0_pic_idx.map(|t| t.wrapping_sub(s.tl0_pic_idx_offset)),
        };
        if current {
            self.remember(packet, &numbers);
        }
        Some(numbers)
    }

    /// Leaves out a packet without payload; later packets close the gap. If later packets were rewritten already, returns
    /// the number with which an empty packet must be sent.
    pub(crate) fn skip(&mut self, ssrc: u32, sequence: u64) -> Option<u64> {
        let at = self.segments.iter().rposition(|s| s.contains(ssrc, sequence))?;
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

    fn current(&self) -> Option<&Segment> {
        self.segments.back().filter(|s| s.to.is_none())
    }

    fn push(&mut self, segment: Segment) {
        if self.segments.len() == SEGMENTS {
            self.segments.pop_front();
        }
        self.segments.push_back(segment);
    }

    /// The timestamp that continues the stream at this packet: by the RTP clock of its source if that is known and agrees
    /// with the wall clock, else by the wall clock.
    fn next_timestamp(&self, packet: &SourceNumbers) -> u32 {
        let Some(last_at) = self.last_captured else { return packet.timestamp };
        let ticks = |d: Duration| (d.as_micros() as u64 * u64::from(self.rate) / 1_000_000) as u32;
        let by_clock =
            self.last_timestamp.wrapping_add(ticks(packet.captured.saturating_duration_since(last_at)).max(1));
        let known = self.segments.iter().rev().find(|s| s.ssrc == packet.ssrc);
        let by_source = known.map(|s| packet.timestamp.wrapping_sub(s.timestamp_offset));
        by_source
            .filter(|t| (t.wrapping_sub(self.last_timestamp) as i32) > 0)
            .filter(|t| (t.wrapping_sub(by_clock) as i32).unsigned_abs() < ticks(CLOCK_SLACK))
            .unwrap_or(by_clock)
    }

    fn remember(&mut self, packet: &SourceNumbers, numbers: &OutgoingNumbers) {
        self.highest_in = self.highest_in.max(packet.sequence);
        if numbers.sequence < self.next_out {
            return;
        }
        self.next_out = numbers.sequence + 1;
        if self.last_captured.is_none() || numbers.timestamp != self.last_timestamp {
            self.last_timestamp = numbers.timestamp;
            self.last_captured = Some(packet.captured);
        }
        self.last_picture_id = numbers.picture_id.unwrap_or(self.last_picture_id);
        self.last_tl0_pic_idx = numbers.tl0_pic_idx.unwrap_or(self.last_tl0_pic_idx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn packet(ssrc: u32, sequence: u64, frame: u16, captured: Instant) -> SourceNumbers {
        SourceNumbers {
            ssrc,
            sequence,
            timestamp: ssrc.wrapping_mul(77_777).wrapping_add(u32::from(frame) * 3000),
            picture_id: Some(frame & PICTURE_ID),
            tl0_pic_idx: Some(frame as u8),
            captured,
        }
    }

    #[test]
    fn a_switch_continues_all_numbers() {
        let t = Instant::now();
        let mut r = Rewriter::new(MediaKind::Video);
        r.start(&packet(1, 500, 10, t));
        assert_eq!(r.rewrite(&packet(1, 500, 10, t)).expect("rewritten").sequence, 1);
        let last = r.rewrite(&packet(1, 501, 10, t)).expect("rewritten");
        let later = t + Duration::from_millis(33);
        r.start(&packet(2, 9000, 4000, later));
        let first = r.rewrite(&packet(2, 9000, 4000, later)).expect("rewritten");
        assert_eq!(first.sequence, last.sequence + 1);
        assert_eq!(first.picture_id, last.picture_id.map(|p| p + 1));
        assert_eq!(first.tl0_pic_idx, last.tl0_pic_idx.map(|t| t + 1));
        assert_eq!(first.timestamp.wrapping_sub(last.timestamp), 33 * 90);
    }

    #[test]
    fn a_late_packet_of_the_old_layer_gets_its_number_and_one_before_the_switch_is_dropped() {
        let t = Instant::now();
        let mut r = Rewriter::new(MediaKind::Video);
        r.start(&packet(1, 500, 10, t));
        r.rewrite(&packet(1, 500, 10, t)).expect("rewritten");
        r.rewrite(&packet(1, 502, 10, t)).expect("rewritten");
        r.start(&packet(2, 9000, 20, t));
        r.rewrite(&packet(2, 9000, 20, t)).expect("rewritten");
        assert_eq!(r.rewrite(&packet(2, 8999, 19, t)), None);
        assert_eq!(r.rewrite(&packet(1, 501, 10, t)).expect("rewritten").sequence, 2);
        assert_eq!(r.rewrite(&packet(1, 503, 11, t)), None);
    }

    #[test]
    fn padding_leaves_no_gap_and_does_not_move_a_late_packet() {
        let t = Instant::now();
        let mut r = Rewriter::new(MediaKind::Video);
        r.start(&packet(1, 10, 1, t));
        r.rewrite(&packet(1, 10, 1, t)).expect("rewritten");
        assert_eq!(r.skip(1, 12), None);
        assert_eq!(r.skip(1, 13), None);
        assert_eq!(r.rewrite(&packet(1, 14, 2, t)).expect("rewritten").sequence, 3);
        assert_eq!(r.rewrite(&packet(1, 11, 1, t)).expect("rewritten").sequence, 2);
        assert_eq!(r.rewrite(&packet(1, 16, 2, t)).expect("rewritten").sequence, 5);
        assert_eq!(r.skip(1, 15), Some(4), "late padding keeps its number");
    }

    #[test]
    fn a_pause_leaves_no_gap_and_keeps_the_clock_of_its_source() {
        let t = Instant::now();
        let mut r = Rewriter::new(MediaKind::Audio);
        let audio = |n: u64| {
            let timestamp = n as u32 * 960;
            SourceNumbers { timestamp, picture_id: None, tl0_pic_idx: None, ..packet(1, n, 0, t) }
        };
        r.start(&audio(100));
        let first = r.rewrite(&audio(100)).expect("rewritten");
        r.pause();
        assert_eq!(r.rewrite(&audio(101)), None);
        let back = SourceNumbers { captured: t + Duration::from_millis(1010), ..audio(150) };
        assert!(!r.continues(&back));
        r.start(&back);
        let next = r.rewrite(&back).expect("rewritten");
        assert_eq!(next.sequence, first.sequence + 1);
        assert_eq!(next.timestamp - first.timestamp, 50 * 960);
    }

    #[test]
    fn a_jump_of_the_source_is_no_continuation() {
        let t = Instant::now();
        let mut r = Rewriter::new(MediaKind::Video);
        r.start(&packet(1, 10, 1, t));
        r.rewrite(&packet(1, 10, 1, t)).expect("rewritten");
        assert!(r.continues(&packet(1, 1000, 2, t)));
        assert!(!r.continues(&packet(1, 90_000, 2, t)));
        assert_eq!(r.rewrite(&packet(1, 90_000, 2, t)), None);
    }

    /// The next operation of a publisher with three layers, or of the subscriber.
    #[derive(Clone, Debug)]
    enum Step {
        Frame { packets: u8 },
        Padding { packets: u8 },
        Switch { to: u32 },
        Pause,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (1u8..6).prop_map(|packets| Step::Frame { packets }),
            2 => (1u8..4).prop_map(|packets| Step::Padding { packets }),
            2 => (0u32..3).prop_map(|to| Step::Switch { to }),
            1 => Just(Step::Pause),
        ]
    }

    /// A packet of one layer: SSRC, sequence number, and the frame (`None` for padding).
    type Sent = (u32, u64, Option<u16>);

    proptest! {
        /// Without loss each number is used once, in order, with any switches, padding and pauses.
        #[test]
        fn numbers_are_continuous(steps in proptest::collection::vec(step(), 1..120), base in 0u64..70_000) {
            let t = Instant::now();
            let mut r = Rewriter::new(MediaKind::Video);
            let mut next = [base, base * 3 + 5, 40_000];
            let (mut layer, mut frame, mut running) = (0u32, 0u16, false);
            let mut out: Vec<OutgoingNumbers> = vec![];
            for (i, step) in steps.iter().enumerate() {
                let at = t + Duration::from_millis(33 * i as u64);
                match step {
                    Step::Frame { packets } => {
                        frame += 1;
                        for (l, next) in next.iter_mut().enumerate() {
                            for _ in 0..*packets {
                                let p = packet(l as u32, *next, frame, at);
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
                let frames = pair[1].picture_id.expect("a PictureID").wrapping_sub(pair[0].picture_id.expect("a PictureID")) & PICTURE_ID;
                prop_assert!(frames <= 200, "PictureIDs go back");
                prop_assert_eq!(frames == 0, forward == 0, "a new frame has a new timestamp");
            }
        }

        /// With reordering no number is used twice, and when every packet has come there is no gap.
        #[test]
        fn late_packets_get_the_numbers_left_free_for_them(
            steps in proptest::collection::vec(step(), 1..60),
            delays in proptest::collection::vec(0usize..25, 400),
        ) {
            let t = Instant::now();
            // One layer; each packet is delayed by some places.
            let mut sent: Vec<Sent> = vec![];
            let mut frame = 0;
            for step in &steps {
                let (count, padding) = match step {
                    Step::Frame { packets } => (*packets, false),
                    Step::Padding { packets } => (*packets, true),
                    Step::Switch { .. } | Step::Pause => continue,
                };
                frame += u16::from(!padding);
                for _ in 0..count {
                    sent.push((1, 1000 + sent.len() as u64, (!padding).then_some(frame)));
                }
            }
            prop_assume!(sent.first().is_some_and(|s| s.2.is_some()));
            let mut order: Vec<(usize, Sent)> = sent.iter().enumerate()
                .map(|(i, s)| (if i == 0 { 0 } else { i + delays[i % delays.len()] }, *s)).collect();
            order.sort_by_key(|(place, s)| (*place, s.1));
            let mut r = Rewriter::new(MediaKind::Video);
            let mut out: BTreeMap<u64, Option<u64>> = BTreeMap::new();
            for (_, (ssrc, sequence, content)) in order {
                let number = match content {
                    Some(frame) => {
                        let p = packet(ssrc, sequence, frame, t);
                        if !r.continues(&p) { r.start(&p); }
                        r.rewrite(&p).map(|d| d.sequence)
                    }
                    None => r.skip(ssrc, sequence),
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
