//! Inputs of the hub.

use super::{AdminCall, LinkId, MediaEvent};
use crate::base::UserId;
use livekit_protocol as lk;
use lk::participant_info::{Kind, KindDetail};

/// An input of [`Hub::handle`](crate::hub::Hub::handle).
#[derive(Clone, Debug)]
pub enum Input {
    /// An admitted client opened a signalling connection. The hub answers with `join`, `reconnect` or `leave`.
    Join {
        /// The new connection.
        link: LinkId,
        /// The verified contents of its token.
        admission: Box<Admission>,
        /// The client's request; a v0 query is converted to the same form.
        request: Box<lk::JoinRequest>,
        /// Whether the client speaks v1 (one peer connection).
        single: bool,
    },
    /// A client sent a message.
    Signal {
        /// The connection that it arrived on.
        link: LinkId,
        /// The message.
        message: Box<lk::signal_request::Message>,
    },
    /// A signalling connection ended, for any reason.
    LinkGone {
        /// The connection.
        link: LinkId,
    },
    /// An admin call. [`Output::Answer`](super::Output::Answer) carries the same number.
    Admin {
        /// The caller's number.
        call: u64,
        /// The request.
        request: Box<AdminCall>,
    },
    /// A report of the forwarding plane.
    Media(MediaEvent),
    /// A deadline has passed.
    Tick,
    /// The server stops: every member gets a `leave`.
    Shutdown,
}

/// The contents of a verified token.
#[derive(Clone, Debug, PartialEq)]
pub struct Admission {
    /// The room's wire name.
    pub room: String,
    /// The participant's identity.
    pub user: UserId,
    /// The name shown to the others.
    pub name: String,
    /// Opaque text for the application.
    pub metadata: String,
    /// Opaque key-value pairs for the application.
    pub attributes: Vec<(String, String)>,
    /// The kind of participant: a person, an agent, a phone call, …
    pub kind: Kind,
    /// Details of the kind.
    pub kind_details: Vec<KindDetail>,
    /// The participant's permissions.
    pub permission: lk::ParticipantPermission,
    /// Whether this participant may remove others and end the room (`roomAdmin`).
    pub room_admin: bool,
    /// The token's `nbf` (or `iat`) in Unix seconds. A ban refuses tokens made before it.
    pub issued_at: i64,
    /// Settings for the room if this join creates it. Of LiveKit's settings the hub knows metadata, `max_participants`
    /// (0: no limit) and the two timeouts.
    pub room_config: Option<Box<lk::RoomConfiguration>>,
}

impl Admission {
    /// A token without metadata that allows to publish, subscribe and change one's own name: what tests join with.
    pub fn for_tests(room: &str, user: UserId, issued_at: i64) -> Self {
        Self {
            room: room.to_owned(),
            name: user.as_str().to_owned(),
            user,
            metadata: String::new(),
            attributes: Vec::new(),
            kind: Kind::Standard,
            kind_details: Vec::new(),
            permission: lk::ParticipantPermission {
                can_subscribe: true,
                can_publish: true,
                can_publish_data: true,
                can_update_metadata: true,
                ..Default::default()
            },
            room_admin: false,
            issued_at,
            room_config: None,
        }
    }
}

/// Why a join is refused. The server answers before the WebSocket upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 403: the user was removed after the token was made.
    #[error("removed from the room: only a token that was made afterwards, by its nbf or iat, opens it again")]
    Removed,
    /// 403: the room was dismissed after the token was made, while the user was in it or about to return.
    #[error("the room was dismissed: only a token that was made afterwards, by its nbf or iat, opens it again")]
    Dismissed,
    /// 403: the room has `max_participants` members, or the server `max_rooms` rooms.
    #[error("the room is full; try again when somebody has left")]
    Full,
    /// 403: a host has locked the room.
    #[error("the room is locked; ask a host to let you in")]
    Locked,
    /// 404: joining does not create rooms here, and this one does not exist.
    #[error("requested room does not exist")]
    NoRoom,
}
