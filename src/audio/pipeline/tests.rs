//! A stream from the microphone's ring to the speaker's, over a simulated network, with a clock that is moved by hand.

use super::*;
use crate::audio::MONO;
use crate::audio::level::LevelMeter;
use crate::base::PcmFormat;
use crate::testcard::{Noise, TestTone, TestVoice as Speech, ToneMeter, ToneReading};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

/// The network between the two sides.
#[derive(Clone, Copy)]
struct Network {
    lost_percent: u32,
    jitter_ms: u32,
}

/// One side that speaks and one that listens.
struct Call {
    now: Moment,
    speaking: AudioPipeline,
    microphone: rtrb::Producer<f32>,
    microphone_format: PcmFormat,
    listening: AudioPipeline,
    speaker: rtrb::Consumer<f32>,
    speaker_format: PcmFormat,
    sent: Arc<Mutex<Vec<AudioPacket>>>,
    sequence: u16,
    network: Network,
    in_flight: BTreeMap<(Moment, u16), MediaPacket>,
    queue: SyncSender<(MediaPacket, Moment)>,
    random: Noise,
    heard: Vec<f32>,
}

impl Call {
    fn new(microphone_format: PcmFormat, speaker_format: PcmFormat, network: Network) -> Self {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let outbox = sent.clone();
        let take = move |packet| outbox.lock().push(packet);
        let mut speaking = AudioPipeline::new(32, Box::new(take)).expect("a pipeline");
        let mut listening = AudioPipeline::new(32, Box::new(|_| {})).expect("a pipeline");
        let (microphone, ring) = rtrb::RingBuffer::new(48_000);
        speaking.handle(AudioCommand::Microphone(Some(MicrophoneInput::new(ring, microphone_format).expect("format"))));
        let (ring, speaker) = rtrb::RingBuffer::new(48_000);
        listening.handle(AudioCommand::Speaker(Some(SpeakerOutput::new(ring, speaker_format).expect("format"))));
        let (queue, packets) = sync_channel(256);
        let remote = RemoteStream { stream: ReceiveStream::new().expect("decoder"), queue: packets };
        listening.handle(AudioCommand::AddStream(AudioStreamId(1), Box::new(remote)));
        Self {
            now: Moment::ZERO,
            speaking,
            microphone,
            microphone_format,
            listening,
            speaker,
            speaker_format,
            sent,
            sequence: 65_000,
            network,
            in_flight: BTreeMap::new(),
            queue,
            random: Noise::new(5),
            heard: Vec::new(),
        }
    }

    /// Runs 10 ms, in which the microphone records `source`.
    fn step(&mut self, source: &mut dyn FnMut(&mut [f32])) {
        self.now += Duration::from_millis(10);
        let mut mono = vec![0.0; self.microphone_format.rate as usize / 100];
        source(&mut mono);
        let channels = usize::from(self.microphone_format.channels);
        let samples: Vec<f32> = mono.iter().flat_map(|s| std::iter::repeat_n(*s, channels)).collect();
        self.microphone.push_entire_slice(&samples).expect("room");
        self.speaking.tick(self.now);
        self.send();
        self.deliver();
        self.listening.tick(self.now);
        let mut taken = vec![0.0; self.speaker_format.rate as usize / 100 * usize::from(self.speaker_format.channels)];
        let (taken, _) = self.speaker.pop_partial_slice(&mut taken);
        self.heard.extend(taken.iter().step_by(self.speaker_format.channels.into()));
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let ((arrived, _), packet) = entry.remove_entry();
            self.queue.try_send((packet, arrived)).expect("room");
        }
    }

    fn send(&mut self) {
        for packet in self.sent.lock().drain(..) {
            self.sequence = self.sequence.wrapping_add(1);
            let late = self.random.below(self.network.jitter_ms + 1);
            if self.random.below(100) < self.network.lost_percent {
                continue;
            }
            let at = self.now + Duration::from_millis(30 + u64::from(late));
            let (sequence, timestamp) = (self.sequence, packet.timestamp);
            self.in_flight
                .insert((at, sequence), MediaPacket { sequence, timestamp, marker: false, payload: packet.payload });
        }
    }

    fn tone(&mut self, hz: f64, ms: usize) {
        // The generator supports 48 kHz only.
        let mut tone = TestTone::new(hz * 48_000.0 / f64::from(self.microphone_format.rate), -20.0);
        for _ in 0..ms / 10 {
            self.step(&mut |block| tone.fill(block));
        }
    }

    fn measured(&self) -> ToneReading {
        let mut meter = ToneMeter::searching();
        meter.push(&self.heard);
        let mut reading = meter.reading();
        reading.hz *= f64::from(self.speaker_format.rate) / 48_000.0;
        reading.heard_ms *= 48_000.0 / f64::from(self.speaker_format.rate);
        reading
    }

    fn statistics(&self) -> AudioStreamStats {
        self.listening.stream_states(self.now).next().expect("a stream").statistics
    }
}

