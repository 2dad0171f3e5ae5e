//! Where the frames of a camera or a shared screen go: to our own tile, and to the encoders while the track sends.

use super::VideoEncoder;
use crate::base::{FrameSlot, VideoFrame};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A longer time between two frames counts as a freeze.
const FREEZE: Duration = Duration::from_millis(200);

/// The way of the frames of one kind of device.
#[derive(Default)]
pub(crate) struct VideoFanout {
    own: FrameSlot,
    encoder: Mutex<Option<Arc<VideoEncoder>>>,
    /// Whether new frames are dropped: the others go on seeing the last one.
    paused: AtomicBool,
    counts: Mutex<FrameCounts>,
}

/// What a device has delivered since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::call) struct FrameCounts {
    /// The number of the opening, from 1; 0 before the first.
    pub(in crate::call) opening: u64,
    /// Whether the device is on.
    pub(in crate::call) is_on: bool,
    /// Frames.
    pub(in crate::call) frames: u64,
    /// Times between two frames that were longer than 200 ms.
    pub(in crate::call) freezes: u64,
    /// Width and height of the last frame; 0 before the first.
    pub(in crate::call) size: (u32, u32),
    last: Option<Instant>,
}

impl FrameCounts {
    fn add(&mut self, frame: &VideoFrame, now: Instant) {
        self.frames += 1;
        self.size = (frame.width(), frame.height());
        let before = self.last.replace(now);
        self.freezes += u64::from(before.is_some_and(|before| now.saturating_duration_since(before) > FREEZE));
    }
}

/// Where the frames of one opening of the device go.
pub(in crate::call) struct VideoSink {
    fanout: Arc<VideoFanout>,
    /// The number of the opening: the next one may begin before this one has ended.
    opening: u64,
    /// Whether the device is on: a driver may deliver frames until it is closed, which can take a while.
    is_on: Mutex<bool>,
}

impl VideoSink {
    /// Takes a frame, on the device's thread. After [`VideoSink::end`] it is dropped.
    pub(in crate::call) fn put(&self, frame: Arc<VideoFrame>) {
        let is_on = self.is_on.lock();
        if *is_on {
            let mut counts = self.fanout.counts.lock();
            if counts.opening == self.opening {
                counts.add(&frame, Instant::now());
            }
            drop(counts);
            self.fanout.put(frame);
        }
    }

    /// The device is off: its last frame is neither shown nor sent any more.
    pub(in crate::call) fn end(&self) {
        *self.is_on.lock() = false;
        let mut counts = self.fanout.counts.lock();
        counts.is_on &= counts.opening != self.opening;
        drop(counts);
        self.fanout.clear();
    }
}

impl VideoFanout {
    /// The slot of our own tile.
    pub(in crate::call) fn own_slot(&self) -> &FrameSlot {
        &self.own
    }

    /// Begins an opening of the device. A pause ends: it was about what was shown before.
    pub(in crate::call) fn begin(self: &Arc<Self>) -> Arc<VideoSink> {
        self.pause(false);
        let mut counts = self.counts.lock();
        let opening = counts.opening + 1;
        *counts = FrameCounts { opening, is_on: true, ..FrameCounts::default() };
        Arc::new(VideoSink { fanout: self.clone(), opening, is_on: Mutex::new(true) })
    }

    /// Drops new frames from now on, or takes them again.
    pub(in crate::call) fn pause(&self, paused: bool) {
        self.paused.store(paused, Relaxed);
    }

    /// Whether new frames are dropped.
    pub(in crate::call) fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// What the device has delivered since it was opened.
    pub(in crate::call) fn counts(&self) -> FrameCounts {
        *self.counts.lock()
    }

    fn put(&self, frame: Arc<VideoFrame>) {
        if self.is_paused() {
            return;
        }
        let encoder = self.encoder.lock().clone();
        if let Some(encoder) = encoder {
            encoder.put(&frame);
        }
        self.own.put(frame);
    }

    /// Connects or disconnects the encoders. The newest frame goes to new ones at once: another may not come while a screen
    /// stands still. Those that are disconnected forget their frames.
    pub(in crate::call) fn connect(&self, encoder: Option<Arc<VideoEncoder>>) {
        if let (Some(encoder), Some((_, frame))) = (&encoder, self.own.latest()) {
            encoder.put(&frame);
        }
        let before = std::mem::replace(&mut *self.encoder.lock(), encoder.clone());
        if let Some(before) = before.filter(|before| encoder.is_none_or(|now| !Arc::ptr_eq(before, &now))) {
            before.forget_frame();
        }
    }

    fn clear(&self) {
        self.own.clear();
        if let Some(encoder) = &*self.encoder.lock() {
            encoder.forget_frame();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(us: u64) -> Arc<VideoFrame> {
        Arc::new(VideoFrame::filled(2, 2, [0; 3], us).expect("a frame"))
    }

    fn shown(fanout: &VideoFanout) -> Option<u64> {
        fanout.own_slot().latest().map(|(_, frame)| frame.timestamp_us())
    }

    #[test]
    fn frames_of_a_device_that_is_off_are_dropped() {
        let fanout = Arc::new(VideoFanout::default());
        let first = fanout.begin();
        first.put(frame(1));
        assert_eq!(shown(&fanout), Some(1));
        first.end();
        first.put(frame(2));
        assert_eq!(shown(&fanout), None, "its driver was not closed yet");
        let second = fanout.begin();
        first.put(frame(3));
        assert_eq!(shown(&fanout), None, "the other opening has given no frame yet");
        second.put(frame(4));
        assert_eq!(shown(&fanout), Some(4));
    }

    #[test]
    fn frames_and_long_pauses_of_an_opening_are_counted() {
        let mut counts = FrameCounts::default();
        let start = Instant::now();
        for ms in [0, 33, 66, 266, 467, 500] {
            counts.add(&frame(1), start + Duration::from_millis(ms));
        }
        assert_eq!((counts.frames, counts.freezes, counts.size), (6, 1, (2, 2)), "200 ms are no freeze, 201 ms are");
        let fanout = Arc::new(VideoFanout::default());
        let sink = fanout.begin();
        sink.put(frame(1));
        assert_eq!((fanout.counts().frames, fanout.counts().is_on), (1, true));
        sink.end();
        assert!(!fanout.counts().is_on);
        let other = fanout.begin();
        let third = fanout.begin();
        other.put(frame(2));
        other.end();
        let now = fanout.counts();
        assert_eq!((now.frames, now.opening, now.is_on), (0, 3, true), "each opening counts alone");
        third.end();
    }

    #[test]
    fn a_pause_keeps_the_last_frame_until_it_ends_or_something_else_is_shared() {
        let fanout = Arc::new(VideoFanout::default());
        let sink = fanout.begin();
        sink.put(frame(1));
        fanout.pause(true);
        sink.put(frame(2));
        assert_eq!(shown(&fanout), Some(1));
        fanout.pause(false);
        sink.put(frame(3));
        assert_eq!(shown(&fanout), Some(3));
        fanout.pause(true);
        sink.end();
        fanout.begin().put(frame(4));
        assert_eq!(shown(&fanout), Some(4));
    }
}
