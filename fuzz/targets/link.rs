//! Links and server addresses: a link that was read and is written again leads to the same room.
#![no_main]

use libfuzzer_sys::fuzz_target;
use visavis::proto::link;

fuzz_target!(|text: &str| {
    let _server = link::server(text);
    let Ok(place) = link::parse(text) else { return };
    let Some(server) = &place.server else { return };
    for again in [
        link::link(server, &place.room, place.invitation.as_ref()),
        link::app_link(server, &place.room, place.invitation.as_ref()),
    ] {
        let back = link::parse(&again).expect("a link that was made is a link");
        assert_eq!((&back.room, &back.invitation), (&place.room, &place.invitation), "{text} -> {again}");
    }
});
