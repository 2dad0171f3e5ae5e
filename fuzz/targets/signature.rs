//! Signatures of requests to Tencent's API. The input is `METHOD QUERY`, then header lines, an empty line, and the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use visavis::base::Secret;
use visavis::proto::tencent::{HttpRequest, KeyPair, SignedCall};

/// When the seeds were signed.
const THEN: i64 = 1_795_586_561;

fuzz_target!(|input: &[u8]| {
    let (head, body) = match input.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, &[][..]),
    };
    let Ok(head) = std::str::from_utf8(head) else { return };
    let mut lines = head.lines();
    let (method, query) = lines.next().unwrap_or_default().split_once(' ').unwrap_or_default();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let http = HttpRequest { method, query, headers, body };
    let key = KeyPair {
        id: "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE".into(),
        secret: Secret::new("Gu5t9xGARNpq86cd98joQYCN3EXAMPLE".into()),
    };
    let is_call = http.is_call();
    if let Ok(call) = SignedCall::verify(&http, &[key], THEN) {
        assert!(is_call, "what is signed is taken for a look");
        let _decoded = call.request(http.body);
    }
});
