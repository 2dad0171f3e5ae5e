//! A participant's machine: it sleeps and wakes, its process is stopped and continued, its devices are plugged in and
//! unplugged, its network changes. And what a host does to somebody without ending the stay.

use super::people::Person;
use super::{Delivery, MEDIA_SILENCE, ROOM, Stage};
use crate::base::{DeviceKind, EntryErrorKind, Moment, TrackSource};
use crate::hub::{self, AdminAnswer, AdminCall, ConnectionId, LinkId, MediaEvent};
use crate::session::{self, DeviceInput, EntryError, LinkInput, NetworkChange};
use livekit_protocol as lk;
use lk::DisconnectReason;
use lk::leave_request::Action;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Time until a client notices that there is a way to the server again.
const WAY_NOTICED: Duration = Duration::from_millis(200);
/// Time until the driver notices that a device is gone.
const UNPLUGGED_AFTER: Duration = Duration::from_millis(10);

/// A fault that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The network is gone.
    Cut,
    /// Nothing arrives, and no socket ends.
    BlackHole,
    /// The process stands still.
    Stopped {
        /// Whether the timers of the process come before what has arrived.
        timers_first: bool,
    },
    /// A push-to-talk key is released, or nobody is in front of the window any more.
    Talk(TalkEnd),
    /// The login session is on the screen again, and has its devices.
    SwitchedAway,
}

/// How push to talk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TalkEnd {
    /// The key is released.
    KeyUp,
    /// The screen is locked.
    Lock,
    /// Another login session is on the screen for so many ms, which has the devices.
    SwitchSession(u64),
}

/// How a participant stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// SIGSTOP: the kernel goes on, so sockets stay open and receive.
    Process,
    /// The machine sleeps. Messages to it wait for it, as TCP sends them again.
    Sleep,
    /// The machine sleeps, and its sockets do not survive: it has another address afterwards.
    SleepOfSockets,
}

/// The state of a participant's machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    stop: Option<(Stop, Moment)>,
    /// When the process stood still, from and to.
    stops: Vec<(Moment, Moment)>,
    pub(crate) unplugged: BTreeSet<DeviceKind>,
    /// The peer connections that have been up.
    pub(crate) connected: BTreeSet<ConnectionId>,
    /// Since when devices are open whose release was not requested.
    pub(crate) open: BTreeMap<DeviceKind, Moment>,
    /// Since when devices have failed that nobody has turned off.
    pub(crate) failed: BTreeMap<DeviceKind, Moment>,
    /// Devices that the user has on, and that nobody else has turned off.
    pub(crate) wanted: BTreeSet<DeviceKind>,
    /// Whether the system has no way to the server. It tells when there is one again, by another address.
    has_no_way: bool,
    /// Whether the microphone is on because of a key that is held.
    talks: bool,
}

impl Machine {
    /// One on which these devices are on.
    pub(crate) fn with(on: &[DeviceKind]) -> Self {
        Self { wanted: on.iter().copied().collect(), ..Self::default() }
    }

    /// How long the process ran between two moments.
    pub(crate) fn ran_between(&self, from: Moment, to: Moment) -> Duration {
        let stood = self.stops.iter().map(|(began, ended)| (*ended).min(to).since((*began).max(from)));
        to.since(from).saturating_sub(stood.sum())
    }

    /// The user or the host turns a device on or off. A failure from before does not count any more.
    pub(crate) fn want(&mut self, kind: DeviceKind, on: bool) {
        self.failed.remove(&kind);
        match on {
            true => self.wanted.insert(kind),
            false => self.wanted.remove(&kind),
        };
    }

    /// When the process last ran again after standing still.
    pub(crate) fn woke(&self) -> Moment {
        self.stops.last().map_or(Moment::ZERO, |(_, ended)| *ended)
    }
}

impl Person {
    /// Whether its process exists and does not stand still.
    pub const fn is_running(&self) -> bool {
        self.alive && self.stopped.is_none()
    }

