//! A relay between clients and a server that simulates a bad network. It listens on 127.0.0.2, on the port numbers of the
//! server; clients connect to it, and the server advertises this address for media ([`Server::behind_relay`]).
//!
//! [`Server::behind_relay`]: super::Server::behind_relay

use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Builder;
use std::time::Duration;

/// The faults of the link.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Fault {
    /// The part of UDP packets that is lost in each direction, from 0 to 1.
    pub(crate) loss: f64,
    /// The part of RTP and RTCP packets that is lost on the way to the server alone; handshakes pass.
    pub(crate) loss_up: f64,
    /// Neither UDP nor TCP data passes, and connections stay open.
    pub(crate) black_hole: bool,
    /// TCP connections end, new ones end at once, and no datagram passes.
    pub(crate) cut: bool,
}

/// The address of the relay. All of 127.0.0.0/8 is this computer.
pub(crate) const ADDRESS: &str = "127.0.0.2";

/// A running relay.
pub(crate) struct Relay {
    link: Arc<Link>,
}

/// To the server, or from it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

struct Link {
    fault: Mutex<Fault>,
    /// Of the server.
    tcp: u16,
    /// Of the server.
    udp: u16,
    over: AtomicBool,
    random: AtomicU64,
    passed: AtomicU64,
    lost: AtomicU64,
}

impl Relay {
    /// Starts a relay for a server with these ports on 127.0.0.1.
    pub(crate) fn before(tcp: u16, udp: u16) -> Self {
        let link = Arc::new(Link {
            fault: Mutex::default(),
            tcp,
            udp,
            over: AtomicBool::new(false),
            random: AtomicU64::new(0x9E37_79B9_7F4A_7C15),
            passed: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        });
        let listener = TcpListener::bind((ADDRESS, tcp)).expect("the same TCP port on the relay's address");
        let socket = UdpSocket::bind((ADDRESS, udp)).expect("the same UDP port on the relay's address");
        spawn("relay tcp", &link, move |link| link.accept(&listener));
        spawn("relay udp", &link, move |link| link.pass_datagrams(socket));
        Self { link }
    }

    /// The URL for clients.
    pub(crate) fn url(&self) -> String {
        format!("ws://{ADDRESS}:{}", self.link.tcp)
    }

    /// Sets the faults from now on.
    pub(crate) fn set(&self, fault: Fault) {
        *self.link.fault.lock() = fault;
    }

    /// The numbers of forwarded and of lost datagrams so far.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.link.passed.load(Ordering::Relaxed), self.link.lost.load(Ordering::Relaxed))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.link.over.store(true, Ordering::Relaxed);
    }
}

/// How often a waiting thread checks whether the relay has ended.
const TICK: Duration = Duration::from_millis(100);

fn spawn(name: &str, link: &Arc<Link>, work: impl FnOnce(&Arc<Link>) + Send + 'static) {
    let link = link.clone();
    Builder::new().name(name.to_owned()).spawn(move || work(&link)).expect("a thread");
}

impl Link {
    fn fault(&self) -> Fault {
        *self.fault.lock()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether this datagram passes. The pseudo-random sequence (xorshift) is the same in every run.
    fn passes(&self, way: Way, packet: &[u8]) -> bool {
        let fault = self.fault();
        // The first byte tells media from STUN and DTLS (RFC 7983, section 7).
        let is_media = packet.first().is_some_and(|byte| (128..192).contains(byte));
        let loss = if way == Way::Up && is_media { fault.loss.max(fault.loss_up) } else { fault.loss };
        let mut x = self.random.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.store(x, Ordering::Relaxed);
        let passes = !fault.black_hole && !fault.cut && (x >> 11) as f64 / (1_u64 << 53) as f64 >= loss;
        let counter = if passes { &self.passed } else { &self.lost };
        counter.fetch_add(1, Ordering::Relaxed);
        passes
    }

    /// Each client has an upstream socket of its own, so that the server sees different addresses.
    fn pass_datagrams(self: &Arc<Self>, clients: UdpSocket) {
        let clients = Arc::new(clients);
        clients.set_read_timeout(Some(TICK)).expect("a limit");
        let mut upstream: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        let mut packet = [0; 2048];
        while !self.is_over() {
            let Ok((length, client)) = clients.recv_from(&mut packet) else { continue };
            let up = upstream.entry(client).or_insert_with(|| self.open_upstream(&clients, client));
            if self.passes(Way::Up, &packet[..length]) {
                // Packets to a server that has ended are lost, as on any link.
                let _sent = up.send(&packet[..length]);
            }
        }
    }

    fn open_upstream(self: &Arc<Self>, clients: &Arc<UdpSocket>, client: SocketAddr) -> Arc<UdpSocket> {
        let up = UdpSocket::bind("127.0.0.1:0").expect("a UDP port");
        up.connect(("127.0.0.1", self.udp)).expect("an address");
        up.set_read_timeout(Some(TICK)).expect("a limit");
        let up = Arc::new(up);
        let (down, from) = (clients.clone(), up.clone());
        spawn("relay udp back", self, move |link| {
            let mut packet = [0; 2048];
            while !link.is_over() {
                let Ok(length) = from.recv(&mut packet) else { continue };
                if link.passes(Way::Down, &packet[..length]) {
                    let _sent = down.send_to(&packet[..length], client);
                }
            }
        });
        up
    }

    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        listener.set_nonblocking(true).expect("a listener");
        while !self.is_over() {
            let Ok((client, _)) = listener.accept() else {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            };
            if self.fault().cut {
                continue;
            }
            let Ok(server) = TcpStream::connect(("127.0.0.1", self.tcp)) else { continue };
            client.set_nonblocking(false).expect("a stream");
            let (client_too, server_too) = (client.try_clone().expect("a copy"), server.try_clone().expect("a copy"));
            spawn("relay tcp up", self, move |link| link.pass_bytes(client, server));
            spawn("relay tcp down", self, move |link| link.pass_bytes(server_too, client_too));
        }
    }

    fn pass_bytes(&self, mut from: TcpStream, mut to: TcpStream) {
        from.set_read_timeout(Some(TICK)).expect("a limit");
        let mut bytes = [0; 16384];
        while !self.is_over() && !self.fault().cut {
            match from.read(&mut bytes) {
                Ok(0) => break,
                // In a black hole, bytes wait as unacknowledged ones do.
                Ok(length) => {
                    while self.fault().black_hole && !self.is_over() {
                        std::thread::sleep(TICK);
                    }
                    if to.write_all(&bytes[..length]).is_err() {
                        break;
                    }
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => break,
            }
        }
        // It may be closed already.
        let _closed = to.shutdown(std::net::Shutdown::Both);
    }
}
