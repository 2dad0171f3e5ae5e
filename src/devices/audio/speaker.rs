//! The speaker as a lease.

use crate::base::{DeviceKind, PcmFormat};
use crate::devices::audio::{synthetic, wav_file};
use crate::devices::thread::{Closed, DeviceThread, Opened, Opening, Released, Stop};
use crate::devices::{DeviceError, DeviceFailure, FailureSink, SpeakerChoice};
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The most sound that a ring takes ahead of the speaker. Whoever fills it may keep it lower.
const RING: Duration = Duration::from_millis(200);

/// What an opened speaker hands over.
pub(super) struct OpenedSpeaker {
    /// What people read.
    pub(super) label: String,
    pub(super) format: PcmFormat,
    pub(super) samples: Producer<f32>,
}

/// The inside end of a speaker's ring; it may be used in an audio callback.
pub(super) struct SpeakerRing {
    ring: Consumer<f32>,
    channels: usize,
    /// Samples that were missing after the first came; shared with the lease.
    missed: Arc<AtomicU64>,
    begun: bool,
}

impl SpeakerRing {
    /// A ring for sound of `format`, and its outside end.
    pub(super) fn new(format: PcmFormat, missed: &Arc<AtomicU64>) -> (Self, Producer<f32>) {
        let channels = usize::from(format.channels.max(1));
        let frames = (u64::from(format.rate) * RING.as_millis() as u64 / 1000) as usize;
        let (samples, ring) = RingBuffer::new(frames.max(1) * channels);
        (Self { ring, channels, missed: missed.clone(), begun: false }, samples)
    }

    /// Fills `out` with whole frames from the ring and then with silence.
    pub(super) fn take<'a, T: 'a>(&mut self, out: impl ExactSizeIterator<Item = &'a mut T>, sample: impl Fn(f32) -> T) {
        let asked = out.len();
        let there = asked.min(self.ring.slots());
        let there = there - there % self.channels;
        self.begun |= there > 0;
        if self.begun && there < asked {
            self.missed.fetch_add((asked - there) as u64, Ordering::Relaxed);
        }
        let mut taken = self.ring.read_chunk(there).map(IntoIterator::into_iter).ok();
        for place in out {
            *place = sample(taken.as_mut().and_then(Iterator::next).unwrap_or(0.0));
        }
    }
}

/// An open speaker. It plays what is written into the ring that came with it, at most 200 ms ahead.
#[must_use = "dropping a lease closes the speaker"]
pub(crate) struct SpeakerLease {
    owner: DeviceThread,
    id: String,
    label: String,
    missed: Arc<AtomicU64>,
}

impl SpeakerLease {
    /// Opens a speaker: the lease, the ring that takes interleaved samples (whole frames), and their format. `events`
    /// hears when it dies by itself.
    pub(crate) fn open(choice: &SpeakerChoice, events: FailureSink) -> Opening<(Self, Producer<f32>, PcmFormat)> {
        let id = choice.to_string();
        let missed = Arc::new(AtomicU64::new(0));
        let (choice, theirs, their_id) = (choice.clone(), missed.clone(), id.clone());
        let failed = move |error: DeviceError| {
            tracing::warn!(speaker = their_id, %error, "the speaker failed");
            events(DeviceFailure { kind: DeviceKind::Speaker, id: their_id.clone(), error });
        };
        Opening::start(
            "speaker",
            move |stop, opened| run(&choice, &theirs, stop, opened, failed),
            move |owner, facts: OpenedSpeaker| {
                (Self { owner, id, label: facts.label, missed }, facts.samples, facts.format)
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

    /// Samples of silence that were played because the ring was empty, since the first sound.
    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Closes the speaker and waits for that at most `limit`.
    pub(crate) async fn release(self, limit: Duration) -> Released {
        self.owner.release(limit).await
    }
}

fn run(
    choice: &SpeakerChoice,
    missed: &Arc<AtomicU64>,
    stop: &Stop,
    opened: Opened<OpenedSpeaker>,
    failed: impl Fn(DeviceError) + Send + Sync + 'static,
) -> Closed {
    match choice {
        SpeakerChoice::None => synthetic::null_sink(missed, stop, opened),
        SpeakerChoice::File(path) => wav_file::record(path, missed, stop, opened, failed),
        #[cfg(feature = "window")]
        SpeakerChoice::Default => super::card::play(None, missed, stop, opened, failed),
        #[cfg(feature = "window")]
        SpeakerChoice::Device(id) => super::card::play(Some(id), missed, stop, opened, failed),
        #[cfg(not(feature = "window"))]
        SpeakerChoice::Default | SpeakerChoice::Device(_) => {
            opened.tell(Err(DeviceError::NotFound("this build of Visavis has only synthetic devices".into())));
            Closed::nothing()
        }
    }
}
