//! A device belongs to one named thread, which opens it, uses it and closes it. Everybody else waits for that thread
//! with a limit, or not at all: a driver that hangs costs a thread, never a call.

use crate::base::StepState;
use crate::devices::DeviceError;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::{Timeout, timeout};

/// How long a device may take to open.
const OPEN_LIMIT: Duration = Duration::from_secs(5);

/// How long a device that was dropped, not released, may take to close before its process is ended.
const DROP_LIMIT: Duration = Duration::from_millis(500);

/// What became of a device that was to be closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Released {
    /// `Confirmed`: its handle is gone. `Unconfirmed`: it did not close within the limit. `Failed`: it closed, but
    /// something went wrong. `NotApplicable`: there was no device.
    pub(crate) state: StepState,
    /// From the request to the end of closing, or of waiting.
    pub(crate) took: Duration,
    /// What a person should know beside that; often empty.
    pub(crate) detail: String,
}

/// What the owner says of its device's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Closed {
    pub(super) state: StepState,
    pub(super) detail: String,
}

impl Closed {
    /// It closed as it should.
    pub(super) const fn confirmed() -> Self {
        Self { state: StepState::Confirmed, detail: String::new() }
    }

    /// There was no device.
    pub(super) const fn nothing() -> Self {
        Self { state: StepState::NotApplicable, detail: String::new() }
    }
}

/// Tells an owner to stop. The owner waits on it between its tasks.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    inner: Arc<(Mutex<Option<Instant>>, Condvar)>,
}

impl Stop {
    /// Asks the owner to close its device until `limit` from now. A later call may only shorten the time.
    pub(super) fn ask(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut deadline = self.lock();
        *deadline = Some(deadline.map_or(until, |d| d.min(until)));
        self.inner.1.notify_all();
    }

    /// The time by which the device has to be closed, once that was asked for.
    pub(super) fn deadline(&self) -> Option<Instant> {
        *self.lock()
    }

    /// Whether the device is to be closed.
    pub(super) fn asked(&self) -> bool {
        self.deadline().is_some()
    }

    /// Waits until `until`, or shorter when the device is to be closed. Returns whether it is.
    pub(super) fn wait_until(&self, until: Instant) -> bool {
        self.wait_for(Some(until), || false)
    }

    /// Waits until the device is to be closed.
    #[cfg_attr(not(feature = "window"), allow(dead_code))] // only real devices have nothing to do meanwhile
    pub(super) fn wait(&self) {
        self.wait_for(None, || false);
    }

