//! A lost link: resumed, joined afresh, or given up; and changes in the room meanwhile.

use super::*;

#[test]
fn a_short_outage_is_resumed_with_the_same_people() {
    use lk::participant_info::State;
    let mut w = World::entered();
    w.message(update(vec![person("mina", State::Active, Some(false)), person("tom", State::Active, None)]));
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(5);
    assert!(matches!(w.session.phase(), Phase::Reconnecting(_)));
    w.run(10);
    let me = lk::ParticipantInfo { sid: ME.into(), identity: "me".into(), ..Default::default() };
    w.message(update(vec![me, person("mina", State::Active, Some(true))]));
    w.run(100);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)));
    let names: Vec<&str> = w.session.people().iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["mina"], "tom left meanwhile");
    assert!(w.session.people()[0].tracks.iter().all(|t| t.muted));
    assert!(w.outputs.iter().any(|o| o.starts_with("ResumeDone")));
}

#[test]
fn a_kick_during_the_outage_is_reported_as_a_kick() {
    let mut w = World::entered();
    w.behaviour.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(3);
    let reason = lk::DisconnectReason::ParticipantRemoved as i32;
    let kick = Box::new(lk::LeaveRequest { reason, ..Default::default() });
    w.give(Input::Link(w.epoch, LinkInput::ResumeFailed(Some(kick))));
    assert_eq!(w.exit().0, ExitReason::Kicked);
}

#[test]
fn a_refused_fresh_join_reports_a_removal_or_dismissal() {
    for (kind, expected) in [
        (EntryErrorKind::Removed, ExitReason::Kicked),
        (EntryErrorKind::Dismissed, ExitReason::Dismissed),
        (EntryErrorKind::NoPermission, ExitReason::ConnectionLost),
    ] {
        let mut w = World::entered();
        w.behaviour.server = false;
        w.give(Input::Link(w.epoch, LinkInput::Lost));
        w.run(RESUME_WINDOW.as_millis() as u64 + 5000);
        assert!(w.epoch > Epoch(1), "it joins afresh");
        let error = EntryError { kind, message: "no".into(), retry: false };
        w.give(Input::Link(w.epoch, LinkInput::ConnectFailed(error)));
        assert_eq!(w.exit().0, expected);
        assert!(!w.outputs.iter().any(|o| o.starts_with("SayGoodbye")));
    }
}

