//! Statistics of a session's connections.

use crate::base::{CandidatePair, MediaKind};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// Statistics of all connections of a session, since it began.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PeerStatistics {
    /// Round trip to the server in ms; `None` while unknown.
    pub(crate) rtt_ms: Option<f64>,
    /// Bytes of RTP and RTCP sent.
    pub(crate) sent_bytes: u64,
    /// Bytes of RTP and RTCP received.
    pub(crate) received_bytes: u64,
    /// Estimated capacity of the path to the server, in bits a second.
    pub(crate) send_rate_bps: u32,
    /// Loss of what we send, in percent, as the server reports it.
    pub(crate) sent_lost_percent: f64,
    /// The same since the beginning, of the stream that loses most; `None` while unknown.
    pub(crate) reported_loss_percent: Option<f64>,
    /// The candidate pair in use of each connection that has one.
    pub(crate) candidate_pairs: Vec<CandidatePair>,
    /// The tracks that are being received.
    pub(crate) tracks: Vec<TrackStatistics>,
}

/// Statistics of one received track, since it began.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrackStatistics {
    /// MID of its m-line.
    pub(crate) mid: String,
    /// `TR_…`.
    pub(crate) track_id: String,
    /// Audio or video.
    pub(crate) kind: MediaKind,
    /// Packets, retransmitted ones included.
    pub(crate) packets: u64,
    /// Bytes of RTP payload.
    pub(crate) bytes: u64,
    /// Packets that never came.
    pub(crate) lost: u64,
    /// Packets between the first and the latest one, both included.
    pub(crate) expected: u64,
    /// Those of them that had not come when a later one did: lost, or late because they were sent again.
    pub(crate) skipped: u64,
    /// Interarrival jitter in ms (RFC 3550, section 6.4.1).
    pub(crate) jitter_ms: f64,
    /// Packets requested by NACK.
    pub(crate) nacks: u64,
    /// Key frame requests (PLI) sent.
    pub(crate) keyframe_requests: u64,
    /// Whole frames (video only).
    pub(crate) frames: u64,
    /// Key frames among them.
    pub(crate) keyframes: u64,
    /// Packets (audio) or frames (video) dropped because the queue to their consumer was full.
    pub(crate) discarded: u64,
}

/// Counts one track while it is received.
#[derive(Debug)]
pub(super) struct TrackCounters(Mutex<State>);

#[derive(Debug)]
struct State {
    statistics: TrackStatistics,
    /// Ticks a second of the RTP clock.
    rate: f64,
    latest: Option<u16>,
    /// Transit time of the latest packet, in ticks.
    transit: Option<f64>,
    /// In ticks.
    jitter: f64,
}

impl TrackCounters {
    pub(super) fn new(mid: String, track_id: String, kind: MediaKind, rate: u32) -> Self {
        let statistics = TrackStatistics {
            mid,
            track_id,
            kind,
            packets: 0,
            bytes: 0,
            lost: 0,
            expected: 0,
            skipped: 0,
            jitter_ms: 0.0,
            nacks: 0,
            keyframe_requests: 0,
            frames: 0,
            keyframes: 0,
            discarded: 0,
        };
        let rate = f64::from(rate);
        Self(Mutex::new(State { statistics, rate, latest: None, transit: None, jitter: 0.0 }))
    }

    /// Counts a packet that arrived at `at` (of any epoch).
    pub(super) fn add_packet(&self, packet: &rtc::rtp::Packet, at: Duration) {
        self.0.lock().add_packet(packet, at);
    }

    pub(super) fn add_frame(&self, keyframe: bool) {
        let statistics = &mut self.0.lock().statistics;
        statistics.frames += 1;
        statistics.keyframes += u64::from(keyframe);
    }

    pub(super) fn set_lost(&self, lost: u64) {
        self.0.lock().statistics.lost = lost;
    }

    pub(super) fn set_nacked(&self, nacks: u64) {
        self.0.lock().statistics.nacks = nacks;
    }

    pub(super) fn add_keyframe_request(&self) {
        self.0.lock().statistics.keyframe_requests += 1;
    }

    pub(super) fn add_discarded(&self) {
        self.0.lock().statistics.discarded += 1;
    }
}

impl State {
    fn add_packet(&mut self, packet: &rtc::rtp::Packet, at: Duration) {
        self.statistics.packets += 1;
        self.statistics.bytes += packet.payload.len() as u64;
        let sequence = packet.header.sequence_number;
        match self.latest.map(|latest| sequence.wrapping_sub(latest)) {
            None => (self.latest, self.statistics.expected) = (Some(sequence), 1),
            Some(ahead @ 1..0x8000) => {
                self.statistics.expected += u64::from(ahead);
                self.statistics.skipped += u64::from(ahead) - 1;
                self.latest = Some(sequence);
                self.add_transit(at.as_secs_f64() * self.rate - f64::from(packet.header.timestamp));
            }
            Some(_) => {}
        }
        if self.statistics.kind == MediaKind::Audio {
            self.statistics.lost = self.statistics.expected.saturating_sub(self.statistics.packets);
        }
    }

    /// Takes a transit time into the jitter (RFC 3550, appendix A.8). A jump of a second or more is a new RTP clock.
    fn add_transit(&mut self, transit: f64) {
        if let Some(before) = self.transit.replace(transit) {
            let difference = (transit - before).abs();
            if difference < self.rate {
                self.jitter += (difference - self.jitter) / 16.0;
            }
        }
        self.statistics.jitter_ms = self.jitter * 1000.0 / self.rate;
    }
}

/// The tracks that are being received.
#[derive(Clone, Debug, Default)]
pub(super) struct TrackList(Arc<Mutex<Vec<Arc<TrackCounters>>>>);

impl TrackList {
    pub(super) fn add(&self, counters: Arc<TrackCounters>) {
        self.0.lock().push(counters);
    }

    pub(super) fn remove(&self, counters: &Arc<TrackCounters>) {
        self.0.lock().retain(|c| !Arc::ptr_eq(c, counters));
    }

    pub(super) fn statistics(&self) -> Vec<TrackStatistics> {
        self.0.lock().iter().map(|c| c.0.lock().statistics.clone()).collect()
    }
}
