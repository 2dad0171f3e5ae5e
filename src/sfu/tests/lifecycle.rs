//! Connections that are closed, killed, cut off and restarted; stopping the SFU; hostile input.

use super::client::{TestClient, kind};
use super::harness::{Harness, LONG, config, single};
use crate::hub::{MediaCommand, MediaEvent};
#[cfg(target_os = "linux")]
use crate::sfu::Addresses;
use crate::sfu::worker::SILENCE;
use crate::sfu::{CommandError, Sfu, SfuConfig, StartError};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};
use str0m::Candidate;
use str0m::media::Direction;

/// How long before a cut the last packet may have come: silence is noticed that much earlier.
const UNDERWAY: Duration = Duration::from_millis(500);

#[test]
fn a_client_that_closes_is_noticed_without_waiting_for_silence() {
    let mut s = Harness::new();
    s.publisher(single(1), &[]);
    assert!(s.until(LONG, |s| s.peer(single(1)).channels.contains_key("_reliable")));
    s.peer(single(1)).rtc.close().expect("closed");
    let closed = Instant::now();
    s.take(|e| matches!(e, MediaEvent::Closed { connection } if *connection == single(1)));
    assert!(closed.elapsed() < SILENCE - 2 * UNDERWAY, "{:?}", closed.elapsed());
    s.command(MediaCommand::Close { connection: single(1) });
    assert!(s.until(LONG, |s| s.sfu.statistics().connections == 0));
}

#[test]
fn closing_a_connection_tells_the_client() {
    let mut s = Harness::new();
    s.publisher(single(1), &[]);
    assert!(s.until(LONG, |s| s.peer(single(1)).channels.contains_key("_reliable")));
    s.command(MediaCommand::Close { connection: single(1) });
    assert!(s.until(LONG, |s| s.peer(single(1)).closed));
    assert_eq!(s.sfu.command(MediaCommand::Close { connection: single(1) }), Err(CommandError::Unknown));
}

#[test]
fn a_silent_client_is_lost_and_found_again() {
    let mut s = Harness::new();
    s.publisher(single(1), &[]);
    let (video, _) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| s.peer(single(2)).got.contains_key(&video)));
    s.peer(single(2)).cut = true;
    let cut = Instant::now();
    s.take(|e| matches!(e, MediaEvent::Disconnected { connection } if *connection == single(2)));
    let bounds = SILENCE - UNDERWAY..2 * SILENCE;
    assert!(bounds.contains(&cut.elapsed()), "{:?}", cut.elapsed());
    s.peer(single(2)).cut = false;
    s.take(|e| matches!(e, MediaEvent::Connected { connection } if *connection == single(2)));
    let count = s.peer(single(2)).got[&video].len();
    assert!(s.until(LONG, |s| s.peer(single(2)).got[&video].len() > count));
    assert!(s.peer(single(2)).got[&video][count].is_keyframe(), "it resumes with a key frame");
}

#[test]
fn a_client_may_restart_ice() {
    let mut s = Harness::new();
    s.publisher(single(1), &[]);
    let (video, _) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| s.peer(single(2)).got.contains_key(&video)));
    let mut api = s.peer(single(2)).rtc.sdp_api();
    api.ice_restart(true);
    let made = api.apply().expect("an offer");
    s.offer(single(2), made, vec![], vec![], vec![]);
    s.pass(Duration::from_millis(500));
    let count = s.peer(single(2)).got[&video].len();
    assert!(s.until(LONG, |s| s.peer(single(2)).got[&video].len() > count + 20));
    assert!(!s.saw(|e| matches!(e, MediaEvent::Disconnected { .. })));
}

/// The interface comes up while somebody enters.
#[cfg(target_os = "linux")]
#[test]
fn a_client_whose_answer_has_no_usable_address_is_told_of_a_new_one() {
    let mut s = Harness::new();
    let list = |last: u8| Addresses { offered: vec![[127, 0, 0, last].into()], own: vec![[127, 0, 0, last].into()] };
    s.sfu.addresses().set(list(77));
    s.open(single(1));
    let mut api = s.peer(single(1)).rtc.sdp_api();
    api.add_media(kind(true), Direction::SendOnly, Some("s".into()), Some("cam".into()), None);
    let made = api.apply().expect("an offer");
    s.offer(single(1), made, vec![], vec![], vec![]);
    s.pass(Duration::from_millis(300));
    assert!(!s.saw(|e| matches!(e, MediaEvent::Candidate { .. } | MediaEvent::Connected { .. })));
    s.sfu.addresses().set(list(1));
    let told = s.take(|e| matches!(e, MediaEvent::Candidate { candidate, .. } if candidate.contains(" udp ")));
    let MediaEvent::Candidate { connection, candidate } = told else { unreachable!() };
    assert_eq!(connection, single(1));
    s.peer(single(1)).rtc.add_remote_candidate(Candidate::from_sdp_string(&candidate).expect("a candidate"));
    s.wait_connected(single(1));
}

