//! Loss, jitter, round trip and rates, measured by packets: one participant of the check sends sound and a camera's rate of
//! video for some seconds, another one receives it. The frames have no picture: only the packets count.

use super::ServerPlan;
use super::media::NO_MEDIA;
use super::probe::{Probe, RATES};
use crate::base::{CheckName, Codec, EncodedFrame, Finding, MediaKind, RoomName, SimulcastLayer, Transport};
use crate::doctor::Checkup;
use crate::rtc::{AudioSender, PeerStatistics, RemoteMedia, SendOutcome, VideoSender};
use bytes::Bytes;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long both may take to come in and to be ready.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// Time before the measurement: the rate finds its level.
const WARM_UP: Duration = Duration::from_millis(1500);
/// Length of the measurement.
const MEASURE: Duration = Duration::from_secs(5);
/// Time from one sound packet to the next, as in a call.
const TICK: Duration = Duration::from_millis(20);
/// Samples of 48 kHz in that time.
const TICK_SAMPLES: u32 = 960;
/// How often received media is dropped.
const DRAIN: Duration = Duration::from_millis(100);
/// Bytes of a sound packet.
const SOUND: usize = 80;
/// Frames a second: one in two ticks.
const FPS: u32 = 25;
/// Part of the rate that video takes; sound and retransmissions have the rest.
const VIDEO_PART: f64 = 0.9;
/// Name of the sound track, and of the video track.
const TRACKS: [&str; 2] = ["check-sound", "check-video"];

/// Loss in percent from which on it is heard and seen, and from which on calls break.
const LOSS: [f64; 2] = [2.0, 10.0];
/// The same for jitter in ms.
const JITTER_MS: [f64; 2] = [30.0, 200.0];
/// The same for the round trip in ms: people begin to talk at the same time, and cannot talk.
const ROUND_TRIP_MS: [f64; 2] = [250.0, 1500.0];
/// Rate in kbit/s below which the picture is small, and below which there is sound at best.
const RATE_KBPS: [f64; 2] = [900.0, 150.0];

/// What was measured. `None` is what could not be.
#[derive(Clone, Copy, Debug, Default)]
struct Measured {
    round_trip_ms: Option<f64>,
    loss_up: Option<f64>,
    loss_down: Option<f64>,
    jitter_ms: Option<f64>,
    up_kbps: Option<f64>,
    down_kbps: Option<f64>,
}

/// Measures by `transport`, the first way of media that works.
pub(super) async fn check(checkup: &Checkup, plan: &ServerPlan, room: &RoomName, transport: Option<Transport>) {
    let steps = CheckName::ALL.into_iter().filter(|check| *check >= CheckName::RoundTrip);
    let Some(transport) = transport else {
        return checkup.skip(steps, NO_MEDIA);
    };
    checkup.begin(CheckName::RoundTrip);
    let measured = Box::pin(measure(plan, room, transport, &checkup.stop)).await;
    if checkup.stop.is_cancelled() {
        return;
    }
    match measured {
        Ok(measured) => findings(&measured, plan.lets_many_in()).into_iter().for_each(|found| checkup.tell(found)),
        Err(why) => checkup.skip(steps, &why),
    }
}

async fn measure(
    plan: &ServerPlan,
    room: &RoomName,
    transport: Transport,
    stop: &CancellationToken,
) -> Result<Measured, String> {
    let deadline = Instant::now() + READY_LIMIT;
    let enter = || async {
        let (server, token) = plan.credentials(room).token().await.map_err(|error| error.message)?;
        Probe::enter(&server, &token, transport).await.map_err(|error| error.to_string())
    };
    let mut sender = enter().await?;
    let mut receiver = match plan.lets_many_in() {
        true => match enter().await {
            Ok(receiver) => Some(receiver),
            Err(why) => {
                sender.leave().await;
                return Err(why);
            }
        },
        false => None,
    };
    let measured = tokio::select! {
        measured = between(&mut sender, receiver.as_mut(), deadline) => measured,
        () = stop.cancelled() => None,
    };
    let leave_receiver = async {
        if let Some(receiver) = receiver {
            receiver.leave().await;
        }
    };
    tokio::join!(sender.leave(), leave_receiver);
    measured.ok_or_else(|| "The media connection for the measurement did not come up in time.".to_owned())
}

