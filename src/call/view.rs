//! The interface between the window and the call service: commands, snapshots, notices. Plain data without handles,
//! channels or clocks.

mod details;
mod host_request;
mod person;

pub(crate) use super::audio::JoinSound;
pub(crate) use super::share_options::{ShareOption, ShareOptions};
pub(crate) use details::{CallDetails, StatisticsSample};
pub(crate) use host_request::HostRequest;
pub(crate) use person::{Person, PersonTrack};

use crate::base::{
    ChatMessage, ConnectionQuality, DeviceKind, DeviceLists, DeviceProblemKind, ExitReason, ExitRequestedBy, FrameSlot,
    Reaction, Receipt, ReceiptStep, RoomName, RoomState, Secret, SessionId, StepName, UserId, WatchedVideos, Withheld,
};
use crate::proto::release::Release;
use crate::proto::room_settings::RoomSettings;
use std::sync::Arc;
use std::time::Duration;

/// A command of the window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CallCommand {
    /// Use these devices: in the preview, or in the call.
    UseDevices(DeviceChoice),
    /// Close the lobby's preview until devices are chosen again: something else opens them.
    HidePreview,
    /// List the devices again.
    RefreshDevices,
    /// Look up a room, instead of an earlier one. `None` stops looking up.
    LookUp(Option<RoomQuery>),
    /// Enter a room. Ignored until the last session has reached ExitRoom.
    Join(JoinParams),
    /// Microphone on or off (in the lobby: whether to join with it).
    SetMicrophone(bool),
    /// Camera on or off (in the lobby: whether to join with it).
    SetCamera(bool),
    /// Share a screen or a window, by its id, instead of what is shared now. Outside a call it is dropped.
    Share(String),
    /// Share nothing any more.
    StopSharing,
    /// Let the others see the last picture of what is shared until this is `false`.
    PauseSharing(bool),
    /// Look for screens and windows that can be shared, again and again, or stop that.
    WatchScreens(bool),
    /// The screen was locked, or the login session is another one now: push to talk and sharing end.
    ScreenLocked,
    /// A key for push to talk: in a call the microphone is on while it is held, if it is off otherwise.
    Talk(TalkKey, KeyState),
    /// Noise suppression on or off, for our own audio.
    ReduceNoise(bool),
    /// Leave the call, or stop entering it. A repetition has no effect.
    Leave(ExitRequestedBy),
    /// End the exit now, without the confirmations that are missing.
    CloseNow,
    /// Reconnect now instead of at the next attempt.
    TryNow,
    /// Back from an end screen or dialog to the lobby.
    Dismiss,
    /// Write to everybody, or to one person. Outside a call it is dropped.
    SendMessage {
        /// For whom; `None` for everybody.
        to: Option<UserId>,
        /// The text.
        text: String,
    },
    /// These videos of others are shown, and so large. It counts for later calls too.
    Watch(WatchedVideos),
    /// Show the details of the call in the snapshots, or not any more. It ends with the call.
    WatchDetails(bool),
    /// Raise our hand, or lower it. Outside a call it is dropped.
    RaiseHand(bool),
    /// React to what is said or shown. Outside a call and while the connection is lost it is dropped.
    React(Reaction),
    /// Hear a person louder or quieter, for the rest of the call: in percent of what they send.
    SetVolume(UserId, u16),
    /// Let the user hear that somebody came or went. Outside a call it is dropped.
    PlaySound(JoinSound),
    /// A request of a host. The server refuses it if we are not one; outside a call it is dropped.
    AsHost(HostRequest),
    /// A link to a call was opened elsewhere. It comes back as [`Notice::Link`].
    OpenLink(String),
    /// A file of the window's was saved there, or the reason why not. It comes back as [`Notice::Saved`].
    TellSaved(Result<String, String>),
    /// There is a newer version. It comes back as [`Notice::NewRelease`].
    TellRelease(Release),
    /// End the program: leave the call, then let the window close itself.
    Quit,
    /// End the service after leaving the call, when no window is left to close.
    End,
}

/// A key for push to talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TalkKey {
    /// Space, while the window has the keyboard.
    Window,
    /// The key that works while other programs have the keyboard.
    Global,
}

/// What a key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// It was pressed.
    Down,
    /// It is still down. Without this every now and then it counts as released.
    Held,
    /// It was released, or can no longer be seen.
    Up,
}

/// Which room to enter, and under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinParams {
    /// The server: `ws://`, `wss://`, `http://` or `https://`. `None` starts a room server in this process.
    pub(crate) server: Option<String>,
    /// The room.
    pub(crate) room: RoomName,
    /// Our display name.
    pub(crate) name: String,
    /// The invitation of the link that was opened, if it has one.
    pub(crate) invitation: Option<Secret<String>>,
}

/// A room to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RoomQuery {
    /// The server: `ws://`, `wss://`, `http://` or `https://`.
    pub(crate) server: String,
    /// The room.
    pub(crate) room: RoomName,
    /// The invitation of the link that was opened, if it has one.
    pub(crate) invitation: Option<Secret<String>>,
}

