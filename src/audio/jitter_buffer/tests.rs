//! The jitter buffer on networks that lose, delay, reorder and duplicate packets.

use super::*;
use proptest::prelude::*;

/// TOC byte of a mono CELT packet of 20 ms (RFC 6716, section 3.1).
const TOC_20_MS: u8 = 0xF8;
/// Samples concealed after the last packet, as nothing says that it is the last.
const END: u64 = LONGEST_CONCEALMENT as u64;

fn packet(sequence: u64, timestamp: u64) -> MediaPacket {
    let mut payload = vec![TOC_20_MS; 30];
    payload[1..9].copy_from_slice(&timestamp.to_be_bytes());
    MediaPacket { sequence: sequence as u16, timestamp: timestamp as u32, marker: false, payload: Bytes::from(payload) }
}

fn silence(sequence: u64, timestamp: u64) -> MediaPacket {
    MediaPacket { payload: Bytes::from_static(&[TOC_20_MS]), ..packet(sequence, timestamp) }
}

/// Plays a buffer as a stream does, 10 ms at a time, and records the actions.
struct Player {
    buffer: JitterBuffer,
    now: Moment,
    ready: usize,
    actions: Vec<PlayoutAction>,
}

impl Player {
    fn new() -> Self {
        Self { buffer: JitterBuffer::new(), now: Moment::ZERO, ready: 0, actions: Vec::new() }
    }

    fn play_until(&mut self, until: Moment) {
        while self.now < until {
            while self.ready < BLOCK {
                let action = self.buffer.next(self.now + Duration::from_micros(micros(self.ready)));
                self.ready += length(&action);
                self.actions.push(action);
            }
            self.ready -= BLOCK;
            self.now += Duration::from_millis(10);
        }
    }

    /// Delivers packets at their times of arrival in µs, and plays for another second.
    fn run(&mut self, mut arrivals: Vec<(u64, MediaPacket)>) {
        arrivals.sort_by_key(|(at, _)| *at);
        for (at, packet) in arrivals {
            self.play_until(Moment::from_micros(at));
            self.buffer.insert(&packet, Moment::from_micros(at).max(self.now));
        }
        self.play_until(self.now + Duration::from_secs(1));
    }

    /// The decoded timestamps.
    fn decoded(&self) -> Vec<u64> {
        let decoded = self.actions.iter().filter_map(|action| match action {
            PlayoutAction::Decode { payload, .. } if payload.len() >= 9 => {
                payload[1..9].try_into().ok().map(u64::from_be_bytes)
            }
            _ => None,
        });
        decoded.collect()
    }

    /// The actions from the first to the last decoded packet.
    fn heard(&self) -> &[PlayoutAction] {
        let is_packet = |action: &PlayoutAction| matches!(action, PlayoutAction::Decode { .. });
        let first = self.actions.iter().position(is_packet).expect("something was played");
        let last = self.actions.iter().rposition(is_packet).expect("something was played");
        &self.actions[first..=last]
    }
}

fn length(action: &PlayoutAction) -> usize {
    match action {
        PlayoutAction::Decode { payload, .. } => OpusDecoder::packet_samples(payload).expect("Opus"),
        PlayoutAction::Recover { samples, .. }
        | PlayoutAction::Conceal { samples }
        | PlayoutAction::Silence { samples } => *samples,
    }
}

fn stream(packets: std::ops::Range<u64>, late_us: impl Fn(u64) -> u64) -> Vec<(u64, MediaPacket)> {
    packets.map(|n| (n * 20_000 + late_us(n), packet(n, n * 960))).collect()
}

#[test]
fn a_good_network_is_played_unchanged_after_forty_ms() {
    let mut player = Player::new();
    player.run(stream(0..200, |_| 0));
    assert_eq!(player.decoded(), (0..200).map(|n| n * 960).collect::<Vec<_>>());
    assert!(player.heard().iter().all(|action| matches!(action, PlayoutAction::Decode { .. })));
    let before: usize =
        player.actions.iter().take_while(|t| matches!(t, PlayoutAction::Silence { .. })).map(length).sum();
    assert_eq!(before, 4 * BLOCK);
}

