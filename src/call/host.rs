//! What a host does in a call: remove somebody, end it for everyone, make a link for guests. The call's own token is
//! shown to the server, which decides; what it refuses comes back as a sentence.

use super::view::{HostRequest, Notice};
use crate::admin::{AdminClient, AdminClientError};
use crate::base::{RoomId, Secret};

/// What is shown, where, and for which room.
#[derive(Clone, Debug)]
pub(crate) struct HostRights {
    /// The server that gave the token: it makes links, and where it only stands before the one that the call runs on, it
    /// remembers who was removed and may do more there than we.
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
    pub(super) async fn ask(self, wish: HostRequest) -> Option<Notice> {
        match self.carry_out(&wish).await {
            Ok(notice) => notice,
            // Whoever was to go has gone.
            Err(AdminClientError::NotFound(_)) if wish != HostRequest::Invite => None,
            Err(error) => {
                tracing::info!(?wish, %error, "the server did not do what the host asked for");
                let sentence = sentence(&wish, &error);
                Some(Notice::Refused { wish, sentence })
            }
        }
    }

    /// At the front; at the server of the call where the front knows no such thing or does not answer.
    async fn carry_out(&self, wish: &HostRequest) -> Result<Option<Notice>, AdminClientError> {
        use AdminClientError as E;
        match self.carry_out_at(&self.front, wish).await {
            Err(E::NotARoomServer(_) | E::Unreachable { .. } | E::Refused(_)) if self.front != self.server => {
                self.carry_out_at(&self.server, wish).await
            }
            done => done,
        }
    }

    async fn carry_out_at(&self, address: &str, wish: &HostRequest) -> Result<Option<Notice>, AdminClientError> {
        let server = AdminClient::with_token(address, self.token.clone())?;
        match wish {
            HostRequest::Remove { user, .. } => server.remove(&self.room, user).await?,
            HostRequest::EndForEveryone => server.dismiss(&self.room).await?,
            HostRequest::Invite => return Ok(Some(Notice::Invitation(server.guest_link(&self.room).await?))),
        }
        Ok(None)
    }
}

/// Why nothing came of it, and what to do: short enough for a toast.
fn sentence(wish: &HostRequest, error: &AdminClientError) -> String {
    use AdminClientError as E;
    match (wish, error) {
        (HostRequest::Invite, E::NotARoomServer(_) | E::NotFound(_)) => {
            "This server makes no links. Ask whoever runs it to let people in.".into()
        }
        (HostRequest::Invite, E::Denied(_)) => "The server does not let you invite. Ask another host.".into(),
        (HostRequest::Invite, E::Unreachable { .. }) => {
            "No link was made: the server does not answer. Try again.".into()
        }
        (HostRequest::Invite, _) => format!("No link was made. {error}"),
        (HostRequest::Remove { .. }, E::Denied(_)) => {
            "The server does not let you remove anybody. Ask another host.".into()
        }
        (HostRequest::Remove { name, .. }, E::Unreachable { .. }) => {
            format!("{name} was not removed: the server does not answer. Try again.")
        }
        (HostRequest::Remove { name, .. }, _) => format!("{name} was not removed. {error}"),
        // LiveKit's own servers want `roomCreate` for this, which no token to join carries.
        (HostRequest::EndForEveryone, E::Denied(_)) => {
            "This server does not let a host end the call. Remove the others one by one.".into()
        }
        (HostRequest::EndForEveryone, E::Unreachable { .. }) => {
            "The call goes on: the server does not answer. Try again.".into()
        }
        (HostRequest::EndForEveryone, _) => format!("The call goes on. {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn remove() -> HostRequest {
        HostRequest::Remove { user: "tom".parse().expect("a user id"), name: "Tom".into() }
    }

    /// A server that gives one request this answer, and what it was asked.
    async fn answering(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = format!("ws://{}", listener.local_addr().expect("an address"));
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a request");
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("an answer");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        (server, served)
    }

    fn rights(front: String, server: String) -> HostRights {
        HostRights { front, server, room: RoomId::Number(7), token: Secret::new("the.calls.token".to_owned()) }
    }

    /// What is said of `wish` by a server that gives `answer`, and what it was asked.
    async fn asked(wish: HostRequest, answer: &'static str) -> (Option<Notice>, String) {
        let (server, served) = answering(answer).await;
        let notice = rights(server.clone(), server).ask(wish).await;
        (notice, served.await.expect("served"))
    }

    const DONE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    const NONE: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nnot found";
    const DENIED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 53\r\n\r\n\
        {\"code\":\"unauthenticated\",\"msg\":\"permissions denied\"}\r\n";

    #[tokio::test]
    async fn the_calls_own_token_is_shown() {
        for (wish, path) in [(remove(), "RemoveParticipant"), (HostRequest::EndForEveryone, "DeleteRoom")] {
            let (notice, request) = asked(wish, DONE).await;
            assert_eq!(notice, None, "the call itself tells");
            assert!(request.starts_with(&format!("POST /twirp/livekit.RoomService/{path} ")), "{request}");
            assert!(request.contains("Bearer the.calls.token"), "{request}");
        }
        let made = "HTTP/1.1 201 Created\r\ncontent-length: 26\r\n\r\n{\"link\":\"https://h/j/tea\"}\n";
        let (notice, request) = asked(HostRequest::Invite, made).await;
        assert_eq!(notice, Some(Notice::Invitation("https://h/j/tea".into())));
        assert!(request.starts_with("POST /links ") && request.contains("\"num/7\""), "{request}");
    }

    #[tokio::test]
    async fn a_front_is_asked_before_the_server_of_the_call() {
        let nobody = "ws://127.0.0.1:9".to_owned();
        let (front, served) = answering(DONE).await;
        assert_eq!(rights(front, nobody.clone()).ask(HostRequest::EndForEveryone).await, None, "the front did it");
        assert!(served.await.expect("served").contains("DeleteRoom"));
        // One that only gives tokens, and one that is gone.
        let (front, _served) = answering(NONE).await;
        for front in [front, nobody] {
            let (server, served) = answering(DONE).await;
            assert_eq!(rights(front, server).ask(remove()).await, None, "the server did it");
            assert!(served.await.expect("served").contains("RemoveParticipant"));
        }
        let (front, _served) = answering(DENIED).await;
        let notice = rights(front, "ws://127.0.0.1:9".into()).ask(remove()).await;
        assert!(matches!(notice, Some(Notice::Refused { sentence, .. }) if sentence.contains("does not let you")));
    }

    #[tokio::test]
    async fn what_a_server_refuses_is_said_with_what_to_do() {
        for (wish, answer, said) in [
            (HostRequest::EndForEveryone, DENIED, "does not let a host end the call. Remove the others one by one."),
            (remove(), DENIED, "does not let you remove anybody."),
            (HostRequest::Invite, DENIED, "does not let you invite."),
            (HostRequest::Invite, NONE, "makes no links."),
            (remove(), NONE, "Tom was not removed."),
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
