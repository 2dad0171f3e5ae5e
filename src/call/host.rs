//! What a host does in a call: remove somebody, end it for everyone, make a link for guests. The call's own token is
//! shown to the server, which decides; what it refuses comes back as a sentence.

use super::view::{HostWish, Notice};
use crate::admin::{AdminClient, AdminClientError};
use crate::base::{RoomId, Secret};

/// What is shown, where, and for which room.
#[derive(Clone, Debug)]
pub struct HostRights {
    /// The server that gave the token: it makes links.
    pub(super) front: String,
    /// The server that the call runs on.
    pub(super) server: String,
    /// The room.
    pub(super) room: RoomId,
    /// The token of the call.
    pub(super) token: Secret<String>,
}

impl HostRights {
    /// Asks the server for `wish`. What there is to say of it; nothing where the call itself tells.
    pub(super) async fn ask(self, wish: HostWish) -> Option<Notice> {
        match self.carry_out(&wish).await {
            Ok(notice) => notice,
            // Whoever was to go has gone.
            Err(AdminClientError::NotFound(_)) if wish != HostWish::Invite => None,
            Err(error) => {
                tracing::info!(?wish, %error, "the server did not do what the host asked for");
                let sentence = sentence(&wish, &error);
                Some(Notice::Refused { wish, sentence })
            }
        }
    }

    async fn carry_out(&self, wish: &HostWish) -> Result<Option<Notice>, AdminClientError> {
        match wish {
            HostWish::Remove { user, .. } => self.client(&self.server)?.remove(&self.room, user).await?,
            HostWish::EndForEveryone => self.client(&self.server)?.dismiss(&self.room).await?,
            HostWish::Invite => {
                let link = self.client(&self.front)?.guest_link(&self.room).await?;
                return Ok(Some(Notice::Invitation(link)));
            }
        }
        Ok(None)
    }

    fn client(&self, address: &str) -> Result<AdminClient, AdminClientError> {
        AdminClient::with_token(address, self.token.clone())
    }
}

/// Why nothing came of it, and what to do: short enough for a toast.
fn sentence(wish: &HostWish, error: &AdminClientError) -> String {
    use AdminClientError as E;
    match (wish, error) {
        (HostWish::Invite, E::NotARoomServer(_) | E::NotFound(_)) => {
            "This server makes no links. Ask whoever runs it to let people in.".into()
        }
        (HostWish::Invite, E::Denied(_)) => "The server does not let you invite. Ask another host.".into(),
        (HostWish::Invite, E::Unreachable { .. }) => "No link was made: the server does not answer. Try again.".into(),
        (HostWish::Invite, _) => format!("No link was made. {error}"),
        (HostWish::Remove { .. }, E::Denied(_)) => {
            "The server does not let you remove anybody. Ask another host.".into()
        }
        (HostWish::Remove { name, .. }, E::Unreachable { .. }) => {
            format!("{name} was not removed: the server does not answer. Try again.")
        }
        (HostWish::Remove { name, .. }, _) => format!("{name} was not removed. {error}"),
        // LiveKit's own servers want `roomCreate` for this, which no token to join carries.
        (HostWish::EndForEveryone, E::Denied(_)) => {
            "This server does not let a host end the call. Remove the others one by one.".into()
        }
        (HostWish::EndForEveryone, E::Unreachable { .. }) => {
            "The call goes on: the server does not answer. Try again.".into()
        }
        (HostWish::EndForEveryone, _) => format!("The call goes on. {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn remove() -> HostWish {
        HostWish::Remove { user: "tom".parse().expect("a user id"), name: "Tom".into() }
    }

    /// What is said of `wish` by a server that answers everything with `answer`, and what it was asked.
    async fn asked(wish: HostWish, answer: &'static str) -> (Option<Notice>, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = format!("ws://{}", listener.local_addr().expect("an address"));
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a request");
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("an answer");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let token = Secret::new("the.calls.token".to_owned());
        let rights = HostRights { front: server.clone(), server, room: RoomId::Number(7), token };
        let notice = rights.ask(wish).await;
        (notice, served.await.expect("served"))
    }

    const DENIED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 53\r\n\r\n\
        {\"code\":\"unauthenticated\",\"msg\":\"permissions denied\"}\r\n";

    #[tokio::test]
    async fn the_calls_own_token_is_shown() {
        let done = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        for (wish, path) in [(remove(), "RemoveParticipant"), (HostWish::EndForEveryone, "DeleteRoom")] {
            let (notice, request) = asked(wish, done).await;
            assert_eq!(notice, None, "the call itself tells");
            assert!(request.starts_with(&format!("POST /twirp/livekit.RoomService/{path} ")), "{request}");
            assert!(request.contains("Bearer the.calls.token"), "{request}");
        }
        let made = "HTTP/1.1 201 Created\r\ncontent-length: 26\r\n\r\n{\"link\":\"https://h/j/tea\"}\n";
        let (notice, request) = asked(HostWish::Invite, made).await;
        assert_eq!(notice, Some(Notice::Invitation("https://h/j/tea".into())));
        assert!(request.starts_with("POST /links ") && request.contains("\"num/7\""), "{request}");
    }

    #[tokio::test]
    async fn what_a_server_refuses_is_said_with_what_to_do() {
        let none = "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nnot found";
        for (wish, answer, said) in [
            (HostWish::EndForEveryone, DENIED, "does not let a host end the call. Remove the others one by one."),
            (remove(), DENIED, "does not let you remove anybody."),
            (HostWish::Invite, DENIED, "does not let you invite."),
            (HostWish::Invite, none, "makes no links."),
            (remove(), none, "Tom was not removed."),
        ] {
            let (notice, _) = asked(wish.clone(), answer).await;
            let Some(Notice::Refused { wish: refused, sentence }) = notice else { panic!("{wish:?}: {notice:?}") };
            assert!(refused == wish && sentence.contains(said) && sentence.ends_with('.'), "{wish:?}: {sentence}");
        }
        let gone = "HTTP/1.1 404 Not Found\r\ncontent-length: 48\r\n\r\n\
            {\"code\":\"not_found\",\"msg\":\"no such participant\"}";
        assert_eq!(asked(remove(), gone).await.0, None, "whoever was to go has gone");
    }
}
