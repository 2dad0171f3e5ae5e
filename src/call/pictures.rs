//! The pictures of a remote video track on their way to the window. A picture from before an "off" is not shown after it,
//! wherever it was when the track was turned off: in the queue, in the decoder, or waiting for its audio.

use crate::base::{FrameSlot, VideoFrame};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use tokio::sync::watch;

/// Whether a track sends, and how often that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sending {
    pub(super) on: bool,
    changes: u32,
}

/// The pictures of one track. They outlive its decoder: a track may be bound again.
pub(super) struct Pictures {
    slot: FrameSlot,
    sending: watch::Sender<Sending>,
    /// How often nobody has begun or ceased to watch it.
    interruptions: Arc<AtomicU32>,
}

impl Default for Pictures {
    /// A track that sends.
    fn default() -> Self {
        let sending = watch::Sender::new(Sending { on: true, changes: 0 });
        Self { slot: FrameSlot::default(), sending, interruptions: Arc::default() }
    }
}

impl Pictures {
    /// Where the window finds them.
    pub(super) fn slot(&self) -> &FrameSlot {
        &self.slot
    }

    /// The track sends from now on, or not.
    pub(super) fn set_sending(&self, on: bool) {
        self.sending.send_modify(|sending| *sending = Sending { on, changes: sending.changes.wrapping_add(1) });
        self.slot.clear();
    }

    /// They stop for a while because nobody watches, or come again.
    pub(super) fn interrupt(&self) {
        self.interruptions.fetch_add(1, Relaxed);
    }

    /// The end for the track's decoder.
    pub(super) fn input(&self) -> PictureInput {
        let interruptions = self.interruptions.clone();
        PictureInput { slot: self.slot.clone(), sending: self.sending.subscribe(), interruptions }
    }
}

/// Where a decoder puts the pictures of its track.
pub(super) struct PictureInput {
    slot: FrameSlot,
    sending: watch::Receiver<Sending>,
    interruptions: Arc<AtomicU32>,
}

impl PictureInput {
    /// Whether the track sends now.
    pub(super) fn sending(&mut self) -> Sending {
        *self.sending.borrow_and_update()
    }

    /// How often nobody has begun or ceased to watch the track.
    pub(super) fn interruptions(&self) -> u32 {
        self.interruptions.load(Relaxed)
    }

    /// Waits until the track begins or ceases to send; for ever if nobody tells any more.
    pub(super) async fn changed(&mut self) {
        if self.sending.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Shows a picture, unless the track was turned off since it sent `then`. `count` is called before.
    pub(super) fn show(&self, frame: VideoFrame, then: Sending, count: impl FnOnce(&VideoFrame)) {
        let now = self.sending.borrow();
        if *now == then && then.on {
            count(&frame);
            self.slot.put(Arc::new(frame));
        }
    }

    /// Removes the last picture: no other follows.
    pub(super) fn clear(&self) {
        self.slot.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> VideoFrame {
        VideoFrame::filled(2, 2, [0; 3], 0).expect("a frame")
    }

    #[test]
    fn a_picture_from_before_an_off_is_not_shown_after_it() {
        let pictures = Pictures::default();
        let mut input = pictures.input();
        let before = input.sending();
        input.show(frame(), before, |_| ());
        assert!(pictures.slot().latest().is_some());
        pictures.set_sending(false);
        assert!(pictures.slot().latest().is_none(), "the window shows the avatar");
        let mut counted = 0;
        for on in [false, true] {
            pictures.set_sending(on);
            input.show(frame(), before, |_| counted += 1);
            assert!(pictures.slot().latest().is_none(), "it was in the decoder all the time");
        }
        let now = input.sending();
        input.show(frame(), now, |_| counted += 1);
        assert_eq!((pictures.slot().latest().is_some(), counted), (true, 1));
    }
}
