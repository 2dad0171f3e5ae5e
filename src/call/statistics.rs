//! Statistics of a call: rates from counters, with one entry for each received track.

use super::media::CallMedia;
use crate::base::{Codec, MediaKind, RemoteStatistics, Statistics, TrackSid, VIDEO_CODEC};
use crate::rtc::{PeerStatistics, TrackStatistics};
use cpu_time::ProcessTime;
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Turns counters into rates; keeps the counters of the last time.
#[derive(Debug, Default)]
pub(super) struct CallStatistics {
    last: Option<Counters>,
}

#[derive(Debug)]
struct Counters {
    at: Instant,
    cpu: Duration,
    peers: PeerStatistics,
    /// Frames that were decoded, by video track.
    frames: HashMap<TrackSid, u64>,
}

impl CallStatistics {
    /// The statistics since the last call of this method; with the candidate pairs alone at the first.
    pub(super) fn since_last(&mut self, peers: &PeerStatistics, media: &CallMedia) -> Statistics {
        let now = Instant::now();
        let cpu = process_cpu();
        let frames: HashMap<TrackSid, u64> =
            media.videos().map(|(track, _, f)| (track.sid.clone(), f.frames.load(Relaxed))).collect();
        let before = self.last.replace(Counters { at: now, cpu, peers: peers.clone(), frames });
        let candidate_pairs = peers.candidate_pairs.clone();
        let Some(before) = before else { return Statistics { candidate_pairs, ..Statistics::default() } };
        let seconds = (now - before.at).as_secs_f64().max(0.001);
        let kbps = |now: u64, then: u64| now.saturating_sub(then) as f64 * 8.0 / 1000.0 / seconds;
        let old = |t: &TrackStatistics| before.peers.tracks.iter().find(|o| o.track_id == t.track_id && o.mid == t.mid);
        let mut remote = Vec::new();
        for (track, mid, decoder) in media.videos() {
            let Some(t) = find(peers, mid, MediaKind::Video) else { continue };
            let (width, height) = decoder.size();
            let decoded = counted_since(decoder.frames.load(Relaxed), before.frames.get(&track.sid).copied());
            remote.push(RemoteStatistics {
                remote_user: track.user.as_str().to_owned(),
                source: track.source,
                track: track.sid.clone(),
                kind: "video",
                codec: decoder.codec().map_or(VIDEO_CODEC, Codec::as_str).into(),
                width,
                height,
                fps: decoded as f64 / seconds,
                kbps: kbps(t.bytes, old(t).map_or(0, |o| o.bytes)),
                lost_percent: lost_percent(t, old(t)),
                jitter_ms: t.jitter_ms,
                freezes: decoder.freezes.load(Relaxed),
                delay_ms: decoder.delay_us.load(Relaxed) as f64 / 1000.0,
                ahead_ms: decoder.ahead_ms(),
            });
        }
        let report = media.audio_report();
        for (track, mid, stream) in media.audios(&report) {
            let Some(t) = find(peers, mid, MediaKind::Audio) else { continue };
            remote.push(RemoteStatistics {
                remote_user: track.user.as_str().to_owned(),
                source: track.source,
                track: track.sid.clone(),
                kind: "audio",
                codec: "opus".into(),
                width: 0,
                height: 0,
                fps: 0.0,
                kbps: kbps(t.bytes, old(t).map_or(0, |o| o.bytes)),
                lost_percent: lost_percent(t, old(t)),
                jitter_ms: t.jitter_ms,
                freezes: 0,
                delay_ms: stream.statistics.delay_ms,
                ahead_ms: None,
            });
        }
        Statistics {
            rtt_ms: peers.rtt_ms.unwrap_or(0.0),
            sent_kbps: kbps(peers.sent_bytes, before.peers.sent_bytes),
            received_kbps: kbps(peers.received_bytes, before.peers.received_bytes),
            cpu_percent: (cpu.saturating_sub(before.cpu)).as_secs_f64() * 100.0 / seconds,
            candidate_pairs,
            remote,
        }
    }
}

/// The difference of two counts. A smaller count now is that of a new decoder, which started at 0.
fn counted_since(now: u64, then: Option<u64>) -> u64 {
    now.checked_sub(then.unwrap_or(0)).unwrap_or(now)
}

/// The statistics of the track in an m-line.
fn find<'a>(peers: &'a PeerStatistics, mid: &str, kind: MediaKind) -> Option<&'a TrackStatistics> {
    peers.tracks.iter().find(|t| t.kind == kind && t.mid == mid)
}

/// Packets lost since `then`, in percent of those that were sent.
fn lost_percent(now: &TrackStatistics, then: Option<&TrackStatistics>) -> f64 {
    let lost = now.lost.saturating_sub(then.map_or(0, |t| t.lost));
    let received = now.packets.saturating_sub(then.map_or(0, |t| t.packets));
    if lost + received == 0 { 0.0 } else { lost as f64 * 100.0 / (lost + received) as f64 }
}

/// The processor time that this process has used, user and system; zero if the system does not tell.
fn process_cpu() -> Duration {
    ProcessTime::try_now().map(|time| time.as_duration()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_time_of_the_process_grows() {
        let (start, before) = (Instant::now(), process_cpu());
        while process_cpu() <= before {
            assert!(start.elapsed() < Duration::from_secs(10), "the system does not tell");
        }
    }

    #[test]
    fn a_track_that_is_decoded_anew_counts_from_zero() {
        assert_eq!(counted_since(30, None), 30);
        assert_eq!(counted_since(30, Some(12)), 18);
        assert_eq!(counted_since(4, Some(30)), 4);
    }
}
