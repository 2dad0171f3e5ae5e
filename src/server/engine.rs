//! What holds the rooms: the hub of this process, or a LiveKit server elsewhere. The endpoints ask it and do not see
//! which of the two it is.

use super::bans::StillBanned;
use super::driver::{HubHandle, Stopping};
use super::livekit::LiveKit;
use super::metrics::EngineStats;
use crate::base::{RoomId, UserId};
use crate::hub::{AdminCall, AdminResult, Admission, Refusal};
use crate::proto::token::{JOIN_VALIDITY, JoinClaims};
use livekit_protocol as lk;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often the next second is waited for.
const TRIES: usize = 3;

/// The engine under the endpoints.
#[derive(Clone)]
pub(super) enum Engine {
    /// Rooms, signalling and forwarding are in this process.
    Embedded(HubHandle),
    /// They are on a LiveKit server; in this process are only the APIs.
    LiveKit(Arc<LiveKit>),
}

/// The engine gives no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unavailable {
    /// This server ends.
    #[error(transparent)]
    Stopping(#[from] Stopping),
    /// The LiveKit server does not do its part; why.
    #[error("The LiveKit server behind this one does not answer as it should. {0}")]
    LiveKit(String),
}

/// Why somebody gets no token now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntryRefused {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    StillBanned(#[from] StillBanned),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Stopping> for EntryRefused {
    fn from(stopping: Stopping) -> Self {
        Self::Unavailable(stopping.into())
    }
}

impl Engine {
    /// Does what LiveKit's RoomService is asked for. A removal or dismissal is answered when it holds.
    pub(super) async fn admin(&self, call: AdminCall) -> Result<AdminResult, Unavailable> {
        match self {
            Self::Embedded(hub) => Ok(hub.admin(call).await?),
            Self::LiveKit(livekit) => livekit.admin(call).await,
        }
    }

    /// Whether somebody may have a token now. Whoever asks gets one then.
    pub(super) async fn check_token_request(&self, pass: &JoinClaims) -> Result<(), EntryRefused> {
        match self {
            Self::Embedded(hub) => wait_out_ban(hub, pass).await,
            Self::LiveKit(livekit) => Ok(livekit.check_token_request(&pass.room.wire_name(), &pass.user)?),
        }
    }

    /// Whether somebody would be let in at the door now.
    pub(super) async fn check_entry(&self, admission: Admission) -> Result<(), EntryRefused> {
        match self {
            Self::Embedded(hub) => match hub.refusal(admission, false).await? {
                None => Ok(()),
                Some(refusal) => Err(refusal.into()),
            },
            Self::LiveKit(livekit) => livekit.check_entry(&admission.room, &admission.user),
        }
    }

    /// How long a token to join may be good at most.
    pub(super) const fn max_token_validity(&self) -> Duration {
        match self {
            Self::Embedded(_) => JOIN_VALIDITY,
            Self::LiveKit(_) => super::livekit::JOIN_VALIDITY,
        }
    }

    /// Where clients join, if that is not where they ask for tokens.
    pub(super) fn client_url(&self) -> Option<&str> {
        match self {
            Self::Embedded(_) => None,
            Self::LiveKit(livekit) => Some(livekit.client_url()),
        }
    }

    /// How much of everything there is.
    pub(super) async fn stats(&self) -> Result<EngineStats, Unavailable> {
        match self {
            Self::Embedded(hub) => Ok(hub.stats().await?),
            Self::LiveKit(livekit) => livekit.stats().await,
        }
    }
}

/// Tokens count whole seconds. One made in the very second of a removal is refused with the older ones, so whoever
/// comes back at once is served in the next second.
async fn wait_out_ban(hub: &HubHandle, pass: &JoinClaims) -> Result<(), EntryRefused> {
    let mut tries = 0..TRIES;
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let issued_at = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let admission = plain_admission(&pass.room, pass.user.clone(), issued_at);
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

/// Somebody with a plain token of that second, as the hub sees them at the door.
pub(super) fn plain_admission(room: &RoomId, user: UserId, issued_at: i64) -> Admission {
    Admission {
        room: room.wire_name(),
        user,
        name: String::new(),
        metadata: String::new(),
        attributes: Vec::new(),
        permission: lk::ParticipantPermission::default(),
        room_admin: false,
        issued_at,
        room_config: None,
    }
}
