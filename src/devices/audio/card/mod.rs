//! Real microphones and speakers, by cpal.
//!
//! The callbacks only move samples between the system and a ring: no lock, no allocation, no log. A stream is made,
//! paused and dropped on its owner's thread. It counts as closed when the sound server has deleted it or, without one,
//! when the system has let go of its callback: then it cannot be called again.

use crate::base::{PcmFormat, StepState};
#[cfg(target_os = "linux")]
use crate::devices::audio::card::host::is_pulse;
use crate::devices::audio::card::host::{AudioDirection, forget_host, has_cards, host, is_alsa};
use crate::devices::audio::microphone::{MicrophoneRing, OpenedMicrophone};
use crate::devices::audio::speaker::{OpenedSpeaker, SpeakerRing};
use crate::devices::thread::{Closed, Opened, Stop};
use crate::devices::{DeviceEntry, DeviceError, ProblemKind};
mod host;
#[cfg(target_os = "linux")]
mod pulse_cookie;
#[cfg(target_os = "linux")]
mod pulse_stream;
#[cfg(all(test, target_os = "linux"))]
mod tests;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, Device, ErrorKind, FromSample, Host, Sample, SampleFormat, SizedSample, Stream, StreamConfig,
    SupportedBufferSize, SupportedStreamConfigRange,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// The rate that everything beyond the devices works with.
const RATE: u32 = 48_000;

/// Frames that a callback moves, in the order in which they are tried: 10 ms, 20 ms. The systems' own choice can be
/// ten times that.
const PERIODS: [u32; 2] = [480, 960];

/// PulseAudio's callbacks run on an ordinary thread, and a stream holds two periods: 10 ms would be too short.
const PULSE_PERIODS: [u32; 2] = [960, 1920];

/// How long a sound server may take to make a stream.
const BUILD_LIMIT: Duration = Duration::from_secs(4);

/// Records from a microphone until it is told to stop.
pub(super) fn record(
    id: Option<&str>,
    dropped: &Arc<AtomicU64>,
    stop: &Stop,
    opened: Opened<OpenedMicrophone>,
    failed: impl Fn(DeviceError) + Send + Sync + 'static,
) -> Closed {
    let died = FailOnce::new(failed, stop);
    let open = || {
        let card = Card::find(id, AudioDirection::In)?;
        let (stream, samples) = card.build(stop, |wanted| {
            let (ring, samples) = MicrophoneRing::new(wanted.format(), dropped);
            Ok((card.input(wanted, ring, &died)?, samples))
        })?;
        let facts = OpenedMicrophone { label: card.label, format: stream.format, samples };
        Ok((stream, facts))
    };
    serve(open, stop, opened, &died)
}

/// Plays to a speaker until it is told to stop.
pub(super) fn play(
    id: Option<&str>,
    missed: &Arc<AtomicU64>,
    stop: &Stop,
    opened: Opened<OpenedSpeaker>,
    failed: impl Fn(DeviceError) + Send + Sync + 'static,
) -> Closed {
    let died = FailOnce::new(failed, stop);
    let open = || {
        let card = Card::find(id, AudioDirection::Out)?;
        let (stream, samples) = card.build(stop, |wanted| {
            let (ring, samples) = SpeakerRing::new(wanted.format(), missed);
            Ok((card.output(wanted, ring, &died)?, samples))
        })?;
        let facts = OpenedSpeaker { label: card.label, format: stream.format, samples };
        Ok((stream, facts))
    };
    serve(open, stop, opened, &died)
}

/// Opens, waits for the wish to close or the device's death, closes.
fn serve<T>(
    open: impl FnOnce() -> Result<(Running, T), DeviceError>,
    stop: &Stop,
    opened: Opened<T>,
    died: &Arc<FailOnce>,
) -> Closed {
    let running = match open() {
        Ok((running, facts)) => {
            opened.tell(Ok(facts));
            running
        }
        Err(e) => {
            opened.tell(Err(e));
            return Closed::confirmed();
        }
    };
    let asked = stop.wait_for(None, || died.happened.load(Ordering::SeqCst));
    let closed = running.close(stop.deadline());
    if !asked {
        stop.wait();
    }
    closed
}

/// Hears a stream's errors. The first that ends it is told; the rest follows from it.
struct FailOnce {
    happened: AtomicBool,
    failed: Box<dyn Fn(DeviceError) + Send + Sync>,
    stop: Stop,
}

impl FailOnce {
    fn new(failed: impl Fn(DeviceError) + Send + Sync + 'static, stop: &Stop) -> Arc<Self> {
        Arc::new(Self { happened: AtomicBool::new(false), failed: Box::new(failed), stop: stop.clone() })
    }

