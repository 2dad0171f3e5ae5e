//! The simulcast layers in which our video is sent.

use super::TrackSource;

/// One simulcast layer of a video track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimulcastLayer {
    /// RTP stream id (RFC 8852): `q`, `h`, `f` from the smallest up; empty for a track with one layer.
    pub rid: &'static str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Upper bound in kbit/s.
    pub max_kbps: u32,
}

impl SimulcastLayer {
    /// The layers of a track of ours, smallest first: `camera` for the camera, two for a screen, none for audio.
    pub fn for_source(source: TrackSource, camera: &[Self]) -> Vec<Self> {
        match source {
            TrackSource::Camera => camera.to_vec(),
            TrackSource::Screen => Self::for_screen(),
            TrackSource::Microphone | TrackSource::ScreenAudio | TrackSource::Unknown(_) => Vec::new(),
        }
    }

    /// The layers of a shared screen, as livekit-client has them: the whole picture, and half of its width and height. The
    /// sizes are those of a usual screen; what is sent has the size of what is shared.
    fn for_screen() -> Vec<Self> {
        let layer = |rid, width, height, max_kbps| Self { rid, width, height, max_kbps };
        vec![layer("q", 960, 540, 625), layer("h", 1920, 1080, 2500)]
    }

    /// The layers for a camera of this size, smallest first: each half the size of the next. One layer below 480 pixels
    /// of width, two below 960, else three.
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

/// The bitrate that VP8 needs for a talking head: 1.7 Mbit/s at 720p, 500 kbit/s at 360p, 150 kbit/s at 180p.
fn max_kbps(width: u32, height: u32) -> u32 {
    let pixels = f64::from(width) * f64::from(height);
    (1700.0 * (pixels / 921_600.0).powf(0.88)).round().clamp(100.0, 4000.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_sent_in_up_to_three_layers() {
        let sizes = |w, h| SimulcastLayer::for_camera(w, h).iter().map(|l| (l.rid, l.width)).collect::<Vec<_>>();
        assert_eq!(sizes(1280, 720), [("q", 320), ("h", 640), ("f", 1280)]);
        assert_eq!(sizes(640, 360), [("q", 320), ("h", 640)]);
        assert_eq!(sizes(320, 180), [("", 320)]);
        let kbps: Vec<u32> = SimulcastLayer::for_camera(1280, 720).iter().map(|l| l.max_kbps).collect();
        assert_eq!(kbps, [148, 502, 1700]);
    }
}
