//! Joins, departures, outages and removals, case by case.

use super::stage::{ROOM, START_S, Stage};
use crate::base::MediaKind::{Audio, Video};
use crate::base::Moment;
use crate::hub::*;
use livekit_protocol as lk;
use lk::DisconnectReason as Why;
use lk::leave_request::Action;
use lk::signal_request::Message as Request;
use lk::signal_response::Message;
use std::time::Duration;

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn ended(stage: &Stage, c: usize) -> Option<(Action, Why)> {
    stage.clients[c].ended
}

#[test]
fn clients_of_both_protocols_receive_each_other_in_any_order_of_joining() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let camera = stage.publish(mina, "cam", Video);
    let jonas = stage.join("jonas");
    let aiko = stage.join_v0("aiko");
    let voice = stage.publish(jonas, "mic", Audio);
    let other = stage.publish(aiko, "cam", Video);
    assert!(camera.as_str().starts_with("TR_VC") && voice.as_str().starts_with("TR_AM"));
    assert_eq!(stage.clients[mina].sees(), [voice.clone(), other.clone()].into());
    assert_eq!(stage.clients[jonas].sees(), [camera.clone(), other].into());
    assert_eq!(stage.clients[aiko].sees(), [camera, voice].into());
    stage.end();
}

#[test]
fn join_contains_what_clients_require() {
    let mut stage = Stage::new();
    for (name, single) in [("mina", true), ("aiko", false)] {
        let c = stage.client(name, single);
        stage.enter(c);
        stage.settle();
        let join = match stage.clients[c].inbox.first() {
            Some(Message::Join(join)) => join.clone(),
            other => panic!("join comes first, not {other:?}"),
        };
        assert!(join.ping_interval > 0 && join.ping_timeout > join.ping_interval);
        let info = join.server_info.expect("server_info");
        assert!(!info.version.is_empty() && info.protocol == 17);
        assert_eq!(join.subscriber_primary, !single);
        assert!(join.participant.expect("a participant").sid.starts_with("PA_"));
        assert!(join.room.expect("a room").sid.starts_with("RM_"));
    }
    stage.end();
}

#[test]
fn existing_tracks_are_in_the_answer_of_the_join() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let camera = stage.publish(mina, "cam", Video);
    let jonas = stage.join("jonas");
    let answers = stage.got(jonas, |m| if let Message::Answer(a) = m { Some(a) } else { None });
    assert_eq!(answers.len(), 1, "no second round was needed");
    assert_eq!(answers[0].mid_to_track_id.values().collect::<Vec<_>>(), [camera.as_str()]);
    stage.end();
}

#[test]
fn a_client_without_free_m_lines_is_asked_for_more() {
    let mut stage = Stage::new();
    stage.spare_m_lines = 0;
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let tracks: Vec<_> = (0..5).map(|n| stage.publish(mina, &format!("cam-{n}"), Video)).collect();
    assert_eq!(stage.clients[jonas].sees(), tracks.into_iter().collect());
    stage.end();
}

#[test]
fn a_client_without_tracks_is_shown_joining_and_leaving_at_once() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    assert!(stage.clients[mina].others.contains_key("jonas"));
    stage.leave(jonas);
    stage.settle();
    assert_eq!(stage.departures(mina), [("jonas".to_owned(), Why::ClientInitiated)]);
    assert_eq!(ended(&stage, jonas), Some((Action::Disconnect, Why::ClientInitiated)));
    stage.end();
}

#[test]
fn a_removed_user_learns_why_and_needs_a_newer_token() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    stage.publish(jonas, "cam", Video);
    let old = stage.admission("jonas");
    assert!(stage.kick("jonas").is_ok());
    stage.settle();
    assert_eq!(ended(&stage, jonas), Some((Action::Disconnect, Why::ParticipantRemoved)));
    assert_eq!(stage.departures(mina), [("jonas".to_owned(), Why::ParticipantRemoved)]);
    assert_eq!(stage.hub.refusal(&old, false), Some(Refusal::Removed));
    assert_eq!(stage.hub.refusal(&old, true), None);
    stage.enter_with(jonas, old);
    stage.settle();
    assert_eq!(ended(&stage, jonas), Some((Action::Disconnect, Why::ParticipantRemoved)));
    assert_eq!(stage.kick("nobody"), Err(AdminError::NoParticipant));
    stage.wait(secs(1));
    assert_eq!(stage.hub.refusal(&stage.admission("jonas"), false), None);
    assert_eq!(stage.hub.refusal(&Admission { issued_at: START_S, ..stage.admission("mina") }, false), None);
    stage.enter(jonas);
    stage.settle();
    assert_eq!(ended(&stage, jonas), None);
    stage.end();
}

