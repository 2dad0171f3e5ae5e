//! Microphones and speakers: sound cards, sound files and synthetic ones.

#[cfg(feature = "window")]
mod card;
mod ring;
mod sound_file;
mod sound_system;
mod synthetic;
mod wav_file;
mod wav_header;

#[cfg(all(feature = "window", target_os = "linux"))]
pub(super) use card::ServerEvents;
#[cfg(feature = "window")]
pub(super) use card::list;

pub(crate) use sound_system::SoundSystem;

use crate::base::PcmFormat;
use crate::devices::opening::Opening;
use crate::devices::thread::{Closed, DeviceThread, OpenReport, Released};
use crate::devices::{DeviceError, DeviceFailure, FailureSink, MicrophoneChoice, SpeakerChoice};
use ring::{DeviceRing, LostSamples, MicrophoneRing, OpenRequest, OpenedAudio, SpeakerRing};
use rtrb::{Consumer, Producer};
use std::time::Duration;

/// An open microphone or speaker. Closed with [`AudioLease::release`].
#[must_use = "dropping a lease closes the device"]
pub(crate) struct AudioLease {
    thread: DeviceThread,
    id: String,
    label: String,
    lost: LostSamples,
}

impl AudioLease {
    /// Opens a microphone: the lease, a ring that holds up to 500 ms of interleaved samples, and their format.
    /// `failures` is told if it stops by itself; but PulseAudio moves a stream to another microphone while there is one.
    pub(crate) fn open_microphone(
        choice: &MicrophoneChoice,
        failures: FailureSink,
    ) -> Opening<(Self, Consumer<f32>, PcmFormat)> {
        let own = choice.clone();
        Self::open(choice.to_string(), failures, move |request| record(&own, request))
    }

    /// Opens a speaker: the lease, a ring that takes up to 200 ms of interleaved samples (whole frames), and their
    /// format. `failures` is told if it stops by itself.
    pub(crate) fn open_speaker(
        choice: &SpeakerChoice,
        failures: FailureSink,
    ) -> Opening<(Self, Producer<f32>, PcmFormat)> {
        let own = choice.clone();
        Self::open(choice.to_string(), failures, move |request| play(&own, request))
    }

    fn open<R: DeviceRing>(
        id: String,
        failures: FailureSink,
        backend: impl FnOnce(OpenRequest<'_, R>) -> Closed + Send + 'static,
    ) -> Opening<(Self, R::CallEnd, PcmFormat)> {
        let lost = LostSamples::default();
        let (failed_id, counted) = (id.clone(), lost.clone());
        let on_failure = Box::new(move |error: DeviceError| {
            tracing::warn!(kind = R::NAME, id = failed_id, %error, "the device failed");
            failures(DeviceFailure { kind: R::KIND, id: failed_id.clone(), error });
        });
        Opening::start(
            R::NAME,
            move |stop, opened: OpenReport<OpenedAudio<R>>| {
                backend(OpenRequest { stop, opened, lost: counted, on_failure })
            },
            move |thread, opened| (Self { thread, id, label: opened.label, lost }, opened.call_end, opened.format),
        )
    }

    /// The id that was asked for.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The name that people see.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Closes the device and waits for that at most `limit`.
    pub(crate) async fn release(self, limit: Duration) -> Released {
        tracing::debug!(id = self.id, lost_samples = self.lost_samples(), "releasing");
        self.thread.release(limit).await
    }

    /// Samples that a microphone dropped because its ring was full, or that a speaker lacked because its ring was empty.
    pub(super) fn lost_samples(&self) -> u64 {
        self.lost.get()
    }
}

fn record(choice: &MicrophoneChoice, request: OpenRequest<'_, MicrophoneRing>) -> Closed {
    match choice {
        MicrophoneChoice::None => {
            let (_ring, stop, _) = request.accept("No microphone".into(), synthetic::FORMAT);
            stop.wait();
            Closed::nothing()
        }
        MicrophoneChoice::TestTone(hz) => synthetic::test_tone(*hz, request),
        MicrophoneChoice::TestVoice(speaker) => synthetic::test_voice(*speaker, request),
        MicrophoneChoice::File(path) => sound_file::play_in_loop(path, request),
        MicrophoneChoice::Default => card::record(None, request),
        MicrophoneChoice::Device(id) => card::record(Some(id), request),
    }
}

fn play(choice: &SpeakerChoice, request: OpenRequest<'_, SpeakerRing>) -> Closed {
    match choice {
        SpeakerChoice::None => synthetic::null_sink(request),
        SpeakerChoice::File(path) => wav_file::record(path, request),
        SpeakerChoice::Default => card::play(None, request),
        SpeakerChoice::Device(id) => card::play(Some(id), request),
    }
}

#[cfg(not(feature = "window"))]
mod card {
    //! A build without the window has no real devices.

    use super::ring::{DeviceRing, MicrophoneRing, OpenRequest, SpeakerRing};
    use crate::devices::DeviceError;
    use crate::devices::thread::Closed;

    pub(super) fn record(_: Option<&str>, request: OpenRequest<'_, MicrophoneRing>) -> Closed {
        refuse(request)
    }

    pub(super) fn play(_: Option<&str>, request: OpenRequest<'_, SpeakerRing>) -> Closed {
        refuse(request)
    }

    fn refuse<R: DeviceRing>(request: OpenRequest<'_, R>) -> Closed {
        request.refuse(DeviceError::NotFound("this build of Visavis has only synthetic devices".into()))
    }
}
