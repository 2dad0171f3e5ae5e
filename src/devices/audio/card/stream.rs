//! A running stream of a sound card.
//!
//! Its callback only moves samples between the system and a ring: no lock, no allocation, no log.

use super::device::{Card, StreamRequest};
#[cfg(not(target_os = "linux"))]
use super::host::AudioDirection;
use super::host::device_error;
#[cfg(target_os = "linux")]
use super::host::{AudioDirection, forget_host, is_pulse};
use crate::base::{PcmFormat, StepState};
use crate::devices::DeviceError;
use crate::devices::audio::ring::{DeviceRing, LostSamples, MicrophoneRing, OnFailure, SpeakerRing};
use crate::devices::thread::{Closed, Stop};
use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{Device, ErrorKind, FromSample, I24, Sample, SampleFormat, SizedSample, Stream, StreamConfig, U24};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

/// How long the sound server may take to make a stream.
const BUILD_LIMIT: Duration = Duration::from_secs(4);

/// How long closing may take where no deadline is set: the card failed by itself.
const CLOSE_LIMIT: Duration = Duration::from_millis(500);

/// Takes a stream's errors and reports the first one that ends the stream; the others follow from it.
pub(super) struct FailOnce {
    happened: AtomicBool,
    on_failure: OnFailure,
    stop: Stop,
}

impl FailOnce {
    pub(super) fn new(on_failure: OnFailure, stop: &Stop) -> Arc<Self> {
        Arc::new(Self { happened: AtomicBool::new(false), on_failure, stop: stop.clone() })
    }

    /// Whether an error has ended the stream.
    pub(super) fn happened(&self) -> bool {
        self.happened.load(Ordering::SeqCst)
    }

    fn on_error(&self, error: &cpal::Error) {
        if let ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged = error.kind() {
            tracing::debug!(%error, "the stream goes on after an error");
            return;
        }
        // Errors while the stream is closed are expected.
        if self.stop.asked() || self.happened.swap(true, Ordering::SeqCst) {
            return;
        }
        (self.on_failure)(match device_error(error) {
            DeviceError::NotFound(message) => DeviceError::Unplugged(message),
            error => error,
        });
        self.stop.nudge();
    }
}

/// A stream, and a channel that disconnects when the system drops the stream's callback.
pub(super) type BuiltStream = (Stream, Receiver<()>);

/// A ring that a cpal stream can serve.
pub(super) trait CardRing: DeviceRing {
    const DIRECTION: AudioDirection;

    /// Builds a stream whose callback owns the ring.
    fn build(
        self,
        device: &Device,
        request: StreamRequest,
        failure: &Arc<FailOnce>,
    ) -> Result<BuiltStream, cpal::Error>;
}

/// Calls a function with the type of a sample format as its type argument.
macro_rules! with_sample_type {
    ($format:expr, $function:ident($($argument:expr),*)) => {
        match $format {
            SampleFormat::I8 => $function::<i8>($($argument),*),
            SampleFormat::I16 => $function::<i16>($($argument),*),
            SampleFormat::I24 => $function::<I24>($($argument),*),
            SampleFormat::I32 => $function::<i32>($($argument),*),
            SampleFormat::I64 => $function::<i64>($($argument),*),
            SampleFormat::U8 => $function::<u8>($($argument),*),
            SampleFormat::U16 => $function::<u16>($($argument),*),
            SampleFormat::U24 => $function::<U24>($($argument),*),
            SampleFormat::U32 => $function::<u32>($($argument),*),
            SampleFormat::F64 => $function::<f64>($($argument),*),
            _ => $function::<f32>($($argument),*),
        }
    };
}

impl CardRing for MicrophoneRing {
    const DIRECTION: AudioDirection = AudioDirection::In;

    fn build(self, device: &Device, request: StreamRequest, fail: &Arc<FailOnce>) -> Result<BuiltStream, cpal::Error> {
        with_sample_type!(request.sample_format, input(self, device, request.config, fail))
    }
}

fn input<T: SizedSample>(
    mut ring: MicrophoneRing,
    device: &Device,
    config: StreamConfig,
    failure: &Arc<FailOnce>,
) -> Result<BuiltStream, cpal::Error>
where
    f32: FromSample<T>,
{
    let (held, callback) = sync_channel::<()>(0);
    let failure = failure.clone();
    let stream = device.build_input_stream::<T, _, _>(
        config,
        move |samples, _| {
            let _ = &held;
            ring.write(samples.iter().map(|s| f32::from_sample(*s)));
        },
        move |e| failure.on_error(&e),
        Some(BUILD_LIMIT),
    )?;
    Ok((stream, callback))
}

