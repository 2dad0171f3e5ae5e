//! The messages between the hub and the forwarding plane (`sfu/`).

use super::{ConnectionId, MemberId, Mid};
use crate::base::{Codec, MediaKind, TrackSid};

/// A report of the forwarding plane.
#[derive(Clone, Debug)]
pub enum MediaEvent {
    /// The answer to [`MediaCommand::AcceptOffer`], ready for the client.
    Answered {
        /// The peer connection.
        connection: ConnectionId,
        /// The id of the offer.
        offer_id: u32,
        /// The answer's SDP.
        sdp: String,
    },
    /// The offer requested by [`MediaCommand::MakeOffer`].
    Offered {
        /// The peer connection.
        connection: ConnectionId,
        /// The offer's SDP.
        sdp: String,
        /// Every m-line that carries a track, with its track.
        m_lines: Vec<(Mid, TrackSid)>,
    },
    /// A session description was rejected; the connection keeps its state.
    NegotiationFailed {
        /// The peer connection.
        connection: ConnectionId,
        /// The cause, for the log.
        message: String,
    },
    /// The server has a new address, which the descriptions of a connection that is not up do not have.
    Candidate {
        /// The peer connection.
        connection: ConnectionId,
        /// The ICE candidate, `candidate:…` (RFC 8839, section 5.1).
        candidate: String,
    },
    /// ICE and DTLS are up, for the first time or again.
    Connected {
        /// The peer connection.
        connection: ConnectionId,
    },
    /// ICE counts the connection as lost: neither consent (RFC 7675) nor packets arrive.
    Disconnected {
        /// The peer connection.
        connection: ConnectionId,
    },
    /// The peer closed the connection (DTLS close_notify), or its port is unreachable.
    Closed {
        /// The peer connection.
        connection: ConnectionId,
    },
    /// The first packet of a published track arrived.
    MediaSeen {
        /// The track.
        track: TrackSid,
    },
    /// A message arrived on a data channel.
    Data {
        /// The peer connection.
        connection: ConnectionId,
        /// `_reliable`, `_lossy`, or empty for a channel of the client's own.
        label: String,
        /// One encoded `DataPacket`; any bytes on a channel of the client's own.
        payload: bytes::Bytes,
    },
    /// The audio level of a track over about the last 100 ms, sent when any track's level changes.
    Level {
        /// The track.
        track: TrackSid,
        /// Linear, 0.0 (silence) to 1.0.
        level: f32,
        /// The voice activity flag of RFC 6464.
        active: bool,
    },
    /// How well a member's packets arrive, about every 2 s.
    LinkQuality {
        /// The member.
        member: MemberId,
        /// Packet loss in percent, of the worse direction.
        lost_percent: f32,
        /// Round-trip time in ms.
        rtt_ms: f32,
    },
}

/// A command for the forwarding plane. Commands of one member are executed in order.
#[derive(Clone, Debug)]
pub enum MediaCommand {
    /// Make one peer connection of a member.
    Open {
        /// The new peer connection.
        connection: ConnectionId,
        /// The room's wire name: all connections of a room go to the same worker.
        room: String,
    },
    /// Accept a client's offer and answer it. The changes below take effect before the answer is made.
    AcceptOffer {
        /// The peer connection.
        connection: ConnectionId,
        /// The id of the offer.
        offer_id: u32,
        /// The offer's SDP.
        sdp: String,
        /// M-lines that carry a published track from now on.
        publish: Vec<Published>,
        /// v1: free m-lines that carry a subscribed track from now on.
        bind: Vec<Bound>,
        /// v1: m-lines whose track ended. They are answered inactive and may be bound again by a later offer.
        release: Vec<Mid>,
    },
    /// An m-line of an accepted offer carries a track whose `add_track` came after the offer.
    Publish {
        /// The publisher's connection.
        connection: ConnectionId,
        /// The m-line and its track.
        published: Published,
    },
    /// Make an offer on a v0 subscriber connection.
    MakeOffer {
        /// The peer connection.
        connection: ConnectionId,
        /// Tracks to add. [`MediaEvent::Offered`] names their m-lines.
        add: Vec<Subscribed>,
        /// M-lines to stop.
        remove: Vec<Mid>,
        /// Make new ICE credentials, and roll a pending offer back.
        ice_restart: bool,
    },
    /// The client answered the last offer.
    AcceptAnswer {
        /// The peer connection.
        connection: ConnectionId,
        /// The answer's SDP.
        sdp: String,
    },
    /// A remote ICE candidate. An ICE-lite server learns the client's address from its checks, so this may be ignored.
    AddCandidate {
        /// The peer connection.
        connection: ConnectionId,
        /// A `candidate:` line (RFC 8839).
        candidate: String,
    },
    /// Stop sending a track to a subscriber, at once. The m-line stays until the next description.
    Unsubscribe {
        /// The subscriber's connection.
        connection: ConnectionId,
        /// The track.
        track: TrackSid,
    },
    /// A published track ended.
    Unpublish {
        /// The track.
        track: TrackSid,
    },
    /// The quality in which a subscriber wants a track.
    Prefer {
        /// The subscriber's connection.
        connection: ConnectionId,
        /// The track.
        track: TrackSid,
        /// The highest simulcast layer to send: 0 `q`, 1 `h`, 2 `f`.
        layer: u8,
        /// Send nothing, for example because the tile is not visible.
        paused: bool,
    },
    /// The publisher muted or unmuted. A muted track is not forwarded; an unmute requests a keyframe.
    Mute {
        /// The track.
        track: TrackSid,
        /// Whether the track is muted now.
        muted: bool,
    },
    /// Send a message on a member's data channel. A reliable message waits until the channel is open.
    SendData {
        /// The subscriber (or single) connection.
        connection: ConnectionId,
        /// The connection on which it arrived; `None` for messages of the admin API.
        sender: Option<ConnectionId>,
        /// `_reliable` or `_lossy`.
        label: &'static str,
        /// One encoded `DataPacket`.
        payload: bytes::Bytes,
    },
    /// Close and forget a peer connection. The client's `leave` was queued before.
    Close {
        /// The peer connection.
        connection: ConnectionId,
    },
}

/// An m-line that carries a track from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The m-line.
    pub mid: Mid,
    /// The track.
    pub track: TrackSid,
    /// Audio or video.
    pub kind: MediaKind,
    /// Whether it is sent in the simulcast layers `q`, `h`, `f`.
    pub simulcast: bool,
    /// Its codec: the answer leaves the client no other.
    pub codec: Codec,
}

/// An m-line that carries a track to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The m-line.
    pub mid: Mid,
    /// The track.
    pub what: Subscribed,
}

/// A track to send to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// The track.
    pub track: TrackSid,
    /// The stream id of the `msid`: `PA_…|stream`.
    pub stream_id: String,
    /// Audio or video.
    pub kind: MediaKind,
}
