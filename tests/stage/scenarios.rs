//! Named cases.

use crate::room;
use livekit_protocol as lk;
use std::time::Duration;
use visavis::base::{DeviceKind, EventKind, ExitReason, Moment, RemoteLeaveReason, TrackSource};
use visavis::session::Input;
use visavis::stage::{DeviceBehaviour, Stage, UNIX_MS};

#[test]
fn a_leave_is_seen_by_the_others_at_once() {
    let mut stage = room(3);
    let asked = stage.now;
    stage.exit(0);
    stage.run(500);
    assert_eq!(stage.exit_of(0).0, ExitReason::Left);
    for who in [1, 2] {
        let gone = stage.leaves_seen(who, 0);
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].1, RemoteLeaveReason::Left);
        assert!(gone[0].0.millis_since(asked) <= 45.0, "at most two latencies");
    }
    assert!(stage.leaves_seen(0, 1).is_empty());
    stage.finish();
}

#[test]
fn a_removed_user_learns_it_and_stays_out() {
    let mut stage = room(3);
    stage.remove("p1");
    stage.run(500);
    assert_eq!(stage.exit_of(1).0, ExitReason::Kicked);
    assert_eq!(stage.leaves_seen(0, 1)[0].1, RemoteLeaveReason::Removed);
    assert_eq!(stage.sees(0), ["p2"]);
    stage.finish();
}

#[test]
fn a_removal_during_an_outage_holds() {
    let mut stage = room(2);
    stage.network(1, false);
    stage.run(1500);
    stage.remove("p1");
    stage.run(500);
    stage.network(1, true);
    stage.run(10_000);
    assert_eq!(stage.exit_of(1).0, ExitReason::Kicked, "the resume is answered by what happened");
    assert!(stage.sees(0).is_empty());
    stage.finish();
}

#[test]
fn on_a_dismissal_nobody_is_told_of_the_others() {
    let mut stage = room(4);
    stage.dismiss();
    stage.run(500);
    for who in 0..4 {
        assert_eq!(stage.exit_of(who).0, ExitReason::Dismissed);
        for other in 0..4 {
            assert!(stage.leaves_seen(who, other).is_empty());
        }
    }
    stage.finish();
}

#[test]
fn the_link_is_cut_in_mid_exit_and_the_host_ends_the_call_first() {
    let mut stage = room(3);
    stage.dismiss();
    stage.exit(0);
    stage.run(5);
    stage.network(0, false);
    stage.run(3000);
    assert_eq!(stage.exit_of(0).0, ExitReason::Left, "its own exit came before the server's word reached it");
    assert_eq!(stage.exit_of(1).0, ExitReason::Dismissed);
    assert_eq!(stage.exit_of(2).0, ExitReason::Dismissed);
    stage.finish();
}

#[test]
fn a_short_outage_is_seen_by_nobody() {
    let mut stage = room(2);
    stage.network(1, false);
    stage.run(3500);
    stage.network(1, true);
    stage.run(8000);
    assert!(stage.is_in_room(1), "{:?}", stage.people[1].events);
    assert!(stage.leaves_seen(0, 1).is_empty());
    assert_eq!(stage.sees(0), ["p1"]);
    assert_eq!(stage.sees(1), ["p0"]);
    stage.finish();
}

#[test]
fn a_killed_client_is_gone_within_six_seconds() {
    let mut stage = room(2);
    let killed = stage.now;
    stage.kill(1);
    stage.run(10_000);
    let gone = stage.leaves_seen(0, 1);
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0].1, RemoteLeaveReason::TimedOut);
    assert!(gone[0].0.millis_since(killed) <= 6000.0);
    stage.finish();
}

/// The killed stay must disappear in time; the other one, which lost power before it was connected, need not.
#[test]
fn the_same_user_comes_from_elsewhere_and_both_fail() {
    for between in [0, 50] {
        let mut stage = room(2);
        stage.enter_with("p0", false, stage.unix_s());
        stage.run(41);
        stage.lose_power(2);
        stage.run(between);
        stage.kill(0);
        stage.run(60_000);
        assert!(stage.sees(1).is_empty(), "in the end nobody sees them");
        stage.finish();
    }
}

#[test]
fn a_server_that_stops_tells_everybody() {
    let mut stage = room(2);
    stage.stop_server(None);
    stage.run(500);
    assert_eq!(stage.exit_of(0).0, ExitReason::ServerStopped);
    assert_eq!(stage.exit_of(1).0, ExitReason::ServerStopped);
}

