//! The lock-free rings between a call and its microphone or speaker, and what a backend needs to open one.

use crate::base::{DeviceKind, PcmFormat};
use crate::devices::DeviceError;
use crate::devices::thread::{Closed, OpenReport, Stop};
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts samples that a device's ring lost. All clones are one.
#[derive(Clone, Debug, Default)]
pub(super) struct LostSamples(Arc<AtomicU64>);

impl LostSamples {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, samples: usize) {
        self.0.fetch_add(samples as u64, Ordering::Relaxed);
    }
}

/// The device's end of a ring of interleaved samples. An audio callback may use it: no lock, no allocation.
pub(super) trait DeviceRing: Sized + 'static {
    /// Microphone or speaker.
    const KIND: DeviceKind;
    /// The name of the device's thread.
    const NAME: &'static str;
    /// How much audio the ring holds.
    const LENGTH: Duration;
    /// The call's end of the ring.
    type CallEnd: Send + 'static;

    /// A ring for audio of `format`: the device's end and the call's.
    fn new(format: PcmFormat, lost: &LostSamples) -> (Self, Self::CallEnd);
}

fn ring(format: PcmFormat, length: Duration) -> (Producer<f32>, Consumer<f32>) {
    let frames = (u64::from(format.rate) * length.as_millis() as u64 / 1000) as usize;
    RingBuffer::new(frames.max(1) * channels(format))
}

fn channels(format: PcmFormat) -> usize {
    usize::from(format.channels.max(1))
}

/// The microphone's end, which writes. While the ring is full, the newest samples are dropped and counted.
pub(super) struct MicrophoneRing {
    ring: Producer<f32>,
    channels: usize,
    lost: LostSamples,
}

impl DeviceRing for MicrophoneRing {
    const KIND: DeviceKind = DeviceKind::Microphone;
    const NAME: &'static str = "microphone";
    const LENGTH: Duration = Duration::from_millis(500);
    type CallEnd = Consumer<f32>;

    fn new(format: PcmFormat, lost: &LostSamples) -> (Self, Consumer<f32>) {
        let (ring, call_end) = ring(format, Self::LENGTH);
        (Self { ring, channels: channels(format), lost: lost.clone() }, call_end)
    }
}

impl MicrophoneRing {
    /// Writes whole frames.
    pub(super) fn write(&mut self, samples: impl ExactSizeIterator<Item = f32>) {
        let offered = samples.len();
        let fits = offered.min(self.ring.slots());
        let fits = fits - fits % self.channels;
        if let Ok(chunk) = self.ring.write_chunk_uninit(fits) {
            chunk.fill_from_iter(samples);
        }
        if fits < offered {
            self.lost.add(offered - fits);
        }
    }
}

/// The speaker's end, which reads. While the ring is empty, silence is played and, from the first sample on, counted.
pub(super) struct SpeakerRing {
    ring: Consumer<f32>,
    channels: usize,
    lost: LostSamples,
    begun: bool,
}

impl DeviceRing for SpeakerRing {
    const KIND: DeviceKind = DeviceKind::Speaker;
    const NAME: &'static str = "speaker";
    const LENGTH: Duration = Duration::from_millis(200);
    type CallEnd = Producer<f32>;

    fn new(format: PcmFormat, lost: &LostSamples) -> (Self, Producer<f32>) {
        let (call_end, ring) = ring(format, Self::LENGTH);
        (Self { ring, channels: channels(format), lost: lost.clone(), begun: false }, call_end)
    }
}

impl SpeakerRing {
    /// Fills `out` with whole frames from the ring and then with silence.
    pub(super) fn read<'a, T: 'a>(&mut self, out: impl ExactSizeIterator<Item = &'a mut T>, sample: impl Fn(f32) -> T) {
        let wanted = out.len();
        let available = wanted.min(self.ring.slots());
        let available = available - available % self.channels;
        self.begun |= available > 0;
        if self.begun && available < wanted {
            self.lost.add(wanted - available);
        }
        let mut taken = self.ring.read_chunk(available).map(IntoIterator::into_iter).ok();
        for place in out {
            *place = sample(taken.as_mut().and_then(Iterator::next).unwrap_or(0.0));
        }
    }
}

/// An opened microphone or speaker, for the call.
pub(super) struct OpenedAudio<R: DeviceRing> {
    /// The name that people see.
    pub(super) label: String,
    pub(super) format: PcmFormat,
    pub(super) call_end: R::CallEnd,
}

/// Takes the failure of a device that is in use.
pub(super) type OnFailure = Box<dyn Fn(DeviceError) + Send + Sync>;

/// The request to open a microphone or speaker, as a backend gets it on the device's thread.
pub(super) struct OpenRequest<'a, R: DeviceRing> {
    pub(super) stop: &'a Stop,
    pub(super) opened: OpenReport<OpenedAudio<R>>,
    pub(super) lost: LostSamples,
    pub(super) on_failure: OnFailure,
}

impl<'a, R: DeviceRing> OpenRequest<'a, R> {
    /// Reports that the device is open. Returns its end of a new ring.
    pub(super) fn accept(self, label: String, format: PcmFormat) -> (R, &'a Stop, OnFailure) {
        let (ring, call_end) = R::new(format, &self.lost);
        self.opened.tell(Ok(OpenedAudio { label, format, call_end }));
        (ring, self.stop, self.on_failure)
    }

    /// Reports that the device cannot be opened.
    pub(super) fn refuse(self, error: DeviceError) -> Closed {
        self.opened.tell(Err(error));
        Closed::confirmed()
    }
}
