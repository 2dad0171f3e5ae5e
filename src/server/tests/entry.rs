//! Joins and their refusals, with the HTTP status of each.

use super::*;
use crate::base::{EntryErrorKind, Secret};
use crate::proto::token::{AdminGrant, sign_claims};
use crate::signal::{ConnectOptions, RoomProof, SignalLink, look_up_room};
use livekit_api::access_token::{AccessToken, VideoGrants};

const V0: &str = "/rtc?protocol=16";

async fn get(server: &Embedded, path: &str, token: Option<&str>) -> (u16, String) {
    let request = reqwest::Client::new().get(http_url(server, path));
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("a text"))
}

fn v1() -> String {
    format!("/rtc/v1?join_request={}", join_request(&fresh()))
}

fn sdk_token(identity: &str, room: &str, name: &str) -> String {
    // LiveKit's SDKs sign without checking.
    let grants = VideoGrants { room_join: true, room: room.into(), ..Default::default() };
    AccessToken::with_api_key("devkey", "secret")
        .with_identity(identity)
        .with_name(name)
        .with_grants(grants)
        .to_jwt()
        .unwrap()
}

/// Tokens that must be refused, with the expected status.
fn bad_tokens() -> Vec<(u16, String)> {
    let foreign = ApiKey::new("elsewhere", "secret").expect("a key").join_token(&claims("r", "u")).expect("signed");
    let forged = ApiKey::new("devkey", "guess").expect("a key").join_token(&claims("r", "u")).expect("signed");
    let admin = ApiKey::dev().admin_token(&AdminGrant::Room(room("r"))).expect("signed");
    let expired = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3MDAwMDAwMDAsImlzcyI6ImRldmtleSIsInN1YiI6InUi";
    vec![
        (401, foreign.expose().clone()),
        (401, forged.expose().clone()),
        (401, "not-a-token".into()),
        (401, format!("{expired}.x")),
        (403, admin.expose().clone()),
        (400, sdk_token("u", "num/0", "n")),
        (400, sdk_token("u", "num/4294967295", "n")),
        (400, sdk_token("u", &"x".repeat(65), "n")),
        (400, sdk_token("u", "a/b", "n")),
        (400, sdk_token(&"x".repeat(257), "r", "n")),
    ]
}

#[tokio::test]
async fn upgrade_and_validate_refuse_alike_and_never_repeat_the_token() {
    let server = start().await;
    for (status, token) in bad_tokens() {
        for path in [V0.to_owned(), v1()] {
            let (upgrade, said) = Client::open(&server, &path, &token).await.err().expect("a refusal");
            let (validate, said_too) = get(&server, &validate_path(&path), Some(&token)).await;
            assert_eq!((upgrade, validate), (status, status), "{path} {token}: {said}");
            assert_eq!(said, said_too);
            assert!(!said.contains(&token) && said.contains(' '), "a sentence without the token: {said}");
        }
    }
    server.stop().await.expect("stopped");
}

fn validate_path(path: &str) -> String {
    path.replace('?', "/validate?")
}