#[test]
fn a_token_from_a_clock_that_is_ahead_is_banned_too() {
    let mut stage = Stage::new();
    let c = stage.client("jonas", true);
    let ahead = Admission { issued_at: START_S + 100, ..stage.admission("jonas") };
    stage.enter_with(c, ahead.clone());
    stage.settle();
    assert!(stage.kick("jonas").is_ok());
    assert_eq!(stage.hub.refusal(&ahead, false), Some(Refusal::Removed));
    stage.end();
}

#[test]
fn a_clock_that_was_set_meanwhile_dates_the_removal() {
    let mut stage = Stage::new();
    let jonas = stage.join("jonas");
    stage.hub.set_unix_ms((START_S + 3600) * 1000, stage.now);
    assert!(stage.kick("jonas").is_ok());
    let between = Admission { issued_at: START_S + 3599, ..stage.admission("jonas") };
    assert_eq!(stage.hub.refusal(&between, false), Some(Refusal::Removed));
    stage.settle();
    assert!(ended(&stage, jonas).is_some());
    stage.end();
}

#[test]
fn a_client_that_signals_on_without_its_connection_joins_again() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let connection = stage.down(mina).expect("a connection");
    stage.input(Input::Media(MediaEvent::Closed { connection }));
    stage.wait(secs(1));
    stage.tell(mina, Request::PingReq(lk::Ping::default()));
    stage.wait(secs(3));
    assert_eq!(ended(&stage, mina), Some((Action::Reconnect, Why::ConnectionTimeout)));
    stage.end();
}

#[test]
fn a_removal_during_an_outage_is_told_at_the_resume() {
    let mut stage = Stage::new();
    stage.join("mina");
    let jonas = stage.join("jonas");
    stage.cut(jonas);
    stage.wait(secs(2));
    assert!(stage.kick("jonas").is_ok());
    stage.resume(jonas);
    stage.settle();
    assert_eq!(ended(&stage, jonas), Some((Action::Disconnect, Why::ParticipantRemoved)));
    stage.end();
}

#[test]
fn a_removal_bans_a_user_that_timed_out_and_may_join_again() {
    let mut stage = Stage::new();
    stage.join("mina");
    let jonas = stage.join("jonas");
    let old = stage.admission("jonas");
    stage.cut(jonas);
    stage.wait(secs(8));
    assert_eq!(stage.hub.members(), 1);
    assert!(stage.kick("jonas").is_ok());
    assert_eq!(stage.hub.refusal(&old, false), Some(Refusal::Removed));
    stage.end();
}

#[test]
fn a_dismissal_tells_all_members_and_shows_no_departures() {
    let mut stage = Stage::new();
    let names = ["mina", "jonas", "aiko"];
    let all: Vec<usize> = names.iter().map(|name| stage.join(name)).collect();
    stage.publish(all[0], "cam", Video);
    let away = stage.join("sam");
    stage.cut(away);
    let old: Vec<Admission> = ["mina", "sam"].iter().map(|name| stage.admission(name)).collect();
    let stranger = stage.admission("olga");
    assert!(stage.dismiss().is_ok());
    assert!(stage.hub.is_empty());
    stage.settle();
    for c in all {
        assert_eq!(ended(&stage, c), Some((Action::Disconnect, Why::RoomDeleted)));
        assert_eq!(stage.departures(c), []);
    }
    for token in &old {
        assert_eq!(stage.hub.refusal(token, false), Some(Refusal::Dismissed));
    }
    assert_eq!(stage.hub.refusal(&stranger, false), None, "others may open the room anew");
    stage.resume(away);
    stage.settle();
    assert_eq!(ended(&stage, away), Some((Action::Disconnect, Why::RoomDeleted)));
    assert_eq!(stage.dismiss(), Err(AdminError::NoRoom));
    stage.end();
}

