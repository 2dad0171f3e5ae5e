//! Looks up the room that is typed into the lobby: the server is asked when typing pauses, then every 10 s. A server
//! without this endpoint, or one that refuses, is not asked again for the same room.

use super::credentials::{JoinCredentials, TokenSource, user_id};
use super::view::{RoomQuery, RoomStatus};
use crate::base::RoomState;
use crate::signal::{RoomProof, TokenFetchError, look_up_room};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// A pause in typing: the room has not changed for so long.
const TYPING_PAUSE: Duration = Duration::from_millis(400);
/// The lobby shows "checking" when an answer takes longer. Servers without the endpoint answer sooner, so that nothing
/// flashes.
const SHOW_CHECKING_AFTER: Duration = Duration::from_millis(300);
/// Time from an answer to the next request.
const REPEAT: Duration = Duration::from_secs(10);

/// The status of a room; `None` when the server does not tell.
pub(super) type LookupAnswer = (RoomQuery, Option<RoomStatus>);

/// The room that is looked up now.
pub(super) struct RoomLookup {
    query: Option<RoomQuery>,
    status: Option<RoomStatus>,
    task: Option<JoinHandle<()>>,
    answers: mpsc::Sender<LookupAnswer>,
}

impl RoomLookup {
    /// Nothing is looked up yet. Answers go to `answers`, whose receiver passes them to [`RoomLookup::take_answer`].
    pub(super) fn new(answers: mpsc::Sender<LookupAnswer>) -> Self {
        Self { query: None, status: None, task: None, answers }
    }

    /// Looks up another room, or none.
    pub(super) fn start(&mut self, query: Option<RoomQuery>, tokens: &TokenSource) {
        self.stop();
        self.status = None;
        self.task = query.clone().map(|query| tokio::spawn(follow(query, tokens.clone(), self.answers.clone())));
        self.query = query;
    }

    /// Takes an answer; one to an older query is dropped.
    pub(super) fn take_answer(&mut self, (query, status): LookupAnswer) {
        if self.query.as_ref() == Some(&query) {
            self.status = status;
        }
    }

