//! The window: `visavis [LINK]`, and `visavis host` with a room server in the same process.

mod args;
mod checker;
mod commands;
mod draw;
mod hosting;
mod keyboard;
mod monitor;
mod report;
mod settings_file;

pub(super) use args::{HostArgs, Renderer, WindowArgs};

use super::program_event;
use super::recorder::Recorder;
use super::shutdown::ShutdownGuard;
use crate::base::{Event, EventKind, ExitReason, NO_DEVICE};
use crate::bot::Verifier;
use crate::call::view::{CallCommand, DeviceChoice};
use crate::call::{CallService, CallServiceConfig, EventSink};
use crate::desktop;
use crate::store::{Paths, Settings, forward_link};
use crate::support::{JournalProgram, has_new_crash};
use crate::ui;
use anyhow::Context;
use args::Then;
use checker::SetUpChecker;
use hosting::{HostOptions, LocalServer};
use monitor::CallMonitor;
use report::ReportDesk;
use settings_file::SettingsFile;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long tasks may take to end after the call was left and the local server was stopped.
const RUNTIME_SHUTDOWN: Duration = Duration::from_millis(500);
/// How often the event Verified tells of the painted video frames.
const VERIFIED_INTERVAL: Duration = Duration::from_secs(2);

/// `visavis`: the window.
pub(super) fn run(args: &WindowArgs) -> anyhow::Result<ExitCode> {
    open(args, None)
}

/// `visavis host`: the window and a room server.
pub(super) fn host(args: &HostArgs) -> anyhow::Result<ExitCode> {
    open(&args.window, Some(args.hosting()))
}

fn open(args: &WindowArgs, hosting: Option<HostOptions>) -> anyhow::Result<ExitCode> {
    let runtime = super::runtime()?;
    let _entered = runtime.enter();
    let paths = Paths::of_user();
    if let (Some(link), Some(paths)) = (args.only_a_link(), &paths)
        && runtime.block_on(forward_link(paths, link))
    {
        return Ok(ExitCode::SUCCESS);
    }
    let settings = args.override_settings(stored_settings(paths.as_ref()))?;
    let join = args.join_request(&settings, hosting.as_ref())?;
    let recorder = Recorder::start(paths.as_ref(), JournalProgram::Window);
    recorder.learn(&settings);
    let events = recorder.sink(args.participant.event_sink()?);
    let monitor = CallMonitor::new(args.then, paths.clone());
    let server = LocalServer::new(hosting);
    let verifier = args.verify.then(|| start_verifier(events.clone()));
    let sink = monitor.event_sink(with_verifier(events.clone(), verifier.clone()));
    let config = service_config(args, &settings, sink, &server)?;
    let (service, ended) = CallService::start(config)?;
    let commands = service.remote();
    monitor.connect(commands.clone());
    let settings_file = SettingsFile::new(paths.clone());
    let desk = ReportDesk::new(recorder.clone(), paths.clone());
    let crashed = paths.as_ref().is_some_and(|paths| has_new_crash(&paths.journal()));
    let guard = ShutdownGuard::new(commands.clone(), {
        let (monitor, settings_file) = (monitor.clone(), settings_file.clone());
        async move {
            ended.await.ok();
            recorder.stored().await;
            monitor.receipt_stored().await;
            monitor.notification_withdrawn().await;
            settings_file.stored().await;
            server.stop().await;
        }
    });
    guard.listen();
    let check_for_updates = start_tasks(args, &settings, paths, &monitor, &commands)?;
    if let Some(join) = join {
        commands.upgrade().context("The window has ended")?.try_send(CallCommand::Join(join))?;
    }
    let first_frame = service.shown_hook();
    let options = ui::Options {
        settings,
        link: args.link.clone().filter(|_| !args.join),
        on_painted: verifier.clone().map(on_painted),
        on_screen: monitor.on_screen(events.clone()),
        on_focus: args.participant.events.is_some().then(|| on_focus(events.clone())),
        on_first_frame: Box::new(move |track, width, height| first_frame(track, width, height)),
        has_talk_key: desktop::has_hotkeys(),
        on_talk_key: commands::talk_key(commands.clone()),
        on_settings: on_settings(settings_file, check_for_updates),
        on_page: Box::new(open_page),
        on_save: commands::save(commands.clone()),
        on_notification: monitor.on_notification(),
        on_report: Box::new(move |request| desk.handle(request)),
        crashed,
        checker: Some(Box::new(SetUpChecker::new(args.participant.tokens()?))),
        on_exit: guard.on_exit(),
        ..ui::Options::default()
    };
    let display = desktop::DisplayWatch::start();
    let result = draw::run(args.renderer, service, options);
    if let Some(verifier) = &verifier {
        events(&verified(verifier));
    }
    guard.leave();
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    if let Err(error) = result {
        if !display.is_gone() {
            return Err(error);
        }
        tracing::info!(%error, "the login session has ended under the window");
    }
    Ok(exit_code(args.then, monitor.exit_reason(), verifier.as_deref()))
}

