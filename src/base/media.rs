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

/// One size in which a picture is sent (a simulcast layer).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureLayer {
    /// RTP stream id: `q`, `h`, `f` from the smallest up; empty for a picture in one size only.
    pub rid: &'static str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Kilobits a second at most.
    pub max_kbps: u32,
}

impl PictureLayer {
    /// The layers in which a camera's picture of this size is sent, smallest first: halves down to 160 wide, at most 3.
    pub fn for_camera(width: u32, height: u32) -> Vec<Self> {
        let count = if width >= 960 {
            3
        } else if width >= 480 {
            2
        } else {
            1
        };
        let rids: &[&str] = if count == 1 { &[""] } else { &["q", "h", "f"] };
        let layer = |i: u32| {
            let divisor = 1 << (count - 1 - i);
            let (width, height) = ((width / divisor) & !1, (height / divisor) & !1);
            Self { rid: rids[i as usize], width, height, max_kbps: max_kbps(width, height) }
        };
        (0..count).map(layer).collect()
    }
}

/// What VP8 needs for a good talking picture: 1.7 Mbit/s at 720p, 500 kbit/s at 360p, 150 kbit/s at 180p.
fn max_kbps(width: u32, height: u32) -> u32 {
    let pixels = f64::from(width) * f64::from(height);
    (1700.0 * (pixels / 921_600.0).powf(0.88)).round().clamp(100.0, 4000.0) as u32
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_sent_in_up_to_three_sizes() {
        let sizes = |w, h| PictureLayer::for_camera(w, h).iter().map(|l| (l.rid, l.width)).collect::<Vec<_>>();
        assert_eq!(sizes(1280, 720), [("q", 320), ("h", 640), ("f", 1280)]);
        assert_eq!(sizes(640, 360), [("q", 320), ("h", 640)]);
        assert_eq!(sizes(320, 180), [("", 320)]);
        let kbps: Vec<u32> = PictureLayer::for_camera(1280, 720).iter().map(|l| l.max_kbps).collect();
        assert_eq!(kbps, [148, 502, 1700]);
    }
}
