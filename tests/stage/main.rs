//! Real sessions against the real hub, in memory: what participants see of each other's joining and leaving.
//!
//! `scenarios` has named cases, `random` random sequences of operations and faults, `explore` every order of small cases,
//! `rights` what happens to open devices when the right to publish changes, `hands` raised hands, `door` locked and waiting rooms,
//! `days` whole days of four people.
//! All use `visavis::stage` and its rules.

mod days;
mod door;
mod explore;
mod hands;
mod random;
mod rights;
mod scenarios;

use visavis::stage::Stage;

/// A stage with `people` participants in the room who see each other. Every second one has two peer connections.
fn room(people: usize) -> Stage {
    let mut stage = Stage::new(8);
    for n in 0..people {
        stage.enter_with(&format!("p{n}"), n % 2 == 0, stage.unix_s());
    }
    stage.run(1000);
    for who in 0..people {
        assert!(stage.is_in_room(who), "p{who}: {:?}", stage.people[who].events);
        assert_eq!(stage.sees(who).len(), people - 1);
    }
    stage
}
