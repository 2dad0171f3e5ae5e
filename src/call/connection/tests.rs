//! A connection whose server stops reading.

use super::*;
use crate::base::Transport;
use crate::call::TokenSource;
use crate::proto::token::{ApiKey, JOIN_VALIDITY, JoinClaims};
use crate::session::Input;
use futures_util::SinkExt;
use prost::Message;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

/// Limit for every wait, so that a failure ends the test.
const PATIENCE: Duration = Duration::from_secs(20);

/// A queue that takes nothing for so long is blocked.
const BLOCKED: Duration = Duration::from_millis(300);

/// A server that lets one participant in and from then on reads nothing, until it is dropped.
async fn deaf_server() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}", listener.local_addr().expect("its address"));
    let serve = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a participant");
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a WebSocket");
        let join = lk::JoinResponse { ping_interval: 5, ping_timeout: 15, ..Default::default() };
        let message = lk::SignalResponse { message: Some(lk::signal_response::Message::Join(join)) };
        socket.send(tungstenite::Message::binary(message.encode_to_vec())).await.expect("the join goes out");
        std::future::pending::<()>().await;
    });
    (url, serve)
}

fn plan(server: String) -> ConnectPlan {
    let pass = JoinClaims {
        room: "deaf".parse().expect("a room"),
        user: "mina".parse().expect("a user"),
        name: "Mina".into(),
        metadata: String::new(),
        attributes: Vec::new(),
        room_admin: false,
        own_metadata: false,
        valid_for: JOIN_VALIDITY,
    };
    let token = ApiKey::dev().join_token(&pass).expect("a token");
    let JoinClaims { room, user, name, .. } = pass;
    ConnectPlan {
        credentials: JoinCredentials { server, tokens: TokenSource::Given(token), room, user, name },
        layers: Vec::new(),
        transport: Transport::Auto,
    }
}

#[tokio::test]
async fn an_exit_overtakes_messages_that_the_server_does_not_read() {
    let (url, server) = deaf_server().await;
    let (report_tx, mut reports) = ReportSender::channel();
    let connection = CallConnection::start(Epoch(1), plan(url), TokenCache::default(), report_tx);
    let joined = async {
        loop {
            match reports.recv().await.expect("the connection lives") {
                TaskReport::Session(input) if matches!(*input, Input::Link(_, LinkInput::Joined { .. })) => {
                    break;
                }
                _ => {}
            }
        }
    };
    timeout(PATIENCE, joined).await.expect("let in");
    // Fills the buffers of the sockets, then the queue, until the link task is blocked by the write.
    let message = lk::UpdateParticipantMetadata { metadata: "x".repeat(64 << 10), ..Default::default() };
    let command = || LinkCommand::Send(Box::new(Request::UpdateMetadata(message.clone())));
    while timeout(BLOCKED, connection.link.send(command())).await.is_ok() {}
    connection.goodbye();
    connection.command_peers(PeerCommand::Close);
    connection.close_link();
    drop(connection);
    // The queue of reports ends when the last task of the connection does.
    let mut peers_closed = false;
    let ended = async {
        while let Some(report) = reports.recv().await {
            if let TaskReport::Session(input) = report {
                peers_closed |= matches!(*input, Input::Peers(_, PeerInput::Closed));
            }
        }
    };
    timeout(PATIENCE, ended).await.expect("every task of the connection ends");
    assert!(peers_closed);
    server.abort();
}
