//! The capture process from within: `visavis capture-camera`.
//!
//! It ends when its standard input does. So it cannot outlive the program that started it, whatever becomes of that.

use super::framing;
use crate::base::VideoFrame;
use crate::clock::unix_us;
use crate::devices::camera::CameraFormat;
use crate::devices::thread::Stop;
use crate::devices::ticker::Ticker;
use crate::devices::{DeviceEntry, DeviceError};
use crate::testcard::FramePainter;
use std::io::{self, Read, StdoutLock};
use std::process::{self, ExitCode};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

/// How long an orderly end may take: a picture's time at 10 a second. Then the process just ends.
const GRACE: Duration = Duration::from_millis(100);

/// How long a slow camera takes to open.
const SLOW: Duration = Duration::from_secs(2);

/// What `capture-process:FAULT` does, so that tests and support can see what becomes of a call when a driver fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CaptureFault {
    /// `none`: it draws the test picture and does nothing wrong.
    None,
    /// `hang-at-open`: the camera never opens, and never closes.
    HangAtOpen,
    /// `slow-to-open`: it takes two seconds to open, and then does nothing wrong.
    SlowToOpen,
    /// `hang-at-close`: it draws the test picture and does not end when it should.
    HangAtClose,
    /// `stall`: after ten pictures none comes, and the camera never closes.
    Stall,
    /// `crash`: it ends after ten pictures.
    Crash,
    /// `garbage`: after ten pictures it writes what is none.
    Garbage,
    /// `unplugged`: after ten pictures the camera goes away.
    Unplugged,
    /// `busy`: another program holds the camera.
    Busy,
    /// `forbidden`: the camera may not be used.
    Forbidden,
}

impl FromStr for CaptureFault {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        Ok(match name {
            "none" => Self::None,
            "hang-at-open" => Self::HangAtOpen,
            "slow-to-open" => Self::SlowToOpen,
            "hang-at-close" => Self::HangAtClose,
            "stall" => Self::Stall,
            "crash" => Self::Crash,
            "garbage" => Self::Garbage,
            "unplugged" => Self::Unplugged,
            "busy" => Self::Busy,
            "forbidden" => Self::Forbidden,
            _ => return Err(DeviceError::NotFound(format!("capture-process:{name}"))),
        })
    }
}

/// Where pictures go, and whether they are wanted any longer.
pub(super) struct FrameWriter {
    pipe: StdoutLock<'static>,
    stop: Stop,
}

impl FrameWriter {
    /// Says that the camera is open and in which format. An error means that nobody reads any more.
    pub(super) fn opened(&mut self, label: &str, format: CameraFormat) -> io::Result<()> {
        framing::write_opened(&mut self.pipe, label, format)
    }

    /// Hands a picture over.
    pub(super) fn frame(&mut self, frame: &VideoFrame) -> io::Result<()> {
        framing::write_frame(&mut self.pipe, frame)
    }

    /// Whether the camera is to be closed.
    #[cfg(feature = "window")]
    pub(super) fn stopped(&self) -> bool {
        self.stop.asked()
    }
}

/// How capturing ended.
pub(super) enum CaptureEnd {
    /// As it was asked for, or nobody reads any more.
    Asked,
    /// The camera cannot be used, or cannot any more.
    Failed(DeviceError),
}

impl From<io::Error> for CaptureEnd {
    fn from(_: io::Error) -> Self {
        Self::Asked
    }
}

/// Captures from `device` until the standard input ends. Pictures go to the standard output as [`super::framing`]
/// describes it. The exit code is 1 when the camera failed.
pub(crate) fn capture(device: &str, format: CameraFormat) -> ExitCode {
    die_with_parent();
    let stop = Stop::default();
    // A format may follow the fault; it came by itself.
    let fault = device
        .strip_prefix("capture-process:")
        .map(|f| f.split(':').next().unwrap_or_default().parse::<CaptureFault>());
    let stubborn =
        matches!(fault, Some(Ok(CaptureFault::HangAtOpen | CaptureFault::HangAtClose | CaptureFault::Stall)));
    if watch_input(stop.clone(), stubborn).is_err() {
        return ExitCode::FAILURE;
    }
    let mut output = FrameWriter { pipe: io::stdout().lock(), stop };
    let end = match fault {
        Some(Ok(fault)) => play(fault, format, &mut output),
        Some(Err(error)) => CaptureEnd::Failed(error),
        None => native(device, format, &mut output),
    };
    match end {
        CaptureEnd::Asked => ExitCode::SUCCESS,
        CaptureEnd::Failed(error) => {
            framing::write_failed(&mut output.pipe, &error).ok();
            ExitCode::FAILURE
        }
    }
}

