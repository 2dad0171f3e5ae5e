//! Raised hands: everybody in the room sees the same ones, whatever happened to links and servers, and none is left behind.

use crate::room;
use visavis::base::{EventKind, Reaction};
use visavis::session::Input;
use visavis::stage::Stage;

fn lowered(stage: &Stage, who: usize) -> usize {
    stage.people[who].events.iter().filter(|(_, e)| matches!(e, EventKind::HandLowered { .. })).count()
}

#[test]
fn a_hand_survives_outages_is_seen_by_newcomers_and_a_host_lowers_it() {
    let mut stage = room(3);
    stage.raise_hand(1, true);
    stage.run(500);
    stage.raise_hand(0, true);
    stage.run(500);
    for away in [3000, 20_000] {
        stage.network(1, false);
        stage.run(away);
        stage.network(1, true);
        stage.run(10_000);
        assert!(stage.is_in_room(1));
        for who in 0..3 {
            assert_eq!(stage.hands(who), ["p1", "p0"], "after {away} ms without a network, seen by p{who}");
        }
    }
    let late = stage.enter("late");
    stage.run(1000);
    assert_eq!(stage.hands(late), ["p1", "p0"]);
    stage.lower_hand("p1");
    stage.run(500);
    stage.check_hands(&[0, 1, 2, late]);
    assert_eq!((stage.hands(1), lowered(&stage, 1)), (vec!["p0".to_owned()], 1));
    stage.finish();
}

#[test]
fn a_hand_that_was_raised_or_lowered_during_an_outage_is_so_after_it() {
    for up in [true, false] {
        for away in [500, 4000, 30_000] {
            let mut stage = room(2);
            stage.raise_hand(1, !up);
            stage.run(500);
            stage.network(1, false);
            stage.run(away / 2);
            stage.raise_hand(1, up);
            stage.run(away / 2);
            stage.network(1, true);
            stage.run(20_000);
            let expected: Vec<&str> = ["p1"].into_iter().filter(|_| up).collect();
            assert_eq!((stage.hands(0), stage.hands(1)), (own(&expected), own(&expected)), "{up} after {away} ms");
            assert_eq!(lowered(&stage, 1), 0);
            stage.finish();
        }
    }
}

fn own(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn nothing_is_left_of_the_hand_of_somebody_who_is_removed() {
    for removed in [true, false] {
        let mut stage = room(2);
        stage.raise_hand(1, true);
        stage.run(if removed { 500 } else { 0 });
        match removed {
            true => stage.remove("p1"),
            false => stage.dismiss(),
        }
        stage.raise_hand(1, false);
        stage.run(5000);
        assert_eq!(stage.hands(0), own(&[]));
        assert_eq!(stage.hands(1), own(&[]));
        stage.run(2000);
        let again = stage.enter("p1");
        stage.run(2000);
        assert!(stage.is_in_room(again));
        assert_eq!(stage.hands(again), own(&[]), "a new stay begins with the hand down");
        stage.finish();
    }
}

#[test]
fn a_reaction_reaches_everybody_who_is_there_once() {
    let mut stage = room(3);
    stage.input(0, Input::React(Reaction::Party));
    stage.run(500);
    stage.network(2, false);
    stage.input(0, Input::React(Reaction::Heart));
    stage.run(2000);
    stage.network(2, true);
    stage.run(10_000);
    let seen = |who: usize| {
        let reaction =
            |e: &EventKind| if let EventKind::Reaction { reaction, .. } = e { Some(*reaction) } else { None };
        stage.people[who].events.iter().filter_map(|(_, e)| reaction(e)).collect::<Vec<_>>()
    };
    assert_eq!((seen(0), seen(1)), (vec![], vec![Reaction::Party, Reaction::Heart]));
    assert_eq!(seen(2)[0], Reaction::Party);
    assert!(seen(2).len() <= 2);
    stage.finish();
}
