//! The thread that a device belongs to: it opens the device, uses it and closes it. Other threads wait for it with a
//! limit or not at all, so a driver that hangs costs one thread and never a call.

use crate::base::StepState;
use crate::devices::DeviceError;
use parking_lot::{Condvar, Mutex};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long a device whose lease was dropped, not released, may take to close before its process is killed.
const DROP_LIMIT: Duration = Duration::from_millis(500);

/// The outcome of releasing a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Released {
    /// `Confirmed`: the device's handle is closed. `Unconfirmed`: it did not close within the limit. `Failed`: it
    /// closed with an error. `NotApplicable`: there was no device.
    pub(crate) state: StepState,
    /// Time from the request to the end of closing or of waiting.
    pub(crate) took: Duration,
    /// Details for people; often empty.
    pub(crate) detail: String,
}

impl Released {
    /// There was no device.
    pub(super) const fn nothing() -> Self {
        Self { state: StepState::NotApplicable, took: Duration::ZERO, detail: String::new() }
    }
}

/// How a device's thread closed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) state: StepState,
    pub(super) detail: String,
}

impl Closed {
    /// The device closed without an error.
    pub(super) const fn confirmed() -> Self {
        Self { state: StepState::Confirmed, detail: String::new() }
    }

    /// There was no device.
    pub(super) const fn nothing() -> Self {
        Self { state: StepState::NotApplicable, detail: String::new() }
    }
}

/// Asks a device's thread to close the device. All clones are one. The thread waits on it between its tasks.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    /// The deadline for closing, once that was asked for.
    inner: Arc<(Mutex<Option<Instant>>, Condvar)>,
}

impl Stop {
    /// Asks for the device to be closed within `limit` from now. A later call can only bring the deadline nearer.
    pub(super) fn ask(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut deadline = self.inner.0.lock();
        *deadline = Some(deadline.map_or(until, |d| d.min(until)));
        self.inner.1.notify_all();
    }

    /// The time by which the device has to be closed; `None` before that was asked for.
    pub(super) fn deadline(&self) -> Option<Instant> {
        *self.inner.0.lock()
    }

    /// Whether the device is to be closed.
    pub(super) fn asked(&self) -> bool {
        self.deadline().is_some()
    }

    /// Waits until `until`, or until the device is to be closed. Returns whether it is.
    pub(super) fn wait_until(&self, until: Instant) -> bool {
        self.wait_for(Some(until), || false)
    }

    /// Waits until the device is to be closed.
    pub(super) fn wait(&self) {
        self.wait_for(None, || false);
    }

    /// Waits until `until`, until `ready` holds after a [`Stop::nudge`], or until the device is to be closed. Returns
    /// whether it is.
    pub(super) fn wait_for(&self, until: Option<Instant>, mut ready: impl FnMut() -> bool) -> bool {
        let mut deadline = self.inner.0.lock();
        loop {
            if deadline.is_some() || ready() {
                return deadline.is_some();
            }
            match until {
                Some(until) if until <= Instant::now() => return false,
                Some(until) => {
                    self.inner.1.wait_until(&mut deadline, until);
                }
                None => self.inner.1.wait(&mut deadline),
            }
        }
    }

    /// Makes the thread look again at the condition that it waits for.
    pub(super) fn nudge(&self) {
        // The lock keeps the notification from falling between the check of the condition and the wait.
        drop(self.inner.0.lock());
        self.inner.1.notify_all();
    }
}

/// Tells whether a device's thread still runs, also after a release that timed out: until the thread ends, the device
/// may be open.
#[derive(Clone, Debug, Default)]
pub(crate) struct DevicePresence {
    alive: Weak<()>,
    stop: Stop,
}

impl DevicePresence {
    /// Whether the thread, and with it the open device, may still exist.
    pub(crate) fn is_alive(&self) -> bool {
        self.alive.strong_count() > 0
    }

    /// Limits the rest of closing to `limit` from now. Never moves the deadline back.
    pub(crate) fn shorten_deadline(&self, limit: Duration) {
        self.stop.ask(limit);
    }
}

/// The channel by which a device's thread reports once whether the device opened.
pub(super) struct OpenReport<T>(oneshot::Sender<Result<T, DeviceError>>);

impl<T> OpenReport<T> {
    /// Reports the result. If the receiver is gone, [`Stop::asked`] is true.
    pub(super) fn tell(self, result: Result<T, DeviceError>) {
        self.0.send(result).ok();
    }
}

/// The handle of a device's thread. Dropping it asks the thread to stop and does not wait.
pub(super) struct DeviceThread {
    name: &'static str,
    stop: Stop,
    closed: oneshot::Receiver<Closed>,
    thread: Option<JoinHandle<()>>,
    presence: DevicePresence,
}

impl DeviceThread {
    /// Starts the thread `name`. `body` opens the device, reports that, uses the device until `Stop` asks it to close,
    /// closes it and returns how. It must drop everything that belongs to the device before it returns.
    pub(super) fn start<T: Send + 'static>(
        name: &'static str,
        body: impl FnOnce(&Stop, OpenReport<T>) -> Closed + Send + 'static,
    ) -> Result<(Self, oneshot::Receiver<Result<T, DeviceError>>), DeviceError> {
        let stop = Stop::default();
        let (opened, when_opened) = oneshot::channel();
        let (report, closed) = oneshot::channel();
        let inner = stop.clone();
        let alive = Arc::new(());
        let presence = DevicePresence { alive: Arc::downgrade(&alive), stop: stop.clone() };
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                let closed = body(&inner, OpenReport(opened));
                drop(alive);
                report.send(closed).ok();
            })
            .map_err(|e| DeviceError::Other(format!("no thread for the {name}: {e}")))?;
        Ok((Self { name, stop, closed, thread: Some(thread), presence }, when_opened))
    }

    /// Tells later whether the thread still runs.
    pub(super) fn presence(&self) -> DevicePresence {
        self.presence.clone()
    }

    /// Asks the thread to close the device and waits for that at most `limit`.
    pub(super) async fn release(mut self, limit: Duration) -> Released {
        let begun = Instant::now();
        self.stop.ask(limit);
        let closed = match timeout(limit, &mut self.closed).await {
            Ok(Ok(closed)) => {
                self.join();
                closed
            }
            Ok(Err(_)) => {
                self.join();
                Closed { state: StepState::Failed, detail: format!("the thread \"{}\" broke down", self.name) }
            }
            Err(_) => Closed {
                state: StepState::Unconfirmed,
                detail: format!("the thread \"{}\" did not stop within {} ms", self.name, limit.as_millis()),
            },
        };
        let took = begun.elapsed();
        tracing::debug!(device = self.name, state = ?closed.state, ?took, detail = closed.detail, "released");
        Released { state: closed.state, took, detail: closed.detail }
    }

    /// Joins the thread, which has reported and is about to end.
    fn join(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(device = self.name, "the device's thread panicked");
        }
    }
}

impl Drop for DeviceThread {
    fn drop(&mut self) {
        self.stop.ask(DROP_LIMIT);
    }
}
