//! Hosts: who is one, who may make one, and what they set for the room.

use super::stage::{ROOM, Stage};
use crate::base::MediaKind;
use crate::hub::{AdminCall, AdminError};
use crate::proto::room_settings::RoomSettings;
use crate::proto::standing;
use livekit_protocol as lk;
use lk::request_response::Reason;
use lk::signal_request::Message as Request;
use lk::signal_response::Message;
use std::collections::HashMap;

pub(super) fn host(stage: &mut Stage, name: &str) -> usize {
    let mut admission = stage.admission(name);
    admission.room_admin = true;
    let c = stage.client(name, true);
    stage.enter_with(c, admission);
    stage.settle();
    c
}

pub(super) fn set(stage: &mut Stage, settings: &RoomSettings) -> Result<(), AdminError> {
    let metadata = settings.write("").expect("metadata");
    let request = lk::UpdateRoomMetadataRequest { room: ROOM.into(), metadata };
    stage.admin(AdminCall::UpdateRoomMetadata(request)).map(drop)
}

fn mutes(stage: &mut Stage, who: usize) -> Vec<bool> {
    stage.got(who, |m| if let Message::Mute(mute) = m { Some(mute.muted) } else { None })
}

#[test]
fn everybody_sees_who_is_a_host_and_nobody_becomes_one_alone() {
    let mut stage = Stage::new();
    host(&mut stage, "ada");
    let mina = stage.join("mina");
    let is_host = |stage: &Stage, who: &str| standing::is_host(&stage.clients[mina].others[who].attributes);
    assert!(is_host(&stage, "ada"));
    // Neither a token with the attribute nor the right to change one's own makes a host.
    let mut admission = stage.admission("mallory");
    admission.attributes = vec![standing::host(), standing::admitted("RM_1"), ("role".into(), "guest".into())];
    let mallory = stage.client("mallory", true);
    stage.enter_with(mallory, admission);
    stage.settle();
    let attributes = HashMap::from([standing::host()]);
    let update = lk::UpdateParticipantMetadata { attributes, ..Default::default() };
    stage.tell(mallory, Request::UpdateMetadata(update));
    let refused = stage.got(mallory, |m| if let Message::RequestResponse(r) = m { Some(r.reason()) } else { None });
    assert_eq!(refused, [Reason::NotAllowed]);
    assert!(!is_host(&stage, "mallory"));
    let role = HashMap::from([("role".to_owned(), "guest".to_owned())]);
    assert_eq!(stage.clients[mina].others["mallory"].attributes, role);
    stage.end();
}

#[test]
fn a_host_makes_another_one_whose_token_says_so() {
    let mut stage = Stage::new();
    let ada = host(&mut stage, "ada");
    stage.join("mina");
    stage.renewed.clear();
    let attributes = HashMap::from([standing::host()]);
    let make =
        lk::UpdateParticipantRequest { room: ROOM.into(), identity: "mina".into(), attributes, ..Default::default() };
    stage.admin(AdminCall::UpdateParticipant(make)).expect("made");
    stage.settle();
    assert!(standing::is_host(&stage.clients[ada].others["mina"].attributes));
    let renewed = stage.renewed.iter().map(|(_, holder)| (holder.identity.as_str(), &holder.attributes));
    assert!(renewed.into_iter().any(|(user, attributes)| user == "mina" && standing::is_host(attributes)));
    stage.end();
}

#[test]
fn newcomers_are_muted_where_a_host_has_set_that() {
    let mut stage = Stage::new();
    let ada = host(&mut stage, "ada");
    let early = stage.join("early");
    set(&mut stage, &RoomSettings { muted_on_entry: true, ..Default::default() }).expect("set");
    let late = stage.join("late");
    for who in [ada, early, late] {
        stage.publish(who, "microphone", MediaKind::Audio);
    }
    assert_eq!((mutes(&mut stage, ada), mutes(&mut stage, early)), (vec![], vec![]));
    assert_eq!(mutes(&mut stage, late), [true], "the client is told, and closes its microphone");
    let muted = |stage: &Stage| stage.clients[ada].others["late"].tracks[0].muted;
    assert!(muted(&stage));
    // They unmute themselves; another track of theirs is not muted.
    let sid = stage.clients[late].own["microphone"].to_string();
    stage.tell(late, Request::Mute(lk::MuteTrackRequest { sid, muted: false }));
    assert!(!muted(&stage));
    stage.publish(late, "second", MediaKind::Audio);
    stage.publish(late, "camera", MediaKind::Video);
    assert!(mutes(&mut stage, late).is_empty());
    stage.end();
}

#[test]
fn settings_reach_everybody_and_those_who_come_later() {
    let mut stage = Stage::new();
    let ada = host(&mut stage, "ada");
    let settings = RoomSettings { spotlight: "ada".parse().ok(), ..Default::default() };
    set(&mut stage, &settings).expect("set");
    stage.settle();
    let of_update = |m| if let Message::RoomUpdate(u) = m { u.room.map(|room| room.metadata) } else { None };
    let told = stage.got(ada, of_update);
    assert_eq!(told.last().map(|metadata| RoomSettings::read(metadata)), Some(settings.clone()));
    let mina = stage.join("mina");
    let joined = stage.got(mina, |m| if let Message::Join(j) = m { j.room.map(|room| room.metadata) } else { None });
    assert_eq!(RoomSettings::read(&joined[0]), settings);
    stage.end();
}
