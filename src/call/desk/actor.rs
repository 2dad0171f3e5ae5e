//! The desk's task: it waits for commands, devices and the call, and publishes a snapshot after each.

use super::lobby::{self, Lobby};
use super::shared::Shared;
use super::snapshot::{gist, notice_of};
use super::{DeskConfig, Hosted};
use crate::base::{DeviceKind, Event, ExitReason, ExitRequestedBy, PictureLayer, Receipt, SessionId};
use crate::call::access::{Access, TokenSource, user_id};
use crate::call::connection::ConnectPlan;
use crate::call::devices::{DeviceReport, Devices, Tenant};
use crate::call::driver::{Call, CallConfig, EventSink, GHOST, unix_ms};
use crate::call::lookup::{self, Lookup};
use crate::call::view::{
    CallView, Command, DeviceChoice, DeviceEntry, DeviceLists, Ending, HostWish, JoinRequest, LocalDevice, Notice,
    Phase, Quality, Snapshot,
};
use crate::call::wake::Wake;
use crate::devices::camera_format;
use crate::session::Input;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Snapshots are made at least so often while something is open.
const PACE: Duration = Duration::from_millis(100);
/// People who were in the room before us are not announced one by one.
const QUIET: Duration = Duration::from_millis(1500);
/// How long looking for devices may take.
const LISTING: Duration = Duration::from_secs(3);
/// What the host asked the server for and is not answered yet, at most.
const WISHES: usize = 16;

/// The one call.
enum CallState {
    /// A server is being started, before the call itself.
    Starting(JoinRequest),
    Running {
        call: Box<Call>,
        wakes: mpsc::Receiver<Wake>,
        quiet_until: Instant,
    },
    /// Over, with what the window still shows.
    Over(Box<CallView>),
}

pub(super) struct Actor {
    config: DeskConfig,
    devices: Devices,
    lists: DeviceLists,
    /// What the lobby's room is found to be.
    lookup: Lookup,
    lobby: Lobby,
    call: Option<CallState>,
    /// What was asked for as a host of this call; it goes with the call.
    wishes: JoinSet<Option<Notice>>,
    sessions: u64,
    quit: bool,
    /// What the window was last woken for.
    gist: u64,
    shared: Arc<Shared>,
    publish: watch::Sender<Arc<Snapshot>>,
}

/// What the actor waits for.
enum Woken {
    Command(Option<Command>),
    Device(DeviceReport),
    Call(Wake),
    Lists(DeviceLists),
    Room(lookup::Answer),
    Server(Result<Hosted, String>),
    Wish(Option<Notice>),
    Tick,
}

