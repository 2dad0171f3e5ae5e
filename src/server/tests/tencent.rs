//! Tencent Cloud's API over HTTP, with signatures made here. `tests/e2e` calls it with the official SDKs.

use super::*;
use crate::base::Secret;
use crate::clock::unix_s;
use crate::proto::tencent::{KeyPair, UserSigKey};
use crate::proto::token::ApiKeys;
use crate::server::Secrets;
use crate::server::secrets::{Application, CALLS_PER_SECOND};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const APP: u32 = 1_400_000_001;

fn user_sig_key(secret: &str) -> UserSigKey {
    UserSigKey { sdk_app_id: APP, secret: Secret::new(secret.into()) }
}

fn secrets() -> Secrets {
    let keys = vec![KeyPair { id: "AKIDtest".into(), secret: Secret::new("hush".into()) }];
    let user_sig_keys = vec![user_sig_key("sesame")];
    let application = Application { sdk_app_id: APP, keys, user_sig_keys, calls_per_second: CALLS_PER_SECOND };
    Secrets { application: Some(application), ..ServerConfig::dev().secrets }
}

async fn start_application() -> Embedded {
    Embedded::start(ServerConfig { secrets: secrets(), ..ServerConfig::dev() }).await.expect("a server")
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec()
}

/// A signed request, which may be sent several times.
struct Call {
    action: &'static str,
    version: &'static str,
    timestamp: i64,
    body: String,
    secret_key: &'static str,
}

impl Call {
    fn new(action: &'static str, body: &Value) -> Self {
        Self { action, version: "2019-07-22", timestamp: unix_s(), body: body.to_string(), secret_key: "hush" }
    }

    fn authorization(&self, host: &str) -> String {
        let date = jiff::Timestamp::from_second(self.timestamp).unwrap().strftime("%Y-%m-%d").to_string();
        let scope = format!("{date}/trtc/tc3_request");
        let payload = hex::encode(Sha256::digest(&self.body));
        let canonical =
            format!("POST\n/\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n{payload}");
        let canonical = hex::encode(Sha256::digest(canonical));
        let text = format!("TC3-HMAC-SHA256\n{}\n{scope}\n{canonical}", self.timestamp);
        let key = mac(&mac(&mac(format!("TC3{}", self.secret_key).as_bytes(), &date), "trtc"), "tc3_request");
        let signature = hex::encode(mac(&key, &text));
        format!("TC3-HMAC-SHA256 Credential=AKIDtest/{scope}, SignedHeaders=content-type;host, Signature={signature}")
    }

    /// Sends it. Returns `ok` or the error's code.
    async fn send(&self, server: &Embedded) -> String {
        let host = server.url().trim_start_matches("ws://");
        let request = reqwest::Client::new()
            .post(http_url(server, "/"))
            .header("content-type", "application/json")
            .header("authorization", self.authorization(host))
            .header("x-tc-action", self.action)
            .header("x-tc-version", self.version)
            .header("x-tc-timestamp", self.timestamp);
        outcome(request.body(self.body.clone()).send().await.expect("an answer")).await
    }
}

/// Checks the parts common to all answers. Returns `ok` or the error's code.
async fn outcome(response: reqwest::Response) -> String {
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["Response"]["RequestId"].as_str().expect("a string").len(), 36, "{answer}");
    let error = &answer["Response"]["Error"];
    if error.is_null() {
        return "ok".into();
    }
    assert!(error["Message"].as_str().expect("a string").ends_with('.'), "{answer}");
    error["Code"].as_str().expect("a string").into()
}

fn remove(room: &Value, users: &[&str]) -> Value {
    json!({"SdkAppId": APP, "RoomId": room, "UserIds": users})
}

fn dismiss(room: &Value) -> Value {
    json!({"SdkAppId": APP, "RoomId": room})
}

