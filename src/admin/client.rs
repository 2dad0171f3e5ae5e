//! A client of LiveKit's RoomService (twirp), for this project's server and LiveKit's; and of `POST /links`, which only
//! this project's has.

use crate::base::{DeviceKind, RoomName, Secret, TrackSid, UserId, shown_name};
use crate::http::{HttpAnswer, HttpError, HttpRequest, ServerError, http_url, shown};
use crate::proto::token::{AdminGrant, ApiKey, MintError};
use crate::proto::{device_request, hand, standing};
use livekit_protocol as lk;
use prost::Message;
use std::time::Duration;
use url::Url;

/// How long a whole call may take.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes: a list of thousands of participants fits.
const ANSWER_BYTES: usize = 8 << 20;

/// Why a call failed. The messages are shown to users.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminClientError {
    /// The address is not a usable URL.
    #[error("The server's address {0:?} is not usable. Write for example wss://calls.example.com.")]
    Address(String),
    /// There is no connection to the server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The connection broke.
    #[error("The connection to the server {0} broke off. Try again.")]
    Broken(String),
    /// The answer is not a room server's.
    #[error("{0} answers, but it is no LiveKit or Visavis server.")]
    NotARoomServer(String),
    /// The key, the secret or the token is wrong, or lacks the permission; the server's message.
    #[error("The server refuses the credentials: {0}.")]
    Denied(String),
    /// There is no such room, participant or track; the server's message.
    #[error("Not found: {0}.")]
    NotFound(String),
    /// The request is invalid; the server's message.
    #[error("The server refuses: {0}.")]
    Invalid(String),
    /// Any other error; the server's message.
    #[error("The server refuses: {0}.")]
    Refused(String),
    /// No token could be made for the call.
    #[error(transparent)]
    Mint(#[from] MintError),
}

/// A server's admin API, with the credentials for it.
#[derive(Clone, Debug)]
pub(crate) struct AdminClient {
    base: Url,
    credentials: Credentials,
}

/// How calls are authorized.
#[derive(Clone, Debug)]
enum Credentials {
    /// An API key, which signs a token for each call.
    Key(ApiKey),
    /// A participant's access token.
    Token(Secret<String>),
}

impl AdminClient {
    /// A client for the server at `address` (`ws://`, `wss://`, `http://` or `https://`). Connects with the first call.
    pub(crate) fn new(address: &str, key: ApiKey) -> Result<Self, AdminClientError> {
        Self::with(address, Credentials::Key(key))
    }

    /// A client with a participant's token, for the calls that a host may make.
    pub(crate) fn with_token(address: &str, token: Secret<String>) -> Result<Self, AdminClientError> {
        Self::with(address, Credentials::Token(token))
    }

    fn with(address: &str, credentials: Credentials) -> Result<Self, AdminClientError> {
        let base = http_url(address).ok_or_else(|| AdminClientError::Address(address.to_owned()))?;
        Ok(Self { base, credentials })
    }

    /// The same server with another key.
    #[cfg(feature = "server")]
    #[must_use]
    pub(crate) fn with_key(&self, key: ApiKey) -> Self {
        Self { credentials: Credentials::Key(key), ..self.clone() }
    }

    /// All rooms.
    pub(crate) async fn rooms(&self) -> Result<Vec<lk::Room>, AdminClientError> {
        let request = lk::ListRoomsRequest::default();
        let answer: lk::ListRoomsResponse = self.call("ListRooms", AdminGrant::List, &request).await?;
        Ok(answer.rooms)
    }

    /// The participants of a room.
    pub(crate) async fn participants(&self, room: &RoomName) -> Result<Vec<lk::ParticipantInfo>, AdminClientError> {
        let request = lk::ListParticipantsRequest { room: room.as_str().to_owned() };
        let grant = AdminGrant::Room(room.clone());
        let answer: lk::ListParticipantsResponse = self.call("ListParticipants", grant, &request).await?;
        Ok(answer.participants)
    }

    /// Removes a participant, who needs a new token to come back.
    pub(crate) async fn remove(&self, room: &RoomName, user: &UserId) -> Result<(), AdminClientError> {
        let request = lk::RoomParticipantIdentity {
            room: room.as_str().to_owned(),
            identity: user.to_string(),
            ..Default::default()
        };
        let grant = AdminGrant::Room(room.clone());
        let _: lk::RemoveParticipantResponse = self.call("RemoveParticipant", grant, &request).await?;
        Ok(())
    }

