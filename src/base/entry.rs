//! Why a room could not be entered, as one word for scripts.

use super::ExitReason;
use serde::{Serialize, Serializer};

/// Why a room could not be entered, or entered again. [`EntryErrorKind::as_str`] is the `error` of the event `EnterRoom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryErrorKind {
    /// The address is not usable, or nothing answers there.
    Unreachable,
    /// The proxy on the way to the server failed, or its setting is not usable.
    Proxy,
    /// Something answers that does not speak LiveKit, or gives no tokens.
    NotAServer,
    /// The token is bad or expired, or none was given to us.
    TokenRefused,
    /// The token or the server's certificate is not valid at this time by one of the clocks, which differ.
    WrongClock,
    /// The server's TLS certificate has expired or is not trusted, or its TLS is too old.
    Certificate,
    /// The token does not permit it.
    NoPermission,
    /// The user was removed after the token was made.
    Removed,
    /// The room was dismissed after the token was made.
    Dismissed,
    /// The room is full.
    RoomFull,
    /// A host has locked the room.
    Locked,
    /// The server has no such room and opens none.
    NoRoom,
    /// No answer, or no media connection, in time.
    Timeout,
    /// Anything else.
    Other,
}

impl EntryErrorKind {
    /// The word in events. These words are a public interface.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Proxy => "proxy",
            Self::NotAServer => "not_a_server",
            Self::TokenRefused => "token_refused",
            Self::WrongClock => "wrong_clock",
            Self::Certificate => "certificate",
            Self::NoPermission => "no_permission",
            Self::Removed => "removed",
            Self::Dismissed => "dismissed",
            Self::RoomFull => "room_full",
            Self::Locked => "locked",
            Self::NoRoom => "no_room",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }

    /// How the server ended a stay that this error refuses to continue; `None` if it did not.
    pub const fn ended_stay(self) -> Option<ExitReason> {
        match self {
            Self::Removed => Some(ExitReason::Kicked),
            Self::Dismissed => Some(ExitReason::Dismissed),
            Self::Unreachable
            | Self::Proxy
            | Self::NotAServer
            | Self::TokenRefused
            | Self::WrongClock
            | Self::Certificate
            | Self::NoPermission
            | Self::RoomFull
            | Self::Locked
            | Self::NoRoom
            | Self::Timeout
            | Self::Other => None,
        }
    }
}

impl Serialize for EntryErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
