//! The documents are true: every command in them runs, and the commands, files, tests and links that they name exist.

mod claims;
mod read;
mod run;

use crate::kit::{Display, Pulse, TestContext};
use claims::CommandLine;
use run::{Kind, NOT_RUN, Session};

/// Each section runs in one shell, from its first command to its last. The commands use the ports of the documents, which
/// must be free.
#[test]
fn every_command_of_the_documents_does_what_they_say() {
    let context = TestContext::new("documents");
    let display = Display::start(&context, "a");
    let pulse = Pulse::start(&context, "a");
    let (mut ran, mut faults) = (0, Vec::new());
    for document in read::documents() {
        for section in document.sections.iter().filter(|section| !section.commands.is_empty()) {
            let file = document.path.replace('/', "-");
            let name = format!("{}-{}", file.trim_end_matches(".md"), read::anchor(&section.heading));
            let mut session = Session::new(&context, &name, &display, &pulse);
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
fn excluded_commands_still_exist() {
    let documents = read::documents();
    let commands: Vec<&String> = documents.iter().flat_map(|d| &d.sections).flat_map(|s| &s.commands).collect();
    for (start, why) in NOT_RUN {
        assert!(commands.iter().any(|c| c.starts_with(start)), "no document says {start} any more ({why})");
    }
}

#[test]
fn everything_the_documents_name_exists() {
    let context = TestContext::beside_others("documents-names");
    let (line, files, documents) = (CommandLine::ask(&context), claims::files(), read::documents());
    let faults: Vec<String> =
        documents.iter().flat_map(|document| claims::faults(document, &documents, &line, &files)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn missing_things_are_found() {
    let context = TestContext::beside_others("documents-faults");
    let (line, files) = (CommandLine::ask(&context), claims::files());
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
