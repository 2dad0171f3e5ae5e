//! Repairs of what we receive.
//!
//! The stack undoes RFC 4588 only after its NACK generator: a repaired loss would be asked for again for ever. And the
//! generator asks every 20 ms, however long the way: each loss would come back once for every 20 ms of it.

use super::Queues;
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Repairs that are awaited at most.
const AWAITED: usize = 2048;
/// How long a repair is awaited at most.
const FORGOTTEN: Duration = Duration::from_secs(1);

/// Retransmissions in, the packets they repair out; and NACKs thinned to one a round trip.
pub(in crate::rtc) struct RtxReceiver {
    /// The media stream (SSRC and payload type) that each retransmission stream repairs.
    repairs: HashMap<u32, (u32, u8)>,
    /// Losses by SSRC and sequence number that have been asked for.
    asked: HashMap<(u32, u16), Asked>,
    /// From asking to the answer, smoothed.
    round_trip: Duration,
    queues: Queues,
}

struct Asked {
    last: Instant,
    once: bool,
}

impl Default for RtxReceiver {
    fn default() -> Self {
        let round_trip = Duration::from_millis(30);
        Self { repairs: HashMap::new(), asked: HashMap::new(), round_trip, queues: Queues::default() }
    }
}

impl RtxReceiver {
    /// TransportState-ward of the NACK generator (7000).
    pub(in crate::rtc) const SLOT: usize = 6_500;

    /// Learns from a repair how long one takes; not from one that was asked for twice, for who knows which is this?
    fn repaired(&mut self, ssrc: u32, sequence: u16, now: Instant) {
        if let Some(asked) = self.asked.remove(&(ssrc, sequence)).filter(|a| a.once) {
            let took = now.saturating_duration_since(asked.last).min(FORGOTTEN);
            self.round_trip = (self.round_trip * 7 + took) / 8;
        }
    }

    /// Whether it is time to ask for a packet, for the first time or again.
    fn is_due(&mut self, ssrc: u32, sequence: u16, now: Instant) -> bool {
        let patience = self.round_trip + self.round_trip / 4;
        let asked = self.asked.get_mut(&(ssrc, sequence));
        if let Some(asked) = asked {
            let due = now.saturating_duration_since(asked.last) >= patience;
            if due {
                (asked.last, asked.once) = (now, false);
            }
            return due;
        }
        if self.asked.len() >= AWAITED {
            self.asked.retain(|_, asked| now.saturating_duration_since(asked.last) < FORGOTTEN);
        }
        if self.asked.len() < AWAITED {
            self.asked.insert((ssrc, sequence), Asked { last: now, once: true });
        }
        true
    }

