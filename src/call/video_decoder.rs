//! From the wire to the tile: each remote picture is decoded on a thread of its own and waits, newest first, in a slot.

use super::lipsync::LipSync;
use super::panic_point::panic_point;
use super::restart::restart_on_panic;
use crate::base::{FrameSlot, VideoFrame};
use crate::codec::Vp8Decoder;
use crate::rtc::{KeyframeRequester, SenderClock, VideoMedia};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A pause of the picture over so long counts as a freeze.
const FREEZE: Duration = Duration::from_millis(200);

/// What a decoder counts.
#[derive(Debug, Default)]
pub(super) struct DecoderStatistics {
    /// Pictures decoded.
    pub(crate) frames: AtomicU64,
    /// Pauses over 200 ms.
    pub(crate) freezes: AtomicU64,
    /// Width of the last picture in the upper, height in the lower half.
    size: AtomicU64,
    /// Microseconds by which the last picture was ahead of its sound; [`NOT_HEARD`] without sound.
    pub(crate) ahead_us: AtomicI64,
    /// Microseconds between arrival and slot of the last picture.
    pub(crate) delay_us: AtomicU64,
}

impl DecoderStatistics {
    /// Milliseconds by which the last picture was ahead of its sound; less than 0: it came after it.
    pub(super) fn ahead_ms(&self) -> Option<f64> {
        Some(self.ahead_us.load(Relaxed)).filter(|us| *us != NOT_HEARD).map(|us| us as f64 / 1000.0)
    }

    /// Width and height of the last picture; 0 before the first.
    pub(super) fn size(&self) -> (u32, u32) {
        let size = self.size.load(Relaxed);
        ((size >> 32) as u32, size as u32)
    }
}

/// No sound to compare with.
const NOT_HEARD: i64 = i64::MIN;

/// Called with each decoded picture, in order: what `--verify` reads.
pub(crate) type VideoTap = Arc<dyn Fn(&VideoFrame) + Send + Sync>;

/// A remote picture being decoded. Dropping it ends its thread after the picture at hand.
pub(super) struct VideoDecoderTask {
    stop: CancellationToken,
    figures: Arc<DecoderStatistics>,
}

/// What a decoder's thread works with.
pub(super) struct VideoDecoderInput {
    /// Whole frames in decoding order.
    pub(crate) media: mpsc::Receiver<VideoMedia>,
    /// Asks for a picture that stands on its own.
    pub(crate) keyframe: KeyframeRequester,
    /// The stream's time.
    pub(crate) clock: SenderClock,
    /// When each picture is due.
    pub(crate) lipsync: Arc<LipSync>,
    /// Where it is shown.
    pub(crate) slot: FrameSlot,
    /// Who reads along.
    pub(crate) tap: Option<VideoTap>,
}

impl VideoDecoderTask {
    /// Starts the thread. `ended` is called when the media ends, not when it is stopped.
    pub(super) fn start(name: &str, mut source: VideoDecoderInput, ended: impl FnOnce() + Send + 'static) -> Self {
        let stop = CancellationToken::new();
        let figures =
            Arc::new(DecoderStatistics { ahead_us: AtomicI64::new(NOT_HEARD), ..DecoderStatistics::default() });
        let (theirs, counts, runtime) = (stop.clone(), figures.clone(), Handle::current());
        let body = move || {
            restart_on_panic("decoder", || decode(&mut source, &theirs, &counts, &runtime));
            source.slot.clear();
            if !theirs.is_cancelled() {
                ended();
            }
        };
        let short: String = name.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        if let Err(error) = std::thread::Builder::new().name(format!("decode-{short}")).spawn(body) {
            tracing::error!(%error, "no thread for a decoder");
        }
        Self { stop, figures }
    }

    /// What it counts.
    pub(super) fn figures(&self) -> &Arc<DecoderStatistics> {
        &self.figures
    }
}

impl Drop for VideoDecoderTask {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Decodes until the media ends or is stopped. After a panic a new decoder knows nothing of what came before: it fails
/// until the key frame that it asks for.
fn decode(source: &mut VideoDecoderInput, stop: &CancellationToken, figures: &DecoderStatistics, runtime: &Handle) {
    let mut decoder = match Vp8Decoder::new() {
        Ok(decoder) => decoder,
        Err(error) => return tracing::error!(%error, "no decoder"),
    };
    let mut last: Option<Instant> = None;
    loop {
        let next = runtime.block_on(async {
            tokio::select! {
                biased;
                () = stop.cancelled() => None,
                media = source.media.recv() => media,
            }
        });
        let Some(media) = next else { break };
        let VideoMedia::Frame(encoded) = media else { continue };
        panic_point("decoder");
        let arrived = Instant::now();
        let micros = source.clock.sender_micros(encoded.timestamp);
        let frame = match decoder.decode(&encoded.data, micros.unwrap_or_default().unsigned_abs()) {
            Ok(Some(frame)) => frame,
            Ok(None) => continue,
            Err(error) => {
                tracing::debug!(%error, "a picture could not be decoded");
                source.keyframe.request();
                continue;
            }
        };
        if let Some(tap) = &source.tap {
            tap(&frame);
        }
        if let Some(wait) = micros.map(|m| source.lipsync.wait_for_sound(m)).filter(|w| !w.is_zero()) {
            std::thread::sleep(wait);
        }
        let now = Instant::now();
        if last.replace(now).is_some_and(|last| now - last > FREEZE) {
            figures.freezes.fetch_add(1, Relaxed);
        }
        figures.frames.fetch_add(1, Relaxed);
        figures.size.store(u64::from(frame.width()) << 32 | u64::from(frame.height()), Relaxed);
        figures.delay_us.store((now - arrived).as_micros() as u64, Relaxed);
        figures.ahead_us.store(micros.and_then(|m| source.lipsync.ahead(m)).unwrap_or(NOT_HEARD), Relaxed);
        source.slot.put(Arc::new(frame));
    }
}
