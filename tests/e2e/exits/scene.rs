//! A call with a participant who is going to leave (the leaver) and one who observes (the watcher), and the checks of every
//! exit.

use crate::kit::{Events, Participant, Process, Pulse, Relay, Server, TestContext, Visavis, events, proc, wait_until};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The room.
pub(super) const ROOM: &str = "exit";
/// The test picture from a capture process, as from a real camera. It is tiny, because several tests run at once.
pub(super) const CAMERA: &str = "capture-process:none:160x90@10";
/// The time limit of an exit in ms.
pub(super) const CEILING: f64 = 2000.0;
/// How soon the others are told of a peer that vanished: 6 s, with a margin for a busy machine.
pub(super) const STALE_PEER_LIMIT: Duration = Duration::from_secs(9);
/// How long the leaver's process runs on after ExitRoom, for checks of what it holds.
const LINGER: &str = "1500ms";

/// A server, a sound server and the watcher.
pub(super) struct Scene {
    pub(super) context: TestContext,
    pub(super) server: Server,
    pub(super) relay: Option<Relay>,
    pub(super) pulse: Pulse,
    pub(super) watcher: Participant,
}

impl Scene {
    /// Starts all. `name` is the folder of artifacts.
    pub(super) fn start(name: &str) -> Self {
        let context = TestContext::beside_others(&format!("exit-{name}"));
        let server = Server::start(&context);
        Self::with(context, server, None)
    }

    /// The same with a relay for everybody but the watcher's signalling.
    pub(super) fn behind_relay(name: &str) -> Self {
        let context = TestContext::beside_others(&format!("exit-{name}"));
        let (server, relay) = Server::behind_relay(&context);
        Self::with(context, server, Some(relay))
    }

    fn with(context: TestContext, server: Server, relay: Option<Relay>) -> Self {
        let pulse = Pulse::start(&context, "a");
        let watcher = Participant::bot(&context, &server.url(), ROOM, "watcher", &QUIET);
        Self { context, server, relay, pulse, watcher }
    }

    /// The URL of the relay, or of the server if there is none.
    pub(super) fn url(&self) -> String {
        self.relay.as_ref().map_or_else(|| self.server.url(), Relay::url)
    }

    /// The relay of [`Scene::behind_relay`].
    pub(super) fn link(&self) -> &Relay {
        self.relay.as_ref().expect("a scene with a relay")
    }

    /// A leaver in the room, with an open camera and the sound server's microphone and speaker.
    #[track_caller]
    pub(super) fn leaver(&self) -> Leaver {
        self.leaver_with(&["--camera", CAMERA])
    }

    /// The same with these arguments, which name the camera.
    #[track_caller]
    pub(super) fn leaver_with(&self, arguments: &[&str]) -> Leaver {
        let leaver = self.entering(&self.url(), arguments);
        leaver.is_in();
        leaver.wait_for_where("DeviceOpened", |e| e["kind"] == "camera");
        self.audio_is_open();
        // If the devices had never been open, their absence at the end would prove nothing.
        assert!(!proc::capture_processes(leaver.pid()).is_empty(), "the camera has no process of its own");
        leaver
    }

    /// Waits until the sound server lists a client that records and one that plays.
    #[track_caller]
    pub(super) fn audio_is_open(&self) {
        wait_until("somebody to record", || self.pulse.microphone_users().pop());
        wait_until("somebody to play", || self.pulse.speaker_users().pop());
    }

    /// A leaver who is entering the room.
    pub(super) fn entering(&self, url: &str, arguments: &[&str]) -> Leaver {
        self.entering_by(url, |command| {
            command.args(arguments);
        })
    }

    /// The same; `prepare` completes the command.
    pub(super) fn entering_by(&self, url: &str, prepare: impl FnOnce(&mut Command)) -> Leaver {
        let mut command = Participant::bot_command(&self.context, url, ROOM, "leaver");
        command.args(["--microphone", "default", "--speaker", "default"]).env("PULSE_SERVER", self.pulse.server());
        prepare(&mut command);
        if !command.get_args().any(|argument| argument == "--linger") {
            command.args(["--linger", LINGER]);
        }
        Leaver { process: Process::start(&self.context, "leaver", &mut command), user: "leaver-1".into() }
    }

