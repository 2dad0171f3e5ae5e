//! The check of a set-up, for `visavis doctor` and the window's "Check my set-up": this computer, its devices, and the way
//! to a server, step by step.
//!
//! A check opens what a call opens, by the same code, and closes it again before it is told. Every step has a limit. What
//! cannot be tried because an earlier step failed is skipped, and says why. The findings are plain data
//! ([`crate::base::Finding`]); each module has functions without effects that judge what was measured.

mod camera;
mod microphone;
mod server;
mod speaker;
mod system;
mod trouble;

pub(crate) use server::ServerPlan;

use crate::base::{CheckName, CheckNews, Finding, GraphicsAdapter};
use crate::devices::{CameraChoice, MicrophoneChoice, SpeakerChoice};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Takes the progress of a check. Must not block.
pub(crate) type NewsSink = Arc<dyn Fn(CheckNews) + Send + Sync>;

/// Lists the adapters that can draw the window. May block.
pub(crate) type GraphicsLister = fn() -> Vec<GraphicsAdapter>;

/// What is checked.
pub(crate) struct CheckPlan {
    /// The camera.
    pub(crate) camera: CameraChoice,
    /// The microphone.
    pub(crate) microphone: MicrophoneChoice,
    /// The speaker.
    pub(crate) speaker: SpeakerChoice,
    /// Lists the graphics; `None` in a build without the window.
    pub(crate) graphics: Option<GraphicsLister>,
    /// The server; without one its steps are skipped.
    pub(crate) server: Option<ServerPlan>,
}

/// Runs all checks, one after the other. After `stop` is cancelled the running one closes what it has open, and no further
/// one begins. Whether all were run.
pub(crate) async fn run(plan: CheckPlan, news: NewsSink, stop: CancellationToken) -> bool {
    let checkup = Checkup { news, stop };
    system::check(&checkup, plan.graphics).await;
    checkup.one(CheckName::Camera, camera::check(&plan.camera, &checkup.stop)).await;
    checkup.one(CheckName::Microphone, microphone::check(&plan.microphone, &checkup.stop)).await;
    checkup.one(CheckName::Speaker, speaker::check(&plan.speaker, &checkup.stop)).await;
    server::check(&checkup, plan.server).await;
    !checkup.stop.is_cancelled()
}

/// A running check.
struct Checkup {
    news: NewsSink,
    stop: CancellationToken,
}

impl Checkup {
    /// Runs one check and tells its finding; nothing after a stop. The check itself ends soon after a stop, with `None`.
    async fn one(&self, name: CheckName, check: impl Future<Output = Option<Finding>>) {
        if self.stop.is_cancelled() {
            return;
        }
        (self.news)(CheckNews::Begun(name));
        if let Some(finding) = check.await {
            self.tell(finding);
        }
    }

    /// Tells that a check has begun whose finding is told by [`Checkup::tell`].
    fn begin(&self, name: CheckName) {
        (self.news)(CheckNews::Begun(name));
    }

    /// Tells that checks are skipped; nothing after a stop.
    fn skip(&self, checks: impl IntoIterator<Item = CheckName>, why: &str) {
        if !self.stop.is_cancelled() {
            checks.into_iter().for_each(|check| self.tell(Finding::skipped(check, why)));
        }
    }

    fn tell(&self, finding: Finding) {
        tracing::debug!(check = ?finding.check, verdict = finding.verdict.word(), found = finding.found, "checked");
        (self.news)(CheckNews::Found(finding));
    }
}
