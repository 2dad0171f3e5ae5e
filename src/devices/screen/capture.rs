//! What can be shared, and the capture process of screens itself: `visavis capture-screen`.

#[cfg(all(feature = "window", target_os = "linux"))]
use super::x11 as system;
use crate::base::{ScreenSources, SharingSupport};
use crate::devices::DeviceError;
use crate::devices::camera::CameraFormat;
use crate::devices::camera::capture::{CaptureEnd, FrameWriter, begin_child, run_child};
use std::io;
use std::process::ExitCode;

/// The test picture of a capture process with a fault.
const FAULTY: CameraFormat = CameraFormat { width: 640, height: 360, fps: 10 };

/// Captures the screen or window `source` until standard input ends. Its changes go to standard output.
/// The exit code is 1 if the capture failed.
pub(crate) fn capture_screen(source: &str) -> ExitCode {
    run_child(source, FAULTY, |output| capture_native(source, output))
}

/// The screens and windows of this computer, as `visavis capture-screen --list` prints them.
pub(crate) fn screen_sources() -> ScreenSources {
    #[cfg(all(feature = "window", target_os = "linux"))]
    return system::list();
    #[cfg(not(all(feature = "window", target_os = "linux")))]
    ScreenSources { support: SharingSupport::System, sources: Vec::new() }
}

/// Passes the screens and windows of this computer to `found`, with pictures that are at most so many pixels wide, again
/// and again until standard input ends or `found` fails.
pub(crate) fn watch_sources(width: u16, found: impl FnMut(&ScreenSources) -> io::Result<()>) -> ExitCode {
    let Ok(stop) = begin_child(false) else { return ExitCode::FAILURE };
    #[cfg(all(feature = "window", target_os = "linux"))]
    let watched = system::watch(width, &stop, found);
    #[cfg(not(all(feature = "window", target_os = "linux")))]
    let watched = {
        let (_, mut found) = (width, found);
        found(&screen_sources()).map(|()| stop.wait())
    };
    if watched.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(all(feature = "window", target_os = "linux"))]
fn capture_native(source: &str, output: &mut FrameWriter) -> CaptureEnd {
    match system::support() {
        SharingSupport::Yes => match system::capture(source, output) {
            Ok(()) => CaptureEnd::Asked,
            Err(end) => end,
        },
        support => unsupported(support).into(),
    }
}

#[cfg(not(all(feature = "window", target_os = "linux")))]
fn capture_native(_: &str, _: &mut FrameWriter) -> CaptureEnd {
    unsupported(SharingSupport::System).into()
}

/// The error where nothing real can be shared.
fn unsupported(support: SharingSupport) -> DeviceError {
    DeviceError::Unreadable(match support {
        SharingSupport::Yes => "Sharing works here.".to_owned(),
        SharingSupport::Wayland => {
            "This version cannot share a screen in a Wayland session. Log in with X11 to share.".to_owned()
        }
        SharingSupport::NoDisplay => "There is no display here whose screen could be shared.".to_owned(),
        SharingSupport::System => "This version can share a screen only on Linux with X11.".to_owned(),
    })
}
