//! Drives a session: applies its outputs to signalling, peer connections, devices and media, and passes their reports to
//! it as inputs.
//!
//! Nothing here blocks or awaits. Work that takes time runs in tasks, which answer with a [`TaskReport`] or a
//! [`DeviceReport`].

mod call_view;

use crate::base::{
    CallPlace, Event, EventKind, ExitReason, Moment, SessionId, SimulcastLayer, TimelineEntry, TrackRef, UserId,
};
use crate::call::connection::{CallConnection, ConnectPlan};
use crate::call::credentials::TokenCache;
use crate::call::devices::{DeviceOwner, DeviceReport, Devices};
use crate::call::history::CallHistory;
use crate::call::host::HostRights;
use crate::call::local_devices::LocalDevices;
use crate::call::media::{CallMedia, MediaObserver};
use crate::call::report::{ReportSender, TaskReport};
use crate::call::route::RouteTask;
use crate::call::statistics::CallStatistics;
use crate::call::view::CallDetails;
use crate::clock::{RunningClock, unix_ms};
use crate::session::{self, Epoch, Input, Output, PeerInput, Session, SessionConfig};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Where events go. Called from the driver: it must not block.
pub(crate) type EventSink = Arc<dyn Fn(&Event) + Send + Sync>;

/// Time between two statistics events.
const STATISTICS_INTERVAL: Duration = Duration::from_secs(2);

/// How long others still see a peer that vanished without a goodbye (our server's bound: 6 s).
pub(super) const STALE_PEER_LIMIT: Duration = Duration::from_secs(6);

/// How a call is set up.
pub(crate) struct CallConfig {
    /// The number of its session in this process.
    pub(crate) session: SessionId,
    /// The owner of its devices.
    pub(crate) owner: DeviceOwner,
    /// Server, room and token.
    pub(crate) plan: ConnectPlan,
    /// The devices, and which are on.
    pub(crate) devices: SessionConfig,
    /// Where events go.
    pub(crate) events: EventSink,
    /// Receives the decoded media, for `--verify` and `--pictures`.
    pub(crate) observer: Option<Arc<dyn MediaObserver>>,
    /// Whether a decoded frame counts as shown. True without a window.
    pub(crate) decoded_is_shown: bool,
}

/// A call, from Join to ExitRoom. Its owner passes it reports and calls [`Call::tick`] by [`Call::deadline`].
pub(crate) struct Call {
    config: CallConfig,
    session: Session,
    clock: RunningClock,
    connections: BTreeMap<Epoch, CallConnection>,
    token_cache: TokenCache,
    report_tx: ReportSender,
    media: CallMedia,
    statistics: CallStatistics,
    next_statistics: Instant,
    /// Watches the way to the server, once it is known, until the end.
    route: Option<RouteTask>,
    local: LocalDevices,
    history: CallHistory,
    /// For the journal.
    place: Arc<CallPlace>,
    ended_unix_ms: f64,
}

impl Call {
    /// Starts to enter the room. The owner passes what it receives to [`Call::take_report`].
    pub(crate) fn start(config: CallConfig, devices: &mut Devices) -> (Self, mpsc::Receiver<TaskReport>) {
        let (report_tx, reports) = ReportSender::channel();
        devices.set_identity(config.plan.credentials.user.as_str());
        let session = Session::new(config.devices.clone(), Moment::ZERO);
        let media = CallMedia::new(devices, report_tx.clone(), config.observer.clone(), config.decoded_is_shown);
        let credentials = &config.plan.credentials;
        let (room, server, name) = (credentials.room.clone(), credentials.server.clone(), credentials.name.clone());
        let mut call = Self {
            session,
            clock: RunningClock::start(),
            connections: BTreeMap::new(),
            token_cache: TokenCache::default(),
            report_tx,
            media,
            statistics: CallStatistics::default(),
            next_statistics: Instant::now() + STATISTICS_INTERVAL,
            route: None,
            local: LocalDevices::default(),
            history: CallHistory::default(),
            place: Arc::new(CallPlace { room, server, name }),
            ended_unix_ms: 0.0,
            config,
        };
        call.drain(devices);
        (call, reports)
    }

    /// Passes an input to the session and applies its outputs.
    pub(crate) fn input(&mut self, input: Input, devices: &mut Devices) {
        if let Some(standstill) = self.clock.advance() {
            tracing::info!(?standstill, "the process stood still: it was stopped, or the machine was asleep");
            self.session.handle(Input::Woke(standstill), self.clock.now());
            self.drain(devices);
        }
        self.session.handle(input, self.clock.now());
        self.drain(devices);
    }