    /// Notes what a report says about devices and connections. Reports of earlier openings do not count.
    pub(crate) fn takes_report(&mut self, input: &session::Input, now: Moment) {
        if let session::Input::Link(epoch, LinkInput::ConnectFailed(_)) = input {
            self.has_peers &= self.epoch != *epoch;
        }
        if let session::Input::SetDevice(kind, on) = input {
            self.machine.want(*kind, *on);
        }
        let session::Input::Device(kind, generation, report) = input else { return };
        if self.held.get(kind) != Some(generation) {
            return;
        }
        match report {
            DeviceInput::Opened { .. } => {
                self.machine.open.insert(*kind, now);
            }
            DeviceInput::Failed { .. } | DeviceInput::Released { .. } => {
                self.held.remove(kind);
                self.machine.open.remove(kind);
                if matches!(report, DeviceInput::Failed { .. }) && self.machine.wanted.contains(kind) {
                    self.machine.failed.insert(*kind, now);
                }
            }
        }
    }
}

impl Stage {
    // ---- the process and the machine

    /// Lets a participant's process or machine stand still. Returns whether it ran.
    pub fn stop(&mut self, who: usize, stop: Stop) -> bool {
        if !self.people[who].is_running() {
            return false;
        }
        self.people[who].machine.stop = Some((stop, self.now));
        self.stop_process(who);
        match stop {
            Stop::Process => {}
            Stop::Sleep => self.black_hole(who, true),
            Stop::SleepOfSockets => self.address(who, false),
        }
        true
    }

    /// Lets it run again, with its timers or with what has arrived first. Returns whether it stood still.
    pub fn wake(&mut self, who: usize, timers_first: bool) -> bool {
        let Some((stop, since)) = self.people[who].machine.stop.take() else { return false };
        self.people[who].machine.stops.push((since, self.now));
        self.continue_process(who, timers_first);
        match stop {
            Stop::Process => {}
            Stop::Sleep => self.black_hole(who, false),
            Stop::SleepOfSockets => self.network(who, true),
        }
        true
    }

    pub(crate) fn fault_over(&mut self, who: usize, fault: Fault) {
        match fault {
            Fault::Cut => self.network(who, true),
            Fault::BlackHole => self.black_hole(who, false),
            Fault::Stopped { timers_first } => {
                self.wake(who, timers_first);
            }
            Fault::Talk(end) => self.end_talk(who, end),
            Fault::SwitchedAway => {
                self.plug(who);
            }
        }
    }

    /// Holds the push-to-talk key down for so long. Returns whether that turns the microphone on: it may be on already.
    pub fn talk(&mut self, who: usize, held_for: Duration, end: TalkEnd) -> bool {
        let machine = &mut self.people[who].machine;
        if machine.wanted.contains(&DeviceKind::Microphone) || machine.talks {
            return false;
        }
        machine.talks = true;
        self.input(who, session::Input::SetDevice(DeviceKind::Microphone, true));
        self.later(held_for, Delivery::Over(who, Fault::Talk(end)));
        true
    }

    fn end_talk(&mut self, who: usize, end: TalkEnd) {
        let machine = &mut self.people[who].machine;
        machine.talks = false;
        self.input(who, session::Input::SetDevice(DeviceKind::Microphone, false));
        if let TalkEnd::SwitchSession(ms) = end {
            self.unplug(who, DeviceKind::Camera);
            self.unplug(who, DeviceKind::Microphone);
            self.later(Duration::from_millis(ms), Delivery::Over(who, Fault::SwitchedAway));
        }
    }

    // ---- the network

    /// Takes a participant's address away: its sockets are dead, which the server is not told. With `up` another one is
    /// there at once.
    pub fn address(&mut self, who: usize, up: bool) {
        if self.sockets_die(who, true) && up {
            self.network(who, true);
        }
    }

