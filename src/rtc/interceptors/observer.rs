//! Reads RTCP next to the network, where the stack still shows it: key frame requests, receiver and sender reports, and
//! our own NACKs. Counts bytes.

use super::adapter::PacketFilter;
use crate::rtc::transport::TransportState;
use rtc::interceptor::{Packet, TaggedPacket};
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::shared::error::Error;
use rtc::shared::marshal::MarshalSize;
use std::sync::Arc;

/// Reports what passes to the [`TransportState`].
pub(in crate::rtc) struct TransportObserver(Arc<TransportState>);

impl TransportObserver {
    /// Between [`LossyLink`](super::LossyLink) and the stack's interceptors.
    pub(in crate::rtc) const SLOT: usize = 500;

    pub(in crate::rtc) fn new(transport: Arc<TransportState>) -> Self {
        Self(transport)
    }

    fn read_rtcp(&self, packet: &dyn rtc::rtcp::Packet) {
        let packet = packet.as_any();
        if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
            self.0.request_keyframe(pli.media_ssrc);
        } else if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
            fir.fir.iter().for_each(|entry| self.0.request_keyframe(entry.ssrc));
        } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
            // str0m reports RTP timestamp 0 for a stream on which it has sent nothing yet.
            if report.packet_count > 0 {
                self.0.set_clock(report.ssrc, report.ntp_time, report.rtp_time);
            }
        } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
            report.reports.iter().for_each(|block| self.0.add_report(block));
            if let Some(worst) = report.reports.iter().map(|r| r.fraction_lost).max() {
                self.0.add_fraction_lost(worst);
            }
        }
    }

    fn write_rtcp(&self, packet: &dyn rtc::rtcp::Packet) {
        if let Some(nack) = packet.as_any().downcast_ref::<TransportLayerNack>() {
            let packets = nack.nacks.iter().map(|n| 1 + u64::from(n.lost_packets.count_ones())).sum();
            self.0.add_nacked(nack.media_ssrc, packets);
        }
    }
}

fn size(packet: &Packet) -> u64 {
    match packet {
        Packet::Rtp(rtp) => rtp.marshal_size() as u64,
        Packet::Rtcp(packets) => packets.iter().map(|p| p.marshal_size() as u64).sum(),
        _ => 0,
    }
}

impl PacketFilter for TransportObserver {
    fn read(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        self.0.add_received_bytes(size(&packet.message.packet));
        if let Packet::Rtcp(packets) = &packet.message.packet {
            packets.iter().for_each(|p| self.read_rtcp(p.as_ref()));
        }
        Ok(Some(packet))
    }

    fn write(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        self.0.add_sent_bytes(size(&packet.message.packet));
        if let Packet::Rtcp(packets) = &packet.message.packet {
            packets.iter().for_each(|p| self.write_rtcp(p.as_ref()));
        }
        Ok(Some(packet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtc::event::EventSender;
    use rtc::rtcp::reception_report::ReceptionReport;

    fn observer() -> TransportObserver {
        TransportObserver::new(Arc::new(TransportState::new(EventSender::channel().0, 0)))
    }

    #[test]
    fn the_loss_of_what_we_send_is_averaged_over_reports() {
        let observer = observer();
        let report = |fraction_lost| {
            let reports =
                [0, fraction_lost].map(|fraction_lost| ReceptionReport { fraction_lost, ..Default::default() });
            ReceiverReport { reports: reports.into(), ..Default::default() }
        };
        let lost = || observer.0.sent_lost_percent();
        observer.read_rtcp(&report(26));
        assert!((1.0..1.5).contains(&lost()), "one report counts for an eighth: {}", lost());
        (0..40).for_each(|_| observer.read_rtcp(&report(26)));
        assert!((9.5..10.2).contains(&lost()), "{}", lost());
        (0..60).for_each(|_| observer.read_rtcp(&report(0)));
        assert!(lost() < 0.1, "{}", lost());
    }

    #[test]
    fn reports_of_a_sender_without_packets_set_no_clock() {
        let observer = observer();
        let clock = observer.0.add_clock(7, 48_000);
        let report = SenderReport { ssrc: 7, ntp_time: 1 << 32, ..Default::default() };
        observer.read_rtcp(&report);
        assert_eq!(clock.sender_micros(0), None);
        observer.read_rtcp(&SenderReport { packet_count: 1, ..report });
        let second = clock.sender_micros(48_000).zip(clock.sender_micros(0)).map(|(later, then)| later - then);
        assert_eq!(second, Some(1_000_000));
    }
}