impl Actor {
    pub(super) fn new(
        config: DeskConfig,
        devices: Devices,
        shared: Arc<Shared>,
        publish: watch::Sender<Arc<Snapshot>>,
    ) -> Self {
        Self {
            lobby: Lobby::new(config.choice.clone(), config.camera_on, config.microphone_on),
            config,
            devices,
            lists: DeviceLists::default(),
            lookup: Lookup::default(),
            call: None,
            wishes: JoinSet::new(),
            sessions: 0,
            quit: false,
            gist: 0,
            shared,
            publish,
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Command>, mut reported: mpsc::Receiver<DeviceReport>) {
        let (lists_tx, mut lists) = mpsc::channel(4);
        let (server_tx, mut servers) = mpsc::channel(1);
        let (rooms_tx, mut rooms) = mpsc::channel(4);
        list_devices(lists_tx.clone());
        let mut leaving = false;
        loop {
            let woken = {
                let deadline = match &self.call {
                    Some(CallState::Running { call, .. }) => call.deadline(),
                    _ => Instant::now() + PACE,
                };
                let call = async {
                    match &mut self.call {
                        Some(CallState::Running { wakes, .. }) => wakes.recv().await,
                        _ => std::future::pending().await,
                    }
                };
                tokio::select! {
                    command = orders.recv(), if !leaving => Woken::Command(command),
                    Some(report) = reported.recv() => Woken::Device(report),
                    Some(wake) = call => Woken::Call(wake),
                    Some(found) = lists.recv() => Woken::Lists(found),
                    Some(answer) = rooms.recv() => Woken::Room(answer),
                    Some(hosted) = servers.recv() => Woken::Server(hosted),
                    Some(done) = self.wishes.join_next() => Woken::Wish(done.unwrap_or_default()),
                    () = tokio::time::sleep_until(deadline.into()) => Woken::Tick,
                }
            };
            match woken {
                // The window is gone: leave in good order, then end.
                Woken::Command(None) => {
                    leaving = true;
                    self.end(ExitRequestedBy::Window);
                }
                Woken::Command(Some(Command::End)) => {
                    leaving = true;
                    self.end(ExitRequestedBy::Signal);
                }
                Woken::Command(Some(Command::RefreshDevices)) => list_devices(lists_tx.clone()),
                Woken::Command(Some(Command::LookUp(room))) => {
                    self.lookup.ask(room, &self.config.tokens, rooms_tx.clone());
                }
                Woken::Command(Some(Command::Join(join))) => self.join(join, &server_tx),
                Woken::Command(Some(command)) => self.command(command),
                Woken::Device(report) => self.device(report),
                Woken::Call(wake) => self.with_call(|call, devices| call.wake(wake, devices)),
                Woken::Lists(found) => self.lists = found,
                Woken::Room(answer) => self.lookup.take(answer),
                Woken::Server(hosted) => self.server_started(hosted),
                Woken::Wish(notice) => notice.into_iter().for_each(|notice| self.tell(notice)),
                Woken::Tick => self.tick(),
            }
            self.take_events();
            self.settle();
            self.show();
            if leaving && !matches!(self.call, Some(CallState::Running { .. })) {
                break;
            }
        }
        self.devices.close(crate::session::RELEASE_LIMIT).await;
    }

    fn with_call(&mut self, f: impl FnOnce(&mut Call, &mut Devices)) {
        if let Some(CallState::Running { call, .. }) = &mut self.call {
            f(call, &mut self.devices);
        }
    }

    fn end(&mut self, by: ExitRequestedBy) {
        self.with_call(|call, devices| call.input(Input::Exit(by), devices));
        self.show_lobby(false);
    }

    fn in_call(&self) -> bool {
        matches!(self.call, Some(CallState::Running { .. }))
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::UseDevices(choice) => self.use_devices(choice),
            Command::StopPreview => self.show_lobby(false),
            Command::ReduceNoise(on) => self.devices.sound().set_reduce_noise(on),
            Command::SetMicrophone(on) => self.set_device(DeviceKind::Microphone, on),
            Command::SetCamera(on) => self.set_device(DeviceKind::Camera, on),
            Command::Leave(by) => match &self.call {
                Some(CallState::Starting(join)) => {
                    let view = self.failed_view(join.clone(), ExitReason::Left, String::new());
                    self.call = Some(CallState::Over(Box::new(view)));
                }
                _ => self.with_call(|call, devices| call.input(Input::Exit(by), devices)),
            },
            Command::CloseNow => self.with_call(|call, devices| call.input(Input::CloseNow, devices)),
            Command::TryNow => self.with_call(|call, devices| call.input(Input::TryNow, devices)),
            Command::Dismiss => {
                if matches!(self.call, Some(CallState::Over(_))) {
                    self.call = None;
                }
            }
            Command::Quit => {
                self.quit = true;
                self.with_call(|call, devices| call.input(Input::Exit(ExitRequestedBy::Signal), devices));
            }
            Command::AsHost(wish) => self.as_host(wish),
            Command::OpenLink(link) => self.tell(Notice::Link(link)),
            Command::TellRelease(release) => self.tell(Notice::NewRelease(release)),
            Command::RefreshDevices | Command::LookUp(_) | Command::Join(_) | Command::End => {}
        }
    }

    /// Something for the window to show.
    fn tell(&self, notice: Notice) {
        self.shared.notice(notice);
        self.shared.wake();
    }

