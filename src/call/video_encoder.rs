//! Encodes the camera's frames: one thread for each simulcast layer scales and encodes the newest frame.
//!
//! Nothing queues: a thread that is busy skips frames. The bandwidth estimate is divided among the layers, the smallest
//! first.

use super::panic_point::panic_point;
use super::restart::restart_on_panic;
use crate::base::{EncodedFrame, FrameSlot, SimulcastLayer, VideoFrame};
use crate::codec::{ScaleError, Scaler, Vp8Config, Vp8EncodeError, Vp8Encoder};
use crate::rtc::{SendOutcome, VideoSender};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Part of the bandwidth estimate that encoders may use; the rest is for headers and retransmissions.
const VIDEO_SHARE: f64 = 0.85;
/// Kilobits a second that audio takes.
const AUDIO_KBPS: f64 = 45.0;
/// A layer that would get less than this part of its bitrate is not sent.
const MIN_SHARE: f64 = 0.45;

/// Where the camera's frames go: to our own tile, and to the encoders while the track sends.
#[derive(Default)]
pub(crate) struct CameraFanout {
    own: FrameSlot,
    encoder: Mutex<Option<Arc<VideoEncoder>>>,
}

/// Where the frames of one opening of the camera go.
pub(super) struct CameraSink {
    fanout: Arc<CameraFanout>,
    /// Whether the camera is on: a driver may deliver frames until it is closed, which can take a while.
    is_on: Mutex<bool>,
}

impl CameraSink {
    /// Takes a frame, on the camera's thread. After [`CameraSink::end`] it is dropped.
    pub(super) fn put(&self, frame: Arc<VideoFrame>) {
        let is_on = self.is_on.lock();
        if *is_on {
            self.fanout.put(frame);
        }
    }

    /// The camera is off: its last frame is neither shown nor sent any more.
    pub(super) fn end(&self) {
        *self.is_on.lock() = false;
        self.fanout.clear();
    }
}

impl CameraFanout {
    /// The slot of our own tile.
    pub(super) fn own_slot(&self) -> &FrameSlot {
        &self.own
    }

    /// Begins an opening of the camera.
    pub(super) fn begin(self: &Arc<Self>) -> Arc<CameraSink> {
        Arc::new(CameraSink { fanout: self.clone(), is_on: Mutex::new(true) })
    }

    fn put(&self, frame: Arc<VideoFrame>) {
        let encoder = self.encoder.lock().clone();
        if let Some(encoder) = encoder {
            encoder.put(&frame);
        }
        self.own.put(frame);
    }

    /// Connects or disconnects the encoders. Those that are disconnected forget the frame that waits for them.
    pub(super) fn connect(&self, encoder: Option<Arc<VideoEncoder>>) {
        let before = std::mem::replace(&mut *self.encoder.lock(), encoder);
        if let Some(before) = before {
            before.forget_frame();
        }
    }

    fn clear(&self) {
        self.own.clear();
        if let Some(encoder) = &*self.encoder.lock() {
            encoder.forget_frame();
        }
    }
}

/// The encoders of one published video track.
pub(super) struct VideoEncoder {
    layer_encoders: Vec<Arc<LayerEncoder>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    layers: Vec<SimulcastLayer>,
}

/// State shared with the thread of one layer: the newest frame, and the encoder's settings.
struct LayerEncoder {
    frame: Mutex<Option<Arc<VideoFrame>>>,
    wake: Condvar,
    stop: AtomicBool,
    keyframe: AtomicBool,
    /// Bitrate in kilobits a second; 0 sends nothing.
    kbps: AtomicU32,
    /// Whether the layer has a subscriber.
    wanted: AtomicBool,
}

