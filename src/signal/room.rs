//! `POST /room` of our own server: the state of a room before joining it. LiveKit has no such endpoint.

use super::token::{Proof, TokenFetchError, endpoint, post};
use crate::base::{RoomState, Secret};
use serde::Serialize;

/// The proof, for the server, that we may join a room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RoomProof<'a> {
    /// Nothing: the server lets everybody in, or does not answer.
    Nothing,
    /// The invitation of a link.
    Invitation(&'a Secret<String>),
    /// An access token for the room.
    Token(&'a Secret<String>),
}

#[derive(Serialize)]
struct RoomRequest<'a> {
    room_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<&'a str>,
}

/// Asks the server at `server` (`ws`, `wss`, `http` or `https`) for the state of the room with this wire name. Takes 5 s at
/// most. The error for a server that is not ours is [`TokenFetchError::NoEndpoint`].
pub(crate) async fn look_up_room(server: &str, room: &str, proof: RoomProof<'_>) -> Result<RoomState, TokenFetchError> {
    let (invitation, token) = match proof {
        RoomProof::Nothing => (None, None),
        RoomProof::Invitation(text) => (Some(text), None),
        RoomProof::Token(token) => (None, Some(token)),
    };
    let request = RoomRequest { room_name: room, invitation: invitation.map(|text| text.expose().as_str()) };
    post(&endpoint(server, "room")?, &request, Proof::of(token, invitation)).await
}

#[cfg(test)]
mod tests {
    use super::super::token::tests::answering;
    use super::*;

    const TWO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 44\r\n\r\n{\"is_open\":true,\"people\":2,\"can_enter\":true}";

    #[tokio::test]
    async fn the_request_contains_the_room_and_the_proof() {
        let secret = Secret::new("abc".to_owned());
        for (proof, head, body) in [
            (RoomProof::Nothing, "", r#"{"room_name":"num/7"}"#),
            (RoomProof::Invitation(&secret), "", r#"{"room_name":"num/7","invitation":"abc"}"#),
            (RoomProof::Token(&secret), "authorization: Bearer abc\r\n", r#"{"room_name":"num/7"}"#),
        ] {
            let (server, served) = answering(TWO).await;
            let state = look_up_room(&server, "num/7", proof).await;
            assert_eq!(state, Ok(RoomState { is_open: true, people: 2, can_enter: true }));
            let request = served.await.expect("served");
            assert!(request.starts_with("POST /room HTTP/1.1\r\n"), "{request}");
            assert!(request.contains(head) && request.ends_with(body), "{request}");
            assert_eq!(request.contains("authorization"), !head.is_empty(), "{request}");
        }
    }

    #[tokio::test]
    async fn other_servers_have_no_such_endpoint() {
        let (server, _served) = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        let state = look_up_room(&server, "tea", RoomProof::Nothing).await;
        assert!(matches!(state, Err(TokenFetchError::NoEndpoint(_))), "{state:?}");
    }
}
