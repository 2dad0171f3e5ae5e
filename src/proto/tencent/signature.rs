//! Verification of request signatures: TC3-HMAC-SHA256 and the older HmacSHA256 and HmacSHA1. Time is an argument.
//!
//! TC3 does not sign the action. An attacker still cannot turn a captured request into another one: the four actions take
//! different parameters, and unknown parameters are refused.

use super::error::ApiError;
use crate::base::Secret;
use crate::proto::mac;
use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use url::form_urlencoded;

/// Largest difference between the time of signing and the server's clock, in seconds.
pub(crate) const MAX_SKEW_S: i64 = 300;
/// The scheme in `Authorization`.
const TC3: &str = "TC3-HMAC-SHA256";
/// The last part of a credential's scope.
const SCOPE_END: &str = "tc3_request";
/// The value of `X-TC-Content-SHA256` in a request whose body is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// A key to the API: Tencent's SecretId and SecretKey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// Public: every request contains it.
    pub id: String,
    /// Signs requests.
    pub secret: Secret<String>,
}

/// The parts of an HTTP request that a signature covers.
#[derive(Clone, Debug, Default)]
pub struct HttpRequest<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The query as it was sent, without the `?`.
    pub query: &'a str,
    /// The headers; their names are in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as it was sent.
    pub body: &'a [u8],
}

impl HttpRequest<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Whether this is a call of the API. Other GET and HEAD requests ask for the page of this server.
    pub fn is_call(&self) -> bool {
        let named = |name: &str| form_urlencoded::parse(self.query.as_bytes()).any(|(key, _)| key == name);
        !matches!(self.method, "GET" | "HEAD")
            || self.headers.contains_key("x-tc-action")
            || self.header("authorization").is_some_and(|value| value.starts_with(TC3))
            || named("Action")
            || named("SecretId")
    }

    /// The hosts that may have been signed: as it was sent, and without its port, as the SDK for Node signs it.
    fn hosts(&self) -> Result<Vec<String>, ApiError> {
        let host = self.header("host").ok_or(ApiError::Authorization("there is no Host"))?.to_ascii_lowercase();
        let bare = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let bare = bare.map(|(name, _)| name.to_owned());
        Ok(std::iter::once(host).chain(bare).collect())
    }
}

/// A call whose signature was right. Its content is not validated yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCall {
    /// The id of the key pair that signed it.
    pub(crate) secret_id: String,
    /// The name of the action.
    pub(crate) action: String,
    /// The version of the API.
    pub(crate) version: String,
    /// The parameters of a query or form (GET, and the older signatures). `None`: they are in the JSON body.
    pub(crate) pairs: Option<Vec<(String, String)>>,
    /// Equal only for repetitions of the same request.
    pub(crate) fingerprint: RequestFingerprint,
}

/// Identifies repetitions of a request: a hash of signature, action, query and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestFingerprint([u8; 32]);

impl RequestFingerprint {
    fn of(http: &HttpRequest<'_>, action: &str, signature: &[u8]) -> Self {
        // Each part is hashed by itself, so that moving bytes between parts changes the result.
        let parts = [action.as_bytes(), signature, http.query.as_bytes(), http.body];
        let all = parts.iter().fold(Sha256::new(), |all, part| all.chain_update(Sha256::digest(part)));
        Self(all.finalize().into())
    }
}

impl SignedCall {
    /// An unsigned call with a JSON body, for tests of the parameters.
    #[cfg(test)]
    pub(crate) fn unsigned(action: &str) -> Self {
        let (secret_id, action, version) = ("id".into(), action.into(), super::VERSION.into());
        Self { secret_id, action, version, pairs: None, fingerprint: RequestFingerprint([0; 32]) }
    }

    /// Checks time, key and signature of a request. `now` is in Unix seconds.
    pub fn verify(http: &HttpRequest<'_>, keys: &[KeyPair], now: i64) -> Result<Self, ApiError> {
        match (http.method, http.header("authorization")) {
            ("POST" | "GET", Some(authorization)) => tc3(http, authorization, keys, now),
            ("POST", None) => legacy(http, form_urlencoded::parse(http.body), keys, now),
            ("GET", None) => legacy(http, form_urlencoded::parse(http.query.as_bytes()), keys, now),
            _ => Err(ApiError::Method),
        }
    }
}

/// The parts of `TC3-HMAC-SHA256 Credential=ID/DATE/SERVICE/tc3_request, SignedHeaders=a;b, Signature=HEX`.
struct Authorization<'a> {
    secret_id: &'a str,
    date: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: Vec<u8>,
}

