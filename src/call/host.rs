//! Requests of a host in a call: remove a user, end the call for everyone, make a link for guests. They carry the call's
//! own token; the server decides, and a refusal becomes a sentence for the window.

use super::view::{HostRequest, Notice};
use crate::admin::{AdminClient, AdminClientError};
use crate::base::{RoomName, Secret, TrackSid, UserId};
use crate::http::ServerError;

/// Servers, room and token for a host request.
#[derive(Clone, Debug)]
pub(super) struct HostRights {
    /// The server that issued the token; it is asked first. Where it is a front for the call's server, only it makes links,
    /// keeps bans and holds an API key.
    pub(super) token_server: String,
    /// The server of the call.
    pub(super) call_server: String,
    /// The room.
    pub(super) room: RoomName,
    /// The room's metadata, which hold its settings.
    pub(super) metadata: String,
    /// The token of the call.
    pub(super) token: Secret<String>,
}

impl HostRights {
    /// Sends a request. Returns a notice for the window; `None` when the effect shows in the call itself.
    pub(super) async fn ask(self, request: HostRequest) -> Option<Notice> {
        match self.send(&request).await {
            Ok(notice) => notice,
            // The user or the room is gone already.
            Err(AdminClientError::NotFound(_)) if request != HostRequest::Invite => None,
            Err(error) => {
                tracing::info!(?request, %error, "the server refused a host request");
                let sentence = sentence(&request, &error);
                Some(Notice::Refused { request, sentence })
            }
        }
    }

    /// Asks the token's server, then the call's server if the first does not know the request or does not answer.
    async fn send(&self, request: &HostRequest) -> Result<Option<Notice>, AdminClientError> {
        use AdminClientError as E;
        match self.send_to(&self.token_server, request).await {
            Err(E::NotARoomServer(_) | E::Server(_) | E::Broken(_) | E::Refused(_))
                if self.token_server != self.call_server =>
            {
                self.send_to(&self.call_server, request).await
            }
            done => done,
        }
    }

    async fn send_to(&self, address: &str, request: &HostRequest) -> Result<Option<Notice>, AdminClientError> {
        let server = AdminClient::with_token(address, self.token.clone())?;
        match request {
            HostRequest::Remove { user, .. } => server.remove(&self.room, user).await?,
            HostRequest::LowerHand { user, .. } => server.lower_hand(&self.room, user).await?,
            HostRequest::Mute { tracks, .. } => self.mute(&server, tracks).await?,
            HostRequest::AskToTurnOn { user, kind, .. } => server.ask_to_turn_on(&self.room, user, *kind).await?,
            HostRequest::MakeHost { user, .. } => server.make_host(&self.room, user).await?,
            HostRequest::Set(settings) => {
                let metadata = settings.write(&self.metadata);
                let metadata = metadata.map_err(|error| AdminClientError::Invalid(error.to_string()))?;
                server.set_metadata(&self.room, metadata).await?;
            }
            HostRequest::Admit(people) => self.admit(&server, people).await?,
            HostRequest::Refuse { user, .. } => server.remove(&self.room, user).await?,
            HostRequest::EndForEveryone => server.dismiss(&self.room).await?,
            HostRequest::Invite => return Ok(Some(Notice::Invitation(server.guest_link(&self.room).await?))),
        }
        Ok(None)
    }

