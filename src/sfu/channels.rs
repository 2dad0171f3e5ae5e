//! The data channels of one connection, and the queue of its reliable messages.
//!
//! No reliable message is dropped. What str0m does not take waits in the queue; a queue over [`HOLD_BYTES`] holds the
//! senders back (`held`), and one over [`QUEUED_BYTES`] ends the connection: its client joins anew, without a silent gap.

use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};

/// Label of the ordered channel with retransmissions.
pub(super) const RELIABLE: &str = "_reliable";
/// Label of the unordered channel without retransmissions.
pub(super) const LOSSY: &str = "_lossy";
/// Label of LiveKit's data tracks, which are not forwarded.
const DATA_TRACK: &str = "_data_track";
/// The label under which channels of the client's own count, whatever it calls them: their messages are not data packets.
const OWN: &str = "";
/// Open channels at most; a client opens one of each label. Further ones are ignored.
const CHANNELS: usize = 8;
/// Bytes that str0m buffers for a client at most: 20 Mbit/s at a round trip of 200 ms.
pub(super) const SEND_BUFFER: usize = 512 << 10;
/// When so many bytes are left in its buffer, str0m reports that there is room again.
const REFILL_BYTES: usize = SEND_BUFFER / 2;
/// Bytes in the queue above which the senders of the messages are held back.
pub(super) const HOLD_BYTES: usize = 1 << 20;
/// Bytes in the queue at most. The senders that are held back have some megabytes on their way.
const QUEUED_BYTES: usize = 32 << 20;
/// What a message in the queue costs beside its payload, in bytes.
const MESSAGE_OVERHEAD: usize = 64;
/// A receiver that takes nothing for so long holds its senders back no longer: the others in the room must not wait for
/// somebody whose link is down.
const STALLED: Duration = Duration::from_secs(3);

/// The outcome of sending a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataDelivery {
    /// Written to str0m.
    Written,
    /// In the queue until the channel opens or has room.
    Queued,
    /// Dropped: a lossy message that str0m does not take now.
    Dropped,
    /// The queue is full. It is empty now, and the connection must end.
    Overflow,
}

/// A message to a client.
#[derive(Debug)]
pub(super) struct DataMessage {
    /// `_reliable` or `_lossy`.
    pub(super) label: &'static str,
    pub(super) payload: Bytes,
}

/// The data channels of a connection.
#[derive(Debug, Default)]
pub(super) struct Channels {
    open: Vec<(ChannelId, String)>,
    /// Reliable messages, oldest first.
    queue: VecDeque<(&'static str, Bytes)>,
    queued_bytes: usize,
    /// When the queue began, or when str0m last took a message from it.
    progress: Option<Instant>,
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

    pub(super) fn opened(&mut self, rtc: &mut Rtc, id: ChannelId, label: String) {
        if label == DATA_TRACK || self.open.len() >= CHANNELS {
            return;
        }
        if let Some(mut channel) = rtc.channel(id) {
            channel.set_buffered_amount_low_threshold(REFILL_BYTES);
        }
        let known = label == RELIABLE || label == LOSSY;
        self.open.push((id, if known { label } else { OWN.to_owned() }));
    }

    pub(super) fn closed(&mut self, id: ChannelId) {
        self.open.retain(|(other, _)| *other != id);
    }

    /// `_reliable`, `_lossy`, or empty for a channel of the client's own; `None` for a channel that is ignored.
    pub(super) fn label(&self, id: ChannelId) -> Option<&str> {
        self.open.iter().find(|(other, _)| *other == id).map(|(_, label)| label.as_str())
    }

    /// Sends a message, or queues it if it is reliable.
    pub(super) fn send(&mut self, rtc: &mut Rtc, message: DataMessage, now: Instant) -> DataDelivery {
        let DataMessage { label, payload } = message;
        let reliable = label != LOSSY;
        if (!reliable || self.queue.is_empty()) && self.write(rtc, label, &payload) {
            return DataDelivery::Written;
        }
        if !reliable {
            return DataDelivery::Dropped;
        }
        let size = payload.len() + MESSAGE_OVERHEAD;
        if self.queued_bytes + size > QUEUED_BYTES {
            self.queue = VecDeque::new();
            self.queued_bytes = 0;
            return DataDelivery::Overflow;
        }
        if self.queue.is_empty() {
            self.progress = Some(now);
        }
        self.queued_bytes += size;
        self.queue.push_back((label, payload));
        DataDelivery::Queued
    }

    /// Sends queued messages as far as there is room. Whether any was sent.
    pub(super) fn flush(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        let mut sent = false;
        while let Some((label, payload)) = self.queue.pop_front() {
            if !self.write(rtc, label, &payload) {
                self.queue.push_front((label, payload));
                break;
            }
            self.queued_bytes -= payload.len() + MESSAGE_OVERHEAD;
            self.progress = Some(now);
            sent = true;
        }
        sent
    }

    /// Whether so many messages wait that their senders must wait, too.
    pub(super) fn hold_senders(&self, now: Instant) -> bool {
        let moves = self.progress.is_some_and(|at| now.saturating_duration_since(at) < STALLED);
        self.queued_bytes > HOLD_BYTES && moves
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_holds_senders_only_while_it_moves_and_ends_at_its_bound() {
        let start = Instant::now();
        let (mut rtc, mut channels) = (Rtc::new(start), Channels::default());
        let message = |label, payload| DataMessage { label, payload: Bytes::from_static(payload) };
        let mut send = |channels: &mut Channels, now| channels.send(&mut rtc, message(RELIABLE, &[7; 16 << 10]), now);
        assert_eq!(channels.send(&mut Rtc::new(start), message(LOSSY, &[]), start), DataDelivery::Dropped);
        for _ in 0..63 {
            assert_eq!(send(&mut channels, start), DataDelivery::Queued, "no channel is open");
        }
        assert!(!channels.hold_senders(start));
        assert_eq!(send(&mut channels, start), DataDelivery::Queued);
        assert!(channels.hold_senders(start), "a megabyte waits");
        assert!(!channels.hold_senders(start + STALLED), "nobody takes it");
        let queued =
            (0..4 * QUEUED_BYTES / (16 << 10)).take_while(|_| send(&mut channels, start) == DataDelivery::Queued);
        let bytes = (64 + queued.count()) * (16 << 10);
        assert!(bytes <= QUEUED_BYTES && bytes > QUEUED_BYTES / 10 * 9, "{bytes}");
        assert!(!channels.hold_senders(start), "the queue was given up");
    }
}
