//! The state of a room and of the connections in it, as a server reports it.

use serde::Deserialize;

/// The state of a room; the server's answer to a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct RoomState {
    /// Whether there is a call in it.
    pub(crate) is_open: bool,
    /// How many people are in it.
    pub(crate) people: u32,
    /// Whether joining succeeds now: an open room has a place left; joining opens any other.
    pub(crate) can_enter: bool,
}

/// How good a participant's connection is, as LiveKit's server rates it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionQuality {
    /// Not rated yet.
    #[default]
    Unknown,
    /// There is no connection: 0 bars.
    Lost,
    /// 1 bar.
    Poor,
    /// 3 bars.
    Good,
    /// 4 bars.
    Excellent,
}