async fn between(sender: &mut Probe, mut receiver: Option<&mut Probe>, deadline: Instant) -> Option<Measured> {
    let source = tokio::join!(Source::publish(sender, deadline), async {
        match &mut receiver {
            Some(receiver) => receiver.connect(deadline).await,
            None => true,
        }
    });
    let (Some(mut source), true) = source else { return None };
    send(sender, receiver.as_deref_mut(), &mut source, WARM_UP).await;
    let before = (sender.statistics().await, statistics(receiver.as_deref()).await);
    let begun = Instant::now();
    send(sender, receiver.as_deref_mut(), &mut source, MEASURE).await;
    let seconds = begun.elapsed().as_secs_f64();
    let after = (sender.statistics().await, statistics(receiver.as_deref()).await);
    Some(evaluate(&before.0, &after.0, before.1.as_ref().zip(after.1.as_ref()), seconds))
}

async fn statistics(probe: Option<&Probe>) -> Option<PeerStatistics> {
    match probe {
        Some(probe) => Some(probe.statistics().await),
        None => None,
    }
}

/// Sends for `time`, while both participants handle their messages and events.
async fn send(sender: &mut Probe, receiver: Option<&mut Probe>, source: &mut Source, time: Duration) {
    let end = Instant::now() + time;
    let sending = async {
        let mut next = Instant::now();
        while next < end {
            source.tick(sender);
            next += TICK;
            sender.run(next, |_| false).await;
        }
    };
    let receiving = async {
        let Some(receiver) = receiver else { return };
        while Instant::now() < end {
            receiver.run((Instant::now() + DRAIN).min(end), |_| false).await;
            discard(receiver);
        }
    };
    tokio::join!(sending, receiving);
}

/// Drops the media that has come: it was counted before.
fn discard(probe: &mut Probe) {
    for track in &mut probe.tracks {
        match &mut track.media {
            RemoteMedia::Audio(packets) => while packets.try_recv().is_ok() {},
            RemoteMedia::Video(frames, _) => while frames.try_recv().is_ok() {},
        }
    }
}

/// Sound and video without contents.
struct Source {
    sound: AudioSender,
    video: VideoSender,
    ticks: u32,
}

impl Source {
    async fn publish(probe: &mut Probe, deadline: Instant) -> Option<Self> {
        if !probe.connect(deadline).await {
            return None;
        }
        let [sound, video] = TRACKS;
        let layer = SimulcastLayer { rid: "", width: 1280, height: 720, max_kbps: RATES.max_bps / 1000 };
        let sound = probe.publish_audio(sound, deadline).await?;
        let video = probe.publish_video(video, &[layer], deadline).await?;
        Some(Self { sound, video, ticks: 0 })
    }

    /// Sends what is due: a sound packet, and in every other tick a frame.
    fn tick(&mut self, probe: &mut Probe) {
        self.ticks += 1;
        let sound = Bytes::from_static(&[0; SOUND]);
        let sent = self.sound.send(sound, self.ticks.wrapping_mul(TICK_SAMPLES), -40.0, true);
        // What is dropped here was not sent, and is not missed.
        if sent != SendOutcome::Queued {
            tracing::trace!(?sent, "a sound packet was not sent");
        }
        if self.ticks.is_multiple_of(2) {
            let number = self.ticks / 2;
            let keyframe = std::mem::take(&mut probe.wants_keyframe);
            let bytes = f64::from(probe.send_rate) * VIDEO_PART / f64::from(FPS) / 8.0;
            let sent = self.video.send(0, &frame(number, keyframe, bytes as usize));
            if sent != SendOutcome::Queued {
                tracing::trace!(?sent, "a frame was not sent");
            }
        }
    }
}

