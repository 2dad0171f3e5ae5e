//! Follows the addresses of this computer, of the names and from the STUN servers under `advertise` while the server runs,
//! and says in sentences what clients are offered.

use crate::net::{AddressWatch, Reach, outward_addresses};
use crate::sfu::{AddressPolicy, Addresses, Advertised, Resolved, SharedAddresses, binding_request, mapped_address};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

/// Longest wait for the addresses of an entry.
const RESOLVE: Duration = Duration::from_secs(2);
/// Pause between two requests to a STUN server (RFC 8489, section 6.2.1).
const STUN_AGAIN: Duration = Duration::from_millis(500);
/// How often they are asked for again.
const RESOLVE_EVERY: Duration = Duration::from_secs(60);

/// What keeps the list of offered addresses up to date.
pub(super) struct AddressFollower {
    policy: AddressPolicy,
    offered: SharedAddresses,
    watch: AddressWatch,
    resolved: Resolved,
}

impl AddressFollower {
    /// Begins to follow, and sets the first complete list. Names and STUN servers may take up to 2 s.
    pub(super) async fn start(policy: AddressPolicy, offered: SharedAddresses) -> Self {
        let mut follower = Self { policy, offered, watch: AddressWatch::start(), resolved: Resolved::new() };
        follower.resolve().await;
        follower.set();
        follower
    }

    /// What is offered to whom and what is missing: one sentence each.
    pub(super) fn sentences(&self) -> Vec<String> {
        sentences(&self.policy, &self.offered.get(), &self.resolved)
    }

    /// Follows for as long as it is polled.
    pub(super) async fn run(mut self) {
        let asks = self.policy.asked_for().next().is_some();
        loop {
            tokio::select! {
                _ = self.watch.changed() => {}
                () = tokio::time::sleep(RESOLVE_EVERY), if asks => {}
            }
            self.resolve().await;
            if self.set() {
                for sentence in self.sentences() {
                    tracing::info!("{sentence}");
                }
            }
        }
    }

    /// Asks for all addresses at once. An entry that gets no answer keeps those that it had.
    async fn resolve(&mut self) {
        let entries: Vec<Advertised> = self.policy.asked_for().cloned().collect();
        let asked = entries.into_iter().map(|entry| async move {
            let ips = match &entry {
                Advertised::Name(name) => look_up(name, 0).await.into_iter().map(|a| a.ip()).collect(),
                Advertised::Stun { host, port } => public_addresses(host, *port).await,
                Advertised::Interfaces | Advertised::Address(_) => Vec::new(),
            };
            (entry, ips)
        });
        for (entry, ips) in futures_util::future::join_all(asked).await {
            if !ips.is_empty() {
                self.resolved.insert(entry, ips);
            }
        }
    }

    /// Sets the list of now. Whether it has changed for clients.
    fn set(&self) -> bool {
        let list = self.policy.addresses(self.watch.addresses(), &outward_addresses(), &self.resolved);
        let before = self.offered.get();
        let has_changed = list.offered != before.offered;
        if list != *before {
            self.offered.set(list);
        }
        has_changed
    }
}

/// The addresses of a host; none if they are not known within 2 s.
async fn look_up(host: &str, port: u16) -> Vec<SocketAddr> {
    let found = timeout(RESOLVE, lookup_host((host, port))).await;
    found.ok().and_then(Result::ok).into_iter().flatten().collect()
}

/// The address of this computer in each family, as a STUN server sees it.
async fn public_addresses(host: &str, port: u16) -> Vec<IpAddr> {
    let servers = look_up(host, port).await;
    let one = |v6: bool| servers.iter().copied().find(|server| server.is_ipv6() == v6);
    let asked = [one(false), one(true)].into_iter().flatten().map(|server| timeout(RESOLVE, ask_stun(server)));
    futures_util::future::join_all(asked).await.into_iter().filter_map(|seen| seen.ok().flatten()).collect()
}

/// Asks a STUN server until it answers.
async fn ask_stun(server: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect(server).await.ok()?;
    let transaction = rand::random();
    let mut answer = [0; 1500];
    loop {
        socket.send(&binding_request(transaction)).await.ok()?;
        match timeout(STUN_AGAIN, socket.recv(&mut answer)).await {
            Ok(Ok(length)) => {
                let seen = answer.get(..length).and_then(|datagram| mapped_address(transaction, datagram));
                if seen.is_some() {
                    return seen;
                }
            }
            // The port is closed, for now.
            Ok(Err(_)) => tokio::time::sleep(STUN_AGAIN).await,
            Err(_) => {}
        }
    }
}

