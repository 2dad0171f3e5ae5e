//! Limits of HTTP connections, so that one stranger cannot keep everybody else out: in all, and of one address.
//!
//! Connections count until they end or become a WebSocket. A proxy's connections count by the address that it names in
//! `X-Forwarded-For`, request by request, if the settings trust it.

use super::network::Network;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// HTTP connections at most, without upgraded ones. More wait in the listener's backlog.
const CONNECTIONS: usize = 4096;
/// The part of them that one address may hold.
const SHARE: usize = 8;
/// An address may hold at least so many.
const LEAST_SHARE: usize = 16;

/// The limits of a server, and what is open.
pub(super) struct ConnectionLimit {
    places: Arc<Semaphore>,
    all: usize,
    of_one_address: usize,
    trusted_proxies: Vec<Network>,
    /// Connections of each address, and requests of each that a proxy names.
    open: Mutex<HashMap<IpAddr, usize>>,
    refused: AtomicU64,
    slow: AtomicU64,
}

/// The counts for `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConnectionCounts {
    pub(super) open: usize,
    /// Connections and requests over the limit of their address.
    pub(super) refused: u64,
    /// Connections that sent no whole request in time.
    pub(super) slow: u64,
}

/// A place in the count of one address, until it is dropped.
pub(super) struct AddressPlace {
    limit: Arc<ConnectionLimit>,
    address: IpAddr,
}

impl ConnectionLimit {
    /// With as many places as the process may have file descriptors for.
    pub(super) fn new(trusted_proxies: Vec<Network>) -> Arc<Self> {
        Self::with(CONNECTIONS.min(file_descriptors() / 2), trusted_proxies)
    }

    fn with(all: usize, trusted_proxies: Vec<Network>) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(all)),
            all,
            of_one_address: (all / SHARE).max(LEAST_SHARE),
            trusted_proxies,
            open: Mutex::default(),
            refused: AtomicU64::new(0),
            slow: AtomicU64::new(0),
        })
    }

    /// Waits for a place for any connection.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }

    /// Whether the settings trust the peer to name the address of its client.
    pub(super) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|network| network.contains(peer))
    }

    /// A place for one more connection or request of an address; `None` if it has too many.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Option<AddressPlace> {
        let address = counted(address);
        let mut open = self.open.lock();
        let count = open.entry(address).or_default();
        if *count >= self.of_one_address {
            drop(open);
            if self.refused.fetch_add(1, Relaxed) == 0 {
                tracing::warn!(
                    %address,
                    most = self.of_one_address,
                    "connections are refused: this address has too many open. A proxy belongs under trusted_proxies."
                );
            }
            return None;
        }
        *count += 1;
        Some(AddressPlace { limit: self.clone(), address })
    }

    /// The address of a proxy's client: the last one in `X-Forwarded-For` that is not a trusted proxy itself, because
    /// everything before it may be invented. The proxy's own if there is none.
    pub(super) fn client_of(&self, proxy: IpAddr, forwarded_for: &[&str]) -> IpAddr {
        let named = forwarded_for.iter().rev().flat_map(|header| header.rsplit(',')).map(str::trim);
        let mut addresses = named.map_while(address);
        addresses.find(|address| !self.is_proxy(*address)).unwrap_or(proxy)
    }

    /// A connection sent no whole request in time.
    pub(super) fn was_slow(&self) {
        self.slow.fetch_add(1, Relaxed);
    }

    pub(super) fn counts(&self) -> ConnectionCounts {
        ConnectionCounts {
            open: self.all.saturating_sub(self.places.available_permits()),
            refused: self.refused.load(Relaxed),
            slow: self.slow.load(Relaxed),
        }
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut open = self.limit.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// The address that is counted: of IPv6 the network of one subscriber (/64), of which it has all addresses.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// An address as proxies write it, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(text, |(bare, _)| bare);
    bare.parse().ok().or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

/// Lets the process open as many files as the system allows, and returns how many these are.
#[cfg(unix)]
fn file_descriptors() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // macOS refuses more, whatever its limit says.
    const MOST: u64 = 10_240;
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(MOST, |maximum| maximum.min(MOST));
    let Some(now) = limit.current.filter(|now| *now < most) else { return usize::MAX };
    match setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: limit.maximum }) {
        Ok(()) => usize::try_from(most).unwrap_or(usize::MAX),
        Err(error) => {
            tracing::debug!(%error, "the limit of open files cannot be raised");
            usize::try_from(now).unwrap_or(usize::MAX)
        }
    }
}

/// Windows has no such limit for sockets.
#[cfg(not(unix))]
const fn file_descriptors() -> usize {
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn trusting(networks: &[&str]) -> Arc<ConnectionLimit> {
        ConnectionLimit::with(160, networks.iter().map(|text| text.parse().expect("a network")).collect())
    }

    #[test]
    fn one_address_has_an_eighth_of_all_places() {
        let limit = trusting(&[]);
        let mut held: Vec<_> = (0..20).map(|_| limit.enter(ip("192.0.2.1")).expect("a place")).collect();
        assert!(limit.enter(ip("192.0.2.1")).is_none() && limit.enter(ip("::ffff:192.0.2.1")).is_none());
        assert!(limit.enter(ip("192.0.2.2")).is_some(), "somebody else");
        held.pop();
        assert!(limit.enter(ip("192.0.2.1")).is_some(), "a place is free again");
        assert_eq!(limit.counts().refused, 2);
        drop(held);
        assert!(limit.open.lock().is_empty(), "nothing is remembered of who has gone");
    }

    #[test]
    fn a_subscriber_with_many_ipv6_addresses_is_one() {
        let limit = trusting(&[]);
        let held: Vec<_> = (0..20).map(|n| limit.enter(ip(&format!("2001:db8::{n:x}"))).expect("a place")).collect();
        assert!(limit.enter(ip("2001:db8::ffff")).is_none() && limit.enter(ip("2001:db8:0:1::1")).is_some());
        drop(held);
    }

    #[test]
    fn the_client_of_a_proxy_is_the_last_address_that_nobody_could_invent() {
        let limit = trusting(&["127.0.0.1", "10.0.0.0/8"]);
        assert!(limit.is_proxy(ip("10.1.2.3")) && !limit.is_proxy(ip("192.0.2.1")));
        let client = |headers: &[&str]| limit.client_of(ip("127.0.0.1"), headers).to_string();
        assert_eq!(client(&["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client(&["6.6.6.6, 198.51.100.7, 10.0.0.2"]), "198.51.100.7", "the first one is invented");
        assert_eq!(client(&["6.6.6.6", "198.51.100.7:4711", "10.0.0.2"]), "198.51.100.7");
        assert_eq!(client(&["[2001:db8::1]:80"]), "2001:db8::1");
        assert_eq!(
            client(&["198.51.100.7, unknown"]),
            "127.0.0.1",
            "what comes before an unreadable part is not believed"
        );
        assert_eq!(client(&[]), "127.0.0.1");
    }
}
