//! Names the stream that a retransmission repairs. The stack sends retransmissions without header extensions, but a
//! server that knows simulcast streams by RID alone (no `a=ssrc` in the offer) cannot tell whose they are: at 5 %
//! loss not one frame was decoded behind livekit-server.

use super::Queues;
use bytes::Bytes;
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::HashMap;
use std::time::Instant;

/// Negotiated ids of the extensions, 0 for one that was refused.
#[derive(Clone, Copy)]
struct ExtensionIds {
    mid: u8,
    rid: u8,
    repaired_rid: u8,
}

/// What a media stream says of itself in each packet.
#[derive(Clone, Default)]
struct Names {
    mid: Option<Bytes>,
    rid: Option<Bytes>,
}

/// Copies MID, and RID as repaired RID, from the media stream to its retransmissions.
#[derive(Default)]
pub(in crate::rtc) struct RepairedRid {
    media: HashMap<u32, (ExtensionIds, Names)>,
    /// The media stream that each retransmission stream repairs.
    repairs: HashMap<u32, u32>,
    queues: Queues,
}

impl RepairedRid {
    /// TransportState-ward of the NACK responder (4000), where retransmissions come from.
    pub(in crate::rtc) const SLOT: usize = 3_500;

    fn name(&mut self, header: &mut rtc::rtp::Header) -> Result<(), Error> {
        if let Some((ids, names)) = self.media.get_mut(&header.ssrc) {
            names.mid = header.get_extension(ids.mid);
            names.rid = header.get_extension(ids.rid);
            return Ok(());
        }
        let repaired = self.repairs.get(&header.ssrc).and_then(|media| self.media.get(media));
        let Some((ids, names)) = repaired else { return Ok(()) };
        for (id, value) in [(ids.mid, &names.mid), (ids.repaired_rid, &names.rid)] {
            if let (1.., Some(value)) = (id, value) {
                header.set_extension(id, value.clone())?;
            }
        }
        Ok(())
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for RepairedRid {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        self.queues.read.push_back(tagged);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.queues.read.pop_front()
    }

    fn handle_write(&mut self, mut tagged: TaggedPacket) -> Result<(), Error> {
        if let Packet::Rtp(packet) = &mut tagged.message.packet {
            self.name(&mut packet.header)?;
        }
        self.queues.write.push_back(tagged);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.queues.write.pop_front()
    }
}

impl Interceptor for RepairedRid {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        let id = |uri: &str| {
            let found = info.rtp_header_extensions.iter().find(|e| e.uri == uri);
            found.and_then(|e| u8::try_from(e.id).ok()).unwrap_or(0)
        };
        let ids = ExtensionIds {
            mid: id(rtc::sdp::extmap::SDES_MID_URI),
            rid: id(rtc::sdp::extmap::SDES_RTP_STREAM_ID_URI),
            repaired_rid: id(rtc::sdp::extmap::SDES_REPAIR_RTP_STREAM_ID_URI),
        };
        self.media.insert(info.ssrc, (ids, Names::default()));
        if let Some(repair) = info.ssrc_rtx {
            self.repairs.insert(repair, info.ssrc);
        }
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.media.remove(&info.ssrc);
        if let Some(repair) = info.ssrc_rtx {
            self.repairs.remove(&repair);
        }
    }

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
