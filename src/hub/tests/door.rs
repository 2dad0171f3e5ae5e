//! Locked rooms and waiting rooms.

use super::hosts::{host, set};
use super::stage::{ROOM, Stage};
use crate::base::MediaKind;
use crate::hub::{AdminCall, AdminError, Admission, Refusal};
use crate::proto::room_settings::RoomSettings;
use crate::proto::standing;
use livekit_protocol as lk;
use lk::DisconnectReason as Why;
use lk::signal_request::Message as Request;
use lk::signal_response::Message;
use std::time::Duration;

fn locked() -> RoomSettings {
    RoomSettings { locked: true, ..Default::default() }
}

fn waiting_room() -> RoomSettings {
    RoomSettings { waiting_room: true, ..Default::default() }
}

/// A room with a waiting room: a host who sends a picture, and somebody who waits.
fn room() -> (Stage, usize, usize) {
    let mut stage = Stage::new();
    let ada = host(&mut stage, "ada");
    stage.publish(ada, "camera", MediaKind::Video);
    set(&mut stage, &waiting_room()).expect("set");
    let mina = stage.join("mina");
    (stage, ada, mina)
}

fn admit(stage: &mut Stage, user: &str) -> Result<(), AdminError> {
    let permission = lk::ParticipantPermission { can_subscribe: true, can_publish: true, ..Default::default() };
    let request = lk::UpdateParticipantRequest {
        room: ROOM.into(),
        identity: user.into(),
        permission: Some(permission),
        attributes: [standing::no_longer_waiting()].into(),
        ..Default::default()
    };
    stage.admin(AdminCall::UpdateParticipant(request)).map(drop)
}

fn who_waits(stage: &mut Stage) -> Vec<String> {
    let list = stage.admin(AdminCall::ListParticipants(lk::ListParticipantsRequest { room: ROOM.into() }));
    let Ok(crate::hub::AdminAnswer::Participants(list)) = list else { panic!("{list:?}") };
    list.participants.into_iter().filter(|p| standing::is_waiting(&p.attributes)).map(|p| p.identity).collect()
}

/// The newest token of a participant, as it joins again with it.
fn renewed(stage: &Stage, user: &str) -> Admission {
    let (_, holder) = stage.renewed.iter().rev().find(|(_, holder)| holder.identity == user).expect("a token");
    Admission { attributes: holder.attributes.clone().into_iter().collect(), ..stage.admission(user) }
}

#[test]
fn who_waits_sees_hears_and_does_nothing_and_is_not_seen() {
    let (mut stage, ada, mina) = room();
    stage.join("tom");
    assert!(stage.clients[mina].others.is_empty() && stage.clients[mina].map.is_empty());
    assert!(!stage.clients[ada].others.contains_key("mina"));
    assert_eq!(who_waits(&mut stage), ["mina", "tom"]);
    let me = stage.got(mina, |m| if let Message::Join(j) = m { j.participant } else { None });
    let permission = me[0].permission.clone().expect("a permission");
    assert!(standing::is_waiting(&me[0].attributes) && permission.hidden && !permission.can_publish);
    // It announces a track in vain, and nothing of the room reaches it.
    stage.say(mina, Request::AddTrack(lk::AddTrackRequest { cid: "camera".into(), ..Default::default() }));
    stage.settle();
    stage.clients[mina].inbox.clear();
    stage.publish(ada, "microphone", MediaKind::Audio);
    stage.cut(ada);
    stage.wait(Duration::from_secs(20));
    let got = stage.got(mina, |m| match m {
        Message::Update(_) | Message::SpeakersChanged(_) | Message::ConnectionQuality(_) => Some(m),
        _ => None,
    });
    assert!(got.is_empty(), "{got:?}");
    assert_eq!(who_waits(&mut stage), ["mina", "tom"]);
    stage.end();
}

#[test]
fn who_is_let_in_has_the_rights_of_the_token_and_sees_everybody() {
    let (mut stage, ada, mina) = room();
    admit(&mut stage, "mina").expect("admitted");
    stage.settle();
    assert!(stage.clients[mina].others.contains_key("ada") && stage.clients[ada].others.contains_key("mina"));
    assert_eq!(stage.clients[mina].map.len(), 1, "the host's picture comes");
    let shown = stage.clients[ada].others["mina"].clone();
    assert!(!standing::is_waiting(&shown.attributes));
    assert!(shown.permission.is_some_and(|p| p.can_publish_data && p.can_update_metadata), "not what the host names");
    stage.publish(mina, "camera", MediaKind::Video);
    assert_eq!(stage.clients[ada].map.len(), 1);
    assert!(who_waits(&mut stage).is_empty());
    // Another admission changes nothing but the permission, as ever.
    admit(&mut stage, "mina").expect("taken");
    stage.settle();
    stage.end();
}

