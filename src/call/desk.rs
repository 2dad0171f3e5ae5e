//! What the window talks to: one task that holds the lobby's preview and, at most, one call.
//!
//! The window sends [`Command`]s and reads the newest [`Snapshot`]; nothing it does waits for anything here.

use super::access::{Access, TokenSource, user_id};
use super::connection::ConnectPlan;
use super::devices::{DeviceReport, Devices, Tenant};
use super::driver::{Call, CallConfig, EventSink, local_device, unix_ms};
use super::lookup::{self, Lookup};
use super::picture_out::CameraFan;
use super::studio::Studio;
use super::view::{
    CallView, Command, DeviceChoice, DeviceLists, DeviceProblem, DeviceState, Ending, HostWish, JoinRequest, Notice,
    Phase, Quality, Snapshot,
};
use super::wake::Wake;
use crate::base::{
    DeviceKind, Event, EventKind, ExitReason, ExitRequestedBy, NO_DEVICE, PictureLayer, Receipt, RemoteLeaveReason,
    SessionId, UserId,
};
use crate::devices::camera_format;
use crate::proto::token::ApiKey;
use crate::session::{DeviceSlot, Input, Output, SessionConfig};
use crate::sound::SoundError;
use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Commands that wait at most; the window makes a few a second.
const COMMANDS: usize = 64;
/// Notices that wait at most; older ones are dropped.
const NOTICES: usize = 16;
/// Snapshots are made at least so often while something is open.
const PACE: Duration = Duration::from_millis(100);
/// People who were in the room before us are not announced one by one.
const QUIET: Duration = Duration::from_millis(1500);
/// How long looking for devices may take.
const LISTING: Duration = Duration::from_secs(3);

/// What the host asked the server for and is not answered yet, at most.
const WISHES: usize = 16;

/// A room server in this process.
#[derive(Clone, Debug)]
pub struct Hosted {
    /// `ws://127.0.0.1:PORT`.
    pub url: String,
    /// Its key, which makes whoever started it a host.
    pub key: ApiKey,
}

/// Starts a room server in this process, or says why there is none.
pub type ServerStarter = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Hosted, String>> + Send>> + Send + Sync>;

/// What a desk is made with.
pub struct DeskConfig {
    /// Where events go.
    pub events: EventSink,
    /// How a room server is started here; `None`: not in this build.
    pub server: Option<ServerStarter>,
    /// Devices to begin with.
    pub choice: DeviceChoice,
    /// Where tokens for other servers come from.
    pub tokens: TokenSource,
    /// Begin with the camera on.
    pub camera_on: bool,
    /// Begin with the microphone on.
    pub microphone_on: bool,
    /// Take background noise out of our own sound.
    pub reduce_noise: bool,
}

/// Called when somebody's picture was really drawn: who, width, height.
pub type ShownHook = Arc<dyn Fn(&UserId, u32, u32) + Send + Sync>;

/// The window's end.
pub struct Desk {
    commands: mpsc::Sender<Command>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    notices: Mutex<VecDeque<Notice>>,
    wake: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
    /// Pictures that the window has shown for the first time.
    shown: Mutex<Vec<(UserId, u32, u32)>>,
}

impl Shared {
    /// Keeps a notice for the window; of too many the oldest goes.
    fn notice(&self, notice: Notice) {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.len() == NOTICES {
            notices.pop_front();
        }
        notices.push_back(notice);
    }

    /// There is something new to draw.
    fn wake(&self) {
        let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(wake) = wake {
            wake();
        }
    }
}

