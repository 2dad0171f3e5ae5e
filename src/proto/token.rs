//! LiveKit access tokens: JSON web tokens, signed with HS256 by a key pair that the server knows.
//!
//! The claims are LiveKit's (`iss` is the key's id, `sub` the identity, `video` the grants). The JWT crate looks at the
//! system's clock for us. No error and no `Debug` here repeats a token or a secret.

use crate::base::{RoomId, Secret, UserId};
use jsonwebtoken::errors::ErrorKind;
use livekit_api::access_token::{AccessToken, AccessTokenError, Claims, TokenVerifier, VideoGrants};
use livekit_protocol as lk;
use std::collections::HashMap;
use std::time::Duration;

/// How long a token to join is good for unless told otherwise. LiveKit's SDKs use the same.
pub const JOIN_VALIDITY: Duration = Duration::from_secs(6 * 3600);
/// How long a token for one admin call is good for.
const ADMIN_VALIDITY: Duration = Duration::from_secs(10 * 60);
/// The id of the key pair of `--dev`, as livekit-server has it.
const DEV_KEY: &str = "devkey";
/// The secret of the key pair of `--dev`.
const DEV_SECRET: &str = "secret";

/// Why a token was refused. The sentences are for people, and never repeat the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// None came with the request.
    #[error("An access token is needed.")]
    Missing,
    /// Not a JSON web token with LiveKit's claims, or not signed with HS256.
    #[error("This is not a LiveKit access token.")]
    Malformed,
    /// `iss` names no key pair of this server.
    #[error("The access token was made for another server: its key is not known here.")]
    ForeignKey,
    /// Signed with another secret, or changed afterwards.
    #[error("The access token's signature is wrong.")]
    Signature,
    /// `exp` is more than a minute ago.
    #[error("The access token has expired. Ask for a new one.")]
    Expired,
    /// `nbf` is more than a minute ahead.
    #[error("The access token is not valid yet. Are the clocks right?")]
    TooEarly,
}

/// Why a token could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The key's id or secret is empty.
    #[error("The API key and its secret must not be empty.")]
    EmptyKey,
    /// The claims could not be written.
    #[error("The access token could not be made.")]
    Encoding,
}

/// A key pair. Its id stands in every token that its secret has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Public: LiveKit's `LIVEKIT_API_KEY`.
    pub id: String,
    /// LiveKit's `LIVEKIT_API_SECRET`.
    pub secret: Secret<String>,
}

/// A permission to join one room, to be written into a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinClaims {
    /// Where.
    pub room: RoomId,
    /// Who.
    pub user: UserId,
    /// What the others see.
    pub name: String,
    /// Opaque text for the others.
    pub metadata: String,
    /// Opaque pairs for the others.
    pub attributes: Vec<(String, String)>,
    /// Whether the owner may remove others.
    pub room_admin: bool,
    /// From now on.
    pub valid_for: Duration,
}

/// What an admin call needs in its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminGrant {
    /// `roomCreate`: make and dismiss rooms.
    Create,
    /// `roomList`: see which rooms there are.
    List,
    /// `roomAdmin` of one room: see and remove its members, and the rest.
    Room(RoomId),
}

impl ApiKey {
    /// A key pair as it comes from the environment or a file.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Result<Self, MintError> {
        let key = Self { id: id.into(), secret: Secret::new(secret.into()) };
        if key.id.is_empty() || key.secret.expose().is_empty() { Err(MintError::EmptyKey) } else { Ok(key) }
    }

    /// The key pair of `--dev`: everybody knows it.
    pub fn dev() -> Self {
        Self { id: DEV_KEY.into(), secret: Secret::new(DEV_SECRET.into()) }
    }

    /// A token to join a room.
    pub fn join_token(&self, pass: &JoinClaims) -> Result<Secret<String>, MintError> {
        let grants = VideoGrants {
            room_join: true,
            room: pass.room.wire_name(),
            room_admin: pass.room_admin,
            ..Default::default()
        };
        let token = self
            .token(grants, pass.valid_for)
            .with_identity(pass.user.as_str())
            .with_name(&pass.name)
            .with_metadata(&pass.metadata)
            .with_attributes(pass.attributes.iter().cloned());
        sign(token)
    }

    /// A token for one kind of admin call.
    pub fn admin_token(&self, grant: &AdminGrant) -> Result<Secret<String>, MintError> {
        let mut grants = VideoGrants::default();
        match grant {
            AdminGrant::Create => grants.room_create = true,
            AdminGrant::List => grants.room_list = true,
            AdminGrant::Room(room) => {
                grants.room_admin = true;
                grants.room = room.wire_name();
            }
        }
        sign(self.token(grants, ADMIN_VALIDITY))
    }

    fn token(&self, grants: VideoGrants, valid_for: Duration) -> AccessToken {
        AccessToken::with_api_key(&self.id, self.secret.expose()).with_grants(grants).with_ttl(valid_for)
    }
}

