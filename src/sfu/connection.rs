//! One peer connection: a str0m `Rtc` and what the worker keeps beside it.

use super::bandwidth::BandwidthAllocator;
use super::capture_clock::CaptureClock;
use super::channels::Channels;
use super::quality::QualityMonitor;
use crate::base::MediaKind;
use crate::hub::{ConnectionId, Role, TrackSid};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate;
use str0m::change::SdpPendingOffer;
use str0m::config::DtlsCert;
use str0m::media::{Mid, Pt};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Input, Output, Rtc, RtcConfig, RtcError};

/// How often str0m reports loss and round trip.
const STATISTICS: Duration = Duration::from_secs(2);
/// How often subscribers are told which moment a timestamp means. Until the first packet is sent str0m names timestamp
/// 0, so the next report must not be far.
const REPORTS: Duration = Duration::from_secs(1);
/// Sent pictures are kept so long for being asked for again.
const RESEND_AGE: Duration = Duration::from_secs(1);
/// At most so many of them a stream.
const RESEND_PACKETS: usize = 1024;
/// Resends may be this part of what is sent; above it the queue of resends is dropped.
const RESEND_SHARE: f32 = 0.25;
/// The first guess of what a subscriber's link carries.
const FIRST_ESTIMATE: Bitrate = Bitrate::kbps(1500);
/// A client comes from few addresses; older ones are forgotten.
const ADDRESSES: usize = 8;

/// Why a connection cannot go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionFault {
    #[error("{0}")]
    Rtc(#[from] RtcError),
    #[error("handling it panicked")]
    Panicked,
}

/// Where a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    /// ICE and DTLS have not been up yet.
    New,
    /// Media may flow.
    Up,
    /// Nothing came for too long. What comes next makes it `Up` again.
    Lost,
    /// Over: the peer closed it, or it failed.
    Closed,
}

/// What a section towards the client carries.
#[derive(Clone, Debug)]
pub(super) struct MLineBinding {
    pub(super) track: TrackSid,
    pub(super) stream_id: String,
    pub(super) kind: MediaKind,
    /// Still to be sent; cleared by an unsubscription.
    pub(super) wanted: bool,
}

/// What a client wants of a track.
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
    /// The time that str0m knows.
    told: Instant,
    /// When something of it came last.
    pub(super) heard_at: Instant,
    /// Where it comes from, newest last.
    pub(super) addresses: Vec<SocketAddr>,
    /// By which its STUN checks are known; changes with an ICE restart.
    pub(super) ufrag: String,
    /// The entry of the timer heap that counts.
    pub(super) wakes_at: Option<Instant>,
    /// Written to, and to be driven before the round ends.
    pub(super) dirty: bool,
    /// Sections that carry published tracks.
    pub(super) receives: HashMap<Mid, TrackSid>,
    /// Known SSRCs of these: the track and the layer.
    pub(super) sources: HashMap<Ssrc, (TrackSid, u8)>,
    /// Sections that carry subscribed tracks.
    pub(super) sends: HashMap<Mid, MLineBinding>,
    /// Sections that have carried a track before.
    pub(super) used: HashSet<Mid>,
    pub(super) preferences: HashMap<TrackSid, LayerPreference>,
    /// The offer that is to be answered.
    pub(super) pending: Option<SdpPendingOffer>,
    /// Whether the server's data channels have been agreed on (v0).
    pub(super) channels_made: bool,
    pub(super) channels: Channels,
    pub(super) quality: QualityMonitor,
    /// What the link to the client carries.
    pub(super) bandwidth: BandwidthAllocator,
    /// What of it is wished for, bits a second, as str0m was told.
    desired: u64,
    /// The client's clock, for what it publishes.
    pub(super) clock: CaptureClock,
}

