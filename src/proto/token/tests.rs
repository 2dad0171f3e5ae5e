//! Tokens of ours, of LiveKit's own crate, and forged ones.

use super::keys::{DEV_KEY, DEV_SECRET};
use super::*;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use hmac::{Hmac, Mac};
use livekit_api::access_token::{AccessToken, TokenVerifier, VideoGrants};
use livekit_protocol as lk;
use serde_json::json;
use sha2::{Sha256, Sha384};

fn join() -> JoinClaims {
    JoinClaims {
        room: "num/7".parse().expect("a room"),
        user: "mina".parse().expect("a user"),
        name: "Mina Park".into(),
        metadata: "m".into(),
        attributes: vec![("a".into(), "1".into()), ("b".into(), "2".into())],
        room_admin: false,
        own_metadata: false,
        valid_for: JOIN_VALIDITY,
    }
}

fn keys() -> ApiKeys {
    ApiKeys::new(vec![ApiKey::new("first", "one").expect("a key"), ApiKey::dev()])
}

fn now() -> i64 {
    i64::try_from(jsonwebtoken::get_current_timestamp()).expect("a time")
}

/// Signs claims as any JWT library would, with times that we never write ourselves.
pub(crate) fn sign_claims(secret: &str, claims: &serde_json::Value) -> String {
    signed::<Hmac<Sha256>>("HS256", secret, claims)
}

fn dev(claims: &serde_json::Value) -> String {
    sign_claims(DEV_SECRET, claims)
}

fn signed<M: Mac + hmac::digest::KeyInit>(algorithm: &str, secret: &str, claims: &serde_json::Value) -> String {
    let part = |json: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", part(&json!({ "alg": algorithm, "typ": "JWT" })), part(claims));
    let mac = <M as Mac>::new_from_slice(secret.as_bytes()).expect("a key").chain_update(&message).finalize();
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.into_bytes()))
}

/// Verifies a good token.
#[track_caller]
fn verified(keys: &ApiKeys, token: &str) -> VerifiedClaims {
    keys.verify(token).expect("a good token")
}

/// Renews a token for ten minutes and verifies the new one.
#[track_caller]
fn renewed(keys: &ApiKeys, old: &VerifiedClaims) -> VerifiedClaims {
    let token = keys.renew(old, jsonwebtoken::get_current_timestamp() + 600).expect("a token");
    verified(keys, token.expose())
}

#[test]
fn join_claims_come_back_with_everything_allowed() {
    let token = ApiKey::dev().join_token(&join()).expect("a token");
    let claims = verified(&keys(), token.expose());
    assert_eq!((claims.room.as_str(), claims.identity.as_str(), claims.name.as_str()), ("num/7", "mina", "Mina Park"));
    assert_eq!((claims.metadata.as_str(), claims.attributes), ("m", join().attributes));
    assert!(claims.room_join && !claims.room_admin && !claims.room_create && !claims.room_list);
    let p = claims.permission;
    assert!(p.can_subscribe && p.can_publish && p.can_publish_data && !p.hidden && !p.can_update_metadata);
    assert!((now() - claims.issued_at).abs() < 5);
}

#[test]
fn every_key_pair_is_known_by_its_id() {
    for key in [ApiKey::dev(), ApiKey::new("first", "one").expect("a key")] {
        let token = key.admin_token(&AdminGrant::Room("r".parse().expect("a room"))).expect("a token");
        let claims = verified(&keys(), token.expose());
        assert!(claims.room_admin && claims.room == "r" && !claims.room_join);
    }
    assert!(ApiKey::new("", "x").is_err() && ApiKey::new("x", "").is_err());
}

