//! The program itself: its server, its bots, its windows, and its short commands.

use super::{Certificates, Display, Events, LiveKitServer, Process, Pulse, Relay, TIMEOUT, TestContext, relay};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The camera of participants: small frames, because both ends share two cores.
pub(crate) const PICTURE: &str = "test-picture:320x180@15";
/// Its frames per second.
pub(crate) const FPS: f64 = 15.0;

/// A key pair as environment variables.
pub(crate) type Keys = [(&'static str, &'static str); 2];
/// The key pair of `visavis serve --dev`.
pub(crate) const DEV_KEYS: Keys = [("LIVEKIT_API_KEY", "devkey"), ("LIVEKIT_API_SECRET", "secret")];

/// The environment variables with servers and keys.
const CREDENTIALS: [&str; 7] = [
    "LIVEKIT_URL",
    "LIVEKIT_API_KEY",
    "LIVEKIT_API_SECRET",
    "TENCENTCLOUD_SECRET_ID",
    "TENCENTCLOUD_SECRET_KEY",
    "VISAVIS_SDK_APP_ID",
    "VISAVIS_SDK_SECRET_KEY",
];

/// Starts the program without the settings and credentials of the user who runs the tests.
pub(crate) struct Visavis;

impl Visavis {
    /// The program with its own home folder and without credentials.
    pub(crate) fn command(context: &TestContext) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_visavis"));
        let home = context.artifact("home");
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

    /// Runs a command to its end. After [`TIMEOUT`] it is killed and the test fails.
    #[track_caller]
    pub(crate) fn run(command: &mut Command) -> Output {
        let shown = format!("{command:?}");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.expect("the program runs");
        let pid = child.id();
        let (ended, end) = mpsc::sync_channel(1);
        std::thread::spawn(move || ended.send(child.wait_with_output()));
        match end.recv_timeout(TIMEOUT) {
            Ok(output) => output.expect("its output"),
            Err(_) => {
                super::proc::signal(pid, "KILL");
                panic!("{shown} did not end");
            }
        }
    }

    /// Runs `visavis room` against `server` with its key pair. Returns its stdout.
    #[track_caller]
    pub(crate) fn room(context: &TestContext, server: &Server, arguments: &[&str]) -> String {
        let mut command = Self::command(context);
        Self::room_by(command.env("LIVEKIT_URL", server.url()).envs(server.keys), arguments)
    }

    /// The same with a command that knows the server and its key pair.
    #[track_caller]
    pub(crate) fn room_by(command: &mut Command, arguments: &[&str]) -> String {
        let output = Self::run(command.arg("room").args(arguments));
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
    /// 0 over a LiveKit server.
    media: u16,
    /// The key pair of its engine.
    keys: Keys,
    /// The authority for its clients to trust.
    authority: Option<PathBuf>,
}

impl Server {
    /// Starts `visavis serve --dev` and waits for its ready line.
    pub(crate) fn start(context: &TestContext) -> Self {
        Self::start_with(context, "")
    }

    /// The same behind a relay.
    pub(crate) fn behind_relay(context: &TestContext) -> (Self, Relay) {
        let server = Self::start_with(context, &format!("[media]\nadvertise = [\"{}\"]\n", relay::ADDRESS));
        let relay = Relay::before(server.signalling, server.media);
        (server, relay)
    }

    /// The same with settings in TOML.
    pub(crate) fn start_with(context: &TestContext, settings: &str) -> Self {
        Self::start_by(context, settings, |command| {
            command.arg("--dev");
        })
    }

    /// The same with a certificate.
    pub(crate) fn start_secure(context: &TestContext, settings: &str, certificates: &Certificates) -> Self {
        let mut server = Self::start_by(context, settings, |command| {
            command.arg("--dev").arg("--tls-certificate").arg(certificates.chain());
            command.arg("--tls-key").arg(certificates.key());
        });
        server.authority = Some(certificates.authority());
        server
    }

    /// Starts `visavis serve` over a LiveKit server, with tokens for everybody.
    pub(crate) fn start_over(context: &TestContext, livekit: &LiveKitServer, settings: &str) -> Self {
        let keys = super::livekit_server::KEYS;
        let server = Self::start_by(context, &format!("open_tokens = true\n{settings}"), |command| {
            command.args(["--engine", "livekit", "--livekit-url", &livekit.url()]).envs(keys);
        });
        Self { keys, ..server }
    }

