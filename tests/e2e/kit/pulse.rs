//! A private PulseAudio: what is played into `micfeed` is what the microphone hears, and what the speaker plays can be
//! recorded. The program sees ordinary devices.

use super::{Process, Stage, wait_until};
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
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
    /// Starts it; `label` tells several of one test apart.
    pub(crate) fn start(stage: &Stage, label: &str) -> Self {
        // Not among the artifacts: the path of a socket may be 107 bytes long.
        let folder = tempfile::tempdir().expect("a folder for the sound server");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).expect("its permissions");
        let socket = folder.path().join("native");
        let script = folder.path().join("test.pa");
        // Somebody who listens all the time: without one a null sink gives out its sound, and a microphone begins, only
        // every two seconds, which no sound card does.
        let text = format!(
            "load-module module-native-protocol-unix socket={} auth-anonymous=1\n\
             load-module module-null-sink sink_name=speaker\n\
             load-module module-null-sink sink_name=micfeed\n\
             load-module module-remap-source source_name=mic master=micfeed.monitor\n\
             load-module module-null-sink sink_name=drain\n\
             load-module module-loopback source=mic sink=drain latency_msec=20\n\
             set-default-sink speaker\nset-default-source mic\n",
            socket.display()
        );
        fs::write(&script, text).expect("its configuration");
        let mut command = Command::new("pulseaudio");
        private(&mut command, folder.path());
        command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit", "--use-pid-file=no", "-F"]);
        let process = Process::start(stage, &format!("pulseaudio-{label}"), command.arg(script));
        let pulse = Self { server: format!("unix:{}", socket.display()), folder, process };
        wait_until("the sound server", || pulse.pactl(&["info"]));
        pulse.wait_for_sound();
        pulse
    }

    /// Waits until the microphone gives something out: until then it can be opened, but not used.
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

    /// What goes into `PULSE_SERVER`.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Who records from a microphone now, one line each. The remapped source's own line does not count.
    pub(crate) fn microphone_users(&self) -> Vec<String> {
        self.clients("source-outputs")
    }

    /// Who plays now.
    pub(crate) fn speaker_users(&self) -> Vec<String> {
        self.clients("sink-inputs")
    }

    /// Takes every microphone away, as unplugging does: the sound server can move nobody to another one.
    pub(crate) fn unplug_microphones(&self) {
        // What listens to a sink goes with it.
        assert!(self.pactl(&["unload-module", "module-null-sink"]).is_some(), "pactl could not unload it");
    }

    /// Kills the sound server without a word.
    pub(crate) fn kill(&mut self) {
        self.process.signal("KILL");
        self.process.wait_exit();
    }

    /// Plugs in a second microphone, `Kitchen`, that hears what is played into `kitchenfeed`, and a second speaker,
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

    /// The names of the microphones that are recorded from now, and of the speakers that are played on. What feeds a
    /// microphone is no speaker.
    pub(crate) fn in_use(&self) -> (Vec<String>, Vec<String>) {
        let mut speakers = self.used(self.speaker_users(), "sinks");
        speakers.retain(|name| !name.ends_with("feed"));
        (self.used(self.microphone_users(), "sources"), speakers)
    }

    /// The second column of a client's line is the number of its device, the first one of a device's line.
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

    /// Starts to record what the speaker plays; ends with the value.
    pub(crate) fn record_speaker(&self, stage: &Stage, name: &str) -> Recording {
        self.record(stage, "speaker", name)
    }

    /// The same with another speaker.
    pub(crate) fn record(&self, stage: &Stage, speaker: &str, name: &str) -> Recording {
        let path = stage.artifact(&format!("{name}.wav"));
        let mut command = Command::new("parec");
        self.client(&mut command);
        command.arg(format!("--device={speaker}.monitor")).args([
            "--format=s16le",
            "--rate=48000",
            "--channels=1",
            "--file-format=wav",
            "--latency-msec=50", // a null sink's own is two seconds
        ]);
        let process = Process::start(stage, &format!("parec-{name}"), command.arg(&path));
        Recording { path, process }
    }

    /// Plays a WAV file into the microphone until the value is dropped or the file ends.
    pub(crate) fn speak(&self, stage: &Stage, file: &Path) -> Process {
        self.speak_into(stage, "micfeed", file)
    }

    /// The same into what another microphone hears.
    pub(crate) fn speak_into(&self, stage: &Stage, feed: &str, file: &Path) -> Process {
        let mut command = Command::new("paplay");
        self.client(&mut command);
        Process::start(stage, &format!("paplay-{feed}"), command.arg(format!("--device={feed}")).arg(file))
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

/// A recording that runs.
pub(crate) struct Recording {
    path: PathBuf,
    process: Process,
}

impl Recording {
    /// Ends it and says where it is.
    pub(crate) fn stop(mut self) -> PathBuf {
        self.process.signal("TERM");
        self.process.wait_exit();
        self.path
    }
}

/// Keeps PulseAudio's programs away from the sound server of whoever runs the tests.
fn private(command: &mut Command, folder: &Path) {
    command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder).env("XDG_CONFIG_HOME", folder);
    command.env_remove("PULSE_SERVER").env_remove("DISPLAY").env_remove("DBUS_SESSION_BUS_ADDRESS");
}
