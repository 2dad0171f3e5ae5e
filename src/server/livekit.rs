//! A LiveKit server as the engine: its RoomService does the work, and what it forgets is remembered here.
//!
//! It lets removed people in again with their old tokens, and a removal that falls into an outage of the victim's link is
//! lost. So those who were removed are kept out from here ([`keep_out`](super::bans)): once a second it is asked who is
//! in the rooms that somebody was removed from.

use super::audit::{self, AuditEntry, Principal};
use super::bans::{BanKind, PendingBans, StillBanned, TOKEN_LIFETIME_S};
use super::driver::DISK_LIMIT;
use super::engine::{EntryRefused, Unavailable};
use super::metrics::EngineStats;
use super::secrets::Keyring;
use super::state_folder::StateFolder;
use super::unix_s;
use crate::admin::{AdminClient, AdminClientError};
use crate::base::{RoomId, UserId};
use crate::hub::{AdminAnswer, AdminCall, AdminError, AdminResult, Ban, BanList, Refusal};
use crate::proto::token::{AdminGrant, ApiKey, MintError};
use livekit_protocol as lk;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long our tokens to join are good: tokens cannot be taken back there. Whoever is in the room gets new ones.
pub(super) const JOIN_VALIDITY: Duration = Duration::from_secs(5 * 60);
/// Between two looks at who is in rooms that somebody was removed from.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LiveKitAddress {
    /// Where its RoomService is asked: `ws://`, `wss://`, `http://` or `https://`.
    pub(crate) url: String,
    /// Where clients reach it. `None`: at the same address.
    pub(crate) public_url: Option<String>,
}

/// The server, and who must not be in its rooms.
pub(super) struct LiveKit {
    client: AdminClient,
    client_url: String,
    secrets: Keyring,
    pending: Mutex<PendingBans>,
    state: Mutex<Option<StateFolder>>,
}

impl LiveKit {
    /// With a state folder, and who was removed before. Nothing is connected yet.
    pub(super) fn new(
        address: LiveKitAddress,
        secrets: Keyring,
        saved: Option<(StateFolder, BanList)>,
    ) -> Result<Self, AdminClientError> {
        let key = secrets.current().keys.first().cloned().ok_or(MintError::EmptyKey)?;
        let client = AdminClient::new(&address.url, key)?;
        let mut pending = PendingBans::default();
        let state = saved.map(|(state, bans)| {
            // Who has asked for a token after a dismissal is not written down: they are not sent away again.
            let recent = bans.iter().filter(|ban| !ban.dismissed && ban.removed_at > unix_s() - TOKEN_LIFETIME_S);
            let mut recent: Vec<&Ban> = recent.collect();
            recent.sort_by_key(|ban| ban.removed_at);
            recent.into_iter().for_each(|ban| pending.add(ban));
            state
        });
        let client_url = address.public_url.unwrap_or_else(|| websocket(&address.url));
        Ok(Self { client, client_url, secrets, pending: Mutex::new(pending), state: Mutex::new(state) })
    }

    /// Where clients join: `ws://` or `wss://`.
    pub(super) fn client_url(&self) -> &str {
        &self.client_url
    }

    /// Has the server do what is asked, and remembers who was removed by it.
    pub(super) async fn admin(&self, call: AdminCall) -> Result<AdminResult, Unavailable> {
        let removed = match &call {
            AdminCall::RemoveParticipant(who) => vec![who.identity.clone()],
            // Afterwards nobody could say who was in it.
            AdminCall::DeleteRoom(request) => self.everybody(&request.room).await?,
            _ => Vec::new(),
        };
        let dismissed = matches!(&call, AdminCall::DeleteRoom(_));
        let (room, missing) = (call.room().to_owned(), missing(&call));
        let answer = match ask(&self.client()?, call).await {
            Ok(answer) => answer,
            Err(e) => return refused(e, missing).map(Err),
        };
        self.ban(&room, &removed, dismissed).await;
        Ok(Ok(Box::new(answer)))
    }

    /// Whether somebody may have a token. Whoever asks gets one then.
    pub(super) fn check_token_request(&self, room: &str, user: &UserId) -> Result<(), StillBanned> {
        self.pending().request_token(room, user, unix_s())
    }

