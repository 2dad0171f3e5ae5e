//! The estimate over simulated ways, on a clock moved by hand: frames at 30 a second, paced, through a queue with a rate, a
//! length, a delay, jitter and loss.

use super::{LinkEstimate, PacketFate};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const PACKET: usize = 1200;
const FRAME_MS: u64 = 33;
const FEEDBACK_MS: u64 = 50;
/// As the pacer.
const BURST: f64 = 2.0;
/// The part of the estimate that encoders get.
const VIDEO_SHARE: f64 = 0.85;

#[derive(Clone, Copy)]
struct Way {
    kbps: f64,
    queue_ms: f64,
    delay_ms: f64,
    jitter_ms: f64,
    loss: f64,
    /// Lost packets in a row, on average.
    burst: f64,
}

/// 20 Mbit/s, 20 ms.
const GOOD: Way = Way { kbps: 20_000.0, queue_ms: 300.0, delay_ms: 20.0, jitter_ms: 0.0, loss: 0.0, burst: 1.0 };

struct World {
    estimate: LinkEstimate,
    random: StdRng,
    began: Instant,
    ms: u64,
    way: Way,
    /// The highest rate of the encoders in kbit/s.
    media_kbps: f64,
    /// Packets that wait for the pacer, and when the next may leave.
    waiting: usize,
    leaves_at: f64,
    /// Bytes of frames that are no whole packet.
    rest: f64,
    /// When the queue of the way is empty, and the last arrival, in ms.
    busy_until: f64,
    last_arrival: f64,
    in_loss: bool,
    under_way: VecDeque<PacketFate>,
    /// The estimate in kbit/s, and the queue's length in ms, each millisecond.
    kbps: Vec<f64>,
    queued_ms: Vec<f64>,
}

impl World {
    fn new(start_kbps: f64, way: Way) -> Self {
        Self {
            estimate: LinkEstimate::new(start_kbps * 1000.0, 100_000.0, 7_000_000.0),
            random: StdRng::seed_from_u64(7),
            began: Instant::now(),
            ms: 0,
            way,
            media_kbps: 2400.0,
            waiting: 0,
            leaves_at: 0.0,
            rest: 0.0,
            busy_until: 0.0,
            last_arrival: 0.0,
            in_loss: false,
            under_way: VecDeque::new(),
            kbps: Vec::new(),
            queued_ms: Vec::new(),
        }
    }

    fn run(&mut self, seconds: u64) -> &mut Self {
        for _ in 0..seconds * 1000 {
            self.step();
        }
        self
    }

    fn step(&mut self) {
        let now = self.ms as f64;
        let kbps = self.estimate.bits_per_second() / 1000.0;
        if self.ms.is_multiple_of(FRAME_MS) {
            let bytes = (kbps * VIDEO_SHARE).min(self.media_kbps) * FRAME_MS as f64 / 8.0 + self.rest;
            self.waiting += bytes as usize / PACKET;
            self.rest = bytes % PACKET as f64;
        }
        while self.waiting > 0 && self.leaves_at <= now {
            self.waiting -= 1;
            self.leaves_at = self.leaves_at.max(now) + PACKET as f64 * 8.0 / (kbps * BURST);
            self.send(now);
        }
        if self.ms.is_multiple_of(FEEDBACK_MS) {
            self.feed_back(now);
        }
        self.kbps.push(kbps);
        self.queued_ms.push((self.busy_until - now).max(0.0));
        self.ms += 1;
    }

    fn is_lost(&mut self) -> bool {
        let Way { loss, burst, .. } = self.way;
        self.in_loss = if self.in_loss {
            burst > 1.0 && self.random.random_bool(1.0 - 1.0 / burst)
        } else {
            self.random.random_bool((loss / (burst * (1.0 - loss))).min(1.0))
        };
        self.in_loss
    }

    fn send(&mut self, now: f64) {
        let departure = self.began + Duration::from_micros((now * 1000.0) as u64);
        let lost = PacketFate { departure, arrival: None, bytes: PACKET };
        let overflows = self.busy_until - now > self.way.queue_ms;
        if overflows || self.is_lost() {
            return self.under_way.push_back(lost);
        }
        self.busy_until = self.busy_until.max(now) + PACKET as f64 * 8.0 / self.way.kbps;
        let jitter = self.random.random_range(0.0..=self.way.jitter_ms);
        let arrival = (self.busy_until + self.way.delay_ms + jitter).max(self.last_arrival);
        self.last_arrival = arrival;
        let arrival = Some(Duration::from_micros((arrival * 1000.0) as u64));
        self.under_way.push_back(PacketFate { arrival, ..lost });
    }

