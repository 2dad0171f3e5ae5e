//! The inputs and outputs of a session, which `call/` carries.
//!
//! Give one input, drain all outputs ([`super::Session::poll`]), give the next input.

use super::data::Outgoing;
use crate::base::{
    DeviceKind, EntryErrorKind, EventKind, ExitRequestedBy, IceServer, Listed, MediaKind, Reaction, SignalTarget,
    StepState, TrackRef, TrackSid, TrackSource, Undecodable, UserId, WatchedVideos,
};
use bytes::Bytes;
use livekit_protocol as lk;
use std::time::Duration;

/// The number of a connection to the server (signalling and peer connections together), counted up by each fresh join.
/// Inputs with an older number are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// The number of an opening of a device. Reports with an older number are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

/// The driver's number of a received media stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackHandle(pub u64);

/// Why the room could not be entered, or entered again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryError {
    /// For scripts, and for the decision whether to try again.
    pub kind: EntryErrorKind,
    /// A sentence for the user that says what to do next.
    pub message: String,
    /// Whether trying again may help.
    pub retry: bool,
}

/// An input of a session.
#[derive(Clone, Debug)]
pub enum Input {
    /// Leave. Accepted in every phase; only the first one counts.
    Exit(ExitRequestedBy),
    /// End a running exit within [`CLOSE_NOW`](super::CLOSE_NOW).
    CloseNow,
    /// Begin the next attempt to reconnect without a pause. A running attempt goes on.
    TryNow,
    /// Turn a device on or off.
    SetDevice(DeviceKind, bool),
    /// Choose another device by its id, or the system's default.
    ChooseDevice(DeviceKind, Option<String>),
    /// The system lists these real devices of a kind. The chosen one is used while it is among them, else the default.
    Listed(DeviceKind, Listed),
    /// Write to the others. It waits while the connection is lost.
    SendMessage(Outgoing),
    /// These remote videos are watched from now on.
    Watch(WatchedVideos),
    /// Raise our hand at this time, in Unix ms, or lower it.
    RaiseHand(Option<i64>),
    /// The server lists these people as waiting to be let in; only hosts are told.
    GuestsWaiting(Vec<(UserId, String)>),
    /// React, so that all others see it. While the connection is lost it is dropped.
    React(Reaction),
    /// A report of the signalling link.
    Link(Epoch, LinkInput),
    /// A report of the peer connections.
    Peers(Epoch, PeerInput),
    /// A report of a device.
    Device(DeviceKind, Generation, DeviceInput),
    /// The way to the server has changed.
    NetworkChanged(NetworkChange),
    /// The process stood still for so long: it was stopped, or the machine was asleep. This time is not part of the time
    /// that inputs come with.
    Woke(Duration),
    /// The time of [`Session::deadline`](super::Session::deadline) has come.
    Tick,
}

/// A change of the way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkChange {
    /// No local address leads there any more.
    Lost,
    /// The same address as before leads there again.
    Back,
    /// Another address leads there: the old one is gone, or this way is better.
    Moved,
}

/// A report of the signalling link.
#[derive(Clone, Debug)]
pub enum LinkInput {
    /// The server let us in.
    Joined {
        /// Its first message.
        response: Box<lk::JoinResponse>,
        /// Protocol v1: one peer connection, whose first offer went with the join. Otherwise v0: two.
        single: bool,
    },
    /// The room could not be entered; nothing is held any more.
    ConnectFailed(EntryError),
    /// A message of the server.
    Message(Box<lk::signal_response::Message>),
    /// The link ended unasked.
    Lost,
    /// The server resumes the session.
    Resumed(Box<lk::ReconnectResponse>),
    /// The server refuses to resume, for this reason; `None` if it could not be reached.
    ResumeFailed(Option<Box<lk::LeaveRequest>>),
    /// The goodbye is written out.
    GoodbyeSent,
    /// The link is closed, as asked.
    Closed,
}

/// A report of the peer connections.
#[derive(Clone, Debug)]
pub enum PeerInput {
    /// The offer that was asked for, as SDP.
    OfferMade(String),
    /// The answer to an offer of the server.
    AnswerMade {
        /// The offer's id.
        id: u32,
        /// The answer.
        sdp: String,
    },
    /// A description could not be made or applied.
    NegotiationFailed(String),
    /// A local ICE candidate.
    LocalCandidate {
        /// The connection that it belongs to.
        target: SignalTarget,
        /// `RTCIceCandidateInit` as JSON.
        json: String,
    },
    /// ICE and DTLS are up, for the first time or again.
    Up(SignalTarget),
    /// The media path is lost.
    Down(SignalTarget),
    /// Media of a remote track begins.
    Track {
        /// The driver's number.
        handle: TrackHandle,
        /// The mid of its m-line.
        mid: String,
        /// Stream id of its `msid`: `PA_…|…`.
        stream_id: String,
        /// Track id of its `msid`: `TR_…` on v0.
        track_id: String,
        /// Audio or video.
        kind: MediaKind,
    },
    /// The frames of a remote track cannot be decoded, for this reason; or they can again.
    Decodability(TrackHandle, Option<Undecodable>),
    /// Media of a remote track ended.
    TrackEnded(TrackHandle),
    /// A packet arrived on the reliable data channel.
    Data {
        /// A `DataPacket`.
        payload: Bytes,
        /// Unix time in ms.
        unix_ms: i64,
    },
    /// The server's SCTP has acknowledged all packets up to this sequence number.
    DataAcknowledged(u32),
    /// The peer connections are closed, as asked.
    Closed,
}

