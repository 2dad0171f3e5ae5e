//! Opens and releases the devices that a session or the preview asks for. A task for each open device owns its lease and
//! reports what happens to it.

use super::audio::CallAudio;
use super::video_encoder::VideoFanout;
use super::view::DeviceProblem;
use crate::base::{DeviceKind, StepState};
use crate::devices::{
    AudioLease, CameraChoice, CameraFormat, CameraLease, DeviceError, DevicePresence, FailureSink, MicrophoneChoice,
    Opening, Released, ScreenChoice, ScreenLease, SpeakerChoice, TestPictureIdentity,
};
use crate::session::{DeviceInput, Generation};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// The owner of a device: the preview is 0, calls count from 1. Reports for an owner that is gone are dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeviceOwner(pub(crate) u32);

/// A report of a device.
#[derive(Debug)]
pub(crate) struct DeviceReport {
    /// The owner of the device.
    pub(super) owner: DeviceOwner,
    /// The kind of device.
    pub(super) kind: DeviceKind,
    /// The number of its opening.
    pub(super) generation: Generation,
    /// The input for the session.
    pub(super) input: DeviceInput,
    /// With `Failed`: the problem, for the window.
    pub(super) problem: Option<DeviceProblem>,
    /// With `Opened`: its name for people; else empty.
    pub(super) label: String,
}

/// The open devices of this process: at most one of each kind.
pub(crate) struct Devices {
    reports: mpsc::Sender<DeviceReport>,
    tasks: HashMap<DeviceKind, DeviceTask>,
    camera: Arc<VideoFanout>,
    screen: Arc<VideoFanout>,
    audio: Arc<CallAudio>,
    format: CameraFormat,
    identity: TestPictureIdentity,
}

/// A device that is opening, open or being released.
struct DeviceTask {
    choice: Option<String>,
    target: Arc<ReportTarget>,
    /// Id and label, once the device is open.
    opened: watch::Receiver<Option<(String, String)>>,
    /// Releases the device within this time; `None` after it was used.
    release: Option<oneshot::Sender<Duration>>,
    task: JoinHandle<()>,
    presence: DevicePresence,
}

/// Owner and generation in a task's reports. They change when a call takes over a device of the preview.
#[derive(Debug)]
struct ReportTarget(AtomicU64);

impl ReportTarget {
    fn new(owner: DeviceOwner, generation: Generation) -> Self {
        Self(AtomicU64::new(Self::pack(owner, generation)))
    }

    fn pack(owner: DeviceOwner, generation: Generation) -> u64 {
        u64::from(owner.0) << 32 | u64::from(generation.0)
    }

    fn set(&self, owner: DeviceOwner, generation: Generation) {
        self.0.store(Self::pack(owner, generation), Ordering::SeqCst);
    }

    fn get(&self) -> (DeviceOwner, Generation) {
        let packed = self.0.load(Ordering::SeqCst);
        (DeviceOwner((packed >> 32) as u32), Generation(packed as u32))
    }
}

/// The channels of a device task.
struct TaskContext {
    kind: DeviceKind,
    target: Arc<ReportTarget>,
    reports: mpsc::Sender<DeviceReport>,
    opened: watch::Sender<Option<(String, String)>>,
    release: oneshot::Receiver<Duration>,
}

impl Devices {
    /// No device is open. Reports go to `reports`.
    pub(crate) fn new(reports: mpsc::Sender<DeviceReport>, camera: Arc<VideoFanout>, audio: Arc<CallAudio>) -> Self {
        let format = CameraFormat::default();
        let voice = audio.clone();
        let identity = TestPictureIdentity::with_voice(Arc::new(move || voice.report().microphone.dbfs));
        let screen = Arc::default();
        Self { reports, tasks: HashMap::new(), camera, screen, audio, format, identity }
    }

    /// The frame size and rate to open cameras with from now on.
    pub(crate) fn set_format(&mut self, format: CameraFormat) {
        self.format = format;
    }

    /// The user id in the test picture from now on, also in one that is open.
    pub(super) fn set_identity(&mut self, user: &str) {
        self.identity.set(user);
    }

    /// Where microphone and speaker are connected.
    pub(super) fn audio(&self) -> &Arc<CallAudio> {
        &self.audio
    }

    /// Where the frames of a shared screen go.
    pub(super) fn screen(&self) -> &Arc<VideoFanout> {
        &self.screen
    }

    /// Where the camera's video frames go.
    pub(super) fn camera(&self) -> &Arc<VideoFanout> {
        &self.camera
    }