#[test]
fn leave_while_reconnecting_does_not_come_back() {
    let mut stage = room(2);
    stage.network(1, false);
    stage.run(1000);
    stage.exit(1);
    stage.network(1, true);
    stage.run(20_000);
    assert_eq!(stage.exit_of(1).0, ExitReason::Left);
    assert!(stage.sees(0).is_empty());
    stage.finish();
}

#[test]
fn a_removal_during_a_long_outage_holds() {
    for who in [1, 2] {
        for dismissed in [false, true] {
            for (kicked_after, back_after) in [(3000, 5500), (3000, 20_000), (8000, 500), (30_000, 5000)] {
                let mut stage = room(3);
                stage.network(who, false);
                stage.run(kicked_after);
                if dismissed {
                    stage.dismiss()
                } else {
                    stage.remove(&format!("p{who}"))
                }
                stage.run(back_after);
                stage.network(who, true);
                stage.run(15_000);
                let expected = if dismissed { ExitReason::Dismissed } else { ExitReason::Kicked };
                assert_eq!(stage.exit_of(who).0, expected, "p{who}, removed after {kicked_after} ms");
                stage.finish();
            }
        }
    }
}

#[test]
fn a_removal_holds_across_a_restart_of_the_server() {
    for who in [1, 2] {
        let mut stage = room(3);
        stage.network(who, false);
        stage.run(1000);
        stage.remove(&format!("p{who}"));
        stage.kill_server(Duration::from_millis(1500));
        stage.run(3000);
        stage.network(who, true);
        stage.run(20_000);
        assert_eq!(stage.exit_of(who).0, ExitReason::Kicked);
        assert!(stage.is_in_room(0), "the others are back");
        let again = stage.enter_with(&format!("p{who}"), true, UNIX_MS / 1000);
        stage.run(1000);
        assert_eq!(stage.exit_of(again).0, ExitReason::EntryFailed, "the old token is refused");
        let again = stage.enter(&format!("p{who}"));
        stage.run(1000);
        assert!(stage.is_in_room(again));
        stage.finish();
    }
}

#[test]
fn a_dismissed_room_is_opened_anew_by_a_user_who_was_not_in_it() {
    let mut stage = room(2);
    stage.run(2000);
    stage.dismiss();
    stage.run(500);
    let stranger = stage.enter_with("olga", true, UNIX_MS / 1000);
    let (old, new) = (stage.enter_with("p0", true, UNIX_MS / 1000), stage.enter_with("p1", false, stage.unix_s() + 1));
    stage.run(1000);
    assert!(stage.is_in_room(stranger) && stage.is_in_room(new));
    assert_eq!(stage.exit_of(old).0, ExitReason::EntryFailed);
    stage.finish();
}

#[test]
fn the_same_user_elsewhere_ends_the_first_stay_with_100_and_nobody_sees_a_departure() {
    for single in [true, false] {
        let mut stage = room(3);
        let second = stage.enter_with("p1", single, stage.unix_s());
        stage.run(1000);
        assert_eq!(stage.exit_of(1).0, ExitReason::JoinedElsewhere);
        assert!(stage.is_in_room(second));
        assert_eq!(stage.sees(second), ["p0", "p2"]);
        for who in [0, 2] {
            assert!(stage.leaves_seen(who, 1).is_empty());
            assert_eq!(stage.sees(who).len(), 2);
        }
        stage.finish();
    }
}

#[test]
fn the_same_user_elsewhere_during_an_outage_is_told_as_100() {
    let mut stage = room(2);
    stage.network(1, false);
    stage.run(1000);
    let second = stage.enter("p1");
    stage.run(1000);
    stage.network(1, true);
    stage.run(10_000);
    assert_eq!(stage.exit_of(1).0, ExitReason::JoinedElsewhere, "and does not end the second stay");
    assert!(stage.is_in_room(second));
    stage.finish();
}

#[test]
fn a_server_that_stops_gently_is_101_and_nobody_is_shown_the_others_leaving() {
    let mut stage = room(4);
    stage.network(3, false);
    stage.run(500);
    stage.stop_server(Some(Duration::from_secs(1)));
    stage.run(1000);
    for who in 0..3 {
        let (reason, ms) = stage.exit_of(who);
        assert_eq!(reason, ExitReason::ServerStopped);
        assert!(ms < 200.0, "{ms} ms");
        for other in 0..4 {
            assert!(stage.leaves_seen(who, other).is_empty());
        }
    }
    stage.network(3, true);
    stage.run(20_000);
    assert!(stage.is_in_room(3), "a client that was not told continues in the new server");
    stage.finish();
}

