//! Outputs of the hub.

use super::{AdminResult, LinkId, MediaCommand};
use crate::base::{Moment, UserId};
use livekit_protocol as lk;

/// An output of [`Hub::poll`](crate::hub::Hub::poll).
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a message to a client.
    Signal {
        /// The client's connection.
        link: LinkId,
        /// The message.
        message: Box<lk::signal_response::Message>,
    },
    /// Flush a signalling connection, then close it with code 1000.
    CloseLink {
        /// The connection.
        link: LinkId,
    },
    /// The answer to [`Input::Admin`](super::Input::Admin).
    Answer {
        /// The caller's number.
        call: u64,
        /// The answer.
        answer: AdminResult,
    },
    /// Send the client a new token: the one it joined with, updated to the name, metadata, attributes and permission
    /// that it has now.
    RenewToken {
        /// The client's connection.
        link: LinkId,
        /// The new contents of the token.
        holder: Box<lk::ParticipantInfo>,
    },
    /// A command for the forwarding plane.
    Media(MediaCommand),
    /// An event for the webhooks.
    Notify(Box<lk::WebhookEvent>),
    /// Something for the log, the metrics and the state folder.
    Event(HubEvent),
}

/// A change in the hub.
#[derive(Clone, Debug, PartialEq)]
pub enum HubEvent {
    /// A room was created.
    RoomOpened {
        /// Its wire name.
        room: String,
    },
    /// A room was removed.
    RoomClosed {
        /// Its wire name.
        room: String,
    },
    /// A participant joined.
    MemberJoined {
        /// The room's wire name.
        room: String,
        /// The participant's identity.
        user: UserId,
        /// This stay's `PA_…`.
        session: String,
    },
    /// A participant left.
    MemberLeft {
        /// The room's wire name.
        room: String,
        /// The participant's identity.
        user: UserId,
        /// This stay's `PA_…`.
        session: String,
        /// The reason given to the client and to the others.
        reason: lk::DisconnectReason,
    },
    /// A signalling connection was lost. Its owner stays a member until the resume window ends.
    LinkLost {
        /// The room's wire name.
        room: String,
        /// The owner's identity.
        user: UserId,
        /// The owner's stay, `PA_…`.
        session: String,
        /// End of the resume window.
        until: Moment,
    },
    /// A participant resumed on a new signalling connection.
    LinkResumed {
        /// The room's wire name.
        room: String,
        /// The participant's identity.
        user: UserId,
        /// This stay's `PA_…`.
        session: String,
    },
    /// Older tokens of a user became invalid. A server with a state folder writes it to disk.
    Banned(Ban),
}

/// A user's older tokens are refused in one room, because they were removed from it or it was dismissed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// The room's wire name.
    pub room: String,
    /// The banned user.
    pub user: UserId,
    /// Unix seconds: tokens made then or earlier are refused.
    pub removed_at: i64,
    /// Whether the cause was a dismissal of the room; otherwise the user was removed.
    pub dismissed: bool,
}
