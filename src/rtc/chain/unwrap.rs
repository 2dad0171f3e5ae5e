//! Undoes RFC 4588 before the NACK generator sees the packet. The stack does it after: a repaired loss would be
//! asked for again for ever.

use super::Belts;
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::HashMap;
use std::time::Instant;

/// Retransmissions in, the packets they repair out.
#[derive(Default)]
pub(in crate::rtc) struct UnwrapRetransmissions {
    /// The media stream (SSRC and payload type) that each retransmission stream repairs.
    repairs: HashMap<u32, (u32, u8)>,
    belts: Belts,
}

impl UnwrapRetransmissions {
    /// Wire-ward of the NACK generator (7000).
    pub(in crate::rtc) const SLOT: usize = 6_500;
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for UnwrapRetransmissions {
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
            packet.header.sequence_number = u16::from_be_bytes([high, low]);
            packet.header.ssrc = ssrc;
            packet.header.payload_type = payload_type;
            packet.payload = packet.payload.slice(2..);
        }
        self.belts.read.push_back(tagged);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.belts.read.pop_front()
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        self.belts.write.push_back(tagged);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.belts.write.pop_front()
    }
}

impl Interceptor for UnwrapRetransmissions {
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