impl Desk {
    /// Starts the desk's task on the present runtime. It ends, after leaving in good order, when the `Desk` is dropped.
    pub fn start(config: DeskConfig) -> Result<(Self, tokio::task::JoinHandle<()>), SoundError> {
        let (commands, orders) = mpsc::channel(COMMANDS);
        let (publish, snapshot) = watch::channel(Arc::new(Snapshot::default()));
        let shared = Arc::new(Shared::default());
        let camera = Arc::new(CameraFan::default());
        let sound = Arc::new(Studio::start()?);
        sound.set_reduce_noise(config.reduce_noise);
        let (reports, reported) = mpsc::channel(64);
        let devices = Devices::new(reports, camera, sound);
        let slot = |kind, on, choice: &Option<String>| DeviceSlot::new(kind, on, choice.clone());
        let preview = Preview {
            tenant: Tenant(0),
            camera: slot(DeviceKind::Camera, false, &config.choice.camera),
            microphone: slot(DeviceKind::Microphone, false, &config.choice.microphone),
            problems: HashMap::new(),
            labels: HashMap::new(),
            shown: false,
        };
        let actor = Actor {
            choice: config.choice.clone(),
            camera_on: config.camera_on,
            microphone_on: config.microphone_on,
            config,
            devices,
            lists: DeviceLists::default(),
            lookup: Lookup::default(),
            preview,
            call: None,
            wishes: JoinSet::new(),
            sessions: 0,
            quit: false,
            gist: 0,
            shared: shared.clone(),
            publish,
        };
        let task = tokio::spawn(actor.run(orders, reported));
        Ok((Self { commands, snapshot, shared }, task))
    }

    /// Tells that somebody's picture was really drawn.
    pub fn shown_hook(&self) -> ShownHook {
        let shared = self.shared.clone();
        Arc::new(move |user, width, height| {
            let mut shown = shared.shown.lock().unwrap_or_else(PoisonError::into_inner);
            if shown.len() < 256 {
                shown.push((user.clone(), width, height));
            }
        })
    }

    /// Sends commands from elsewhere: signals, timers, links. It does not keep the desk alive.
    pub fn remote(&self) -> mpsc::WeakSender<Command> {
        self.commands.downgrade()
    }

    /// The newest snapshot, for whoever waits for a change.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.clone()
    }
}

impl super::view::Desk for Desk {
    fn send(&mut self, command: Command) {
        if self.commands.try_send(command).is_err() {
            tracing::error!("the desk takes no commands");
        }
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.shared.notices.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    fn set_waker(&mut self, wake: Arc<dyn Fn() + Send + Sync>) {
        *self.shared.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(wake);
    }
}

/// Camera and microphone of the lobby.
struct Preview {
    tenant: Tenant,
    camera: DeviceSlot,
    microphone: DeviceSlot,
    problems: HashMap<DeviceKind, DeviceProblem>,
    labels: HashMap<DeviceKind, String>,
    /// Whether the lobby wants the devices open.
    shown: bool,
}

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

struct Actor {
    config: DeskConfig,
    choice: DeviceChoice,
    camera_on: bool,
    microphone_on: bool,
    devices: Devices,
    lists: DeviceLists,
    /// What the lobby's room is found to be.
    lookup: Lookup,
    preview: Preview,
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
    async fn run(mut self, mut orders: mpsc::Receiver<Command>, mut reported: mpsc::Receiver<DeviceReport>) {
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
        self.show_preview(false);
    }

    fn in_call(&self) -> bool {
        matches!(self.call, Some(CallState::Running { .. }))
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::UseDevices(choice) => self.use_devices(choice),
            Command::StopPreview => self.show_preview(false),
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
        self.choice = choice.clone();
        if self.in_call() {
            let choices = [
                (DeviceKind::Camera, choice.camera),
                (DeviceKind::Microphone, choice.microphone),
                (DeviceKind::Speaker, choice.speaker),
            ];
            for (kind, id) in choices {
                self.with_call(|call, devices| call.input(Input::ChooseDevice(kind, id), devices));
            }
            return;
        }
        let outputs = [self.preview.camera.choose(choice.camera), self.preview.microphone.choose(choice.microphone)];
        self.obey(outputs);
        self.show_preview(true);
    }

    fn set_device(&mut self, kind: DeviceKind, on: bool) {
        match kind {
            DeviceKind::Camera => self.camera_on = on,
            _ => self.microphone_on = on,
        }
        if self.in_call() {
            self.with_call(|call, devices| call.input(Input::SetDevice(kind, on), devices));
        } else {
            self.show_preview(self.preview.shown);
        }
    }

