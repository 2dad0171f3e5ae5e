//! The program itself: its server, its bots, its windows, and its short commands.

use super::{Certificates, Display, Events, LiveKitServer, PATIENCE, Process, Pulse, Relay, Stage, relay};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The picture that participants of tests send: small, because both ends share two cores.
pub(crate) const PICTURE: &str = "test-picture:320x180@15";
/// Its pictures a second.
pub(crate) const FPS: f64 = 15.0;

/// A key pair, as the program takes it from its environment.
pub(crate) type Keys = [(&'static str, &'static str); 2];
/// The key pair of `visavis serve --dev`.
pub(crate) const DEV_KEYS: Keys = [("LIVEKIT_API_KEY", "devkey"), ("LIVEKIT_API_SECRET", "secret")];

/// Where the program finds servers and keys in its environment.
const CREDENTIALS: [&str; 7] = [
    "LIVEKIT_URL",
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
    "TENCENTCLOUD_SECRET_ID",
    "TENCENTCLOUD_SECRET_KEY",
    "VISAVIS_SDK_APP_ID",
    "VISAVIS_SDK_SECRET_KEY",
];

/// Starts the program in different roles, away from the settings of whoever runs the tests.
pub(crate) struct Visavis;

impl Visavis {
    /// The program with a home of its own, and no credentials in its environment.
    pub(crate) fn command(stage: &Stage) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_visavis"));
        let home = stage.artifact("home");
        std::fs::create_dir_all(&home).expect("a home for the program");
        for variable in CREDENTIALS.iter().chain(&["DISPLAY", "WAYLAND_DISPLAY", "PULSE_SERVER"]) {
            command.env_remove(variable);
        }
        for variable in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            command.env(variable, &home);
        }
        command.env("HOME", &home).env("XDG_RUNTIME_DIR", &home);
        command
    }

    /// Runs a command to its end; one that does not come to an end is killed.
    #[track_caller]
    pub(crate) fn run(command: &mut Command) -> Output {
        let shown = format!("{command:?}");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("the program runs");
        let pid = child.id();
        let (ended, end) = mpsc::sync_channel(1);
        std::thread::spawn(move || ended.send(child.wait_with_output()));
        match end.recv_timeout(PATIENCE) {
            Ok(output) => output.expect("its output"),
            Err(_) => {
                super::proc::signal(pid, "KILL");
                panic!("{shown} did not end");
            }
        }
    }

    /// A command of `visavis room` against `server`, with its key pair.
    #[track_caller]
    pub(crate) fn room(stage: &Stage, server: &Server, arguments: &[&str]) -> String {
        let output = Self::run(
            Self::command(stage).env("LIVEKIT_URL", server.url()).envs(server.keys).arg("room").args(arguments),
        );
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "visavis room {} failed: {stderr}", arguments.join(" "));
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

/// `visavis serve` on free ports.
pub(crate) struct Server {
    process: Process,
    scheme: String,
    signalling: u16,
    /// 0 where media goes elsewhere.
    media: u16,
    /// What runs its rooms.
    keys: Keys,
    /// The authority that its clients have to trust.
    authority: Option<PathBuf>,
}

impl Server {
    /// Starts `visavis serve --dev` and waits for its ready line.
    pub(crate) fn start(stage: &Stage) -> Self {
        Self::start_with(stage, "")
    }

    /// The same, reached only through a relay.
    pub(crate) fn behind_relay(stage: &Stage) -> (Self, Relay) {
        let server = Self::start_with(stage, &format!("[media]\nadvertise = [\"{}\"]\n", relay::ADDRESS));
        let relay = Relay::before(server.signalling, server.media);
        (server, relay)
    }

    /// The same with settings in TOML.
    pub(crate) fn start_with(stage: &Stage, settings: &str) -> Self {
        Self::start_by(stage, settings, |command| {
            command.arg("--dev");
        })
    }

    /// The same with a certificate.
    pub(crate) fn start_secure(stage: &Stage, settings: &str, certificates: &Certificates) -> Self {
        let mut server = Self::start_by(stage, settings, |command| {
            command.arg("--dev").arg("--tls-certificate").arg(certificates.chain());
            command.arg("--tls-key").arg(certificates.key());
        });
        server.authority = Some(certificates.authority());
        server
    }

    /// Starts `visavis serve` over a LiveKit server, with tokens for everybody.
    pub(crate) fn start_over(stage: &Stage, livekit: &LiveKitServer, settings: &str) -> Self {
        let keys = super::livekit_server::KEYS;
        let server = Self::start_by(stage, &format!("open_tokens = true\n{settings}"), |command| {
            command.args(["--engine", "livekit", "--livekit-url", &livekit.url()]).envs(keys);
        });
        Self { keys, ..server }
    }

