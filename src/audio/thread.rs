//! The sound thread: a turn every 10 ms by the monotonic clock, until it is told to end.

use super::engine::{AudioReport, AudioStreamReport};
use super::pipeline::{AudioCommand, AudioPipeline};
use super::receive_stream::PlayoutPosition;
use crate::base::Moment;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const TURN: Duration = Duration::from_millis(10);
/// Turns that were missed for longer than this are not made up for.
const FORGIVEN: Duration = Duration::from_millis(100);
/// Commands between two turns; further ones are refused.
const COMMANDS: usize = 64;
/// A turn that panics costs its 10 ms. After so many in a row the thread gives up.
const PANICS: u32 = 20;

/// A running sound thread. It ends when this is dropped.
pub(super) struct Handle {
    pub(super) commands: SyncSender<AudioCommand>,
    /// The origin of the thread's moments.
    pub(super) epoch: Instant,
    shared: Arc<Shared>,
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    report: Mutex<AudioReport>,
}

pub(super) fn start(core: AudioPipeline) -> std::io::Result<Handle> {
    let (commands, orders) = sync_channel(COMMANDS);
    let (end, ended) = sync_channel(0);
    let (shared, epoch) = (Arc::new(Shared::default()), Instant::now());
    let worker = Worker { core, orders, shared: shared.clone(), epoch };
    let thread = std::thread::Builder::new().name("sound".into()).spawn(move || {
        worker.run();
        // Told by its end: nobody ever sends on it.
        drop(end);
    })?;
    Ok(Handle { commands, epoch, shared, ended, thread: Some(thread) })
}

/// Now, as the thread counts.
pub(super) fn moment(epoch: Instant) -> Moment {
    Moment::from_micros(epoch.elapsed().as_micros() as u64)
}

impl Handle {
    pub(super) fn report(&self) -> AudioReport {
        self.shared.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the thread ended in time.
    pub(super) fn stop(mut self, within: Duration) -> bool {
        self.tell_to_end();
        let ended = self.ended.recv_timeout(within) == Err(RecvTimeoutError::Disconnected);
        if let Some(thread) = self.thread.take().filter(|_| ended)
            && thread.join().is_err()
        {
            tracing::error!("the sound thread panicked");
        }
        ended
    }

    fn tell_to_end(&self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.tell_to_end();
    }
}

struct Worker {
    core: AudioPipeline,
    orders: Receiver<AudioCommand>,
    shared: Arc<Shared>,
    epoch: Instant,
}

impl Worker {
    fn run(mut self) {
        let mut panics = 0;
        let mut next = Instant::now();
        while !self.shared.stop.load(Ordering::Acquire) {
            match catch_unwind(AssertUnwindSafe(|| self.turn())) {
                Ok(()) => panics = 0,
                Err(_) => panics += 1,
            }
            if panics == PANICS {
                tracing::error!("the sound thread gives up after {PANICS} panics");
                return;
            }
            next += TURN;
            let now = Instant::now();
            if now > next + FORGIVEN {
                next = now;
            }
            std::thread::park_timeout(next.saturating_duration_since(now));
        }
    }

    fn turn(&mut self) {
        for command in self.orders.try_iter() {
            self.core.handle(command);
        }
        let now = moment(self.epoch);
        self.core.tick(now);
        let mut report = self.shared.report.lock().unwrap_or_else(PoisonError::into_inner);
        report.microphone = self.core.microphone_level();
        report.streams.clear();
        let at = |moment: Moment| self.epoch + Duration::from_micros(moment.as_micros());
        report.streams.extend(self.core.stream_states(now).map(|voice| AudioStreamReport {
            id: voice.id,
            level: voice.level,
            statistics: voice.statistics,
            playout: voice.playout.map(|(timestamp, moment)| PlayoutPosition { timestamp, at: at(moment) }),
        }));
    }
}

#[cfg(test)]
mod tests {
    use crate::audio::{AudioConfig, AudioEngine, AudioStreamId, BLOCK};
    use crate::base::{MediaPacket, PcmFormat};
    use crate::testcard::{TestTone, ToneMeter};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    const MONO: PcmFormat = PcmFormat { rate: 48_000, channels: 1 };

    #[test]
    fn a_tone_goes_through_two_engines_in_real_time_and_both_stop() {
        let listener = AudioEngine::start(config(Box::new(|_| {}))).expect("listener");
        let input = listener.add_stream(AudioStreamId(7)).expect("voice");
        let mut sequence = 0u16;
        let sent = Arc::new(Mutex::new(0));
        let count = sent.clone();
        let speaker = AudioEngine::start(config(Box::new(move |packet| {
            sequence = sequence.wrapping_add(1);
            *count.lock().expect("lock") += 1;
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
                microphone.push_entire_slice(&block).expect("room");
                written += BLOCK;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let report = listener.report();
        let voice = report.stream(AudioStreamId(7)).expect("voice");
        assert!(voice.level.active && (voice.level.dbfs + 20.0).abs() < 3.0, "{:?}", voice.level);
        let playout = voice.playout.expect("heard");
        assert!(playout.at.elapsed() < Duration::from_secs(1));
        speaker.set_muted(true).expect("set");
        std::thread::sleep(Duration::from_millis(50));
        let before = *sent.lock().expect("lock");
        microphone.push_entire_slice(&[0.1; 9600]).expect("room");
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(*sent.lock().expect("lock"), before);
        speaker.stop().expect("stopped");
        listener.stop().expect("stopped");
        assert!(microphone.is_abandoned());

        let mut samples = vec![0.0; heard.slots()];
        heard.pop_entire_slice(&mut samples).expect("heard");
        let mut meter = ToneMeter::searching();
        meter.push(&samples);
        let reading = meter.reading();
        assert!((reading.hz - 440.0).abs() < 2.0 && reading.heard_ms > 500.0, "{reading:?}");
    }

    #[test]
    fn voices_without_a_speaker_are_played_and_a_dropped_engine_lets_go() {
        let engine = AudioEngine::start(config(Box::new(|_| {}))).expect("engine");
        let _input = engine.add_stream(AudioStreamId(1)).expect("voice");
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