/// The cameras of this computer.
pub(crate) fn list() -> Vec<DeviceEntry> {
    #[cfg(feature = "window")]
    return super::native::list();
    #[cfg(not(feature = "window"))]
    Vec::new()
}

#[cfg(feature = "window")]
fn native(device: &str, format: CameraFormat, output: &mut FrameWriter) -> CaptureEnd {
    match super::native::capture(device, format, output) {
        Ok(()) => CaptureEnd::Asked,
        Err(end) => end,
    }
}

#[cfg(not(feature = "window"))]
fn native(device: &str, _: CameraFormat, _: &mut FrameWriter) -> CaptureEnd {
    CaptureEnd::Failed(DeviceError::NotFound(format!("{device}: this build of Visavis has only synthetic devices")))
}

/// Has the system end this process when the thread that started it is gone, also where a driver holds up everything here.
fn die_with_parent() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)) {
        tracing::debug!(%error, "the capture process may outlive its parent while a driver hangs");
    }
}

/// Asks for the end when the standard input ends, and after a moment of grace ends without asking.
fn watch_input(stop: Stop, stubborn: bool) -> io::Result<()> {
    let watch = move || {
        let mut ignored = [0; 64];
        while io::stdin().read(&mut ignored).is_ok_and(|n| n > 0) {}
        stop.ask(GRACE);
        thread::sleep(GRACE);
        if !stubborn {
            process::exit(0);
        }
    };
    thread::Builder::new().name("input".into()).spawn(watch).map(drop)
}

/// Plays a camera that has the fault.
fn play(fault: CaptureFault, format: CameraFormat, output: &mut FrameWriter) -> CaptureEnd {
    match fault {
        CaptureFault::HangAtOpen => hang(),
        CaptureFault::SlowToOpen => thread::sleep(SLOW),
        CaptureFault::Busy => {
            return CaptureEnd::Failed(DeviceError::Busy("Device or resource busy (os error 16)".into()));
        }
        CaptureFault::Forbidden => {
            return CaptureEnd::Failed(DeviceError::Forbidden("Permission denied (os error 13)".into()));
        }
        _ => {}
    }
    let drawn = draw(fault, format, output);
    match fault {
        CaptureFault::HangAtClose | CaptureFault::Stall => hang(),
        CaptureFault::Crash => process::exit(101),
        CaptureFault::Garbage => {
            io::Write::write_all(&mut output.pipe, &[0x55; 4096]).ok();
            hang()
        }
        CaptureFault::Unplugged => CaptureEnd::Failed(DeviceError::Unplugged("No such device (os error 19)".into())),
        _ => drawn,
    }
}

fn draw(fault: CaptureFault, format: CameraFormat, output: &mut FrameWriter) -> CaptureEnd {
    let mut painter = match FramePainter::new(format.width, format.height, "") {
        Ok(painter) => painter,
        Err(e) => return CaptureEnd::Failed(DeviceError::Other(e.to_string())),
    };
    if let Err(e) = output.opened("Test picture of a capture process", format) {
        return e.into();
    }
    let last = if matches!(fault, CaptureFault::None | CaptureFault::SlowToOpen | CaptureFault::HangAtClose) {
        u32::MAX
    } else {
        10
    };
    let mut ticker = Ticker::new(format.interval());
    for number in 0..last {
        if !ticker.tick(&output.stop) {
            break;
        }
        let now = unix_us();
        let written = match painter.paint(number, now / 1000, now) {
            Ok(frame) => output.frame(&frame),
            Err(e) => return CaptureEnd::Failed(DeviceError::Other(e.to_string())),
        };
        if written.is_err() {
            break;
        }
    }
    CaptureEnd::Asked
}

/// Hangs as a driver would. Only for so long, because nobody kills it when a test is killed.
fn hang() -> ! {
    thread::sleep(Duration::from_secs(60));
    process::exit(102)
}
