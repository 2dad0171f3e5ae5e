//! Headless participants for tests, benchmarks and support.
//!
//! A bot is a client without a window: the same session, media and devices (synthetic ones by default). With `verify` it
//! measures the test pictures and tones of the others.

mod album;
mod records;
mod verify;
mod watch;

pub(crate) use verify::Verifier;

use crate::audio::AudioError;
use crate::base::{Event, EventKind, ExitReason, ExitRequestedBy, SessionId, SimulcastLayer, Transport};
use crate::call::{
    Call, CallAudio, CallConfig, ConnectPlan, DeviceOwner, DeviceReport, Devices, EventSink, JoinCredentials,
    MediaObserver, VideoFanout,
};
use crate::clock::unix_ms;
use crate::devices::CameraFormat;
use crate::session::{Input, SessionConfig};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use watch::Watch;

/// The interval of the event Verified, and of kept pictures.
const TELL: Duration = Duration::from_secs(2);

/// The configuration of a bot.
pub(crate) struct BotConfig {
    /// The room, and the credentials for it.
    pub(crate) credentials: JoinCredentials,
    /// Its devices.
    pub(crate) devices: SessionConfig,
    /// How its media may go.
    pub(crate) transport: Transport,
    /// The requested size and frame rate of its camera.
    pub(crate) format: CameraFormat,
    /// The time from EnterRoom after which it leaves by itself.
    pub(crate) leave_after: Option<Duration>,
    /// The number of stays, one after the other; at least 1.
    pub(crate) cycles: u32,
    /// Whether it raises its hand after entering.
    pub(crate) raise_hand: bool,
    /// How long it runs on after the last ExitRoom, when everything is released.
    pub(crate) linger: Duration,
    /// Whether it measures test pictures and tones.
    pub(crate) verify: bool,
    /// An existing folder, where the newest picture of each video track is kept.
    pub(crate) pictures: Option<PathBuf>,
    /// Where events go.
    pub(crate) events: EventSink,
}

/// How a bot's stay ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BotOutcome {
    /// The reason.
    pub(crate) reason: ExitReason,
    /// A plain sentence, if the entry failed.
    pub(crate) message: String,
    /// Whether the verification passed; `None` without `verify`.
    pub(crate) verified: Option<bool>,
}

/// Enters, stays until it leaves by itself, is told to (`leave`) or is removed; then releases everything. With
/// `cycles` it enters again until it is removed or told to leave. `hurry` ends the wait for unconfirmed steps.
pub(crate) async fn run(
    mut config: BotConfig,
    leave: CancellationToken,
    hurry: CancellationToken,
) -> Result<BotOutcome, AudioError> {
    let sound = Arc::new(CallAudio::start()?);
    let (reports_tx, reports) = mpsc::channel(64);
    let mut devices = Devices::new(reports_tx, Arc::new(VideoFanout::default()), sound.clone());
    devices.set_format(config.format);
    let watch = Watch::new(config.verify, config.pictures.take());
    let (cycles, linger) = (config.cycles.max(1), config.linger);
    let mut bot = Bot { config, devices, reports, watch, leave, hurry };
    let mut session = 1;
    let (reason, message) = loop {
        let ended = bot.stay(SessionId(session)).await;
        if ended.0 != ExitReason::Left || session == u64::from(cycles) || bot.leave.is_cancelled() {
            break ended;
        }
        session += 1;
    };
    let verified = bot.watch.as_ref().and_then(|watch| {
        watch.tell(SessionId(session), &bot.config.credentials.user, &bot.config.events);
        watch.is_met()
    });
    tokio::time::sleep(linger).await;
    bot.devices.close(crate::session::RELEASE_LIMIT).await;
    tokio::task::spawn_blocking(move || sound.stop()).await.ok();
    Ok(BotOutcome { reason, message, verified })
}

/// The state of a bot from one stay to the next.
struct Bot {
    config: BotConfig,
    devices: Devices,
    reports: mpsc::Receiver<DeviceReport>,
    watch: Option<Arc<Watch>>,
    leave: CancellationToken,
    hurry: CancellationToken,
}