    /// Lowers a participant's hand.
    pub(crate) async fn lower_hand(&self, room: &RoomName, user: &UserId) -> Result<(), AdminClientError> {
        let request = lk::UpdateParticipantRequest {
            room: room.as_str().to_owned(),
            identity: user.to_string(),
            attributes: hand::attributes(None),
            ..Default::default()
        };
        let grant = AdminGrant::Room(room.clone());
        let _: lk::ParticipantInfo = self.call("UpdateParticipant", grant, &request).await?;
        Ok(())
    }

    /// Mutes a track of a participant, who may unmute it.
    pub(crate) async fn mute(&self, room: &RoomName, user: &UserId, track: &TrackSid) -> Result<(), AdminClientError> {
        let request = lk::MuteRoomTrackRequest {
            room: room.as_str().to_owned(),
            identity: user.to_string(),
            track_sid: track.to_string(),
            muted: true,
        };
        let grant = AdminGrant::Room(room.clone());
        let _: lk::MuteRoomTrackResponse = self.call("MutePublishedTrack", grant, &request).await?;
        Ok(())
    }

    /// Asks a participant to turn a device on.
    pub(crate) async fn ask_to_turn_on(
        &self,
        room: &RoomName,
        user: &UserId,
        kind: DeviceKind,
    ) -> Result<(), AdminClientError> {
        let Some(data) = device_request::encode(kind) else { return Ok(()) };
        let request = lk::SendDataRequest {
            room: room.as_str().to_owned(),
            data,
            destination_identities: vec![user.to_string()],
            topic: Some(device_request::TOPIC.to_owned()),
            ..Default::default()
        };
        let grant = AdminGrant::Room(room.clone());
        let _: lk::SendDataResponse = self.call("SendData", grant, &request).await?;
        Ok(())
    }

    /// Makes a participant a host.
    pub(crate) async fn make_host(&self, room: &RoomName, user: &UserId) -> Result<(), AdminClientError> {
        let request = lk::UpdateParticipantRequest {
            room: room.as_str().to_owned(),
            identity: user.to_string(),
            attributes: [standing::host()].into(),
            ..Default::default()
        };
        let grant = AdminGrant::Room(room.clone());
        let _: lk::ParticipantInfo = self.call("UpdateParticipant", grant, &request).await?;
        Ok(())
    }

    /// Lets a participant in who waits before a room. A LiveKit server gives the rights that are named; ours those of the
    /// participant's token.
    pub(crate) async fn admit(&self, room: &RoomName, user: &UserId) -> Result<(), AdminClientError> {
        let permission = lk::ParticipantPermission {
            can_subscribe: true,
            can_publish: true,
            can_publish_data: true,
            can_update_metadata: true,
            ..Default::default()
        };
        let request = lk::UpdateParticipantRequest {
            room: room.as_str().to_owned(),
            identity: user.to_string(),
            permission: Some(permission),
            attributes: [standing::no_longer_waiting()].into(),
            ..Default::default()
        };
        let grant = AdminGrant::Room(room.clone());
        let _: lk::ParticipantInfo = self.call("UpdateParticipant", grant, &request).await?;
        Ok(())
    }

    /// Who waits before a room, with their names.
    pub(crate) async fn waiting(&self, room: &RoomName) -> Result<Vec<(UserId, String)>, AdminClientError> {
        let people = self.participants(room).await?;
        let waits = |p: &&lk::ParticipantInfo| {
            standing::is_waiting(&p.attributes) && p.state() != lk::participant_info::State::Disconnected
        };
        let mut waiting: Vec<_> = people.iter().filter(waits).collect();
        waiting.sort_by_key(|p| p.joined_at_ms);
        Ok(waiting.iter().map(|p| (UserId::of_participant(&p.identity), shown_name(&p.name, &p.identity))).collect())
    }

    /// The metadata of a room, in which its settings are.
    pub(crate) async fn metadata(&self, room: &RoomName) -> Result<String, AdminClientError> {
        let request = lk::ListRoomsRequest { names: vec![room.as_str().to_owned()] };
        let answer: lk::ListRoomsResponse = self.call("ListRooms", AdminGrant::List, &request).await?;
        let found = answer.rooms.into_iter().next().map(|room| room.metadata);
        found.ok_or_else(|| AdminClientError::NotFound("requested room does not exist".to_owned()))
    }

    /// Replaces the metadata of a room.
    pub(crate) async fn set_metadata(&self, room: &RoomName, metadata: String) -> Result<(), AdminClientError> {
        let request = lk::UpdateRoomMetadataRequest { room: room.as_str().to_owned(), metadata };
        let grant = AdminGrant::Room(room.clone());
        let _: lk::Room = self.call("UpdateRoomMetadata", grant, &request).await?;
        Ok(())
    }

