//! Carries a session's outputs to link, peers, devices and media, and what they report back to it.
//!
//! Everything here is quick and nothing waits: what takes time is a task of its own and comes back as a [`TaskReport`] or a
//! [`DeviceReport`].

use super::connection::{ConnectPlan, Connection};
use super::credentials::TokenCache;
use super::devices::{DeviceOwner, DeviceReport, Devices};
use super::host::HostRights;
use super::media::CallMedia;
use super::report::{ReportSender, TaskReport};
use super::statistics::CallStatistics;
use super::view::{CallPhase, CallSummary, CallView, DeviceProblem, ExitProgress, LocalDevice, Person};
use crate::base::{ConnectionQuality, DeviceKind, Event, EventKind, ExitReason, Moment, NO_DEVICE, SessionId, UserId};
use crate::clock::unix_ms;
use crate::session::{self, Epoch, Input, Output, PeerInput, Session, SessionConfig, SlotState};
use livekit_protocol as lk;
use lk::signal_response::Message as Response;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Where events go. Called from the driver: it must not block.
pub(crate) type EventSink = Arc<dyn Fn(&Event) + Send + Sync>;

/// Statistics are taken so often.
const STATISTICS: Duration = Duration::from_secs(2);

/// For so long at most the others see somebody who went without a goodbye, on our own server.
pub(super) const STALE_PEER_LIMIT: Duration = Duration::from_secs(6);

/// What a call is made with.
pub(crate) struct CallConfig {
    /// Its number in this process.
    pub(crate) session: SessionId,
    /// For whom the devices are opened.
    pub(crate) owner: DeviceOwner,
    /// The way in.
    pub(crate) plan: ConnectPlan,
    /// Devices and their switches.
    pub(crate) devices: SessionConfig,
    /// Where events go.
    pub(crate) events: EventSink,
    /// Who reads along, for `--verify`.
    pub(crate) observer: Option<Arc<dyn super::media::MediaObserver>>,
    /// Whether a decoded picture counts as shown: true without a window.
    pub(crate) decoded_is_shown: bool,
}

/// A call, from Join to ExitRoom.
pub(crate) struct Call {
    config: CallConfig,
    session: Session,
    origin: Instant,
    connections: BTreeMap<Epoch, Connection>,
    token_cache: TokenCache,
    report_tx: ReportSender,
    media: CallMedia,
    statistics: CallStatistics,
    next_statistics: Instant,
    problems: HashMap<DeviceKind, DeviceProblem>,
    labels: HashMap<DeviceKind, String>,
    ended_unix_ms: f64,
}

impl Call {
    /// Begins to enter. Reports come out of the receiver and are given to [`Call::take_report`].
    pub(crate) fn start(config: CallConfig, devices: &mut Devices) -> (Self, mpsc::Receiver<TaskReport>) {
        let (report_tx, reports) = ReportSender::channel();
        devices.set_identity(config.plan.credentials.user.as_str());
        let origin = Instant::now();
        let session = Session::new(config.devices.clone(), Moment::ZERO);
        let media = CallMedia::new(devices, report_tx.clone(), config.observer.clone(), config.decoded_is_shown);
        let mut call = Self {
            session,
            origin,
            connections: BTreeMap::new(),
            token_cache: TokenCache::default(),
            report_tx,
            media,
            statistics: CallStatistics::default(),
            next_statistics: origin + STATISTICS,
            problems: HashMap::new(),
            labels: HashMap::new(),
            ended_unix_ms: 0.0,
            config,
        };
        call.drain(devices);
        (call, reports)
    }

    /// Gives the session an input and carries out what it answers.
    pub(crate) fn input(&mut self, input: Input, devices: &mut Devices) {
        self.session.handle(input, self.now());
        self.drain(devices);
    }

    /// Takes a report of one of our tasks.
    pub(crate) fn take_report(&mut self, report: TaskReport, devices: &mut Devices) {
        match report {
            TaskReport::Session(input) => {
                if let Input::Link(_, session::LinkInput::Message(message)) = &*input {
                    self.dynacast(message);
                }
                self.input(*input, devices);
            }
            TaskReport::RemoteTrack(epoch, track) => {
                let (mid, stream_id, track_id) = (track.mid.clone(), track.stream_id.clone(), track.track_id.clone());
                let kind = track.kind;
                let handle = self.media.arrived(epoch, *track);
                let input = PeerInput::Track { handle, mid, stream_id, track_id, kind };
                self.input(Input::Peers(epoch, input), devices);
            }
            TaskReport::TrackEnded(epoch, handle) => {
                self.input(Input::Peers(epoch, PeerInput::TrackEnded(handle)), devices);
            }
            TaskReport::Published(cid, source, sender) => {
                let layers = self.config.plan.layers.clone();
                self.media.published(cid, source, sender, layers);
            }
            TaskReport::KeyframeWanted(cid, layer) => self.media.want_keyframe(&cid, layer),
            TaskReport::SendRate(bps) => self.media.set_link_rate(bps),
            TaskReport::Statistics(peers) => {
                self.media.set_sent_loss(peers.sent_lost_percent);
                let statistics = self.statistics.take(&peers, &self.media);
                self.emit(EventKind::Statistics(statistics));
            }
        }
    }

