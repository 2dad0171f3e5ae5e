//! `visavis bot`: headless participants.

use super::participant::ParticipantArgs;
use super::recorder::Recorder;
use super::signals;
use crate::base::{ExitReason, NO_DEVICE, RoomName, UserId, VideoView, WatchedVideos, display_name};
use crate::bot::{self, BotConfig, BotOutcome};
use crate::call::{EventSink, JoinCredentials, TokenSource};
use crate::devices::{self, CameraFormat, ChoiceError};
use crate::session::SessionConfig;
use crate::store::Paths;
use crate::support::JournalProgram;
use crate::testcard::bot_tone_hz;
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The default camera of a bot.
const DEFAULT_CAMERA: &str = "test-picture:640x360@30";

const EXAMPLES: &str = "\
Examples:
  visavis bot --server ws://127.0.0.1:7880 --room design-review --count 3
  visavis bot --server ws://127.0.0.1:7880 --room r --verify --leave-after 10s --events -
  visavis bot --server ws://127.0.0.1:7880 --room r --camera default --camera-format 640x360@15 --pictures seen";

/// Headless participants: test picture, test tone, and with --verify a report of what arrives
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BotArgs {
    #[command(flatten)]
    participant: ParticipantArgs,
    /// How many; bot n sends a tone of 300 + 100·n Hz
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=200))]
    count: u32,
    /// Names are PREFIX-1, PREFIX-2, …
    #[arg(long, value_name = "PREFIX", default_value = "bot", value_parser = display_name)]
    name_prefix: String,
    /// Enter with the microphone off
    #[arg(long)]
    muted: bool,
    /// Raise the hand after entering
    #[arg(long)]
    raise_hand: bool,
    /// Enter so many times, each time right after the ExitRoom of the time before; goes with --leave-after
    #[arg(long, value_name = "N", default_value_t = 1, requires = "leave_after")]
    cycles: u32,
    /// End the program only so long after the last ExitRoom: time to see what it still holds
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "0s")]
    linger: Duration,
    /// Size and rate that the camera is asked for; a real one gives the nearest it has [default: that of the test
    /// picture, else 1280x720@30]
    #[arg(long, value_name = "WxH@FPS", value_parser = parse_camera_format)]
    camera_format: Option<CameraFormat>,
    /// Watch the others' video in this size: the server sends no more than that; none for no video, all for the best
    #[arg(long, value_name = "WxH[@FPS]", default_value = "all", value_parser = parse_watched)]
    watch: WatchedVideos,
    /// Keep the newest picture of everybody as FOLDER/USER.png, and of their screen as FOLDER/USER.screen.png, every 2 s
    #[arg(long, value_name = "FOLDER")]
    pictures: Option<PathBuf>,
    /// Read the others' test pictures and tones, say what arrived; exit code 30 if that is not good
    #[arg(long)]
    verify: bool,
    /// Keep a journal of these calls for support bundles, as the window does
    #[arg(long)]
    journal: bool,
}

fn parse_camera_format(text: &str) -> Result<CameraFormat, String> {
    CameraFormat::parse(text).ok_or_else(|| ChoiceError::Format(text.to_owned()).to_string())
}

fn parse_watched(text: &str) -> Result<WatchedVideos, String> {
    match text {
        "all" => Ok(WatchedVideos::All),
        "none" => Ok(WatchedVideos::Each(None)),
        _ => match VideoView::parse(text) {
            Some(view) => Ok(WatchedVideos::Each(Some(view))),
            None => Err(format!("{text} is no size: write it as 320x180 or 320x180@15, or none or all")),
        },
    }
}

/// Runs the bots until all have left.
pub(super) fn run(args: BotArgs) -> anyhow::Result<ExitCode> {
    let Some(server) = args.participant.server.clone() else { bail!("No server is named. Use --server URL.") };
    let Some(room) = args.participant.room.clone() else { bail!("No room is named. Use --room ROOM.") };
    let tokens = args.participant.tokens()?;
    let recorder = args.journal.then(|| Recorder::start(Paths::of_user().as_ref(), JournalProgram::Bot));
    let events = args.participant.event_sink()?;
    let events = recorder.as_ref().map_or_else(|| events.clone(), |recorder| recorder.sink(events.clone()));
    if let Some(folder) = &args.pictures {
        std::fs::create_dir_all(folder).with_context(|| format!("The folder {} cannot be made", folder.display()))?;
    }
    super::runtime()?.block_on(async {
        let leave = CancellationToken::new();
        signals::cancel_on_signal(leave.clone()).context("Signals cannot be caught")?;
        let mut bots = JoinSet::new();
        for n in 1..=args.count {
            let config = config(&args, n, &server, &room, &tokens, events.clone())?;
            bots.spawn(bot::run(config, leave.clone(), CancellationToken::new()));
        }
        let mut outcomes = Vec::new();
        while let Some(ended) = bots.join_next().await {
            outcomes.push(ended.context("A bot broke down")??);
        }
        if let Some(recorder) = recorder {
            recorder.stored().await;
        }
        Ok(exit_code(&outcomes))
    })
}

fn config(
    args: &BotArgs,
    n: u32,
    server: &str,
    room: &RoomName,
    tokens: &TokenSource,
    events: EventSink,
) -> anyhow::Result<BotConfig> {
    let name = format!("{}-{n}", args.name_prefix);
    let user: UserId = tokens.user().map_or_else(|| name.parse(), Ok)?;
    let camera = args.participant.camera.clone().unwrap_or_else(|| DEFAULT_CAMERA.to_owned());
    let format = args.camera_format.unwrap_or_else(|| devices::camera_format(Some(&camera)));
    let tone = format!("test-tone:{:.0}", bot_tone_hz(n));
    Ok(BotConfig {
        credentials: JoinCredentials {
            server: server.to_owned(),
            tokens: tokens.clone(),
            room: room.clone(),
            user,
            name,
        },
        devices: SessionConfig {
            camera_on: camera != NO_DEVICE,
            microphone_on: !args.muted && args.participant.microphone.as_deref() != Some(NO_DEVICE),
            camera: Some(camera),
            microphone: Some(args.participant.microphone.clone().unwrap_or(tone)),
            speaker: Some(args.participant.speaker.clone().unwrap_or_else(|| "none".to_owned())),
            screen: args.participant.screen.clone().filter(|id| id != NO_DEVICE),
            camera_layers: Vec::new(),
            listed: Vec::new(),
            watched: args.watch.clone(),
        },
        transport: args.participant.transport,
        format,
        leave_after: args.participant.leave_after,
        cycles: args.cycles,
        raise_hand: args.raise_hand,
        linger: args.linger,
        verify: args.verify,
        pictures: args.pictures.clone(),
        events,
    })
}

/// The exit code of the first bot that did not leave by itself. Otherwise, the result of `--verify`.
fn exit_code(outcomes: &[BotOutcome]) -> ExitCode {
    if let Some(ended) = outcomes.iter().find(|o| o.reason != ExitReason::Left) {
        if !ended.message.is_empty() {
            eprintln!("visavis: {}", ended.message);
        }
        return ExitCode::from(ended.reason.exit_code());
    }
    match outcomes.iter().any(|o| o.verified == Some(false)) {
        true => ExitCode::from(super::NOT_MET),
        false => ExitCode::SUCCESS,
    }
}
