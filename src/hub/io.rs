//! What goes into the hub and what comes out: the words that `server/` and `sfu/` speak with it.
//!
//! One input, then drain all outputs ([`crate::hub::Hub::poll`]), then the next input.

use crate::base::{MediaKind, Moment, UserId};
use livekit_protocol as lk;

/// One signalling connection (a WebSocket). The server numbers them; a number is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// One stay of one participant. A resume keeps it; a fresh join makes a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u64);

/// One peer connection of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    /// Whose.
    pub member: MemberId,
    /// Which.
    pub role: Role,
}

/// What a peer connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Protocol v1: the only one; the client offers.
    Single,
    /// Protocol v0: from the client; the client offers.
    Publisher,
    /// Protocol v0: to the client; the server offers.
    Subscriber,
}

/// A track as the server names it (`TR_…`).
pub type TrackSid = String;
/// A section of a session description (`a=mid`).
pub type Mid = String;

/// What a verified token allows, in the hub's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Admission {
    /// The room's wire name.
    pub room: String,
    /// Who it is.
    pub user: UserId,
    /// What the others see.
    pub name: String,
    /// Opaque text of the token.
    pub metadata: String,
    /// Opaque pairs of the token.
    pub attributes: Vec<(String, String)>,
    /// What the participant may do.
    pub permission: lk::ParticipantPermission,
    /// Whether this participant may remove others and end the room (`roomAdmin` in the token).
    pub room_admin: bool,
    /// Unix seconds of the token's `nbf` (or `iat`): a token made before a removal does not let its owner in again.
    pub issued_at: i64,
    /// What the room is to be like if this makes it: its metadata, `max_participants` (0: no limit) and timeouts. Of
    /// LiveKit's other wishes for a room none is known here.
    pub room_config: Option<Box<lk::RoomConfiguration>>,
}

/// What a member asks the admin API, or a script: the room service's calls that change or read state.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, clippy::large_enum_variant)] // each is the request of that name in LiveKit's RoomService
pub enum AdminCall {
    CreateRoom(lk::CreateRoomRequest),
    ListRooms(lk::ListRoomsRequest),
    DeleteRoom(lk::DeleteRoomRequest),
    ListParticipants(lk::ListParticipantsRequest),
    GetParticipant(lk::RoomParticipantIdentity),
    RemoveParticipant(lk::RoomParticipantIdentity),
    MutePublishedTrack(lk::MuteRoomTrackRequest),
    UpdateParticipant(lk::UpdateParticipantRequest),
    UpdateSubscriptions(lk::UpdateSubscriptionsRequest),
    SendData(lk::SendDataRequest),
    UpdateRoomMetadata(lk::UpdateRoomMetadataRequest),
}

/// The answer to an [`AdminCall`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)] // each is the response of that name in LiveKit's RoomService
pub enum AdminAnswer {
    Room(lk::Room),
    Rooms(lk::ListRoomsResponse),
    Deleted(lk::DeleteRoomResponse),
    Participants(lk::ListParticipantsResponse),
    Participant(lk::ParticipantInfo),
    Removed(lk::RemoveParticipantResponse),
    Muted(lk::MuteRoomTrackResponse),
    Subscriptions(lk::UpdateSubscriptionsResponse),
    DataSent(lk::SendDataResponse),
}

/// Why an [`AdminCall`] was refused. The words become twirp codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// twirp `not_found`.
    #[error("requested room does not exist")]
    NoRoom,
    /// twirp `not_found`.
    #[error("participant does not exist")]
    NoParticipant,
    /// twirp `not_found`.
    #[error("track does not exist")]
    NoTrack,
    /// twirp `invalid_argument`.
    #[error("{0}")]
    Invalid(String),
    /// twirp `failed_precondition`.
    #[error("{0}")]
    Precondition(String),
}

/// Why somebody is not let in; answered before the upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 403: removed after the token was made.
    #[error("removed from the room: only a token that was made afterwards, by its nbf or iat, opens it again")]
    Removed,
    /// 403: in the room, or on the way back to it, when it was dismissed after the token was made.
    #[error("the room was dismissed: only a token that was made afterwards, by its nbf or iat, opens it again")]
    Dismissed,
    /// 403: `max_participants` are in it.
    #[error("the room is full; try again when somebody has left")]
    Full,
    /// 404: rooms are not made by joining, and this one was not made.
    #[error("requested room does not exist")]
    NoRoom,
}