#[test]
fn reordering_within_the_delay_is_inaudible() {
    let mut player = Player::new();
    player.run(stream(0..200, |n| if n % 2 == 0 { 25_000 } else { 0 }));
    assert!(player.heard().iter().all(|action| matches!(action, PlayoutAction::Decode { .. })));
    assert_eq!(player.decoded().len(), 200);
}

#[test]
fn duplicates_are_played_once() {
    let mut player = Player::new();
    let twice = [stream(0..50, |_| 0), stream(0..50, |_| 15_000), stream(0..50, |_| 120_000)].concat();
    player.run(twice);
    assert_eq!(player.decoded().len(), 50);
    let counts = player.buffer.counts();
    assert_eq!((counts.received, counts.duplicates + counts.late), (50, 100));
}

#[test]
fn a_lost_packet_is_recovered_from_the_next() {
    let mut player = Player::new();
    player.run(stream(0..100, |_| 0).into_iter().filter(|(_, p)| p.sequence % 10 != 5).collect());
    let counts = player.buffer.counts();
    assert_eq!((counts.lost, counts.recovered, counts.concealed), (10, 10, END));
    let at = player.actions.iter().position(|t| matches!(t, PlayoutAction::Recover { .. })).expect("recovered");
    let (PlayoutAction::Recover { next, samples: 960 }, PlayoutAction::Decode { payload, .. }) =
        (&player.actions[at], &player.actions[at + 1])
    else {
        panic!("{:?}", &player.actions[at..at + 2]);
    };
    assert_eq!(next, payload);
}

#[test]
fn the_last_of_several_lost_packets_is_recovered_and_the_others_are_concealed() {
    let mut player = Player::new();
    player.run(stream(0..100, |_| 0).into_iter().filter(|(_, p)| !(50..53).contains(&p.sequence)).collect());
    let counts = player.buffer.counts();
    assert_eq!((counts.lost, counts.recovered), (3, 1));
    let length_of_all: usize = player.heard().iter().map(length).sum();
    assert!((100 * 960..101 * 960).contains(&length_of_all), "{length_of_all}");
}

#[test]
fn sequence_numbers_and_timestamps_wrap() {
    let (first_sequence, first_timestamp) = (65_500, u64::from(u32::MAX) - 10 * 960);
    let mut player = Player::new();
    let arrivals = (0..100).map(|n| {
        let late = if n % 4 == 3 { 30_000 } else { 0 };
        (n * 20_000 + late, packet(first_sequence + n, first_timestamp + n * 960))
    });
    player.run(arrivals.collect());
    assert_eq!(player.decoded(), (0..100).map(|n| first_timestamp + n * 960).collect::<Vec<_>>());
    assert_eq!(player.buffer.counts().lost, 0);
}

#[test]
fn silence_of_the_sender_is_no_loss() {
    let mut player = Player::new();
    let mut arrivals = stream(0..50, |_| 0);
    arrivals.push((50 * 20_000, silence(50, 50 * 960)));
    // Sequence numbers continue and timestamps jump: three seconds were not sent (DTX).
    arrivals.extend((51..100).map(|n| ((n + 150) * 20_000, packet(n, (n + 150) * 960))));
    player.run(arrivals);
    let counts = player.buffer.counts();
    assert_eq!((counts.lost, counts.concealed, counts.late), (0, END, 0));
    assert_eq!(player.decoded().len(), 99);
    let length_of_all: usize = player.heard().iter().map(length).sum();
    assert!(length_of_all.abs_diff(250 * 960) <= 4 * BLOCK, "{length_of_all}");
}

#[test]
fn an_outage_of_the_network_leaves_no_lasting_delay() {
    let mut player = Player::new();
    // Nothing arrives for 600 ms, then everything at once.
    let arrivals = stream(0..300, |n| if (100..130).contains(&n) { (130 - n) * 20_000 } else { 0 });
    player.run(arrivals);
    let counts = player.buffer.counts();
    assert_eq!(counts.concealed, 2 * END, "{counts:?}");
    assert!(counts.dropped + counts.late >= 8, "{counts:?}");
    let last = player.decoded().last().copied().expect("played");
    assert_eq!(last, 299 * 960);
}

