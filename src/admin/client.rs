//! LiveKit's RoomService over twirp, as our own server and every LiveKit server speak it; and the links that ours makes.

use crate::base::{RoomId, Secret, UserId};
use crate::proto::token::{AdminGrant, ApiKey, MintError};
use livekit_protocol as lk;
use prost::Message;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode};
use std::time::Duration;
use url::{Host, Url};

/// How long a server may take to accept the connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long a whole call may take.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Larger answers are none: a room holds hundreds of people at most.
const ANSWER_BYTES: usize = 8 << 20;

/// Why a call did not do what was asked. The sentences are for people.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminClientError {
    /// The address is none.
    #[error("The server's address {0:?} is not usable. Write for example wss://calls.example.com.")]
    Address(String),
    /// No connection, or none in time.
    #[error("The server {server} cannot be reached: {reason}.")]
    Unreachable {
        /// Which.
        server: String,
        /// Why, in short.
        reason: &'static str,
    },
    /// It answers, but not as a room server does.
    #[error("{0} answers, but it is no LiveKit or Visavis server.")]
    NotARoomServer(String),
    /// The key, the secret or the token is wrong, or may not do this.
    #[error("The server refuses the credentials: {0}.")]
    Denied(String),
    /// There is no such room or nobody of that name in it; the server's words.
    #[error("Not found: {0}.")]
    NotFound(String),
    /// The server does not understand what was asked for; the server's words.
    #[error("The server refuses: {0}.")]
    Invalid(String),
    /// Anything else that the server says.
    #[error("The server refuses: {0}.")]
    Refused(String),
    /// No token could be made.
    #[error(transparent)]
    Mint(#[from] MintError),
}

/// A server, and what opens it.
#[derive(Clone, Debug)]
pub(crate) struct AdminClient {
    http: Client,
    base: Url,
    proof: Proof,
}

/// What is shown to the server.
#[derive(Clone, Debug)]
enum Proof {
    /// The server's key signs a token for each call.
    Key(ApiKey),
    /// Somebody's own token, which the server may find good enough.
    Token(Secret<String>),
}

impl AdminClient {
    /// For the server at `address` (`ws://`, `wss://`, `http://` or `https://`). Connects with the first call.
    pub(crate) fn new(address: &str, key: ApiKey) -> Result<Self, AdminClientError> {
        Self::with(address, Proof::Key(key))
    }

    /// The same with the token of somebody in a room, for what a host may do there.
    pub(crate) fn with_token(address: &str, token: Secret<String>) -> Result<Self, AdminClientError> {
        Self::with(address, Proof::Token(token))
    }

    fn with(address: &str, proof: Proof) -> Result<Self, AdminClientError> {
        let refused = || AdminClientError::Address(address.to_owned());
        let mut base = Url::parse(address).map_err(|_| refused())?;
        let scheme = match base.scheme() {
            "ws" | "http" => "http",
            "wss" | "https" => "https",
            _ => return Err(refused()),
        };
        base.set_scheme(scheme).map_err(|()| refused())?;
        let builder = Client::builder().connect_timeout(CONNECT_LIMIT).timeout(CALL_LIMIT);
        // A proxy of the system has no way to this computer itself.
        let builder = if is_loopback(&base) { builder.no_proxy() } else { builder };
        let http = builder.build().map_err(|_| refused())?;
        Ok(Self { http, base, proof })
    }

    /// The same server by another key.
    #[cfg(feature = "server")]
    #[must_use]
    pub(crate) fn with_key(&self, key: ApiKey) -> Self {
        Self { proof: Proof::Key(key), ..self.clone() }
    }

    /// All rooms.
    pub(crate) async fn rooms(&self) -> Result<Vec<lk::Room>, AdminClientError> {
        let request = lk::ListRoomsRequest::default();
        let answer: lk::ListRoomsResponse = self.call("ListRooms", AdminGrant::List, &request).await?;
        Ok(answer.rooms)
    }

    /// Everybody in a room.
    pub(crate) async fn participants(&self, room: &RoomId) -> Result<Vec<lk::ParticipantInfo>, AdminClientError> {
        let request = lk::ListParticipantsRequest { room: room.wire_name() };
        let grant = AdminGrant::Room(room.clone());
        let answer: lk::ListParticipantsResponse = self.call("ListParticipants", grant, &request).await?;
        Ok(answer.participants)
    }

    /// Removes somebody; a new token is needed to come back.
    pub(crate) async fn remove(&self, room: &RoomId, user: &UserId) -> Result<(), AdminClientError> {
        let request =
            lk::RoomParticipantIdentity { room: room.wire_name(), identity: user.to_string(), ..Default::default() };
        let grant = AdminGrant::Room(room.clone());
        let _: lk::RemoveParticipantResponse = self.call("RemoveParticipant", grant, &request).await?;
        Ok(())
    }

    /// Ends a room for everybody in it.
    pub(crate) async fn dismiss(&self, room: &RoomId) -> Result<(), AdminClientError> {
        let request = lk::DeleteRoomRequest { room: room.wire_name() };
        let _: lk::DeleteRoomResponse = self.call("DeleteRoom", AdminGrant::Create, &request).await?;
        Ok(())
    }

    /// A link with which a guest comes in, good for ever. Only our own server makes links.
    pub(crate) async fn guest_link(&self, room: &RoomId) -> Result<String, AdminClientError> {
        #[derive(serde::Deserialize)]
        struct Made {
            link: String,
        }
        let wish = serde_json::json!({ "room": room.wire_name(), "role": "guest" });
        let token = self.token(&AdminGrant::Create)?;
        let sent = self.http.post(self.url("links")).bearer_auth(token.expose()).json(&wish).send();
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
        match &self.proof {
            Proof::Key(key) => key.admin_token(grant),
            Proof::Token(token) => Ok(token.clone()),
        }
    }

    /// Any method of the service. The token that goes with it allows no more than `grant`.
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
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|e| self.unreachable(&e))? {
            body.extend_from_slice(&part);
            if body.len() > ANSWER_BYTES {
                return Err(AdminClientError::NotARoomServer(self.base.to_string()));
            }
        }
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

    /// Reads twirp's `{"code", "msg"}`; without it the status is what there is.
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

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_either_kind_are_taken_and_others_refused() {
        for (address, base) in [
            ("ws://127.0.0.1:7880", "http://127.0.0.1:7880/"),
            ("wss://calls.example.com/lk", "https://calls.example.com/lk"),
            ("https://calls.example.com", "https://calls.example.com/"),
        ] {
            assert_eq!(AdminClient::new(address, ApiKey::dev()).unwrap().base.as_str(), base);
        }
        for address in ["", "calls.example.com", "ftp://calls.example.com", "ws://"] {
            assert!(matches!(AdminClient::new(address, ApiKey::dev()), Err(AdminClientError::Address(_))), "{address}");
        }
    }

    #[tokio::test]
    async fn an_address_without_a_server_is_named() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("ws://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = AdminClient::new(&address, ApiKey::dev()).unwrap().rooms().await.unwrap_err();
        assert!(matches!(error, AdminClientError::Unreachable { .. }), "{error}");
    }
}
