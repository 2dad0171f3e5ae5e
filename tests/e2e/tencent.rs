//! Tencent's API 3.0, called by Tencent's own SDKs, with participants in the rooms: a back end of TRTC changes only its
//! endpoint.

use crate::kit::http::request;
use crate::kit::tencent::{self, BackEnd, KEY, SDK_APP_ID, settings};
use crate::kit::{Events, Participant, Server, TestContext, Visavis, wait_until};
use serde_json::{Value, json};

/// No media: these tests look at events only.
const QUIET: [&str; 4] = ["--camera", "none", "--microphone", "none"];

fn quiet(context: &TestContext, server: &Server, room: &str, name: &str) -> Participant {
    Participant::bot(context, &server.url(), room, name, &QUIET)
}

#[test]
fn removed_and_dismissed_by_a_back_end() {
    let context = TestContext::new("tencent");
    let server = Server::start_with(&context, &settings(KEY));
    let back_end = BackEnd { context: &context, server: &server };
    let mut mina = quiet(&context, &server, "num/123", "mina");
    let mut tom = quiet(&context, &server, "num/123", "tom");
    let mut ida = quiet(&context, &server, "123", "ida");
    let params = |room: Value| json!({"SdkAppId": SDK_APP_ID, "RoomId": room});
    let users = [mina.user(), ida.user(), "nobody"];
    back_end.succeeds("RemoveUser", json!({"SdkAppId": SDK_APP_ID, "RoomId": 123, "UserIds": users}));
    let exit = mina.wait_for("ExitRoom");
    assert_eq!(exit["reason"], 1, "{exit}");
    mina.running().wait_exit_code(21);
    let gone = tom.wait_for_user("RemoteUserLeaveRoom", mina.user());
    assert_eq!(gone["reason"], 2, "{gone}");

    back_end.succeeds("DismissRoom", params(json!(123)));
    let exit = tom.wait_for("ExitRoom");
    assert_eq!(exit["reason"], 2, "{exit}");
    tom.running().wait_exit_code(22);
    assert!(ida.all("ExitRoom").is_empty(), "room \"123\" is not room 123");

    back_end.succeeds("DismissRoomByStrRoomId", params(json!("123")));
    let exit = ida.wait_for("ExitRoom");
    assert_eq!(exit["reason"], 2, "{exit}");
    ida.running().wait_exit_code(22);
}

#[test]
fn ten_users_are_removed_in_one_call_with_every_signature() {
    let context = TestContext::new("tencent-signatures");
    let mut server = Server::start_with(&context, &settings(KEY));
    let room = "a b!#$%&()+-:;<=.>?@[]^_{}|~,";
    let many = ["--count", "10", "--camera", "none", "--microphone", "none"];
    let mut bots = Participant::bot(&context, &server.url(), room, "bot", &many);
    let users: Vec<String> = (1..=10).map(|n| format!("bot-{n}")).collect();
    for user in &users {
        bots.wait_for_where("EnterRoom", |e| e["user"] == **user && e["error"].is_null());
    }
    let params = json!({"SdkAppId": SDK_APP_ID, "RoomId": room, "UserIds": users});
    let outcomes = BackEnd { context: &context, server: &server }.python(&every_way_to_sign(&params));
    for user in &users {
        bots.wait_for_where("ExitRoom", |e| e["user"] == **user && e["reason"] == 1);
    }
    bots.running().wait_exit_code(21);
    // The first call emptied and so ended the room. The later ones were verified too.
    assert_eq!(outcomes[0]["ok"], true, "{}", outcomes[0]);
    for outcome in &outcomes[1..] {
        assert_eq!(outcome["code"], "FailedOperation.RoomNotExist", "{outcome}");
    }
    let audit = server.process().stderr();
    assert!(audit.contains("RemoveUserByStrRoomId") && audit.contains("AKIDe2e") && audit.contains("bot-1 bot-2"));
    assert!(!audit.contains(KEY[1]), "the secret is logged: {audit}");
    assert!(!audit.contains('\u{1b}'), "colour codes in a file: {audit:?}");
}

