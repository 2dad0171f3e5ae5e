//! A sound file as a microphone, which plays it in a loop.

use super::ring::{MicrophoneRing, OpenRequest};
use super::synthetic::{BLOCKS_PER_SECOND, ticker};
use super::wav_file::label;
use super::wav_header::PatchedFile;
use crate::base::PcmFormat;
use crate::devices::DeviceError;
use crate::devices::choice::SOUND_FILE_KINDS;
use crate::devices::thread::Closed;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

/// Parts in a row that may be damaged.
const MAX_DAMAGED: u32 = 1000;

/// A microphone that plays the file in a loop.
pub(super) fn play_in_loop(path: &Path, request: OpenRequest<'_, MicrophoneRing>) -> Closed {
    let mut looped = match Loop::open(path) {
        Ok(looped) => looped,
        Err(e) => return request.refuse(e),
    };
    let format = looped.format;
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
            on_failure(e);
            break;
        }
        ring.write(block.iter().copied());
    }
    Closed::confirmed()
}

/// A sound file that starts again after its end.
struct Loop {
    path: PathBuf,
    format: PcmFormat,
    reading: Reading,
    /// Decoded samples, of which those before `used` are played.
    decoded: Vec<f32>,
    used: usize,
}

impl Loop {
    fn open(path: &Path) -> Result<Self, DeviceError> {
        let mut reading = Reading::start(path)?;
        let mut decoded = Vec::new();
        let Some(format) = reading.decode(&mut decoded).map_err(|e| unreadable(path, &e))? else {
            return Err(refused(path, "it holds no sound"));
        };
        if !(8000..=192_000).contains(&format.rate) || !(1..=8).contains(&format.channels) {
            return Err(refused(path, "only 8 to 192 kHz and at most 8 channels can be played"));
        }
        Ok(Self { path: path.into(), format, reading, decoded, used: 0 })
    }

    /// Appends samples to `block` until it has `wanted`.
    fn read(&mut self, block: &mut Vec<f32>, wanted: usize) -> Result<(), DeviceError> {
        let mut rewound = false;
        while block.len() < wanted {
            if self.used == self.decoded.len() {
                self.used = 0;
                self.decoded.clear();
                match self.reading.decode(&mut self.decoded).map_err(|e| unreadable(&self.path, &e))? {
                    Some(format) if format == self.format => rewound = false,
                    Some(_) => return Err(refused(&self.path, "its format changes")),
                    None if rewound => return Err(refused(&self.path, "it holds no sound")),
                    None => {
                        self.reading = Reading::start(&self.path)?;
                        rewound = true;
                    }
                }
            }
            let missing = wanted - block.len();
            let end = self.decoded.len().min(self.used + missing);
            block.extend(self.decoded[self.used..end].iter().map(|s| s.clamp(-1.0, 1.0)));
            self.used = end;
        }
        Ok(())
    }
}

/// A file that is read from its beginning to its end.
struct Reading {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
}

impl Reading {
    fn start(path: &Path) -> Result<Self, DeviceError> {
        let file = File::open(path).map_err(|e| DeviceError::of_file(path, &e))?;
        let file = PatchedFile::new(file).map_err(|e| DeviceError::of_file(path, &e))?;
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|e| e.to_str()) {
            hint.with_extension(extension);
        }
        let stream = MediaSourceStream::new(Box::new(file), Default::default());
        let (options, tags) = (FormatOptions::default(), MetadataOptions::default());
        let format =
            symphonia::default::get_probe().probe(&hint, stream, options, tags).map_err(|e| unreadable(path, &e))?;
        let track = format.default_track(TrackType::Audio).ok_or_else(|| refused(path, "it holds no sound"))?;
        let parameters = track.codec_params.as_ref().and_then(|p| p.audio());
        let parameters = parameters.ok_or_else(|| refused(path, "it holds no sound"))?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|e| unreadable(path, &e))?;
        let track = track.id;
        Ok(Self { format, decoder, track })
    }

    /// Decodes the next part of the file into `samples`; `None` at the end. A file that was cut short ends where it was
    /// cut; what is damaged in between is left out.
    fn decode(&mut self, samples: &mut Vec<f32>) -> Result<Option<PcmFormat>, Error> {
        for _ in 0..MAX_DAMAGED {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(None),
                Err(Error::IoError(e)) if e.kind() == ErrorKind::UnexpectedEof => return Ok(None),
                // Another recording follows in the same file.
                Err(Error::ResetRequired) => return Ok(None),
                Err(e) => return Err(e),
            };
            if packet.track_id != self.track {
                continue;
            }
            match self.decoder.decode(&packet) {
                Ok(buffer) if buffer.frames() > 0 => {
                    let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
                    buffer.copy_to_vec_interleaved(samples);
                    return Ok(Some(PcmFormat { rate, channels: channels as u16 }));
                }
                Ok(_) | Err(Error::DecodeError(_) | Error::IoError(_)) => {}
                Err(e) => return Err(e),
            }
        }
        Err(Error::DecodeError("too much of it is damaged"))
    }
}