impl VideoEncoder {
    /// Starts a thread for each layer. RTP timestamps count from `start`.
    pub(super) fn start(layers: Vec<SimulcastLayer>, sender: VideoSender, start: Instant) -> Arc<Self> {
        let sender = Arc::new(sender);
        let mut layer_encoders = Vec::new();
        let mut threads = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let layer_encoder = Arc::new(LayerEncoder {
                frame: Mutex::default(),
                wake: Condvar::new(),
                stop: AtomicBool::new(false),
                keyframe: AtomicBool::new(true),
                kbps: AtomicU32::new(layer.max_kbps),
                wanted: AtomicBool::new(true),
            });
            let (theirs, layer, sender) = (layer_encoder.clone(), layer.clone(), sender.clone());
            let body = move || restart_on_panic("encoder", || encode(index, &layer, &theirs, &sender, start));
            match std::thread::Builder::new().name(format!("encode-{index}")).spawn(body) {
                Ok(thread) => threads.push(thread),
                Err(error) => tracing::error!(%error, index, "no thread for an encoder"),
            }
            layer_encoders.push(layer_encoder);
        }
        Arc::new(Self { layer_encoders, threads: Mutex::new(threads), layers })
    }

    fn put(&self, frame: &Arc<VideoFrame>) {
        for layer_encoder in &self.layer_encoders {
            *layer_encoder.frame.lock() = Some(frame.clone());
            layer_encoder.wake.notify_one();
        }
    }

    fn forget_frame(&self) {
        for layer_encoder in &self.layer_encoders {
            *layer_encoder.frame.lock() = None;
        }
    }

    /// Makes the next frame of a layer a key frame.
    pub(super) fn want_keyframe(&self, layer: usize) {
        if let Some(layer_encoder) = self.layer_encoders.get(layer) {
            layer_encoder.keyframe.store(true, Relaxed);
        }
    }

    /// Makes the next frame of every layer a key frame.
    pub(super) fn want_all_keyframes(&self) {
        for layer_encoder in &self.layer_encoders {
            layer_encoder.keyframe.store(true, Relaxed);
        }
    }

    /// Whether a layer has a subscriber (dynacast).
    pub(super) fn set_wanted(&self, layer: usize, wanted: bool) {
        if let Some(layer_encoder) = self.layer_encoders.get(layer)
            && !layer_encoder.wanted.swap(wanted, Relaxed)
            && wanted
        {
            layer_encoder.keyframe.store(true, Relaxed);
        }
    }

    /// Divides the bandwidth estimate among the layers.
    pub(super) fn set_link_rate(&self, bps: u32) {
        let wanted: Vec<bool> = self.layer_encoders.iter().map(|l| l.wanted.load(Relaxed)).collect();
        let shares = divide(&self.layers, &wanted, f64::from(bps) / 1000.0);
        for (layer_encoder, kbps) in self.layer_encoders.iter().zip(shares) {
            let before = layer_encoder.kbps.swap(kbps, Relaxed);
            if before == 0 && kbps > 0 {
                layer_encoder.keyframe.store(true, Relaxed);
            }
        }
    }

    /// Ends the threads and waits for them. Each finishes its current frame.
    pub(super) fn stop(&self) {
        for layer_encoder in &self.layer_encoders {
            layer_encoder.stop.store(true, Relaxed);
            layer_encoder.wake.notify_one();
        }
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("an encoder's thread panicked");
            }
        }
    }
}

/// Kilobits a second for each layer, the smallest first. A layer that gets too little is not sent, except the first one
/// with a subscriber.
fn divide(layers: &[SimulcastLayer], wanted: &[bool], link_kbps: f64) -> Vec<u32> {
    let mut left = (link_kbps * VIDEO_SHARE - AUDIO_KBPS).max(0.0);
    let mut first = true;
    layers
        .iter()
        .zip(wanted)
        .map(|(layer, wanted)| {
            let max = f64::from(layer.max_kbps);
            let share = left.min(max);
            if !wanted || (share < max * MIN_SHARE && !first) {
                return 0;
            }
            first = false;
            left -= share;
            share.max(30.0) as u32
        })
        .collect()
}

