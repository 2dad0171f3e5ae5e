//! When a screen that does not change is encoded again.
//!
//! A screen gives a frame only when something has changed. The first picture of a change is coarse, so that it is small;
//! the same frame encoded again refines it. Then nothing is encoded until the next change, or until somebody needs a key
//! frame.

use crate::base::VideoFrame;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time after a change in which a frame is refined.
const REFINED_FOR: Duration = Duration::from_secs(2);
/// Time from one encoding to the next.
const INTERVAL: Duration = Duration::from_millis(66);

/// When the next repetition is due.
#[derive(Debug, PartialEq)]
pub(super) enum Due {
    /// This frame is to be encoded now.
    Now(Arc<VideoFrame>),
    At(Instant),
    /// Not before a change or a request.
    Never,
}

/// The last frame of a screen, and until when it is encoded again.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    last: Option<Repeated>,
}

#[derive(Debug)]
struct Repeated {
    frame: Arc<VideoFrame>,
    next: Instant,
    until: Instant,
}

impl Repeats {
    /// A new frame is being encoded.
    pub(super) fn changed(&mut self, frame: Arc<VideoFrame>, now: Instant) {
        self.last = Some(Repeated { frame, next: now + INTERVAL, until: now + REFINED_FOR });
    }

    /// The last frame is to be encoded again at once, and refined anew.
    pub(super) fn again(&mut self, now: Instant) {
        if let Some(last) = &mut self.last {
            (last.next, last.until) = (last.next.min(now), now + REFINED_FOR);
        }
    }

    /// When the last frame is due. [`Due::Now`] counts as encoded.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        match &mut self.last {
            Some(last) if last.next > last.until => Due::Never,
            Some(last) if last.next <= now => {
                last.next = now + INTERVAL;
                Due::Now(last.frame.clone())
            }
            Some(last) => Due::At(last.next),
            None => Due::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(us: u64) -> Arc<VideoFrame> {
        Arc::new(VideoFrame::filled(2, 2, [0; 3], us).expect("a frame"))
    }

    /// The repetitions until none is due any more, and the time after the last.
    fn run(repeats: &mut Repeats, mut now: Instant) -> (usize, Instant) {
        let mut count = 0;
        loop {
            match repeats.due(now) {
                Due::Now(_) => count += 1,
                Due::At(at) => now = at,
                Due::Never => return (count, now),
            }
        }
    }

    #[test]
    fn a_frame_is_refined_for_two_seconds_and_then_no_more() {
        let (mut repeats, t) = (Repeats::default(), Instant::now());
        assert_eq!(repeats.due(t), Due::Never);
        repeats.changed(frame(1), t);
        let (count, end) = run(&mut repeats, t);
        assert_eq!(count, 30);
        assert!(end <= t + REFINED_FOR && end > t + REFINED_FOR - INTERVAL);
        assert_eq!(repeats.due(t + Duration::from_secs(3600)), Due::Never);
    }

    #[test]
    fn a_request_encodes_the_last_frame_at_once() {
        let (mut repeats, t) = (Repeats::default(), Instant::now());
        repeats.again(t);
        assert_eq!(repeats.due(t), Due::Never, "there is none");
        repeats.changed(frame(7), t);
        let (_, end) = run(&mut repeats, t);
        let later = end + Duration::from_secs(60);
        repeats.again(later);
        assert_eq!(repeats.due(later), Due::Now(frame(7)));
        assert_eq!(run(&mut repeats, later).0, 30);
    }
}