/// RemoveUserByStrRoomId with each signature and method of the SDKs.
fn every_way_to_sign(params: &Value) -> Value {
    let ways = ["TC3-HMAC-SHA256", "HmacSHA256", "HmacSHA1"].into_iter();
    let ways = ways.flat_map(|sign| ["POST", "GET"].map(|method| (sign, method)));
    let action = "RemoveUserByStrRoomId";
    ways.map(|(sign, method)| json!({"action": action, "params": params, "sign": sign, "method": method})).collect()
}

#[test]
fn the_node_sdk_is_served_too() {
    let context = TestContext::new("tencent-node");
    let server = Server::start_with(&context, &settings(KEY));
    let back_end = BackEnd { context: &context, server: &server };
    let mut mina = quiet(&context, &server, "tea & cake", "mina");
    let nobody = json!({"SdkAppId": SDK_APP_ID, "RoomId": "tea & cake", "UserIds": ["nobody", "nowhere"]});
    for outcome in back_end.node(&every_way_to_sign(&nobody)) {
        assert_eq!(outcome["ok"], true, "{outcome}");
    }
    let dismiss = json!({"SdkAppId": SDK_APP_ID, "RoomId": "tea & cake"});
    let cases = [
        (
            json!({"action": "DismissRoomByStrRoomId", "params": dismiss, "secret_key": "guess"}),
            "AuthFailure.SignatureFailure",
        ),
        (json!({"action": "DismissRoom", "params": dismiss}), "InvalidParameter.RoomId"),
        (json!({"action": "RemoveUserByStrRoomId", "params": dismiss}), "MissingParameter.UserIds"),
        (json!({"action": "DismissRoomByStrRoomId", "params": dismiss, "version": "2017-03-12"}), "NoSuchVersion"),
        (json!({"action": "DescribeNothing", "params": dismiss}), "InvalidAction"),
    ];
    let calls: Vec<&Value> = cases.iter().map(|(call, _)| call).collect();
    for ((call, expected), outcome) in cases.iter().zip(back_end.node(&json!(calls))) {
        assert_eq!(outcome["code"], **expected, "{call} → {outcome}");
    }
    let outcomes = back_end.node(&json!([{"action": "DismissRoomByStrRoomId", "params": dismiss}]));
    assert_eq!(outcomes[0]["ok"], true, "{}", outcomes[0]);
    let exit = mina.wait_for("ExitRoom");
    assert_eq!(exit["reason"], 2, "{exit}");
    mina.running().wait_exit_code(22);
}

#[test]
fn every_mistake_has_its_documented_code() {
    let context = TestContext::new("tencent-errors");
    let server = Server::start_with(&context, &settings(KEY));
    let mina = quiet(&context, &server, "num/7", "mina");
    let number = |room: Value| json!({"SdkAppId": SDK_APP_ID, "RoomId": room, "UserIds": ["mina-1"]});
    let users = |users: Value| json!({"SdkAppId": SDK_APP_ID, "RoomId": 7, "UserIds": users});
    let eleven: Vec<String> = (0..11).map(|n| format!("u{n}")).collect();
    let remove = |params: Value| json!({"action": "RemoveUser", "params": params});
    let by_text = |room: Value| json!({"action": "RemoveUserByStrRoomId", "params": number(room)});
    let but = |key: &str, value: Value| {
        let mut call = remove(users(json!(["mina-1"])));
        call[key] = value;
        call
    };
    let cases = [
        (but("secret_key", json!("guess")), "AuthFailure.SignatureFailure"),
        (but("secret_id", json!("AKIDstranger")), "AuthFailure.SecretIdNotFound"),
        (but("skew", json!(-400)), "AuthFailure.SignatureExpire"),
        (but("skew", json!(400)), "AuthFailure.SignatureExpire"),
        (but("action", json!("DescribeNothing")), "InvalidAction"),
        (but("version", json!("2017-03-12")), "NoSuchVersion"),
        (remove(number(json!(0))), "InvalidParameter.RoomId"),
        (remove(number(json!(4_294_967_295u32))), "InvalidParameter.RoomId"),
        (remove(number(json!("7"))), "InvalidParameter.RoomId"),
        (by_text(json!(7)), "InvalidParameter.RoomId"),
        (by_text(json!("a".repeat(65))), "InvalidParameter.RoomId"),
        (by_text(json!("a/b")), "InvalidParameter.RoomId"),
        (remove(users(json!([]))), "InvalidParameter.UserIds"),
        (remove(users(json!(eleven))), "InvalidParameter.UserIds"),
        (remove(users(json!(["x".repeat(33)]))), "InvalidParameter.UserIds"),
        (remove(json!({"RoomId": 7, "UserIds": ["a"]})), "MissingParameter.SdkAppId"),
        (remove(json!({"SdkAppId": SDK_APP_ID, "UserIds": ["a"]})), "MissingParameter.RoomId"),
        (remove(json!({"SdkAppId": SDK_APP_ID, "RoomId": 7})), "MissingParameter.UserIds"),
        (remove(json!({"SdkAppId": 5, "RoomId": 7, "UserIds": ["a"]})), "UnauthorizedOperation.SdkAppId"),
        (remove(number(json!(8))), "FailedOperation.RoomNotExist"),
        (
            json!({"action": "DismissRoom", "params": {"SdkAppId": SDK_APP_ID, "RoomId": 8}}),
            "FailedOperation.RoomNotExist",
        ),
    ];
    let calls: Vec<&Value> = cases.iter().map(|(call, _)| call).collect();
    let outcomes = BackEnd { context: &context, server: &server }.python(&json!(calls));
    for ((call, expected), outcome) in cases.iter().zip(outcomes) {
        assert_eq!(outcome["code"], **expected, "{call} → {outcome}");
        assert!(outcome["request_id"].is_string(), "{outcome}");
    }
    assert!(mina.all("ExitRoom").is_empty(), "a refused call removed somebody");
}