const CALM: Network = Network { lost_percent: 0, jitter_ms: 0 };

#[test]
fn a_tone_arrives_unchanged_at_any_device_format() {
    let formats =
        [(48_000, 1), (44_100, 2), (16_000, 1), (48_000, 2)].map(|(rate, channels)| PcmFormat { rate, channels });
    for (microphone, speaker) in [(0, 0), (1, 3), (2, 1), (3, 2)].map(|(a, b)| (formats[a], formats[b])) {
        let mut call = Call::new(microphone, speaker, CALM);
        call.tone(440.0, 3000);
        let heard = call.measured();
        assert!((heard.hz - 440.0).abs() < 2.0, "{microphone:?} {speaker:?} {heard:?}");
        assert!((heard.dbfs + 20.0).abs() < 1.5, "{microphone:?} {speaker:?} {heard:?}");
        assert_eq!((heard.gaps_ms, heard.silent_ms), (0.0, 0.0), "{microphone:?} {speaker:?}");
        assert!(heard.heard_ms > 2700.0, "{heard:?}");
    }
}

#[test]
fn a_tone_survives_loss_and_jitter_without_a_gap_over_60_ms() {
    let mut call = Call::new(MONO, MONO, Network { lost_percent: 5, jitter_ms: 30 });
    call.tone(440.0, 30_000);
    let (heard, statistics) = (call.measured(), call.statistics());
    assert!((heard.hz - 440.0).abs() < 2.0 && (heard.dbfs + 20.0).abs() < 1.5, "{heard:?}");
    assert!(heard.longest_gap_ms <= 60.0 && heard.gaps_ms <= 300.0, "{heard:?} {statistics:?}");
    assert!(statistics.lost > 40 && statistics.recovered > statistics.lost / 2, "{statistics:?}");
    assert!(statistics.delay_ms < 100.0, "{statistics:?}");
}

#[test]
fn the_delay_comes_down_when_the_network_calms() {
    let mut call = Call::new(MONO, MONO, Network { lost_percent: 0, jitter_ms: 120 });
    call.tone(300.0, 10_000);
    let before = call.statistics();
    call.network = CALM;
    call.tone(300.0, 30_000);
    let after = call.statistics();
    assert!(before.target_ms > 90.0 && before.delay_ms > 40.0, "{before:?}");
    assert!(after.target_ms < 50.0 && after.delay_ms < 60.0, "{after:?}");
    assert!(after.stretched_ms > before.stretched_ms, "{after:?}");
}

#[test]
fn pauses_of_speech_are_not_sent_and_speech_arrives() {
    let mut call = Call::new(MONO, MONO, Network { lost_percent: 2, jitter_ms: 15 });
    let mut speech = Speech::new(6, -18.0);
    let mut meter = LevelMeter::new();
    let (mut spoken, mut active) = (0, 0);
    for _ in 0..2000 {
        let heard = call.heard.len();
        let mut loud = false;
        call.step(&mut |block| {
            speech.fill(block);
            loud = block.iter().any(|s| *s != 0.0);
        });
        spoken += i32::from(loud);
        meter.push(&call.heard[heard..]);
        active += i32::from(meter.level().active);
    }
    let statistics = call.statistics();
    assert!(statistics.received < 990, "{statistics:?}");
    assert!(active > spoken / 2, "{active} of {spoken} blocks");
    // A tenth of the spoken 10 ms blocks, in ms.
    assert!(statistics.concealed_ms < f64::from(spoken), "{statistics:?}");
}

#[test]
fn a_muted_microphone_sends_nothing_and_its_timestamps_go_on() {
    let mut call = Call::new(MONO, MONO, CALM);
    call.tone(440.0, 500);
    let first = call.listening.streams[&AudioStreamId(1)].stream.position().expect("heard");
    call.speaking.handle(AudioCommand::Muted(true));
    call.tone(440.0, 2000);
    assert_eq!(call.speaking.microphone_level(), AudioLevel::default());
    assert_eq!(call.statistics().received, 25);
    assert!(call.listening.stream_states(call.now).next().expect("a stream").playout.is_none());
    call.speaking.handle(AudioCommand::Muted(false));
    call.tone(440.0, 500);
    let second = call.listening.streams[&AudioStreamId(1)].stream.position().expect("heard");
    let passed = second.wrapping_sub(first);
    assert!(passed.abs_diff(48 * 2500) <= 48 * 60, "{passed}");
    assert_eq!(call.statistics().lost, 0);
}

