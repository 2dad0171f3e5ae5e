//! The token endpoint in LiveKit's standard form: `POST /token` returns a server URL and a token.

use super::clocks::{ClaimedTime, ClockProblem, Objection, ahead_of};
use super::error::{LOCKED, is_locked};
use super::sentence::plain_sentence;
use crate::base::{EntryErrorKind, Secret};
use crate::clock::unix_s;
use crate::http::{HttpError, HttpRequest, ServerError, http_url, shown};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer at most.
const ANSWER_BYTES: usize = 64 * 1024;

/// Why a request for a token or a room's state failed. Each message says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenFetchError {
    /// The text is no address of a server.
    #[error("“{0}” is not a server address. One looks like wss://meet.example.com or ws://127.0.0.1:7880.")]
    Address(String),
    /// There is no connection to the server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server has no such endpoint.
    #[error("{0} gives no invitations. Ask the host for a link, or check the address.")]
    NoEndpoint(String),
    /// The server refused; its own message if that is a plain sentence.
    #[error("{0}")]
    Refused(String),
    /// A host has locked the room.
    #[error("{LOCKED}")]
    Locked,
    /// The time of the invitation or the token is over by the server's clock, and one of the clocks is wrong.
    #[error("{0}")]
    WrongClock(ClockProblem),
    /// The answer has another form.
    #[error("{0} answers, but not as a server for calls does. Check the address and the port.")]
    Unreadable(String),
}

impl TokenFetchError {
    /// The kind for scripts and for the session.
    pub(crate) const fn kind(&self) -> EntryErrorKind {
        match self {
            Self::Address(_) => EntryErrorKind::Unreachable,
            Self::Server(error) => error.kind(),
            Self::NoEndpoint(_) | Self::Unreadable(_) => EntryErrorKind::NotAServer,
            Self::Refused(_) => EntryErrorKind::TokenRefused,
            Self::Locked => EntryErrorKind::Locked,
            Self::WrongClock(_) => EntryErrorKind::WrongClock,
        }
    }

    /// Whether another attempt may succeed.
    pub(crate) const fn is_temporary(&self) -> bool {
        matches!(self, Self::Address(_) | Self::Server(_))
    }
}

#[derive(Serialize)]
struct TokenBody<'a> {
    room_name: &'a str,
    participant_identity: &'a str,
    participant_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<&'a str>,
}

/// The contents of a request for a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenRequest<'a> {
    /// The room's wire name.
    pub(crate) room: &'a str,
    /// Our user id.
    pub(crate) user: &'a str,
    /// Name that the others see.
    pub(crate) name: &'a str,
    /// The invitation of a link.
    pub(crate) invitation: Option<&'a Secret<String>>,
}

#[derive(Deserialize)]
struct Answer {
    server_url: String,
    participant_token: String,
}

/// The token endpoint of a server given by its `ws`, `wss`, `http` or `https` address.
pub(crate) fn token_endpoint(server: &str) -> Result<String, TokenFetchError> {
    endpoint(server, "token")
}

/// The URL of an endpoint of a server.
pub(super) fn endpoint(server: &str, name: &str) -> Result<String, TokenFetchError> {
    let mut url = http_url(server).ok_or_else(|| TokenFetchError::Address(shown(server)))?;
    url.path_segments_mut().map_err(|()| TokenFetchError::Address(shown(server)))?.pop_if_empty().push(name);
    Ok(url.into())
}

/// Requests a token from `endpoint`. Returns the server's URL and the token, within 5 s.
pub(crate) async fn fetch_token(
    endpoint: &str,
    request: &TokenRequest<'_>,
) -> Result<(String, Secret<String>), TokenFetchError> {
    let body = TokenBody {
        room_name: request.room,
        participant_identity: request.user,
        participant_name: request.name,
        invitation: request.invitation.map(|text| text.expose().as_str()),
    };
    let answer: Answer = post(endpoint, &body, Proof::of(None, request.invitation)).await?;
    Ok((answer.server_url, Secret::new(answer.participant_token)))
}

/// The proof in a request that a server may object to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Proof<'a> {
    /// An access token, sent as a header.
    token: Option<&'a Secret<String>>,
    /// The time of the token, or of an invitation in the body.
    claimed: Option<ClaimedTime>,
}

impl<'a> Proof<'a> {
    pub(super) fn of(token: Option<&'a Secret<String>>, invitation: Option<&Secret<String>>) -> Self {
        let of_token = token.map(|token| ClaimedTime::of_token(token.expose()));
        let claimed = of_token.or_else(|| invitation.map(|text| ClaimedTime::of_invitation(text.expose())));
        Self { token, claimed }
    }
}

/// Posts JSON, with an access token if the proof has one, and reads the JSON answer, within 5 s.
pub(super) async fn post<A: DeserializeOwned>(
    endpoint: &str,
    body: &impl Serialize,
    proof: Proof<'_>,
) -> Result<A, TokenFetchError> {
    let url = http_url(endpoint).ok_or_else(|| TokenFetchError::Address(shown(endpoint)))?;
    let here = || shown(endpoint);
    let mut request = HttpRequest::post_json(url, body);
    if let Some(token) = proof.token {
        request = request.bearer(token.expose());
    }
    let answer = request.send(TIMEOUT, ANSWER_BYTES).await.map_err(|error| match error {
        HttpError::Server(error) => error.into(),
        HttpError::Broken(_) | HttpError::TooLong(_) => TokenFetchError::Unreadable(here()),
    })?;
    if answer.is_success() {
        return serde_json::from_slice(&answer.body).map_err(|_| TokenFetchError::Unreadable(here()));
    }
    let body = String::from_utf8_lossy(&answer.body);
    let objection = proof.claimed.filter(|_| matches!(answer.status, 401 | 403));
    let objection = objection.and_then(|claimed| Objection::read(&body, claimed, unix_s()));
    match objection.and_then(|objection| objection.problem(ahead_of(&answer))) {
        Some(problem) => Err(TokenFetchError::WrongClock(problem)),
        None if answer.status == 403 && is_locked(&body) => Err(TokenFetchError::Locked),
        None => Err(refusal(answer.status, &body, here())),
    }
}

