//! The join request of a client: the query of `/rtc`, and `join_request` of `/rtc/v1`, as text and encoded here.
#![no_main]

use base64::prelude::{BASE64_URL_SAFE, Engine};
use libfuzzer_sys::fuzz_target;
use url::form_urlencoded;
use visavis::proto::join_request;

fuzz_target!(|input: &[u8]| {
    let _packed = join_request::decode(&BASE64_URL_SAFE.encode(input));
    let _queried = join_request::from_query(&form_urlencoded::parse(input).into_owned().collect());
    if let Ok(text) = std::str::from_utf8(input) {
        let _read = join_request::decode(text);
    }
});
