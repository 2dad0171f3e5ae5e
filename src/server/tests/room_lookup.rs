//! `POST /room`.

use super::*;
use crate::admin::AdminClient;
use crate::hub::HubConfig;
use crate::proto::invitation::{Invitation, Role};
use crate::proto::token::AdminGrant;
use serde_json::{Value, json};

async fn ask(server: &Embedded, token: Option<&str>, body: &Value) -> (u16, Value) {
    let request = reqwest::Client::new().post(http_url(server, "/room")).json(body);
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

fn state(is_open: bool, people: u32, can_enter: bool) -> (u16, Value) {
    (200, json!({"is_open": is_open, "people": people, "can_enter": can_enter}))
}

fn invitation(room_name: &str, until: Option<i64>) -> String {
    Invitation { role: Role::Guest, until }.sign(&room(room_name), &ApiKey::dev()).expect("signed").expose().clone()
}

#[tokio::test]
async fn a_room_is_open_while_somebody_is_in_it() {
    let server = start().await;
    let tea = json!({"room_name": "tea"});
    assert_eq!(ask(&server, None, &tea).await, state(false, 0, true));
    let _mina = Client::join(&server, "tea", "mina").await;
    let _tom = Client::join(&server, "tea", "tom").await;
    assert_eq!(ask(&server, None, &tea).await, state(true, 2, true));
    assert_eq!(ask(&server, None, &json!({"room_name": "num/7"})).await, state(false, 0, true), "another room");
    let (status, answer) = ask(&server, None, &json!({"room_name": "num/0"})).await;
    assert!(status == 400 && answer["error"].as_str().expect("a string").contains("4294967294"), "{answer}");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_caller_without_the_right_to_enter_learns_nothing() {
    let server = Embedded::start(ServerConfig { open_tokens: false, ..ServerConfig::dev() }).await.expect("a server");
    let _mina = Client::join(&server, "tea", "mina").await;
    let other_key = ApiKey::new("stranger", "s".repeat(32)).expect("a key");
    let foreign = other_key.join_token(&claims("tea", "tom")).expect("signed");
    let (own, other) = (token("tea", "tom"), token("coffee", "tom"));
    for (token, proof, status) in [
        (None, None, 403),
        (None, Some(invitation("coffee", None)), 403),
        (None, Some(invitation("tea", Some(1))), 403),
        (Some(other.as_str()), None, 403),
        (Some(other.as_str()), Some(invitation("tea", None)), 403),
        (Some(foreign.expose().as_str()), None, 401),
        (Some(own.as_str()), None, 200),
        (None, Some(invitation("tea", None)), 200),
    ] {
        let asked = json!({"room_name": "tea", "invitation": proof});
        let answer = ask(&server, token, &asked).await;
        assert_eq!(answer.0, status, "{token:?} {proof:?}: {}", answer.1);
        if status == 200 {
            assert_eq!(answer, state(true, 1, true));
        } else {
            // Not even whether the room exists.
            let secret = server_without_rooms(&asked, token).await;
            assert_eq!(answer, secret);
        }
    }
    server.stop().await.expect("stopped");
}

/// The answer of a server without rooms.
async fn server_without_rooms(asked: &Value, token: Option<&str>) -> (u16, Value) {
    let server = Embedded::start(ServerConfig { open_tokens: false, ..ServerConfig::dev() }).await.expect("a server");
    let answer = ask(&server, token, asked).await;
    server.stop().await.expect("stopped");
    answer
}

#[tokio::test]
async fn a_banned_token_is_refused() {
    let server = start().await;
    let tom = token("tea", "tom");
    let mut client = Client::request(&server, &fresh(), &tom).await.expect("an upgrade");
    let tea = json!({"room_name": "tea"});
    assert_eq!(ask(&server, Some(&tom), &tea).await, state(true, 1, true));
    let admin = AdminClient::new(server.url(), ApiKey::dev()).expect("an address");
    admin.remove(&room("tea"), &"tom".parse().expect("valid")).await.expect("accepted");
    client.leave_and_close().await;
    let (status, answer) = ask(&server, Some(&tom), &tea).await;
    assert!(status == 403 && answer["error"].as_str().expect("a string").contains("removed"), "{answer}");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_full_room_and_a_missing_room_cannot_be_entered() {
    let rooms = HubConfig { max_members: 1, auto_create: false, ..HubConfig::default() };
    let server = Embedded::start(ServerConfig { rooms, ..ServerConfig::dev() }).await.expect("a server");
    let tea = json!({"room_name": "tea"});
    assert_eq!(ask(&server, None, &tea).await, state(false, 0, false));
    let create = ApiKey::dev().admin_token(&AdminGrant::Create).expect("signed");
    let made = reqwest::Client::new()
        .post(http_url(&server, "/twirp/livekit.RoomService/CreateRoom"))
        .bearer_auth(create.expose())
        .json(&json!({"name": "tea"}));
    assert_eq!(made.send().await.expect("an answer").status(), 200);
    assert_eq!(ask(&server, None, &tea).await, state(true, 0, true));
    let _mina = Client::join(&server, "tea", "mina").await;
    assert_eq!(ask(&server, None, &tea).await, state(true, 1, false));
    // A participant may join again.
    assert_eq!(ask(&server, Some(&token("tea", "mina")), &tea).await, state(true, 1, true));
    server.stop().await.expect("stopped");
}