    /// Whether somebody would stay in a room with the token that they have.
    pub(super) fn check_entry(&self, room: &str, user: &UserId) -> Result<(), EntryRefused> {
        match self.pending().check(room, user, unix_s()) {
            Some((BanKind::Removed, still_banned)) => Err(still_banned.into()),
            Some((BanKind::Dismissed, _)) => Err(Refusal::Dismissed.into()),
            None => Ok(()),
        }
    }

    /// What the server says of itself: it does not tell of tracks and packets.
    pub(super) async fn stats(&self) -> Result<EngineStats, Unavailable> {
        let rooms = self.client()?.rooms().await.map_err(unavailable)?;
        let participants = rooms.iter().map(|room| room.num_participants as usize).sum();
        Ok(EngineStats { rooms: rooms.len(), participants, gauges: None })
    }

    /// Sends those away who come back with old tokens, for as long as it is polled.
    pub(super) async fn enforce_bans(&self) {
        let mut is_failing = false;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let looked = self.enforce_once().await;
            if let (Err(e), false) = (&looked, is_failing) {
                tracing::warn!("It cannot be seen whether somebody who was removed is back. {e}");
            }
            is_failing = looked.is_err();
        }
    }

    /// Lets go of the state folder. Blocks for as long as the disk takes.
    pub(super) fn close(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(state) = state {
            state.close();
        }
    }

    async fn enforce_once(&self) -> Result<(), Unavailable> {
        let names = self.pending().rooms(unix_s());
        if names.is_empty() {
            return Ok(());
        }
        let call = AdminCall::ListRooms(lk::ListRoomsRequest { names });
        let AdminAnswer::Rooms(open) = ask(&self.client()?, call).await.map_err(unavailable)? else { return Ok(()) };
        for room in open.rooms {
            let present = self.everybody(&room.name).await?;
            let held: Vec<(String, BanKind)> = {
                let pending = self.pending();
                let hold = |name: String| Some((pending.find(&room.name, &name.parse().ok()?)?, name));
                present.iter().cloned().filter_map(hold).map(|(hold, name)| (name, hold)).collect()
            };
            self.remove_banned(&room.name, &held, held.len() == present.len()).await?;
        }
        Ok(())
    }

    /// Removes them again. When they have opened a dismissed room anew among themselves, it ends again.
    async fn remove_banned(
        &self,
        room: &str,
        held: &[(String, BanKind)],
        is_everybody: bool,
    ) -> Result<(), Unavailable> {
        if held.is_empty() {
            return Ok(());
        }
        let names = held.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ");
        let ends = is_everybody && held.iter().all(|(_, hold)| *hold == BanKind::Dismissed);
        let calls = if ends {
            vec![AdminCall::DeleteRoom(lk::DeleteRoomRequest { room: room.to_owned() })]
        } else {
            let who = |(name, _): &(String, BanKind)| lk::RoomParticipantIdentity {
                room: room.to_owned(),
                identity: name.clone(),
                ..Default::default()
            };
            held.iter().map(who).map(AdminCall::RemoveParticipant).collect()
        };
        for call in calls {
            match ask(&self.client()?, call).await {
                // Gone by themselves.
                Ok(_) | Err(AdminClientError::NotFound(_)) => {}
                Err(e) => return Err(unavailable(e)),
            }
        }
        let entry = AuditEntry { action: "KeepOut", room, users: &names, result: "ok", request: "" };
        audit::record(Principal { key: "", user: "" }, entry);
        Ok(())
    }

    /// The identities of everybody in a room; nobody where there is none.
    async fn everybody(&self, room: &str) -> Result<Vec<String>, Unavailable> {
        let Ok(room) = room.parse::<RoomId>() else { return Ok(Vec::new()) };
        match self.client()?.participants(&room).await {
            Ok(list) => {
                let here = |p: &lk::ParticipantInfo| p.state() != lk::participant_info::State::Disconnected;
                Ok(list.into_iter().filter(here).map(|p| p.identity).collect())
            }
            Err(AdminClientError::NotFound(_)) => Ok(Vec::new()),
            Err(e) => Err(unavailable(e)),
        }
    }

    /// Keeps people out from now on. It is answered when that is on the disk.
    async fn ban(&self, room: &str, users: &[String], dismissed: bool) {
        let removed_at = unix_s();
        let users = users.iter().filter_map(|user| user.parse::<UserId>().ok());
        let bans: Vec<Ban> = users.map(|user| Ban { room: room.to_owned(), user, removed_at, dismissed }).collect();
        for ban in &bans {
            self.pending().add(ban);
        }
        let written = {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.as_ref().and_then(|state| {
                let last = bans.into_iter().fold(None, |_, ban| Some(state.note(ban)))?;
                Some((state.written(), last))
            })
        };
        let Some((mut written, last)) = written else { return };
        if tokio::time::timeout(DISK_LIMIT, written.wait_for(|w| *w >= last)).await.is_err() {
            tracing::warn!("A removal is not on the disk yet: the disk is slow.");
        }
    }

    /// The server, by the key of this moment.
    fn client(&self) -> Result<AdminClient, Unavailable> {
        let secrets = self.secrets.current();
        let key: &ApiKey = secrets.keys.first().ok_or_else(|| Unavailable::LiveKit("There is no key to it.".into()))?;
        Ok(self.client.with_key(key.clone()))
    }

    fn pending(&self) -> MutexGuard<'_, PendingBans> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Clients write the address of a server as that of its WebSockets.
