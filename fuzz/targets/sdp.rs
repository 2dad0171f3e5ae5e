//! Session descriptions.
#![no_main]

use libfuzzer_sys::fuzz_target;
use visavis::proto::sdp;

fuzz_target!(|text: &str| {
    for m_line in sdp::m_lines(text) {
        let _directions = (m_line.is_sending(), m_line.is_receiving());
    }
});