    /// Takes a report of one of the tasks of the call.
    pub(crate) fn take_report(&mut self, report: TaskReport, devices: &mut Devices) {
        match report {
            TaskReport::Session(input) => self.input(*input, devices),
            TaskReport::Server(server) => {
                let is_other = self.route.as_ref().is_none_or(|route| route.server() != server);
                if is_other && self.ended().is_none() {
                    self.route = Some(RouteTask::start(server, self.report_tx.clone()));
                }
            }
            TaskReport::RemoteTrack(epoch, track) => {
                let (mid, stream_id, track_id) = (track.mid.clone(), track.stream_id.clone(), track.track_id.clone());
                let kind = track.kind;
                let handle = self.media.add_received(epoch, *track);
                let input = PeerInput::Track { handle, mid, stream_id, track_id, kind };
                self.input(Input::Peers(epoch, input), devices);
            }
            TaskReport::TrackEnded(epoch, handle) => {
                self.input(Input::Peers(epoch, PeerInput::TrackEnded(handle)), devices);
            }
            TaskReport::Published(cid, source, sender) => {
                let layers = SimulcastLayer::for_source(source, &self.config.plan.layers);
                self.media.published(cid, source, sender, layers);
            }
            TaskReport::KeyframeWanted(cid, layer) => self.media.want_keyframe(&cid, layer),
            TaskReport::FirstPicture => self.emit_first_media(),
            TaskReport::SendRate(bps) => self.media.set_link_rate(bps),
            TaskReport::Statistics(peers) => {
                self.media.set_sent_loss(peers.sent_lost_percent);
                let has_rates = self.statistics.has_begun();
                let statistics = self.statistics.since_last(&peers, &self.media);
                if has_rates {
                    self.history.add_statistics(unix_ms(), statistics.clone());
                }
                self.emit(EventKind::Statistics(statistics));
            }
        }
    }

    /// Takes a report of a device. One for another owner is dropped.
    pub(crate) fn take_device_report(&mut self, mut report: DeviceReport, devices: &mut Devices) {
        if report.owner != self.config.owner {
            return;
        }
        self.local.take_report(&mut report);
        self.input(Input::Device(report.kind, report.generation, report.input), devices);
    }

    /// When to call [`Call::tick`] at the latest; at most 100 ms from now.
    pub(crate) fn deadline(&self) -> Instant {
        let session = self.session.deadline().map(|at| self.clock.instant_of(at));
        let soon = Instant::now() + Duration::from_millis(100);
        session.map_or(soon, |at| at.min(soon))
    }

    /// Runs the timers of the session and the media, and requests statistics every 2 s while in the room.
    pub(crate) fn tick(&mut self, devices: &mut Devices) {
        self.input(Input::Tick, devices);
        for (epoch, handle, why) in self.media.take_decodability() {
            self.input(Input::Peers(epoch, PeerInput::Decodability(handle, why)), devices);
        }
        self.emit_first_media();
        if Instant::now() >= self.next_statistics {
            self.next_statistics = Instant::now() + STATISTICS_INTERVAL;
            self.media.keep_only(self.session.people());
            if let (session::Phase::InRoom(_), Some(connection)) =
                (self.session.phase(), self.connections.values().last())
            {
                connection.request_statistics(&self.report_tx);
            }
        }
    }

    fn emit_first_media(&mut self) {
        for kind in self.media.take_first_media() {
            self.emit(kind);
        }
    }

    /// The window has drawn the first frame of a track.
    pub(crate) fn shown(&mut self, track: TrackRef, width: u32, height: u32) {
        self.emit(EventKind::FirstVideoFrame { track, width, height });
    }

    /// The last minutes of the call; `shown` itself if nothing has been added since.
    pub(super) fn details(&self, shown: Option<&Arc<CallDetails>>) -> Arc<CallDetails> {
        self.history.details(shown)
    }

    /// Plays all that a person sends at this volume, in percent.
    pub(super) fn set_volume(&mut self, user: &UserId, percent: u16) {
        self.media.set_volume(user, percent);
    }

    /// Whether somebody is known to wait before the room.
    pub(super) fn knows_guests(&self) -> bool {
        !self.session.guests().is_empty()
    }

