//! Reads what passes next to the transport: key frame requests (inbound RTCP ends inside the chain otherwise), sender
//! reports, and how much there is of everything.

use super::Queues;
use crate::rtc::clock::SenderClock;
use crate::rtc::event::{EventSender, RtcEvent};
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Streams of others that are remembered by their sender reports.
const CLOCKS: usize = 256;

/// What the interceptors of one connection and the rest of it tell each other. Locks are held for a look-up only.
#[derive(Debug)]
pub(in crate::rtc) struct TransportState {
    events: EventSender,
    /// Our own video streams by SSRC.
    sent: Mutex<HashMap<u32, (Arc<str>, usize)>>,
    clocks: Mutex<HashMap<u32, SenderClock>>,
    nacked: Mutex<HashMap<u32, u64>>,
    send_rate: AtomicU32,
    /// What the server misses of ours, in 1/65536, over the last reports.
    sent_lost: AtomicU32,
    waiting: AtomicUsize,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TransportState {
    pub(in crate::rtc) fn new(events: EventSender, start_bps: u32) -> Self {
        Self {
            events,
            sent: Mutex::default(),
            clocks: Mutex::default(),
            nacked: Mutex::default(),
            send_rate: AtomicU32::new(start_bps),
            sent_lost: AtomicU32::new(0),
            waiting: AtomicUsize::new(0),
            sent_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
        }
    }

    /// Bits a second that the way carries.
    pub(in crate::rtc) fn send_rate(&self) -> u32 {
        self.send_rate.load(Relaxed)
    }

    pub(super) fn set_send_rate(&self, bps: u32) {
        self.send_rate.store(bps, Relaxed);
        self.events.hint(RtcEvent::SendRate { bps });
    }

    /// Packets of ours that the server misses, in percent, as its receiver reports tell (RFC 3550, section 6.4.2).
    pub(in crate::rtc) fn sent_lost_percent(&self) -> f64 {
        f64::from(self.sent_lost.load(Relaxed)) * 100.0 / 65_536.0
    }

    /// Follows slowly: one report speaks of a second at most.
    fn missed(&self, fraction_lost: u8) {
        let before = self.sent_lost.load(Relaxed);
        self.sent_lost.store((before * 7 + u32::from(fraction_lost) * 256) / 8, Relaxed);
    }

    /// Packets that wait for their turn.
    pub(in crate::rtc) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    pub(super) fn set_waiting(&self, packets: usize) {
        self.waiting.store(packets, Relaxed);
    }

    /// Bytes of RTP and RTCP (sent, received) so far.
    pub(in crate::rtc) fn bytes(&self) -> (u64, u64) {
        (self.sent_bytes.load(Relaxed), self.received_bytes.load(Relaxed))
    }

    /// Makes the streams of a published track known, so that requests for key frames find it.
    pub(in crate::rtc) fn add_sent(&self, cid: &Arc<str>, ssrcs: &[u32]) {
        let streams = ssrcs.iter().enumerate().map(|(layer, &ssrc)| (ssrc, (cid.clone(), layer)));
        lock(&self.sent).extend(streams);
    }

    pub(in crate::rtc) fn remove_sent(&self, ssrcs: &[u32]) {
        lock(&self.sent).retain(|ssrc, _| !ssrcs.contains(ssrc));
    }

    /// The clock of a received stream.
    pub(in crate::rtc) fn clock(&self, ssrc: u32, rate: u32) -> SenderClock {
        let clock = SenderClock::new(rate);
        let mut clocks = lock(&self.clocks);
        if clocks.len() >= CLOCKS {
            clocks.clear();
        }
        clocks.insert(ssrc, clock.clone());
        clock
    }

    /// Packets of a received stream that were asked for again.
    pub(in crate::rtc) fn nacked(&self, ssrc: u32) -> u64 {
        lock(&self.nacked).get(&ssrc).copied().unwrap_or(0)
    }

    /// Forgets a received stream.
    pub(in crate::rtc) fn forget(&self, ssrc: u32) {
        lock(&self.clocks).remove(&ssrc);
        lock(&self.nacked).remove(&ssrc);
    }

    fn keyframe_wanted(&self, ssrc: u32) {
        let found = lock(&self.sent).get(&ssrc).cloned();
        if let Some((cid, layer)) = found {
            self.events.hint(RtcEvent::KeyframeWanted { cid, layer });
        }
    }

    fn read_report(&self, packet: &dyn rtc::rtcp::Packet) {
        let packet = packet.as_any();
        if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
            self.keyframe_wanted(pli.media_ssrc);
        } else if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
            fir.fir.iter().for_each(|entry| self.keyframe_wanted(entry.ssrc));
        } else if let Some(report) = packet.downcast_ref::<SenderReport>()
            // A server that has sent nothing yet has no timestamp to tell; str0m writes its first reports so.
            && report.packet_count > 0
            && let Some(clock) = lock(&self.clocks).get(&report.ssrc)
        {
            clock.set(report.ntp_time, report.rtp_time);
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>()
            && let Some(worst) = report.reports.iter().map(|r| r.fraction_lost).max()
        {
            self.missed(worst);
        }
    }