    /// Opens or closes the lobby's camera and microphone.
    fn show_preview(&mut self, shown: bool) {
        self.preview.shown = shown;
        if self.in_call() {
            return;
        }
        let outputs = [
            self.preview.camera.want(shown && self.camera_on),
            self.preview.microphone.want(shown && self.microphone_on),
        ];
        self.obey(outputs);
    }

    fn obey(&mut self, outputs: impl IntoIterator<Item = Option<Output>>) {
        let tenant = self.preview.tenant;
        for output in outputs.into_iter().flatten() {
            match output {
                Output::OpenDevice { kind, generation, id } => self.devices.open(tenant, kind, generation, id),
                Output::ReleaseDevice { kind, generation, limit } => {
                    self.devices.release(tenant, kind, generation, limit);
                }
                _ => {}
            }
        }
    }

    fn device(&mut self, report: DeviceReport) {
        if report.tenant != self.preview.tenant {
            return self.with_call(|call, devices| call.device(report, devices));
        }
        let kind = report.kind;
        match report.problem {
            Some(problem) => self.preview.problems.insert(kind, problem),
            None => self.preview.problems.remove(&kind),
        };
        if !report.label.is_empty() {
            self.preview.labels.insert(kind, report.label);
        }
        let slot = if kind == DeviceKind::Camera { &mut self.preview.camera } else { &mut self.preview.microphone };
        slot.handle(report.generation, report.input);
        let next = slot.step();
        self.obey([next]);
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
        let format = camera_format(self.choice.camera.as_deref());
        let layers = PictureLayer::for_camera(format.width, format.height);
        // A call takes over what the preview has open.
        self.preview.shown = false;
        let tenant = Tenant(self.sessions as u32);
        let devices = SessionConfig {
            camera_on: self.camera_on,
            microphone_on: self.microphone_on,
            camera: self.choice.camera.clone(),
            microphone: self.choice.microphone.clone(),
            speaker: self.choice.speaker.clone(),
            camera_layers: layers.clone(),
        };
        let config = CallConfig {
            session: SessionId(self.sessions),
            tenant,
            plan: ConnectPlan { access, layers },
            devices,
            events: self.event_sink(),
            taps: None,
            decoded_is_shown: false,
        };
        let (call, wakes) = Call::start(config, &mut self.devices);
        self.release_unused_preview();
        self.call = Some(CallState::Running { call: Box::new(call), wakes, quiet_until: Instant::now() + QUIET });
    }

    /// What the preview held and the call did not take over is released; the preview starts anew afterwards.
    fn release_unused_preview(&mut self) {
        let outputs = [
            (!self.camera_on).then(|| self.preview.camera.want(false)).flatten(),
            (!self.microphone_on).then(|| self.preview.microphone.want(false)).flatten(),
        ];
        self.obey(outputs);
        self.preview.camera = DeviceSlot::new(DeviceKind::Camera, false, self.choice.camera.clone());
        self.preview.microphone = DeviceSlot::new(DeviceKind::Microphone, false, self.choice.microphone.clone());
        self.preview.problems.clear();
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
            ghost: super::driver::GHOST,
        }
    }

    // ---- time

    fn tick(&mut self) {
        self.with_call(|call, devices| call.tick(devices));
    }

