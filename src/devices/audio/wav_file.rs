//! WAV files as audio devices: a microphone that plays one in a loop, a speaker that records one.

use super::ring::{MicrophoneRing, OpenRequest, SpeakerRing};
use super::synthetic::{BLOCKS_PER_SECOND, FORMAT, ticker};
use crate::base::{PcmFormat, StepState};
use crate::devices::DeviceError;
use crate::devices::thread::Closed;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

fn bad_file(path: &Path, error: hound::Error) -> DeviceError {
    match error {
        hound::Error::IoError(e) => DeviceError::of_file(path, &e),
        e => DeviceError::Other(format!("{}: {e}", path.display())),
    }
}

fn label(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A microphone that plays the file in a loop.
pub(super) fn play_in_loop(path: &Path, request: OpenRequest<'_, MicrophoneRing>) -> Closed {
    let mut looped = match Loop::open(path) {
        Ok(looped) => looped,
        Err(e) => return request.refuse(e),
    };
    let format = looped.format();
    let (mut ring, stop, on_failure) = request.accept(label(path), format);
    let mut ticker = ticker();
    let mut block = Vec::new();
    let mut ticks = 0u64;
    while ticker.tick(stop) {
        // At rates that are no multiple of 100 Hz the blocks differ in length.
        let until = |tick: u64| (tick * u64::from(format.rate) / u64::from(BLOCKS_PER_SECOND)) as usize;
        let frames = until(ticks + 1) - until(ticks);
        ticks += 1;
        block.clear();
        if let Err(e) = looped.read(&mut block, frames * usize::from(format.channels)) {
            on_failure(bad_file(path, e));
            break;
        }
        ring.write(block.iter().copied());
    }
    Closed::confirmed()
}

/// A WAV file that starts again after its end.
struct Loop {
    reader: WavReader<BufReader<File>>,
    spec: WavSpec,
}

impl Loop {
    fn open(path: &Path) -> Result<Self, DeviceError> {
        let reader = WavReader::open(path).map_err(|e| bad_file(path, e))?;
        let spec = reader.spec();
        let refuse = |why: &str| Err(DeviceError::Other(format!("{}: {why}", path.display())));
        if !(8000..=192_000).contains(&spec.sample_rate) || !(1..=8).contains(&spec.channels) {
            return refuse("only 8 to 192 kHz and at most 8 channels can be played");
        }
        if reader.duration() == 0 {
            return refuse("it holds no sound");
        }
        Ok(Self { reader, spec })
    }

    const fn format(&self) -> PcmFormat {
        PcmFormat { rate: self.spec.sample_rate, channels: self.spec.channels }
    }

    /// Appends samples to `block` until it has `wanted`.
    fn read(&mut self, block: &mut Vec<f32>, wanted: usize) -> Result<(), hound::Error> {
        let full_scale = 2f32.powi(i32::from(self.spec.bits_per_sample) - 1);
        let mut rewound = false;
        while block.len() < wanted {
            let before = block.len();
            match self.spec.sample_format {
                SampleFormat::Float => {
                    for sample in self.reader.samples::<f32>().take(wanted - before) {
                        block.push(sample?.clamp(-1.0, 1.0));
                    }
                }
                SampleFormat::Int => {
                    for sample in self.reader.samples::<i32>().take(wanted - before) {
                        block.push(sample? as f32 / full_scale);
                    }
                }
            }
            if block.len() < wanted {
                if rewound && block.len() == before {
                    return Err(hound::Error::FormatError("it holds no sound"));
                }
                self.reader.seek(0)?;
                rewound = true;
            }
        }
        Ok(())
    }
}

/// A speaker that records its audio in real time, silence included, as 16-bit samples.
pub(super) fn record(path: &Path, request: OpenRequest<'_, SpeakerRing>) -> Closed {
    let spec = WavSpec {
        channels: FORMAT.channels,
        sample_rate: FORMAT.rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = match WavWriter::create(path, spec) {
        Ok(writer) => writer,
        Err(e) => return request.refuse(bad_file(path, e)),
    };
    let (mut ring, stop, on_failure) = request.accept(label(path), FORMAT);
    let mut ticker = ticker();
    let mut block = vec![0i16; (FORMAT.rate / BLOCKS_PER_SECOND) as usize];
    let mut ticks = 0u32;
    while ticker.tick(stop) {
        ring.read(block.iter_mut(), |s| (s.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16);
        ticks = ticks.wrapping_add(1);
        // The header is updated once a second, so that the file can be read if the program is killed.
        if let Err(e) = write(&mut writer, &block, ticks.is_multiple_of(BLOCKS_PER_SECOND)) {
            on_failure(bad_file(path, e));
            break;
        }
    }
    match writer.finalize() {
        Ok(()) => Closed::confirmed(),
        Err(e) => Closed { state: StepState::Failed, detail: bad_file(path, e).to_string() },
    }
}

fn write(writer: &mut WavWriter<BufWriter<File>>, block: &[i16], flush: bool) -> Result<(), hound::Error> {
    for sample in block {
        writer.write_sample(*sample)?;
    }
    if flush { writer.flush() } else { Ok(()) }
}
