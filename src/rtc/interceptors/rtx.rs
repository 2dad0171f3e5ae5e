//! Retransmissions of what we receive (RTX, RFC 4588), and the NACKs that request them.
//!
//! The stack restores a retransmitted packet only after its NACK generator has looked for it: a repaired loss would be
//! requested for ever. And the generator repeats a request each 20 ms, so that a loss would be retransmitted once for
//! each 20 ms of the round trip.

use super::adapter::PacketFilter;
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::shared::error::Error;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Requested packets that are remembered at most; NACKs beyond it pass unthinned.
const REQUESTS: usize = 2048;
/// A request is forgotten after this time, and no longer round trip is believed.
const REQUEST_LIFETIME: Duration = Duration::from_secs(1);
/// The round trip before anything is measured.
const INITIAL_RTT: Duration = Duration::from_millis(30);

/// Turns RTX packets into the media packets they repeat, and lets one NACK a round trip pass for each loss.
pub(in crate::rtc) struct RtxReceiver {
    /// SSRC and payload type of the media stream that each RTX SSRC repairs.
    media: HashMap<u32, (u32, u8)>,
    /// Losses that were requested, by media SSRC and sequence number.
    requests: HashMap<(u32, u16), Request>,
    /// Time from a request to the retransmission, smoothed.
    rtt: Duration,
}

struct Request {
    last: Instant,
    repeated: bool,
}

impl Default for RtxReceiver {
    fn default() -> Self {
        Self { media: HashMap::new(), requests: HashMap::new(), rtt: INITIAL_RTT }
    }
}

impl RtxReceiver {
    /// Below the NACK generator (7000).
    pub(in crate::rtc) const SLOT: usize = 6_500;

    /// Measures the round trip by a retransmission. A loss that was requested more than once measures nothing, because it
    /// is unknown which request was answered (Karn's algorithm).
    fn measure_rtt(&mut self, ssrc: u32, sequence: u16, now: Instant) {
        if let Some(request) = self.requests.remove(&(ssrc, sequence)).filter(|r| !r.repeated) {
            let took = now.saturating_duration_since(request.last).min(REQUEST_LIFETIME);
            self.rtt = (self.rtt * 7 + took) / 8;
        }
    }

    /// Whether a loss is to be requested now: the first time, and again after 1.25 round trips.
    fn is_due(&mut self, ssrc: u32, sequence: u16, now: Instant) -> bool {
        let interval = self.rtt + self.rtt / 4;
        if let Some(request) = self.requests.get_mut(&(ssrc, sequence)) {
            let due = now.saturating_duration_since(request.last) >= interval;
            if due {
                (request.last, request.repeated) = (now, true);
            }
            return due;
        }
        if self.requests.len() >= REQUESTS {
            self.requests.retain(|_, r| now.saturating_duration_since(r.last) < REQUEST_LIFETIME);
        }
        if self.requests.len() < REQUESTS {
            self.requests.insert((ssrc, sequence), Request { last: now, repeated: false });
        }
        true
    }

    /// The packet with only those losses that are due, if it is a NACK; `None` if none is.
    fn thin(&mut self, rtcp: Box<dyn rtc::rtcp::Packet>, now: Instant) -> Option<Box<dyn rtc::rtcp::Packet>> {
        let Some(nack) = rtcp.as_any().downcast_ref::<TransportLayerNack>() else { return Some(rtcp) };
        let ssrc = nack.media_ssrc;
        let lost = nack.nacks.iter().flat_map(|pair| pair.packet_list());
        let due: Vec<u16> = lost.filter(|&sequence| self.is_due(ssrc, sequence, now)).collect();
        if due.is_empty() {
            return None;
        }
        let nacks = nack_pairs_from_sequence_numbers(&due);
        Some(Box::new(TransportLayerNack { sender_ssrc: nack.sender_ssrc, media_ssrc: ssrc, nacks }))
    }
}

impl PacketFilter for RtxReceiver {
    fn read(&mut self, mut packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        let Packet::Rtp(rtp) = &mut packet.message.packet else { return Ok(Some(packet)) };
        let Some(&(ssrc, payload_type)) = self.media.get(&rtp.header.ssrc) else {
            // A publisher may have another codec than the first one negotiated, and may change it.
            let (of, payload_type) = (rtp.header.ssrc, rtp.header.payload_type);
            self.media.values_mut().filter(|(ssrc, _)| *ssrc == of).for_each(|(_, known)| *known = payload_type);
            return Ok(Some(packet));
        };
        // The payload begins with the original sequence number (RFC 4588, section 4); a padding-only packet, as
        // bandwidth probes are, has none.
        let [high, low, ..] = rtp.payload[..] else { return Ok(None) };
        let sequence = u16::from_be_bytes([high, low]);
        self.measure_rtt(ssrc, sequence, packet.now);
        rtp.header.sequence_number = sequence;
        rtp.header.ssrc = ssrc;
        rtp.header.payload_type = payload_type;
        rtp.payload = rtp.payload.slice(2..);
        Ok(Some(packet))
    }

