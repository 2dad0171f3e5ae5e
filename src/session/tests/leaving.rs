//! Every way to the exit, and entering that fails.

use super::*;

#[test]
fn a_leave_releases_the_devices_and_says_goodbye_before_exit_room() {
    let mut w = World::entered();
    w.give(Input::Exit(ExitRequestedBy::User));
    let asked = w.outputs.len();
    let together = w.outputs[..asked].iter().rev().take(8).collect::<Vec<_>>();
    assert!(together.iter().any(|o| o.starts_with("ReleaseDevice")), "{together:?}");
    assert!(together.iter().any(|o| o.starts_with("SayGoodbye")), "the same drain: {together:?}");
    let (reason, total_ms, receipt) = w.exit();
    assert_eq!(reason, ExitReason::Left);
    assert!(total_ms < 50.0, "{total_ms}");
    for step in
        [StepName::CameraReleased, StepName::MicrophoneReleased, StepName::OthersTold, StepName::ConnectionsClosed]
    {
        assert_eq!(state_of(&receipt, step), StepState::Confirmed, "{step:?}");
    }
    assert_eq!(state_of(&receipt, StepName::ScreenReleased), StepState::NotApplicable);
    let closed = w.events.iter().rposition(|e| matches!(e, EventKind::DeviceClosed { .. })).expect("closed");
    let exit = w.events.iter().position(|e| matches!(e, EventKind::ExitRoom { .. })).expect("exit");
    assert!(closed < exit);
}

/// The server answers a goodbye and closes the socket: ours is open until the driver has closed it too.
#[test]
fn a_link_that_the_server_ends_is_closed_before_exit_room() {
    let mut w = World::entered();
    w.behaviour.server = false;
    w.give(Input::Exit(ExitRequestedBy::User));
    w.run(20);
    w.message(leave(lk::DisconnectReason::ClientInitiated));
    w.give(Input::Link(w.epoch, LinkInput::Lost));
    assert!(!w.events.iter().any(|e| matches!(e, EventKind::ExitRoom { .. })), "a socket is left");
    let (reason, _, receipt) = w.exit();
    assert_eq!(reason, ExitReason::Left);
    for step in [StepName::OthersTold, StepName::ConnectionsClosed] {
        assert_eq!(state_of(&receipt, step), StepState::Confirmed, "{step:?}");
    }
}

/// The same user joins elsewhere while we are unreachable: the server lists that stay before it ends ours.
#[test]
fn a_participant_with_our_identity_is_not_listed() {
    let mut w = World::entered();
    let me = lk::ParticipantInfo { sid: "PA_elsewhere".into(), identity: "me".into(), ..Default::default() };
    for state in [lk::participant_info::State::Active, lk::participant_info::State::Disconnected] {
        let participants = vec![lk::ParticipantInfo { state: state as i32, ..me.clone() }];
        w.link(1, LinkInput::Message(Box::new(Response::Update(lk::ParticipantUpdate { participants }))));
        w.run(10);
        assert!(w.session.people().is_empty(), "{:?}", w.session.people());
    }
    let told =
        |e: &EventKind| matches!(e, EventKind::RemoteUserEnterRoom { .. } | EventKind::RemoteUserLeaveRoom { .. });
    assert!(!w.events.iter().any(told), "{:?}", w.events);
}