fn sign(token: AccessToken) -> Result<Secret<String>, MintError> {
    token.to_jwt().map(Secret::new).map_err(|e| match e {
        AccessTokenError::InvalidKeys => MintError::EmptyKey,
        _ => MintError::Encoding,
    })
}

/// What a verified token says. Only [`ApiKeys::verify`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedClaims {
    /// The id of the key pair that signed it.
    pub key: String,
    /// The room's wire name; not checked yet, may be empty.
    pub room: String,
    /// Who it is; not checked yet, may be empty.
    pub identity: String,
    /// What the others see; not checked yet, may be empty.
    pub name: String,
    /// Opaque text.
    pub metadata: String,
    /// Opaque pairs, ordered by key.
    pub attributes: Vec<(String, String)>,
    /// What the owner may do in the room. What the token does not mention is allowed.
    pub permission: lk::ParticipantPermission,
    /// Whether it lets its owner into [`VerifiedClaims::room`].
    pub room_join: bool,
    /// Whether it administers [`VerifiedClaims::room`].
    pub room_admin: bool,
    /// Whether it makes and deletes rooms.
    pub room_create: bool,
    /// Whether it lists rooms.
    pub room_list: bool,
    /// Unix seconds of `nbf`, else of `iat`, else 0: what a removal is compared with.
    pub issued_at: i64,
    /// `roomConfig`: what the room is to be like if its owner's joining makes it.
    pub room_config: Option<lk::RoomConfiguration>,
    claims: Claims,
}

/// All key pairs of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    /// Knows these; the first one signs what the server makes itself.
    pub const fn new(keys: Vec<ApiKey>) -> Self {
        Self(keys)
    }

    /// The pair that signs what the server makes itself.
    pub fn first(&self) -> Option<&ApiKey> {
        self.0.first()
    }

    /// The pair of this id.
    pub fn find(&self, id: &str) -> Option<&ApiKey> {
        self.0.iter().find(|key| key.id == id)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks signature, issuer and time, with a minute of grace for clocks that differ.
    pub fn verify(&self, token: &str) -> Result<VerifiedClaims, TokenError> {
        let issuer = Claims::from_unverified(token).map_err(|_| TokenError::Malformed)?.iss;
        let key = self.find(&issuer).ok_or(TokenError::ForeignKey)?;
        let claims = TokenVerifier::with_api_key(&key.id, key.secret.expose()).verify(token).map_err(refused)?;
        let issued_at = if claims.nbf > 0 { claims.nbf as i64 } else { issued_at(token) };
        Ok(VerifiedClaims::new(claims, issued_at))
    }

    /// A token with the same grants that is good until `expires_at` (Unix seconds), or longer if the old one is. It keeps
    /// the time of issue, so that it does not survive a removal that the old one would not survive. When its key pair was
    /// taken out of use meanwhile, the first one signs: whoever is in a call stays in it, but administers nothing any more.
    pub fn renew(&self, grant: &VerifiedClaims, expires_at: u64) -> Result<Secret<String>, MintError> {
        let key = self.find(&grant.key).or(self.first()).ok_or(MintError::EmptyKey)?;
        let mut claims = grant.claims.clone();
        if claims.iss != key.id {
            claims.iss.clone_from(&key.id);
            (claims.video.room_admin, claims.video.room_create, claims.video.room_list) = (false, false, false);
        }
        claims.exp = claims.exp.max(usize::try_from(expires_at).unwrap_or(usize::MAX));
        claims.nbf = usize::try_from(grant.issued_at).unwrap_or(0);
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        let signer = jsonwebtoken::EncodingKey::from_secret(key.secret.expose().as_bytes());
        // jsonwebtoken needs a crypto provider; livekit-token has installed its own when it verified this grant.
        jsonwebtoken::encode(&header, &claims, &signer).map(Secret::new).map_err(|_| MintError::Encoding)
    }
}