/// Whoever was removed from a room, or was in it when it was dismissed, needs a token made afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The room's wire name.
    pub room: String,
    /// Who.
    pub user: UserId,
    /// Unix seconds: tokens made then or earlier are refused.
    pub removed_at: i64,
    /// Whether the room was dismissed; otherwise its owner was removed.
    pub dismissed: bool,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// An admitted client opened a signalling connection. The hub answers on it with `join`, `reconnect` or `leave`.
    Join {
        /// The connection.
        link: LinkId,
        /// What its token allows.
        admission: Box<Admission>,
        /// The client's request, a v0 query brought into the same form.
        request: Box<lk::JoinRequest>,
        /// Whether the client speaks v1 (one peer connection).
        single: bool,
    },
    /// A message came on a connection.
    Signal {
        /// The connection.
        link: LinkId,
        /// The message.
        message: Box<lk::signal_request::Message>,
    },
    /// A connection ended, for whatever reason.
    LinkGone {
        /// The connection.
        link: LinkId,
    },
    /// An admin call; answered by [`Output::Answer`] with the same number.
    Admin {
        /// The caller's number.
        call: u64,
        /// What is asked.
        request: Box<AdminCall>,
    },
    /// The forwarding plane reports.
    Media(MediaEvent),
    /// A deadline has passed.
    Tick,
    /// The server stops: everybody is told.
    Shutdown,
}

/// What the forwarding plane reports.
#[derive(Clone, Debug)]
pub enum MediaEvent {
    /// The answer to [`MediaCommand::AcceptOffer`], already rewritten for the client.
    Answered {
        /// The connection.
        connection: ConnectionId,
        /// The offer's id.
        offer_id: u32,
        /// The answer.
        sdp: String,
    },
    /// The offer asked for by [`MediaCommand::MakeOffer`], with the section of each track in it.
    Offered {
        /// The connection.
        connection: ConnectionId,
        /// The offer.
        sdp: String,
        /// All bound sections.
        sections: Vec<(Mid, TrackSid)>,
    },
    /// A description could not be used; the connection is as it was.
    NegotiationFailed {
        /// The connection.
        connection: ConnectionId,
        /// Why, for the log.
        message: String,
    },
    /// ICE and DTLS are up, for the first time or again.
    Connected {
        /// The connection.
        connection: ConnectionId,
    },
    /// No valid consent or packet for so long that ICE counts the connection as lost.
    Disconnected {
        /// The connection.
        connection: ConnectionId,
    },
    /// The peer closed the connection (DTLS close_notify), or its port is unreachable.
    Closed {
        /// The connection.
        connection: ConnectionId,
    },
    /// The first packet of a published track arrived.
    MediaSeen {
        /// The track.
        track: TrackSid,
    },
    /// A message on a data channel (`_reliable`, `_lossy`).
    Data {
        /// The connection.
        connection: ConnectionId,
        /// The channel's label.
        label: String,
        /// One encoded `DataPacket`.
        payload: bytes::Bytes,
    },
    /// Loudness of a track over the last 100 ms or so: 0.0 silence to 1.0, sent on change of any track.
    Level {
        /// The track.
        track: TrackSid,
        /// The level.
        level: f32,
        /// Whether the voice flag was set.
        active: bool,
    },
    /// How well a member's packets arrive, about every 2 s.
    LinkQuality {
        /// The member.
        member: MemberId,
        /// Lost packets in percent, both ways' worse.
        lost_percent: f32,
        /// Round trip in ms.
        rtt_ms: f32,
    },
}

/// What the hub asks for.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a message on a connection.
    Signal {
        /// The connection.
        link: LinkId,
        /// The message.
        message: Box<lk::signal_response::Message>,
    },
    /// Flush, then close a connection with code 1000.
    CloseLink {
        /// The connection.
        link: LinkId,
    },
    /// The answer to [`Input::Admin`].
    Answer {
        /// The caller's number.
        call: u64,
        /// The answer.
        answer: Result<Box<AdminAnswer>, AdminError>,
    },
    /// Give the client of a connection a fresh token: what it was let in with is renewed with the name, metadata,
    /// attributes and permission that it has now.
    RenewToken {
        /// The connection.
        link: LinkId,
        /// What the token is to say.
        holder: Box<lk::ParticipantInfo>,
    },
    /// For the forwarding plane.
    Media(MediaCommand),
    /// For the log, metrics and webhooks: somebody came or went.
    Event(HubEvent),
}

