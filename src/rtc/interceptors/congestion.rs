//! Congestion control for streams that carry transport-wide sequence numbers, and for no others. The stock one also
//! records streams without them (sound), never sees those acknowledged, and takes each for lost: 2.5 Mbit/s fell to
//! 130 kbit/s.

use super::TransportState;
use crate::rtc::config::SendRates;
use rtc::interceptor::{
    BandwidthEstimator, CongestionControlBuilder, CongestionControlInterceptor, EstimatorStats, Gcc, Interceptor,
    PacketReport, StreamInfo, TaggedPacket,
};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Small changes of the estimate are told this seldom.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// Google congestion control that tells what it finds.
pub(in crate::rtc) struct Estimator {
    gcc: Gcc,
    transport: Arc<TransportState>,
    told: Option<(Instant, f64)>,
}

impl Estimator {
    pub(in crate::rtc) fn new(rates: SendRates, transport: Arc<TransportState>) -> Self {
        let gcc = Gcc::new(rates.start_bps.into(), rates.min_bps.into(), rates.max_bps.into());
        Self { gcc, transport, told: None }
    }

    fn tell(&mut self, now: Instant) {
        let target = self.gcc.target_bitrate();
        let due = self.told.is_none_or(|(when, last)| {
            let change = (target - last).abs() / last.max(1.0);
            change > 0.03 || (change > 0.0 && now.saturating_duration_since(when) > TELL_EVERY)
        });
        if due {
            self.told = Some((now, target));
            self.transport.set_send_rate(target as u32);
        }
    }
}

impl BandwidthEstimator for Estimator {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        let numbered: Vec<PacketReport> = reports.iter().filter(|r| r.is_twcc).cloned().collect();
        self.gcc.on_reports(now, &numbered);
        self.tell(now);
    }

    fn target_bitrate(&self) -> f64 {
        self.gcc.target_bitrate()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.gcc.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.gcc.poll_timeout()
    }

    fn stats(&self) -> EstimatorStats {
        self.gcc.stats()
    }
}

/// The stock interceptor, shown only the streams it can judge.
pub(in crate::rtc) struct TwccFilter(CongestionControlInterceptor<Estimator>);

impl TwccFilter {
    pub(in crate::rtc) fn new(estimator: Estimator) -> Self {
        Self(CongestionControlBuilder::new(estimator).build())
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for TwccFilter {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        self.0.handle_read(tagged)
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.0.poll_read()
    }

    fn handle_write(&mut self, tagged: TaggedPacket) -> Result<(), Error> {
        self.0.handle_write(tagged)
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.0.poll_write()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.0.handle_timeout(now)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.0.poll_timeout()
    }
}

impl Interceptor for TwccFilter {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        if info.rtp_header_extensions.iter().any(|e| e.uri == rtc::sdp::extmap::TRANSPORT_CC_URI) {
            self.0.bind_local_stream(info);
        }
    }

    fn unbind_local_stream(&mut self, info: &StreamInfo) {
        self.0.unbind_local_stream(info);
    }

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
