//! A device that is being opened, as a future.

use crate::devices::DeviceError;
use crate::devices::thread::{Closed, DevicePresence, DeviceThread, OpenReport, Released, Stop};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Timeout, timeout};

/// How long a device may take to open.
pub(super) const OPEN_LIMIT: Duration = Duration::from_secs(5);

/// A device that is being opened: a future of its lease that takes at most [`OPEN_LIMIT`].
///
/// Dropping it, or [`Opening::cancel`], gives up: the device is closed as soon as it has opened.
#[must_use = "a device that nobody waits for is closed again"]
pub(crate) struct Opening<L> {
    state: State<L>,
}

enum State<L> {
    Waiting { thread: DeviceThread, ready: Pin<Box<dyn Future<Output = Result<Finish<L>, DeviceError>> + Send>> },
    Over(Option<DeviceError>),
}

/// Makes the lease out of the opened device's thread.
type Finish<L> = Box<dyn FnOnce(DeviceThread) -> L + Send>;

impl<L: 'static> Opening<L> {
    /// Starts a device's thread; `finish` makes the lease from the thread and its report.
    pub(super) fn start<T: Send + 'static>(
        name: &'static str,
        body: impl FnOnce(&Stop, OpenReport<T>) -> Closed + Send + 'static,
        finish: impl FnOnce(DeviceThread, T) -> L + Send + 'static,
    ) -> Self {
        match DeviceThread::start(name, body) {
            Ok((thread, opened)) => Self {
                state: State::Waiting {
                    thread,
                    ready: Box::pin(async move {
                        let opened = flatten(name, timeout(OPEN_LIMIT, opened)).await?;
                        Ok(Box::new(move |thread| finish(thread, opened)) as Finish<L>)
                    }),
                },
            },
            Err(e) => Self { state: State::Over(Some(e)) },
        }
    }

    /// Tells later whether the device's thread still runs.
    pub(crate) fn presence(&self) -> DevicePresence {
        match &self.state {
            State::Waiting { thread, .. } => thread.presence(),
            State::Over(_) => DevicePresence::default(),
        }
    }

    /// Gives up, and waits at most `limit` until the device is closed.
    pub(crate) async fn cancel(self, limit: Duration) -> Released {
        match self.state {
            State::Waiting { thread, .. } => thread.release(limit).await,
            State::Over(_) => Released::nothing(),
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
            (Ok(finish), State::Waiting { thread, .. }) => Ok(finish(thread)),
            (Ok(_), State::Over(_)) => Err(DeviceError::Other("it was opened twice".into())),
            (Err(e), _) => Err(e),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::StepState;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::Instant;

    fn slow_device(opens_after: Duration, closed: Arc<AtomicBool>) -> Opening<DeviceThread> {
        Opening::start(
            "slow device",
            move |stop, opened: OpenReport<()>| {
                thread::sleep(opens_after);
                opened.tell(Ok(()));
                stop.wait_until(Instant::now() + Duration::from_secs(20));
                closed.store(true, Ordering::SeqCst);
                Closed::confirmed()
            },
            |thread, ()| thread,
        )
    }

    /// Waits for a condition, at most 5 s.
    async fn eventually(holds: impl Fn() -> bool, what: &str) {
        for _ in 0..500 {
            if holds() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what}");
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
        eventually(|| closed.load(Ordering::SeqCst), "the device is still open").await;
    }

    #[tokio::test]
    async fn a_device_that_does_not_stop_is_named_within_the_limit() {
        let (free, wait) = std::sync::mpsc::sync_channel::<()>(0);
        let opening = Opening::start(
            "stuck device",
            move |_, opened: OpenReport<()>| {
                opened.tell(Ok(()));
                wait.recv().ok();
                Closed::confirmed()
            },
            |thread, ()| thread,
        );
        let presence = opening.presence();
        let released = opening.await.expect("opens").release(Duration::from_millis(50)).await;
        assert_eq!(released.state, StepState::Unconfirmed);
        assert!(released.detail.contains("stuck device"), "{}", released.detail);
        assert!(presence.is_alive(), "the device may still be open");
        drop(free);
        eventually(|| !presence.is_alive(), "the thread has ended and is reported alive").await;
    }

    #[tokio::test]
    async fn a_panic_of_the_devices_thread_is_an_error() {
        let opening = Opening::start("bad device", |_, _: OpenReport<()>| panic!("driver bug"), |thread, ()| thread);
        assert!(matches!(opening.await, Err(DeviceError::Other(m)) if m.contains("broke down")));
    }
}
