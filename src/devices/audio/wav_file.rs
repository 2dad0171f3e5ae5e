//! WAV files as sound devices: a microphone that hears one, a speaker that records one.

use crate::base::{PcmFormat, StepState};
use crate::devices::DeviceError;
use crate::devices::audio::microphone::{MicrophoneRing, OpenedMicrophone};
use crate::devices::audio::speaker::{OpenedSpeaker, SpeakerRing};
use crate::devices::audio::synthetic::{FORMAT, PIECES_A_SECOND, ticker};
use crate::devices::thread::{Closed, Opened, Stop};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

fn bad_file(path: &Path, error: hound::Error) -> DeviceError {
    match error {
        hound::Error::IoError(e) => DeviceError::of_file(path, &e),
        e => DeviceError::Other(format!("{}: {e}", path.display())),
    }
}

fn label(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A microphone that hears the file again and again.
pub(super) fn play(
    path: &Path,
    dropped: &Arc<AtomicU64>,
    stop: &Stop,
    opened: Opened<OpenedMicrophone>,
    failed: impl Fn(DeviceError),
) -> Closed {
    let mut loop_ = match Loop::open(path) {
        Ok(loop_) => loop_,
        Err(e) => {
            opened.tell(Err(e));
            return Closed::confirmed();
        }
    };
    let format = loop_.format();
    let (mut ring, samples) = MicrophoneRing::new(format, dropped);
    opened.tell(Ok(OpenedMicrophone { label: label(path), format, samples }));
    let mut ticker = ticker();
    let mut piece = Vec::new();
    let mut ticks = 0u64;
    while ticker.tick(stop) {
        // Rates that are no multiple of 100 give pieces of unequal length.
        let until = |tick: u64| (tick * u64::from(format.rate) / u64::from(PIECES_A_SECOND)) as usize;
        let frames = until(ticks + 1) - until(ticks);
        ticks += 1;
        piece.clear();
        if let Err(e) = loop_.read(&mut piece, frames * usize::from(format.channels)) {
            failed(bad_file(path, e));
            break;
        }
        ring.put(piece.iter().copied());
    }
    Closed::confirmed()
}

/// A WAV file that begins again after its end.
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

    /// Adds `wanted` samples to `piece`.
    fn read(&mut self, piece: &mut Vec<f32>, wanted: usize) -> Result<(), hound::Error> {
        let full_scale = 2f32.powi(i32::from(self.spec.bits_per_sample) - 1);
        let mut rewound = false;
        while piece.len() < wanted {
            let before = piece.len();
            match self.spec.sample_format {
                SampleFormat::Float => {
                    for sample in self.reader.samples::<f32>().take(wanted - before) {
                        piece.push(sample?.clamp(-1.0, 1.0));
                    }
                }
                SampleFormat::Int => {
                    for sample in self.reader.samples::<i32>().take(wanted - before) {
                        piece.push(sample? as f32 / full_scale);
                    }
                }
            }
            if piece.len() < wanted {
                if rewound && piece.len() == before {
                    return Err(hound::Error::FormatError("it holds no sound"));
                }
                self.reader.seek(0)?;
                rewound = true;
            }
        }
        Ok(())
    }
}

/// A speaker that records what is played in real time, silence included, as 16 bit.
pub(super) fn record(
    path: &Path,
    missed: &Arc<AtomicU64>,
    stop: &Stop,
    opened: Opened<OpenedSpeaker>,
    failed: impl Fn(DeviceError),
) -> Closed {
    let spec = WavSpec {
        channels: FORMAT.channels,
        sample_rate: FORMAT.rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = match WavWriter::create(path, spec) {
        Ok(writer) => writer,
        Err(e) => {
            opened.tell(Err(bad_file(path, e)));
            return Closed::confirmed();
        }
    };
    let (mut ring, samples) = SpeakerRing::new(FORMAT, missed);
    opened.tell(Ok(OpenedSpeaker { label: label(path), format: FORMAT, samples }));
    let mut ticker = ticker();
    let mut piece = vec![0i16; (FORMAT.rate / PIECES_A_SECOND) as usize];
    let mut ticks = 0u32;
    while ticker.tick(stop) {
        ring.take(piece.iter_mut(), |s| (s.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16);
        ticks = ticks.wrapping_add(1);
        // Once a second the file is made whole, so that it can be read when the program is killed.
        if let Err(e) = write(&mut writer, &piece, ticks.is_multiple_of(PIECES_A_SECOND)) {
            failed(bad_file(path, e));
            break;
        }
    }
    match writer.finalize() {
        Ok(()) => Closed::confirmed(),
        Err(e) => Closed { state: StepState::Failed, detail: bad_file(path, e).to_string() },
    }
}

fn write(writer: &mut WavWriter<BufWriter<File>>, piece: &[i16], flush: bool) -> Result<(), hound::Error> {
    for sample in piece {
        writer.write_sample(*sample)?;
    }
    if flush { writer.flush() } else { Ok(()) }
}