fn websocket(url: &str) -> String {
    match url.split_once("://") {
        Some(("http", rest)) => format!("ws://{rest}"),
        Some(("https", rest)) => format!("wss://{rest}"),
        _ => url.to_owned(),
    }
}

async fn ask(client: &AdminClient, call: AdminCall) -> Result<AdminAnswer, AdminClientError> {
    let grant = match &call {
        AdminCall::CreateRoom(_) | AdminCall::DeleteRoom(_) => AdminGrant::Create,
        AdminCall::ListRooms(_) => AdminGrant::List,
        of_room => {
            let room: RoomId =
                of_room.room().parse().map_err(|e: crate::base::IdError| AdminClientError::Invalid(e.to_string()))?;
            AdminGrant::Room(room)
        }
    };
    let method = call.method();
    Ok(match call {
        AdminCall::CreateRoom(r) => AdminAnswer::Room(client.call(method, grant, &r).await?),
        AdminCall::ListRooms(r) => AdminAnswer::Rooms(client.call(method, grant, &r).await?),
        AdminCall::DeleteRoom(r) => AdminAnswer::Deleted(client.call(method, grant, &r).await?),
        AdminCall::ListParticipants(r) => AdminAnswer::Participants(client.call(method, grant, &r).await?),
        AdminCall::GetParticipant(r) => AdminAnswer::Participant(client.call(method, grant, &r).await?),
        AdminCall::RemoveParticipant(r) => AdminAnswer::Removed(client.call(method, grant, &r).await?),
        AdminCall::MutePublishedTrack(r) => AdminAnswer::Muted(client.call(method, grant, &r).await?),
        AdminCall::UpdateParticipant(r) => AdminAnswer::Participant(client.call(method, grant, &r).await?),
        AdminCall::UpdateSubscriptions(r) => AdminAnswer::Subscriptions(client.call(method, grant, &r).await?),
        AdminCall::SendData(r) => AdminAnswer::DataSent(client.call(method, grant, &r).await?),
        AdminCall::UpdateRoomMetadata(r) => AdminAnswer::Room(client.call(method, grant, &r).await?),
    })
}

/// What is missing when the server says `not_found`.
const fn missing(call: &AdminCall) -> AdminError {
    match call {
        AdminCall::GetParticipant(_)
        | AdminCall::RemoveParticipant(_)
        | AdminCall::UpdateParticipant(_)
        | AdminCall::UpdateSubscriptions(_) => AdminError::NoParticipant,
        AdminCall::MutePublishedTrack(_) => AdminError::NoTrack,
        _ => AdminError::NoRoom,
    }
}

/// What the server refuses is passed on; anything else means that it is of no use now.
fn refused(error: AdminClientError, missing: AdminError) -> Result<AdminError, Unavailable> {
    match error {
        AdminClientError::NotFound(_) => Ok(missing),
        AdminClientError::Invalid(words) => Ok(AdminError::Invalid(words)),
        AdminClientError::Refused(words) => Ok(AdminError::Precondition(words)),
        other => Err(unavailable(other)),
    }
}

fn unavailable(error: AdminClientError) -> Unavailable {
    Unavailable::LiveKit(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_sent_to_the_websockets_of_the_server() {
        let made = |url: &str| websocket(url);
        assert_eq!(made("http://127.0.0.1:7880"), "ws://127.0.0.1:7880");
        assert_eq!(made("https://calls.example.com"), "wss://calls.example.com");
        assert_eq!(made("wss://calls.example.com"), "wss://calls.example.com");
    }
}
