//! Property tests: every parser of this folder accepts or refuses valid texts that were changed at random, and never
//! panics.
//!
//! `PROPTEST_CASES` sets the number of cases (256 for each test unless told otherwise).

use super::invitation::Invitation;
use super::tencent::{HttpRequest, KeyPair, SignedCall, UserSigKey};
use super::token::{ApiKey, ApiKeys, JOIN_VALIDITY, JoinClaims, unverified_claims};
use super::{join_request, link};
use crate::base::{RoomId, RoomName, Secret, display_name};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The time at which the requests were signed, in Unix seconds.
const THEN: i64 = 1_795_586_561;

/// One change: from `at` on, `take` characters are replaced by `put`.
#[derive(Clone, Debug)]
struct Edit {
    at: prop::sample::Index,
    take: usize,
    put: String,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    // Delimiters, repetitions, long runs, other alphabets, numbers at limits.
    let put = prop_oneof![
        Just(String::new()),
        "[/=;,.:&%#?+\\-_* \r\n\t\"{}\\[\\]\\\\0-9a-zA-Z]{1,4}",
        "\\PC{0,8}",
        (1usize..600, "[a%/.\\[{\"=0]").prop_map(|(n, c)| c.repeat(n)),
        Just("4294967296".to_owned()),
        Just("-1".to_owned()),
        Just("null".to_owned()),
        Just("\u{0}".to_owned()),
    ];
    let edit = (any::<prop::sample::Index>(), 0usize..12, put).prop_map(|(at, take, put)| Edit { at, take, put });
    prop::collection::vec(edit, 0..5)
}

fn changed(text: &str, edits: &[Edit]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for Edit { at, take, put } in edits {
        let from = at.index(chars.len() + 1);
        let to = (from + take).min(chars.len());
        chars.splice(from..to, put.chars());
    }
    chars.into_iter().collect()
}

fn vectors() -> Vec<serde_json::Value> {
    serde_json::from_str(include_str!("tencent/vectors.json")).expect("vectors")
}

fn keys() -> ApiKeys {
    ApiKeys::new(vec![ApiKey::dev()])
}

fn tea() -> RoomName {
    "tea".parse().expect("a room")
}

proptest! {
    #[test]
    fn signed_requests(
        which in 0usize..13,
        part in 0usize..4,
        edits in edits(),
        body in edits(),
    ) {
        let vector = &vectors()[which];
        let text = |name: &str| vector[name].as_str().expect("a text").to_owned();
        let mut headers: BTreeMap<String, String> = serde_json::from_value(vector["headers"].clone()).expect("headers");
        let (mut method, mut query) = (text("method"), text("query"));
        match part {
            0 => query = changed(&query, &edits),
            1 => method = changed(&method, &edits),
            _ => {
                let names: Vec<String> = headers.keys().cloned().collect();
                let name = &names[part * 7 % names.len()];
                let value = changed(&headers[name], &edits);
                headers.insert(name.clone(), value);
            }
        }
        let body = changed(&text("body"), &body);
        let http = HttpRequest { method: &method, query: &query, headers, body: body.as_bytes() };
        let id = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE".to_owned();
        let key = KeyPair { id, secret: Secret::new("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE".into()) };
        // TC3 signs the bytes; the older signatures cover the decoded parameters.
        let is_signed = http.headers.contains_key("authorization") && !text("name").ends_with("unsigned payload");
        if let Ok(call) = SignedCall::verify(&http, &[key], THEN) {
            prop_assert!(!is_signed || (query == text("query") && body == text("body")), "a change was accepted");
            call.request(http.body).ok();
        }
    }

    #[test]
    fn bodies_of_requests(which in 0usize..13, action in 0usize..5, edits in edits()) {
        let action = ["RemoveUser", "RemoveUserByStrRoomId", "DismissRoom", "DismissRoomByStrRoomId", "X"][action];
        let vector = &vectors()[which];
        let body = changed(vector["body"].as_str().expect("a text"), &edits);
        if let Ok(request) = SignedCall::unsigned(action).request(body.as_bytes()) {
            let again: RoomId = request.room.wire_name().as_str().parse().expect("a room that has been read is a room");
            prop_assert_eq!(again, request.room);
        }
    }

    #[test]
    fn user_sigs(edits in edits(), now in any::<i64>()) {
        let key = UserSigKey { sdk_app_id: 7, secret: Secret::new("k".into()) };
        let good = key.make(&"mina".parse().expect("a user"), JOIN_VALIDITY, THEN).expect("a UserSig");
        let text = changed(good.expose(), &edits);
        // Bytes after the compressed part are ignored; the content of that part is signed.
        if let Ok(claims) = key.verify(&text, now) {
            prop_assert_eq!(claims, key.verify(good.expose(), THEN).expect("a good UserSig"));
        }
    }

    #[test]
    fn tokens_and_invitations(edits in edits(), room in "\\PC{0,70}") {
        let join = JoinClaims {
            room: tea(),
            user: "mina".parse().expect("a user"),
            name: "Mina".into(),
            metadata: String::new(),
            attributes: vec![],
            room_admin: false,
            own_metadata: false,
            valid_for: JOIN_VALIDITY,
        };
        let good = ApiKey::dev().join_token(&join).expect("a token");
        let text = changed(good.expose(), &edits);
        unverified_claims(&text);
        prop_assert!(keys().verify(&text).is_err() || text == *good.expose());
        let invitation = Invitation { role: Default::default(), until: None };
        let good = invitation.sign(&tea(), &ApiKey::dev()).expect("an invitation");
        let text = changed(good.expose(), &edits);
        prop_assert!(Invitation::verify(&text, &tea(), &keys(), THEN).is_err() || text == *good.expose());
        display_name(&room).ok();
        if let Ok(room) = room.parse::<RoomName>() {
            prop_assert_eq!(room != tea(), Invitation::verify(good.expose(), &room, &keys(), THEN).is_err());
        }
    }

    #[test]
    fn links_lead_back_to_their_room(edits in edits(), which in 0usize..5) {
        let good = [
            "https://meet.example/j/Design%20review?i=devkey.guest.0.abc&tls=yes#x",
            "visavis://192.168.1.5:7880/num/4417?tls=no",
            "meet.example/design-review",
            "http://[::1]:7880/j/a",
            "visavis://join?server=wss://meet.example/calls&room=num/7&name=Mina&i=devkey.guest.0.abc",
        ][which];
        let text = changed(good, &edits);
        if let Ok(place) = link::parse(&text)
            && let Some(server) = &place.server
        {
            for again in [
                link::link(server, &place.room, place.invitation.as_ref()),
                link::app_link(server, &place.room, place.invitation.as_ref()),
            ] {
                let back = link::parse(&again);
                let back = back.as_ref().map(|p| (&p.room, &p.invitation));
                prop_assert_eq!(back, Ok((&place.room, &place.invitation)), "{} -> {}", text, again);
            }
        }
        link::server(&text).ok();
    }

    #[test]
    fn join_requests(edits in edits(), text in "[A-Za-z0-9_=-]{0,200}") {
        join_request::decode(&changed(&text, &edits)).ok();
    }
}
