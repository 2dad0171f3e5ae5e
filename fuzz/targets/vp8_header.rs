//! The header of VP8 frames (RFC 6386, section 9.1), of which the decoder takes its memory.
#![no_main]

#[path = "../../src/codec/vp8_header.rs"]
mod vp8_header;

use libfuzzer_sys::fuzz_target;
use vp8_header::Vp8Header;

fuzz_target!(|frame: &[u8]| {
    match Vp8Header::parse(frame) {
        Some(Vp8Header::Keyframe { width, height }) => {
            assert!(Vp8Header::is_keyframe(frame));
            assert!((1..=16383).contains(&width) && (1..=16383).contains(&height), "{width}x{height}");
        }
        Some(Vp8Header::Interframe) => assert!(!Vp8Header::is_keyframe(frame)),
        None => {}
    }
});