#[test]
fn a_second_leave_changes_nothing_and_close_now_shortens() {
    let mut w = World::entered();
    w.behaviour.server = false;
    w.give(Input::Exit(ExitRequestedBy::User));
    w.give(Input::Exit(ExitRequestedBy::Window));
    w.run(100);
    w.give(Input::CloseNow);
    let (reason, total_ms, receipt) = w.exit();
    assert_eq!(reason, ExitReason::Left);
    assert!(total_ms < 400.0, "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::Unconfirmed);
    let asked = w.events.iter().filter(|e| matches!(e, EventKind::ExitRequested { .. })).count();
    assert_eq!(asked, 1);
}

/// The speaker belongs to the connections in the receipt; late peer connections do not end the wait for it.
#[test]
fn peers_that_do_not_close_do_not_bring_exit_room_before_the_speaker_is_closed() {
    let mut w = World::entered();
    w.behaviour.peers = false;
    w.give(Input::Exit(ExitRequestedBy::User));
    w.scheduled.retain(|_, input| !matches!(input, Input::Device(DeviceKind::Speaker, ..)));
    let done = DeviceInput::Released { state: StepState::Confirmed, detail: String::new() };
    w.later(800, Input::Device(DeviceKind::Speaker, w.held[&DeviceKind::Speaker], done));
    let (_, total_ms, receipt) = w.exit();
    assert!((800.0..1000.0).contains(&total_ms), "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::ConnectionsClosed), StepState::Unconfirmed);
    assert!(w.shown_open.is_empty(), "{:?}", w.shown_open);
}

#[test]
fn close_now_shortens_the_release_of_a_device_that_hangs() {
    let mut w = World::entered();
    w.behaviour.devices = false;
    w.give(Input::Exit(ExitRequestedBy::User));
    w.run(50);
    w.give(Input::CloseNow);
    let (_, total_ms, receipt) = w.exit();
    assert!(total_ms < 350.0, "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::CameraReleased), StepState::Confirmed, "taken away by force");
}

#[test]
fn repeated_close_now_never_lengthens_the_wait() {
    let mut w = World::entered();
    w.behaviour = Behaviour { devices: false, server: false, peers: false };
    w.give(Input::Exit(ExitRequestedBy::User));
    for _ in 0..30 {
        w.run(100);
        w.give(Input::CloseNow);
    }
    let limit = (CLOSE_NOW + Duration::from_millis(100)).as_secs_f64() * 1000.0;
    assert!(w.exit().1 <= limit, "{} ms", w.exit().1);
}

#[test]
fn a_silent_server_costs_the_goodbye_limit_and_is_named() {
    let mut w = World::entered();
    w.behaviour.server = false;
    w.give(Input::Exit(ExitRequestedBy::User));
    let (_, total_ms, receipt) = w.exit();
    assert!((1500.0..1950.0).contains(&total_ms), "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::Unconfirmed);
    assert_eq!(state_of(&receipt, StepName::CameraReleased), StepState::Confirmed);
    assert!(receipt.step(StepName::CameraReleased).expect("line").ms < 20.0, "devices do not wait for the network");
}

#[test]
fn a_hung_camera_does_not_delay_the_goodbye() {
    let mut w = World::entered();
    w.behaviour.devices = false;
    w.give(Input::Exit(ExitRequestedBy::User));
    let (_, total_ms, receipt) = w.exit();
    assert!(total_ms < 1500.0, "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::Confirmed);
    assert!(receipt.step(StepName::OthersTold).expect("line").ms < 20.0);
}

#[test]
fn a_device_that_does_not_report_is_abandoned_and_named() {
    let mut w = World::entered();
    w.give(Input::Exit(ExitRequestedBy::User));
    w.scheduled.retain(|_, input| !matches!(input, Input::Device(DeviceKind::Microphone, ..)));
    let (_, total_ms, receipt) = w.exit();
    assert!(total_ms <= 1950.0, "{total_ms}");
    assert_eq!(state_of(&receipt, StepName::MicrophoneReleased), StepState::Failed);
}

#[test]
fn a_kick_releases_first_and_sends_no_goodbye() {
    for (wire, reason) in [
        (lk::DisconnectReason::ParticipantRemoved, ExitReason::Kicked),
        (lk::DisconnectReason::RoomDeleted, ExitReason::Dismissed),
        (lk::DisconnectReason::DuplicateIdentity, ExitReason::JoinedElsewhere),
        (lk::DisconnectReason::ServerShutdown, ExitReason::ServerStopped),
    ] {
        let mut w = World::entered();
        w.outputs.clear();
        w.message(leave(wire));
        w.give(Input::Exit(ExitRequestedBy::User));
        let (got, _, receipt) = w.exit();
        assert_eq!(got, reason, "a kick that came first stands");
        assert!(!w.outputs.iter().any(|o| o.starts_with("SayGoodbye")));
        assert!(!w.outputs.iter().any(|o| o.starts_with("Connect") || o.starts_with("Resume")));
        assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::NotApplicable);
        assert_eq!(state_of(&receipt, StepName::CameraReleased), StepState::Confirmed);
    }
}

#[test]
fn our_exit_stands_against_a_later_kick() {
    let mut w = World::entered();
    w.give(Input::Exit(ExitRequestedBy::User));
    w.message(leave(lk::DisconnectReason::ParticipantRemoved));
    assert_eq!(w.exit().0, ExitReason::Left);
}

#[test]
fn leave_while_everything_is_still_opening() {
    for ms in [0, 5, 11, 15, 25] {
        let mut w = World::new(PROMPT);
        w.run(ms);
        w.give(Input::Exit(ExitRequestedBy::User));
        let (reason, total_ms, _) = w.exit();
        assert_eq!(reason, ExitReason::Left);
        assert!(total_ms < 500.0, "after {ms} ms: {total_ms}");
        assert!(w.held.is_empty(), "after {ms} ms: {:?}", w.held);
        assert!(!w.events.iter().any(|e| matches!(e, EventKind::EnterRoom { .. })), "after {ms} ms");
    }
}

#[test]
fn a_refused_entry_ends_with_103_and_everything_released() {
    let mut w = World::new(Behaviour { server: false, ..PROMPT });
    w.run(30);
    let error = EntryError { kind: EntryErrorKind::TokenRefused, message: "no".into(), retry: false };
    w.link(0, LinkInput::ConnectFailed(error));
    let (reason, _, receipt) = w.exit();
    assert_eq!(reason, ExitReason::EntryFailed);
    assert!(w.held.is_empty());
    assert_eq!(state_of(&receipt, StepName::OthersTold), StepState::NotApplicable);
    assert!(w.events.iter().any(|e| matches!(e, EventKind::EnterRoomFailed { .. })));
}

#[test]
fn a_server_that_never_answers_ends_with_103() {
    let mut w = World::new(Behaviour { server: false, ..PROMPT });
    w.run(ENTER_LIMIT.as_millis() as u64);
    assert_eq!(w.exit().0, ExitReason::EntryFailed);
}

/// The server has let us in, and media is not up yet.
#[test]
fn an_entry_that_fails_after_the_join_closes_its_connections_before_exit_room() {
    use lk::leave_request::Action;
    let leave = |action: Action| {
        let reason = lk::DisconnectReason::StateMismatch as i32;
        let leave = lk::LeaveRequest { reason, action: action as i32, ..Default::default() };
        LinkInput::Message(Box::new(Response::Leave(leave)))
    };
    let nobody = || LinkInput::Joined { response: Box::new(lk::JoinResponse::default()), single: true };
    for (n, input) in
        [LinkInput::Lost, leave(Action::Reconnect), leave(Action::Disconnect), leave(Action::Resume), nobody()]
            .into_iter()
            .enumerate()
    {
        for peers in [true, false] {
            let mut w = World::new(Behaviour { peers: false, ..PROMPT });
            w.run(if n == 4 { 5 } else { 15 });
            w.scheduled.retain(|_, input| !matches!(input, Input::Link(..)));
            w.behaviour.peers = peers;
            w.give(Input::Link(w.epoch, input.clone()));
            let (reason, _, receipt) = w.exit();
            assert_eq!(reason, ExitReason::EntryFailed, "{n}");
            let closes = w.commands.iter().filter(|c| matches!(c, PeerCommand::Close)).count();
            let expected = if peers { StepState::Confirmed } else { StepState::Unconfirmed };
            assert_eq!((closes, state_of(&receipt, StepName::ConnectionsClosed)), (1, expected), "{n}");
            // A server that has lost its link with us, or wants another, still shows us to the others.
            let told =
                [StepState::Unconfirmed, StepState::NotApplicable, StepState::NotApplicable, StepState::Confirmed];
            assert_eq!(state_of(&receipt, StepName::OthersTold), *told.get(n).unwrap_or(&told[1]), "{n}");
            assert_eq!(w.outputs.iter().any(|o| o.starts_with("SayGoodbye")), n == 3, "{n}");
            let failed = w.events.iter().filter(|e| matches!(e, EventKind::EnterRoomFailed { .. })).count();
            assert_eq!(failed, 1, "{n}");
        }
    }
}