    /// The room and its status, once it is known.
    pub(super) fn shown(&self) -> Option<(RoomQuery, RoomStatus)> {
        self.query.clone().zip(self.status)
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

/// Looks a room up again and again until the receiver is gone or the server does not tell.
async fn follow(query: RoomQuery, tokens: TokenSource, answers: mpsc::Sender<LookupAnswer>) {
    sleep(TYPING_PAUSE).await;
    let mut request = Box::pin(look_up(&query, &tokens));
    let mut answer = match timeout(SHOW_CHECKING_AFTER, &mut request).await {
        Ok(answer) => answer,
        Err(_) => {
            if answers.send((query.clone(), Some(RoomStatus::Checking))).await.is_err() {
                return;
            }
            request.await
        }
    };
    loop {
        use TokenFetchError as E;
        let passing = |e: &E| matches!(e, E::Server(_) | E::WrongClock(_));
        let lasting = answer.as_ref().is_err_and(|error| !passing(error));
        if let Err(error) = &answer {
            tracing::debug!(%error, "the status of the room is not known");
        }
        if answers.send((query.clone(), answer.ok().map(RoomStatus::Known))).await.is_err() || lasting {
            return;
        }
        sleep(REPEAT).await;
        answer = look_up(&query, &tokens).await;
    }
}

/// Asks the server once, with the proof that we have. An external token endpoint is not asked: it would issue a token for
/// a room before anybody joins.
async fn look_up(query: &RoomQuery, tokens: &TokenSource) -> Result<RoomState, TokenFetchError> {
    let RoomQuery { server, room, invitation } = query;
    let wire = room.as_str();
    if let Some(invitation) = invitation {
        return look_up_room(server, wire, RoomProof::Invitation(invitation)).await;
    }
    match tokens {
        TokenSource::Endpoint(url) => Err(TokenFetchError::NoEndpoint(url.clone())),
        TokenSource::Server => look_up_room(server, wire, RoomProof::Nothing).await,
        TokenSource::Invited(invitation) => look_up_room(server, wire, RoomProof::Invitation(invitation)).await,
        TokenSource::Given(_) | TokenSource::Signed(_) => {
            let (user, name) = (user_id("lobby"), String::new());
            let credentials =
                JoinCredentials { server: server.clone(), tokens: tokens.clone(), room: room.clone(), user, name };
            let (_, token) = credentials.token().await.map_err(|e| TokenFetchError::Refused(e.message))?;
            look_up_room(server, wire, RoomProof::Token(&token)).await
        }
    }
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use super::*;
    use crate::proto::token::ApiKey;
    use std::time::Instant;

    /// Limit for every wait, so that a failure ends the test.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn query(server: &str, room: &str) -> RoomQuery {
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

    async fn next(answers: &mut mpsc::Receiver<LookupAnswer>) -> LookupAnswer {
        timeout(PATIENCE, answers.recv()).await.expect("an answer in time").expect("an answer")
    }

    const TWO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 44\r\nconnection: close\r\n\r\n\
        {\"is_open\":true,\"people\":2,\"can_enter\":true}";

    #[tokio::test]
    async fn only_the_room_at_the_end_of_typing_is_looked_up() {
        let (server, count) = answering(TWO).await;
        let (sender, mut answers) = mpsc::channel(4);
        let mut lookup = RoomLookup::new(sender.clone());
        for typed in ["t", "te", "tea"] {
            lookup.start(Some(query(&server, typed)), &TokenSource::Server);
            sleep(Duration::from_millis(50)).await;
        }
        let answer = next(&mut answers).await;
        let found = RoomStatus::Known(RoomState { is_open: true, people: 2, can_enter: true });
        assert_eq!(answer, (query(&server, "tea"), Some(found)));
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);
        lookup.take_answer(answer);
        assert_eq!(lookup.shown(), Some((query(&server, "tea"), found)));
        // An answer for the room before is not shown for the next one.
        lookup.start(Some(query(&server, "coffee")), &TokenSource::Server);
        assert_eq!(lookup.shown(), None);
        lookup.take_answer((query(&server, "tea"), Some(found)));
        assert_eq!(lookup.shown(), None);
        lookup.start(None, &TokenSource::Server);
        assert!(lookup.task.is_none());
    }

    #[tokio::test]
    async fn a_server_without_the_endpoint_is_asked_once_and_nothing_is_shown() {
        let (server, count) =
            answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        let (sender, mut answers) = mpsc::channel(4);
        let task = tokio::spawn(follow(query(&server, "tea"), TokenSource::Server, sender));
        assert_eq!(next(&mut answers).await, (query(&server, "tea"), None));
        timeout(PATIENCE, task).await.expect("the task ends").expect("no panic");
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1);
        let elsewhere = TokenSource::Endpoint("http://127.0.0.1:9".into());
        assert!(matches!(look_up(&query(&server, "tea"), &elsewhere).await, Err(TokenFetchError::NoEndpoint(_))));
        assert_eq!(count.load(std::sync::atomic::Ordering::SeqCst), 1, "the server was not asked");
    }

    #[tokio::test]
    async fn the_lobby_shows_that_a_slow_server_is_asked() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = format!("ws://{}", silent.local_addr().expect("an address"));
        let (sender, mut answers) = mpsc::channel(4);
        let mut lookup = RoomLookup::new(sender);
        let since = Instant::now();
        lookup.start(Some(query(&server, "tea")), &TokenSource::Signed(ApiKey::dev()));
        assert_eq!(next(&mut answers).await.1, Some(RoomStatus::Checking));
        assert!(since.elapsed() >= TYPING_PAUSE + SHOW_CHECKING_AFTER);
        assert_eq!(next(&mut answers).await.1, None, "it did not answer in time");
    }
}
