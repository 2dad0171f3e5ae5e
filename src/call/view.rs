//! What the window sees of calls and devices, and what it may ask for. Plain data: no handle, no channel, no clock.

use crate::base::{
    ConnectionQuality, DeviceKind, DeviceLists, DeviceProblemKind, ExitReason, ExitRequestedBy, FrameSlot, Receipt,
    ReceiptStep, RoomId, RoomState, Secret, SessionId, StepName, TrackRef, TrackRole, UserId,
};
use crate::proto::release::Release;
use std::sync::Arc;
use std::time::Duration;

/// What the window asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CallCommand {
    /// Show the lobby's preview with these devices. Replaces an earlier choice; in a call it switches the devices.
    UseDevices(DeviceChoice),
    /// Look again which devices there are.
    RefreshDevices,
    /// Find out how a room is that somebody may be about to enter; it replaces an earlier one. `None`: no more.
    LookUp(Option<RoomQuery>),
    /// Enter a room. Refused while a session has not reached its ExitRoom.
    Join(JoinRequest),
    /// Microphone on or off (in the lobby: whether to join with it).
    SetMicrophone(bool),
    /// Camera on or off (in the lobby: whether to join with it).
    SetCamera(bool),
    /// Whether background noise is taken out of our own sound.
    ReduceNoise(bool),
    /// Leave the call, or stop entering it. A second one does nothing more.
    Leave(ExitRequestedBy),
    /// Do not wait any longer for what is still unconfirmed.
    CloseNow,
    /// Do not wait for the next try to reconnect.
    TryNow,
    /// Back from an end screen or dialog to the lobby.
    Dismiss,
    /// Do what only a host may; refused by the server where we are none, and dropped outside a call.
    AsHost(HostRequest),
    /// A link to a call was opened elsewhere: it comes back as [`Notice::Link`].
    OpenLink(String),
    /// There is a newer version: it comes back as [`Notice::NewRelease`].
    TellRelease(Release),
    /// End the program: a call that is open is left first, and then the window closes itself.
    Quit,
    /// The same where there is no window any more that could close itself: the desk ends.
    End,
}

/// What a host may do in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostRequest {
    /// Remove somebody: they are told so, and need a new token to come back.
    Remove {
        /// Whom.
        user: UserId,
        /// What they are called, for sentences.
        name: String,
    },
    /// End the call for everybody in it, ourselves too.
    EndForEveryone,
    /// Make a link with which guests come in; it comes back as [`Notice::Invitation`].
    Invite,
}

/// Where to go and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinRequest {
    /// `ws://`, `wss://`, `http://` or `https://`. `None`: start a room server in this process.
    pub(crate) server: Option<String>,
    /// The room.
    pub(crate) room: RoomId,
    /// The name the others see.
    pub(crate) name: String,
    /// What lets us in, if we came by a link that has it.
    pub(crate) invitation: Option<Secret<String>>,
}

/// A room that somebody may be about to enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoomQuery {
    /// `ws://`, `wss://`, `http://` or `https://`.
    pub(crate) server: String,
    /// The room.
    pub(crate) room: RoomId,
    /// What lets us in, if we came by a link that has it.
    pub(crate) invitation: Option<Secret<String>>,
}

/// What the lobby knows of a room that is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoomStatus {
    /// The server has not answered yet.
    Checking,
    /// The server's answer.
    Known(RoomState),
}

/// Devices by the ids that `visavis devices` prints. `None` is the system's default, `"none"` is no device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeviceChoice {
    /// Camera id.
    pub(crate) camera: Option<String>,
    /// Microphone id.
    pub(crate) microphone: Option<String>,
    /// Speaker id.
    pub(crate) speaker: Option<String>,
}

/// What a device of ours is doing. The lamp follows this, not the button.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum DeviceState {
    /// Closed: nothing holds it.
    #[default]
    Off,
    /// Being opened.
    Opening,
    /// Open: its handle exists.
    Open,
    /// Being closed, or it did not close when it was asked to; still counted as open.
    Closing,
    /// It could not be opened, or it went away.
    Failed(DeviceProblem),
}

/// What is wrong with a device, as people need to hear it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceProblem {
    /// One of the cases with a text of its own.
    pub(crate) kind: DeviceProblemKind,
    /// The system's own words, for support.
    pub(crate) message: String,
}

/// One of our own devices.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LocalDevice {
    /// Its id; empty before one was chosen.
    pub(crate) id: String,
    /// What people read.
    pub(crate) label: String,
    /// Whether the user wants it on.
    pub(crate) wanted: bool,
    /// What it is doing.
    pub(crate) state: DeviceState,
}

/// Everything the window shows. A new one replaces the last; video frames bypass it through the slots.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Snapshot {
    /// Devices of this computer.
    pub(crate) devices: DeviceLists,
    /// What was chosen.
    pub(crate) choice: DeviceChoice,
    /// Our camera.
    pub(crate) camera: LocalDevice,
    /// Our microphone.
    pub(crate) microphone: LocalDevice,
    /// Our speaker.
    pub(crate) speaker: LocalDevice,
    /// Our screen capture.
    pub(crate) screen: LocalDevice,
    /// Our own picture, as it is sent (not mirrored).
    pub(crate) own_picture: FrameSlot,
    /// Level of our microphone in dBFS, -90 when silent or off.
    pub(crate) own_level: f32,
    /// What is known of the room that was looked up; `None` where the server does not tell.
    pub(crate) room: Option<(RoomQuery, RoomStatus)>,
    /// The call, from Join until `Dismiss`.
    pub(crate) call: Option<CallView>,
    /// The program is to end (`--then quit`, SIGTERM, end of the login session): the window closes itself as soon as
    /// no call is open any more.
    pub(crate) quit: bool,
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallView {
    /// Which session of this process.
    pub(crate) session: SessionId,
    /// Its room.
    pub(crate) room: RoomId,
    /// Our user id.
    pub(crate) user: UserId,
    /// Our name.
    pub(crate) name: String,
    /// The server's address, as it was asked for.
    pub(crate) server: String,
    /// What let us in, if we came by a link that has it.
    pub(crate) invitation: Option<Secret<String>>,
    /// Whether our token makes us a host; the server decides when we act as one.
    pub(crate) host: bool,
    /// Where it stands.
    pub(crate) phase: CallPhase,
    /// Everybody else, in the order in which they joined.
    pub(crate) people: Vec<Person>,
    /// Our own link.
    pub(crate) quality: ConnectionQuality,
    /// Whether we are the one who speaks.
    pub(crate) speaking: bool,
    /// For how long at most the others still see us when our goodbye does not reach the server: 6 s on ours.
    pub(crate) stale_peer_limit: Duration,
}

