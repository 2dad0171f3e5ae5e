//! Real microphones and speakers, through cpal.
//!
//! A stream is built, paused and dropped on its device's thread. It counts as closed when the sound server has deleted
//! it or, without a server, when the system has dropped its callback: from then on it cannot be called.

mod device;
mod host;
mod list;
#[cfg(target_os = "linux")]
mod pulse_control;
#[cfg(target_os = "linux")]
mod pulse_cookie;
#[cfg(target_os = "linux")]
mod pulse_stream;
mod stream;
#[cfg(all(test, target_os = "linux"))]
mod tests;

pub(in crate::devices) use list::list;
#[cfg(target_os = "linux")]
pub(in crate::devices) use pulse_control::ServerEvents;

use super::ring::{LostSamples, MicrophoneRing, OpenRequest, OpenedAudio, SpeakerRing};
use crate::devices::DeviceError;
use crate::devices::audio::SoundSystem;
use crate::devices::thread::{Closed, Stop};
use device::Card;
use std::sync::Arc;
use stream::{CardRing, FailOnce, RunningStream};

/// Which sound system this computer has. Blocks until the sound server answers.
pub(super) fn sound_system() -> SoundSystem {
    #[cfg(target_os = "linux")]
    if let Some(server) = pulse_control::server_name() {
        return SoundSystem::Server(server);
    }
    let host = host::host(host::AudioDirection::Out);
    match host::is_alsa(&host) {
        true if host::has_cards() => SoundSystem::Alsa,
        true => SoundSystem::None,
        false => SoundSystem::Native(host.id().name().to_owned()),
    }
}

/// Records from the microphone `id`, or from the default one, until it is told to stop or the microphone fails.
pub(super) fn record(id: Option<&str>, request: OpenRequest<'_, MicrophoneRing>) -> Closed {
    run(id, request)
}

/// Plays on the speaker `id`, or on the default one, until it is told to stop or the speaker fails.
pub(super) fn play(id: Option<&str>, request: OpenRequest<'_, SpeakerRing>) -> Closed {
    run(id, request)
}

fn run<R: CardRing>(id: Option<&str>, request: OpenRequest<'_, R>) -> Closed {
    let OpenRequest { stop, opened, lost, on_failure } = request;
    let failure = FailOnce::new(on_failure, stop);
    let running = match open::<R>(id, stop, &lost, &failure) {
        Ok((running, audio)) => {
            opened.tell(Ok(audio));
            running
        }
        Err(e) => {
            opened.tell(Err(e));
            return Closed::confirmed();
        }
    };
    let asked = stop.wait_for(None, || failure.happened());
    let closed = running.close(stop.deadline());
    if !asked {
        stop.wait();
    }
    closed
}

fn open<R: CardRing>(
    id: Option<&str>,
    stop: &Stop,
    lost: &LostSamples,
    failure: &Arc<FailOnce>,
) -> Result<(RunningStream, OpenedAudio<R>), DeviceError> {
    let card = Card::find(id, R::DIRECTION)?;
    let (running, call_end) = RunningStream::start::<R>(&card, stop, lost, failure)?;
    let format = running.format();
    Ok((running, OpenedAudio { label: card.label, format, call_end }))
}