#[test]
fn a_server_that_is_killed_and_comes_back_keeps_everybody() {
    let mut stage = room(3);
    stage.kill_server(Duration::from_secs(3));
    stage.run(30_000);
    for who in 0..3 {
        assert!(stage.is_in_room(who), "{:?}", stage.people[who].events);
        assert_eq!(stage.sees(who).len(), 2);
    }
    stage.finish();
}

#[test]
fn a_server_that_does_not_come_back_is_102_within_the_limit() {
    let mut stage = room(2);
    let killed = stage.now;
    stage.kill_server(Duration::from_secs(200));
    stage.run(70_000);
    for who in 0..2 {
        let (reason, _) = stage.exit_of(who);
        assert_eq!(reason, ExitReason::ConnectionLost);
        let at = stage.people[who].events.last().map_or(Moment::ZERO, |(at, _)| *at);
        assert!(at.since(killed) <= Duration::from_secs(61), "{:?}", at.since(killed));
    }
}

#[test]
fn a_cancelled_entry_is_not_seen_after_a_second() {
    for single in [true, false] {
        for after in 0..150 {
            let mut stage = room(1);
            let who = stage.enter_with("late", single, stage.unix_s());
            stage.run(after);
            stage.exit(who);
            stage.run(1100);
            assert!(stage.sees(0).is_empty(), "left after {after} ms, and is still seen");
            stage.finish();
        }
    }
}

#[test]
fn a_black_hole_does_not_delay_an_exit() {
    let mut stage = room(2);
    stage.black_hole(1, true);
    stage.run(100);
    stage.exit(1);
    stage.run(2000);
    let (reason, ms) = stage.exit_of(1);
    assert_eq!(reason, ExitReason::Left);
    assert!(ms <= 2000.0);
    stage.run(6000);
    assert!(stage.sees(0).is_empty());
    stage.finish();
}

#[test]
fn a_power_cut_is_seen_within_six_seconds() {
    for who in [1, 2] {
        let mut stage = room(3);
        stage.run(7000);
        let failed = stage.now;
        stage.lose_power(who);
        stage.run(10_000);
        let gone = stage.leaves_seen(0, who);
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].1, RemoteLeaveReason::TimedOut);
        assert!(gone[0].0.since(failed) <= Duration::from_secs(6), "{:?}", gone[0].0.since(failed));
        stage.finish();
    }
}

#[test]
fn devices_that_hang_cost_the_limit_and_not_the_exit() {
    let mut stage = Stage::new(8);
    let who = stage.enter("p0");
    stage.run(1000);
    stage.behaviour(who, DeviceBehaviour { hangs: true, ..DeviceBehaviour::PROMPT });
    stage.exit(who);
    stage.run(2000);
    let (reason, ms) = stage.exit_of(who);
    assert_eq!(reason, ExitReason::Left);
    assert!(ms <= 2000.0, "{ms}");
    stage.finish();
}

/// Our track is muted while a resume restores the connections: that update is about us and does not list everybody.
#[test]
fn an_update_about_us_during_a_resume_keeps_the_others() {
    let mut stage = Stage::new(0);
    stage.enter("mina");
    stage.run(80);
    stage.network(0, false);
    stage.enter_with("tom", false, stage.unix_s());
    stage.set_latency(0, 111);
    stage.network(0, true);
    stage.run(11);
    stage.input(0, Input::SetDevice(DeviceKind::Microphone, false));
    stage.run(3000);
    assert_eq!(stage.sees(0), ["tom"]);
    stage.finish();
}

