//! Headless participants: what tests, benchmarks and support staff put into a room.
//!
//! A bot is a whole client without a window: the same session, media and devices (synthetic ones by default). With
//! `verify` it reads the others' test pictures and tones and says what arrived.

mod verify;

pub use verify::Verifier;

use crate::base::{Event, EventKind, ExitReason, ExitRequestedBy, PictureLayer, SessionId, UserId};
use crate::call::{Access, Call, CallConfig, CameraFan, ConnectPlan, Devices, EventSink, Studio, Tenant, unix_ms};
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

/// Enters, stays until it leaves by itself, is told to (`leave`) or is sent away; then everything is released.
/// `hurry` ends the wait for what is still unconfirmed.
pub async fn run(config: BotConfig, leave: CancellationToken, hurry: CancellationToken) -> Result<Outcome, SoundError> {
    let sound = Arc::new(Studio::start()?);
    let (reports_tx, mut reports) = mpsc::channel(64);
    let mut devices = Devices::new(reports_tx, Arc::new(CameraFan::default()), sound.clone());
    devices.set_format(config.format);
    let layers = PictureLayer::for_camera(config.format.width, config.format.height);
    let verifier = config.verify.then(|| Arc::new(Verifier::default()));
    let entered = Arc::new(AtomicBool::new(false));
    let told = config.events.clone();
    let (entering, user) = (entered.clone(), config.access.user.clone());
    let call_config = CallConfig {
        session: SessionId(1),
        tenant: Tenant(1),
        plan: ConnectPlan { access: config.access, layers: layers.clone() },
        devices: SessionConfig { camera_layers: layers, ..config.devices },
        events: Arc::new(move |event: &Event| {
            if matches!(event.kind, EventKind::EnterRoom { .. }) {
                entering.store(true, Ordering::Relaxed);
            }
            told(event);
        }),
        taps: verifier.clone().map(|v| v as Arc<dyn crate::call::Taps>),
        decoded_is_shown: true,
    };
    let (mut call, mut wakes) = Call::start(call_config, &mut devices);
    let mut plan = Plan { leave_after: config.leave_after, leave_at: None, next_tell: Instant::now() + TELL };
    let (mut asked, mut hurried) = (false, false);
    while call.ended().is_none() {
        let deadline = plan.deadline(call.deadline());
        tokio::select! {
            Some(report) = reports.recv() => call.device(report, &mut devices),
            Some(wake) = wakes.recv() => call.wake(wake, &mut devices),
            () = leave.cancelled(), if !asked => {
                asked = true;
                call.input(Input::Exit(ExitRequestedBy::Signal), &mut devices);
            }
            () = hurry.cancelled(), if !hurried => {
                hurried = true;
                call.input(Input::CloseNow, &mut devices);
            }
            () = tokio::time::sleep_until(deadline.into()) => call.tick(&mut devices),
        }
        if plan.is_over(entered.load(Ordering::Relaxed)) {
            call.input(Input::Exit(ExitRequestedBy::Timer), &mut devices);
        }
        if let Some(verifier) = &verifier {
            verifier.listen();
            if plan.tells() {
                (config.events)(&verified(&user, verifier));
            }
        }
    }
    let verified_at_end = verifier.as_ref().map(|v| {
        (config.events)(&verified(&user, v));
        v.is_met()
    });
    devices.close(crate::session::RELEASE_LIMIT).await;
    tokio::task::spawn_blocking(move || sound.stop()).await.ok();
    let message = match call.view().phase {
        crate::call::view::Phase::Ended(ending) => ending.message,
        _ => String::new(),
    };
    let reason = call.ended().unwrap_or(ExitReason::EntryFailed);
    Ok(Outcome { reason, message, verified: verified_at_end })
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

fn verified(user: &UserId, verifier: &Verifier) -> Event {
    Event {
        unix_ms: unix_ms(),
        session: SessionId(1),
        user: user.as_str().to_owned(),
        kind: EventKind::Verified { users: verifier.results(), met: verifier.is_met() },
    }
}