    fn wrote_report(&self, packet: &dyn rtc::rtcp::Packet) {
        if let Some(nack) = packet.as_any().downcast_ref::<TransportLayerNack>() {
            let asked: u64 = nack.nacks.iter().map(|n| 1 + u64::from(n.lost_packets.count_ones())).sum();
            *lock(&self.nacked).entry(nack.media_ssrc).or_default() += asked;
        }
    }
}

/// Next to the transport, in both directions.
pub(in crate::rtc) struct TransportObserver {
    transport: Arc<TransportState>,
    queues: Queues,
}

impl TransportObserver {
    /// Nearest of all.
    pub(in crate::rtc) const SLOT: usize = 500;

    pub(in crate::rtc) fn new(transport: Arc<TransportState>) -> Self {
        Self { transport, queues: Queues::default() }
    }
}

fn size(packet: &Packet) -> u64 {
    match packet {
        Packet::Rtp(rtp) => rtp.marshal_size() as u64,
        Packet::Rtcp(reports) => reports.iter().map(|r| r.marshal_size() as u64).sum(),
        _ => 0,
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for TransportObserver {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        self.transport.received_bytes.fetch_add(size(&tagged.message.packet), Relaxed);
        if let Packet::Rtcp(reports) = &tagged.message.packet {
            reports.iter().for_each(|r| self.transport.read_report(r.as_ref()));
        }
        self.queues.read.push_back(tagged);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.queues.read.pop_front()
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        self.transport.sent_bytes.fetch_add(size(&tagged.message.packet), Relaxed);
        if let Packet::Rtcp(reports) = &tagged.message.packet {
            reports.iter().for_each(|r| self.transport.wrote_report(r.as_ref()));
        }
        self.queues.write.push_back(tagged);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.queues.write.pop_front()
    }
}

impl Interceptor for TransportObserver {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::rtcp::reception_report::ReceptionReport;

    #[test]
    fn what_the_server_misses_is_followed_slowly() {
        let transport = TransportState::new(EventSender::channel().0, 0);
        let report = |fraction_lost| {
            let reports =
                [0, fraction_lost].map(|fraction_lost| ReceptionReport { fraction_lost, ..Default::default() });
            ReceiverReport { reports: reports.into(), ..Default::default() }
        };
        transport.read_report(&report(26));
        assert!((1.0..1.5).contains(&transport.sent_lost_percent()), "one report does not say much");
        (0..40).for_each(|_| transport.read_report(&report(26)));
        assert!((9.5..10.2).contains(&transport.sent_lost_percent()), "{}", transport.sent_lost_percent());
        (0..60).for_each(|_| transport.read_report(&report(0)));
        assert!(transport.sent_lost_percent() < 0.1);
    }

    #[test]
    fn the_time_of_a_sender_that_has_sent_nothing_is_not_taken() {
        let transport = TransportState::new(EventSender::channel().0, 0);
        let clock = transport.clock(7, 48_000);
        let report = SenderReport { ssrc: 7, ntp_time: 1 << 32, ..Default::default() };
        transport.read_report(&report);
        assert_eq!(clock.sender_micros(0), None);
        transport.read_report(&SenderReport { packet_count: 1, ..report });
        assert_eq!(clock.sender_micros(0), Some(1_000_000));
    }
}
