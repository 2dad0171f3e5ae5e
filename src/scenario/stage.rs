//! Plays a scenario in memory: real sessions against the real hub, on a clock that is moved from one step to the next.

use super::acts::{Act, acts};
use super::words::{DeviceFault, StepWord};
use super::{PersonPlan, Played, Scenario, Step};
use crate::base::EventKind;
use crate::session::Input;
use crate::stage::{DeviceBehaviour, Stage, Stop};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use std::panic::catch_unwind;
use std::time::Duration;

/// The ids that the server gives, and the losses, are the same in each run.
const SEED: u64 = 8;
/// The shortest latency: that of one computer.
const LEAST_DELAY: Duration = Duration::from_millis(1);
/// TCP sends a lost segment again after so long (the least timeout of Linux).
const RETRANSMISSION: Duration = Duration::from_millis(200);
/// How often it is drawn whether a packet of signalling is lost.
const DRAWS: Duration = Duration::from_millis(100);
/// Time until a computer tells of another network.
const NETWORK_NOTICED_MS: u64 = 50;
/// A server that does not start again is away for longer than any scenario.
const FOR_GOOD: Duration = Duration::from_secs(100 * 3600);

/// A rule that every call keeps was broken, or the stage did not come to rest.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("A rule that every call keeps was broken: {0}. Report this fault of the program with the scenario")]
pub(crate) struct BrokenRule(String);

/// Plays it, and returns what happened to each participant, in their order.
pub(crate) fn play(scenario: &Scenario) -> Result<Vec<Played>, BrokenRule> {
    let lines = |events: Vec<(Duration, EventKind)>| events.iter().map(|(at, event)| line(*at, event)).collect();
    let all = play_events(scenario)?.into_iter();
    Ok(all
        .zip(&scenario.people)
        .map(|(events, plan)| Played { name: plan.name.clone(), lines: lines(events) })
        .collect())
}

/// An event as in an event file, with `at_ms` in place of the time and the process.
fn line(at: Duration, event: &EventKind) -> Value {
    let mut line = event.fields();
    line["event"] = event.name().into();
    line["at_ms"] = (at.as_millis() as u64).into();
    line
}

/// The events of each participant, with the time since the beginning.
pub(super) fn play_events(scenario: &Scenario) -> Result<Vec<Vec<(Duration, EventKind)>>, BrokenRule> {
    // The rules of the stage are assertions.
    catch_unwind(|| play_all(scenario)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        BrokenRule(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it has no name").to_owned())
    })
}

fn play_all(scenario: &Scenario) -> Vec<Vec<(Duration, EventKind)>> {
    let mut stage = Stage::new(SEED);
    let start = stage.now;
    // The index on the stage, in the order of joining.
    let mut on_stage: Vec<Option<usize>> = vec![None; scenario.people.len()];
    let mut losses = losses(scenario).into_iter().peekable();
    let mut lose_until = |stage: &mut Stage, on_stage: &[Option<usize>], end: Duration| {
        while let Some((at, who)) = losses.next_if(|(at, _)| *at < end) {
            stage.run_until(start + at);
            if let Some(who) = on_stage[who] {
                stage.stall(who, RETRANSMISSION.as_millis() as u64);
            }
        }
        stage.run_until(start + end);
    };
    for (at, act) in acts(scenario) {
        lose_until(&mut stage, &on_stage, at);
        match act {
            Act::Join(who) => on_stage[who] = Some(join(&mut stage, &scenario.people[who])),
            Act::Do(step) => perform(&mut stage, step, scenario, &on_stage),
            Act::End(step) => end(&mut stage, step, &on_stage),
        }
    }
    lose_until(&mut stage, &on_stage, scenario.lasts);
    let events = on_stage.into_iter().map(|who| {
        let events = who.map_or_else(Vec::new, |who| stage.people[who].events.clone());
        events.into_iter().map(|(at, event)| (at.since(start), event)).collect()
    });
    events.collect()
}

/// When a packet of whom is lost, and sent again.
fn losses(scenario: &Scenario) -> Vec<(Duration, usize)> {
    let mut losses = Vec::new();
    for (who, person) in scenario.people.iter().enumerate() {
        let mut random = StdRng::seed_from_u64(SEED + who as u64);
        let mut at = person.joins;
        while person.way.loss_percent > 0.0 && at < scenario.lasts {
            at += DRAWS;
            if random.random_bool(person.way.loss_percent / 100.0) {
                losses.push((at, who));
            }
        }
    }
    losses.sort_unstable();
    losses
}

fn join(stage: &mut Stage, plan: &PersonPlan) -> usize {
    let behaviour = match plan.fault {
        DeviceFault::None => DeviceBehaviour::PROMPT,
        DeviceFault::Slow => DeviceBehaviour { open_ms: 2000, release_ms: 400, ..DeviceBehaviour::PROMPT },
        DeviceFault::Fails => DeviceBehaviour { fails: true, ..DeviceBehaviour::PROMPT },
        DeviceFault::HangsAtClose => DeviceBehaviour { hangs: true, ..DeviceBehaviour::PROMPT },
    };
    // Signalling arrives in order: a packet that is late holds the others back.
    let latency = (plan.way.delay + plan.way.jitter).max(LEAST_DELAY);
    stage.enter_as(&plan.user, &plan.devices, behaviour, latency)
}

fn perform(stage: &mut Stage, step: &Step, scenario: &Scenario, on_stage: &[Option<usize>]) {
    match step.what {
        StepWord::Dismiss => return stage.dismiss(),
        StepWord::StopServer => return stage.stop_server(step.lasts),
        StepWord::KillServer => return stage.kill_server(step.lasts.unwrap_or(FOR_GOOD)),
        _ => {}
    }
    let Some(plan) = step.who else { return };
    let user = &scenario.people[plan].user;
    // Of somebody who has not joined there is nothing to do.
    let Some(who) = on_stage[plan] else { return };
    let kind = step.device.kind();
    match step.what {
        StepWord::Leave => stage.exit(who),
        StepWord::Kick => stage.remove(user),
        StepWord::Cut => stage.network(who, false),
        StepWord::Silence => stage.black_hole(who, true),
        StepWord::Restore => {
            stage.network(who, true);
            stage.black_hole(who, false);
        }
        StepWord::Move => stage.change_way(who, true, NETWORK_NOTICED_MS),
        StepWord::Stop => _ = stage.stop(who, Stop::Process),
        StepWord::Sleep => _ = stage.stop(who, Stop::Sleep),
        StepWord::Continue => _ = stage.wake(who, false),
        StepWord::Kill => stage.kill(who),
        StepWord::PowerOff => stage.lose_power(who),
        StepWord::Mute => _ = stage.mute_source(user, step.device.source()),
        StepWord::TurnOff => stage.input(who, Input::SetDevice(kind, false)),
        StepWord::TurnOn => stage.input(who, Input::SetDevice(kind, true)),
        StepWord::Unplug => _ = stage.unplug(who, kind),
        StepWord::Plug => _ = stage.plug(who),
        StepWord::Dismiss | StepWord::StopServer | StepWord::KillServer => {}
    }
}

/// Ends what has lasted for its time.
fn end(stage: &mut Stage, step: &Step, on_stage: &[Option<usize>]) {
    let Some(who) = step.who.and_then(|who| on_stage[who]) else { return };
    match step.what {
        StepWord::Cut => stage.network(who, true),
        StepWord::Silence => stage.black_hole(who, false),
        StepWord::Stop | StepWord::Sleep => _ = stage.wake(who, false),
        _ => {}
    }
}