    /// Takes a device's report, if it is for this call.
    pub(crate) fn device(&mut self, report: DeviceReport, devices: &mut Devices) {
        if report.owner != self.config.owner {
            return;
        }
        match report.problem {
            Some(problem) => self.problems.insert(report.kind, problem),
            None => self.problems.remove(&report.kind),
        };
        if !report.label.is_empty() {
            self.labels.insert(report.kind, report.label);
        }
        self.input(Input::Device(report.kind, report.generation, report.input), devices);
    }

    /// When [`Call::tick`] is due at the latest.
    pub(crate) fn deadline(&self) -> Instant {
        let session = self.session.deadline().map(|at| self.origin + at.since(Moment::ZERO));
        let soon = Instant::now() + Duration::from_millis(100);
        session.map_or(soon, |at| at.min(soon))
    }

    /// Timers, levels, first sounds, statistics.
    pub(crate) fn tick(&mut self, devices: &mut Devices) {
        self.input(Input::Tick, devices);
        for kind in self.media.take_first_media() {
            self.emit(kind);
        }
        if Instant::now() >= self.next_statistics {
            self.next_statistics = Instant::now() + STATISTICS;
            if let (session::Phase::InRoom(_), Some(connection)) =
                (self.session.phase(), self.connections.values().last())
            {
                connection.request_statistics(&self.report_tx);
            }
        }
    }

    /// A picture of somebody was really shown.
    pub(crate) fn shown(&self, user: UserId, width: u32, height: u32) {
        self.emit(EventKind::FirstVideoFrame { user, width, height });
    }

    /// How it ended; `None` until ExitRoom.
    pub(crate) fn ended(&self) -> Option<ExitReason> {
        match self.session.phase() {
            session::Phase::Gone(gone) => Some(gone.reason),
            _ => None,
        }
    }

    /// What we are to the server while we are in the room; `None` before and after.
    pub(crate) fn host_rights(&self) -> Option<HostRights> {
        let in_room = matches!(self.session.phase(), session::Phase::InRoom(_) | session::Phase::Reconnecting(_));
        let (server, token) = self.token_cache.get().filter(|_| in_room)?;
        let credentials = &self.config.plan.credentials;
        Some(HostRights {
            front: credentials.front().unwrap_or(&server).to_owned(),
            server,
            room: credentials.room.clone(),
            token,
        })
    }

    fn now(&self) -> Moment {
        Moment::ZERO + self.origin.elapsed()
    }

