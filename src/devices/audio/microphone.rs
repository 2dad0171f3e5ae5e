//! The microphone as a lease.

use crate::base::{DeviceKind, PcmFormat};
use crate::devices::audio::{synthetic, wav_file};
use crate::devices::thread::{Closed, DeviceThread, Opened, Opening, Released, Stop};
use crate::devices::{DeviceError, DeviceFailure, FailureSink, MicrophoneChoice};
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How much sound a ring holds before the microphone drops the newest.
const RING: Duration = Duration::from_millis(500);

/// What an opened microphone hands over.
pub(super) struct OpenedMicrophone {
    /// What people read.
    pub(super) label: String,
    pub(super) format: PcmFormat,
    pub(super) samples: Consumer<f32>,
}

/// The inside end of a microphone's ring; it may be used in an audio callback.
pub(super) struct MicrophoneRing {
    ring: Producer<f32>,
    channels: usize,
    dropped: Arc<AtomicU64>,
}

impl MicrophoneRing {
    /// A ring for sound of `format`, and its outside end.
    pub(super) fn new(format: PcmFormat, dropped: &Arc<AtomicU64>) -> (Self, Consumer<f32>) {
        let channels = usize::from(format.channels.max(1));
        let frames = (u64::from(format.rate) * RING.as_millis() as u64 / 1000) as usize;
        let (ring, samples) = RingBuffer::new(frames.max(1) * channels);
        (Self { ring, channels, dropped: dropped.clone() }, samples)
    }

    /// Puts whole frames in; what does not fit is dropped and counted.
    pub(super) fn put(&mut self, samples: impl ExactSizeIterator<Item = f32>) {
        let asked = samples.len();
        let fits = asked.min(self.ring.slots());
        let fits = fits - fits % self.channels;
        if let Ok(chunk) = self.ring.write_chunk_uninit(fits) {
            chunk.fill_from_iter(samples);
        }
        if fits < asked {
            self.dropped.fetch_add((asked - fits) as u64, Ordering::Relaxed);
        }
    }
}

/// An open microphone. Its sound waits in the ring that came with it, for at most 500 ms.
#[must_use = "dropping a lease closes the microphone"]
pub(crate) struct MicrophoneLease {
    owner: DeviceThread,
    id: String,
    label: String,
    dropped: Arc<AtomicU64>,
}

impl MicrophoneLease {
    /// Opens a microphone: the lease, the ring from which its sound is read as interleaved samples, and their format.
    /// `events` hears when it dies by itself; but PulseAudio moves a stream to another microphone while there is one.
    pub(crate) fn open(choice: &MicrophoneChoice, events: FailureSink) -> Opening<(Self, Consumer<f32>, PcmFormat)> {
        let id = choice.to_string();
        let dropped = Arc::new(AtomicU64::new(0));
        let (choice, theirs, their_id) = (choice.clone(), dropped.clone(), id.clone());
        let failed = move |error: DeviceError| {
            tracing::warn!(microphone = their_id, %error, "the microphone failed");
            events(DeviceFailure { kind: DeviceKind::Microphone, id: their_id.clone(), error });
        };
        Opening::start(
            "microphone",
            move |stop, opened| run(&choice, &theirs, stop, opened, failed),
            move |owner, facts: OpenedMicrophone| {
                (Self { owner, id, label: facts.label, dropped }, facts.samples, facts.format)
            },
        )
    }

    /// The id that was asked for.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// What people read.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Samples that were dropped because nobody took them.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Closes the microphone and waits for that at most `limit`.
    pub(crate) async fn release(self, limit: Duration) -> Released {
        self.owner.release(limit).await
    }
}

fn run(
    choice: &MicrophoneChoice,
    dropped: &Arc<AtomicU64>,
    stop: &Stop,
    opened: Opened<OpenedMicrophone>,
    failed: impl Fn(DeviceError) + Send + Sync + 'static,
) -> Closed {
    match choice {
        MicrophoneChoice::None => {
            let format = synthetic::FORMAT;
            let (ring, samples) = MicrophoneRing::new(format, dropped);
            opened.tell(Ok(OpenedMicrophone { label: "No microphone".into(), format, samples }));
            stop.wait();
            drop(ring);
            Closed::nothing()
        }
        MicrophoneChoice::TestTone(hz) => synthetic::tone(*hz, dropped, stop, opened),
        MicrophoneChoice::TestVoice(speaker) => synthetic::voice(*speaker, dropped, stop, opened),
        MicrophoneChoice::File(path) => wav_file::play(path, dropped, stop, opened, failed),
        #[cfg(feature = "window")]
        MicrophoneChoice::Default => super::card::record(None, dropped, stop, opened, failed),
        #[cfg(feature = "window")]
        MicrophoneChoice::Device(id) => super::card::record(Some(id), dropped, stop, opened, failed),
        #[cfg(not(feature = "window"))]
        MicrophoneChoice::Default | MicrophoneChoice::Device(_) => {
            opened.tell(Err(DeviceError::NotFound("this build of Visavis has only synthetic devices".into())));
            Closed::nothing()
        }
    }
}
