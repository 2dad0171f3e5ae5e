//! Statistics of a call: rates from counters, with one entry for each received track, each layer that is sent, and each
//! open device.

use super::media::CallMedia;
use super::video_encoder::{FrameCounts, LayerCounts};
use crate::base::{
    Codec, DeviceKind, DeviceStatistics, LocalStatistics, MediaKind, PcmFormat, RemoteStatistics, Statistics, TrackSid,
    TrackSource, VIDEO_CODEC,
};
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
    /// What the layers of our tracks have sent, by source.
    sent: HashMap<TrackSource, Vec<LayerCounts>>,
    /// What camera and screen have delivered.
    captured: [(DeviceKind, FrameCounts); 2],
}

impl CallStatistics {
    /// Whether [`Self::since_last`] was called before: its first result has no rates.
    pub(super) const fn has_begun(&self) -> bool {
        self.last.is_some()
    }

    /// The statistics since the last call of this method; with the candidate pairs alone at the first.
    pub(super) fn since_last(&mut self, peers: &PeerStatistics, media: &CallMedia) -> Statistics {
        let now = Counters::read(peers, media);
        let candidate_pairs = peers.candidate_pairs.clone();
        let Some(before) = self.last.take() else {
            self.last = Some(now);
            return Statistics { candidate_pairs, ..Statistics::default() };
        };
        let seconds = (now.at - before.at).as_secs_f64().max(0.001);
        let statistics = Statistics {
            rtt_ms: peers.rtt_ms.unwrap_or(0.0),
            sent_kbps: kbps(peers.sent_bytes, before.peers.sent_bytes, seconds),
            received_kbps: kbps(peers.received_bytes, before.peers.received_bytes, seconds),
            sent_lost_percent: peers.sent_lost_percent,
            received_lost_percent: all_lost_percent(peers, &before.peers),
            capacity_kbps: f64::from(peers.send_rate_bps) / 1000.0,
            cpu_percent: (now.cpu.saturating_sub(before.cpu)).as_secs_f64() * 100.0 / seconds,
            candidate_pairs,
            devices: devices(&now.captured, &before.captured, media.audio_formats(), seconds),
            local: local(&now.sent, &before.sent, seconds),
            remote: remote(peers, &before, media, seconds),
        };
        self.last = Some(now);
        statistics
    }
}

impl Counters {
    fn read(peers: &PeerStatistics, media: &CallMedia) -> Self {
        Self {
            at: Instant::now(),
            cpu: process_cpu(),
            peers: peers.clone(),
            frames: media.videos().map(|(track, _, f)| (track.sid.clone(), f.frames.load(Relaxed))).collect(),
            sent: media.own_videos().collect(),
            captured: media.frame_counts(),
        }
    }
}

fn remote(peers: &PeerStatistics, before: &Counters, media: &CallMedia, seconds: f64) -> Vec<RemoteStatistics> {
    let mut remote = Vec::new();
    for (track, mid, decoder) in media.videos() {
        let Some(t) = find(peers, mid, MediaKind::Video) else { continue };
        let (width, height) = decoder.size();
        let decoded = counted_since(decoder.frames.load(Relaxed), before.frames.get(&track.sid).copied());
        let then = earlier(t, &before.peers);
        remote.push(RemoteStatistics {
            remote_user: track.user.as_str().to_owned(),
            source: track.source,
            track: track.sid.clone(),
            kind: "video",
            codec: decoder.codec().map_or(VIDEO_CODEC, Codec::as_str).into(),
            width,
            height,
            fps: decoded as f64 / seconds,
            kbps: kbps(t.bytes, then.map_or(0, |o| o.bytes), seconds),
            lost_percent: lost_percent(t, then),
            jitter_ms: t.jitter_ms,
            freezes: decoder.freezes.load(Relaxed),
            delay_ms: decoder.delay_us.load(Relaxed) as f64 / 1000.0,
            ahead_ms: decoder.ahead_ms(),
        });
    }
    let report = media.audio_report();
    for (track, mid, stream) in media.audios(&report) {
        let Some(t) = find(peers, mid, MediaKind::Audio) else { continue };
        let then = earlier(t, &before.peers);
        remote.push(RemoteStatistics {
            remote_user: track.user.as_str().to_owned(),
            source: track.source,
            track: track.sid.clone(),
            kind: "audio",
            codec: "opus".into(),
            width: 0,
            height: 0,
            fps: 0.0,
            kbps: kbps(t.bytes, then.map_or(0, |o| o.bytes), seconds),
            lost_percent: lost_percent(t, then),
            jitter_ms: t.jitter_ms,
            freezes: 0,
            delay_ms: stream.statistics.delay_ms,
            ahead_ms: None,
        });
    }
    remote
}

/// One entry for each layer of our tracks, by source and from the smallest layer up.
fn local(
    now: &HashMap<TrackSource, Vec<LayerCounts>>,
    before: &HashMap<TrackSource, Vec<LayerCounts>>,
    seconds: f64,
) -> Vec<LocalStatistics> {
    let mut local = Vec::new();
    for source in [TrackSource::Camera, TrackSource::Screen] {
        for (i, layer) in now.get(&source).into_iter().flatten().enumerate() {
            let then = before.get(&source).and_then(|layers| layers.get(i));
            let since = |count: fn(&LayerCounts) -> u64| counted_since(count(layer), then.map(count));
            let (encoded, encode_us) = (since(|l| l.encoded), since(|l| l.encode_us));
            local.push(LocalStatistics {
                source,
                codec: VIDEO_CODEC,
                layer: layer.rid,
                width: layer.size.0,
                height: layer.size.1,
                fps: since(|l| l.frames) as f64 / seconds,
                kbps: since(|l| l.bytes) as f64 * 8.0 / 1000.0 / seconds,
                target_kbps: layer.target_kbps,
                encode_ms: if encoded == 0 { 0.0 } else { encode_us as f64 / 1000.0 / encoded as f64 },
            });
        }
    }
    local
}

