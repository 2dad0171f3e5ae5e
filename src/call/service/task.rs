//! The service task: it waits for commands, device reports and the call's reports, and publishes a snapshot after each.

use super::guests::{GuestWatch, Guests};
use super::lister::{DeviceLister, ListNews};
use super::mailbox::Mailbox;
use super::preview::{self, Preview};
use super::screens::ScreenPicker;
use super::talk::PushToTalk;
use super::{CallServiceConfig, HostedServer};
use crate::base::{DeviceKind, ExitReason, ExitRequestedBy, ScreenSources, WatchedVideos};
use crate::call::devices::{DeviceReport, Devices};
use crate::call::driver::Call;
use crate::call::lookup::{LookupAnswer, RoomLookup};
use crate::call::report::TaskReport;
use crate::call::view::{
    CallCommand, CallDetails, CallView, DeviceChoice, HostRequest, JoinParams, KeyState, Notice, Snapshot, TalkKey,
};
use crate::clock::unix_ms;
use crate::session::{Input, Outgoing};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// Time between two snapshots when nothing else happens.
const TICK: Duration = Duration::from_millis(100);
/// Host requests that wait for the server's answer; further ones are dropped.
const HOST_REQUESTS: usize = 16;
/// Answers of each kind that wait for the task; their senders wait for a place.
const ANSWERS: usize = 4;

/// The one call.
pub(super) enum CallState {
    /// A server in this process is being started, before the call.
    Starting(JoinParams),
    Running {
        call: Box<Call>,
        reports: mpsc::Receiver<TaskReport>,
        /// People who are found in the room until then, and their hands, are not announced one by one.
        quiet_until: Instant,
    },
    /// The call has ended; the window still shows this.
    Over(Box<CallView>),
}

pub(super) struct ServiceTask {
    pub(super) config: CallServiceConfig,
    pub(super) devices: Devices,
    pub(super) lister: DeviceLister,
    /// The room that is typed into the lobby.
    pub(super) lookup: RoomLookup,
    pub(super) preview: Preview,
    pub(super) call: Option<CallState>,
    /// The videos of others that the window shows.
    pub(super) watched: WatchedVideos,
    pub(super) talk: PushToTalk,
    /// What can be shared, for the picker.
    pub(super) screens: ScreenPicker,
    /// The details of the call as the window has them last; `None` while nobody looks at them.
    pub(super) details: Option<Arc<CallDetails>>,
    /// Requests of ours as a host of this call; they are cancelled when it ends.
    host_requests: JoinSet<Option<Notice>>,
    /// Who waits before the room.
    pub(super) guests: GuestWatch,
    /// Calls that were started.
    pub(super) sessions: u64,
    /// The window is to close itself.
    pub(super) quit: bool,
    /// The task is to end, once no call is running.
    ending: bool,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) snapshots: watch::Sender<Arc<Snapshot>>,
    pub(super) server_tx: mpsc::Sender<Result<HostedServer, String>>,
    answers: Answers,
}

/// The answers of tasks that this one starts.
struct Answers {
    rooms: mpsc::Receiver<LookupAnswer>,
    servers: mpsc::Receiver<Result<HostedServer, String>>,
}

/// An event that the task waits for.
enum ServiceEvent {
    /// `None`: the window is gone.
    Command(Option<CallCommand>),
    Device(DeviceReport),
    Call(TaskReport),
    Lists(ListNews),
    Room(LookupAnswer),
    Screens(ScreenSources),
    Server(Result<HostedServer, String>),
    /// A host request was answered; `None` when there is nothing to tell.
    HostRequest(Option<Notice>),
    Guests(Option<Guests>),
    Tick,
}