impl CardRing for SpeakerRing {
    const DIRECTION: AudioDirection = AudioDirection::Out;

    fn build(self, device: &Device, request: StreamRequest, fail: &Arc<FailOnce>) -> Result<BuiltStream, cpal::Error> {
        with_sample_type!(request.sample_format, output(self, device, request.config, fail))
    }
}

fn output<T: SizedSample + FromSample<f32>>(
    mut ring: SpeakerRing,
    device: &Device,
    config: StreamConfig,
    failure: &Arc<FailOnce>,
) -> Result<BuiltStream, cpal::Error> {
    let (held, callback) = sync_channel::<()>(0);
    let failure = failure.clone();
    let stream = device.build_output_stream::<T, _, _>(
        config,
        move |samples, _| {
            let _ = &held;
            ring.read(samples.iter_mut(), |s| T::from_sample(s.clamp(-1.0, 1.0)));
        },
        move |e| failure.on_error(&e),
        Some(BUILD_LIMIT),
    )?;
    Ok((stream, callback))
}

/// A stream that runs.
pub(super) struct RunningStream {
    stream: Stream,
    format: PcmFormat,
    /// Disconnects when the system drops the stream's callback.
    callback: Receiver<()>,
    #[cfg(target_os = "linux")]
    host: Arc<cpal::Host>,
    #[cfg(target_os = "linux")]
    direction: AudioDirection,
}

impl RunningStream {
    /// Builds a stream with the shortest period that the card accepts and starts it. Also returns the call's end of its
    /// ring.
    pub(super) fn start<R: CardRing>(
        card: &Card,
        stop: &Stop,
        lost: &LostSamples,
        failure: &Arc<FailOnce>,
    ) -> Result<(Self, R::CallEnd), DeviceError> {
        let mut refused = DeviceError::Other("it has no format that can be used".into());
        for request in card.stream_requests()? {
            let StreamRequest { config, sample_format } = request;
            let format = PcmFormat { rate: config.sample_rate, channels: config.channels };
            let (ring, call_end) = R::new(format, lost);
            match ring.build(&card.device, request, failure) {
                Ok((stream, callback)) => {
                    let stream = play(stream, card, stop)?;
                    tracing::debug!(device = card.label, ?config, ?sample_format, "stream opened");
                    let running = Self {
                        stream,
                        format,
                        callback,
                        #[cfg(target_os = "linux")]
                        host: card.host.clone(),
                        #[cfg(target_os = "linux")]
                        direction: card.direction,
                    };
                    return Ok((running, call_end));
                }
                Err(e) if matches!(e.kind(), ErrorKind::UnsupportedConfig | ErrorKind::InvalidInput) => {
                    refused = device_error(&e);
                }
                Err(e) => return Err(device_error(&e)),
            }
        }
        Err(refused)
    }

    pub(super) const fn format(&self) -> PcmFormat {
        self.format
    }

    /// Closes the stream and waits until the sound server has deleted it or, without a server that would confirm it,
    /// until the system has dropped its callback; at most until `deadline`.
    pub(super) fn close(self, deadline: Option<Instant>) -> Closed {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + CLOSE_LIMIT);
        #[cfg(target_os = "linux")]
        if is_pulse(&self.host) {
            use super::pulse_stream::{ClosedBy, close};
            use cpal::traits::HostTrait;
            match close(self.stream, self.direction, deadline) {
                ClosedBy::Server => forget_host(&self.host, self.direction),
                // cpal does not wait for the server. The server handles a client's commands in order: its answer to a
                // question confirms that the stream is deleted.
                ClosedBy::Client => drop(self.host.devices()),
            }
            return Closed::confirmed();
        }
        // On macOS a dropped stream was once seen to go on; a paused one stops.
        if let Err(error) = self.stream.pause() {
            tracing::debug!(%error, "a stream was not paused");
        }
        drop(self.stream);
        match self.callback.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Err(RecvTimeoutError::Timeout) => Closed {
                state: StepState::Unconfirmed,
                detail: "the sound system did not confirm that the stream is closed".into(),
            },
            _ => Closed::confirmed(),
        }
    }
}

/// Starts a stream.
#[cfg_attr(not(target_os = "linux"), allow(unused_variables))]
fn play(stream: Stream, card: &Card, stop: &Stop) -> Result<Stream, DeviceError> {
    #[cfg(target_os = "linux")]
    if card.direction == AudioDirection::In && is_pulse(&card.host) {
        let started = super::pulse_stream::start(stream, stop);
        if started.is_err() {
            forget_host(&card.host, card.direction);
        }
        return started;
    }
    stream.play().map_err(|e| device_error(&e))?;
    Ok(stream)
}
