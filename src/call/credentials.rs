//! The way into a room: where its token comes from, and how one is had when the connection is made.

use crate::base::{EntryErrorKind, RoomId, Secret, UserId};
use crate::proto::token::{ApiKey, JOIN_VALIDITY, JoinClaims, unverified_claims};
use crate::session::EntryError;
use crate::signal::{TokenError, TokenRequest, fetch_token, token_endpoint};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where tokens come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenSource {
    /// One was given.
    Given(Secret<String>),
    /// They are signed here with a key pair of the server. Whoever has that may do everything there, and is a host.
    Signed(ApiKey),
    /// This endpoint is asked.
    Endpoint(String),
    /// The server's own endpoint is asked.
    Server,
    /// The server's own endpoint is asked, and shown the invitation of the link that we came by.
    Invited(Secret<String>),
}

impl TokenSource {
    /// Who we are, where the token says so.
    pub(crate) fn user(&self) -> Option<UserId> {
        match self {
            Self::Given(token) => unverified_claims(token.expose())?.user,
            Self::Signed(_) | Self::Endpoint(_) | Self::Server | Self::Invited(_) => None,
        }
    }

    /// The invitation of the link that we came by.
    pub(crate) fn invitation(&self) -> Option<&Secret<String>> {
        match self {
            Self::Invited(invitation) => Some(invitation),
            Self::Given(_) | Self::Signed(_) | Self::Endpoint(_) | Self::Server => None,
        }
    }
}

/// The way into a room for somebody.
#[derive(Clone, Debug)]
pub(crate) struct JoinCredentials {
    /// The room server: `ws://`, `wss://`, `http://` or `https://`.
    pub(crate) server: String,
    /// Where the token comes from.
    pub(crate) tokens: TokenSource,
    /// The room.
    pub(crate) room: RoomId,
    /// Our user id.
    pub(crate) user: UserId,
    /// What the others see.
    pub(crate) name: String,
}

/// The token of one call, with the server that it is for: had when the call begins, then as that server refreshes it.
///
/// A call never asks for another one. Somebody who was removed while their link was lost would come back unasked.
#[derive(Clone, Debug, Default)]
pub(super) struct TokenCache(Arc<Mutex<Option<CachedToken>>>);

/// A token that was had.
#[derive(Clone, Debug)]
struct CachedToken {
    server: String,
    token: Secret<String>,
    host: bool,
}

impl CachedToken {
    fn new(server: String, token: Secret<String>) -> Self {
        let host = unverified_claims(token.expose()).is_some_and(|claims| claims.room_admin);
        Self { server, token, host }
    }
}

impl TokenCache {
    /// The server's URL and the token that the call came in with; it is had now if it was not yet.
    pub(super) async fn show(&self, access: &JoinCredentials) -> Result<(String, Secret<String>), EntryError> {
        if let Some(held) = self.held() {
            return Ok(held);
        }
        let (server, token) = access.token().await?;
        *self.lock() = Some(CachedToken::new(server.clone(), token.clone()));
        Ok((server, token))
    }

    /// The same, if it was had already.
    pub(super) fn held(&self) -> Option<(String, Secret<String>)> {
        self.lock().as_ref().map(|held| (held.server.clone(), held.token.clone()))
    }

    /// Whether it says that its owner is a host.
    pub(super) fn is_hosts(&self) -> bool {
        self.lock().as_ref().is_some_and(|held| held.host)
    }

