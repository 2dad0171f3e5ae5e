//! A LiveKit server as the engine: calls go to its RoomService, and this file enforces the bans that it does not have.
//!
//! A LiveKit server admits a removed user again with its old token, and loses a removal during an outage of the user's
//! link. So once a second the participants of rooms with a ban ([`bans`](super::bans)) are listed, and banned ones are
//! removed again.

use super::audit::{self, AuditEntry, Principal};
use super::bans::{BanKind, StillBanned, TOKEN_LIFETIME_S, TimedBans};
use super::error::{EntryRefused, Unavailable};
use super::made_hosts::MadeHosts;
use super::secrets::Keyring;
use super::state_folder::StateFolder;
use super::stats::EngineStats;
use crate::admin::{AdminClient, AdminClientError};
use crate::base::{IdError, RoomName, UserId};
use crate::clock::unix_s;
use crate::hub::{AdminAnswer, AdminCall, AdminError, AdminResult, Ban, BanList, Refusal};
use crate::proto::room_settings::RoomSettings;
use crate::proto::standing;
use crate::proto::token::{AdminGrant, ApiKey, JoinClaims, MintError};
use livekit_protocol as lk;
use parking_lot::Mutex;
use std::time::Duration;

/// Validity of tokens to join. Short, because a LiveKit server cannot revoke them; it renews them in the room.
pub(super) const JOIN_VALIDITY: Duration = Duration::from_secs(5 * 60);
/// Pause between two checks for banned participants.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The addresses of a LiveKit server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LiveKitAddress {
    /// The URL of its RoomService: `ws://`, `wss://`, `http://` or `https://`.
    pub(crate) url: String,
    /// The URL for clients. `None`: the same.
    pub(crate) public_url: Option<String>,
}

/// A LiveKit server with the bans in its rooms.
pub(super) struct LiveKit {
    client: AdminClient,
    client_url: String,
    secrets: Keyring,
    bans: Mutex<TimedBans>,
    hosts: Mutex<MadeHosts>,
    state: Mutex<Option<StateFolder>>,
}

impl LiveKit {
    /// With a state folder and the bans that it contains, if there is one. Does not connect yet.
    pub(super) fn new(
        address: LiveKitAddress,
        secrets: Keyring,
        saved: Option<(StateFolder, BanList)>,
    ) -> Result<Self, AdminClientError> {
        let key = secrets.current().keys.first().cloned().ok_or(MintError::EmptyKey)?;
        let client = AdminClient::new(&address.url, key)?;
        let mut bans = TimedBans::default();
        let state = saved.map(|(state, saved)| {
            // The folder does not record which dismissed users have asked for a token since, so they are not banned.
            let recent = saved.iter().filter(|ban| !ban.dismissed && ban.removed_at > unix_s() - TOKEN_LIFETIME_S);
            let mut recent: Vec<&Ban> = recent.collect();
            recent.sort_by_key(|ban| ban.removed_at);
            recent.into_iter().for_each(|ban| bans.add(ban));
            state
        });
        let client_url = address.public_url.unwrap_or_else(|| websocket(&address.url));
        Ok(Self {
            client,
            client_url,
            secrets,
            bans: Mutex::new(bans),
            hosts: Mutex::default(),
            state: Mutex::new(state),
        })
    }

    /// The URL at which clients join: `ws://` or `wss://`.
    pub(super) fn client_url(&self) -> &str {
        &self.client_url
    }

    /// Makes a RoomService call, and bans the users that it removes.
    pub(super) async fn admin(&self, call: AdminCall) -> Result<AdminResult, Unavailable> {
        let removed = match &call {
            AdminCall::RemoveParticipant(who) => vec![who.identity.clone()],
            // The list is not available after the call.
            AdminCall::DeleteRoom(request) => self.participants(&request.room).await?,
            _ => Vec::new(),
        };
        let dismissed = matches!(&call, AdminCall::DeleteRoom(_));
        let made_host = made_host(&call);
        let (room, missing) = (call.room().to_owned(), missing(&call));
        let answer = match ask(&self.client()?, call).await {
            Ok(answer) => answer,
            Err(e) => return refused(e, missing).map(Err),
        };
        {
            let mut hosts = self.hosts.lock();
            removed.iter().for_each(|user| hosts.remove(&room, user));
            made_host.iter().for_each(|user| hosts.add(&room, user, unix_s()));
        }
        self.ban(&room, &removed, dismissed).await;
        Ok(Ok(Box::new(answer)))
    }