impl<'a> Authorization<'a> {
    fn parse(text: &'a str) -> Result<Self, ApiError> {
        let wrong = ApiError::Authorization;
        let fields = text.strip_prefix(TC3).and_then(|rest| rest.strip_prefix(' '));
        let fields = fields.ok_or(wrong("Authorization names another scheme"))?;
        let (mut credential, mut headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            match field.trim().split_once('=') {
                Some(("Credential", value)) => credential = Some(value),
                Some(("SignedHeaders", value)) => headers = Some(value),
                Some(("Signature", value)) => signature = Some(value),
                _ => return Err(wrong("Authorization holds a field that is not known")),
            }
        }
        let scope: Vec<&str> = credential.ok_or(wrong("Credential is missing"))?.split('/').collect();
        let &[secret_id, date, service, SCOPE_END] = scope.as_slice() else {
            return Err(wrong("Credential is not ID/DATE/SERVICE/tc3_request"));
        };
        let signed_headers: Vec<&str> = headers.ok_or(wrong("SignedHeaders is missing"))?.split(';').collect();
        if !["content-type", "host"].iter().all(|needed| signed_headers.contains(needed)) {
            return Err(wrong("content-type and host have to be signed"));
        }
        let signature = hex::decode(signature.ok_or(wrong("Signature is missing"))?);
        let signature = signature.map_err(|_| wrong("Signature is not hexadecimal"))?;
        Ok(Self { secret_id, date, service, signed_headers, signature })
    }
}

fn tc3(http: &HttpRequest<'_>, authorization: &str, keys: &[KeyPair], now: i64) -> Result<SignedCall, ApiError> {
    let parts = Authorization::parse(authorization)?;
    let common = |name, shown| http.header(name).ok_or(ApiError::MissingCommon(shown));
    let timestamp = common("x-tc-timestamp", "Timestamp")?;
    let date = check_time(timestamp, now)?.strftime("%Y-%m-%d").to_string();
    if parts.date != date {
        return Err(ApiError::Expired);
    }
    let key = find(keys, parts.secret_id)?;
    let payload = match http.header("x-tc-content-sha256") {
        Some(UNSIGNED) => hex::encode(Sha256::digest(UNSIGNED)),
        _ => hex::encode(Sha256::digest(http.body)),
    };
    let derive = |key: &[u8], text: &str| mac::sha256(key, text).map_err(|_| ApiError::Signature);
    let dated = derive(format!("TC3{}", key.secret.expose()).as_bytes(), parts.date)?;
    let signer = derive(&derive(&dated, parts.service)?, SCOPE_END)?;
    let scope = format!("{}/{}/{SCOPE_END}", parts.date, parts.service);
    let is_right = http.hosts()?.iter().any(|host| {
        let canonical = canonical_request(http, &parts.signed_headers, host, &payload);
        let to_sign = format!("{TC3}\n{timestamp}\n{scope}\n{}", hex::encode(Sha256::digest(canonical)));
        mac::is_sha256(&signer, &to_sign, &parts.signature)
    });
    if !is_right {
        return Err(ApiError::Signature);
    }
    let pairs = (http.method == "GET").then(|| form_urlencoded::parse(http.query.as_bytes()).into_owned().collect());
    let action = common("x-tc-action", "Action")?.to_owned();
    Ok(SignedCall {
        secret_id: key.id.clone(),
        fingerprint: RequestFingerprint::of(http, &action, &parts.signature),
        action,
        version: common("x-tc-version", "Version")?.to_owned(),
        pairs,
    })
}

fn canonical_request(http: &HttpRequest<'_>, signed_headers: &[&str], host: &str, payload: &str) -> String {
    let headers: String = signed_headers
        .iter()
        .map(|name| {
            let value = if *name == "host" { Some(host) } else { http.header(name) };
            format!("{name}:{}\n", value.unwrap_or_default().to_lowercase())
        })
        .collect();
    format!("{}\n/\n{}\n{headers}\n{}\n{payload}", http.method, http.query, signed_headers.join(";"))
}