fn stored_settings(paths: Option<&Paths>) -> Settings {
    let Some(loaded) = paths.map(Settings::load) else { return Settings::default() };
    if let Some(note) = &loaded.note {
        eprintln!("visavis: {note}");
    }
    loaded.settings
}

fn service_config(
    args: &WindowArgs,
    settings: &Settings,
    events: EventSink,
    server: &LocalServer,
) -> anyhow::Result<CallServiceConfig> {
    Ok(CallServiceConfig {
        events,
        server: Some(server.starter()),
        choice: DeviceChoice {
            camera: settings.camera.clone(),
            microphone: settings.microphone.clone(),
            speaker: settings.speaker.clone(),
        },
        tokens: args.participant.tokens()?,
        transport: args.participant.transport,
        screen: args.participant.screen.clone().filter(|id| id != NO_DEVICE),
        camera_on: settings.join_with_camera,
        microphone_on: settings.join_with_microphone,
        reduce_noise: settings.reduce_noise,
    })
}

/// Starts the tasks of [`commands`]. The sender says whether new releases are looked for.
fn start_tasks(
    args: &WindowArgs,
    settings: &Settings,
    paths: Option<Paths>,
    monitor: &Arc<CallMonitor>,
    commands: &mpsc::WeakSender<CallCommand>,
) -> anyhow::Result<watch::Sender<bool>> {
    commands::quit_on_signal(commands.clone())?;
    commands::tell_locks(commands.clone());
    if let Some(paths) = paths {
        tokio::spawn(commands::receive_links(paths, commands.clone()));
    }
    if let Some(time) = args.participant.leave_after {
        tokio::spawn(commands::leave_after(time, monitor.clone(), commands.clone()));
    }
    let (wanted, is_wanted) = watch::channel(settings.check_for_updates == Some(true));
    tokio::spawn(commands::watch_releases(settings.release_feed.clone(), is_wanted, commands.clone()));
    Ok(wanted)
}

/// The reason of the last exit as exit code, if the program ends because of it.
fn exit_code(then: Option<Then>, reason: Option<ExitReason>, verifier: Option<&Verifier>) -> ExitCode {
    match (then, reason) {
        (Some(Then::Quit), Some(ExitReason::Left)) if verifier.is_some_and(|verifier| !verifier.is_met()) => {
            ExitCode::from(super::NOT_MET)
        }
        (Some(Then::Quit), Some(reason)) => ExitCode::from(reason.exit_code()),
        _ => ExitCode::SUCCESS,
    }
}

/// Stores changed settings and starts or stops looking for releases.
fn on_settings(file: SettingsFile, check_for_updates: watch::Sender<bool>) -> Box<dyn FnMut(&Settings)> {
    Box::new(move |settings| {
        let wanted = settings.check_for_updates == Some(true);
        check_for_updates.send_if_modified(|current| std::mem::replace(current, wanted) != wanted);
        file.save(settings);
    })
}

/// Opens a page in the user's browser, without waiting for it.
fn open_page(page: &str) {
    if let Err(error) = open::that_detached(page) {
        tracing::warn!(%error, page, "the browser could not be opened");
    }
}

fn start_verifier(events: EventSink) -> Arc<Verifier> {
    let verifier = Arc::new(Verifier::default());
    let shared = verifier.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(VERIFIED_INTERVAL).await;
            events(&verified(&shared));
        }
    });
    verifier
}

/// An event sink that also tells the verifier which tracks have ended.
fn with_verifier(events: EventSink, verifier: Option<Arc<Verifier>>) -> EventSink {
    let Some(verifier) = verifier else { return events };
    Arc::new(move |event: &Event| {
        verifier.follow(&event.kind);
        events(event);
    })
}

fn on_painted(verifier: Arc<Verifier>) -> ui::OnPainted {
    Box::new(move |track, frame, unix_ms| verifier.painted(track, frame, unix_ms))
}

/// Emits the event Focused.
fn on_focus(events: EventSink) -> ui::OnFocus {
    Box::new(move |control| events(&program_event(EventKind::Focused { control: control.to_owned() })))
}

fn verified(verifier: &Verifier) -> Event {
    program_event(EventKind::Verified { users: verifier.results(), met: verifier.is_met() })
}
