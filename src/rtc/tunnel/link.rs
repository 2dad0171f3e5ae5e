//! One connection: its task, and the queue to it.

use super::dial::dial;
use super::{Target, TargetKind, Tunnels};
use crate::base::Transport;
use crate::http::ServerStream;
use crate::proto::stream::{Class, FrameReader, Queued, SendQueue};
use bytes::Bytes;
use parking_lot::Mutex;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

/// The head start of UDP: until then no other way is opened.
const HEAD_START: Duration = Duration::from_millis(100);
/// How long a candidate may be without further checks before it is given up, because another pair was chosen.
const UNUSED: Duration = Duration::from_secs(2);
/// How long the last datagrams may take at the end.
const LAST: Duration = Duration::from_millis(200);
/// Silence of the stack after which the connection to a candidate is closed: another pair is in use. The stack checks the
/// pair in use each second.
const IDLE: Duration = Duration::from_secs(30);

/// A datagram from a virtual address.
pub(super) type Received = (SocketAddr, Bytes);

/// The socket's end of a connection.
#[derive(Debug)]
pub(super) struct Link {
    shared: Arc<Shared>,
    target: Arc<Target>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<SendQueue>,
    /// Something was queued, or the socket is gone.
    woken: Notify,
    /// Whether the socket is gone.
    closed: AtomicBool,
    /// Whether the connection has ended, or holds back too much.
    ended: AtomicBool,
}

/// Who a connection is for.
pub(super) struct Use {
    /// Its virtual address.
    pub(super) address: SocketAddr,
    /// The address of the stack's socket.
    pub(super) own: SocketAddr,
    /// Where received datagrams go.
    pub(super) inbound: mpsc::Sender<Received>,
}

impl Link {
    /// Begins a connection in a task of its own.
    pub(super) fn open(target: Arc<Target>, usage: Use, tunnels: &Tunnels) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::new(SendQueue::new(target.kind.framing())),
            woken: Notify::new(),
            closed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let task = LinkTask { shared: shared.clone(), target: target.clone(), usage, tunnels: tunnels.clone() };
        tunnels.0.tasks.spawn(task.run());
        Self { shared, target }
    }

    /// Queues a datagram, in front of video if it is something else.
    pub(super) fn send(&self, datagram: &[u8]) {
        let is_audio = |payload_type| payload_type == crate::rtc::engine::OPUS;
        let class = match self.target.kind {
            TargetKind::Candidate { .. } => Class::of(datagram, is_audio),
            TargetKind::Relay { .. } => Class::in_turn(datagram, is_audio),
        };
        if self.shared.queue.lock().push(class, datagram) == Queued::Stuck {
            self.shared.ended.store(true, Relaxed);
        }
        self.shared.woken.notify_one();
    }

    /// Whether the connection has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.shared.ended.load(Relaxed)
    }
}

impl Drop for Link {
    /// What is queued is still sent: the end of DTLS, the release of an allocation.
    fn drop(&mut self) {
        self.shared.closed.store(true, Relaxed);
        self.shared.woken.notify_one();
    }
}

struct LinkTask {
    shared: Arc<Shared>,
    target: Arc<Target>,
    usage: Use,
    tunnels: Tunnels,
}

impl LinkTask {
    async fn run(self) {
        if let Err(error) = self.carry().await {
            tracing::debug!(target = ?self.target.kind, %error, "a connection for media ended");
        }
        self.shared.ended.store(true, Relaxed);
    }

    async fn carry(&self) -> io::Result<()> {
        if !self.is_needed().await {
            return Ok(());
        }
        let connection = tokio::select! {
            opened = dial(&self.target.kind, self.usage.own.ip()) => opened?,
            () = self.closed() => return Ok(()),
        };
        let proxied = connection.proxied;
        tracing::debug!(target = ?self.target.kind, proxied, "a connection for media is open");
        self.target.proxied.store(proxied, Relaxed);
        let (reader, writer) = split(connection.stream);
        tokio::select! {
            read = self.read(reader) => read,
            written = self.write(writer) => written,
        }
    }

    /// Waits for the head start of UDP to pass. Whether the connection is needed then.
    async fn is_needed(&self) -> bool {
        if self.tunnels.transport() != Transport::Auto {
            return true;
        }
        tokio::select! {
            () = sleep(HEAD_START) => {}
            () = self.closed() => return false,
        }
        match self.target.kind {
            TargetKind::Relay { .. } => !self.tunnels.is_up(),
            // The checks so far are out of date. There are no further ones if a pair was chosen.
            TargetKind::Candidate { .. } => {
                *self.shared.queue.lock() = SendQueue::new(self.target.kind.framing());
                let checked = async {
                    while self.shared.queue.lock().unwritten().is_empty() && !self.shared.closed.load(Relaxed) {
                        self.shared.woken.notified().await;
                    }
                };
                timeout(UNUSED, checked).await.is_ok() && !self.shared.closed.load(Relaxed)
            }
        }
    }

    /// Until the socket is gone, or the connection was given up. Takes the wake-ups of the queue, at which the writer looks
    /// anyway.
    async fn closed(&self) {
        while !self.shared.closed.load(Relaxed) && !self.shared.ended.load(Relaxed) {
            self.shared.woken.notified().await;
        }
    }

    async fn write(&self, mut writer: WriteHalf<ServerStream>) -> io::Result<()> {
        loop {
            let part = self.next_part();
            if part.is_empty() {
                if self.shared.closed.load(Relaxed) {
                    return timeout(LAST, writer.shutdown()).await?;
                }
                let woken = timeout(IDLE, self.shared.woken.notified()).await;
                if woken.is_err() && matches!(self.target.kind, TargetKind::Candidate { .. }) {
                    return Ok(());
                }
                continue;
            }
            let writing = async {
                writer.write_all(&part).await?;
                writer.flush().await
            };
            tokio::pin!(writing);
            // A connection that takes nothing must not outlive its socket.
            tokio::select! {
                written = &mut writing => written?,
                () = self.closed() => {
                    if self.shared.ended.load(Relaxed) {
                        return Err(io::Error::new(io::ErrorKind::TimedOut, "it takes nothing"));
                    }
                    timeout(LAST, writing).await??;
                }
            }
        }
    }

    fn next_part(&self) -> Vec<u8> {
        let mut queue = self.shared.queue.lock();
        let part = queue.unwritten().to_vec();
        queue.advance(part.len());
        part
    }

    async fn read(&self, mut reader: ReadHalf<ServerStream>) -> io::Result<()> {
        let mut frames = FrameReader::new(self.target.kind.framing());
        let mut buffer = vec![0; 16 << 10];
        loop {
            let length = reader.read(&mut buffer).await?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            frames.add(buffer.get(..length).unwrap_or_default());
            loop {
                let datagram = match frames.next() {
                    Ok(Some(datagram)) => Bytes::copy_from_slice(datagram),
                    Ok(None) => break,
                    Err(error) => return Err(io::Error::other(error)),
                };
                if self.usage.inbound.send((self.usage.address, datagram)).await.is_err() {
                    break;
                }
            }
        }
    }
}