#[test]
fn malformed_descriptions_are_refused_and_the_connection_stays() {
    let mut s = Harness::new();
    let (video, _) = s.publisher(single(1), &[]);
    let good = format!("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{video}\r\n");
    for (offer_id, sdp) in ["", "v=0", "\u{0}", "m=video", &good].into_iter().enumerate() {
        s.command(MediaCommand::AcceptOffer {
            connection: single(1),
            offer_id: offer_id as u32 + 1000,
            sdp: sdp.to_owned(),
            publish: vec![],
            bind: vec![],
            release: vec![],
        });
        s.take(|e| matches!(e, MediaEvent::NegotiationFailed { .. }));
    }
    s.command(MediaCommand::AcceptAnswer { connection: single(1), sdp: "nothing was offered".into() });
    s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| s.sfu.statistics().forwarded > 20));
    assert!(!s.saw(|e| matches!(e, MediaEvent::Closed { .. })));
}

#[test]
fn a_codec_that_is_not_forwarded_is_refused_in_the_answer_and_the_other_m_lines_work() {
    let mut s = Harness::new();
    s.publisher(single(1), &[]);
    s.open(single(2));
    let mut api = s.peer(single(2)).rtc.sdp_api();
    api.add_media(kind(true), Direction::SendOnly, Some("s".into()), Some("cam".into()), None);
    api.add_media(kind(false), Direction::SendOnly, Some("s".into()), Some("mic".into()), None);
    let offer = api.apply().expect("an offer").0.to_sdp_string();
    for (offer_id, codec) in ["H265", "AV1", "VP8"].into_iter().enumerate() {
        s.command(MediaCommand::AcceptOffer {
            connection: single(2),
            offer_id: offer_id as u32 + 1000,
            sdp: offer.replace("VP8/90000", &format!("{codec}/90000")),
            publish: vec![],
            bind: vec![],
            release: vec![],
        });
        let answered = s.take(|e| matches!(e, MediaEvent::Answered { .. } | MediaEvent::NegotiationFailed { .. }));
        let MediaEvent::Answered { sdp, .. } = answered else { panic!("{answered:?}") };
        let refused = if codec == "VP8" { 0 } else { 1 };
        assert_eq!(sdp.matches("a=inactive").count(), refused, "{codec}: {sdp}");
        assert_eq!(sdp.matches("a=recvonly").count(), 2 - refused, "{codec}: {sdp}");
    }
}

#[test]
fn random_datagrams_do_not_disturb_connections() {
    let mut s = Harness::new();
    s.publisher(single(1), &["q", "h", "f"]);
    let (video, _) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| s.peer(single(2)).got.contains_key(&video)));
    let to = s.sfu.local_addrs()[0];
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for n in 0..3000usize {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let length = (random % 200) as usize;
        let mut noise: Vec<u8> = (0..length).map(|i| (random.rotate_left(i as u32) >> 3) as u8).collect();
        if let Some(first) = noise.first_mut() {
            // STUN, DTLS, RTP and RTCP in turn.
            *first = [0, 1, 22, 128, 144, 250][n % 6];
        }
        if n % 2 == 0 {
            stranger.send_to(&noise, to).expect("sent");
        } else {
            s.peer(single(1)).send_raw(to, &noise);
        }
        if n % 100 == 0 {
            s.pass(Duration::from_millis(5));
        }
    }
    let count = s.peer(single(2)).got[&video].len();
    assert!(s.until(LONG, |s| s.peer(single(2)).got[&video].len() > count + 50));
    assert!(!s.saw(|e| matches!(e, MediaEvent::Closed { .. })));
}