/// The status of a room that is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoomStatus {
    /// The server has not answered yet.
    Checking,
    /// The server's answer.
    Known(RoomState),
}

/// Devices by the ids that `visavis devices` prints. `None` is the system's default, `"none"` no device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeviceChoice {
    /// Camera id.
    pub(crate) camera: Option<String>,
    /// Microphone id.
    pub(crate) microphone: Option<String>,
    /// Speaker id.
    pub(crate) speaker: Option<String>,
}

impl DeviceChoice {
    /// The chosen device of a kind.
    pub(crate) fn of(&self, kind: DeviceKind) -> Option<&str> {
        match kind {
            DeviceKind::Camera => self.camera.as_deref(),
            DeviceKind::Microphone => self.microphone.as_deref(),
            DeviceKind::Speaker => self.speaker.as_deref(),
            DeviceKind::Screen => None,
        }
    }
}

/// The state of a device of ours. The indicator shows this, not the position of the switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum DeviceState {
    /// Closed; the system may give it to other programs.
    #[default]
    Off,
    /// Requested, and not open yet.
    Opening,
    /// Open: its handle exists.
    Open,
    /// Closing, or it did not close in time and may still be open.
    Closing,
    /// It did not open, or was unplugged.
    Failed(DeviceProblem),
}

/// The problem of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceProblem {
    /// The case, for which the window has a text.
    pub(crate) kind: DeviceProblemKind,
    /// The system's error text, for support.
    pub(crate) message: String,
}

/// One of our own devices.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct LocalDevice {
    /// Its id; empty for the default until it is open.
    pub(crate) id: String,
    /// Its name for people; empty until it is open.
    pub(crate) label: String,
    /// Whether it is switched on.
    pub(crate) wanted: bool,
    /// Its state.
    pub(crate) state: DeviceState,
    /// Why others keep it off; `None` if they do not.
    pub(crate) withheld: Option<Withheld>,
    /// The name of the chosen device if it is not plugged in: the system's default takes its place until it is back.
    pub(crate) missing: Option<String>,
}

/// Everything that the window shows. Each replaces the last one; video frames do not pass through it but through slots.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Snapshot {
    /// The devices of this computer.
    pub(crate) devices: DeviceLists,
    /// The chosen devices.
    pub(crate) choice: DeviceChoice,
    /// Our camera.
    pub(crate) camera: LocalDevice,
    /// Our microphone.
    pub(crate) microphone: LocalDevice,
    /// Our speaker.
    pub(crate) speaker: LocalDevice,
    /// Our screen capture.
    pub(crate) screen: LocalDevice,
    /// Frames of our own camera, as they are sent (not mirrored).
    pub(crate) own_frames: FrameSlot,
    /// Frames of what we share.
    pub(crate) screen_frames: FrameSlot,
    /// Whether the others see the last picture of what we share.
    pub(crate) sharing_paused: bool,
    /// What can be shared, while it is looked for and once it is found.
    pub(crate) share_options: Option<Arc<ShareOptions>>,
    /// The key for push to talk that is held: the microphone is on because of it.
    pub(crate) talking: Option<TalkKey>,
    /// Level of our microphone in dBFS; -90 when it is silent or off.
    pub(crate) own_level: f32,
    /// The status of the room that is looked up; `None` if the server does not tell.
    pub(crate) room: Option<(RoomQuery, RoomStatus)>,
    /// The call, from [`CallCommand::Join`] to [`CallCommand::Dismiss`].
    pub(crate) call: Option<CallView>,
    /// The details of the call, while they are watched.
    pub(crate) details: Option<Arc<CallDetails>>,
    /// Whether the program is to end (`--then quit`, SIGTERM, end of the login session): the window closes itself when no
    /// call is running.
    pub(crate) quit: bool,
}

impl Snapshot {
    /// One of our devices.
    pub(crate) const fn device(&self, kind: DeviceKind) -> &LocalDevice {
        match kind {
            DeviceKind::Camera => &self.camera,
            DeviceKind::Microphone => &self.microphone,
            DeviceKind::Speaker => &self.speaker,
            DeviceKind::Screen => &self.screen,
        }
    }
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallView {
    /// The number of its session in this process.
    pub(crate) session: SessionId,
    /// Its room.
    pub(crate) room: RoomName,
    /// Our user id.
    pub(crate) user: UserId,
    /// Our name.
    pub(crate) name: String,
    /// The server's address, as the user gave it.
    pub(crate) server: String,
    /// The invitation of the link that was opened, if it has one.
    pub(crate) invitation: Option<Secret<String>>,
    /// Whether our token grants the rights of a host. The server checks it at each request.
    pub(crate) host: bool,
    /// What hosts have set for the room.
    pub(crate) settings: RoomSettings,
    /// Whether we wait before the room until a host lets us in.
    pub(crate) waiting: bool,
    /// Who waits before the room, with their names; for hosts.
    pub(crate) guests: Vec<(UserId, String)>,
    /// Its phase.
    pub(crate) phase: CallPhase,
    /// Everybody else, in the order in which they joined.
    pub(crate) people: Vec<Person>,
    /// What was written.
    pub(crate) chat: ChatView,
    /// The place of our hand among those that are up, from 1; `None` if it is down.
    pub(crate) hand: Option<usize>,
    /// The quality of our own connection.
    pub(crate) quality: ConnectionQuality,
    /// Whether the server lists us as a speaker.
    pub(crate) speaking: bool,
    /// How long the others still see us if our goodbye does not reach the server: at most 6 s on our server.
    pub(crate) stale_peer_limit: Duration,
}

/// The chat of a call. It stays until [`CallCommand::Dismiss`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChatView {
    /// The messages since we joined, oldest first.
    pub(crate) messages: Arc<Vec<ChatMessage>>,
    /// Whether we may write.
    pub(crate) allowed: bool,
    /// Whether so many messages of ours are unsent that no further one is taken.
    pub(crate) full: bool,
}