    /// A third participant.
    pub(super) fn guest(&self, name: &str, arguments: &[&str]) -> Participant {
        Participant::bot(&self.context, &self.server.url(), ROOM, name, arguments)
    }

    /// Runs a command of `visavis room` and returns its stdout.
    #[track_caller]
    pub(super) fn room(&self, arguments: &[&str]) -> String {
        Visavis::room(&self.context, &self.server, arguments)
    }

    /// Waits until the server lists `user` in the room.
    #[track_caller]
    pub(super) fn is_listed(&self, user: &str) {
        wait_until("the server to list them", || self.room(&["users", ROOM, "--json"]).contains(user).then_some(()));
    }

    /// Waits until the watcher is told that `user` has left, and checks the reason.
    #[track_caller]
    pub(super) fn others_are_told(&self, user: &str, reason: u16) {
        let told = self.watcher.wait_for_within(STALE_PEER_LIMIT, "RemoteUserLeaveRoom", |e| e["remote_user"] == user);
        assert_eq!(told["reason"], reason, "{told}");
    }

    /// Asserts that the watcher saw what `user` shares end before the user left.
    #[track_caller]
    pub(super) fn share_ended_first(&self, user: &str) {
        let of_user = |event: &Value, name: &str| event["event"] == name && event["remote_user"] == user;
        let ended = self
            .watcher
            .place("the end of the share", |e| of_user(e, "UserSubStreamAvailable") && e["available"] == false);
        let left = self.watcher.place("the leave", |e| of_user(e, "RemoteUserLeaveRoom"));
        assert!(ended < left, "the share ended after its person had left");
    }

    /// Leaves, checks that everything was confirmed, that the others are told, and how the program ends.
    #[track_caller]
    pub(super) fn leaves_cleanly(&self, mut leaver: Leaver) {
        leaver.leave();
        self.has_left_cleanly(&mut leaver);
        leaver.ends_with(0);
    }

    /// Checks that everything was confirmed after the leaver has been told to leave, and that the others are told.
    #[track_caller]
    pub(super) fn has_left_cleanly(&self, leaver: &mut Leaver) -> Exit {
        let exit = self.has_exited(leaver, 0);
        exit.is_clean();
        self.others_are_told(leaver.user(), 0);
        exit
    }

    /// Waits for ExitRoom and checks every exit: the reason, the order of events, the time limit, and that nothing is held
    /// any more.
    #[track_caller]
    pub(super) fn has_exited(&self, leaver: &mut Leaver, reason: u16) -> Exit {
        let exit = leaver.process.wait_for("ExitRoom");
        // ExitRoom was read before: a file that is open now was open then.
        nothing_is_held(leaver.pid());
        self.audio_is_closed();
        assert!(leaver.process.is_running(), "there was no process to look at");
        Exit::check(&leaver.process.events(), exit, reason)
    }

    /// Asserts that no client of the sound server records or plays.
    #[track_caller]
    pub(super) fn audio_is_closed(&self) {
        let (recording, playing) = (self.pulse.microphone_users(), self.pulse.speaker_users());
        assert!(recording.is_empty(), "the microphone is still in use: {recording:?}");
        assert!(playing.is_empty(), "the speaker is still in use: {playing:?}");
    }
}

/// A participant without devices.
const QUIET: [&str; 6] = ["--camera", "none", "--microphone", "none", "--speaker", "none"];

/// Asserts that the process holds no camera, no sound card and no socket, and has no capture process.
#[track_caller]
pub(super) fn nothing_is_held(pid: u32) {
    let left = proc::capture_processes(pid);
    assert!(left.is_empty(), "a capture process is still there: {left:?}");
    let devices = |path: &PathBuf| ["/dev/video", "/dev/snd"].iter().any(|d| path.to_string_lossy().starts_with(d));
    let open: Vec<PathBuf> = proc::descriptors(pid).into_iter().filter(devices).collect();
    assert!(open.is_empty(), "devices are still open: {open:?}");
    let sockets = proc::sockets(pid);
    assert!(sockets.is_empty(), "sockets are still open: {sockets:?}");
}

