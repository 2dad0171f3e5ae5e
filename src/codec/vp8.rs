//! VP8 for calls: an encoder set for real time, and a decoder with a limit on the size that a stream may ask for.

use super::decode_error::{MAX_PIXELS, VideoDecodeError};
use super::vp8_header::Vp8Header;
use super::vpx::{EncoderSettings, RawDecoder, RawEncoder, TIMEBASE, VpxCodec, VpxError};
use crate::base::{Codec, EncodedFrame, VideoFrame};

/// Targets of an encoder, in kilobits a second.
const KBPS: std::ops::RangeInclusive<u32> = 30..=20_000;
/// Bits of a key frame at most, in percent of a frame's average share: 5 frames' worth, a sixth of a second at 30 frames
/// a second, so that the pacer is not held up for longer.
const KEYFRAME_PERCENT: u32 = 500;

/// What the frames of an encoder show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VideoContent {
    /// What a camera sees: everything moves a little, always.
    Camera,
    /// A screen: still for most of the time, with sharp edges, and large parts change or scroll at once.
    Screen,
}

/// Configuration of an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vp8Config {
    /// Target in kilobits a second, 30 to 20000.
    pub(crate) kbps: u32,
    /// Threads of the encoder, 1 to 8: 1 costs least, 2 shorten the time for a 720p frame.
    pub(crate) threads: u32,
    /// What it encodes.
    pub(crate) content: VideoContent,
}

/// Why a frame was not encoded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Vp8EncodeError {
    /// No encoder, no memory, or a size that VP8 cannot have.
    #[error(transparent)]
    Codec(#[from] VpxError),
}

/// Encodes one stream. A frame of another size starts a new encoder, with a key frame.
pub(crate) struct Vp8Encoder {
    config: Vp8Config,
    raw: Option<RawEncoder>,
    keyframe_wanted: bool,
    last: Option<LastFrame>,
}

/// The last frame: its RTP timestamp, and the same in ticks that do not wrap.
#[derive(Clone, Copy)]
struct LastFrame {
    timestamp: u32,
    pts: i64,
}

impl Vp8Encoder {
    /// An encoder. libvpx is set up with the first frame.
    pub(crate) const fn new(config: Vp8Config) -> Self {
        Self { config, raw: None, keyframe_wanted: true, last: None }
    }

    /// Changes the target from the next frame on; values out of range are clamped.
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

    /// Makes the next frame that is not dropped a key frame.
    pub(crate) const fn request_keyframe(&mut self) {
        self.keyframe_wanted = true;
    }

    /// Encodes a frame that is shown at `timestamp` (90 kHz, wraps). `None`: the rate control dropped it, because the target
    /// is too low for this frame rate.
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
        Ok(Some(EncodedFrame { codec: Codec::Vp8, data, keyframe: is_keyframe, timestamp }))
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
                speed: speed(self.config.content, width, height),
                keyframe_percent: KEYFRAME_PERCENT,
                min_quantizer: min_quantizer(self.config.content),
                screen_content_mode: if self.config.content == VideoContent::Screen { 2 } else { 0 },
            })?,
        };
        Ok(self.raw.insert(raw))
    }

    /// Presentation time and duration in ticks. A timestamp that does not grow counts as one tick later.
    fn advance(&mut self, timestamp: u32) -> (i64, u32) {
        const FRAME: u32 = TIMEBASE / 30;
        let (pts, duration) = match self.last {
            None => (0, FRAME),
            Some(last) => {
                let step = timestamp.wrapping_sub(last.timestamp) as i32;
                // After a pause the rate control must not spend the bits of many seconds at once.
                (last.pts + i64::from(step.max(1)), step.clamp(1, TIMEBASE as i32).unsigned_abs())
            }
        };
        self.last = Some(LastFrame { timestamp, pts });
        (pts, duration)
    }
}

