//! Waking the stack for what it relays. It hands the datagrams for a relayed address to its TURN client after it has asked
//! that one for datagrams to send, so they wait until it wakes for another reason: in a handshake up to a second. An empty
//! datagram wakes it, and means nothing else.

use super::link::Received;
use super::{SocketAddr, Tunnels};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

/// When the stack is woken after it was given something: it answers in one turn of its loop, hands the answer to its TURN
/// client in the next one, and sends it in a third.
const TURNS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(2)];
/// How often it is woken besides, for what its own timers send.
const IDLE: Duration = Duration::from_millis(20);

/// The nudges of one peer connection's sockets.
#[derive(Debug, Default)]
pub(super) struct Nudges {
    due: watch::Sender<()>,
    /// Whether media goes through a relay, as far as is known.
    relayed: Arc<AtomicBool>,
}

impl Nudges {
    /// Notes that the stack has something to send.
    pub(super) fn written(&self) {
        if self.relayed.load(Relaxed) {
            self.due.send_replace(());
        }
    }

    /// Notes a datagram that was handed to the stack, which may answer it.
    pub(super) fn received(&self, from_relay: bool, datagram: &[u8]) {
        if from_relay {
            self.relayed.store(true, Relaxed);
            self.due.send_replace(());
        } else if datagram.first().is_some_and(|first| *first > 3) && self.relayed.load(Relaxed) {
            // No STUN: another pair is in use.
            self.relayed.store(false, Relaxed);
        }
    }

    /// Notes that a socket is gone, so that its task ends.
    pub(super) fn socket_gone(&self) {
        self.due.send_replace(());
    }
}

/// Begins to nudge a socket by its queue of received datagrams.
pub(super) fn start(tunnels: &Tunnels, own: SocketAddr, inbound: mpsc::Sender<Received>) {
    let nudges = &tunnels.0.nudges;
    let (mut due, relayed) = (nudges.due.subscribe(), nudges.relayed.clone());
    let stop = tunnels.0.tasks.stop().clone();
    let nudging = async move {
        loop {
            let changed = if relayed.load(Relaxed) {
                timeout(IDLE, due.changed()).await.unwrap_or(Ok(()))
            } else {
                due.changed().await
            };
            for turn in TURNS {
                sleep(turn).await;
                if changed.is_err() || inbound.send((own, Bytes::new())).await.is_err() {
                    return;
                }
            }
        }
    };
    tunnels.0.tasks.spawn(async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = nudging => {}
        }
    });
}
