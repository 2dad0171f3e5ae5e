//! The window: `visavis [LINK]`, and `visavis host` with a room server in the same process.

use super::participant::ParticipantArgs;
use super::shutdown::ShutdownGuard;
use super::{browser, signals};
use crate::base::{Event, EventKind, ExitReason, ExitRequestedBy, RoomId, SessionId, UserId, display_name};
use crate::bot::{self, BotConfig, Verifier};
use crate::call::view::{CallCommand, DeviceChoice, JoinRequest};
use crate::call::{
    CallService, CallServiceConfig, EventSink, HostedServer, JoinCredentials, ServerStarter, TokenSource,
};
use crate::clock::unix_ms;
use crate::devices::CameraFormat;
use crate::proto::link;
use crate::server::{Embedded, ServerConfig};
use crate::session::SessionConfig;
use crate::store::{Paths, Settings, SingleInstance, forward_link, note_exit};
use crate::ui;
use crate::updates::{self, ReleaseFeed};
use anyhow::{Context, anyhow};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Opens the window.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct WindowArgs {
    /// A link to a call: it fills the lobby in
    #[arg(value_name = "LINK")]
    link: Option<String>,
    #[command(flatten)]
    participant: ParticipantArgs,
    /// The name the others see
    #[arg(long, value_name = "NAME", value_parser = display_name)]
    name: Option<String>,
    /// Enter at once
    #[arg(long)]
    join: bool,
    /// What to do after ExitRoom
    #[arg(long, value_name = "WHAT")]
    then: Option<Then>,
    /// Read the others' test pictures as they are painted: the event Verified tells how they came
    #[arg(long)]
    verify: bool,
    /// How the window is drawn: wgpu, or glow where wgpu finds no graphics
    #[arg(long, value_name = "RENDERER", env = "VISAVIS_RENDERER")]
    renderer: Option<Renderer>,
}

impl WindowArgs {
    /// The link, when nothing else was asked for: that is how a browser or a menu opens one.
    fn only_a_link(&self) -> Option<&str> {
        let asked = self.join || self.name.is_some() || self.then.is_some() || self.participant.asks();
        self.link.as_deref().filter(|_| !asked)
    }
}

/// What follows ExitRoom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Then {
    /// End the program; its exit code tells the reason.
    Quit,
}

/// How the window is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Renderer {
    Wgpu,
    Glow,
}

impl Renderer {
    /// What eframe calls it; wgpu unless told otherwise.
    pub(super) const fn of_eframe(renderer: Option<Self>) -> eframe::Renderer {
        match renderer {
            Some(Self::Glow) => eframe::Renderer::Glow,
            Some(Self::Wgpu) | None => eframe::Renderer::Wgpu,
        }
    }
}

/// Where `visavis serve` listens unless told otherwise.
const DEFAULT_SERVER: &str = "ws://127.0.0.1:7880";

const EXAMPLES: &str = "\
Example:
  visavis host --room design-review --name Mina --join";

/// The window with a room server in the same process
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct HostArgs {
    #[command(flatten)]
    window: WindowArgs,
    /// Where the room server listens: this computer, or 0.0.0.0 for everybody in the network
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// Put so many synthetic participants into the call: the second is muted, the third has no camera
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20))]
    with_bots: u32,
}

/// `visavis`: the window.
pub(super) fn run(args: WindowArgs) -> anyhow::Result<ExitCode> {
    open(args, None)
}

/// `visavis host`: the window and a room server.
pub(super) fn host(args: HostArgs) -> anyhow::Result<ExitCode> {
    let room = args.window.participant.room.clone().unwrap_or_else(|| RoomId::Text("my-call".into()));
    let hosting = Hosting { listen: args.listen, bots: args.with_bots, room };
    open(args.window, Some(hosting))
}

/// A room server in this process.
#[derive(Clone, Debug)]
struct Hosting {
    listen: IpAddr,
    bots: u32,
    room: RoomId,
}

