//! The capture process of a camera or a screen, from the side of the program that uses it.
//!
//! A driver can hang, crash, or keep a camera open after it was told to close it. So another process opens the camera
//! (`visavis capture-camera`, [`child`]), or captures the screen (`visavis capture-screen`), writes its frames to standard output ([`framing`]), and ends when its standard
//! input does, however this program ends. A process that does not end in time is killed; then the system closes the
//! camera.

mod child;
mod framing;
mod list;
mod process;
#[cfg(all(test, unix))]
mod tests;

pub(in crate::devices) use child::{CaptureEnd, FrameWriter, begin_child, run_child};
pub(crate) use child::{cameras, capture};
pub(in crate::devices) use list::list_json;
pub(in crate::devices) use process::{CaptureProgram, end_process};

use super::frames::{CameraFormat, OpenedVideo};
use super::output::VideoOutput;
use crate::devices::DeviceError;
use crate::devices::thread::{Closed, OpenReport, Stop};
use framing::{FramingError, Message};
use parking_lot::Mutex;
use process::{KILL_RESERVE, poll_until};
use std::process::{Child, ChildStdout};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// An open camera that gives no frame for this long has failed. Time in which this process stands still, because it is
/// stopped or the machine is asleep, does not count.
const STALL_LIMIT: Duration = Duration::from_secs(5);
/// Time between two looks for a new frame.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What a capture process is started for.
pub(in crate::devices) struct CaptureJob {
    arguments: Vec<String>,
    /// An open device that gives no frame for this long has failed; `None` for one that may stand still.
    stall: Option<Duration>,
}

impl CaptureJob {
    /// Frames of a camera, in a format near this one.
    pub(super) fn camera(device: &str, format: CameraFormat) -> Self {
        let CameraFormat { width, height, fps } = format;
        let numbers = [("--width", width), ("--height", height), ("--fps", fps)];
        let mut arguments = vec!["--device".to_owned(), device.to_owned()];
        arguments.extend(numbers.into_iter().flat_map(|(name, n)| [name.to_owned(), n.to_string()]));
        Self { arguments, stall: Some(STALL_LIMIT) }
    }

    /// The changes of a screen or a window.
    pub(in crate::devices) fn screen(source: &str) -> Self {
        Self { arguments: vec!["--source".to_owned(), source.to_owned()], stall: None }
    }
}

/// Captures until it is told to stop.
pub(in crate::devices) fn run(
    program: &CaptureProgram,
    job: &CaptureJob,
    stop: &Stop,
    opened: OpenReport<OpenedVideo>,
    output: &VideoOutput,
) -> Closed {
    let arguments: Vec<&str> = job.arguments.iter().map(String::as_str).collect();
    let process = match program.start(&arguments).and_then(|child| CaptureProcess::new(child, stop, output)) {
        Ok(process) => process,
        Err(e) => {
            opened.tell(Err(e));
            return Closed::confirmed();
        }
    };
    stop.wait_for(None, || process.reader_state.lock().opened.is_some());
    let result = process.reader_state.lock().opened.take();
    match result {
        // The camera is to be closed before it has opened.
        None => return process.close(stop),
        Some(Err(e)) => {
            let closed = process.close(stop);
            opened.tell(Err(e));
            return closed;
        }
        Some(Ok(camera)) => opened.tell(Ok(camera)),
    }
    if let Some(error) = process.watch(job.stall, stop) {
        let closed = process.close(stop);
        output.failed(error);
        stop.wait();
        return closed;
    }
    process.close(stop)
}

/// A capture process and the thread that reads its frames.
struct CaptureProcess {
    child: Child,
    reader: Option<JoinHandle<()>>,
    reader_state: Arc<Mutex<ReaderState>>,
}

/// The messages that the reading thread has received.
#[derive(Default)]
struct ReaderState {
    /// The result of opening, until the device's thread takes it.
    opened: Option<Result<OpenedVideo, DeviceError>>,
    was_opened: bool,
    last_frame: Option<Instant>,
    /// Why no more frames come.
    ended: Option<DeviceError>,
}

