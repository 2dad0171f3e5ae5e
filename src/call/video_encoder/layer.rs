//! The thread of one layer: it waits for a frame, scales it and encodes it.

use super::repeat::{Due, Repeats};
use crate::base::{EncodedFrame, SimulcastLayer, VideoFrame};
use crate::call::panic_point::panic_point;
use crate::codec::{ScaleError, Scaler, VideoContent, Vp8Config, Vp8EncodeError, Vp8Encoder};
use crate::rtc::{SendOutcome, VideoSender};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The largest screen that is sent in full, in pixels.
const LARGEST_SCREEN: (u32, u32) = (2560, 1440);

/// The place of a layer in its track.
#[derive(Clone, Debug)]
pub(super) struct LayerPlace {
    pub(super) content: VideoContent,
    /// 0 is the smallest.
    pub(super) index: usize,
    /// Layers of the track that are larger than this one.
    pub(super) larger: usize,
    pub(super) layer: SimulcastLayer,
}

impl LayerPlace {
    /// The size in which a frame is sent: its own aspect ratio, not enlarged; even numbers. A camera's frame fits into the
    /// layer. A screen has the layers of its own size: text must not be scaled by odd factors.
    fn size(&self, width: u32, height: u32) -> (u32, u32) {
        match self.content {
            VideoContent::Camera => fit((self.layer.width, self.layer.height), width, height),
            VideoContent::Screen => {
                let (width, height) = fit(LARGEST_SCREEN, width, height);
                ((width >> self.larger & !1).max(2), (height >> self.larger & !1).max(2))
            }
        }
    }
}

fn fit(within: (u32, u32), width: u32, height: u32) -> (u32, u32) {
    let scale = (f64::from(within.0) / f64::from(width)).min(f64::from(within.1) / f64::from(height)).min(1.0);
    let even = |n: u32| (((f64::from(n) * scale).round() as u32) & !1).max(2);
    (even(width), even(height))
}

/// The frames of a layer that are to be encoded.
#[derive(Default)]
struct Frames {
    /// The newest frame, until it is taken.
    fresh: Option<Arc<VideoFrame>>,
    /// What is encoded again: for screens alone.
    repeats: Option<Repeats>,
}

/// What the thread of one layer has sent since it began.
#[derive(Debug, Default)]
pub(super) struct LayerCounters {
    frames: AtomicU64,
    bytes: AtomicU64,
    /// Frames that were scaled and encoded, sent or not, and the time that this took.
    encoded: AtomicU64,
    encode_us: AtomicU64,
    /// Width of the last frame in the upper half, its height in the lower.
    size: AtomicU64,
}

/// The counters of one layer at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::call) struct LayerCounts {
    /// The RID of the layer.
    pub(in crate::call) rid: &'static str,
    /// Frames sent.
    pub(in crate::call) frames: u64,
    /// Bytes of these frames.
    pub(in crate::call) bytes: u64,
    /// Frames that were scaled and encoded, sent or not.
    pub(in crate::call) encoded: u64,
    /// Time of scaling and encoding them, in microseconds.
    pub(in crate::call) encode_us: u64,
    /// Width and height of the last frame that was sent.
    pub(in crate::call) size: (u32, u32),
    /// Bitrate that the encoder may use, in kilobits a second; 0 while nothing of this layer is sent.
    pub(in crate::call) target_kbps: u32,
}

/// State shared with the thread of one layer: the newest frame, and the encoder's settings.
pub(super) struct LayerEncoder {
    frames: Mutex<Frames>,
    wake: Condvar,
    stop: AtomicBool,
    keyframe: AtomicBool,
    /// Bitrate in kilobits a second; 0 sends nothing.
    kbps: AtomicU32,
    /// Whether the layer has a subscriber.
    wanted: AtomicBool,
    rid: &'static str,
    counters: LayerCounters,
}

impl LayerEncoder {
    pub(super) fn new(place: &LayerPlace) -> Self {
        let repeats = (place.content == VideoContent::Screen).then(Repeats::default);
        Self {
            frames: Mutex::new(Frames { fresh: None, repeats }),
            wake: Condvar::new(),
            stop: AtomicBool::new(false),
            keyframe: AtomicBool::new(true),
            kbps: AtomicU32::new(place.layer.max_kbps),
            wanted: AtomicBool::new(true),
            rid: place.layer.rid,
            counters: LayerCounters::default(),
        }
    }

