//! The cameras `capture-process:FAULT`: the test picture from a capture process with a fault, so that tests and support
//! can see what a call does when a driver fails.

use super::output::{CaptureEnd, FrameWriter};
use crate::clock::unix_us;
use crate::devices::DeviceError;
use crate::devices::camera::frames::CameraFormat;
use crate::devices::ticker::Ticker;
use crate::testcard::FramePainter;
use std::process;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

/// How long a slow camera takes to open.
const SLOW_OPEN: Duration = Duration::from_secs(2);

/// Frames before a fault shows.
const GOOD_FRAMES: u32 = 10;

/// The faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CaptureFault {
    /// `none`: nothing.
    None,
    /// `hang-at-open`: the camera never opens and never closes.
    HangAtOpen,
    /// `slow-to-open`: the camera takes two seconds to open.
    SlowToOpen,
    /// `hang-at-close`: the process does not end when it should.
    HangAtClose,
    /// `stall`: no frame comes after ten, and the camera never closes.
    Stall,
    /// `crash`: the process ends after ten frames.
    Crash,
    /// `abort`: after ten frames the process ends by a signal, as native code does that is broken.
    Abort,
    /// `garbage`: after ten frames the process writes bytes that are no message.
    Garbage,
    /// `unplugged`: the camera is unplugged after ten frames.
    Unplugged,
    /// `busy`: another program holds the camera.
    Busy,
    /// `forbidden`: the camera may not be used.
    Forbidden,
    /// `unreadable`: the camera has no pixel format that can be read.
    Unreadable,
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
            "abort" => Self::Abort,
            "garbage" => Self::Garbage,
            "unplugged" => Self::Unplugged,
            "busy" => Self::Busy,
            "forbidden" => Self::Forbidden,
            "unreadable" => Self::Unreadable,
            _ => return Err(DeviceError::NotFound(format!("capture-process:{name}"))),
        })
    }
}

impl CaptureFault {
    /// The fault that a device id names; `None` for a real camera.
    pub(super) fn of(device: &str) -> Option<Result<Self, DeviceError>> {
        // A format may follow the fault; the arguments repeat it.
        let fault = device.strip_prefix("capture-process:")?;
        Some(fault.split(':').next().unwrap_or_default().parse())
    }

    /// Whether the process stays when it is asked to end.
    pub(super) const fn keeps_running(self) -> bool {
        matches!(self, Self::HangAtOpen | Self::HangAtClose | Self::Stall)
    }

    /// Captures the test picture with the fault.
    pub(super) fn capture(self, format: CameraFormat, output: &mut FrameWriter) -> CaptureEnd {
        match self {
            Self::HangAtOpen => hang(),
            Self::SlowToOpen => thread::sleep(SLOW_OPEN),
            Self::Busy => return DeviceError::Busy("Device or resource busy (os error 16)".into()).into(),
            Self::Forbidden => return DeviceError::Forbidden("Permission denied (os error 13)".into()).into(),
            #[cfg(feature = "window")]
            Self::Unreadable => return super::formats::unreadable(&[*b"H264"]).into(),
            _ => {}
        }
        let drawn = self.draw(format, output);
        match self {
            Self::HangAtClose | Self::Stall => hang(),
            Self::Crash => process::exit(101),
            Self::Abort => process::abort(),
            Self::Garbage => {
                output.garbage().ok();
                hang()
            }
            Self::Unplugged => DeviceError::Unplugged("No such device (os error 19)".into()).into(),
            _ => drawn,
        }
    }

    fn draw(self, format: CameraFormat, output: &mut FrameWriter) -> CaptureEnd {
        let mut painter = match FramePainter::new(format.width, format.height, "") {
            Ok(painter) => painter,
            Err(e) => return DeviceError::Other(e.to_string()).into(),
        };
        if let Err(e) = output.opened("Test picture of a capture process", format) {
            return e.into();
        }
        let frames = match self {
            Self::None | Self::SlowToOpen | Self::HangAtClose => u32::MAX,
            _ => GOOD_FRAMES,
        };
        let mut ticker = Ticker::new(format.interval());
        for number in 0..frames {
            if !ticker.tick(output.stop()) {
                break;
            }
            let now = unix_us();
            let written = match painter.paint(number, now / 1000, now) {
                Ok(frame) => output.frame(&frame),
                Err(e) => return DeviceError::Other(e.to_string()).into(),
            };
            if written.is_err() {
                break;
            }
        }
        CaptureEnd::Asked
    }
}

/// Hangs like a driver, for a minute at most: nobody kills this process if the test that started it is killed.
fn hang() -> ! {
    thread::sleep(Duration::from_secs(60));
    process::exit(102)
}
