//! Finds a sound card and chooses the stream format that it is opened with.

use super::host::{AudioDirection, device_error, forget_host, has_cards, host, is_alsa};
use crate::devices::DeviceError;
use cpal::traits::{DeviceTrait, HostTrait};
use cpal::{BufferSize, Device, Host, SampleFormat, StreamConfig, SupportedBufferSize, SupportedStreamConfigRange};

/// The sample rate that is preferred, in Hz: that of all audio inside a call.
const RATE: u32 = 48_000;

/// Frames per callback in the order in which they are tried: 10 ms, 20 ms. The systems' own choice can be ten times that.
const PERIODS: [u32; 2] = [480, 960];

/// The same for PulseAudio, whose callbacks run on an ordinary thread and whose streams hold two periods: 20 ms, 40 ms.
const PULSE_PERIODS: [u32; 2] = [960, 1920];

/// The most channels that a microphone is recorded with.
const MOST_CHANNELS: u16 = 8;

/// A microphone or speaker that was found.
pub(super) struct Card {
    #[cfg(target_os = "linux")]
    pub(super) host: std::sync::Arc<Host>,
    pub(super) device: Device,
    pub(super) direction: AudioDirection,
    /// The name that people see.
    pub(super) label: String,
    periods: [u32; 2],
}

/// The format and buffer size that a stream is requested with.
#[derive(Clone, Copy)]
pub(super) struct StreamRequest {
    pub(super) config: StreamConfig,
    pub(super) sample_format: SampleFormat,
}

impl Card {
    /// Finds the card `id`, or the default one.
    pub(super) fn find(id: Option<&str>, direction: AudioDirection) -> Result<Self, DeviceError> {
        let mut server = host(direction);
        let device = match look_up(&server, id, direction) {
            Some(device) => device,
            None => {
                // The sound server may have been restarted since the connection was made.
                forget_host(&server, direction);
                server = host(direction);
                look_up(&server, id, direction).ok_or_else(|| not_found(id, direction))?
            }
        };
        let pulse = device.id().is_ok_and(|id| id.to_string().starts_with("pulseaudio:"));
        Ok(Self {
            #[cfg(target_os = "linux")]
            host: server,
            label: label(&device),
            device,
            direction,
            periods: if pulse { PULSE_PERIODS } else { PERIODS },
        })
    }

    /// The format that needs the least conversion, with each buffer size to try, the shortest first.
    pub(super) fn stream_requests(&self) -> Result<Vec<StreamRequest>, DeviceError> {
        let channels = match self.direction {
            AudioDirection::In => self.own_channels(),
            AudioDirection::Out => 2,
        };
        let ranges = supported(&self.device, self.direction);
        let best = ranges.iter().filter(|r| is_known(r.sample_format())).min_by_key(|r| {
            let rate = RATE.clamp(r.min_sample_rate(), r.max_sample_rate()).abs_diff(RATE);
            let converted = r.sample_format() != SampleFormat::F32;
            // Rather too many channels than too few: those that are missing would not be heard.
            (rate, r.channels() < channels, r.channels().abs_diff(channels), converted)
        });
        let config = match best {
            Some(best) => best.with_sample_rate(RATE.clamp(best.min_sample_rate(), best.max_sample_rate())),
            None => default_config(&self.device, self.direction).map_err(|e| device_error(&e))?,
        };
        let limits = *config.buffer_size();
        let mut sizes: Vec<_> = self.periods.iter().map(|&p| scaled(p, config.sample_rate(), limits)).collect();
        sizes.push(BufferSize::Default);
        sizes.dedup();
        let sample_format = config.sample_format();
        let request =
            |buffer_size| StreamRequest { config: StreamConfig { buffer_size, ..config.config() }, sample_format };
        Ok(sizes.into_iter().map(request).collect())
    }
}

impl Card {
    /// A microphone's own number of channels. The mix of them is left to the call: a sound server's mix of a one-sided
    /// microphone is too low, and that of an opposite pair silent.
    fn own_channels(&self) -> u16 {
        let own = default_config(&self.device, self.direction).map_or(1, |c| c.channels()).min(MOST_CHANNELS);
        #[cfg(target_os = "linux")]
        if super::host::is_pulse(&self.host)
            && let Ok(id) = self.device.id()
        {
            return super::pulse_control::usable_channels(id.id(), own);
        }
        own
    }
}

/// The device `id`, or the default one. Without a sound server and hardware there is no default.
pub(super) fn look_up(host: &Host, id: Option<&str>, direction: AudioDirection) -> Option<Device> {
    match (id, direction) {
        (None, _) if is_alsa(host) && !has_cards() => None,
        // A computer without a microphone would send what it plays.
        (None, AudioDirection::In) => {
            host.default_input_device().filter(|d| d.id().is_ok_and(|id| !is_monitor(&id.to_string())))
        }
        (None, AudioDirection::Out) => host.default_output_device(),
        (Some(id), _) => {
            let id: cpal::DeviceId = id.parse().ok()?;
            host.devices().ok()?.find(|d| d.id().is_ok_and(|i| i == id) && supports(d, direction))
        }
    }
}

/// Whether a microphone is the output of a speaker, as PulseAudio offers it for each.
pub(super) fn is_monitor(id: &str) -> bool {
    id.starts_with("pulseaudio:") && id.ends_with(".monitor")
}

/// Whether a device can record or play.
pub(super) fn supports(device: &Device, direction: AudioDirection) -> bool {
    match direction {
        AudioDirection::In => device.supports_input(),
        AudioDirection::Out => device.supports_output(),
    }
}

/// The format that the system prefers for a device.
pub(super) fn default_config(
    device: &Device,
    direction: AudioDirection,
) -> Result<cpal::SupportedStreamConfig, cpal::Error> {
    match direction {
        AudioDirection::In => device.default_input_config(),
        AudioDirection::Out => device.default_output_config(),
    }
}

/// The name that people see.
pub(super) fn label(device: &Device) -> String {
    device.description().map(|d| d.name().to_owned()).unwrap_or_else(|_| device.to_string())
}

fn supported(device: &Device, direction: AudioDirection) -> Vec<SupportedStreamConfigRange> {
    match direction {
        AudioDirection::In => device.supported_input_configs().map(Iterator::collect),
        AudioDirection::Out => device.supported_output_configs().map(Iterator::collect),
    }
    .unwrap_or_default()
}

/// Whether the samples are numbers that can be converted; bits of DSD cannot.
const fn is_known(format: SampleFormat) -> bool {
    use SampleFormat as S;
    matches!(format, S::F32 | S::F64 | S::I8 | S::I16 | S::I24 | S::I32 | S::I64 | S::U8 | S::U16 | S::U24 | S::U32)
}

/// A period of `frames` at 48 kHz, converted to another rate and kept within the device's limits.
fn scaled(frames: u32, rate: u32, limits: SupportedBufferSize) -> BufferSize {
    let frames = (u64::from(frames) * u64::from(rate) / u64::from(RATE)) as u32;
    match limits {
        SupportedBufferSize::Range { min, max } if min <= max => BufferSize::Fixed(frames.clamp(min, max)),
        _ => BufferSize::Fixed(frames),
    }
}

fn not_found(id: Option<&str>, direction: AudioDirection) -> DeviceError {
    DeviceError::NotFound(match (id, direction) {
        (Some(id), _) => id.into(),
        (None, AudioDirection::In) => "this computer has no microphone".into(),
        (None, AudioDirection::Out) => "this computer has no speaker".into(),
    })
}
