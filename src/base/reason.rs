//! Every way out of a room, as values. The numbers are TRTC's (0–2) and ours above them (100–103).

use std::fmt;

/// Why our own stay in a room ended: `onExitRoom(reason)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitReason {
    /// `exit_room` was called, the window was closed, or the process was told to end.
    Left,
    /// RemoveUser, RemoveUserByStrRoomId, or a host's "remove".
    Kicked,
    /// DismissRoom, DismissRoomByStrRoomId, or a host's "end for everyone".
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
    pub const fn code(self) -> u16 {
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

    /// The reason of that number, if there is one.
    pub fn from_code(code: u16) -> Option<Self> {
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

    /// What the process answers to its caller.
    pub const fn exit_code(self) -> u8 {
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

/// Why somebody else is gone: `onRemoteUserLeaveRoom(user, reason)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemoteLeaveReason {
    /// They left by themselves.
    Left,
    /// Their connection timed out.
    TimedOut,
    /// They were removed, or the room was dissolved.
    Removed,
}

impl RemoteLeaveReason {
    /// TRTC's number.
    pub const fn code(self) -> u16 {
        match self {
            Self::Left => 0,
            Self::TimedOut => 1,
            Self::Removed => 2,
        }
    }
}