#[test]
fn leave_while_reconnecting_must_not_rejoin() {
    let mut w = World::entered();
    w.behaviour.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(700);
    w.give(Input::Exit(ExitRequestedBy::User));
    w.behaviour.server = true;
    w.outputs.clear();
    let (reason, total_ms, receipt) = w.exit();
    assert_eq!(reason, ExitReason::Left);
    assert!(total_ms < 500.0, "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::Unconfirmed);
    w.run(10_000);
    assert!(!w.outputs.iter().any(|o| o.starts_with("Connect") || o.starts_with("Resume")), "{:?}", w.outputs);
}

#[test]
fn an_outage_without_end_is_102_after_the_last_attempt() {
    let mut w = World::entered();
    w.behaviour.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(RECONNECT_LIMIT.as_millis() as u64 - 1);
    assert!(matches!(w.session.phase(), Phase::Reconnecting(_)), "{:?}", w.session.phase());
    w.run(ATTEMPT_LIMIT.as_millis() as u64 + 10);
    assert_eq!(w.exit().0, ExitReason::ConnectionLost);
}

/// Reasons with which a server has lost us, and nobody has removed us.
const LOSSES: [lk::DisconnectReason; 8] = [
    lk::DisconnectReason::ConnectionTimeout,
    lk::DisconnectReason::StateMismatch,
    lk::DisconnectReason::JoinFailure,
    lk::DisconnectReason::MediaFailure,
    lk::DisconnectReason::SignalClose,
    lk::DisconnectReason::Migration,
    lk::DisconnectReason::RoomClosed,
    lk::DisconnectReason::UnknownReason,
];

/// The state of a session when the server's word arrives.
fn at_each_point() -> impl Iterator<Item = (&'static str, World)> {
    let lost = |ms| {
        let mut w = World::entered();
        w.behaviour.peers = false;
        w.give(Input::Link(w.epoch, LinkInput::Lost));
        w.run(ms);
        w
    };
    let rejoining = |ms| {
        let mut w = World::entered();
        w.behaviour.peers = false;
        w.message(leave(lk::DisconnectReason::ConnectionTimeout));
        w.run(ms);
        w
    };
    let mut between = World::entered();
    between.behaviour.server = false;
    between.give(Input::Link(between.epoch, LinkInput::Lost));
    between.run(50);
    between.behaviour.server = true;
    [
        ("in the room", World::entered()),
        ("between two attempts", between),
        ("resuming", lost(5)),
        ("restarting ICE", lost(15)),
        ("joining afresh", rejoining(5)),
        ("joined afresh, without media", rejoining(15)),
    ]
    .into_iter()
}

#[test]
fn a_server_that_has_lost_us_does_not_end_the_stay() {
    for reason in LOSSES {
        for action in 0..3 {
            for (point, mut w) in at_each_point() {
                w.message(Response::Leave(lk::LeaveRequest { reason: reason as i32, action, ..Default::default() }));
                w.behaviour.peers = true;
                w.run(15_000);
                let phase = w.session.phase();
                assert!(matches!(phase, Phase::InRoom(_)), "{reason:?}, action {action}, {point}: {phase:?}");
                assert_eq!(w.held.len(), 3, "camera, microphone and speaker stay open");
                assert!(w.events.iter().all(|e| !matches!(e, EventKind::DeviceClosed { .. })));
            }
        }
        let mut w = World::entered();
        w.behaviour.server = false;
        w.give(Input::Link(w.epoch, LinkInput::Lost));
        w.run(3);
        w.behaviour.server = true;
        let refusal = Box::new(lk::LeaveRequest { reason: reason as i32, ..Default::default() });
        w.give(Input::Link(w.epoch, LinkInput::ResumeFailed(Some(refusal))));
        w.run(1000);
        assert!(matches!(w.session.phase(), Phase::InRoom(_)), "the answer to a resume: {reason:?}");
    }
}

#[test]
fn a_server_that_ends_the_stay_is_heard_at_every_point() {
    for (reason, expected) in [
        (lk::DisconnectReason::ParticipantRemoved, ExitReason::Kicked),
        (lk::DisconnectReason::RoomDeleted, ExitReason::Dismissed),
        (lk::DisconnectReason::DuplicateIdentity, ExitReason::JoinedElsewhere),
        (lk::DisconnectReason::ServerShutdown, ExitReason::ServerStopped),
    ] {
        for (point, mut w) in at_each_point() {
            w.message(leave(reason));
            assert_eq!(w.exit().0, expected, "{point}");
        }
    }
}

#[test]
fn a_room_that_is_full_may_have_a_place_again() {
    let mut w = World::entered();
    w.behaviour.server = false;
    w.message(leave(lk::DisconnectReason::ConnectionTimeout));
    w.run(1);
    let full = EntryError { kind: EntryErrorKind::RoomFull, message: "full".into(), retry: false };
    w.give(Input::Link(w.epoch, LinkInput::ConnectFailed(full)));
    w.behaviour.server = true;
    w.run(2000);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{:?}", w.session.phase());
}

#[test]
fn after_waking_the_whole_time_for_reconnecting_is_there_again() {
    let mut w = World::entered();
    w.behaviour.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(RECONNECT_LIMIT.as_millis() as u64 - 1000);
    w.give(Input::Woke(Duration::from_secs(120)));
    w.run(RECONNECT_LIMIT.as_millis() as u64 - 10_000);
    assert!(matches!(w.session.phase(), Phase::Reconnecting(_)), "{:?}", w.session.phase());
    w.behaviour.server = true;
    w.run(10_000);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{:?}", w.session.phase());
}

#[test]
fn a_link_that_is_silent_after_waking_is_lost() {
    for answers in [true, false] {
        let mut w = World::entered();
        w.give(Input::Woke(Duration::from_secs(8)));
        assert!(w.outputs.iter().any(|o| o.contains("PingReq")), "{:?}", w.outputs);
        w.run(100);
        if answers {
            w.message(Response::PongResp(lk::Pong::default()));
        }
        w.run(10_000);
        let lost = w.events.iter().any(|e| matches!(e, EventKind::ConnectionLost { .. }));
        assert_eq!(lost, !answers);
        assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{:?}", w.session.phase());
    }
}

#[test]
fn waking_during_an_exit_changes_nothing() {
    let mut w = World::entered();
    w.give(Input::Exit(ExitRequestedBy::User));
    w.outputs.clear();
    w.give(Input::Woke(Duration::from_secs(8)));
    assert!(w.outputs.is_empty(), "{:?}", w.outputs);
    assert_eq!(w.exit().0, ExitReason::Left);
}

#[test]
fn try_now_begins_the_next_attempt_at_once() {
    let attempts = |w: &World| w.events.iter().filter(|e| e.name() == "TryToReconnect").count();
    let mut w = World::entered();
    w.behaviour.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(5_200);
    // The fifth attempt has failed; the pause before the sixth lasts until 5.95 s.
    let before = attempts(&w);
    w.run(50);
    assert_eq!(attempts(&w), before, "in a pause");
    w.give(Input::TryNow);
    w.run(1);
    assert_eq!(attempts(&w), before + 1);
    w.behaviour.server = true;
    w.run(10_000);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{:?}", w.session.phase());
    w.give(Input::TryNow);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "in the room it has no effect");
}

