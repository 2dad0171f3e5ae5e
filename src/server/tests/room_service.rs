//! LiveKit's RoomService in protobuf and JSON.

use super::*;
use crate::admin::{AdminClient, AdminClientError};
use crate::proto::token::AdminGrant;
use serde_json::{Value, json};

fn admin(server: &Embedded) -> AdminClient {
    AdminClient::new(server.url(), ApiKey::dev()).expect("an address")
}

/// Makes a call in JSON.
async fn call(server: &Embedded, path: &str, grant: &AdminGrant, body: &Value) -> (u16, Value) {
    let token = ApiKey::dev().admin_token(grant).expect("signed");
    let request = reqwest::Client::new().post(http_url(server, path)).bearer_auth(token.expose()).json(body);
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_room_is_made_listed_and_dismissed_in_both_encodings() {
    let server = start().await;
    let create = json!({"name": "r", "maxParticipants": 4, "emptyTimeout": 300});
    let (status, made) = call(&server, "/twirp/livekit.RoomService/CreateRoom", &AdminGrant::Create, &create).await;
    assert_eq!((status, made["name"].as_str(), made["max_participants"].as_u64()), (200, Some("r"), Some(4)));
    let (status, listed) = call(&server, "//twirp/livekit.RoomService/ListRooms", &AdminGrant::List, &json!({})).await;
    assert_eq!((status, listed["rooms"][0]["name"].as_str()), (200, Some("r")));
    assert_eq!(
        admin(&server).rooms().await.expect("accepted").iter().map(|r| r.name.as_str()).collect::<Vec<_>>(),
        ["r"]
    );
    admin(&server).dismiss(&room("r")).await.expect("accepted");
    assert!(admin(&server).rooms().await.expect("accepted").is_empty());
    assert!(matches!(admin(&server).dismiss(&room("r")).await, Err(AdminClientError::NotFound(_))));
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn people_are_listed_and_removed() {
    let server = start().await;
    let (mut mina, mut tom) =
        (Client::join(&server, "num/7", "mina").await, Client::join(&server, "num/7", "tom").await);
    let people = admin(&server).participants(&room("num/7")).await.expect("accepted");
    let mut people: Vec<_> = people.iter().map(|p| (p.identity.as_str(), p.name.as_str())).collect();
    people.sort_unstable();
    assert_eq!(people, [("mina", "mina's name"), ("tom", "tom's name")]);

    admin(&server).remove(&room("num/7"), &"mina".parse().expect("valid")).await.expect("accepted");
    assert_eq!(mina.leave_and_close().await, (lk::DisconnectReason::ParticipantRemoved, Some(1000)));
    assert_eq!(tom.gone("mina").await, lk::DisconnectReason::ParticipantRemoved);
    let error = admin(&server).remove(&room("num/7"), &"mina".parse().expect("valid")).await.expect_err("refused");
    assert!(matches!(&error, AdminClientError::NotFound(words) if words.contains("participant")), "{error}");
    let grant = AdminGrant::Room(room("nowhere"));
    let nobody = json!({"room": "nowhere", "identity": "mina"});
    let (status, said) = call(&server, "/twirp/livekit.RoomService/RemoveParticipant", &grant, &nobody).await;
    assert_eq!((status, said["code"].as_str()), (404, Some("not_found")));
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_call_needs_the_grant_that_livekit_requires() {
    let server = start().await;
    let service = "/twirp/livekit.RoomService/";
    let other = AdminGrant::Room(room("other"));
    for (method, grant, body) in [
        ("CreateRoom", &AdminGrant::List, json!({"name": "r"})),
        ("DeleteRoom", &other, json!({"room": "r"})),
        ("ListRooms", &AdminGrant::Create, json!({})),
        ("ListParticipants", &other, json!({"room": "r"})),
        ("RemoveParticipant", &AdminGrant::Create, json!({"room": "r", "identity": "u"})),
    ] {
        let (status, said) = call(&server, &format!("{service}{method}"), grant, &body).await;
        assert_eq!((status, said["code"].as_str()), (401, Some("unauthenticated")), "{method}");
    }
    let stranger = AdminClient::new(server.url(), ApiKey::new("devkey", "guess").expect("a key")).expect("an address");
    assert!(matches!(stranger.rooms().await, Err(AdminClientError::Denied(_))));
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn bad_calls_get_twirp_codes() {
    let server = start().await;
    let service = "/twirp/livekit.RoomService/";
    for (method, body, expected) in [
        ("Dance", json!({}), (404, "bad_route")),
        ("MoveParticipant", json!({"room": "r", "identity": "u"}), (501, "unimplemented")),
        ("ForwardParticipant", json!({"room": "r", "identity": "u"}), (501, "unimplemented")),
        ("PerformRpc", json!({"room": "r"}), (501, "unimplemented")),
        ("CreateRoom", json!({"name": "r", "egress": {}}), (501, "unimplemented")),
        ("CreateRoom", json!({"name": "ü"}), (400, "invalid_argument")),
        ("CreateRoom", json!({"name": 5}), (400, "malformed")),
        ("CreateRoom", json!({"name": "num/0"}), (400, "invalid_argument")),
        ("CreateRoom", json!({}), (400, "invalid_argument")),
    ] {
        let (status, said) = call(&server, &format!("{service}{method}"), &AdminGrant::Create, &body).await;
        assert_eq!((status, said["code"].as_str().expect("a string")), expected);
        assert!(!said["msg"].as_str().expect("a sentence").is_empty());
    }
    for service in ["Egress/ListEgress", "Ingress/ListIngress", "SIP/ListSIPTrunk", "AgentDispatchService/ListDispatch"]
    {
        let path = format!("/twirp/livekit.{service}");
        let (status, said) = call(&server, &path, &AdminGrant::Create, &json!({})).await;
        let words = said["msg"].as_str().expect("a sentence");
        assert!(status == 501 && said["code"] == "unimplemented" && words.contains("does not have"), "{said}");
    }
    let (status, said) = call(&server, "/twirp/livekit.Nothing/Do", &AdminGrant::Create, &json!({})).await;
    assert!(status == 404 && said["code"] == "bad_route", "{said}");
    let http = reqwest::Client::new();
    let get = http.get(http_url(&server, &format!("{service}ListRooms"))).send().await.expect("an answer");
    assert_eq!(get.status(), 404);
    let plain = http.post(http_url(&server, &format!("{service}ListRooms"))).body("x").send().await.expect("an answer");
    assert_eq!(plain.status(), 404);
    let big = http.post(http_url(&server, "/token")).body(vec![b'x'; 2 << 20]).send().await.expect("an answer");
    assert_eq!(big.status(), 413);
    server.stop().await.expect("stopped");
}

/// The words are those of livekit-server 1.13.5: its clients look for these keys, also where a value is the default.
#[tokio::test]
async fn answers_in_json_are_written_as_livekit_server_writes_them() {
    let server = start().await;
    let service = "/twirp/livekit.RoomService/";
    let (_, none) = call(&server, &format!("{service}ListRooms"), &AdminGrant::List, &json!({})).await;
    assert_eq!(none, json!({"rooms": []}));
    let _mina = Client::join(&server, "r", "mina").await;
    let (_, rooms) = call(&server, &format!("{service}ListRooms"), &AdminGrant::List, &json!({})).await;
    let room = rooms["rooms"][0].as_object().expect("a room");
    let keys = "active_recording creation_time creation_time_ms departure_timeout empty_timeout enabled_codecs \
                max_participants metadata name num_participants num_publishers sid turn_password version";
    assert_eq!(sorted(room), keys);
    assert_eq!((&room["num_participants"], &room["num_publishers"]), (&json!(1), &json!(0)));
    assert_eq!((&room["empty_timeout"], &room["departure_timeout"]), (&json!(300), &json!(20)));
    let created = room["creation_time"].as_str().expect("64-bit numbers are text");
    assert!(created.parse::<i64>().is_ok() && room["version"].is_null());
    let grant = AdminGrant::Room(self::room("r"));
    let who = json!({"room": "r", "identity": "mina"});
    let (_, mina) = call(&server, &format!("{service}GetParticipant"), &grant, &who).await;
    let keys = "attributes capabilities client_protocol data_tracks disconnect_reason identity is_publisher joined_at \
                joined_at_ms kind kind_details metadata name permission region sid state tracks version";
    assert_eq!(sorted(mina.as_object().expect("a participant")), keys);
    assert_eq!((&mina["kind"], &mina["disconnect_reason"]), (&json!("STANDARD"), &json!("UNKNOWN_REASON")));
    assert_eq!((&mina["state"], &mina["tracks"]), (&json!("JOINED"), &json!([])));
    assert_eq!(mina["permission"]["can_publish_sources"], json!([]));
    server.stop().await.expect("stopped");
}

fn sorted(object: &serde_json::Map<String, Value>) -> String {
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys.join(" ")
}

#[tokio::test]
async fn tokens_and_content_types_are_read_as_livekit_server_reads_them() {
    let server = start().await;
    let token = ApiKey::dev().admin_token(&AdminGrant::List).expect("signed");
    let url = http_url(&server, &format!("/twirp/livekit.RoomService/ListRooms?access_token={}", token.expose()));
    let http = reqwest::Client::new();
    for content_type in ["application/json", "Application/JSON; charset=UTF-8", "APPLICATION/json"] {
        let answer = http.post(&url).header("content-type", content_type).body("{}").send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{content_type}");
    }
    for (content_type, token) in [("text/json", url.as_str()), ("application/json", url.split('?').next().unwrap())] {
        let answer = http.post(token).header("content-type", content_type).body("{}").send().await.expect("an answer");
        let said: Value = answer.json().await.expect("JSON");
        assert!(["bad_route", "unauthenticated"].contains(&said["code"].as_str().expect("a code")), "{said}");
    }
    server.stop().await.expect("stopped");
}
