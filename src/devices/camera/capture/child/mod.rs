//! The capture process itself: `visavis capture-camera`, and what it has in common with `visavis capture-screen`.
//!
//! It ends when its standard input ends, so it cannot outlive the program that started it.

mod fault;
#[cfg(feature = "window")]
mod formats;
#[cfg(feature = "window")]
mod native;
// On Linux for its tests alone.
#[cfg(all(feature = "window", any(test, not(target_os = "linux"))))]
#[cfg_attr(target_os = "linux", allow(dead_code))]
mod nokhwa;
#[cfg(all(feature = "window", target_os = "linux"))]
mod offered;
mod output;
#[cfg(all(feature = "window", target_os = "linux"))]
mod v4l2;

#[cfg(all(feature = "window", not(target_os = "linux")))]
use self::nokhwa as system;
#[cfg(all(feature = "window", target_os = "linux"))]
use self::v4l2 as system;
use crate::base::DeviceEntry;
#[cfg(not(feature = "window"))]
use crate::devices::DeviceError;
use crate::devices::camera::frames::CameraFormat;
use crate::devices::thread::Stop;
use fault::CaptureFault;
pub(in crate::devices) use output::{CaptureEnd, FrameWriter};
use std::io::{self, Read};
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;

/// How long an orderly end may take, 100 ms: one frame at 10 a second. Then the process exits at once.
const EXIT_GRACE: Duration = Duration::from_millis(100);

/// Captures from `device` until standard input ends, in the pixel format `only` if one is given. Frames go to standard
/// output in the format of [`super::framing`].
/// The exit code is 1 if the camera failed.
pub(crate) fn capture(device: &str, format: CameraFormat, only: Option<[u8; 4]>) -> ExitCode {
    run_child(device, format, |output| capture_native(device, format, only, output))
}

/// Runs a capture process: `native` captures the device of this id, unless it is a fault in `format`.
pub(in crate::devices) fn run_child(
    id: &str,
    format: CameraFormat,
    native: impl FnOnce(&mut FrameWriter) -> CaptureEnd,
) -> ExitCode {
    let fault = CaptureFault::of(id);
    let keeps_running = matches!(fault, Some(Ok(fault)) if fault.keeps_running());
    let Ok(stop) = begin_child(keeps_running) else { return ExitCode::FAILURE };
    let mut output = FrameWriter::new(stop);
    let end = match fault {
        Some(Ok(fault)) => fault.capture(format, &mut output),
        Some(Err(error)) => CaptureEnd::Failed(error),
        None => native(&mut output),
    };
    match end {
        CaptureEnd::Asked => ExitCode::SUCCESS,
        CaptureEnd::Failed(error) => {
            output.failed(&error).ok();
            ExitCode::FAILURE
        }
    }
}

/// Ties this process to the one that started it. The result asks for the end when standard input ends.
pub(in crate::devices) fn begin_child(keeps_running: bool) -> io::Result<Stop> {
    die_with_parent();
    let stop = Stop::default();
    watch_input(stop.clone(), keeps_running)?;
    Ok(stop)
}

/// The cameras of this computer, as `visavis capture-camera --list` prints them.
pub(crate) fn cameras() -> Vec<DeviceEntry> {
    #[cfg(feature = "window")]
    return system::list();
    #[cfg(not(feature = "window"))]
    Vec::new()
}

#[cfg(feature = "window")]
fn capture_native(device: &str, format: CameraFormat, only: Option<[u8; 4]>, output: &mut FrameWriter) -> CaptureEnd {
    match system::capture(device, format, only, output) {
        Ok(()) => CaptureEnd::Asked,
        Err(end) => end,
    }
}

#[cfg(not(feature = "window"))]
fn capture_native(device: &str, _: CameraFormat, _: Option<[u8; 4]>, _: &mut FrameWriter) -> CaptureEnd {
    DeviceError::NotFound(format!("{device}: this build of Visavis has only synthetic devices")).into()
}

/// Makes the system kill this process when the thread that started it ends, even while a driver blocks all threads here.
fn die_with_parent() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)) {
        tracing::debug!(%error, "the capture process may outlive its parent while a driver hangs");
    }
}

/// Asks for the end when standard input ends, and exits after [`EXIT_GRACE`] unless `keeps_running`.
fn watch_input(stop: Stop, keeps_running: bool) -> io::Result<()> {
    let watch = move || {
        let mut ignored = [0; 64];
        while io::stdin().read(&mut ignored).is_ok_and(|n| n > 0) {}
        stop.ask(EXIT_GRACE);
        thread::sleep(EXIT_GRACE);
        if !keeps_running {
            process::exit(0);
        }
    };
    thread::Builder::new().name("input".into()).spawn(watch).map(drop)
}
