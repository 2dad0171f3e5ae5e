//! The desk's task: it waits for commands, devices and the call, and publishes a snapshot after each.

use super::mailbox::Mailbox;
use super::preview::{self, Preview};
use super::snapshot::{gist, notice_of};
use super::{CallServiceConfig, HostedServer};
use crate::base::{
    ConnectionQuality, DeviceKind, Event, ExitReason, ExitRequestedBy, Receipt, SessionId, SimulcastLayer,
};
use crate::call::connection::ConnectPlan;
use crate::call::credentials::{JoinCredentials, TokenSource, user_id};
use crate::call::devices::{DeviceOwner, DeviceReport, Devices};
use crate::call::driver::{Call, CallConfig, EventSink, STALE_PEER_LIMIT};
use crate::call::lookup::{self, RoomLookup};
use crate::call::report::TaskReport;
use crate::call::view::{
    CallCommand, CallPhase, CallSummary, CallView, DeviceChoice, DeviceEntry, DeviceLists, HostRequest, JoinRequest,
    LocalDevice, Notice, Snapshot,
};
use crate::clock::unix_ms;
use crate::devices::camera_format;
use crate::session::Input;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Snapshots are made at least so often while something is open.
const TICK: Duration = Duration::from_millis(100);
/// People who were in the room before us are not announced one by one.
const QUIET_START: Duration = Duration::from_millis(1500);
/// How long looking for devices may take.
const LIST_LIMIT: Duration = Duration::from_secs(3);
/// What the host asked the server for and is not answered yet, at most.
const HOST_REQUESTS: usize = 16;

/// The one call.
enum CallState {
    /// A server is being started, before the call itself.
    Starting(JoinRequest),
    Running {
        call: Box<Call>,
        reports: mpsc::Receiver<TaskReport>,
        quiet_until: Instant,
    },
    /// Over, with what the window still shows.
    Over(Box<CallView>),
}

pub(super) struct ServiceTask {
    config: CallServiceConfig,
    devices: Devices,
    lists: DeviceLists,
    /// What the lobby's room is found to be.
    lookup: RoomLookup,
    preview: Preview,
    call: Option<CallState>,
    /// What was asked for as a host of this call; it goes with the call.
    host_requests: JoinSet<Option<Notice>>,
    sessions: u64,
    quit: bool,
    /// What the window was last woken for.
    gist: u64,
    mailbox: Arc<Mailbox>,
    publish: watch::Sender<Arc<Snapshot>>,
}

/// What the task waits for.
enum ServiceEvent {
    Command(Option<CallCommand>),
    Device(DeviceReport),
    Call(TaskReport),
    Lists(DeviceLists),
    Room(lookup::Answer),
    Server(Result<HostedServer, String>),
    HostRequest(Option<Notice>),
    Tick,
}

impl ServiceTask {
    pub(super) fn new(
        config: CallServiceConfig,
        devices: Devices,
        mailbox: Arc<Mailbox>,
        publish: watch::Sender<Arc<Snapshot>>,
    ) -> Self {
        Self {
            preview: Preview::new(config.choice.clone(), config.camera_on, config.microphone_on),
            config,
            devices,
            lists: DeviceLists::default(),
            lookup: RoomLookup::default(),
            call: None,
            host_requests: JoinSet::new(),
            sessions: 0,
            quit: false,
            gist: 0,
            mailbox,
            publish,
        }
    }

