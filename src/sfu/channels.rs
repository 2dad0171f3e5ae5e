//! The data channels of one connection, and the reliable messages that wait for theirs to open.

use bytes::Bytes;
use std::collections::VecDeque;
use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};

/// Ordered and repeated until it arrives.
pub(super) const RELIABLE: &str = "_reliable";
/// Neither.
pub(super) const LOSSY: &str = "_lossy";
/// A client opens one of each; what it opens beyond this is left aside.
const CHANNELS: usize = 8;
/// At most so many messages wait.
const WAITING: usize = 512;
/// At most so many bytes of messages wait.
const WAITING_BYTES: usize = 2 << 20;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataDelivery {
    /// With str0m.
    Written,
    /// Waits for the channel to open or to have room.
    Waits,
    /// Dropped: a lossy one that cannot go now, or the queue of reliable ones is full.
    Dropped,
}

/// The channels of a connection.
#[derive(Debug, Default)]
pub(super) struct Channels {
    open: Vec<(ChannelId, String)>,
    /// Reliable messages, oldest first. Bounded: see [`DataDelivery::Dropped`].
    waiting: VecDeque<Bytes>,
    waiting_bytes: usize,
}

impl Channels {
    /// How the server opens its two channels.
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

    /// Sends, or queues what is reliable.
    pub(super) fn send(&mut self, rtc: &mut Rtc, label: &str, payload: Bytes) -> DataDelivery {
        let reliable = label == RELIABLE;
        if (!reliable || self.waiting.is_empty()) && self.write(rtc, label, &payload) {
            return DataDelivery::Written;
        }
        if !reliable || self.waiting.len() >= WAITING || self.waiting_bytes + payload.len() > WAITING_BYTES {
            return DataDelivery::Dropped;
        }
        self.waiting_bytes += payload.len();
        self.waiting.push_back(payload);
        DataDelivery::Waits
    }

    /// Sends what waits, as far as there is room. Whether anything was sent.
    pub(super) fn flush(&mut self, rtc: &mut Rtc) -> bool {
        let mut sent = false;
        while let Some(payload) = self.waiting.pop_front() {
            if !self.write(rtc, RELIABLE, &payload) {
                self.waiting.push_front(payload);
                break;
            }
            self.waiting_bytes -= payload.len();
            sent = true;
        }
        sent
    }

    fn write(&self, rtc: &mut Rtc, label: &str, payload: &[u8]) -> bool {
        let Some((id, _)) = self.open.iter().find(|(_, l)| l == label) else { return false };
        let Some(mut channel) = rtc.channel(*id) else { return false };
        channel.write(true, payload).unwrap_or_else(|e| {
            tracing::debug!("a message on {label} was refused: {e}");
            false
        })
    }
}
