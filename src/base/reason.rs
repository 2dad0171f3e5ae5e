//! The reasons for which a stay in a room ends: TRTC's numbers (0–2), and our own (100–103).

use std::fmt;

/// Why our stay in a room ended: TRTC's `onExitRoom(reason)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitReason {
    /// We left: by the button, by closing the window, or by a signal to the process.
    Left,
    /// Removed: RemoveUser, RemoveUserByStrRoomId, or a host's "remove".
    Kicked,
    /// The room was dismissed: DismissRoom, DismissRoomByStrRoomId, or a host's "end for everyone".
    Dismissed,
    /// The same user joined from somewhere else.
    JoinedElsewhere,
    /// The room server stopped.
    ServerStopped,
    /// The connection was lost and did not come back.
    ConnectionLost,
    /// The room could not be entered.
    EntryFailed,
}

impl ExitReason {
    /// The number in `onExitRoom(reason)` and in events.
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Left => 0,
            Self::Kicked => 1,
            Self::Dismissed => 2,
            Self::JoinedElsewhere => 100,
            Self::ServerStopped => 101,
            Self::ConnectionLost => 102,
            Self::EntryFailed => 103,
        }
    }

    /// The reason with that number.
    pub(crate) fn from_code(code: u16) -> Option<Self> {
        let all = [
            Self::Left,
            Self::Kicked,
            Self::Dismissed,
            Self::JoinedElsewhere,
            Self::ServerStopped,
            Self::ConnectionLost,
            Self::EntryFailed,
        ];
        all.into_iter().find(|reason| reason.code() == code)
    }

    /// The exit status of the process.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Left => 0,
            Self::EntryFailed => 20,
            Self::Kicked => 21,
            Self::Dismissed => 22,
            Self::ConnectionLost => 23,
            Self::ServerStopped => 24,
            Self::JoinedElsewhere => 25,
        }
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Kicked => "removed",
            Self::Dismissed => "ended for everyone",
            Self::JoinedElsewhere => "joined elsewhere",
            Self::ServerStopped => "server stopped",
            Self::ConnectionLost => "connection lost",
            Self::EntryFailed => "could not enter",
        })
    }
}

/// Why another user is gone: TRTC's `onRemoteUserLeaveRoom(user, reason)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemoteLeaveReason {
    /// They left.
    Left,
    /// Their connection timed out.
    TimedOut,
    /// They were removed, or the room was dissolved.
    Removed,
}

impl RemoteLeaveReason {
    /// TRTC's number.
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Left => 0,
            Self::TimedOut => 1,
            Self::Removed => 2,
        }
    }
}
