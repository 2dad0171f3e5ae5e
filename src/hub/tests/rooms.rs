//! How long rooms last, and what their members are told of them and of their tracks without asking.

use super::stage::{ROOM, Stage};
use super::wire::simulcast;
use crate::base::MediaKind::Video;
use crate::hub::*;
use livekit_protocol as lk;
use lk::participant_info::Kind;
use lk::signal_request::Message as Request;
use lk::signal_response::Message;
use std::time::Duration;

const fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// The counts in each `room_update` that a client got.
fn counts(stage: &mut Stage, c: usize) -> Vec<(u32, u32)> {
    let rooms = stage.got(c, |m| if let Message::RoomUpdate(update) = m { update.room } else { None });
    rooms.iter().map(|room| (room.num_participants, room.num_publishers)).collect()
}

fn join_as(stage: &mut Stage, name: &str, kind: Kind) -> usize {
    let c = stage.client(name, true);
    let admission = Admission { kind, ..stage.admission(name) };
    stage.enter_with(c, admission);
    stage.settle();
    c
}

#[test]
fn a_room_outlives_its_last_person_by_the_departure_timeout() {
    let mut stage = Stage::with(HubConfig { departure_timeout_s: 20, ..HubConfig::default() });
    let mina = stage.join("mina");
    let metadata = lk::UpdateRoomMetadataRequest { room: ROOM.into(), metadata: "agenda".into() };
    stage.admin(AdminCall::UpdateRoomMetadata(metadata)).expect("updated");
    stage.leave(mina);
    stage.wait(secs(19));
    let Ok(AdminAnswer::Rooms(list)) = stage.admin(AdminCall::ListRooms(lk::ListRoomsRequest::default())) else {
        panic!("no list")
    };
    let room = &list.rooms[0];
    assert_eq!((room.num_participants, room.empty_timeout, room.departure_timeout), (0, 300, 20));
    let jonas = stage.join("jonas");
    let joined = stage.got(jonas, |m| if let Message::Join(join) = m { join.room } else { None });
    assert_eq!(joined[0].metadata, "agenda", "the same room");
    stage.leave(jonas);
    stage.wait(secs(19));
    assert_eq!(stage.hub.rooms().count(), 1);
    stage.wait(secs(2));
    assert_eq!(stage.hub.rooms().count(), 0);
    stage.end();
}

#[test]
fn a_dismissal_closes_a_room_at_once_and_so_does_a_timeout_of_zero() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    stage.dismiss().expect("dismissed");
    stage.settle();
    assert!(stage.hub.rooms().count() == 0 && stage.clients[mina].ended.is_some());
    stage.end();
    let mut stage = Stage::with(HubConfig { departure_timeout_s: 0, ..HubConfig::default() });
    let mina = stage.join("mina");
    stage.leave(mina);
    stage.settle();
    assert_eq!(stage.hub.rooms().count(), 0);
    stage.end();
}

#[test]
fn members_are_told_the_counts_of_their_room() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    stage.wait(secs(1));
    counts(&mut stage, mina);
    let jonas = stage.join("jonas");
    stage.wait(secs(1));
    assert_eq!(counts(&mut stage, mina), [(2, 0)]);
    stage.publish(jonas, "cam", Video);
    stage.wait(secs(1));
    assert_eq!(counts(&mut stage, mina), [(2, 1)]);
    stage.leave(jonas);
    stage.wait(secs(1));
    assert_eq!(counts(&mut stage, mina), [(1, 0)]);
    stage.wait(secs(5));
    assert_eq!(counts(&mut stage, mina), [], "only when they change");
    stage.end();
}

#[test]
fn an_agent_is_shown_as_one_and_keeps_no_room_open() {
    let mut stage = Stage::with(HubConfig { departure_timeout_s: 20, ..HubConfig::default() });
    let mina = stage.client("mina", true);
    let config = lk::RoomConfiguration { max_participants: 1, ..Default::default() };
    let first = Admission { room_config: Some(Box::new(config)), ..stage.admission("mina") };
    stage.enter_with(mina, first);
    stage.settle();
    let agent = join_as(&mut stage, "agent", Kind::Agent);
    assert_eq!(stage.clients[agent].ended, None, "an agent needs no place");
    assert_eq!(stage.clients[mina].others["agent"].kind(), Kind::Agent);
    stage.wait(secs(1));
    assert_eq!(counts(&mut stage, agent).last(), Some(&(1, 0)));
    stage.leave(mina);
    stage.wait(secs(19));
    assert_eq!(stage.clients[agent].ended, None);
    stage.wait(secs(2));
    let ended = stage.clients[agent].ended.expect("the room has closed");
    assert_eq!(ended.1, lk::DisconnectReason::RoomClosed);
    // An agent that comes first waits for people as long as an empty room does.
    let agent = join_as(&mut stage, "early", Kind::Agent);
    stage.wait(secs(299));
    assert_eq!(stage.clients[agent].ended, None);
    stage.wait(secs(2));
    assert!(stage.clients[agent].ended.is_some());
    stage.end();
}

#[test]
fn a_single_picture_that_nobody_shows_is_not_sent() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let jonas = stage.join("jonas");
    let sid = stage.publish(mina, "cam", Video);
    let layers = |stage: &mut Stage| {
        let of =
            |m| if let Message::SubscribedQualityUpdate(update) = m { Some(update.subscribed_codecs) } else { None };
        let updates = stage.got(mina, of);
        updates.iter().map(|codecs| codecs[0].qualities.iter().filter(|q| q.enabled).count()).collect::<Vec<_>>()
    };
    let show = |disabled| {
        let track_sids = vec![sid.to_string()];
        Request::TrackSetting(lk::UpdateTrackSettings { track_sids, disabled, width: 10, ..Default::default() })
    };
    stage.tell(jonas, show(true));
    stage.wait(secs(6));
    assert_eq!(layers(&mut stage), [0]);
    stage.tell(jonas, show(false));
    assert_eq!(layers(&mut stage), [3], "all of the only picture, however small it is shown");
    stage.end();
}