fn refusal(status: u16, body: &str, server: String) -> TokenFetchError {
    let refused =
        |otherwise: &str| TokenFetchError::Refused(plain_sentence(body, "").unwrap_or_else(|| otherwise.to_owned()));
    match status {
        404 | 405 | 501 => TokenFetchError::NoEndpoint(server),
        400 | 422 => refused("The server does not accept this room or name."),
        401 | 403 => refused("The server does not let you into this room. Ask the host."),
        429 => TokenFetchError::Refused("The server is asked too often. Try again in a minute.".into()),
        500.. => TokenFetchError::Refused("The server cannot take calls now. Try again in a minute.".into()),
        _ => TokenFetchError::Unreadable(server),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A server that answers one request. Returns its address and the request.
    pub(in crate::signal) async fn answering(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("ws://{}", listener.local_addr().expect("an address"));
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let mut request = vec![0; 8192];
            let mut len = 0;
            while !String::from_utf8_lossy(&request[..len]).contains('}') {
                len += stream.read(&mut request[len..]).await.expect("a request");
            }
            stream.write_all(answer.as_bytes()).await.expect("an answer");
            String::from_utf8_lossy(&request[..len]).into_owned()
        });
        (address, served)
    }

    fn request<'a>(room: &'a str, invitation: Option<&'a Secret<String>>) -> TokenRequest<'a> {
        TokenRequest { room, user: "mina-1", name: "Mina", invitation }
    }

    #[tokio::test]
    async fn a_token_is_requested_in_the_standard_form() {
        let (server, served) = answering(
            "HTTP/1.1 201 Created\r\ncontent-length: 62\r\n\r\n{\"server_url\":\"ws://127.0.0.1:7880\",\"participant_token\":\"abc\"}",
        )
        .await;
        let endpoint = token_endpoint(&server).expect("an endpoint");
        let (url, token) = fetch_token(&endpoint, &request("num/7", None)).await.expect("a token");
        assert_eq!((url.as_str(), token.expose().as_str()), ("ws://127.0.0.1:7880", "abc"));
        let request = served.await.expect("served");
        assert!(request.starts_with("POST /token HTTP/1.1\r\n"), "{request}");
        assert!(
            request.ends_with(r#"{"room_name":"num/7","participant_identity":"mina-1","participant_name":"Mina"}"#)
        );
    }

    #[tokio::test]
    async fn refusals_are_plain_sentences() {
        let fetch = async |answer: &'static str| {
            let (server, _served) = answering(answer).await;
            let endpoint = token_endpoint(&server).expect("an endpoint");
            fetch_token(&endpoint, &request("r", Some(&Secret::new("x".into())))).await.expect_err("a refusal")
        };
        let removed =
            fetch("HTTP/1.1 403 Forbidden\r\ncontent-length: 31\r\n\r\nyou were removed from this room").await;
        assert_eq!(removed, TokenFetchError::Refused("You were removed from this room.".into()));
        let missing = fetch("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        assert!(matches!(missing, TokenFetchError::NoEndpoint(_)));
        let page = fetch("HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n<html></html>").await;
        assert!(matches!(page, TokenFetchError::Unreadable(_)));
        let closed = fetch_token("http://127.0.0.1:9", &request("r", None)).await.expect_err("no server");
        assert_eq!(closed, TokenFetchError::Server(ServerError::Unreachable("127.0.0.1:9".into())));
        assert!(matches!(token_endpoint("nonsense"), Err(TokenFetchError::Address(_))));
    }

    #[tokio::test]
    async fn an_invitation_that_ended_by_a_wrong_clock_is_told_from_one_that_ended() {
        let ended = "HTTP/1.1 403 Forbidden\r\nDate: Sat, 01 Jan 2050 00:00:00 GMT\r\ncontent-length: 39\r\n\r\n\
                     This link has ended. Ask for a new one.";
        for (until, wrong) in [(unix_s() + 600, true), (unix_s() - 1, false), (0, true)] {
            let (server, _served) = answering(ended).await;
            let endpoint = token_endpoint(&server).expect("an endpoint");
            let invitation = Secret::new(format!("devkey.guest.{until}.AAAA"));
            let error = fetch_token(&endpoint, &request("r", Some(&invitation))).await.expect_err("refused");
            assert_eq!(error.kind() == EntryErrorKind::WrongClock, wrong, "{until}: {error}");
            assert_eq!(error.to_string().contains("days behind the server's"), wrong, "{error}");
            assert_eq!(error.to_string() == "This link has ended. Ask for a new one.", !wrong, "{error}");
        }
    }

    #[test]
    fn the_endpoint_is_below_the_servers_path() {
        assert_eq!(token_endpoint("wss://meet.example.com").as_deref(), Ok("https://meet.example.com/token"));
        assert_eq!(token_endpoint("http://h:7880/calls/").as_deref(), Ok("http://h:7880/calls/token"));
    }
}