    /// Tells the packets whose fate the receiver knew a one-way delay ago.
    fn feed_back(&mut self, now: f64) {
        let known = Duration::from_micros(((now - self.way.delay_ms).max(0.0) * 1000.0) as u64);
        let newest = self.under_way.iter().rposition(|p| p.arrival.is_some_and(|at| at <= known));
        let Some(newest) = newest else { return };
        let packets: Vec<PacketFate> = self.under_way.drain(..=newest).collect();
        self.estimate.on_feedback(self.began + Duration::from_millis(self.ms), &packets);
    }

    /// The lowest and the highest estimate of the last seconds, in kbit/s.
    fn range(&self, seconds: usize) -> (f64, f64) {
        let last = &self.kbps[self.kbps.len() - seconds * 1000..];
        last.iter().fold((f64::INFINITY, 0.0), |(low, high), kbps| (kbps.min(low), kbps.max(high)))
    }

    /// The mean and the highest delay by the queue in the last seconds, in ms.
    fn queue(&self, seconds: usize) -> (f64, f64) {
        let last = &self.queued_ms[self.queued_ms.len() - seconds * 1000..];
        (last.iter().sum::<f64>() / last.len() as f64, last.iter().copied().fold(0.0, f64::max))
    }
}

#[test]
fn a_good_way_is_used_within_three_seconds() {
    let mut world = World::new(1500.0, GOOD);
    let (low, _) = world.run(4).range(1);
    assert!(low >= 2400.0 / VIDEO_SHARE, "{low}");
    let (low, _) = world.run(60).range(60);
    assert!(low >= 2400.0 / VIDEO_SHARE, "it never falls: {low}");
}

#[test]
fn a_quiet_camera_gets_its_large_layer_too() {
    let mut world = World::new(1500.0, GOOD);
    world.media_kbps = 220.0;
    let (low, _) = world.run(5).range(1);
    assert!(low >= 1750.0, "{low}");
    world.way = Way { kbps: 300.0, ..GOOD };
    world.media_kbps = 2400.0;
    let (mean, _) = world.run(10).queue(7);
    assert!(mean <= 60.0, "what was not proven is given up: {mean} ms");
}

#[test]
fn random_loss_leaves_a_picture() {
    for (loss, burst, least) in [(0.03, 8.0, 1500.0), (0.05, 1.0, 1500.0), (0.10, 1.0, 1000.0), (0.20, 1.0, 400.0)] {
        let way = Way { loss, burst, jitter_ms: 20.0, delay_ms: 50.0, ..GOOD };
        let (low, high) = World::new(1500.0, way).run(30).range(25);
        assert!(low >= least, "{loss} in bursts of {burst}: {low} to {high} kbit/s");
    }
}

#[test]
fn a_narrow_way_is_filled_within_two_seconds_and_its_queue_is_not() {
    for (kbps, start) in [(1000.0, 1500.0), (300.0, 1500.0), (1000.0, 300.0), (2000.0, 1500.0)] {
        let way = Way { kbps, ..GOOD };
        let mut world = World::new(start, way);
        world.run(32);
        let ((low, high), (mean, longest)) = (world.range(28), world.queue(28));
        let mean_kbps = world.kbps[4000..].iter().sum::<f64>() / 28_000.0;
        assert!(mean_kbps >= 0.75 * kbps && high <= 1.7 * kbps, "{kbps}: {low} to {high}, mean {mean_kbps}");
        assert!(mean <= 60.0, "{kbps}: the queue is {mean} ms long, at most {longest} ms");
    }
}

#[test]
fn the_estimate_grows_back_within_five_seconds() {
    let mut world = World::new(1500.0, Way { kbps: 300.0, ..GOOD });
    world.run(10);
    world.way = GOOD;
    let took = (1..=100).find(|_| {
        (0..100).for_each(|_| world.step());
        world.estimate.bits_per_second() >= 1_500_000.0
    });
    assert!(took.is_some_and(|tenths| tenths <= 50), "{took:?} tenths of a second");
}

#[test]
fn a_short_queue_that_overflows_is_a_limit_too() {
    let way = Way { kbps: 1000.0, queue_ms: 15.0, ..GOOD };
    let mut world = World::new(3000.0, way);
    world.run(10);
    let (low, high) = world.run(20).range(20);
    assert!(high <= 1600.0 && low >= 300.0, "{low} to {high}");
}