/// A report of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceInput {
    /// The device is open.
    Opened {
        /// The id of the device that was opened.
        id: String,
    },
    /// The device could not be opened, or was lost. It is not held any more.
    Failed {
        /// Its id.
        id: String,
        /// The error, for the user.
        message: String,
    },
    /// The device is closed.
    Released {
        /// `Confirmed`; `Failed` if it could not be closed.
        state: StepState,
        /// A note for the user; often empty.
        detail: String,
    },
}

/// An output of a session, which the driver executes.
#[derive(Clone, Debug)]
pub enum Output {
    /// Fetch a token, make peer connections, join. Answered by `Joined` or `ConnectFailed`.
    Connect(Epoch),
    /// Stop connecting. Not answered. A link that has come up meanwhile says goodbye.
    CancelConnect(Epoch),
    /// Open a new socket for the same session. Answered by `Resumed` or `ResumeFailed`.
    Resume(Epoch, lk::ReconnectReason),
    /// Send what the link held back during a resume.
    ResumeDone(Epoch),
    /// Send a message.
    Send(Epoch, Box<lk::signal_request::Message>),
    /// Add the session descriptions, and send.
    SyncState(Epoch, Box<lk::SyncState>),
    /// Send the goodbye and flush. Answered by `GoodbyeSent`.
    SayGoodbye(Epoch),
    /// Close the link, or stop opening it. Always answered by `Closed`.
    CloseLink(Epoch),
    /// A command for the peer connections, executed in order.
    Peers(Epoch, PeerCommand),
    /// Open a device. Answered by `Opened` or `Failed`.
    OpenDevice {
        /// The device.
        kind: DeviceKind,
        /// The number of this opening.
        generation: Generation,
        /// The device's id; `None` for the system's default.
        id: Option<String>,
    },
    /// Release a device, also while it is still opening. Answered by `Released`.
    ReleaseDevice {
        /// The device.
        kind: DeviceKind,
        /// The number of its opening.
        generation: Generation,
        /// After this time it is taken away by force.
        limit: Duration,
    },
    /// Show or play a remote track.
    Attach(BoundTrack),
    /// Stop showing or playing a remote track.
    Detach(TrackHandle),
    /// A remote video track sends from now on, or not. Pictures from before a "not" are not shown after it.
    SetReceiving {
        /// The track.
        track: TrackSid,
        /// Whether it sends.
        on: bool,
    },
    /// The server was told to send a remote video track from now on, or not, because of where it is shown. Its last
    /// picture stays.
    SetWatched {
        /// The track.
        track: TrackSid,
        /// Whether it is watched.
        on: bool,
    },
    /// Let a track of ours send, or not.
    SetSending {
        /// The track's source.
        source: TrackSource,
        /// Whether it sends.
        on: bool,
    },
    /// Encode only the layers of a track of ours that have a subscriber.
    WantLayers {
        /// The track's client id.
        cid: String,
        /// Index into the track's layers, smallest first, and whether it is wanted. Layers that are not named stay.
        layers: Vec<(usize, bool)>,
    },
    /// For the event file, the timeline and the window.
    Event(EventKind),
}

/// A command for the peer connections.
#[derive(Clone, Debug)]
pub enum PeerCommand {
    /// Use these STUN and TURN servers from the next gathering on. Sent after each join before all other commands: on v1
    /// the gathering of the first offer waits for it.
    SetIceServers(Vec<IceServer>),
    /// v1: add m-lines for remote tracks.
    AddMLines {
        /// Number of m-lines for audio.
        audios: u32,
        /// Number of m-lines for video.
        videos: u32,
    },
    /// Add a track of ours to the next offer.
    Publish {
        /// The client id of its AddTrack, which is also the track id of its `msid`.
        cid: String,
        /// The track's source.
        source: TrackSource,
    },
    /// Take a track of ours out of the next offer.
    Unpublish {
        /// Its client id.
        cid: String,
    },
    /// Make an offer. Answered by `OfferMade`.
    Offer {
        /// Whether to restart ICE (new ICE credentials).
        ice_restart: bool,
    },
    /// Apply the server's answer, given as SDP.
    SetAnswer(String),
    /// Answer the server's offer. Answered by `AnswerMade`.
    Answer {
        /// The offer's id.
        id: u32,
        /// The offer.
        sdp: String,
    },
    /// Add a remote ICE candidate.
    AddCandidate {
        /// The connection that it belongs to.
        target: SignalTarget,
        /// `RTCIceCandidateInit` as JSON.
        json: String,
    },
    /// Send a packet on the reliable data channel, in order, as soon as it is open. Answered by `DataAcknowledged`.
    SendData {
        /// Its sequence number.
        sequence: u32,
        /// A `DataPacket`.
        payload: Bytes,
    },
    /// Close all peer connections. Always answered by `Closed`.
    Close,
}

/// Received media and the track that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundTrack {
    /// The driver's number of the media.
    pub handle: TrackHandle,
    /// The track.
    pub track: TrackRef,
}
