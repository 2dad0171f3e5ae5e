//! The camera's capture process, seen from the program that wants its pictures.
//!
//! A driver can hang, crash or keep a camera open after it was told to close it. So the camera is opened by another
//! process (`visavis capture-camera`, [`child`]), which writes its pictures to its standard output ([`framing`]) and
//! ends when its standard input does, however this program ends. What does not end in time is killed; then the system
//! closes the camera.

mod child;
mod framing;
mod list;
#[cfg(feature = "window")]
mod native;
#[cfg(all(test, unix))]
mod tests;

pub(crate) use child::{capture, list as list_cameras};
pub(in crate::devices) use list::cameras;

use crate::base::StepState;
use crate::devices::DeviceError;
use crate::devices::camera::{CameraFormat, CameraOutput, OpenedCamera};
use crate::devices::thread::{Closed, Opened, Stop};
use framing::{FramingError, Message};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// An open camera that gives no picture for so long is dead.
const STALL: Duration = Duration::from_secs(5);

/// How long before the end of its time a process is killed that does not end.
const RESERVE: Duration = Duration::from_millis(250);

/// The program that captures.
#[derive(Clone, Debug)]
pub(in crate::devices) struct CaptureProgram {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl CaptureProgram {
    /// This very program's hidden subcommand.
    pub(in crate::devices) fn ours() -> Self {
        let path = std::env::current_exe().ok().filter(|path| path.exists());
        // An update may have replaced the file that we were started from; the running one is still there.
        Self { path: path.unwrap_or_else(|| "/proc/self/exe".into()), arguments: vec!["capture-camera".into()] }
    }

    /// Another program, for tests.
    #[cfg(all(test, unix))]
    pub(super) fn other(path: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        Self { path: path.into(), arguments: arguments.iter().map(Into::into).collect() }
    }

    fn start(&self, arguments: &[&str]) -> Result<Child, DeviceError> {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        #[cfg(windows)]
        {
            /// `CREATE_NO_WINDOW`: no console window flashes up.
            const NO_WINDOW: u32 = 0x0800_0000;
            std::os::windows::process::CommandExt::creation_flags(&mut command, NO_WINDOW);
        }
        command.spawn().map_err(|e| DeviceError::Other(format!("the capture process cannot be started: {e}")))
    }
}

/// Captures from `device` until it is told to stop.
pub(super) fn run(
    program: &CaptureProgram,
    device: &str,
    format: CameraFormat,
    stop: &Stop,
    opened: Opened<OpenedCamera>,
    output: &CameraOutput,
) -> Closed {
    let (width, height, fps) = (format.width.to_string(), format.height.to_string(), format.fps.to_string());
    let arguments = ["--device", device, "--width", &width, "--height", &height, "--fps", &fps];
    let process = match program.start(&arguments).and_then(|child| Process::new(child, stop, output)) {
        Ok(process) => process,
        Err(e) => {
            opened.tell(Err(e));
            return Closed::confirmed();
        }
    };
    stop.wait_for(None, || process.pipe.lock().opened.is_some());
    let told = process.pipe.lock().opened.take();
    match told {
        // Told to stop while it opens.
        None => return process.close(stop),
        Some(Err(e)) => {
            let closed = process.close(stop);
            opened.tell(Err(e));
            return closed;
        }
        Some(Ok(facts)) => opened.tell(Ok(facts)),
    }
    if let Some(error) = process.watch(stop) {
        let closed = process.close(stop);
        output.failed(error);
        stop.wait();
        return closed;
    }
    process.close(stop)
}

/// A capture process and the thread that reads its pictures.
struct Process {
    child: Child,
    reader: Option<JoinHandle<()>>,
    pipe: Arc<Pipe>,
}

/// What the reader knows.
#[derive(Default)]
struct Pipe(Mutex<PipeState>);

#[derive(Default)]
struct PipeState {
    /// Until the owner takes it.
    opened: Option<Result<OpenedCamera, DeviceError>>,
    was_opened: bool,
    last_frame: Option<Instant>,
    /// Why there are no more pictures.
    ended: Option<DeviceError>,
}

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, PipeState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, error: DeviceError) {
        let mut state = self.lock();
        if state.ended.is_none() {
            state.ended = Some(error.clone());
        }
        if !state.was_opened {
            state.was_opened = true;
            state.opened = Some(Err(error));
        }
    }
}

impl Process {
    fn new(mut child: Child, stop: &Stop, output: &CameraOutput) -> Result<Self, DeviceError> {
        let pipe = Arc::new(Pipe::default());
        let stdout = child.stdout.take();
        let (theirs, stop, output) = (pipe.clone(), stop.clone(), output.clone());
        let reader = thread::Builder::new().name("camera-pipe".into()).spawn(move || {
            let end = EndOfPipe { pipe: theirs, stop };
            if let Some(stdout) = stdout {
                end.pipe.end(read(stdout, &end, &output));
            }
        });
        match reader {
            Ok(reader) => Ok(Self { child, reader: Some(reader), pipe }),
            Err(e) => {
                let now = Instant::now();
                end_process(child, || now);
                Err(DeviceError::Other(format!("no thread for the camera: {e}")))
            }
        }
    }

