//! Packet loss for tests.

use super::adapter::PacketFilter;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rtc::interceptor::{Packet, TaggedPacket};
use rtc::shared::error::Error;

/// Drops a part of the RTP packets in both directions. Each direction draws from a generator of its own with a fixed
/// seed, so that the n-th packet of a direction meets the same fate in each run.
pub(in crate::rtc) struct LossyLink {
    loss: f64,
    read: StdRng,
    write: StdRng,
}

impl LossyLink {
    /// The slot next to the network.
    pub(in crate::rtc) const SLOT: usize = 100;

    /// Loses this part (0.0 to 1.0) of the packets.
    pub(in crate::rtc) fn new(loss: f64) -> Self {
        Self { loss, read: StdRng::seed_from_u64(1), write: StdRng::seed_from_u64(2) }
    }
}

fn survives(random: &mut StdRng, loss: f64, packet: TaggedPacket) -> Option<TaggedPacket> {
    let lost = matches!(packet.message.packet, Packet::Rtp(_)) && random.random_bool(loss);
    (!lost).then_some(packet)
}

impl PacketFilter for LossyLink {
    fn read(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        Ok(survives(&mut self.read, self.loss, packet))
    }

    fn write(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        Ok(survives(&mut self.write, self.loss, packet))
    }
}