#[test]
fn keys_are_rotated_while_a_call_goes_on() {
    let context = TestContext::new("tencent-rotation");
    let mut server = Server::start_with(&context, &settings(["AKIDold", "old"]));
    let mut mina = quiet(&context, &server, "num/7", "mina");
    let ask = |server: &Server| {
        let call = json!({"action": "RemoveUser",
            "params": {"SdkAppId": SDK_APP_ID, "RoomId": 7, "UserIds": ["nobody"]}});
        BackEnd { context: &context, server }.python(&json!([call])).remove(0)
    };
    assert_eq!(ask(&server)["code"], "AuthFailure.SecretIdNotFound");
    let file = context.artifact("server.toml");
    // An invalid file changes nothing.
    std::fs::write(&file, "[tencent\n").expect("a file");
    server.process().signal("HUP");
    wait_until("the complaint", || server.process().stderr().contains("The keys stay as they are").then_some(()));
    std::fs::write(&file, settings(KEY)).expect("a file");
    server.process().signal("HUP");
    wait_until("the new keys", || (ask(&server)["ok"] == true).then_some(()));
    assert!(mina.all("ExitRoom").is_empty(), "the call goes on");
    mina.running().signal("TERM");
    mina.running().wait_exit_code(0);
}

#[test]
fn a_user_sig_admits_its_user() {
    let context = TestContext::new("user-sig");
    let server = Server::start_with(&context, &settings(KEY));
    let token = |user_sig: &str| {
        let body = json!({"room_name": "num/7", "user_sig": user_sig}).to_string();
        let (status, answer) = request(server.port(), "POST", "/token", &[], &body);
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        (status, answer["participant_token"].as_str().unwrap_or_default().to_owned())
    };
    let mut ours = Visavis::command(&context);
    ours.args(["room", "user-sig", "tom"]);
    ours.env("VISAVIS_SDK_APP_ID", SDK_APP_ID.to_string()).env("VISAVIS_SDK_SECRET_KEY", tencent::USER_SIG_KEY);
    let ours = String::from_utf8(Visavis::run(&mut ours).stdout).expect("UTF-8");
    for (user, user_sig) in [("mina", tencent::user_sig("mina", tencent::USER_SIG_KEY)), ("tom", ours)] {
        let (status, token) = token(user_sig.trim());
        assert_eq!(status, 201, "{user}");
        let file = context.artifact(&format!("{user}.jwt"));
        std::fs::write(&file, token).expect("a token file");
        let arguments = [&["--token", file.to_str().expect("UTF-8")], &QUIET[..]].concat();
        let bot = Participant::bot(&context, &server.url(), "num/7", user, &arguments);
        assert_eq!(bot.user(), user);
    }
    assert_eq!(token(&tencent::user_sig("mina", "another SDKSecretKey")).0, 401);
}