    /// What is left of a report when NACKs that are not due yet are taken out.
    fn thinned(&mut self, report: Box<dyn rtc::rtcp::Packet>, now: Instant) -> Option<Box<dyn rtc::rtcp::Packet>> {
        let Some(nack) = report.as_any().downcast_ref::<TransportLayerNack>() else { return Some(report) };
        let ssrc = nack.media_ssrc;
        let missing = nack.nacks.iter().flat_map(|pair| pair.packet_list());
        let due: Vec<u16> = missing.filter(|&sequence| self.is_due(ssrc, sequence, now)).collect();
        if due.is_empty() {
            return None;
        }
        let nacks = nack_pairs_from_sequence_numbers(&due);
        Some(Box::new(TransportLayerNack { sender_ssrc: nack.sender_ssrc, media_ssrc: ssrc, nacks }))
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for RtxReceiver {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut tagged: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(packet) = &mut tagged.message.packet
            && let Some(&(ssrc, payload_type)) = self.repairs.get(&packet.header.ssrc)
        {
            let [high, low, ..] = packet.payload[..] else { return Ok(()) }; // a bandwidth probe repairs nothing
            let sequence = u16::from_be_bytes([high, low]);
            self.repaired(ssrc, sequence, tagged.now);
            packet.header.sequence_number = sequence;
            packet.header.ssrc = ssrc;
            packet.header.payload_type = payload_type;
            packet.payload = packet.payload.slice(2..);
        }
        self.queues.read.push_back(tagged);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.queues.read.pop_front()
    }

    fn handle_write(&mut self, mut tagged: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtcp(reports) = &mut tagged.message.packet {
            let due = std::mem::take(reports).into_iter().filter_map(|r| self.thinned(r, tagged.now));
            *reports = due.collect();
            if reports.is_empty() {
                return Ok(());
            }
        }
        self.queues.write.push_back(tagged);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.queues.write.pop_front()
    }
}

impl Interceptor for RtxReceiver {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        if let Some(repair) = info.ssrc_rtx {
            self.repairs.insert(repair, (info.ssrc, info.payload_type));
        }
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        if let Some(repair) = info.ssrc_rtx {
            self.repairs.remove(&repair);
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

    /// What is asked for when the generator asks for these.
    fn ask(rtx: &mut RtxReceiver, now: Instant, missing: &[u16]) -> Vec<u16> {
        let nacks = nack_pairs_from_sequence_numbers(missing);
        let nack = TransportLayerNack { sender_ssrc: 1, media_ssrc: 7, nacks };
        rtx.handle_write(tagged(now, Packet::Rtcp(vec![Box::new(nack)]))).expect("written");
        let Some(Packet::Rtcp(reports)) = rtx.poll_write().map(|t| t.message.packet) else { return Vec::new() };
        let nack = reports[0].as_any().downcast_ref::<TransportLayerNack>().expect("a NACK");
        nack.nacks.iter().flat_map(|pair| pair.packet_list()).collect()
    }

    #[test]
    fn a_loss_is_asked_for_once_a_round_trip() {
        let (mut rtx, start) = (RtxReceiver::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(ask(&mut rtx, at(0), &[5, 6]), [5, 6]);
        assert_eq!(ask(&mut rtx, at(20), &[5, 6, 9]), [9]);
        assert_eq!(ask(&mut rtx, at(40), &[5, 6, 9]), [5, 6]);
        assert_eq!(ask(&mut rtx, at(50), &[9]), [0u16; 0]);
    }

    #[test]
    fn repairs_take_the_place_of_what_was_lost_and_tell_the_round_trip() {
        let (mut rtx, start) = (RtxReceiver::default(), Instant::now());
        let info = StreamInfo { ssrc: 7, payload_type: 96, ssrc_rtx: Some(8), ..StreamInfo::default() };
        rtx.bind_remote_stream(&info);
        for round in 0..40u16 {
            let asked = start + Duration::from_secs(1) * u32::from(round);
            assert_eq!(ask(&mut rtx, asked, &[round]), [round]);
            let header = rtc::rtp::Header { ssrc: 8, payload_type: 97, sequence_number: 999, ..Default::default() };
            let payload = vec![0, round as u8, 42].into();
            let repair = Packet::Rtp(rtc::rtp::Packet { header, payload });
            rtx.handle_read(tagged(asked + Duration::from_millis(200), repair)).expect("read");
            let Some(Packet::Rtp(repaired)) = rtx.poll_read().map(|t| t.message.packet) else { panic!("a packet") };
            let header = &repaired.header;
            assert_eq!((header.ssrc, header.payload_type, header.sequence_number), (7, 96, round));
            assert_eq!(repaired.payload[..], [42]);
        }
        let later = start + Duration::from_secs(100);
        assert_eq!(ask(&mut rtx, later, &[500]), [500]);
        assert_eq!(ask(&mut rtx, later + Duration::from_millis(200), &[500]), [0u16; 0], "it may be on its way");
        assert_eq!(ask(&mut rtx, later + Duration::from_millis(300), &[500]), [500]);
    }

    #[test]
    fn a_bandwidth_probe_is_no_repair() {
        let mut rtx = RtxReceiver::default();
        rtx.bind_remote_stream(&StreamInfo { ssrc: 7, ssrc_rtx: Some(8), ..StreamInfo::default() });
        let header = rtc::rtp::Header { ssrc: 8, ..Default::default() };
        let probe = Packet::Rtp(rtc::rtp::Packet { header, payload: bytes::Bytes::new() });
        rtx.handle_read(tagged(Instant::now(), probe)).expect("read");
        assert!(rtx.poll_read().is_none());
    }
}
