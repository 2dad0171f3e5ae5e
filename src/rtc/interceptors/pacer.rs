//! Spreads pictures over time, and lets sound pass. The stock pacer holds both: a key frame would cost a gap in the
//! voice.

use super::{Queues, TransportState};
use rtc::interceptor::{Attribute, Interceptor, PacerBuilder, PacerInterceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

/// How much faster than the estimate a burst may go, so that a key frame does not wait for its average.
const BURST: f64 = 2.0;

/// Paces what is not sound.
pub(in crate::rtc) struct VideoPacer {
    pacer: PacerInterceptor,
    sound: HashSet<u32>,
    queues: Queues,
    transport: Arc<TransportState>,
}

impl VideoPacer {
    pub(in crate::rtc) fn new(start_bps: u32, transport: Arc<TransportState>) -> Self {
        let pacer = PacerBuilder::new().with_target_bitrate(f64::from(start_bps) * BURST).build();
        Self { pacer, sound: HashSet::new(), queues: Queues::default(), transport }
    }

    fn is_audio(&self, packet: &Packet) -> bool {
        matches!(packet, Packet::Rtp(rtp) if self.sound.contains(&rtp.header.ssrc))
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for VideoPacer {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        let target = match tagged.message.get(&Attribute::TargetBitrateChanged { bits_per_second: 0.0 }) {
            Some(Attribute::TargetBitrateChanged { bits_per_second }) => Some(*bits_per_second),
            _ => None,
        };
        self.pacer.handle_read(tagged)?;
        if let Some(target) = target {
            self.pacer.pacer_mut().set_target_bitrate(target * BURST);
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.pacer.poll_read()
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        if self.is_audio(&tagged.message.packet) {
            self.queues.write.push_back(tagged);
            return Ok(());
        }
        let result = self.pacer.handle_write(tagged);
        self.transport.set_waiting(self.pacer.queued());
        result
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        if let Some(sound) = self.queues.write.pop_front() {
            return Some(sound);
        }
        let packet = self.pacer.poll_write();
        self.transport.set_waiting(self.pacer.queued());
        packet
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.pacer.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.pacer.poll_timeout()
    }
}

impl Interceptor for VideoPacer {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        if info.mime_type.starts_with("audio/") {
            self.sound.insert(info.ssrc);
        }
        self.pacer.bind_local_stream(info);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.sound.remove(&info.ssrc);
        self.pacer.unbind_local_stream(info);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.pacer.bind_remote_stream(info);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.pacer.unbind_remote_stream(info);
    }
}
