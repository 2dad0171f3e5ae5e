//! Tracks and the data that devices, codecs and connections exchange: kinds, formats, packets and encoded frames.

use super::{Codec, TrackSid, UserId};
use bytes::Bytes;

/// Audio or video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaKind {
    /// Audio of any source.
    Audio,
    /// Video of any source.
    Video,
}

/// The source that a track is captured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackSource {
    /// A camera.
    Camera,
    /// A microphone.
    Microphone,
    /// A shared screen.
    Screen,
    /// The audio of a shared screen.
    ScreenAudio,
    /// The publisher does not say (LiveKit's `UNKNOWN`).
    Unknown(MediaKind),
}

/// How a remote track is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackRole {
    /// As a user's camera.
    Camera,
    /// As a user's voice.
    Voice,
    /// As a shared screen.
    Screen,
    /// As the audio of a shared screen.
    ScreenAudio,
}

impl TrackSource {
    /// Audio or video.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Camera | Self::Screen => MediaKind::Video,
            Self::Microphone | Self::ScreenAudio => MediaKind::Audio,
            Self::Unknown(kind) => kind,
        }
    }

    /// The word for JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Microphone => "microphone",
            Self::Screen => "screen",
            Self::ScreenAudio => "screen_audio",
            Self::Unknown(_) => "unknown",
        }
    }

    /// How such a track is presented. A track without a source is a camera or a voice.
    pub const fn role(self) -> TrackRole {
        match self {
            Self::Camera | Self::Unknown(MediaKind::Video) => TrackRole::Camera,
            Self::Microphone | Self::Unknown(MediaKind::Audio) => TrackRole::Voice,
            Self::Screen => TrackRole::Screen,
            Self::ScreenAudio => TrackRole::ScreenAudio,
        }
    }

    /// The device of ours that feeds such a track; `None` for a track that no device of ours feeds.
    pub const fn device(self) -> Option<DeviceKind> {
        match self {
            Self::Camera => Some(DeviceKind::Camera),
            Self::Microphone => Some(DeviceKind::Microphone),
            Self::Screen | Self::ScreenAudio => Some(DeviceKind::Screen),
            Self::Unknown(_) => None,
        }
    }
}

impl serde::Serialize for TrackSource {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A remote track: its publisher and its source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackRef {
    /// Its publisher.
    pub user: UserId,
    /// Its source.
    pub source: TrackSource,
    /// Its id at the server.
    pub sid: TrackSid,
}

/// The codec of the video that we send, as LiveKit's messages and the statistics name it.
pub(crate) const VIDEO_CODEC: &str = "vp8";
/// The choice of no device.
pub(crate) const NO_DEVICE: &str = "none";

/// The largest volume of another person, in percent of what they send.
pub(crate) const LOUDEST: u16 = 200;

/// A kind of device that a call can hold open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A camera, real or synthetic.
    Camera,
    /// A microphone, real or synthetic.
    Microphone,
    /// A speaker.
    Speaker,
    /// Screen capture.
    Screen,
}

impl DeviceKind {
    /// All kinds, in the order in which they are opened and released.
    pub const ALL: [Self; 4] = [Self::Camera, Self::Microphone, Self::Speaker, Self::Screen];

    /// The source of the track that the device feeds: the inverse of [`TrackSource::device`]. Screen capture feeds the
    /// screen's audio too. `None` for a device that feeds no track.
    pub const fn source(self) -> Option<TrackSource> {
        match self {
            Self::Camera => Some(TrackSource::Camera),
            Self::Microphone => Some(TrackSource::Microphone),
            Self::Speaker => None,
            Self::Screen => Some(TrackSource::Screen),
        }
    }
}

/// The format of interleaved `f32` samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PcmFormat {
    /// Samples per second and channel, for example 48000.
    pub(crate) rate: u32,
    /// Channels, 1 or more.
    pub(crate) channels: u16,
}

/// One RTP packet of a received track, after the decapsulation of retransmissions (RFC 4588).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaPacket {
    /// RTP sequence number.
    pub(crate) sequence: u16,
    /// RTP timestamp (48 kHz for Opus, 90 kHz for video).
    pub(crate) timestamp: u32,
    /// RTP marker.
    pub(crate) marker: bool,
    /// RTP payload without padding.
    pub(crate) payload: Bytes,
}

/// One encoded video frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EncodedFrame {
    /// Its codec.
    pub(crate) codec: Codec,
    /// The codec's bitstream of one frame: of VP9 with all layers as a superframe, of H.264 as a byte stream with start
    /// codes.
    pub(crate) data: Bytes,
    /// Whether it can be decoded without earlier frames.
    pub(crate) keyframe: bool,
    /// RTP timestamp, 90 kHz.
    pub(crate) timestamp: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_feeds_the_track_of_its_source() {
        for kind in DeviceKind::ALL {
            assert_eq!(kind.source().and_then(TrackSource::device), kind.source().map(|_| kind));
        }
        assert_eq!(TrackSource::ScreenAudio.device(), Some(DeviceKind::Screen));
        assert_eq!(TrackSource::Unknown(MediaKind::Video).device(), None);
    }

    #[test]
    fn a_track_without_a_source_is_of_its_own_kind() {
        let (video, audio) = (TrackSource::Unknown(MediaKind::Video), TrackSource::Unknown(MediaKind::Audio));
        assert_eq!((video.kind(), audio.kind()), (MediaKind::Video, MediaKind::Audio));
        assert_eq!((video.role(), audio.role()), (TrackRole::Camera, TrackRole::Voice));
        assert_eq!(
            serde_json::to_string(&[video, TrackSource::ScreenAudio]).expect("JSON"),
            r#"["unknown","screen_audio"]"#
        );
    }
}
