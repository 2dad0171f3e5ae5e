//! Access tokens: nothing but what the key has signed is believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use visavis::proto::token::{ApiKey, ApiKeys, label};

fuzz_target!(|token: &str| {
    let _label = label(token);
    if let Ok(grant) = ApiKeys::new(vec![ApiKey::dev()]).verify(token) {
        assert_eq!(grant.key, "devkey");
    }
});
