//! Access tokens: only those that the key has signed are accepted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use visavis::proto::token::{ApiKey, ApiKeys, unverified_claims};

fuzz_target!(|token: &str| {
    let _claims = unverified_claims(token);
    if let Ok(claims) = ApiKeys::new(vec![ApiKey::dev()]).verify(token) {
        assert_eq!(claims.key, "devkey");
    }
});
