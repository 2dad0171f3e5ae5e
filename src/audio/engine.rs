//! The sound of one call as the rest of the program sees it.

use super::pipeline::{AudioCommand, AudioPipeline, RemoteStream};
use super::playout::SpeakerOutput;
use super::processor::AudioProcessor;
use super::receive_stream::{AudioStreamStats, PlayoutPosition, ReceiveStream};
use super::send_stream::MicrophoneInput;
use super::thread::{self, Handle};
use super::{AudioLevel, AudioPacket, AudioStreamId};
use crate::base::{MediaPacket, Moment, PcmFormat};
use crate::codec::{OpusDecodeError, OpusEncodeError, ResampleError};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Packets that wait for the sound thread; it looks every 10 ms. Newer ones are dropped when it is full.
const INBOX: usize = 256;
/// How long [`AudioEngine::stop`] waits for the thread, which needs one turn.
const STOP_WITHIN: Duration = Duration::from_millis(500);

/// How to start.
pub(crate) struct AudioConfig {
    /// Rate of our own voice in kilobits a second, 6 to 510.
    pub(crate) kbps: u32,
    /// What is done to the microphone's sound.
    pub(crate) processing: AudioProcessing,
    /// Takes each packet of our own voice, on the sound thread: it must not block.
    pub(crate) on_packet: Box<dyn FnMut(AudioPacket) + Send>,
}

/// What is done to the microphone's sound before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AudioProcessing {
    /// Nothing: a test tone would be taken for noise.
    Off,
    /// Echo cancelling and gain.
    Speech {
        /// Noise suppression too.
        reduce_noise: bool,
    },
}

/// Why sound does not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AudioError {
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
pub(crate) struct AudioStreamInput {
    packets: SyncSender<(MediaPacket, Moment)>,
    epoch: Instant,
}

impl AudioStreamInput {
    /// Hands a packet over that arrived just now. Never blocks; `false`: it was dropped, as the sound thread is gone or
    /// far behind.
    pub(crate) fn push(&self, packet: MediaPacket) -> bool {
        self.packets.try_send((packet, thread::moment(self.epoch))).is_ok()
    }
}

/// A voice as it is now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AudioStreamReport {
    /// Which.
    pub(crate) id: AudioStreamId,
    /// How loud, and whether somebody speaks.
    pub(crate) level: AudioLevel,
    /// Counts and delays.
    pub(crate) statistics: AudioStreamStats,
    /// What is being heard; `None` in silence.
    pub(crate) playout: Option<PlayoutPosition>,
}

/// What is heard and said now.
#[derive(Clone, Debug, Default)]
pub(crate) struct AudioReport {
    /// Our own voice as it is sent; silence while muted.
    pub(crate) microphone: AudioLevel,
    /// Every voice that was added, by id.
    pub(crate) streams: Vec<AudioStreamReport>,
}

impl AudioReport {
    /// One voice's part.
    pub(crate) fn stream(&self, id: AudioStreamId) -> Option<&AudioStreamReport> {
        self.streams.iter().find(|stream| stream.id == id)
    }
}

/// Runs the sound of a call on a thread of its own until it is stopped or dropped.
pub(crate) struct AudioEngine {
    handle: Handle,
}

impl AudioEngine {
    /// Starts without microphone, speaker and voices. Voices are played in real time also while there is no speaker.
    pub(crate) fn start(config: AudioConfig) -> Result<Self, AudioError> {
        let core = AudioPipeline::new(config.kbps, config.on_packet)?;
        let engine = Self { handle: thread::start(core).map_err(AudioError::Start)? };
        engine.set_processing(config.processing)?;
        Ok(engine)
    }

    /// Sends what comes out of this ring from now on, or nothing. The old ring is dropped within a turn (10 ms).
    pub(crate) fn set_microphone(&self, ring: Option<(rtrb::Consumer<f32>, PcmFormat)>) -> Result<(), AudioError> {
        let source = ring.map(|(ring, format)| MicrophoneInput::new(ring, format)).transpose()?;
        self.send(AudioCommand::Microphone(source))
    }

    /// Plays into this ring from now on, or to nobody. It should hold at least 200 ms.
    pub(crate) fn set_speaker(&self, ring: Option<(rtrb::Producer<f32>, PcmFormat)>) -> Result<(), AudioError> {
        let speaker = ring.map(|(ring, format)| SpeakerOutput::new(ring, format)).transpose()?;
        self.send(AudioCommand::Speaker(speaker))
    }

    /// Whether our own voice is held back. Nothing that was said while muted is sent later.
    pub(crate) fn set_muted(&self, muted: bool) -> Result<(), AudioError> {
        self.send(AudioCommand::Muted(muted))
    }

    /// What is done to the microphone's sound from now on.
    pub(crate) fn set_processing(&self, processing: AudioProcessing) -> Result<(), AudioError> {
        let processing = match processing {
            AudioProcessing::Off => None,
            AudioProcessing::Speech { reduce_noise } => Some(Box::new(AudioProcessor::new(reduce_noise))),
        };
        self.send(AudioCommand::Processing(processing))
    }

    /// How much of our own voice is being lost, in percent, as the receivers report it.
    pub(crate) fn set_expected_loss(&self, percent: u32) -> Result<(), AudioError> {
        self.send(AudioCommand::ExpectedLoss(percent))
    }

    /// Adds a voice to what is heard. One that has this id already is replaced.
    pub(crate) fn add_stream(&self, id: AudioStreamId) -> Result<AudioStreamInput, AudioError> {
        let (packets, inbox) = sync_channel(INBOX);
        let stream = ReceiveStream::new()?;
        self.send(AudioCommand::AddStream(id, Box::new(RemoteStream { stream, inbox })))?;
        Ok(AudioStreamInput { packets, epoch: self.handle.epoch })
    }

    /// Takes a voice out of what is heard.
    pub(crate) fn remove_stream(&self, id: AudioStreamId) -> Result<(), AudioError> {
        self.send(AudioCommand::RemoveStream(id))
    }

    /// Writes every 48 kHz mono sample of a voice, before mixing, into this ring too. What finds no room is lost.
    pub(crate) fn set_tap(&self, id: AudioStreamId, ring: Option<rtrb::Producer<f32>>) -> Result<(), AudioError> {
        self.send(AudioCommand::Tap(id, ring))
    }

    /// Levels, figures and positions as of the last turn.
    pub(crate) fn report(&self) -> AudioReport {
        self.handle.report()
    }

    /// Ends the thread and waits for it, for half a second at most. Rings and callback are dropped before this returns;
    /// after an error, whenever the thread comes back.
    pub(crate) fn stop(self) -> Result<(), AudioError> {
        if self.handle.stop(STOP_WITHIN) { Ok(()) } else { Err(AudioError::Stopped) }
    }

    fn send(&self, command: AudioCommand) -> Result<(), AudioError> {
        self.handle.commands.try_send(command).map_err(|e| {
            if matches!(e, TrySendError::Full(_)) {
                tracing::error!("the sound thread is stuck");
            }
            AudioError::Stopped
        })
    }
}