fn open(args: WindowArgs, hosting: Option<Hosting>) -> anyhow::Result<ExitCode> {
    let runtime = super::runtime()?;
    let _entered = runtime.enter();
    let paths = Paths::of_user();
    if let (Some(link), Some(paths)) = (args.only_a_link(), &paths)
        && runtime.block_on(forward_link(paths, link))
    {
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = paths.as_ref().map(Settings::load);
    if let Some(note) = loaded.as_ref().and_then(|l| l.note.as_ref()) {
        eprintln!("visavis: {note}");
    }
    let settings = typed_over(loaded.map(|l| l.settings).unwrap_or_default(), &args)?;
    let join = join_request(&args, &settings, hosting.as_ref())?;
    let events = args.participant.event_sink()?;
    let shared = Arc::new(Shared::default());
    let server = Arc::new(Mutex::new(None));
    let verifier = args.verify.then(|| Arc::new(Verifier::default()));
    let config = CallServiceConfig {
        events: shared.follow(with_verifier(events.clone(), verifier.clone()), args.then),
        server: Some(server_starter(hosting.clone(), server.clone())),
        choice: DeviceChoice {
            camera: settings.camera.clone(),
            microphone: settings.microphone.clone(),
            speaker: settings.speaker.clone(),
        },
        tokens: args.participant.tokens()?,
        camera_on: settings.join_with_camera,
        microphone_on: settings.join_with_microphone,
        reduce_noise: settings.reduce_noise,
    };
    let (desk, task) = CallService::start(config)?;
    let remote = desk.remote();
    let guard = ShutdownGuard::new(remote.clone(), wind_down(task, shared.clone(), server));
    guard.listen();
    shared.remote.set(remote.clone()).ok();
    watch_signals(remote.clone())?;
    if let Some(paths) = paths.clone() {
        tokio::spawn(take_links(paths, remote.clone()));
    }
    let (wanted, wants) = watch::channel(settings.check_for_updates == Some(true));
    tokio::spawn(watch_releases(settings.release_feed.clone(), wants, remote.clone()));
    if let Some(after) = args.participant.leave_after {
        tokio::spawn(leave_after(shared.clone(), remote.clone(), after));
    }
    if let Some(join) = join {
        remote.upgrade().context("The window has ended")?.try_send(CallCommand::Join(join))?;
    }
    let shown = desk.shown_hook();
    if let Some(verifier) = &verifier {
        tokio::spawn(tell_verified(verifier.clone(), events.clone()));
    }
    let options = ui::Options {
        settings,
        link: args.link.clone().filter(|_| !args.join),
        on_painted: verifier.clone().map(on_painted),
        on_screen: on_screen(events.clone(), shared.clone(), args.then),
        on_first_frame: Box::new(move |track, width, height| shown(track, width, height)),
        on_settings: keep_settings(paths, wanted),
        on_page: Box::new(browser::show),
        on_exit: guard.on_exit(),
        ..ui::Options::default()
    };
    // A window that breaks down takes the desk's handle with it, as one that is closed does.
    let result = catch_unwind(AssertUnwindSafe(|| show(args.renderer, desk, options)))
        .unwrap_or_else(|_| Err(anyhow!("The window broke down. The call was left; start Visavis again to go back.")));
    if let Some(verifier) = &verifier {
        events(&verified(verifier));
    }
    guard.leave();
    runtime.shutdown_timeout(Duration::from_millis(500));
    result?;
    let reason = *shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match (args.then, reason) {
        (Some(Then::Quit), Some(ExitReason::Left)) if verifier.is_some_and(|v| !v.is_met()) => {
            ExitCode::from(super::NOT_MET)
        }
        (Some(Then::Quit), Some(reason)) => signals::exit_code(reason),
        _ => ExitCode::SUCCESS,
    })
}

/// What is to end in good order, one after the other: the call, its receipt for support, the server in this process.
async fn wind_down(desk: JoinHandle<()>, shared: Arc<Shared>, server: Arc<Mutex<Option<Running>>>) {
    desk.await.ok();
    let keeping = shared.keeping.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(keeping) = keeping {
        keeping.await.ok();
    }
    let embedded = server.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(Running { embedded, bots, .. }) = embedded {
        bots.cancel();
        embedded.stop().await.ok();
    }
}

