//! The audio engine of a call: the interface to the audio thread.

use super::join_sound::JoinSound;
use super::pipeline::{AudioCommand, AudioPipeline, RemoteStream};
use super::playout::SpeakerOutput;
use super::processor::AudioProcessor;
use super::receive_stream::ReceiveStream;
use super::report::AudioReport;
use super::send_stream::MicrophoneInput;
use super::thread::{self, AudioThread};
use super::{AudioPacket, AudioStreamId};
use crate::base::{MediaPacket, Moment, PcmFormat};
use crate::codec::{OpusDecodeError, OpusEncodeError, ResampleError};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Packets of one stream that wait for the audio thread, which takes them every 10 ms. While the queue is full, the
/// newest are dropped.
const STREAM_QUEUE: usize = 256;
/// How long [`AudioEngine::stop`] waits for the thread, which needs 10 ms.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// How to start an engine.
pub(crate) struct AudioConfig {
    /// Bitrate of the microphone's stream in kbit/s, 6 to 510.
    pub(crate) kbps: u32,
    /// How the microphone's audio is processed.
    pub(crate) processing: AudioProcessing,
    /// Takes each packet of the microphone's stream, on the audio thread: it must not block.
    pub(crate) on_packet: Box<dyn FnMut(AudioPacket) + Send>,
}

/// How the microphone's audio is processed before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AudioProcessing {
    /// Not at all: a test tone would be suppressed as noise.
    Off,
    /// Echo cancellation and automatic gain control.
    Speech {
        /// Noise suppression as well.
        reduce_noise: bool,
    },
}

/// Why audio does not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AudioError {
    /// libopus failed to make an encoder.
    #[error(transparent)]
    Encoder(#[from] OpusEncodeError),
    /// libopus failed to make a decoder.
    #[error(transparent)]
    Decoder(#[from] OpusDecodeError),
    /// A device's format cannot be converted.
    #[error(transparent)]
    Format(#[from] ResampleError),
    /// The system refused a thread.
    #[error("the audio thread did not start: {0}")]
    Start(std::io::Error),
    /// The audio thread has ended, or its queue of commands is full.
    #[error("the audio thread does not answer")]
    Stopped,
}

/// Takes a stream's packets. Cheap to clone; it may outlive the stream.
#[derive(Clone)]
pub(crate) struct AudioStreamInput {
    packets: SyncSender<(MediaPacket, Moment)>,
    epoch: Instant,
}

impl AudioStreamInput {
    /// Takes a packet that has just arrived. Never blocks. Returns `false` if the packet was dropped, because the queue is
    /// full or the audio thread has ended.
    pub(crate) fn push(&self, packet: MediaPacket) -> bool {
        self.packets.try_send((packet, thread::moment(self.epoch))).is_ok()
    }
}

/// Runs the audio of a call on a thread of its own until it is stopped or dropped.
pub(crate) struct AudioEngine {
    thread: AudioThread,
}

impl AudioEngine {
    /// Starts without microphone, speaker and streams. Without a speaker, streams are played in real time and discarded.
    pub(crate) fn start(config: AudioConfig) -> Result<Self, AudioError> {
        let pipeline = AudioPipeline::new(config.kbps, config.on_packet)?;
        let engine = Self { thread: AudioThread::start(pipeline).map_err(AudioError::Start)? };
        engine.set_processing(config.processing)?;
        Ok(engine)
    }

    /// Sets the microphone's ring, or none. The old ring is dropped within 10 ms.
    pub(crate) fn set_microphone(&self, ring: Option<(rtrb::Consumer<f32>, PcmFormat)>) -> Result<(), AudioError> {
        let input = ring.map(|(ring, format)| MicrophoneInput::new(ring, format)).transpose()?;
        self.send(AudioCommand::Microphone(input))
    }

    /// Sets the speaker's ring, or none. It should hold at least 200 ms.
    pub(crate) fn set_speaker(&self, ring: Option<(rtrb::Producer<f32>, PcmFormat)>) -> Result<(), AudioError> {
        let output = ring.map(|(ring, format)| SpeakerOutput::new(ring, format)).transpose()?;
        self.send(AudioCommand::Speaker(output))
    }

    /// Mutes the microphone. What it records while muted is never sent.
    pub(crate) fn set_muted(&self, muted: bool) -> Result<(), AudioError> {
        self.send(AudioCommand::Muted(muted))
    }

    /// Sets how the microphone's audio is processed.
    pub(crate) fn set_processing(&self, processing: AudioProcessing) -> Result<(), AudioError> {
        let processing = match processing {
            AudioProcessing::Off => None,
            AudioProcessing::Speech { reduce_noise } => Some(Box::new(AudioProcessor::new(reduce_noise))),
        };
        self.send(AudioCommand::Processing(processing))
    }

    /// Sets the loss of the microphone's stream in percent, as receivers report it; Opus adapts its FEC to it.
    pub(crate) fn set_expected_loss(&self, percent: u32) -> Result<(), AudioError> {
        self.send(AudioCommand::ExpectedLoss(percent))
    }

    /// Adds a received stream; it replaces one with the same id.
    pub(crate) fn add_stream(&self, id: AudioStreamId) -> Result<AudioStreamInput, AudioError> {
        let (packets, queue) = sync_channel(STREAM_QUEUE);
        let stream = ReceiveStream::new()?;
        self.send(AudioCommand::AddStream(id, Box::new(RemoteStream { stream, queue })))?;
        Ok(AudioStreamInput { packets, epoch: self.thread.epoch })
    }

    /// Removes a received stream.
    pub(crate) fn remove_stream(&self, id: AudioStreamId) -> Result<(), AudioError> {
        self.send(AudioCommand::RemoveStream(id))
    }

    /// Copies every 48 kHz mono sample of a stream, before mixing, into this ring too. While it is full, samples are lost.
    pub(crate) fn set_tap(&self, id: AudioStreamId, ring: Option<rtrb::Producer<f32>>) -> Result<(), AudioError> {
        self.send(AudioCommand::Tap(id, ring))
    }

    /// Plays a stream louder or quieter from now on: by a factor of 0 or more. The tap stays as it is.
    pub(crate) fn set_volume(&self, id: AudioStreamId, factor: f32) -> Result<(), AudioError> {
        self.send(AudioCommand::Volume(id, factor))
    }

    /// Plays a sound into the speaker, beside the streams. It replaces one that has not ended.
    pub(crate) fn play(&self, sound: JoinSound) -> Result<(), AudioError> {
        self.send(AudioCommand::Play(sound))
    }

    /// The state of all streams at the last tick.
    pub(crate) fn report(&self) -> AudioReport {
        self.thread.report()
    }

    /// Ends the thread and waits for that, at most half a second. Rings and callback are dropped before this returns, or,
    /// after an error, when the thread ends.
    pub(crate) fn stop(self) -> Result<(), AudioError> {
        if self.thread.stop(STOP_LIMIT) { Ok(()) } else { Err(AudioError::Stopped) }
    }

    fn send(&self, command: AudioCommand) -> Result<(), AudioError> {
        self.thread.commands.try_send(command).map_err(|e| {
            if matches!(e, TrySendError::Full(_)) {
                tracing::error!("the queue of the audio thread is full");
            }
            AudioError::Stopped
        })
    }
}