    fn hear(&self, error: &cpal::Error) {
        match error.kind() {
            ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged => {
                tracing::debug!("sound: {error}");
                return;
            }
            _ => {}
        }
        // While it closes, or after the first, an error is no news.
        if self.stop.asked() || self.happened.swap(true, Ordering::SeqCst) {
            return;
        }
        let error = match problem(error) {
            DeviceError::NotFound(message) => DeviceError::Unplugged(message),
            error => error,
        };
        (self.failed)(error);
        self.stop.nudge();
    }
}

/// A stream, and what ends when the system has dropped its callback.
type Made = (Stream, Receiver<()>);

/// A stream that runs.
struct Running {
    stream: Stream,
    format: PcmFormat,
    /// Ends when the system has dropped the stream's callback.
    callback: Receiver<()>,
    /// What the stream was opened with.
    #[cfg(target_os = "linux")]
    host: Arc<Host>,
    #[cfg(target_os = "linux")]
    direction: AudioDirection,
}

impl Running {
    /// Closes the stream and waits until the sound server lists it no longer, or, where there is none that would say so,
    /// until the system has let go of its callback, at most until `deadline` or 500 ms.
    fn close(self, deadline: Option<Instant>) -> Closed {
        let deadline = deadline.unwrap_or_else(|| Instant::now() + Duration::from_millis(500));
        #[cfg(target_os = "linux")]
        if is_pulse(&self.host) {
            use pulse_stream::{Ended, close};
            match close(self.stream, self.direction, deadline) {
                Ended::WithItsConnection => forget_host(&self.host, self.direction),
                // The server carries out what a client tells it in that order: its answer to a question says that the
                // stream is deleted. cpal does not wait for that.
                Ended::ByItself => drop(self.host.devices()),
            }
            return Closed::confirmed();
        }
        // On macOS a dropped stream once went on running; a paused one does not.
        if let Err(e) = self.stream.pause() {
            tracing::debug!("a stream was not paused: {e}");
        }
        drop(self.stream);
        match self.callback.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Closed {
                state: StepState::Unconfirmed,
                detail: "the sound system did not confirm that the stream is closed".into(),
            },
            _ => Closed::confirmed(),
        }
    }
}

/// A microphone or speaker that was found.
struct Card {
    #[cfg(target_os = "linux")]
    host: Arc<Host>,
    device: Device,
    direction: AudioDirection,
    label: String,
    periods: [u32; 2],
}

impl Card {
    fn find(id: Option<&str>, direction: AudioDirection) -> Result<Self, DeviceError> {
        let mut server = host(direction);
        let device = match Self::look(&server, id, direction) {
            Some(device) => device,
            None => {
                // The server may have been restarted since the last time.
                forget_host(&server, direction);
                server = host(direction);
                Self::look(&server, id, direction).ok_or_else(|| missing(id, direction))?
            }
        };
        let label = device.description().map(|d| d.name().to_owned()).unwrap_or_else(|_| device.to_string());
        let pulse = device.id().is_ok_and(|id| id.to_string().starts_with("pulseaudio:"));
        Ok(Self {
            #[cfg(target_os = "linux")]
            host: server,
            device,
            direction,
            label,
            periods: if pulse { PULSE_PERIODS } else { PERIODS },
        })
    }

    fn look(host: &Host, id: Option<&str>, direction: AudioDirection) -> Option<Device> {
        match (id, direction) {
            (None, _) if is_alsa(host) && !has_cards() => None,
            (None, AudioDirection::In) => host.default_input_device(),
            (None, AudioDirection::Out) => host.default_output_device(),
            (Some(id), _) => {
                let id: cpal::DeviceId = id.parse().ok()?;
                host.devices().ok()?.find(|d| d.id().is_ok_and(|i| i == id) && has(d, direction))
            }
        }
    }

    /// Makes a stream and starts it: with short periods if the device has them. Beside it comes what `make` has for our
    /// end of the ring.
    fn build<S>(
        &self,
        stop: &Stop,
        mut make: impl FnMut(Wanted) -> Result<(Made, S), cpal::Error>,
    ) -> Result<(Running, S), DeviceError> {
        let (config, sample_format, sizes) = self.choose()?;
        let mut last = None;
        for size in sizes {
            let wanted = Wanted { config: StreamConfig { buffer_size: size, ..config }, sample_format };
            match make(wanted) {
                Ok(((stream, callback), ours)) => {
                    let stream = self.start(stream, stop)?;
                    tracing::debug!(device = self.label, ?config, ?sample_format, ?size, "stream opened");
                    let running = Running {
                        stream,
                        format: wanted.format(),
                        callback,
                        #[cfg(target_os = "linux")]
                        host: self.host.clone(),
                        #[cfg(target_os = "linux")]
                        direction: self.direction,
                    };
                    return Ok((running, ours));
                }
                Err(e) if matches!(e.kind(), ErrorKind::UnsupportedConfig | ErrorKind::InvalidInput) => last = Some(e),
                Err(e) => return Err(problem(&e)),
            }
        }
        Err(last.map_or_else(|| DeviceError::Other("it has no format that can be used".into()), |e| problem(&e)))
    }

