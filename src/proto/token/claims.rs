//! The claims of tokens: on the wire, before signing, and after reading.

use super::jwt;
use super::lenient::{numeric_date, or_default, text_values};
use crate::base::{RoomName, UserId};
use crate::proto::standing;
use livekit_protocol as lk;
use lk::participant_info::{Kind, KindDetail};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// A permission to join one room, to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinClaims {
    /// The room.
    pub room: RoomName,
    /// The participant's identity.
    pub user: UserId,
    /// The name that the others see.
    pub name: String,
    /// Opaque text for the others.
    pub metadata: String,
    /// Opaque pairs for the others.
    pub attributes: Vec<(String, String)>,
    /// Whether the participant may remove others.
    pub room_admin: bool,
    /// Whether the participant may change its own name, metadata and attributes (`canUpdateOwnMetadata`).
    pub own_metadata: bool,
    /// From now on.
    pub valid_for: Duration,
}

/// The permission that an admin call needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminGrant {
    /// `roomCreate`: create and dismiss rooms.
    Create,
    /// `roomList`: list the rooms.
    List,
    /// `roomAdmin` of one room: list its participants, remove them, and all other calls about it.
    Room(RoomName),
}

/// The claims of a token whose signature, issuer and times were right. Only [`ApiKeys::verify`] makes one.
///
/// [`ApiKeys::verify`]: super::ApiKeys::verify
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedClaims {
    /// The id of the key pair that signed it.
    pub key: String,
    /// The room's wire name; not parsed yet, may be empty.
    pub(crate) room: String,
    /// The participant's identity; not parsed yet, may be empty.
    pub(crate) identity: String,
    /// The name that the others see; not checked yet, may be empty.
    pub(crate) name: String,
    /// Opaque text.
    pub(crate) metadata: String,
    /// Opaque pairs, ordered by key.
    pub(crate) attributes: Vec<(String, String)>,
    /// The participant's rights in the room. What the token does not mention is allowed.
    pub(crate) permission: lk::ParticipantPermission,
    /// The kind of participant: a person, an agent, a phone call, …
    pub(crate) kind: Kind,
    /// Details of the kind.
    pub(crate) kind_details: Vec<KindDetail>,
    /// Whether the participant may join `room`.
    pub(crate) room_join: bool,
    /// Whether the token administers `room`.
    pub(crate) room_admin: bool,
    /// Whether the token creates and deletes rooms.
    pub(crate) room_create: bool,
    /// Whether the token lists rooms.
    pub(crate) room_list: bool,
    /// Unix seconds of `nbf`, else of `iat`, else 0. A ban refuses tokens that were issued before it.
    pub(crate) issued_at: i64,
    /// `roomConfig`: the configuration of the room if this participant's join creates it.
    pub(crate) room_config: Option<lk::RoomConfiguration>,
    pub(super) claims: Claims,
}

impl VerifiedClaims {
    /// Takes name, metadata, attributes and rights from the participant as it is now; one that was made a host gets the
    /// rights over the room. The room and the time of issue stay.
    pub(crate) fn update_from(&mut self, participant: &lk::ParticipantInfo) {
        let mut claims = self.claims.clone();
        claims.name.clone_from(&participant.name);
        claims.metadata.clone_from(&participant.metadata);
        claims.attributes = participant.attributes.clone().into_iter().collect();
        if let Some(permission) = &participant.permission {
            let source = |source: &i32| Some(lk::TrackSource::try_from(*source).ok()?.as_str_name().to_lowercase());
            claims.video.can_subscribe = Some(permission.can_subscribe);
            claims.video.can_publish = Some(permission.can_publish);
            claims.video.can_publish_data = Some(permission.can_publish_data);
            claims.video.can_publish_sources = permission.can_publish_sources.iter().filter_map(source).collect();
            claims.video.can_update_own_metadata = Some(permission.can_update_metadata);
            claims.video.hidden = permission.hidden;
        }
        // Only a host can make a participant one.
        claims.video.room_admin |= standing::is_host(&participant.attributes);
        *self = Self { issued_at: self.issued_at, ..Self::new(claims) };
    }

    /// Makes it the token of another participant.
    pub(crate) fn set_identity(&mut self, identity: &str) {
        identity.clone_into(&mut self.identity);
        identity.clone_into(&mut self.claims.sub);
    }