    /// Whether a host has made a user a host of a room through this server: a LiveKit server cannot change what a token grants.
    pub(super) fn is_made_host(&self, room: &str, user: &str) -> bool {
        self.hosts.lock().contain(room, user, unix_s())
    }

    /// Whether a user may have a token. The caller makes the token right afterwards.
    pub(super) fn check_token_request(&self, room: &str, user: &UserId) -> Result<(), StillBanned> {
        self.bans.lock().request_token(room, user, unix_s())
    }

    /// Whether somebody has to wait before a room; an error if it is locked. A LiveKit server knows no doors, so whoever
    /// joins without this server's tokens goes in.
    pub(super) async fn check_door(&self, claims: &JoinClaims) -> Result<bool, EntryRefused> {
        if claims.room_admin {
            return Ok(false);
        }
        let call = AdminCall::ListRooms(lk::ListRoomsRequest { names: vec![claims.room.as_str().to_owned()] });
        let AdminAnswer::Rooms(open) = ask(&self.client()?, call).await.map_err(unavailable)? else { return Ok(false) };
        let settings = open.rooms.first().map(|room| RoomSettings::read(&room.metadata)).unwrap_or_default();
        if settings.locked { Err(Refusal::Locked.into()) } else { Ok(settings.waiting_room) }
    }

    /// Whether a user could stay in a room with the token that it has.
    pub(super) fn check_entry(&self, room: &str, user: &UserId) -> Result<(), EntryRefused> {
        match self.bans.lock().check(room, user, unix_s()) {
            Some((BanKind::Removed, still_banned)) => Err(still_banned.into()),
            Some((BanKind::Dismissed, _)) => Err(Refusal::Dismissed.into()),
            None => Ok(()),
        }
    }

    /// The current counts. RoomService has none of tracks and packets.
    pub(super) async fn stats(&self) -> Result<EngineStats, Unavailable> {
        let rooms = self.client()?.rooms().await.map_err(unavailable)?;
        let participants = rooms.iter().map(|room| room.num_participants as usize).sum();
        Ok(EngineStats { rooms: rooms.len(), participants, gauges: None })
    }

    /// Removes banned users that join with old tokens, for as long as it is polled.
    pub(super) async fn enforce_bans(&self) {
        let mut is_failing = false;
        loop {
            tokio::time::sleep(CHECK_EVERY).await;
            let checked = self.enforce_once().await;
            if let (Err(error), false) = (&checked, is_failing) {
                tracing::warn!(%error, "bans cannot be enforced: the participants are not known");
            }
            is_failing = checked.is_err();
        }
    }

    /// Closes the state folder. Blocks until it is written.
    pub(super) fn close(&self) {
        let state = self.state.lock().take();
        if let Some(state) = state {
            state.close();
        }
    }

    async fn enforce_once(&self) -> Result<(), Unavailable> {
        let names = self.bans.lock().rooms(unix_s());
        if names.is_empty() {
            return Ok(());
        }
        let call = AdminCall::ListRooms(lk::ListRoomsRequest { names });
        let AdminAnswer::Rooms(open) = ask(&self.client()?, call).await.map_err(unavailable)? else { return Ok(()) };
        for room in open.rooms {
            let present = self.participants(&room.name).await?;
            let banned: Vec<(String, BanKind)> = {
                let bans = self.bans.lock();
                let with_ban = |name: &String| Some((name.clone(), bans.find(&room.name, &name.parse().ok()?)?));
                present.iter().filter_map(with_ban).collect()
            };
            self.remove_banned(&room.name, &banned, banned.len() == present.len()).await?;
        }
        Ok(())
    }

