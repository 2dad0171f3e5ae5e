//! The audio thread: a tick every 10 ms of the monotonic clock until it is told to end.

use super::pipeline::{AudioCommand, AudioPipeline};
use super::receive_stream::PlayoutPosition;
use super::report::{AudioReport, AudioStreamReport};
use crate::base::Moment;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The time between two ticks.
const TICK: Duration = Duration::from_millis(10);
/// When the thread is later than this, the ticks it missed are left out.
const CATCH_UP_LIMIT: Duration = Duration::from_millis(100);
/// Commands that wait for the next tick; further ones are refused.
const COMMAND_QUEUE: usize = 64;
/// A tick that panics loses its 10 ms of audio. After this many in a row the thread ends.
const MAX_PANICS: u32 = 20;

/// The handle of the running thread. Dropping it asks the thread to end and does not wait.
pub(super) struct AudioThread {
    pub(super) commands: SyncSender<AudioCommand>,
    /// The origin of the thread's [`Moment`]s.
    pub(super) epoch: Instant,
    shared: Arc<Shared>,
    /// Disconnects when the thread ends.
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    report: Mutex<AudioReport>,
}

/// The time since `epoch`.
pub(super) fn moment(epoch: Instant) -> Moment {
    Moment::from_micros(epoch.elapsed().as_micros() as u64)
}

impl AudioThread {
    pub(super) fn start(pipeline: AudioPipeline) -> std::io::Result<Self> {
        let (commands, queue) = sync_channel(COMMAND_QUEUE);
        let (end, ended) = sync_channel(0);
        let (shared, epoch) = (Arc::new(Shared::default()), Instant::now());
        let worker = Worker { pipeline, queue, shared: shared.clone(), epoch };
        let thread = std::thread::Builder::new().name("audio".into()).spawn(move || {
            worker.run();
            // Nothing is ever sent: dropping the sender tells that the thread ends.
            drop::<SyncSender<()>>(end);
        })?;
        Ok(Self { commands, epoch, shared, ended, thread: Some(thread) })
    }

    pub(super) fn report(&self) -> AudioReport {
        self.shared.report.lock().clone()
    }

    /// Ends the thread and waits for that at most `limit`. Returns whether it ended in time.
    pub(super) fn stop(mut self, limit: Duration) -> bool {
        self.ask_to_end();
        let ended = self.ended.recv_timeout(limit) == Err(RecvTimeoutError::Disconnected);
        if let Some(thread) = self.thread.take().filter(|_| ended)
            && thread.join().is_err()
        {
            tracing::error!("the audio thread panicked");
        }
        ended
    }