    pub(super) async fn run(
        mut self,
        mut orders: mpsc::Receiver<CallCommand>,
        mut reported: mpsc::Receiver<DeviceReport>,
    ) {
        let (lists_tx, mut lists) = mpsc::channel(4);
        let (server_tx, mut servers) = mpsc::channel(1);
        let (rooms_tx, mut rooms) = mpsc::channel(4);
        list_devices(lists_tx.clone());
        let mut leaving = false;
        loop {
            let woken = {
                let deadline = match &self.call {
                    Some(CallState::Running { call, .. }) => call.deadline(),
                    _ => Instant::now() + TICK,
                };
                let call = async {
                    match &mut self.call {
                        Some(CallState::Running { reports, .. }) => reports.recv().await,
                        _ => std::future::pending().await,
                    }
                };
                tokio::select! {
                    command = orders.recv(), if !leaving => ServiceEvent::Command(command),
                    Some(report) = reported.recv() => ServiceEvent::Device(report),
                    Some(report) = call => ServiceEvent::Call(report),
                    Some(found) = lists.recv() => ServiceEvent::Lists(found),
                    Some(answer) = rooms.recv() => ServiceEvent::Room(answer),
                    Some(hosted) = servers.recv() => ServiceEvent::Server(hosted),
                    Some(done) = self.host_requests.join_next() => ServiceEvent::HostRequest(done.unwrap_or_default()),
                    () = tokio::time::sleep_until(deadline.into()) => ServiceEvent::Tick,
                }
            };
            match woken {
                // The window is gone: leave in good order, then end.
                ServiceEvent::Command(None) => {
                    leaving = true;
                    self.end(ExitRequestedBy::Window);
                }
                ServiceEvent::Command(Some(CallCommand::End)) => {
                    leaving = true;
                    self.end(ExitRequestedBy::Signal);
                }
                ServiceEvent::Command(Some(CallCommand::RefreshDevices)) => list_devices(lists_tx.clone()),
                ServiceEvent::Command(Some(CallCommand::LookUp(room))) => {
                    self.lookup.ask(room, &self.config.tokens, rooms_tx.clone());
                }
                ServiceEvent::Command(Some(CallCommand::Join(join))) => self.join(join, &server_tx),
                ServiceEvent::Command(Some(command)) => self.command(command),
                ServiceEvent::Device(report) => self.device(report),
                ServiceEvent::Call(report) => self.with_call(|call, devices| call.take_report(report, devices)),
                ServiceEvent::Lists(found) => self.lists = found,
                ServiceEvent::Room(answer) => self.lookup.take(answer),
                ServiceEvent::Server(hosted) => self.server_started(hosted),
                ServiceEvent::HostRequest(notice) => notice.into_iter().for_each(|notice| self.tell(notice)),
                ServiceEvent::Tick => self.tick(),
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
        self.show_preview(false);
    }

    fn in_call(&self) -> bool {
        matches!(self.call, Some(CallState::Running { .. }))
    }

    fn command(&mut self, command: CallCommand) {
        match command {
            CallCommand::UseDevices(choice) => self.use_devices(choice),
            CallCommand::StopPreview => self.show_preview(false),
            CallCommand::ReduceNoise(on) => self.devices.audio().set_reduce_noise(on),
            CallCommand::SetMicrophone(on) => self.set_device(DeviceKind::Microphone, on),
            CallCommand::SetCamera(on) => self.set_device(DeviceKind::Camera, on),
            CallCommand::Leave(by) => match &self.call {
                Some(CallState::Starting(join)) => {
                    let view = self.failed_view(join.clone(), ExitReason::Left, String::new());
                    self.call = Some(CallState::Over(Box::new(view)));
                }
                _ => self.with_call(|call, devices| call.input(Input::Exit(by), devices)),
            },
            CallCommand::CloseNow => self.with_call(|call, devices| call.input(Input::CloseNow, devices)),
            CallCommand::TryNow => self.with_call(|call, devices| call.input(Input::TryNow, devices)),
            CallCommand::Dismiss => {
                if matches!(self.call, Some(CallState::Over(_))) {
                    self.call = None;
                }
            }
            CallCommand::Quit => {
                self.quit = true;
                self.with_call(|call, devices| call.input(Input::Exit(ExitRequestedBy::Signal), devices));
            }
            CallCommand::AsHost(request) => self.as_host(request),
            CallCommand::OpenLink(link) => self.tell(Notice::Link(link)),
            CallCommand::TellRelease(release) => self.tell(Notice::NewRelease(release)),
            CallCommand::RefreshDevices | CallCommand::LookUp(_) | CallCommand::Join(_) | CallCommand::End => {}
        }
    }

    /// Something for the window to show.
    fn tell(&self, notice: Notice) {
        self.mailbox.notice(notice);
        self.mailbox.wake();
    }

    fn as_host(&mut self, request: HostRequest) {
        let Some(CallState::Running { call, .. }) = &self.call else { return };
        match call.host_rights().filter(|_| self.host_requests.len() < HOST_REQUESTS) {
            Some(rights) => drop(self.host_requests.spawn(rights.ask(request))),
            None => tracing::warn!(?request, "what a host wants was dropped"),
        }
    }

    fn use_devices(&mut self, choice: DeviceChoice) {
        self.preview.note_choice(choice.clone());
        if !self.in_call() {
            return self.preview.preview_choice(&mut self.devices);
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
        self.preview.note_on(kind, on);
        if self.in_call() {
            self.with_call(|call, devices| call.input(Input::SetDevice(kind, on), devices));
        } else {
            self.preview.refresh(&mut self.devices);
        }
    }

    /// Opens or closes the lobby's camera and microphone; a call has them for itself.
    fn show_preview(&mut self, shown: bool) {
        if !self.in_call() {
            self.preview.show(shown, &mut self.devices);
        }
    }

    fn device(&mut self, report: DeviceReport) {
        match &mut self.call {
            _ if report.owner == preview::OWNER => self.preview.report(report, &mut self.devices),
            Some(CallState::Running { call, .. }) => call.device(report, &mut self.devices),
            _ => {}
        }
    }

    // ---- joining

    fn join(&mut self, join: JoinRequest, server: &mpsc::Sender<Result<HostedServer, String>>) {
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

    fn server_started(&mut self, hosted: Result<HostedServer, String>) {
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
        let credentials = JoinCredentials { server: url, tokens, room: join.room, user, name: join.name };
        let format = camera_format(self.preview.choice().camera.as_deref());
        let layers = SimulcastLayer::for_camera(format.width, format.height);
        let config = CallConfig {
            session: SessionId(self.sessions),
            owner: DeviceOwner(self.sessions as u32),
            devices: self.preview.session(layers.clone()),
            plan: ConnectPlan { credentials, layers },
            events: self.event_sink(),
            observer: None,
            decoded_is_shown: false,
        };
        let (call, reports) = Call::start(config, &mut self.devices);
        self.preview.hand_over(&mut self.devices);
        self.call =
            Some(CallState::Running { call: Box::new(call), reports, quiet_until: Instant::now() + QUIET_START });
    }

    /// Events go where the owner wants them, and some become notices.
    fn event_sink(&self) -> EventSink {
        let (events, mailbox) = (self.config.events.clone(), self.mailbox.clone());
        Arc::new(move |event: &Event| {
            events(event);
            if let Some(notice) = notice_of(&event.kind) {
                mailbox.notice(notice);
            }
        })
    }

    fn failed_view(&self, join: JoinRequest, reason: ExitReason, message: String) -> CallView {
        let ending = CallSummary {
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
            phase: CallPhase::Ended(ending),
            people: Vec::new(),
            quality: ConnectionQuality::Unknown,
            speaking: false,
            stale_peer_limit: STALE_PEER_LIMIT,
        }
    }

    // ---- time

    fn tick(&mut self) {
        self.with_call(|call, devices| call.tick(devices));
    }

    /// Pictures that the window has drawn, and who was there before us.
    fn take_events(&mut self) {
        let shown = self.mailbox.take_shown();
        if let Some(CallState::Running { call, quiet_until, .. }) = &self.call {
            for (user, width, height) in shown {
                call.shown(user, width, height);
            }
            if Instant::now() < *quiet_until {
                self.mailbox.retain(|notice| !matches!(notice, Notice::Joined(_)));
            }
        }
    }

    /// A call that has reached ExitRoom is over: only its view stays, and what its devices are called.
    fn settle(&mut self) {
        if let Some(CallState::Running { call, .. }) = &self.call
            && call.ended().is_some()
        {
            for kind in [DeviceKind::Camera, DeviceKind::Microphone] {
                self.preview.note_label(kind, call.local(kind).label);
            }
            self.call = Some(CallState::Over(Box::new(call.view())));
            self.host_requests = JoinSet::new();
        }
    }

    fn show(&mut self) {
        let (camera, microphone, speaker) = match &self.call {
            Some(CallState::Running { call, .. }) => {
                (call.local(DeviceKind::Camera), call.local(DeviceKind::Microphone), call.local(DeviceKind::Speaker))
            }
            _ => (self.preview.camera(&self.devices), self.preview.microphone(&self.devices), LocalDevice::default()),
        };
        let snapshot = Snapshot {
            devices: self.lists.clone(),
            choice: self.preview.choice().clone(),
            camera,
            microphone,
            speaker,
            own_picture: self.devices.camera().own().clone(),
            own_level: self.devices.audio().report().microphone.dbfs,
            room: self.lookup.shown(),
            call: self.call_view(),
            quit: self.quit,
        };
        let gist = gist(&snapshot);
        self.publish.send_replace(Arc::new(snapshot));
        if std::mem::replace(&mut self.gist, gist) != gist {
            self.mailbox.wake();
        }
    }

    fn call_view(&self) -> Option<CallView> {
        Some(match self.call.as_ref()? {
            CallState::Running { call, .. } => call.view(),
            CallState::Over(view) => (**view).clone(),
            CallState::Starting(join) => {
                let mut view = self.failed_view(join.clone(), ExitReason::Left, String::new());
                view.phase = CallPhase::Entering;
                view
            }
        })
    }
}

fn list_devices(found: mpsc::Sender<DeviceLists>) {
    tokio::spawn(async move {
        let lists = crate::devices::list(LIST_LIMIT).await;
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