/// Runs the window until it is closed. Where wgpu finds no graphics that it can use, and nothing else was asked for, glow
/// draws it.
fn show(renderer: Option<Renderer>, desk: CallService, options: ui::Options) -> anyhow::Result<()> {
    let parts = Rc::new(Cell::new(Some((desk, options))));
    let run = |renderer: eframe::Renderer| {
        let native = eframe::NativeOptions { viewport: ui::viewport(), renderer, ..Default::default() };
        let parts = parts.clone();
        let create: eframe::AppCreator<'_> = Box::new(move |cc| {
            let (desk, options) = parts.take().ok_or("the window was made already")?;
            Ok(Box::new(ui::App::new(cc, Box::new(desk), options)))
        });
        eframe::run_native("visavis", native, create)
    };
    let mut ended = run(Renderer::of_eframe(renderer));
    if let (Err(error), None) = (&ended, renderer) {
        let unused = parts.take();
        if unused.is_some() {
            tracing::warn!(%error, "wgpu cannot draw here: glow does");
            parts.set(unused);
            ended = run(eframe::Renderer::Glow);
        }
    }
    ended.map_err(|e| anyhow!("The window could not be opened: {e}. Without a display, use \"visavis bot\"."))
}

/// What the parts of a window's process know of each other.
#[derive(Default)]
struct Shared {
    remote: OnceLock<mpsc::WeakSender<CallCommand>>,
    ended: Mutex<Option<ExitReason>>,
    /// The last receipt is being written down.
    keeping: Mutex<Option<JoinHandle<()>>>,
    entered: CancellationToken,
}

impl Shared {
    /// Writes events on, and notes entering and leaving.
    fn follow(self: &Arc<Self>, events: EventSink, then: Option<Then>) -> EventSink {
        let shared = self.clone();
        let paths = Paths::of_user();
        Arc::new(move |event: &Event| {
            events(event);
            match &event.kind {
                EventKind::EnterRoom { .. } => shared.entered.cancel(),
                EventKind::ExitRoom { reason, .. } => {
                    *shared.keeping.lock().unwrap_or_else(PoisonError::into_inner) = keep_exit(paths.clone(), event);
                    *shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(*reason);
                    // The end screen is shown first; a window that nobody draws (minimised) ends all the same.
                    if then.is_some() {
                        let shared = shared.clone();
                        tokio::spawn(async move {
                            tokio::time::sleep(Duration::from_secs(2)).await;
                            shared.quit();
                        });
                    }
                }
                _ => {}
            }
        })
    }

    /// The window closes itself as soon as no call is open.
    fn quit(&self) {
        if let Some(remote) = self.remote.get().and_then(mpsc::WeakSender::upgrade)
            && remote.try_send(CallCommand::Quit).is_err()
        {
            tracing::warn!("the window has ended already");
        }
    }
}

/// Keeps the receipt for a support bundle. The disk may be slow: nothing waits for it.
fn keep_exit(paths: Option<Paths>, event: &Event) -> Option<JoinHandle<()>> {
    let paths = paths?;
    let line = event.to_line(std::process::id());
    Some(tokio::task::spawn_blocking(move || {
        if let Err(error) = note_exit(&paths, &line) {
            tracing::warn!(%error, "the receipt could not be kept for support");
        }
    }))
}

/// Tells which screens were really painted, and ends the program after an end screen if asked to.
fn on_screen(events: EventSink, shared: Arc<Shared>, then: Option<Then>) -> Box<dyn FnMut(&'static str)> {
    Box::new(move |screen| {
        events(&Event {
            unix_ms: unix_ms(),
            session: SessionId(0),
            user: String::new(),
            kind: EventKind::ScreenShown { screen: screen.to_owned() },
        });
        let ended = shared.ended.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let on_the_way = matches!(screen, "call" | "leaving" | "joining");
        if then == Some(Then::Quit) && ended && !on_the_way {
            shared.quit();
        }
    })
}

/// Gives the painted pictures to whoever reads them.
fn on_painted(verifier: Arc<Verifier>) -> ui::OnPainted {
    Box::new(move |track, frame, unix_ms| verifier.painted(track, frame, unix_ms))
}

/// Events also tell the verifier which tracks have ended.
fn with_verifier(events: EventSink, verifier: Option<Arc<Verifier>>) -> EventSink {
    let Some(verifier) = verifier else { return events };
    Arc::new(move |event: &Event| {
        verifier.follow(&event.kind);
        events(event);
    })
}