    fn ask_to_end(&self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for AudioThread {
    fn drop(&mut self) {
        self.ask_to_end();
    }
}

struct Worker {
    pipeline: AudioPipeline,
    queue: Receiver<AudioCommand>,
    shared: Arc<Shared>,
    epoch: Instant,
}

impl Worker {
    fn run(mut self) {
        let mut panics = 0;
        let mut next = Instant::now();
        while !self.shared.stop.load(Ordering::Acquire) {
            match catch_unwind(AssertUnwindSafe(|| self.tick())) {
                Ok(()) => panics = 0,
                Err(_) => panics += 1,
            }
            if panics == MAX_PANICS {
                tracing::error!(panics, "the audio thread ends after panics");
                return;
            }
            next += TICK;
            let now = Instant::now();
            if now > next + CATCH_UP_LIMIT {
                next = now;
            }
            std::thread::park_timeout(next.saturating_duration_since(now));
        }
    }

    fn tick(&mut self) {
        for command in self.queue.try_iter() {
            self.pipeline.handle(command);
        }
        let now = moment(self.epoch);
        self.pipeline.tick(now);
        let mut report = self.shared.report.lock();
        report.microphone = self.pipeline.microphone_level();
        report.streams.clear();
        let at = |moment: Moment| self.epoch + Duration::from_micros(moment.as_micros());
        report.streams.extend(self.pipeline.stream_states(now).map(|stream| AudioStreamReport {
            id: stream.id,
            statistics: stream.statistics,
            playout: stream.playout.map(|(timestamp, moment)| PlayoutPosition { timestamp, at: at(moment) }),
        }));
    }
}

#[cfg(test)]
mod tests {
    use crate::audio::{AudioConfig, AudioEngine, AudioLevel, AudioStreamId, BLOCK};
    use crate::base::{MediaPacket, PcmFormat};
    use crate::testcard::{TestTone, ToneMeter};
    use parking_lot::Mutex;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    const MONO: PcmFormat = PcmFormat { rate: 48_000, channels: 1 };

    #[test]
    fn a_tone_passes_two_engines_in_real_time_and_both_stop() {
        let listener = AudioEngine::start(config(Box::new(|_| {}))).expect("listener");
        let input = listener.add_stream(AudioStreamId(7)).expect("a stream");
        let mut sequence = 0u16;
        let sent = Arc::new(Mutex::new(0));
        let count = sent.clone();
        let speaker = AudioEngine::start(config(Box::new(move |packet| {
            sequence = sequence.wrapping_add(1);
            *count.lock() += 1;
            let packet = MediaPacket { sequence, timestamp: packet.timestamp, marker: false, payload: packet.payload };
            assert!(input.push(packet));
        })))
        .expect("speaker");
        let (mut microphone, ring) = rtrb::RingBuffer::new(48_000);
        speaker.set_microphone(Some((ring, MONO))).expect("set");
        let (tap, mut heard) = rtrb::RingBuffer::new(48_000 * 5);
        listener.set_tap(AudioStreamId(7), Some(tap)).expect("set");

        let mut tone = TestTone::new(440.0, -20.0);
        let started = Instant::now();
        let mut written = 0;
        while started.elapsed() < Duration::from_millis(1500) {
            while written < started.elapsed().as_millis() as usize * 48 {
                let mut block = [0.0; BLOCK];
                tone.fill(&mut block);
                if microphone.push_entire_slice(&block).is_err() {
                    break;
                }
                written += BLOCK;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let report = listener.report();
        let stream = report.stream(AudioStreamId(7)).expect("a stream");
        let playout = stream.playout.expect("played");
        assert!((started..=Instant::now()).contains(&playout.at), "{playout:?}");
        speaker.set_muted(true).expect("set");
        let limit = Instant::now() + Duration::from_secs(10);
        while speaker.report().microphone != AudioLevel::default() && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
        let before = *sent.lock();
        microphone.push_entire_slice(&[0.1; 9600]).expect("room");
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(*sent.lock(), before);
        speaker.stop().expect("stopped");
        listener.stop().expect("stopped");
        assert!(microphone.is_abandoned());

        let mut samples = vec![0.0; heard.slots()];
        heard.pop_entire_slice(&mut samples).expect("heard");
        let mut meter = ToneMeter::searching();
        meter.push(&samples);
        let reading = meter.reading();
        assert!((reading.hz - 440.0).abs() < 2.0 && (reading.dbfs + 20.0).abs() < 3.0, "{reading:?}");
        assert!(reading.heard_ms > 500.0, "{reading:?}");
    }

    #[test]
    fn streams_are_played_without_a_speaker_and_a_dropped_engine_drops_its_rings() {
        let engine = AudioEngine::start(config(Box::new(|_| {}))).expect("engine");
        let _input = engine.add_stream(AudioStreamId(1)).expect("a stream");
        let (tap, mut heard) = rtrb::RingBuffer::<f32>::new(48_000);
        engine.set_tap(AudioStreamId(1), Some(tap)).expect("set");
        let limit = Instant::now() + Duration::from_secs(10);
        while heard.slots() < BLOCK && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(heard.slots() >= BLOCK, "nothing was played");
        engine.remove_stream(AudioStreamId(1)).expect("removed");
        while !engine.report().streams.is_empty() && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(engine.report().streams.is_empty());
        drop(engine);
        while !heard.is_abandoned() && Instant::now() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(heard.is_abandoned());
        assert_eq!(heard.pop(), Ok(0.0));
    }

    fn config(on_packet: Box<dyn FnMut(crate::audio::AudioPacket) + Send>) -> AudioConfig {
        AudioConfig { kbps: 32, processing: crate::audio::AudioProcessing::Off, on_packet }
    }
}
