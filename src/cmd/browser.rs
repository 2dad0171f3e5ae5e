//! Shows a page in the user's browser, by the program that the system has for that.

use std::process::Stdio;
use tokio::process::Command;

/// Asks for it, and does not wait. What goes wrong is a line in the log.
pub(super) fn show(page: &str) {
    let program: &[&str] = if cfg!(target_os = "macos") {
        &["open"]
    } else if cfg!(windows) {
        &["rundll32", "url.dll,FileProtocolHandler"]
    } else {
        &["xdg-open"]
    };
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Err(error) = command.spawn() {
        tracing::warn!(%error, page, "the browser could not be opened");
    }
}
