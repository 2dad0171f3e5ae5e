//! Time-limited credentials for TURN servers: a username that begins with its end, and its MAC as the password. TURN
//! servers know them as the "TURN REST API" (draft-uberti-behave-turn-rest-00, section 2.2); coturn's option is
//! `use-auth-secret`.

use super::mac;
use crate::base::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use livekit_protocol as lk;
use std::time::Duration;

/// How long credentials are valid. A TURN server asks for them when an allocation is made, and again at each resume.
const VALID: Duration = Duration::from_secs(12 * 3600);

/// TURN servers that share a secret with this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnServers {
    urls: Vec<String>,
    secret: Secret<String>,
}

/// Why TURN servers cannot be used. No message contains the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnServersError {
    /// An entry is no URL of a TURN server (RFC 7065).
    #[error("\"{0}\" is not a TURN server. Write turn:HOST or turns:HOST, with :PORT and ?transport=tcp if need be.")]
    Url(String),
    /// There are servers, but no secret.
    #[error("TURN servers are named, but not their secret. Set VISAVIS_TURN_SECRET, or secret under [turn].")]
    NoSecret,
}

impl TurnServers {
    /// Servers at these URLs, which accept what `secret` signs (coturn's `static-auth-secret`).
    pub fn new(urls: Vec<String>, secret: Secret<String>) -> Result<Self, TurnServersError> {
        if let Some(url) = urls.iter().find(|url| !is_turn_url(url)) {
            return Err(TurnServersError::Url(url.clone()));
        }
        if secret.expose().is_empty() {
            return Err(TurnServersError::NoSecret);
        }
        Ok(Self { urls, secret })
    }

    /// The servers with credentials for a user, at `now` in Unix seconds.
    pub fn for_user(&self, user: &str, now: i64) -> lk::IceServer {
        let end = now.saturating_add(i64::try_from(VALID.as_secs()).unwrap_or(i64::MAX));
        let username = format!("{end}:{user}");
        // HMAC takes keys of every length.
        let mac = mac::sha1(self.secret.expose().as_bytes(), &username).unwrap_or_default();
        lk::IceServer { urls: self.urls.clone(), username, credential: STANDARD.encode(mac) }
    }
}

fn is_turn_url(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once(':') else { return false };
    let (host, query) = rest.split_once('?').unwrap_or((rest, "transport=udp"));
    matches!(scheme, "turn" | "turns")
        && !host.is_empty()
        && !host.contains(['/', ' ', '@'])
        && matches!(query, "transport=udp" | "transport=tcp")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(urls: &[&str], secret: &str) -> Result<TurnServers, TurnServersError> {
        TurnServers::new(urls.iter().map(|url| (*url).to_owned()).collect(), Secret::new(secret.into()))
    }

    #[test]
    fn credentials_are_those_of_coturn() {
        let servers = servers(&["turns:turn.example.com:443?transport=tcp"], "north").expect("servers");
        let given = servers.for_user("mina", 1_800_000_000);
        assert_eq!(given.urls, ["turns:turn.example.com:443?transport=tcp"]);
        // printf 1800043200:mina | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(
            (given.username.as_str(), given.credential.as_str()),
            ("1800043200:mina", "Xq5ywv+B9x3NfKBD9YGTqCbRfmA=")
        );
        assert!(!format!("{servers:?}").contains("north"));
    }

    #[test]
    fn what_is_no_turn_server_is_refused() {
        for good in ["turn:192.0.2.1", "turn:[2001:db8::1]:3478?transport=udp", "turns:turn.example.com:443"] {
            assert!(servers(&[good], "s").is_ok(), "{good}");
        }
        for bad in ["stun:a", "turn:", "turn://a", "turn:a?transport=tls", "a.example.com:3478", "turn:u@a", ""] {
            assert_eq!(servers(&[bad], "s"), Err(TurnServersError::Url(bad.into())), "{bad}");
        }
        assert_eq!(servers(&["turn:a"], ""), Err(TurnServersError::NoSecret));
    }
}