impl VerifiedClaims {
    /// Takes over what its owner is called and may do now. The room, the rights over it and the time of issue stay.
    pub fn update_from(&mut self, holder: &lk::ParticipantInfo) {
        let mut claims = self.claims.clone();
        claims.name.clone_from(&holder.name);
        claims.metadata.clone_from(&holder.metadata);
        claims.attributes.clone_from(&holder.attributes);
        if let Some(may) = &holder.permission {
            let source = |source: &i32| Some(lk::TrackSource::try_from(*source).ok()?.as_str_name().to_lowercase());
            claims.video.can_subscribe = Some(may.can_subscribe);
            claims.video.can_publish = Some(may.can_publish);
            claims.video.can_publish_data = Some(may.can_publish_data);
            claims.video.can_publish_sources = may.can_publish_sources.iter().filter_map(source).collect();
            claims.video.can_update_own_metadata = Some(may.can_update_metadata);
            claims.video.hidden = may.hidden;
        }
        *self = Self::new(claims, self.issued_at);
    }

    fn new(claims: Claims, issued_at: i64) -> Self {
        let mut attributes: Vec<_> = claims.attributes.clone().into_iter().collect();
        attributes.sort();
        Self {
            key: claims.iss.clone(),
            room: claims.video.room.clone(),
            identity: claims.sub.clone(),
            name: claims.name.clone(),
            metadata: claims.metadata.clone(),
            attributes,
            permission: permission(&claims.video),
            room_join: claims.video.room_join,
            room_admin: claims.video.room_admin,
            room_create: claims.video.room_create,
            room_list: claims.video.room_list,
            issued_at,
            room_config: claims.room_config.clone(),
            claims,
        }
    }
}

/// What the grants allow in the room. A list of sources beats `canPublish`.
fn permission(grants: &VideoGrants) -> lk::ParticipantPermission {
    let source = |name: &String| lk::TrackSource::from_str_name(&name.to_ascii_uppercase()).map(i32::from);
    lk::ParticipantPermission {
        can_subscribe: grants.can_subscribe(),
        can_publish: grants.can_publish(),
        can_publish_data: grants.can_publish_data(),
        can_publish_sources: grants.can_publish_sources.iter().filter_map(source).collect(),
        hidden: grants.hidden,
        can_update_metadata: grants.can_update_own_metadata(),
        ..Default::default()
    }
}

/// What a token says of itself. Who only carries it cannot check its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedClaims {
    /// Whose it is, if it says so.
    pub user: Option<UserId>,
    /// The wire name of the room that it opens; empty if it opens none.
    pub room: String,
    /// Whether it says that its owner may remove others there.
    pub room_admin: bool,
}

/// Reads a token without trusting it. `None` if it is no token at all.
pub fn unverified_claims(token: &str) -> Option<UnverifiedClaims> {
    let claims = Claims::from_unverified(token).ok()?;
    let (room, room_admin) = (claims.video.room, claims.video.room_admin);
    Some(UnverifiedClaims { user: claims.sub.parse().ok(), room, room_admin })
}

/// `iat` of a token that has been verified: `Claims` leaves it out, and some SDKs write `nbf` as 0.
fn issued_at(token: &str) -> i64 {
    type Loose = HashMap<String, serde_json::Value>;
    let loose = jsonwebtoken::dangerous::insecure_decode::<Loose>(token).map(|t| t.claims).unwrap_or_default();
    loose.get("iat").and_then(serde_json::Value::as_f64).map_or(0, |seconds| seconds as i64)
}