    fn start(&self, stream: Stream, stop: &Stop) -> Result<Stream, DeviceError> {
        #[cfg(target_os = "linux")]
        if self.direction == AudioDirection::In && is_pulse(&self.host) {
            let started = pulse_stream::start(stream, stop);
            if started.is_err() {
                forget_host(&self.host, self.direction);
            }
            return started;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = stop;
        stream.play().map_err(|e| problem(&e))?;
        Ok(stream)
    }

    /// The format that needs the least conversion, and the buffer sizes to try.
    fn choose(&self) -> Result<(StreamConfig, SampleFormat, Vec<BufferSize>), DeviceError> {
        let ranges = supported(&self.device, self.direction);
        let channels = if self.direction == AudioDirection::In { 1 } else { 2 };
        let best = ranges.iter().filter(|r| is_known(r.sample_format())).min_by_key(|r| {
            let rate = RATE.clamp(r.min_sample_rate(), r.max_sample_rate()).abs_diff(RATE);
            let dear = r.sample_format() != SampleFormat::F32;
            (rate, r.channels().abs_diff(channels), dear)
        });
        let (config, limits) = match best {
            Some(best) => {
                let rate = RATE.clamp(best.min_sample_rate(), best.max_sample_rate());
                (best.with_sample_rate(rate), *best.buffer_size())
            }
            None => {
                let default = match self.direction {
                    AudioDirection::In => self.device.default_input_config(),
                    AudioDirection::Out => self.device.default_output_config(),
                };
                let default = default.map_err(|e| problem(&e))?;
                let limits = *default.buffer_size();
                (default, limits)
            }
        };
        let mut sizes: Vec<_> = self.periods.iter().map(|&p| scaled(p, config.sample_rate(), limits)).collect();
        sizes.push(BufferSize::Default);
        sizes.dedup();
        Ok((config.config(), config.sample_format(), sizes))
    }

    fn input(&self, wanted: Wanted, ring: MicrophoneRing, died: &Arc<FailOnce>) -> Result<Made, cpal::Error> {
        match wanted.sample_format {
            SampleFormat::I16 => self.input_of::<i16>(wanted.config, ring, died),
            SampleFormat::U16 => self.input_of::<u16>(wanted.config, ring, died),
            SampleFormat::I32 => self.input_of::<i32>(wanted.config, ring, died),
            SampleFormat::U8 => self.input_of::<u8>(wanted.config, ring, died),
            _ => self.input_of::<f32>(wanted.config, ring, died),
        }
    }

    fn input_of<T: SizedSample>(
        &self,
        config: StreamConfig,
        mut ring: MicrophoneRing,
        died: &Arc<FailOnce>,
    ) -> Result<Made, cpal::Error>
    where
        f32: FromSample<T>,
    {
        let (held, callback) = held();
        let died = died.clone();
        let stream = self.device.build_input_stream::<T, _, _>(
            config,
            move |samples, _| {
                let _ = &held;
                ring.put(samples.iter().map(|s| f32::from_sample(*s)));
            },
            move |e| died.hear(&e),
            Some(BUILD_LIMIT),
        )?;
        Ok((stream, callback))
    }

    fn output(&self, wanted: Wanted, ring: SpeakerRing, died: &Arc<FailOnce>) -> Result<Made, cpal::Error> {
        match wanted.sample_format {
            SampleFormat::I16 => self.output_of::<i16>(wanted.config, ring, died),
            SampleFormat::U16 => self.output_of::<u16>(wanted.config, ring, died),
            SampleFormat::I32 => self.output_of::<i32>(wanted.config, ring, died),
            SampleFormat::U8 => self.output_of::<u8>(wanted.config, ring, died),
            _ => self.output_of::<f32>(wanted.config, ring, died),
        }
    }

    fn output_of<T: SizedSample + FromSample<f32>>(
        &self,
        config: StreamConfig,
        mut ring: SpeakerRing,
        died: &Arc<FailOnce>,
    ) -> Result<Made, cpal::Error> {
        let (held, callback) = held();
        let died = died.clone();
        let stream = self.device.build_output_stream::<T, _, _>(
            config,
            move |samples, _| {
                let _ = &held;
                ring.take(samples.iter_mut(), |s| T::from_sample(s.clamp(-1.0, 1.0)));
            },
            move |e| died.hear(&e),
            Some(BUILD_LIMIT),
        )?;
        Ok((stream, callback))
    }
}

/// What a stream is asked for.
#[derive(Clone, Copy)]
struct Wanted {
    config: StreamConfig,
    sample_format: SampleFormat,
}

impl Wanted {
    const fn format(&self) -> PcmFormat {
        PcmFormat { rate: self.config.sample_rate, channels: self.config.channels }
    }
}

/// One end for a callback to hold, and one that ends when the callback is dropped.
fn held() -> (SyncSender<()>, Receiver<()>) {
    sync_channel(0)
}

const fn is_known(format: SampleFormat) -> bool {
    matches!(format, SampleFormat::F32 | SampleFormat::I16 | SampleFormat::U16 | SampleFormat::I32 | SampleFormat::U8)
}

/// A period of `frames` at 48 kHz, for another rate and within the device's limits.
fn scaled(frames: u32, rate: u32, limits: SupportedBufferSize) -> BufferSize {
    let frames = (u64::from(frames) * u64::from(rate) / u64::from(RATE)) as u32;
    match limits {
        SupportedBufferSize::Range { min, max } if min <= max => BufferSize::Fixed(frames.clamp(min, max)),
        _ => BufferSize::Fixed(frames),
    }
}

fn supported(device: &Device, direction: AudioDirection) -> Vec<SupportedStreamConfigRange> {
    match direction {
        AudioDirection::In => device.supported_input_configs().map(Iterator::collect),
        AudioDirection::Out => device.supported_output_configs().map(Iterator::collect),
    }
    .unwrap_or_default()
}

fn has(device: &Device, direction: AudioDirection) -> bool {
    match direction {
        AudioDirection::In => device.supports_input(),
        AudioDirection::Out => device.supports_output(),
    }
}

fn missing(id: Option<&str>, direction: AudioDirection) -> DeviceError {
    DeviceError::NotFound(match (id, direction) {
        (Some(id), _) => id.into(),
        (None, AudioDirection::In) => "this computer has no microphone".into(),
        (None, AudioDirection::Out) => "this computer has no speaker".into(),
    })
}

pub(super) fn problem(error: &cpal::Error) -> DeviceError {
    let kind = match error.kind() {
        ErrorKind::DeviceBusy => ProblemKind::Busy,
        ErrorKind::PermissionDenied => ProblemKind::Forbidden,
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable | ErrorKind::StreamInvalidated => {
            ProblemKind::NotFound
        }
        _ => ProblemKind::Other,
    };
    DeviceError::new(kind, error.to_string())
}

/// Microphones and speakers of this computer. Blocks as long as the sound server does.
pub(in crate::devices) fn list() -> (Vec<DeviceEntry>, Vec<DeviceEntry>) {
    let first = host(AudioDirection::Out);
    let devices = first.devices().or_else(|_| {
        forget_host(&first, AudioDirection::Out);
        host(AudioDirection::Out).devices()
    });
    let devices: Vec<Device> = devices.map(Iterator::collect).unwrap_or_default();
    let host = host(AudioDirection::Out);
    let of = |direction| {
        let default = Card::look(&host, None, direction).and_then(|d| d.id().ok());
        let meant = devices.iter().filter(|d| is_meant(d, direction) && has(d, direction));
        let mut entries: Vec<_> = meant.filter_map(|d| entry(d, direction, default.as_ref())).collect();
        // ALSA's cards come by name and then again by number.
        let mut seen = std::collections::HashSet::new();
        entries.retain(|e| !e.id.starts_with(ALSA_NAMES) || seen.insert(e.label.clone()));
        entries
    };
    (of(AudioDirection::In), of(AudioDirection::Out))
}

/// ALSA names each device many times over, once for each of its plugins; this name converts whatever is missing.
const ALSA_NAMES: &str = "alsa:plughw:";

/// Whether a device is one that people mean. Asks the device nothing.
fn is_meant(device: &Device, direction: AudioDirection) -> bool {
    let Ok(id) = device.id() else { return false };
    let id = id.to_string();
    // PulseAudio offers what each speaker plays as a microphone.
    let echo = direction == AudioDirection::In && id.starts_with("pulseaudio:") && id.ends_with(".monitor");
    !echo && (!id.starts_with("alsa:") || id.starts_with(ALSA_NAMES))
}

fn entry(device: &Device, direction: AudioDirection, default: Option<&cpal::DeviceId>) -> Option<DeviceEntry> {
    let id = device.id().ok()?;
    let config = match direction {
        AudioDirection::In => device.default_input_config(),
        AudioDirection::Out => device.default_output_config(),
    };
    let format = config.ok().map(|c| match c.channels() {
        1 => format!("{} Hz, 1 channel", c.sample_rate()),
        n => format!("{} Hz, {n} channels", c.sample_rate()),
    });
    Some(DeviceEntry {
        default: default == Some(&id),
        id: id.to_string(),
        label: device.description().map(|d| d.name().to_owned()).unwrap_or_else(|_| device.to_string()),
        synthetic: false,
        formats: format.into_iter().collect(),
    })
}
