//! Sound devices without hardware: the test tone, the test voice, and a speaker that nobody hears.

use crate::base::PcmFormat;
use crate::devices::audio::microphone::{MicrophoneRing, OpenedMicrophone};
use crate::devices::audio::speaker::{OpenedSpeaker, SpeakerRing};
use crate::devices::thread::{Closed, Opened, Stop};
use crate::devices::ticker::Ticker;
use crate::testcard::{SAMPLE_RATE, TestTone, TestVoice};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The format of all synthetic sound but that of files.
pub(super) const FORMAT: PcmFormat = PcmFormat { rate: SAMPLE_RATE, channels: 1 };

/// Samples of [`FORMAT`] that are made at a time.
const PIECE: usize = SAMPLE_RATE as usize / PIECES_A_SECOND as usize;

/// How often a synthetic sound device works.
pub(super) const PIECES_A_SECOND: u32 = 100;

/// Real time for pieces.
pub(super) fn ticker() -> Ticker {
    Ticker::new(Duration::from_secs(1) / PIECES_A_SECOND)
}

/// A microphone that hears a sine of `hz`.
pub(super) fn tone(hz: u32, dropped: &Arc<AtomicU64>, stop: &Stop, opened: Opened<OpenedMicrophone>) -> Closed {
    let mut tone = TestTone::new(f64::from(hz), TestTone::DBFS);
    let label = format!("Test tone, {hz} Hz");
    generate(label, |piece| tone.fill(piece), dropped, stop, opened)
}

/// A microphone that hears somebody who seems to speak.
pub(super) fn voice(speaker: u32, dropped: &Arc<AtomicU64>, stop: &Stop, opened: Opened<OpenedMicrophone>) -> Closed {
    let mut voice = TestVoice::new(speaker, TestTone::DBFS);
    generate("Test voice".into(), |piece| voice.fill(piece), dropped, stop, opened)
}

fn generate(
    label: String,
    mut fill: impl FnMut(&mut [f32]),
    dropped: &Arc<AtomicU64>,
    stop: &Stop,
    opened: Opened<OpenedMicrophone>,
) -> Closed {
    let (mut ring, samples) = MicrophoneRing::new(FORMAT, dropped);
    opened.tell(Ok(OpenedMicrophone { label, format: FORMAT, samples }));
    let mut ticker = ticker();
    let mut piece = [0.0; PIECE];
    while ticker.tick(stop) {
        fill(&mut piece);
        ring.put(piece.iter().copied());
    }
    Closed::confirmed()
}

/// A speaker that takes sound in real time and throws it away.
pub(super) fn null_sink(missed: &Arc<AtomicU64>, stop: &Stop, opened: Opened<OpenedSpeaker>) -> Closed {
    let (mut ring, samples) = SpeakerRing::new(FORMAT, missed);
    opened.tell(Ok(OpenedSpeaker { label: "No speaker".into(), format: FORMAT, samples }));
    let mut ticker = ticker();
    let mut piece = [0.0f32; PIECE];
    while ticker.tick(stop) {
        ring.take(piece.iter_mut(), |s| s);
    }
    Closed::nothing()
}