/// Tells every two seconds what was painted so far.
async fn tell_verified(verifier: Arc<Verifier>, events: EventSink) {
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        events(&verified(&verifier));
    }
}

fn verified(verifier: &Verifier) -> Event {
    Event {
        unix_ms: unix_ms(),
        session: SessionId(0),
        user: String::new(),
        kind: EventKind::Verified { users: verifier.results(), met: verifier.is_met() },
    }
}

/// The first signal leaves the call, or closes the window; the second ends at once.
fn watch_signals(remote: mpsc::WeakSender<CallCommand>) -> anyhow::Result<()> {
    let leave = CancellationToken::new();
    signals::watch(leave.clone()).context("Signals cannot be caught")?;
    tokio::spawn(async move {
        leave.cancelled().await;
        if let Some(remote) = remote.upgrade() {
            remote.send(CallCommand::Quit).await.ok();
        }
    });
    Ok(())
}

/// Links that are opened while this window is open come to it. Where another window takes them, this one does not.
async fn take_links(paths: Paths, remote: mpsc::WeakSender<CallCommand>) {
    let mut instance = match SingleInstance::open(&paths).await {
        Ok(instance) => instance,
        Err(error) => return tracing::info!(%error, "another window takes links"),
    };
    loop {
        match instance.next_link().await {
            Ok(link) => {
                let Some(remote) = remote.upgrade() else { return };
                if remote.send(CallCommand::OpenLink(link)).await.is_err() {
                    return;
                }
            }
            Err(error) => return tracing::warn!(%error, "no more links are taken"),
        }
    }
}

/// Tells the window of newer versions, from the feed that the settings name or the project's own.
async fn watch_releases(feed: Option<String>, wanted: watch::Receiver<bool>, remote: mpsc::WeakSender<CallCommand>) {
    match feed.as_deref().map_or_else(ReleaseFeed::of_project, ReleaseFeed::at) {
        Ok(feed) => {
            let tell = |release| {
                if let Some(remote) = remote.upgrade()
                    && remote.try_send(CallCommand::TellRelease(release)).is_err()
                {
                    tracing::debug!("a newer version was not told");
                }
            };
            updates::follow(feed, updates::UpdateSchedule::default(), wanted, tell).await;
        }
        Err(error) => tracing::warn!("New versions are not looked for. {error}"),
    }
}

async fn leave_after(shared: Arc<Shared>, remote: mpsc::WeakSender<CallCommand>, after: Duration) {
    shared.entered.cancelled().await;
    tokio::time::sleep(after).await;
    if let Some(remote) = remote.upgrade() {
        remote.send(CallCommand::Leave(ExitRequestedBy::Timer)).await.ok();
    }
}

// ---- what was typed, and what was remembered

/// The remembered settings, with what was typed in their place.
fn typed_over(mut settings: Settings, args: &WindowArgs) -> anyhow::Result<Settings> {
    let typed = &args.participant;
    let over = |kept: &mut String, typed: Option<String>| {
        if let Some(typed) = typed {
            *kept = typed;
        }
    };
    over(&mut settings.name, args.name.clone());
    over(&mut settings.room, typed.room.as_ref().map(ToString::to_string));
    over(&mut settings.server, typed.server.clone());
    settings.camera = typed.camera.clone().or(settings.camera);
    settings.microphone = typed.microphone.clone().or(settings.microphone);
    settings.speaker = typed.speaker.clone().or(settings.speaker);
    // A device that is named on the command line is meant to be on.
    settings.join_with_camera |= typed.camera.as_deref().is_some_and(|c| c != "none");
    settings.join_with_microphone |= typed.microphone.as_deref().is_some_and(|m| m != "none");
    if settings.server.is_empty() {
        settings.server = DEFAULT_SERVER.to_owned();
    }
    // Otherwise the window reads it, and says what is wrong with it.
    if let (Some(link), true) = (&args.link, args.join) {
        let place = link::parse(link)?;
        // The whole link when it lets us in: without its invitation, the room alone would be of no use.
        settings.room = if place.invitation.is_some() { link.clone() } else { place.room.to_string() };
        over(&mut settings.server, place.server);
        if settings.name.is_empty() {
            over(&mut settings.name, place.name);
        }
    }
    Ok(settings)
}

