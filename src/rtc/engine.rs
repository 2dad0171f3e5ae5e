//! Builds one peer connection of webrtc-rs: settings, codecs, interceptors. Each workaround names the fault it is for.

use super::address::LocalSockets;
use super::config::{PeerConfig, RtcError};
use super::interceptors::{
    Adapter, Estimator, RepairedRid, RtxReceiver, TrackOpener, TransportObserver, TwccFilter, VideoPacer,
};
use super::m_lines::VIDEO_ORIENTATION_URI;
use super::runtime::SessionRuntime;
use super::tasks::Tasks;
use super::transport::TransportState;
use super::tunnel::Tunnels;
use crate::base::Transport;
use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{NackGeneratorBuilder, Registry, Slot, TwccReceiverBuilder, TwccSenderBuilder};
#[cfg(feature = "h264")]
use rtc::peer_connection::configuration::media_engine::MIME_TYPE_H264;
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8, MIME_TYPE_VP9};
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::RTCRtpTransceiverDirection;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use rtc::sdp::extmap;
use rtc::shared::error::Error;
use std::sync::Arc;
use std::time::Duration;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfiguration,
    RTCConfigurationBuilder, RTCIceServer, SettingEngine, SettingEngineBuilder, configure_nack, configure_rtcp_reports,
    configure_simulcast_extension_headers,
};

pub(super) const OPUS: u8 = 111;
/// The payload types of the video codecs, as browsers have them. The next number is that of their RTX.
const VP8: u8 = 96;
const VP9: u8 = 98;
#[cfg(feature = "h264")]
const H264: u8 = 102;

/// Interval of ICE checks. The stack writes DTLS and SCTP packets only when it wakes for another reason, so that at the
/// default of 200 ms connecting stalls several times for that long.
const ICE_CHECK: Duration = Duration::from_millis(50);
/// Checks before a candidate pair is given up: 5 s.
const ICE_CHECKS: u16 = 100;
/// Interval of keepalives; their answers show that the path works.
const ICE_KEEPALIVE: Duration = Duration::from_secs(1);
/// Time for a direct way to be found before a relay is chosen. By TCP it is found after the head start of UDP (100 ms), two
/// round trips and the next check: within this time if a round trip takes no more than 50 ms.
const RELAY_WAIT: Duration = Duration::from_millis(250);
/// Silence after which a connection is disconnected. Our server forgets a client after 6 s.
const ICE_DISCONNECTED: Duration = Duration::from_secs(3);
/// Further silence after which it has failed.
const ICE_FAILED: Duration = Duration::from_secs(12);

/// Opens a connection whose events go to `handler`.
pub(super) async fn open(
    config: &PeerConfig,
    handler: Arc<dyn PeerConnectionEventHandler>,
    transport: Arc<TransportState>,
    tasks: &Tasks,
    tunnels: &Tunnels,
) -> Result<Arc<dyn PeerConnection>, RtcError> {
    let failed = |e: Error| RtcError::Open(e.to_string());
    let mut media = media_engine().map_err(failed)?;
    let registry = interceptors(config, &mut media, transport);
    let connection = PeerConnectionBuilder::new()
        .with_configuration(configuration(Vec::new()))
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings(config))
        .with_runtime(Arc::new(SessionRuntime { tasks: tasks.clone(), tunnels: tunnels.clone() }))
        .with_handler(handler)
        .with_udp_addrs(vec![LocalSockets { loopback: config.loopback }])
        .build()
        .await
        .map_err(failed)?;
    Ok(Arc::new(connection))
}

/// The stack's configuration with these STUN and TURN servers.
pub(super) fn configuration(servers: Vec<RTCIceServer>) -> RTCConfiguration {
    RTCConfigurationBuilder::new().with_ice_servers(servers).build()
}

fn settings(config: &PeerConfig) -> SettingEngine {
    let relay_wait = if config.transport == Transport::Relay { Duration::ZERO } else { RELAY_WAIT };
    SettingEngineBuilder::new()
        .with_include_loopback_candidate(config.loopback)
        // A server's check that arrives before its candidate makes a peer-reflexive pair, which by default waits 1 s.
        .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
        // By default 2 s. A direct way by UDP is known after one round trip, one by a relay after four.
        .with_relay_acceptance_min_wait(Some(relay_wait))
        // As DTLS client our first flight would wait for the next wake, so the server is to be the client.
        .with_answering_dtls_role(RTCDtlsRole::Server)
        .with_ice_connection_attempts(Some(ICE_CHECK), Some(ICE_CHECKS))
        .with_ice_timeouts(Some(ICE_DISCONNECTED), Some(ICE_FAILED), Some(ICE_KEEPALIVE))
        // The stack binds one socket to each address. An ICE restart binds to those of now, so it works from another network.
        .with_discard_local_candidates_during_ice_restart(true)
        // mDNS joins a multicast group, which fails without a default route.
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .build()
}