    pub(super) fn counts(&self) -> LayerCounts {
        let counters = &self.counters;
        let size = counters.size.load(Relaxed);
        LayerCounts {
            rid: self.rid,
            frames: counters.frames.load(Relaxed),
            bytes: counters.bytes.load(Relaxed),
            encoded: counters.encoded.load(Relaxed),
            encode_us: counters.encode_us.load(Relaxed),
            size: ((size >> 32) as u32, size as u32),
            target_kbps: if self.is_wanted() { self.kbps.load(Relaxed) } else { 0 },
        }
    }

    pub(super) fn put(&self, frame: Arc<VideoFrame>) {
        self.frames.lock().fresh = Some(frame);
        self.wake.notify_one();
    }

    pub(super) fn forget_frame(&self) {
        let mut frames = self.frames.lock();
        frames.fresh = None;
        if let Some(repeats) = &mut frames.repeats {
            *repeats = Repeats::default();
        }
    }

    /// Makes the next frame a key frame. A screen that stands still is encoded again for it.
    pub(super) fn want_keyframe(&self) {
        self.keyframe.store(true, Relaxed);
        self.refine();
    }

    /// Encodes a screen that stands still again.
    pub(super) fn refine(&self) {
        if let Some(repeats) = &mut self.frames.lock().repeats {
            repeats.again(Instant::now());
        }
        self.wake.notify_one();
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Relaxed)
    }

    pub(super) fn set_wanted(&self, wanted: bool) {
        if !self.wanted.swap(wanted, Relaxed) && wanted {
            self.want_keyframe();
        }
    }

    pub(super) fn set_kbps(&self, kbps: u32) {
        if self.kbps.swap(kbps, Relaxed) == 0 && kbps > 0 {
            self.want_keyframe();
        }
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Relaxed);
        self.wake.notify_one();
    }

    /// Waits for a frame to encode; `None` when the thread is to end.
    fn next_frame(&self) -> Option<Arc<VideoFrame>> {
        let mut frames = self.frames.lock();
        loop {
            if self.stop.load(Relaxed) {
                return None;
            }
            let now = Instant::now();
            let Frames { fresh, repeats } = &mut *frames;
            if let Some(frame) = fresh.take() {
                if let Some(repeats) = repeats {
                    repeats.changed(frame.clone(), now);
                }
                return Some(frame);
            }
            let wait = match repeats.as_mut().map_or(Due::Never, |repeats| repeats.due(now)) {
                Due::Now(frame) => return Some(frame),
                Due::At(at) => at.saturating_duration_since(now),
                Due::Never => Duration::from_secs(1),
            };
            self.wake.wait_for(&mut frames, wait);
        }
    }
}