    /// Another way leads to the server, or none: the sockets carry nothing any more, which neither side is told, except
    /// that the client hears of the change after `notice_ms`.
    pub fn change_way(&mut self, who: usize, up: bool, notice_ms: u64) {
        if !self.sockets_die(who, false) {
            return;
        }
        let change = if up {
            self.network(who, true);
            NetworkChange::Moved
        } else {
            self.people[who].machine.has_no_way = true;
            NetworkChange::Lost
        };
        self.later_input(who, Duration::from_millis(notice_ms), session::Input::NetworkChanged(change));
    }

    /// Cuts a participant off and ends its sockets, which the server is not told, and the client if `is_told`. Returns
    /// whether it was running and connected.
    fn sockets_die(&mut self, who: usize, is_told: bool) -> bool {
        if !self.people[who].alive || self.people[who].net.is_cut {
            return false;
        }
        let now = self.now;
        self.people[who].net.troubled = now;
        self.people[who].net.is_cut = true;
        self.people[who].waiting.clear();
        for link in self.sockets_of(who) {
            self.lose_in_flight(link);
            let Some(socket) = self.sockets.get(&link) else { continue };
            if is_told && socket.client {
                let (lost, epoch) = (socket.loss(), socket.epoch);
                self.later_input(who, Duration::ZERO, session::Input::Link(epoch, lost));
            }
            self.let_go(link, true, false);
        }
        self.people[who].links.clear();
        self.media_stops(who);
        true
    }

    /// After there was none, the system tells of the new one.
    pub(crate) fn way_is_there(&mut self, who: usize) {
        if std::mem::take(&mut self.people[who].machine.has_no_way) {
            self.later_input(who, WAY_NOTICED, session::Input::NetworkChanged(NetworkChange::Moved));
        }
    }

    /// A client closes its peer connections: the SFU is told, or notices the silence.
    pub(crate) fn peers_close(&mut self, who: usize) {
        let (is_reachable, latency) = (self.people[who].is_reachable(), self.people[who].net.latency);
        // In a search of every order this would multiply the states, and members are gone by their goodbye there.
        let connections = if self.pings { self.connections(who) } else { Vec::new() };
        for connection in connections {
            // Of a connection that never came up there is nothing to notice.
            if !self.people[who].machine.connected.contains(&connection) {
                continue;
            }
            let (after, event) = match is_reachable {
                true => (latency, MediaEvent::Closed { connection }),
                false => (MEDIA_SILENCE, MediaEvent::Disconnected { connection }),
            };
            self.later(after, Delivery::Sfu(Box::new(hub::Input::Media(event))));
        }
    }

    // ---- devices

    /// Unplugs a device. Returns whether it was there.
    pub fn unplug(&mut self, who: usize, kind: DeviceKind) -> bool {
        let person = &mut self.people[who];
        if !person.alive || !person.machine.unplugged.insert(kind) {
            return false;
        }
        let Some(generation) = person.held.get(&kind).copied() else { return true };
        let is_its = |d: &Delivery, released: bool| {
            let Delivery::Input(w, input) = d else { return false };
            let session::Input::Device(k, g, report) = &**input else { return false };
            let is_release = matches!(report, DeviceInput::Released { .. });
            *w == who && *k == kind && *g == generation && is_release == released
        };
        if !self.scheduled.values().any(|d| is_its(d, true)) {
            self.scheduled.retain(|_, d| !is_its(d, false));
            let report = DeviceInput::Failed { id: "x".into(), message: "it was unplugged".into() };
            self.later_input(who, UNPLUGGED_AFTER, session::Input::Device(kind, generation, report));
        }
        true
    }

    /// Plugs all devices in again. Returns whether one was not there.
    pub fn plug(&mut self, who: usize) -> bool {
        !std::mem::take(&mut self.people[who].machine.unplugged).is_empty()
    }

    // ---- what a host does

