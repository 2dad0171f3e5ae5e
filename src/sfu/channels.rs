//! The data channels of one connection, and the queue of its reliable messages.

use bytes::Bytes;
use std::collections::VecDeque;
use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};

/// Label of the ordered channel with retransmissions.
pub(super) const RELIABLE: &str = "_reliable";
/// Label of the unordered channel without retransmissions.
pub(super) const LOSSY: &str = "_lossy";
/// Open channels at most; a client opens one of each label. Further ones are ignored.
const CHANNELS: usize = 8;
/// Reliable messages in the queue at most.
const QUEUED_MESSAGES: usize = 512;
/// Bytes of reliable messages in the queue at most.
const QUEUED_BYTES: usize = 2 << 20;

/// The outcome of sending a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataDelivery {
    /// Written to str0m.
    Written,
    /// In the queue until the channel opens or has room.
    Queued,
    /// Dropped: a lossy message that str0m does not take now, or a reliable one when the queue is full.
    Dropped,
}

/// The data channels of a connection.
#[derive(Debug, Default)]
pub(super) struct Channels {
    open: Vec<(ChannelId, String)>,
    /// Reliable messages, oldest first.
    queue: VecDeque<Bytes>,
    queued_bytes: usize,
}

impl Channels {
    /// Configurations of the two channels that the server opens.
    pub(super) fn configs() -> [ChannelConfig; 2] {
        let reliable = ChannelConfig { label: RELIABLE.to_owned(), ..ChannelConfig::default() };
        let lossy = ChannelConfig {
            label: LOSSY.to_owned(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            ..ChannelConfig::default()
        };
        [reliable, lossy]
    }

    pub(super) fn opened(&mut self, id: ChannelId, label: String) {
        let known = label == RELIABLE || label == LOSSY;
        if known && self.open.len() < CHANNELS {
            self.open.push((id, label));
        }
    }

    pub(super) fn closed(&mut self, id: ChannelId) {
        self.open.retain(|(other, _)| *other != id);
    }

    pub(super) fn label(&self, id: ChannelId) -> Option<&str> {
        self.open.iter().find(|(other, _)| *other == id).map(|(_, label)| label.as_str())
    }

    /// Sends a message, or queues it if it is reliable.
    pub(super) fn send(&mut self, rtc: &mut Rtc, label: &str, payload: Bytes) -> DataDelivery {
        let reliable = label == RELIABLE;
        if (!reliable || self.queue.is_empty()) && self.write(rtc, label, &payload) {
            return DataDelivery::Written;
        }
        if !reliable || self.queue.len() >= QUEUED_MESSAGES || self.queued_bytes + payload.len() > QUEUED_BYTES {
            return DataDelivery::Dropped;
        }
        self.queued_bytes += payload.len();
        self.queue.push_back(payload);
        DataDelivery::Queued
    }

    /// Sends queued messages as far as there is room. Whether any was sent.
    pub(super) fn flush(&mut self, rtc: &mut Rtc) -> bool {
        let mut sent = false;
        while let Some(payload) = self.queue.pop_front() {
            if !self.write(rtc, RELIABLE, &payload) {
                self.queue.push_front(payload);
                break;
            }
            self.queued_bytes -= payload.len();
            sent = true;
        }
        sent
    }

    fn write(&self, rtc: &mut Rtc, label: &str, payload: &[u8]) -> bool {
        let Some((id, _)) = self.open.iter().find(|(_, l)| l == label) else { return false };
        let Some(mut channel) = rtc.channel(*id) else { return false };
        channel.write(true, payload).unwrap_or_else(|error| {
            tracing::debug!(%error, label, "a data message was refused");
            false
        })
    }
}