#[test]
fn a_room_that_is_made_again_is_another_room() {
    let mut stage = Stage::new();
    let sid =
        |stage: &mut Stage, c| stage.got(c, |m| if let Message::Join(j) = m { j.room } else { None })[0].sid.clone();
    let mina = stage.join("mina");
    let first = sid(&mut stage, mina);
    assert!(stage.dismiss().is_ok());
    stage.wait(secs(1));
    stage.enter(mina);
    stage.settle();
    assert_ne!(sid(&mut stage, mina), first);
    stage.end();
}

#[test]
fn a_resume_in_time_is_not_noticed_by_the_others() {
    for single in [true, false] {
        let mut stage = Stage::new();
        let mina = stage.join("mina");
        let jonas = stage.client("jonas", single);
        stage.enter(jonas);
        stage.settle();
        let before = stage.publish(mina, "cam", Video);
        stage.publish(jonas, "cam", Video);
        stage.clients[mina].inbox.clear();
        stage.cut(jonas);
        stage.wait(secs(2));
        let meanwhile = stage.publish(mina, "mic", Audio);
        stage.wait(secs(2));
        stage.clients[jonas].inbox.clear();
        stage.resume(jonas);
        stage.settle();
        let order: Vec<&str> = stage.clients[jonas]
            .inbox
            .iter()
            .map(|m| match m {
                Message::Reconnect(_) => "reconnect",
                Message::Update(_) => "update",
                Message::RoomUpdate(_) => "room",
                _ => "",
            })
            .filter(|name| !name.is_empty())
            .collect();
        assert_eq!(order, ["reconnect", "update", "room"]);
        stage.wait(secs(10));
        assert_eq!(stage.clients[jonas].sees(), [before, meanwhile].into());
        assert_eq!(stage.departures(mina), []);
        stage.end();
    }
}

#[test]
fn a_member_that_left_during_an_outage_is_shown_leaving_afterwards() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let aiko = stage.join("aiko");
    stage.cut(jonas);
    stage.leave(mina);
    stage.leave(aiko);
    stage.settle();
    stage.enter(aiko);
    stage.settle();
    stage.clients[jonas].inbox.clear();
    stage.resume(jonas);
    stage.settle();
    assert_eq!(stage.clients[jonas].others.keys().collect::<Vec<_>>(), ["aiko"]);
    assert_eq!(stage.departures(jonas), [("mina".to_owned(), Why::ClientInitiated)]);
    stage.end();
}

#[test]
fn a_killed_client_is_gone_within_six_seconds() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    stage.cut(jonas);
    stage.wait(ms(4500));
    assert_eq!(stage.departures(mina), []);
    stage.wait(ms(1000));
    assert_eq!(stage.departures(mina), [("jonas".to_owned(), Why::ConnectionTimeout)]);
    stage.resume(jonas);
    stage.settle();
    assert_eq!(ended(&stage, jonas), Some((Action::Reconnect, Why::StateMismatch)));
    stage.end();
}

#[test]
fn a_client_behind_a_dead_network_is_gone_although_its_link_looks_open() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    stage.publish(mina, "cam", Video);
    stage.tell(mina, Request::PingReq(lk::Ping::default()));
    let connection = stage.down(mina).expect("a connection");
    stage.pass(secs(4), false);
    stage.input(Input::Media(MediaEvent::Disconnected { connection }));
    stage.pass(ms(1600), false);
    assert_eq!(stage.hub.members(), 0, "no sign of life for 5.6 s, and no media");
    stage.end();
}

#[test]
fn a_silent_client_is_removed() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    stage.tell(mina, Request::PingReq(lk::Ping::default()));
    stage.pass(secs(14), false);
    assert_eq!(stage.hub.members(), 1);
    stage.pass(secs(7), false);
    assert_eq!(stage.hub.members(), 0);
    stage.end();
}