    /// The members of the room as the admin API tells them.
    pub fn members(&mut self) -> Vec<lk::ParticipantInfo> {
        let Some(hub) = &mut self.hub else { return Vec::new() };
        let request = AdminCall::ListParticipants(lk::ListParticipantsRequest { room: ROOM.into() });
        hub.handle(hub::Input::Admin { call: 0, request: Box::new(request) }, self.now);
        let outputs: Vec<hub::Output> = std::iter::from_fn(|| hub.poll()).collect();
        let mut members = Vec::new();
        for output in outputs {
            match output {
                hub::Output::Answer { call: 0, answer: Ok(answer) } => {
                    if let AdminAnswer::Participants(list) = *answer {
                        members = list.participants;
                    }
                }
                output => self.apply_hub(output),
            }
        }
        members
    }

    /// A member as the admin API tells it.
    pub fn member(&mut self, user: &str) -> Option<lk::ParticipantInfo> {
        self.members().into_iter().find(|m| m.identity == user)
    }

    /// Lets a member publish only these sources. Returns whether that changes something.
    pub fn rights(&mut self, user: &str, sources: &[TrackSource]) -> bool {
        let Some(before) = self.member(user).and_then(|m| m.permission) else { return false };
        let named = |source: &TrackSource| match source {
            TrackSource::Camera => lk::TrackSource::Camera as i32,
            TrackSource::Microphone => lk::TrackSource::Microphone as i32,
            TrackSource::Screen => lk::TrackSource::ScreenShare as i32,
            TrackSource::ScreenAudio => lk::TrackSource::ScreenShareAudio as i32,
            TrackSource::Unknown(_) => lk::TrackSource::Unknown as i32,
        };
        let can_publish_sources = sources.iter().map(named).collect();
        let permission =
            lk::ParticipantPermission { can_publish: !sources.is_empty(), can_publish_sources, ..before.clone() };
        let changes = permission != before;
        self.turned_off(user);
        self.admin(AdminCall::UpdateParticipant(lk::UpdateParticipantRequest {
            room: ROOM.into(),
            identity: user.into(),
            permission: Some(permission),
            ..Default::default()
        }));
        changes
    }

    /// Devices that a host turns off are not opened again by themselves.
    fn turned_off(&mut self, user: &str) {
        for person in self.people.iter_mut().filter(|p| p.user.as_str() == user) {
            person.machine.failed.clear();
        }
    }

    /// Mutes a member's track of this source. Returns whether there was one that sent.
    pub fn mute_source(&mut self, user: &str, source: lk::TrackSource) -> bool {
        let Some(member) = self.member(user) else { return false };
        let Some(track) = member.tracks.into_iter().find(|t| t.source() == source && !t.muted) else { return false };
        self.turned_off(user);
        self.admin(AdminCall::MutePublishedTrack(lk::MuteRoomTrackRequest {
            room: ROOM.into(),
            identity: user.into(),
            track_sid: track.sid,
            muted: true,
        }));
        true
    }

    // ---- tokens

    /// A member gets a new token from the server.
    pub(crate) fn renew_token(&mut self, link: LinkId, holder: &lk::ParticipantInfo) {
        let Some(socket) = self.sockets.get(&link).filter(|w| w.client) else { return };
        let person = &mut self.people[socket.who];
        if person.is_running() && person.net.is_up() {
            person.is_expired = false;
            person.permission = holder.permission.clone().unwrap_or_default();
            person.attributes = holder.attributes.clone().into_iter().collect();
        }
    }

    /// Whether the token of a client has expired.
    pub fn is_expired(&self, link: LinkId) -> bool {
        self.sockets.get(&link).is_some_and(|w| self.people[w.who].is_expired)
    }

    /// The server refuses a token that has expired.
    pub(crate) fn refuse_token(&mut self, link: LinkId) {
        let Some(socket) = self.sockets.get(&link) else { return };
        let refused = if socket.is_resume {
            LinkInput::ResumeFailed(Some(Box::new(lk::LeaveRequest {
                can_reconnect: true,
                reason: DisconnectReason::StateMismatch as i32,
                action: Action::Reconnect as i32,
                regions: None,
            })))
        } else {
            let message = "the token has expired".to_owned();
            LinkInput::ConnectFailed(EntryError { kind: EntryErrorKind::TokenRefused, message, retry: false })
        };
        self.send_down(link, refused);
    }
}