/// Where a call stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CallPhase {
    /// On the way in.
    Entering,
    /// In the room, for so long.
    InCall {
        /// Time since EnterRoom.
        elapsed: Duration,
    },
    /// The link is lost and is being restored.
    Reconnecting {
        /// Which try, from 1.
        attempt: u32,
        /// Time since the link was lost.
        elapsed: Duration,
        /// How long it is tried before the call ends with reason 102.
        limit: Duration,
    },
    /// On the way out.
    Leaving(ExitProgress),
    /// ExitRoom has come.
    Ended(CallSummary),
}

/// An exit under way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExitProgress {
    /// Why, as far as it is known yet: `Left` for our own wish, `Kicked` when the server's word came first, …
    pub(crate) reason: ExitReason,
    /// Time since it was asked for.
    pub(crate) elapsed: Duration,
    /// The steps that are done.
    pub(crate) done: Vec<ReceiptStep>,
    /// The steps that still run.
    pub(crate) running: Vec<StepName>,
}

/// A call that has ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallSummary {
    /// Why.
    pub(crate) reason: ExitReason,
    /// What was let go, and when.
    pub(crate) receipt: Receipt,
    /// Milliseconds from the request (or the server's word) to ExitRoom.
    pub(crate) total_ms: f64,
    /// Unix time of ExitRoom in ms.
    pub(crate) unix_ms: f64,
    /// Names of those who were in the room and have been told.
    pub(crate) told: Vec<String>,
    /// For `EntryFailed`: a plain sentence with what to do next.
    pub(crate) message: String,
}

/// Somebody else in the call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    /// Who they are for the server.
    pub(crate) user: UserId,
    /// What is shown.
    pub(crate) name: String,
    /// Their tracks, in the order in which they were first seen.
    pub(crate) tracks: Vec<PersonTrack>,
    /// Whether they speak.
    pub(crate) speaking: bool,
    /// Their link.
    pub(crate) quality: ConnectionQuality,
}

impl Person {
    /// Whether a microphone of theirs sends.
    pub(crate) fn microphone_on(&self) -> bool {
        self.tracks.iter().any(|t| !t.muted && t.role() == TrackRole::Voice)
    }

    /// Their cameras that send. The first one is their picture.
    pub(crate) fn cameras(&self) -> impl Iterator<Item = &PersonTrack> {
        self.tracks.iter().filter(|t| !t.muted && t.role() == TrackRole::Camera)
    }

    /// Their screens that send.
    pub(crate) fn screens(&self) -> impl Iterator<Item = &PersonTrack> {
        self.tracks.iter().filter(|t| !t.muted && t.role() == TrackRole::Screen)
    }
}

/// A track of somebody else.
#[derive(Clone, Debug)]
pub(crate) struct PersonTrack {
    /// Which.
    pub(crate) track: TrackRef,
    /// Whether it is muted.
    pub(crate) muted: bool,
    /// Its frames, if it is a video track that is not muted.
    pub(crate) frames: Option<FrameSlot>,
}

/// Before the media of a track begins, its slot is a new one each time.
impl PartialEq for PersonTrack {
    fn eq(&self, other: &Self) -> bool {
        let key = |t: &Self| (t.muted, t.frames.is_some());
        self.track == other.track && key(self) == key(other)
    }
}

impl PersonTrack {
    /// How it is presented.
    pub(crate) const fn role(&self) -> TrackRole {
        self.track.source.role()
    }
}

/// Something worth a toast; it is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Somebody came.
    Joined(String),
    /// Somebody went: "Mina left".
    Left(String),
    /// Somebody was removed.
    Removed(String),
    /// Somebody's link did not come back.
    Dropped(String),
    /// Our link is back.
    BackInCall,
    /// A device of ours stopped working; its state says why.
    Device(DeviceKind),
    /// A link to a call was opened while the window was open.
    Link(String),
    /// There is a newer version.
    NewRelease(Release),
    /// A link for guests was made, to be copied.
    Invitation(String),
    /// The server did not do what we asked for as a host.
    Refused {
        /// What.
        wish: HostRequest,
        /// Why, and what to do.
        sentence: String,
    },
}

/// Hands commands to whoever carries them out, and the newest snapshot and notices back. The window owns one.
pub(crate) trait CallApi {
    /// Asks for something. Never blocks.
    fn send(&mut self, command: CallCommand);
    /// The newest snapshot.
    fn snapshot(&self) -> Arc<Snapshot>;
    /// Notices since the last call.
    fn notices(&mut self) -> Vec<Notice>;
    /// What to call when there is something new to draw.
    fn set_waker(&mut self, wake: Arc<dyn Fn() + Send + Sync>);
}