#[tokio::test]
async fn numeric_and_string_room_ids_are_different_rooms() {
    let server = start_application().await;
    let (mut number, mut text) =
        (Client::join(&server, "num/123", "mina").await, Client::join(&server, "123", "mina").await);
    let mut tom = Client::join(&server, "num/123", "tom").await;
    assert_eq!(Call::new("RemoveUser", &remove(&json!(123), &["mina"])).send(&server).await, "ok");
    assert_eq!(number.leave_and_close().await.0, lk::DisconnectReason::ParticipantRemoved);
    assert_eq!(tom.gone("mina").await, lk::DisconnectReason::ParticipantRemoved);
    assert_eq!(Call::new("DismissRoomByStrRoomId", &dismiss(&json!("123"))).send(&server).await, "ok");
    assert_eq!(text.leave_and_close().await.0, lk::DisconnectReason::RoomDeleted);
    assert_eq!(Call::new("DismissRoom", &dismiss(&json!(123))).send(&server).await, "ok");
    assert_eq!(tom.leave_and_close().await.0, lk::DisconnectReason::RoomDeleted);
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn removing_an_absent_user_succeeds_and_an_absent_room_fails() {
    let server = start_application().await;
    let mut mina = Client::join(&server, "r", "mina").await;
    let _tom = Client::join(&server, "r", "tom").await;
    let room = json!("r");
    for users in [&["nobody"][..], &["mina", "nobody"], &["mina"], &["mina", "mina"]] {
        assert_eq!(Call::new("RemoveUserByStrRoomId", &remove(&room, users)).send(&server).await, "ok", "{users:?}");
    }
    assert_eq!(mina.leave_and_close().await.0, lk::DisconnectReason::ParticipantRemoved);
    let never = json!("never");
    let expected = "FailedOperation.RoomNotExist";
    assert_eq!(Call::new("RemoveUserByStrRoomId", &remove(&never, &["mina"])).send(&server).await, expected);
    assert_eq!(Call::new("DismissRoomByStrRoomId", &dismiss(&never)).send(&server).await, expected);
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_signed_request_is_executed_once() {
    let server = start_application().await;
    let _tom = Client::join(&server, "r", "tom").await;
    let mut first = Client::join(&server, "r", "mina").await;
    let removal = Call::new("RemoveUserByStrRoomId", &remove(&json!("r"), &["mina"]));
    assert_eq!(removal.send(&server).await, "ok");
    assert_eq!(first.leave_and_close().await.0, lk::DisconnectReason::ParticipantRemoved);
    let body = json!({"room_name": "r", "participant_identity": "mina", "participant_name": "Mina"});
    let answer = reqwest::Client::new().post(http_url(&server, "/token")).json(&body).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    let again = Client::request(&server, &fresh(), answer["participant_token"].as_str().expect("a string")).await;
    let _again = again.expect("mina is let in again");
    assert_eq!(removal.send(&server).await, "ok");
    let client = crate::admin::AdminClient::new(server.url(), ApiKey::dev()).expect("an address");
    assert_eq!(
        client.participants(&room("r")).await.expect("accepted").len(),
        2,
        "the repeated request removes nobody"
    );
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_failed_request_is_not_executed_by_a_replay() {
    let server = start_application().await;
    let dismissal = Call::new("DismissRoomByStrRoomId", &dismiss(&json!("r")));
    assert_eq!(dismissal.send(&server).await, "FailedOperation.RoomNotExist");
    let _mina = Client::join(&server, "r", "mina").await;
    assert_eq!(dismissal.send(&server).await, "FailedOperation.RoomNotExist");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn errors_have_tencents_codes() {
    let server = start_application().await;
    let _mina = Client::join(&server, "num/7", "mina").await;
    let good = || Call::new("DismissRoom", &dismiss(&json!(7)));
    for (call, expected) in [
        (Call { secret_key: "guess", ..good() }, "AuthFailure.SignatureFailure"),
        (Call { timestamp: unix_s() - 400, ..good() }, "AuthFailure.SignatureExpire"),
        (Call { action: "DescribeRoom", ..good() }, "InvalidAction"),
        (Call { version: "2017-03-12", ..good() }, "NoSuchVersion"),
        (Call { body: "{".into(), ..good() }, "InvalidParameter"),
        (Call::new("DismissRoom", &json!({"SdkAppId": 1, "RoomId": 7})), "UnauthorizedOperation.SdkAppId"),
        (Call::new("RemoveUser", &dismiss(&json!(7))), "MissingParameter.UserIds"),
        (Call::new("DismissRoom", &dismiss(&json!(0))), "InvalidParameter.RoomId"),
        (Call { body: "x".repeat(2 << 20), ..good() }, "RequestSizeLimitExceeded"),
        (good(), "ok"),
    ] {
        assert_eq!(call.send(&server).await, expected, "{}", &call.body[..call.body.len().min(80)]);
    }
    let put = reqwest::Client::new().put(http_url(&server, "/")).send().await.expect("an answer");
    assert_eq!(outcome(put).await, "UnsupportedProtocol");
    let unsigned = reqwest::Client::new().post(http_url(&server, "/")).body("{}").send().await.expect("an answer");
    assert_eq!(outcome(unsigned).await, "AuthFailure.InvalidAuthorization");
    let look = reqwest::get(http_url(&server, "/")).await.expect("an answer");
    assert_eq!((look.status().as_u16(), look.text().await.expect("a text").as_str()), (200, "OK"));
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_server_without_an_application_refuses_all_calls() {
    let server = start().await;
    let call = Call::new("DismissRoom", &dismiss(&json!(7)));
    assert_eq!(call.send(&server).await, "AuthFailure.SecretIdNotFound");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn too_many_calls_of_one_action_are_refused_and_the_others_are_not() {
    let mut secrets = secrets();
    secrets.application.as_mut().expect("present").calls_per_second = 1;
    let server = Embedded::start(ServerConfig { secrets, ..ServerConfig::dev() }).await.expect("a server");
    let calls: Vec<_> = (1..=20).map(|n| Call::new("DismissRoom", &dismiss(&json!(n)))).collect();
    let codes = futures_util::future::join_all(calls.iter().map(|call| call.send(&server))).await;
    let refused = codes.iter().filter(|code| *code == "RequestLimitExceeded").count();
    assert!((1..20).contains(&refused), "{codes:?}");
    let other = Call::new("DismissRoomByStrRoomId", &dismiss(&json!("r"))).send(&server).await;
    assert_eq!(other, "FailedOperation.RoomNotExist");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_user_sig_admits_its_user_where_tokens_are_not_open() {
    let config = ServerConfig { secrets: secrets(), open_tokens: false, ..ServerConfig::dev() };
    let server = Embedded::start(config).await.expect("a server");
    let ask = async |body: Value| {
        let sent =
            reqwest::Client::new().post(http_url(&server, "/token")).json(&body).send().await.expect("an answer");
        (sent.status().as_u16(), sent.json::<Value>().await.expect("JSON"))
    };
    let minute = Duration::from_secs(60);
    let made = |by: UserSigKey, at: i64| {
        by.make(&"mina".parse().expect("valid"), minute, at).expect("signed").expose().clone()
    };
    let good = made(user_sig_key("sesame"), unix_s());
    let (status, answer) = ask(json!({"room_name": "num/7", "participant_name": "Mina", "user_sig": good})).await;
    assert_eq!(status, 201, "{answer}");
    let token = answer["participant_token"].as_str().expect("a string");
    let grant = ApiKeys::new(vec![ApiKey::dev()]).verify(token).expect("verified");
    assert_eq!((grant.room.as_str(), grant.identity.as_str(), grant.room_admin), ("num/7", "mina", false));
    assert!(Client::request(&server, &fresh(), token).await.is_ok());
    let other_app = UserSigKey { sdk_app_id: 5, ..user_sig_key("sesame") };
    for (body, status, because) in [
        (json!({"room_name": "r"}), 403, "invitation"),
        (json!({"room_name": "r", "user_sig": made(user_sig_key("guess"), unix_s())}), 401, "signature"),
        (json!({"room_name": "r", "user_sig": made(user_sig_key("sesame"), unix_s() - 100)}), 401, "expired"),
        (json!({"room_name": "r", "user_sig": made(other_app, unix_s())}), 401, "SdkAppId"),
        (json!({"room_name": "r", "user_sig": "x"}), 401, "not a UserSig"),
        (json!({"room_name": "r", "user_sig": 5}), 400, "JSON"),
        (json!({"room_name": "r", "user_sig": good, "participant_identity": "tom"}), 403, "mina's"),
        (json!({"room_name": "a/b", "user_sig": good}), 400, "'/'"),
    ] {
        let (said, answer) = ask(body.clone()).await;
        let error = answer["error"].as_str().expect("a string");
        assert!(said == status && error.contains(because) && !error.contains(&good), "{body}: {said} {error}");
    }
    server.stop().await.expect("stopped");
}