    pub(super) fn new(claims: Claims) -> Self {
        Self {
            key: claims.iss.clone(),
            room: claims.video.room.clone(),
            identity: claims.sub.clone(),
            name: claims.name.clone(),
            metadata: claims.metadata.clone(),
            attributes: claims.attributes.clone().into_iter().collect(),
            permission: claims.video.permission(),
            kind: kind(&claims.kind),
            kind_details: claims
                .kind_details
                .iter()
                .filter_map(|name| KindDetail::from_str_name(&name.to_ascii_uppercase()))
                .collect(),
            room_join: claims.video.room_join,
            room_admin: claims.video.room_admin,
            room_create: claims.video.room_create,
            room_list: claims.video.room_list,
            issued_at: claims.issued_at(),
            room_config: claims.room_config.clone(),
            claims,
        }
    }
}

/// The claims of a token whose signature its bearer cannot check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedClaims {
    /// The participant's identity, if the token names one.
    pub(crate) user: Option<UserId>,
    /// The wire name of the room that it opens; empty if it opens none.
    pub(crate) room: String,
    /// Whether it claims the right to remove others there.
    pub(crate) room_admin: bool,
    /// Begin and end of its validity in Unix seconds; the begin of time and its end if the token names none.
    pub(crate) not_before: i64,
    pub(crate) expires: i64,
}

/// Reads a token without trusting it. `None` if it is no token at all.
pub fn unverified_claims(token: &str) -> Option<UnverifiedClaims> {
    let claims = jwt::decode_unverified(token)?;
    let VideoGrants { room, room_admin, .. } = claims.video;
    let (not_before, expires) = (claims.nbf.unwrap_or(0), claims.exp.unwrap_or(i64::MAX));
    Some(UnverifiedClaims { user: claims.sub.parse().ok(), room, room_admin, not_before, expires })
}

/// LiveKit's claims as JSON, read as livekit-server does: a null counts as absent, times may have a fraction. Claims
/// without a field here are kept for renewed tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Claims {
    /// The end in Unix seconds; a token without it does not expire.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "numeric_date")]
    pub(super) exp: Option<i64>,
    /// The id of the key pair.
    #[serde(deserialize_with = "or_default")]
    pub(super) iss: String,
    /// The begin in Unix seconds.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "numeric_date")]
    pub(super) nbf: Option<i64>,
    /// When it was made, in Unix seconds.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "numeric_date")]
    pub(super) iat: Option<i64>,
    /// The participant's identity.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) sub: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) video: VideoGrants,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) metadata: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "text_values")]
    pub(super) attributes: BTreeMap<String, String>,
    /// LiveKit's `standard`, `agent`, `sip`, …; any other text counts as `standard`.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) kind: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) kind_details: Vec<String>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) room_config: Option<lk::RoomConfiguration>,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

impl Claims {
    /// Some SDKs write `nbf` as 0 and `iat` beside it.
    fn issued_at(&self) -> i64 {
        self.nbf.filter(|seconds| *seconds > 0).or(self.iat).unwrap_or(0)
    }
}

/// The claim `video`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct VideoGrants {
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) room_create: bool,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) room_list: bool,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) room_admin: bool,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) room_join: bool,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) room: String,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) can_publish: Option<bool>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) can_subscribe: Option<bool>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) can_publish_data: Option<bool>,
    /// Where this is not empty, it overrides `can_publish`.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) can_publish_sources: Vec<String>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) can_update_own_metadata: Option<bool>,
    #[serde(skip_serializing_if = "is_default", deserialize_with = "or_default")]
    pub(super) hidden: bool,
    #[serde(flatten)]
    pub(super) other: Map<String, Value>,
}

impl VideoGrants {
    /// The permissions that the grants give in the room. Default: everything but changing one's own metadata; data as
    /// publishing.
    fn permission(&self) -> lk::ParticipantPermission {
        // A source that this version does not know must not widen the permission: without sources, all are allowed.
        let source = |name: &String| {
            lk::TrackSource::from_str_name(&name.to_ascii_uppercase()).unwrap_or(lk::TrackSource::Unknown).into()
        };
        let can_publish = self.can_publish.unwrap_or(true);
        lk::ParticipantPermission {
            can_subscribe: self.can_subscribe.unwrap_or(true),
            can_publish,
            can_publish_data: self.can_publish_data.unwrap_or(can_publish),
            can_publish_sources: self.can_publish_sources.iter().map(source).collect(),
            hidden: self.hidden,
            can_update_metadata: self.can_update_own_metadata.unwrap_or(false),
            ..Default::default()
        }
    }
}

fn kind(name: &str) -> Kind {
    Kind::from_str_name(&name.to_ascii_uppercase()).unwrap_or(Kind::Standard)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