impl Connection {
    pub(super) fn new(id: ConnectionId, certificate: &DtlsCert, local: &[SocketAddr], now: Instant) -> Self {
        let estimated = (id.role != Role::Publisher).then_some(FIRST_ESTIMATE);
        let mut rtc = RtcConfig::new()
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .set_dtls_cert(certificate.clone())
            .set_rtcp_report_interval_audio(REPORTS)
            .set_stats_interval(Some(STATISTICS))
            .enable_bwe(estimated)
            .clear_codecs()
            .enable_vp8(true)
            .enable_opus(true, false)
            .build(now);
        for address in local {
            match Candidate::host(*address, "udp") {
                Ok(candidate) => drop(rtc.add_local_candidate(candidate)),
                Err(e) => tracing::warn!("{address} cannot be offered to clients: {e}"),
            }
        }
        let ufrag = rtc.direct_api().local_ice_credentials().ufrag;
        Self {
            id,
            rtc,
            link: LinkState::New,
            told: now,
            heard_at: now,
            addresses: vec![],
            ufrag,
            wakes_at: None,
            dirty: false,
            receives: HashMap::new(),
            sources: HashMap::new(),
            sends: HashMap::new(),
            used: HashSet::new(),
            preferences: HashMap::new(),
            pending: None,
            channels_made: false,
            channels: Channels::default(),
            quality: QualityMonitor::default(),
            bandwidth: BandwidthAllocator::default(),
            desired: 0,
            clock: CaptureClock::default(),
        }
    }

    /// The time for str0m's next input. It must not go back, or str0m would not look at what was written.
    pub(super) fn time(&mut self, now: Instant) -> Instant {
        self.told = self.told.max(now);
        self.told
    }

    /// Tells str0m the time; what was written goes out.
    pub(super) fn tell_time(&mut self, now: Instant) -> Result<(), ConnectionFault> {
        let now = self.time(now);
        self.input(Input::Timeout(now))
    }

    /// Hands a datagram or the time to str0m.
    pub(super) fn input(&mut self, input: Input) -> Result<(), ConnectionFault> {
        self.guarded(|c| Ok(c.rtc.handle_input(input)?))
    }

    /// Takes the next output.
    pub(super) fn poll(&mut self) -> Result<Output, ConnectionFault> {
        self.guarded(|c| Ok(c.rtc.poll_output()?))
    }

    /// The last net: a panic while one client is handled costs that client's connection, not the worker.
    pub(super) fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, ConnectionFault>,
    ) -> Result<T, ConnectionFault> {
        catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or(Err(ConnectionFault::Panicked))
    }

    /// Queues a packet in a section. It goes out when the connection is driven next.
    pub(super) fn write(&mut self, mid: Mid, packet: RtpWrite) -> bool {
        match self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            Some(stream) => {
                stream.write_rtp(packet);
                true
            }
            None => false,
        }
    }

    /// The payload type that the client expects in a section.
    pub(super) fn payload_type(&self, mid: Mid) -> Option<Pt> {
        self.rtc.media(mid)?.remote_pts().first().copied()
    }

    /// Settings of a section's stream that the description does not carry.
    pub(super) fn tune(&mut self, mid: Mid, kind: MediaKind) {
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else { return };
        stream.set_unpaced(true);
        if kind == MediaKind::Video {
            stream.set_rtx_cache(RESEND_PACKETS, RESEND_AGE, Some(RESEND_SHARE));
        }
    }

    /// Tells str0m up to which rate it is worth looking for bandwidth.
    pub(super) fn desire(&mut self, bits_per_second: u64) {
        if bits_per_second.abs_diff(self.desired) > self.desired / 10 {
            self.desired = bits_per_second;
            self.rtc.bwe().set_bitrate(Bitrate::ZERO, Bitrate::bps(bits_per_second * 5 / 4));
        }
    }

    /// Gives a section's stream a new SSRC, for the next track in it.
    ///
    /// `DirectApi::reset_stream_tx` of str0m 0.25.0 would leave the stream filed under its old SSRC, where no report,
    /// NACK or PLI for the new one finds it. So the stream is taken out and made again.
    pub(super) fn renew(&mut self, mid: Mid, kind: MediaKind) {
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

    /// Remembers where the client comes from. Returns an address that has been forgotten for it.
    pub(super) fn note_address(&mut self, source: SocketAddr) -> Option<SocketAddr> {
        if self.addresses.last() == Some(&source) {
            return None;
        }
        self.addresses.retain(|a| *a != source);
        self.addresses.push(source);
        (self.addresses.len() > ADDRESSES).then(|| self.addresses.remove(0))
    }
}
