//! The state of all streams, as the engine reports it.

use super::AudioStreamId;
use super::level::AudioLevel;
use super::receive_stream::{AudioStreamStats, PlayoutPosition};

/// The state of a received stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AudioStreamReport {
    /// The stream's id.
    pub(crate) id: AudioStreamId,
    /// Its counters and delays.
    pub(crate) statistics: AudioStreamStats,
    /// The position that is being played; `None` in silence.
    pub(crate) playout: Option<PlayoutPosition>,
}

/// The state of all streams.
#[derive(Clone, Debug, Default)]
pub(crate) struct AudioReport {
    /// Level of the microphone after processing; silence while muted.
    pub(crate) microphone: AudioLevel,
    /// Every received stream, ordered by id.
    pub(crate) streams: Vec<AudioStreamReport>,
}

impl AudioReport {
    /// The state of one received stream.
    pub(crate) fn stream(&self, id: AudioStreamId) -> Option<&AudioStreamReport> {
        self.streams.iter().find(|stream| stream.id == id)
    }
}
