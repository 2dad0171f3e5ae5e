//! Congestion control for streams that carry transport-wide sequence numbers, and for no others.
//!
//! The stock interceptor also records streams without these numbers (audio), never sees them acknowledged, and counts
//! every packet of theirs as lost: an estimate of 2.5 Mbit/s fell to 130 kbit/s.

use super::adapter::PacketFilter;
use crate::rtc::config::SendRates;
use crate::rtc::estimator::{LinkEstimate, PacketFate};
use crate::rtc::transport::TransportState;
use rtc::interceptor::{
    BandwidthEstimator, CongestionControlBuilder, CongestionControlInterceptor, Interceptor as _, PacketReport,
    StreamInfo, TaggedPacket,
};
use rtc::sansio::Protocol as _;
use rtc::shared::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A change of the estimate by more than this part is reported at once.
const REPORT_CHANGE: f64 = 0.03;
/// Smaller changes are reported at this interval.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// The [`LinkEstimate`] of what is sent, reported to the [`TransportState`].
pub(in crate::rtc) struct Estimator {
    estimate: LinkEstimate,
    transport: Arc<TransportState>,
    /// When an estimate was reported last, and which.
    reported: Option<(Instant, f64)>,
}

impl Estimator {
    pub(in crate::rtc) fn new(rates: SendRates, transport: Arc<TransportState>) -> Self {
        let estimate = LinkEstimate::new(rates.start_bps.into(), rates.min_bps.into(), rates.max_bps.into());
        Self { estimate, transport, reported: None }
    }

    fn report(&mut self, now: Instant) {
        let target = self.estimate.bits_per_second();
        let due = self.reported.is_none_or(|(at, last)| {
            let change = (target - last).abs() / last.max(1.0);
            change > REPORT_CHANGE || (change > 0.0 && now.saturating_duration_since(at) > REPORT_INTERVAL)
        });
        if due {
            self.reported = Some((now, target));
            self.transport.set_send_rate(target as u32);
        }
    }
}

impl BandwidthEstimator for Estimator {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        let numbered = reports.iter().filter(|report| report.is_twcc);
        let fate = |r: &PacketReport| PacketFate { departure: r.departure, arrival: r.arrival, bytes: r.size };
        self.estimate.on_feedback(now, &numbered.map(fate).collect::<Vec<_>>());
        self.report(now);
    }

    fn target_bitrate(&self) -> f64 {
        self.estimate.bits_per_second()
    }
}

/// The stock interceptor, bound only to streams with the transport-wide congestion control (TWCC) extension.
pub(in crate::rtc) struct TwccFilter(CongestionControlInterceptor<Estimator>);

impl TwccFilter {
    pub(in crate::rtc) fn new(estimator: Estimator) -> Self {
        Self(CongestionControlBuilder::new(estimator).build())
    }
}

impl PacketFilter for TwccFilter {
    fn read(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        self.0.handle_read(packet).map(|()| None)
    }

    fn write(&mut self, packet: TaggedPacket) -> Result<Option<TaggedPacket>, Error> {
        self.0.handle_write(packet).map(|()| None)
    }

    fn release_read(&mut self) -> Option<TaggedPacket> {
        self.0.poll_read()
    }

    fn release_write(&mut self) -> Option<TaggedPacket> {
        self.0.poll_write()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.0.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.0.poll_timeout()
    }

    fn bind_local_stream(&mut self, info: &StreamInfo) {
        if info.rtp_header_extensions.iter().any(|e| e.uri == rtc::sdp::extmap::TRANSPORT_CC_URI) {
            self.0.bind_local_stream(info);
        }
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.0.unbind_local_stream(info);
    }
}
