//! Bans hold through an outage of the client and through a restart of the server.

use super::*;
use crate::admin::AdminClient;
use crate::proto::token::{AdminGrant, ApiKeys};
use lk::DisconnectReason as Why;
use std::path::Path;

/// Both protocol versions.
const PROTOCOLS: [Protocol; 2] = [Protocol::V0, Protocol::V1];

#[derive(Clone, Copy, Debug)]
enum Protocol {
    V0,
    V1,
}

impl Protocol {
    fn fresh(self) -> String {
        match self {
            Self::V0 => "/rtc?protocol=16&auto_subscribe=1".into(),
            Self::V1 => format!("/rtc/v1?join_request={}", join_request(&fresh())),
        }
    }

    fn resume(self, sid: &str) -> String {
        match self {
            Self::V0 => format!("/rtc?protocol=16&reconnect=1&sid={sid}"),
            Self::V1 => format!("/rtc/v1?join_request={}", join_request(&resume(sid))),
        }
    }

    /// Joins and reads `join`.
    async fn join(self, server: &Embedded, token: &str) -> Client {
        let mut client = Client::open(server, &self.fresh(), token).await.expect("an upgrade");
        let Heard::Join(join) = client.next().await.expect("a first message") else {
            panic!("the first message is not join")
        };
        client.sid = join.participant.expect("participant").sid;
        client
    }
}

fn admin(server: &Embedded) -> AdminClient {
    AdminClient::new(server.url(), ApiKey::dev()).expect("an address")
}

/// Requests a token from the server, which waits until it is newer than a ban.
async fn ask(server: &Embedded, room: &str, user: &str) -> String {
    let body = serde_json::json!({"room_name": room, "participant_identity": user, "participant_name": user});
    let sent = reqwest::Client::new().post(http_url(server, "/token")).json(&body).send().await.expect("an answer");
    sent.json::<serde_json::Value>().await.expect("JSON")["participant_token"].as_str().expect("a string").to_owned()
}

async fn is_refused(server: &Embedded, protocol: Protocol, token: &str, because: &str) {
    let (status, said) = Client::open(server, &protocol.fresh(), token).await.err().expect("a refusal");
    assert_eq!(status, 403, "{said}");
    assert!(said.contains(because), "{said}");
}

#[tokio::test]
async fn a_removal_during_an_outage_refuses_resume_and_join() {
    let server = start().await;
    for protocol in PROTOCOLS {
        let name = format!("{protocol:?}");
        for (user, because, why) in
            [("mina", "removed", Why::ParticipantRemoved), ("tom", "dismissed", Why::RoomDeleted)]
        {
            let (room_name, old) = (format!("{name}-{user}"), token(&format!("{name}-{user}"), user));
            let _other = Client::join(&server, &room_name, "ana").await;
            let mut client = protocol.join(&server, &old).await;
            let renewed = client.until(|m| if let Heard::RefreshToken(t) = m { Some(t.clone()) } else { None }).await;
            let sid = client.sid.clone();
            drop(client);
            match why {
                Why::RoomDeleted => admin(&server).dismiss(&room(&room_name)).await.expect("accepted"),
                _ => admin(&server).remove(&room(&room_name), &user.parse().expect("valid")).await.expect("accepted"),
            }
            for token in [&old, &renewed] {
                let mut back = Client::open(&server, &protocol.resume(&sid), token).await.expect("an upgrade");
                assert_eq!(back.leave_and_close().await, (why, Some(1000)), "{protocol:?}");
                is_refused(&server, protocol, token, because).await;
            }
            protocol.join(&server, &ask(&server, &room_name, user).await).await;
        }
    }
    server.stop().await.expect("stopped");
}

async fn start_in(folder: &Path) -> Embedded {
    Embedded::start(ServerConfig { state: Some(folder.to_owned()), ..ServerConfig::dev() }).await.expect("a server")
}

#[tokio::test]
async fn a_removal_outlives_a_restart_of_a_server_with_a_state_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = start_in(folder.path()).await;
    let (kicked, stays, dismissed, away) =
        (token("tea", "mina"), token("tea", "tom"), token("board", "ana"), token("board", "ben"));
    let mut mina = Client::request(&server, &fresh(), &kicked).await.expect("an upgrade");
    let Heard::Join(join) = mina.next().await.expect("a message") else { panic!("no join") };
    let sid = join.participant.expect("a participant").sid;
    let _tom = Client::request(&server, &fresh(), &stays).await.expect("an upgrade");
    let mut ana = Client::request(&server, &fresh(), &dismissed).await.expect("an upgrade");
    assert!(matches!(ana.next().await, Ok(Heard::Join(_))));
    admin(&server).remove(&room("tea"), &"mina".parse().expect("valid")).await.expect("accepted");
    let saved = std::fs::read_to_string(folder.path().join("bars.json")).expect("file access");
    assert!(saved.contains("mina"), "an answered removal is on disk: {saved}");
    admin(&server).dismiss(&room("board")).await.expect("accepted");
    server.stop().await.expect("stopped");

    let server = start_in(folder.path()).await;
    for protocol in PROTOCOLS {
        is_refused(&server, protocol, &kicked, "removed").await;
        is_refused(&server, protocol, &dismissed, "dismissed").await;
        let mut back = Client::open(&server, &protocol.resume(&sid), &kicked).await.expect("an upgrade");
        assert_eq!(back.leave_and_close().await, (Why::ParticipantRemoved, Some(1000)));
        protocol.join(&server, &stays).await;
        // A user who was not in the dismissed room may open it again.
        protocol.join(&server, &away).await;
    }
    for (room, user) in [("tea", "mina"), ("board", "ana")] {
        Protocol::V1.join(&server, &ask(&server, room, user).await).await;
    }
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn an_unusable_state_folder_stops_the_start_with_a_message() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = ServerConfig { state: Some(file.path().to_owned()), ..ServerConfig::dev() };
    let error = Embedded::start(config).await.expect_err("a refusal").to_string();
    assert!(error.contains("cannot be used") && error.contains("may write to"), "{error}");
}

#[tokio::test]
async fn a_change_of_permission_sends_a_token_with_it() {
    let server = start().await;
    let mut mina = Client::join(&server, "r", "mina").await;
    let renewed = |m: &Heard| if let Heard::RefreshToken(t) = m { Some(t.clone()) } else { None };
    mina.until(renewed).await;
    let permission = lk::ParticipantPermission { can_subscribe: true, ..Default::default() };
    let body = serde_json::json!({"room": "r", "identity": "mina", "name": "Mina P.", "permission": permission});
    let path = http_url(&server, "/twirp/livekit.RoomService/UpdateParticipant");
    let key = ApiKey::dev().admin_token(&AdminGrant::Room(room("r"))).expect("signed");
    let sent = reqwest::Client::new().post(path).bearer_auth(key.expose()).json(&body).send().await.expect("an answer");
    assert_eq!(sent.status(), 200);
    let fresh_token = mina.until(renewed).await;
    let grant = ApiKeys::new(vec![ApiKey::dev()]).verify(&fresh_token).expect("verified");
    assert_eq!(
        (grant.name.as_str(), grant.permission.can_publish, grant.permission.can_subscribe),
        ("Mina P.", false, true)
    );
    // A resume with the older token gets a new one with the changed permission.
    let mut back = Client::request(&server, &resume(&mina.sid), &token("r", "mina")).await.expect("an upgrade");
    let again = ApiKeys::new(vec![ApiKey::dev()]).verify(&back.until(renewed).await).expect("verified");
    assert_eq!(again.permission, grant.permission);
    server.stop().await.expect("stopped");
}
