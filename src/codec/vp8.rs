//! VP8 for calls: settings for real time, and a decoder that a hostile stream cannot make allocate without bound.

use super::vpx::{EncoderSettings, RawDecoder, RawEncoder, TIMEBASE, VpxError};
use crate::base::{EncodedFrame, VideoFrame};

/// Kilobits a second that an encoder can be asked for.
const KBPS: std::ops::RangeInclusive<u32> = 30..=20_000;
/// A keyframe may take this much of a picture's share, in percent: 5 pictures' worth, so that the pacer is not held up
/// for longer than a sixth of a second at 30 pictures a second.
const KEYFRAME_PERCENT: u32 = 500;
/// The most samples of luma that a received picture may have: a shared 5K screen. A decoder takes six bytes for each.
const MAX_PIXELS: u32 = 5120 * 2880;

/// How to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vp8Config {
    /// Target in kilobits a second, 30 to 20000.
    pub(crate) kbps: u32,
    /// Threads of the encoder, 1 to 8: 1 costs least, 2 shorten the time that a 720p picture takes.
    pub(crate) threads: u32,
}

/// Why a picture was not encoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Vp8EncodeError {
    /// No encoder, no memory, or a size that VP8 cannot have.
    #[error(transparent)]
    Codec(#[from] VpxError),
}

/// Encodes the pictures of one stream. When their size changes, it starts anew with a keyframe.
pub(crate) struct Vp8Encoder {
    config: Vp8Config,
    raw: Option<RawEncoder>,
    keyframe_wanted: bool,
    last: Option<LastPicture>,
}

/// When the last picture was, in ticks that do not wrap.
#[derive(Clone, Copy)]
struct LastPicture {
    timestamp: u32,
    pts: i64,
}

impl Vp8Encoder {
    /// An encoder that is set up with the first picture.
    pub(crate) const fn new(config: Vp8Config) -> Self {
        Self { config, raw: None, keyframe_wanted: true, last: None }
    }

    /// Changes the target from the next picture on; values out of range are brought into it.
    pub(crate) fn set_kbps(&mut self, kbps: u32) -> Result<(), Vp8EncodeError> {
        let kbps = kbps.clamp(*KBPS.start(), *KBPS.end());
        if kbps == self.config.kbps {
            return Ok(());
        }
        self.config.kbps = kbps;
        if let Some(raw) = &mut self.raw {
            raw.set_kbps(kbps)?;
        }
        Ok(())
    }

    /// The target in kilobits a second.
    pub(crate) const fn kbps(&self) -> u32 {
        self.config.kbps
    }

    /// Makes the next picture that comes out a keyframe.
    pub(crate) const fn request_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// Encodes a picture that is shown at `timestamp` (90 kHz, wraps). `None`: the rate control left it out, as the target
    /// is too low for this rate of pictures.
    pub(crate) fn encode(
        &mut self,
        frame: &VideoFrame,
        timestamp: u32,
    ) -> Result<Option<EncodedFrame>, Vp8EncodeError> {
        let (pts, duration) = self.advance(timestamp);
        let keyframe = self.keyframe_wanted;
        let raw = self.raw_for(frame)?;
        let Some((data, is_keyframe)) = raw.encode(frame, pts, duration, keyframe)? else { return Ok(None) };
        self.keyframe_wanted &= !is_keyframe;
        Ok(Some(EncodedFrame { data, keyframe: is_keyframe, timestamp }))
    }

    fn raw_for(&mut self, frame: &VideoFrame) -> Result<&mut RawEncoder, VpxError> {
        let (width, height) = (frame.width(), frame.height());
        let fits = |raw: &RawEncoder| (raw.settings().width, raw.settings().height) == (width, height);
        let raw = match self.raw.take().filter(fits) {
            Some(raw) => raw,
            None => RawEncoder::new(EncoderSettings {
                width,
                height,
                kbps: self.config.kbps.clamp(*KBPS.start(), *KBPS.end()),
                threads: self.config.threads.clamp(1, 8),
                speed: speed(width, height),
                keyframe_percent: KEYFRAME_PERCENT,
            })?,
        };
        Ok(self.raw.insert(raw))
    }

    /// Presentation time and duration in ticks. Times that stand still or go back count as one tick ahead.
    fn advance(&mut self, timestamp: u32) -> (i64, u32) {
        const FRAME: u32 = TIMEBASE / 30;
        let (pts, duration) = match self.last {
            None => (0, FRAME),
            Some(last) => {
                let step = timestamp.wrapping_sub(last.timestamp) as i32;
                // After a pause the rate control must not believe that it has saved up for seconds.
                (last.pts + i64::from(step.max(1)), step.clamp(1, TIMEBASE as i32).unsigned_abs())
            }
        };
        self.last = Some(LastPicture { timestamp, pts });
        (pts, duration)
    }
}