#[test]
fn who_was_let_in_returns_with_the_token_of_then_and_only_to_this_room() {
    let (mut stage, _, mina) = room();
    admit(&mut stage, "mina").expect("admitted");
    stage.settle();
    let token = renewed(&stage, "mina");
    stage.cut(mina);
    stage.wait(Duration::from_secs(20));
    stage.enter_with(mina, token.clone());
    stage.settle();
    assert!(stage.clients[mina].others.contains_key("ada"), "back without waiting");
    // Somebody else with the same name and a token of their own waits.
    let again = stage.join("mina");
    assert!(stage.clients[again].others.is_empty());
    stage.dismiss().expect("dismissed");
    stage.wait(Duration::from_secs(2));
    let ada = host(&mut stage, "ada");
    set(&mut stage, &waiting_room()).expect("set");
    let late = stage.client("late", true);
    stage.enter_with(late, Admission { attributes: token.attributes, ..stage.admission("late") });
    stage.settle();
    assert!(stage.clients[late].others.is_empty() && !stage.clients[ada].others.contains_key("late"));
    stage.end();
}

#[test]
fn a_refusal_the_end_of_the_call_and_leaving_reach_the_door() {
    let (mut stage, ada, mina) = room();
    let (tom, jonas) = (stage.join("tom"), stage.join("jonas"));
    stage.kick("mina").expect("refused");
    stage.leave(tom);
    stage.settle();
    assert_eq!(stage.clients[mina].ended.map(|(_, why)| why), Some(Why::ParticipantRemoved));
    assert_eq!(who_waits(&mut stage), ["jonas"]);
    assert_eq!(stage.departures(ada), [], "nobody saw them");
    stage.dismiss().expect("dismissed");
    stage.settle();
    assert_eq!(stage.clients[jonas].ended.map(|(_, why)| why), Some(Why::RoomDeleted));
    stage.end();
}

#[test]
fn a_link_that_is_cut_at_the_door_resumes_there() {
    let (mut stage, ada, mina) = room();
    stage.cut(mina);
    stage.wait(Duration::from_secs(1));
    stage.resume(mina);
    stage.settle();
    assert_eq!(who_waits(&mut stage), ["mina"]);
    assert!(stage.clients[mina].others.is_empty() && !stage.clients[ada].others.contains_key("mina"));
    admit(&mut stage, "mina").expect("admitted");
    stage.settle();
    assert!(stage.clients[ada].others.contains_key("mina"));
    stage.end();
}

#[test]
fn the_door_opens_for_all_who_wait_when_the_waiting_room_ends() {
    let (mut stage, ada, mina) = room();
    let tom = stage.join_v0("tom");
    set(&mut stage, &RoomSettings::default()).expect("set");
    stage.settle();
    for who in [mina, tom] {
        assert!(stage.clients[who].others.contains_key("ada"));
    }
    assert!(stage.clients[ada].others.contains_key("mina") && stage.clients[ada].others.contains_key("tom"));
    stage.end();
}

#[test]
fn a_locked_room_refuses_newcomers_and_nobody_else() {
    let mut stage = Stage::new();
    host(&mut stage, "ada");
    let mina = stage.join("mina");
    set(&mut stage, &locked()).expect("set");
    let refusal = |stage: &Stage, admission: &Admission| stage.hub.refusal(admission, false);
    assert_eq!(refusal(&stage, &stage.admission("tom")), Some(Refusal::Locked));
    let another_host = Admission { room_admin: true, ..stage.admission("lena") };
    assert_eq!(refusal(&stage, &another_host), None);
    let back = renewed(&stage, "mina");
    assert_eq!(refusal(&stage, &back), None, "mina may return after an outage");
    assert_eq!(refusal(&stage, &stage.admission("mina")), None, "with the token that let her in, too");
    stage.wait(Duration::from_secs(2));
    assert_eq!(refusal(&stage, &stage.admission("mina")), Some(Refusal::Locked), "a token of somebody who says so");
    stage.cut(mina);
    stage.wait(Duration::from_secs(20));
    stage.enter_with(mina, back);
    stage.settle();
    assert!(stage.clients[mina].others.contains_key("ada"));
    set(&mut stage, &RoomSettings::default()).expect("set");
    assert_eq!(refusal(&stage, &stage.admission("tom")), None);
    stage.end();
}