fn sentences(policy: &AddressPolicy, addresses: &Addresses, resolved: &Resolved) -> Vec<String> {
    let (local, others): (Vec<IpAddr>, Vec<IpAddr>) = addresses.offered.iter().copied().partition(IpAddr::is_loopback);
    let mut said = Vec::new();
    if others.is_empty() && policy.bind.is_unspecified() {
        said.push(
            "Media: this computer has no address that other computers can reach, so only people on this computer can \
             join. A new address is used as soon as there is one."
                .to_owned(),
        );
    } else if others.is_empty() {
        said.push(format!("Media: for people on this computer only, at {}.", list(&local)));
    } else {
        said.push(format!("Media: offered at {}.", list(&others)));
        if others.iter().all(|ip| Reach::of(*ip) < Reach::Everywhere) {
            said.push(
                "Media: only private addresses are offered. People beyond these networks need the address that your \
                 router or cloud provider shows to them under `advertise`."
                    .to_owned(),
            );
        }
    }
    let unknown = policy.asked_for().filter(|entry| !resolved.contains_key(*entry));
    said.extend(unknown.map(|entry| match entry {
        Advertised::Stun { .. } => format!(
            "Media: {entry} under `advertise` does not answer, so the public address is not known. It is asked again \
             every minute."
        ),
        _ => format!("Media: {entry} under `advertise` has no address now. It is looked up again every minute."),
    }));
    said
}

/// `a`, `a and b`, `a, b and c`.
fn list(ips: &[IpAddr]) -> String {
    let texts: Vec<String> = ips.iter().map(ToString::to_string).collect();
    match texts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => texts.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::LocalAddress;

    /// What a server at `bind` says on a computer with these addresses.
    fn said(bind: &str, advertise: &[&str], local: &[&str]) -> String {
        let advertised = advertise.iter().map(|text| text.parse().expect("an entry")).collect();
        let policy = AddressPolicy { bind: bind.parse().expect("an address"), advertised };
        let local: Vec<_> = local.iter().map(|text| text.parse().expect("an address")).collect();
        let local: Vec<_> =
            local.into_iter().map(|ip| LocalAddress { interface: "eth".into(), ip, has_carrier: true }).collect();
        let addresses = policy.addresses(&local, &[], &Resolved::new());
        sentences(&policy, &addresses, &Resolved::new()).join("\n")
    }

    #[test]
    fn the_start_says_who_can_join_and_what_is_missing() {
        let nobody = said("0.0.0.0", &[], &["127.0.0.1", "::1", "fe80::1"]);
        assert!(
            nobody.contains("no address that other computers can reach") && nobody.lines().count() == 1,
            "{nobody}"
        );
        assert_eq!(said("::1", &[], &["127.0.0.1"]), "Media: for people on this computer only, at ::1.");
        let private = said("0.0.0.0", &[], &["127.0.0.1", "10.9.0.1", "10.8.0.1", "fd00::1"]);
        assert!(private.starts_with("Media: offered at 10.9.0.1, 10.8.0.1 and fd00::1.\n"), "{private}");
        assert!(private.contains("`advertise`"), "{private}");
        assert_eq!(said("::", &[], &["10.9.0.1", "2001:db8::1"]), "Media: offered at 10.9.0.1 and 2001:db8::1.");
        assert_eq!(said("::", &["203.0.113.5"], &["10.9.0.1"]), "Media: offered at 203.0.113.5.");
        let unknown = said("::", &["calls.example.com", "203.0.113.5"], &["10.9.0.1"]);
        assert!(
            unknown.ends_with(
                "calls.example.com under `advertise` has no address now. It is looked up again every minute."
            ),
            "{unknown}"
        );
    }

    #[tokio::test]
    async fn a_stun_server_is_asked_for_the_public_address() {
        let server = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let port = server.local_addr().expect("an address").port();
        let answering = tokio::spawn(async move {
            let mut request = [0; 64];
            // The first request is lost.
            server.recv_from(&mut request).await.expect("a request");
            let (length, from) = server.recv_from(&mut request).await.expect("a request");
            assert_eq!(length, 20);
            // XOR-MAPPED-ADDRESS 203.0.113.5:7882 (RFC 8489, section 14.2).
            let mut answer = vec![1, 1, 0, 12];
            answer.extend(&request[4..20]);
            answer.extend([0, 0x20, 0, 8, 0, 1, 0x1e ^ 0x21, 0xca ^ 0x12, 203 ^ 0x21, 0x12, 113 ^ 0xa4, 5 ^ 0x42]);
            server.send_to(&answer, from).await.expect("sent");
        });
        assert_eq!(public_addresses("127.0.0.1", port).await, [IpAddr::from([203, 0, 113, 5])]);
        answering.await.expect("answered");
    }

    #[tokio::test]
    async fn names_are_resolved_at_the_start() {
        let policy =
            AddressPolicy { bind: [0, 0, 0, 0].into(), advertised: vec!["localhost".parse().expect("a name")] };
        let config =
            crate::sfu::SfuConfig { advertised: policy.advertised.clone(), ..crate::sfu::SfuConfig::default() };
        let (sfu, _events) = crate::sfu::Sfu::start(config).expect("started");
        let follower = AddressFollower::start(policy, sfu.addresses()).await;
        let offered = sfu.addresses().get().offered.clone();
        assert!(!offered.is_empty() && offered.iter().all(IpAddr::is_loopback), "{offered:?}");
        assert!(!follower.sentences().iter().any(|said| said.contains("no address now")), "{:?}", follower.sentences());
    }
}
