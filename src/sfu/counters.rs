//! Counters of the SFU, for metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of all workers together, since the start.
#[derive(Debug, Default)]
pub(crate) struct SfuCounters {
    pub(crate) packets_in: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) packets_out: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) forwarded: AtomicU64,
    pub(crate) send_failures: AtomicU64,
    pub(crate) key_frame_requests: AtomicU64,
    pub(crate) events_dropped: AtomicU64,
    pub(crate) data_dropped: AtomicU64,
    pub(crate) faults: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) tcp_connections: AtomicU64,
    pub(crate) tcp_refused: AtomicU64,
    pub(crate) tcp_video_dropped: AtomicU64,
    pub(crate) tcp_audio_dropped: AtomicU64,
}

/// Values of the counters. All but `connections` and `tcp_connections` only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SfuStatistics {
    /// Datagrams received, of all kinds.
    pub(crate) packets_in: u64,
    /// Bytes of the datagrams received.
    pub(crate) bytes_in: u64,
    /// Datagrams sent, of all kinds.
    pub(crate) packets_out: u64,
    /// Bytes of the datagrams sent.
    pub(crate) bytes_out: u64,
    /// Media packets sent to subscribers: one that goes to three counts three times.
    pub(crate) forwarded: u64,
    /// Datagrams that the system refused to send.
    pub(crate) send_failures: u64,
    /// Key frame requests (PLI) sent to publishers.
    pub(crate) key_frame_requests: u64,
    /// Audio levels and link qualities dropped because the event queue was full.
    pub(crate) events_dropped: u64,
    /// Data messages dropped because a queue was full.
    pub(crate) data_dropped: u64,
    /// Connections closed because handling them failed.
    pub(crate) faults: u64,
    /// Open connections.
    pub(crate) connections: u64,
    /// TCP connections of participants that are open.
    pub(crate) tcp_connections: u64,
    /// TCP connections closed because they named no peer connection in time.
    pub(crate) tcp_refused: u64,
    /// Video packets dropped because a TCP connection was slow.
    pub(crate) tcp_video_dropped: u64,
    /// Audio packets dropped because a TCP connection was slow.
    pub(crate) tcp_audio_dropped: u64,
}

impl SfuCounters {
    pub(crate) fn add(counter: &AtomicU64, amount: usize) {
        counter.fetch_add(amount as u64, Relaxed);
    }

    pub(crate) fn read(&self) -> SfuStatistics {
        SfuStatistics {
            packets_in: self.packets_in.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            packets_out: self.packets_out.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            forwarded: self.forwarded.load(Relaxed),
            send_failures: self.send_failures.load(Relaxed),
            key_frame_requests: self.key_frame_requests.load(Relaxed),
            events_dropped: self.events_dropped.load(Relaxed),
            data_dropped: self.data_dropped.load(Relaxed),
            faults: self.faults.load(Relaxed),
            connections: self.connections.load(Relaxed),
            tcp_connections: self.tcp_connections.load(Relaxed),
            tcp_refused: self.tcp_refused.load(Relaxed),
            tcp_video_dropped: self.tcp_video_dropped.load(Relaxed),
            tcp_audio_dropped: self.tcp_audio_dropped.load(Relaxed),
        }
    }
}
