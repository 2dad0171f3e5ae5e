//! Sockets of the stack with TCP connections behind them.

use super::*;
use std::future::poll_fn;
use std::io::IoSliceMut;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Runtime, TokioRuntime};

const LONG: Duration = Duration::from_secs(10);
/// A STUN Binding request without attributes.
const CHECK: [u8; 20] = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

fn tunnels(transport: Transport) -> Tunnels {
    Tunnels::new(transport, Tasks::new())
}

fn socket(tunnels: &Tunnels) -> TunnelSocket {
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    udp.set_nonblocking(true).expect("set");
    TunnelSocket::new(TokioRuntime.wrap_udp_socket(udp).expect("wrapped"), tunnels.clone()).expect("a socket")
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

async fn accept(listener: &TcpListener) -> TcpStream {
    timeout(LONG, listener.accept()).await.expect("in time").expect("a connection").0
}

async fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    timeout(LONG, stream.read_exact(&mut bytes)).await.expect("in time").expect("read");
    bytes
}

/// The next datagram that is no nudge.
async fn receive(socket: &TunnelSocket) -> (SocketAddr, Vec<u8>) {
    loop {
        let (source, datagram) = receive_any(socket).await;
        if source != socket.local_addr().expect("an address") {
            return (source, datagram);
        }
    }
}

async fn receive_any(socket: &TunnelSocket) -> (SocketAddr, Vec<u8>) {
    let (mut room, mut meta) = ([0; 1500], [RecvMeta::default(); 1]);
    let received = poll_fn(|cx| socket.poll_recv(cx, &mut [IoSliceMut::new(&mut room)], &mut meta));
    assert_eq!(timeout(LONG, received).await.expect("in time").expect("received"), 1);
    (meta[0].addr, room[..meta[0].len].to_vec())
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    [&[0, datagram.len() as u8][..], datagram].concat()
}

#[tokio::test]
async fn a_datagram_without_a_route_is_lost_and_the_next_one_is_sent() {
    // Loopback leads nowhere else (RFC 5737).
    let elsewhere: SocketAddr = "192.0.2.1:9".parse().expect("an address");
    let plain = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    assert!(plain.send_to(b"lost", elsewhere).is_err(), "the system refuses this");
    let socket = socket(&tunnels(Transport::Auto));
    assert_eq!(socket.send_to(b"lost", elsewhere).await.expect("taken"), 4);
    let peer = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.send_to(b"arrives", peer.local_addr().expect("an address")).await.expect("taken");
    let mut payload = [0; 16];
    assert_eq!(peer.recv(&mut payload).expect("a datagram"), 7);
}