#[test]
fn subscribers_are_told_of_rights_and_of_streams() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let tracks = [stage.publish(mina, "cam", Video)];
    for single in [true, false] {
        let jonas = stage.client("jonas", single);
        stage.enter(jonas);
        stage.settle();
        let inbox = std::mem::take(&mut stage.clients[jonas].inbox);
        let allowed: Vec<_> = inbox
            .iter()
            .filter_map(|m| {
                if let Message::SubscriptionPermissionUpdate(u) = m { Some((&*u.track_sid, u.allowed)) } else { None }
            })
            .collect();
        assert_eq!(allowed, [(tracks[0].as_str(), true)]);
        let streams: Vec<_> = inbox
            .iter()
            .filter_map(|m| if let Message::StreamStateUpdate(u) = m { Some(&u.stream_states) } else { None })
            .flatten()
            .map(|state| (state.track_sid.as_str(), state.state()))
            .collect();
        assert_eq!(streams, [(tracks[0].as_str(), lk::StreamState::Active)]);
        stage.leave(jonas);
        stage.settle();
    }
    let nobody = lk::SubscriptionPermission::default();
    stage.tell(mina, Request::SubscriptionPermission(nobody));
    let late = stage.join("late");
    let told =
        stage.got(late, |m| if let Message::SubscriptionPermissionUpdate(u) = m { Some(u.allowed) } else { None });
    assert_eq!(told, [false], "who comes later learns it, too");
    stage.end();
}

#[test]
fn tracks_are_described_as_livekit_describes_them() {
    let mut stage = Stage::new();
    let mina = stage.join("mina");
    let odd = lk::AddTrackRequest { source: lk::TrackSource::Unknown.into(), ..simulcast("odd") };
    stage.tell(mina, Request::AddTrack(odd));
    let info = |stage: &mut Stage| {
        let published = stage.got(mina, |m| if let Message::TrackPublished(p) = m { p.track } else { None });
        published.into_iter().next().expect("a track")
    };
    let track = info(&mut stage);
    let version = track.version.expect("a version");
    assert_eq!((track.stream.as_str(), version.unix_micro > 0), ("unknown", true));
    assert_eq!(track.codecs[0].video_layer_mode(), lk::video_layer::Mode::OneSpatialLayerPerStream);
    stage.wait(secs(1));
    stage.tell(mina, Request::Mute(lk::MuteTrackRequest { sid: track.sid.clone(), muted: true }));
    stage.tell(mina, Request::AddTrack(lk::AddTrackRequest { source: 0, ..simulcast("odd") }));
    let changed = info(&mut stage).version.expect("a version");
    assert!(changed.unix_micro >= version.unix_micro + 1_000_000, "a change has a newer version");
    stage.end();
}

#[test]
fn webhooks_are_told_what_livekit_server_tells_them() {
    let mut stage = Stage::with(HubConfig { departure_timeout_s: 20, ..HubConfig::default() });
    let mina = stage.join("mina");
    let sid = stage.publish(mina, "cam", Video);
    stage.leave(mina);
    stage.wait(secs(21));
    let names: Vec<_> = stage.notices.iter().map(|notice| notice.event.as_str()).collect();
    let expected = [
        "room_started",
        "participant_joined",
        "track_published",
        "track_unpublished",
        "participant_left",
        "room_finished",
    ];
    assert_eq!(names, expected);
    let ids: std::collections::BTreeSet<_> = stage.notices.iter().map(|notice| notice.id.as_str()).collect();
    assert!(ids.len() == expected.len() && ids.iter().all(|id| id.starts_with("EV_")), "{ids:?}");
    let [started, joined, published, unpublished, left, finished] = &stage.notices[..] else { panic!() };
    let room = |notice: &lk::WebhookEvent| notice.room.clone().expect("a room");
    assert!(stage.notices.iter().all(|notice| room(notice).name == ROOM && room(notice).sid == room(started).sid));
    assert!(started.participant.is_none() && finished.participant.is_none());
    assert_eq!(room(finished).departure_timeout, 20);
    let person = |notice: &lk::WebhookEvent| notice.participant.clone().expect("a participant");
    assert_eq!(
        (person(joined).identity.as_str(), person(joined).state()),
        ("mina", lk::participant_info::State::Active)
    );
    assert!(person(joined).tracks.is_empty() && person(joined).permission.is_some());
    assert_eq!(person(left).disconnect_reason(), lk::DisconnectReason::ClientInitiated);
    assert_eq!(person(left).state(), lk::participant_info::State::Disconnected);
    for notice in [published, unpublished] {
        assert_eq!(notice.track.as_ref().map(|track| track.sid.as_str()), Some(sid.as_str()));
        assert_eq!((person(notice).identity.as_str(), room(notice).creation_time), ("mina", 0), "names and ids alone");
    }
    assert!(left.created_at >= joined.created_at && joined.created_at >= super::stage::START_S);
    stage.end();
}

#[test]
fn who_never_connects_was_not_in_the_room() {
    let mut stage = Stage::new();
    let mina = stage.client("mina", true);
    let admission = stage.admission("mina");
    stage.enter_asking(mina, admission, |request| request.publisher_offer = None);
    stage.cut(mina);
    stage.wait(secs(10));
    let names: Vec<_> = stage.notices.iter().map(|notice| notice.event.as_str()).collect();
    assert_eq!(names, ["room_started", "participant_connection_aborted"]);
    stage.end();
}