/// libvpx's real-time speed, by how much a picture has to be hurried. Measured on 720p test pictures with noise on one
/// core: 5.4 ms at 8, 4.9 ms at 12, at little loss.
const fn speed(width: u32, height: u32) -> u32 {
    let pixels = width * height;
    if pixels <= 100_000 {
        8
    } else if pixels <= 500_000 {
        10
    } else {
        12
    }
}

/// Why a picture was not decoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Vp8DecodeError {
    /// It builds on pictures that were not received: ask for a keyframe.
    #[error("the picture needs a keyframe before it")]
    NeedsKeyframe,
    /// Shorter than VP8's header, or the header is not one.
    #[error("the data is not a VP8 picture")]
    NotVp8,
    /// Larger than anything a call shows.
    #[error("a picture of {width}x{height} is too large")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The data is damaged: ask for a keyframe.
    #[error(transparent)]
    Codec(#[from] VpxError),
}

/// Decodes the pictures of one stream.
pub(crate) struct Vp8Decoder {
    raw: RawDecoder,
    has_keyframe: bool,
}

impl Vp8Decoder {
    /// A decoder that waits for a keyframe.
    pub(crate) fn new() -> Result<Self, Vp8DecodeError> {
        Ok(Self { raw: RawDecoder::new(1)?, has_keyframe: false })
    }

    /// Whether the next picture must be a keyframe: before the first, after damaged data, and after [`Self::reset`].
    pub(crate) const fn needs_keyframe(&self) -> bool {
        !self.has_keyframe
    }

    /// Refuses everything until the next keyframe: for gaps that the receiver knows of.
    pub(crate) const fn reset(&mut self) {
        self.has_keyframe = false;
    }

    /// Decodes one whole picture. `None`: it is not for showing. `timestamp_us` is handed on with the picture.
    pub(crate) fn decode(&mut self, data: &[u8], timestamp_us: u64) -> Result<Option<VideoFrame>, Vp8DecodeError> {
        match Header::parse(data).ok_or(Vp8DecodeError::NotVp8)? {
            Header::Keyframe { width, height } if width * height > MAX_PIXELS => {
                return Err(Vp8DecodeError::TooLarge { width, height });
            }
            Header::Keyframe { .. } => self.has_keyframe = true,
            Header::Interframe if !self.has_keyframe => return Err(Vp8DecodeError::NeedsKeyframe),
            Header::Interframe => {}
        }
        self.raw.decode(data, timestamp_us).map_err(|e| {
            self.has_keyframe = false;
            e.into()
        })
    }
}

/// The uncompressed beginning of a picture (RFC 6386, section 9.1).
#[derive(Debug, PartialEq, Eq)]
enum Header {
    Keyframe { width: u32, height: u32 },
    Interframe,
}