#[tokio::test]
async fn datagrams_to_a_candidate_go_by_tcp() {
    let (listener, address) = listener().await;
    let tunnels = tunnels(Transport::Tcp);
    let socket = socket(&tunnels);
    let to = tunnels.candidate("ufrag", address).expect("a virtual address");
    socket.send_to(b"no check", to).await.expect("sent");
    socket.send_to(&CHECK, to).await.expect("sent");
    let mut server = accept(&listener).await;
    assert_eq!(read(&mut server, 22).await, framed(&CHECK), "the first datagram is a check");
    server.write_all(&[framed(b"first"), framed(b""), framed(b"third")].concat()).await.expect("written");
    for expected in [&b"first"[..], b"", b"third"] {
        assert_eq!(receive(&socket).await, (to, expected.to_vec()));
    }
    // What was sent last still arrives, and then the connection is closed.
    socket.send_to(b"goodbye", to).await.expect("sent");
    drop(socket);
    assert_eq!(read(&mut server, 9).await, framed(b"goodbye"));
    assert_eq!(timeout(LONG, server.read(&mut [0; 8])).await.expect("in time").expect("the end"), 0);
    tunnels.0.tasks.end(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn a_connection_that_ends_is_opened_again() {
    let (listener, address) = listener().await;
    let tunnels = tunnels(Transport::Tcp);
    let socket = socket(&tunnels);
    let to = tunnels.candidate("ufrag", address).expect("a virtual address");
    socket.send_to(&CHECK, to).await.expect("sent");
    drop(accept(&listener).await);
    let again = async {
        loop {
            socket.send_to(&CHECK, to).await.expect("sent");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = again => {}
        mut server = accept(&listener) => assert_eq!(read(&mut server, 22).await, framed(&CHECK)),
    }
}

#[tokio::test]
async fn udp_has_a_head_start() {
    let (listener, address) = listener().await;
    let tunnels = tunnels(Transport::Auto);
    let socket = socket(&tunnels);
    let to = tunnels.candidate("ufrag", address).expect("a virtual address");
    socket.send_to(&CHECK, to).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let accepted = timeout(Duration::from_millis(100), listener.accept()).await;
    assert!(accepted.is_err(), "no further check, no connection");
    socket.send_to(&CHECK, to).await.expect("sent");
    let mut server = accept(&listener).await;
    assert_eq!(read(&mut server, 22).await, framed(&CHECK), "and no old one");
}

#[tokio::test]
async fn a_relay_by_tcp_looks_like_one_by_udp() {
    let (listener, address) = listener().await;
    let tunnels = tunnels(Transport::Relay);
    let (socket, other) = (socket(&tunnels), socket(&tunnels));
    let name = tunnels.relay("localhost", address.port(), false).expect("a name");
    let addresses = tunnels.resolve(&format!("{name}:3478")).expect("its addresses");
    let to = *addresses.iter().find(|a| a.is_ipv4()).expect("one of IPv4");
    assert_eq!(to.port(), 3478);
    // ChannelData (RFC 8656, section 12.4) of 5 bytes: padded on TCP alone.
    let channel_data = [0x40, 0, 0, 5, 1, 2, 3, 4, 5];
    socket.send_to(&CHECK, to).await.expect("sent");
    socket.send_to(&channel_data, to).await.expect("sent");
    other.send_to(&CHECK, to).await.expect("dropped");
    let mut server = accept(&listener).await;
    let padded = [&channel_data[..], &[0; 3]].concat();
    assert_eq!(read(&mut server, 32).await, [&CHECK[..], &padded].concat());
    server.write_all(&[&padded[..], &CHECK].concat()).await.expect("written");
    assert_eq!(receive(&socket).await, (to, channel_data.to_vec()));
    assert_eq!(receive(&socket).await, (to, CHECK.to_vec()));
    // When its socket is gone, another one may use the relay.
    drop(socket);
    other.send_to(&CHECK, to).await.expect("sent");
    assert_eq!(read(&mut accept(&listener).await, 20).await, CHECK);
}

#[tokio::test]
async fn the_way_of_media_can_be_forced() {
    let peer = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let to = peer.local_addr().expect("an address");
    let arrives = async |tunnels: &Tunnels| {
        socket(tunnels).send_to(&CHECK, to).await.expect("sent or dropped");
        timeout(Duration::from_millis(200), peer.recv_from(&mut [0; 32])).await.is_ok()
    };
    for (transport, by_udp) in
        [(Transport::Auto, true), (Transport::Udp, true), (Transport::Tcp, false), (Transport::Relay, false)]
    {
        assert_eq!(arrives(&tunnels(transport)).await, by_udp, "{transport}");
    }
    let relay = tunnels(Transport::Relay);
    relay.add_udp_relay(to);
    assert!(arrives(&relay).await, "a TURN server is reached by UDP");
}

#[test]
fn only_given_addresses_are_virtual() {
    let tunnels = tunnels(Transport::Auto);
    let real: SocketAddr = "192.0.2.7:7881".parse().expect("an address");
    let given = tunnels.candidate("u", real).expect("a virtual address");
    assert!(tunnels.target(given).is_some());
    for other in ["240.0.0.1:7881", "240.1.0.0:1", "[100::]:7881", "[100::1]:1", "[100::1:0]:1", "192.0.2.7:7881"] {
        let is_given = other == "[100::]:7881"; // the number counts, not the family
        assert_eq!(tunnels.target(other.parse().expect("an address")).is_some(), is_given, "{other}");
    }
    for host in ["0.tunnel.invalid", "x.tunnel.invalid:1", "turn.example.com:3478", "0.tunnel.invalid:x"] {
        assert_eq!(tunnels.resolve(host), None, "{host}");
    }
    let many = (0..TARGETS + 10).filter_map(|n| tunnels.candidate(&n.to_string(), real)).count();
    assert_eq!(many, TARGETS - 1, "they are bounded");
}

/// A CreatePermission request for this peer (RFC 8656, section 9.1).
fn permission(peer: SocketAddr) -> Vec<u8> {
    let mut request = vec![0, 8, 0, 12];
    request.extend(&CHECK[4..]);
    request.extend([0, 0x12, 0, 8, 0, 1]);
    request.extend(peer.port().to_be_bytes().iter().zip(&CHECK[4..]).map(|(a, b)| a ^ b));
    let IpAddr::V4(ip) = peer.ip() else { panic!("no address of IPv4") };
    request.extend(ip.octets().iter().zip(&CHECK[4..]).map(|(a, b)| a ^ b));
    request
}

#[tokio::test]
async fn a_relay_hears_of_no_virtual_address() {
    let relay = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let to = relay.local_addr().expect("an address");
    let tunnels = tunnels(Transport::Auto);
    tunnels.add_udp_relay(to);
    let socket = socket(&tunnels);
    let real: SocketAddr = "192.0.2.7:7881".parse().expect("an address");
    let given = tunnels.candidate("ufrag", real).expect("a virtual address");
    socket.send_to(&permission(given), to).await.expect("answered");
    socket.send_to(&permission(real), to).await.expect("sent");
    let mut request = [0; 64];
    let length = timeout(LONG, relay.recv(&mut request)).await.expect("in time").expect("received");
    assert_eq!(request[..length], permission(real), "the first one was not sent");
    let (source, answer) = receive(&socket).await;
    assert_eq!((source, &answer[..2]), (to, &[1, 0x18][..]), "an error response");
}

#[tokio::test]
async fn the_stack_is_woken_after_a_datagram_from_a_relay() {
    let relay = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let to = relay.local_addr().expect("an address");
    let tunnels = tunnels(Transport::Auto);
    tunnels.add_udp_relay(to);
    let socket = socket(&tunnels);
    let own = socket.local_addr().expect("an address");
    for woken_by in ["a datagram", "something to send"] {
        if woken_by == "a datagram" {
            relay.send_to(&CHECK, own).await.expect("sent");
            assert_eq!(receive_any(&socket).await, (to, CHECK.to_vec()));
        } else {
            tunnels.written();
        }
        assert_eq!(receive_any(&socket).await, (own, vec![]), "{woken_by}");
    }
    // Media from elsewhere: the relay is out of use.
    let other = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    other.send_to(&[0x80; 20], own).await.expect("sent");
    assert_eq!(receive(&socket).await.1, [0x80; 20]);
    tunnels.written();
    let quiet = async { while timeout(Duration::from_millis(100), receive_any(&socket)).await.is_ok() {} };
    timeout(LONG, quiet).await.expect("nothing wakes it any more");
}
