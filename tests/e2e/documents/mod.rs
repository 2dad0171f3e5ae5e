//! The documents are true: each of their commands is run as it stands there, and what their sentences name exists.

mod claims;
mod read;
mod run;

use crate::kit::{Display, Pulse, Stage};
use claims::CommandLine;
use run::{Kind, NOT_RUN, Session};

/// A section is followed from its first command to its last, with one shell; what it started ends with it. The ports
/// are those of the documents, which nobody else may use meanwhile.
#[test]
fn every_command_of_the_documents_does_what_they_say() {
    let stage = Stage::new("documents");
    let display = Display::start(&stage, "a");
    let pulse = Pulse::start(&stage, "a");
    let (mut ran, mut faults) = (0, Vec::new());
    for document in read::documents() {
        for section in document.sections.iter().filter(|section| !section.commands.is_empty()) {
            let file = document.path.replace('/', "-");
            let name = format!("{}-{}", file.trim_end_matches(".md"), read::anchor(&section.heading));
            let mut session = Session::new(&stage, &name, &display, &pulse);
            if let Err(fault) = session.follow(section) {
                faults.push(format!("{}, {}: {fault}", document.path, section.heading));
            }
            ran += section.commands.iter().filter(|c| !matches!(run::kind(c), Some(Kind::NotRun))).count();
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(ran > 30, "only {ran} commands were found");
}

#[test]
fn what_is_not_run_is_still_there() {
    let documents = read::documents();
    let commands: Vec<&String> = documents.iter().flat_map(|d| &d.sections).flat_map(|s| &s.commands).collect();
    for (start, why) in NOT_RUN {
        assert!(commands.iter().any(|c| c.starts_with(start)), "no document says {start} any more ({why})");
    }
}

#[test]
fn what_the_documents_name_exists() {
    let stage = Stage::beside_others("documents-names");
    let (line, files, documents) = (CommandLine::ask(&stage), claims::files(), read::documents());
    let faults: Vec<String> =
        documents.iter().flat_map(|document| claims::faults(document, &documents, &line, &files)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_does_not_exist_is_found() {
    let stage = Stage::beside_others("documents-faults");
    let (line, files) = (CommandLine::ask(&stage), claims::files());
    let text = "# A\n`visavis bot --coumt 3` `visavis room dismis` `--jsno` `scripts/tset` `scripts/setup --test-all`\n\
         `cargo test --test e2e two_bot_s` `tests/e2e/kti` `nothing.rs` [a](docs/none.md) [b](#c)\n\n    visavis\n\n\
         ```\nvisavis\n```\n```json\n{\n```\n\
         Right: `visavis room list --json` `--verify` `tests/e2e/kit` `main.rs` `target/x` `POST /token` [c](#a)\n";
    let document = read::parse("README.md", text);
    let others = [read::parse("README.md", text)];
    let faults = claims::faults(&document, &others, &line, &files);
    assert_eq!(faults.len(), 13, "{}", faults.join("\n"));
    assert_eq!(run::kind("sudo rm -rf /"), None);
    assert_eq!(run::kind("visavis bot --room tea --count 2"), Some(Kind::Stays(2)));
}