#[test]
fn an_unannounced_pause_is_concealed_and_playout_restarts_after_it() {
    let mut player = Player::new();
    let arrivals = [stream(0..50, |_| 0), stream(150..200, |_| 0)].concat();
    player.run(arrivals);
    assert_eq!(player.buffer.counts().concealed, 2 * END);
    assert_eq!(player.decoded().len(), 100);
}

#[test]
fn a_restarted_stream_is_played() {
    let mut player = Player::new();
    let mut arrivals = stream(0..50, |_| 0);
    arrivals.extend((0..50).map(|n| ((n + 60) * 20_000, packet(n + 30_000, n * 960 + 77))));
    arrivals.extend((0..50).map(|n| ((n + 120) * 20_000, packet(n + 30_050, n * 960 + 5))));
    player.run(arrivals);
    assert_eq!(player.decoded().len(), 150);
}

#[test]
fn padding_packets_are_no_loss() {
    let mut player = Player::new();
    let mut arrivals: Vec<_> = (0..100).map(|n| (n * 20_000, packet(n * 2, n * 960))).collect();
    arrivals.extend(
        (0..100).map(|n| (n * 20_000 + 1, MediaPacket { payload: Bytes::new(), ..packet(n * 2 + 1, n * 960) })),
    );
    player.run(arrivals);
    assert_eq!(player.decoded().len(), 100);
    assert_eq!(player.buffer.counts().lost, 0);
}

#[test]
fn invalid_packets_are_counted_and_dropped() {
    let mut buffer = JitterBuffer::new();
    // Code 3 without its frame count byte.
    buffer.insert(&MediaPacket { payload: Bytes::from_static(&[0x03]), ..packet(0, 0) }, Moment::ZERO);
    assert_eq!(buffer.counts().invalid, 1);
}

/// The network's effect on one packet.
#[derive(Clone, Debug)]
struct Fate {
    lost: bool,
    late_us: u64,
    again_after_us: Option<u64>,
    /// Silence before it, in lengths of a packet.
    pause: u64,
}

fn fate() -> impl Strategy<Value = Fate> {
    let pause = prop_oneof![20 => Just(0u64), 1 => 1u64..200];
    let late = prop_oneof![10 => 0u64..30_000, 1 => 0u64..600_000];
    (prop::bool::weighted(0.1), late, prop::option::weighted(0.05, 0u64..100_000), pause)
        .prop_map(|(lost, late_us, again_after_us, pause)| Fate { lost, late_us, again_after_us, pause })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn on_any_network_playout_advances_and_never_goes_back(
        fates in prop::collection::vec(fate(), 1..250),
        first_sequence in any::<u16>(),
        first_timestamp in any::<u32>(),
        drift in -300i64..300,
    ) {
        let mut arrivals = Vec::new();
        let mut media = 0;
        for (n, fate) in fates.iter().enumerate() {
            media += fate.pause;
            let sent = (media as i64 * 20_000 + media as i64 * 20 * drift / 1000).unsigned_abs();
            let made = packet(u64::from(first_sequence) + n as u64, u64::from(first_timestamp) + media * 960);
            media += 1;
            if fate.lost {
                continue;
            }
            arrivals.push((sent + fate.late_us, made.clone()));
            arrivals.extend(fate.again_after_us.map(|after| (sent + fate.late_us + after, made)));
        }
        let mut player = Player::new();
        player.run(arrivals);

        let decoded = player.decoded();
        prop_assert!(decoded.is_sorted_by(|a, b| a < b), "{decoded:?}");
        prop_assert!(player.actions.iter().all(|action| (120..=2880).contains(&length(action))));
        // Nothing stays in the buffer for a second, and every packet is counted.
        prop_assert!(player.buffer.packets.is_empty());
        let counts = player.buffer.counts();
        prop_assert!(decoded.len() as u64 + counts.dropped + counts.late >= counts.received, "{counts:?}");
        prop_assert!(counts.recovered <= counts.lost, "{counts:?}");
    }

    #[test]
    fn jitter_below_the_target_is_inaudible(late in prop::collection::vec(0u64..15_000, 50..300)) {
        let mut player = Player::new();
        player.run(stream(0..late.len() as u64, |n| late[n as usize]));
        let undisturbed = player.heard().iter().all(|action| matches!(action, PlayoutAction::Decode { .. }));
        prop_assert!(undisturbed, "{:?}", player.buffer.counts());
    }
}