#[test]
fn devices_can_be_removed_and_added() {
    let mut call = Call::new(MONO, MONO, CALM);
    call.tone(440.0, 500);
    call.listening.handle(AudioCommand::Speaker(None));
    call.speaking.handle(AudioCommand::Microphone(None));
    for _ in 0..100 {
        call.now += Duration::from_millis(10);
        call.speaking.tick(call.now);
        call.deliver();
        call.listening.tick(call.now);
    }
    assert!(call.speaker.is_abandoned() && call.microphone.is_abandoned());
    assert_eq!(call.statistics().received, 25);
    let (microphone, ring) = rtrb::RingBuffer::new(48_000);
    call.speaking.handle(AudioCommand::Microphone(Some(MicrophoneInput::new(ring, MONO).expect("format"))));
    let (ring, speaker) = rtrb::RingBuffer::new(48_000);
    call.listening.handle(AudioCommand::Speaker(Some(SpeakerOutput::new(ring, MONO).expect("format"))));
    (call.microphone, call.speaker) = (microphone, speaker);
    call.heard.clear();
    call.tone(440.0, 1000);
    assert!((call.measured().hz - 440.0).abs() < 2.0);
    assert!(call.measured().gaps_ms == 0.0);
}

/// A side with a microphone and headphones: no echo.
struct Headphones {
    pipeline: AudioPipeline,
    microphone: rtrb::Producer<f32>,
    speaker: rtrb::Consumer<f32>,
    queue: SyncSender<(MediaPacket, Moment)>,
    /// The steady tone from the other side.
    remote_tone: TestTone,
    /// The tone at the microphone, in beats of 200 ms.
    beats: TestTone,
    encoder: crate::codec::OpusEncoder,
    ticks: u32,
}

impl Headphones {
    fn new() -> Self {
        let mut pipeline = AudioPipeline::new(32, Box::new(|_| {})).expect("a pipeline");
        pipeline.handle(AudioCommand::Processing(Some(Box::new(AudioProcessor::new(true)))));
        let (microphone, ring) = rtrb::RingBuffer::new(48_000);
        pipeline.handle(AudioCommand::Microphone(Some(MicrophoneInput::new(ring, MONO).expect("format"))));
        let (queue, packets) = sync_channel(256);
        let remote = RemoteStream { stream: ReceiveStream::new().expect("decoder"), queue: packets };
        pipeline.handle(AudioCommand::AddStream(AudioStreamId(1), Box::new(remote)));
        let encoder = crate::codec::OpusEncoder::new(32).expect("encoder");
        let (remote_tone, beats) = (TestTone::new(700.0, -20.0), TestTone::new(900.0, -26.0));
        let speaker = connect_speaker(&mut pipeline);
        Self { pipeline, microphone, speaker, queue, remote_tone, beats, encoder, ticks: 0 }
    }

    /// Runs 10 ms, in which the speaker plays or not.
    fn step(&mut self, speaker_plays: bool) {
        let now = Moment::from_millis(u64::from(self.ticks) * 10);
        if self.ticks.is_multiple_of(2) {
            let mut frame = [0.0; 960];
            self.remote_tone.fill(&mut frame);
            let payload = self.encoder.encode(&frame).expect("encoded").expect("sound");
            let sequence = (self.ticks / 2) as u16;
            let packet = MediaPacket { sequence, timestamp: self.ticks * 480, marker: false, payload };
            self.queue.try_send((packet, now)).expect("room");
        }
        let mut block = [0.0; BLOCK];
        if (self.ticks / 20).is_multiple_of(2) {
            self.beats.fill(&mut block);
        }
        self.microphone.push_entire_slice(&block).expect("room");
        self.pipeline.tick(now);
        if speaker_plays {
            let (taken, _) = self.speaker.pop_partial_slice(&mut block);
            assert!(self.ticks < 100 || taken.len() == BLOCK, "the speaker underruns");
        }
        self.ticks += 1;
    }

    /// Runs a second; returns the highest level that is sent in it, in dBFS.
    fn loudest_of_a_second(&mut self) -> f32 {
        let mut loudest = f32::MIN;
        for _ in 0..100 {
            self.step(true);
            loudest = loudest.max(self.pipeline.microphone_level().dbfs);
        }
        loudest
    }

    /// Changes the headphones: they take a while to open, and another to play.
    fn change(&mut self) {
        self.pipeline.handle(AudioCommand::Speaker(None));
        for _ in 0..10 {
            self.step(false);
        }
        self.speaker = connect_speaker(&mut self.pipeline);
        for _ in 0..15 {
            self.step(false);
        }
    }
}