    /// Opens a device. If the same one is open already, it is taken over by `owner`; another one is released first.
    pub(super) fn open(
        &mut self,
        owner: DeviceOwner,
        kind: DeviceKind,
        generation: Generation,
        choice: Option<String>,
    ) {
        if let Some(held) = self.tasks.get(&kind)
            && held.choice == choice
            && held.release.is_some()
            && !held.task.is_finished()
        {
            held.target.set(owner, generation);
            let opened = held.opened.borrow().clone();
            if let Some((id, label)) = opened {
                let input = DeviceInput::Opened { id };
                self.report(DeviceReport { owner, kind, generation, input, problem: None, label });
            }
            return;
        }
        let before = self.tasks.remove(&kind);
        let target = Arc::new(ReportTarget::new(owner, generation));
        let (opened_tx, opened) = watch::channel(None);
        let (release_tx, release) = oneshot::channel();
        let context =
            TaskContext { kind, target: target.clone(), reports: self.reports.clone(), opened: opened_tx, release };
        let (run_device, presence) = self.device_future(kind, choice.clone(), context);
        let task = tokio::spawn(async move {
            // Some systems do not open a second camera, so the first is closed before.
            if let Some(mut before) = before {
                if let Some(release) = before.release.take() {
                    release.send(crate::session::RELEASE_LIMIT).ok();
                }
                before.task.await.ok();
            }
            run_device.await;
        });
        self.tasks.insert(kind, DeviceTask { choice, target, opened, release: Some(release_tx), task, presence });
    }

    /// Releases a device, also while it is opening. A second call can only shorten the limit.
    pub(super) fn release(&mut self, owner: DeviceOwner, kind: DeviceKind, generation: Generation, limit: Duration) {
        if let Some(held) = self.tasks.get_mut(&kind) {
            held.target.set(owner, generation);
            if let Some(release) = held.release.take() {
                if release.send(limit).is_ok() {
                    return;
                }
            } else if !held.task.is_finished() {
                held.presence.shorten_deadline(limit);
                return;
            }
        }
        let input = DeviceInput::Released { state: StepState::Confirmed, detail: String::new() };
        self.report(DeviceReport { owner, kind, generation, input, problem: None, label: String::new() });
    }

    /// Whether a device did not close within its limit and may still be open.
    pub(super) fn is_stuck(&self, kind: DeviceKind) -> bool {
        self.tasks.get(&kind).is_some_and(|h| h.release.is_none() && h.task.is_finished() && h.presence.is_alive())
    }

    /// Releases every device and waits for it, up to `limit` and 200 ms more for each.
    pub(crate) async fn close(&mut self, limit: Duration) {
        for (_, mut held) in self.tasks.drain() {
            if let Some(release) = held.release.take() {
                release.send(limit).ok();
            }
            if tokio::time::timeout(limit + Duration::from_millis(200), &mut held.task).await.is_err() {
                held.task.abort();
            }
        }
    }

    fn report(&self, report: DeviceReport) {
        if self.reports.try_send(report).is_err() {
            tracing::error!("the queue of device reports is full: a report was lost");
        }
    }

