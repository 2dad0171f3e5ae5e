//! One peer connection: a str0m `Rtc` and the worker's state of it.

use super::bandwidth::BandwidthAllocator;
use super::capture_clock::CaptureClock;
use super::channels::{Channels, SEND_BUFFER};
use super::held::HeldDatagrams;
use super::quality::QualityMonitor;
use super::sdp::without_candidates;
use crate::base::{MediaKind, TrackSid};
use crate::hub::{ConnectionId, ConnectionRole};
use mio::Token;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate;
use str0m::change::SdpPendingOffer;
use str0m::config::DtlsCert;
use str0m::format::{CodecSpec, PayloadParams};
use str0m::media::{Mid, Pt};
use str0m::net::{Receive, TcpType};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Input, Output, Rtc, RtcConfig, RtcError};

/// Interval of str0m's statistics (loss, round trip).
const STATISTICS_INTERVAL: Duration = Duration::from_secs(2);
/// Interval of sender reports. Before the first packet str0m reports timestamp 0, so the next report must come soon.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Age of a video packet that is retransmitted at most.
const RTX_AGE: Duration = Duration::from_secs(1);
/// Video packets of a stream that are kept for retransmission at most.
const RTX_PACKETS: usize = 1024;
/// Retransmissions as a part of all bytes sent; above it the queue of retransmissions is dropped.
const RTX_SHARE: f32 = 0.25;
/// Bandwidth estimate of a subscriber's path at the start.
const INITIAL_ESTIMATE: Bitrate = Bitrate::kbps(1500);
/// Pause between two probes for bandwidth while a client gets less than it asks for.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
/// Remote addresses of a connection at most; the oldest is forgotten first.
const ADDRESSES: usize = 8;

/// Why a connection failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionFault {
    #[error("{0}")]
    Rtc(#[from] RtcError),
    #[error("handling it panicked")]
    Panicked,
    #[error("its client is too slow for the reliable data messages sent to it")]
    SlowReceiver,
}

/// State of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// ICE and DTLS have not been connected yet.
    New,
    /// Media can flow.
    Up,
    /// Nothing was received for 3 s. The next datagram makes it `Up` again.
    Lost,
    /// The client closed it, or it failed.
    Closed,
}

/// The track that an m-line towards the client carries.
#[derive(Clone, Debug)]
pub(super) struct MLineBinding {
    pub(super) track: TrackSid,
    pub(super) stream_id: String,
    pub(super) kind: MediaKind,
    /// Whether it is to be sent; false after an unsubscription.
    pub(super) enabled: bool,
}

/// Layer settings of a subscriber for one track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LayerPreference {
    pub(super) layer: u8,
    pub(super) paused: bool,
}

impl Default for LayerPreference {
    fn default() -> Self {
        Self { layer: 2, paused: false }
    }
}

/// One peer connection.
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) rtc: Rtc,
    pub(super) link: LinkState,
    /// The latest time that str0m was given.
    time: Instant,
    /// When the last datagram was received.
    pub(super) last_received: Instant,
    /// Whether the client was sent a description with them.
    pub(super) is_described: bool,
    /// Our candidates, also those that are not offered any more.
    candidates: Vec<SocketAddr>,
    /// The TCP port of our candidates; `None` if there is none.
    tcp_port: Option<u16>,
    /// The TCP connection by which the last datagram came; `None` if it came by UDP.
    pub(super) stream: Option<Token>,
    /// Whether that TCP connection has ended since.
    pub(super) stream_ended: bool,
    /// Remote UDP addresses, newest last.
    pub(super) addresses: Vec<SocketAddr>,
    /// Local ICE user name fragment, by which STUN checks are assigned; changes with an ICE restart.
    pub(super) ufrag: String,
    /// Its valid entry in the worker's timer heap.
    pub(super) wakes_at: Option<Instant>,
    /// Whether it was written to, and must be driven before the round ends.
    pub(super) dirty: bool,
    /// M-lines that carry published tracks.
    pub(super) incoming: HashMap<Mid, TrackSid>,
    /// Track and layer of the SSRCs that were received.
    pub(super) sources: HashMap<Ssrc, (TrackSid, u8)>,
    /// M-lines that carry subscribed tracks.
    pub(super) outgoing: HashMap<Mid, MLineBinding>,
    /// M-lines that have carried a subscribed track before.
    pub(super) used: HashSet<Mid>,
    pub(super) preferences: HashMap<TrackSid, LayerPreference>,
    /// Our offer that waits for its answer.
    pub(super) pending: Option<SdpPendingOffer>,
    /// Whether the server's data channels are negotiated (two connections).
    pub(super) channels_made: bool,
    pub(super) channels: Channels,
    /// Datagrams with data messages that wait for slow receivers.
    pub(super) held: HeldDatagrams,
    pub(super) quality: QualityMonitor,
    pub(super) bandwidth: BandwidthAllocator,
    /// Desired rate in bits a second, as str0m was given it.
    desired: u64,
    /// When it was set.
    probed: Instant,
    /// Whether it is lowered until the next call of [`Connection::set_desired`].
    is_desired_lowered: bool,
    /// The client's clock, for its published tracks.
    pub(super) clock: CaptureClock,
}

