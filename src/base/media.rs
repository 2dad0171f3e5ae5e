//! What travels between devices, codecs and connections: kinds, formats, packets and encoded pictures.

use bytes::Bytes;

/// Sound or picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// What a track shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackSource {
    /// Somebody's camera.
    Camera,
    /// Somebody's microphone.
    Microphone,
    /// A shared screen.
    Screen,
    /// The sound of a shared screen.
    ScreenAudio,
}

impl TrackSource {
    /// Sound or picture.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Camera | Self::Screen => MediaKind::Video,
            Self::Microphone | Self::ScreenAudio => MediaKind::Audio,
        }
    }
}

/// The id of no device at all, where a device can be chosen.
pub const NO_DEVICE: &str = "none";

/// A kind of device that a call can hold open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A camera, real or synthetic.
    Camera,
    /// A microphone, real or synthetic.
    Microphone,
    /// Where sound is played.
    Speaker,
    /// Screen capture.
    Screen,
}

/// The shape of interleaved `f32` samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcmFormat {
    /// Samples a second and channel, for example 48000.
    pub rate: u32,
    /// Channels, 1 or more.
    pub channels: u16,
}

/// One RTP packet's worth of a received track, retransmissions already undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPacket {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp (48 kHz for Opus, 90 kHz for pictures).
    pub timestamp: u32,
    /// RTP marker.
    pub marker: bool,
    /// RTP payload without padding.
    pub payload: Bytes,
}

/// One encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    /// The codec's bitstream, one whole picture.
    pub data: Bytes,
    /// Whether it can be decoded without what came before.
    pub keyframe: bool,
    /// RTP timestamp, 90 kHz.
    pub timestamp: u32,
}
