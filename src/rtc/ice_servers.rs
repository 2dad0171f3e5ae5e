//! The STUN and TURN servers of a join, as the stack can use them.
//!
//! The stack resolves host names in its driver, which also carries media, so they are resolved here. It relays over UDP
//! only, so TURN servers that are reached by TCP or TLS get virtual names ([`Tunnels::relay`]).

use super::tunnel::Tunnels;
use crate::base::{IceServer, Secret, Transport};
use futures_util::future::join_all;
use rtc::ice::url::{ProtoType, SchemeType, Url};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::time::timeout;
use webrtc::peer_connection::RTCIceServer;

/// Longest wait for the addresses of all servers; those that are not known by then are left out.
const RESOLVE: Duration = Duration::from_millis(500);

/// The servers that may be used.
pub(super) struct IceServers(Vec<Resolved>);

struct Resolved {
    way: Way,
    username: String,
    credential: Secret<String>,
}

/// How a server is reached.
enum Way {
    /// By UDP, at this address, which is that of the URL.
    Udp(String, SocketAddr),
    /// By TCP or TLS. The name is resolved when it is dialled.
    Tunnel { host: String, port: u16, tls: bool },
}

/// The servers that `transport` allows, with an address in place of each host name of UDP.
pub(super) async fn resolve(servers: &[IceServer], transport: Transport) -> IceServers {
    let urls = servers.iter().flat_map(|server| server.urls.iter().map(move |url| (server, url)));
    let resolved = join_all(urls.map(|(server, url)| async move {
        let way = timeout(RESOLVE, way(url, transport)).await.ok().flatten()?;
        Some(Resolved { way, username: server.username.clone(), credential: server.credential.clone() })
    }));
    IceServers(resolved.await.into_iter().flatten().collect())
}

impl IceServers {
    /// In the stack's terms, for one peer connection.
    pub(super) fn for_stack(&self, tunnels: &Tunnels) -> Vec<RTCIceServer> {
        let server = |Resolved { way, username, credential }: &Resolved| {
            let url = match way {
                Way::Udp(url, address) => {
                    tunnels.add_udp_relay(*address);
                    url.clone()
                }
                Way::Tunnel { host, port, tls } => {
                    format!("turn:{}:{port}?transport=udp", tunnels.relay(host, *port, *tls)?)
                }
            };
            let (username, credential) = (username.clone(), credential.expose().clone());
            Some(RTCIceServer { urls: vec![url], username, credential })
        };
        self.0.iter().filter_map(server).filter(is_complete).collect()
    }
}

async fn way(url: &str, transport: Transport) -> Option<Way> {
    // A query is not part of a `stun:` URL (RFC 7064), but some servers send one.
    let parsed = match url.strip_prefix("stun:") {
        Some(_) => Url::parse_url(url.split('?').next().unwrap_or(url)),
        None => Url::parse_url(url),
    };
    let Ok(mut parsed) = parsed else {
        tracing::warn!(url, "the server names an ICE server that cannot be read");
        return None;
    };
    let is_udp = match (parsed.scheme, parsed.proto) {
        (SchemeType::Stun, _) | (SchemeType::Turn, ProtoType::Udp) => true,
        (SchemeType::Turn, ProtoType::Tcp) | (SchemeType::Turns, ProtoType::Tcp) => false,
        _ => {
            tracing::debug!(url, "an ICE server of this kind is not used");
            return None;
        }
    };
    if matches!((is_udp, transport), (true, Transport::Tcp) | (false, Transport::Udp)) {
        return None;
    }
    if !is_udp {
        let tls = parsed.scheme == SchemeType::Turns;
        return Some(Way::Tunnel { host: parsed.host, port: parsed.port, tls });
    }
    let addresses: Vec<SocketAddr> = lookup_host((parsed.host.as_str(), parsed.port)).await.ok()?.collect();
    let address = addresses.iter().find(|a| a.is_ipv4()).or_else(|| addresses.first())?;
    parsed.host = address.ip().to_string();
    Some(Way::Udp(parsed.to_string(), *address))
}

/// Whether a TURN server has the credentials that the stack demands.
fn is_complete(server: &RTCIceServer) -> bool {
    let is_turn = server.urls.iter().any(|url| url.starts_with("turn"));
    !is_turn || !(server.username.is_empty() || server.credential.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtc::tasks::Tasks;

    async fn urls(given: &[IceServer], transport: Transport) -> Vec<String> {
        let tunnels = Tunnels::new(transport, Tasks::new());
        let servers = resolve(given, transport).await.for_stack(&tunnels);
        servers.into_iter().flat_map(|s| s.urls).collect()
    }

    #[tokio::test]
    async fn names_become_addresses_and_what_cannot_be_used_is_left_out() {
        let server = |urls: &[&str], username: &str| IceServer {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            username: username.into(),
            credential: Secret::new(username.into()),
        };
        let given = [
            server(&["stun:127.0.0.1", "stun:127.0.0.1:5000?transport=udp", "nonsense", "stuns:127.0.0.1"], ""),
            server(&["turn:127.0.0.1:3478?transport=udp", "turn:nowhere.invalid?transport=tcp"], "me"),
            server(&["turns:nowhere.invalid", "turns:nowhere.invalid?transport=udp"], "me"),
            server(&["turn:127.0.0.1", "turns:nowhere.invalid"], ""),
        ];
        let stun = ["stun:127.0.0.1:3478", "stun:127.0.0.1:5000"];
        let (udp, tcp) = ("turn:127.0.0.1:3478?transport=udp", "turn:0.tunnel.invalid:3478?transport=udp");
        let tls = "turn:1.tunnel.invalid:5349?transport=udp";
        assert_eq!(urls(&given, Transport::Auto).await, [&stun[..], &[udp, tcp, tls]].concat());
        assert_eq!(urls(&given, Transport::Udp).await, [&stun[..], &[udp]].concat());
        assert_eq!(urls(&given, Transport::Tcp).await, [tcp, tls]);
        let tunnels = Tunnels::new(Transport::Auto, Tasks::new());
        let servers = resolve(&given, Transport::Auto).await.for_stack(&tunnels);
        assert_eq!((servers[3].username.as_str(), servers[3].credential.as_str()), ("me", "me"));
    }
}