impl Connection {
    /// The same addresses are offered with a TCP port, if there is one.
    pub(super) fn new(
        id: ConnectionId,
        certificate: &DtlsCert,
        candidates: &[SocketAddr],
        tcp_port: Option<u16>,
        now: Instant,
    ) -> Self {
        let estimated = (id.role != ConnectionRole::Publisher).then_some(INITIAL_ESTIMATE);
        let mut rtc = RtcConfig::new()
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_dtls_cert(certificate.clone())
            .set_rtcp_report_interval_audio(REPORT_INTERVAL)
            .set_stats_interval(Some(STATISTICS_INTERVAL))
            .set_sctp_max_buffered_amount(SEND_BUFFER)
            .enable_bwe(estimated)
            .clear_codecs()
            .enable_vp8(true)
            .enable_vp9(true)
            .enable_h264(true)
            .enable_opus(true, false)
            .build(now);
        let ufrag = rtc.direct_api().local_ice_credentials().ufrag;
        let mut connection = Self {
            id,
            rtc,
            link: LinkState::New,
            time: now,
            last_received: now,
            is_described: false,
            candidates: vec![],
            tcp_port,
            stream: None,
            stream_ended: false,
            addresses: vec![],
            ufrag,
            wakes_at: None,
            dirty: false,
            incoming: HashMap::new(),
            sources: HashMap::new(),
            outgoing: HashMap::new(),
            used: HashSet::new(),
            preferences: HashMap::new(),
            pending: None,
            channels_made: false,
            channels: Channels::default(),
            held: HeldDatagrams::default(),
            quality: QualityMonitor::default(),
            bandwidth: BandwidthAllocator::default(),
            desired: 0,
            probed: now,
            is_desired_lowered: false,
            clock: CaptureClock::default(),
        };
        connection.offer_addresses(candidates);
        connection
    }

    /// Adds the addresses that are no candidates yet, and returns the new ICE candidates. Those that this computer has lost
    /// stay: a client may still use one that comes back.
    pub(super) fn offer_addresses(&mut self, candidates: &[SocketAddr]) -> Vec<String> {
        let mut added = vec![];
        for address in candidates {
            if self.candidates.contains(address) {
                continue;
            }
            for candidate in host_candidates(*address, self.tcp_port) {
                added.extend(self.rtc.add_local_candidate(candidate).map(Candidate::to_sdp_string));
            }
            self.candidates.push(*address);
        }
        added
    }

    /// Removes the candidates that are not offered any more from one of our descriptions.
    pub(super) fn without_lost_addresses(&self, sdp: String, offered: &[SocketAddr]) -> String {
        let lost = self.candidates.iter().filter(|a| !offered.contains(a)).map(SocketAddr::ip).collect::<Vec<_>>();
        if lost.is_empty() { sdp } else { without_candidates(&sdp, &lost) }
    }

    /// The candidate that a datagram from `source` to our address `own` belongs to. Behind address translation `own` is
    /// none of them: then any one of the family will do, because str0m only looks whether there is one.
    pub(super) fn candidate_for(&self, own: Option<IpAddr>, source: SocketAddr) -> Option<SocketAddr> {
        let same = self.candidates.iter().find(|a| Some(a.ip()) == own);
        let family = || self.candidates.iter().find(|a| a.is_ipv4() == source.is_ipv4());
        same.or_else(family).or(self.candidates.first()).copied()
    }

