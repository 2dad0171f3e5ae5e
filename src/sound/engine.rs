//! The sound of one call as the rest of the program sees it.

use super::core::{Command, RemoteVoice, SoundCore};
use super::microphone::Source;
use super::processing::Processing;
use super::speaker::Speaker;
use super::thread::{self, Handle};
use super::voice::{Playout, Voice, VoiceStatistics};
use super::{Level, SoundPacket, VoiceId};
use crate::base::{MediaPacket, Moment, PcmFormat};
use crate::codec::{OpusDecodeError, OpusEncodeError, ResampleError};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Packets that wait for the sound thread; it looks every 10 ms. Newer ones are dropped when it is full.
const INBOX: usize = 256;
/// How long [`SoundEngine::stop`] waits for the thread, which needs one turn.
const STOP_WITHIN: Duration = Duration::from_millis(500);

/// How to start.
pub(crate) struct SoundConfig {
    /// Rate of our own voice in kilobits a second, 6 to 510.
    pub(crate) kbps: u32,
    /// What is done to the microphone's sound.
    pub(crate) cleaning: Cleaning,
    /// Takes each packet of our own voice, on the sound thread: it must not block.
    pub(crate) on_packet: Box<dyn FnMut(SoundPacket) + Send>,
}

/// What is done to the microphone's sound before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cleaning {
    /// Nothing: a test tone would be taken for noise.
    Off,
    /// Echo cancelling and gain.
    Voice {
        /// Noise suppression too.
        reduce_noise: bool,
    },
}

/// Why sound does not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SoundError {
    /// libopus refused.
    #[error(transparent)]
    Encoder(#[from] OpusEncodeError),
    /// libopus refused.
    #[error(transparent)]
    Decoder(#[from] OpusDecodeError),
    /// A device's format cannot be converted.
    #[error(transparent)]
    Format(#[from] ResampleError),
    /// The system gave no thread.
    #[error("the sound thread did not start: {0}")]
    Start(std::io::Error),
    /// The sound thread has ended, or does not look after its commands.
    #[error("the sound thread does not answer")]
    Stopped,
}

/// Where a voice's packets go. Cheap to clone; may outlive the voice.
#[derive(Clone)]
pub(crate) struct VoiceInput {
    packets: SyncSender<(MediaPacket, Moment)>,
    epoch: Instant,
}

impl VoiceInput {
    /// Hands a packet over that arrived just now. Never blocks; `false`: it was dropped, as the sound thread is gone or
    /// far behind.
    pub(crate) fn push(&self, packet: MediaPacket) -> bool {
        self.packets.try_send((packet, thread::moment(self.epoch))).is_ok()
    }
}

/// A voice as it is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VoiceReport {
    /// Which.
    pub(crate) id: VoiceId,
    /// How loud, and whether somebody speaks.
    pub(crate) level: Level,
    /// Counts and delays.
    pub(crate) statistics: VoiceStatistics,
    /// What is being heard; `None` in silence.
    pub(crate) playout: Option<Playout>,
}

/// What is heard and said now.
#[derive(Clone, Debug, Default)]
pub(crate) struct SoundReport {
    /// Our own voice as it is sent; silence while muted.
    pub(crate) microphone: Level,
    /// Every voice that was added, by id.
    pub(crate) voices: Vec<VoiceReport>,
}

impl SoundReport {
    /// One voice's part.
    pub(crate) fn voice(&self, id: VoiceId) -> Option<&VoiceReport> {
        self.voices.iter().find(|voice| voice.id == id)
    }
}

/// Runs the sound of a call on a thread of its own until it is stopped or dropped.
pub(crate) struct SoundEngine {
    handle: Handle,
}

impl SoundEngine {
    /// Starts without microphone, speaker and voices. Voices are played in real time also while there is no speaker.
    pub(crate) fn start(config: SoundConfig) -> Result<Self, SoundError> {
        let core = SoundCore::new(config.kbps, config.on_packet)?;
        let engine = Self { handle: thread::start(core).map_err(SoundError::Start)? };
        engine.set_cleaning(config.cleaning)?;
        Ok(engine)
    }

    /// Sends what comes out of this ring from now on, or nothing. The old ring is dropped within a turn (10 ms).
    pub(crate) fn set_microphone(&self, ring: Option<(rtrb::Consumer<f32>, PcmFormat)>) -> Result<(), SoundError> {
        let source = ring.map(|(ring, format)| Source::new(ring, format)).transpose()?;
        self.send(Command::Microphone(source))
    }

    /// Plays into this ring from now on, or to nobody. It should hold at least 200 ms.
    pub(crate) fn set_speaker(&self, ring: Option<(rtrb::Producer<f32>, PcmFormat)>) -> Result<(), SoundError> {
        let speaker = ring.map(|(ring, format)| Speaker::new(ring, format)).transpose()?;
        self.send(Command::Speaker(speaker))
    }

    /// Whether our own voice is held back. Nothing that was said while muted is sent later.
    pub(crate) fn set_muted(&self, muted: bool) -> Result<(), SoundError> {
        self.send(Command::Muted(muted))
    }

    /// What is done to the microphone's sound from now on.
    pub(crate) fn set_cleaning(&self, cleaning: Cleaning) -> Result<(), SoundError> {
        let processing = match cleaning {
            Cleaning::Off => None,
            Cleaning::Voice { reduce_noise } => Some(Box::new(Processing::new(reduce_noise))),
        };
        self.send(Command::Processing(processing))
    }

    /// How much of our own voice is being lost, in percent, as the receivers report it.
    pub(crate) fn set_expected_loss(&self, percent: u32) -> Result<(), SoundError> {
        self.send(Command::ExpectedLoss(percent))
    }

    /// Adds a voice to what is heard. One that has this id already is replaced.
    pub(crate) fn add_voice(&self, id: VoiceId) -> Result<VoiceInput, SoundError> {
        let (packets, inbox) = sync_channel(INBOX);
        let voice = Voice::new()?;
        self.send(Command::AddVoice(id, Box::new(RemoteVoice { voice, inbox })))?;
        Ok(VoiceInput { packets, epoch: self.handle.epoch })
    }

    /// Takes a voice out of what is heard.
    pub(crate) fn remove_voice(&self, id: VoiceId) -> Result<(), SoundError> {
        self.send(Command::RemoveVoice(id))
    }

    /// Writes every 48 kHz mono sample of a voice, before mixing, into this ring too. What finds no room is lost.
    pub(crate) fn set_tap(&self, id: VoiceId, ring: Option<rtrb::Producer<f32>>) -> Result<(), SoundError> {
        self.send(Command::Tap(id, ring))
    }

    /// Levels, figures and positions as of the last turn.
    pub(crate) fn report(&self) -> SoundReport {
        self.handle.report()
    }

    /// Ends the thread and waits for it, for half a second at most. Rings and callback are dropped before this returns;
    /// after an error, whenever the thread comes back.
    pub(crate) fn stop(self) -> Result<(), SoundError> {
        if self.handle.stop(STOP_WITHIN) { Ok(()) } else { Err(SoundError::Stopped) }
    }

    fn send(&self, command: Command) -> Result<(), SoundError> {
        self.handle.commands.try_send(command).map_err(|e| {
            if matches!(e, TrySendError::Full(_)) {
                tracing::error!("the sound thread is stuck");
            }
            SoundError::Stopped
        })
    }
}
