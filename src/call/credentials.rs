//! The credentials for a room: where its access token comes from, and the token of a call.

use crate::base::{EntryErrorKind, RoomName, Secret, UserId, visible};
use crate::proto::token::{ApiKey, JOIN_VALIDITY, JoinClaims, unverified_claims};
use crate::session::EntryError;
use crate::signal::{TokenFetchError, TokenRequest, fetch_token, token_endpoint};
use parking_lot::Mutex;
use std::sync::Arc;

/// Where tokens come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenSource {
    /// This token was given.
    Given(Secret<String>),
    /// Tokens are signed here with an API key of the server. Its owner may do everything there and is a host.
    Signed(ApiKey),
    /// A token endpoint apart from the server, as LiveKit defines it.
    Endpoint(String),
    /// The server's own token endpoint.
    Server,
    /// The server's own token endpoint, with the invitation of the link that was opened.
    Invited(Secret<String>),
}

impl TokenSource {
    /// The identity in a given token.
    pub(crate) fn user(&self) -> Option<UserId> {
        match self {
            Self::Given(token) => unverified_claims(token.expose())?.user,
            Self::Signed(_) | Self::Endpoint(_) | Self::Server | Self::Invited(_) => None,
        }
    }

    /// The room in a given token.
    pub(crate) fn room(&self) -> Option<RoomName> {
        match self {
            Self::Given(token) => unverified_claims(token.expose())?.room.parse().ok(),
            Self::Signed(_) | Self::Endpoint(_) | Self::Server | Self::Invited(_) => None,
        }
    }

    /// The invitation of the link that was opened.
    pub(crate) fn invitation(&self) -> Option<&Secret<String>> {
        match self {
            Self::Invited(invitation) => Some(invitation),
            Self::Given(_) | Self::Signed(_) | Self::Endpoint(_) | Self::Server => None,
        }
    }
}

/// Server, room, user and token source for a join.
#[derive(Clone, Debug)]
pub(crate) struct JoinCredentials {
    /// The room server: `ws://`, `wss://`, `http://` or `https://`.
    pub(crate) server: String,
    /// Where the token comes from.
    pub(crate) tokens: TokenSource,
    /// The room.
    pub(crate) room: RoomName,
    /// Our user id.
    pub(crate) user: UserId,
    /// Our display name.
    pub(crate) name: String,
}

/// The token of one call and the server that it is for. It is fetched once, when the call begins, and then replaced by
/// the tokens with which the server refreshes it.
///
/// A reconnect never fetches another token: a user who was removed while the connection was lost would enter again.
#[derive(Clone, Debug, Default)]
pub(super) struct TokenCache(Arc<Mutex<Option<CachedToken>>>);

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
    /// The server's URL and the token; they are fetched if they were not yet.
    pub(super) async fn get_or_fetch(
        &self,
        credentials: &JoinCredentials,
    ) -> Result<(String, Secret<String>), EntryError> {
        if let Some(cached) = self.get() {
            return Ok(cached);
        }
        let (server, token) = credentials.token().await?;
        *self.0.lock() = Some(CachedToken::new(server.clone(), token.clone()));
        Ok((server, token))
    }

    /// The server's URL and the token, once they were fetched.
    pub(super) fn get(&self) -> Option<(String, Secret<String>)> {
        self.0.lock().as_ref().map(|cached| (cached.server.clone(), cached.token.clone()))
    }

    /// Whether the token grants the rights of a host (`roomAdmin`).
    pub(super) fn is_host(&self) -> bool {
        self.0.lock().as_ref().is_some_and(|cached| cached.host)
    }

    /// Replaces the token with one from the server, which may expire later or grant other rights.
    pub(super) fn refresh(&self, token: String) {
        if let Some(cached) = &mut *self.0.lock() {
            *cached = CachedToken::new(std::mem::take(&mut cached.server), Secret::new(token));
        }
    }
}

impl JoinCredentials {
    /// The server that issues the tokens. `None` for a bare token endpoint.
    pub(super) fn token_server(&self) -> Option<&str> {
        match &self.tokens {
            TokenSource::Endpoint(url) => url.strip_suffix("/token"),
            _ => Some(&self.server),
        }
    }