/// The older signatures. All parameters, the signature among them, are in the query or in a form. The signature covers the
/// method, the host, and the decoded parameters ordered by name, without the signature itself.
fn legacy(
    http: &HttpRequest<'_>,
    pairs: form_urlencoded::Parse<'_>,
    keys: &[KeyPair],
    now: i64,
) -> Result<SignedCall, ApiError> {
    let mut all: BTreeMap<String, String> = pairs.into_owned().collect();
    let unsigned = ApiError::Authorization("there is neither Authorization nor Signature");
    let signature = all.remove("Signature").ok_or(unsigned)?;
    let common = |name: &'static str| {
        let value = all.get(name).filter(|value| !value.is_empty());
        value.cloned().ok_or(ApiError::MissingCommon(name))
    };
    check_time(&common("Timestamp")?, now)?;
    let key = find(keys, &common("SecretId")?)?;
    let signature = BASE64_STANDARD.decode(signature).map_err(|_| ApiError::Signature)?;
    let text = all.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let secret = key.secret.expose().as_bytes();
    let method = all.get("SignatureMethod").map_or("HmacSHA1", String::as_str);
    let is_right = |host: &String| {
        let to_sign = format!("{}{host}/?{text}", http.method);
        match method {
            "HmacSHA256" => mac::is_sha256(secret, &to_sign, &signature),
            "HmacSHA1" => mac::is_sha1(secret, &to_sign, &signature),
            _ => false,
        }
    };
    if !http.hosts()?.iter().any(is_right) {
        return Err(ApiError::Signature);
    }
    let (action, version) = (common("Action")?, common("Version")?);
    for name in COMMON {
        all.remove(*name);
    }
    let fingerprint = RequestFingerprint::of(http, &action, &signature);
    let pairs = Some(all.into_iter().collect());
    Ok(SignedCall { secret_id: key.id.clone(), action, version, pairs, fingerprint })
}

/// The common parameters of the older signatures, which are not parameters of the action.
const COMMON: &[&str] = &[
    "Action",
    "Language",
    "Nonce",
    "Region",
    "RequestClient",
    "SecretId",
    "SignatureMethod",
    "Timestamp",
    "Token",
    "Version",
];

fn check_time(timestamp: &str, now: i64) -> Result<jiff::Timestamp, ApiError> {
    let invalid = ApiError::InvalidCommon("Timestamp");
    let seconds: i64 = timestamp.parse().map_err(|_| invalid.clone())?;
    let time = jiff::Timestamp::from_second(seconds).map_err(|_| invalid)?;
    if seconds.abs_diff(now) > MAX_SKEW_S.unsigned_abs() { Err(ApiError::Expired) } else { Ok(time) }
}

