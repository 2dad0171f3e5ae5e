//! Raised hands: everybody may change the attribute of their own, and no other one without the right.

use super::stage::Stage;
use crate::hub::AdminCall;
use livekit_protocol as lk;
use lk::request_response::Reason;
use lk::signal_request::Message as Request;
use lk::signal_response::Message;

const RAISED: &str = "2025-11-23T14:32:07.312Z";

fn change(attributes: &[(&str, &str)]) -> lk::UpdateParticipantMetadata {
    let attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    lk::UpdateParticipantMetadata { attributes, request_id: 3, ..Default::default() }
}

/// A room with a guest, whose token has attributes and lets them change nothing, and somebody who sees them.
fn room() -> (Stage, usize, usize) {
    let mut stage = Stage::new();
    let jonas = stage.join("jonas");
    let mut admission = stage.admission("mina");
    admission.permission.can_update_metadata = false;
    admission.name = "Mina".into();
    admission.metadata = "of the token".into();
    admission.attributes = vec![("role".into(), "guest".into())];
    let mina = stage.client("mina", true);
    stage.enter_with(mina, admission);
    stage.settle();
    (stage, mina, jonas)
}

fn answers(stage: &mut Stage, who: usize) -> Vec<Reason> {
    stage.got(who, |m| if let Message::RequestResponse(r) = m { Some(r.reason()) } else { None })
}

#[test]
fn a_guest_raises_and_lowers_the_hand() {
    let (mut stage, mina, jonas) = room();
    // As LiveKit's SDKs write it: everything else is repeated as it is.
    let raise = lk::UpdateParticipantMetadata {
        name: "Mina".into(),
        metadata: "of the token".into(),
        ..change(&[("handRaisedAt", RAISED), ("role", "guest")])
    };
    stage.tell(mina, Request::UpdateMetadata(raise));
    let of = |stage: &Stage, key: &str| stage.clients[jonas].others["mina"].attributes.get(key).cloned();
    assert_eq!(of(&stage, "handRaisedAt").as_deref(), Some(RAISED));
    stage.tell(mina, Request::UpdateMetadata(change(&[("handRaisedAt", "")])));
    assert_eq!((of(&stage, "handRaisedAt"), of(&stage, "role").as_deref()), (None, Some("guest")));
    assert_eq!(answers(&mut stage, mina), [Reason::Ok, Reason::Ok]);
    stage.end();
}

#[test]
fn with_a_hand_a_guest_changes_nothing_else() {
    let (mut stage, mina, jonas) = room();
    let before = stage.clients[jonas].others["mina"].clone();
    let hand = ("handRaisedAt", RAISED);
    let long = "x".repeat(65);
    let all = [
        change(&[("role", "host")]),
        change(&[hand, ("role", "host")]),
        change(&[hand, ("role", "")]),
        change(&[hand, ("room_admin", "true")]),
        change(&[("handRaisedAt", &long)]),
        lk::UpdateParticipantMetadata { name: "Ada".into(), ..change(&[hand]) },
        lk::UpdateParticipantMetadata { metadata: "host".into(), ..change(&[hand]) },
        change(&[]),
    ];
    let count = all.len();
    for update in all {
        stage.tell(mina, Request::UpdateMetadata(update));
    }
    let after = &stage.clients[jonas].others["mina"];
    assert_eq!((&after.attributes, &after.name, &after.metadata), (&before.attributes, &before.name, &before.metadata));
    assert_eq!(answers(&mut stage, mina), vec![Reason::NotAllowed; count]);
    stage.end();
}

#[test]
fn a_host_lowers_a_hand_and_newcomers_see_those_that_are_up() {
    let (mut stage, mina, jonas) = room();
    stage.tell(mina, Request::UpdateMetadata(change(&[("handRaisedAt", RAISED)])));
    let late = stage.join("late");
    assert_eq!(stage.clients[late].others["mina"].attributes["handRaisedAt"], RAISED);
    let room = stage.admission("mina").room;
    let attributes = change(&[("handRaisedAt", "")]).attributes;
    let lower = lk::UpdateParticipantRequest { room, identity: "mina".into(), attributes, ..Default::default() };
    stage.admin(AdminCall::UpdateParticipant(lower)).expect("lowered");
    stage.settle();
    for who in [jonas, late] {
        assert!(!stage.clients[who].others["mina"].attributes.contains_key("handRaisedAt"));
    }
    stage.end();
}
