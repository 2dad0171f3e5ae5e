//! Decoded pictures, and the slot in which only the newest one waits to be drawn.

use std::sync::{Arc, Mutex, PoisonError};

/// Why planes do not make a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VideoFrameError {
    /// Width or height is zero or over 16384.
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
        /// Its length.
        bytes: usize,
        /// What width, height and stride ask for.
        needed: usize,
    },
}

/// One plane of samples, rows top down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plane {
    /// Samples; row `y` starts at `y * stride`.
    pub data: Vec<u8>,
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A picture in I420 (planar YUV 4:2:0, BT.601, limited range unless the decoder says otherwise).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VideoFrame {
    width: u32,
    height: u32,
    planes: [Plane; 3],
    timestamp_us: u64,
}

impl VideoFrame {
    /// Puts planes Y, U, V together; chroma planes are `(width + 1) / 2` by `(height + 1) / 2`.
    /// `timestamp_us` is the time of capture in microseconds, on a clock that its maker names.
    pub fn new(width: u32, height: u32, planes: [Plane; 3], timestamp_us: u64) -> Result<Self, VideoFrameError> {
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

    /// A picture of one colour, tightly packed.
    pub fn filled(width: u32, height: u32, yuv: [u8; 3], timestamp_us: u64) -> Result<Self, VideoFrameError> {
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
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// Plane 0 is Y, 1 is U, 2 is V.
    pub const fn plane(&self, i: usize) -> &Plane {
        &self.planes[i]
    }

    /// The planes for drawing into.
    pub const fn planes_mut(&mut self) -> &mut [Plane; 3] {
        &mut self.planes
    }

    /// Width and height of plane `i` in samples.
    pub const fn plane_size(&self, i: usize) -> (usize, usize) {
        plane_size(self.width, self.height, i)
    }

    /// Time of capture in microseconds.
    pub const fn timestamp_us(&self) -> u64 {
        self.timestamp_us
    }
}

const fn plane_size(width: u32, height: u32, i: usize) -> (usize, usize) {
    let (w, h) = (width as usize, height as usize);
    if i == 0 { (w, h) } else { (w.div_ceil(2), h.div_ceil(2)) }
}

/// Holds the newest picture of one track. A new one replaces one that was never shown; nobody waits.
#[derive(Clone, Default)]
pub struct FrameSlot {
    inner: Arc<Mutex<Slot>>,
}

#[derive(Default)]
struct Slot {
    frame: Option<Arc<VideoFrame>>,
    number: u64,
    taken: u64,
    overwritten: u64,
    wake: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl FrameSlot {
    /// An empty slot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a picture in, then calls the waker, if one is set.
    pub fn put(&self, frame: Arc<VideoFrame>) {
        let wake = {
            let mut s = self.lock();
            if s.frame.is_some() && s.taken < s.number {
                s.overwritten += 1;
            }
            s.number += 1;
            s.frame = Some(frame);
            s.wake.clone()
        };
        if let Some(wake) = wake {
            wake();
        }
    }

    /// The newest picture and its number (1 for the first), marked as shown.
    pub fn latest(&self) -> Option<(u64, Arc<VideoFrame>)> {
        let mut s = self.lock();
        s.taken = s.number;
        s.frame.clone().map(|f| (s.number, f))
    }

    /// The number of the newest picture; 0 before the first.
    pub fn number(&self) -> u64 {
        self.lock().number
    }

    /// Pictures that were replaced before anybody looked.
    pub fn overwritten(&self) -> u64 {
        self.lock().overwritten
    }

    /// Takes the picture out, so that a tile does not show a frozen one.
    pub fn clear(&self) {
        self.lock().frame = None;
    }

    /// Whether both are the same slot, so that a new track of the same person can be told from the old one.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// What to call when a picture arrives: the window asks for a repaint here.
    pub fn set_waker(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.lock().wake = Some(wake);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
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
        let slot = FrameSlot::new();
        for us in 1..=3 {
            slot.put(Arc::new(VideoFrame::filled(2, 2, [us as u8, 0, 0], us).expect("frame")));
        }
        let (number, frame) = slot.latest().expect("a frame");
        assert_eq!((number, frame.timestamp_us(), slot.overwritten()), (3, 3, 2));
        assert!(slot.is_same(&slot.clone()) && !slot.is_same(&FrameSlot::new()));
        slot.clear();
        assert!(slot.latest().is_none());
    }
}
