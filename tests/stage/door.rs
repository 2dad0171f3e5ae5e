//! Locked rooms and waiting rooms: nobody at the door sees, hears or sends anything, and every way out of it is an exit.

use crate::room;
use visavis::base::{EventKind, ExitReason, StepName, StepState};
use visavis::session::{Input, Phase};
use visavis::stage::Stage;

/// What hosts set: an open room, a waiting room, a locked one.
pub(crate) const DOORS: [&str; 3] = ["{}", r#"{"waiting_room":true}"#, r#"{"locked":true}"#];
const OPEN: &str = DOORS[0];
const WAITING_ROOM: &str = DOORS[1];
const LOCKED: &str = DOORS[2];

/// What these tests ask of the stage.
trait AtTheDoor {
    fn waits(&self, who: usize) -> bool;
    fn told(&self, who: usize, is_it: fn(&EventKind) -> bool) -> usize;
    fn entered(&self, who: usize) -> usize;
    /// Nobody in the room sees somebody who waits, who sees and receives nobody.
    fn check_at_the_door(&self, guest: usize);
}

impl AtTheDoor for Stage {
    fn waits(&self, who: usize) -> bool {
        self.people[who].session.is_waiting()
    }

    fn told(&self, who: usize, is_it: fn(&EventKind) -> bool) -> usize {
        self.people[who].events.iter().filter(|(_, e)| is_it(e)).count()
    }

    fn entered(&self, who: usize) -> usize {
        self.told(who, |e| matches!(e, EventKind::EnterRoom { .. }))
    }

    fn check_at_the_door(&self, guest: usize) {
        assert!(self.waits(guest), "{:?}", self.people[guest].events);
        let user = self.people[guest].user.to_string();
        for who in (0..self.people.len()).filter(|who| *who != guest) {
            assert!(!self.sees(who).contains(&user), "p{who} sees {user}");
        }
        assert_eq!((self.sees(guest), self.people[guest].bound.len()), (Vec::new(), 0));
    }
}

/// A room of two with a waiting room, and somebody before it.
fn at_the_door() -> (Stage, usize) {
    let mut stage = room(2);
    stage.set_door(WAITING_ROOM);
    let guest = stage.enter("guest");
    stage.run(2000);
    stage.check_at_the_door(guest);
    (stage, guest)
}

#[test]
fn one_waits_and_is_let_in() {
    let (mut stage, guest) = at_the_door();
    stage.run(60_000);
    stage.check_at_the_door(guest);
    assert_eq!(stage.entered(guest), 0);
    stage.let_in("guest");
    stage.run(2000);
    assert!(stage.is_in_room(guest));
    assert_eq!((stage.entered(guest), stage.told(guest, |e| *e == EventKind::Admitted)), (1, 1));
    assert_eq!(stage.sees(guest), ["p0", "p1"]);
    for who in 0..2 {
        let (received, sending) = stage.received(who, "guest");
        assert_eq!((received.len(), sending.len()), (2, 2), "camera and microphone");
    }
    stage.finish();
}

#[test]
fn an_outage_at_the_door_ends_there_and_one_after_it_in_the_room() {
    for away in [500, 3000, 20_000] {
        let (mut stage, guest) = at_the_door();
        stage.network(guest, false);
        stage.run(away);
        stage.network(guest, true);
        stage.run(10_000);
        stage.check_at_the_door(guest);
        stage.let_in("guest");
        stage.run(1000);
        assert!(stage.is_in_room(guest), "after {away} ms");
        stage.network(guest, false);
        stage.run(away);
        stage.network(guest, true);
        stage.run(10_000);
        assert!(stage.is_in_room(guest), "after another {away} ms");
        assert_eq!(stage.entered(guest), 1);
        stage.finish();
    }
}

#[test]
fn one_is_let_in_during_an_outage() {
    let (mut stage, guest) = at_the_door();
    stage.network(guest, false);
    stage.run(1000);
    stage.let_in("guest");
    stage.run(1000);
    stage.network(guest, true);
    stage.run(10_000);
    assert!(stage.is_in_room(guest));
    assert_eq!(stage.entered(guest), 1);
    stage.finish();
}

/// Who replaces an older stay of their own is in the room, or waits: the others see them, or see them go.
#[test]
fn one_enters_again_as_the_door_closes_and_is_removed() {
    for before in [0, 20, 500, 979] {
        let mut stage = Stage::new(0);
        stage.enter("mina");
        let tom = stage.enter("tom");
        stage.run(20);
        stage.set_door(WAITING_ROOM);
        stage.run(before);
        stage.enter("mina");
        stage.run(20);
        stage.remove("mina");
        stage.run(5000);
        assert_eq!(stage.sees(tom), [""; 0], "after {before} ms");
        stage.finish();
    }
}

#[test]
fn every_way_out_of_the_door_is_an_exit() {
    for reason in [ExitReason::Left, ExitReason::Kicked, ExitReason::Dismissed, ExitReason::ServerStopped] {
        let (mut stage, guest) = at_the_door();
        match reason {
            ExitReason::Kicked => stage.remove("guest"),
            ExitReason::Dismissed => stage.dismiss(),
            ExitReason::ServerStopped => stage.stop_server(None),
            _ => stage.exit(guest),
        }
        stage.run(3000);
        let exit = stage.people[guest].events.iter().find_map(|(_, e)| match e {
            EventKind::ExitRoom { reason, receipt, .. } => Some((*reason, receipt.clone())),
            _ => None,
        });
        let (ended, receipt) = exit.expect("ExitRoom");
        assert_eq!(ended, reason);
        for step in [StepName::CameraReleased, StepName::MicrophoneReleased] {
            assert_eq!(receipt.step(step).map(|s| s.state), Some(StepState::Confirmed), "{reason:?}");
        }
        assert_eq!(stage.entered(guest), 0);
        assert!((0..2).all(|who| stage.told(who, |e| matches!(e, EventKind::RemoteUserLeaveRoom { .. })) == 0));
        stage.finish();
    }
}

#[test]
fn a_lost_link_does_not_hold_up_an_exit_from_the_door() {
    let (mut stage, guest) = at_the_door();
    stage.network(guest, false);
    stage.run(2000);
    stage.exit(guest);
    stage.run(2100);
    assert_eq!(stage.exit_of(guest).0, ExitReason::Left);
    stage.finish();
}

#[test]
fn a_locked_room_refuses_newcomers_and_takes_back_those_who_were_inside() {
    for away in [3000, 20_000] {
        let mut stage = room(2);
        stage.network(1, false);
        stage.run(500);
        stage.set_door(LOCKED);
        stage.run(away);
        stage.network(1, true);
        stage.run(15_000);
        assert!(stage.is_in_room(1), "away for {away} ms: {:?}", stage.people[1].events);
        let late = stage.enter("late");
        stage.run(3000);
        assert!(matches!(stage.people[late].session.phase(), Phase::Ended(_)));
        assert_eq!(stage.exit_of(late).0, ExitReason::EntryFailed);
        stage.set_door(OPEN);
        let later = stage.enter("later");
        stage.run(2000);
        assert!(stage.is_in_room(later));
        stage.input(later, Input::RaiseHand(Some(1)));
        stage.run(500);
        stage.finish();
    }
}
