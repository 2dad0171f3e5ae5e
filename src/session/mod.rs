//! One participant's life in a room, from enter to exit. Pure: time is an argument, the world is inputs and outputs.
//!
//! A driver makes a [`Session`], drains [`Session::poll`], and from then on gives it one [`Input`] at a time with the time
//! it is, drains all outputs, and calls again at [`Session::deadline`] at the latest. Each phase carries its own data, so
//! "reconnecting while leaving" cannot be written down. The exit is in `leaving`; what it promises is in the README.

mod device_slot;
mod devices;
mod entering;
mod exit;
mod io;
mod link;
mod negotiation;
mod peers;
mod publish;
mod reconnecting;
mod roster;
#[cfg(test)]
mod tests;

pub use device_slot::{DeviceSlot, RELEASE_LIMIT, SlotChange, SlotState};
pub use entering::ENTER_LIMIT;
pub use exit::{CEILING, CLOSE_LIMIT, CLOSE_NOW, GOODBYE_LIMIT, Leaving};
pub use io::*;
pub use reconnecting::{RECONNECT_LIMIT, RESUME_WINDOW};
pub use roster::{Remote, RemoteTrack};

use crate::base::{ConnectionQuality, DeviceKind, ExitReason, Moment, Receipt, SimulcastLayer, Timers, TrackSource};
use livekit_protocol as lk;
use negotiation::Negotiation;
use publish::OwnTrack;
use roster::Roster;
use std::collections::VecDeque;

/// What to enter with.
#[derive(Clone, Debug, Default)]
pub struct SessionConfig {
    /// Enter with the camera on.
    pub camera_on: bool,
    /// Enter with the microphone on.
    pub microphone_on: bool,
    /// Camera id, the system's default, or `none`.
    pub camera: Option<String>,
    /// Microphone id, the system's default, or `none`.
    pub microphone: Option<String>,
    /// Speaker id, the system's default, or `none`.
    pub speaker: Option<String>,
    /// The sizes in which the camera's picture is sent, smallest first.
    pub camera_layers: Vec<SimulcastLayer>,
}

/// Where a session stands.
#[derive(Clone, Debug)]
pub enum Phase {
    /// On the way in.
    Entering(Entering),
    /// In the room.
    InRoom(InRoom),
    /// The link is lost and is being restored.
    Reconnecting(Reconnecting),
    /// On the way out.
    Leaving(Leaving),
    /// ExitRoom has come: nothing is held any more.
    Gone(Gone),
}

/// On the way in.
#[derive(Clone, Debug)]
pub struct Entering {
    /// When entering was asked for.
    pub since: Moment,
    /// What the server's first message brought.
    joined: Option<Joined>,
}

/// In the room.
#[derive(Clone, Debug)]
pub struct InRoom {
    /// When EnterRoom came.
    pub since: Moment,
    /// Since when no media has come or gone, if it does not now. The link is another way, and may be lost as well without
    /// anybody having noticed yet.
    pub media_down: Option<Moment>,
    joined: Joined,
}

/// On the way back.
#[derive(Clone, Debug)]
pub struct Reconnecting {
    /// When EnterRoom came.
    pub entered: Moment,
    /// When the link was lost.
    pub since: Moment,
    /// Which try, from 1.
    pub attempt: u32,
    /// The next try follows without a pause.
    eager: bool,
    /// The resume's list of everybody has come.
    listed: bool,
    step: reconnecting::Step,
}

/// ExitRoom has come.
#[derive(Clone, Debug)]
pub struct Gone {
    /// Why.
    pub reason: ExitReason,
    /// What was let go, and when.
    pub receipt: Receipt,
    /// Milliseconds from the request (or the server's word) to ExitRoom.
    pub total_ms: f64,
    /// Who was told.
    pub told: Vec<String>,
    /// A plain sentence, where there is something to say.
    pub message: String,
}

/// What the server's first message said of us.
#[derive(Clone, Debug)]
struct Joined {
    /// Our `PA_…`.
    sid: String,
    negotiation: Negotiation,
    /// v0: the subscriber connection is the one that counts.
    subscriber_primary: bool,
}

/// Each timer, and what happens when it fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Entering took too long: reason 103.
    Enter,
    /// The next try to reconnect.
    Retry,
    /// A try to reconnect hangs: the next kind of try.
    Attempt,
    /// Reconnecting took too long: reason 102.
    Reconnect,
    /// The media path is down though the link is up: ICE is restarted.
    MediaDown,
    /// The goodbye was not acknowledged: unconfirmed.
    Goodbye,
    /// Peers or socket do not close: ExitRoom without them.
    Close,
    /// A device did not let go, though force was allowed: named, and on.
    Devices,
    /// The hard ceiling of the exit.
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
    tracks: Vec<OwnTrack>,
    camera_layers: Vec<SimulcastLayer>,
    roster: Roster,
    timers: Timers<Timer>,
    out: VecDeque<Output>,
    /// Whether signalling of the present epoch is or may be open.
    link_open: bool,
    /// Whether peers of the present epoch exist or are being made.
    peers_open: bool,
    /// The server's word on our own voice.
    speaking: bool,
    quality: ConnectionQuality,
}

