//! Decodes one remote video track on a thread of its own, waits for lip sync, and puts each frame into the slot that the
//! window shows. A newer frame replaces one that was not drawn.

use super::decodability::Decodability;
use super::lipsync::LipSync;
use super::panic_point::panic_point;
use super::pictures::PictureInput;
use super::restart::restart_on_panic;
use crate::base::{Codec, EncodedFrame, Moment, Undecodable, VideoFrame};
use crate::codec::{VideoDecoder, is_sealed, turn_upright};
use crate::rtc::{KeyframeRequester, SenderClock, VideoMedia};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A longer time between two frames counts as a freeze.
const FREEZE: Duration = Duration::from_millis(200);

/// Statistics of a decoder, since its start.
#[derive(Debug, Default)]
pub(super) struct DecoderStatistics {
    /// Frames decoded.
    pub(super) frames: AtomicU64,
    /// Times between two frames that were longer than 200 ms.
    pub(super) freezes: AtomicU64,
    /// Width of the last frame in the upper half, its height in the lower.
    size: AtomicU64,
    /// Microseconds by which the last frame was shown before its audio was heard; [`NOT_HEARD`] without audio.
    pub(super) ahead_us: AtomicI64,
    /// Microseconds from the arrival of the last frame to the slot.
    pub(super) delay_us: AtomicU64,
    /// Why its frames cannot be decoded at present.
    undecodable: Mutex<Option<Undecodable>>,
    /// The codec of the last frame.
    codec: Mutex<Option<Codec>>,
}

impl DecoderStatistics {
    /// Milliseconds by which the last frame was shown before its audio was heard; negative if it was shown after.
    pub(super) fn ahead_ms(&self) -> Option<f64> {
        Some(self.ahead_us.load(Relaxed)).filter(|us| *us != NOT_HEARD).map(|us| us as f64 / 1000.0)
    }

    /// Why its frames cannot be decoded at present; `None` if they can.
    pub(super) fn undecodable(&self) -> Option<Undecodable> {
        *self.undecodable.lock()
    }

    /// The codec of the last frame; `None` before the first.
    pub(super) fn codec(&self) -> Option<Codec> {
        *self.codec.lock()
    }

    /// Width and height of the last frame; 0 before the first.
    pub(super) fn size(&self) -> (u32, u32) {
        let size = self.size.load(Relaxed);
        ((size >> 32) as u32, size as u32)
    }
}

/// There is no audio to compare with.
const NOT_HEARD: i64 = i64::MIN;

/// Called with each decoded frame, in order, on the decoder's thread.
pub(crate) type VideoTap = Arc<dyn Fn(&VideoFrame) + Send + Sync>;

/// A remote video track that is decoded. Dropping it ends the thread after the current frame.
pub(super) struct VideoDecoderTask {
    stop: CancellationToken,
    statistics: Arc<DecoderStatistics>,
}

/// The input and output of a decoder's thread.
pub(super) struct VideoDecoderInput {
    /// Encoded frames, in decoding order.
    pub(super) media: mpsc::Receiver<VideoMedia>,
    /// Requests a key frame from the sender.
    pub(super) keyframe: KeyframeRequester,
    /// Maps RTP timestamps to the sender's clock.
    pub(super) clock: SenderClock,
    /// Tells how long to wait for the audio.
    pub(super) lipsync: Arc<LipSync>,
    /// Where the window finds the pictures.
    pub(super) pictures: PictureInput,
    /// Gets each decoded frame.
    pub(super) tap: Option<VideoTap>,
    /// Called after the first picture was put where the window finds it, also after an "off".
    pub(super) began: Box<dyn Fn() + Send>,
}

/// A decoder that knows whether its frames can be decoded.
struct JudgingDecoder {
    raw: VideoDecoder,
    state: Decodability,
    began: Instant,
}

impl JudgingDecoder {
    fn new() -> Self {
        Self { raw: VideoDecoder::default(), state: Decodability::default(), began: Instant::now() }
    }

    /// The picture of a frame, if there is one to show. What was shown before is not shown while frames cannot be decoded.
    fn decode(
        &mut self,
        frame: &EncodedFrame,
        timestamp_us: u64,
        source: &VideoDecoderInput,
        statistics: &DecoderStatistics,
    ) -> Option<VideoFrame> {
        *statistics.codec.lock() = Some(frame.codec);
        let picture = if is_sealed(&frame.data) {
            self.state.sealed();
            None
        } else {
            match self.raw.decode(frame, timestamp_us) {
                Ok(picture) => {
                    self.state.decoded();
                    picture
                }
                Err(error) => {
                    tracing::debug!(%error, "a frame was not decoded");
                    self.state.failed(Moment::ZERO + self.began.elapsed());
                    source.keyframe.request();
                    None
                }
            }
        };
        let why = self.state.why();
        if std::mem::replace(&mut *statistics.undecodable.lock(), why).is_none() && why.is_some() {
            source.pictures.clear();
        }
        picture
    }
}

