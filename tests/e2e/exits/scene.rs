//! One call that somebody is going to leave, and the checks that hold for every exit.

use crate::kit::{Events, Participant, Process, Pulse, Relay, Server, Stage, Visavis, events, proc, wait_until};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Where everybody is.
pub(super) const ROOM: &str = "exit";
/// The test picture out of a capture process, as a real camera's pictures come; tiny, because several tests run at once.
pub(super) const CAMERA: &str = "capture-process:none:160x90@10";
/// The exit's hard ceiling in ms.
pub(super) const CEILING: f64 = 2000.0;
/// Within this the others learn of somebody who went without a goodbye: 6 s, and something for a busy machine.
pub(super) const GHOST: Duration = Duration::from_secs(9);
/// How long a bot's process stays after ExitRoom, so that there is something to look at.
const LINGER: &str = "1500ms";

/// A server, a sound server, and somebody who watches.
pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) server: Server,
    pub(super) relay: Option<Relay>,
    pub(super) pulse: Pulse,
    pub(super) watcher: Participant,
}

impl Scene {
    /// Starts everything; the test is named for its artifacts.
    pub(super) fn start(name: &str) -> Self {
        let stage = Stage::beside_others(&format!("exit-{name}"));
        let server = Server::start(&stage);
        Self::with(stage, server, None)
    }

    /// The same, with a link to the server that can be made bad for all but the watcher's signalling.
    pub(super) fn behind_relay(name: &str) -> Self {
        let stage = Stage::beside_others(&format!("exit-{name}"));
        let (server, relay) = Server::behind_relay(&stage);
        Self::with(stage, server, Some(relay))
    }

    fn with(stage: Stage, server: Server, relay: Option<Relay>) -> Self {
        let pulse = Pulse::start(&stage, "a");
        let watcher = Participant::bot(&stage, &server.url(), ROOM, "watcher", &QUIET);
        Self { stage, server, relay, pulse, watcher }
    }

    /// Where those connect whose link can be made bad.
    pub(super) fn url(&self) -> String {
        self.relay.as_ref().map_or_else(|| self.server.url(), Relay::url)
    }

    /// The relay of [`Scene::behind_relay`].
    pub(super) fn link(&self) -> &Relay {
        self.relay.as_ref().expect("a scene with a relay")
    }

    /// Somebody in the room with a camera, and with microphone and speaker of the sound server, all open.
    #[track_caller]
    pub(super) fn leaver(&self) -> Leaver {
        self.leaver_with(&["--camera", CAMERA])
    }

    /// The same with another camera and whatever else `arguments` say.
    #[track_caller]
    pub(super) fn leaver_with(&self, arguments: &[&str]) -> Leaver {
        let leaver = self.entering(&self.url(), arguments);
        leaver.is_in();
        leaver.wait_for_where("DeviceOpened", |e| e["kind"] == "camera");
        self.sound_is_open();
        // The test would prove nothing if the devices had never been open.
        assert!(!proc::capture_processes(leaver.pid()).is_empty(), "the camera has no process of its own");
        leaver
    }

    /// Waits until the sound server lists somebody who records and somebody who plays.
    #[track_caller]
    pub(super) fn sound_is_open(&self) {
        wait_until("somebody to record", || self.pulse.microphone_users().pop());
        wait_until("somebody to play", || self.pulse.speaker_users().pop());
    }

    /// Somebody on the way into the room.
    pub(super) fn entering(&self, url: &str, arguments: &[&str]) -> Leaver {
        self.entering_by(url, |command| {
            command.args(arguments);
        })
    }

    /// The same with whatever `prepare` adds to the command.
    pub(super) fn entering_by(&self, url: &str, prepare: impl FnOnce(&mut Command)) -> Leaver {
        let mut command = Participant::bot_command(&self.stage, url, ROOM, "leaver");
        command.args(["--microphone", "default", "--speaker", "default"]).env("PULSE_SERVER", self.pulse.server());
        prepare(&mut command);
        if !command.get_args().any(|argument| argument == "--linger") {
            command.args(["--linger", LINGER]);
        }
        Leaver { process: Process::start(&self.stage, "leaver", &mut command), user: "leaver-1".into() }
    }

    /// Another bot beside the two.
    pub(super) fn guest(&self, name: &str, arguments: &[&str]) -> Participant {
        Participant::bot(&self.stage, &self.server.url(), ROOM, name, arguments)
    }

