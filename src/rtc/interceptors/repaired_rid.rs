//! Adds MID and repaired RID (RFC 8852) to retransmissions.
//!
//! The stack sends retransmissions without header extensions. A server that knows simulcast streams by RID alone (no
//! `a=ssrc` in the offer) cannot tell which stream they repair: at 5 % loss livekit-server forwarded not one whole frame.

use super::adapter::PacketFilter;
use bytes::Bytes;
use rtc::interceptor::{Packet, StreamInfo, TaggedPacket};
use rtc::shared::error::Error;
use std::collections::HashMap;

/// Negotiated ids of the header extensions; 0 for one that was refused.
#[derive(Clone, Copy)]
struct ExtensionIds {
    mid: u8,
    rid: u8,
    repaired_rid: u8,
}

/// A media stream that we send, with the values of its last packet.
struct MediaStream {
    ids: ExtensionIds,
    mid: Option<Bytes>,
    rid: Option<Bytes>,
}

/// Copies MID, and RID as repaired RID, from each media stream to its RTX stream.
#[derive(Default)]
pub(in crate::rtc) struct RepairedRid {
    /// By SSRC.
    media: HashMap<u32, MediaStream>,
    /// The media SSRC of each RTX SSRC.
    rtx: HashMap<u32, u32>,
}

impl RepairedRid {
    /// Below the NACK responder (4000), which makes the retransmissions.
    pub(in crate::rtc) const SLOT: usize = 3_500;

    fn add_extensions(&mut self, header: &mut rtc::rtp::Header) -> Result<(), Error> {
        if let Some(stream) = self.media.get_mut(&header.ssrc) {
            stream.mid = header.get_extension(stream.ids.mid);
            stream.rid = header.get_extension(stream.ids.rid);
            return Ok(());
        }
        let Some(stream) = self.rtx.get(&header.ssrc).and_then(|media| self.media.get(media)) else { return Ok(()) };
        for (id, value) in [(stream.ids.mid, &stream.mid), (stream.ids.repaired_rid, &stream.rid)] {
            if let (1.., Some(value)) = (id, value) {
                header.set_extension(id, value.clone())?;
            }
        }
        Ok(())
    }
}

impl PacketFilter for RepairedRid {
    fn write(&mut self, mut packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        if let Packet::Rtp(rtp) = &mut packet.message.packet {
            self.add_extensions(&mut rtp.header)?;
        }
        Ok(Some(packet))
    }

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
        self.media.insert(info.ssrc, MediaStream { ids, mid: None, rid: None });
        if let Some(rtx) = info.ssrc_rtx {
            self.rtx.insert(rtx, info.ssrc);
        }
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.media.remove(&info.ssrc);
        if let Some(rtx) = info.ssrc_rtx {
            self.rtx.remove(&rtx);
        }
    }
}
