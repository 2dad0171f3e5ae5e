//! Paces video and lets audio pass. The stock pacer holds back both: a key frame would tear a gap into the audio.

use super::adapter::PacketFilter;
use crate::rtc::transport::TransportState;
use rtc::interceptor::{Attribute, Interceptor as _, PacerBuilder, PacerInterceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol as _;
use rtc::shared::error::Error;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

/// The pacer's rate as a multiple of the estimate, so that a key frame does not wait for its average.
const BURST: f64 = 2.0;

/// The stock pacer for everything but audio.
pub(in crate::rtc) struct VideoPacer {
    pacer: PacerInterceptor,
    /// SSRCs of the audio that we send.
    audio: HashSet<u32>,
    transport: Arc<TransportState>,
}

impl VideoPacer {
    pub(in crate::rtc) fn new(start_bps: u32, transport: Arc<TransportState>) -> Self {
        let pacer = PacerBuilder::new().with_target_bitrate(f64::from(start_bps) * BURST).build();
        Self { pacer, audio: HashSet::new(), transport }
    }

    fn is_audio(&self, packet: &Packet) -> bool {
        matches!(packet, Packet::Rtp(rtp) if self.audio.contains(&rtp.header.ssrc))
    }
}

impl PacketFilter for VideoPacer {
    fn read(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        let target = match packet.message.get(&Attribute::TargetBitrateChanged { bits_per_second: 0.0 }) {
            Some(Attribute::TargetBitrateChanged { bits_per_second }) => Some(*bits_per_second),
            _ => None,
        };
        self.pacer.handle_read(packet)?;
        if let Some(target) = target {
            self.pacer.pacer_mut().set_target_bitrate(target * BURST);
        }
        Ok(None)
    }

    fn write(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        if self.is_audio(&packet.message.packet) {
            return Ok(Some(packet));
        }
        let result = self.pacer.handle_write(packet);
        self.transport.set_pacer_queue(self.pacer.queued());
        result.map(|()| None)
    }

    fn release_read(&mut self) -> Option<TaggedPacket> {
        self.pacer.poll_read()
    }

    fn release_write(&mut self) -> Option<TaggedPacket> {
        let packet = self.pacer.poll_write();
        self.transport.set_pacer_queue(self.pacer.queued());
        packet
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.pacer.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.pacer.poll_timeout()
    }

    fn bind_local_stream(&mut self, info: &StreamInfo) {
        if info.mime_type.starts_with("audio/") {
            self.audio.insert(info.ssrc);
        }
        self.pacer.bind_local_stream(info);
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.audio.remove(&info.ssrc);
        self.pacer.unbind_local_stream(info);
    }

    fn bind_remote_stream(&mut self, info: &StreamInfo) {
        self.pacer.bind_remote_stream(info);
    }

    fn unbind_remote_stream(&mut self, info: &StreamInfo) {
        self.pacer.unbind_remote_stream(info);
    }
}