impl ReaderState {
    fn end(&mut self, error: DeviceError) {
        if self.ended.is_none() {
            self.ended = Some(error.clone());
        }
        if !self.was_opened {
            self.was_opened = true;
            self.opened = Some(Err(error));
        }
    }
}

impl CaptureProcess {
    fn new(mut child: Child, stop: &Stop, output: &VideoOutput) -> Result<Self, DeviceError> {
        let reader_state = Arc::<Mutex<ReaderState>>::default();
        let stdout = child.stdout.take();
        let (state, stop, output) = (reader_state.clone(), stop.clone(), output.clone());
        let reader = thread::Builder::new().name("camera-pipe".into()).spawn(move || {
            let guard = EndGuard { state, stop };
            if let Some(stdout) = stdout {
                let error = read(stdout, &guard, &output);
                guard.state.lock().end(error);
            }
        });
        match reader {
            Ok(reader) => Ok(Self { child, reader: Some(reader), reader_state }),
            Err(e) => {
                let now = Instant::now();
                end_process(child, || now);
                Err(DeviceError::Other(format!("no thread for the camera: {e}")))
            }
        }
    }

    /// Waits until the device is to be closed (`None`) or fails, also by giving no frame for the time `stall`.
    fn watch(&self, stall: Option<Duration>, stop: &Stop) -> Option<DeviceError> {
        let mut silence = Duration::ZERO;
        while stall.is_none_or(|limit| silence < limit) {
            let began = Instant::now();
            if stop.wait_for(Some(began + LOOK_EVERY), || self.reader_state.lock().ended.is_some()) {
                return None;
            }
            let state = self.reader_state.lock();
            if let Some(error) = &state.ended {
                return Some(error.clone());
            }
            let is_silent = state.last_frame.is_none_or(|at| at < began);
            silence = if is_silent { silence + began.elapsed().min(2 * LOOK_EVERY) } else { Duration::ZERO };
        }
        Some(DeviceError::Other(format!("the camera gave no picture for {} seconds", STALL_LIMIT.as_secs())))
    }

    /// Ends the process, by force if it does not end by itself.
    fn close(mut self, stop: &Stop) -> Closed {
        let default = Instant::now() + 2 * KILL_RESERVE;
        let deadline = || stop.deadline().unwrap_or(default);
        let closed = end_process(self.child, deadline);
        if let Some(reader) = self.reader.take()
            && poll_until(deadline, || reader.is_finished().then_some(())).is_none()
        {
            tracing::warn!("the sink of the camera's frames does not return");
        }
        closed
    }
}

/// Tells the device's thread when the reader ends, also by a panic.
struct EndGuard {
    state: Arc<Mutex<ReaderState>>,
    stop: Stop,
}

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.state.lock().end(DeviceError::Other("the camera's pictures cannot be taken any more".into()));
        self.stop.nudge();
    }
}

/// Reads until the pipe ends and returns why. Frames that come after the request to close are read, so that the process
/// does not block on its pipe, and dropped.
fn read(mut stdout: ChildStdout, guard: &EndGuard, output: &VideoOutput) -> DeviceError {
    loop {
        match Message::read(&mut stdout) {
            Ok(Message::Opened(camera)) => {
                let mut state = guard.state.lock();
                if state.was_opened {
                    return DeviceError::Other("the capture process opened twice".into());
                }
                state.was_opened = true;
                state.opened = Some(Ok(camera));
                drop(state);
                guard.stop.nudge();
            }
            Ok(Message::Frame(frame)) => {
                let mut state = guard.state.lock();
                if !state.was_opened {
                    return DeviceError::Other("the capture process sent a picture before it opened".into());
                }
                state.last_frame = Some(Instant::now());
                drop(state);
                if !guard.stop.asked() {
                    (output.sink)(Arc::new(frame));
                }
            }
            Ok(Message::Failed(error)) => return error,
            Err(FramingError::Pipe(_)) => return DeviceError::Other("the capture process ended by itself".into()),
            Err(e @ FramingError::Garbage(_)) => return DeviceError::Other(e.to_string()),
        }
    }
}
