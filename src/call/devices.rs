//! Carries out what a session (or the lobby's preview) wants of devices: each open device is held by a task of its own,
//! which owns the lease and reports what becomes of it.

use super::picture_out::CameraFan;
use super::studio::Studio;
use super::view::{DeviceProblem, ProblemKind};
use crate::base::{DeviceKind, StepState};
use crate::devices::{
    CameraChoice, CameraFormat, CameraLease, DeviceError, DeviceEvents, Identity, MicrophoneChoice, MicrophoneLease,
    Opening, Presence, ProblemKind as Problem, Released, SpeakerChoice, SpeakerLease,
};
use crate::session::{DeviceInput, Generation};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Who asked for a device: the preview, or one of the calls. Reports for an older tenant are dropped by whoever reads them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tenant(pub(crate) u32);

/// What a device reports, and to whom.
#[derive(Debug)]
pub(crate) struct DeviceReport {
    /// Who asked for it.
    pub(crate) tenant: Tenant,
    /// What kind.
    pub(crate) kind: DeviceKind,
    /// Which opening.
    pub(crate) generation: Generation,
    /// What happened.
    pub(crate) input: DeviceInput,
    /// What is wrong, in people's words, with `Failed`.
    pub(crate) problem: Option<DeviceProblem>,
    /// What people read of it, with `Opened`.
    pub(crate) label: String,
}

/// The devices of this process. One at a time of each kind.
pub(crate) struct Devices {
    reports: mpsc::Sender<DeviceReport>,
    holders: HashMap<DeviceKind, Holder>,
    camera: Arc<CameraFan>,
    sound: Arc<Studio>,
    format: CameraFormat,
    identity: Identity,
}

/// A device that is being opened, is open, or is being released.
struct Holder {
    choice: Option<String>,
    address: Arc<Address>,
    /// Label and id, once open.
    opened: watch::Receiver<Option<(String, String)>>,
    release: Option<oneshot::Sender<Duration>>,
    task: JoinHandle<()>,
    presence: Presence,
}

/// Whom a holder reports to; changes when a call takes over what the preview opened.
#[derive(Debug)]
struct Address(AtomicU64);

impl Address {
    fn new(tenant: Tenant, generation: Generation) -> Self {
        Self(AtomicU64::new(Self::pack(tenant, generation)))
    }

    fn pack(tenant: Tenant, generation: Generation) -> u64 {
        u64::from(tenant.0) << 32 | u64::from(generation.0)
    }

    fn set(&self, tenant: Tenant, generation: Generation) {
        self.0.store(Self::pack(tenant, generation), Ordering::SeqCst);
    }

    fn get(&self) -> (Tenant, Generation) {
        let packed = self.0.load(Ordering::SeqCst);
        (Tenant((packed >> 32) as u32), Generation(packed as u32))
    }
}

/// What a holder task needs beside its device.
struct Desk {
    kind: DeviceKind,
    address: Arc<Address>,
    reports: mpsc::Sender<DeviceReport>,
    opened: watch::Sender<Option<(String, String)>>,
    release: oneshot::Receiver<Duration>,
}

impl Devices {
    /// No device is open. Reports go to `reports`.
    pub(crate) fn new(reports: mpsc::Sender<DeviceReport>, camera: Arc<CameraFan>, sound: Arc<Studio>) -> Self {
        let format = CameraFormat::default();
        Self { reports, holders: HashMap::new(), camera, sound, format, identity: Identity::default() }
    }

    /// The size and rate that cameras are asked for from now on.
    pub(crate) fn set_format(&mut self, format: CameraFormat) {
        self.format = format;
    }

    /// The user id that the test picture carries from now on, also if the preview has opened it.
    pub(crate) fn set_identity(&mut self, user: &str) {
        self.identity.set(user);
    }

    /// The studio that microphone and speaker belong to.
    pub(crate) fn sound(&self) -> &Arc<Studio> {
        &self.sound
    }

    /// Where the camera's pictures go.
    pub(crate) fn camera(&self) -> &Arc<CameraFan> {
        &self.camera
    }