    /// The time for str0m's next input. It must not go back: str0m would ignore the packets written.
    pub(super) fn time(&mut self, now: Instant) -> Instant {
        self.time = self.time.max(now);
        self.time
    }

    /// Gives str0m the time, so that it sends the packets written.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionFault> {
        let now = self.time(now);
        self.input(Input::Timeout(now))
    }

    /// Gives str0m a datagram or the time.
    pub(super) fn input(&mut self, input: Input) -> Result<(), ConnectionFault> {
        self.guarded(|c| Ok(c.rtc.handle_input(input)?))
    }

    /// Gives str0m a datagram that came by UDP or by a TCP connection. `None` if it is not for this connection.
    pub(super) fn receive(
        &mut self,
        received: Receive<'_>,
        stream: Option<Token>,
        now: Instant,
    ) -> Option<Result<(), ConnectionFault>> {
        let input = Input::Receive(self.time(now), received);
        if !self.rtc.accepts(&input) {
            return None;
        }
        (self.last_received, self.stream, self.stream_ended) = (now, stream, false);
        Some(self.input(input))
    }

    /// The next output of str0m.
    pub(super) fn poll(&mut self) -> Result<Output, ConnectionFault> {
        self.guarded(|c| Ok(c.rtc.poll_output()?))
    }

    /// Catches panics of str0m: they cost one connection, not the worker.
    pub(super) fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, ConnectionFault>,
    ) -> Result<T, ConnectionFault> {
        catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or(Err(ConnectionFault::Panicked))
    }

    /// Queues a packet in an m-line; whether that has a stream. It is sent when the connection is driven next.
    pub(super) fn write(&mut self, mid: Mid, packet: RtpWrite) -> bool {
        match self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            Some(stream) => {
                stream.write_rtp(packet);
                true
            }
            None => false,
        }
    }

    /// Whether packets of this payload type to the client are audio.
    pub(super) fn is_audio(&self, payload_type: u8) -> bool {
        let mut audio = self.outgoing.iter().filter(|(_, binding)| binding.kind == MediaKind::Audio);
        audio.any(|(mid, _)| self.payload_type(*mid).is_some_and(|pt| *pt == payload_type))
    }

    /// The payload type that the client expects in an m-line, for audio.
    pub(super) fn payload_type(&self, mid: Mid) -> Option<Pt> {
        self.rtc.media(mid)?.remote_pts().first().copied()
    }

    /// The payload type that the client expects in an m-line for video of this format. `None` if it takes none of the codec.
    pub(super) fn payload_type_for(&self, mid: Mid, format: &CodecSpec) -> Option<Pt> {
        best_match(self.rtc.codec_config().params(), self.rtc.media(mid)?.remote_pts(), format)
    }

    /// The format of a payload type that the client sends.
    pub(super) fn format(&self, payload_type: Pt) -> Option<CodecSpec> {
        self.rtc.codec_config().params().iter().find(|p| p.pt() == payload_type).map(PayloadParams::spec)
    }

    /// Configures the stream of an m-line: no pacing, and the retransmission buffer of video.
    pub(super) fn configure_stream(&mut self, mid: Mid, kind: MediaKind) {
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else { return };
        stream.set_unpaced(true);
        if kind == MediaKind::Video {
            stream.set_rtx_cache(RTX_PACKETS, RTX_AGE, Some(RTX_SHARE));
        }
    }

    /// Sets the rate up to which str0m probes for bandwidth, in bits a second. To be called about every 100 ms.
    ///
    /// str0m probes when it finds the rate higher than before. So while the client gets less than it asks for, the rate is
    /// lowered each [`PROBE_INTERVAL`] until the next call: in between str0m takes note of it. In silence it stays.
    pub(super) fn set_desired(&mut self, bits_per_second: u64, is_short: bool, now: Instant) {
        if bits_per_second == 0 {
            return;
        }
        let is_new = bits_per_second.abs_diff(self.desired) > self.desired / 10;
        let is_due = is_short && now.saturating_duration_since(self.probed) >= PROBE_INTERVAL;
        // A higher layer needs some headroom, and a short probe measures less than it sends.
        let probed_up_to = bits_per_second * 2;
        if is_due && !self.is_desired_lowered {
            self.is_desired_lowered = true;
            self.rtc.bwe().set_bitrate(Bitrate::ZERO, Bitrate::bps(probed_up_to / 2));
        } else if is_new || self.is_desired_lowered {
            (self.desired, self.probed, self.is_desired_lowered) = (bits_per_second, now, false);
            self.rtc.bwe().set_bitrate(Bitrate::ZERO, Bitrate::bps(probed_up_to));
        }
    }

    /// Replaces the stream of an m-line by one with a new SSRC, for the next track.
    ///
    /// `DirectApi::reset_stream_tx` of str0m 0.25.0 keeps the stream under its old SSRC, where no report, NACK or PLI for
    /// the new one finds it. So the stream is removed and declared anew.
    pub(super) fn replace_stream(&mut self, mid: Mid, kind: MediaKind) {
        if self.rtc.media(mid).is_none() {
            return;
        }
        let mut api = self.rtc.direct_api();
        let Some(old) = api.stream_tx_by_mid(mid, None).map(|s| s.ssrc()) else { return };
        api.remove_stream_tx(old);
        let ssrc = api.new_ssrc();
        let mut repair = (kind == MediaKind::Video).then(|| api.new_ssrc());
        while repair == Some(ssrc) {
            repair = Some(api.new_ssrc());
        }
        api.declare_stream_tx(ssrc, repair, mid, None);
    }

    /// Adds a remote address. Returns the oldest one if it is dropped for that.
    pub(super) fn add_address(&mut self, source: SocketAddr) -> Option<SocketAddr> {
        if self.addresses.last() == Some(&source) {
            return None;
        }
        self.addresses.retain(|a| *a != source);
        self.addresses.push(source);
        (self.addresses.len() > ADDRESSES).then(|| self.addresses.remove(0))
    }
}

