//! Holds the documents to the code: `ARCHITECTURE.md` with its tables of floors and of queues, and the table of events in
//! `docs/events.md`. (That its paths exist is checked with the other documents, in `tests/e2e/documents`.)

use crate::paths;
use crate::plan::FLOORS;
use crate::rust_files;
use std::collections::BTreeSet;
use std::path::Path;

/// The heading above the table of floors.
const FLOOR_TABLE: &str = "## The floors";
/// The heading above the table of threads, tasks and queues.
const QUEUE_TABLE: &str = "## Threads, tasks and queues";

/// Calls that make a queue or a thread. A file that makes one has a row in the table.
const MAKERS: &[&str] = &["mpsc::channel", "sync_channel", "RingBuffer::new", "thread::Builder::new"];

/// Folders whose queues serve only a test or a measurement.
const WITHOUT_ROWS: &[&str] = &["cmd/bench/"];

#[test]
fn the_table_of_floors_is_the_plan() {
    let document = read("ARCHITECTURE.md");
    let mut drawn = BTreeSet::new();
    for row in table(&document, FLOOR_TABLE) {
        let Some(floor) = row.first().and_then(|cell| cell.parse::<u8>().ok()) else { continue };
        drawn.extend(code_spans(&row[1]).into_iter().map(|folder| (folder, floor)));
    }
    let planned = FLOORS.iter().map(|(folder, floor)| ((*folder).to_owned(), *floor)).collect();
    assert_eq!(drawn, planned, "ARCHITECTURE.md draws other floors than tests/layering/plan.rs");
}

#[test]
fn each_maker_of_a_thread_or_queue_has_a_row() {
    let document = read("ARCHITECTURE.md");
    let rows = table(&document, QUEUE_TABLE);
    let named: BTreeSet<String> = rows.iter().filter_map(|row| code_spans(row.first()?).first().cloned()).collect();
    assert!(named.iter().all(|path| path.starts_with("src/")), "a row begins with the path of its file: {named:?}");
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut missing = Vec::new();
    for file in rust_files(&src) {
        let place = file.strip_prefix(&src).expect("a file under src").to_string_lossy().replace('\\', "/");
        let source = std::fs::read_to_string(&file).expect("a source file");
        if makes_queues(&place, &source) && !named.contains(&format!("src/{place}")) {
            missing.push(place);
        }
    }
    assert!(missing.is_empty(), "The table \"{QUEUE_TABLE}\" of ARCHITECTURE.md lacks: {missing:#?}");
}

/// Whether the file, outside its tests, makes a thread or a queue.
fn makes_queues(place: &str, source: &str) -> bool {
    if WITHOUT_ROWS.iter().any(|folder| place.starts_with(folder)) || place.contains("tests") {
        return false;
    }
    let named = paths::named_in(place, source).expect("Rust");
    named.iter().filter(|p| !p.in_tests).any(|p| {
        let text = p.segments.join("::");
        MAKERS.iter().any(|maker| text.ends_with(maker))
    }) || calls_bare(source)
}

/// `Builder::new()` and `sync_channel(…)` after a `use` of the last segment alone.
fn calls_bare(source: &str) -> bool {
    let production = source.split("#[cfg(test)]").next().unwrap_or(source);
    production.contains(" sync_channel(") || (production.contains("thread::Builder") && production.contains(".spawn("))
}

#[test]
fn capacities_in_the_table_are_those_of_the_code() {
    let document = read("ARCHITECTURE.md");
    let mut wrong = Vec::new();
    let mut checked = 0;
    for row in table(&document, QUEUE_TABLE) {
        let Some(place) = row.first().and_then(|cell| code_spans(cell).first().cloned()) else { continue };
        let source = read(&place).replace('_', "");
        for span in row.iter().skip(1).flat_map(|cell| code_spans(cell)) {
            let Some((name, value)) = span.split_once(" = ") else { continue };
            checked += 1;
            let line = source.lines().find(|l| l.contains(&format!("const {}:", name.replace('_', ""))));
            if !line.is_some_and(|l| l.contains(&format!("= {};", value.replace('_', "")))) {
                wrong.push(format!("{place}: {span}, but the code has {line:?}"));
            }
        }
    }
    assert!(checked > 10, "only {checked} capacities were found in the table");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_of_events_has_every_event() {
    let document = read("docs/events.md");
    let documented: BTreeSet<String> = table(&document, "## Events")
        .iter()
        .flat_map(|row| row[0].split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let source = read("src/base/event.rs");
    let named = source.split("=> \"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(name, _)| name.to_owned());
    let named: BTreeSet<String> = named.filter(|name| name.starts_with(char::is_uppercase)).collect();
    assert!(named.len() > 15, "only {} names were found in src/base/event.rs", named.len());
    assert_eq!(documented, named, "docs/events.md and src/base/event.rs name other events");
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The cells of the rows of the first table below `heading`, without its head.
fn table(document: &str, heading: &str) -> Vec<Vec<String>> {
    let below = document.lines().skip_while(|line| *line != heading).skip(1);
    let rows = below.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    let found: Vec<Vec<String>> = rows.skip(2).map(cells).collect();
    assert!(!found.is_empty(), "there is no table below \"{heading}\"");
    found
}

/// The texts between backticks, outside fenced blocks.
fn code_spans(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut spans = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            spans.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    spans
}
