//! Opens a track before its first packets reach it.
//!
//! The stack drops packets of a track whose first packet it has not announced yet. It announces between two turns of its
//! loop, but takes what a relay brings out of the core within one: over a relay, everything that came with the first packet
//! was lost, most often the beginning of the key frame, and the picture waited for the next one.

use super::adapter::PacketFilter;
use bytes::Bytes;
use rtc::interceptor::{AttributedPacket, Packet, StreamInfo, TaggedPacket};
use rtc::shared::error::Error;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// How long the first packets of a stream are kept: longer than one turn of the stack's loop.
const KEPT: Duration = Duration::from_millis(1);
/// Packets of one stream that are kept at most; then they are passed on before their time.
const PACKETS: usize = 256;

/// Passes on a copy of the first packet of each stream without its payload, and the packets themselves a moment later.
#[derive(Default)]
pub(in crate::rtc) struct TrackOpener {
    /// By SSRC.
    streams: HashMap<u32, Stream>,
    released: VecDeque<TaggedPacket>,
}

enum Stream {
    Opening { until: Instant, packets: Vec<TaggedPacket> },
    Open,
}

impl TrackOpener {
    /// Above all others: the copy is for the track alone.
    pub(in crate::rtc) const SLOT: usize = 20_000;

    /// Whether a packet is the copy that opens a track. Padding without media has the padding bit (RFC 3550, section 5.1).
    pub(in crate::rtc) fn is_opening(packet: &rtc::rtp::Packet) -> bool {
        packet.payload.is_empty() && !packet.header.padding
    }

    fn release(&mut self, is_due: impl Fn(Instant, usize) -> bool) {
        for stream in self.streams.values_mut() {
            if let Stream::Opening { until, packets } = stream
                && is_due(*until, packets.len())
            {
                self.released.extend(packets.drain(..));
                *stream = Stream::Open;
            }
        }
    }
}

impl PacketFilter for TrackOpener {
    fn read(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        let Packet::Rtp(rtp) = &packet.message.packet else { return Ok(Some(packet)) };
        let ssrc = rtp.header.ssrc;
        match self.streams.get_mut(&ssrc) {
            Some(Stream::Open) if self.released.is_empty() => Ok(Some(packet)),
            // In order: those were not polled yet.
            Some(Stream::Open) => {
                self.released.push_back(packet);
                Ok(None)
            }
            Some(Stream::Opening { packets, .. }) => {
                packets.push(packet);
                self.release(|_, kept| kept >= PACKETS);
                Ok(None)
            }
            None => {
                let header = rtc::rtp::Header { padding: false, ..rtp.header.clone() };
                let opening = Packet::Rtp(rtc::rtp::Packet { header, payload: Bytes::new() });
                let message = AttributedPacket::new(opening);
                let opening = TaggedPacket { now: packet.now, transport: packet.transport, message };
                let stream = Stream::Opening { until: packet.now + KEPT, packets: vec![packet] };
                self.streams.insert(ssrc, stream);
                Ok(Some(opening))
            }
        }
    }

    fn release_read(&mut self) -> Option<TaggedPacket> {
        self.released.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.release(|until, _| now >= until);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let until = |stream: &Stream| match stream {
            Stream::Opening { until, .. } => Some(*until),
            Stream::Open => None,
        };
        self.streams.values().filter_map(until).min()
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.streams.remove(&info.ssrc);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::shared::TransportContext;

    fn packet(now: Instant, ssrc: u32, sequence_number: u16) -> TaggedPacket {
        let header = rtc::rtp::Header { ssrc, sequence_number, ..Default::default() };
        let packet = Packet::Rtp(rtc::rtp::Packet { header, payload: Bytes::from_static(b"media") });
        TaggedPacket { now, transport: TransportContext::default(), message: AttributedPacket::new(packet) }
    }

    /// The sequence number, and whether it is the copy that opens the track.
    fn passed(packet: Option<TaggedPacket>) -> Option<(u16, bool)> {
        let Packet::Rtp(rtp) = packet?.message.packet else { panic!("RTP") };
        Some((rtp.header.sequence_number, TrackOpener::is_opening(&rtp)))
    }

    #[test]
    fn the_first_packets_follow_the_copy_that_opens_their_track() {
        let (mut opener, start) = (TrackOpener::default(), Instant::now());
        let read = |opener: &mut TrackOpener, ssrc, n| passed(opener.read(packet(start, ssrc, n)).expect("read"));
        assert_eq!(read(&mut opener, 7, 1), Some((1, true)));
        assert_eq!(read(&mut opener, 7, 2), None);
        assert_eq!(read(&mut opener, 8, 9), Some((9, true)));
        opener.handle_timeout(start).expect("in time");
        assert_eq!(passed(opener.release_read()), None, "within the same turn");
        let until = opener.poll_timeout().expect("a time");
        opener.handle_timeout(until).expect("in time");
        assert_eq!(read(&mut opener, 7, 3), None, "before the others are polled");
        let mut released: Vec<_> = std::iter::from_fn(|| passed(opener.release_read())).collect();
        assert_eq!(released.pop(), Some((3, false)), "in order");
        released.sort_unstable();
        assert_eq!(released, [(1, false), (2, false), (9, false)]);
        assert_eq!(opener.poll_timeout(), None);
        assert_eq!(read(&mut opener, 7, 4), Some((4, false)));
        opener.unbind_remote_stream(&StreamInfo { ssrc: 7, ..StreamInfo::default() });
        assert_eq!(read(&mut opener, 7, 5), Some((5, true)), "another track");
    }

    #[test]
    fn no_more_than_some_packets_are_kept() {
        let (mut opener, start) = (TrackOpener::default(), Instant::now());
        for n in 0..PACKETS as u16 {
            opener.read(packet(start, 7, n)).expect("read");
        }
        assert_eq!(std::iter::from_fn(|| opener.release_read()).count(), PACKETS);
    }
}
