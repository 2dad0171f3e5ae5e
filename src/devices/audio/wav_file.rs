//! A speaker that records a WAV file.

use super::ring::{OpenRequest, SpeakerRing};
use super::synthetic::{BLOCKS_PER_SECOND, FORMAT, ticker};
use crate::base::StepState;
use crate::devices::DeviceError;
use crate::devices::thread::Closed;
use hound::{SampleFormat, WavSpec, WavWriter};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

fn bad_file(path: &Path, error: hound::Error) -> DeviceError {
    match error {
        hound::Error::IoError(e) => DeviceError::of_file(path, &e),
        e => DeviceError::Other(format!("{}: {e}", path.display())),
    }
}

/// The name that people see.
pub(super) fn label(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
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
