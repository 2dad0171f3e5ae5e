//! The engine that holds the rooms: the hub in this process, or a LiveKit server elsewhere. Endpoints use either
//! through [`Engine`].

use super::error::{EntryRefused, Unavailable};
use super::hub_handle::HubHandle;
use super::livekit::{self, LiveKit};
use super::stats::EngineStats;
use crate::base::{IdError, RoomId, RoomName, UserId};
use crate::clock::unix_time;
use crate::hub::{AdminAnswer, AdminCall, AdminResult, Admission, Refusal};
use crate::proto::token::{JOIN_VALIDITY, JoinClaims};
use livekit_protocol as lk;
use lk::participant_info::Kind;
use std::sync::Arc;
use std::time::Duration;

/// How often a token request waits for the next second; see [`wait_for_ban`].
const TRIES: usize = 3;

/// The engine behind the endpoints.
#[derive(Clone)]
pub(super) enum Engine {
    /// Rooms, signalling and forwarding are in this process.
    Embedded(HubHandle),
    /// A LiveKit server has them; this process has only the APIs.
    LiveKit(Arc<LiveKit>),
}

impl Engine {
    /// Reads the name of a room that may be made here. The embedded engine makes TRTC's rooms only; a LiveKit server makes
    /// rooms of any name.
    pub(super) fn room_name(&self, text: &str) -> Result<RoomName, IdError> {
        match self {
            Self::Embedded(_) => text.parse::<RoomId>().map(|room| room.wire_name()),
            Self::LiveKit(_) => text.parse(),
        }
    }

    /// Makes a RoomService call. A removal or dismissal is answered once its bans hold.
    pub(super) async fn admin(&self, call: AdminCall) -> Result<AdminResult, Unavailable> {
        match self {
            Self::Embedded(hub) => Ok(hub.admin(call).await?),
            Self::LiveKit(livekit) => livekit.admin(call).await,
        }
    }

    /// Removes a user and bans its tokens. Returns whether it was in the room, or about to return to it.
    pub(super) async fn remove(&self, room: &RoomName, user: &UserId) -> Result<bool, Unavailable> {
        let call = lk::RoomParticipantIdentity {
            room: room.as_str().to_owned(),
            identity: user.to_string(),
            ..Default::default()
        };
        // The only possible error is that there is no such user.
        Ok(self.admin(AdminCall::RemoveParticipant(call)).await?.is_ok())
    }

    /// Ends a room for everybody in it. Returns whether it was open.
    pub(super) async fn dismiss(&self, room: &RoomName) -> Result<bool, Unavailable> {
        let call = lk::DeleteRoomRequest { room: room.as_str().to_owned() };
        // The only possible error is that there is no such room.
        Ok(self.admin(AdminCall::DeleteRoom(call)).await?.is_ok())
    }

    /// The number of participants in a room; `None` if it is not open.
    pub(super) async fn participants(&self, room: &RoomName) -> Result<Option<u32>, Unavailable> {
        let call = lk::ListRoomsRequest { names: vec![room.as_str().to_owned()] };
        let answer = self.admin(AdminCall::ListRooms(call)).await?;
        let Ok(AdminAnswer::Rooms(list)) = answer.as_deref() else { return Ok(None) };
        Ok(list.rooms.first().map(|room| room.num_participants))
    }

    /// Whether a user may have a token now. The caller makes the token right afterwards: with `true` one that only lets them
    /// wait before the room.
    pub(super) async fn check_token_request(&self, claims: &JoinClaims) -> Result<bool, EntryRefused> {
        match self {
            // The hub lets them wait itself.
            Self::Embedded(hub) => wait_for_ban(hub, claims).await.map(|()| false),
            Self::LiveKit(livekit) => {
                livekit.check_token_request(claims.room.as_str(), &claims.user)?;
                livekit.check_door(claims).await
            }
        }
    }

    /// Whether a join with these claims would be accepted now.
    pub(super) async fn check_entry(&self, admission: Admission) -> Result<(), EntryRefused> {
        match self {
            Self::Embedded(hub) => match hub.refusal(admission, false).await? {
                None => Ok(()),
                Some(refusal) => Err(refusal.into()),
            },
            Self::LiveKit(livekit) => livekit.check_entry(&admission.room, &admission.user),
        }
    }

    /// Whether a host has made this participant a host, which its token does not say.
    pub(super) fn is_made_host(&self, room: &str, user: &str) -> bool {
        match self {
            // The hub renews the tokens of those who are made hosts.
            Self::Embedded(_) => false,
            Self::LiveKit(livekit) => livekit.is_made_host(room, user),
        }
    }

    /// The longest validity of a token to join.
    pub(super) const fn max_token_validity(&self) -> Duration {
        match self {
            Self::Embedded(_) => JOIN_VALIDITY,
            Self::LiveKit(_) => livekit::JOIN_VALIDITY,
        }
    }

    /// Whether a participant needs the right to change its own metadata to raise a hand. The hub lets everybody change the
    /// attribute of the hand, and nothing else; a LiveKit server knows only one right for all attributes.
    pub(super) const fn hands_need_own_metadata(&self) -> bool {
        matches!(self, Self::LiveKit(_))
    }

    /// The URL at which clients join, if it is another server's.
    pub(super) fn client_url(&self) -> Option<&str> {
        match self {
            Self::Embedded(_) => None,
            Self::LiveKit(livekit) => Some(livekit.client_url()),
        }
    }

    /// The current counts.
    pub(super) async fn stats(&self) -> Result<EngineStats, Unavailable> {
        match self {
            Self::Embedded(hub) => Ok(hub.stats().await?),
            Self::LiveKit(livekit) => livekit.stats().await,
        }
    }
}

/// Waits until a token made now is newer than the user's ban. Tokens count whole seconds, and a token made in the
/// second of a removal is refused; so a user who asks at once is served in the next second.
async fn wait_for_ban(hub: &HubHandle, claims: &JoinClaims) -> Result<(), EntryRefused> {
    let mut tries = 0..TRIES;
    loop {
        let now = unix_time();
        let issued_at = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let room_admin = claims.room_admin;
        let admission = Admission { room_admin, ..plain_admission(&claims.room, claims.user.clone(), issued_at) };
        match hub.refusal(admission, false).await? {
            None => return Ok(()),
            Some(Refusal::Removed | Refusal::Dismissed) if tries.next().is_some() => {
                let past_second = Duration::from_nanos(now.subsec_nanos().into());
                tokio::time::sleep(Duration::from_secs(1).saturating_sub(past_second)).await;
            }
            Some(refusal) => return Err(refusal.into()),
        }
    }
}

/// The claims of a token made at that time, as far as [`HubHandle::refusal`] reads them.
pub(super) fn plain_admission(room: &RoomName, user: UserId, issued_at: i64) -> Admission {
    Admission {
        room: room.as_str().to_owned(),
        user,
        name: String::new(),
        metadata: String::new(),
        attributes: Vec::new(),
        kind: Kind::Standard,
        kind_details: Vec::new(),
        permission: lk::ParticipantPermission::default(),
        room_admin: false,
        issued_at,
        room_config: None,
    }
}