    /// The server gave a token that is good for longer, or for something else.
    pub(super) fn refresh(&self, token: String) {
        if let Some(held) = &mut *self.lock() {
            *held = CachedToken::new(std::mem::take(&mut held.server), Secret::new(token));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<CachedToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JoinCredentials {
    /// The server that gives the token, if it may be more than a token endpoint.
    pub(super) fn front(&self) -> Option<&str> {
        match &self.tokens {
            TokenSource::Endpoint(url) => url.strip_suffix("/token"),
            _ => Some(&self.server),
        }
    }

    /// The server's URL and a token for it. An endpoint may name another server than the one it was asked on.
    pub(super) async fn token(&self) -> Result<(String, Secret<String>), EntryError> {
        let endpoint = match &self.tokens {
            TokenSource::Given(token) => return self.given(token).map(|token| (self.server.clone(), token)),
            TokenSource::Signed(key) => {
                let token = key.join_token(&self.pass()).map_err(|e| EntryError {
                    kind: EntryErrorKind::Other,
                    message: e.to_string(),
                    retry: false,
                })?;
                return Ok((self.server.clone(), token));
            }
            TokenSource::Endpoint(url) => url.clone(),
            TokenSource::Server | TokenSource::Invited(_) => {
                token_endpoint(&self.server).map_err(|e| entry_error(&e))?
            }
        };
        let invitation = self.tokens.invitation();
        let (room, user) = (self.room.wire_name(), self.user.as_str());
        let wish = TokenRequest { room: &room, user, name: &self.name, invitation };
        fetch_token(&endpoint, &wish).await.map_err(|e| entry_error(&e))
    }

    /// The server goes by the token's room: one for another room would open the wrong door.
    fn given(&self, token: &Secret<String>) -> Result<Secret<String>, EntryError> {
        let other =
            unverified_claims(token.expose()).map(|l| l.room).filter(|r| !r.is_empty() && *r != self.room.wire_name());
        let Some(other) = other else { return Ok(token.clone()) };
        let sentence = format!("This token is for the room {other}, not for {}. Ask for one for this room.", self.room);
        Err(EntryError { kind: EntryErrorKind::TokenRefused, message: sentence, retry: false })
    }

    fn pass(&self) -> JoinClaims {
        JoinClaims {
            room: self.room.clone(),
            user: self.user.clone(),
            name: self.name.clone(),
            metadata: String::new(),
            attributes: Vec::new(),
            room_admin: true,
            valid_for: JOIN_VALIDITY,
        }
    }
}

/// A user id that is nobody else's, and readable in logs.
pub(super) fn user_id(name: &str) -> UserId {
    let mut readable: String =
        name.chars().filter(char::is_ascii_alphanumeric).take(16).collect::<String>().to_lowercase();
    if readable.is_empty() {
        readable.push_str("user");
    }
    let id = format!("{readable}-{:06x}", rand::random::<u32>() & 0xff_ffff);
    id.parse().unwrap_or_else(|_| unreachable!("letters, digits and a dash make a user id"))
}

fn entry_error(error: &TokenError) -> EntryError {
    EntryError { kind: error.kind(), message: error.to_string(), retry: error.may_pass() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::token::ApiKeys;

    fn access(tokens: TokenSource) -> JoinCredentials {
        JoinCredentials {
            server: "ws://127.0.0.1:7880".into(),
            tokens,
            room: RoomId::Number(7),
            user: "mina".parse().expect("a user id"),
            name: "Mina Park".into(),
        }
    }

    #[tokio::test]
    async fn a_key_signs_what_the_server_accepts() {
        let (server, token) = access(TokenSource::Signed(ApiKey::dev())).token().await.expect("a token");
        assert_eq!(server, "ws://127.0.0.1:7880");
        let grant = ApiKeys::new(vec![ApiKey::dev()]).verify(token.expose()).expect("a good token");
        assert_eq!((grant.identity.as_str(), grant.name.as_str()), ("mina", "Mina Park"));
        assert!(grant.room_join && grant.room_admin, "whoever has the key is a host");
        let given = access(TokenSource::Given(token.clone()));
        assert_eq!(given.token().await, Ok((server, token.clone())));
        let error =
            JoinCredentials { room: RoomId::Text("tea".into()), ..given }.token().await.expect_err("another room");
        assert_eq!(error.message, "This token is for the room num/7, not for tea. Ask for one for this room.");
        assert_eq!(TokenSource::Given(token).user().map(|u| u.to_string()), Some("mina".to_owned()));
        assert_eq!(TokenSource::Given(Secret::new("nonsense".into())).user(), None);
    }

    #[tokio::test]
    async fn a_call_keeps_its_token_and_takes_what_the_server_refreshes() {
        let (way, token_cache) = (access(TokenSource::Signed(ApiKey::dev())), TokenCache::default());
        let first = token_cache.show(&way).await.expect("a token");
        // Another source would sign another one, as a later second would.
        let other = JoinCredentials { name: "Mina K.".into(), ..way };
        assert_ne!(other.token().await.expect("a token"), first);
        assert_eq!(token_cache.clone().show(&other).await.expect("the same token"), first);
        assert!(token_cache.is_hosts());
        token_cache.refresh("refreshed".into());
        assert_eq!(token_cache.show(&other).await.expect("a token"), (first.0, Secret::new("refreshed".into())));
        assert!(!token_cache.is_hosts(), "the server may take the right away");
    }

    #[tokio::test]
    async fn a_server_address_that_is_none_is_said() {
        let mut way = access(TokenSource::Server);
        way.server = "ftp://example.com".into();
        let error = way.token().await.expect_err("no address");
        assert!(error.message.contains("is not a server address"), "{}", error.message);
    }
}
