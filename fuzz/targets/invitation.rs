//! Invitations of links: an invitation is valid for the room that it was signed for, and for no other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use visavis::base::RoomName;
use visavis::proto::invitation::Invitation;
use visavis::proto::token::{ApiKey, ApiKeys};

const THEN: i64 = 1_795_586_561;

fuzz_target!(|text: &str| {
    let keys = ApiKeys::new(vec![ApiKey::dev()]);
    let (tea, board): (RoomName, RoomName) = ("tea".parse().expect("a room"), "board".parse().expect("a room"));
    let in_both = [&tea, &board].iter().all(|room| Invitation::verify(text, room, &keys, THEN).is_ok());
    assert!(!in_both, "one invitation opens two rooms");
});
