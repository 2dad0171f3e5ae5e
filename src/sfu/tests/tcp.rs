//! Clients that come by TCP, slow ones, and strangers.

use super::client::TestClient;
use super::harness::{Harness, LONG, config, single};
use crate::hub::MediaEvent;
use crate::sfu::worker::SILENCE;
use crate::sfu::{Sfu, SfuConfig, StartError};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

#[test]
fn media_goes_both_ways_by_tcp_alone() {
    let mut s = Harness::with(SfuConfig { workers: 2, ..config() });
    s.by_tcp = vec![single(1), single(2)];
    let (_, microphone) = s.publisher(single(1), &["q", "h", "f"]);
    let (video, audio) = s.subscriber(single(2));
    s.sending_video = true;
    assert!(s.until(LONG, |s| {
        s.peer(single(1)).send_audio(microphone, -20);
        let got = &s.peer(single(2)).got;
        got.get(&video).is_some_and(|g| g.len() > 100) && got.get(&audio).is_some_and(|g| g.len() > 20)
    }));
    let received = s.peer(single(2)).sorted(video);
    let missing = received.windows(2).filter(|w| w[1].sequence != w[0].sequence + 1).count();
    assert_eq!(missing, 0, "nothing is lost on TCP");
    assert_eq!(s.sfu.statistics().tcp_connections, 2);
    let port = s.sfu.tcp_port().expect("a port");
    s.sfu.stop();
    TcpListener::bind(("127.0.0.1", port)).expect("the port is free again");
}

#[test]
fn a_slow_connection_loses_pictures_and_keeps_sound() {
    let mut s = Harness::new();
    s.by_tcp = vec![single(2)];
    let (camera, microphone) = s.publisher(single(1), &[]);
    let (video, audio) = s.subscriber(single(2));
    s.peer(single(1)).send_layers(camera, &[]);
    s.peer(single(1)).set_frame_size(40);
    s.sending_video = true;
    assert!(s.until(LONG, |s| s.peer(single(2)).got.contains_key(&video)));
    let pause = |s: &mut Harness, paused| s.peer(single(2)).tcp.as_mut().expect("TCP").paused = paused;
    pause(&mut s, true);
    let end = Instant::now() + Duration::from_secs(2);
    let mut next = Instant::now();
    s.until(LONG, |s| {
        if Instant::now() >= next {
            next += Duration::from_millis(20);
            s.peer(single(1)).send_audio(microphone, -20);
        }
        Instant::now() >= end
    });
    let dropped = s.sfu.statistics();
    assert!(dropped.tcp_video_dropped > 500, "{dropped:?}");
    assert_eq!(dropped.tcp_audio_dropped, 0, "{dropped:?}");
    pause(&mut s, false);
    let sent = s.peer(single(1)).audio_timestamps.len();
    assert!(s.until(LONG, |s| s.peer(single(2)).got.get(&audio).is_some_and(|g| g.len() >= sent)));
    let count = s.peer(single(2)).got[&video].len();
    assert!(s.until(LONG, |s| s.peer(single(2)).got[&video].len() > count + 100), "pictures come again");
}

#[test]
fn a_client_whose_tcp_connection_ends_is_noticed() {
    let mut s = Harness::new();
    s.by_tcp = vec![single(1)];
    s.publisher(single(1), &[]);
    let gone: Vec<TestClient> = s.peers.drain(..).map(|(_, client)| client).collect();
    drop(gone);
    let killed = Instant::now();
    s.take(|e| matches!(e, MediaEvent::Disconnected { connection } if *connection == single(1)));
    assert!(killed.elapsed() < SILENCE - Duration::from_millis(500), "{:?}", killed.elapsed());
    assert_eq!(s.sfu.statistics().tcp_connections, 0);
}

/// Whether the server closes the connection within `limit`.
fn is_closed(stream: &mut TcpStream, limit: Duration) -> bool {
    stream.set_read_timeout(Some(limit)).expect("set");
    match stream.read(&mut [0; 16]) {
        Ok(length) => length == 0,
        Err(e) => !matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}

#[test]
fn strangers_are_turned_away_and_keep_nobody_out() {
    let mut s = Harness::new();
    let address: SocketAddr = s.tcp_address();
    let connect = || TcpStream::connect(address).expect("a connection");
    // HTTP, a frame that is too long, a datagram that is no check, a check of nobody.
    let mut check = vec![0, 36, 0, 1, 0, 16, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    check.extend([0, 6, 0, 9]);
    check.extend(b"nobody:xy\0\0\0");
    for odd in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff, 0xff, 1], &[0, 4, 0x80, 96, 0, 1], &check] {
        let mut stream = connect();
        stream.write_all(odd).expect("written");
        assert!(is_closed(&mut stream, LONG), "{odd:?}");
    }
    // One address cannot take all places; what is above its share is closed at once.
    let mut silent: Vec<TcpStream> = (0..80).map(|_| connect()).collect();
    let closed = silent.iter_mut().skip(64).filter_map(|stream| is_closed(stream, LONG).then_some(())).count();
    assert_eq!(closed, 16);
    assert!(!is_closed(&mut silent[0], Duration::from_millis(100)), "a silent one has some seconds");
    assert!(silent.iter_mut().take(64).all(|stream| is_closed(stream, LONG)), "but not more");
    assert_eq!(s.sfu.statistics().tcp_refused, 84);
    s.by_tcp = vec![single(1)];
    s.publisher(single(1), &[]);
}

#[test]
fn a_tcp_port_in_use_is_a_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let error = Sfu::start(SfuConfig { tcp_port: Some(port), ..config() }).err().expect("an error");
    assert!(matches!(error, StartError::Listen { port: p, .. } if p == port));
    assert!(error.to_string().contains(&format!("TCP port {port}")));
}
