//! The statistics of a call: what is sent, what arrives, by which way, and what the devices deliver.

use crate::base::{CandidatePair, DeviceKind, TrackSid, TrackSource};
use serde::Serialize;

/// The statistics of one simulcast layer of a video track of ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LocalStatistics {
    /// Its source.
    pub source: TrackSource,
    /// `vp8`.
    pub codec: &'static str,
    /// The RID of the layer: `q`, `h`, `f` from the smallest up; empty for a track with one layer.
    pub layer: &'static str,
    /// Width of the last frame that was sent, in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// Frames sent per second.
    pub fps: f64,
    /// Bitrate of the encoded frames in kbit/s.
    pub kbps: f64,
    /// What the encoder may use, in kbit/s; 0 while the layer is off.
    pub target_kbps: u32,
    /// Mean time of scaling and encoding one frame, in ms; 0 without a frame.
    pub encode_ms: f64,
}

/// What an open device of ours delivers, or, for a speaker, takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeviceStatistics {
    /// The kind of device.
    pub kind: DeviceKind,
    /// Width of the last frame in pixels; 0 for sound.
    pub width: u32,
    /// Its height in pixels; 0 for sound.
    pub height: u32,
    /// Frames delivered per second; 0 for sound.
    pub fps: f64,
    /// Pauses of the camera's frames over 200 ms since it was opened; 0 for the others.
    pub freezes: u64,
    /// Samples per second and channel; 0 for video.
    pub rate: u32,
    /// Channels; 0 for video.
    pub channels: u16,
}

/// The statistics of one remote track.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RemoteStatistics {
    /// The publisher of the track.
    pub remote_user: String,
    /// Its source.
    pub source: TrackSource,
    /// Its id at the server.
    pub track: TrackSid,
    /// `video` or `audio`.
    pub kind: &'static str,
    /// `vp8` or `opus`.
    pub codec: String,
    /// Width in pixels; 0 for audio.
    pub width: u32,
    /// Height in pixels; 0 for audio.
    pub height: u32,
    /// Frames shown per second; 0 for audio.
    pub fps: f64,
    /// Received bitrate in kbit/s.
    pub kbps: f64,
    /// Packets lost and not retransmitted, in percent of those expected.
    pub lost_percent: f64,
    /// Interarrival jitter in ms (RFC 3550, section 6.4.1).
    pub jitter_ms: f64,
    /// Pauses of the video over 200 ms, so far.
    pub freezes: u64,
    /// Delay of our buffers in ms.
    pub delay_ms: f64,
    /// How far the last frame was ahead of the audio that it is synchronised with, in ms; less than 0 if it was late.
    /// `None` for audio tracks, and where nothing is heard.
    pub ahead_ms: Option<f64>,
}

/// The statistics of a call, taken every 2 s.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Round-trip time to the server in ms; 0 while unknown.
    pub rtt_ms: f64,
    /// Sent bitrate in kbit/s.
    pub sent_kbps: f64,
    /// Received bitrate in kbit/s.
    pub received_kbps: f64,
    /// Packets of ours that did not arrive at the server, in percent, as it reports them.
    pub sent_lost_percent: f64,
    /// Packets of all tracks lost and not retransmitted, in percent of those expected.
    pub received_lost_percent: f64,
    /// Estimated capacity of the way to the server in kbit/s; 0 while unknown.
    pub capacity_kbps: f64,
    /// CPU time of this process in percent of one core.
    pub cpu_percent: f64,
    /// The candidate pair in use of each peer connection that has one.
    pub candidate_pairs: Vec<CandidatePair>,
    /// What our open devices deliver.
    pub devices: Vec<DeviceStatistics>,
    /// One entry for each simulcast layer of our video that is sent.
    pub local: Vec<LocalStatistics>,
    /// One entry for each remote track.
    pub remote: Vec<RemoteStatistics>,
}
