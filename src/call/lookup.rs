//! What the lobby says of the room that is typed in, before anybody joins: asked of the server as soon as typing rests,
//! and again from time to time. Whoever has no such endpoint, or tells us nothing, is not asked again for this room.

use super::credentials::{JoinCredentials, TokenSource, user_id};
use super::view::{RoomQuery, RoomStatus};
use crate::signal::{RoomProof, RoomState, TokenError, look_up_room};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Typing rests when nothing was changed for so long.
const REST: Duration = Duration::from_millis(400);
/// An answer that takes longer is waited for in sight. Servers without the endpoint are quicker: nothing flashes.
const UNSEEN: Duration = Duration::from_millis(300);
/// How old what is shown may become.
const AGAIN: Duration = Duration::from_secs(10);

/// What was learned of a room; `None`: nothing, or nothing any more.
pub(super) type Answer = (RoomQuery, Option<RoomStatus>);

/// The room that is asked for now, and what is known of it.
#[derive(Default)]
pub(super) struct RoomLookup {
    question: Option<RoomQuery>,
    news: Option<RoomStatus>,
    task: Option<JoinHandle<()>>,
}

impl RoomLookup {
    /// Asks for another room, or for none. What comes goes into `answers`.
    pub(super) fn ask(&mut self, question: Option<RoomQuery>, tokens: &TokenSource, answers: mpsc::Sender<Answer>) {
        self.stop();
        self.news = None;
        self.task = question.clone().map(|question| tokio::spawn(follow(question, tokens.clone(), answers)));
        self.question = question;
    }

    /// Takes an answer in; one to an older question is of no use.
    pub(super) fn take(&mut self, (question, news): Answer) {
        if self.question.as_ref() == Some(&question) {
            self.news = news;
        }
    }

    /// What is known now.
    pub(super) fn shown(&self) -> Option<(RoomQuery, RoomStatus)> {
        self.question.clone().zip(self.news)
    }

    fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for RoomLookup {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Asks for a room until nobody wants to know any more, or nothing is to be learned.
async fn follow(question: RoomQuery, tokens: TokenSource, answers: mpsc::Sender<Answer>) {
    sleep(REST).await;
    let mut asked = Box::pin(look_up(&question, &tokens));
    let mut answer = match timeout(UNSEEN, &mut asked).await {
        Ok(answer) => answer,
        Err(_) => {
            if answers.send((question.clone(), Some(RoomStatus::Checking))).await.is_err() {
                return;
            }
            asked.await
        }
    };
    loop {
        let lasting = !matches!(answer, Ok(_) | Err(TokenError::Unreachable(_) | TokenError::Timeout(_)));
        if let Err(error) = &answer {
            tracing::debug!(%error, "nothing is known of the room");
        }
        if answers.send((question.clone(), answer.ok().map(news))).await.is_err() || lasting {
            return;
        }
        sleep(AGAIN).await;
        answer = look_up(&question, &tokens).await;
    }
}

/// Shows the server what we have. A token endpoint is somebody else's: it is not asked for a room that nobody enters
/// yet.
async fn look_up(question: &RoomQuery, tokens: &TokenSource) -> Result<RoomState, TokenError> {
    let RoomQuery { server, room, invitation } = question;
    let wire = room.wire_name();
    if let Some(invitation) = invitation {
        return look_up_room(server, &wire, RoomProof::Invitation(invitation)).await;
    }
    match tokens {
        TokenSource::Endpoint(url) => Err(TokenError::NoEndpoint(url.clone())),
        TokenSource::Server => look_up_room(server, &wire, RoomProof::Nothing).await,
        TokenSource::Invited(invitation) => look_up_room(server, &wire, RoomProof::Invitation(invitation)).await,
        TokenSource::Given(_) | TokenSource::Signed(_) => {
            let (user, name) = (user_id("lobby"), String::new());
            let access =
                JoinCredentials { server: server.clone(), tokens: tokens.clone(), room: room.clone(), user, name };
            let (_, token) = access.token().await.map_err(|e| TokenError::Refused(e.message))?;
            look_up_room(server, &wire, RoomProof::Token(&token)).await
        }
    }
}

const fn news(state: RoomState) -> RoomStatus {
    match state {
        RoomState { is_open: true, people, can_enter } => RoomStatus::Found { people, is_full: !can_enter },
        RoomState { is_open: false, can_enter, .. } => RoomStatus::NotFound { can_be_opened: can_enter },
    }
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use super::*;
    use crate::proto::token::ApiKey;
    use std::time::Instant;

    /// Nothing takes longer than this on loopback.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn question(server: &str, room: &str) -> RoomQuery {
        RoomQuery { server: server.into(), room: room.parse().expect("a room"), invitation: None }
    }

    /// A server that answers every request with this, and counts them.
    async fn answering(answer: &'static str) -> (String, std::sync::Arc<std::sync::atomic::AtomicU32>) {
        use std::sync::atomic::{AtomicU32, Ordering};
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("ws://{}", listener.local_addr().expect("an address"));
        let count = std::sync::Arc::new(AtomicU32::new(0));
        let counted = count.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut request = Vec::new();
                while !request.ends_with(b"}") {
                    if stream.read_buf(&mut request).await.expect("a request") == 0 {
                        break;
                    }
                }
                stream.write_all(answer.as_bytes()).await.expect("an answer");
            }
        });
        (address, count)
    }

    async fn next(answers: &mut mpsc::Receiver<Answer>) -> Answer {
        timeout(PATIENCE, answers.recv()).await.expect("an answer in time").expect("an answer")
    }

    const TWO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 44\r\nconnection: close\r\n\r\n\
        {\"is_open\":true,\"people\":2,\"can_enter\":true}";

    #[tokio::test]
    async fn what_is_typed_on_the_way_is_not_asked_for() {
        let (server, count) = answering(TWO).await;
        let (sender, mut answers) = mpsc::channel(4);
        let mut lookup = RoomLookup::default();
        for typed in ["t", "te", "tea"] {
            lookup.ask(Some(question(&server, typed)), &TokenSource::Server, sender.clone());
            sleep(Duration::from_millis(50)).await;
        }
        let answer = next(&mut answers).await;
        let found = RoomStatus::Found { people: 2, is_full: false };
        assert_eq!(answer, (question(&server, "tea"), Some(found)));
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);
        lookup.take(answer);
        assert_eq!(lookup.shown(), Some((question(&server, "tea"), found)));
        // What comes for the room before is not said of the next one.
        lookup.ask(Some(question(&server, "coffee")), &TokenSource::Server, sender.clone());
        assert_eq!(lookup.shown(), None);
        lookup.take((question(&server, "tea"), Some(found)));
        assert_eq!(lookup.shown(), None);
        lookup.ask(None, &TokenSource::Server, sender);
        assert!(lookup.task.is_none());
    }

    #[tokio::test]
    async fn a_server_that_has_nothing_to_tell_is_asked_once_and_shown_as_nothing() {
        let (server, count) =
            answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        let (sender, mut answers) = mpsc::channel(4);
        let task = tokio::spawn(follow(question(&server, "tea"), TokenSource::Server, sender));
        assert_eq!(next(&mut answers).await, (question(&server, "tea"), None));
        timeout(PATIENCE, task).await.expect("it ends").expect("no panic");
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);
        let elsewhere = TokenSource::Endpoint("http://127.0.0.1:9".into());
        assert!(matches!(look_up(&question(&server, "tea"), &elsewhere).await, Err(TokenError::NoEndpoint(_))));
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1, "nobody was asked");
    }

    #[tokio::test]
    async fn a_slow_server_is_waited_for_in_sight() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = format!("ws://{}", silent.local_addr().expect("an address"));
        let (sender, mut answers) = mpsc::channel(4);
        let mut lookup = RoomLookup::default();
        let since = Instant::now();
        lookup.ask(Some(question(&server, "tea")), &TokenSource::Signed(ApiKey::dev()), sender);
        assert_eq!(next(&mut answers).await.1, Some(RoomStatus::Checking));
        assert!(since.elapsed() >= REST + UNSEEN);
        assert_eq!(next(&mut answers).await.1, None, "it did not answer in time");
    }
}