/// What the forwarding plane is to do. Commands of one member are carried out in order.
#[derive(Clone, Debug)]
pub enum MediaCommand {
    /// Make the connections of a member (one `Single`, or `Publisher` and `Subscriber`).
    Open {
        /// The connection.
        connection: ConnectionId,
        /// All connections of a room go to the same worker.
        room: String,
    },
    /// Take a client's offer and answer it. Binds are put into effect before the answer is made.
    AcceptOffer {
        /// The connection.
        connection: ConnectionId,
        /// The offer's id.
        offer_id: u32,
        /// The offer.
        sdp: String,
        /// Sections that carry a published track from now on.
        publish: Vec<Published>,
        /// v1: free sections that carry a subscribed track from now on.
        bind: Vec<Bound>,
        /// v1: sections whose track is gone: answered inactive, to be bound again by a later offer.
        release: Vec<Mid>,
    },
    /// A section of an offer that was accepted already carries a track: its `add_track` came after the offer.
    Publish {
        /// The publisher's connection.
        connection: ConnectionId,
        /// The section and its track.
        published: Published,
    },
    /// Make an offer on a v0 subscriber connection.
    MakeOffer {
        /// The connection.
        connection: ConnectionId,
        /// Tracks to add; their sections come back in [`MediaEvent::Offered`].
        add: Vec<Subscribed>,
        /// Sections to stop.
        remove: Vec<Mid>,
        /// Make new ICE credentials; an offer under way is rolled back.
        ice_restart: bool,
    },
    /// The client's answer to the last offer.
    AcceptAnswer {
        /// The connection.
        connection: ConnectionId,
        /// The answer.
        sdp: String,
    },
    /// A remote candidate. ICE-lite finds the client by its checks, so this may be ignored.
    AddCandidate {
        /// The connection.
        connection: ConnectionId,
        /// RFC 8839 `candidate:` line.
        candidate: String,
    },
    /// Stop sending a track to a subscriber, at once. The section stays until the next description.
    Unsubscribe {
        /// The subscriber's connection.
        connection: ConnectionId,
        /// The track.
        track: TrackSid,
    },
    /// A published track is gone.
    Unpublish {
        /// The track.
        track: TrackSid,
    },
    /// What a subscriber wants of a track.
    Prefer {
        /// The subscriber's connection.
        connection: ConnectionId,
        /// The track.
        track: TrackSid,
        /// Highest simulcast layer: 0 `q`, 1 `h`, 2 `f`.
        layer: u8,
        /// Nothing at all, for example because its tile is not shown.
        paused: bool,
    },
    /// The publisher muted (or not): nothing is forwarded; on unmute a key frame is asked for.
    Mute {
        /// The track.
        track: TrackSid,
        /// Whether it is muted.
        muted: bool,
    },
    /// Send on a data channel of a member. Reliable messages wait until the channel is open.
    SendData {
        /// The subscriber's (or single) connection.
        connection: ConnectionId,
        /// `_reliable` or `_lossy`.
        label: &'static str,
        /// One encoded `DataPacket`.
        payload: bytes::Bytes,
    },
    /// Close and forget a connection. The goodbye has been queued before.
    Close {
        /// The connection.
        connection: ConnectionId,
    },
}

/// A section that carries a track from a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The section.
    pub mid: Mid,
    /// The track.
    pub track: TrackSid,
    /// Sound or picture.
    pub kind: MediaKind,
    /// Whether it comes in layers `q`, `h`, `f`.
    pub simulcast: bool,
}

/// A section that carries a track to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The section.
    pub mid: Mid,
    /// The track.
    pub what: Subscribed,
}

/// A track to send to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// The track.
    pub track: TrackSid,
    /// `msid` stream id: `PA_…|stream`.
    pub stream_id: String,
    /// Sound or picture.
    pub kind: MediaKind,
}

/// Who came and went, for the log and for metrics.
#[derive(Clone, Debug, PartialEq)]
pub enum HubEvent {
    /// A room came to be.
    RoomOpened {
        /// Its wire name.
        room: String,
    },
    /// A room is gone.
    RoomClosed {
        /// Its wire name.
        room: String,
    },
    /// Somebody joined.
    MemberJoined {
        /// The room.
        room: String,
        /// Who.
        user: UserId,
    },
    /// Somebody left.
    MemberLeft {
        /// The room.
        room: String,
        /// Who.
        user: UserId,
        /// Why.
        reason: lk::DisconnectReason,
    },
    /// A link was lost; its owner has until then to resume.
    LinkLost {
        /// Who.
        user: UserId,
        /// Until when.
        until: Moment,
    },
    /// Somebody came back on a new link.
    LinkResumed {
        /// Who.
        user: UserId,
    },
    /// Tokens made until now do not let somebody in any more; a server with a state folder writes it down.
    Banned(Ban),
}
