//! The mended headers of WAV files.
#![no_main]
#![allow(dead_code)]

#[path = "../../src/devices/audio/wav_header.rs"]
mod wav_header;

use libfuzzer_sys::fuzz_target;
use std::io::{Cursor, Read, Seek, SeekFrom};

fuzz_target!(|content: &[u8]| {
    let mut file = wav_header::PatchedFile::new(Cursor::new(content)).expect("memory can be read");
    let mut whole = Vec::new();
    file.read_to_end(&mut whole).expect("memory can be read");
    assert_eq!(whole.len(), content.len(), "only bytes are changed");
    // The same bytes come from every place, in pieces of any length.
    let start = content.first().map_or(0, |first| usize::from(*first) % content.len());
    file.seek(SeekFrom::Start(start as u64)).expect("a place in the file");
    let mut piece = [0; 5];
    let read = file.read(&mut piece).expect("memory can be read");
    assert_eq!(piece[..read], whole[start..start + read]);
});