#[test]
fn bad_tokens_are_refused_by_kind_and_never_repeated() {
    let foreign = ApiKey::new("elsewhere", "s").expect("a key").join_token(&join()).expect("a token");
    let forged = ApiKey::new(DEV_KEY, "guess").expect("a key").join_token(&join()).expect("a token");
    let good = ApiKey::dev().join_token(&join()).expect("a token");
    let changed = format!("{}AAAA", &good.expose()[..good.expose().len() - 4]);
    let (iss, exp) = (DEV_KEY, now() + 100);
    let hs384 = signed::<Hmac<Sha384>>("HS384", DEV_SECRET, &json!({"iss": iss, "exp": exp}));
    let unsigned = format!("{}.", good.expose().rsplit_once('.').expect("three parts").0);
    for (token, expected) in [
        (foreign.expose().as_str(), TokenError::ForeignKey),
        (forged.expose(), TokenError::Signature),
        (&changed, TokenError::Signature),
        (&unsigned, TokenError::Signature),
        ("", TokenError::Malformed),
        ("a.b.c", TokenError::Malformed),
        (&hs384, TokenError::Malformed),
        (&dev(&json!({"iss": iss, "exp": exp, "name": 5})), TokenError::Malformed),
        (&dev(&json!({"iss": iss, "exp": true})), TokenError::Malformed),
        (&dev(&json!({"iss": iss, "exp": "soon"})), TokenError::Malformed),
        (&dev(&json!({"iss": iss, "exp": 0})), TokenError::Expired),
        (&dev(&json!({"iss": null, "exp": exp})), TokenError::ForeignKey),
    ] {
        let error = keys().verify(token).expect_err("a refusal");
        assert_eq!(error, expected);
        assert!(token.is_empty() || !error.to_string().contains(token));
    }
}

#[test]
fn clocks_may_differ_by_a_minute() {
    let verify = |nbf: i64, exp: i64| {
        keys().verify(&dev(&json!({"iss": DEV_KEY, "nbf": now() + nbf, "exp": now() + exp}))).err()
    };
    assert_eq!(verify(-100, -30), None);
    assert_eq!(verify(-200, -120), Some(TokenError::Expired));
    assert_eq!(verify(30, 100), None);
    assert_eq!(verify(120, 200), Some(TokenError::TooEarly));
}

#[test]
fn the_time_of_issue_falls_back_to_iat_and_survives_a_renewal() {
    let exp = now() + 100;
    for (claims, expected) in [
        (json!({"iss": DEV_KEY, "exp": exp, "nbf": 0, "iat": 1000}), 1000),
        (json!({"iss": DEV_KEY, "exp": exp, "nbf": 2000, "iat": 1000}), 2000),
        (json!({"iss": DEV_KEY, "exp": exp}), 0),
    ] {
        let claims = verified(&keys(), &dev(&claims));
        assert_eq!(claims.issued_at, expected);
        let renewed = renewed(&keys(), &claims);
        assert_eq!(renewed.issued_at, expected);
        assert!(renewed.claims.exp >= Some(now() + 595));
    }
}

#[test]
fn a_renewed_token_says_what_its_owner_may_do_now() {
    let mut claims = verified(&keys(), ApiKey::dev().join_token(&join()).expect("a token").expose());
    let before = claims.clone();
    let permission = lk::ParticipantPermission {
        can_publish: true,
        can_publish_sources: vec![lk::TrackSource::Microphone.into(), lk::TrackSource::ScreenShare.into()],
        ..Default::default()
    };
    claims.update_from(&lk::ParticipantInfo {
        name: "Mina P.".into(),
        attributes: [("k".to_owned(), "v".to_owned())].into(),
        permission: Some(permission.clone()),
        ..Default::default()
    });
    let renewed = renewed(&keys(), &claims);
    assert_eq!((renewed.name.as_str(), &renewed.permission), ("Mina P.", &permission));
    assert_eq!((renewed.attributes, renewed.metadata.as_str()), (vec![("k".to_owned(), "v".to_owned())], ""));
    assert_eq!(
        (renewed.room, renewed.identity, renewed.issued_at, renewed.room_admin),
        (before.room, before.identity, before.issued_at, before.room_admin)
    );
}

#[test]
fn a_call_outlives_the_key_that_let_it_in() {
    let old = ApiKeys::new(vec![ApiKey::dev()]);
    let host = JoinClaims { room_admin: true, ..join() };
    let claims = verified(&old, ApiKey::dev().join_token(&host).expect("a token").expose());
    assert!(renewed(&old, &claims).room_admin);
    let rotated = ApiKeys::new(vec![ApiKey::new("next", "two").expect("a key")]);
    let renewed = renewed(&rotated, &claims);
    assert_eq!((renewed.key.as_str(), renewed.room, renewed.identity), ("next", claims.room, claims.identity));
    assert!(renewed.room_join && !renewed.room_admin && renewed.issued_at == claims.issued_at);
}