impl VideoDecoderTask {
    /// Starts the thread. `ended` is called when the media ends, not when it is stopped.
    pub(super) fn start(name: &str, mut source: VideoDecoderInput, ended: impl FnOnce() + Send + 'static) -> Self {
        let stop = CancellationToken::new();
        let statistics =
            Arc::new(DecoderStatistics { ahead_us: AtomicI64::new(NOT_HEARD), ..DecoderStatistics::default() });
        let (theirs, counts, runtime) = (stop.clone(), statistics.clone(), Handle::current());
        let body = move || {
            restart_on_panic("decoder", || decode(&mut source, &theirs, &counts, &runtime));
            source.pictures.clear();
            if !theirs.is_cancelled() {
                ended();
            }
        };
        let short: String = name.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        if let Err(error) = std::thread::Builder::new().name(format!("decode-{short}")).spawn(body) {
            tracing::error!(%error, "no thread for a decoder");
        }
        Self { stop, statistics }
    }

    /// Its statistics.
    pub(super) fn statistics(&self) -> &Arc<DecoderStatistics> {
        &self.statistics
    }
}

impl Drop for VideoDecoderTask {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Decodes until the media ends or is stopped. After a panic this runs again with a new decoder, which fails until the
/// next key frame and requests one.
fn decode(source: &mut VideoDecoderInput, stop: &CancellationToken, statistics: &DecoderStatistics, runtime: &Handle) {
    let mut decoder = JudgingDecoder::new();
    let mut last: Option<Instant> = None;
    let mut interruptions = source.pictures.interruptions();
    let mut sending = source.pictures.sending();
    // After an "off", only a key frame ends the pictures of before.
    let mut is_new = true;
    loop {
        let step = runtime.block_on(async {
            tokio::select! {
                biased;
                () = stop.cancelled() => None,
                () = source.pictures.changed() => Some(Step::Switched),
                media = source.media.recv() => media.map(Step::Media),
            }
        });
        let (encoded, orientation) = match step {
            None => break,
            Some(Step::Switched) => {
                sending = source.pictures.sending();
                while source.media.try_recv().is_ok() {}
                (is_new, last) = (false, None);
                continue;
            }
            Some(Step::Media(VideoMedia::Gap)) => continue,
            Some(Step::Media(VideoMedia::Frame(encoded, orientation))) => (encoded, orientation),
        };
        is_new |= encoded.keyframe;
        if !sending.on {
            continue;
        }
        if !is_new {
            source.keyframe.request();
            continue;
        }
        panic_point("decoder");
        let arrived = Instant::now();
        let micros = source.clock.sender_micros(encoded.timestamp);
        let timestamp_us = micros.unwrap_or_default().unsigned_abs();
        let Some(frame) = decoder.decode(&encoded, timestamp_us, source, statistics) else { continue };
        let frame = turn_upright(frame, orientation);
        if let Some(tap) = &source.tap {
            tap(&frame);
        }
        if let Some(wait) = micros.map(|m| source.lipsync.wait_for_audio(m)).filter(|w| !w.is_zero()) {
            std::thread::sleep(wait);
        }
        let now = Instant::now();
        if std::mem::replace(&mut interruptions, source.pictures.interruptions()) != interruptions {
            last = None;
        }
        let before = last.replace(now);
        let is_freeze = before.is_some_and(|last| now - last > FREEZE);
        source.pictures.show(frame, sending, |frame| {
            statistics.freezes.fetch_add(is_freeze.into(), Relaxed);
            statistics.size.store(u64::from(frame.width()) << 32 | u64::from(frame.height()), Relaxed);
            statistics.delay_us.store((now - arrived).as_micros() as u64, Relaxed);
            statistics.ahead_us.store(micros.and_then(|m| source.lipsync.ahead(m)).unwrap_or(NOT_HEARD), Relaxed);
            statistics.frames.fetch_add(1, Relaxed);
        });
        if before.is_none() {
            (source.began)();
        }
    }
}

/// What a decoder waits for.
enum Step {
    /// The track has begun or ceased to send.
    Switched,
    Media(VideoMedia),
}