    fn start_by(stage: &Stage, settings: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let file = stage.artifact("server.toml");
        std::fs::write(&file, settings).expect("a settings file");
        let mut command = Visavis::command(stage);
        command.args(["serve", "--listen", "127.0.0.1:0", "--udp", "0", "--config"]).arg(file);
        prepare(&mut command);
        let process = Process::start(stage, "server", &mut command);
        let (scheme, signalling, media) = process.wait_for_line("its ready line", PATIENCE, |lines| {
            let line = lines.iter().find_map(|line| line.strip_prefix("Listening on "))?;
            let (scheme, rest) = line.split_once("://127.0.0.1:")?;
            let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
            let media = rest.split_once(", media on UDP ").map_or(Some(0), |(_, media)| digits(media));
            Some((scheme.to_owned(), digits(rest)?, media?))
        });
        Self { process, scheme, signalling, media, keys: DEV_KEYS, authority: None }
    }

    /// `ws://127.0.0.1:PORT`, or whatever it says that it listens on.
    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.signalling)
    }

    /// The TCP port of signalling and HTTP.
    pub(crate) fn port(&self) -> u16 {
        self.signalling
    }

    /// The file of the authority that has signed its certificate, if it has one.
    pub(crate) fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// The process.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// A bot or a window: somebody in a room.
pub(crate) struct Participant {
    process: Process,
    user: String,
}

impl Participant {
    /// Starts `visavis bot` as `NAME-1` and waits until it is in the room.
    #[track_caller]
    pub(crate) fn bot(stage: &Stage, url: &str, room: &str, name: &str, arguments: &[&str]) -> Self {
        Self::bot_by(stage, url, room, name, |command| {
            command.args(arguments);
        })
    }

    /// The same with whatever `prepare` adds to the command.
    #[track_caller]
    pub(crate) fn bot_by(stage: &Stage, url: &str, room: &str, name: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = Self::bot_command(stage, url, room, name);
        prepare(&mut command);
        if !command.get_args().any(|argument| argument == "--camera") {
            command.args(["--camera", PICTURE]);
        }
        Self::entered(Process::start(stage, name, &mut command))
    }

    /// The command that starts a bot as `NAME-1`.
    pub(crate) fn bot_command(stage: &Stage, url: &str, room: &str, name: &str) -> Command {
        let mut command = Visavis::command(stage);
        command.args(["bot", "--server", url, "--room", room, "--name-prefix", name, "--events", "-"]);
        command
    }

    /// Starts the window on `display` with `arguments`, entering `room` at once, and waits until it is in.
    #[track_caller]
    pub(crate) fn window(stage: &Stage, place: &Place<'_>, name: &str, arguments: &[&str]) -> Self {
        let mut command = Self::window_command(stage, place, name, arguments);
        command.arg("--join");
        let window = Self::entered(Process::start(stage, name, &mut command));
        window.wait_for_screen("call");
        window
    }

    /// The command that opens the window.
    pub(crate) fn window_command(stage: &Stage, place: &Place<'_>, name: &str, arguments: &[&str]) -> Command {
        let mut command = Visavis::command(stage);
        command.args(["--server", place.url, "--room", place.room, "--name", name, "--events", "-"]).args(arguments);
        command.env("DISPLAY", place.display.name());
        if let Some(pulse) = place.pulse {
            command.env("PULSE_SERVER", pulse.server());
        }
        command
    }

    /// Waits until a process that was started is in the room.
    #[track_caller]
    pub(crate) fn entered(process: Process) -> Self {
        let enter = process.wait_for("EnterRoom");
        assert!(enter["error"].is_null(), "{} could not enter: {enter}", process.name());
        let user = enter["user"].as_str().expect("a user id").to_owned();
        Self { process, user }
    }

    /// Who it is for the server.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// The running program.
    pub(crate) fn running(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Waits until the window shows `screen`.
    #[track_caller]
    pub(crate) fn wait_for_screen(&self, screen: &str) {
        self.wait_for_where("ScreenShown", |e| e["screen"] == screen);
    }

    /// Waits until picture and sound of `user` have arrived.
    #[track_caller]
    pub(crate) fn wait_for_media_of(&self, user: &str) {
        self.wait_for_user("FirstVideoFrame", user);
        self.wait_for_user("FirstAudioFrame", user);
    }

    /// Waits for the newest figures of `user`, which are good after `seconds` of listening.
    pub(crate) fn verified_after(&self, user: &str, seconds: u64) -> super::Verified {
        super::verified::after(&self.process, user, Duration::from_secs(seconds))
    }
}

impl Events for Participant {
    fn process(&self) -> &Process {
        &self.process
    }
}

/// Where a window opens, and which room it enters.
pub(crate) struct Place<'a> {
    /// The display.
    pub(crate) display: &'a Display,
    /// Real sound, or none.
    pub(crate) pulse: Option<&'a Pulse>,
    /// The server.
    pub(crate) url: &'a str,
    /// The room.
    pub(crate) room: &'a str,
}
