//! UserSigs: only those that the key has signed are accepted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use visavis::base::Secret;
use visavis::proto::tencent::UserSigKey;

/// When the seeds were good.
const THEN: i64 = 1_795_586_561;

fuzz_target!(|text: &str| {
    let key = UserSigKey { sdk_app_id: 1_400_000_001, secret: Secret::new("an SDKSecretKey".into()) };
    if let Ok(claims) = key.verify(text, THEN) {
        assert_eq!(claims.user.as_str(), "mina", "the seeds are hers, and nobody else has the key");
    }
});