    fn as_host(&mut self, wish: HostWish) {
        let Some(CallState::Running { call, .. }) = &self.call else { return };
        match call.host_rights().filter(|_| self.wishes.len() < WISHES) {
            Some(rights) => drop(self.wishes.spawn(rights.ask(wish))),
            None => tracing::warn!(?wish, "what a host wants was dropped"),
        }
    }

    fn use_devices(&mut self, choice: DeviceChoice) {
        self.lobby.note_choice(choice.clone());
        if !self.in_call() {
            return self.lobby.preview_choice(&mut self.devices);
        }
        let choices = [
            (DeviceKind::Camera, choice.camera),
            (DeviceKind::Microphone, choice.microphone),
            (DeviceKind::Speaker, choice.speaker),
        ];
        for (kind, id) in choices {
            self.with_call(|call, devices| call.input(Input::ChooseDevice(kind, id), devices));
        }
    }

    fn set_device(&mut self, kind: DeviceKind, on: bool) {
        self.lobby.note_on(kind, on);
        if self.in_call() {
            self.with_call(|call, devices| call.input(Input::SetDevice(kind, on), devices));
        } else {
            self.lobby.refresh(&mut self.devices);
        }
    }

    /// Opens or closes the lobby's camera and microphone; a call has them for itself.
    fn show_lobby(&mut self, shown: bool) {
        if !self.in_call() {
            self.lobby.show(shown, &mut self.devices);
        }
    }

    fn device(&mut self, report: DeviceReport) {
        match &mut self.call {
            _ if report.tenant == lobby::TENANT => self.lobby.report(report, &mut self.devices),
            Some(CallState::Running { call, .. }) => call.device(report, &mut self.devices),
            _ => {}
        }
    }

    // ---- joining

    fn join(&mut self, join: JoinRequest, server: &mpsc::Sender<Result<Hosted, String>>) {
        if self.in_call() || matches!(self.call, Some(CallState::Starting(_))) {
            tracing::warn!("a second join was refused: ExitRoom has not come yet");
            return;
        }
        if let Some(url) = join.server.clone() {
            // Somebody else's server knows no key of ours but those that we were given.
            let tokens = match join.invitation.clone() {
                Some(invitation) => TokenSource::Invited(invitation),
                None => self.config.tokens.clone(),
            };
            return self.enter(join, url, tokens);
        }
        let Some(start) = self.config.server.clone() else {
            let message = "This build of Visavis has no room server. Write a server's address.".to_owned();
            let view = self.failed_view(join, ExitReason::EntryFailed, message);
            self.call = Some(CallState::Over(Box::new(view)));
            return;
        };
        self.call = Some(CallState::Starting(join));
        let answer = server.clone();
        tokio::spawn(async move { answer.send(start().await).await });
    }

    fn server_started(&mut self, hosted: Result<Hosted, String>) {
        match (self.call.take(), hosted) {
            (Some(CallState::Starting(join)), Ok(hosted)) => {
                self.enter(join, hosted.url, TokenSource::Signed(hosted.key));
            }
            (Some(CallState::Starting(join)), Err(message)) => {
                let view = self.failed_view(join, ExitReason::EntryFailed, message);
                self.call = Some(CallState::Over(Box::new(view)));
            }
            (other, _) => self.call = other,
        }
    }

    fn enter(&mut self, join: JoinRequest, url: String, tokens: TokenSource) {
        self.sessions += 1;
        let user = tokens.user().unwrap_or_else(|| user_id(&join.name));
        let access = Access { server: url, tokens, room: join.room, user, name: join.name };
        let format = camera_format(self.lobby.choice().camera.as_deref());
        let layers = PictureLayer::for_camera(format.width, format.height);
        let config = CallConfig {
            session: SessionId(self.sessions),
            tenant: Tenant(self.sessions as u32),
            devices: self.lobby.session(layers.clone()),
            plan: ConnectPlan { access, layers },
            events: self.event_sink(),
            taps: None,
            decoded_is_shown: false,
        };
        let (call, wakes) = Call::start(config, &mut self.devices);
        self.lobby.hand_over(&mut self.devices);
        self.call = Some(CallState::Running { call: Box::new(call), wakes, quiet_until: Instant::now() + QUIET });
    }

