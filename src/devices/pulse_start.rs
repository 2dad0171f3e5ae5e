//! Starting a microphone on PulseAudio or PipeWire so that it can be given up.
//!
//! Our client library waits for a microphone's first sound and cannot be told to stop waiting. A wireless headset may
//! take seconds to wake, and one that sleeps for good never answers; whoever leaves meanwhile wants the microphone
//! closed. So a second connection, made for that alone, asks the server to end the one that our recordings run on.

use crate::devices::DeviceError;
use crate::devices::owner::Stop;
use cpal::Stream;
use cpal::traits::StreamTrait;
use pulseaudio::protocol::{
    self, AuthParams, AuthReply, ClientInfoList, Command, CommandReply, Prop, Props, ProtocolError, SetClientNameReply,
    SourceOutputInfoList,
};
use std::ffi::CString;
use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

/// A microphone that is just starting is left so long to finish before its connection is ended.
const GRACE: Duration = Duration::from_millis(100);
/// How long the sound server may take for each answer.
const ANSWER_LIMIT: Duration = Duration::from_millis(300);

/// Why the sound server did not take a recording away.
#[derive(Debug, thiserror::Error)]
enum TakeAwayError {
    #[error("there is no sound server")]
    NoServer,
    #[error("the sound server is out of reach: {0}")]
    Io(#[from] std::io::Error),
    #[error("the sound server did not do it: {0}")]
    Protocol(#[from] ProtocolError),
}

/// Starts a microphone's stream and waits for its first sound, or until `stop` asks for the end; then the stream is
/// closed when this returns. While the server does not answer at all it does not return.
pub(super) fn start(stream: Stream, stop: &Stop) -> Result<Stream, DeviceError> {
    let stream = Arc::new(stream);
    let (tell, outcome) = sync_channel(1);
    let (theirs, waker) = (stream.clone(), stop.clone());
    let play = move || {
        let result = theirs.play();
        drop(theirs);
        tell.send(result).ok();
        waker.nudge();
    };
    let thread = thread::Builder::new().name("microphone start".into()).spawn(play);
    thread.map_err(|e| DeviceError::Other(format!("no thread to start the microphone: {e}")))?;

    let mut result = None;
    stop.wait_for(None, || {
        result = outcome.try_recv().ok();
        result.is_some()
    });
    let result = match result.or_else(|| outcome.recv_timeout(GRACE).ok()) {
        Some(result) => Some(result),
        None => {
            if let Err(error) = end_recordings() {
                tracing::warn!(%error, "a microphone that does not start could not be taken away");
            }
            outcome.recv().ok()
        }
    };
    match (result, Arc::into_inner(stream)) {
        (Some(Ok(())), Some(stream)) => Ok(stream),
        (Some(Err(e)), _) => Err(super::sound_card::problem(&e)),
        _ => Err(DeviceError::Other("the microphone did not start".into())),
    }
}

/// Ends the connections on which this process records.
fn end_recordings() -> Result<(), TakeAwayError> {
    let mut server = Control::connect()?;
    let ours = std::process::id().to_string();
    let is_ours = |props: &Props| {
        props.get(Prop::ApplicationProcessId).is_some_and(|id| id.strip_suffix(b"\0").unwrap_or(id) == ours.as_bytes())
    };
    let clients: ClientInfoList = server.ask(Command::GetClientInfoList)?;
    let recordings: SourceOutputInfoList = server.ask(Command::GetSourceOutputInfoList)?;
    for client in clients.into_iter().filter(|c| is_ours(&c.props)) {
        if recordings.iter().any(|r| r.client_index == Some(client.index)) {
            server.order(Command::KillClient(client.index))?;
        }
    }
    Ok(())
}

/// A connection that asks and waits, with a limit.
struct Control {
    socket: BufReader<UnixStream>,
    version: u16,
    asked: u32,
}

impl Control {
    fn connect() -> Result<Self, TakeAwayError> {
        let path = pulseaudio::socket_path_from_env().ok_or(TakeAwayError::NoServer)?;
        let socket = UnixStream::connect(path)?;
        socket.set_read_timeout(Some(ANSWER_LIMIT))?;
        socket.set_write_timeout(Some(ANSWER_LIMIT))?;
        let mut server = Self { socket: BufReader::new(socket), version: protocol::MAX_VERSION, asked: 0 };
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        let version = protocol::MAX_VERSION;
        let auth = AuthParams { version, supports_shm: false, supports_memfd: false, cookie };
        let reply: AuthReply = server.ask(Command::Auth(auth))?;
        server.version = version.min(reply.version);
        let mut props = Props::new();
        props.set(Prop::ApplicationName, CString::from(c"Visavis"));
        let _: SetClientNameReply = server.ask(Command::SetClientName(props))?;
        Ok(server)
    }

    fn ask<R: CommandReply>(&mut self, command: Command) -> Result<R, TakeAwayError> {
        self.send(command)?;
        let (_, reply) = protocol::read_reply_message(&mut self.socket, self.version)?;
        Ok(reply)
    }

    fn order(&mut self, command: Command) -> Result<(), TakeAwayError> {
        self.send(command)?;
        protocol::read_ack_message(&mut self.socket)?;
        Ok(())
    }

    fn send(&mut self, command: Command) -> Result<(), TakeAwayError> {
        self.asked += 1;
        protocol::write_command_message(self.socket.get_mut(), self.asked, &command, self.version)?;
        Ok(())
    }
}