fn refused(error: AccessTokenError) -> TokenError {
    let AccessTokenError::Encoding(error) = error else { return TokenError::Malformed };
    match error.kind() {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::InvalidIssuer => TokenError::ForeignKey,
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::TooEarly,
        _ => TokenError::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    fn pass() -> JoinClaims {
        JoinClaims {
            room: RoomId::Number(7),
            user: "mina".parse().unwrap(),
            name: "Mina Park".into(),
            metadata: "m".into(),
            attributes: vec![("a".into(), "1".into()), ("b".into(), "2".into())],
            room_admin: false,
            valid_for: JOIN_VALIDITY,
        }
    }

    fn keys() -> ApiKeys {
        ApiKeys::new(vec![ApiKey::new("first", "one").unwrap(), ApiKey::dev()])
    }

    fn now() -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
    }

    /// Signs claims as any JWT library would, with times that our own minting never writes.
    fn raw(claims: &serde_json::Value, algorithm: jsonwebtoken::Algorithm, secret: &str) -> String {
        sign(AccessToken::with_api_key("x", "x")).unwrap(); // installs the crypto provider
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&jsonwebtoken::Header::new(algorithm), claims, &key).unwrap()
    }

    fn dev(claims: &serde_json::Value) -> String {
        raw(claims, jsonwebtoken::Algorithm::HS256, DEV_SECRET)
    }

    #[test]
    fn a_pass_comes_back_as_a_grant_with_everything_allowed() {
        let token = ApiKey::dev().join_token(&pass()).unwrap();
        let grant = keys().verify(token.expose()).unwrap();
        assert_eq!((grant.room.as_str(), grant.identity.as_str(), grant.name.as_str()), ("num/7", "mina", "Mina Park"));
        assert_eq!((grant.metadata.as_str(), grant.attributes), ("m", pass().attributes));
        assert!(grant.room_join && !grant.room_admin && !grant.room_create && !grant.room_list);
        let p = grant.permission;
        assert!(p.can_subscribe && p.can_publish && p.can_publish_data && !p.hidden && !p.can_update_metadata);
        assert!((now() - grant.issued_at).abs() < 5);
    }

    #[test]
    fn every_key_pair_is_known_by_its_id() {
        for key in [ApiKey::dev(), ApiKey::new("first", "one").unwrap()] {
            let token = key.admin_token(&AdminGrant::Room(RoomId::Text("r".into()))).unwrap();
            let grant = keys().verify(token.expose()).unwrap();
            assert!(grant.room_admin && grant.room == "r" && !grant.room_join);
        }
        assert!(ApiKey::new("", "x").is_err() && ApiKey::new("x", "").is_err());
    }

    #[test]
    fn bad_tokens_are_refused_by_kind_and_never_repeated() {
        let foreign = ApiKey::new("elsewhere", "s").unwrap().join_token(&pass()).unwrap();
        let forged = ApiKey::new(DEV_KEY, "guess").unwrap().join_token(&pass()).unwrap();
        let good = ApiKey::dev().join_token(&pass()).unwrap();
        let changed = format!("{}AAAA", &good.expose()[..good.expose().len() - 4]);
        let (iss, exp) = (DEV_KEY, now() + 100);
        let hs384 = raw(&serde_json::json!({"iss": iss, "exp": exp}), jsonwebtoken::Algorithm::HS384, DEV_SECRET);
        let unsigned = format!("{}.", good.expose().rsplit_once('.').unwrap().0);
        for (token, expected) in [
            (foreign.expose().as_str(), TokenError::ForeignKey),
            (forged.expose(), TokenError::Signature),
            (&changed, TokenError::Signature),
            (&unsigned, TokenError::Signature),
            ("", TokenError::Malformed),
            ("a.b.c", TokenError::Malformed),
            (&hs384, TokenError::Malformed),
            (&dev(&serde_json::json!({"iss": iss})), TokenError::Malformed),
        ] {
            let error = keys().verify(token).unwrap_err();
            assert_eq!(error, expected);
            assert!(token.is_empty() || !error.to_string().contains(token));
        }
    }

    #[test]
    fn clocks_may_differ_by_a_minute() {
        let verify = |nbf: i64, exp: i64| {
            keys().verify(&dev(&serde_json::json!({"iss": DEV_KEY, "nbf": now() + nbf, "exp": now() + exp}))).err()
        };
        assert_eq!(verify(-100, -30), None);
        assert_eq!(verify(-200, -120), Some(TokenError::Expired));
        assert_eq!(verify(30, 100), None);
        assert_eq!(verify(120, 200), Some(TokenError::TooEarly));
    }

    #[test]
    fn the_time_of_issue_falls_back_to_iat_and_survives_a_renewal() {
        let exp = now() + 100;
        for (claims, expected) in [
            (serde_json::json!({"iss": DEV_KEY, "exp": exp, "nbf": 0, "iat": 1000}), 1000),
            (serde_json::json!({"iss": DEV_KEY, "exp": exp, "nbf": 2000, "iat": 1000}), 2000),
            (serde_json::json!({"iss": DEV_KEY, "exp": exp}), 0),
        ] {
            let grant = keys().verify(&dev(&claims)).unwrap();
            assert_eq!(grant.issued_at, expected);
            let renewed = keys().verify(keys().renew(&grant, now() as u64 + 600).unwrap().expose()).unwrap();
            assert_eq!(renewed.issued_at, expected);
            assert!(renewed.claims.exp as i64 >= now() + 595);
        }
    }

    #[test]
    fn a_renewed_token_says_what_its_owner_may_do_now() {
        let mut grant = keys().verify(ApiKey::dev().join_token(&pass()).unwrap().expose()).unwrap();
        let before = grant.clone();
        let permission = lk::ParticipantPermission {
            can_publish: true,
            can_publish_sources: vec![lk::TrackSource::Microphone.into(), lk::TrackSource::ScreenShare.into()],
            ..Default::default()
        };
        grant.update_from(&lk::ParticipantInfo {
            name: "Mina P.".into(),
            attributes: [("k".to_owned(), "v".to_owned())].into(),
            permission: Some(permission.clone()),
            ..Default::default()
        });
        let renewed = keys().verify(keys().renew(&grant, now() as u64 + 600).unwrap().expose()).unwrap();
        assert_eq!((renewed.name.as_str(), &renewed.permission), ("Mina P.", &permission));
        assert_eq!((renewed.attributes, renewed.metadata.as_str()), (vec![("k".to_owned(), "v".to_owned())], ""));
        assert_eq!(
            (renewed.room, renewed.identity, renewed.issued_at, renewed.room_admin),
            (before.room, before.identity, before.issued_at, before.room_admin)
        );
    }

    #[test]
    fn a_call_outlives_the_key_that_let_it_in() {
        let old = ApiKeys::new(vec![ApiKey::dev()]);
        let host = JoinClaims { room_admin: true, ..pass() };
        let grant = old.verify(ApiKey::dev().join_token(&host).unwrap().expose()).unwrap();
        assert!(old.verify(old.renew(&grant, now() as u64 + 600).unwrap().expose()).unwrap().room_admin);
        let rotated = ApiKeys::new(vec![ApiKey::new("next", "two").unwrap()]);
        let renewed = rotated.verify(rotated.renew(&grant, now() as u64 + 600).unwrap().expose()).unwrap();
        assert_eq!((renewed.key.as_str(), renewed.room, renewed.identity), ("next", grant.room, grant.identity));
        assert!(renewed.room_join && !renewed.room_admin && renewed.issued_at == grant.issued_at);
    }

    #[test]
    fn permissions_are_read_as_livekit_writes_them() {
        let video = serde_json::json!({
            "roomJoin": true, "room": "r", "canPublish": false, "hidden": true, "canUpdateOwnMetadata": true,
            "canPublishSources": ["camera", "screen_share", "telepathy"],
        });
        let config = serde_json::json!({"maxParticipants": 3});
        let token = dev(&serde_json::json!({
            "iss": DEV_KEY, "exp": now() + 9, "sub": "u", "video": video, "roomConfig": config
        }));
        let grant = keys().verify(&token).unwrap();
        let p = &grant.permission;
        assert!(p.can_subscribe && !p.can_publish && !p.can_publish_data && p.hidden && p.can_update_metadata);
        assert_eq!(p.can_publish_sources, [1, 3]);
        assert_eq!(grant.room_config.map(|c| c.max_participants), Some(3));
    }
}
