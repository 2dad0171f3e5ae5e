//! Join links: who may make them, their web page, and what they allow.

use super::*;
use crate::admin::{AdminClient, AdminClientError};
use crate::base::Secret;
use crate::proto::invitation::{Invitation, Role};
use crate::proto::link;
use crate::proto::token::{AdminGrant, ApiKeys};
use serde_json::{Value, json};

/// A server that admits only users with an invitation.
async fn closed() -> Embedded {
    Embedded::start(ServerConfig { open_tokens: false, ..ServerConfig::dev() }).await.expect("a server")
}

async fn post(server: &Embedded, path: &str, token: &str, body: &Value) -> (u16, Value) {
    let request = reqwest::Client::new().post(http_url(server, path)).bearer_auth(token).json(body);
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Asks for an access token with the invitation of a link.
async fn follow(server: &Embedded, room_name: &str, user: &str, link: &str) -> (u16, Value) {
    let place = link::parse(link).expect("a link");
    let invitation = place.invitation.as_ref().map(|text| text.expose().clone());
    let body = json!({"room_name": room_name, "participant_identity": user, "invitation": invitation});
    post(server, "/token", "", &body).await
}

fn token_of(answer: &Value) -> &str {
    answer["participant_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}"))
}

fn operator() -> String {
    ApiKey::dev().admin_token(&AdminGrant::Create).expect("signed").expose().clone()
}

#[tokio::test]
async fn a_host_removes_and_ends_and_a_guest_does_not() {
    let server = closed().await;
    let make = async |role: &str| {
        let (status, made) = post(&server, "/links", &operator(), &json!({"room": "tea", "role": role})).await;
        assert_eq!((status, made["role"].as_str()), (201, Some(role)), "{made}");
        assert_eq!(link::parse(made["app_link"].as_str().expect("a string")).expect("a link").room, room("tea"));
        made["link"].as_str().expect("a string").to_owned()
    };
    let (guest_link, host_link) = (make("guest").await, make("host").await);
    let (_, guest) = follow(&server, "tea", "tom", &guest_link).await;
    let (_, host) = follow(&server, "tea", "mina", &host_link).await;
    let mut tom = Client::request(&server, &fresh(), token_of(&guest)).await.expect("an upgrade");
    let mut mina = Client::request(&server, &fresh(), token_of(&host)).await.expect("an upgrade");
    let service = "/twirp/livekit.RoomService/";
    let removal = json!({"room": "tea", "identity": "tom"});
    for (method, body) in [("RemoveParticipant", &removal), ("DeleteRoom", &json!({"room": "tea"}))] {
        let (status, _) = post(&server, &format!("{service}{method}"), token_of(&guest), body).await;
        assert_eq!(status, 401, "a guest's {method}");
    }
    let other = post(&server, &format!("{service}DeleteRoom"), token_of(&host), &json!({"room": "coffee"})).await;
    assert_eq!(other.0, 401, "a host of another room");
    let (status, _) = post(&server, &format!("{service}RemoveParticipant"), token_of(&host), &removal).await;
    assert_eq!(status, 200);
    assert_eq!(tom.leave_and_close().await.0, lk::DisconnectReason::ParticipantRemoved);
    let (status, _) = post(&server, &format!("{service}DeleteRoom"), token_of(&host), &json!({"room": "tea"})).await;
    assert_eq!(status, 200);
    assert_eq!(mina.leave_and_close().await.0, lk::DisconnectReason::RoomDeleted);
    server.stop().await.expect("stopped");
}

