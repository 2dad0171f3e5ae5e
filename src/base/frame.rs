//! Decoded video frames, and the slot that keeps the newest one for drawing.

use parking_lot::Mutex;
use std::sync::Arc;

/// Why planes do not make a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VideoFrameError {
    /// Width or height is outside 1 to 16384.
    #[error("a picture of {width}x{height} is not possible")]
    Size {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A plane is shorter than its stride times its rows.
    #[error("plane {plane} holds {bytes} bytes, {needed} are needed")]
    Plane {
        /// 0 for Y, 1 for U, 2 for V.
        plane: usize,
        /// The plane's length in bytes.
        bytes: usize,
        /// The length that width, height and stride require.
        needed: usize,
    },
}

/// One plane of samples, rows top down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plane {
    /// Samples; row `y` starts at `y * stride`.
    pub(crate) data: Vec<u8>,
    /// Bytes from one row to the next.
    pub(crate) stride: usize,
}

/// A video frame in I420: planar YUV 4:2:0, BT.601, limited range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VideoFrame {
    width: u32,
    height: u32,
    planes: [Plane; 3],
    timestamp_us: u64,
}

impl VideoFrame {
    /// A frame of the planes Y, U, V; chroma planes are `(width + 1) / 2` by `(height + 1) / 2` samples.
    /// `timestamp_us` is the time of capture in microseconds, on the source's clock.
    pub(crate) fn new(width: u32, height: u32, planes: [Plane; 3], timestamp_us: u64) -> Result<Self, VideoFrameError> {
        if !(1..=16384).contains(&width) || !(1..=16384).contains(&height) {
            return Err(VideoFrameError::Size { width, height });
        }
        for (plane, p) in planes.iter().enumerate() {
            let (w, h) = plane_size(width, height, plane);
            let needed = p.stride.max(w) * (h - 1) + w;
            if p.data.len() < needed || p.stride < w {
                return Err(VideoFrameError::Plane { plane, bytes: p.data.len(), needed });
            }
        }
        Ok(Self { width, height, planes, timestamp_us })
    }

    /// A frame of one colour, without padding.
    pub(crate) fn filled(width: u32, height: u32, yuv: [u8; 3], timestamp_us: u64) -> Result<Self, VideoFrameError> {
        if !(1..=16384).contains(&width) || !(1..=16384).contains(&height) {
            return Err(VideoFrameError::Size { width, height });
        }
        let planes = std::array::from_fn(|i| {
            let (w, h) = plane_size(width, height, i);
            Plane { data: vec![yuv[i]; w * h], stride: w }
        });
        Self::new(width, height, planes, timestamp_us)
    }

    /// Width in pixels.
    pub(crate) const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub(crate) const fn height(&self) -> u32 {
        self.height
    }

    /// Plane 0 is Y, 1 is U, 2 is V.
    pub(crate) const fn plane(&self, i: usize) -> &Plane {
        &self.planes[i]
    }

    /// The planes for drawing into.
    pub(crate) const fn planes_mut(&mut self) -> &mut [Plane; 3] {
        &mut self.planes
    }

    /// Width and height of plane `i` in samples.
    pub(crate) const fn plane_size(&self, i: usize) -> (usize, usize) {
        plane_size(self.width, self.height, i)
    }

    /// Time of capture in microseconds.
    pub(crate) const fn timestamp_us(&self) -> u64 {
        self.timestamp_us
    }
}

const fn plane_size(width: u32, height: u32, i: usize) -> (usize, usize) {
    let (w, h) = (width as usize, height as usize);
    if i == 0 { (w, h) } else { (w.div_ceil(2), h.div_ceil(2)) }
}

/// Holds the newest frame of one track. A new frame replaces an older one, shown or not; `put` never blocks.
#[derive(Clone, Default)]
pub(crate) struct FrameSlot {
    inner: Arc<Mutex<Slot>>,
}

#[derive(Default)]
struct Slot {
    frame: Option<Arc<VideoFrame>>,
    number: u64,
    cleared: u64,
    wake: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl FrameSlot {
    /// Stores a frame, then calls the waker, if one is set.
    pub(crate) fn put(&self, frame: Arc<VideoFrame>) {
        let wake = {
            let mut s = self.inner.lock();
            s.number += 1;
            s.frame = Some(frame);
            s.wake.clone()
        };
        if let Some(wake) = wake {
            wake();
        }
    }

    /// The newest frame and its number, counted from 1.
    pub(crate) fn latest(&self) -> Option<(u64, Arc<VideoFrame>)> {
        let s = self.inner.lock();
        s.frame.clone().map(|f| (s.number, f))
    }

    /// The number of the newest frame; 0 before the first.
    pub(crate) fn number(&self) -> u64 {
        self.inner.lock().number
    }

    /// Drops the frame, so that a tile does not show a frozen one.
    pub(crate) fn clear(&self) {
        let mut s = self.inner.lock();
        s.frame = None;
        s.cleared = s.number;
    }

    /// The number of the newest frame when the slot was cleared last; 0 if it never was. Frames with a higher number are of
    /// the time after.
    pub(crate) fn cleared(&self) -> u64 {
        self.inner.lock().cleared
    }

    /// Whether both are handles of the same slot.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Sets the function that `put` calls; the window requests a repaint there.
    pub(crate) fn set_waker(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.inner.lock().wake = Some(wake);
    }
}

/// Two handles are equal when they are of the same slot, whatever frame it holds.
impl PartialEq for FrameSlot {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other)
    }
}

impl std::fmt::Debug for FrameSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FrameSlot(#{})", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_plane_is_refused() {
        let p = |n: usize, stride| Plane { data: vec![0; n], stride };
        assert!(VideoFrame::new(4, 4, [p(16, 4), p(4, 2), p(4, 2)], 0).is_ok());
        let err = VideoFrame::new(4, 4, [p(16, 4), p(3, 2), p(4, 2)], 0).expect_err("short");
        assert_eq!(err, VideoFrameError::Plane { plane: 1, bytes: 3, needed: 4 });
        assert!(VideoFrame::filled(0, 4, [0; 3], 0).is_err());
    }

    #[test]
    fn the_slot_keeps_the_newest() {
        let slot = FrameSlot::default();
        for us in 1..=3 {
            slot.put(Arc::new(VideoFrame::filled(2, 2, [us as u8, 0, 0], us).expect("frame")));
        }
        let (number, frame) = slot.latest().expect("a frame");
        assert_eq!((number, frame.timestamp_us()), (3, 3));
        assert!(slot.is_same(&slot.clone()) && !slot.is_same(&FrameSlot::default()));
        slot.clear();
        assert!(slot.latest().is_none());
    }
}
