//! Signalling connections from the first message to the last.

use super::*;
use crate::admin::AdminClient;
use crate::hub::HubConfig;
use crate::proto::token::{AdminGrant, ApiKeys};

fn goodbye() -> Say {
    Say::Leave(lk::LeaveRequest { reason: lk::DisconnectReason::ClientInitiated.into(), ..Default::default() })
}

#[tokio::test]
async fn the_first_message_is_join_and_a_fresh_token_follows() {
    let server = start().await;
    let old = token("r", "mina");
    let mut mina = Client::request(&server, &fresh(), &old).await.expect("an upgrade");
    let Heard::Join(join) = mina.next().await.expect("a message") else { panic!("no join") };
    assert_eq!(
        (join.room.expect("a room").name.as_str(), join.participant.expect("a participant").identity.as_str()),
        ("r", "mina")
    );
    let renewed = mina.until(|m| if let Heard::RefreshToken(t) = m { Some(t.clone()) } else { None }).await;
    let keys = ApiKeys::new(vec![ApiKey::dev()]);
    let (old, renewed) = (keys.verify(&old).expect("verified"), keys.verify(&renewed).expect("verified"));
    assert_eq!((renewed.issued_at, renewed.room, renewed.permission), (old.issued_at, old.room, old.permission));
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_leave_is_answered_and_shown_to_the_others() {
    let server = start().await;
    let (mut mina, mut tom) = (Client::join(&server, "r", "mina").await, Client::join(&server, "r", "tom").await);
    mina.say(goodbye()).await;
    assert_eq!(mina.leave_and_close().await, (lk::DisconnectReason::ClientInitiated, Some(1000)));
    assert_eq!(tom.gone("mina").await, lk::DisconnectReason::ClientInitiated);
    server.stop().await.expect("stopped");
}

/// A client that closes without reading breaks the connection for the server's writes; its earlier messages still
/// count.
#[tokio::test]
async fn a_leave_is_read_although_the_connection_broke_after_it() {
    let server = start().await;
    let mut tom = Client::join(&server, "r", "tom").await;
    for _ in 0..10 {
        let mut mina = Client::join(&server, "r", "mina").await;
        mina.socket.get_ref().set_nodelay(true).unwrap();
        // The server cannot write its answers any more.
        for _ in 0..10 {
            mina.say(Say::PingReq(lk::Ping { timestamp: 5, rtt: 0 })).await;
        }
        mina.say(goodbye()).await;
        socket2::SockRef::from(mina.socket.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
        drop(mina);
        assert_eq!(tom.gone("mina").await, lk::DisconnectReason::ClientInitiated);
    }
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_text_frame_switches_the_session_to_json() {
    let server = start().await;
    let mut mina = Client::join(&server, "r", "mina").await;
    mina.text = true;
    mina.say(Say::PingReq(lk::Ping { timestamp: 5, rtt: 0 })).await;
    let pong = mina.until(|m| if let Heard::PongResp(pong) = m { Some(pong.last_ping_timestamp) } else { None }).await;
    assert_eq!(pong, 5);
    mina.say(goodbye()).await;
    let last = timeout(PATIENCE, mina.socket.next()).await.unwrap().unwrap().unwrap();
    assert!(last.is_text(), "{last:?}");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_malformed_frame_ends_the_link() {
    let server = start().await;
    for frame in [tungstenite::Message::binary(vec![0xff; 9]), tungstenite::Message::text("{")] {
        let mut mina = Client::join(&server, "r", "mina").await;
        mina.socket.send(frame).await.expect("sent");
        let code = loop {
            if let Err(code) = mina.next().await {
                break code;
            }
        };
        assert_eq!(code, Some(1007));
    }
    let mut tom = Client::join(&server, "r", "tom").await;
    let fat = tungstenite::Message::binary(vec![0; super::super::link::MAX_MESSAGE + 1]);
    // The server may close before everything is written.
    tom.socket.send(fat).await.unwrap_or_default();
    while tom.next().await.is_ok() {}
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_dismissal_ends_all_stays_and_bans_their_tokens() {
    let server = start().await;
    let old = token("r", "mina");
    let mut mina = Client::request(&server, &fresh(), &old).await.expect("an upgrade");
    let mut tom = Client::join(&server, "r", "tom").await;
    let Heard::Join(join) = mina.next().await.expect("a message") else { panic!("no join") };
    AdminClient::new(server.url(), ApiKey::dev()).expect("an address").dismiss(&room("r")).await.expect("accepted");
    for client in [&mut mina, &mut tom] {
        assert_eq!(client.leave_and_close().await, (lk::DisconnectReason::RoomDeleted, Some(1000)));
    }
    assert_eq!(Client::request(&server, &fresh(), &old).await.err().map(|r| r.0), Some(403));
    // A resume is upgraded and told the reason.
    let sid = join.participant.expect("a participant").sid;
    let mut late = Client::request(&server, &resume(&sid), &old).await.expect("an upgrade");
    assert_eq!(late.leave_and_close().await, (lk::DisconnectReason::RoomDeleted, Some(1000)));
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_removed_user_comes_back_with_a_new_token_only() {
    let server = start().await;
    let ask = || async {
        let body = serde_json::json!({"room_name": "r", "participant_identity": "mina", "participant_name": "Mina"});
        let sent =
            reqwest::Client::new().post(http_url(&server, "/token")).json(&body).send().await.expect("an answer");
        sent.json::<serde_json::Value>().await.expect("JSON")["participant_token"]
            .as_str()
            .expect("a string")
            .to_owned()
    };
    let old = ask().await;
    let mut mina = Client::request(&server, &fresh(), &old).await.expect("an upgrade");
    let renewed = mina.until(|m| if let Heard::RefreshToken(t) = m { Some(t.clone()) } else { None }).await;
    let _tom = Client::join(&server, "r", "tom").await;
    let admin = AdminClient::new(server.url(), ApiKey::dev()).expect("an address");
    admin.remove(&room("r"), &"mina".parse().expect("valid")).await.expect("accepted");
    for token in [&old, &renewed] {
        let refused = Client::request(&server, &fresh(), token).await.err().expect("a refusal");
        assert_eq!(refused.0, 403, "{}", refused.1);
    }
    assert!(Client::request(&server, &fresh(), &ask().await).await.is_ok());
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_resume_is_not_shown_to_the_others() {
    let server = start().await;
    let (mut mina, mut tom) = (Client::join(&server, "r", "mina").await, Client::join(&server, "r", "tom").await);
    let sid = std::mem::take(&mut mina.sid);
    drop(mina);
    let mut mina = Client::request(&server, &resume(&sid), &token("r", "mina")).await.expect("an upgrade");
    assert!(matches!(mina.next().await, Ok(Heard::Reconnect(_))));
    let everybody = mina.until(|m| if let Heard::Update(u) = m { Some(u.participants.len()) } else { None }).await;
    assert_eq!(everybody, 2);
    mina.say(goodbye()).await;
    assert_eq!(tom.gone("mina").await, lk::DisconnectReason::ClientInitiated);
    server.stop().await.expect("stopped");
}

/// livekit-server looks at the parameter, not at the path.
#[tokio::test]
async fn a_join_request_on_the_older_path_is_read() {
    let server = start().await;
    let offer = lk::SessionDescription { r#type: "offer".into(), sdp: "v=0\r\n".into(), id: 1, ..Default::default() };
    let settings = lk::ConnectionSettings { auto_subscribe: false, ..Default::default() };
    let info = lk::ClientInfo { protocol: 17, client_protocol: 1, ..Default::default() };
    let request = lk::JoinRequest {
        client_info: Some(info),
        connection_settings: Some(settings),
        publisher_offer: Some(offer),
        ..Default::default()
    };
    let path = format!("/rtc?join_request={}", join_request(&request));
    let mut mina = Client::open(&server, &path, &token("r", "mina")).await.expect("an upgrade");
    let Ok(Heard::Join(join)) = mina.next().await else { panic!("no join") };
    assert_eq!(join.participant.map(|p| p.client_protocol), Some(1), "the parameter is read");
    assert!(!join.subscriber_primary, "there is one connection");
    let Err(refused) = Client::open(&server, "/rtc?join_request=%25", &token("r", "tom")).await else { panic!() };
    assert_eq!(refused.0, 400);
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_second_connection_of_a_user_only_publishes() {
    let server = start().await;
    let mut mina = Client::join(&server, "r", "mina").await;
    let mut second = Client::open(&server, "/rtc?publish=screen&protocol=16", &token("r", "mina")).await.expect("in");
    let Ok(Heard::Join(join)) = second.next().await else { panic!("no join") };
    let me = join.participant.expect("a participant");
    assert_eq!(me.identity, "mina#screen");
    assert!(me.permission.is_some_and(|may| may.can_publish && !may.can_subscribe));
    let renewed = second.until(|m| if let Heard::RefreshToken(t) = m { Some(t.clone()) } else { None }).await;
    let renewed = ApiKeys::new(vec![ApiKey::dev()]).verify(&renewed).expect("verified");
    assert!(renewed.identity == "mina#screen" && !renewed.permission.can_subscribe);
    let here = mina.until(|m| {
        let Heard::Update(update) = m else { return None };
        update.participants.iter().any(|p| p.identity == "mina#screen").then_some(())
    });
    here.await;
    let admin = AdminClient::new(server.url(), ApiKey::dev()).expect("an address");
    let old = token("r", "mina");
    admin.remove(&room("r"), &"mina".parse().expect("valid")).await.expect("accepted");
    let Err(refused) = Client::open(&server, "/rtc?publish=other&protocol=16", &old).await else { panic!("let in") };
    assert_eq!(refused.0, 403, "no other name lets in who was removed");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_full_room_and_a_missing_room_refuse_joins() {
    let rooms = HubConfig { auto_create: false, max_members: 1, ..Default::default() };
    let server = Embedded::start(ServerConfig { rooms, ..ServerConfig::dev() }).await.expect("a server");
    let (status, said) = Client::request(&server, &fresh(), &token("r", "mina")).await.err().expect("a refusal");
    assert_eq!((status, said.as_str()), (404, "requested room does not exist"));
    let create = ApiKey::dev().admin_token(&AdminGrant::Create).expect("signed");
    let body = serde_json::json!({"name": "r", "emptyTimeout": 60});
    let path = http_url(&server, "/twirp/livekit.RoomService/CreateRoom");
    let made =
        reqwest::Client::new().post(path).bearer_auth(create.expose()).json(&body).send().await.expect("an answer");
    assert_eq!(made.status(), 200);
    let _mina = Client::join(&server, "r", "mina").await;
    assert_eq!(Client::request(&server, &fresh(), &token("r", "tom")).await.err().map(|r| r.0), Some(403));
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_stopping_server_sends_leave_to_all() {
    let server = start().await;
    let mut clients = Vec::new();
    for user in ["mina", "tom", "ana"] {
        clients.push(Client::join(&server, "r", user).await);
    }
    let address = server.url().trim_start_matches("ws://").to_owned();
    let stopping = tokio::spawn(server.stop());
    for client in &mut clients {
        assert_eq!(client.leave_and_close().await, (lk::DisconnectReason::ServerShutdown, Some(1000)));
    }
    stopping.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "the port is closed");
}

#[tokio::test]
async fn a_silent_client_does_not_delay_the_stop() {
    let server = start().await;
    let _silent = Client::join(&server, "r", "mina").await;
    timeout(Duration::from_secs(5), server.stop()).await.expect("stopped in time").expect("stopped");
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    // These clients do not ping: the silence limit must not end their links.
    let long = 10 * PATIENCE;
    let rooms = HubConfig { link_silence: long, resume_window: Duration::from_millis(100), ..HubConfig::default() };
    let server = Embedded::start(ServerConfig { rooms, ..ServerConfig::dev() }).await.expect("a server");
    let (mut mina, _deaf) = (Client::join(&server, "r", "mina").await, Client::join(&server, "r", "deaf").await);
    // Each change of the room's metadata is broadcast. Mina reads; the other client does not, so its socket buffers
    // fill up, then its queue.
    let key = ApiKey::dev().admin_token(&AdminGrant::Room(room("r"))).expect("signed");
    let (http, path) = (reqwest::Client::new(), http_url(&server, "/twirp/livekit.RoomService/UpdateRoomMetadata"));
    let admin = AdminClient::new(server.url(), ApiKey::dev()).expect("an address");
    for round in 0.. {
        assert!(round < 2000, "the client is connected after {round} messages of 60 KB");
        let body = serde_json::json!({"room": "r", "metadata": format!("{round}{}", "x".repeat(60_000))});
        let sent = http.post(&path).bearer_auth(key.expose()).json(&body).send().await.expect("an answer");
        assert_eq!(sent.status(), 200);
        mina.until(|m| matches!(m, Heard::RoomUpdate(_)).then_some(())).await;
        if round % 20 == 0 && admin.participants(&room("r")).await.expect("accepted").len() == 1 {
            break;
        }
    }
    server.stop().await.expect("stopped");
}
