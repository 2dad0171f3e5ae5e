//! Audio devices without hardware: the test tone, the test voice, and a speaker that discards its audio.

use super::ring::{MicrophoneRing, OpenRequest, SpeakerRing};
use crate::base::PcmFormat;
use crate::devices::thread::Closed;
use crate::devices::ticker::Ticker;
use crate::testcard::{SAMPLE_RATE, TestTone, TestVoice};
use std::time::Duration;

/// The format of all synthetic audio except that of WAV files.
pub(super) const FORMAT: PcmFormat = PcmFormat { rate: SAMPLE_RATE, channels: 1 };

/// Blocks of audio per second.
pub(super) const BLOCKS_PER_SECOND: u32 = 100;

/// Samples of [`FORMAT`] in a block.
const BLOCK: usize = SAMPLE_RATE as usize / BLOCKS_PER_SECOND as usize;

/// A tick for each block.
pub(super) fn ticker() -> Ticker {
    Ticker::new(Duration::from_secs(1) / BLOCKS_PER_SECOND)
}

/// A microphone with a sine of `hz`.
pub(super) fn test_tone(hz: u32, request: OpenRequest<'_, MicrophoneRing>) -> Closed {
    let mut tone = TestTone::new(f64::from(hz), TestTone::DBFS);
    generate(format!("Test tone, {hz} Hz"), |block| tone.fill(block), request)
}

/// A microphone with the synthetic speech of voice number `voice`.
pub(super) fn test_voice(voice: u32, request: OpenRequest<'_, MicrophoneRing>) -> Closed {
    let mut voice = TestVoice::new(voice, TestTone::DBFS);
    generate("Test voice".into(), |block| voice.fill(block), request)
}

fn generate(label: String, mut fill: impl FnMut(&mut [f32]), request: OpenRequest<'_, MicrophoneRing>) -> Closed {
    let (mut ring, stop, _) = request.accept(label, FORMAT);
    let mut ticker = ticker();
    let mut block = [0.0; BLOCK];
    while ticker.tick(stop) {
        fill(&mut block);
        ring.write(block.iter().copied());
    }
    Closed::confirmed()
}

/// A speaker that takes audio in real time and discards it.
pub(super) fn null_sink(request: OpenRequest<'_, SpeakerRing>) -> Closed {
    let (mut ring, stop, _) = request.accept("No speaker".into(), FORMAT);
    let mut ticker = ticker();
    let mut block = [0.0f32; BLOCK];
    while ticker.tick(stop) {
        ring.read(block.iter_mut(), |s| s);
    }
    Closed::nothing()
}