    /// Opens a device; what the preview holds already of the same choice is taken over.
    pub(crate) fn open(&mut self, tenant: Tenant, kind: DeviceKind, generation: Generation, choice: Option<String>) {
        if let Some(holder) = self.holders.get(&kind)
            && holder.choice == choice
            && holder.release.is_some()
            && !holder.task.is_finished()
        {
            holder.address.set(tenant, generation);
            let opened = holder.opened.borrow().clone();
            if let Some((id, label)) = opened {
                let input = DeviceInput::Opened { id };
                self.report(DeviceReport { tenant, kind, generation, input, problem: None, label });
            }
            return;
        }
        let before = self.holders.remove(&kind);
        let address = Arc::new(Address::new(tenant, generation));
        let (opened_tx, opened) = watch::channel(None);
        let (release_tx, release) = oneshot::channel();
        let desk = Desk { kind, address: address.clone(), reports: self.reports.clone(), opened: opened_tx, release };
        let (hold, presence) = self.holding(kind, choice.clone(), desk);
        let task = tokio::spawn(async move {
            // What was open before is closed first: a camera is one device, whoever asked for it.
            if let Some(mut before) = before {
                if let Some(release) = before.release.take() {
                    release.send(crate::session::RELEASE_LIMIT).ok();
                }
                before.task.await.ok();
            }
            hold.await;
        });
        self.holders.insert(kind, Holder { choice, address, opened, release: Some(release_tx), task, presence });
    }

    /// Releases a device, also while it is still opening. Asked again, it may only be given less time.
    pub(crate) fn release(&mut self, tenant: Tenant, kind: DeviceKind, generation: Generation, limit: Duration) {
        if let Some(holder) = self.holders.get_mut(&kind) {
            holder.address.set(tenant, generation);
            if let Some(release) = holder.release.take() {
                if release.send(limit).is_ok() {
                    return;
                }
            } else if !holder.task.is_finished() {
                holder.presence.hasten(limit);
                return;
            }
        }
        let input = DeviceInput::Released { state: StepState::Confirmed, detail: String::new() };
        self.report(DeviceReport { tenant, kind, generation, input, problem: None, label: String::new() });
    }

    /// Whether a device that was released and did not close in time may be open still.
    pub(crate) fn is_stuck(&self, kind: DeviceKind) -> bool {
        self.holders.get(&kind).is_some_and(|h| h.release.is_none() && h.task.is_finished() && h.presence.is_there())
    }

    /// Releases everything and waits until it is closed, each under `limit`.
    pub(crate) async fn close(&mut self, limit: Duration) {
        for (_, mut holder) in self.holders.drain() {
            if let Some(release) = holder.release.take() {
                release.send(limit).ok();
            }
            if tokio::time::timeout(limit + Duration::from_millis(200), &mut holder.task).await.is_err() {
                holder.task.abort();
            }
        }
    }

    fn report(&self, report: DeviceReport) {
        if self.reports.try_send(report).is_err() {
            tracing::error!("a device's report was lost: nobody reads them");
        }
    }

    /// The task that holds one device from opening to release, and what tells whether the device's thread still runs.
    fn holding(&self, kind: DeviceKind, choice: Option<String>, desk: Desk) -> (Holding, Presence) {
        let id = choice.as_deref().unwrap_or("default").to_owned();
        let wrong = |e: &crate::devices::ChoiceError| DeviceError::Other(e.to_string());
        let (failed_tx, failed) = mpsc::channel(1);
        let events: DeviceEvents = Arc::new(move |event| {
            failed_tx.try_send(event.error).ok();
        });
        let (sound, fan) = (self.sound.clone(), self.camera.clone());
        match kind {
            DeviceKind::Camera => match id.parse::<CameraChoice>() {
                Ok(choice) => {
                    let sink = fan.clone();
                    let opening =
                        CameraLease::open(&choice, self.format, &self.identity, Arc::new(move |f| sink.put(f)), events);
                    let presence = opening.presence();
                    let start = |lease: CameraLease| (lease.id().to_owned(), lease.label().to_owned(), lease);
                    let stop = move || fan.clear();
                    let hold = hold(desk, opening, failed, start, stop, |l: CameraLease, d| l.release(d));
                    (Box::pin(hold), presence)
                }
                Err(e) => (Box::pin(refuse(desk, id, wrong(&e))), Presence::default()),
            },
            DeviceKind::Microphone => match id.parse::<MicrophoneChoice>() {
                Ok(choice) => {
                    let opening = MicrophoneLease::open(&choice, events);
                    let presence = opening.presence();
                    let real = matches!(choice, MicrophoneChoice::Device(_) | MicrophoneChoice::Default);
                    let engine = sound.clone();
                    let start = move |(lease, samples, format): (MicrophoneLease, _, _)| {
                        engine.set_real_microphone(real);
                        engine.set_microphone(Some((samples, format)));
                        (lease.id().to_owned(), lease.label().to_owned(), lease)
                    };
                    let stop = move || sound.set_microphone(None);
                    let hold = hold(desk, opening, failed, start, stop, |l: MicrophoneLease, d| l.release(d));
                    (Box::pin(hold), presence)
                }
                Err(e) => (Box::pin(refuse(desk, id, wrong(&e))), Presence::default()),
            },
            DeviceKind::Speaker | DeviceKind::Screen => match id.parse::<SpeakerChoice>() {
                Ok(choice) => {
                    let opening = SpeakerLease::open(&choice, events);
                    let presence = opening.presence();
                    let engine = sound.clone();
                    let start = move |(lease, samples, format): (SpeakerLease, _, _)| {
                        engine.set_speaker(Some((samples, format)));
                        (lease.id().to_owned(), lease.label().to_owned(), lease)
                    };
                    let stop = move || sound.set_speaker(None);
                    let hold = hold(desk, opening, failed, start, stop, |l: SpeakerLease, d| l.release(d));
                    (Box::pin(hold), presence)
                }
                Err(e) => (Box::pin(refuse(desk, id, wrong(&e))), Presence::default()),
            },
        }
    }
}

