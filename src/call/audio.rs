//! The audio engine of this process: calls connect microphone, speaker, our sender and the remote streams to it.

use super::panic_point::panic_point;
pub(crate) use crate::audio::JoinSound;
use crate::audio::{
    AudioConfig, AudioEngine, AudioError, AudioPacket, AudioProcessing, AudioReport, AudioStreamId, AudioStreamInput,
};
use crate::base::PcmFormat;
use crate::rtc::AudioSender;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Bitrate of our own audio in kilobits a second.
const KBPS: u32 = 40;

/// The sender of our own packets; calls switch it, the audio thread reads it.
type Sink = Arc<Mutex<Option<Arc<AudioSender>>>>;

/// The audio of this process.
pub(crate) struct CallAudio {
    engine: Mutex<Option<AudioEngine>>,
    sink: Sink,
    /// Remote streams that were added; the source of their ids.
    streams: AtomicU64,
    /// Whether the microphone is a real one.
    real: AtomicBool,
    reduce_noise: AtomicBool,
    /// The formats of the open microphone and speaker.
    formats: Mutex<[Option<PcmFormat>; 2]>,
}

impl CallAudio {
    /// Starts the audio thread. Nothing is recorded, played or sent yet.
    pub(crate) fn start() -> Result<Self, AudioError> {
        let sink = Sink::default();
        let theirs = sink.clone();
        let on_packet = move |packet: AudioPacket| {
            panic_point("audio");
            // The audio thread never waits: a packet during a switch of the sender is dropped.
            let Some(sink) = theirs.try_lock() else { return };
            if let Some(sender) = &*sink {
                let level = -f32::from(packet.level);
                let sent = sender.send(packet.payload, packet.timestamp, level, packet.voice);
                tracing::trace!(?sent, "an audio packet of ours");
            }
        };
        let processing = AudioProcessing::Speech { reduce_noise: true };
        let config = AudioConfig { kbps: KBPS, processing, on_packet: Box::new(on_packet) };
        Ok(Self {
            engine: Mutex::new(Some(AudioEngine::start(config)?)),
            sink,
            streams: AtomicU64::new(0),
            real: AtomicBool::new(true),
            reduce_noise: AtomicBool::new(true),
            formats: Mutex::default(),
        })
    }

    /// Sends our own packets through `sender` from now on, or drops them.
    pub(super) fn send_to(&self, sender: Option<Arc<AudioSender>>) {
        *self.sink.lock() = sender;
    }

    /// Whether our own audio is muted.
    pub(super) fn set_muted(&self, muted: bool) {
        self.with("mute", |e| e.set_muted(muted));
    }

    /// Whether the microphone is a real one. A test tone is not processed: it has to arrive as it was made.
    pub(super) fn set_real_microphone(&self, real: bool) {
        if self.real.swap(real, Ordering::Relaxed) != real {
            self.set_processing();
        }
    }

    /// Whether noise suppression is on for our own audio.
    pub(super) fn set_reduce_noise(&self, reduce: bool) {
        if self.reduce_noise.swap(reduce, Ordering::Relaxed) != reduce {
            self.set_processing();
        }
    }

    fn set_processing(&self) {
        let reduce_noise = self.reduce_noise.load(Ordering::Relaxed);
        let real = self.real.load(Ordering::Relaxed);
        let processing = if real { AudioProcessing::Speech { reduce_noise } } else { AudioProcessing::Off };
        self.with("processing", |e| e.set_processing(processing));
    }

    /// The packet loss that the encoder expects, in percent; it decides how much redundancy is sent.
    pub(super) fn set_expected_loss(&self, percent: u32) {
        self.with("expected loss", |e| e.set_expected_loss(percent));
    }

    /// Records from this ring, or stops recording.
    pub(super) fn set_microphone(&self, ring: Option<(rtrb::Consumer<f32>, PcmFormat)>) {
        self.formats.lock()[0] = ring.as_ref().map(|(_, format)| *format);
        self.with("microphone", |e| e.set_microphone(ring));
    }

    /// Plays into this ring, or stops playing.
    pub(super) fn set_speaker(&self, ring: Option<(rtrb::Producer<f32>, PcmFormat)>) {
        self.formats.lock()[1] = ring.as_ref().map(|(_, format)| *format);
        self.with("speaker", |e| e.set_speaker(ring));
    }

    /// The formats of the open microphone and of the open speaker.
    pub(super) fn formats(&self) -> [Option<PcmFormat>; 2] {
        *self.formats.lock()
    }

    /// Adds a remote stream; its samples go to `tap` too.
    pub(super) fn add_stream(&self, tap: Option<rtrb::Producer<f32>>) -> Option<(AudioStreamId, AudioStreamInput)> {
        let id = AudioStreamId(self.streams.fetch_add(1, Ordering::Relaxed));
        let input = self.with("voice", |e| e.add_stream(id))?;
        if tap.is_some() {
            self.with("tap", |e| e.set_tap(id, tap));
        }
        Some((id, input))
    }

    /// Plays a remote stream at this volume, in percent.
    pub(super) fn set_volume(&self, id: AudioStreamId, percent: u16) {
        self.with("volume", |e| e.set_volume(id, f32::from(percent) / 100.0));
    }

    /// Plays a sound to the user alone.
    pub(super) fn play(&self, sound: JoinSound) {
        self.with("sound", |e| e.play(sound));
    }

    /// Removes a remote stream.
    pub(super) fn remove_stream(&self, id: AudioStreamId) {
        self.with("voice", |e| e.remove_stream(id));
    }

    /// Levels, statistics and playout positions of now.
    pub(super) fn report(&self) -> AudioReport {
        let engine = self.engine.lock();
        engine.as_ref().map(AudioEngine::report).unwrap_or_default()
    }

    /// Ends the audio thread and waits for it, half a second at most.
    pub(crate) fn stop(&self) {
        self.send_to(None);
        let engine = self.engine.lock().take();
        if let Some(Err(error)) = engine.map(AudioEngine::stop) {
            tracing::error!(%error, "the audio thread did not end");
        }
    }

    fn with<T>(&self, what: &str, f: impl FnOnce(&AudioEngine) -> Result<T, AudioError>) -> Option<T> {
        let engine = self.engine.lock();
        match f(engine.as_ref()?) {
            Ok(done) => Some(done),
            Err(error) => {
                tracing::error!(%error, what, "the audio thread did not execute a command");
                None
            }
        }
    }
}