impl Session {
    /// A session that begins to enter at once: its first outputs open the devices and connect.
    pub fn new(config: SessionConfig, now: Moment) -> Self {
        let slot = DeviceSlot::new;
        let mut session = Self {
            phase: Phase::Entering(Entering { since: now, joined: None }),
            epoch: Epoch(1),
            camera: slot(DeviceKind::Camera, config.camera_on, config.camera),
            microphone: slot(DeviceKind::Microphone, config.microphone_on, config.microphone),
            speaker: slot(DeviceKind::Speaker, true, config.speaker),
            screen: slot(DeviceKind::Screen, false, None),
            tracks: Vec::new(),
            camera_layers: config.camera_layers,
            roster: Roster::default(),
            timers: Timers::default(),
            out: VecDeque::new(),
            link_open: true,
            peers_open: true,
            speaking: false,
            quality: ConnectionQuality::Unknown,
        };
        session.begin(now);
        session
    }

    /// Takes one input. Drain [`Session::poll`] afterwards.
    pub fn handle(&mut self, input: Input, now: Moment) {
        match input {
            Input::Exit(by) => self.exit(by, now),
            Input::CloseNow => self.close_now(now),
            Input::TryNow => self.try_now(now),
            Input::SetDevice(kind, on) => self.set_device(kind, on),
            Input::ChooseDevice(kind, id) => self.choose_device(kind, id),
            Input::Link(epoch, input) => self.link(epoch, input, now),
            Input::Peers(epoch, input) => self.peers(epoch, input, now),
            Input::Device(kind, generation, input) => self.device(kind, generation, input, now),
            Input::Tick => {}
        }
        while let Some(timer) = self.timers.pop_due(now) {
            self.fire(timer, now);
        }
        self.finish_if_complete(now);
    }

    /// The next thing to do; `None` when everything has been said.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to come again with [`Input::Tick`].
    pub fn deadline(&self) -> Option<Moment> {
        self.timers.next_deadline()
    }

    /// Where it stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Everybody else, in the order in which they came.
    pub fn people(&self) -> &[Remote] {
        self.roster.people()
    }

    /// A device of ours.
    pub fn slot(&self, kind: DeviceKind) -> &DeviceSlot {
        match kind {
            DeviceKind::Camera => &self.camera,
            DeviceKind::Microphone => &self.microphone,
            DeviceKind::Speaker => &self.speaker,
            DeviceKind::Screen => &self.screen,
        }
    }

    /// Whether the server says that we speak.
    pub fn speaking(&self) -> bool {
        self.speaking
    }

    /// The server's word on our own link.
    pub fn quality(&self) -> ConnectionQuality {
        self.quality
    }

    fn fire(&mut self, timer: Timer, now: Moment) {
        match timer {
            Timer::Enter => self.enter_timed_out(now),
            Timer::Retry => self.next_attempt(now),
            Timer::Attempt => self.attempt_timed_out(now),
            Timer::Reconnect => self.reconnect_timed_out(now),
            Timer::MediaDown => self.media_stayed_down(),
            Timer::Goodbye => self.goodbye_timed_out(now),
            Timer::Close | Timer::Devices | Timer::Ceiling => self.exit_timer(timer, now),
        }
    }

    fn send(&mut self, message: lk::signal_request::Message) {
        self.out.push_back(Output::Send(self.epoch, Box::new(message)));
    }

    fn command(&mut self, command: PeerCommand) {
        self.out.push_back(Output::Peers(self.epoch, command));
    }

    /// Runs `f` on the roster with the outputs.
    fn with_roster(&mut self, f: impl FnOnce(&mut Roster, &mut Vec<Output>)) {
        let mut out = Vec::new();
        f(&mut self.roster, &mut out);
        self.out.extend(out);
    }

    fn joined_mut(&mut self) -> Option<&mut Joined> {
        match &mut self.phase {
            Phase::Entering(e) => e.joined.as_mut(),
            Phase::InRoom(r) => Some(&mut r.joined),
            Phase::Reconnecting(r) => r.step.joined_mut(),
            Phase::Leaving(_) | Phase::Gone(_) => None,
        }
    }
}