    /// Ends a room for all participants.
    pub(crate) async fn dismiss(&self, room: &RoomName) -> Result<(), AdminClientError> {
        let request = lk::DeleteRoomRequest { room: room.as_str().to_owned() };
        let _: lk::DeleteRoomResponse = self.call("DeleteRoom", AdminGrant::Create, &request).await?;
        Ok(())
    }

    /// Makes a join link for guests that does not expire. Only this project's server has links.
    pub(crate) async fn guest_link(&self, room: &RoomName) -> Result<String, AdminClientError> {
        #[derive(serde::Deserialize)]
        struct Made {
            link: String,
        }
        let request = serde_json::json!({ "room": room.as_str(), "role": "guest" });
        let token = self.token(&AdminGrant::Create)?;
        let answer = self.send(HttpRequest::post_json(self.url("links"), &request), &token).await?;
        match serde_json::from_slice(&answer.body) {
            Ok(Made { link }) if answer.is_success() => Ok(link),
            _ => Err(self.refused(&answer)),
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        url
    }

    fn token(&self, grant: &AdminGrant) -> Result<Secret<String>, MintError> {
        match &self.credentials {
            Credentials::Key(key) => key.admin_token(grant),
            Credentials::Token(token) => Ok(token.clone()),
        }
    }

    /// Calls a method of RoomService with a token that allows `grant` and no more.
    pub(crate) async fn call<T: Message + Default>(
        &self,
        method: &str,
        grant: AdminGrant,
        request: &impl Message,
    ) -> Result<T, AdminClientError> {
        let token = self.token(&grant)?;
        let url = self.url(&format!("twirp/livekit.RoomService/{method}"));
        let request = HttpRequest::post(url, "application/protobuf", request.encode_to_vec());
        let answer = self.send(request, &token).await?;
        if answer.status != 200 {
            return Err(self.refused(&answer));
        }
        T::decode(&answer.body[..]).map_err(|_| self.not_a_room_server())
    }

    async fn send(&self, request: HttpRequest, token: &Secret<String>) -> Result<HttpAnswer, AdminClientError> {
        let answer = request.bearer(token.expose()).send(CALL_LIMIT, ANSWER_BYTES).await;
        answer.map_err(|error| match error {
            HttpError::Server(error) => error.into(),
            HttpError::Broken(server) => AdminClientError::Broken(server),
            HttpError::TooLong(_) => self.not_a_room_server(),
        })
    }

    fn not_a_room_server(&self) -> AdminClientError {
        AdminClientError::NotARoomServer(shown(self.base.as_str()))
    }

    /// Converts twirp's `{"code", "msg"}`, or the HTTP status if there is none.
    fn refused(&self, answer: &HttpAnswer) -> AdminClientError {
        #[derive(serde::Deserialize)]
        struct Refusal {
            code: String,
            msg: String,
        }
        let Ok(Refusal { code, msg }) = serde_json::from_slice(&answer.body) else {
            return match answer.status {
                401 | 403 => AdminClientError::Denied("it is not known".into()),
                _ => self.not_a_room_server(),
            };
        };
        let msg = msg.trim_end_matches('.').to_owned();
        match code.as_str() {
            "unauthenticated" | "permission_denied" => AdminClientError::Denied(msg),
            "not_found" => AdminClientError::NotFound(msg),
            "invalid_argument" | "malformed" => AdminClientError::Invalid(msg),
            _ => AdminClientError::Refused(msg),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn websocket_and_http_urls_are_accepted_and_others_refused() {
        for (address, base) in [
            ("ws://127.0.0.1:7880", "http://127.0.0.1:7880/"),
            ("wss://calls.example.com/lk", "https://calls.example.com/lk"),
            ("https://calls.example.com", "https://calls.example.com/"),
        ] {
            assert_eq!(AdminClient::new(address, ApiKey::dev()).expect(address).base.as_str(), base);
        }
        for address in ["", "calls.example.com", "ftp://calls.example.com", "ws://"] {
            assert!(matches!(AdminClient::new(address, ApiKey::dev()), Err(AdminClientError::Address(_))), "{address}");
        }
    }

    #[tokio::test]
    async fn an_address_without_a_server_is_reported() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("ws://{}", listener.local_addr().expect("an address"));
        drop(listener);
        let error =
            AdminClient::new(&address, ApiKey::dev()).expect("an address").rooms().await.expect_err("no server");
        assert!(matches!(error, AdminClientError::Server(ServerError::Unreachable(_))), "{error}");
    }
}