/// A frame of this size with the header of VP8 (RFC 6386, section 9.1) and nothing that can be decoded.
fn frame(number: u32, keyframe: bool, bytes: usize) -> EncodedFrame {
    // Of a key frame: frame tag, start code, 1280 by 720.
    let mut data = if keyframe { vec![0, 0, 0, 0x9D, 1, 0x2A, 0, 5, 0xD0, 2] } else { vec![1; 10] };
    data.resize(bytes.max(200), 0);
    EncodedFrame { codec: Codec::Vp8, data: data.into(), keyframe, timestamp: number.wrapping_mul(90_000 / FPS) }
}

/// Evaluates the counters before and after: of the sender, and of the receiver where there is one.
fn evaluate(
    before: &PeerStatistics,
    after: &PeerStatistics,
    received: Option<(&PeerStatistics, &PeerStatistics)>,
    seconds: f64,
) -> Measured {
    let kbps = |then: u64, now: u64| now.saturating_sub(then) as f64 * 8.0 / 1000.0 / seconds.max(0.001);
    let loss_up = after.reported_loss_percent;
    let arrived = 1.0 - loss_up.unwrap_or(0.0) / 100.0;
    let sum = |of: &PeerStatistics| {
        of.tracks.iter().fold((0_u64, 0_u64), |(skipped, expected), t| (skipped + t.skipped, expected + t.expected))
    };
    let loss_down = received.and_then(|(then, now)| {
        let ((skipped, expected), (skipped_now, expected_now)) = (sum(then), sum(now));
        let expected = expected_now.saturating_sub(expected);
        // On its way here a packet passes both links.
        let through = 1.0 - skipped_now.saturating_sub(skipped) as f64 / expected as f64;
        (expected > 0).then(|| (1.0 - through / arrived.max(0.01)).clamp(0.0, 1.0) * 100.0)
    });
    let jitter =
        received.and_then(|(_, now)| now.tracks.iter().find(|t| t.kind == MediaKind::Audio)).map(|t| t.jitter_ms);
    Measured {
        round_trip_ms: after.rtt_ms,
        loss_up,
        loss_down,
        jitter_ms: jitter,
        up_kbps: Some(kbps(before.sent_bytes, after.sent_bytes) * arrived),
        down_kbps: received.map(|(then, now)| kbps(then.received_bytes, now.received_bytes)),
    }
}

/// The findings, in order. `had_receiver`: whether somebody received.
fn findings(measured: &Measured, had_receiver: bool) -> Vec<Finding> {
    let Measured { round_trip_ms, loss_up, loss_down, jitter_ms, up_kbps, down_kbps } = *measured;
    let wifi = "Go nearer to the Wi-Fi router, or use a cable; end other downloads and uploads, and turn a VPN off.";
    let far =
        "A server nearer to the people of the call helps. A VPN or a relay on the way makes it longer: try without.";
    let narrow = "End other downloads and uploads in this network, or use another network.";
    let up = "packets are lost on the way to the server";
    let down = "packets are lost on the way from the server";
    let lost = |check, percent, of: &str| {
        judge(check, percent, LOSS, had_receiver, |value| (format!("{value:.1} % of the {of}."), wifi), "percent")
    };
    let rate = |check, kbps: Option<f64>, way: &str| {
        // A rate is better the higher it is.
        let sentence = |value: f64| (format!("{:.0} kbit/s get through {way} the server.", -value), narrow);
        let negative = kbps.map(|kbps| -kbps);
        judge(check, negative, RATE_KBPS.map(|kbps| -kbps), had_receiver, sentence, "")
            .fact("kbps", kbps.map(f64::round))
            .fact("sent_at_most_kbps", RATES.max_bps / 1000)
    };
    let trip = |ms: f64| (format!("A packet takes {ms:.0} ms to the server and back."), far);
    let jitter = |ms: f64| (format!("The delay varies by {ms:.0} ms."), wifi);
    vec![
        judge(CheckName::RoundTrip, round_trip_ms, ROUND_TRIP_MS, had_receiver, trip, "ms"),
        lost(CheckName::LossUp, loss_up, up),
        lost(CheckName::LossDown, loss_down, down),
        judge(CheckName::Jitter, jitter_ms, JITTER_MS, had_receiver, jitter, "ms"),
        rate(CheckName::RateUp, up_kbps, "to"),
        rate(CheckName::RateDown, down_kbps, "from"),
    ]
}