/// In a black hole the media outage is noticed before the socket's silence.
#[test]
fn a_media_outage_is_shown_before_the_link_is_given_up() {
    let mut w = World::entered();
    let down_for = |w: &World| match w.session.phase() {
        Phase::InRoom(room) => room.media_down.map(|since| w.now.since(since)),
        other => panic!("{other:?}"),
    };
    assert_eq!(down_for(&w), None);
    w.behaviour.peers = false;
    w.give(Input::Peers(w.epoch, PeerInput::Down(SignalTarget::Publisher)));
    w.run(100);
    assert_eq!(down_for(&w), Some(Duration::from_millis(100)));
    let restarts = |w: &World| w.outputs.iter().filter(|o| o.contains("Offer { ice_restart: true")).count();
    assert_eq!(restarts(&w), 0, "it may come back by itself");
    w.give(Input::TryNow);
    assert_eq!(restarts(&w), 1, "TryNow restarts ICE at once");
    w.give(Input::Peers(w.epoch, PeerInput::Up(SignalTarget::Publisher)));
    assert_eq!(down_for(&w), None);
}

/// On a link that carries nothing any more, an end of the network would else be told only when the link's own pings end.
#[test]
fn a_link_that_is_silent_while_media_is_down_is_lost() {
    for answers in [true, false] {
        let mut w = World::entered();
        (w.behaviour.peers, w.behaviour.server) = (false, answers);
        w.give(Input::Peers(w.epoch, PeerInput::Down(SignalTarget::Publisher)));
        let is_lost = |w: &World| w.events.iter().any(|e| matches!(e, EventKind::ConnectionLost { .. }));
        w.run(3400);
        assert!(!is_lost(&w), "the server may still answer");
        w.run(200);
        assert_eq!(is_lost(&w), !answers);
    }
}

#[test]
fn a_running_attempt_is_followed_without_a_pause() {
    let mut w = World::entered();
    w.behaviour.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(1);
    w.give(Input::TryNow);
    let attempt = |w: &World| match w.session.phase() {
        Phase::Reconnecting(r) => r.attempt,
        other => panic!("{other:?}"),
    };
    assert_eq!(attempt(&w), 1, "the first attempt goes on");
    // Refused after 10 ms; the usual pause would be 200 ms.
    w.run(20);
    assert_eq!(attempt(&w), 2);
    w.run(20);
    assert_eq!(attempt(&w), 2, "only once");
}

#[test]
fn a_long_outage_joins_afresh_and_publishes_again() {
    let mut w = World::entered();
    w.behaviour.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(RESUME_WINDOW.as_millis() as u64 + 100);
    w.behaviour.server = true;
    w.outputs.clear();
    w.run(8000);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{:?}", w.session.phase());
    assert!(w.epoch > Epoch(1));
    assert_eq!(w.outputs.iter().filter(|o| o.contains("Publish")).count(), 2, "{:?}", w.outputs);
}

#[test]
fn the_list_of_everybody_after_a_resume_is_the_first_that_names_us() {
    use lk::participant_info::State::Active;
    let mut w = World::entered();
    w.message(update(vec![person("tom", Active, None), person("ana", Active, None)]));
    w.behaviour.peers = false;
    w.link_up = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(50);
    let us = lk::ParticipantInfo { sid: ME.into(), identity: "me".into(), ..Default::default() };
    w.message(update(vec![us.clone(), person("tom", Active, None)]));
    let seen = |w: &World| w.session.people().iter().map(|p| p.user.to_string()).collect::<Vec<_>>();
    assert_eq!(seen(&w), ["tom"], "ana left meanwhile");
    w.message(update(vec![us]));
    assert_eq!(seen(&w), ["tom"], "an update about us alone");
}