pub(super) fn opus() -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_OPUS.into(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".into(),
        rtcp_feedback: vec![],
    }
}

pub(super) fn vp8() -> RTCRtpCodec {
    video(MIME_TYPE_VP8, "")
}

fn video(mime_type: &str, parameters: &str) -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: mime_type.into(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: parameters.into(),
        rtcp_feedback: vec![feedback("ccm", "fir"), feedback("goog-remb", "")],
    }
}

/// A video codec with its RTX. Without RTX livekit-server does not retransmit, and str0m neither sends nor answers NACKs.
fn with_rtx(rtp_codec: RTCRtpCodec, payload_type: u8) -> [RTCRtpCodecParameters; 2] {
    let rtx = RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.into(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: format!("apt={payload_type}"),
        rtcp_feedback: vec![],
    };
    [
        RTCRtpCodecParameters { rtp_codec, payload_type },
        RTCRtpCodecParameters { rtp_codec: rtx, payload_type: payload_type + 1 },
    ]
}

/// The codecs of the video that we send.
pub(super) fn sent_video_codecs() -> Vec<RTCRtpCodecParameters> {
    with_rtx(vp8(), VP8).into()
}

/// The codecs of video that can be received, those of [`Codec::is_decodable`](crate::base::Codec::is_decodable).
fn received_video_codecs() -> Vec<RTCRtpCodecParameters> {
    let mut codecs = sent_video_codecs();
    codecs.extend(with_rtx(video(MIME_TYPE_VP9, "profile-id=0"), VP9));
    #[cfg(feature = "h264")]
    codecs.extend(with_rtx(
        video(MIME_TYPE_H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
        H264,
    ));
    codecs
}

fn feedback(typ: &str, parameter: &str) -> RTCPFeedback {
    RTCPFeedback { typ: typ.into(), parameter: parameter.into() }
}

fn media_engine() -> Result<MediaEngine, Error> {
    let mut media = MediaEngine::default();
    let audio = RTCRtpCodecParameters { rtp_codec: opus(), payload_type: OPUS };
    media.register_codec(audio, RtpCodecKind::Audio)?;
    for codec in received_video_codecs() {
        media.register_codec(codec, RtpCodecKind::Video)?;
    }
    configure_simulcast_extension_headers(&mut media)?;
    let extensions = [
        (extmap::SDES_MID_URI, RtpCodecKind::Audio, None),
        (extmap::AUDIO_LEVEL_URI, RtpCodecKind::Audio, None),
        // Video only: livekit-server sends no feedback on audio, which would count as lost.
        (extmap::TRANSPORT_CC_URI, RtpCodecKind::Video, None),
        // Our own pictures are turned before they are encoded, so that receivers without the extension see them upright.
        (VIDEO_ORIENTATION_URI, RtpCodecKind::Video, Some(RTCRtpTransceiverDirection::Recvonly)),
    ];
    for (uri, kind, direction) in extensions {
        media.register_header_extension(RTCRtpHeaderExtensionCapability { uri: uri.into() }, kind, direction)?;
    }
    media.register_feedback(feedback("transport-cc", ""), RtpCodecKind::Video);
    media.register_feedback(feedback("nack", ""), RtpCodecKind::Audio);
    Ok(media)
}

fn interceptors(config: &PeerConfig, media: &mut MediaEngine, transport: Arc<TransportState>) -> Registry {
    let estimator = Estimator::new(config.rates, transport.clone());
    // The default repeats NACKs each 100 ms without end. 25 rounds last longer than any NACK timeout.
    let nack = NackGeneratorBuilder::new()
        .with_interval(Duration::from_millis(20))
        .with_skip_last_n(1)
        .with_max_nacks_per_packet(25)
        .build();
    let registry = configure_rtcp_reports(configure_nack(Registry::new(), media));
    let registry = registry
        .with(Slot::from(TransportObserver::SLOT), Adapter::new(TransportObserver::new(transport.clone())))
        .with(Slot::CongestionControl, Adapter::new(TwccFilter::new(estimator)))
        .with(Slot::TwccSender, TwccSenderBuilder::new().build())
        .with(Slot::Pacer, Adapter::new(VideoPacer::new(config.rates.start_bps, transport)))
        .with(Slot::from(RepairedRid::SLOT), Adapter::new(RepairedRid::default()))
        .with(Slot::from(RtxReceiver::SLOT), Adapter::new(RtxReceiver::default()))
        .with(Slot::NackGenerator, nack)
        .with(Slot::TwccReceiver, TwccReceiverBuilder::new().build())
        .with(Slot::from(TrackOpener::SLOT), Adapter::new(TrackOpener::default()));
    #[cfg(test)]
    let registry = {
        use super::interceptors::LossyLink;
        registry.with(Slot::from(LossyLink::SLOT), Adapter::new(LossyLink::new(config.loss)))
    };
    registry
}