    /// Whether we are a host of a room in which people wait to be let in.
    pub(super) fn lets_guests_in(&self) -> bool {
        let has_guests = self.session.room_settings().waiting_room || self.knows_guests();
        has_guests && !self.session.is_waiting() && self.is_host()
    }

    /// Whether our token or the server says that we are a host.
    fn is_host(&self) -> bool {
        self.token_cache.is_host() || self.session.is_host()
    }

    /// Why the call ended; `None` before ExitRoom.
    pub(crate) fn ended(&self) -> Option<ExitReason> {
        match self.session.phase() {
            session::Phase::Ended(ended) => Some(ended.reason),
            _ => None,
        }
    }

    /// Servers, room and token for a host request; `None` outside the room.
    pub(super) fn host_rights(&self) -> Option<HostRights> {
        let in_room = matches!(self.session.phase(), session::Phase::InRoom(_) | session::Phase::Reconnecting(_));
        let (server, token) = self.token_cache.get().filter(|_| in_room)?;
        let credentials = &self.config.plan.credentials;
        Some(HostRights {
            token_server: credentials.token_server().unwrap_or(&server).to_owned(),
            call_server: server,
            room: credentials.room.clone(),
            metadata: self.session.room_metadata().to_owned(),
            token,
        })
    }

    fn emit(&mut self, kind: EventKind) {
        let event = Event {
            unix_ms: unix_ms(),
            session: self.config.session,
            user: self.config.plan.credentials.user.as_str().to_owned(),
            place: Some(self.place.clone()),
            kind,
        };
        if let EventKind::ExitRoom { .. } = &event.kind {
            tracing::info!(receipt = event.to_line(std::process::id()), "the call has ended");
        }
        (self.config.events)(&event);
        if let Some(entry) = TimelineEntry::of(&event, |user| self.name_of(user)) {
            self.history.add_entry(entry);
        }
    }

    /// The display name of a user; the user id once they are gone.
    fn name_of(&self, user: &str) -> String {
        let person = self.session.people().iter().find(|person| person.user.as_str() == user);
        person.map_or_else(|| user.to_owned(), |person| person.name.clone())
    }

    fn drain(&mut self, devices: &mut Devices) {
        while let Some(output) = self.session.poll() {
            self.apply(output, devices);
        }
    }

    fn apply(&mut self, output: Output, devices: &mut Devices) {
        let owner = self.config.owner;
        match output {
            Output::Connect(epoch) => {
                let connection = CallConnection::start(
                    epoch,
                    self.config.plan.clone(),
                    self.token_cache.clone(),
                    self.report_tx.clone(),
                );
                self.connections.insert(epoch, connection);
            }
            Output::CancelConnect(epoch) => self.with(epoch, CallConnection::cancel),
            Output::Resume(epoch, reason) => self.with(epoch, |c| c.resume(reason)),
            Output::ResumeDone(epoch) => self.with(epoch, CallConnection::resume_done),
            Output::Send(epoch, message) => self.with(epoch, |c| c.send(message)),
            Output::SyncState(epoch, state) => self.with(epoch, |c| c.sync_state(state)),
            Output::SayGoodbye(epoch) => self.with(epoch, CallConnection::goodbye),
            Output::CloseLink(epoch) => self.with(epoch, CallConnection::close_link),
            Output::Peers(epoch, command) => self.with(epoch, |c| c.command_peers(command)),
            Output::OpenDevice { kind, generation, id } => devices.open(owner, kind, generation, id),
            Output::ReleaseDevice { kind, generation, limit } => devices.release(owner, kind, generation, limit),
            Output::Attach(bound) => self.media.attach(bound),
            Output::Detach(handle) => self.media.detach(handle),
            Output::SetReceiving { track, on } => self.media.set_receiving(&track, on),
            Output::SetWatched { track, on: _ } => self.media.interrupt(&track),
            Output::SetSending { source, on } => self.media.set_sending(source, on),
            Output::WantLayers { cid, layers } => self.media.want_layers(&cid, &layers),
            Output::Event(kind) => {
                if let EventKind::ExitRoom { .. } = kind {
                    self.media.stop();
                    self.connections.clear();
                    self.route = None;
                    self.ended_unix_ms = unix_ms();
                }
                self.emit(kind);
            }
        }
    }

    fn with(&self, epoch: Epoch, f: impl FnOnce(&CallConnection)) {
        if let Some(connection) = self.connections.get(&epoch) {
            f(connection);
        }
    }
}
