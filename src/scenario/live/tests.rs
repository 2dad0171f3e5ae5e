//! The relay, and which scenarios can be played in real time.

use super::relay::{Condition, Relay, ServerPorts};
use super::*;
use crate::scenario::{Way, read_scenario};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

/// A server that sends back what it gets, by UDP and TCP.
async fn echo() -> ServerPorts {
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let ports = ServerPorts {
        tcp: tcp.local_addr().expect("an address").port(),
        udp: udp.local_addr().expect("an address").port(),
    };
    tokio::spawn(async move {
        let mut packet = [0; 2048];
        while let Ok((length, from)) = udp.recv_from(&mut packet).await {
            udp.send_to(&packet[..length], from).await.ok();
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await.ok();
            });
        }
    });
    ports
}

/// Sends bytes and returns how long they took to come back; `None` if they did not within `limit`.
async fn round_trip(stream: &mut TcpStream, limit: Duration) -> Option<Duration> {
    let began = Instant::now();
    stream.write_all(b"hello").await.ok()?;
    let mut bytes = [0; 5];
    timeout(limit, stream.read_exact(&mut bytes)).await.ok()?.ok()?;
    Some(began.elapsed())
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn bytes_are_late_held_back_and_cut() {
    let way = Way { delay: Duration::from_millis(40), ..Way::default() };
    let relay = Relay::start(echo().await, way).await.expect("a relay");
    let address = relay.url().replace("ws://", "");
    let mut stream = TcpStream::connect(&address).await.expect("a connection");
    assert!(round_trip(&mut stream, LONG).await.expect("an answer") >= Duration::from_millis(80));
    relay.set(Condition::Silent);
    assert_eq!(round_trip(&mut stream, Duration::from_millis(200)).await, None);
    relay.set(Condition::Open);
    let mut bytes = [0; 5];
    timeout(LONG, stream.read_exact(&mut bytes)).await.expect("in time").expect("what was held back");
    relay.set(Condition::Cut);
    let end = timeout(LONG, stream.read(&mut bytes)).await.expect("an end");
    assert!(matches!(end, Ok(0) | Err(_)));
    let mut refused = TcpStream::connect(&address).await.expect("a connection");
    assert_eq!(round_trip(&mut refused, LONG).await, None);
}

#[tokio::test]
async fn datagrams_are_lost_as_often_as_the_way_says() {
    for (loss_percent, expected) in [(0.0, 200..=200), (30.0, 40..=160), (100.0, 0..=0)] {
        let server = echo().await;
        let link = Relay::start(server, Way { loss_percent, ..Way::default() }).await.expect("a relay");
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        socket.connect(("127.0.0.1", link.media_port())).await.expect("an address");
        let mut back = 0;
        let mut packet = [0; 16];
        for n in 0..200_u16 {
            socket.send(&n.to_be_bytes()).await.expect("sent");
            let limit = if loss_percent == 0.0 { LONG } else { Duration::from_millis(10) };
            back += u32::from(timeout(limit, socket.recv(&mut packet)).await.is_ok());
        }
        assert!(expected.contains(&back), "{back} of 200 with {loss_percent} %");
    }
}

#[test]
fn what_cannot_be_played_in_real_time_is_named() {
    let text = |step: &str| {
        format!(
            "version = 1\ntitle = \"x\"\nlasts = \"9s\"\n[[person]]\nname = \"mina\"\n[[step]]\nat = \"2s\"\n{step}\n"
        )
    };
    let of = |step: &str| only_on_stage(&read_scenario(&text(step)).expect("a scenario"));
    assert_eq!(of("do = \"leave\"\nwho = \"mina\""), None);
    assert_eq!(of("do = \"sleep\"\nwho = \"mina\"").as_deref(), Some("the step sleep at 2s"));
    let hangs = text("do = \"dismiss\"").replace("\"mina\"", "\"mina\"\ndevices = \"hangs\"");
    let hangs = only_on_stage(&read_scenario(&hangs).expect("a scenario"));
    assert_eq!(hangs.as_deref(), Some("the `devices` of mina"));
}

#[test]
fn the_line_of_a_server_that_listens_has_its_ports() {
    let ports = |line| listening_at(line).map(|ports| (ports.tcp, ports.udp));
    assert_eq!(ports("Listening on ws://127.0.0.1:7880, media on UDP 7882"), Some((7880, 7882)));
    assert_eq!(ports("Listening on ws://127.0.0.1:7880, media on UDP 7882 and TCP 7882"), Some((7880, 7882)));
    assert_eq!(ports("visavis: no"), None);
}
