//! The STUN and TURN servers of a join, as the stack can use them.
//!
//! The stack resolves host names in its driver, which also carries media, so they are resolved here. It relays over UDP
//! only: `stuns:`, `turns:` and TURN over TCP are left out.

use crate::base::IceServer;
use futures_util::future::join_all;
use rtc::ice::url::{ProtoType, SchemeType, Url};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::lookup_host;
use tokio::time::timeout;
use webrtc::peer_connection::RTCIceServer;

/// Longest wait for the addresses of all servers; those that are not known by then are left out.
const RESOLVE: Duration = Duration::from_millis(500);

/// The usable servers, with an address in place of each host name.
pub(super) async fn resolve(servers: &[IceServer]) -> Vec<RTCIceServer> {
    let urls = servers.iter().flat_map(|server| server.urls.iter().map(move |url| (server, url)));
    let resolved = join_all(urls.map(|(server, url)| async move {
        let urls = vec![timeout(RESOLVE, resolve_url(url)).await.ok().flatten()?];
        Some(RTCIceServer { urls, username: server.username.clone(), credential: server.credential.expose().clone() })
    }));
    resolved.await.into_iter().flatten().filter(is_complete).collect()
}

async fn resolve_url(url: &str) -> Option<String> {
    // A query is not part of a `stun:` URL (RFC 7064), but some servers send one.
    let parsed = match url.strip_prefix("stun:") {
        Some(_) => Url::parse_url(url.split('?').next().unwrap_or(url)),
        None => Url::parse_url(url),
    };
    let Ok(mut parsed) = parsed else {
        tracing::warn!(url, "the server names an ICE server that cannot be read");
        return None;
    };
    match (parsed.scheme, parsed.proto) {
        (SchemeType::Stun, _) | (SchemeType::Turn, ProtoType::Udp) => {}
        _ => {
            tracing::debug!(url, "an ICE server is reached by UDP only");
            return None;
        }
    }
    let addresses: Vec<SocketAddr> = lookup_host((parsed.host.as_str(), parsed.port)).await.ok()?.collect();
    let address = addresses.iter().find(|a| a.is_ipv4()).or_else(|| addresses.first())?;
    parsed.host = address.ip().to_string();
    Some(parsed.to_string())
}

/// Whether a TURN server has the credentials that the stack demands.
fn is_complete(server: &RTCIceServer) -> bool {
    let is_turn = server.urls.iter().any(|url| url.starts_with("turn"));
    !is_turn || !(server.username.is_empty() || server.credential.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;

    #[tokio::test]
    async fn names_become_addresses_and_what_the_stack_cannot_use_is_left_out() {
        let server = |urls: &[&str], username: &str| IceServer {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            username: username.into(),
            credential: Secret::new(username.into()),
        };
        let given = [
            server(&["stun:127.0.0.1", "stun:127.0.0.1:5000?transport=udp", "nonsense"], ""),
            server(&["turn:127.0.0.1:3478?transport=udp", "turn:127.0.0.1?transport=tcp", "turns:127.0.0.1"], "me"),
            server(&["turn:127.0.0.1"], ""),
        ];
        let usable = resolve(&given).await;
        let urls: Vec<&str> = usable.iter().flat_map(|s| &s.urls).map(String::as_str).collect();
        assert_eq!(urls, ["stun:127.0.0.1:3478", "stun:127.0.0.1:5000", "turn:127.0.0.1:3478?transport=udp"]);
        assert_eq!((usable[2].username.as_str(), usable[2].credential.as_str()), ("me", "me"));
    }
}
