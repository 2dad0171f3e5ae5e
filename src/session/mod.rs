//! One participant's stay in a room, from enter to exit. Pure: time is an argument, everything else is inputs and outputs.
//!
//! A driver makes a [`Session`] and drains [`Session::poll`]. Then it gives one [`Input`] at a time together with the time,
//! drains all outputs, and gives [`Input::Tick`] at [`Session::deadline`] at the latest. Each phase holds its own data, so
//! states like "reconnecting while leaving" cannot be expressed. `exit` ends the stay; the README states its promise.

mod chat;
mod data;
mod device_slot;
mod device_target;
mod devices;
mod entering;
mod exit;
mod hands;
mod io;
mod link;
mod media_ports;
mod negotiation;
mod network;
mod peers;
mod publish;
mod reconnecting;
mod remote_track;
mod rights;
mod room;
mod roster;
#[cfg(test)]
mod tests;
mod watching;

#[cfg(feature = "window")]
pub(crate) use chat::MESSAGE_BYTES;
pub use data::Outgoing;
pub(crate) use device_slot::{DeviceSlot, RELEASE_LIMIT, SlotState};
pub use exit::{CLOSE_NOW, Leaving};
pub use io::*;
pub(crate) use link::ice_servers;
pub(crate) use media_ports::MediaPorts;
pub(crate) use reconnecting::RECONNECT_LIMIT;
pub use remote_track::RemotePublication;
pub use roster::RemoteParticipant;

use crate::base::{
    ConnectionQuality, DeviceKind, ExitReason, Listed, Moment, Receipt, SimulcastLayer, Timers, TrackSid, WatchedVideos,
};
use chat::Chat;
use data::DataPath;
use hands::OwnHand;
use livekit_protocol as lk;
use negotiation::Negotiation;
use publish::OwnTrack;
use rights::Rights;
use room::RoomState;
use roster::Roster;
use std::collections::{BTreeMap, VecDeque};
use watching::Watching;

/// Configuration of a session.
#[derive(Clone, Debug, Default)]
pub struct SessionConfig {
    /// Enter with the camera on.
    pub camera_on: bool,
    /// Enter with the microphone on.
    pub microphone_on: bool,
    /// Camera id; `None` for the system's default, `none` for no camera.
    pub camera: Option<String>,
    /// Microphone id, likewise.
    pub microphone: Option<String>,
    /// Speaker id, likewise.
    pub speaker: Option<String>,
    /// What to share at once: the id of a screen, a window or a synthetic screen; `None` to share nothing.
    pub screen: Option<String>,
    /// The simulcast layers of the camera, smallest first.
    pub camera_layers: Vec<SimulcastLayer>,
    /// The real devices that are plugged in; empty while the system has not listed them.
    pub listed: Vec<(DeviceKind, Listed)>,
    /// The remote videos that are watched.
    pub watched: WatchedVideos,
}

/// The phase of a session.
#[derive(Clone, Debug)]
pub enum Phase {
    /// Before EnterRoom.
    Entering(Entering),
    /// In the room.
    InRoom(InRoom),
    /// In the room, while the signalling link is restored.
    Reconnecting(Reconnecting),
    /// During the exit.
    Leaving(Leaving),
    /// After ExitRoom: nothing is held any more.
    Ended(Ended),
}

/// Before EnterRoom.
#[derive(Clone, Debug)]
pub struct Entering {
    /// When the session began.
    pub since: Moment,
    /// From the join response, once it has arrived.
    joined: Option<Joined>,
    /// Whether the server has ended the link.
    link_ended: bool,
}

/// In the room.
#[derive(Clone, Debug)]
pub struct InRoom {
    /// Time of EnterRoom; that of the beginning while we wait to be let in.
    pub since: Moment,
    /// Start of the current media outage; `None` while media flows. Signalling has its own connection and may be down too.
    pub media_down: Option<Moment>,
    joined: Joined,
    /// The last outage of this stay: its end, and the attempts that it took.
    last_outage: Option<(Moment, u32)>,
}

/// In the room, while the signalling link is restored.
#[derive(Clone, Debug)]
pub struct Reconnecting {
    /// Time of EnterRoom.
    pub entered: Moment,
    /// When the link was lost, or the process woke.
    pub since: Moment,
    /// The number of the current attempt, from 1.
    pub attempt: u32,
    /// Attempts of an outage that ended just before this one: the pauses go on from there.
    earlier_attempts: u32,
    /// A resume is tried until then; later, the server has given us up.
    resume_until: Moment,
    /// Whether the time is over, and no attempt follows the current one.
    last: bool,
    /// Whether the next attempt follows without a pause.
    skip_pause: bool,
    step: reconnecting::AttemptState,
}