/// Encodes until the layer is stopped. RTP timestamps count from `start`.
pub(super) fn encode(place: &LayerPlace, layer_encoder: &LayerEncoder, sender: &VideoSender, start: Instant) {
    let mut scaler = Scaler::new();
    let config = Vp8Config { kbps: place.layer.max_kbps, threads: 1, content: place.content };
    let mut encoder = Vp8Encoder::new(config);
    let index = place.index;
    while let Some(frame) = layer_encoder.next_frame() {
        panic_point("encoder");
        let kbps = layer_encoder.kbps.load(Relaxed);
        if kbps == 0 || !layer_encoder.is_wanted() {
            continue;
        }
        let timestamp = (start.elapsed().as_micros() * 9 / 100) as u32;
        if layer_encoder.keyframe.swap(false, Relaxed) {
            encoder.request_keyframe();
        }
        let began = Instant::now();
        let outcome = encode_one(&mut encoder, &mut scaler, &frame, place, kbps, timestamp);
        let counters = &layer_encoder.counters;
        counters.encoded.fetch_add(1, Relaxed);
        counters.encode_us.fetch_add(began.elapsed().as_micros() as u64, Relaxed);
        match outcome {
            Ok(Some(encoded)) => {
                if let SendOutcome::Dropped(reason) = sender.send(index, &encoded) {
                    tracing::trace!(?reason, index, "a frame was not sent");
                    // The next frame must not depend on this one.
                    layer_encoder.want_keyframe();
                } else {
                    let (width, height) = place.size(frame.width(), frame.height());
                    counters.frames.fetch_add(1, Relaxed);
                    counters.bytes.fetch_add(encoded.data.len() as u64, Relaxed);
                    counters.size.store(u64::from(width) << 32 | u64::from(height), Relaxed);
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, index, "a frame was not encoded"),
        }
    }
}

/// Why a frame was not encoded.
#[derive(Debug, thiserror::Error)]
enum FrameError {
    #[error(transparent)]
    Scale(#[from] ScaleError),
    #[error(transparent)]
    Encode(#[from] Vp8EncodeError),
}

fn encode_one(
    encoder: &mut Vp8Encoder,
    scaler: &mut Scaler,
    frame: &VideoFrame,
    place: &LayerPlace,
    kbps: u32,
    timestamp: u32,
) -> Result<Option<EncodedFrame>, FrameError> {
    encoder.set_kbps(kbps)?;
    let (width, height) = place.size(frame.width(), frame.height());
    if (frame.width(), frame.height()) == (width, height) {
        return Ok(encoder.encode(frame, timestamp)?);
    }
    let scaled = scaler.scale(frame, width, height)?;
    Ok(encoder.encode(&scaled, timestamp)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::TrackSource;

    fn place(content: VideoContent, layers: &[SimulcastLayer], index: usize) -> LayerPlace {
        LayerPlace { content, index, larger: layers.len() - 1 - index, layer: layers[index].clone() }
    }

    #[test]
    fn a_cameras_frames_keep_their_aspect_ratio_and_are_not_enlarged() {
        let layers = SimulcastLayer::for_camera(1280, 720);
        let size = |index, w, h| place(VideoContent::Camera, &layers, index).size(w, h);
        assert_eq!(size(2, 1280, 720), (1280, 720));
        assert_eq!(size(0, 640, 480), (240, 180));
        assert_eq!(size(2, 640, 480), (640, 480));
    }

    #[test]
    fn a_screen_is_sent_in_its_own_size_and_in_half_of_it() {
        let layers = SimulcastLayer::for_source(TrackSource::Screen, &[]);
        let sizes = |w, h| [1, 0].map(|index| place(VideoContent::Screen, &layers, index).size(w, h));
        assert_eq!(sizes(1920, 1080), [(1920, 1080), (960, 540)]);
        assert_eq!(sizes(2560, 1440), [(2560, 1440), (1280, 720)]);
        assert_eq!(sizes(3840, 2160), [(2560, 1440), (1280, 720)]);
        assert_eq!(sizes(645, 413), [(644, 412), (322, 206)]);
        assert_eq!(sizes(1080, 1920), [(810, 1440), (404, 720)]);
    }

    #[test]
    fn a_still_screen_is_encoded_again_for_a_key_frame_and_a_camera_is_not() {
        let frame = Arc::new(VideoFrame::filled(2, 2, [0; 3], 1).expect("a frame"));
        for content in [VideoContent::Screen, VideoContent::Camera] {
            let layers = SimulcastLayer::for_source(TrackSource::Screen, &[]);
            let encoder = Arc::new(LayerEncoder::new(&place(content, &layers, 0)));
            encoder.put(frame.clone());
            assert!(encoder.next_frame().is_some());
            let is_due = |encoder: &LayerEncoder| {
                let mut frames = encoder.frames.lock();
                frames.repeats.as_mut().is_some_and(|r| matches!(r.due(Instant::now()), Due::Now(_)))
            };
            for again in [LayerEncoder::want_keyframe, LayerEncoder::refine] {
                again(&encoder);
                assert_eq!(is_due(&encoder), content == VideoContent::Screen);
            }
            encoder.forget_frame();
            encoder.want_keyframe();
            assert!(!is_due(&encoder), "nothing is shared any more");
        }
    }
}
