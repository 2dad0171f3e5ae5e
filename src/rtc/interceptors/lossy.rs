//! A bad way, for tests.

use super::Queues;
use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::time::Instant;

/// Loses a part of the RTP packets, in both directions.
pub(in crate::rtc) struct LossyLink {
    part: f64,
    queues: Queues,
}

impl LossyLink {
    /// Beyond everything but the network.
    pub(in crate::rtc) const SLOT: usize = 100;

    pub(in crate::rtc) fn new(part: f64) -> Self {
        Self { part, queues: Queues::default() }
    }

    fn loses(&self, tagged: &TaggedPacket) -> bool {
        matches!(tagged.message.packet, Packet::Rtp(_)) && rand::random::<f64>() < self.part
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for LossyLink {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        if !self.loses(&tagged) {
            self.queues.read.push_back(tagged);
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.queues.read.pop_front()
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        if !self.loses(&tagged) {
            self.queues.write.push_back(tagged);
        }
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.queues.write.pop_front()
    }
}

impl Interceptor for LossyLink {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
