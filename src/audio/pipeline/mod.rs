//! What the sound thread does every 10 ms, without the thread: the microphone's way out, the voices' way in.

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

/// Between the ring and the ear, and between the voice and the ring: what the devices themselves add to the delay, roughly.
const DEVICES: Duration = Duration::from_millis(30);

/// Names a voice; chosen by whoever adds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AudioStreamId(pub(crate) u64);

/// What the engine asks of its thread.
pub(super) enum AudioCommand {
    Microphone(Option<MicrophoneInput>),
    Speaker(Option<SpeakerOutput>),
    Muted(bool),
    Processing(Option<Box<AudioProcessor>>),
    ExpectedLoss(u32),
    AddStream(AudioStreamId, Box<RemoteStream>),
    RemoveStream(AudioStreamId),
    Tap(AudioStreamId, Option<rtrb::Producer<f32>>),
}

/// A voice and the packets that are on their way to it, with their times of arrival.
pub(super) struct RemoteStream {
    pub(super) stream: ReceiveStream,
    pub(super) inbox: Receiver<(MediaPacket, Moment)>,
}

/// What is known of a voice after a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamState {
    pub(super) id: AudioStreamId,
    pub(super) level: AudioLevel,
    pub(super) statistics: AudioStreamStats,
    /// An RTP timestamp, and when that sample is heard.
    pub(super) playout: Option<(u32, Moment)>,
}

pub(super) struct AudioPipeline {
    microphone: SendStream,
    speaker: Option<SpeakerOutput>,
    clock: PlayoutClock,
    streams: BTreeMap<AudioStreamId, RemoteStream>,
    mixer: Mixer,
    processing: Option<Box<AudioProcessor>>,
    on_packet: Box<dyn FnMut(AudioPacket) + Send>,
}

impl AudioPipeline {
    pub(super) fn new(kbps: u32, on_packet: Box<dyn FnMut(AudioPacket) + Send>) -> Result<Self, OpusEncodeError> {
        Ok(Self {
            microphone: SendStream::new(kbps)?,
            speaker: None,
            clock: PlayoutClock::new(),
            streams: BTreeMap::new(),
            mixer: Mixer::new(),
            processing: None,
            on_packet,
        })
    }

    pub(super) fn handle(&mut self, command: AudioCommand) {
        match command {
            AudioCommand::Microphone(source) => self.microphone.set_source(source),
            AudioCommand::Speaker(speaker) => self.speaker = speaker,
            AudioCommand::Muted(muted) => self.microphone.set_muted(muted),
            AudioCommand::Processing(processing) => self.processing = processing,
            AudioCommand::ExpectedLoss(percent) => self.microphone.set_expected_loss(percent),
            AudioCommand::AddStream(id, stream) => drop(self.streams.insert(id, *stream)),
            AudioCommand::RemoveStream(id) => drop(self.streams.remove(&id)),
            AudioCommand::Tap(id, tap) => {
                if let Some(remote) = self.streams.get_mut(&id) {
                    remote.stream.set_tap(tap);
                }
            }
        }
    }

    /// One turn, about every 10 ms.
    pub(super) fn tick(&mut self, now: Moment) {
        for remote in self.streams.values_mut() {
            for (packet, arrived) in remote.inbox.try_iter() {
                remote.stream.on_packet(&packet, arrived);
            }
        }
        for n in 0..self.wanted(now) {
            self.play_block(now + Duration::from_millis(10 * n as u64));
        }
        let delay = self.speaker_delay() + DEVICES;
        let delay_ms = delay.as_millis() as u32;
        self.microphone.tick(now, self.processing.as_deref_mut(), delay_ms, &mut self.on_packet);
    }

    pub(super) fn microphone_level(&self) -> AudioLevel {
        self.microphone.level()
    }

    pub(super) fn stream_states(&self, now: Moment) -> impl Iterator<Item = StreamState> {
        let heard = now + self.speaker_delay();
        self.streams.iter().map(move |(id, remote)| StreamState {
            id: *id,
            level: remote.stream.level(),
            statistics: remote.stream.statistics(),
            playout: remote.stream.position().map(|timestamp| (timestamp, heard)),
        })
    }

    /// Blocks to be played now: what the speaker asks for, or the clock where there is none.
    fn wanted(&mut self, now: Moment) -> usize {
        match self.speaker.as_mut().and_then(|speaker| speaker.wanted(now)) {
            Some(blocks) => {
                self.clock.rest();
                blocks
            }
            None => self.clock.wanted(now),
        }
    }

    fn play_block(&mut self, now: Moment) {
        let mut broken = None;
        for (id, remote) in &mut self.streams {
            // A decoder that fails on somebody's packets must not take the others' voices with it.
            match catch_unwind(AssertUnwindSafe(|| remote.stream.pull(now))) {
                Ok(block) => self.mixer.add(&block),
                Err(_) => broken = Some(*id),
            }
        }
        if let Some(id) = broken {
            tracing::error!("voice {} broke and is silent from now on", id.0);
            self.streams.remove(&id);
        }
        let block: [f32; BLOCK] = self.mixer.finish();
        if let Some(processing) = &mut self.processing {
            processing.on_speaker(&block);
        }
        if let Some(speaker) = &mut self.speaker {
            speaker.play(&block);
        }
    }

    fn speaker_delay(&self) -> Duration {
        self.speaker.as_ref().map_or(Duration::ZERO, SpeakerOutput::delay)
    }
}

#[cfg(test)]
mod tests;
