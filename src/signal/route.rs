//! The way to a server: which of this computer's addresses leads there, and when that changes.

use crate::net::{LocalAddress, NetworkEvents, address_towards, interface_addresses};
use crate::session::NetworkChange;
use std::net::{IpAddr, SocketAddr};

/// Notices that another way leads to a server, or none.
pub(crate) struct RouteWatch {
    server: SocketAddr,
    events: NetworkEvents,
    seen: Seen,
}

/// What the last looks have shown.
#[derive(Default)]
struct Seen {
    /// The way that was last used; `None` before the first look.
    used: Option<Route>,
    is_lost: bool,
}

/// A way to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    /// The local address.
    address: IpAddr,
    /// The interface that has it, where the system tells.
    interface: Option<String>,
}

impl RouteWatch {
    /// Begins to watch the way to `server`. Must be called in a tokio runtime.
    pub(crate) fn start(server: SocketAddr) -> Self {
        // Events come first, so that no change after the first look is missed.
        Self { server, events: NetworkEvents::listen(), seen: Seen::default() }
    }

    /// Waits until the way has changed since the last look. Cancel-safe.
    pub(crate) async fn changed(&mut self) -> NetworkChange {
        loop {
            let address = address_towards(self.server);
            if let Some(change) = self.seen.compare(address, &interface_addresses()) {
                return change;
            }
            self.events.next().await;
        }
    }
}

impl Seen {
    fn compare(&mut self, address: Option<IpAddr>, locals: &[LocalAddress]) -> Option<NetworkChange> {
        let of = |address: IpAddr| locals.iter().find(|local| local.ip == address);
        let address = address.filter(|address| of(*address).is_none_or(|local| local.has_carrier));
        let Some(address) = address else {
            let is_news = !std::mem::replace(&mut self.is_lost, true) && self.used.is_some();
            return is_news.then_some(NetworkChange::Lost);
        };
        let now = Route { address, interface: of(address).map(|local| local.interface.clone()) };
        let was_lost = std::mem::take(&mut self.is_lost);
        let Some(used) = &self.used else {
            self.used = Some(now);
            return None;
        };
        if *used == now {
            return was_lost.then_some(NetworkChange::Back);
        }
        // A new temporary address of the same interface (RFC 8981): what uses the old one goes on.
        let goes_on = used.interface.is_some()
            && used.interface == now.interface
            && of(used.address).is_some_and(|local| Some(&local.interface) == used.interface.as_ref());
        if goes_on && !was_lost {
            return None;
        }
        self.used = Some(now);
        Some(NetworkChange::Moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NetworkChange::{Back, Lost, Moved};

    fn local(interface: &str, address: &str, has_carrier: bool) -> LocalAddress {
        LocalAddress { interface: interface.into(), ip: address.parse().expect("an address"), has_carrier }
    }

    /// What each look tells: an address that leads to the server, and the addresses of the computer.
    fn changes(looks: &[(Option<&str>, &[LocalAddress])]) -> Vec<Option<NetworkChange>> {
        let mut seen = Seen::default();
        let look = |(address, locals): &(Option<&str>, &[LocalAddress])| {
            seen.compare(address.map(|address| address.parse().expect("an address")), locals)
        };
        looks.iter().map(look).collect()
    }

    #[test]
    fn another_address_is_a_move_and_none_a_loss() {
        let wifi = &[local("w", "10.9.0.2", true)][..];
        let cable = &[local("c", "10.8.0.2", true)][..];
        let both = &[local("w", "10.9.0.2", true), local("c", "10.8.0.2", true)][..];
        let renewed = &[local("w", "10.9.0.3", true)][..];
        for (looks, expected) in [
            (&[(Some("10.9.0.2"), wifi), (Some("10.9.0.2"), wifi)][..], &[None, None][..]),
            (&[(Some("10.9.0.2"), wifi), (Some("10.8.0.2"), cable)], &[None, Some(Moved)]),
            (&[(Some("10.9.0.2"), wifi), (Some("10.8.0.2"), both)], &[None, Some(Moved)]),
            (&[(Some("10.9.0.2"), wifi), (Some("10.9.0.3"), renewed)], &[None, Some(Moved)]),
            (&[(Some("10.9.0.2"), wifi), (None, &[]), (None, &[])], &[None, Some(Lost), None]),
            (&[(Some("10.9.0.2"), wifi), (None, &[]), (Some("10.9.0.2"), wifi)], &[None, Some(Lost), Some(Back)]),
            (&[(Some("10.9.0.2"), wifi), (None, &[]), (Some("10.8.0.2"), cable)], &[None, Some(Lost), Some(Moved)]),
            (&[(None, &[]), (Some("10.9.0.2"), wifi), (None, &[])], &[None, None, Some(Lost)]),
            // Where the system does not tell the interfaces.
            (&[(Some("10.9.0.2"), &[]), (Some("10.8.0.2"), &[])], &[None, Some(Moved)]),
        ] {
            assert_eq!(changes(looks), expected, "{looks:?}");
        }
    }

    #[test]
    fn an_interface_without_a_carrier_leads_nowhere() {
        let (on, off) = (&[local("w", "10.9.0.2", true)][..], &[local("w", "10.9.0.2", false)][..]);
        let looks = [(Some("10.9.0.2"), on), (Some("10.9.0.2"), off), (Some("10.9.0.2"), on)];
        assert_eq!(changes(&looks), [None, Some(Lost), Some(Back)]);
    }

    #[test]
    fn a_new_temporary_address_is_no_move_while_the_old_one_is_there() {
        let before = &[local("w", "2001:db8::1", true)][..];
        let beside = &[local("w", "2001:db8::1", true), local("w", "2001:db8::2", true)][..];
        let after = &[local("w", "2001:db8::2", true)][..];
        let looks = [(Some("2001:db8::1"), before), (Some("2001:db8::2"), beside), (Some("2001:db8::2"), after)];
        assert_eq!(changes(&looks), [None, None, Some(Moved)]);
    }

    #[tokio::test]
    async fn the_system_tells_the_way_to_this_computer() {
        let mut watch = RouteWatch::start("127.0.0.1:9".parse().expect("an address"));
        let first_look = futures_util::FutureExt::now_or_never(watch.changed());
        assert_eq!(first_look, None, "the first way is no change");
        let used = watch.seen.used.expect("a way");
        assert_eq!(used.address, IpAddr::from([127, 0, 0, 1]));
        assert!(used.interface.is_some());
    }
}
