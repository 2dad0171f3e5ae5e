//! Figures of a session's connections.

use crate::base::MediaKind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Figures of all connections of a session, since it began.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PeerStatistics {
    /// Round trip to the server in ms; `None` while unknown.
    pub(crate) rtt_ms: Option<f64>,
    /// Bytes of RTP and RTCP sent.
    pub(crate) sent_bytes: u64,
    /// Bytes of RTP and RTCP received.
    pub(crate) received_bytes: u64,
    /// What the way to the server carries, in bits a second.
    pub(crate) send_rate_bps: u32,
    /// Packets of ours that the server misses, in percent.
    pub(crate) sent_lost_percent: f64,
    /// The tracks that are being received.
    pub(crate) tracks: Vec<TrackStatistics>,
}

/// Figures of one received track, since it began.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TrackStatistics {
    /// Its section.
    pub(crate) mid: String,
    /// `TR_…`.
    pub(crate) track_id: String,
    /// Sound or picture.
    pub(crate) kind: MediaKind,
    /// Packets, repaired ones included.
    pub(crate) packets: u64,
    /// Bytes of payload.
    pub(crate) bytes: u64,
    /// Packets that never came.
    pub(crate) lost: u64,
    /// Interarrival jitter in ms (RFC 3550, section 6.4.1).
    pub(crate) jitter_ms: f64,
    /// Packets asked for again.
    pub(crate) nacks: u64,
    /// Key frames asked for.
    pub(crate) keyframe_requests: u64,
    /// Whole frames (picture only).
    pub(crate) frames: u64,
    /// Key frames among them.
    pub(crate) keyframes: u64,
    /// Packets or frames that nobody took in time.
    pub(crate) discarded: u64,
}

/// The figures of one track while it is received.
#[derive(Debug)]
pub(super) struct TrackCounters(Mutex<State>);

#[derive(Debug)]
struct State {
    statistics: TrackStatistics,
    rate: f64,
    first: Option<u16>,
    /// Packets between the first and the latest, both included.
    span: u64,
    latest: u16,
    /// Transit time of the last packet in ticks.
    transit: Option<f64>,
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
            jitter_ms: 0.0,
            nacks: 0,
            keyframe_requests: 0,
            frames: 0,
            keyframes: 0,
            discarded: 0,
        };
        let rate = f64::from(rate);
        Self(Mutex::new(State { statistics, rate, first: None, span: 0, latest: 0, transit: None, jitter: 0.0 }))
    }

    fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn received(&self, packet: &rtc::rtp::Packet, at: Duration) {
        self.with(|s| {
            s.statistics.packets += 1;
            s.statistics.bytes += packet.payload.len() as u64;
            let sequence = packet.header.sequence_number;
            let ahead = sequence.wrapping_sub(s.latest);
            if s.first.is_none() {
                (s.first, s.latest, s.span) = (Some(sequence), sequence, 1);
            } else if (1..0x8000).contains(&ahead) {
                s.span += u64::from(ahead);
                s.latest = sequence;
                let transit = at.as_secs_f64() * s.rate - f64::from(packet.header.timestamp);
                if let Some(before) = s.transit.replace(transit) {
                    let difference = (transit - before).abs();
                    if difference < s.rate {
                        s.jitter += (difference - s.jitter) / 16.0;
                    }
                }
                s.statistics.jitter_ms = s.jitter * 1000.0 / s.rate;
            }
            if s.statistics.kind == MediaKind::Audio {
                s.statistics.lost = s.span.saturating_sub(s.statistics.packets);
            }
        });
    }

    pub(super) fn frame(&self, keyframe: bool) {
        self.with(|s| {
            s.statistics.frames += 1;
            s.statistics.keyframes += u64::from(keyframe);
        });
    }

    pub(super) fn set_lost(&self, lost: u64) {
        self.with(|s| s.statistics.lost = lost);
    }

    pub(super) fn set_nacked(&self, nacks: u64) {
        self.with(|s| s.statistics.nacks = nacks);
    }

    pub(super) fn asked_for_keyframe(&self) {
        self.with(|s| s.statistics.keyframe_requests += 1);
    }

    pub(super) fn discarded(&self) {
        self.with(|s| s.statistics.discarded += 1);
    }

    fn statistics(&self) -> TrackStatistics {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).statistics.clone()
    }
}

/// The tracks that are being received now.
#[derive(Clone, Debug, Default)]
pub(super) struct TrackList(Arc<Mutex<Vec<Arc<TrackCounters>>>>);

impl TrackList {
    pub(super) fn add(&self, counters: Arc<TrackCounters>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(counters);
    }

    pub(super) fn remove(&self, counters: &Arc<TrackCounters>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|c| !Arc::ptr_eq(c, counters));
    }

    pub(super) fn statistics(&self) -> Vec<TrackStatistics> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|c| c.statistics()).collect()
    }
}
