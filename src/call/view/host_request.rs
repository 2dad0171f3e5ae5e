//! What a host asks of the server.

use crate::base::{DeviceKind, TrackSid, UserId};
use crate::proto::room_settings::RoomSettings;

/// A request of a host in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostRequest {
    /// Remove a user, who needs a new token to come back.
    Remove {
        /// Their user id.
        user: UserId,
        /// Their name, for sentences.
        name: String,
    },
    /// Lower a user's hand.
    LowerHand {
        /// Their user id.
        user: UserId,
        /// Their name, for sentences.
        name: String,
    },
    /// Mute tracks: a microphone, a camera, a shared screen, or the microphones of everybody.
    Mute {
        /// Whose they are, for sentences: a name, or `everybody`.
        whose: String,
        /// The tracks.
        tracks: Vec<(UserId, TrackSid)>,
    },
    /// Ask a user to turn a device on; it stays off until they do.
    AskToTurnOn {
        /// Their user id.
        user: UserId,
        /// Their name, for sentences.
        name: String,
        /// The device.
        kind: DeviceKind,
    },
    /// Make a user a host, too.
    MakeHost {
        /// Their user id.
        user: UserId,
        /// Their name, for sentences.
        name: String,
    },
    /// Change what is set for the whole room.
    Set(RoomSettings),
    /// Let people in who wait.
    Admit(Vec<(UserId, String)>),
    /// Do not let somebody in who waits.
    Refuse {
        /// Their user id.
        user: UserId,
        /// Their name, for sentences.
        name: String,
    },
    /// End the call for everybody, including us.
    EndForEveryone,
    /// Make a link for guests. It comes back as [`Notice::Invitation`].
    Invite,
}
