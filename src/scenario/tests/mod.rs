//! The library of scenarios, the messages of the reader, and the schema.

mod recorded;

use super::words::StepWord;
use super::{Played, judge, play, read_scenario, schema};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The files of the library with their texts.
fn library() -> Vec<(PathBuf, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/scenarios");
    let files = std::fs::read_dir(folder).expect("the library").map(|file| file.expect("a file").path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).expect("a text"))).collect()
}

#[test]
fn each_scenario_of_the_library_is_met_on_the_stage() {
    let library = library();
    assert!(library.len() >= 20, "{} scenarios", library.len());
    let mut failures = String::new();
    for (path, text) in library {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let scenario = read_scenario(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!scenario.expectations.is_empty(), "{name} expects nothing");
        let played = play(&scenario).unwrap_or_else(|error| panic!("{name}: {error}"));
        let verdict = judge(&scenario, &played);
        if !verdict.is_met() {
            failures += &format!("{name}\n{}{}", verdict.text(), told(&played));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// What happened, for messages.
fn told(played: &[Played]) -> String {
    let line = |line: &Value| format!("    {line}\n");
    played.iter().map(|p| format!("  {}\n{}", p.name, p.lines.iter().map(line).collect::<String>())).collect()
}

const SMALL: &str = r#"
version = 1
title = "One comes and leaves"
lasts = "5s"

[[person]]
name = "mina"

[[person]]
name = "tom"
joins = "500ms"

[[step]]
at = "2s"
do = "leave"
who = "tom"

[[expect]]
who = "mina"
events = [{ event = "EnterRoom" }, { event = "RemoteUserLeaveRoom", remote_user = "tom", reason = 0 }]
"#;

/// The failures of `expect` after the small scenario.
fn failures(expect: &str) -> String {
    let scenario = read_scenario(&format!("{SMALL}{expect}")).expect("a scenario");
    judge(&scenario, &play(&scenario).expect("it is played")).text()
}

#[test]
fn what_does_not_hold_is_named_with_its_line() {
    assert_eq!(failures(""), "");
    let expect = "[[expect]]\nwho = \"tom\"\nexit = { reason = \"removed\", within = \"1ms\" }";
    let text = failures(expect);
    assert!(text.contains("line 22: tom: the reason of the exit is left, not removed"), "{text}");
    assert!(text.contains("the exit took"), "{text}");
    let text = failures(
        "[[expect]]\nwho = \"mina\"\nnever = [\"RemoteUserEnterRoom\"]\n\
         events = [{ event = \"RemoteUserLeaveRoom\" }, { event = \"EnterRoom\" }]\nexit = { reason = \"left\" }",
    );
    assert!(text.contains("EnterRoom happened, but not in this order"), "{text}");
    assert!(text.contains("RemoteUserEnterRoom happened, after"), "{text}");
    assert!(text.contains("there is no ExitRoom"), "{text}");
    let text = failures("[[expect]]\nwho = \"mina\"\nevents = [{ event = \"EnterRoom\", error = \"locked\" }]");
    assert!(text.contains("EnterRoom, error \"locked\" did not happen"), "{text}");
}

#[test]
fn the_same_scenario_is_played_the_same_way_each_time() {
    let lossy = SMALL.replace("joins = \"500ms\"", "joins = \"500ms\"\nlink = { delay = \"40ms\", loss_percent = 20 }");
    let scenario = read_scenario(&lossy).expect("a scenario");
    let told = || told(&play(&scenario).expect("it is played"));
    assert_eq!(told(), told());
}

/// The message for the small scenario with one text in place of another.
fn message(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    read_scenario(&SMALL.replacen(from, to, 1)).expect_err("a message").to_string()
}

#[test]
fn mistakes_are_told_with_line_column_and_what_to_write() {
    let cases = [
        ("version = 1", "version = 2", "line 2, column 11: the format is 2, and this program reads 1"),
        ("lasts = \"5s\"", "lasts = \"5\"", "line 4, column 9: \"5\" is no time up to a day. Write it as 250ms"),
        ("do = \"leave\"", "do = \"walk\"", "line 15, column 6: \"walk\" is not a step. Write one of leave, kick"),
        ("who = \"tom\"", "who = \"ana\"", "line 16, column 7: nobody is called ana. There are mina, tom"),
        ("who = \"tom\"", "", "the step leave needs `who`"),
        ("who = \"tom\"", "who = \"tom\"\nfor = \"1s\"", "the step leave takes no `for`"),
        ("at = \"2s\"", "at = \"9s\"", "line 14, column 6: the scenario is over by then"),
        ("name = \"tom\"", "name = \"mina\"", "there are two of the name mina"),
        ("event = \"EnterRoom\"", "event = \"Enter\"", "no event of a scenario is called Enter"),
        ("joins =", "jions =", "unknown field `jions`"),
        ("title = ", "title ", "line 3, column"),
    ];
    for (from, to, expected) in cases {
        let message = message(from, to);
        assert!(message.contains(expected), "{to}: {message}");
    }
}

/// A step with all that it needs.
fn step(word: StepWord, name: &str) -> String {
    let who = if word.needs_who() { "who = \"tom\"\n" } else { "" };
    let device = if word.needs_device() { "device = \"camera\"\n" } else { "" };
    let lasts = if word.may_last() { "for = \"1s\"\n" } else { "" };
    format!("[[step]]\nat = \"3s\"\ndo = \"{name}\"\n{who}{device}{lasts}")
}

#[test]
fn each_step_can_be_played() {
    for (word, name, _) in StepWord::ALL {
        let scenario = read_scenario(&format!("{SMALL}{}", step(*word, name))).expect("a scenario");
        assert!(play(&scenario).is_ok(), "{name}");
    }
}

/// The fields of the schema are those of the reader: it takes each, and no other.
#[test]
fn the_schema_is_that_of_the_reader() {
    let schema = schema();
    let full = format!(
        "{}\n[[step]]\nat = \"3s\"\ndo = \"cut\"\nwho = \"tom\"\nfor = \"1s\"\n[[step]]\nat = \"3s\"\ndo = \"unplug\"\n\
         who = \"tom\"\ndevice = \"camera\"\n[[expect]]\nwho = \"tom\"\nevents = []\nnever = []\n\
         exit = {{ reason = \"left\", within = \"2s\", confirmed = [\"others_told\"] }}\n",
        SMALL.replacen("title", "about = \"It shows something\"\ntitle", 1).replacen(
            "name = \"mina\"",
            "name = \"mina\"\nuser = \"mina\"\njoins = \"0s\"\ncamera = true\nmicrophone = false\ndevices = \"slow\"\n\
             link = { delay = \"10ms\", jitter = \"5ms\", loss_percent = 0.5 }",
            1
        )
    );
    read_scenario(&full).expect("a scenario with every field");
    let written: Value = serde_json::to_value(full.parse::<toml::Table>().expect("TOML")).expect("JSON");
    let mut seen = std::collections::BTreeSet::new();
    compare(&schema, &written, "", &mut seen);
    let mut named = std::collections::BTreeSet::new();
    fields(&schema, "", &mut named);
    assert_eq!(seen, named, "fields of the scenario (left) and of the schema (right)");
    for (_, word, _) in StepWord::ALL {
        let words = schema["properties"]["step"]["items"]["properties"]["do"]["oneOf"].to_string();
        assert!(words.contains(&json!(word).to_string()));
    }
}

/// Notes the fields of a value that the schema has; another one is a failure.
fn compare(schema: &Value, value: &Value, path: &str, seen: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(own) if !schema["properties"].is_null() && schema["additionalProperties"] == false => {
            for (field, value) in own {
                let path = format!("{path}.{field}");
                assert!(!schema["properties"][field].is_null(), "the schema does not have {path}");
                compare(&schema["properties"][field], value, &path, seen);
                seen.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| compare(&schema["items"], item, path, seen)),
        _ => {}
    }
}

/// The fields that a schema has.
fn fields(schema: &Value, path: &str, named: &mut std::collections::BTreeSet<String>) {
    if schema["additionalProperties"] == false {
        for (field, below) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{field}");
            fields(below, &path, named);
            named.insert(path);
        }
    }
    if !schema["items"].is_null() {
        fields(&schema["items"], path, named);
    }
}
