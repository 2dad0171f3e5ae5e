//! The types of the hub's interface: inputs, outputs, admin calls, and the messages to and from the forwarding plane.

mod admin;
mod input;
mod media;
mod output;

pub use admin::{AdminAnswer, AdminCall, AdminError, AdminResult};
pub use input::{Admission, Input, Refusal};
pub use media::{Bound, MediaCommand, MediaEvent, Published, Subscribed};
pub use output::{Ban, HubEvent, Output};

/// One signalling connection (a WebSocket). The server numbers them and never reuses a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// One stay of one participant. A resume keeps the number; a new join gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u64);

/// One peer connection of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    /// The member at the other end.
    pub member: MemberId,
    /// The direction of the media, and who offers.
    pub role: ConnectionRole,
}

/// The purpose of a peer connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConnectionRole {
    /// Protocol v1: the only connection, both directions; the client offers.
    Single,
    /// Protocol v0: media from the client; the client offers.
    Publisher,
    /// Protocol v0: media to the client; the server offers.
    Subscriber,
}

/// The `a=mid` of an m-line.
pub type Mid = String;