    /// Waits until `until`, until `ready` holds after a [`Stop::nudge`], or until the device is to be closed. Returns
    /// whether it is.
    pub(super) fn wait_for(&self, until: Option<Instant>, mut ready: impl FnMut() -> bool) -> bool {
        let mut deadline = self.lock();
        loop {
            if deadline.is_some() || ready() {
                return deadline.is_some();
            }
            deadline = match until.map(|u| u.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return false,
                Some(left) => self.inner.1.wait_timeout(deadline, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.inner.1.wait(deadline).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Lets the owner look again at what it waits for.
    pub(super) fn nudge(&self) {
        // Taken so that a nudge cannot fall between an owner's look and its going to sleep.
        drop(self.lock());
        self.inner.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.inner.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a device's thread still runs, also when nobody waits for it any more: a device that did not close in time
/// may be open until it ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct DevicePresence {
    alive: Weak<()>,
    stop: Stop,
}

impl DevicePresence {
    /// Whether the thread, and what it holds, may still be there.
    pub(crate) fn is_alive(&self) -> bool {
        self.alive.strong_count() > 0
    }

    /// Leaves a device that is being closed at most `limit` from now for it. Never lengthens its time.
    pub(crate) fn shorten_deadline(&self, limit: Duration) {
        self.stop.ask(limit);
    }
}

/// Through this an owner says once whether its device opened.
pub(super) struct Opened<T>(oneshot::Sender<Result<T, DeviceError>>);

impl<T> Opened<T> {
    /// Says it. Nobody may be listening any more; then [`Stop::asked`] holds.
    pub(super) fn tell(self, result: Result<T, DeviceError>) {
        self.0.send(result).ok();
    }
}

/// The outside of an owner's thread. Dropping it asks the thread to stop and does not wait.
pub(super) struct DeviceThread {
    name: &'static str,
    stop: Stop,
    closed: oneshot::Receiver<Closed>,
    thread: Option<JoinHandle<()>>,
    presence: DevicePresence,
}

impl DeviceThread {
    /// Starts the thread `name`. `body` opens the device, tells that, uses it until `Stop` asks for the end, closes it
    /// and reports. It must drop all that belongs to the device before it returns.
    pub(super) fn start<T: Send + 'static>(
        name: &'static str,
        body: impl FnOnce(&Stop, Opened<T>) -> Closed + Send + 'static,
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
                let closed = body(&inner, Opened(opened));
                drop(alive);
                report.send(closed).ok();
            })
            .map_err(|e| DeviceError::Other(format!("no thread for the {name}: {e}")))?;
        Ok((Self { name, stop, closed, thread: Some(thread), presence }, when_opened))
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

    /// Joins the thread, which has said its last word.
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

/// A device that is being opened: a future of the lease, for at most 5 s.
///
/// Dropping it, or [`Opening::cancel`], gives up: the device is closed as soon as it has opened.
#[must_use = "a device that nobody waits for is closed again"]
pub(crate) struct Opening<L> {
    state: State<L>,
}

enum State<L> {
    Waiting { owner: DeviceThread, ready: Pin<Box<dyn Future<Output = Result<Finish<L>, DeviceError>> + Send>> },
    Over(Option<DeviceError>),
}

/// Makes the lease out of the opened device's owner.
type Finish<L> = Box<dyn FnOnce(DeviceThread) -> L + Send>;

impl<L: 'static> Opening<L> {
    /// Starts an owner; `finish` makes the lease out of it and of what its thread told.
    pub(super) fn start<T: Send + 'static>(
        name: &'static str,
        body: impl FnOnce(&Stop, Opened<T>) -> Closed + Send + 'static,
        finish: impl FnOnce(DeviceThread, T) -> L + Send + 'static,
    ) -> Self {
        match DeviceThread::start(name, body) {
            Ok((owner, opened)) => Self {
                state: State::Waiting {
                    owner,
                    ready: Box::pin(async move {
                        let told = flatten(name, timeout(OPEN_LIMIT, opened)).await?;
                        Ok(Box::new(move |owner| finish(owner, told)) as Finish<L>)
                    }),
                },
            },
            Err(e) => Self { state: State::Over(Some(e)) },
        }
    }

    /// Tells later whether the device's thread still runs.
    pub(crate) fn presence(&self) -> DevicePresence {
        match &self.state {
            State::Waiting { owner, .. } => owner.presence.clone(),
            State::Over(_) => DevicePresence::default(),
        }
    }

    /// Gives up, and waits at most `limit` until the device is closed.
    pub(crate) async fn cancel(self, limit: Duration) -> Released {
        match self.state {
            State::Waiting { owner, .. } => owner.release(limit).await,
            State::Over(_) => Released { state: StepState::NotApplicable, took: Duration::ZERO, detail: String::new() },
        }
    }
}

async fn flatten<T>(
    name: &'static str,
    opened: Timeout<oneshot::Receiver<Result<T, DeviceError>>>,
) -> Result<T, DeviceError> {
    match opened.await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(DeviceError::Other(format!("the thread \"{name}\" broke down"))),
        Err(_) => Err(DeviceError::Other(format!("the {name} did not answer within {} seconds", OPEN_LIMIT.as_secs()))),
    }
}

impl<L> Unpin for Opening<L> {}

impl<L> Future for Opening<L> {
    type Output = Result<L, DeviceError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match &mut self.state {
            State::Waiting { ready, .. } => std::task::ready!(ready.as_mut().poll(cx)),
            State::Over(error) => Err(error.take().unwrap_or_else(|| DeviceError::Other("it was opened twice".into()))),
        };
        Poll::Ready(match (result, std::mem::replace(&mut self.state, State::Over(None))) {
            (Ok(finish), State::Waiting { owner, .. }) => Ok(finish(owner)),
            (Ok(_), State::Over(_)) => Err(DeviceError::Other("it was opened twice".into())),
            (Err(e), _) => Err(e),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn slow_device(opens_after: Duration, closed: Arc<AtomicBool>) -> Opening<DeviceThread> {
        Opening::start(
            "slow device",
            move |stop, opened: Opened<()>| {
                thread::sleep(opens_after);
                opened.tell(Ok(()));
                stop.wait_until(Instant::now() + Duration::from_secs(20));
                closed.store(true, Ordering::SeqCst);
                Closed::confirmed()
            },
            |owner, ()| owner,
        )
    }

    #[tokio::test]
    async fn a_device_that_is_still_opening_is_closed_before_cancel_returns() {
        let closed = Arc::new(AtomicBool::new(false));
        let mut opening = slow_device(Duration::from_millis(100), closed.clone());
        assert!(timeout(Duration::from_millis(10), &mut opening).await.is_err());
        let released = opening.cancel(Duration::from_secs(5)).await;
        assert_eq!(released.state, StepState::Confirmed);
        assert!(closed.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_dropped_opening_closes_the_device_when_it_has_opened() {
        let closed = Arc::new(AtomicBool::new(false));
        drop(slow_device(Duration::from_millis(50), closed.clone()));
        for _ in 0..200 {
            if closed.load(Ordering::SeqCst) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("still open");
    }

    #[tokio::test]
    async fn a_device_that_does_not_stop_is_named_within_the_limit() {
        let (free, wait) = std::sync::mpsc::sync_channel::<()>(0);
        let opening = Opening::start(
            "stuck device",
            move |_, opened: Opened<()>| {
                opened.tell(Ok(()));
                wait.recv().ok();
                Closed::confirmed()
            },
            |owner, ()| owner,
        );
        let presence = opening.presence();
        let released = opening.await.expect("opens").release(Duration::from_millis(50)).await;
        assert_eq!(released.state, StepState::Unconfirmed);
        assert!(released.detail.contains("stuck device"), "{}", released.detail);
        assert!(presence.is_alive(), "it may be open still");
        drop(free);
        for _ in 0..500 {
            if !presence.is_alive() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("its thread has ended, and it is said to be there");
    }

    #[tokio::test]
    async fn a_panic_of_the_owner_is_an_error_not_a_panic_of_ours() {
        let opening = Opening::start("bad device", |_, _: Opened<()>| panic!("driver bug"), |owner, ()| owner);
        assert!(matches!(opening.await, Err(DeviceError::Other(m)) if m.contains("broke down")));
    }
}
