//! A private PulseAudio server. The microphone records what is played into the sink `micfeed`, and tests record what the
//! speaker plays. The program sees ordinary devices.

#[path = "../../../src/devices/audio/card/tests/pulse_server.rs"]
mod pulse_server;

use super::{Process, TestContext, wait_until};
use pulse_server::private;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A running sound server with one speaker and one microphone.
pub(crate) struct Pulse {
    server: String,
    folder: TempDir,
    process: Process,
}

impl Pulse {
    /// Starts it. `label` distinguishes several servers of one test.
    pub(crate) fn start(context: &TestContext, label: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the sound server");
        let process = Self::run(context, &format!("pulseaudio-{label}"), folder.path());
        let server = format!("unix:{}", pulse_server::socket(folder.path()).display());
        let pulse = Self { server, folder, process };
        wait_until("the sound server", || pulse.pactl(&["info"]));
        pulse.wait_for_sound();
        pulse
    }

    /// Waits for the first sample of the microphone. Before, it can be opened but not used.
    fn wait_for_sound(&self) {
        let mut command = Command::new("parec");
        self.client(&mut command);
        command.args(["--device=mic", "--raw", "--latency-msec=20"]).stdout(Stdio::piped());
        let mut parec = command.spawn().expect("parec runs");
        parec.stdout.take().expect("a pipe").read_exact(&mut [0]).expect("the microphone gives something out");
        parec.kill().expect("parec ends");
        parec.wait().expect("parec has ended");
        wait_until("parec to be gone", || self.microphone_users().is_empty().then_some(()));
    }

    /// The value for `PULSE_SERVER`.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// The clients that record from a microphone, one line each, without the remapped source's own line.
    pub(crate) fn microphone_users(&self) -> Vec<String> {
        self.clients("source-outputs")
    }

    /// The clients that play, one line each.
    pub(crate) fn speaker_users(&self) -> Vec<String> {
        self.clients("sink-inputs")
    }

    /// Removes all microphones, as unplugging does: the server cannot move clients to another one.
    pub(crate) fn unplug_microphones(&self) {
        // The sources that read from these sinks disappear with them.
        assert!(self.pactl(&["unload-module", "module-null-sink"]).is_some(), "pactl could not unload it");
    }

    /// Adds another microphone, which records what is played into `micfeed`. Returns whether that was possible.
    pub(crate) fn plug_in(&self, microphone: &str) -> bool {
        let source = format!("source_name={microphone}");
        let heard = format!("source={microphone}");
        self.pactl(&["load-module", "module-remap-source", &source, "master=micfeed.monitor"]).is_some()
            && self.pactl(&["load-module", "module-loopback", &heard, "sink=drain", "latency_msec=20"]).is_some()
    }

    /// Adds a microphone that names 48 kHz and delivers 16-bit samples as they are written into the file that is returned,
    /// and makes it the default.
    pub(crate) fn plug_in_pipe(&self, microphone: &str) -> PathBuf {
        let pipe = self.folder.path().join(microphone);
        let (source, file) = (format!("source_name={microphone}"), format!("file={}", pipe.display()));
        let arguments = ["load-module", "module-pipe-source", &source, &file, "rate=48000", "channels=1"];
        assert!(
            self.pactl(&[&arguments[..], &["format=s16le"]].concat()).is_some(),
            "PulseAudio has no such microphone"
        );
        self.set_default_microphone(microphone);
        pipe
    }

    /// Removes one microphone. Returns whether it was there.
    pub(crate) fn unplug(&self, microphone: &str) -> bool {
        let modules = self.pactl(&["list", "short", "modules"]).expect("pactl answers");
        let named = format!("source_name={microphone} ");
        let line = modules.lines().find(|line| line.contains("module-remap-source") && line.contains(&named));
        let number = line.and_then(|line| line.split('\t').next());
        number.is_some_and(|number| self.pactl(&["unload-module", number]).is_some())
    }

    /// Makes a microphone the default. Returns whether it is there.
    pub(crate) fn set_default(&self, microphone: &str) -> bool {
        self.pactl(&["set-default-source", microphone]).is_some()
    }

