//! Settings, and the limits that keep one client from exhausting the server.

use crate::proto::LIVEKIT_SERVER_VERSION;
use crate::proto::turn::TurnServers;
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
    /// Whether [`crate::hub::Output::Notify`] is wanted.
    pub notifies: bool,
    /// Whether joining a room creates it.
    pub auto_create: bool,
    /// How long a room that nobody joins is kept, in seconds, unless its maker says otherwise.
    pub empty_timeout_s: u32,
    /// How long a room is kept after its last person left, in seconds, unless its maker says otherwise. 0: not at all.
    pub departure_timeout_s: u32,
    /// TURN servers for the clients.
    pub turn: Option<TurnServers>,
    /// How long a member whose link is lost may resume.
    pub resume_window: Duration,
    /// How long an open link may be silent. Clients ping every 5 s.
    pub link_silence: Duration,
    /// How long a new member may take to connect the media.
    pub entry_limit: Duration,
    /// How long a client with a working link may be without media before it is told to join again.
    pub media_limit: Duration,
    /// Rooms at most.
    pub max_rooms: usize,
    /// Participants of a room at most; tokens and `CreateRoom` may set fewer.
    pub max_members: usize,
    /// Tracks of one participant at most, announced or published.
    pub max_tracks: usize,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            unix_ms_at_zero: 0,
            version: LIVEKIT_SERVER_VERSION.into(),
            node_id: "ND_visavis".into(),
            notifies: false,
            auto_create: true,
            empty_timeout_s: 300,
            departure_timeout_s: 20,
            turn: None,
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

/// Seconds between a client's pings, sent in `join`. Rust-based SDKs panic at 0.
pub(super) const PING_INTERVAL_S: i32 = 5;
/// Seconds after which a client gives up on a silent server.
pub(super) const PING_TIMEOUT_S: i32 = 15;
/// LiveKit's protocol version. From 18 on clients use negotiated data channels, which this server does not support.
pub(super) const PROTOCOL: i32 = 17;
/// Longest name, cid, stream or topic, in bytes.
pub(super) const NAME_BYTES: usize = 256;
/// Longest metadata, and largest sum of all attributes, in bytes.
pub(super) const METADATA_BYTES: usize = 64 * 1024;
/// Longest session description, in bytes. One with 20 m-lines has 40 KB.
pub(super) const SDP_BYTES: usize = 512 * 1024;
/// Longest data message, in bytes. LiveKit limits payloads to 64,000.
pub(super) const DATA_BYTES: usize = 65_535;
/// `add_track` requests of one member that may wait for a track with the same cid to end; more are refused.
pub(super) const MAX_QUEUED: usize = 8;