    /// Pictures that the window has drawn, and who was there before us.
    fn take_events(&mut self) {
        let shown: Vec<_> = std::mem::take(&mut *self.shared.shown.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(CallState::Running { call, quiet_until, .. }) = &self.call {
            for (user, width, height) in shown {
                call.shown(user, width, height);
            }
            if Instant::now() < *quiet_until {
                let mut notices = self.shared.notices.lock().unwrap_or_else(PoisonError::into_inner);
                notices.retain(|n| !matches!(n, Notice::Joined(_)));
            }
        }
    }

    /// A call that has reached ExitRoom is over: only its view stays, and what its devices are called.
    fn settle(&mut self) {
        if let Some(CallState::Running { call, .. }) = &self.call
            && call.ended().is_some()
        {
            for kind in [DeviceKind::Camera, DeviceKind::Microphone] {
                self.preview.labels.insert(kind, call.local(kind).label);
            }
            self.call = Some(CallState::Over(Box::new(call.view())));
            self.wishes = JoinSet::new();
        }
    }

    fn show(&mut self) {
        let level = self.devices.sound().report().microphone.dbfs;
        let (camera, microphone, speaker, call) = match &self.call {
            Some(CallState::Running { call, .. }) => (
                call.local(DeviceKind::Camera),
                call.local(DeviceKind::Microphone),
                call.local(DeviceKind::Speaker),
                Some(call.view()),
            ),
            other => {
                let local = |slot: &DeviceSlot, kind, on| {
                    let label = self.preview.labels.get(&kind).map_or("", String::as_str);
                    let mut device = local_device(slot, self.preview.problems.get(&kind), label);
                    device.wanted = on && slot.choice() != Some(NO_DEVICE);
                    if device.state == DeviceState::Off && self.devices.is_stuck(kind) {
                        device.state = DeviceState::Closing;
                    }
                    device
                };
                let view = match other {
                    Some(CallState::Over(view)) => Some((**view).clone()),
                    Some(CallState::Starting(join)) => {
                        let mut view = self.failed_view(join.clone(), ExitReason::Left, String::new());
                        view.phase = Phase::Entering;
                        Some(view)
                    }
                    _ => None,
                };
                (
                    local(&self.preview.camera, DeviceKind::Camera, self.camera_on),
                    local(&self.preview.microphone, DeviceKind::Microphone, self.microphone_on),
                    super::view::LocalDevice::default(),
                    view,
                )
            }
        };
        let snapshot = Snapshot {
            devices: self.lists.clone(),
            choice: self.choice.clone(),
            camera,
            microphone,
            speaker,
            own_picture: self.devices.camera().own().clone(),
            own_level: level,
            room: self.lookup.shown(),
            call,
            quit: self.quit,
        };
        let gist = gist(&snapshot);
        self.publish.send_replace(Arc::new(snapshot));
        if std::mem::replace(&mut self.gist, gist) == gist {
            return;
        }
        self.shared.wake();
    }
}

/// A fingerprint of what is worth drawing anew: a call in which nothing happens lets the window sleep. Pictures wake it
/// themselves, and the timer needs it once a second.
fn gist(snapshot: &Snapshot) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    let mut add = |part: &dyn std::fmt::Debug| format!("{part:?}").hash(&mut hasher);
    add(&(&snapshot.devices, &snapshot.choice, &snapshot.camera, &snapshot.microphone, &snapshot.speaker));
    add(&(snapshot.quit, &snapshot.room));
    match &snapshot.call {
        // The lobby's meter.
        None => add(&snapshot.own_level.round()),
        Some(call) => {
            match &call.phase {
                Phase::InCall { elapsed } => add(&elapsed.as_secs()),
                phase => add(phase),
            }
            add(&(&call.room, call.session, call.host, call.quality, call.speaking));
            for p in &call.people {
                add(&(&p.user, &p.name, p.picture.is_some(), p.microphone, p.speaking, p.quality));
            }
        }
    }
    hasher.finish()
}

/// What somebody should be told of an event in passing.
fn notice_of(kind: &EventKind) -> Option<Notice> {
    match kind {
        EventKind::RemoteUserEnterRoom { name, .. } => Some(Notice::Joined(name.clone())),
        EventKind::RemoteUserLeaveRoom { name, reason, .. } => Some(match reason {
            RemoteLeaveReason::Left => Notice::Left(name.clone()),
            RemoteLeaveReason::TimedOut => Notice::Dropped(name.clone()),
            RemoteLeaveReason::Removed => Notice::Removed(name.clone()),
        }),
        EventKind::ConnectionRecovery { .. } => Some(Notice::BackInCall),
        EventKind::DeviceFailed { kind, .. } => Some(Notice::Device(*kind)),
        _ => None,
    }
}

fn list_devices(found: mpsc::Sender<DeviceLists>) {
    tokio::spawn(async move {
        let lists = crate::devices::list(LISTING).await;
        let entries = |list: Vec<crate::devices::DeviceEntry>| {
            let entry = |e: crate::devices::DeviceEntry| super::view::DeviceEntry {
                id: e.id,
                label: e.label,
                synthetic: e.synthetic,
            };
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