/// A bot that is going to leave.
pub(super) struct Leaver {
    process: Process,
    user: String,
}

impl Events for Leaver {
    fn process(&self) -> &Process {
        &self.process
    }
}

impl Leaver {
    /// Its user id.
    pub(super) fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Waits until it is in the room.
    #[track_caller]
    pub(super) fn is_in(&self) {
        let enter = self.wait_for("EnterRoom");
        assert!(enter["error"].is_null(), "could not enter: {enter}");
    }

    /// Makes it leave, by SIGTERM.
    pub(super) fn leave(&self) {
        self.process.signal("TERM");
    }

    /// Waits for the end of the program. Checks its exit code, and that ExitRoom came once and last.
    #[track_caller]
    pub(super) fn ends_with(mut self, code: i32) {
        self.process.wait_exit_code(code);
        let events = self.process.events();
        let exits = events.iter().filter(|e| e["event"] == "ExitRoom").count();
        assert_eq!(exits, 1, "ExitRoom comes exactly once");
        assert_eq!(events.last().map(|e| &e["event"]), Some(&Value::from("ExitRoom")), "ExitRoom comes last");
        let stderr = self.process.stderr();
        assert!(!stderr.contains("panicked"), "something panicked: {stderr}");
    }

    /// The process itself.
    pub(super) fn running(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// A checked ExitRoom event.
pub(super) struct Exit {
    event: Value,
}

impl Exit {
    /// Checks the event with regard to the events before it.
    #[track_caller]
    pub(super) fn check(all: &[Value], event: Value, reason: u16) -> Self {
        assert_eq!(event["reason"], reason, "{event}");
        let total = event["total_ms"].as_f64().expect("total_ms");
        assert!(total < CEILING, "the exit took {total} ms, over its ceiling: {event}");
        let session = &event["session"];
        let of_session = |e: &&Value| e["session"] == *session;
        let before: Vec<&Value> = all.iter().take_while(|e| **e != event).filter(of_session).collect();
        for kind in ["camera", "microphone", "speaker", "screen"] {
            let count = |name: &str| before.iter().filter(|e| e["event"] == name && e["kind"] == kind).count();
            let (opened, closed) = (count("DeviceOpened"), count("DeviceClosed"));
            // A failed device is not held any more, whether it had been open or not.
            assert!(
                opened >= closed && opened <= closed + count("DeviceFailed"),
                "{kind}: opened {opened} times and closed {closed} times before ExitRoom"
            );
        }
        if let Some(asked) = before.iter().find(|e| e["event"] == "ExitRequested") {
            let took = events::at(&event) - events::at(asked);
            assert!(took < CEILING, "ExitRoom came {took} ms after it was asked for");
        }
        Self { event }
    }

    /// Asserts the state of a step of the receipt.
    #[track_caller]
    pub(super) fn step(&self, step: &str, state: &str) -> &Self {
        let line = events::step(&self.event, step);
        let line = line.unwrap_or_else(|| panic!("the receipt has no {step}: {}", self.event));
        assert_eq!(line["state"], state, "{}", self.event);
        self
    }

    /// The detail of a step of the receipt.
    #[track_caller]
    pub(super) fn detail(&self, step: &str) -> String {
        let line = events::step(&self.event, step).expect("the step");
        line["detail"].as_str().unwrap_or_default().to_owned()
    }

    /// Asserts that every step was confirmed or not applicable.
    #[track_caller]
    pub(super) fn is_clean(&self) -> &Self {
        let steps = self.event["receipt"].as_array().expect("a receipt");
        let unclean = steps.iter().find(|s| s["state"] != "confirmed" && s["state"] != "not_applicable");
        assert!(unclean.is_none(), "not everything was confirmed: {}", self.event);
        self
    }
}
