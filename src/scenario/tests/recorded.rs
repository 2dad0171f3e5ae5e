//! Random calls are recorded by the journal as those of windows are, and replayed from the bundle.

use super::library;
use crate::base::{CallPlace, DeviceKind, DeviceLists, Event, EventKind, SessionId};
use crate::scenario::stage::play_events;
use crate::scenario::words::{Device, DeviceFault, StepWord};
use crate::scenario::{EventOrder, PersonPlan, Scenario, Step, Way, play, read_scenario, scenario_of_call};
use crate::store::Paths;
use crate::support::{Bundle, Journal, JournalProgram, Redactor};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

const CALLS: u64 = 20;
/// Unix time in ms at the beginning of the calls.
const UNIX_MS: f64 = 1_800_000_000_000.0;

const fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn step(at: Duration, what: StepWord, who: Option<usize>, lasts: Option<Duration>) -> Step {
    Step { at, what, who, device: Device::Camera, lasts }
}

/// A call of up to four with faults; the first is recorded.
fn random_call(seed: u64) -> Scenario {
    let mut random = StdRng::seed_from_u64(seed);
    let names = ["mina", "tom", "ana", "ben"];
    let count = random.random_range(2..=names.len());
    let person = |(index, name): (usize, &&str), random: &mut StdRng| PersonPlan {
        name: (*name).to_owned(),
        user: (*name).to_owned(),
        joins: Duration::from_millis(if index == 0 { 500 } else { random.random_range(0..8000) }),
        devices: vec![DeviceKind::Camera, DeviceKind::Microphone],
        fault: DeviceFault::None,
        way: Way { delay: Duration::from_millis(random.random_range(1..60)), ..Way::default() },
    };
    let people: Vec<PersonPlan> =
        names.iter().take(count).enumerate().map(|named| person(named, &mut random)).collect();
    let mut steps = Vec::new();
    let mut at = seconds(12);
    for _ in 0..random.random_range(2..6) {
        let other = Some(random.random_range(1..count));
        let away = Some(Duration::from_millis(random.random_range(1000..25_000)));
        match random.random_range(0..9) {
            0 => steps.push(step(at, StepWord::Leave, other, None)),
            1 => steps.push(step(at, StepWord::Kick, other, None)),
            2 => steps.push(step(at, StepWord::Kill, other, None)),
            3 | 4 => steps.push(step(at, StepWord::Cut, Some(0), away)),
            5 => steps.push(step(at, StepWord::Silence, Some(0), away)),
            6 => {
                steps.push(step(at, StepWord::TurnOff, other, None));
                steps.push(step(at + seconds(5), StepWord::TurnOn, other, None));
            }
            7 => {
                steps.push(step(at, StepWord::TurnOff, Some(0), None));
                steps.push(step(at + seconds(5), StepWord::TurnOn, Some(0), None));
            }
            _ => {
                steps.push(step(at, StepWord::Unplug, Some(0), None));
                steps.push(step(at + seconds(6), StepWord::Plug, Some(0), None));
            }
        }
        at += seconds(60);
    }
    let ends = [StepWord::Leave, StepWord::Kick, StepWord::Dismiss, StepWord::StopServer];
    let end = ends[random.random_range(0..ends.len())];
    steps.push(step(at, end, end.needs_who().then_some(0), None));
    Scenario { title: format!("call {seed}"), lasts: at + seconds(20), people, steps, expectations: Vec::new() }
}

/// The bundle's call of what was played.
fn recorded(name: &str, events: &[(Duration, EventKind)]) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = Paths::in_folder(folder.path());
    let redactor = Arc::new(Redactor::of_installation(Some(&paths.journal())));
    let journal = Journal::start(paths.journal(), redactor.clone(), JournalProgram::Window, None).expect("a thread");
    let place = Arc::new(CallPlace {
        room: "stage".parse().expect("a room"),
        server: "wss://calls.example.com".to_owned(),
        name: name.to_owned(),
    });
    for (at, kind) in events {
        let unix_ms = UNIX_MS + at.as_secs_f64() * 1000.0;
        let (session, user, place) = (SessionId(1), name.to_owned(), Some(place.clone()));
        journal.take(&Event { unix_ms, session, user, place, kind: kind.clone() });
    }
    journal.flush(seconds(20));
    let text = Bundle::collect(Some(&paths), &DeviceLists::default(), None, &redactor).render();
    let bundle = Bundle::parse(&text).expect("a bundle");
    bundle.list("calls").first().expect("a call").clone()
}

#[test]
fn recorded_calls_are_replayed_with_their_events_in_the_same_order() {
    let mut failures = String::new();
    for seed in 0..CALLS {
        let scenario = random_call(seed);
        let met = play_events(&scenario).expect("it is played").swap_remove(0);
        assert!(met.len() > 8, "call {seed} has {} events", met.len());
        let other = differences(&scenario.people[0].user, &met);
        if !other.is_empty() {
            failures += &format!("call {seed}:\n{other}");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// What of somebody's call comes in another order when it is replayed.
fn differences(user: &str, met: &[(Duration, EventKind)]) -> String {
    let call = recorded(user, met);
    let text = scenario_of_call(&call).expect("a scenario");
    let scenario = read_scenario(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let you = play(&scenario).unwrap_or_else(|error| panic!("{error}\n{text}")).swap_remove(0);
    let order = EventOrder::of(call["entries"].as_array().expect("entries"));
    match order.differences(&EventOrder::of(&you.lines)) {
        same if same.is_empty() => same,
        other => format!("{other}replayed by\n{text}\n"),
    }
}

/// A restart of the server is replayed as a cut, whose attempts to connect come at other times: what the others did
/// meanwhile may be over by the one that succeeds.
const RESTARTS: &str = "server-restarts.toml";

#[test]
fn the_library_as_each_person_saw_it_is_replayed_in_the_same_order() {
    let mut failures = String::new();
    for (path, text) in library().into_iter().filter(|(path, _)| !path.ends_with(RESTARTS)) {
        let scenario = read_scenario(&text).expect("a scenario");
        let played = play_events(&scenario).expect("it is played");
        for (plan, met) in scenario.people.iter().zip(&played).filter(|(_, met)| met.len() > 1) {
            let other = differences(&plan.user, met);
            if !other.is_empty() {
                failures += &format!("{}, {}:\n{other}", path.display(), plan.name);
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn what_is_no_call_is_refused() {
    for call in ["{}", "{\"entries\": []}", "{\"entries\": [{\"event\": 1}]}"] {
        let call: Value = serde_json::from_str(call).expect("JSON");
        assert!(scenario_of_call(&call).is_err());
    }
    let strange = serde_json::json!({ "user": "a\"b\n", "entries": [
        { "at_ms": 5, "event": "RemoteUserEnterRoom", "remote_user": "c\" ]" },
        { "at_ms": 9, "event": "ConnectionRecovery" }, { "at_ms": 9, "event": "ExitRoom" },
    ] });
    let text = scenario_of_call(&strange).expect("a scenario");
    assert!(text.parse::<toml::Table>().is_ok(), "{text}");
}