/// One attempt to come back has begun, and it leads into the room.
#[track_caller]
fn begins_one_attempt_that_succeeds(point: &str, w: &mut World) {
    let begun = w.outputs.iter().filter(|o| o.starts_with("Resume(") || o.starts_with("Connect(")).count();
    assert_eq!(begun, 1, "{point}: {:?}", w.outputs);
    w.run(1000);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{point}: {:?}", w.session.phase());
}

#[test]
fn a_move_resumes_at_once_at_each_point() {
    for (point, mut w) in at_each_point() {
        w.behaviour.peers = true;
        w.outputs.clear();
        w.give(Input::NetworkChanged(NetworkChange::Moved));
        w.run(0);
        begins_one_attempt_that_succeeds(point, &mut w);
    }
}

#[test]
fn a_lost_way_is_told_at_once_and_a_way_back_is_tried_at_once() {
    for change in [NetworkChange::Back, NetworkChange::Moved] {
        let mut w = World::entered();
        w.behaviour.server = false;
        w.give(Input::NetworkChanged(NetworkChange::Lost));
        w.run(0);
        assert!(matches!(w.session.phase(), Phase::Reconnecting(_)));
        w.run(2900);
        w.behaviour.server = true;
        w.outputs.clear();
        w.give(Input::NetworkChanged(change));
        w.run(100);
        assert!(w.outputs.iter().any(|o| o.starts_with("Resume(")), "{change:?}: {:?}", w.outputs);
        assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{change:?}");
    }
}

/// It may have gathered its candidates before the way was back: of loopback alone.
#[test]
fn an_attempt_that_began_without_a_way_is_replaced_when_it_is_back() {
    for (point, mut w) in at_each_point() {
        w.give(Input::NetworkChanged(NetworkChange::Lost));
        w.run(12);
        w.behaviour.peers = true;
        w.outputs.clear();
        w.give(Input::NetworkChanged(NetworkChange::Back));
        w.run(0);
        begins_one_attempt_that_succeeds(point, &mut w);
    }
}

/// The pauses grow while no server answers; one that has forgotten the session is there.
#[test]
fn a_refused_resume_is_followed_by_a_fresh_join_without_a_pause() {
    let mut w = World::entered();
    w.behaviour.server = false;
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    w.run(1500);
    w.give(Input::TryNow);
    w.run(1);
    w.outputs.clear();
    let refusal = lk::LeaveRequest { action: lk::leave_request::Action::Reconnect as i32, ..Default::default() };
    w.behaviour.server = true;
    w.give(Input::Link(w.epoch, LinkInput::ResumeFailed(Some(Box::new(refusal)))));
    w.run(1);
    assert!(w.outputs.iter().any(|o| o.starts_with("Connect(")), "{:?}", w.outputs);
    w.run(100);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{:?}", w.session.phase());
}

#[test]
fn a_move_while_entering_begins_to_enter_again() {
    let mut w = World::new(Behaviour { peers: false, ..PROMPT });
    w.run(1000);
    assert!(matches!(w.session.phase(), Phase::Entering(_)));
    w.behaviour.peers = true;
    w.give(Input::NetworkChanged(NetworkChange::Moved));
    w.run(1000);
    assert!(matches!(w.session.phase(), Phase::InRoom(_)), "{:?}", w.session.phase());
    assert_eq!(w.epoch, Epoch(2));
}

#[test]
fn a_change_of_the_network_does_not_delay_an_exit() {
    for change in [NetworkChange::Lost, NetworkChange::Back, NetworkChange::Moved] {
        let mut w = World::entered();
        w.give(Input::Exit(ExitRequestedBy::User));
        w.give(Input::NetworkChanged(change));
        let (reason, total_ms, _) = w.exit();
        assert_eq!(reason, ExitReason::Left);
        assert!(total_ms < 500.0, "{total_ms}");
        w.outputs.clear();
        w.run(10_000);
        w.give(Input::NetworkChanged(change));
        assert!(w.outputs.is_empty(), "{:?}", w.outputs);
    }
}