impl ServiceTask {
    pub(super) fn new(
        config: CallServiceConfig,
        devices: Devices,
        mailbox: Arc<Mailbox>,
        snapshots: watch::Sender<Arc<Snapshot>>,
    ) -> Self {
        let (rooms_tx, rooms) = mpsc::channel(ANSWERS);
        let (server_tx, servers) = mpsc::channel(1);
        Self {
            preview: Preview::new(config.choice.clone(), config.camera_on, config.microphone_on),
            config,
            devices,
            lister: DeviceLister::start(),
            lookup: RoomLookup::new(rooms_tx),
            call: None,
            watched: WatchedVideos::All,
            talk: PushToTalk::default(),
            screens: ScreenPicker::default(),
            details: None,
            host_requests: JoinSet::new(),
            guests: GuestWatch::default(),
            sessions: 0,
            quit: false,
            ending: false,
            mailbox,
            snapshots,
            server_tx,
            answers: Answers { rooms, servers },
        }
    }

    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<CallCommand>,
        mut device_reports: mpsc::Receiver<DeviceReport>,
    ) {
        loop {
            let event = self.next_event(&mut commands, &mut device_reports).await;
            match event {
                // Leave the call in order, then end.
                ServiceEvent::Command(None) => self.end(ExitRequestedBy::Window),
                ServiceEvent::Command(Some(command)) => self.execute(command),
                ServiceEvent::Device(report) => self.take_device_report(report),
                ServiceEvent::Call(report) => self.with_call(|call, devices| call.take_report(report, devices)),
                ServiceEvent::Lists(news) => self.take_lists(news),
                ServiceEvent::Room(answer) => self.lookup.take_answer(answer),
                ServiceEvent::Screens(found) => self.screens.take(found),
                ServiceEvent::Server(server) => self.server_started(server),
                ServiceEvent::HostRequest(notice) => {
                    self.guests.ask_soon();
                    notice.into_iter().for_each(|notice| self.tell(notice));
                }
                ServiceEvent::Guests(guests) => self.take_guests(guests),
                ServiceEvent::Tick => self.with_call(Call::tick),
            }
            self.take_shown();
            self.settle();
            self.watch_talk();
            self.watch_guests();
            self.publish();
            if self.ending && !self.in_call() {
                break;
            }
        }
        self.devices.close(crate::session::RELEASE_LIMIT).await;
    }

    async fn next_event(
        &mut self,
        commands: &mut mpsc::Receiver<CallCommand>,
        device_reports: &mut mpsc::Receiver<DeviceReport>,
    ) -> ServiceEvent {
        let deadline = match &self.call {
            Some(CallState::Running { call, .. }) => call.deadline(),
            _ => Instant::now() + TICK,
        };
        let deadline = self.talk.deadline().map_or(deadline, |until| until.min(deadline));
        let call = async {
            match &mut self.call {
                Some(CallState::Running { reports, .. }) => reports.recv().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            command = commands.recv(), if !self.ending => ServiceEvent::Command(command),
            Some(report) = device_reports.recv() => ServiceEvent::Device(report),
            Some(report) = call => ServiceEvent::Call(report),
            news = self.lister.next() => ServiceEvent::Lists(news),
            Some(answer) = self.answers.rooms.recv() => ServiceEvent::Room(answer),
            found = self.screens.next() => ServiceEvent::Screens(found),
            Some(server) = self.answers.servers.recv() => ServiceEvent::Server(server),
            Some(done) = self.host_requests.join_next() => ServiceEvent::HostRequest(done.unwrap_or_default()),
            guests = self.guests.next() => ServiceEvent::Guests(guests),
            () = tokio::time::sleep_until(deadline.into()) => ServiceEvent::Tick,
        }
    }

    pub(super) fn with_call(&mut self, f: impl FnOnce(&mut Call, &mut Devices)) {
        if let Some(CallState::Running { call, .. }) = &mut self.call {
            f(call, &mut self.devices);
        }
    }

    fn input(&mut self, input: Input) {
        self.with_call(|call, devices| call.input(input, devices));
    }

    pub(super) fn in_call(&self) -> bool {
        matches!(self.call, Some(CallState::Running { .. }))
    }

    /// Leaves the call and closes the preview; the task ends after that.
    fn end(&mut self, by: ExitRequestedBy) {
        self.ending = true;
        self.input(Input::Exit(by));
        if !self.in_call() {
            self.preview.show(false, &mut self.devices);
        }
    }

    fn execute(&mut self, command: CallCommand) {
        match command {
            CallCommand::UseDevices(choice) => self.use_devices(choice),
            CallCommand::HidePreview if self.in_call() => {}
            CallCommand::HidePreview => self.preview.show(false, &mut self.devices),
            CallCommand::RefreshDevices => self.lister.refresh(),
            CallCommand::LookUp(room) => self.lookup.start(room, &self.config.tokens),
            CallCommand::Join(params) => self.join(params),
            CallCommand::SetMicrophone(on) => self.set_device(DeviceKind::Microphone, on),
            CallCommand::SetCamera(on) => self.set_device(DeviceKind::Camera, on),
            CallCommand::Talk(key, state) => self.talk(key, state),
            CallCommand::Share(id) => self.share(id),
            CallCommand::StopSharing => self.input(Input::SetDevice(DeviceKind::Screen, false)),
            CallCommand::PauseSharing(paused) => self.devices.screen().pause(paused),
            CallCommand::WatchScreens(on) => self.screens.watch(on),
            CallCommand::ScreenLocked => self.screen_locked(),
            CallCommand::ReduceNoise(on) => self.devices.audio().set_reduce_noise(on),
            CallCommand::Leave(by) => match &self.call {
                Some(CallState::Starting(params)) => {
                    let view = self.ended_view(params.clone(), ExitReason::Left, String::new());
                    self.call = Some(CallState::Over(Box::new(view)));
                }
                _ => self.input(Input::Exit(by)),
            },
            CallCommand::CloseNow => self.input(Input::CloseNow),
            CallCommand::TryNow => self.input(Input::TryNow),
            CallCommand::Dismiss => {
                if matches!(self.call, Some(CallState::Over(_))) {
                    self.call = None;
                }
            }
            CallCommand::SendMessage { to, text } => {
                self.input(Input::SendMessage(Outgoing { id: message_id(), to, text, unix_ms: unix_ms() as i64 }))
            }
            CallCommand::Watch(watched) => {
                self.watched = watched.clone();
                self.input(Input::Watch(watched));
            }
            CallCommand::WatchDetails(on) => self.details = on.then(Arc::default),
            CallCommand::RaiseHand(up) => self.input(Input::RaiseHand(up.then(|| unix_ms() as i64))),
            CallCommand::React(reaction) => self.input(Input::React(reaction)),
            CallCommand::SetVolume(user, percent) => self.with_call(|call, _| call.set_volume(&user, percent)),
            CallCommand::PlaySound(sound) => {
                if self.in_call() {
                    self.devices.audio().play(sound);
                }
            }
            CallCommand::AsHost(request) => self.as_host(request),
            CallCommand::OpenLink(link) => self.tell(Notice::Link(link)),
            CallCommand::TellSaved(saved) => self.tell(Notice::Saved(saved)),
            CallCommand::TellRelease(release) => self.tell(Notice::NewRelease(release)),
            CallCommand::Quit => {
                self.quit = true;
                self.input(Input::Exit(ExitRequestedBy::Signal));
            }
            CallCommand::End => self.end(ExitRequestedBy::Signal),
        }
    }

    /// Passes a notice to the window.
    fn tell(&self, notice: Notice) {
        self.mailbox.notice(notice);
        self.mailbox.wake();
    }

    fn as_host(&mut self, request: HostRequest) {
        let Some(CallState::Running { call, .. }) = &self.call else { return };
        match call.host_rights().filter(|_| self.host_requests.len() < HOST_REQUESTS) {
            Some(rights) => drop(self.host_requests.spawn(rights.ask(request))),
            None => tracing::warn!(?request, "a host request was dropped"),
        }
    }

    fn share(&mut self, id: String) {
        self.screens.watch(false);
        self.input(Input::ChooseDevice(DeviceKind::Screen, Some(id)));
        self.input(Input::SetDevice(DeviceKind::Screen, true));
    }

    /// Nobody is in front of the screen: the microphone of a held key and the picture of the lock screen stay here.
    fn screen_locked(&mut self) {
        self.stop_talking();
        let shares = match &self.call {
            Some(CallState::Running { call, .. }) => call.local(DeviceKind::Screen).wanted,
            _ => false,
        };
        if shares {
            self.input(Input::SetDevice(DeviceKind::Screen, false));
            self.tell(Notice::LockedWhileSharing);
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
            self.input(Input::ChooseDevice(kind, id));
        }
    }

    /// Push to talk. It changes nothing for the next call.
    fn talk(&mut self, key: TalkKey, state: KeyState) {
        let Some(CallState::Running { call, .. }) = &self.call else { return };
        let is_on = call.local(DeviceKind::Microphone).wanted;
        if let Some(on) = self.talk.take(key, state, is_on, Instant::now()) {
            self.input(Input::SetDevice(DeviceKind::Microphone, on));
        }
    }

    fn stop_talking(&mut self) {
        if self.talk.stop() {
            self.input(Input::SetDevice(DeviceKind::Microphone, false));
        }
    }

    /// Ends push to talk when its key counts as up, and when something else has turned the microphone off: the call's end,
    /// a host.
    fn watch_talk(&mut self) {
        if self.talk.deadline().is_some_and(|until| until <= Instant::now()) {
            tracing::info!("the key for push to talk is no longer seen: the microphone is off");
            self.stop_talking();
        }
        let is_on = match &self.call {
            Some(CallState::Running { call, .. }) => call.local(DeviceKind::Microphone).wanted,
            _ => false,
        };
        if !is_on {
            self.talk.stop();
        }
    }

    fn set_device(&mut self, kind: DeviceKind, on: bool) {
        if kind == DeviceKind::Microphone {
            self.talk.stop();
        }
        self.preview.note_on(kind, on);
        if self.in_call() {
            self.input(Input::SetDevice(kind, on));
        } else {
            self.preview.refresh(&mut self.devices);
        }
    }

    /// Lets the preview and the call follow what is plugged in.
    fn take_lists(&mut self, news: ListNews) {
        if !self.lister.take(news) {
            return;
        }
        for (kind, listed) in self.lister.listed() {
            self.preview.list(kind, listed.clone(), &mut self.devices);
            self.input(Input::Listed(kind, listed));
        }
    }

    /// Passes a report to its owner; a report for a call that is over is dropped.
    fn take_device_report(&mut self, report: DeviceReport) {
        if report.owner == preview::OWNER {
            self.preview.take_report(report, &mut self.devices);
        } else {
            self.with_call(|call, devices| call.take_device_report(report, devices));
        }
    }

    /// Emits the first frames that the window has drawn; drops the announcements of people who were in the room before us.
    fn take_shown(&mut self) {
        let shown = self.mailbox.take_shown();
        if let Some(CallState::Running { call, quiet_until, .. }) = &mut self.call {
            for (track, width, height) in shown {
                call.shown(track, width, height);
            }
            if Instant::now() < *quiet_until {
                self.mailbox.retain(|notice| !matches!(notice, Notice::Joined(_) | Notice::HandRaised(_)));
            }
        }
    }

    /// Replaces a call that has reached ExitRoom by its last view, and keeps the labels of its devices.
    fn settle(&mut self) {
        if let Some(CallState::Running { call, .. }) = &self.call
            && call.ended().is_some()
        {
            for kind in [DeviceKind::Camera, DeviceKind::Microphone] {
                self.preview.note_label(kind, call.local(kind).label);
            }
            self.call = Some(CallState::Over(Box::new(call.view())));
            self.host_requests = JoinSet::new();
            self.guests = GuestWatch::default();
            self.screens.watch(false);
            self.details = None;
        }
    }
}

/// A new id for a message: a random UUID (RFC 9562, version 4).
fn message_id() -> String {
    let random = rand::random::<u128>() & !(0xF000 << 64 | 0xC << 60) | 0x4000 << 64 | 0x8 << 60;
    let hex = format!("{random:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_message_has_a_random_uuid() {
        let (one, other) = (super::message_id(), super::message_id());
        assert_ne!(one, other);
        let parts: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert!(one[14..15] == *"4" && ["8", "9", "a", "b"].contains(&&one[19..20]), "{one}");
    }
}
