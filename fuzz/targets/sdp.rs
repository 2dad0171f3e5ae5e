//! Session descriptions of strangers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use visavis::proto::sdp;

fuzz_target!(|text: &str| {
    for section in sdp::m_lines(text) {
        let _directions = (section.is_sending(), section.is_receiving());
    }
});
