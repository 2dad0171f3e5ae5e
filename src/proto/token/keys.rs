//! Key pairs, and the tokens that they sign and verify.

use super::claims::{AdminGrant, Claims, JoinClaims, VerifiedClaims, VideoGrants};
use super::{ADMIN_VALIDITY, MintError, TokenError, jwt};
use crate::base::Secret;
use crate::proto::standing;
#[cfg(feature = "server")]
use base64::prelude::{BASE64_STANDARD, Engine};
#[cfg(feature = "server")]
use sha2::{Digest, Sha256};
use std::time::Duration;

/// The id of the key pair of `--dev`, as in livekit-server.
pub(super) const DEV_KEY: &str = "devkey";
/// The secret of the key pair of `--dev`.
pub(super) const DEV_SECRET: &str = "secret";

/// How long the token of a webhook is valid, as in livekit-server.
#[cfg(feature = "server")]
const WEBHOOK_VALIDITY: Duration = Duration::from_secs(5 * 60);

/// A key pair. Every token that its secret has signed names its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Public: LiveKit's `LIVEKIT_API_KEY`.
    pub id: String,
    /// LiveKit's `LIVEKIT_API_SECRET`.
    pub secret: Secret<String>,
}

impl ApiKey {
    /// A key pair from the environment or a file. Neither part may be empty.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Result<Self, MintError> {
        let key = Self { id: id.into(), secret: Secret::new(secret.into()) };
        if key.id.is_empty() || key.secret.expose().is_empty() { Err(MintError::EmptyKey) } else { Ok(key) }
    }

    /// The key pair of `--dev`: everybody knows it.
    pub fn dev() -> Self {
        Self { id: DEV_KEY.into(), secret: Secret::new(DEV_SECRET.into()) }
    }

    /// A token to join a room.
    pub fn join_token(&self, join: &JoinClaims) -> Result<Secret<String>, MintError> {
        let grants = VideoGrants {
            room_join: true,
            room: join.room.as_str().to_owned(),
            room_admin: join.room_admin,
            can_update_own_metadata: join.own_metadata.then_some(true),
            ..VideoGrants::default()
        };
        let claims = Claims {
            sub: join.user.to_string(),
            name: join.name.clone(),
            metadata: join.metadata.clone(),
            // On a livekit-server the token is the only place that can say it.
            attributes: join.attributes.iter().cloned().chain(join.room_admin.then(standing::host)).collect(),
            ..self.claims(grants, join.valid_for)
        };
        jwt::encode(&claims, &self.secret)
    }

    /// A token to wait before a room, until a host gives the rights of [`Self::join_token`].
    pub(crate) fn waiting_token(&self, join: &JoinClaims) -> Result<Secret<String>, MintError> {
        let grants = VideoGrants {
            room_join: true,
            room: join.room.as_str().to_owned(),
            can_publish: Some(false),
            can_subscribe: Some(false),
            can_publish_data: Some(false),
            hidden: true,
            ..VideoGrants::default()
        };
        let claims = Claims {
            sub: join.user.to_string(),
            name: join.name.clone(),
            metadata: join.metadata.clone(),
            attributes: join.attributes.iter().cloned().chain([standing::waiting()]).collect(),
            ..self.claims(grants, join.valid_for)
        };
        jwt::encode(&claims, &self.secret)
    }

    /// A token for one kind of admin call.
    pub fn admin_token(&self, grant: &AdminGrant) -> Result<Secret<String>, MintError> {
        let mut grants = VideoGrants::default();
        match grant {
            AdminGrant::Create => grants.room_create = true,
            AdminGrant::List => grants.room_list = true,
            AdminGrant::Room(room) => {
                grants.room_admin = true;
                room.as_str().clone_into(&mut grants.room);
            }
        }
        jwt::encode(&self.claims(grants, ADMIN_VALIDITY), &self.secret)
    }

    /// The token in a webhook: it holds the hash of the body, as LiveKit's receivers check it.
    #[cfg(feature = "server")]
    pub(crate) fn webhook_token(&self, body: &[u8]) -> Result<Secret<String>, MintError> {
        let mut claims = self.claims(VideoGrants::default(), WEBHOOK_VALIDITY);
        claims.other.insert("sha256".to_owned(), BASE64_STANDARD.encode(Sha256::digest(body)).into());
        jwt::encode(&claims, &self.secret)
    }

    /// Claims that are valid from now on.
    fn claims(&self, video: VideoGrants, valid_for: Duration) -> Claims {
        let now = jsonwebtoken::get_current_timestamp();
        let time = |seconds: u64| Some(i64::try_from(seconds).unwrap_or(i64::MAX));
        let (nbf, exp) = (time(now), time(now.saturating_add(valid_for.as_secs())));
        Claims { iss: self.id.clone(), nbf, exp, video, ..Claims::default() }
    }
}

/// All key pairs of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    /// The first pair signs the server's own tokens.
    pub const fn new(keys: Vec<ApiKey>) -> Self {
        Self(keys)
    }

    /// The pair that signs the server's own tokens.
    pub(crate) fn first(&self) -> Option<&ApiKey> {
        self.0.first()
    }

    /// The pair with this id.
    pub(crate) fn find(&self, id: &str) -> Option<&ApiKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// Whether there is no pair.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks issuer, signature and times; clocks may differ by a minute.
    pub fn verify(&self, token: &str) -> Result<VerifiedClaims, TokenError> {
        let issuer = jwt::decode_unverified(token).ok_or(TokenError::Malformed)?.iss;
        let key = self.find(&issuer).ok_or(TokenError::ForeignKey)?;
        jwt::decode(token, &key.secret).map(VerifiedClaims::new)
    }

    /// A token with the same grants that is valid until `expires_at` (Unix seconds), or longer if the old one is.
    ///
    /// It keeps the time of issue, so a removal that outdates the old token outdates the new one too. If the key pair of
    /// the old token is no longer in use, the first pair signs: the participant stays in the call, but loses its
    /// administrative grants.
    pub(crate) fn renew(&self, old: &VerifiedClaims, expires_at: u64) -> Result<Secret<String>, MintError> {
        let key = self.find(&old.key).or(self.first()).ok_or(MintError::EmptyKey)?;
        let mut claims = old.claims.clone();
        if claims.iss != key.id {
            claims.iss.clone_from(&key.id);
            (claims.video.room_admin, claims.video.room_create, claims.video.room_list) = (false, false, false);
        }
        let until = i64::try_from(expires_at).unwrap_or(i64::MAX);
        claims.exp = Some(claims.exp.map_or(until, |exp| exp.max(until)));
        claims.nbf = Some(old.issued_at);
        jwt::encode(&claims, &key.secret)
    }
}