impl Bot {
    /// One stay, from entering to ExitRoom: why it ended, and a plain sentence where there is one.
    async fn stay(&mut self, session: SessionId) -> (ExitReason, String) {
        let entered = Arc::new(AtomicBool::new(false));
        let call_config = self.call_config(session, entered.clone());
        let (devices, reports) = (&mut self.devices, &mut self.reports);
        let (mut call, mut call_reports) = Call::start(call_config, devices);
        let mut plan = Plan::new(self.config.leave_after, self.watch.is_some(), Instant::now());
        let (mut asked, mut hurried, mut has_hand) = (false, false, !self.config.raise_hand);
        loop {
            if let Some(reason) = call.ended() {
                let message = match call.view().phase {
                    crate::call::view::CallPhase::Ended(ending) => ending.message,
                    _ => String::new(),
                };
                return (reason, message);
            }
            let deadline = plan.deadline(call.deadline());
            tokio::select! {
                Some(report) = reports.recv() => call.take_device_report(report, devices),
                Some(report) = call_reports.recv() => call.take_report(report, devices),
                () = self.leave.cancelled(), if !asked => {
                    asked = true;
                    call.input(Input::Exit(ExitRequestedBy::Signal), devices);
                }
                () = self.hurry.cancelled(), if !hurried => {
                    hurried = true;
                    call.input(Input::CloseNow, devices);
                }
                () = tokio::time::sleep_until(deadline.into()) => call.tick(devices),
            }
            if !has_hand && entered.load(Ordering::Relaxed) {
                has_hand = true;
                call.input(Input::RaiseHand(Some(unix_ms() as i64)), devices);
            }
            if plan.is_over(entered.load(Ordering::Relaxed)) {
                call.input(Input::Exit(ExitRequestedBy::Timer), devices);
            }
            if let Some(watch) = &self.watch {
                watch.listen();
                if plan.tells(Instant::now()) {
                    let (watch, user) = (watch.clone(), self.config.credentials.user.clone());
                    let events = self.config.events.clone();
                    tokio::task::spawn_blocking(move || watch.tell(session, &user, &events));
                }
            }
        }
    }

    fn call_config(&self, session: SessionId, entered: Arc<AtomicBool>) -> CallConfig {
        let config = &self.config;
        let layers = SimulcastLayer::for_camera(config.format.width, config.format.height);
        let told = config.events.clone();
        CallConfig {
            session,
            owner: DeviceOwner(session.0 as u32),
            plan: ConnectPlan {
                credentials: config.credentials.clone(),
                layers: layers.clone(),
                transport: config.transport,
            },
            devices: SessionConfig { camera_layers: layers, ..config.devices.clone() },
            events: Arc::new(move |event: &Event| {
                if matches!(event.kind, EventKind::EnterRoom { .. }) {
                    entered.store(true, Ordering::Relaxed);
                }
                told(event);
            }),
            observer: self.watch.clone().map(|w| w as Arc<dyn MediaObserver>),
            decoded_is_shown: true,
        }
    }
}

/// When a bot leaves, and when it reports.
struct Plan {
    leave_after: Option<Duration>,
    leave_at: Option<Instant>,
    next_tell: Option<Instant>,
}

impl Plan {
    fn new(leave_after: Option<Duration>, tells: bool, now: Instant) -> Self {
        Self { leave_after, leave_at: None, next_tell: tells.then(|| now + TELL) }
    }

    fn deadline(&self, call: Instant) -> Instant {
        [self.leave_at, self.next_tell].into_iter().flatten().fold(call, Instant::min)
    }

    /// Whether it is time to leave; true once.
    fn is_over(&mut self, entered: bool) -> bool {
        if let Some(after) = self.leave_after.filter(|_| entered) {
            self.leave_after = None;
            self.leave_at = Some(Instant::now() + after);
        }
        self.leave_at.take_if(|at| *at <= Instant::now()).is_some()
    }

    fn tells(&mut self, now: Instant) -> bool {
        let due = self.next_tell.is_some_and(|at| at <= now);
        if due {
            self.next_tell = Some(now + TELL);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bot_that_tells_nothing_sleeps_as_long_as_its_call() {
        let start = Instant::now();
        let (later, call) = (start + 2 * TELL, start + 3 * TELL);
        let mut silent = Plan::new(None, false, start);
        assert!(!silent.tells(later));
        assert_eq!(silent.deadline(call), call);
        let mut telling = Plan::new(None, true, start);
        assert_eq!(telling.deadline(call), start + TELL);
        assert!(telling.tells(later) && !telling.tells(later));
        assert_eq!(telling.deadline(call), later + TELL);
    }
}