/// The calls that the window makes with the token of its call.
#[tokio::test]
async fn the_server_refuses_a_guest_who_acts_as_a_host() {
    let server = closed().await;
    let client = async |user: &str, role: Role| {
        let invitation = Invitation { role, until: None }.sign(&room("tea"), &ApiKey::dev()).expect("signed");
        let (_, answer) =
            follow(&server, "tea", user, &link::link(server.url(), &room("tea"), Some(&invitation))).await;
        let token = token_of(&answer).to_owned();
        let there = Client::request(&server, &fresh(), &token).await.expect("an upgrade");
        (AdminClient::with_token(server.url(), Secret::new(token)).expect("an address"), there)
    };
    let (guest, mut tom) = client("tom", Role::Guest).await;
    let (host, mut mina) = client("mina", Role::Host).await;
    let (ida, _ida) = client("ida", Role::Guest).await;
    let (tea, tom_id, mina_id) = (room("tea"), "tom".parse().expect("valid"), "mina".parse().expect("valid"));
    assert!(matches!(guest.remove(&tea, &mina_id).await, Err(AdminClientError::Denied(_))));
    assert!(matches!(guest.dismiss(&tea).await, Err(AdminClientError::Denied(_))));
    assert!(matches!(guest.guest_link(&tea).await, Err(AdminClientError::Denied(_))));
    assert!(matches!(host.remove(&room("coffee"), &tom_id).await, Err(AdminClientError::Denied(_))));
    assert!(matches!(host.guest_link(&room("coffee")).await, Err(AdminClientError::Denied(_))));

    let made = host.guest_link(&tea).await.expect("accepted");
    let (status, answer) = follow(&server, "tea", "eve", &made).await;
    assert_eq!(status, 201, "{answer}");
    let grant = ApiKeys::new(vec![ApiKey::dev()]).verify(token_of(&answer)).expect("verified");
    assert!(grant.room_join && !grant.room_admin, "a host invites guests");
    host.remove(&tea, &tom_id).await.expect("accepted");
    assert_eq!(tom.leave_and_close().await.0, lk::DisconnectReason::ParticipantRemoved);
    // Neither a guest in the room nor a removed one may dismiss it.
    for refused in [&ida, &guest] {
        assert!(matches!(refused.dismiss(&tea).await, Err(AdminClientError::Denied(_))));
    }
    host.dismiss(&tea).await.expect("accepted");
    assert_eq!(mina.leave_and_close().await.0, lk::DisconnectReason::RoomDeleted);
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn links_are_made_by_hosts_of_their_room_and_by_operators() {
    let server = closed().await;
    let host = ApiKey::dev().join_token(&JoinClaims { room_admin: true, ..claims("tea", "mina") }).expect("signed");
    for (who, room, status) in [
        (host.expose().as_str(), "tea", 201),
        (host.expose(), "coffee", 403),
        (&token("tea", "tom"), "tea", 403),
        (&operator(), "num/7", 201),
        (&operator(), "num/0", 400),
        ("nonsense", "tea", 401),
    ] {
        let (said, answer) = post(&server, "/links", who, &json!({"room": room, "valid_for_s": 60})).await;
        assert_eq!(said, status, "{room}: {answer}");
        assert!(status == 201 || answer["error"].as_str().expect("a string").ends_with('.'), "{answer}");
    }
    for body in [json!([]), json!({}), json!({"room": "r", "role": "king"}), json!({"room": "r", "valid_for_s": 0})] {
        assert_eq!(post(&server, "/links", &operator(), &body).await.0, 400, "{body}");
    }
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_link_admits_to_its_own_room_until_it_expires() {
    let server = closed().await;
    let link_to = |name: &str, until| {
        let invitation = Invitation { role: Role::Guest, until }.sign(&room(name), &ApiKey::dev()).expect("signed");
        link::link(server.url(), &room(name), Some(&invitation))
    };
    let (status, answer) = follow(&server, "num/7", "tom", &link_to("num/7", None)).await;
    assert_eq!(status, 201);
    let grant = ApiKeys::new(vec![ApiKey::dev()]).verify(token_of(&answer)).expect("verified");
    assert_eq!((grant.room.as_str(), grant.identity.as_str(), grant.room_admin), ("num/7", "tom", false));
    for (link, because) in [
        (link_to("7", None), "does not open this room"),
        (link_to("num/7", Some(1)), "has ended"),
        (format!("{}x", link_to("num/7", None)), "not whole"),
    ] {
        let (status, answer) = follow(&server, "num/7", "tom", &link).await;
        assert!(status == 403 && answer["error"].as_str().expect("a string").contains(because), "{link}: {answer}");
    }
    let guest = AdminClient::new(server.url(), ApiKey::new("devkey", "guess").expect("a key")).expect("an address");
    assert!(matches!(guest.dismiss(&room("num/7")).await, Err(AdminClientError::Denied(_))));
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_guest_gets_no_token_with_attributes_of_their_own() {
    let server = closed().await;
    for (role, status) in [(Role::Guest, 403), (Role::Host, 201)] {
        let invitation = Invitation { role, until: None }.sign(&room("tea"), &ApiKey::dev()).expect("signed");
        for own in [json!({"participant_attributes": {"role": "host"}}), json!({"participant_metadata": "host"})] {
            let mut body = json!({"room_name": "tea", "invitation": invitation.expose()});
            body.as_object_mut().expect("an object").extend(own.as_object().expect("an object").clone());
            let (said, answer) = post(&server, "/token", "", &body).await;
            assert_eq!(said, status, "{role}: {answer}");
        }
    }
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn the_page_of_a_link_opens_the_program_and_escapes_names() {
    let server = closed().await;
    let get = async |path: &str| {
        let answer = reqwest::get(http_url(&server, path)).await.expect("an answer");
        let policy = answer.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    };
    let host = server.url().trim_start_matches("ws://");
    let (status, page) = get("/j/a%3Cb%3E%20c?i=devkey.guest.0.abc").await;
    assert_eq!(status, 200);
    assert!(page.contains(&format!("href=\"visavis://{host}/a%3Cb%3E%20c?i=devkey.guest.0.abc\"")), "{page}");
    assert!(page.contains("“a&lt;b&gt; c”") && !page.contains("<b>"), "{page}");
    assert!(page.contains("before you press Join") && !page.contains("<script"), "{page}");
    let (status, page) = get("/j/num/7").await;
    assert!(status == 200 && page.contains("/num/7\""), "{page}");
    let (status, page) = get("/j/num/0").await;
    assert!(status == 404 && page.contains("4294967294"), "{page}");
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn the_page_offers_the_program_for_the_system_that_it_is_read_on() {
    let server = closed().await;
    for (agent, words) in [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36", "Get Visavis for Windows</a>"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15", "Get Visavis for macOS</a>"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Get Visavis for Linux</a>"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36", "with Windows, macOS or Linux"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)", "with Windows, macOS or Linux"),
        ("curl/8", "with Windows, macOS or Linux"),
        ("", "with Windows, macOS or Linux"),
    ] {
        let request = reqwest::Client::new().get(http_url(&server, "/j/tea")).header("user-agent", agent);
        let page = request.send().await.expect("an answer").text().await.expect("a text");
        let place = concat!("href=\"", env!("CARGO_PKG_REPOSITORY"), "/releases/latest\"");
        assert!(page.contains(words) && page.contains(place), "{agent}: {page}");
    }
    server.stop().await.expect("stopped");
}