/// libvpx's real-time speed by size of the frame. Measured on noisy 720p test frames on one core: 5.4 ms at 8, 4.9 ms at
/// 12, with little loss of quality. On scrolling text from 7 up the motion is not found: 31 dB instead of 50, and a third
/// more bits.
const fn speed(content: VideoContent, width: u32, height: u32) -> u32 {
    let pixels = width * height;
    if matches!(content, VideoContent::Screen) {
        return 6;
    }
    if pixels <= 100_000 {
        8
    } else if pixels <= 500_000 {
        10
    } else {
        12
    }
}

/// The finest quantizer. A still screen at 10 takes a quarter of the bits that it takes at 2, and looks the same.
const fn min_quantizer(content: VideoContent) -> u32 {
    match content {
        VideoContent::Camera => 2,
        VideoContent::Screen => 10,
    }
}

/// Decodes one stream.
pub(super) struct Vp8Decoder {
    raw: RawDecoder,
    has_keyframe: bool,
}

impl Vp8Decoder {
    /// A decoder that waits for a key frame.
    pub(super) fn new() -> Result<Self, VideoDecodeError> {
        Ok(Self { raw: RawDecoder::new(VpxCodec::Vp8, 1)?, has_keyframe: false })
    }

    /// Decodes one whole frame. `None`: it is not to be shown. `timestamp_us` becomes that of the decoded frame.
    pub(super) fn decode(&mut self, data: &[u8], timestamp_us: u64) -> Result<Option<VideoFrame>, VideoDecodeError> {
        match Vp8Header::parse(data).ok_or(VideoDecodeError::Malformed)? {
            Vp8Header::Keyframe { width, height } if width * height > MAX_PIXELS => {
                return Err(VideoDecodeError::TooLarge { width, height });
            }
            Vp8Header::Keyframe { .. } => self.has_keyframe = true,
            Vp8Header::Interframe if !self.has_keyframe => return Err(VideoDecodeError::NeedsKeyframe),
            Vp8Header::Interframe => {}
        }
        self.raw.decode(data, timestamp_us).map_err(|e| {
            self.has_keyframe = false;
            e.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::{FramePainter, Noise, read};

    const FRAME_TICKS: u32 = TIMEBASE / 30;

    fn encoder(kbps: u32) -> Vp8Encoder {
        Vp8Encoder::new(Vp8Config { kbps, threads: 1, content: VideoContent::Camera })
    }

    /// The mean square error of the luma of two frames of one size.
    fn error(a: &VideoFrame, b: &VideoFrame) -> f64 {
        let (width, height) = a.plane_size(0);
        let row = |f: &VideoFrame, y: usize| f.plane(0).data[y * f.plane(0).stride..][..width].to_vec();
        let square = |y| row(a, y).iter().zip(row(b, y)).map(|(a, b)| f64::from(a.abs_diff(b)).powi(2)).sum::<f64>();
        (0..height).map(square).sum::<f64>() / (width * height) as f64
    }

    /// A page of fine detail, as of small letters.
    fn page(width: u32, height: u32, seed: u32) -> VideoFrame {
        let mut frame = VideoFrame::filled(width, height, [235, 128, 128], 0).expect("frame");
        let mut noise = Noise::new(seed);
        let stride = width as usize;
        for y in (0..height as usize).filter(|y| y % 12 < 8) {
            for v in &mut frame.planes_mut()[0].data[y * stride..][..stride] {
                *v = if noise.byte() < 80 { 16 } else { 235 };
            }
        }
        frame
    }

    #[cfg(feature = "client")]
    #[test]
    fn the_strip_of_a_portrait_survives() {
        use crate::testcard::{PORTRAITS, PortraitPainter, identity_code};
        for (width, height, kbps, people) in [(1280, 720, 1200, 1), (640, 360, 500, 2), (320, 180, 150, PORTRAITS)] {
            for person in 1..=people {
                let painter = PortraitPainter::new(width, height, "bot-1", person).expect("painter");
                let (mut encoder, mut decoder) = (encoder(kbps), Vp8Decoder::new().expect("decoder"));
                for n in 0..6 {
                    let frame = painter.paint(n, u64::from(n) * 33, Some(-20.0), 0).expect("picture");
                    let Some(encoded) = encoder.encode(&frame, n * FRAME_TICKS).expect("encoded") else { continue };
                    let shown = decoder.decode(&encoded.data, 0).expect("decoded").expect("shown");
                    let reading = read(&shown).unwrap_or_else(|e| panic!("{person} at {width}: {e}"));
                    assert_eq!((reading.frame, reading.identity), (n, identity_code("bot-1")));
                }
            }
        }
    }

    #[test]
    fn a_still_screen_becomes_sharp_and_then_costs_little() {
        let config = Vp8Config { kbps: 1500, threads: 1, content: VideoContent::Screen };
        let (mut encoder, mut decoder) = (Vp8Encoder::new(config), Vp8Decoder::new().expect("decoder"));
        let page = page(640, 360, 3);
        let (mut first, mut last, mut tail) = (None, f64::MAX, 0);
        for n in 0..30 {
            let Some(encoded) = encoder.encode(&page, n * 2 * FRAME_TICKS).expect("encoded") else { continue };
            let shown = decoder.decode(&encoded.data, 0).expect("decoded").expect("shown");
            last = error(&page, &shown);
            first.get_or_insert((last, encoded.data.len()));
            tail = encoded.data.len();
        }
        let (first, bytes) = first.expect("a frame");
        assert!(last < 15.0 && last < first, "mean square error {first}, then {last}");
        assert!(tail * 10 < bytes, "{bytes} bytes, and {tail} when it is sharp");
    }

    fn frames(width: u32, height: u32) -> impl Iterator<Item = (u32, VideoFrame)> {
        let mut painter = FramePainter::new(width, height, "mina").expect("painter");
        (0..).map(move |n| (n * FRAME_TICKS, painter.paint(n, u64::from(n) * 33, 0).expect("frame")))
    }

    #[test]
    fn the_test_pattern_survives_at_every_layer_and_its_usual_rate() {
        for (width, height, kbps) in [(1280, 720, 1500), (640, 360, 400), (320, 180, 120), (160, 90, 60)] {
            let (mut encoder, mut decoder) = (encoder(kbps), Vp8Decoder::new().expect("decoder"));
            let (mut sent, mut bytes) = (0, 0);
            for (timestamp, frame) in frames(width, height).take(60) {
                let Some(encoded) = encoder.encode(&frame, timestamp).expect("encoded") else { continue };
                assert_eq!(encoded.keyframe, sent == 0, "{width}x{height}");
                (sent, bytes) = (sent + 1, bytes + encoded.data.len());
                let shown = decoder.decode(&encoded.data, 7).expect("decoded").expect("shown");
                assert_eq!((shown.width(), shown.height(), shown.timestamp_us()), (width, height, 7));
                let reading = read(&shown).expect("readable");
                assert_eq!(reading.frame, timestamp / FRAME_TICKS);
            }
            assert!(sent >= 57, "{sent} of 60 frames at {width}x{height}");
            let actual = bytes as u32 * 8 / 2000;
            assert!(actual <= kbps * 13 / 10, "{actual} instead of {kbps} kbit/s at {width}x{height}");
        }
    }

    #[test]
    fn a_key_frame_comes_when_it_is_requested() {
        let (mut encoder, mut frames) = (encoder(500), frames(320, 180));
        let mut next = |encoder: &mut Vp8Encoder| {
            let (timestamp, frame) = frames.next().expect("endless");
            encoder.encode(&frame, timestamp).expect("encoded").expect("sent").keyframe
        };
        assert!(next(&mut encoder));
        assert!(!next(&mut encoder));
        encoder.request_keyframe();
        assert!(next(&mut encoder));
        assert!(!next(&mut encoder));
    }

    #[test]
    fn another_size_starts_with_a_key_frame() {
        let mut encoder = encoder(500);
        let mut decoder = Vp8Decoder::new().expect("decoder");
        for (width, height) in [(320, 180), (640, 360), (161, 91)] {
            let (timestamp, frame) = frames(width, height).next().expect("endless");
            let encoded = encoder.encode(&frame, timestamp).expect("encoded").expect("sent");
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
                let mut frame = painter.paint(n, 0, 0).expect("frame");
                for v in &mut frame.planes_mut()[0].data {
                    *v = v.saturating_add(noise.byte() >> 3);
                }
                let sent = encoder.encode(&frame, n * FRAME_TICKS).expect("encoded");
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
    fn presentation_times_grow_when_timestamps_wrap_stand_still_or_go_back() {
        let mut encoder = encoder(500);
        let times = [u32::MAX - 100, 2900, 2900, 100, 90_100, 450_100].map(|timestamp| encoder.advance(timestamp));
        let expected = [(0, FRAME_TICKS), (3001, 3001), (3002, 1), (3003, 1), (93_003, 90_000), (453_003, TIMEBASE)];
        assert_eq!(times, expected);
        let (_, frame) = frames(320, 180).next().expect("endless");
        for timestamp in [450_100, 450_100, 100] {
            encoder.encode(&frame, timestamp).expect("libvpx takes the time");
        }
    }

    #[test]
    fn bad_frames_are_refused_until_the_next_key_frame() {
        let mut decoder = Vp8Decoder::new().expect("decoder");
        let encoded: Vec<_> = {
            let mut encoder = encoder(500);
            let frames = frames(320, 180).take(3);
            frames.filter_map(|(timestamp, frame)| encoder.encode(&frame, timestamp).expect("encoded")).collect()
        };
        let (key, inter) = (&encoded[0].data, &encoded[1].data);
        assert!(matches!(decoder.decode(inter, 0), Err(VideoDecodeError::NeedsKeyframe)));
        assert!(matches!(decoder.decode(&[], 0), Err(VideoDecodeError::Malformed)));
        assert!(matches!(decoder.decode(&[0; 40], 0), Err(VideoDecodeError::Malformed)));
        let mut giant = key.to_vec();
        giant[6..10].copy_from_slice(&[0xFF, 0x3F, 0xFF, 0x3F]);
        assert!(matches!(decoder.decode(&giant, 0), Err(VideoDecodeError::TooLarge { width: 16383, height: 16383 })));
        let mut torn = key[..12].to_vec();
        torn[0] |= 0xE0;
        assert!(decoder.decode(&torn, 0).is_err());
        assert!(matches!(decoder.decode(inter, 0), Err(VideoDecodeError::NeedsKeyframe)), "after damaged data");
        assert!(decoder.decode(key, 0).expect("decoded").is_some());
        assert!(decoder.decode(inter, 0).expect("decoded").is_some());
    }

    #[test]
    fn a_frame_that_ends_too_early_and_those_that_build_on_it_are_not_shown() {
        let (mut encoder, mut decoder) = (encoder(500), Vp8Decoder::new().expect("decoder"));
        let mut frames = frames(320, 180);
        let mut next = |keyframe: bool| {
            let (timestamp, frame) = frames.next().expect("endless");
            if keyframe {
                encoder.request_keyframe();
            }
            encoder.encode(&frame, timestamp).expect("encoded").expect("sent").data
        };
        assert!(decoder.decode(&next(true), 0).expect("decoded").is_some());
        let whole = next(false);
        for part in [whole.len() / 2, whole.len() / 4, 20] {
            assert!(decoder.decode(&whole[..part], 0).is_err(), "{part} of {} bytes", whole.len());
        }
        assert!(matches!(decoder.decode(&next(false), 0), Err(VideoDecodeError::NeedsKeyframe)));
        assert!(decoder.decode(&next(true), 0).expect("decoded").is_some());
        assert!(decoder.decode(&next(false), 0).expect("decoded").is_some());
    }
}