#[test]
fn permissions_are_read_as_livekit_writes_them() {
    let video = json!({
        "roomJoin": true, "room": "r", "canPublish": false, "hidden": true, "canUpdateOwnMetadata": true,
        "canPublishSources": ["camera", "screen_share", "telepathy"],
    });
    let config = json!({"maxParticipants": 3});
    let token = dev(&json!({
        "iss": DEV_KEY, "exp": now() + 9, "sub": "u", "video": video, "roomConfig": config
    }));
    let claims = verified(&keys(), &token);
    let p = &claims.permission;
    assert!(p.can_subscribe && !p.can_publish && !p.can_publish_data && p.hidden && p.can_update_metadata);
    assert_eq!(p.can_publish_sources, [1, 3, 0], "an unknown source is no permission for all sources");
    assert_eq!(claims.room_config.map(|c| c.max_participants), Some(3));
}

/// Each of these was taken by livekit-server 1.13.5.
#[test]
fn tokens_of_ordinary_back_ends_are_read_as_livekit_server_reads_them() {
    let exp = now() + 100;
    let plain = json!({"iss": DEV_KEY, "sub": "u", "exp": exp, "video": {"roomJoin": true, "room": "r"}});
    for more in [
        json!({"exp": now() as f64 + 100.5, "nbf": now() as f64 - 5.5}),
        json!({"exp": exp as f64, "iat": 1.5}),
        json!({"exp": null}),
        json!({"exp": exp.to_string()}),
        json!({"nbf": -5}),
        json!({"name": null, "metadata": null, "attributes": null, "roomConfig": null, "kind": null, "iat": null}),
        json!({"attributes": {"a": null}}),
        json!({"aud": "calls"}),
        json!({"aud": ["calls", "x"], "jti": "u"}),
        json!({"name": "x".repeat(300), "zzz": {"a": [1]}, "sip": null, "sha256": "x"}),
        json!({"roomConfig": {"max_participants": 3, "bogus": 1}}),
        json!({"video": {"roomJoin": true, "room": "r", "canPublish": null, "canPublishSources": null, "zzz": 1}}),
    ] {
        let mut claims = plain.clone();
        claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let read = verified(&keys(), &dev(&claims));
        assert!(read.room_join && read.room == "r" && read.permission.can_publish, "{more}");
        assert_eq!(renewed(&keys(), &read).identity, "u", "{more}");
        assert!(unverified_claims(&dev(&claims)).is_some_and(|claims| claims.expires > now()), "{more}");
    }
    for video in [json!(null), json!({}), json!({"room": "r"})] {
        let claims = verified(&keys(), &dev(&json!({"iss": DEV_KEY, "exp": exp, "video": video})));
        assert!(!claims.room_join, "{video}");
    }
}

#[test]
fn the_kind_of_a_participant_is_read() {
    use lk::participant_info::{Kind, KindDetail};
    let read = |kind: &str, details: &[&str]| {
        let claims = json!({"iss": DEV_KEY, "exp": now() + 9, "kind": kind, "kindDetails": details});
        let claims = verified(&keys(), &dev(&claims));
        (claims.kind, claims.kind_details)
    };
    assert_eq!(read("agent", &["cloud_agent", "zzz"]), (Kind::Agent, vec![KindDetail::CloudAgent]));
    assert_eq!((read("sip", &[]).0, read("zzz", &[]).0), (Kind::Sip, Kind::Standard));
}

#[test]
fn tokens_are_exchanged_with_livekits_own_crate() {
    let ours = ApiKey::dev().join_token(&join()).expect("a token");
    let read = TokenVerifier::with_api_key(DEV_KEY, DEV_SECRET).verify(ours.expose()).expect("a good token");
    assert_eq!((read.sub.as_str(), read.video.room.as_str(), read.video.room_join), ("mina", "num/7", true));
    assert_eq!(read.attributes.get("b").map(String::as_str), Some("2"));
    let grants = VideoGrants { room_join: true, room: "r".into(), recorder: true, ..VideoGrants::default() };
    let theirs =
        AccessToken::with_api_key(DEV_KEY, DEV_SECRET).with_identity("ida").with_grants(grants).with_kind("sip");
    let claims = verified(&keys(), &theirs.to_jwt().expect("a token"));
    assert_eq!((claims.identity.as_str(), claims.room.as_str(), claims.room_join), ("ida", "r", true));
    // Claims that mean nothing to this server survive a renewal.
    let token = keys().renew(&claims, jsonwebtoken::get_current_timestamp() + 600).expect("a token");
    let read = TokenVerifier::with_api_key(DEV_KEY, DEV_SECRET).verify(token.expose()).expect("a good token");
    assert!(read.kind == "sip" && read.video.recorder);
}