/// The finding about a value that is a warning from the first of `limits` on and a failure from the second one on.
fn judge(
    check: CheckName,
    value: Option<f64>,
    limits: [f64; 2],
    had_receiver: bool,
    sentence: impl Fn(f64) -> (String, &'static str),
    fact: &str,
) -> Finding {
    let Some(value) = value else {
        return Finding::skipped(
            check,
            if had_receiver {
                "The server did not tell it."
            } else {
                "A token lets one participant in, and this takes two: use a key or a link."
            },
        );
    };
    let (found, advice) = sentence(value);
    let finding = match value {
        value if value >= limits[1] => Finding::failed(check, found, advice),
        value if value >= limits[0] => Finding::warning(check, found, advice),
        _ => Finding::ok(check, found),
    };
    if fact.is_empty() { finding } else { finding.fact(fact, (value * 10.0).round() / 10.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Verdict;
    use crate::rtc::TrackStatistics;

    fn track(expected: u64, skipped: u64) -> PeerStatistics {
        let track = TrackStatistics {
            mid: "1".into(),
            track_id: "TR_1".into(),
            kind: MediaKind::Audio,
            packets: expected - skipped,
            bytes: 0,
            lost: 0,
            expected,
            skipped,
            jitter_ms: 4.0,
            nacks: 0,
            keyframe_requests: 0,
            frames: 0,
            keyframes: 0,
            discarded: 0,
        };
        PeerStatistics { received_bytes: expected * 1000, tracks: vec![track], ..PeerStatistics::default() }
    }

    #[test]
    fn loss_is_told_by_direction() {
        let sent = |percent| PeerStatistics { reported_loss_percent: Some(percent), ..PeerStatistics::default() };
        let measured =
            |up: f64, skipped| evaluate(&sent(0.0), &sent(up), Some((&track(100, 0), &track(1100, skipped))), 6.0);
        let up = measured(30.0, 300);
        assert!(up.loss_down.is_some_and(|down| down < 0.1), "{up:?}");
        let both = measured(30.0, 510);
        assert!(both.loss_down.is_some_and(|down| (29.0..31.0).contains(&down)), "{both:?}");
        let down = measured(0.0, 300);
        assert!(down.loss_down.is_some_and(|down| (29.0..31.0).contains(&down)), "{down:?}");
    }

    #[test]
    fn heavy_loss_up_fails_by_its_name() {
        let measured =
            Measured { round_trip_ms: Some(20.0), loss_up: Some(30.0), loss_down: Some(0.4), ..Measured::default() };
        let findings = findings(&Measured { up_kbps: Some(400.0), down_kbps: Some(2500.0), ..measured }, true);
        let verdicts: Vec<_> = findings.iter().map(|f| (f.check, f.verdict)).collect();
        assert_eq!(
            verdicts,
            [
                (CheckName::RoundTrip, Verdict::Ok),
                (CheckName::LossUp, Verdict::Failed),
                (CheckName::LossDown, Verdict::Ok),
                (CheckName::Jitter, Verdict::Skipped),
                (CheckName::RateUp, Verdict::Warning),
                (CheckName::RateDown, Verdict::Ok),
            ]
        );
        assert_eq!(findings[1].found, "30.0 % of the packets are lost on the way to the server.");
        assert_eq!(findings[4].facts["kbps"], 400.0);
    }

    #[test]
    fn what_takes_two_participants_is_skipped_with_one_token() {
        let one = findings(&Measured { up_kbps: Some(2000.0), ..Measured::default() }, false);
        assert_eq!(one[5].verdict, Verdict::Skipped);
        assert!(one[5].found.contains("lets one participant in"), "{}", one[5].found);
    }
}