/// The accepted payload type of this codec; one of the same profile rather than another.
fn best_match(known: &[PayloadParams], accepted: &[Pt], format: &CodecSpec) -> Option<Pt> {
    let is_usable = |p: &&PayloadParams| p.spec().codec == format.codec && accepted.contains(&p.pt());
    let same_profile = known.iter().filter(is_usable).find(|p| profile(&p.spec()) == profile(format));
    same_profile.or_else(|| known.iter().find(is_usable)).map(PayloadParams::pt)
}

/// What tells the profiles of a codec apart: of H.264 by RFC 6184, section 8.1, of VP9 by RFC 9628, section 6.
fn profile(format: &CodecSpec) -> (Option<u32>, Option<u8>, u32) {
    let of = &format.format;
    (of.profile_level_id, of.packetization_mode, of.profile_id.unwrap_or(0))
}

/// The host candidates of an address: UDP, and with a TCP port a passive one (RFC 6544, section 4.5).
fn host_candidates(address: SocketAddr, tcp: Option<u16>) -> impl Iterator<Item = Candidate> {
    let udp = Candidate::host(address, "udp");
    let passive =
        |port| Candidate::builder().tcp().host(SocketAddr::new(address.ip(), port)).tcptype(TcpType::Passive).build();
    std::iter::once(udp).chain(tcp.map(passive)).filter_map(move |candidate| {
        candidate.inspect_err(|error| tracing::warn!(%error, %address, "an address cannot be offered to clients")).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use str0m::format::Codec;

    #[test]
    fn video_is_sent_with_the_payload_type_of_its_profile() {
        let rtc = Rtc::builder().build(Instant::now());
        let known = rtc.codec_config().params();
        for params in known.iter().filter(|p| matches!(p.spec().codec, Codec::Vp8 | Codec::Vp9 | Codec::H264)) {
            let all: Vec<Pt> = known.iter().map(PayloadParams::pt).collect();
            assert_eq!(best_match(known, &all, &params.spec()), Some(params.pt()), "{params:?}");
            let others: Vec<Pt> = all.into_iter().filter(|pt| *pt != params.pt()).collect();
            let other = best_match(known, &others, &params.spec());
            let codec = known.iter().find(|p| Some(p.pt()) == other).map(|p| p.spec().codec);
            assert!(codec.is_none_or(|codec| codec == params.spec().codec), "never another codec");
            assert_eq!(codec.is_none(), params.spec().codec == Codec::Vp8, "there are other profiles");
        }
    }
}
