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
pub(crate) const NO_DEVICE: &str = "none";

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
pub(crate) struct PcmFormat {
    /// Samples a second and channel, for example 48000.
    pub(crate) rate: u32,
    /// Channels, 1 or more.
    pub(crate) channels: u16,
}

/// One RTP packet's worth of a received track, retransmissions already undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaPacket {
    /// RTP sequence number.
    pub(crate) sequence: u16,
    /// RTP timestamp (48 kHz for Opus, 90 kHz for pictures).
    pub(crate) timestamp: u32,
    /// RTP marker.
    pub(crate) marker: bool,
    /// RTP payload without padding.
    pub(crate) payload: Bytes,
}

/// One encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EncodedFrame {
    /// The codec's bitstream, one whole picture.
    pub(crate) data: Bytes,
    /// Whether it can be decoded without what came before.
    pub(crate) keyframe: bool,
    /// RTP timestamp, 90 kHz.
    pub(crate) timestamp: u32,
}