#[test]
fn a_screen_beside_a_camera_is_a_track_of_its_own_and_each_ends_alone() {
    use TrackSource::{Camera, Microphone, Screen};
    for single in [true, false] {
        let mut stage = Stage::new(0);
        stage.enter("mina");
        stage.enter_with("tom", single, stage.unix_s());
        stage.run(1000);
        stage.input(0, Input::SetDevice(DeviceKind::Screen, true));
        stage.run(1000);
        let all = vec![Camera, Microphone, Screen];
        assert_eq!(stage.received(1, "mina"), (all.clone(), all.clone()));
        stage.input(0, Input::SetDevice(DeviceKind::Camera, false));
        stage.run(1000);
        assert_eq!(stage.received(1, "mina"), (all, vec![Microphone, Screen]));
        stage.input(0, Input::SetDevice(DeviceKind::Screen, false));
        stage.run(1000);
        stage.input(0, Input::SetDevice(DeviceKind::Camera, true));
        stage.run(1000);
        let camera_alone = vec![Camera, Microphone];
        assert_eq!(stage.received(1, "mina"), (camera_alone.clone(), camera_alone));
        let told = stage.people[1].events.iter().filter_map(|(_, e)| match e {
            EventKind::UserVideoAvailable { track, available }
            | EventKind::UserSubStreamAvailable { track, available } => Some((track.source, *available)),
            _ => None,
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told, [(Camera, true), (Screen, true), (Camera, false), (Screen, false), (Camera, true)]);
        stage.finish();
        assert!(stage.people.iter().all(|p| p.bound.is_empty()), "what was attached is detached");
    }
}

/// Five to twelve seconds of nothing: the server has given us up and says so as soon as packets flow again.
#[test]
fn a_server_that_gave_us_up_is_joined_again() {
    for who in [1, 2] {
        for seconds in [1, 3, 5, 6, 8, 12, 20, 35, 59, 120] {
            for timers_first in [true, false] {
                let mut stage = room(3);
                stage.run(3000);
                stage.stop_process(who);
                stage.run(seconds * 1000);
                stage.continue_process(who, timers_first);
                stage.run(15_000);
                assert!(stage.is_in_room(who), "after {seconds} s: {:?}", stage.people[who].events);
                let others = 3 - who;
                assert_eq!(stage.sees(others), ["p0".to_owned(), format!("p{who}")]);
                assert!(stage.leaves_seen(others, who).len() <= 1);
                stage.finish();
            }
        }
    }
}

/// A server that lets us in and loses us at once is asked less and less often.
#[test]
fn a_server_that_loses_us_again_and_again_is_not_asked_all_the_time() {
    use livekit_protocol::{DisconnectReason::ConnectionTimeout, leave_request::Action::Disconnect};
    let mut stage = room(2);
    let joins = |stage: &Stage| {
        let tries = |(_, e): &&(Moment, EventKind)| matches!(e, EventKind::TryToReconnect { .. });
        stage.people[1].events.iter().filter(tries).count()
    };
    for _ in 0..600 {
        stage.run(100);
        if stage.is_in_room(1) {
            stage.lose_member(1, ConnectionTimeout, Disconnect);
        }
    }
    assert!((10..30).contains(&joins(&stage)), "{} joins in a minute", joins(&stage));
    stage.finish();
}

/// An exit at any time of a resume or a fresh join, in a room whose server loses us meanwhile, ends once and leaves nothing.
#[test]
fn an_exit_while_the_server_loses_us_ends_once() {
    use livekit_protocol::{DisconnectReason as Why, leave_request::Action};
    for (who, single) in [(1, false), (2, true)] {
        for ms in 0..200 {
            let mut stage = room(3);
            assert_eq!(stage.people[who].single, single);
            stage.lose_member(who, Why::ConnectionTimeout, Action::Disconnect);
            stage.run(ms);
            stage.exit(who);
            stage.lose_member(who, Why::StateMismatch, Action::Reconnect);
            stage.run(2500);
            assert_eq!(stage.exit_of(who).0, ExitReason::Left);
            stage.run(6000);
            assert_eq!(stage.sees(0).len(), 1);
            stage.finish();
        }
    }
}

/// The host mutes a camera while its owner has no network: nobody sees it when the owner is back, so it is off.
#[test]
fn a_mute_during_an_outage_turns_the_device_off() {
    for who in [1, 2] {
        let mut stage = room(3);
        stage.network(who, false);
        stage.run(100);
        assert!(stage.mute_source(&format!("p{who}"), lk::TrackSource::Camera));
        stage.run(100);
        stage.network(who, true);
        stage.run(8000);
        assert!(stage.is_in_room(who));
        assert!(!stage.people[who].held.contains_key(&DeviceKind::Camera), "it is open and not seen");
        assert!(stage.people[who].held.contains_key(&DeviceKind::Microphone));
        stage.input(who, Input::SetDevice(DeviceKind::Camera, true));
        stage.run(1000);
        let both = vec![TrackSource::Camera, TrackSource::Microphone];
        assert_eq!(stage.received(0, &format!("p{who}")).1, both, "one press turns it on");
        stage.finish();
    }
}

/// The word that a microphone is off is lost with the network: it is said again.
#[test]
fn an_off_that_was_lost_with_the_network_is_said_again() {
    for who in [1, 2] {
        for before_ms in [0, 10, 30] {
            let mut stage = room(3);
            stage.input(who, Input::SetDevice(DeviceKind::Microphone, false));
            stage.run(before_ms);
            stage.network(who, false);
            stage.run(300);
            stage.network(who, true);
            stage.run(8000);
            assert_eq!(stage.received(0, &format!("p{who}")).1, [TrackSource::Camera], "cut {before_ms} ms later");
            stage.finish();
        }
    }
}
