//! Paces video and lets audio pass. The stock pacer holds back both: a key frame would tear a gap into the audio.
//!
//! After an outage the receiver requests everything that it has missed, and the estimate is low. Then retransmissions must
//! not keep the key frame back that ends the gap, so those that would come too late are dropped.

use super::adapter::PacketFilter;
use crate::rtc::transport::TransportState;
use rtc::interceptor::{Attribute, Interceptor as _, PacerBuilder, PacerInterceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol as _;
use rtc::shared::error::Error;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The pacer's rate as a multiple of the estimate, so that a key frame does not wait for its average.
const BURST: f64 = 2.0;
/// A packet of full size, in bits.
const PACKET_BITS: f64 = 1200.0 * 8.0;
/// Longest wait of a retransmission in the queue. Receivers of ours give a lost packet up after 400 ms at most.
const RETRANSMISSION_WAIT: Duration = Duration::from_millis(400);
/// Retransmissions that may wait in any case.
const RETRANSMISSIONS: usize = 8;
/// Longest wait of all others: with a longer queue the pacer goes faster than the estimate.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The stock pacer for everything but audio.
pub(in crate::rtc) struct VideoPacer {
    pacer: PacerInterceptor,
    /// SSRCs of the audio that we send.
    audio: HashSet<u32>,
    /// The estimate with its burst, in bits a second.
    rate: f64,
    /// The rate at which the queue empties in time, in bits a second; 0 while it is empty.
    drain: f64,
    transport: Arc<TransportState>,
}

impl VideoPacer {
    pub(in crate::rtc) fn new(start_bps: u32, transport: Arc<TransportState>) -> Self {
        let rate = f64::from(start_bps) * BURST;
        let pacer = PacerBuilder::new().with_target_bitrate(rate).build();
        Self { pacer, audio: HashSet::new(), rate, drain: 0.0, transport }
    }

    /// Whether a retransmission would come too late.
    fn is_late(&self, packet: &TaggedPacket) -> bool {
        let in_time = self.pacer.pacer().target_bitrate() * RETRANSMISSION_WAIT.as_secs_f64() / PACKET_BITS;
        packet.message.get(&Attribute::Retransmission).is_some()
            && self.pacer.queued() >= (in_time as usize).max(RETRANSMISSIONS)
    }

    /// Notes the length of the queue, and adapts the rate to it.
    fn queue_changed(&mut self) {
        let queued = self.pacer.queued();
        self.transport.set_pacer_queue(queued);
        let needed = queued as f64 * PACKET_BITS / LONGEST_WAIT.as_secs_f64();
        self.drain = if queued == 0 { 0.0 } else { self.drain.max(needed) };
        let rate = self.rate.max(self.drain);
        if self.pacer.pacer().target_bitrate() != rate {
            self.pacer.pacer_mut().set_target_bitrate(rate);
        }
    }

    fn is_audio(&self, packet: &Packet) -> bool {
        matches!(packet, Packet::Rtp(rtp) if self.audio.contains(&rtp.header.ssrc))
    }
}

impl PacketFilter for VideoPacer {
    fn read(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        let target = match packet.message.get(&Attribute::TargetBitrateChanged { bits_per_second: 0.0 }) {
            Some(Attribute::TargetBitrateChanged { bits_per_second }) => Some(*bits_per_second),
            _ => None,
        };
        self.pacer.handle_read(packet)?;
        if let Some(target) = target {
            self.rate = target * BURST;
            self.queue_changed();
        }
        Ok(None)
    }

    fn write(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        if self.is_audio(&packet.message.packet) {
            return Ok(Some(packet));
        }
        if self.is_late(&packet) {
            return Ok(None);
        }
        let result = self.pacer.handle_write(packet);
        self.queue_changed();
        result.map(|()| None)
    }

    fn release_read(&mut self) -> Option<TaggedPacket> {
        self.pacer.poll_read()
    }

    fn release_write(&mut self) -> Option<TaggedPacket> {
        let packet = self.pacer.poll_write();
        self.queue_changed();
        packet
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.pacer.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.pacer.poll_timeout()
    }

    fn bind_local_stream(&mut self, info: &StreamInfo) {
        if info.mime_type.starts_with("audio/") {
            self.audio.insert(info.ssrc);
        }
        self.pacer.bind_local_stream(info);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.audio.remove(&info.ssrc);
        self.pacer.unbind_local_stream(info);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.pacer.bind_remote_stream(info);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.pacer.unbind_remote_stream(info);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtc::event::EventSender;
    use rtc::interceptor::AttributedPacket;
    use rtc::rtp::{Header, Packet as RtpPacket};
    use rtc::shared::TransportContext;

    fn pacer(bps: u32) -> VideoPacer {
        VideoPacer::new(bps, Arc::new(TransportState::new(EventSender::channel().0, bps)))
    }

    fn packet(now: Instant, is_again: bool) -> TaggedPacket {
        let rtp = RtpPacket { header: Header { version: 2, ..Header::default() }, payload: vec![0; 1188].into() };
        let message = AttributedPacket::new(Packet::Rtp(rtp));
        let message = if is_again { message.with(Attribute::Retransmission) } else { message };
        TaggedPacket { now, transport: TransportContext::default(), message }
    }

    /// The packets that leave in this time, by whether they are retransmissions.
    fn leave(pacer: &mut VideoPacer, from: Instant, ms: u64) -> Vec<bool> {
        let mut left = Vec::new();
        for at in (0..=ms).map(|ms| from + Duration::from_millis(ms)) {
            pacer.handle_timeout(at).expect("paced");
            while let Some(packet) = pacer.release_write() {
                left.push(packet.message.get(&Attribute::Retransmission).is_some());
            }
        }
        left
    }

    #[test]
    fn retransmissions_do_not_keep_a_key_frame_back() {
        let (mut pacer, now) = (pacer(270_000), Instant::now());
        for _ in 0..500 {
            assert!(pacer.write(packet(now, true)).expect("taken").is_none());
        }
        for _ in 0..20 {
            pacer.write(packet(now, false)).expect("taken");
        }
        let left = leave(&mut pacer, now, 900);
        assert_eq!(left.iter().filter(|is_again| !**is_again).count(), 20, "{left:?}");
        let again = left.iter().filter(|is_again| **is_again).count();
        assert!((RETRANSMISSIONS..30).contains(&again), "{again}");
    }

    #[test]
    fn a_queue_leaves_within_its_limit_when_the_estimate_falls() {
        let (mut pacer, now) = (pacer(3_000_000), Instant::now());
        (0..100).for_each(|_| drop(pacer.write(packet(now, false)).expect("taken")));
        pacer.rate = 200_000.0;
        pacer.queue_changed();
        assert_eq!(leave(&mut pacer, now, 1010).len(), 100);
        assert_eq!(pacer.pacer.pacer().target_bitrate(), 200_000.0, "the estimate counts again");
    }

    #[test]
    fn on_a_good_path_retransmissions_are_paced_like_all_others() {
        let (mut pacer, now) = (pacer(3_000_000), Instant::now());
        (0..60).for_each(|_| drop(pacer.write(packet(now, true)).expect("taken")));
        assert_eq!(leave(&mut pacer, now, 400).len(), 60);
    }
}
