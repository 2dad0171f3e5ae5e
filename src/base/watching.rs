//! Which remote videos are watched, and how large they are shown.

use super::TrackSid;
use std::collections::BTreeMap;

/// How a remote video is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VideoView {
    /// Width in physical pixels, 1 or more.
    pub width: u32,
    /// Height in physical pixels, 1 or more.
    pub height: u32,
    /// Frames a second that suffice; 0 for as many as are sent.
    pub fps: u32,
}

impl VideoView {
    /// Reads `WxH` or `WxH@FPS`. `None` for anything else, and for a size of 0.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (size, fps) = text.split_once('@').map_or((text, Some(0)), |(size, fps)| (size, fps.parse().ok()));
        let (width, height) = size.split_once('x')?;
        let view = Self { width: width.parse().ok()?, height: height.parse().ok()?, fps: fps? };
        (view.width > 0 && view.height > 0).then_some(view)
    }
}

/// The remote videos that are watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WatchedVideos {
    /// All, in the best quality.
    #[default]
    All,
    /// All in this view; `None` for no video at all.
    Each(Option<VideoView>),
    /// These and no others.
    Only(BTreeMap<TrackSid, VideoView>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_written_with_or_without_a_rate() {
        assert_eq!(VideoView::parse("320x180"), Some(VideoView { width: 320, height: 180, fps: 0 }));
        assert_eq!(VideoView::parse("320x180@10"), Some(VideoView { width: 320, height: 180, fps: 10 }));
        for wrong in ["", "320", "0x180", "320x0@5", "320x180@", "x", "-1x5"] {
            assert_eq!(VideoView::parse(wrong), None, "{wrong}");
        }
    }
}
