//! The command that starts a private PulseAudio server. The end-to-end tests include this file too.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Prepares a server with one speaker, and one microphone that records what is played into the sink `micfeed`. `more` are
/// further commands of its script. The path of the folder must be short: that of a socket has 107 bytes at most.
pub(crate) fn server(folder: &Path, more: &str) -> Command {
    fs::set_permissions(folder, Permissions::from_mode(0o700)).expect("the permissions of the sound server's folder");
    let script = folder.join("test.pa");
    let commands = format!(
        "load-module module-native-protocol-unix socket={} auth-anonymous=1\n\
         load-module module-null-sink sink_name=speaker\n\
         load-module module-null-sink sink_name=micfeed\n\
         load-module module-remap-source source_name=mic master=micfeed.monitor\n\
         {more}\
         set-default-sink speaker\nset-default-source mic\n",
        socket(folder).display()
    );
    fs::write(&script, commands).expect("the sound server's script");
    let mut command = Command::new("pulseaudio");
    private(&mut command, folder);
    command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--disallow-exit", "--use-pid-file=no", "-F"]);
    command.arg(script);
    command
}

/// The socket of the server in this folder.
pub(crate) fn socket(folder: &Path) -> PathBuf {
    folder.join("native")
}

/// Keeps PulseAudio's programs away from the sound server of the user who runs the tests.
pub(crate) fn private(command: &mut Command, folder: &Path) {
    command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder).env("XDG_CONFIG_HOME", folder);
    command.env_remove("PULSE_SERVER").env_remove("DISPLAY").env_remove("DBUS_SESSION_BUS_ADDRESS");
}