impl Header {
    fn parse(data: &[u8]) -> Option<Self> {
        let tag = data.get(..3)?;
        if tag[0] & 1 == 1 {
            return Some(Self::Interframe);
        }
        let [0x9D, 0x01, 0x2A, w0, w1, h0, h1] = *data.get(3..10)? else { return None };
        // The two high bits are a scaling hint for the screen.
        let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
        let (width, height) = (side(w0, w1), side(h0, h1));
        (width > 0 && height > 0).then_some(Self::Keyframe { width, height })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{FramePainter, Noise, read};

    const FRAME_TICKS: u32 = TIMEBASE / 30;

    fn encoder(kbps: u32) -> Vp8Encoder {
        Vp8Encoder::new(Vp8Config { kbps, threads: 1 })
    }

    fn pictures(width: u32, height: u32) -> impl Iterator<Item = (u32, VideoFrame)> {
        let mut painter = FramePainter::new(width, height, "mina").expect("painter");
        (0..).map(move |n| (n * FRAME_TICKS, painter.paint(n, u64::from(n) * 33, 0).expect("picture")))
    }

    #[test]
    fn the_test_picture_survives_at_every_layer_and_its_usual_rate() {
        for (width, height, kbps) in [(1280, 720, 1500), (640, 360, 400), (320, 180, 120), (160, 90, 60)] {
            let (mut encoder, mut decoder) = (encoder(kbps), Vp8Decoder::new().expect("decoder"));
            let (mut sent, mut bytes) = (0, 0);
            for (timestamp, picture) in pictures(width, height).take(60) {
                let Some(encoded) = encoder.encode(&picture, timestamp).expect("encoded") else { continue };
                assert_eq!(encoded.keyframe, sent == 0, "{width}x{height}");
                (sent, bytes) = (sent + 1, bytes + encoded.data.len());
                let shown = decoder.decode(&encoded.data, 7).expect("decoded").expect("shown");
                assert_eq!((shown.width(), shown.height(), shown.timestamp_us()), (width, height, 7));
                let reading = read(&shown).expect("readable");
                assert_eq!(reading.frame, timestamp / FRAME_TICKS);
            }
            assert!(sent >= 57, "{sent} of 60 pictures at {width}x{height}");
            let actual = bytes as u32 * 8 / 2000;
            assert!(actual <= kbps * 13 / 10, "{actual} instead of {kbps} kbit/s at {width}x{height}");
        }
    }

    #[test]
    fn a_keyframe_comes_when_it_is_asked_for() {
        let (mut encoder, mut pictures) = (encoder(500), pictures(320, 180));
        let mut next = |encoder: &mut Vp8Encoder| {
            let (timestamp, picture) = pictures.next().expect("endless");
            encoder.encode(&picture, timestamp).expect("encoded").expect("sent").keyframe
        };
        assert!(next(&mut encoder));
        assert!(!next(&mut encoder));
        encoder.request_keyframe();
        assert!(next(&mut encoder));
        assert!(!next(&mut encoder));
    }

    #[test]
    fn another_size_starts_anew() {
        let mut encoder = encoder(500);
        let mut decoder = Vp8Decoder::new().expect("decoder");
        for (width, height) in [(320, 180), (640, 360), (161, 91)] {
            let (timestamp, picture) = pictures(width, height).next().expect("endless");
            let encoded = encoder.encode(&picture, timestamp).expect("encoded").expect("sent");
            assert!(encoded.keyframe);
            let shown = decoder.decode(&encoded.data, 0).expect("decoded").expect("shown");
            assert_eq!((shown.width(), shown.height()), (width, height));
        }
    }

    #[test]
    fn the_bitrate_follows_its_target() {
        let mut encoder = encoder(1200);
        let mut noise = Noise::new(1);
        let mut second = |encoder: &mut Vp8Encoder, from: u32| {
            let mut painter = FramePainter::new(640, 360, "a").expect("painter");
            let mut bytes = 0;
            for n in from..from + 45 {
                let mut picture = painter.paint(n, 0, 0).expect("picture");
                for v in &mut picture.planes_mut()[0].data {
                    *v = v.saturating_add(noise.byte() >> 3);
                }
                let sent = encoder.encode(&picture, n * FRAME_TICKS).expect("encoded");
                bytes += sent.map_or(0, |e| e.data.len());
            }
            bytes * 8 / 1500
        };
        let before = second(&mut encoder, 0);
        encoder.set_kbps(300).expect("set");
        let after = second(&mut encoder, 45);
        assert!(before > 800 && after < before / 2, "{before} kbit/s, then {after}");
    }

    #[test]
    fn times_wrap_and_may_stand_still() {
        let mut encoder = encoder(500);
        let (_, picture) = pictures(320, 180).next().expect("endless");
        for timestamp in [u32::MAX - 100, 2900, 2900, 100, 90_000] {
            encoder.encode(&picture, timestamp).expect("encoded");
        }
    }

    #[test]
    fn what_is_not_a_good_picture_is_refused_and_the_next_keyframe_heals() {
        let mut decoder = Vp8Decoder::new().expect("decoder");
        let encoded: Vec<_> = {
            let mut encoder = encoder(500);
            let pictures = pictures(320, 180).take(3);
            pictures.filter_map(|(timestamp, p)| encoder.encode(&p, timestamp).expect("encoded")).collect()
        };
        let (key, inter) = (&encoded[0].data, &encoded[1].data);
        assert!(matches!(decoder.decode(inter, 0), Err(Vp8DecodeError::NeedsKeyframe)));
        assert!(matches!(decoder.decode(&[], 0), Err(Vp8DecodeError::NotVp8)));
        assert!(matches!(decoder.decode(&[0; 40], 0), Err(Vp8DecodeError::NotVp8)));
        let mut giant = key.to_vec();
        giant[6..10].copy_from_slice(&[0xFF, 0x3F, 0xFF, 0x3F]);
        assert!(matches!(decoder.decode(&giant, 0), Err(Vp8DecodeError::TooLarge { width: 16383, height: 16383 })));
        let mut torn = key[..12].to_vec();
        torn[0] |= 0xE0;
        assert!(decoder.decode(&torn, 0).is_err());
        assert!(decoder.needs_keyframe());
        assert!(decoder.decode(key, 0).expect("decoded").is_some());
        assert!(decoder.decode(inter, 0).expect("decoded").is_some());
    }
}
