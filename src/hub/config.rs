//! What an operator can set, and the bounds that keep one bad client from costing the others anything.

use livekit_protocol as lk;
use std::time::Duration;

/// Settings of a [`crate::hub::Hub`].
#[derive(Clone, Debug)]
pub struct HubConfig {
    /// Unix time in ms at [`crate::base::Moment::ZERO`].
    pub unix_ms_at_zero: i64,
    /// `server_info.version`. livekit-client refuses a server without one.
    pub version: String,
    /// `server_info.node_id`.
    pub node_id: String,
    /// Whether joining a room makes it.
    pub auto_create: bool,
    /// STUN and TURN servers that clients are told.
    pub ice_servers: Vec<lk::IceServer>,
    /// How long somebody without a link stays in the room.
    pub resume_window: Duration,
    /// How long an open link may be silent. Clients ping every 5 s.
    pub link_silence: Duration,
    /// How long somebody may take to connect the media.
    pub entry_limit: Duration,
    /// How long a connected link may be without media before its owner is told to join afresh.
    pub media_limit: Duration,
    /// Rooms at most.
    pub max_rooms: usize,
    /// Participants of a room at most; tokens and `CreateRoom` may ask for fewer.
    pub max_members: usize,
    /// Tracks that one participant may have announced or published at a time.
    pub max_tracks: usize,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            unix_ms_at_zero: 0,
            version: "1.13.5".into(),
            node_id: "ND_visavis".into(),
            auto_create: true,
            ice_servers: Vec::new(),
            resume_window: Duration::from_secs(5),
            link_silence: Duration::from_secs(15),
            entry_limit: Duration::from_secs(60),
            media_limit: Duration::from_secs(15),
            max_rooms: 10_000,
            max_members: 1_000,
            max_tracks: 32,
        }
    }
}

/// Seconds between a client's pings, as `join` tells it. A client family panics at 0.
pub(super) const PING_INTERVAL_S: i32 = 5;
/// Seconds after which a client gives a silent server up.
pub(super) const PING_TIMEOUT_S: i32 = 15;
/// LiveKit's protocol version. From 18 on clients use negotiated data channels, which we do not speak.
pub(super) const PROTOCOL: i32 = 17;
/// Longest name, cid, stream or topic in bytes.
pub(super) const NAME_BYTES: usize = 256;
/// Longest metadata in bytes, and the sum of all attributes.
pub(super) const METADATA_BYTES: usize = 64 * 1024;
/// Longest session description in bytes. One with 20 sections has 40 KB.
pub(super) const SDP_BYTES: usize = 512 * 1024;
/// Longest data message in bytes (LiveKit's limit on payloads is 64,000).
pub(super) const DATA_BYTES: usize = 65_535;
/// `add_track` requests that wait for a track with the same cid to go.
pub(super) const MAX_QUEUED: usize = 8;