/// One entry for each device that is open.
fn devices(
    now: &[(DeviceKind, FrameCounts)],
    before: &[(DeviceKind, FrameCounts)],
    [microphone, speaker]: [Option<PcmFormat>; 2],
    seconds: f64,
) -> Vec<DeviceStatistics> {
    let mut devices = Vec::new();
    for ((kind, counts), (_, then)) in now.iter().zip(before).filter(|((_, counts), _)| counts.is_on) {
        let then = Some(then.frames).filter(|_| then.opening == counts.opening);
        devices.push(DeviceStatistics {
            kind: *kind,
            width: counts.size.0,
            height: counts.size.1,
            fps: counted_since(counts.frames, then) as f64 / seconds,
            // A screen gives a frame when something has changed.
            freezes: if *kind == DeviceKind::Camera { counts.freezes } else { 0 },
            rate: 0,
            channels: 0,
        });
    }
    for (kind, format) in [(DeviceKind::Microphone, microphone), (DeviceKind::Speaker, speaker)] {
        let Some(PcmFormat { rate, channels }) = format else { continue };
        devices.push(DeviceStatistics { kind, width: 0, height: 0, fps: 0.0, freezes: 0, rate, channels });
    }
    devices
}

fn kbps(now: u64, then: u64, seconds: f64) -> f64 {
    now.saturating_sub(then) as f64 * 8.0 / 1000.0 / seconds
}

/// The difference of two counts. A smaller count now is that of a new decoder, which started at 0.
fn counted_since(now: u64, then: Option<u64>) -> u64 {
    now.checked_sub(then.unwrap_or(0)).unwrap_or(now)
}

/// The statistics of the track in an m-line.
fn find<'a>(peers: &'a PeerStatistics, mid: &str, kind: MediaKind) -> Option<&'a TrackStatistics> {
    peers.tracks.iter().find(|t| t.kind == kind && t.mid == mid)
}

/// The earlier statistics of the same track.
fn earlier<'a>(track: &TrackStatistics, before: &'a PeerStatistics) -> Option<&'a TrackStatistics> {
    before.tracks.iter().find(|o| o.track_id == track.track_id && o.mid == track.mid)
}

/// Packets lost and packets received since `then`.
fn lost_and_received(now: &TrackStatistics, then: Option<&TrackStatistics>) -> (u64, u64) {
    let lost = now.lost.saturating_sub(then.map_or(0, |t| t.lost));
    let received = now.packets.saturating_sub(then.map_or(0, |t| t.packets));
    (lost, received)
}

fn percent((lost, received): (u64, u64)) -> f64 {
    if lost + received == 0 { 0.0 } else { lost as f64 * 100.0 / (lost + received) as f64 }
}

/// Packets lost since `then`, in percent of those that were sent.
fn lost_percent(now: &TrackStatistics, then: Option<&TrackStatistics>) -> f64 {
    percent(lost_and_received(now, then))
}

/// The same of all tracks together.
fn all_lost_percent(now: &PeerStatistics, before: &PeerStatistics) -> f64 {
    let each = now.tracks.iter().map(|track| lost_and_received(track, earlier(track, before)));
    percent(each.fold((0, 0), |(lost, received), one| (lost + one.0, received + one.1)))
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

    #[test]
    fn layers_are_told_by_what_they_have_sent_since_the_last_time() {
        let layer = |frames, bytes, encode_us| LayerCounts {
            rid: "f",
            frames,
            bytes,
            encoded: frames,
            encode_us,
            size: (1280, 720),
            target_kbps: 1700,
        };
        let then = HashMap::from([(TrackSource::Camera, vec![layer(30, 10_000, 90_000)])]);
        let now = HashMap::from([(TrackSource::Camera, vec![layer(90, 260_000, 390_000)])]);
        let told = local(&now, &then, 2.0).remove(0);
        assert_eq!((told.layer, told.width, told.height, told.target_kbps), ("f", 1280, 720, 1700));
        assert_eq!((told.fps, told.kbps, told.encode_ms), (30.0, 1000.0, 5.0));
        let still = local(&now, &now, 2.0).remove(0);
        assert_eq!((still.fps, still.kbps, still.encode_ms), (0.0, 0.0, 0.0));
    }

    #[test]
    fn open_devices_alone_are_told_and_a_new_opening_counts_anew() {
        let counts = |opening, frames, is_on| {
            let mut counts = FrameCounts::default();
            (counts.opening, counts.frames, counts.is_on, counts.freezes) = (opening, frames, is_on, 3);
            counts
        };
        let screen = (DeviceKind::Screen, counts(1, 50, false));
        let microphone = Some(PcmFormat { rate: 48_000, channels: 2 });
        let told = |then: FrameCounts| {
            let now = [(DeviceKind::Camera, counts(2, 60, true)), screen];
            devices(&now, &[(DeviceKind::Camera, then), screen], [microphone, None], 2.0)
        };
        let open = told(counts(2, 10, true));
        assert_eq!(open.iter().map(|d| d.kind).collect::<Vec<_>>(), [DeviceKind::Camera, DeviceKind::Microphone]);
        assert_eq!((open[0].fps, open[0].freezes, open[1].rate, open[1].channels), (25.0, 3, 48_000, 2));
        assert_eq!(told(counts(1, 40, true))[0].fps, 30.0, "frames of the earlier opening do not count");
    }
}