    /// The future that runs one device from opening to release, and whether the device's thread still runs.
    fn device_future(
        &self,
        kind: DeviceKind,
        choice: Option<String>,
        context: TaskContext,
    ) -> (DeviceFuture, DevicePresence) {
        let id = choice.as_deref().unwrap_or("default").to_owned();
        let wrong = |e: &crate::devices::ChoiceError| DeviceError::Other(e.to_string());
        let (failed_tx, failed) = mpsc::channel(1);
        let events: FailureSink = Arc::new(move |event| {
            failed_tx.try_send(event.error).ok();
        });
        let (audio, fanout) = (self.audio.clone(), self.camera.clone());
        match kind {
            DeviceKind::Camera => match id.parse::<CameraChoice>() {
                Ok(choice) => {
                    let sink = fanout.begin();
                    let to = sink.clone();
                    let opening =
                        CameraLease::open(&choice, self.format, &self.identity, Arc::new(move |f| to.put(f)), events);
                    let presence = opening.presence();
                    let start = |lease: CameraLease| (lease.id().to_owned(), lease.label().to_owned(), lease);
                    let stop = move || sink.end();
                    let run_device =
                        run_device(context, opening, failed, start, stop, |l: CameraLease, d| l.release(d));
                    (Box::pin(run_device), presence)
                }
                Err(e) => (Box::pin(refuse(context, id, wrong(&e))), DevicePresence::default()),
            },
            DeviceKind::Microphone => match id.parse::<MicrophoneChoice>() {
                Ok(choice) => {
                    let opening = AudioLease::open_microphone(&choice, events);
                    let presence = opening.presence();
                    let real = matches!(choice, MicrophoneChoice::Device(_) | MicrophoneChoice::Default);
                    let engine = audio.clone();
                    let start = move |(lease, samples, format): (AudioLease, _, _)| {
                        engine.set_real_microphone(real);
                        engine.set_microphone(Some((samples, format)));
                        (lease.id().to_owned(), lease.label().to_owned(), lease)
                    };
                    let stop = move || audio.set_microphone(None);
                    let run_device = run_device(context, opening, failed, start, stop, |l: AudioLease, d| l.release(d));
                    (Box::pin(run_device), presence)
                }
                Err(e) => (Box::pin(refuse(context, id, wrong(&e))), DevicePresence::default()),
            },
            DeviceKind::Speaker => match id.parse::<SpeakerChoice>() {
                Ok(choice) => {
                    let opening = AudioLease::open_speaker(&choice, events);
                    let presence = opening.presence();
                    let engine = audio.clone();
                    let start = move |(lease, samples, format): (AudioLease, _, _)| {
                        engine.set_speaker(Some((samples, format)));
                        (lease.id().to_owned(), lease.label().to_owned(), lease)
                    };
                    let stop = move || audio.set_speaker(None);
                    let run_device = run_device(context, opening, failed, start, stop, |l: AudioLease, d| l.release(d));
                    (Box::pin(run_device), presence)
                }
                Err(e) => (Box::pin(refuse(context, id, wrong(&e))), DevicePresence::default()),
            },
            DeviceKind::Screen => match id.parse::<ScreenChoice>() {
                Ok(choice) => {
                    let sink = self.screen.begin();
                    let to = sink.clone();
                    let opening = ScreenLease::open(&choice, &self.identity, Arc::new(move |f| to.put(f)), events);
                    let presence = opening.presence();
                    let start = |lease: ScreenLease| (lease.id().to_owned(), lease.label().to_owned(), lease);
                    let stop = move || sink.end();
                    let run_device =
                        run_device(context, opening, failed, start, stop, |l: ScreenLease, d| l.release(d));
                    (Box::pin(run_device), presence)
                }
                Err(e) => (Box::pin(refuse(context, id, wrong(&e))), DevicePresence::default()),
            },
        }
    }
}

type DeviceFuture = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits for the opening, then for release or failure, and releases the lease. `start` connects the device, `stop`
/// disconnects it.
async fn run_device<O: 'static, L, R: Future<Output = Released>>(
    mut context: TaskContext,
    mut opening: Opening<O>,
    mut failed: mpsc::Receiver<DeviceError>,
    start: impl FnOnce(O) -> (String, String, L),
    stop: impl FnOnce(),
    release: impl FnOnce(L, Duration) -> R,
) {
    let opened = tokio::select! {
        biased;
        limit = &mut context.release => {
            let released = opening.cancel(limit.unwrap_or(crate::session::RELEASE_LIMIT)).await;
            return context.released(released).await;
        }
        opened = &mut opening => opened,
    };
    let (id, label, lease) = match opened {
        Ok(opened) => start(opened),
        Err(error) => return context.failed(String::new(), &error).await,
    };
    context.opened.send_replace(Some((id.clone(), label.clone())));
    context.tell(DeviceInput::Opened { id: id.clone() }, None, label).await;
    tokio::select! {
        limit = &mut context.release => {
            stop();
            let released = release(lease, limit.unwrap_or(crate::session::RELEASE_LIMIT)).await;
            context.released(released).await;
        }
        Some(error) = failed.recv() => {
            stop();
            release(lease, crate::session::RELEASE_LIMIT).await;
            context.failed(id, &error).await;
        }
    }
}

/// Reports that the choice names no device.
async fn refuse(context: TaskContext, id: String, error: DeviceError) {
    context.failed(id, &error).await;
}

impl TaskContext {
    async fn tell(&self, input: DeviceInput, problem: Option<DeviceProblem>, label: String) {
        let (owner, generation) = self.target.get();
        let report = DeviceReport { owner, kind: self.kind, generation, input, problem, label };
        if self.reports.send(report).await.is_err() {
            tracing::debug!("a device report after the end of its receiver was dropped");
        }
    }

    async fn released(&self, released: Released) {
        // A device that had not opened yet counts as released.
        let state = if released.state == StepState::NotApplicable { StepState::Confirmed } else { released.state };
        self.tell(DeviceInput::Released { state, detail: released.detail }, None, String::new()).await;
    }

    async fn failed(&self, id: String, error: &DeviceError) {
        let problem = DeviceProblem { kind: error.kind(), message: error.message().to_owned() };
        self.tell(DeviceInput::Failed { id, message: error.to_string() }, Some(problem), String::new()).await;
    }
}
