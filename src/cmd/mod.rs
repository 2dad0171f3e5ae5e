//! One file a subcommand; wiring only.

#[cfg(feature = "client")]
pub mod capture;
#[cfg(feature = "client")]
pub mod devices;

use std::process::ExitCode;

/// Runs the program with the arguments it was started with.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
pub mod room;
#[cfg(feature = "server")]
pub mod serve;