    /// A command of `visavis room`; its answer.
    #[track_caller]
    pub(super) fn room(&self, arguments: &[&str]) -> String {
        Visavis::room(&self.stage, &self.server, arguments)
    }

    /// Waits until the server lists `user` in the room.
    #[track_caller]
    pub(super) fn is_listed(&self, user: &str) {
        wait_until("the server to list them", || self.room(&["users", ROOM, "--json"]).contains(user).then_some(()));
    }

    /// Waits until the watcher is told that `user` is gone, and why.
    #[track_caller]
    pub(super) fn others_are_told(&self, user: &str, reason: u16) {
        let told = self.watcher.wait_for_within(GHOST, "RemoteUserLeaveRoom", |e| e["remote_user"] == user);
        assert_eq!(told["reason"], reason, "{told}");
    }

    /// Waits for ExitRoom and checks what holds of every exit: the reason, the order of events, the ceiling, and that
    /// nothing is held any more.
    #[track_caller]
    pub(super) fn has_exited(&self, leaver: &mut Leaver, reason: u16) -> Exit {
        let exit = leaver.process.wait_for("ExitRoom");
        // Looked at as soon as ExitRoom is read, and so after it: what is open now was open then.
        nothing_is_held(leaver.pid());
        self.sound_is_closed();
        assert!(leaver.process.is_running(), "there was no process to look at");
        Exit::check(&leaver.process.events(), exit, reason)
    }

    /// Nobody records or plays any more.
    #[track_caller]
    pub(super) fn sound_is_closed(&self) {
        let (recording, playing) = (self.pulse.microphone_users(), self.pulse.speaker_users());
        assert!(recording.is_empty(), "the microphone is still in use: {recording:?}");
        assert!(playing.is_empty(), "the speaker is still in use: {playing:?}");
    }
}

/// A watcher that costs next to nothing.
const QUIET: [&str; 6] = ["--camera", "none", "--microphone", "none", "--speaker", "none"];

/// The process holds no camera, no sound card, no socket, and has no capture process.
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

/// Somebody who is going to leave.
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
    /// Who it is for the server.
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

    /// Tells it to leave.
    pub(super) fn leave(&self) {
        self.process.signal("TERM");
    }

    /// Waits for the program's end: with this exit code, after one ExitRoom, and nothing came after that.
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

/// An exit that was checked.
pub(super) struct Exit {
    event: Value,
}

impl Exit {
    /// Checks the event against those before it.
    #[track_caller]
    pub(super) fn check(all: &[Value], event: Value, reason: u16) -> Self {
        assert_eq!(event["reason"], reason, "{event}");
        let total = event["total_ms"].as_f64().expect("total_ms");
        assert!(total < CEILING, "the exit took {total} ms, over its ceiling: {event}");
        let session = &event["session"];
        let of_session = |e: &&Value| e["session"] == *session;
        let before: Vec<&Value> = all.iter().take_while(|e| **e != event).filter(of_session).collect();
        for kind in ["camera", "microphone", "speaker"] {
            let count = |name: &str| before.iter().filter(|e| e["event"] == name && e["kind"] == kind).count();
            let (opened, closed) = (count("DeviceOpened"), count("DeviceClosed"));
            // What failed is not held any more, whether it had been open or not.
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

    /// A step of the receipt is in this state.
    #[track_caller]
    pub(super) fn step(&self, step: &str, state: &str) -> &Self {
        let line = self.event["receipt"].as_array().expect("a receipt").iter().find(|s| s["step"] == step);
        let line = line.unwrap_or_else(|| panic!("the receipt has no {step}: {}", self.event));
        assert_eq!(line["state"], state, "{}", self.event);
        self
    }

    /// What a step of the receipt says beside its state.
    #[track_caller]
    pub(super) fn detail(&self, step: &str) -> String {
        let receipt = self.event["receipt"].as_array().expect("a receipt");
        let line = receipt.iter().find(|s| s["step"] == step).expect("the step");
        line["detail"].as_str().unwrap_or_default().to_owned()
    }

    /// Every step was confirmed, or had nothing to do.
    #[track_caller]
    pub(super) fn is_clean(&self) -> &Self {
        let steps = self.event["receipt"].as_array().expect("a receipt");
        let unclean = steps.iter().find(|s| s["state"] != "confirmed" && s["state"] != "not_applicable");
        assert!(unclean.is_none(), "not everything was confirmed: {}", self.event);
        self
    }
}
