//! Requests to Tencent's API with a valid signature, in both forms: JSON body, and query. The first byte of the input
//! selects action and form; the rest is the body or query, which is signed here.
#![no_main]

use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, Mac};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use url::form_urlencoded;
use visavis::base::{RoomId, Secret};
use visavis::proto::tencent::{HttpRequest, KeyPair, RoomOperation, SignedCall};

const THEN: i64 = 1_795_586_561;
const DATE: &str = "2026-11-25";
const ACTIONS: [&str; 5] = ["RemoveUser", "RemoveUserByStrRoomId", "DismissRoom", "DismissRoomByStrRoomId", "Other"];

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A call in the newer form.
fn json(action: &str, body: &[u8]) -> Option<SignedCall> {
    let scope = format!("{DATE}/trtc/tc3_request");
    let payload = hex::encode(Sha256::digest(body));
    let canonical = format!("POST\n/\n\ncontent-type:application/json\nhost:h\n\ncontent-type;host\n{payload}");
    let canonical = hex::encode(Sha256::digest(canonical));
    let text = format!("TC3-HMAC-SHA256\n{THEN}\n{scope}\n{canonical}");
    let signature = hex::encode(mac(&mac(&mac(&mac(b"TC3k", DATE), "trtc"), "tc3_request"), &text));
    let authorization =
        format!("TC3-HMAC-SHA256 Credential=id/{scope}, SignedHeaders=content-type;host, Signature={signature}");
    let headers = [
        ("content-type", "application/json"),
        ("host", "h"),
        ("authorization", &authorization),
        ("x-tc-action", action),
        ("x-tc-version", "2019-07-22"),
        ("x-tc-timestamp", &THEN.to_string()),
    ];
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Some(verified(&HttpRequest { method: "POST", query: "", headers, body }))
}

/// A call in the older form.
fn pairs(action: &str, query: &[u8]) -> Option<SignedCall> {
    let mut all: BTreeMap<String, String> = form_urlencoded::parse(query).into_owned().collect();
    all.remove("Signature");
    for (name, value) in [
        ("Action", action),
        ("Version", "2019-07-22"),
        ("Timestamp", &THEN.to_string()),
        ("SecretId", "id"),
        ("SignatureMethod", "HmacSHA256"),
    ] {
        all.insert(name.into(), value.into());
    }
    let text = all.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    all.insert("Signature".into(), BASE64_STANDARD.encode(mac(b"k", &format!("GETh/?{text}"))));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&all).finish();
    let headers = [("host".to_owned(), "h".to_owned())].into_iter().collect();
    Some(verified(&HttpRequest { method: "GET", query: &query, headers, body: &[] }))
}

fn verified(http: &HttpRequest<'_>) -> SignedCall {
    let key = KeyPair { id: "id".into(), secret: Secret::new("k".into()) };
    SignedCall::verify(http, &[key], THEN).expect("it was signed just now")
}

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first() else { return };
    let action = ACTIONS[usize::from(choice >> 1) % ACTIONS.len()];
    let call = if choice & 1 == 0 { json(action, body) } else { pairs(action, body) };
    let Some(Ok(request)) = call.map(|call| call.request(body)) else { return };
    let again: RoomId = request.room.wire_name().as_str().parse().expect("a room that has been read is a room");
    assert_eq!(again, request.room);
    if let RoomOperation::Remove(users) = &request.operation {
        assert!((1..=10).contains(&users.len()), "{} users", users.len());
        assert!(users.iter().all(|user| (1..=32).contains(&user.as_str().len())));
    }
});