fn join_request(
    args: &WindowArgs,
    settings: &Settings,
    hosting: Option<&Hosting>,
) -> anyhow::Result<Option<JoinRequest>> {
    if !args.join {
        return Ok(None);
    }
    let (room, invitation) = match hosting {
        Some(hosting) => (hosting.room.clone(), None),
        None => {
            let place = link::parse(&settings.room)?;
            (place.room, place.invitation)
        }
    };
    let name = display_name(&settings.name)?;
    let server = hosting.is_none().then(|| settings.server.clone());
    Ok(Some(JoinRequest { server, room, name, invitation }))
}

/// Writes changed settings down, and tells whether newer versions are to be looked for. What cannot be written is lost,
/// and said.
fn keep_settings(paths: Option<Paths>, wanted: watch::Sender<bool>) -> Box<dyn FnMut(&Settings)> {
    Box::new(move |settings| {
        wanted
            .send_if_modified(|wanted| std::mem::replace(wanted, settings.check_for_updates == Some(true)) != *wanted);
        if let Some(Err(error)) = paths.as_ref().map(|paths| settings.save(paths)) {
            tracing::warn!(%error, "the settings were not kept");
        }
    })
}

// ---- the room server in this process

/// A room server in this process, and its synthetic participants.
struct Running {
    embedded: Embedded,
    hosted: HostedServer,
    bots: CancellationToken,
}

fn server_starter(hosting: Option<Hosting>, running: Arc<Mutex<Option<Running>>>) -> ServerStarter {
    Arc::new(move || {
        let (hosting, running) = (hosting.clone(), running.clone());
        Box::pin(async move {
            let address = hosting.as_ref().map_or(Ipv4Addr::LOCALHOST.into(), |h| h.listen);
            if let Some(known) = &*running.lock().unwrap_or_else(PoisonError::into_inner) {
                return Ok(known.hosted.clone());
            }
            let failed = |e: String| format!("A room server could not be started on this computer: {e}");
            let config = ServerConfig::private(address).map_err(|e| failed(e.to_string()))?;
            let key = config.secrets.keys.first().cloned().ok_or_else(|| failed("it has no key".into()))?;
            let embedded = Embedded::start(config).await.map_err(|e| failed(e.to_string()))?;
            let hosted = HostedServer { url: embedded.url().to_owned(), key };
            let bots = CancellationToken::new();
            if let Some(hosting) = &hosting {
                for n in 1..=hosting.bots {
                    tokio::spawn(guest(hosted.url.clone(), hosting.room.clone(), n, bots.clone()));
                }
            }
            *running.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Running { embedded, hosted: hosted.clone(), bots });
            Ok(hosted)
        })
    })
}

/// One synthetic participant of a demonstration: everybody speaks with a voice of their own, the second is muted, the
/// third has no camera.
async fn guest(url: String, room: RoomId, n: u32, stop: CancellationToken) {
    const NAMES: [&str; 4] = ["Mina Park", "Tomás Rivera", "Priya Nair", "Ada Okafor"];
    let name = NAMES.get(n as usize - 1).map_or_else(|| format!("Guest {n}"), |n| (*n).to_owned());
    let Ok(user) = format!("guest-{n}").parse::<UserId>() else { return };
    let format = CameraFormat { width: 640, height: 360, fps: 24 };
    let config = BotConfig {
        credentials: JoinCredentials { server: url, tokens: TokenSource::Server, room, user, name },
        devices: SessionConfig {
            camera_on: n != 3,
            microphone_on: n != 2,
            camera: Some(format!("test-picture:{format}")),
            microphone: Some(format!("test-voice:{n}")),
            speaker: Some("none".into()),
            camera_layers: Vec::new(),
        },
        format,
        leave_after: None,
        cycles: 1,
        linger: Duration::ZERO,
        verify: false,
        pictures: None,
        events: Arc::new(|_| {}),
    };
    match bot::run(config, stop, CancellationToken::new()).await {
        Ok(outcome) => tracing::debug!(n, ?outcome, "a guest has left"),
        Err(error) => tracing::warn!(n, %error, "a guest could not come"),
    }
}
