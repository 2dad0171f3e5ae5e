//! `visavis serve --engine livekit`: our APIs, with the rooms on a real livekit-server.

use crate::kit::http::request;
use crate::kit::livekit_server::KEYS;
use crate::kit::tencent::{self, BackEnd, KEY, SDK_APP_ID, settings};
use crate::kit::{Events, LiveKitServer, Participant, Process, Sdk, Server, TestContext, Visavis, wait_until};
use serde_json::{Value, json};
use std::time::Duration;

const QUIET: [&str; 4] = ["--camera", "none", "--microphone", "none"];

/// The server checks the rooms every second. In this time it checks each participant at least twice.
const TWO_CHECKS: Duration = Duration::from_secs(3);

/// A livekit-server and our server in front of it.
struct Front {
    context: TestContext,
    livekit: LiveKitServer,
    server: Server,
}

impl Front {
    fn open(name: &str) -> Self {
        let context = TestContext::new(name);
        let livekit = LiveKitServer::start(&context);
        let server = Server::start_over(&context, &livekit, &settings(KEY));
        Self { context, livekit, server }
    }

    fn bot(&self, room: &str, name: &str) -> Participant {
        Participant::bot(&self.context, &self.server.url(), room, name, &QUIET)
    }

    /// Asks our token endpoint. Returns status and answer.
    fn ask(&self, request_body: &Value) -> (u16, Value) {
        let (status, body) = request(self.server.port(), "POST", "/token", &[], &request_body.to_string());
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    fn succeeds(&self, action: &str, params: Value) {
        BackEnd { context: &self.context, server: &self.server }.succeeds(action, params);
    }

    /// Runs `visavis room` against our server.
    fn room(&self, arguments: &[&str]) -> String {
        Visavis::room(&self.context, &self.server, arguments)
    }
}

fn remove(room: Value, users: &[&str]) -> Value {
    json!({"SdkAppId": SDK_APP_ID, "RoomId": room, "UserIds": users})
}

#[test]
fn a_back_end_removes_and_dismisses_on_livekit_server() {
    let front = Front::open("engine-back-end");
    let mut mina = front.bot("num/123", "mina");
    let mut tom = front.bot("num/123", "tom");
    let mut ida = front.bot("123", "ida");
    tom.wait_for_user("RemoteUserEnterRoom", mina.user());
    assert!(front.room(&["users", "num/123", "--json"]).contains(mina.user()), "users are listed from there");
    assert!(front.room(&["list", "--json"]).contains("num/123"), "rooms are listed from there");

    front.succeeds("RemoveUser", remove(json!(123), &[mina.user(), ida.user(), "nobody"]));
    assert_eq!(mina.wait_for("ExitRoom")["reason"], 1);
    mina.running().wait_exit_code(21);
    let gone = tom.wait_for_user("RemoteUserLeaveRoom", mina.user());
    assert_eq!(gone["reason"], 2, "{gone}");

    front.succeeds("DismissRoom", json!({"SdkAppId": SDK_APP_ID, "RoomId": 123}));
    assert_eq!(tom.wait_for("ExitRoom")["reason"], 2);
    tom.running().wait_exit_code(22);
    assert!(ida.all("ExitRoom").is_empty(), "room \"123\" is not room 123");
    front.room(&["dismiss", "123", "--yes"]);
    assert_eq!(ida.wait_for("ExitRoom")["reason"], 2);
    ida.running().wait_exit_code(22);

    let never = [json!({"action": "RemoveUser", "params": remove(json!(9), &["mina"])})];
    let outcomes = BackEnd { context: &front.context, server: &front.server }.node(&json!(never));
    assert_eq!(outcomes[0]["code"], "FailedOperation.RoomNotExist", "{}", outcomes[0]);
}

#[test]
fn a_removed_user_gets_no_token_and_is_removed_with_an_old_one() {
    let mut front = Front::open("engine-removed");
    let wish = |user: &str| json!({"room_name": "tea", "participant_identity": user, "participant_name": user});
    let (status, old) = front.ask(&wish("mina"));
    assert_eq!((status, &old["server_url"]), (201, &json!(front.livekit.url())), "tokens lead to livekit-server");
    let token = front.context.artifact("old.jwt");
    std::fs::write(&token, old["participant_token"].as_str().expect("a token")).expect("a token file");
    let by_token = |name: &str| {
        let mut command = Participant::bot_command(&front.context, &front.livekit.url(), "tea", name);
        command.args(QUIET).arg("--token").arg(&token);
        Process::start(&front.context, name, &mut command)
    };
    let tom = front.bot("tea", "tom");
    let mut mina = Participant::entered(by_token("first"));
    tom.wait_for_user("RemoteUserEnterRoom", "mina");
    front.succeeds("RemoveUserByStrRoomId", remove(json!("tea"), &["mina"]));
    assert_eq!(mina.wait_for("ExitRoom")["reason"], 1);
    mina.running().wait_exit_code(21);

    let (status, refused) = front.ask(&wish("mina"));
    let sentence = refused["error"].as_str().expect("a sentence");
    assert!(status == 403 && sentence.contains("You were removed from this room"), "{status}: {sentence}");
    // livekit-server itself accepts the old token.
    let mut again = Participant::entered(by_token("again"));
    assert_eq!(again.wait_for("ExitRoom")["reason"], 1);
    again.running().wait_exit_code(21);
    assert!(tom.all("ExitRoom").is_empty(), "nobody else is sent away");
    let (status, _) = front.ask(&wish("ida"));
    assert_eq!(status, 201, "everybody else gets a token");
    let audit = front.server.process().stderr();
    assert!(audit.contains("RemoveUserByStrRoomId") && audit.contains("KeepOut"), "{audit}");
    let [(_, _), (_, secret)] = KEYS;
    assert!(!audit.contains(secret) && !audit.contains(KEY[1]), "a secret is logged: {audit}");
}

#[test]
fn a_dismissed_room_opens_again_for_new_tokens_only() {
    let front = Front::open("engine-dismissed");
    let wish = json!({"room_name": "tea", "participant_identity": "mina", "participant_name": "Mina"});
    let (_, old) = front.ask(&wish);
    let enter = |answer: &Value, name: &str| {
        let token = front.context.artifact(&format!("{name}.jwt"));
        std::fs::write(&token, answer["participant_token"].as_str().expect("a token")).expect("a token file");
        let mut command = Participant::bot_command(&front.context, &front.livekit.url(), "tea", name);
        command.args(QUIET).arg("--token").arg(&token);
        Participant::entered(Process::start(&front.context, name, &mut command))
    };
    let first = enter(&old, "first");
    front.succeeds("DismissRoomByStrRoomId", json!({"SdkAppId": SDK_APP_ID, "RoomId": "tea"}));
    assert_eq!(first.wait_for("ExitRoom")["reason"], 2);
    // A look-up does not count as a request for a new token.
    let bearer = format!("Bearer {}", old["participant_token"].as_str().expect("a token"));
    let (status, words) =
        request(front.server.port(), "POST", "/room", &[("Authorization", &bearer)], r#"{"room_name": "tea"}"#);
    assert!(status == 403 && words.contains("dismissed"), "{status}: {words}");
    let again = enter(&old, "again");
    assert_eq!(again.wait_for("ExitRoom")["reason"], 2, "the old token opens nothing for long");
    let (status, new) = front.ask(&wish);
    assert_eq!(status, 201, "{new}");
    let mut back = enter(&new, "back");
    std::thread::sleep(TWO_CHECKS);
    assert!(back.all("ExitRoom").is_empty(), "a participant with a new token was removed");
    back.running().signal("TERM");
    back.running().wait_exit_code(0);
}

#[test]
fn a_user_sig_and_a_host_work_over_livekit_server() {
    let front = Front::open("engine-user-sig");
    let user_sig = tencent::user_sig("mina", tencent::USER_SIG_KEY);
    let (status, answer) = front.ask(&json!({"room_name": "num/7", "user_sig": user_sig}));
    assert_eq!(status, 201, "{answer}");
    let link = front.room(&["link", "num/7", "--host", "--json"]);
    let link: Value = serde_json::from_str(&link).expect("JSON");
    let invitation = link["link"].as_str().and_then(|link| link.split_once("?i=")).expect("an invitation").1;
    let invitation = percent_encoding::percent_decode_str(invitation).decode_utf8().expect("UTF-8");
    let (status, host) = front.ask(&json!({"room_name": "num/7", "participant_name": "Ida", "invitation": invitation}));
    assert_eq!(status, 201, "{host}");
    let sdk = Sdk::Python.join(&front.context, &front.livekit.url(), KEYS, "num/7", "sdk", &[]);
    // livekit-server allows only operators to end a room. A host ends the room through our server.
    let bearer = format!("Bearer {}", host["participant_token"].as_str().expect("a token"));
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let dismiss = |room: &str| {
        let (path, body) = ("/twirp/livekit.RoomService/DeleteRoom", json!({ "room": room }).to_string());
        request(front.server.port(), "POST", path, &headers, &body).0
    };
    assert_eq!((dismiss("num/8"), dismiss("num/7")), (401, 200));
    sdk.wait_for_where("ExitRoom", |_| true);
}

#[test]
fn the_end_of_the_livekit_server_is_reported() {
    let front = Front::open("engine-gone");
    let Front { context, livekit, server } = front;
    let health = |server: &Server| request(server.port(), "GET", "/healthz", &[], "");
    assert_eq!(health(&server).0, 200);
    let (status, text) = request(server.port(), "GET", "/metrics", &[], "");
    assert!(status == 200 && text.contains("visavis_participants 0") && !text.contains("packets"), "{text}");
    let (status, words) = request(server.port(), "GET", "/rtc/v1/validate", &[], "");
    assert!(status == 404 && words.contains(&livekit.url()), "{words}");
    drop(livekit);
    wait_until("the end to be noticed", || (health(&server).0 == 503).then_some(()));
    let call = json!([{"action": "RemoveUser", "params": remove(json!(7), &["mina"])}]);
    let outcomes = BackEnd { context: &context, server: &server }.python(&call);
    assert_eq!(outcomes[0]["code"], "InternalError", "{}", outcomes[0]);
}
