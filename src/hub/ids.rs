//! Ids in LiveKit's form: a prefix for the kind of object, then twelve random characters.

use crate::base::{MediaKind, TrackSid};
use livekit_protocol::TrackSource;
use rand::distr::{Alphanumeric, SampleString};
use rand::{SeedableRng, rngs::StdRng};

const RANDOM_CHARS: usize = 12;

/// A generator of ids. The same seed gives the same ids.
#[derive(Clone, Debug)]
pub(super) struct Ids(StdRng);

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    fn with_prefix(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", Alphanumeric.sample_string(&mut self.0, RANDOM_CHARS))
    }

    /// Clients reject a participant's `sid` without `PA_`.
    pub(super) fn participant(&mut self) -> String {
        self.with_prefix("PA_")
    }

    pub(super) fn room(&mut self) -> String {
        self.with_prefix("RM_")
    }

    pub(super) fn event(&mut self) -> String {
        self.with_prefix("EV_")
    }

    pub(super) fn track(&mut self, kind: MediaKind, source: TrackSource) -> TrackSid {
        let prefix = match (kind, source) {
            (MediaKind::Audio, TrackSource::ScreenShareAudio) => "TR_AS",
            (MediaKind::Audio, _) => "TR_AM",
            (MediaKind::Video, TrackSource::ScreenShare) => "TR_VS",
            (MediaKind::Video, _) => "TR_VC",
        };
        TrackSid::from(self.with_prefix(prefix).as_str())
    }
}
