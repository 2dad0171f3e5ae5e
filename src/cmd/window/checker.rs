//! Runs checks of the set-up for the window, as `visavis doctor` does.

use crate::base::CheckNews;
use crate::call::TokenSource;
use crate::doctor::{self, CheckPlan, ServerPlan};
use crate::ui::{CheckProgress, CheckRequest, Checker, graphics_adapters};
use parking_lot::Mutex;
use std::str::FromStr;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Runs one check at a time, in a task. Dropping it ends the check.
pub(super) struct SetUpChecker {
    runtime: Handle,
    /// Where tokens come from without an invitation.
    tokens: TokenSource,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

#[derive(Default)]
struct Shared {
    progress: Mutex<CheckProgress>,
    wake: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut CheckProgress)) {
        change(&mut self.progress.lock());
        let wake = self.wake.lock().clone();
        if let Some(wake) = wake {
            wake();
        }
    }

    fn take(&self, news: CheckNews) {
        self.change(|progress| match news {
            CheckNews::Begun(check) => progress.current = Some(check),
            CheckNews::Found(finding) => progress.findings.push(finding),
        });
    }
}

impl SetUpChecker {
    /// Must be called in a tokio runtime.
    pub(super) fn new(tokens: TokenSource) -> Self {
        Self { runtime: Handle::current(), tokens, shared: Arc::default(), stop: CancellationToken::new() }
    }

    fn plan(&self, request: CheckRequest) -> CheckPlan {
        let CheckRequest { devices, server, invitation } = request;
        let (room, tokens) = match invitation {
            Some((room, invitation)) => (Some(room), TokenSource::Invited(invitation)),
            None => (None, self.tokens.clone()),
        };
        CheckPlan {
            camera: choice(devices.camera.as_deref()),
            microphone: choice(devices.microphone.as_deref()),
            speaker: choice(devices.speaker.as_deref()),
            graphics: Some(graphics_adapters),
            server: server.map(|server| ServerPlan { server, tokens, room }),
        }
    }
}

/// The device of that id; an id that cannot be read is that of no device, as in a call, and gives the default.
fn choice<C: FromStr + Default>(id: Option<&str>) -> C {
    id.and_then(|id| id.parse().ok()).unwrap_or_default()
}

impl Checker for SetUpChecker {
    fn start(&mut self, request: CheckRequest) {
        if self.shared.progress.lock().running {
            return;
        }
        self.shared.change(|progress| *progress = CheckProgress { running: true, ..CheckProgress::default() });
        self.stop = CancellationToken::new();
        let (plan, stop) = (self.plan(request), self.stop.clone());
        let (running, sink) = (Running(self.shared.clone()), self.shared.clone());
        self.runtime.spawn(async move {
            let _running = running;
            doctor::run(plan, Arc::new(move |news| sink.take(news)), stop).await;
        });
    }

    fn stop(&mut self) {
        self.stop.cancel();
    }

    fn progress(&self) -> CheckProgress {
        self.shared.progress.lock().clone()
    }

    fn set_waker(&mut self, wake: Arc<dyn Fn() + Send + Sync>) {
        *self.shared.wake.lock() = Some(wake);
    }
}

impl Drop for SetUpChecker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A running check. Dropping it says that the check is over, also after a panic.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.change(|progress| (progress.running, progress.current) = (false, None));
    }
}
