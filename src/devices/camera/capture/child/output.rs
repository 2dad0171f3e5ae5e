//! The output of a capture process, and the end of capturing.

use crate::base::VideoFrame;
use crate::devices::DeviceError;
use crate::devices::camera::capture::framing;
use crate::devices::camera::frames::CameraFormat;
use crate::devices::thread::Stop;
use std::io::{self, StdoutLock, Write};

/// Writes messages to standard output. An error means that the reader is gone.
pub(in crate::devices) struct FrameWriter {
    pipe: StdoutLock<'static>,
    stop: Stop,
}

impl FrameWriter {
    pub(super) fn new(stop: Stop) -> Self {
        Self { pipe: io::stdout().lock(), stop }
    }

    /// Writes that the device is open and in which format.
    pub(in crate::devices) fn opened(&mut self, label: &str, format: CameraFormat) -> io::Result<()> {
        framing::write_opened(&mut self.pipe, label, format)
    }

    /// Writes a frame.
    pub(in crate::devices) fn frame(&mut self, frame: &VideoFrame) -> io::Result<()> {
        framing::write_frame(&mut self.pipe, frame)
    }

    /// Writes that the camera cannot be used.
    pub(super) fn failed(&mut self, error: &DeviceError) -> io::Result<()> {
        framing::write_failed(&mut self.pipe, error)
    }

    /// Writes bytes that are no message.
    pub(super) fn garbage(&mut self) -> io::Result<()> {
        self.pipe.write_all(&[0x55; 4096])
    }

    /// Tells whether the capture is to end.
    pub(in crate::devices) const fn stop(&self) -> &Stop {
        &self.stop
    }
}

/// How capturing ended.
pub(in crate::devices) enum CaptureEnd {
    /// It was asked to end, or the reader is gone.
    Asked,
    /// The camera cannot be used.
    Failed(DeviceError),
}

impl From<io::Error> for CaptureEnd {
    fn from(_: io::Error) -> Self {
        Self::Asked
    }
}

impl From<DeviceError> for CaptureEnd {
    fn from(error: DeviceError) -> Self {
        Self::Failed(error)
    }
}