/// What holds a device.
type Holding = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Opens, holds until release or failure, and releases. `start` puts the device to use, `stop` takes it out of use.
async fn hold<O: 'static, L, R: Future<Output = Released>>(
    mut desk: Desk,
    mut opening: Opening<O>,
    mut failed: mpsc::Receiver<DeviceError>,
    start: impl FnOnce(O) -> (String, String, L),
    stop: impl FnOnce(),
    release: impl FnOnce(L, Duration) -> R,
) {
    let opened = tokio::select! {
        biased;
        limit = &mut desk.release => {
            let released = opening.cancel(limit.unwrap_or(crate::session::RELEASE_LIMIT)).await;
            return desk.released(released).await;
        }
        opened = &mut opening => opened,
    };
    let (id, label, lease) = match opened {
        Ok(opened) => start(opened),
        Err(error) => return desk.failed(String::new(), &error).await,
    };
    desk.opened.send_replace(Some((id.clone(), label.clone())));
    desk.tell(DeviceInput::Opened { id: id.clone() }, None, label).await;
    tokio::select! {
        limit = &mut desk.release => {
            stop();
            let released = release(lease, limit.unwrap_or(crate::session::RELEASE_LIMIT)).await;
            desk.released(released).await;
        }
        Some(error) = failed.recv() => {
            stop();
            release(lease, crate::session::RELEASE_LIMIT).await;
            desk.failed(id, &error).await;
        }
    }
}

/// A choice that names no device.
async fn refuse(desk: Desk, id: String, error: DeviceError) {
    desk.failed(id, &error).await;
}

impl Desk {
    async fn tell(&self, input: DeviceInput, problem: Option<DeviceProblem>, label: String) {
        let (tenant, generation) = self.address.get();
        let report = DeviceReport { tenant, kind: self.kind, generation, input, problem, label };
        if self.reports.send(report).await.is_err() {
            tracing::debug!("nobody hears of a device any more");
        }
    }

    async fn released(&self, released: Released) {
        // A device that was never really held counts as released.
        let state = if released.state == StepState::NotApplicable { StepState::Confirmed } else { released.state };
        self.tell(DeviceInput::Released { state, detail: released.detail }, None, String::new()).await;
    }

    async fn failed(&self, id: String, error: &DeviceError) {
        let kind = match error.kind() {
            Problem::NotFound => ProblemKind::NotFound,
            Problem::Busy => ProblemKind::Busy,
            Problem::Forbidden => ProblemKind::Forbidden,
            Problem::Unplugged => ProblemKind::Unplugged,
            Problem::Other => ProblemKind::Other,
        };
        let problem = DeviceProblem { kind, message: error.message().to_owned() };
        self.tell(DeviceInput::Failed { id, message: error.to_string() }, Some(problem), String::new()).await;
    }
}