#[tokio::test]
async fn a_good_token_is_validated_and_upgraded_from_header_and_query() {
    let server = start().await;
    for path in [V0.to_owned(), v1()] {
        let token = token("r", "mina");
        assert_eq!(get(&server, &validate_path(&path), Some(&token)).await, (200, "success".into()));
        let by_query = format!("{}&access_token={token}", validate_path(&path));
        assert_eq!(get(&server, &by_query, None).await, (200, "success".into()));
        assert!(Client::open(&server, &path, &token).await.is_ok());
        assert_eq!(get(&server, &validate_path(&path), None).await.0, 401);
    }
    // A token without a name is valid.
    assert!(Client::request(&server, &fresh(), &sdk_token("u", "r", "")).await.is_ok());
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn an_unreadable_join_request_is_refused_before_the_upgrade() {
    let server = start().await;
    for query in ["", "?join_request=%25%25", "?join_request=AAAA"] {
        let path = format!("/rtc/v1{query}");
        let refused = Client::open(&server, &path, &token("r", "u")).await.err().expect("a refusal");
        assert_eq!(refused.0, 400);
        assert_eq!(get(&server, &format!("/rtc/v1/validate{query}"), Some(&token("r", "u"))).await, refused);
    }
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn metadata_and_attributes_of_a_join_need_the_right_to_set_them() {
    let server = start().await;
    let token = |may: bool| {
        let grants =
            VideoGrants { room_join: true, room: "r".into(), can_update_own_metadata: Some(may), ..Default::default() };
        let token = AccessToken::with_api_key("devkey", "secret").with_identity("mina").with_grants(grants);
        token.with_attributes([("role", "guest")]).to_jwt().expect("signed")
    };
    let host: std::collections::HashMap<_, _> = [("role".to_owned(), "host".to_owned())].into();
    let attributes = lk::JoinRequest { participant_attributes: host.clone(), ..fresh() };
    let metadata = lk::JoinRequest { metadata: "host".into(), ..fresh() };
    let in_query = BASE64_URL_SAFE.encode(serde_json::to_vec(&host).expect("JSON"));
    for path in [
        format!("{V0}&attributes={in_query}"),
        format!("/rtc/v1?join_request={}", join_request(&attributes)),
        format!("/rtc/v1?join_request={}", join_request(&metadata)),
    ] {
        let (status, said) = Client::open(&server, &path, &token(false)).await.err().expect("a refusal");
        assert_eq!((status, said.contains("canUpdateOwnMetadata")), (401, true), "{said}");
        assert_eq!(get(&server, &validate_path(&path), Some(&token(false))).await, (401, said));
        assert!(Client::open(&server, &path, &token(true)).await.is_ok(), "{path}");
    }
    let mina = Client::join(&server, "r", "mina").await;
    let back = lk::JoinRequest { participant_attributes: host, ..resume(&mina.sid) };
    assert!(Client::request(&server, &back, &token(false)).await.is_ok(), "a resume changes neither");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_join_request_of_60_kilobytes_fits_into_the_request_line() {
    let server = start().await;
    let offer = lk::SessionDescription { sdp: "x".repeat(44_000), ..Default::default() };
    let long = join_request(&lk::JoinRequest { publisher_offer: Some(offer), ..fresh() });
    assert!(long.len() > 58_000);
    let path = format!("/rtc/v1/validate?join_request={long}");
    assert_eq!(get(&server, &path, Some(&token("r", "u"))).await, (200, "success".into()));
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn plain_requests_are_answered_as_livekit_answers_them() {
    let server = start().await;
    assert_eq!(get(&server, "/", None).await, (200, "OK".into()));
    assert_eq!(get(&server, "/rtc", Some(&token("r", "u"))).await.0, 404);
    assert_eq!(get(&server, &v1(), Some(&token("r", "u"))).await.0, 404);
    assert_eq!(get(&server, "/settings/regions", None).await.0, 404);
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn web_pages_of_any_origin_may_call() {
    let server = start().await;
    let http = reqwest::Client::new();
    let preflight = http
        .request(reqwest::Method::OPTIONS, http_url(&server, "/token"))
        .header("origin", "https://front.example.com")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type")
        .send();
    let refused = http.get(http_url(&server, "/rtc/validate")).header("origin", "https://front.example.com").send();
    let (preflight, refused) = (preflight.await.unwrap(), refused.await.unwrap());
    assert_eq!(preflight.status(), 200);
    assert_eq!(preflight.headers()["access-control-allow-headers"], "content-type");
    assert_eq!(refused.status(), 401);
    for response in [preflight, refused] {
        assert_eq!(response.headers()["access-control-allow-origin"], "https://front.example.com");
    }
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn health_and_metrics_report_the_state_of_the_server() {
    let server = start().await;
    let _mina = Client::join(&server, "r", "mina").await;
    assert_eq!(get(&server, "/healthz", None).await, (200, "OK".to_owned()));
    let (status, text) = get(&server, "/metrics", None).await;
    assert_eq!(status, 200);
    for line in
        ["visavis_rooms 1", "visavis_participants 1", "visavis_tracks 0", "visavis_media_faults_total 0", "# EOF"]
    {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("mina"), "{text}");
    server.stop().await.expect("stopped");
}

/// The window and `visavis bot` enter by [`SignalLink`], and ask for the room's state with the same token.
#[tokio::test]
async fn clients_tell_a_wrong_clock_from_an_expired_token() {
    let server = start().await;
    let now = crate::clock::unix_s();
    for (from, until, kind, says) in [
        (600, 4000, EntryErrorKind::WrongClock, "the clock of the computer that made it is ahead"),
        (-4000, -600, EntryErrorKind::TokenRefused, "has expired"),
        (-4000, -61, EntryErrorKind::TokenRefused, "has expired"),
    ] {
        let grants = serde_json::json!({ "roomJoin": true, "room": "r" });
        let claims = serde_json::json!({
            "iss": "devkey", "sub": "u", "nbf": now + from, "exp": now + until, "video": grants,
        });
        let token = Secret::new(sign_claims("secret", &claims));
        for single in [true, false] {
            let options = ConnectOptions { single, offer: None, timeout: PATIENCE };
            let error = SignalLink::connect(server.url(), &token, options).await.err().expect("a refusal");
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
        let error = look_up_room(server.url(), "r", RoomProof::Token(&token)).await.expect_err("a refusal");
        assert_eq!(error.kind(), kind, "{error}");
    }
}

/// livekit-server 1.13.5 takes each of them.
#[tokio::test]
async fn tokens_of_ordinary_back_ends_enter() {
    let server = start().await;
    let now = crate::clock::unix_s();
    let (long, grants) = ("Dr. ".to_owned() + &"é".repeat(300), serde_json::json!({"roomJoin": true, "room": "r"}));
    for (user, more) in [
        ("fraction", serde_json::json!({"exp": now as f64 + 600.5, "nbf": now as f64 - 5.5})),
        ("null", serde_json::json!({"name": null, "metadata": null, "attributes": null, "roomConfig": null})),
        ("audience", serde_json::json!({"aud": ["calls"], "zzz": 1})),
        ("agent", serde_json::json!({"kind": "agent", "name": long})),
    ] {
        let mut claims = serde_json::json!({"iss": "devkey", "sub": user, "exp": now + 600, "video": grants});
        claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let token = sign_claims("secret", &claims);
        let mut client = Client::request(&server, &fresh(), &token).await.expect(user);
        let Ok(Heard::Join(join)) = client.next().await else { panic!("the first message is not join") };
        let me = join.participant.expect("a participant");
        let is_agent = me.kind() == lk::participant_info::Kind::Agent;
        assert_eq!((me.identity.as_str(), is_agent), (user, user == "agent"));
        assert!(me.name.len() <= 256 && long.starts_with(&me.name), "a long name is cut: {}", me.name);
    }
    let nobody = serde_json::json!({"iss": "devkey", "sub": "u", "exp": now + 600, "video": null});
    let refused = Client::request(&server, &fresh(), &sign_claims("secret", &nobody)).await.err().expect("a refusal");
    assert!(refused.0 == 403 && refused.1.contains("does not let anybody join"), "{refused:?}");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_slash_at_the_end_of_an_address_leads_to_the_same_server() {
    let server = start().await;
    let token = Secret::new(token("r", "u"));
    for end in ["/", "//", "/?x=1", "/#x"] {
        let options = ConnectOptions { single: true, offer: None, timeout: PATIENCE };
        let url = format!(" {}{end} ", server.url().replace("ws://", "WS://"));
        SignalLink::connect(&url, &token, options).await.map(|_| ()).expect("entered");
    }
}
