//! The format of a camera and of its video frames.

use crate::base::VideoFrame;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Takes a camera's frames, on the camera's thread; the camera drops newer frames while it runs. The `timestamp_us` of a
/// frame is its time of capture in Unix microseconds.
pub(crate) type FrameSink = Arc<dyn Fn(Arc<VideoFrame>) + Send + Sync>;

/// The frame size and rate that a camera is asked for. A real camera gives the nearest it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CameraFormat {
    /// Width in pixels, 160 to 3840.
    pub(crate) width: u32,
    /// Height in pixels, 90 to 2160.
    pub(crate) height: u32,
    /// Frames per second, 1 to 120.
    pub(crate) fps: u32,
}

impl Default for CameraFormat {
    fn default() -> Self {
        Self { width: 1280, height: 720, fps: 30 }
    }
}

impl CameraFormat {
    /// Parses `WIDTHxHEIGHT@FPS`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (size, fps) = text.split_once('@')?;
        let (width, height) = size.split_once('x')?;
        let format = Self { width: width.parse().ok()?, height: height.parse().ok()?, fps: fps.parse().ok()? };
        format.is_valid().then_some(format)
    }

    const fn is_valid(self) -> bool {
        let Self { width, height, fps } = self;
        width >= 160 && width <= 3840 && height >= 90 && height <= 2160 && fps >= 1 && fps <= 120
    }

    /// The time from one frame to the next.
    pub(crate) fn interval(self) -> Duration {
        Duration::from_secs(1) / self.fps.max(1)
    }
}

impl fmt::Display for CameraFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}@{}", self.width, self.height, self.fps)
    }
}

/// The properties of an opened camera or screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::devices) struct OpenedVideo {
    /// The name that people see.
    pub(in crate::devices) label: String,
    /// The format that it delivers.
    pub(in crate::devices) format: CameraFormat,
}