    /// Kills the sound server (SIGKILL).
    pub(crate) fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait_exit();
    }

    /// Starts the killed server again: it has the devices of the beginning.
    pub(crate) fn start_again(&mut self, context: &TestContext) {
        fs::remove_file(pulse_server::socket(self.folder.path())).ok();
        self.process = Self::run(context, "pulseaudio-again", self.folder.path());
        // Programs that follow it may use its microphone at once.
        wait_until("the sound server", || self.pactl(&["info"]));
    }

    fn run(context: &TestContext, name: &str, folder: &Path) -> Process {
        // The loopback keeps latencies short: without a permanent listener, a null sink outputs its sound only every two
        // seconds, and a microphone starts only then.
        let more = "load-module module-null-sink sink_name=drain\n\
                    load-module module-loopback source=mic sink=drain latency_msec=20\n";
        Process::start(context, name, &mut pulse_server::server(folder, more))
    }

    /// Makes a microphone the default.
    pub(crate) fn set_default_microphone(&self, name: &str) {
        assert!(self.pactl(&["set-default-source", name]).is_some(), "PulseAudio has no {name}");
    }

    /// Unplugs what [`Pulse::plug_in_more`] has plugged in.
    pub(crate) fn unplug_more(&self) {
        let list = self.pactl(&["list", "short", "modules"]).expect("pactl answers");
        let more = |line: &&str| line.contains("headphones") || line.contains("kitchen");
        // What depends on another module goes first.
        for line in list.lines().filter(more).collect::<Vec<_>>().into_iter().rev() {
            let number = line.split('\t').next().expect("a number");
            assert!(self.pactl(&["unload-module", number]).is_some(), "PulseAudio kept {line}");
        }
    }

    /// Adds a second microphone, `Kitchen`, which records what is played into `kitchenfeed`, and a second speaker,
    /// `Headphones`.
    pub(crate) fn plug_in_more(&self) {
        let load = |module: &str, arguments: &[&str]| {
            let loaded = self.pactl(&[&["load-module", module], arguments].concat());
            assert!(loaded.is_some(), "PulseAudio did not load {module}");
        };
        load("module-null-sink", &["sink_name=kitchenfeed"]);
        let name = "source_properties=device.description=Kitchen";
        load("module-remap-source", &["source_name=kitchen", "master=kitchenfeed.monitor", name]);
        load("module-loopback", &["source=kitchen", "sink=drain", "latency_msec=20"]);
        load("module-null-sink", &["sink_name=headphones", "sink_properties=device.description=Headphones"]);
    }

    /// The names of the microphones and of the speakers in use. Sinks that feed a microphone do not count.
    pub(crate) fn in_use(&self) -> (Vec<String>, Vec<String>) {
        let mut speakers = self.used(self.speaker_users(), "sinks");
        speakers.retain(|name| !name.ends_with("feed"));
        (self.used(self.microphone_users(), "sources"), speakers)
    }

    /// The names of the devices of `clients`. The second column of a client is the number in the first column of its device.
    fn used(&self, clients: Vec<String>, devices: &str) -> Vec<String> {
        let list = self.pactl(&["list", "short", devices]).expect("pactl answers");
        let name = |client: String| {
            let number = client.split('\t').nth(1)?;
            list.lines().find_map(|line| line.strip_prefix(number)?.strip_prefix('\t')?.split('\t').next())
        };
        clients.into_iter().filter_map(name).map(str::to_owned).collect()
    }

    fn clients(&self, what: &str) -> Vec<String> {
        let list = self.pactl(&["list", "short", what]).expect("pactl answers");
        list.lines().filter(|line| line.contains("protocol-native.c")).map(str::to_owned).collect()
    }

    /// Starts to record what the speaker plays.
    pub(crate) fn record_speaker(&self, context: &TestContext, name: &str) -> Recording {
        self.record(context, "speaker", name)
    }

    /// The same with another speaker.
    pub(crate) fn record(&self, context: &TestContext, speaker: &str, name: &str) -> Recording {
        let path = context.artifact(&format!("{name}.wav"));
        let mut command = Command::new("parec");
        self.client(&mut command);
        command.arg(format!("--device={speaker}.monitor")).args([
            "--format=s16le",
            "--rate=48000",
            "--channels=1",
            "--file-format=wav",
            "--latency-msec=50", // a null sink's own is two seconds
        ]);
        let process = Process::start(context, &format!("parec-{name}"), command.arg(&path));
        Recording { path, process }
    }

    /// Plays a WAV file into the microphone, until the end of the file or until the value is dropped.
    pub(crate) fn speak(&self, context: &TestContext, file: &Path) -> Process {
        self.speak_into(context, "micfeed", file)
    }

    /// The same into the sink of another microphone.
    pub(crate) fn speak_into(&self, context: &TestContext, feed: &str, file: &Path) -> Process {
        let mut command = Command::new("paplay");
        self.client(&mut command);
        Process::start(context, &format!("paplay-{feed}"), command.arg(format!("--device={feed}")).arg(file))
    }

    fn pactl(&self, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new("pactl");
        self.client(&mut command);
        let output = command.args(arguments).output().expect("pactl is missing: run scripts/setup --tests");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn client(&self, command: &mut Command) {
        private(command, self.folder.path());
        command.env("PULSE_SERVER", &self.server);
    }
}

/// A running recording. Dropping it ends the recording.
pub(crate) struct Recording {
    path: PathBuf,
    process: Process,
}

impl Recording {
    /// The file, which grows.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Ends it and returns its file.
    pub(crate) fn stop(mut self) -> PathBuf {
        self.process.signal("TERM");
        self.process.wait_exit();
        self.path
    }
}