    fn write(&mut self, mut packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        if let Packet::Rtcp(packets) = &mut packet.message.packet {
            *packets = std::mem::take(packets).into_iter().filter_map(|p| self.thin(p, packet.now)).collect();
            if packets.is_empty() {
                return Ok(None);
            }
        }
        Ok(Some(packet))
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        if let Some(rtx) = info.ssrc_rtx {
            self.media.insert(rtx, (info.ssrc, info.payload_type));
        }
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        if let Some(rtx) = info.ssrc_rtx {
            self.media.remove(&rtx);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::interceptor::AttributedPacket;
    use rtc::shared::TransportContext;

    fn tagged(now: Instant, packet: Packet) -> TaggedPacket {
        TaggedPacket { now, transport: TransportContext::default(), message: AttributedPacket::new(packet) }
    }

    /// The losses that are requested when the NACK generator requests `lost`.
    fn request(rtx: &mut RtxReceiver, now: Instant, lost: &[u16]) -> Vec<u16> {
        let nacks = nack_pairs_from_sequence_numbers(lost);
        let nack = TransportLayerNack { sender_ssrc: 1, media_ssrc: 7, nacks };
        let written = rtx.write(tagged(now, Packet::Rtcp(vec![Box::new(nack)]))).expect("written");
        let Some(Packet::Rtcp(packets)) = written.map(|t| t.message.packet) else { return Vec::new() };
        let nack = packets[0].as_any().downcast_ref::<TransportLayerNack>().expect("a NACK");
        nack.nacks.iter().flat_map(|pair| pair.packet_list()).collect()
    }

    #[test]
    fn a_loss_is_requested_once_a_round_trip() {
        let (mut rtx, start) = (RtxReceiver::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(request(&mut rtx, at(0), &[5, 6]), [5, 6]);
        assert_eq!(request(&mut rtx, at(20), &[5, 6, 9]), [9]);
        assert_eq!(request(&mut rtx, at(40), &[5, 6, 9]), [5, 6]);
        assert_eq!(request(&mut rtx, at(50), &[9]), [0u16; 0]);
    }

    #[test]
    fn a_retransmission_becomes_the_lost_packet_and_measures_the_round_trip() {
        let (mut rtx, start) = (RtxReceiver::default(), Instant::now());
        let info = StreamInfo { ssrc: 7, payload_type: 96, ssrc_rtx: Some(8), ..StreamInfo::default() };
        rtx.bind_remote_stream(&info);
        for round in 0..40u16 {
            let requested = start + Duration::from_secs(1) * u32::from(round);
            assert_eq!(request(&mut rtx, requested, &[round]), [round]);
            let header = rtc::rtp::Header { ssrc: 8, payload_type: 97, sequence_number: 999, ..Default::default() };
            let payload = vec![0, round as u8, 42].into();
            let repeated = Packet::Rtp(rtc::rtp::Packet { header, payload });
            let read = rtx.read(tagged(requested + Duration::from_millis(200), repeated)).expect("read");
            let Some(Packet::Rtp(media)) = read.map(|t| t.message.packet) else { panic!("a packet") };
            let header = &media.header;
            assert_eq!((header.ssrc, header.payload_type, header.sequence_number), (7, 96, round));
            assert_eq!(media.payload[..], [42]);
        }
        let later = start + Duration::from_secs(100);
        assert_eq!(request(&mut rtx, later, &[500]), [500]);
        assert_eq!(request(&mut rtx, later + Duration::from_millis(200), &[500]), [0u16; 0], "within the round trip");
        assert_eq!(request(&mut rtx, later + Duration::from_millis(300), &[500]), [500]);
    }

    #[test]
    fn a_bandwidth_probe_is_dropped() {
        let mut rtx = RtxReceiver::default();
        rtx.bind_remote_stream(&StreamInfo { ssrc: 7, ssrc_rtx: Some(8), ..StreamInfo::default() });
        let header = rtc::rtp::Header { ssrc: 8, ..Default::default() };
        let probe = Packet::Rtp(rtc::rtp::Packet { header, payload: bytes::Bytes::new() });
        assert!(rtx.read(tagged(Instant::now(), probe)).expect("read").is_none());
    }
}