/// Gives `pipeline` a new speaker.
fn connect_speaker(pipeline: &mut AudioPipeline) -> rtrb::Consumer<f32> {
    let (ring, speaker) = rtrb::RingBuffer::new(9600);
    pipeline.handle(AudioCommand::Speaker(Some(SpeakerOutput::new(ring, MONO).expect("format"))));
    speaker
}

#[test]
fn headphones_and_a_change_of_them_do_not_attenuate_the_microphone() {
    let mut call = Headphones::new();
    let mut levels = Vec::new();
    for second in 0..20 {
        if matches!(second, 8 | 14) {
            call.change();
        }
        levels.push(call.loudest_of_a_second());
    }
    let quietest = levels[3..].iter().copied().fold(f32::MAX, f32::min);
    assert!(quietest > -32.0, "recorded at -26 dBFS, sent at {levels:.0?}");
}

#[test]
fn the_playout_position_follows_the_clock() {
    let mut call = Call::new(MONO, MONO, CALM);
    call.tone(440.0, 1000);
    let (first, at) = call.listening.stream_states(call.now).next().and_then(|v| v.playout).expect("heard");
    assert!(at >= call.now && at.since(call.now) < Duration::from_millis(60));
    call.tone(440.0, 1000);
    let (second, later) = call.listening.stream_states(call.now).next().and_then(|v| v.playout).expect("heard");
    let difference = i64::from(second.wrapping_sub(first)) - later.since(at).as_micros() as i64 * 48 / 1000;
    assert!(difference.abs() <= 48 * 20, "{difference} samples");
}

#[test]
fn many_streams_are_mixed() {
    let mut pipeline = AudioPipeline::new(32, Box::new(|_| {})).expect("a pipeline");
    let (ring, mut speaker) = rtrb::RingBuffer::new(480_000);
    pipeline.handle(AudioCommand::Speaker(Some(SpeakerOutput::new(ring, MONO).expect("format"))));
    let mut inputs = Vec::new();
    for n in 0..5u32 {
        let (queue, packets) = sync_channel(256);
        let remote = RemoteStream { stream: ReceiveStream::new().expect("decoder"), queue: packets };
        pipeline.handle(AudioCommand::AddStream(AudioStreamId(n.into()), Box::new(remote)));
        let encoder = crate::codec::OpusEncoder::new(32).expect("encoder");
        inputs.push((queue, encoder, TestTone::new(crate::testcard::bot_tone_hz(n), -26.0)));
    }
    let mut meters: Vec<_> = (0..5).map(|n| ToneMeter::at(crate::testcard::bot_tone_hz(n))).collect();
    for tick in 0..300u32 {
        let now = Moment::from_millis(u64::from(tick) * 10);
        for (queue, encoder, tone) in inputs.iter_mut().filter(|_| tick % 2 == 0) {
            let mut frame = [0.0; 960];
            tone.fill(&mut frame);
            let payload = encoder.encode(&frame).expect("encoded").expect("sound");
            let packet = MediaPacket { sequence: tick as u16 / 2, timestamp: tick * 480, marker: false, payload };
            queue.try_send((packet, now)).expect("room");
        }
        pipeline.tick(now);
        let mut block = [0.0; BLOCK];
        let (taken, _) = speaker.pop_partial_slice(&mut block);
        meters.iter_mut().for_each(|meter| meter.push(taken));
    }
    for (n, meter) in meters.iter().enumerate() {
        let heard = meter.reading();
        assert!((heard.hz - crate::testcard::bot_tone_hz(n as u32)).abs() < 2.0, "{heard:?}");
        assert!((heard.dbfs + 26.0).abs() < 2.0 && heard.gaps_ms == 0.0, "{heard:?}");
    }
}

#[test]
fn a_sound_of_coming_is_heard_and_not_sent() {
    let mut call = Call::new(MONO, MONO, CALM);
    call.speaking.handle(AudioCommand::Play(JoinSound::Came));
    call.listening.handle(AudioCommand::Play(JoinSound::Came));
    for _ in 0..200 {
        call.step(&mut |block| block.fill(0.0));
    }
    let loud = |samples: &[f32]| samples.iter().fold(0f32, |peak, s| peak.max(s.abs()));
    // The listening side hears its own sound alone: that of the speaking side did not come over the network.
    let (begin, rest) = call.heard.split_at(48_000);
    assert!((0.03..0.13).contains(&loud(begin)), "{}", loud(begin));
    assert!(loud(rest) < 0.001, "{}", loud(rest));
}
