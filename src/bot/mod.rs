//! Headless participants: what tests, benchmarks and support staff put into a room.
//!
//! A bot is a whole client without a window: the same session, media and devices (synthetic ones by default). With
//! `verify` it reads the others' test pictures and tones and says what arrived.

mod verify;

pub use verify::Verifier;

use crate::base::{Event, EventKind, ExitReason, ExitRequestedBy, PictureLayer, SessionId, UserId};
use crate::call::{
    Access, Call, CallConfig, CameraFan, ConnectPlan, DeviceReport, Devices, EventSink, Studio, Tenant, unix_ms,
};
use crate::devices::CameraFormat;
use crate::session::{Input, SessionConfig};
use crate::sound::SoundError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What arrived is told so often.
const TELL: Duration = Duration::from_secs(2);

/// What a bot is made with.
pub struct BotConfig {
    /// The way in.
    pub access: Access,
    /// Its devices.
    pub devices: SessionConfig,
    /// The size of its camera's picture.
    pub format: CameraFormat,
    /// Leaves by itself so long after it has entered.
    pub leave_after: Option<Duration>,
    /// How many times it enters, one after the other.
    pub cycles: u32,
    /// How long after the last ExitRoom it ends. Until then nothing is released that ExitRoom has not released.
    pub linger: Duration,
    /// Whether it reads what arrives.
    pub verify: bool,
    /// Where events go.
    pub events: EventSink,
}

/// How a bot's stay ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Why.
    pub reason: ExitReason,
    /// For an entry that failed: a plain sentence.
    pub message: String,
    /// With `verify`: whether every picture and tone was as it should be.
    pub verified: Option<bool>,
}

/// Enters, stays until it leaves by itself, is told to (`leave`) or is sent away; then everything is released. With
/// `cycles` it enters again until it was sent away or told to leave. `hurry` ends the wait for what is still unconfirmed.
pub async fn run(config: BotConfig, leave: CancellationToken, hurry: CancellationToken) -> Result<Outcome, SoundError> {
    let sound = Arc::new(Studio::start()?);
    let (reports_tx, reports) = mpsc::channel(64);
    let mut devices = Devices::new(reports_tx, Arc::new(CameraFan::default()), sound.clone());
    devices.set_format(config.format);
    let verifier = config.verify.then(|| Arc::new(Verifier::default()));
    let (cycles, linger) = (config.cycles.max(1), config.linger);
    let mut bot = Bot { config, devices, reports, verifier, leave, hurry };
    let mut session = 1;
    let (reason, message) = loop {
        let ended = bot.stay(SessionId(session)).await;
        if ended.0 != ExitReason::Left || session == u64::from(cycles) || bot.leave.is_cancelled() {
            break ended;
        }
        session += 1;
    };
    let verified = bot.verifier.as_ref().map(|v| {
        (bot.config.events)(&verified(SessionId(session), &bot.config.access.user, v));
        v.is_met()
    });
    tokio::time::sleep(linger).await;
    bot.devices.close(crate::session::RELEASE_LIMIT).await;
    tokio::task::spawn_blocking(move || sound.stop()).await.ok();
    Ok(Outcome { reason, message, verified })
}

/// What a bot keeps from one stay to the next.
struct Bot {
    config: BotConfig,
    devices: Devices,
    reports: mpsc::Receiver<DeviceReport>,
    verifier: Option<Arc<Verifier>>,
    leave: CancellationToken,
    hurry: CancellationToken,
}

impl Bot {
    /// One stay, from entering to ExitRoom: why it ended, and a plain sentence where there is one.
    async fn stay(&mut self, session: SessionId) -> (ExitReason, String) {
        let entered = Arc::new(AtomicBool::new(false));
        let call_config = self.call_config(session, entered.clone());
        let (devices, reports) = (&mut self.devices, &mut self.reports);
        let (mut call, mut wakes) = Call::start(call_config, devices);
        let mut plan = Plan { leave_after: self.config.leave_after, leave_at: None, next_tell: Instant::now() + TELL };
        let (mut asked, mut hurried) = (false, false);
        loop {
            if let Some(reason) = call.ended() {
                let message = match call.view().phase {
                    crate::call::view::Phase::Ended(ending) => ending.message,
                    _ => String::new(),
                };
                return (reason, message);
            }
            let deadline = plan.deadline(call.deadline());
            tokio::select! {
                Some(report) = reports.recv() => call.device(report, devices),
                Some(wake) = wakes.recv() => call.wake(wake, devices),
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
            if plan.is_over(entered.load(Ordering::Relaxed)) {
                call.input(Input::Exit(ExitRequestedBy::Timer), devices);
            }
            if let Some(verifier) = &self.verifier {
                verifier.listen();
                if plan.tells() {
                    (self.config.events)(&verified(session, &self.config.access.user, verifier));
                }
            }
        }
    }

    fn call_config(&self, session: SessionId, entered: Arc<AtomicBool>) -> CallConfig {
        let config = &self.config;
        let layers = PictureLayer::for_camera(config.format.width, config.format.height);
        let told = config.events.clone();
        CallConfig {
            session,
            tenant: Tenant(session.0 as u32),
            plan: ConnectPlan { access: config.access.clone(), layers: layers.clone() },
            devices: SessionConfig { camera_layers: layers, ..config.devices.clone() },
            events: Arc::new(move |event: &Event| {
                if matches!(event.kind, EventKind::EnterRoom { .. }) {
                    entered.store(true, Ordering::Relaxed);
                }
                told(event);
            }),
            taps: self.verifier.clone().map(|v| v as Arc<dyn crate::call::Taps>),
            decoded_is_shown: true,
        }
    }
}

/// When a bot leaves and when it tells what arrived.
struct Plan {
    leave_after: Option<Duration>,
    leave_at: Option<Instant>,
    next_tell: Instant,
}

impl Plan {
    fn deadline(&self, call: Instant) -> Instant {
        self.leave_at.map_or(call, |at| at.min(call)).min(self.next_tell)
    }

    /// Whether it is time to leave; true once.
    fn is_over(&mut self, entered: bool) -> bool {
        if let Some(after) = self.leave_after.filter(|_| entered) {
            self.leave_after = None;
            self.leave_at = Some(Instant::now() + after);
        }
        self.leave_at.take_if(|at| *at <= Instant::now()).is_some()
    }

    fn tells(&mut self) -> bool {
        let due = Instant::now() >= self.next_tell;
        if due {
            self.next_tell = Instant::now() + TELL;
        }
        due
    }
}

fn verified(session: SessionId, user: &UserId, verifier: &Verifier) -> Event {
    Event {
        unix_ms: unix_ms(),
        session,
        user: user.as_str().to_owned(),
        kind: EventKind::Verified { users: verifier.results(), met: verifier.is_met() },
    }
}