    /// Lets people in, one after the other. Those who have gone meanwhile are left out.
    async fn admit(&self, server: &AdminClient, people: &[(UserId, String)]) -> Result<(), AdminClientError> {
        for (user, _) in people {
            match server.admit(&self.room, user).await {
                Ok(()) | Err(AdminClientError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Who waits before the room. The token's server is asked first, as for requests.
    pub(super) async fn waiting(self) -> Option<Vec<(UserId, String)>> {
        for address in [&self.token_server, &self.call_server] {
            let server = AdminClient::with_token(address, self.token.clone()).ok()?;
            match server.waiting(&self.room).await {
                Ok(people) => return Some(people),
                Err(error) => tracing::debug!(%error, "it is not known who waits"),
            }
        }
        None
    }

    /// Mutes tracks one after the other. One that has ended meanwhile is left out.
    async fn mute(&self, server: &AdminClient, tracks: &[(UserId, TrackSid)]) -> Result<(), AdminClientError> {
        for (user, track) in tracks {
            match server.mute(&self.room, user, track).await {
                Ok(()) | Err(AdminClientError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Why the request failed and what to do, in the length of a toast.
fn sentence(request: &HostRequest, error: &AdminClientError) -> String {
    use AdminClientError as E;
    let silent = matches!(error, E::Server(ServerError::Unreachable(_) | ServerError::Timeout(_)) | E::Broken(_));
    match (request, error) {
        (HostRequest::Invite, E::NotARoomServer(_) | E::NotFound(_)) => {
            "This server makes no links. Ask whoever runs it to let people in.".into()
        }
        (HostRequest::Invite, E::Denied(_)) => "The server does not let you invite. Ask another host.".into(),
        (HostRequest::Invite, _) if silent => "No link was made: the server does not answer. Try again.".into(),
        (HostRequest::Invite, _) => format!("No link was made. {error}"),
        (HostRequest::Remove { .. }, E::Denied(_)) => {
            "The server does not let you remove anybody. Ask another host.".into()
        }
        (HostRequest::Remove { name, .. }, _) if silent => {
            format!("{name} was not removed: the server does not answer. Try again.")
        }
        (HostRequest::Remove { name, .. }, _) => format!("{name} was not removed. {error}"),
        (HostRequest::LowerHand { .. }, E::Denied(_)) => {
            "The server does not let you lower hands. Ask another host.".into()
        }
        (HostRequest::LowerHand { name, .. }, _) if silent => {
            format!("{name}'s hand is still up: the server does not answer. Try again.")
        }
        (HostRequest::LowerHand { name, .. }, _) => format!("{name}'s hand is still up. {error}"),
        (HostRequest::Mute { .. }, E::Denied(_)) => "The server does not let you mute others. Ask another host.".into(),
        (HostRequest::Mute { whose, .. }, _) if silent => {
            format!("The server does not answer, so nothing of {whose} was turned off. Try again.")
        }
        (HostRequest::Mute { whose, .. }, _) => format!("Nothing of {whose} was turned off. {error}"),
        (HostRequest::AskToTurnOn { name, .. }, E::Denied(_)) => {
            format!("The server does not let you ask {name}. Ask another host.")
        }
        (HostRequest::AskToTurnOn { name, .. }, _) if silent => {
            format!("{name} was not asked: the server does not answer. Try again.")
        }
        (HostRequest::AskToTurnOn { name, .. }, _) => format!("{name} was not asked. {error}"),
        (HostRequest::MakeHost { .. }, E::Denied(_)) => {
            "The server does not let you make hosts. Ask another host.".into()
        }
        (HostRequest::MakeHost { name, .. }, _) if silent => {
            format!("{name} is no host: the server does not answer. Try again.")
        }
        (HostRequest::MakeHost { name, .. }, _) => format!("{name} is no host. {error}"),
        (HostRequest::Admit(_) | HostRequest::Refuse { .. }, E::Denied(_)) => {
            "The server does not let you decide who comes in. Ask another host.".into()
        }
        (HostRequest::Admit(_), _) if silent => "Nobody was let in: the server does not answer. Try again.".into(),
        (HostRequest::Admit(_), _) => format!("Nobody was let in. {error}"),
        (HostRequest::Refuse { name, .. }, _) if silent => {
            format!("{name} still waits: the server does not answer. Try again.")
        }
        (HostRequest::Refuse { name, .. }, _) => format!("{name} still waits. {error}"),
        (HostRequest::Set(_), E::Denied(_)) => {
            "The server does not let you change this for everyone. Ask another host.".into()
        }
        (HostRequest::Set(_), _) if silent => "Nothing was changed: the server does not answer. Try again.".into(),
        (HostRequest::Set(_), _) => format!("Nothing was changed. {error}"),
        // livekit-server requires the `roomCreate` grant for this, which no join token carries.
        (HostRequest::EndForEveryone, E::Denied(_)) => {
            "This server does not let a host end the call. Remove the others one by one.".into()
        }
        (HostRequest::EndForEveryone, _) if silent => "The call goes on: the server does not answer. Try again.".into(),
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

    /// A server that gives `answer` to one request. The task returns the request.
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

    fn rights(token_server: String, call_server: String) -> HostRights {
        HostRights {
            token_server,
            call_server,
            room: "num/7".parse().expect("a room"),
            metadata: String::new(),
            token: Secret::new("the.calls.token".to_owned()),
        }
    }

    /// The notice after a server gave `answer`, and the request that it got.
    async fn asked(request: HostRequest, answer: &'static str) -> (Option<Notice>, String) {
        let (server, served) = answering(answer).await;
        let notice = rights(server.clone(), server).ask(request).await;
        (notice, served.await.expect("served"))
    }

    const DONE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    const NONE: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 9\r\n\r\nnot found";
    const DENIED: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: 53\r\n\r\n\
        {\"code\":\"unauthenticated\",\"msg\":\"permissions denied\"}\r\n";

    #[tokio::test]
    async fn requests_carry_the_calls_own_token() {
        for (request, path) in [(remove(), "RemoveParticipant"), (HostRequest::EndForEveryone, "DeleteRoom")] {
            let (notice, sent) = asked(request, DONE).await;
            assert_eq!(notice, None, "the call itself tells");
            assert!(sent.starts_with(&format!("POST /twirp/livekit.RoomService/{path} ")), "{sent}");
            assert!(sent.contains("Bearer the.calls.token"), "{sent}");
        }
        let made = "HTTP/1.1 201 Created\r\ncontent-length: 26\r\n\r\n{\"link\":\"https://h/j/tea\"}\n";
        let (notice, request) = asked(HostRequest::Invite, made).await;
        assert_eq!(notice, Some(Notice::Invitation("https://h/j/tea".into())));
        assert!(request.starts_with("POST /links ") && request.contains("\"num/7\""), "{request}");
    }

    #[tokio::test]
    async fn the_server_of_the_token_is_asked_first() {
        let nobody = "ws://127.0.0.1:9".to_owned();
        let (first, served) = answering(DONE).await;
        assert_eq!(
            rights(first, nobody.clone()).ask(HostRequest::EndForEveryone).await,
            None,
            "the first server did it"
        );
        assert!(served.await.expect("served").contains("DeleteRoom"));
        // A bare token endpoint, and a server that is down.
        let (first, _served) = answering(NONE).await;
        for first in [first, nobody] {
            let (server, served) = answering(DONE).await;
            assert_eq!(rights(first, server).ask(remove()).await, None, "the second server did it");
            assert!(served.await.expect("served").contains("RemoveParticipant"));
        }
        let (first, _served) = answering(DENIED).await;
        let notice = rights(first, "ws://127.0.0.1:9".into()).ask(remove()).await;
        assert!(matches!(notice, Some(Notice::Refused { sentence, .. }) if sentence.contains("does not let you")));
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_do() {
        for (request, answer, said) in [
            (HostRequest::EndForEveryone, DENIED, "does not let a host end the call. Remove the others one by one."),
            (remove(), DENIED, "does not let you remove anybody."),
            (HostRequest::Invite, DENIED, "does not let you invite."),
            (HostRequest::Invite, NONE, "makes no links."),
            (remove(), NONE, "Tom was not removed."),
        ] {
            let (notice, _) = asked(request.clone(), answer).await;
            let Some(Notice::Refused { request: refused, sentence }) = notice else {
                panic!("{request:?}: {notice:?}")
            };
            assert!(
                refused == request && sentence.contains(said) && sentence.ends_with('.'),
                "{request:?}: {sentence}"
            );
        }
        let gone = "HTTP/1.1 404 Not Found\r\ncontent-length: 48\r\n\r\n\
            {\"code\":\"not_found\",\"msg\":\"no such participant\"}";
        assert_eq!(asked(remove(), gone).await.0, None, "the user is gone already");
    }
}
