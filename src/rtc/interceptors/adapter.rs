//! The common part of our interceptors: the queues of the stack's `Protocol`, and streams that pass unchanged.

use rtc::interceptor::{Interceptor, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::VecDeque;
use std::time::Instant;

/// An interceptor of ours; [`Adapter`] makes it one of the stack's. Every method may be left out: packets then pass
/// unchanged.
pub(in crate::rtc) trait PacketFilter: Send + Sync {
    /// A packet from the network: passed on, changed, or `None` if it is dropped or kept.
    fn read(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        Ok(Some(packet))
    }

    /// A packet to the network: passed on, changed, or `None` if it is dropped or kept.
    fn write(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        Ok(Some(packet))
    }

    /// The next packet from the network that was kept.
    fn release_read(&mut self) -> Option<TaggedPacket> {
        None
    }

    /// The next packet to the network that was kept.
    fn release_write(&mut self) -> Option<TaggedPacket> {
        None
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<(), Error> {
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        None
    }

    fn bind_local_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}

    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}

/// A [`PacketFilter`] with the queues that the stack polls. They hold what one datagram brings: the chain polls after
/// each packet that it hands over.
pub(in crate::rtc) struct Adapter<F> {
    filter: F,
    read: VecDeque<TaggedPacket>,
    write: VecDeque<TaggedPacket>,
}

impl<F> Adapter<F> {
    pub(in crate::rtc) fn new(filter: F) -> Self {
        Self { filter, read: VecDeque::new(), write: VecDeque::new() }
    }
}

impl<F: PacketFilter> Protocol<TaggedPacket, TaggedPacket, ()> for Adapter<F> {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.read.extend(self.filter.read(packet)?);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.read.pop_front().or_else(|| self.filter.release_read())
    }

    fn handle_write(&mut self, packet: TaggedPacket) -> Result<(), Error> {
        self.write.extend(self.filter.write(packet)?);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.write.pop_front().or_else(|| self.filter.release_write())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.filter.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.filter.poll_timeout()
    }
}

impl<F: PacketFilter> Interceptor for Adapter<F> {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        self.filter.bind_local_stream(info);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.filter.unbind_local_stream(info);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.filter.bind_remote_stream(info);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.filter.unbind_remote_stream(info);
    }
}
