//! A bundle in readable words: what `visavis support show` prints, and what the window shows before it saves one.

use super::bundle::Bundle;
use super::timeline::{short_timeline, timeline};
use crate::base::TimelineEntry;
use serde_json::{Value, json};
use std::fmt::Write;

/// The summary and the timelines as text.
pub(crate) fn bundle_text(bundle: &Bundle) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    write_all(&mut out, bundle).ok();
    out
}

fn write_all(out: &mut String, bundle: &Bundle) -> std::fmt::Result {
    let made = time(bundle.section("unix_s").as_i64());
    writeln!(out, "Support bundle of Visavis {}, made {made}", word(bundle.section("visavis")))?;
    writeln!(out, "People, rooms, servers, addresses and devices are pseudonyms.\n")?;
    writeln!(out, "It holds")?;
    for part in bundle.list("contents") {
        let name = word(&part["section"]);
        writeln!(out, "  {name}: {}{}", word(&part["holds"]), amount(bundle, &name))?;
    }
    writeln!(out, "\nSystem")?;
    write_fields(out, bundle.section("system"))?;
    writeln!(out, "\nSettings")?;
    write_fields(out, bundle.section("settings"))?;
    writeln!(out, "\nDevices")?;
    for kind in ["cameras", "microphones", "speakers"] {
        let devices = bundle.section("devices")[kind].as_array().map(Vec::as_slice).unwrap_or_default();
        for device in devices.iter().filter(|device| device["synthetic"] != true) {
            let default = if device["default"] == true { ", default" } else { "" };
            writeln!(out, "  {kind}: {} ({}{default})", word(&device["label"]), word(&device["id"]))?;
        }
        if devices.iter().all(|device| device["synthetic"] == true) {
            writeln!(out, "  {kind}: none")?;
        }
    }
    let calls = bundle.list("calls");
    for (at, call) in calls.iter().enumerate() {
        write_call(out, call, at + 1, calls.len())?;
    }
    write_crashes(out, bundle.list("crashes"))?;
    let log = bundle.list("log");
    if !log.is_empty() {
        writeln!(out, "\nLog")?;
    }
    for line in log {
        writeln!(out, "  {} {}: {}", word(&line["level"]), word(&line["target"]), word(&line["text"]))?;
    }
    Ok(())
}

/// How many entries a section has, if it is a list.
fn amount(bundle: &Bundle, name: &str) -> String {
    match bundle.section(name) {
        Value::Array(list) if list.is_empty() => " (none)".to_owned(),
        Value::Array(list) => format!(" ({})", list.len()),
        _ => String::new(),
    }
}

fn write_fields(out: &mut String, section: &Value) -> std::fmt::Result {
    match section {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                writeln!(out, "  {name}: {}", word(value))?;
            }
            Ok(())
        }
        _ => writeln!(out, "  none"),
    }
}

fn write_call(out: &mut String, call: &Value, number: usize, of: usize) -> std::fmt::Result {
    if let Some(why) = call["cannot_be_read"].as_str() {
        return writeln!(out, "\nThe calls could not be read: {why}");
    }
    let entries = entries(call);
    writeln!(out, "\nCall {number} of {of}: {}", call_title(call))?;
    if let Some(lines) = call["unreadable_lines"].as_u64() {
        writeln!(out, "  ({lines} lines of its journal could not be read)")?;
    }
    for TimelineEntry { at, kind, words } in short_timeline(entries) {
        writeln!(out, "  {:>9}  {kind}: {words}", offset(at / 1000.0))?;
    }
    if !entries.iter().any(|entry| entry["event"] == "ExitRoom") {
        writeln!(out, "  There is no ExitRoom: the call was going on, or the program ended without a goodbye.")?;
    }
    Ok(())
}

fn entries(call: &Value) -> &[Value] {
    call["entries"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Room, server, beginning and length of a call.
fn call_title(call: &Value) -> String {
    let last = entries(call).last().and_then(|entry| entry["at_ms"].as_f64()).unwrap_or_default();
    let place = match (call["room"].as_str(), call["server"].as_str()) {
        (Some(room), Some(server)) => format!("{room} at {server}, "),
        _ => String::new(),
    };
    let program = call["program"].as_str().map(|program| format!(", {program}")).unwrap_or_default();
    let user = call["user"].as_str().map(|user| format!(", as {user}")).unwrap_or_default();
    format!("{place}from {}, {} long{user}{program}", time(call["started_unix_s"].as_i64()), offset(last / 1000.0))
}

fn write_crashes(out: &mut String, crashes: &[Value]) -> std::fmt::Result {
    for crash in crashes {
        let (what, process, thread) = (word(&crash["what"]), word(&crash["process"]), word(&crash["thread"]));
        writeln!(out, "\nCrash of {}: {what} in {process}, thread {thread}", time(crash["unix_s"].as_i64()))?;
        writeln!(out, "  {} ({})", word(&crash["message"]), word(&crash["place"]))?;
        for frame in crash["backtrace"].as_array().map(Vec::as_slice).unwrap_or_default().iter().take(12) {
            writeln!(out, "    {}", word(frame))?;
        }
    }
    Ok(())
}

/// The summary and the timelines as JSON, for `--json`.
pub(crate) fn bundle_json(bundle: &Bundle) -> Value {
    let call = |call: &Value| {
        json!({
            "title": call_title(call),
            "room": call["room"], "server": call["server"], "user": call["user"],
            "started_unix_s": call["started_unix_s"],
            "timeline": timeline(entries(call)),
        })
    };
    json!({
        "visavis": bundle.section("visavis"),
        "unix_s": bundle.section("unix_s"),
        "system": bundle.section("system"),
        "settings": bundle.section("settings"),
        "devices": bundle.section("devices"),
        "calls": bundle.list("calls").iter().map(call).collect::<Vec<_>>(),
        "crashes": bundle.list("crashes"),
        "log": bundle.list("log"),
    })
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "?".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A time in UTC.
fn time(unix_s: Option<i64>) -> String {
    let time = unix_s.and_then(|s| jiff::Timestamp::from_second(s).ok());
    time.map_or_else(|| "at an unknown time".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// Minutes, seconds and tenths since the beginning of a call.
fn offset(seconds: f64) -> String {
    let tenths = (seconds.max(0.0) * 10.0).round() as u64;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}
