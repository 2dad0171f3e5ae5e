//! What goes into a session and what comes out: the words that `call/` carries between it and the world.
//!
//! One input, then drain all outputs ([`super::Session::poll`]), then the next input.

use crate::base::{
    DeviceKind, EntryErrorKind, EventKind, ExitRequestedBy, IceServer, MediaKind, SignalTarget, StepState, TrackRef,
    TrackSource,
};
use livekit_protocol as lk;
use std::time::Duration;

/// Which connection to the server (signalling and peers together) something belongs to. A fresh join counts one up,
/// so that late words of an older connection can be dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// Which opening of a device something belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u32);

/// The driver's number for a remote track's media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackHandle(pub u64);

/// Why the room could not be entered, or entered again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryError {
    /// For scripts, and for the decision whether to try again.
    pub kind: EntryErrorKind,
    /// A plain sentence with what to do next.
    pub message: String,
    /// Whether trying again may help.
    pub retry: bool,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Leave. Accepted in every phase; only the first counts.
    Exit(ExitRequestedBy),
    /// Do not wait for what is still unconfirmed.
    CloseNow,
    /// Do not wait for the next try to reconnect. A try that is under way is left alone.
    TryNow,
    /// Camera or microphone on or off.
    SetDevice(DeviceKind, bool),
    /// Another device: its id, or the system's default.
    ChooseDevice(DeviceKind, Option<String>),
    /// The signalling connection.
    Link(Epoch, LinkInput),
    /// The peer connections.
    Peers(Epoch, PeerInput),
    /// A device.
    Device(DeviceKind, Generation, DeviceInput),
    /// A deadline has passed.
    Tick,
}

/// What the signalling connection reports.
#[derive(Clone, Debug)]
pub enum LinkInput {
    /// The server let us in; `single` is protocol v1, whose first offer went with the join.
    Joined {
        /// Its first message.
        response: Box<lk::JoinResponse>,
        /// One peer connection (v1) or two (v0).
        single: bool,
    },
    /// It did not; nothing is held any more.
    ConnectFailed(EntryError),
    /// A message.
    Message(Box<lk::signal_response::Message>),
    /// It ended without our asking.
    Lost,
    /// The server resumes the session.
    Resumed(Box<lk::ReconnectResponse>),
    /// The resume did not work. `None`: the server could not be reached.
    ResumeFailed(Option<Box<lk::LeaveRequest>>),
    /// Our goodbye has been written out.
    GoodbyeSent,
    /// It is closed, as asked.
    Closed,
}

/// What the peer connections report.
#[derive(Clone, Debug)]
pub enum PeerInput {
    /// The offer asked for.
    OfferMade(String),
    /// The answer to the server's offer `id`.
    AnswerMade {
        /// The offer's id.
        id: u32,
        /// The answer.
        sdp: String,
    },
    /// A description could not be made or used.
    NegotiationFailed(String),
    /// A candidate of ours, as RTCIceCandidateInit JSON.
    LocalCandidate {
        /// Which connection.
        target: SignalTarget,
        /// The JSON.
        json: String,
    },
    /// ICE and DTLS are up, for the first time or again.
    Up(SignalTarget),
    /// The path is lost.
    Down(SignalTarget),
    /// A remote track's media begins.
    Track {
        /// The driver's number.
        handle: TrackHandle,
        /// Its section.
        mid: String,
        /// `msid` stream id: `PA_…|…`.
        stream_id: String,
        /// `msid` track id: `TR_…` on v0.
        track_id: String,
        /// Sound or picture.
        kind: MediaKind,
    },
    /// A remote track's media ended.
    TrackEnded(TrackHandle),
    /// They are closed, as asked.
    Closed,
}

/// What a device reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceInput {
    /// Its handle exists.
    Opened {
        /// The id it really has.
        id: String,
    },
    /// It could not be opened, or went away. Nothing is held any more.
    Failed {
        /// The id.
        id: String,
        /// What the system says.
        message: String,
    },
    /// Its handle is closed.
    Released {
        /// `Confirmed`, or `Failed` where it would not let go.
        state: StepState,
        /// What a person should know.
        detail: String,
    },
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Make peers and join: token, first offer, signalling. Answered by `Joined` or `ConnectFailed`.
    Connect(Epoch),
    /// Give up connecting; answered by nothing. A link that came up meanwhile is left with a goodbye.
    CancelConnect(Epoch),
    /// Open a new socket for the same session.
    Resume(Epoch, lk::ReconnectReason),
    /// The link may send what it held back during a resume.
    ResumeDone(Epoch),
    /// Send a message.
    Send(Epoch, Box<lk::signal_request::Message>),
    /// Send what only the peers know: our descriptions, for `sync_state`.
    SyncState(Epoch, Box<lk::SyncState>),
    /// Send the goodbye and flush it; answered by `GoodbyeSent`.
    SayGoodbye(Epoch),
    /// Close the signalling connection, or stop opening it; always answered by `Closed`.
    CloseLink(Epoch),
    /// For the peer connections; carried out in order.
    Peers(Epoch, PeerCommand),
    /// Open a device; answered by `Opened` or `Failed`.
    OpenDevice {
        /// What kind.
        kind: DeviceKind,
        /// This opening's number.
        generation: Generation,
        /// Its id, or the system's default.
        id: Option<String>,
    },
    /// Release a device, also while it is still opening; answered by `Released`.
    ReleaseDevice {
        /// What kind.
        kind: DeviceKind,
        /// The opening's number.
        generation: Generation,
        /// After so long it is to be taken away by force.
        limit: Duration,
    },
    /// A remote track is known by name: show it, play it.
    Attach(BoundTrack),
    /// A remote track is gone.
    Detach(TrackHandle),
    /// Whether a track of ours sends.
    Feed {
        /// Which.
        source: TrackSource,
        /// Whether it sends.
        on: bool,
    },
    /// Encode only these layers of a track of ours: the ones that somebody subscribes to.
    WantLayers {
        /// The track, as its AddTrack named it.
        cid: String,
        /// Index into the track's layers, smallest first, and whether it is wanted. Layers that are not named stay.
        layers: Vec<(usize, bool)>,
    },
    /// For the event file, the timeline and the window.
    Event(EventKind),
}

/// What the peer connections are to do.
#[derive(Clone, Debug)]
pub enum PeerCommand {
    /// Use these STUN and TURN servers from the next gathering on. Sent after each join, before anything else; the first
    /// offer of protocol v1 waits for it with its gathering.
    SetIceServers(Vec<IceServer>),
    /// v1: add m-lines for so many more tracks.
    AddMLines {
        /// m-lines for audio.
        audios: u32,
        /// m-lines for video.
        videos: u32,
    },
    /// Add a track of ours; it is offered with the next offer.
    Publish {
        /// AddTrack's client id, which is also the msid's track id.
        cid: String,
        /// What it shows.
        source: TrackSource,
    },
    /// Make an offer; answered by `OfferMade`.
    Offer {
        /// With new ICE credentials.
        ice_restart: bool,
    },
    /// Take the server's answer.
    SetAnswer(String),
    /// Answer the server's offer; answered by `AnswerMade`.
    Answer {
        /// The offer's id.
        id: u32,
        /// The offer.
        sdp: String,
    },
    /// A candidate of the server's, as RTCIceCandidateInit JSON.
    AddCandidate {
        /// Which connection.
        target: SignalTarget,
        /// The JSON.
        json: String,
    },
    /// Close everything; always answered by `Closed`.
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