impl Default for ChatView {
    fn default() -> Self {
        Self { messages: Arc::default(), allowed: true, full: false }
    }
}

/// The phase of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CallPhase {
    /// Connecting to the server and joining the room.
    Entering,
    /// In the room.
    InCall {
        /// Time since EnterRoom.
        elapsed: Duration,
    },
    /// The connection is lost and is being restored.
    Reconnecting {
        /// The number of the attempt, from 1.
        attempt: u32,
        /// Time since the connection was lost.
        elapsed: Duration,
        /// After this time the call ends with reason 102.
        limit: Duration,
    },
    /// Leaving: the steps of the exit are under way.
    Leaving(ExitProgress),
    /// ExitRoom has come.
    Ended(CallSummary),
}

/// An exit that has not ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ExitProgress {
    /// The reason that is known so far: `Left` if we asked first, `Kicked` if the server did, …
    pub(crate) reason: ExitReason,
    /// Time since it began.
    pub(crate) elapsed: Duration,
    /// The steps that are done.
    pub(crate) done: Vec<ReceiptStep>,
    /// The steps that are not done.
    pub(crate) running: Vec<StepName>,
}

/// A call that has ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CallSummary {
    /// The reason.
    pub(crate) reason: ExitReason,
    /// The steps of the exit, with their times.
    pub(crate) receipt: Receipt,
    /// Milliseconds from our request, or the server's Leave, to ExitRoom.
    pub(crate) total_ms: f64,
    /// Unix time of ExitRoom in milliseconds.
    pub(crate) unix_ms: f64,
    /// Names of the others who were in the room when the exit began.
    pub(crate) told: Vec<String>,
    /// With `EntryFailed`: a sentence that says what to do.
    pub(crate) message: String,
}

/// A toast. It is not part of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// A user entered; their name.
    Joined(String),
    /// A user left; their name.
    Left(String),
    /// A user was removed; their name.
    Removed(String),
    /// A user's connection timed out; their name.
    Dropped(String),
    /// Somebody waits before the room; their user id and name.
    Waits(UserId, String),
    /// A user raised their hand; their name.
    HandRaised(String),
    /// Our hand was lowered, for this reason.
    HandLowered(Withheld),
    /// A user reacts.
    Reaction {
        /// Their user id.
        user: UserId,
        /// Their name.
        name: String,
        /// The reaction.
        reaction: Reaction,
    },
    /// Our connection is restored.
    BackInCall,
    /// A device of ours failed; its state says why.
    Device(DeviceKind),
    /// Others have turned a device of ours off, or keep it off although the user turns it on.
    Withheld(DeviceKind, Withheld),
    /// A host asks us to turn a device on.
    Asked(DeviceKind),
    /// What a device of ours gives may be sent now. It is off.
    Allowed(DeviceKind),
    /// Sharing has ended because the screen was locked.
    LockedWhileSharing,
    /// The chosen device was unplugged; the system's default takes its place, if there is one.
    DeviceMissing {
        /// The kind of device.
        kind: DeviceKind,
        /// Its name.
        name: String,
    },
    /// The chosen device is plugged in again, and in use.
    DeviceBack {
        /// The kind of device.
        kind: DeviceKind,
        /// Its name.
        name: String,
    },
    /// The system's default, which we follow, is another device now.
    DefaultDevice {
        /// The kind of device.
        kind: DeviceKind,
        /// Its name.
        name: String,
    },
    /// A link to a call was opened elsewhere.
    Link(String),
    /// There is a newer version.
    NewRelease(Release),
    /// A file of the window's was saved there, or the reason why not.
    Saved(Result<String, String>),
    /// A link for guests, to be copied.
    Invitation(String),
    /// The server refused a host request.
    Refused {
        /// The request.
        request: HostRequest,
        /// Why, and what to do.
        sentence: String,
    },
}

/// The window's access to the call service; tests replace it.
pub(crate) trait CallApi {
    /// Sends a command. Never blocks; a command that does not fit into the queue is dropped.
    fn send(&mut self, command: CallCommand);
    /// The newest snapshot.
    fn snapshot(&self) -> Arc<Snapshot>;
    /// The notices since the last call of this method.
    fn notices(&mut self) -> Vec<Notice>;
    /// Sets the function that asks the window to draw.
    fn set_waker(&mut self, wake: Arc<dyn Fn() + Send + Sync>);
}