/// After ExitRoom.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Why the stay ended.
    pub reason: ExitReason,
    /// The receipt of the exit.
    pub receipt: Receipt,
    /// Milliseconds from the beginning of the exit to ExitRoom.
    pub total_ms: f64,
    /// Names of the participants who were told.
    pub told: Vec<String>,
    /// For `EntryFailed` and `ConnectionLost`: a sentence for the user.
    pub message: String,
}

/// Our participant, from the join response.
#[derive(Clone, Debug)]
struct Joined {
    /// Our `PA_…`.
    sid: String,
    negotiation: Negotiation,
    media_ports: MediaPorts,
    /// v0: EnterRoom waits for the subscriber connection instead of the publisher's.
    subscriber_primary: bool,
}

/// The timers of a session, with what happens when each fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Entering fails with reason 103.
    Enter,
    /// The next attempt to reconnect begins.
    Retry,
    /// The current attempt to reconnect is given up, and the next one is scheduled.
    Attempt,
    /// Reconnecting fails with reason 102 if the attempt that runs or begins now fails.
    Reconnect,
    /// The link gave no answer after the process stood still: it is lost.
    Probe,
    /// The media path is still down while the link is up: ICE is restarted.
    MediaDown,
    /// The goodbye was not acknowledged: the step is unconfirmed.
    Goodbye,
    /// The peer connections or the link did not close: the step is unconfirmed.
    Close,
    /// The server has not answered the announcement of a track of ours: it is repeated.
    Answer,
    /// A device that failed is opened again.
    RetryDevice(DeviceKind),
    /// A device did not close, even by force: its step has failed.
    Devices,
    /// The server is told how large videos are shown.
    TrackSettings,
    /// ExitRoom follows whatever is still open.
    Ceiling,
}

/// One participant's stay in a room.
#[derive(Clone, Debug)]
pub struct Session {
    phase: Phase,
    epoch: Epoch,
    camera: DeviceSlot,
    microphone: DeviceSlot,
    speaker: DeviceSlot,
    screen: DeviceSlot,
    failures: BTreeMap<DeviceKind, devices::Failures>,
    tracks: Vec<OwnTrack>,
    /// Tracks that were announced, which numbers their client ids.
    announced: u32,
    rights: Rights,
    camera_layers: Vec<SimulcastLayer>,
    roster: Roster,
    room: RoomState,
    watching: Watching,
    /// Whether the server resumes the session and has not yet sent the list of all participants.
    awaits_list: bool,
    chat: Chat,
    own_hand: OwnHand,
    data: DataPath,
    timers: Timers<Timer>,
    out: VecDeque<Output>,
    /// Whether the link of the current epoch is open or being opened. One that the server has ended holds a socket until we
    /// close it.
    link_open: bool,
    /// Whether peer connections of the current epoch exist or are being made.
    peers_open: bool,
    /// Whether the server reports us as speaking.
    speaking: bool,
    quality: ConnectionQuality,
}

impl Session {
    /// Begins to enter: the first outputs connect and open the devices.
    pub fn new(config: SessionConfig, now: Moment) -> Self {
        let slot = DeviceSlot::new;
        let mut session = Self {
            phase: Phase::Entering(Entering { since: now, joined: None, link_ended: false }),
            epoch: Epoch(1),
            camera: slot(DeviceKind::Camera, config.camera_on, config.camera),
            microphone: slot(DeviceKind::Microphone, config.microphone_on, config.microphone),
            speaker: slot(DeviceKind::Speaker, true, config.speaker),
            screen: slot(DeviceKind::Screen, config.screen.is_some(), config.screen),
            failures: BTreeMap::new(),
            tracks: Vec::new(),
            announced: 0,
            rights: Rights::default(),
            camera_layers: config.camera_layers,
            roster: Roster::default(),
            room: RoomState::default(),
            watching: Watching::new(config.watched),
            awaits_list: false,
            chat: Chat::default(),
            own_hand: OwnHand::default(),
            data: DataPath::default(),
            timers: Timers::default(),
            out: VecDeque::new(),
            link_open: true,
            peers_open: true,
            speaking: false,
            quality: ConnectionQuality::Unknown,
        };
        for (kind, listed) in config.listed {
            session.slot_mut(kind).note_listed(listed);
        }
        session.begin(now);
        session
    }