fn find<'a>(keys: &'a [KeyPair], id: &str) -> Result<&'a KeyPair, ApiError> {
    keys.iter().find(|key| key.id == id).ok_or(ApiError::SecretId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RoomId;
    use crate::proto::tencent::{RoomOperation, RoomRequest};
    use serde::Deserialize;

    /// A request of the official SDK for Python (3.1.177) or Node (4.1.313). There is one for each way to sign.
    #[derive(Clone, Deserialize)]
    struct Vector {
        name: String,
        method: String,
        query: String,
        headers: BTreeMap<String, String>,
        body: String,
    }

    impl Vector {
        fn http(&self) -> HttpRequest<'_> {
            let (method, query, body) = (&self.method, &self.query, self.body.as_bytes());
            HttpRequest { method, query, headers: self.headers.clone(), body }
        }

        fn verify(&self, now: i64) -> Result<SignedCall, ApiError> {
            SignedCall::verify(&self.http(), &keys(), now)
        }

        fn is_tc3(&self) -> bool {
            self.headers.contains_key("authorization")
        }
    }

    fn vectors() -> Vec<Vector> {
        serde_json::from_str(include_str!("vectors.json")).expect("vectors")
    }

    fn named(name: &str) -> Vector {
        vectors().into_iter().find(|v| v.name == name).expect(name)
    }

    fn keys() -> [KeyPair; 2] {
        let pair = |id: &str, secret: &str| KeyPair { id: id.into(), secret: Secret::new(secret.into()) };
        [pair("AKIDother", "other"), pair("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE")]
    }

    /// The time at which the vectors were signed (± 2 s), in Unix seconds.
    const THEN: i64 = 1_795_586_561;

    #[test]
    fn signatures_of_the_official_sdks_are_verified() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 13);
        for vector in vectors {
            let call = vector.verify(THEN).unwrap_or_else(|e| panic!("{}: {e}", vector.name));
            assert_eq!(call.secret_id, keys()[1].id);
            let request = call.request(vector.body.as_bytes()).unwrap_or_else(|e| panic!("{}: {e}", vector.name));
            let expected = if vector.name.ends_with("unsigned payload") {
                (RoomId::Number(4_294_967_294), RoomOperation::Dismiss)
            } else {
                let users = vec!["mina".parse().expect("a user"), "tom".parse().expect("a user")];
                (RoomId::Text("a b&c=d+%".into()), RoomOperation::Remove(users))
            };
            assert_eq!(request, RoomRequest { sdk_app_id: 1_400_000_001, room: expected.0, operation: expected.1 });
        }
    }

    #[test]
    fn a_signature_is_valid_for_five_minutes_either_way() {
        for vector in vectors() {
            for (now, expected) in [(THEN - 290, None), (THEN + 290, None), (THEN + 310, Some(ApiError::Expired))] {
                assert_eq!(vector.verify(now).err(), expected, "{}", vector.name);
            }
            assert_eq!(vector.verify(THEN - 310).err(), Some(ApiError::Expired), "{}", vector.name);
        }
    }

    #[test]
    fn a_changed_request_is_refused() {
        for vector in vectors() {
            let mut changed = vector.clone();
            if vector.method == "GET" {
                changed.query = changed.query.replace("mina", "moni");
            } else {
                changed.body = changed.body.replace("mina", "moni");
            }
            let expected = if vector.name.ends_with("unsigned payload") { None } else { Some(ApiError::Signature) };
            assert_eq!(changed.verify(THEN).err(), expected, "{}", vector.name);
            let mut elsewhere = vector.clone();
            elsewhere.headers.insert("host".into(), "example.com".into());
            assert_eq!(elsewhere.verify(THEN).err(), Some(ApiError::Signature), "{}", vector.name);
            let guess = [KeyPair { secret: Secret::new("guess".into()), ..keys()[1].clone() }];
            let guessed = SignedCall::verify(&vector.http(), &guess, THEN).err();
            assert_eq!(guessed, Some(ApiError::Signature), "{}", vector.name);
            let nobody = SignedCall::verify(&vector.http(), &keys()[..1], THEN).err();
            assert_eq!(nobody, Some(ApiError::SecretId), "{}", vector.name);
        }
    }

    #[test]
    fn a_missing_header_is_named() {
        for vector in vectors().iter().filter(|v| v.is_tc3()) {
            for (header, code) in [
                ("x-tc-action", "MissingParameter"),
                ("x-tc-version", "MissingParameter"),
                ("x-tc-timestamp", "MissingParameter"),
                ("host", "AuthFailure.InvalidAuthorization"),
                ("authorization", "AuthFailure.InvalidAuthorization"),
            ] {
                let mut without = vector.clone();
                without.headers.remove(header);
                assert_eq!(
                    without.verify(THEN).expect_err("a refusal").code(),
                    code,
                    "{} without {header}",
                    vector.name
                );
            }
        }
        let mut odd = named("python POST TC3-HMAC-SHA256");
        odd.headers.insert("x-tc-timestamp".into(), "soon".into());
        assert_eq!(odd.verify(THEN).expect_err("a refusal").code(), "InvalidParameter");
        odd.method = "PUT".into();
        assert_eq!(odd.verify(THEN), Err(ApiError::Method));
    }

    #[test]
    fn a_malformed_authorization_is_refused() {
        let vector = named("python POST TC3-HMAC-SHA256");
        let good = &vector.headers["authorization"];
        for wrong in [
            "Bearer x".to_owned(),
            "TC3-HMAC-SHA256".to_owned(),
            "TC3-HMAC-SHA256 ".to_owned(),
            good.replace("Credential=", "Credentials="),
            good.replace("/tc3_request", ""),
            good.replace("content-type;host", "host"),
            good.replace("Signature=", "Signature=x"),
            good.replace(", Signature", " Signature"),
        ] {
            let mut odd = vector.clone();
            odd.headers.insert("authorization".into(), wrong.clone());
            assert_eq!(odd.verify(THEN).expect_err("a refusal").code(), "AuthFailure.InvalidAuthorization", "{wrong}");
        }
        let mut another_day = vector.clone();
        another_day.headers.insert("authorization".into(), good.replace("/2026-", "/2025-"));
        assert_eq!(another_day.verify(THEN), Err(ApiError::Expired));
    }

    #[test]
    fn a_repeated_request_has_the_same_fingerprint() {
        let all: std::collections::BTreeSet<_> =
            vectors().iter().map(|v| v.verify(THEN).expect("a good signature").fingerprint).collect();
        assert_eq!(all.len(), vectors().len());
        for vector in vectors() {
            let again = vector.verify(THEN + 60).expect("a good signature");
            assert_eq!(
                again.fingerprint,
                vector.verify(THEN).expect("a good signature").fingerprint,
                "{}",
                vector.name
            );
        }
        let mut another_body = named("python POST unsigned payload");
        let before = another_body.verify(THEN).expect("a good signature").fingerprint;
        another_body.body = another_body.body.replace("4294967294", "7");
        assert_ne!(another_body.verify(THEN).expect("a good signature").fingerprint, before);
    }

    #[test]
    fn a_request_without_action_and_signature_is_no_call() {
        assert!(vectors().iter().all(|v| v.http().is_call()));
        let look = HttpRequest { method: "GET", query: "x=1", ..HttpRequest::default() };
        assert!(!look.is_call() && !HttpRequest { method: "HEAD", ..look }.is_call());
    }
}
