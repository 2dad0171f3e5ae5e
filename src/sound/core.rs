//! What the sound thread does every 10 ms, without the thread: the microphone's way out, the voices' way in.

use super::microphone::{Microphone, SoundPacket, Source};
use super::mixer::Mixer;
use super::processing::Processing;
use super::speaker::{Clock, Speaker};
use super::voice::{Voice, VoiceStatistics};
use super::{BLOCK, Level};
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
pub(crate) struct VoiceId(pub(crate) u64);

/// What the engine asks of its thread.
pub(super) enum Command {
    Microphone(Option<Source>),
    Speaker(Option<Speaker>),
    Muted(bool),
    Processing(Option<Box<Processing>>),
    ExpectedLoss(u32),
    AddVoice(VoiceId, Box<RemoteVoice>),
    RemoveVoice(VoiceId),
    Tap(VoiceId, Option<rtrb::Producer<f32>>),
}

/// A voice and the packets that are on their way to it, with their times of arrival.
pub(super) struct RemoteVoice {
    pub(super) voice: Voice,
    pub(super) inbox: Receiver<(MediaPacket, Moment)>,
}

/// What is known of a voice after a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct VoiceState {
    pub(super) id: VoiceId,
    pub(super) level: Level,
    pub(super) statistics: VoiceStatistics,
    /// An RTP timestamp, and when that sample is heard.
    pub(super) playout: Option<(u32, Moment)>,
}

pub(super) struct SoundCore {
    microphone: Microphone,
    speaker: Option<Speaker>,
    clock: Clock,
    voices: BTreeMap<VoiceId, RemoteVoice>,
    mixer: Mixer,
    processing: Option<Box<Processing>>,
    on_packet: Box<dyn FnMut(SoundPacket) + Send>,
}

impl SoundCore {
    pub(super) fn new(kbps: u32, on_packet: Box<dyn FnMut(SoundPacket) + Send>) -> Result<Self, OpusEncodeError> {
        Ok(Self {
            microphone: Microphone::new(kbps)?,
            speaker: None,
            clock: Clock::new(),
            voices: BTreeMap::new(),
            mixer: Mixer::new(),
            processing: None,
            on_packet,
        })
    }

    pub(super) fn handle(&mut self, command: Command) {
        match command {
            Command::Microphone(source) => self.microphone.set_source(source),
            Command::Speaker(speaker) => self.speaker = speaker,
            Command::Muted(muted) => self.microphone.set_muted(muted),
            Command::Processing(processing) => self.processing = processing,
            Command::ExpectedLoss(percent) => self.microphone.set_expected_loss(percent),
            Command::AddVoice(id, voice) => drop(self.voices.insert(id, *voice)),
            Command::RemoveVoice(id) => drop(self.voices.remove(&id)),
            Command::Tap(id, tap) => {
                if let Some(remote) = self.voices.get_mut(&id) {
                    remote.voice.set_tap(tap);
                }
            }
        }
    }

    /// One turn, about every 10 ms.
    pub(super) fn tick(&mut self, now: Moment) {
        for remote in self.voices.values_mut() {
            for (packet, arrived) in remote.inbox.try_iter() {
                remote.voice.on_packet(&packet, arrived);
            }
        }
        for n in 0..self.wanted(now) {
            self.play_block(now + Duration::from_millis(10 * n as u64));
        }
        let delay = self.speaker_delay() + DEVICES;
        let delay_ms = delay.as_millis() as u32;
        self.microphone.tick(now, self.processing.as_deref_mut(), delay_ms, &mut self.on_packet);
    }

    pub(super) fn microphone_level(&self) -> Level {
        self.microphone.level()
    }

    pub(super) fn voice_states(&self, now: Moment) -> impl Iterator<Item = VoiceState> {
        let heard = now + self.speaker_delay();
        self.voices.iter().map(move |(id, remote)| VoiceState {
            id: *id,
            level: remote.voice.level(),
            statistics: remote.voice.statistics(),
            playout: remote.voice.position().map(|timestamp| (timestamp, heard)),
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
        for (id, remote) in &mut self.voices {
            // A decoder that fails on somebody's packets must not take the others' voices with it.
            match catch_unwind(AssertUnwindSafe(|| remote.voice.pull(now))) {
                Ok(block) => self.mixer.add(&block),
                Err(_) => broken = Some(*id),
            }
        }
        if let Some(id) = broken {
            tracing::error!("voice {} broke and is silent from now on", id.0);
            self.voices.remove(&id);
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
        self.speaker.as_ref().map_or(Duration::ZERO, Speaker::delay)
    }
}

#[cfg(test)]
#[path = "core_tests.rs"]
mod tests;