#[test]
fn connections_closed_before_leave_are_no_loss() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let connection = stage.down(jonas).expect("a connection");
    stage.input(Input::Media(MediaEvent::Closed { connection }));
    stage.pass(ms(7), false);
    stage.leave(jonas);
    stage.settle();
    assert_eq!(stage.departures(mina), [("jonas".to_owned(), Why::ClientInitiated)]);
    stage.end();
}

#[test]
fn the_same_user_elsewhere_ends_the_first_stay() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let first = stage.join("jonas");
    let sid = stage.clients[first].sid.clone();
    let second = stage.join("jonas");
    assert_eq!(ended(&stage, first), Some((Action::Disconnect, Why::DuplicateIdentity)));
    assert_ne!(stage.clients[second].sid, sid);
    assert_eq!(stage.clients[mina].others["jonas"].sid, stage.clients[second].sid);
    assert_eq!(stage.departures(mina), []);
    stage.clients[first].ended = None;
    stage.clients[first].sid = sid;
    stage.resume(first);
    stage.settle();
    assert_eq!(ended(&stage, first), Some((Action::Disconnect, Why::DuplicateIdentity)));
    assert_eq!(stage.hub.members(), 2);
    stage.end();
}

#[test]
fn a_member_that_never_connects_the_media_is_removed() {
    let mut hub = Hub::new(HubConfig { departure_timeout_s: 0, ..HubConfig::default() }, 7);
    let admission = Box::new(Stage::new().admission("mina"));
    hub.handle(Input::Join { link: LinkId(1), admission, request: Box::default(), single: true }, Moment::ZERO);
    let is_removal = |o: &Output| {
        matches!(o, Output::Signal { message, .. }
        if matches!(message.as_ref(), Message::Leave(l) if l.reason() == Why::JoinFailure))
    };
    hub.handle(Input::Tick, Moment::ZERO + ms(59_999));
    assert!(!std::iter::from_fn(|| hub.poll()).any(|o| is_removal(&o)), "the limit is 60 s");
    hub.handle(Input::Tick, Moment::ZERO + secs(60));
    assert!(std::iter::from_fn(|| hub.poll()).any(|o| is_removal(&o)));
    assert!(hub.is_empty());
}

#[test]
fn a_server_that_stops_sends_leave_and_no_departures() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join_v0("jonas");
    stage.input(Input::Shutdown);
    stage.settle();
    for c in [mina, jonas] {
        assert_eq!(ended(&stage, c), Some((Action::Disconnect, Why::ServerShutdown)));
        assert_eq!(stage.departures(c), []);
    }
    assert!(stage.hub.is_empty());
    stage.end();
}

#[test]
fn a_full_room_and_an_unmade_room_refuse() {
    let mut stage = Stage::new();
    let c = stage.client("mina", true);
    let config = lk::RoomConfiguration { max_participants: 1, departure_timeout: 5, ..Default::default() };
    let first = Admission { room_config: Some(Box::new(config)), ..stage.admission("mina") };
    stage.enter_with(c, first);
    stage.settle();
    assert_eq!(stage.hub.refusal(&stage.admission("jonas"), false), Some(Refusal::Full), "as the token asked");
    assert_eq!(stage.hub.refusal(&stage.admission("mina"), false), None, "a member supersedes its own session");
    stage.leave(c);
    stage.wait(secs(4));
    assert_eq!(stage.hub.rooms().count(), 1, "kept for 5 s, as the token asked");
    stage.end();
    let mut stage = Stage::with(HubConfig { auto_create: false, ..HubConfig::default() });
    assert_eq!(stage.hub.refusal(&stage.admission("mina"), false), Some(Refusal::NoRoom));
    let create =
        lk::CreateRoomRequest { name: ROOM.into(), empty_timeout: 10, departure_timeout: 1, ..Default::default() };
    assert!(stage.admin(AdminCall::CreateRoom(create)).is_ok());
    let mina = stage.join("mina");
    assert_eq!(ended(&stage, mina), None);
    stage.end();
}
