//! Resuming a session after its signalling connection was cut, and a removal after that.

use super::Server;
use super::guest::{Entry, Guest, description};
use super::media::{Camera, frames, layers, take_video};
use crate::base::Transport;
use crate::rtc::Mode;
use crate::signal::ResumeError;
use livekit_protocol as proto;
use proto::signal_request::Message as Request;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// A TCP proxy to the server whose connections can be cut.
struct Proxy {
    port: u16,
    cut: tokio::sync::broadcast::Sender<()>,
}

impl Proxy {
    async fn to(server: &Server) -> Self {
        let (listener, to) = (TcpListener::bind("127.0.0.1:0").await.expect("a port"), server.port);
        let port = listener.local_addr().expect("an address").port();
        let cut = tokio::sync::broadcast::Sender::new(1);
        let cuts = cut.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cut = cuts.subscribe();
                tokio::spawn(async move {
                    let Ok(mut far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.recv() => {}
                    }
                });
            }
        });
        Self { port, cut }
    }
}

async fn resume(mode: Mode) {
    let server = Server::start().await;
    let proxy = Proxy::to(&server).await;
    let url = format!("ws://127.0.0.1:{}", proxy.port);
    let direct = server.url();
    let mut ann =
        Guest::join(Entry { url: &url, room: "room", identity: "ann", mode, loss: 0.0, transport: Transport::Auto })
            .await;
    let mut bob =
        Guest::join(Entry { url: &direct, room: "room", identity: "bob", mode, loss: 0.0, transport: Transport::Auto })
            .await;
    let limit = Duration::from_secs(10);
    tokio::join!(ann.run(limit, |g| g.is_up()), bob.run(limit, |g| g.is_up()));
    let video = ann.publish_video(&layers(&[""])).await;
    let mut camera = Camera::new(video, 1);
    camera.run(&mut ann, &mut bob, Duration::from_secs(1)).await;
    let mut media = take_video(&mut bob).expect("video");

    proxy.cut.send(()).expect("a connection to cut");
    assert!(ann.run(limit, |g| g.closed).await, "the cut is noticed");
    let answer = ann.link.resume(proto::ReconnectReason::RrSignalDisconnected).await.expect("resumed");
    assert!(answer.server_info.is_some());
    ann.closed = false;
    let descriptions = ann.peers.descriptions().await;
    let published = proto::TrackPublishedResponse {
        cid: "cam".into(),
        track: Some(proto::TrackInfo { sid: ann.published["cam"].clone(), ..Default::default() }),
    };
    let sync = proto::SyncState {
        offer: descriptions.offer.map(|sdp| description("offer", sdp, 0)),
        answer: descriptions.answer.map(|sdp| description("answer", sdp, 0)),
        publish_tracks: vec![published],
        subscription: Some(proto::UpdateSubscription::default()),
        ..Default::default()
    };
    ann.link.send(Request::SyncState(sync)).await;
    ann.connected.clear();
    ann.offer(true).await;
    assert!(ann.run(limit, |g| !g.offering && g.is_up()).await, "connected again");
    ann.link.set_reconnected().await;
    frames(&mut media);
    camera.run(&mut ann, &mut bob, Duration::from_secs(2)).await;
    let after = frames(&mut media).len();
    assert!(after > 40, "{after} frames after the resume");
    assert!(ann.left.is_none() && !ann.closed, "our own closing is not reported");

    server.remove("room", "ann").await;
    assert!(ann.run(limit, |g| g.left.is_some() && g.closed).await, "removed");
    assert_eq!(ann.left.as_ref().map(|l| l.reason()), Some(proto::DisconnectReason::ParticipantRemoved));
    let refused = ann.link.resume(proto::ReconnectReason::RrSignalDisconnected).await;
    assert!(matches!(refused, Err(ResumeError::Rejoin(_) | ResumeError::Ended(_))), "{refused:?}");
    ann.peers.close().await;
    bob.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_resumes_over_one_connection_and_removes() {
    resume(Mode::Single).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_resumes_over_two_connections_and_removes() {
    resume(Mode::Dual).await;
}
