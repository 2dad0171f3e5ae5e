//! The server over real sockets on loopback: HTTP by reqwest, signalling by a bare WebSocket client.

mod connections;
mod entry;
mod invitations;
mod links;
mod openapi;
mod removed;
mod room_lookup;
mod room_service;
mod tencent;
mod tls;
mod token_endpoint;
mod webhooks;

use super::{Embedded, ServerConfig};
use crate::base::RoomName;
use crate::proto::token::{ApiKey, JOIN_VALIDITY, JoinClaims};
use base64::prelude::{BASE64_URL_SAFE, Engine};
use futures_util::{SinkExt, StreamExt};
use livekit_protocol as lk;
use lk::signal_request::Message as Say;
use lk::signal_response::Message as Heard;
use prost::Message as _;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};

/// How long a test waits for a message on loopback before it fails.
const PATIENCE: Duration = Duration::from_secs(10);

async fn start() -> Embedded {
    Embedded::start(ServerConfig::dev()).await.expect("a server")
}

fn http_url(server: &Embedded, path: &str) -> String {
    format!("{}{path}", server.url().replace("ws://", "http://"))
}

fn room(name: &str) -> RoomName {
    name.parse().expect("valid")
}

fn claims(room_name: &str, user: &str) -> JoinClaims {
    JoinClaims {
        room: room(room_name),
        user: user.parse().expect("valid"),
        name: format!("{user}'s name"),
        metadata: String::new(),
        attributes: vec![],
        room_admin: false,
        own_metadata: false,
        valid_for: JOIN_VALIDITY,
    }
}

fn token(room_name: &str, user: &str) -> String {
    ApiKey::dev().join_token(&claims(room_name, user)).expect("signed").expose().clone()
}

/// The `join_request` parameter of a client that only signals: no offer, no tracks.
fn join_request(request: &lk::JoinRequest) -> String {
    let wrapped = lk::WrappedJoinRequest { join_request: request.encode_to_vec(), ..Default::default() };
    BASE64_URL_SAFE.encode(wrapped.encode_to_vec())
}

fn fresh() -> lk::JoinRequest {
    lk::JoinRequest {
        client_info: Some(lk::ClientInfo { protocol: 17, ..Default::default() }),
        connection_settings: Some(lk::ConnectionSettings { auto_subscribe: true, ..Default::default() }),
        ..Default::default()
    }
}

fn resume(sid: &str) -> lk::JoinRequest {
    lk::JoinRequest { reconnect: true, participant_sid: sid.into(), ..fresh() }
}

/// A client that only signals.
struct Client {
    socket: WebSocketStream<TcpStream>,
    sid: String,
    text: bool,
}

impl Client {
    /// Opens the WebSocket at a path with a query; `Err` has status and body of a refusal.
    async fn open(server: &Embedded, path: &str, token: &str) -> Result<Self, (u16, String)> {
        let mut request = format!("{}{path}", server.url()).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().expect("valid"));
        let stream = TcpStream::connect(server.url().trim_start_matches("ws://")).await.unwrap();
        match timeout(PATIENCE, tokio_tungstenite::client_async(request, stream)).await.expect("an answer in time") {
            Ok((socket, _)) => Ok(Self { socket, sid: String::new(), text: false }),
            Err(tungstenite::Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(e) => panic!("no answer to the upgrade: {e}"),
        }
    }

    async fn request(server: &Embedded, request: &lk::JoinRequest, token: &str) -> Result<Self, (u16, String)> {
        Self::open(server, &format!("/rtc/v1?join_request={}", join_request(request)), token).await
    }

    /// Joins over v1 and reads `join`.
    async fn join(server: &Embedded, room_name: &str, user: &str) -> Self {
        let mut client = Self::request(server, &fresh(), &token(room_name, user)).await.expect("an upgrade");
        let Heard::Join(join) = client.next().await.expect("a first message") else {
            panic!("the first message is not join")
        };
        client.sid = join.participant.expect("participant").sid;
        client
    }

    async fn say(&mut self, message: Say) {
        let request = lk::SignalRequest { message: Some(message) };
        let frame = if self.text {
            tungstenite::Message::text(serde_json::to_string(&request).unwrap())
        } else {
            tungstenite::Message::binary(request.encode_to_vec())
        };
        self.socket.send(frame).await.expect("sent");
    }

    /// The next message, or the close code of the server (`None`: closed without one).
    async fn next(&mut self) -> Result<Heard, Option<u16>> {
        loop {
            let frame = timeout(PATIENCE, self.socket.next()).await.expect("a message or an end in time");
            let response = match frame {
                Some(Ok(tungstenite::Message::Binary(bytes))) => lk::SignalResponse::decode(bytes).unwrap(),
                Some(Ok(tungstenite::Message::Text(text))) => serde_json::from_str(&text).unwrap(),
                Some(Ok(tungstenite::Message::Close(frame))) => {
                    return Err(frame.map(|f| u16::from(f.code)));
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return Err(None),
            };
            return Ok(response.message.expect("a message in the response"));
        }
    }

    /// Reads messages until `wanted` returns a value.
    async fn until<T>(&mut self, mut wanted: impl FnMut(&Heard) -> Option<T>) -> T {
        loop {
            let message =
                self.next().await.unwrap_or_else(|code| panic!("closed with {code:?} before the message came"));
            if let Some(found) = wanted(&message) {
                return found;
            }
        }
    }

    /// Reads to the end. Returns the reason of the `leave` and the close code.
    async fn leave_and_close(&mut self) -> (lk::DisconnectReason, Option<u16>) {
        let reason = self.until(|m| if let Heard::Leave(leave) = m { Some(leave.reason()) } else { None }).await;
        loop {
            if let Err(code) = self.next().await {
                return (reason, code);
            }
        }
    }

    /// Reads until a participant is shown leaving. Returns the reason.
    async fn gone(&mut self, user: &str) -> lk::DisconnectReason {
        let gone =
            |p: &&lk::ParticipantInfo| p.identity == user && p.state() == lk::participant_info::State::Disconnected;
        self.until(|m| {
            let Heard::Update(update) = m else { return None };
            update.participants.iter().find(gone).map(lk::ParticipantInfo::disconnect_reason)
        })
        .await
    }
}