fn refused(path: &Path, why: &str) -> DeviceError {
    DeviceError::Other(format!("{}: {why}", path.display()))
}

fn unreadable(path: &Path, error: &Error) -> DeviceError {
    match error {
        Error::IoError(e) if e.kind() != ErrorKind::UnexpectedEof => DeviceError::of_file(path, e),
        e => refused(path, &format!("it cannot be read ({e}); {SOUND_FILE_KINDS} can be played")),
    }
}

impl MediaSource for PatchedFile<File> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{TestTone, ToneMeter, ToneReading};
    use std::fs;

    /// A WAV file: the fields of its format chunk, further chunks before the samples, the sizes of RIFF and data chunk
    /// (`None`: true ones), and the samples.
    struct Wav {
        tag: u16,
        channels: u16,
        rate: u32,
        bytes: u16,
        bits: u16,
        /// For the extensible format: valid bits and the code of the subformat.
        extension: Option<(u16, u16)>,
        before: Vec<u8>,
        sizes: Option<u32>,
        data: Vec<u8>,
    }

    impl Wav {
        fn pcm(bytes: u16, channels: u16, data: Vec<u8>) -> Self {
            let bits = bytes * 8;
            Self { tag: 1, channels, rate: 48_000, bytes, bits, extension: None, before: vec![], sizes: None, data }
        }

        fn written(&self) -> Vec<u8> {
            let mut format = Vec::new();
            let align = self.bytes * self.channels;
            for field in [self.tag, self.channels] {
                format.extend(field.to_le_bytes());
            }
            format.extend(self.rate.to_le_bytes());
            format.extend((self.rate * u32::from(align)).to_le_bytes());
            for field in [align, self.bits] {
                format.extend(field.to_le_bytes());
            }
            if let Some((valid, code)) = self.extension {
                format.extend(22u16.to_le_bytes());
                format.extend(valid.to_le_bytes());
                format.extend(((1u32 << self.channels) - 1).to_le_bytes());
                format.extend(code.to_le_bytes());
                format.extend([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71]);
            }
            let mut file = b"RIFF____WAVEfmt ".to_vec();
            file.extend((format.len() as u32).to_le_bytes());
            file.extend(format);
            file.extend(&self.before);
            file.extend(b"data");
            file.extend(self.sizes.unwrap_or(self.data.len() as u32).to_le_bytes());
            file.extend(&self.data);
            let size = self.sizes.unwrap_or(file.len() as u32 - 8);
            file[4..8].copy_from_slice(&size.to_le_bytes());
            file
        }
    }

    /// Half a second of the test tone, each sample encoded by `encode`.
    fn tone<const N: usize>(channels: usize, encode: impl Fn(f64) -> [u8; N]) -> Vec<u8> {
        let mut samples = vec![0.0; 24_000];
        TestTone::new(480.0, -20.0).fill(&mut samples);
        samples.iter().flat_map(|s| std::iter::repeat_n(encode(f64::from(*s)), channels)).flatten().collect()
    }

    fn i16s(channels: usize) -> Vec<u8> {
        tone(channels, |s| ((s * 32768.0) as i16).to_le_bytes())
    }

    fn open(name: &str, bytes: &[u8]) -> (tempfile::TempDir, Result<Loop, DeviceError>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        let opened = Loop::open(&path);
        (folder, opened)
    }

    /// What is heard of its first channel in 2 s: of the file, again and again.
    fn heard(name: &str, bytes: &[u8]) -> (PcmFormat, ToneReading) {
        let (_folder, opened) = open(name, bytes);
        let mut file = opened.unwrap_or_else(|e| panic!("{name}: {e}"));
        let (mut meter, channels) = (ToneMeter::searching(), usize::from(file.format.channels));
        for _ in 0..200 {
            let mut block = Vec::new();
            file.read(&mut block, 480 * channels).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(block.len(), 480 * channels);
            meter.push(&block.iter().copied().step_by(channels).collect::<Vec<_>>());
        }
        (file.format, meter.reading())
    }

    fn is_tone(name: &str, wav: &Wav) {
        let (format, heard) = heard(name, &wav.written());
        assert_eq!((format.rate, format.channels), (wav.rate, wav.channels), "{name}");
        assert!((heard.hz - 480.0).abs() < 1.0 && (heard.dbfs + 20.0).abs() < 0.3, "{name}: {heard:?}");
        assert!(heard.gaps_ms < 1.0, "{name}: {heard:?}");
    }

    #[test]
    fn wav_files_of_every_sample_format_are_played() {
        let whole = |bits: i32| move |s: f64| (s * 2f64.powi(bits - 1)) as i32;
        is_tone("u8", &Wav::pcm(1, 1, tone(1, |s| [(s * 128.0 + 128.0).round() as u8])));
        is_tone("i16 stereo", &Wav::pcm(2, 2, i16s(2)));
        is_tone("i16 in 5.1", &Wav::pcm(2, 6, i16s(6)));
        is_tone(
            "i24",
            &Wav::pcm(
                3,
                1,
                tone(1, |s| {
                    let [a, b, c, _] = whole(24)(s).to_le_bytes();
                    [a, b, c]
                }),
            ),
        );
        let i32s = tone(1, |s| whole(32)(s).to_le_bytes());
        is_tone("i32", &Wav::pcm(4, 1, i32s.clone()));
        let in_32 = tone(1, |s| (whole(24)(s) << 8).to_le_bytes());
        is_tone("24 bits in 32, plain", &Wav { bits: 24, ..Wav::pcm(4, 1, in_32.clone()) });
        let extensible = |valid, wav: Wav| Wav { tag: 0xFFFE, extension: Some((valid, 1)), ..wav };
        is_tone("24 bits in 32, extensible", &extensible(24, Wav::pcm(4, 1, in_32)));
        is_tone("i16 extensible", &extensible(16, Wav::pcm(2, 2, i16s(2))));
        let f32s = tone(1, |s| (s as f32).to_le_bytes());
        is_tone("f32", &Wav { tag: 3, ..Wav::pcm(4, 1, f32s.clone()) });
        is_tone("f32 extensible", &Wav { tag: 0xFFFE, extension: Some((32, 3)), ..Wav::pcm(4, 1, f32s) });
        is_tone("f64", &Wav { tag: 3, ..Wav::pcm(8, 1, tone(1, f64::to_le_bytes)) });
    }

    #[test]
    fn wav_files_that_were_streamed_or_cut_short_are_played_to_their_end() {
        let list = |text: &[u8]| {
            let mut chunk = b"LIST".to_vec();
            chunk.extend((text.len() as u32 + 12).to_le_bytes());
            chunk.extend(b"INFOISFT");
            chunk.extend((text.len() as u32).to_le_bytes());
            chunk.extend(text);
            chunk.extend(std::iter::repeat_n(0, text.len() % 2));
            chunk
        };
        for sizes in [0, u32::MAX, u32::MAX - 8, 0x7fff_ffff] {
            is_tone(&format!("sizes {sizes:x}"), &Wav { sizes: Some(sizes), ..Wav::pcm(2, 2, i16s(2)) });
        }
        let mut cut = Wav::pcm(2, 2, i16s(2));
        cut.sizes = Some(cut.data.len() as u32 + 44);
        cut.data.truncate(cut.data.len() / 2 + 1);
        is_tone("cut within a sample", &cut);
        let before = [list(b"Lavf1"), b"fact\x04\0\0\0\x01\0\0\0".to_vec(), b"odd \x03\0\0\0abc\0".to_vec()].concat();
        is_tone("chunks before the samples", &Wav { before, ..Wav::pcm(2, 1, i16s(1)) });
        let mut after = Wav::pcm(2, 1, i16s(1)).written();
        after.extend(list(b"at the end"));
        let (_, heard) = heard("after", &after);
        assert!((heard.dbfs + 20.0).abs() < 0.3 && heard.gaps_ms < 1.0, "{heard:?}");
    }

    #[test]
    fn what_cannot_be_played_is_refused_with_a_reason() {
        let refusal = |name: &str, bytes: &[u8]| open(name, bytes).1.err().expect(name).message().to_owned();
        for (name, bytes) in
            [("empty.wav", &b""[..]), ("text.wav", b"this is no sound"), ("riff.wav", b"RIFF\0\0\0\0WAVE")]
        {
            assert!(refusal(name, bytes).contains("WAV, FLAC, MP3"), "{}", refusal(name, bytes));
        }
        assert!(refusal("silent.wav", &Wav::pcm(2, 1, vec![]).written()).contains("holds no sound"));
        let fast = Wav { rate: 384_000, ..Wav::pcm(2, 1, i16s(1)) };
        assert!(refusal("fast.wav", &fast.written()).contains("8 to 192 kHz"));
        let wide = Wav::pcm(2, 12, i16s(12));
        assert!(refusal("wide.wav", &wide.written()).contains("at most 8 channels"));
        let missing = Loop::open(Path::new("/nowhere/talk.wav")).err().expect("no file");
        assert_eq!(missing.kind(), crate::base::DeviceProblemKind::NotFound);
    }

    #[test]
    fn files_of_other_kinds_are_played() {
        macro_rules! sound {
            ($name:literal) => {
                ($name, &include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sounds/", $name))[..])
            };
        }
        // One second of 480 Hz in stereo at 48 kHz, or of 80 Hz at 8 kHz, which is the same in samples.
        let stereo = [sound!("tone.flac"), sound!("tone.mp3"), sound!("tone.ogg")].map(|file| (file, (48_000, 2)));
        let mono = [sound!("tone.aiff"), sound!("alaw.wav"), sound!("adpcm.wav")].map(|file| (file, (8_000, 1)));
        for ((name, bytes), (rate, channels)) in stereo.into_iter().chain(mono) {
            let (format, heard) = heard(name, bytes);
            assert_eq!(format, PcmFormat { rate, channels }, "{name}");
            assert!((heard.hz - 480.0).abs() < 2.0 && (heard.dbfs + 20.0).abs() < 1.0, "{name}: {heard:?}");
        }
    }
}
