//! The state that the interceptors of one connection share with its senders and receivers.

use super::clock::SenderClock;
use super::event::{EventSender, RtcEvent};
use super::sent_loss::SentLoss;
use parking_lot::Mutex;
use rtc::rtcp::reception_report::ReceptionReport;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Received streams with a clock at most; beyond it all clocks start anew.
const CLOCKS: usize = 256;

/// State and counters of one connection's transport. Locks are held for a look-up only.
#[derive(Debug)]
pub(super) struct TransportState {
    events: EventSender,
    /// Track id (`cid`) and layer of each video stream that we send, by SSRC.
    sent_video: Mutex<HashMap<u32, (Arc<str>, usize)>>,
    /// Clocks of received streams, by SSRC.
    clocks: Mutex<HashMap<u32, SenderClock>>,
    /// Packets requested by NACK, by SSRC.
    nacked: Mutex<HashMap<u32, u64>>,
    send_rate: AtomicU32,
    /// Smoothed loss of what we send, in 1/65536.
    sent_loss: AtomicU32,
    /// The same since the beginning, of each stream.
    reported_loss: Mutex<SentLoss>,
    pacer_queue: AtomicUsize,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
}

impl TransportState {
    pub(super) fn new(events: EventSender, start_bps: u32) -> Self {
        Self {
            events,
            sent_video: Mutex::default(),
            clocks: Mutex::default(),
            nacked: Mutex::default(),
            send_rate: AtomicU32::new(start_bps),
            sent_loss: AtomicU32::new(0),
            reported_loss: Mutex::default(),
            pacer_queue: AtomicUsize::new(0),
            sent_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
        }
    }

    /// Estimated capacity of the path to the server, in bits a second.
    pub(super) fn send_rate(&self) -> u32 {
        self.send_rate.load(Relaxed)
    }

    pub(super) fn set_send_rate(&self, bps: u32) {
        self.send_rate.store(bps, Relaxed);
        self.events.hint(RtcEvent::SendRate { bps });
    }

    /// Loss of what we send, in percent, as the server's receiver reports tell (RFC 3550, section 6.4.2).
    pub(super) fn sent_lost_percent(&self) -> f64 {
        f64::from(self.sent_loss.load(Relaxed)) * 100.0 / 65_536.0
    }

    /// Takes the `fraction lost` of a receiver report (1/256) into a moving average: one report covers a second at most.
    pub(super) fn add_fraction_lost(&self, fraction_lost: u8) {
        let before = self.sent_loss.load(Relaxed);
        self.sent_loss.store((before * 7 + u32::from(fraction_lost) * 256) / 8, Relaxed);
    }

    /// Takes the block of a receiver report about one of our streams.
    pub(super) fn add_report(&self, report: &ReceptionReport) {
        self.reported_loss.lock().add(report);
    }

    /// Loss of what we have sent since the beginning, in percent, of the stream that loses most; `None` while unknown.
    pub(super) fn reported_loss_percent(&self) -> Option<f64> {
        self.reported_loss.lock().worst_percent()
    }

    /// Packets in the pacer.
    pub(super) fn pacer_queue(&self) -> usize {
        self.pacer_queue.load(Relaxed)
    }

    pub(super) fn set_pacer_queue(&self, packets: usize) {
        self.pacer_queue.store(packets, Relaxed);
    }

    /// Bytes of RTP and RTCP (sent, received) so far.
    pub(super) fn bytes(&self) -> (u64, u64) {
        (self.sent_bytes.load(Relaxed), self.received_bytes.load(Relaxed))
    }

    pub(super) fn add_sent_bytes(&self, bytes: u64) {
        self.sent_bytes.fetch_add(bytes, Relaxed);
    }

    pub(super) fn add_received_bytes(&self, bytes: u64) {
        self.received_bytes.fetch_add(bytes, Relaxed);
    }

    /// Registers the streams of a published video track, smallest layer first, so that key frame requests find it.
    pub(super) fn add_sent_video(&self, cid: &Arc<str>, ssrcs: &[u32]) {
        let streams = ssrcs.iter().enumerate().map(|(layer, &ssrc)| (ssrc, (cid.clone(), layer)));
        self.sent_video.lock().extend(streams);
    }

    pub(super) fn remove_sent_video(&self, ssrcs: &[u32]) {
        self.sent_video.lock().retain(|ssrc, _| !ssrcs.contains(ssrc));
    }

    /// Asks the application for a key frame of one of our streams; other SSRCs are ignored.
    pub(super) fn request_keyframe(&self, ssrc: u32) {
        let found = self.sent_video.lock().get(&ssrc).cloned();
        if let Some((cid, layer)) = found {
            self.events.hint(RtcEvent::KeyframeWanted { cid, layer });
        }
    }

    /// Asks the application for a key frame of each of our streams.
    pub(super) fn request_keyframes(&self) {
        let streams: Vec<_> = self.sent_video.lock().values().cloned().collect();
        for (cid, layer) in streams {
            self.events.hint(RtcEvent::KeyframeWanted { cid, layer });
        }
    }

    /// A clock for a received stream of `rate` ticks a second, set by the sender reports that come from now on.
    pub(super) fn add_clock(&self, ssrc: u32, rate: u32) -> SenderClock {
        let clock = SenderClock::new(rate);
        let mut clocks = self.clocks.lock();
        if clocks.len() >= CLOCKS {
            clocks.clear();
        }
        clocks.insert(ssrc, clock.clone());
        clock
    }

    /// Takes a sender report: at `ntp` (32.32 fixed point seconds) the RTP timestamp was `rtp`.
    pub(super) fn set_clock(&self, ssrc: u32, ntp: u64, rtp: u32) {
        if let Some(clock) = self.clocks.lock().get(&ssrc) {
            clock.set(ntp, rtp);
        }
    }

    /// Packets of a received stream that were requested by NACK.
    pub(super) fn nacked(&self, ssrc: u32) -> u64 {
        self.nacked.lock().get(&ssrc).copied().unwrap_or(0)
    }

    pub(super) fn add_nacked(&self, ssrc: u32, packets: u64) {
        *self.nacked.lock().entry(ssrc).or_default() += packets;
    }

    /// Forgets a received stream.
    pub(super) fn forget(&self, ssrc: u32) {
        self.clocks.lock().remove(&ssrc);
        self.nacked.lock().remove(&ssrc);
    }
}
