//! Damaged session descriptions cost their own connection at most.

use crate::hub::{ConnectionId, ConnectionRole, MemberId};
use crate::sfu::connection::{Connection, ConnectionFault};
use proptest::prelude::*;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Instant;
use str0m::config::DtlsCert;
use str0m::media::{Direction, MediaKind};
use str0m::{Candidate, RtcConfig};

fn certificate() -> &'static DtlsCert {
    static CERTIFICATE: OnceLock<DtlsCert> = OnceLock::new();
    CERTIFICATE.get_or_init(|| crate::sfu::certificate().expect("a certificate"))
}

fn connection(role: ConnectionRole) -> Connection {
    let local: SocketAddr = "127.0.0.1:5000".parse().expect("an address");
    Connection::new(ConnectionId { member: MemberId(1), role }, certificate(), &[local], Some(7881), Instant::now())
}

fn offer() -> &'static str {
    static OFFER: OnceLock<String> = OnceLock::new();
    OFFER.get_or_init(|| {
        let mut rtc = RtcConfig::new().build(Instant::now());
        rtc.add_local_candidate(
            Candidate::host("127.0.0.1:6000".parse().expect("an address"), "udp").expect("a candidate"),
        );
        let mut api = rtc.sdp_api();
        api.add_channel("_reliable".into());
        api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        api.apply().expect("an offer").0.to_sdp_string()
    })
}

/// An offer with lines removed, doubled, swapped or cut, or with a character inserted.
fn damaged(damage: &[(u8, usize, usize, char)]) -> String {
    let mut lines: Vec<String> = offer().lines().map(str::to_owned).collect();
    for (how, at, to, c) in damage {
        let (at, to) = (at % lines.len(), to % lines.len());
        match how {
            0 if lines.len() > 1 => drop(lines.remove(at)),
            1 => lines.insert(to, lines[at].clone()),
            2 => lines.swap(at, to),
            3 => {
                let place = lines[at].char_indices().map(|(i, _)| i).nth(to % lines[at].len().max(1)).unwrap_or(0);
                lines[at].insert(place, *c);
            }
            _ => {
                let keep: String = lines[at].chars().take(to % 40).collect();
                lines[at] = keep;
            }
        }
    }
    lines.join("\r\n") + "\r\n"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn damaged_offers_end_their_own_connection_at_most(damage in proptest::collection::vec((0u8..5, 0usize..200, 0usize..200, any::<char>()), 1..12)) {
        let sdp = damaged(&damage);
        for role in [ConnectionRole::Single, ConnectionRole::Publisher] {
            let mut c = connection(role);
            let outcome = c.accept_offer(&sdp, vec![], &[], &HashMap::new());
            let failed = matches!(outcome, Err(ConnectionFault::Panicked)) || (0..20).any(|_| c.poll().is_err());
            if failed {
                // The worker does the same.
                c.rtc.disconnect();
                prop_assert!(!c.rtc.is_alive());
            }
        }
    }

    #[test]
    fn damaged_answers_end_their_own_connection_at_most(damage in proptest::collection::vec((0u8..5, 0usize..200, 0usize..200, any::<char>()), 1..12)) {
        let mut c = connection(ConnectionRole::Subscriber);
        prop_assert!(c.make_offer(vec![], &[], false).expect("an offer").is_some());
        c.accept_answer(&damaged(&damage), &HashMap::new()).ok();
        prop_assert!(c.pending.is_none());
        prop_assert!(!matches!(c.accept_answer(offer(), &HashMap::new()), Ok(true)), "an answer is taken once");
    }
}

#[test]
fn a_panic_costs_one_connection() {
    let mut c = connection(ConnectionRole::Single);
    let outcome: Result<(), ConnectionFault> = c.guarded(|_| panic!("a panic of this test"));
    assert!(matches!(outcome, Err(ConnectionFault::Panicked)));
}