    /// Starts `visavis serve` at `port`. The settings name the LiveKit server; bans are kept over restarts.
    pub(crate) fn start_front(context: &TestContext, port: u16, settings: &str) -> Self {
        let keys = super::livekit_server::KEYS;
        let server = Self::start_at(context, port, settings, |command| {
            command.envs(keys).arg("--state").arg(context.artifact("state"));
        });
        Self { keys, ..server }
    }

    fn start_by(context: &TestContext, settings: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        Self::start_at(context, 0, settings, prepare)
    }

    fn start_at(context: &TestContext, port: u16, settings: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let file = context.artifact("server.toml");
        std::fs::write(&file, settings).expect("a settings file");
        let mut command = Visavis::command(context);
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--udp", "0", "--config"]).arg(file);
        prepare(&mut command);
        let process = Process::start(context, "server", &mut command);
        let (scheme, signalling, media) = process.wait_for_line("its ready line", TIMEOUT, |lines| {
            let line = lines.iter().find_map(|line| line.strip_prefix("Listening on "))?;
            let (scheme, rest) = line.split_once("://127.0.0.1:")?;
            let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
            let media = rest.split_once(", media on UDP ").map_or(Some(0), |(_, media)| digits(media));
            Some((scheme.to_owned(), digits(rest)?, media?))
        });
        Self { process, scheme, signalling, media, keys: DEV_KEYS, authority: None }
    }

    /// `ws://127.0.0.1:PORT`, or the scheme of its ready line.
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

/// A bot or a window in a room.
pub(crate) struct Participant {
    process: Process,
    user: String,
}

impl Participant {
    /// Starts `visavis bot` as `NAME-1` and waits until it is in the room.
    #[track_caller]
    pub(crate) fn bot(context: &TestContext, url: &str, room: &str, name: &str, arguments: &[&str]) -> Self {
        Self::bot_by(context, url, room, name, |command| {
            command.args(arguments);
        })
    }

    /// The same; `prepare` completes the command.
    #[track_caller]
    pub(crate) fn bot_by(
        context: &TestContext,
        url: &str,
        room: &str,
        name: &str,
        prepare: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = Self::bot_command(context, url, room, name);
        prepare(&mut command);
        if !command.get_args().any(|argument| argument == "--camera") {
            command.args(["--camera", PICTURE]);
        }
        Self::entered(Process::start(context, name, &mut command))
    }

    /// The command that starts a bot as `NAME-1`.
    pub(crate) fn bot_command(context: &TestContext, url: &str, room: &str, name: &str) -> Command {
        let mut command = Visavis::command(context);
        command.args(["bot", "--server", url, "--room", room, "--name-prefix", name, "--events", "-"]);
        command
    }

    /// Starts the window on `display` with `arguments`, entering `room` at once, and waits until it is in.
    #[track_caller]
    pub(crate) fn window(context: &TestContext, place: &Place<'_>, name: &str, arguments: &[&str]) -> Self {
        let mut command = Self::window_command(context, place, name, arguments);
        command.arg("--join");
        let window = Self::entered(Process::start(context, name, &mut command));
        window.wait_for_screen("call");
        window
    }

    /// The command that opens the window.
    pub(crate) fn window_command(context: &TestContext, place: &Place<'_>, name: &str, arguments: &[&str]) -> Command {
        let mut command = Visavis::command(context);
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

    /// Its user id.
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

    /// Waits for the first video and audio frames of `user`.
    #[track_caller]
    pub(crate) fn wait_for_media_of(&self, user: &str) {
        self.wait_for_user("FirstVideoFrame", user);
        self.wait_for_user("FirstAudioFrame", user);
    }

    /// The newest figures of `user` after `seconds` of listening.
    pub(crate) fn verified_after(&self, user: &str, seconds: u64) -> super::Verified {
        super::verified::after(&self.process, user, Duration::from_secs(seconds))
    }
}

impl Events for Participant {
    fn process(&self) -> &Process {
        &self.process
    }
}

/// The display of a window, and the room that it enters.
pub(crate) struct Place<'a> {
    /// The display.
    pub(crate) display: &'a Display,
    /// The sound server; `None` for a computer without sound.
    pub(crate) pulse: Option<&'a Pulse>,
    /// The server.
    pub(crate) url: &'a str,
    /// The room.
    pub(crate) room: &'a str,
}