#[test]
fn stop_ends_threads_and_frees_the_port() {
    let (sfu, mut events) = Sfu::start(SfuConfig { workers: 2, ..config() }).expect("started");
    let addresses = sfu.local_addrs().to_vec();
    assert_eq!(addresses.len(), 2);
    for n in 0..4 {
        let open = MediaCommand::Open { connection: single(n), room: format!("room {}", n / 2) };
        sfu.command(open).expect("queued");
    }
    let deadline = Instant::now() + LONG;
    while sfu.statistics().connections < 4 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(sfu.statistics().connections, 4);
    sfu.stop();
    sfu.stop();
    assert_eq!(sfu.command(MediaCommand::Mute { track: "TR".into(), muted: true }), Err(CommandError::Stopped));
    for address in addresses {
        UdpSocket::bind(address).expect("the port is free again");
    }
    drop(sfu);
    assert!(events.try_recv().is_err());
    assert!(events.is_closed());
}

#[test]
fn a_port_in_use_is_a_clear_error() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let error = Sfu::start(SfuConfig { first_port: port, ..config() }).err().expect("an error");
    assert!(matches!(error, StartError::Bind { port: p, .. } if p == port));
    assert!(error.to_string().contains(&port.to_string()));
    assert!(matches!(Sfu::start(SfuConfig { workers: 0, ..config() }).err().expect("an error"), StartError::NoWorkers));
    let beyond = SfuConfig { first_port: u16::MAX, workers: 2, ..config() };
    assert!(matches!(Sfu::start(beyond).err().expect("an error"), StartError::Ports { .. } | StartError::Bind { .. }));
}

#[test]
fn a_client_may_come_by_any_advertised_address() {
    // The first one leads nowhere (RFC 5737).
    let advertised = ["192.0.2.77", "127.0.0.1"].map(|text| text.parse().expect("an entry")).to_vec();
    let mut s = Harness::with(SfuConfig { bind: Ipv4Addr::UNSPECIFIED.into(), advertised, ..config() });
    s.publisher(single(1), &[]);
    let (video, _) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| s.peer(single(2)).got.contains_key(&video)));
}

/// All of 127.0.0.0/8 is this computer on Linux.
#[cfg(target_os = "linux")]
#[test]
fn a_new_address_is_offered_with_the_next_description_and_a_lost_one_is_not() {
    let mut s = Harness::with(SfuConfig { bind: Ipv4Addr::UNSPECIFIED.into(), ..config() });
    let list = |offered: [u8; 4]| Addresses { offered: vec![offered.into()], own: vec![offered.into()] };
    s.sfu.addresses().set(list([127, 0, 0, 1]));
    s.publisher(single(1), &[]);
    let (video, _) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| s.peer(single(2)).got.contains_key(&video)));
    s.sfu.addresses().set(list([127, 0, 0, 77]));
    s.pass(Duration::from_millis(300));
    let count = s.peer(single(2)).got[&video].len();
    assert!(s.until(LONG, |s| s.peer(single(2)).got[&video].len() > count + 20), "clients of the lost address stay");
    let mut api = s.peer(single(2)).rtc.sdp_api();
    api.ice_restart(true);
    let made = api.apply().expect("an offer");
    let answer = s.offer(single(2), made, vec![], vec![], vec![]);
    assert!(answer.contains(" 127.0.0.77 ") && !answer.contains(" 127.0.0.1 "), "{answer}");
    let count = s.peer(single(2)).got[&video].len();
    assert!(s.until(LONG, |s| s.peer(single(2)).got[&video].len() > count + 50));
    assert!(!s.saw(|e| matches!(e, MediaEvent::Disconnected { .. })));
}

#[test]
fn a_client_whose_port_is_closed_is_noticed() {
    let mut s = Harness::new();
    s.publisher(single(1), &[]);
    s.subscriber(single(2));
    s.sending_video = true;
    s.pass(Duration::from_millis(300));
    let dead: Vec<TestClient> = s.peers.extract_if(.., |(id, _)| *id == single(2)).map(|(_, p)| p).collect();
    drop(dead);
    let killed = Instant::now();
    s.take(|e| matches!(e, MediaEvent::Disconnected { connection } if *connection == single(2)));
    // Linux reports closed ports; elsewhere the client is found by its silence.
    let limit = if cfg!(target_os = "linux") { SILENCE - UNDERWAY } else { 2 * SILENCE };
    assert!(killed.elapsed() < limit, "{:?}", killed.elapsed());
}