    /// Takes one input. Drain [`Session::poll`] afterwards.
    pub fn handle(&mut self, input: Input, now: Moment) {
        match input {
            Input::Exit(by) => self.exit(by, now),
            Input::CloseNow => self.close_now(now),
            Input::TryNow => self.try_now(now),
            Input::NetworkChanged(change) => self.network_changed(change, now),
            Input::Woke(after) => self.woke(after, now),
            Input::SetDevice(kind, on) => self.switch_device(kind, on),
            Input::ChooseDevice(kind, id) => self.choose_device(kind, id),
            Input::Listed(kind, listed) => self.list_devices(kind, listed),
            Input::SendMessage(message) => self.write(message),
            Input::Watch(watched) => self.watch(watched),
            Input::RaiseHand(at_ms) => self.raise_hand(at_ms),
            Input::GuestsWaiting(guests) => self.guests_wait(guests),
            Input::React(reaction) => self.react(reaction),
            Input::Link(epoch, input) => self.link(epoch, input, now),
            Input::Peers(epoch, input) => self.peers(epoch, input, now),
            Input::Device(kind, generation, input) => self.device(kind, generation, input, now),
            Input::Tick => {}
        }
        while let Some(timer) = self.timers.pop_due(now) {
            self.fire(timer, now);
        }
        self.await_answers(now);
        self.tell_watched(now);
        self.end_if_complete(now);
    }

    /// The next output; `None` when all are drained.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// The latest time for the next input.
    pub fn deadline(&self) -> Option<Moment> {
        self.timers.next_deadline()
    }

    /// The current phase.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The remote participants, in the order in which they joined.
    pub fn people(&self) -> &[RemoteParticipant] {
        self.roster.people()
    }

    /// One of our devices.
    pub(crate) fn slot(&self, kind: DeviceKind) -> &DeviceSlot {
        match kind {
            DeviceKind::Camera => &self.camera,
            DeviceKind::Microphone => &self.microphone,
            DeviceKind::Speaker => &self.speaker,
            DeviceKind::Screen => &self.screen,
        }
    }

    /// Whether the server reports us as speaking.
    pub(crate) fn speaking(&self) -> bool {
        self.speaking
    }

    /// The quality of our connection, as the server reports it.
    pub(crate) fn quality(&self) -> ConnectionQuality {
        self.quality
    }

    /// Whether the exit has begun.
    fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving(_) | Phase::Ended(_))
    }

    fn fire(&mut self, timer: Timer, now: Moment) {
        match timer {
            Timer::Enter => self.enter_timed_out(now),
            Timer::Retry => self.next_attempt(now),
            Timer::Attempt => self.attempt_failed(now),
            Timer::Reconnect => self.reconnect_timed_out(now),
            Timer::Probe => self.link_lost(now),
            Timer::MediaDown => self.media_stayed_down(now),
            Timer::Answer => self.announce_again(now),
            // `handle` does it after each input.
            Timer::TrackSettings => {}
            Timer::RetryDevice(kind) => self.retry_device(kind),
            Timer::Goodbye => self.goodbye_timed_out(now),
            Timer::Close => self.close_timed_out(now),
            Timer::Devices => self.abandon_devices(now),
            Timer::Ceiling => self.ceiling_reached(now),
        }
    }

    fn send(&mut self, message: lk::signal_request::Message) {
        self.out.push_back(Output::Send(self.epoch, Box::new(message)));
    }

    fn command(&mut self, command: PeerCommand) {
        self.out.push_back(Output::Peers(self.epoch, command));
    }

    /// Runs `f` on the roster, appends its outputs, and tells the server which tracks we want.
    fn with_roster(&mut self, f: impl FnOnce(&mut Roster, &mut Vec<Output>)) {
        let mut out = Vec::new();
        f(&mut self.roster, &mut out);
        self.out.extend(out);
        for (subscribe, tracks) in self.roster.subscription_changes() {
            if subscribe {
                self.watching.forget_told_of(&tracks);
            }
            let track_sids = tracks.iter().map(TrackSid::to_string).collect();
            let update = lk::UpdateSubscription { track_sids, subscribe, ..Default::default() };
            self.send(lk::signal_request::Message::Subscription(update));
        }
    }

    fn joined_mut(&mut self) -> Option<&mut Joined> {
        match &mut self.phase {
            Phase::Entering(e) => e.joined.as_mut(),
            Phase::InRoom(r) => Some(&mut r.joined),
            Phase::Reconnecting(r) => r.step.joined_mut(),
            Phase::Leaving(_) | Phase::Ended(_) => None,
        }
    }
}