    /// Waits until the camera is to be closed, or dies: then the result says how.
    fn watch(&self, stop: &Stop) -> Option<DeviceError> {
        let mut since = Instant::now();
        loop {
            if stop.wait_for(Some(since + STALL), || self.pipe.lock().ended.is_some()) {
                return None;
            }
            let state = self.pipe.lock();
            if let Some(error) = &state.ended {
                return Some(error.clone());
            }
            match state.last_frame {
                Some(last) if last > since => since = last,
                _ => {
                    let seconds = STALL.as_secs();
                    return Some(DeviceError::Other(format!("the camera gave no picture for {seconds} seconds")));
                }
            }
        }
    }

    /// Ends the process: kindly, and then not.
    fn close(mut self, stop: &Stop) -> Closed {
        let own_limit = Instant::now() + 2 * RESERVE;
        let deadline = || stop.deadline().unwrap_or(own_limit);
        let closed = end_process(self.child, deadline);
        if let Some(reader) = self.reader.take()
            && until(deadline, || reader.is_finished().then_some(())).is_none()
        {
            tracing::warn!("the taker of the camera's pictures does not return");
        }
        closed
    }
}

/// Makes sure that the owner hears of the reader's end, also of its panic.
struct EndOfPipe {
    pipe: Arc<Pipe>,
    stop: Stop,
}

impl Drop for EndOfPipe {
    fn drop(&mut self) {
        self.pipe.end(DeviceError::Other("the camera's pictures cannot be taken any more".into()));
        self.stop.nudge();
    }
}

/// Reads until the pipe ends and says why. Pictures that come after the wish to close are read, so that their writer
/// does not block, and dropped.
fn read(mut stdout: ChildStdout, end: &EndOfPipe, output: &CameraOutput) -> DeviceError {
    loop {
        match Message::read(&mut stdout) {
            Ok(Message::Opened(facts)) => {
                let mut state = end.pipe.lock();
                if state.was_opened {
                    return DeviceError::Other("the capture process opened twice".into());
                }
                state.was_opened = true;
                state.opened = Some(Ok(facts));
                drop(state);
                end.stop.nudge();
            }
            Ok(Message::Frame(frame)) => {
                let mut state = end.pipe.lock();
                if !state.was_opened {
                    return DeviceError::Other("the capture process sent a picture before it opened".into());
                }
                state.last_frame = Some(Instant::now());
                drop(state);
                if !end.stop.asked() {
                    (output.sink)(Arc::new(frame));
                }
            }
            Ok(Message::Failed(error)) => return error,
            Err(FramingError::Pipe(_)) => return DeviceError::Other("the capture process ended by itself".into()),
            Err(e @ FramingError::Garbage(_)) => return DeviceError::Other(e.to_string()),
        }
    }
}

/// Closes the process's standard input, which asks it to end, waits, kills it, waits. The device is closed when the
/// process is gone. The deadline may come nearer meanwhile.
fn end_process(mut child: Child, deadline: impl Fn() -> Instant) -> Closed {
    drop(child.stdin.take());
    let began = Instant::now();
    let patience = || {
        let left = deadline().saturating_duration_since(began);
        began + left.saturating_sub(RESERVE.min(left / 2))
    };
    if let Some(status) = until(patience, || gone(&mut child)) {
        tracing::debug!(?status, "the capture process ended");
        return Closed::confirmed();
    }
    let pid = child.id();
    tracing::warn!(pid, "the capture process does not end and is killed");
    let killed = child.kill();
    let last = Instant::now() + RESERVE / 2;
    if until(|| deadline().max(last), || gone(&mut child)).is_some() {
        let detail = "its driver did not let go and had to be stopped".into();
        return Closed { state: StepState::Confirmed, detail };
    }
    // Nothing more can be done, but it must not stay a zombie if it does end.
    let reaper = thread::Builder::new().name("camera-reaper".into()).spawn(move || child.wait());
    let why = killed.err().or(reaper.err()).map(|e| format!(": {e}")).unwrap_or_default();
    Closed { state: StepState::Unconfirmed, detail: format!("the capture process {pid} could not be stopped{why}") }
}

/// The exit status of a process that is gone, which takes it out of the system's table.
fn gone(child: &mut Child) -> Option<String> {
    match child.try_wait() {
        Ok(status) => status.map(|s| s.to_string()),
        Err(e) => Some(e.to_string()),
    }
}

/// Looks every millisecond until `deadline`, which may change, for a result of `look`.
fn until<T>(deadline: impl Fn() -> Instant, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= deadline() {
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