/// The thread of one layer.
fn encode(index: usize, layer: &SimulcastLayer, layer_encoder: &LayerEncoder, sender: &VideoSender, start: Instant) {
    let mut scaler = Scaler::new();
    let mut encoder = Vp8Encoder::new(Vp8Config { kbps: layer.max_kbps, threads: 1 });
    while let Some(frame) = next_frame(layer_encoder) {
        panic_point("encoder");
        let kbps = layer_encoder.kbps.load(Relaxed);
        if kbps == 0 || !layer_encoder.wanted.load(Relaxed) {
            continue;
        }
        let timestamp = (start.elapsed().as_micros() * 9 / 100) as u32;
        if layer_encoder.keyframe.swap(false, Relaxed) {
            encoder.request_keyframe();
        }
        match encode_one(&mut encoder, &mut scaler, &frame, layer, kbps, timestamp) {
            Ok(Some(encoded)) => {
                if let SendOutcome::Dropped(reason) = sender.send(index, &encoded) {
                    tracing::trace!(?reason, index, "a frame was not sent");
                    // The next frame must not depend on this one.
                    layer_encoder.keyframe.store(true, Relaxed);
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
    layer: &SimulcastLayer,
    kbps: u32,
    timestamp: u32,
) -> Result<Option<EncodedFrame>, FrameError> {
    encoder.set_kbps(kbps)?;
    let (width, height) = fit(layer, frame.width(), frame.height());
    if (frame.width(), frame.height()) == (width, height) {
        return Ok(encoder.encode(frame, timestamp)?);
    }
    let scaled = scaler.scale(frame, width, height)?;
    Ok(encoder.encode(&scaled, timestamp)?)
}

/// The size in which a frame is sent: its own aspect ratio, within the layer, not enlarged; even numbers.
fn fit(layer: &SimulcastLayer, width: u32, height: u32) -> (u32, u32) {
    let scale = (f64::from(layer.width) / f64::from(width)).min(f64::from(layer.height) / f64::from(height)).min(1.0);
    let even = |n: u32| (((f64::from(n) * scale).round() as u32) & !1).max(2);
    (even(width), even(height))
}

/// Waits for the newest frame; `None` when the thread is to end.
fn next_frame(layer_encoder: &LayerEncoder) -> Option<Arc<VideoFrame>> {
    let mut slot = layer_encoder.frame.lock();
    loop {
        if layer_encoder.stop.load(Relaxed) {
            return None;
        }
        if let Some(frame) = slot.take() {
            return Some(frame);
        }
        layer_encoder.wake.wait_for(&mut slot, Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_link_carries_the_small_layers() {
        let layers = SimulcastLayer::for_camera(1280, 720);
        let all = [true; 3];
        assert_eq!(divide(&layers, &all, 4000.0), [148, 502, 1700]);
        assert_eq!(divide(&layers, &all, 900.0), [148, 502, 0]);
        assert_eq!(divide(&layers, &all, 300.0)[1..], [0, 0]);
        assert_eq!(divide(&layers, &all, 0.0), [30, 0, 0]);
        assert_eq!(divide(&layers, &[true, false, false], 4000.0), [148, 0, 0]);
        assert_eq!(divide(&layers, &[false; 3], 4000.0), [0, 0, 0]);
    }

    #[test]
    fn frames_of_a_camera_that_is_off_are_dropped() {
        let fanout = Arc::new(CameraFanout::default());
        let frame = |us| Arc::new(VideoFrame::filled(2, 2, [0; 3], us).expect("a frame"));
        let shown = |fanout: &CameraFanout| fanout.own_slot().latest().map(|(_, frame)| frame.timestamp_us());
        let first = fanout.begin();
        first.put(frame(1));
        assert_eq!(shown(&fanout), Some(1));
        first.end();
        first.put(frame(2));
        assert_eq!(shown(&fanout), None, "its driver was not closed yet");
        let second = fanout.begin();
        first.put(frame(3));
        assert_eq!(shown(&fanout), None, "the other opening has given no frame yet");
        second.put(frame(4));
        assert_eq!(shown(&fanout), Some(4));
    }

    #[test]
    fn frames_keep_their_aspect_ratio_and_are_not_enlarged() {
        let layers = SimulcastLayer::for_camera(1280, 720);
        assert_eq!(fit(&layers[2], 1280, 720), (1280, 720));
        assert_eq!(fit(&layers[0], 640, 480), (240, 180));
        assert_eq!(fit(&layers[2], 640, 480), (640, 480));
    }
}
