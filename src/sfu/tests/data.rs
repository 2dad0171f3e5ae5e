//! Reliable data messages: none is lost, whoever is slow.

use super::harness::{Harness, LONG, single};
use crate::hub::{ConnectionId, MediaCommand, MediaEvent};
use bytes::Bytes;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Bytes of a message: what rtc-node sends for a part of a file.
const MESSAGE: usize = 15_000;

/// Clients that send messages to all others as fast as they can. A message begins with the number of its sender and its
/// own number.
struct Transfer {
    harness: Harness,
    all: Vec<ConnectionId>,
    /// The senders, and how many messages each has sent.
    sent: HashMap<ConnectionId, usize>,
}

impl Transfer {
    /// Clients 1 to `clients`, of which the first `senders` send.
    fn new(clients: u64, senders: u64) -> Self {
        let mut harness = Harness::new();
        harness.publisher(single(1), &[]);
        for id in 2..=clients {
            harness.subscriber(single(id));
        }
        let opened = |s: &mut Harness| s.peers.iter().all(|(_, p)| p.channels.contains_key("_reliable"));
        assert!(harness.until(LONG, opened));
        let all = (1..=clients).map(single).collect();
        Self { harness, all, sent: (1..=senders).map(|id| (single(id), 0)).collect() }
    }

    /// Sends until each sender has sent `messages`, and distributes what arrives as the hub does. Ends when `done`;
    /// whether that was within `longest`.
    fn run(&mut self, messages: usize, longest: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + longest;
        while Instant::now() < end {
            for (id, sent) in &mut self.sent {
                let mut payload = vec![0; MESSAGE];
                payload[0] = id.member.0 as u8;
                while *sent < messages {
                    payload[1..5].copy_from_slice(&(*sent as u32).to_be_bytes());
                    if !self.harness.peer(*id).try_send_data("_reliable", &payload) {
                        break;
                    }
                    *sent += 1;
                }
            }
            self.harness.pass(Duration::ZERO);
            self.distribute();
            if done(self) {
                return true;
            }
        }
        false
    }

    fn distribute(&mut self) {
        for (_, event) in std::mem::take(&mut self.harness.seen) {
            let MediaEvent::Data { connection: sender, payload, .. } = event else { continue };
            for receiver in self.all.iter().filter(|id| **id != sender) {
                self.harness.command(MediaCommand::SendData {
                    connection: *receiver,
                    sender: Some(sender),
                    label: "_reliable",
                    payload: payload.clone(),
                });
            }
        }
    }

    fn got(&self, receiver: u64) -> &[Bytes] {
        self.harness.peers.iter().find(|(id, _)| *id == single(receiver)).map_or(&[], |(_, peer)| &peer.data)
    }

    /// The receiver got every message of the sender once, in order.
    #[track_caller]
    fn is_whole(&self, receiver: u64, sender: u64, messages: usize) {
        let of_sender = self.got(receiver).iter().filter(|m| u64::from(m[0]) == sender);
        let numbers: Vec<u32> = of_sender.map(|m| u32::from_be_bytes([m[1], m[2], m[3], m[4]])).collect();
        assert_eq!(numbers, (0..messages as u32).collect::<Vec<_>>(), "{receiver} of {sender}");
    }
}

#[test]
fn a_slow_receiver_holds_the_sender_back_and_nothing_is_lost() {
    const MESSAGES: usize = 500;
    /// What a sender can be ahead of a receiver, in bytes: its own buffer and str0m's of 128 and 512 KiB, the queue of
    /// 1 MiB, and a window of 1 MiB on the way to the server and once more on the way through the hub.
    const AHEAD: usize = (128 + 512 + 3 * 1024) << 10;
    let mut t = Transfer::new(3, 1);
    t.harness.peer(single(3)).capacity = Some(20_000_000);
    let ahead = std::cell::Cell::new(0);
    let all_came = t.run(MESSAGES, Duration::from_secs(60), |t| {
        ahead.set(ahead.get().max(t.sent[&single(1)] - t.got(3).len()));
        t.got(2).len() == MESSAGES && t.got(3).len() == MESSAGES
    });
    assert!(all_came, "{:?} sent, {} and {} came", t.sent, t.got(2).len(), t.got(3).len());
    t.is_whole(2, 1, MESSAGES);
    t.is_whole(3, 1, MESSAGES);
    assert!(ahead.get() * MESSAGE < AHEAD, "the sender was {} messages ahead", ahead.get());
}

#[test]
fn slow_clients_that_send_to_each_other_do_not_wait_for_ever() {
    const MESSAGES: usize = 250;
    let mut t = Transfer::new(2, 2);
    for id in [1, 2] {
        t.harness.peer(single(id)).capacity = Some(20_000_000);
    }
    let all_came = t.run(MESSAGES, Duration::from_secs(60), |t| [1, 2].iter().all(|id| t.got(*id).len() == MESSAGES));
    assert!(all_came, "{:?} sent, {} and {} came", t.sent, t.got(1).len(), t.got(2).len());
    t.is_whole(1, 2, MESSAGES);
    t.is_whole(2, 1, MESSAGES);
}

#[test]
fn a_receiver_whose_link_is_down_does_not_stop_the_others_for_long() {
    const MESSAGES: usize = 300;
    let mut t = Transfer::new(3, 1);
    t.harness.peer(single(3)).cut = true;
    assert!(t.run(MESSAGES, Duration::from_secs(30), |t| t.got(2).len() == MESSAGES), "{} came", t.got(2).len());
    t.harness.peer(single(3)).cut = false;
    assert!(t.run(MESSAGES, Duration::from_secs(60), |t| t.got(3).len() == MESSAGES), "{} came", t.got(3).len());
    t.is_whole(2, 1, MESSAGES);
    t.is_whole(3, 1, MESSAGES);
}
