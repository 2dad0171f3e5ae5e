//! `POST /token`.

use super::*;
use crate::proto::token::ApiKeys;
use serde_json::{Value, json};

async fn ask(server: &Embedded, body: &Value) -> (u16, Value) {
    let sent = reqwest::Client::new().post(http_url(server, "/token")).json(body).send().await.expect("an answer");
    (sent.status().as_u16(), sent.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_valid_room_and_name_get_a_token_that_lets_them_in() {
    let server = start().await;
    let body = json!({
        "room_name": "num/4294967294", "participant_identity": "mina", "participant_name": "Mina Park",
        "participant_metadata": "m", "participant_attributes": {"k": "v"}, "something_newer": 1,
    });
    let (status, answer) = ask(&server, &body).await;
    assert_eq!((status, answer["server_url"].as_str()), (201, Some(server.url())));
    let token = answer["participant_token"].as_str().expect("a string");
    let grant = ApiKeys::new(vec![ApiKey::dev()]).verify(token).expect("verified");
    assert_eq!(
        (grant.room.as_str(), grant.identity.as_str(), grant.name.as_str()),
        ("num/4294967294", "mina", "Mina Park")
    );
    assert_eq!((grant.metadata.as_str(), grant.room_admin, grant.attributes.len()), ("m", false, 1));
    assert!(Client::request(&server, &fresh(), token).await.is_ok());
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_request_without_identity_gets_a_new_one() {
    let server = start().await;
    let mut users = Vec::new();
    for _ in 0..2 {
        let (status, answer) = ask(&server, &json!({"room_name": "r", "participant_name": "Tom"})).await;
        assert_eq!(status, 201);
        let grant = ApiKeys::new(vec![ApiKey::dev()])
            .verify(answer["participant_token"].as_str().expect("a string"))
            .expect("verified");
        users.push(grant.identity);
    }
    assert_ne!(users[0], users[1]);
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn bad_rooms_and_names_are_refused_with_a_message() {
    let server = start().await;
    let (long_room, long_name, long_user) = ("x".repeat(65), "x".repeat(1000), "x".repeat(257));
    for (room, user, name, because) in [
        ("", "u", "n", "The room has no name."),
        ("num/0", "u", "n", "1 to 4294967294"),
        ("num/4294967295", "u", "n", "1 to 4294967294"),
        (&long_room, "u", "n", "65 bytes"),
        ("a/b", "u", "n", "'/'"),
        ("büro", "u", "n", "'ü'"),
        ("r", "u", &long_name, "1000 characters"),
        ("r", "u", " ", "Write the name"),
        ("r", &long_user, "n", "1 to 256 bytes"),
        ("r", "a\u{7}b", "n", "control characters"),
    ] {
        let body = json!({"room_name": room, "participant_identity": user, "participant_name": name});
        let (status, answer) = ask(&server, &body).await;
        let error = answer["error"].as_str().expect("a string");
        assert_eq!(status, 400, "{error}");
        assert!(error.contains(because), "{room:?} {user:?} {name:?}: {error}");
    }
    for body in [json!([]), json!({"room_name": 5}), json!("x")] {
        let (status, answer) = ask(&server, &body).await;
        assert!(status == 400 && answer["error"].as_str().expect("a string").contains("JSON"), "{body} {answer}");
    }
    let fat = json!({"room_name": "r", "participant_metadata": "x".repeat(70_000)});
    assert_eq!(ask(&server, &fat).await.0, 400);
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_server_without_open_tokens_refuses() {
    let server = Embedded::start(ServerConfig { open_tokens: false, ..ServerConfig::dev() }).await.expect("a server");
    let (status, answer) = ask(&server, &json!({"room_name": "r", "participant_name": "Mina"})).await;
    assert_eq!(status, 403);
    assert!(answer["error"].as_str().expect("a string").contains("invitation"));
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn the_answer_has_the_public_url_if_set() {
    let public_url = Some("wss://calls.example.com".to_owned());
    let server = Embedded::start(ServerConfig { public_url, ..ServerConfig::dev() }).await.expect("a server");
    let (_, answer) = ask(&server, &json!({"room_name": "r"})).await;
    assert_eq!(answer["server_url"], "wss://calls.example.com");
    server.stop().await.expect("stopped");
}
