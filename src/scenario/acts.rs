//! What is done when: joins, steps, and the end of what lasts for a time.

use super::{Scenario, Step};
use std::time::Duration;

/// Something that is done at a time.
#[derive(Clone, Copy)]
pub(super) enum Act<'a> {
    /// The participant with this index joins.
    Join(usize),
    /// A step happens.
    Do(&'a Step),
    /// What lasts for a time is over.
    End(&'a Step),
}

/// Everything that is done, in the order of its time; at the same time people join first.
pub(super) fn acts(scenario: &Scenario) -> Vec<(Duration, Act<'_>)> {
    let joins = scenario.people.iter().enumerate().map(|(who, person)| (person.joins, Act::Join(who)));
    let mut acts: Vec<(Duration, Act<'_>)> = joins.collect();
    for step in &scenario.steps {
        acts.push((step.at, Act::Do(step)));
        acts.extend(step.lasts.map(|lasts| (step.at + lasts, Act::End(step))));
    }
    acts.sort_by_key(|(at, _)| *at);
    acts.retain(|(at, _)| *at <= scenario.lasts);
    acts
}
