//! The candidate pair that a connection uses, in words of statistics. To the stack everything is UDP: the tunnels tell what
//! carries the datagrams to a virtual address.

use super::connection::RtcConnection;
use super::tunnel::TargetKind;
use crate::base::{CandidatePair, CandidateType, Carrier};
use rtc::peer_connection::transport::RTCIceCandidateType;
use rtc::statistics::stats::ice_candidate::RTCIceCandidateStats;
use std::net::SocketAddr;
use webrtc::peer_connection::{RTCStatsReport, RTCStatsReportEntry};

/// The selected pair of a connection and its round trip in ms, 0 while unknown; `None` before a pair is selected. The
/// report also has the pairs of before an ICE restart, which are still called nominated.
pub(super) fn selected_pair(report: &RTCStatsReport, connection: &RtcConnection) -> Option<(CandidatePair, f64)> {
    let selected = &report.transport()?.selected_candidate_pair_id;
    let pair = report.candidate_pairs().find(|pair| pair.stats.id == *selected)?;
    let local = candidate(report, &format!("RTCLocalIceCandidate_{}", pair.local_candidate_id));
    let remote = candidate(report, &format!("RTCRemoteIceCandidate_{}", pair.remote_candidate_id));
    let relay = local.filter(|c| c.candidate_type == RTCIceCandidateType::Relay);
    let tunnels = &connection.tunnels;
    let tunnel = match relay {
        Some(relay) => tunnels.relay_of_url(&relay.url),
        None => remote.and_then(address).and_then(|address| tunnels.target(address)),
    };
    let carrier = match tunnel.as_ref().map(|tunnel| &tunnel.kind) {
        None => Carrier::Udp,
        Some(TargetKind::Candidate { .. } | TargetKind::Relay { tls: false, .. }) => Carrier::Tcp,
        Some(TargetKind::Relay { tls: true, .. }) => Carrier::Tls,
    };
    let pair_in_words = CandidatePair {
        connection: connection.target,
        local: kind(local),
        remote: kind(remote),
        protocol: if relay.is_some() { Carrier::Udp } else { carrier },
        relay_protocol: relay.map(|_| carrier),
        proxied: tunnel.as_ref().is_some_and(|tunnel| tunnel.is_proxied()),
        local_address: local.and_then(address).map(|a| a.to_string()).unwrap_or_default(),
        remote_address: match tunnel.as_ref().map(|tunnel| &tunnel.kind) {
            // To the stack the server has a virtual address.
            Some(TargetKind::Candidate { address, .. }) => address.to_string(),
            _ => remote.and_then(address).map(|a| a.to_string()).unwrap_or_default(),
        },
    };
    Some((pair_in_words, pair.current_round_trip_time * 1000.0))
}

fn candidate<'a>(report: &'a RTCStatsReport, id: &str) -> Option<&'a RTCIceCandidateStats> {
    match report.get(id)? {
        RTCStatsReportEntry::LocalCandidate(found) | RTCStatsReportEntry::RemoteCandidate(found) => Some(found),
        _ => None,
    }
}

/// The stack's report lacks the candidates that it learned from checks.
fn kind(candidate: Option<&RTCIceCandidateStats>) -> CandidateType {
    match candidate.map(|c| c.candidate_type) {
        Some(RTCIceCandidateType::Host) => CandidateType::Host,
        Some(RTCIceCandidateType::Srflx) => CandidateType::Srflx,
        Some(RTCIceCandidateType::Relay) => CandidateType::Relay,
        _ => CandidateType::Prflx,
    }
}

fn address(candidate: &RTCIceCandidateStats) -> Option<SocketAddr> {
    Some(SocketAddr::new(candidate.address.as_deref()?.parse().ok()?, candidate.port))
}
