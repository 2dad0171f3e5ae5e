//! The sound engine of this process, with what a call switches: where our own packets go, and who is heard.

use super::panic_point::panic_point;
use crate::audio::{
    AudioConfig, AudioEngine, AudioError, AudioPacket, AudioProcessing, AudioReport, AudioStreamId, AudioStreamInput,
};
use crate::base::PcmFormat;
use crate::rtc::AudioSender;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Rate of our own voice in kilobits a second.
const KBPS: u32 = 40;

/// Where our own packets go; switched by calls, read by the sound thread.
type Sink = Arc<Mutex<Option<Arc<AudioSender>>>>;

/// The sound of this process.
pub(crate) struct CallAudio {
    engine: Mutex<Option<AudioEngine>>,
    sink: Sink,
    voices: AtomicU64,
    /// Whether a real microphone is recorded.
    real: AtomicBool,
    reduce_noise: AtomicBool,
}

impl CallAudio {
    /// Starts the sound thread: nothing is recorded, played or sent yet.
    pub(crate) fn start() -> Result<Self, AudioError> {
        let sink = Sink::default();
        let theirs = sink.clone();
        let on_packet = move |packet: AudioPacket| {
            panic_point("sound");
            // The sound thread never waits: a packet that comes while calls are switched is lost.
            let Ok(sink) = theirs.try_lock() else { return };
            if let Some(sender) = &*sink {
                let level = -f32::from(packet.level);
                let sent = sender.send(packet.payload, packet.timestamp, level, packet.voice);
                tracing::trace!(?sent, "a packet of our voice");
            }
        };
        let processing = AudioProcessing::Speech { reduce_noise: true };
        let config = AudioConfig { kbps: KBPS, processing, on_packet: Box::new(on_packet) };
        Ok(Self {
            engine: Mutex::new(Some(AudioEngine::start(config)?)),
            sink,
            voices: AtomicU64::new(0),
            real: AtomicBool::new(true),
            reduce_noise: AtomicBool::new(true),
        })
    }

    /// Where our own packets go from now on.
    pub(crate) fn send_to(&self, sender: Option<Arc<AudioSender>>) {
        *self.sink.lock().unwrap_or_else(PoisonError::into_inner) = sender;
    }

    /// Whether our own voice is held back.
    pub(crate) fn set_muted(&self, muted: bool) {
        self.with("mute", |e| e.set_muted(muted));
    }

    /// Whether a real microphone is recorded: a test tone must arrive as it was sent, so it is not cleaned.
    pub(crate) fn set_real_microphone(&self, real: bool) {
        if self.real.swap(real, Ordering::Relaxed) != real {
            self.clean();
        }
    }

    /// Whether background noise is taken out of our own sound.
    pub(crate) fn set_reduce_noise(&self, reduce: bool) {
        if self.reduce_noise.swap(reduce, Ordering::Relaxed) != reduce {
            self.clean();
        }
    }

    fn clean(&self) {
        let reduce_noise = self.reduce_noise.load(Ordering::Relaxed);
        let real = self.real.load(Ordering::Relaxed);
        let processing = if real { AudioProcessing::Speech { reduce_noise } } else { AudioProcessing::Off };
        self.with("processing", |e| e.set_processing(processing));
    }

    /// How much of our own voice is being lost, in percent.
    pub(crate) fn set_expected_loss(&self, percent: u32) {
        self.with("expected loss", |e| e.set_expected_loss(percent));
    }

    /// Records from this ring, or not at all.
    pub(crate) fn set_microphone(&self, ring: Option<(rtrb::Consumer<f32>, PcmFormat)>) {
        self.with("microphone", |e| e.set_microphone(ring));
    }

    /// Plays into this ring, or to nobody.
    pub(crate) fn set_speaker(&self, ring: Option<(rtrb::Producer<f32>, PcmFormat)>) {
        self.with("speaker", |e| e.set_speaker(ring));
    }

    /// Adds somebody's voice; `tap` gets its samples too.
    pub(crate) fn add_voice(&self, tap: Option<rtrb::Producer<f32>>) -> Option<(AudioStreamId, AudioStreamInput)> {
        let id = AudioStreamId(self.voices.fetch_add(1, Ordering::Relaxed));
        let input = self.with("voice", |e| e.add_stream(id))?;
        if tap.is_some() {
            self.with("tap", |e| e.set_tap(id, tap));
        }
        Some((id, input))
    }

    /// Takes somebody's voice out.
    pub(crate) fn remove_voice(&self, id: AudioStreamId) {
        self.with("voice", |e| e.remove_stream(id));
    }

    /// Levels, figures and positions now.
    pub(crate) fn report(&self) -> AudioReport {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.as_ref().map(AudioEngine::report).unwrap_or_default()
    }

    /// Ends the sound thread and waits for it, half a second at most.
    pub(crate) fn stop(&self) {
        self.send_to(None);
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = engine.map(AudioEngine::stop) {
            tracing::error!(%error, "the sound thread did not end");
        }
    }

    fn with<T>(&self, what: &str, f: impl FnOnce(&AudioEngine) -> Result<T, AudioError>) -> Option<T> {
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        match f(engine.as_ref()?) {
            Ok(done) => Some(done),
            Err(error) => {
                tracing::error!(%error, what, "the sound thread did not obey");
                None
            }
        }
    }
}
