//! A client of LiveKit's RoomService (twirp), for this project's server and LiveKit's; and of `POST /links`, which only
//! this project's has.

use crate::base::{RoomId, Secret, UserId};
use crate::http::{BodyError, read_body};
use crate::proto::link::is_loopback;
use crate::proto::token::{AdminGrant, ApiKey, MintError};
use livekit_protocol as lk;
use prost::Message;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use std::time::Duration;
use url::Url;

/// How long the connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
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
    /// The connection failed or timed out.
    #[error("The server {server} cannot be reached: {reason}.")]
    Unreachable {
        /// The server's URL.
        server: String,
        /// The cause, as part of a sentence.
        reason: &'static str,
    },
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
    http: Client,
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
        let refused = || AdminClientError::Address(address.to_owned());
        let mut base = Url::parse(address).map_err(|_| refused())?;
        let scheme = match base.scheme() {
            "ws" | "http" => "http",
            "wss" | "https" => "https",
            _ => return Err(refused()),
        };
        base.set_scheme(scheme).map_err(|()| refused())?;
        let builder = Client::builder().connect_timeout(CONNECT_LIMIT).timeout(CALL_LIMIT);
        // The system's proxy cannot reach servers on this computer.
        let builder = if is_loopback(&base) { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|_| refused())?;
        Ok(Self { http, base, credentials })
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
    pub(crate) async fn participants(&self, room: &RoomId) -> Result<Vec<lk::ParticipantInfo>, AdminClientError> {
        let request = lk::ListParticipantsRequest { room: room.wire_name() };
        let grant = AdminGrant::Room(room.clone());
        let answer: lk::ListParticipantsResponse = self.call("ListParticipants", grant, &request).await?;
        Ok(answer.participants)
    }

    /// Removes a participant, who needs a new token to come back.
    pub(crate) async fn remove(&self, room: &RoomId, user: &UserId) -> Result<(), AdminClientError> {
        let request =
            lk::RoomParticipantIdentity { room: room.wire_name(), identity: user.to_string(), ..Default::default() };
        let grant = AdminGrant::Room(room.clone());
        let _: lk::RemoveParticipantResponse = self.call("RemoveParticipant", grant, &request).await?;
        Ok(())
    }

    /// Ends a room for all participants.
    pub(crate) async fn dismiss(&self, room: &RoomId) -> Result<(), AdminClientError> {
        let request = lk::DeleteRoomRequest { room: room.wire_name() };
        let _: lk::DeleteRoomResponse = self.call("DeleteRoom", AdminGrant::Create, &request).await?;
        Ok(())
    }

    /// Makes a join link for guests that does not expire. Only this project's server has links.
    pub(crate) async fn guest_link(&self, room: &RoomId) -> Result<String, AdminClientError> {
        #[derive(serde::Deserialize)]
        struct Made {
            link: String,
        }
        let request = serde_json::json!({ "room": room.wire_name(), "role": "guest" });
        let token = self.token(&AdminGrant::Create)?;
        let sent = self.http.post(self.url("links")).bearer_auth(token.expose()).json(&request).send();
        let (status, body) = self.answer(sent.await).await?;
        match serde_json::from_slice(&body) {
            Ok(Made { link }) if status.is_success() => Ok(link),
            _ => Err(self.refused(status, &body)),
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
        let sent = self
            .http
            .post(self.url(&format!("twirp/livekit.RoomService/{method}")))
            .bearer_auth(token.expose())
            .header(CONTENT_TYPE, "application/protobuf")
            .body(request.encode_to_vec())
            .send();
        let (status, body) = self.answer(sent.await).await?;
        if status != StatusCode::OK {
            return Err(self.refused(status, &body));
        }
        T::decode(&body[..]).map_err(|_| AdminClientError::NotARoomServer(self.base.to_string()))
    }

    async fn answer(
        &self,
        sent: Result<reqwest::Response, reqwest::Error>,
    ) -> Result<(StatusCode, Vec<u8>), AdminClientError> {
        let mut response = sent.map_err(|e| self.unreachable(&e))?;
        let body = read_body(&mut response, ANSWER_BYTES).await.map_err(|error| match error {
            BodyError::Network(e) => self.unreachable(&e),
            BodyError::TooLong(_) => AdminClientError::NotARoomServer(self.base.to_string()),
        })?;
        Ok((response.status(), body))
    }

    fn unreachable(&self, error: &reqwest::Error) -> AdminClientError {
        let reason = if error.is_timeout() {
            "it does not answer in time"
        } else if error.is_connect() {
            "nothing listens there, or the way is blocked"
        } else {
            "the connection broke"
        };
        AdminClientError::Unreachable { server: self.base.to_string(), reason }
    }

    /// Converts twirp's `{"code", "msg"}`, or the HTTP status if there is none.
    fn refused(&self, status: StatusCode, body: &[u8]) -> AdminClientError {
        #[derive(serde::Deserialize)]
        struct Refusal {
            code: String,
            msg: String,
        }
        let Ok(Refusal { code, msg }) = serde_json::from_slice(body) else {
            return match status {
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => AdminClientError::Denied("it is not known".into()),
                _ => AdminClientError::NotARoomServer(self.base.to_string()),
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
        assert!(matches!(error, AdminClientError::Unreachable { .. }), "{error}");
    }
}