    fn emit(&self, kind: EventKind) {
        let event = Event {
            unix_ms: unix_ms(),
            session: self.config.session,
            user: self.config.plan.credentials.user.as_str().to_owned(),
            kind,
        };
        if let EventKind::ExitRoom { .. } = &event.kind {
            tracing::info!(receipt = event.to_line(std::process::id()), "the call has ended");
        }
        (self.config.events)(&event);
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
                let connection = Connection::start(
                    epoch,
                    self.config.plan.clone(),
                    self.token_cache.clone(),
                    self.report_tx.clone(),
                );
                self.connections.insert(epoch, connection);
            }
            Output::CancelConnect(epoch) => self.with(epoch, Connection::cancel),
            Output::Resume(epoch, reason) => self.with(epoch, |c| c.resume(reason)),
            Output::ResumeDone(epoch) => self.with(epoch, Connection::resume_done),
            Output::Send(epoch, message) => self.with(epoch, |c| c.send(message)),
            Output::SyncState(epoch, state) => self.with(epoch, |c| c.sync_state(state)),
            Output::SayGoodbye(epoch) => self.with(epoch, Connection::goodbye),
            Output::CloseLink(epoch) => self.with(epoch, Connection::close_link),
            Output::Peers(epoch, command) => self.with(epoch, |c| c.command_peers(command)),
            Output::OpenDevice { kind, generation, id } => devices.open(owner, kind, generation, id),
            Output::ReleaseDevice { kind, generation, limit } => devices.release(owner, kind, generation, limit),
            Output::Attach(attached) => self.media.attach(attached),
            Output::Detach(handle) => self.media.detach(handle),
            Output::Feed { source, on } => self.media.feed(source, on),
            Output::Event(kind) => {
                if let EventKind::ExitRoom { .. } = kind {
                    self.media.stop();
                    self.connections.clear();
                    self.ended_unix_ms = unix_ms();
                }
                self.emit(kind);
            }
        }
    }

    fn with(&self, epoch: Epoch, f: impl FnOnce(&Connection)) {
        if let Some(connection) = self.connections.get(&epoch) {
            f(connection);
        }
    }

    /// The server says which layers anybody wants.
    fn dynacast(&mut self, message: &Response) {
        let Response::SubscribedQualityUpdate(update) = message else { return };
        let codecs = update.subscribed_codecs.iter().filter(|c| c.codec.to_lowercase().contains("vp8"));
        for quality in codecs.flat_map(|c| &c.qualities) {
            if quality.quality() != lk::VideoQuality::Off {
                self.media.set_layer_wanted(quality.quality as usize, quality.enabled);
            }
        }
    }

    // ---- what is shown

    /// One of our devices.
    pub(crate) fn local(&self, kind: DeviceKind) -> LocalDevice {
        let Some(slot) = self.session.slot(kind) else { return LocalDevice::default() };
        let label = self.labels.get(&kind).map_or("", String::as_str);
        local_device(slot, self.problems.get(&kind), label)
    }

    /// The call as it is shown now.
    pub(crate) fn view(&self) -> CallView {
        let people = self.session.people().iter().map(|p| Person {
            user: p.user.clone(),
            name: p.name.clone(),
            picture: p.video.then(|| self.media.slot(&p.user)),
            microphone: p.audio,
            speaking: p.speaking,
            quality: p.quality,
        });
        let credentials = &self.config.plan.credentials;
        CallView {
            session: self.config.session,
            room: credentials.room.clone(),
            user: credentials.user.clone(),
            name: credentials.name.clone(),
            server: credentials.server.clone(),
            invitation: credentials.tokens.invitation().cloned(),
            host: self.token_cache.is_host(),
            phase: self.phase_view(),
            people: people.collect(),
            quality: self.session.quality(),
            speaking: self.session.speaking(),
            stale_peer_limit: STALE_PEER_LIMIT,
        }
    }

    fn phase_view(&self) -> CallPhase {
        let now = self.now();
        match self.session.phase() {
            session::Phase::Entering(_) => CallPhase::Entering,
            // Whoever sees no picture and hears nothing need not wait for the link to notice.
            session::Phase::InRoom(room) => match room.media_down {
                Some(since) => reconnecting(1, now.since(since)),
                None => CallPhase::InCall { elapsed: now.since(room.since) },
            },
            session::Phase::Reconnecting(r) => reconnecting(r.attempt.max(1), now.since(r.since)),
            session::Phase::Leaving(l) => CallPhase::Leaving(ExitProgress {
                reason: l.reason,
                elapsed: now.since(l.since),
                done: l.done().cloned().collect(),
                running: l.running().collect(),
            }),
            session::Phase::Gone(gone) => CallPhase::Ended(CallSummary {
                reason: gone.reason,
                receipt: gone.receipt.clone(),
                total_ms: gone.total_ms,
                unix_ms: self.ended_unix_ms,
                told: gone.told.clone(),
                message: gone.message.clone(),
            }),
        }
    }
}

fn reconnecting(attempt: u32, elapsed: Duration) -> CallPhase {
    CallPhase::Reconnecting { attempt, elapsed, limit: session::RECONNECT_LIMIT }
}

/// A device slot as it is shown.
pub(super) fn local_device(slot: &session::DeviceSlot, problem: Option<&DeviceProblem>, label: &str) -> LocalDevice {
    use super::view::DeviceState;
    let (id, state) = match slot.state() {
        SlotState::Closed => (slot.choice().unwrap_or_default(), DeviceState::Off),
        SlotState::Opening { choice } => (choice.as_deref().unwrap_or_default(), DeviceState::Opening),
        SlotState::Open { id, .. } => (id.as_str(), DeviceState::Open),
        SlotState::Releasing { id, .. } => (id.as_str(), DeviceState::Closing),
        SlotState::Failed { id, message } => {
            let unknown = || DeviceProblem { kind: super::view::ProblemKind::Other, message: message.clone() };
            (id.as_str(), DeviceState::Failed(problem.cloned().unwrap_or_else(unknown)))
        }
    };
    let wanted = slot.wanted() && slot.choice() != Some(NO_DEVICE);
    LocalDevice { id: id.to_owned(), label: label.to_owned(), wanted, state }
}
