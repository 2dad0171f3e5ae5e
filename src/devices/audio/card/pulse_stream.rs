//! Starts and closes streams of PulseAudio or PipeWire within a limit.
//!
//! The client library waits for a microphone's first samples, which a wireless headset may take seconds for, and its
//! close never returns when the server has removed the stream with its device. Neither call can be cancelled. So a
//! second connection, made for that alone, asks the server to kill the connection that the stream uses.

use super::host::{AudioDirection, device_error};
use super::pulse_control::{Control, ControlError};
use crate::devices::DeviceError;
use crate::devices::thread::Stop;
use cpal::Stream;
use cpal::traits::StreamTrait;
use pulseaudio::protocol::{ClientInfoList, Command, Prop, Props, SourceOutputInfoList};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a microphone that is starting may take to finish before its connection is killed.
const START_GRACE: Duration = Duration::from_millis(100);
/// How long a stream may take to close before its connection is killed.
const CLOSE_GRACE: Duration = Duration::from_millis(300);

/// The side that closed a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClosedBy {
    /// The client library; the server may not have handled it yet.
    Client,
    /// The server, with the stream's connection.
    Server,
}

/// Starts a microphone's stream and waits for its first samples, or until `stop` asks to close; then the stream is
/// closed when this returns. It does not return while the server does not answer at all.
pub(super) fn start(stream: Stream, stop: &Stop) -> Result<Stream, DeviceError> {
    let stream = Arc::new(stream);
    let (starting, waker) = (stream.clone(), stop.clone());
    let outcome = on_thread(
        "microphone start",
        move || {
            let result = starting.play();
            drop(starting);
            result
        },
        move || waker.nudge(),
    )
    .map_err(|e| DeviceError::Other(format!("no thread to start the microphone: {e}")))?;

    let mut result = None;
    stop.wait_for(None, || {
        result = outcome.try_recv().ok();
        result.is_some()
    });
    let result = match result.or_else(|| outcome.recv_timeout(START_GRACE).ok()) {
        Some(result) => Some(result),
        None => {
            end_connection(AudioDirection::In);
            outcome.recv().ok()
        }
    };
    match (result, Arc::into_inner(stream)) {
        (Some(Ok(())), Some(stream)) => Ok(stream),
        (Some(Err(e)), _) => Err(device_error(&e)),
        _ => Err(DeviceError::Other("the microphone did not start".into())),
    }
}

/// Pauses and closes a stream. It does not return while the server does not answer at all.
pub(super) fn close(stream: Stream, direction: AudioDirection, deadline: Instant) -> ClosedBy {
    let left = deadline.saturating_duration_since(Instant::now());
    let closing = on_thread(
        "audio close",
        move || {
            if let Err(error) = stream.pause() {
                tracing::debug!(%error, "a stream was not paused");
            }
            drop(stream);
        },
        || (),
    );
    let Ok(closed) = closing else { return ClosedBy::Client };
    if closed.recv_timeout(CLOSE_GRACE.min(left / 2)).is_ok() {
        return ClosedBy::Client;
    }
    end_connection(direction);
    // An error means that the thread has ended.
    closed.recv().unwrap_or_default();
    ClosedBy::Server
}

/// Runs `work`, which may block, on a thread of its own; calls `then` when the outcome can be received.
fn on_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
    then: impl FnOnce() + Send + 'static,
) -> std::io::Result<Receiver<T>> {
    let (tell, outcome) = sync_channel(1);
    let run = move || {
        tell.send(work()).ok();
        then();
    };
    thread::Builder::new().name(name.into()).spawn(run)?;
    Ok(outcome)
}

fn end_connection(direction: AudioDirection) {
    if let Err(error) = kill_connection(direction) {
        tracing::warn!(%error, "the connection of a stream that hangs could not be killed");
    }
}

/// Kills those of our connections that record, or those that do not.
fn kill_connection(direction: AudioDirection) -> Result<(), ControlError> {
    let mut server = Control::connect()?;
    let ours = std::process::id().to_string();
    let is_ours = |props: &Props| {
        props.get(Prop::ApplicationProcessId).is_some_and(|id| id.strip_suffix(b"\0").unwrap_or(id) == ours.as_bytes())
    };
    let clients: ClientInfoList = server.ask(Command::GetClientInfoList)?;
    let recordings: SourceOutputInfoList = server.ask(Command::GetSourceOutputInfoList)?;
    for client in clients.into_iter().filter(|c| is_ours(&c.props)) {
        let records = recordings.iter().any(|r| r.client_index == Some(client.index));
        if records == (direction == AudioDirection::In) {
            server.order(Command::KillClient(client.index))?;
        }
    }
    Ok(())
}
