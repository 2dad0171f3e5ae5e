//! Loss of what we send, from the counts of the server's receiver reports (RFC 3550, section 6.4.1). Other than the
//! fraction of each report, they weigh every packet alike, and a report that is lost itself changes nothing.

use rtc::rtcp::reception_report::ReceptionReport;
use std::collections::HashMap;

/// Packets of a stream from which on its loss counts: with fewer, one packet is more than a percent.
const ENOUGH: u32 = 100;
/// Streams at most; beyond it all start anew.
const STREAMS: usize = 64;

/// The loss of each stream since its first report.
#[derive(Debug, Default)]
pub(super) struct SentLoss(HashMap<u32, Stream>);

#[derive(Debug)]
struct Stream {
    first: Counts,
    last: Counts,
}

#[derive(Clone, Copy, Debug)]
struct Counts {
    /// Packets that were lost; retransmissions can make it fall.
    lost: i32,
    /// The highest sequence number, extended to 32 bits.
    highest: u32,
}

impl SentLoss {
    /// Takes a report block.
    pub(super) fn add(&mut self, report: &ReceptionReport) {
        // A signed number of 24 bits.
        let lost = ((report.total_lost << 8) as i32) >> 8;
        let counts = Counts { lost, highest: report.last_sequence_number };
        if self.0.len() >= STREAMS && !self.0.contains_key(&report.ssrc) {
            self.0.clear();
        }
        self.0.entry(report.ssrc).or_insert(Stream { first: counts, last: counts }).last = counts;
    }

    /// The loss of the stream that loses most, in percent; `None` before any stream has enough packets.
    pub(super) fn worst_percent(&self) -> Option<f64> {
        let percent = |stream: &Stream| {
            let sent = stream.last.highest.wrapping_sub(stream.first.highest);
            let lost = (stream.last.lost - stream.first.lost).max(0);
            (ENOUGH..1 << 31).contains(&sent).then(|| f64::from(lost) * 100.0 / f64::from(sent))
        };
        self.0.values().filter_map(percent).max_by(f64::total_cmp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ssrc: u32, total_lost: u32, last_sequence_number: u32) -> ReceptionReport {
        ReceptionReport { ssrc, total_lost, last_sequence_number, ..Default::default() }
    }

    #[test]
    fn the_worst_stream_counts_from_its_first_report_on() {
        let mut loss = SentLoss::default();
        loss.add(&report(1, 5, 60_000));
        assert_eq!(loss.worst_percent(), None);
        loss.add(&report(1, 65, 60_200));
        loss.add(&report(2, 0, 10));
        loss.add(&report(2, 50, 60));
        assert_eq!(loss.worst_percent(), Some(30.0), "50 packets of the other stream are too few");
        loss.add(&report(1, 0xff_ffff, 60_400));
        assert_eq!(loss.worst_percent(), Some(0.0), "retransmissions can make the count negative");
    }
}