    /// Fetches a token: the server's URL and the token. A token endpoint may name another server than its own.
    pub(crate) async fn token(&self) -> Result<(String, Secret<String>), EntryError> {
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
        let (room, user) = (self.room.as_str(), self.user.as_str());
        let request = TokenRequest { room, user, name: &self.name, invitation };
        fetch_token(&endpoint, &request).await.map_err(|e| entry_error(&e))
    }

    /// Checks the room of a given token: the server enters the token's room, whatever the link says.
    fn given(&self, token: &Secret<String>) -> Result<Secret<String>, EntryError> {
        let named = unverified_claims(token.expose()).map(|claims| claims.room).filter(|room| !room.is_empty());
        let Some(other) = named.filter(|room| room != self.room.as_str()) else { return Ok(token.clone()) };
        let (other, room) = (visible(&other), self.room.shown());
        let sentence = format!("This token is for the room {other}, not for {room}. Ask for one for this room.");
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
            // On a LiveKit server a raised hand needs it.
            own_metadata: true,
            valid_for: JOIN_VALIDITY,
        }
    }
}

/// A new user id: the letters and digits of `name`, and 24 random bits.
pub(crate) fn user_id(name: &str) -> UserId {
    let mut readable: String =
        name.chars().filter(char::is_ascii_alphanumeric).take(16).collect::<String>().to_lowercase();
    if readable.is_empty() {
        readable.push_str("user");
    }
    let id = format!("{readable}-{:06x}", rand::random::<u32>() & 0xff_ffff);
    id.parse().unwrap_or_else(|_| unreachable!("letters, digits and a dash make a user id"))
}

fn entry_error(error: &TokenFetchError) -> EntryError {
    EntryError { kind: error.kind(), message: error.to_string(), retry: error.is_temporary() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::token::ApiKeys;

    fn credentials(tokens: TokenSource) -> JoinCredentials {
        JoinCredentials {
            server: "ws://127.0.0.1:7880".into(),
            tokens,
            room: "num/7".parse().expect("a room"),
            user: "mina".parse().expect("a user id"),
            name: "Mina Park".into(),
        }
    }

    #[tokio::test]
    async fn a_key_signs_a_token_that_the_server_accepts() {
        let (server, token) = credentials(TokenSource::Signed(ApiKey::dev())).token().await.expect("a token");
        assert_eq!(server, "ws://127.0.0.1:7880");
        let grant = ApiKeys::new(vec![ApiKey::dev()]).verify(token.expose()).expect("a good token");
        assert_eq!((grant.identity.as_str(), grant.name.as_str()), ("mina", "Mina Park"));
        assert!(grant.room_join && grant.room_admin, "the owner of the key is a host");
        let given = credentials(TokenSource::Given(token.clone()));
        assert_eq!(given.token().await, Ok((server, token.clone())));
        let error =
            JoinCredentials { room: "tea".parse().expect("a room"), ..given }.token().await.expect_err("another room");
        assert_eq!(error.message, "This token is for the room num/7, not for tea. Ask for one for this room.");
        assert_eq!(TokenSource::Given(token).user().map(|u| u.to_string()), Some("mina".to_owned()));
        assert_eq!(TokenSource::Given(Secret::new("nonsense".into())).user(), None);
    }

    #[tokio::test]
    async fn a_call_keeps_its_token_until_the_server_refreshes_it() {
        let (credentials, token_cache) = (credentials(TokenSource::Signed(ApiKey::dev())), TokenCache::default());
        let first = token_cache.get_or_fetch(&credentials).await.expect("a token");
        // Another source would sign another one, as a later second would.
        let other = JoinCredentials { name: "Mina K.".into(), ..credentials };
        assert_ne!(other.token().await.expect("a token"), first);
        assert_eq!(token_cache.clone().get_or_fetch(&other).await.expect("the same token"), first);
        assert!(token_cache.is_host());
        token_cache.refresh("refreshed".into());
        assert_eq!(
            token_cache.get_or_fetch(&other).await.expect("a token"),
            (first.0, Secret::new("refreshed".into()))
        );
        assert!(!token_cache.is_host(), "the server may take the right away");
    }

    #[tokio::test]
    async fn an_unusable_server_address_is_named() {
        let mut credentials = credentials(TokenSource::Server);
        credentials.server = "ftp://example.com".into();
        let error = credentials.token().await.expect_err("no address");
        assert!(error.message.contains("is not a server address"), "{}", error.message);
    }
}
