//! A connection to PulseAudio or PipeWire beside those of the streams: it gives orders, and hears of devices that come and
//! go.

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, ChannelPosition as Position, Command, CommandReply, GetSourceInfo, Prop, Props,
    ProtocolError, ServerInfo, SetClientNameReply, SourceInfo, SubscriptionEvent,
    SubscriptionEventFacility as Facility, SubscriptionEventType, SubscriptionMask,
};
use std::ffi::CString;
use std::io::BufReader;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long the sound server may take for each answer.
const ANSWER_LIMIT: Duration = Duration::from_millis(300);

/// Why the sound server did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(in crate::devices) enum ControlError {
    /// The environment names none.
    #[error("there is no sound server")]
    NoServer,
    /// No connection.
    #[error("the sound server cannot be reached: {0}")]
    Io(#[from] std::io::Error),
    /// An error of the server, or an answer that is not understood.
    #[error("the sound server refused the command: {0}")]
    Protocol(#[from] ProtocolError),
}

/// A connection for commands, with a limit for each answer.
pub(super) struct Control {
    socket: BufReader<UnixStream>,
    version: u16,
    asked: u32,
}

impl Control {
    /// Connects and introduces itself.
    pub(super) fn connect() -> Result<Self, ControlError> {
        let path = pulseaudio::socket_path_from_env().ok_or(ControlError::NoServer)?;
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

    /// Gives a command that is answered.
    pub(super) fn ask<R: CommandReply>(&mut self, command: Command) -> Result<R, ControlError> {
        self.send(command)?;
        let (_, reply) = protocol::read_reply_message(&mut self.socket, self.version)?;
        Ok(reply)
    }

    /// Gives a command that is only acknowledged.
    pub(super) fn order(&mut self, command: Command) -> Result<(), ControlError> {
        self.send(command)?;
        protocol::read_ack_message(&mut self.socket)?;
        Ok(())
    }

    /// Whether a message, or the end of the connection, has arrived.
    fn has_message(&mut self) -> Result<bool, ControlError> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        if !self.socket.buffer().is_empty() {
            return Ok(true);
        }
        let mut watched = [PollFd::new(self.socket.get_ref(), PollFlags::IN)];
        Ok(poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).map_err(std::io::Error::from)? > 0)
    }

    fn send(&mut self, command: Command) -> Result<(), ControlError> {
        self.asked += 1;
        protocol::write_command_message(self.socket.get_mut(), self.asked, &command, self.version)?;
        Ok(())
    }
}

/// Hears of the sound server's devices.
pub(in crate::devices) struct ServerEvents {
    server: Control,
    instance: u32,
}

impl ServerEvents {
    /// Subscribes; `None` without a server.
    pub(in crate::devices) fn subscribe() -> Option<Self> {
        super::pulse_cookie::ensure();
        let mut server = Control::connect().ok()?;
        // SERVER tells of the defaults, CARD of headsets that change between listening and talking.
        let mask =
            SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER | SubscriptionMask::CARD;
        // Before the subscription: afterwards events may come between a command and its answer.
        let info: ServerInfo = server.ask(Command::GetServerInfo).ok()?;
        server.order(Command::Subscribe(mask)).ok()?;
        Some(Self { server, instance: info.cookie })
    }

    /// A random number that the server chose when it was started.
    pub(in crate::devices) const fn instance(&self) -> u32 {
        self.instance
    }

    /// Whether devices have come or gone, or the default has changed, since the last call. Reads what has arrived and does
    /// not wait for more. After an error the connection is of no use any more.
    pub(in crate::devices) fn changed(&mut self) -> Result<bool, ControlError> {
        let mut changed = false;
        while self.server.has_message()? {
            changed |= match protocol::read_command_message(&mut self.server.socket, self.server.version)? {
                (_, Command::SubscribeEvent(event)) => matters(event),
                _ => false,
            };
        }
        Ok(changed)
    }
}

impl AsFd for ServerEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.server.socket.get_ref().as_fd()
    }
}

/// Name and version of the sound server, as it tells them; `None` without one.
pub(super) fn server_name() -> Option<String> {
    super::pulse_cookie::ensure();
    let info: ServerInfo = Control::connect().ok()?.ask(Command::GetServerInfo).ok()?;
    let text = |part: Option<CString>| part.map(|part| part.to_string_lossy().into_owned()).unwrap_or_default();
    Some(format!("{} {}", text(info.server_name), text(info.server_version)).trim().to_owned())
}

/// The number of channels to record the microphone `name` with: its own number, if its channels are those that our client
/// library names for this number; the server would leave others out. Else 1, the server's mix.
pub(super) fn usable_channels(name: &str, own: u16) -> u16 {
    let usual: &[Position] = match own {
        2 => &[Position::FrontLeft, Position::FrontRight],
        3 => &LAYOUT[..3],
        4 => &[Position::FrontLeft, Position::FrontRight, Position::RearLeft, Position::RearRight],
        6..=8 => &LAYOUT[..usize::from(own).min(6)],
        _ => return 1,
    };
    let map = || {
        let name = CString::new(name).ok()?;
        let command = Command::GetSourceInfo(GetSourceInfo { index: None, name: Some(name) });
        let info: SourceInfo = Control::connect().ok()?.ask(command).ok()?;
        Some(info.channel_map)
    };
    let same = map().is_some_and(|map| usual.iter().all(|wanted| map.into_iter().any(|p| p == *wanted)));
    if same { own } else { 1 }
}

/// The first six channels of 5.1 and 7.1.
const LAYOUT: [Position; 6] = [
    Position::FrontLeft,
    Position::FrontRight,
    Position::FrontCenter,
    Position::Lfe,
    Position::RearLeft,
    Position::RearRight,
];

/// Whether an event can change the lists. A device's own changes are its volume, and whether somebody uses it.
fn matters(event: SubscriptionEvent) -> bool {
    match event.event_facility {
        Facility::Server | Facility::Card => true,
        Facility::Sink | Facility::Source => event.event_type != SubscriptionEventType::Changed,
        _ => false,
    }
}