    /// Events go where the owner wants them, and some become notices.
    fn event_sink(&self) -> EventSink {
        let (events, shared) = (self.config.events.clone(), self.shared.clone());
        Arc::new(move |event: &Event| {
            events(event);
            if let Some(notice) = notice_of(&event.kind) {
                shared.notice(notice);
            }
        })
    }

    fn failed_view(&self, join: JoinRequest, reason: ExitReason, message: String) -> CallView {
        let ending = Ending {
            reason,
            receipt: Receipt::default(),
            total_ms: 0.0,
            unix_ms: unix_ms(),
            told: Vec::new(),
            message,
        };
        CallView {
            session: SessionId(self.sessions),
            room: join.room,
            user: user_id(&join.name),
            name: join.name,
            server: join.server.unwrap_or_default(),
            invitation: join.invitation,
            host: false,
            phase: Phase::Ended(ending),
            people: Vec::new(),
            quality: Quality::Unknown,
            speaking: false,
            ghost: GHOST,
        }
    }

    // ---- time

    fn tick(&mut self) {
        self.with_call(|call, devices| call.tick(devices));
    }

    /// Pictures that the window has drawn, and who was there before us.
    fn take_events(&mut self) {
        let shown = self.shared.take_shown();
        if let Some(CallState::Running { call, quiet_until, .. }) = &self.call {
            for (user, width, height) in shown {
                call.shown(user, width, height);
            }
            if Instant::now() < *quiet_until {
                self.shared.retain(|notice| !matches!(notice, Notice::Joined(_)));
            }
        }
    }

    /// A call that has reached ExitRoom is over: only its view stays, and what its devices are called.
    fn settle(&mut self) {
        if let Some(CallState::Running { call, .. }) = &self.call
            && call.ended().is_some()
        {
            for kind in [DeviceKind::Camera, DeviceKind::Microphone] {
                self.lobby.note_label(kind, call.local(kind).label);
            }
            self.call = Some(CallState::Over(Box::new(call.view())));
            self.wishes = JoinSet::new();
        }
    }

    fn show(&mut self) {
        let (camera, microphone, speaker) = match &self.call {
            Some(CallState::Running { call, .. }) => {
                (call.local(DeviceKind::Camera), call.local(DeviceKind::Microphone), call.local(DeviceKind::Speaker))
            }
            _ => (self.lobby.camera(&self.devices), self.lobby.microphone(&self.devices), LocalDevice::default()),
        };
        let snapshot = Snapshot {
            devices: self.lists.clone(),
            choice: self.lobby.choice().clone(),
            camera,
            microphone,
            speaker,
            own_picture: self.devices.camera().own().clone(),
            own_level: self.devices.sound().report().microphone.dbfs,
            room: self.lookup.shown(),
            call: self.call_view(),
            quit: self.quit,
        };
        let gist = gist(&snapshot);
        self.publish.send_replace(Arc::new(snapshot));
        if std::mem::replace(&mut self.gist, gist) != gist {
            self.shared.wake();
        }
    }

    fn call_view(&self) -> Option<CallView> {
        Some(match self.call.as_ref()? {
            CallState::Running { call, .. } => call.view(),
            CallState::Over(view) => (**view).clone(),
            CallState::Starting(join) => {
                let mut view = self.failed_view(join.clone(), ExitReason::Left, String::new());
                view.phase = Phase::Entering;
                view
            }
        })
    }
}

fn list_devices(found: mpsc::Sender<DeviceLists>) {
    tokio::spawn(async move {
        let lists = crate::devices::list(LISTING).await;
        let entries = |list: Vec<crate::devices::DeviceEntry>| {
            let entry =
                |e: crate::devices::DeviceEntry| DeviceEntry { id: e.id, label: e.label, synthetic: e.synthetic };
            list.into_iter().map(entry).collect()
        };
        let lists = DeviceLists {
            cameras: entries(lists.cameras),
            microphones: entries(lists.microphones),
            speakers: entries(lists.speakers),
        };
        found.send(lists).await.ok();
    });
}
