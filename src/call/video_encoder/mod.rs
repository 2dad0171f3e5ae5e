//! Encodes the frames of our camera and of our screen: one thread for each simulcast layer scales and encodes the newest
//! frame.
//!
//! Nothing queues: a thread that is busy skips frames. The bandwidth estimate is divided among the layers of all tracks
//! ([`rates`]). A screen is encoded while it changes and for a moment longer ([`repeat`]).

mod fanout;
mod layer;
mod rates;
mod repeat;

pub(super) use fanout::FrameCounts;
pub(crate) use fanout::VideoFanout;
pub(super) use layer::LayerCounts;

use super::restart::restart_on_panic;
use crate::base::{SimulcastLayer, TrackSource, VideoFrame};
use crate::codec::VideoContent;
use crate::rtc::VideoSender;
use layer::{LayerEncoder, LayerPlace, encode};
use parking_lot::Mutex;
use rates::{RateDemand, divide};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

/// The encoders of one published video track.
pub(super) struct VideoEncoder {
    content: VideoContent,
    layer_encoders: Vec<Arc<LayerEncoder>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    layers: Vec<SimulcastLayer>,
}

/// What a track of this source shows.
const fn content(source: TrackSource) -> VideoContent {
    match source {
        TrackSource::Screen => VideoContent::Screen,
        _ => VideoContent::Camera,
    }
}

impl VideoEncoder {
    /// Starts a thread for each layer. RTP timestamps count from `start`.
    pub(super) fn start(
        source: TrackSource,
        layers: Vec<SimulcastLayer>,
        sender: VideoSender,
        start: Instant,
    ) -> Arc<Self> {
        let sender = Arc::new(sender);
        let mut layer_encoders = Vec::new();
        let mut threads = Vec::new();
        for (index, layer) in layers.iter().enumerate() {
            let larger = layers.len() - 1 - index;
            let place = LayerPlace { content: content(source), index, larger, layer: layer.clone() };
            let layer_encoder = Arc::new(LayerEncoder::new(&place));
            let (theirs, sender) = (layer_encoder.clone(), sender.clone());
            let body = move || restart_on_panic("encoder", || encode(&place, &theirs, &sender, start));
            let name = format!("{}-{index}", if source == TrackSource::Screen { "screen" } else { "encode" });
            match std::thread::Builder::new().name(name).spawn(body) {
                Ok(thread) => threads.push(thread),
                Err(error) => tracing::error!(%error, index, "no thread for an encoder"),
            }
            layer_encoders.push(layer_encoder);
        }
        Arc::new(Self { content: content(source), layer_encoders, threads: Mutex::new(threads), layers })
    }

    fn put(&self, frame: &Arc<VideoFrame>) {
        self.layer_encoders.iter().for_each(|layer| layer.put(frame.clone()));
    }

    fn forget_frame(&self) {
        self.layer_encoders.iter().for_each(|layer| layer.forget_frame());
    }

    /// What each layer has sent since the encoder began, smallest layer first.
    pub(super) fn counts(&self) -> Vec<LayerCounts> {
        self.layer_encoders.iter().map(|layer| layer.counts()).collect()
    }

    /// Makes the next frame of a layer a key frame. The other layers of a screen that stands still are sent along: a server
    /// takes one that is silent for longer than another for one that is off, and would not send it any more.
    pub(super) fn want_keyframe(&self, layer: usize) {
        for (index, layer_encoder) in self.layer_encoders.iter().enumerate() {
            if index == layer {
                layer_encoder.want_keyframe();
            } else if self.content == VideoContent::Screen {
                layer_encoder.refine();
            }
        }
    }

    /// Makes the next frame of every layer a key frame.
    pub(super) fn want_all_keyframes(&self) {
        self.layer_encoders.iter().for_each(|layer| layer.want_keyframe());
    }

    /// Whether a layer has a subscriber (dynacast).
    pub(super) fn set_wanted(&self, layer: usize, wanted: bool) {
        if let Some(layer_encoder) = self.layer_encoders.get(layer) {
            layer_encoder.set_wanted(wanted);
        }
    }

    /// Divides the bandwidth estimate, in bits a second, among all tracks.
    pub(super) fn set_link_rate(encoders: &[&Self], bps: u32) {
        let wanted = |e: &Self| e.layer_encoders.iter().map(|l| l.is_wanted()).collect();
        let demands: Vec<RateDemand<'_>> =
            encoders.iter().map(|e| RateDemand { content: e.content, layers: &e.layers, wanted: wanted(e) }).collect();
        for (encoder, rates) in encoders.iter().zip(divide(&demands, f64::from(bps) / 1000.0)) {
            for (layer_encoder, kbps) in encoder.layer_encoders.iter().zip(rates) {
                layer_encoder.set_kbps(kbps);
            }
        }
    }

    /// Ends the threads and waits for them. Each finishes its current frame.
    pub(super) fn stop(&self) {
        self.layer_encoders.iter().for_each(|layer| layer.stop());
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("an encoder's thread panicked");
            }
        }
    }
}