    /// Removes banned users again. If all participants of a room were dismissed from it, the room is dismissed again.
    async fn remove_banned(&self, room: &str, banned: &[(String, BanKind)], is_all: bool) -> Result<(), Unavailable> {
        if banned.is_empty() {
            return Ok(());
        }
        let names = banned.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ");
        let ends = is_all && banned.iter().all(|(_, kind)| *kind == BanKind::Dismissed);
        let calls = if ends {
            vec![AdminCall::DeleteRoom(lk::DeleteRoomRequest { room: room.to_owned() })]
        } else {
            let who = |(name, _): &(String, BanKind)| lk::RoomParticipantIdentity {
                room: room.to_owned(),
                identity: name.clone(),
                ..Default::default()
            };
            banned.iter().map(who).map(AdminCall::RemoveParticipant).collect()
        };
        for call in calls {
            match ask(&self.client()?, call).await {
                // They left meanwhile.
                Ok(_) | Err(AdminClientError::NotFound(_)) => {}
                Err(e) => return Err(unavailable(e)),
            }
        }
        let entry = AuditEntry { action: "KeepOut", room, users: &names, result: "ok", request: "" };
        audit::record(Principal { key: "", user: "" }, entry);
        Ok(())
    }

    /// The identities of a room's participants; empty if the room does not exist.
    async fn participants(&self, room: &str) -> Result<Vec<String>, Unavailable> {
        let Ok(room) = room.parse::<RoomName>() else { return Ok(Vec::new()) };
        match self.client()?.participants(&room).await {
            Ok(list) => {
                let here = |p: &lk::ParticipantInfo| p.state() != lk::participant_info::State::Disconnected;
                Ok(list.into_iter().filter(here).map(|p| p.identity).collect())
            }
            Err(AdminClientError::NotFound(_)) => Ok(Vec::new()),
            Err(e) => Err(unavailable(e)),
        }
    }

    /// Bans users from now on, and waits until the bans are on disk.
    async fn ban(&self, room: &str, users: &[String], dismissed: bool) {
        let removed_at = unix_s();
        let users = users.iter().map(|user| UserId::of_participant(user));
        let bans: Vec<Ban> = users.map(|user| Ban { room: room.to_owned(), user, removed_at, dismissed }).collect();
        for ban in &bans {
            self.bans.lock().add(ban);
        }
        let written = self.state.lock().as_ref().map(|state| {
            bans.into_iter().for_each(|ban| state.record(ban));
            state.wait_written()
        });
        if let Some(written) = written {
            written.await;
        }
    }

    /// The client, with the current key.
    fn client(&self) -> Result<AdminClient, Unavailable> {
        let secrets = self.secrets.current();
        let key: &ApiKey = secrets.keys.first().ok_or_else(|| Unavailable::LiveKit("There is no key to it.".into()))?;
        Ok(self.client.with_key(key.clone()))
    }
}

/// The URL of a server's WebSockets.
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
            let room: RoomName =
                of_room.room().parse().map_err(|e: IdError| AdminClientError::Invalid(e.to_string()))?;
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

/// The user that a call makes a host.
fn made_host(call: &AdminCall) -> Option<String> {
    let AdminCall::UpdateParticipant(request) = call else { return None };
    standing::is_host(&request.attributes).then(|| request.identity.clone())
}

/// The meaning of the server's `not_found`.
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

/// A refusal is passed on; any other error means that the server is unavailable.
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
    fn clients_get_the_url_of_the_websockets() {
        assert_eq!(websocket("http://127.0.0.1:7880"), "ws://127.0.0.1:7880");
        assert_eq!(websocket("https://calls.example.com"), "wss://calls.example.com");
        assert_eq!(websocket("wss://calls.example.com"), "wss://calls.example.com");
    }
}
