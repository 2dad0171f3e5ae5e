//! The work of the audio thread every 10 ms, without the thread: from the microphone to packets, and from packets to the
//! speaker.

use crate::audio::join_sound::{JoinSound, PlayingSound};
use crate::audio::mixer::Mixer;
use crate::audio::playout::{PlayoutClock, SpeakerOutput};
use crate::audio::processor::AudioProcessor;
use crate::audio::receive_stream::{AudioStreamStats, ReceiveStream};
use crate::audio::send_stream::{AudioPacket, MicrophoneInput, SendStream};
use crate::audio::{AudioLevel, BLOCK};
use crate::base::{MediaPacket, Moment};
use crate::codec::OpusEncodeError;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// The delay that the devices add beyond the rings, from the speaker's ring to the microphone's: a rough estimate.
const DEVICE_DELAY: Duration = Duration::from_millis(30);

/// Identifies a received stream; chosen by the caller that adds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AudioStreamId(pub(crate) u64);

/// A command of the engine to its thread.
pub(super) enum AudioCommand {
    Microphone(Option<MicrophoneInput>),
    Speaker(Option<SpeakerOutput>),
    Muted(bool),
    Processing(Option<Box<AudioProcessor>>),
    ExpectedLoss(u32),
    AddStream(AudioStreamId, Box<RemoteStream>),
    RemoveStream(AudioStreamId),
    Tap(AudioStreamId, Option<rtrb::Producer<f32>>),
    Volume(AudioStreamId, f32),
    Play(JoinSound),
}

/// A received stream and the queue of its packets, with their times of arrival.
pub(super) struct RemoteStream {
    pub(super) stream: ReceiveStream,
    pub(super) queue: Receiver<(MediaPacket, Moment)>,
}

/// The state of a received stream after a tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamState {
    pub(super) id: AudioStreamId,
    pub(super) statistics: AudioStreamStats,
    /// An RTP timestamp, and when that sample is heard.
    pub(super) playout: Option<(u32, Moment)>,
}

pub(super) struct AudioPipeline {
    send_stream: SendStream,
    speaker: Option<SpeakerOutput>,
    /// Paces the streams while no speaker does.
    clock: PlayoutClock,
    streams: BTreeMap<AudioStreamId, RemoteStream>,
    mixer: Mixer,
    /// A sound of coming or going that is heard beside the streams.
    sound: Option<PlayingSound>,
    processor: Option<Box<AudioProcessor>>,
    on_packet: Box<dyn FnMut(AudioPacket) + Send>,
}

impl AudioPipeline {
    pub(super) fn new(kbps: u32, on_packet: Box<dyn FnMut(AudioPacket) + Send>) -> Result<Self, OpusEncodeError> {
        Ok(Self {
            send_stream: SendStream::new(kbps)?,
            speaker: None,
            clock: PlayoutClock::new(),
            streams: BTreeMap::new(),
            mixer: Mixer::new(),
            sound: None,
            processor: None,
            on_packet,
        })
    }

    pub(super) fn handle(&mut self, command: AudioCommand) {
        match command {
            AudioCommand::Microphone(input) => self.send_stream.set_input(input),
            AudioCommand::Speaker(speaker) => self.speaker = speaker,
            AudioCommand::Muted(muted) => self.send_stream.set_muted(muted),
            AudioCommand::Processing(processor) => self.processor = processor,
            AudioCommand::ExpectedLoss(percent) => self.send_stream.set_expected_loss(percent),
            AudioCommand::AddStream(id, stream) => drop(self.streams.insert(id, *stream)),
            AudioCommand::RemoveStream(id) => {
                if let Some(remote) = self.streams.remove(&id) {
                    tracing::debug!(stream = id.0, statistics = ?remote.stream.statistics(), "a received stream ends");
                }
            }
            AudioCommand::Tap(id, tap) => {
                if let Some(remote) = self.streams.get_mut(&id) {
                    remote.stream.set_tap(tap);
                }
            }
            AudioCommand::Play(sound) => self.sound = Some(PlayingSound::new(sound)),
            AudioCommand::Volume(id, factor) => {
                if let Some(remote) = self.streams.get_mut(&id) {
                    remote.stream.set_volume(factor);
                }
            }
        }
    }

    /// Processes about 10 ms of audio.
    pub(super) fn tick(&mut self, now: Moment) {
        for remote in self.streams.values_mut() {
            for (packet, arrived) in remote.queue.try_iter() {
                remote.stream.on_packet(&packet, arrived);
            }
        }
        for n in 0..self.due_blocks(now) {
            self.play_block(now + Duration::from_millis(10 * n as u64));
        }
        let delay = self.speaker_delay() + DEVICE_DELAY;
        let delay_ms = delay.as_millis() as u32;
        self.send_stream.tick(now, self.processor.as_deref_mut(), delay_ms, &mut self.on_packet);
    }

    pub(super) fn microphone_level(&self) -> AudioLevel {
        self.send_stream.level()
    }

    pub(super) fn stream_states(&self, now: Moment) -> impl Iterator<Item = StreamState> {
        let heard = now + self.speaker_delay();
        self.streams.iter().map(move |(id, remote)| StreamState {
            id: *id,
            statistics: remote.stream.statistics(),
            playout: remote.stream.position().map(|timestamp| (timestamp, heard)),
        })
    }

    /// Blocks to play now: as many as the speaker needs or, without one, as the clock says.
    fn due_blocks(&mut self, now: Moment) -> usize {
        match self.speaker.as_mut().and_then(|speaker| speaker.due_blocks(now)) {
            Some(blocks) => {
                self.clock.pause();
                blocks
            }
            None => self.clock.due_blocks(now),
        }
    }

    fn play_block(&mut self, now: Moment) {
        let mut panicked = None;
        for (id, remote) in &mut self.streams {
            // A decoder that panics on one sender's packets must not silence the others.
            match catch_unwind(AssertUnwindSafe(|| remote.stream.pull(now))) {
                Ok(block) => self.mixer.add(&block),
                Err(_) => panicked = Some(*id),
            }
        }
        if let Some(id) = panicked {
            tracing::error!(stream = id.0, "a received stream panicked and is removed");
            self.streams.remove(&id);
        }
        if let Some(sound) = &mut self.sound {
            let mut block = [0.0; BLOCK];
            if !sound.fill(&mut block) {
                self.sound = None;
            }
            self.mixer.add(&block);
        }
        let block: [f32; BLOCK] = self.mixer.finish();
        if let Some(processor) = &mut self.processor {
            processor.process_render(&block);
        }
        if let Some(speaker) = &mut self.speaker {
            speaker.play(&block);
        }
    }

    fn speaker_delay(&self) -> Duration {
        self.speaker.as_ref().map_or(Duration::ZERO, SpeakerOutput::delay)
    }
}
