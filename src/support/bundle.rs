//! The bundle: everything that helps support, in one readable file that holds nothing private.

use super::crash::crash_reports;
use super::journal_file::{RecordedCall, recorded_calls};
use super::log_ring::LogRing;
use super::redact::{Hidden, Redactor};
use crate::base::{DeviceEntry, DeviceLists};
use crate::clock::unix_s;
use crate::store::{Paths, Settings, last_exits};
use serde_json::{Value, json};
use std::path::Path;

/// The version of the format.
const VERSION: u64 = 1;
/// A larger file is no bundle of ours: journals, reports and receipts have limits.
pub(crate) const MAX_BYTES: u64 = 32 << 20;
/// Columns of a line before a list or an object is broken into several lines.
const COLUMNS: usize = 200;

/// The sections, in their order, each with what it holds.
const SECTIONS: &[(&str, &str)] = &[
    ("system", "the operating system, the desktop, the number of processor cores"),
    (
        "devices",
        "cameras, microphones and speakers; their ids and names are pseudonyms, the words of makers and models stay",
    ),
    ("settings", "those settings that are nobody's secret"),
    ("calls", "the journal of the last calls: events, statistics, receipts, and the log at their end"),
    ("exits", "the receipts of the last exits"),
    ("log", "the last lines of the program's own log, if the running window has made this bundle"),
    ("crashes", "reports of parts of the program that broke down"),
];

/// A bundle.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bundle {
    fields: Value,
}

/// Why a file is no bundle.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BundleError {
    /// It is empty.
    #[error("it is empty. Ask for it once more")]
    Empty,
    /// It is cut off, or no JSON at all.
    #[error(
        "it is damaged, or no bundle: line {line}, column {column} is no JSON. If it was sent by mail or chat, ask for it as a file"
    )]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// JSON of something else.
    #[error("it is no bundle of `visavis support bundle`: it has no version")]
    NotABundle,
    /// Of a later version of this program.
    #[error("its format is {found}, and this program reads up to {VERSION}. Use a newer Visavis")]
    Newer {
        /// Its version.
        found: u64,
    },
    /// A section has another form than it should.
    #[error("its section {0} is damaged")]
    Section(&'static str),
}

impl Bundle {
    /// Collects everything. `log` is the ring of the process, if it has something to say.
    pub(crate) fn collect(
        paths: Option<&Paths>,
        devices: &DeviceLists,
        log: Option<&LogRing>,
        redactor: &Redactor,
    ) -> Self {
        let journal = paths.map(Paths::journal);
        let calls = journal.as_deref().map(recorded_calls).unwrap_or(Ok(Vec::new()));
        let calls = match calls {
            Ok(calls) => calls.into_iter().map(call_json).collect(),
            Err(error) => json!([{ "cannot_be_read": redactor.text(&error.to_string()) }]),
        };
        let contents =
            SECTIONS.iter().map(|(section, what)| json!({ "section": section, "holds": what })).collect::<Value>();
        Self {
            fields: json!({
                "bundle": VERSION,
                "visavis": env!("CARGO_PKG_VERSION"),
                "unix_s": unix_s(),
                "contents": contents,
                "system": system(redactor),
                "devices": devices_json(devices, redactor),
                "settings": paths.map_or(Value::Null, |paths| settings(paths, redactor)),
                "calls": calls,
                "exits": paths.map_or_else(|| json!([]), |paths| exits(paths, redactor)),
                "log": log.map_or_else(Vec::new, |ring| ring.lines(0.0, redactor)),
                "crashes": journal.as_deref().map(crash_reports).unwrap_or_default(),
            }),
        }
    }

    /// Reads a bundle.
    pub(crate) fn parse(text: &str) -> Result<Self, BundleError> {
        if text.trim().is_empty() {
            return Err(BundleError::Empty);
        }
        let fields: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|e| BundleError::NotJson { line: e.line(), column: e.column() })?;
        match fields["bundle"].as_u64() {
            None | Some(0) => return Err(BundleError::NotABundle),
            Some(found) if found > VERSION => return Err(BundleError::Newer { found }),
            Some(_) => {}
        }
        for section in ["calls", "exits", "log", "crashes"] {
            if !matches!(fields[section], Value::Null | Value::Array(_)) {
                return Err(BundleError::Section(section));
            }
        }
        if fields["calls"].as_array().is_some_and(|calls| calls.iter().any(|call| !call.is_object())) {
            return Err(BundleError::Section("calls"));
        }
        Ok(Self { fields })
    }

    /// A section; null if it has none.
    pub(crate) fn section(&self, name: &str) -> &Value {
        &self.fields[name]
    }

    /// The entries of a section that is a list.
    pub(crate) fn list(&self, name: &str) -> &[Value] {
        self.fields[name].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// The file's text: the sections in their order, long lists with one entry a line.
    pub(crate) fn render(&self) -> String {
        let mut out = String::from("{\n");
        let first = ["bundle", "visavis", "unix_s", "contents"];
        let names: Vec<&str> = first.into_iter().chain(SECTIONS.iter().map(|(name, _)| *name)).collect();
        for (at, name) in names.iter().enumerate() {
            out.push_str(&format!("  \"{name}\": "));
            write_value(&mut out, &self.fields[*name], 2);
            out.push_str(if at + 1 < names.len() { ",\n" } else { "\n" });
        }
        out.push_str("}\n");
        out
    }
}

/// Writes a value on one line if it is short, else with one part a line.
fn write_value(out: &mut String, value: &Value, indent: usize) {
    let compact = value.to_string();
    // Deeper parts belong together: an entry of a journal is one line, however long.
    if compact.len() <= COLUMNS || indent > 6 {
        out.push_str(&compact);
        return;
    }
    let space = " ".repeat(indent + 2);
    let parts: Vec<(String, &Value)> = match value {
        Value::Array(list) => list.iter().map(|part| (String::new(), part)).collect(),
        Value::Object(map) => map.iter().map(|(key, part)| (format!("{}: ", json!(key)), part)).collect(),
        _ => return out.push_str(&compact),
    };
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    out.push(open);
    for (at, (key, part)) in parts.iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        out.push_str(&format!("{space}{key}"));
        write_value(out, part, indent + 2);
    }
    out.push_str(&format!("\n{}{close}", " ".repeat(indent)));
}

fn call_json(call: RecordedCall) -> Value {
    let mut value = call.header;
    value["entries"] = Value::Array(call.entries);
    if call.unreadable > 0 {
        value["unreadable_lines"] = json!(call.unreadable);
    }
    value
}

/// The system. Its texts are those of the distribution and of the session.
fn system(redactor: &Redactor) -> Value {
    let release = std::fs::read_to_string("/etc/os-release").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(redactor.text(line.trim_matches('"')))
    });
    let variable = |name| std::env::var(name).ok().map(|value| redactor.text(&value));
    json!({
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "release": release,
        "session": variable("XDG_SESSION_TYPE"),
        "desktop": variable("XDG_CURRENT_DESKTOP"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
    })
}

fn devices_json(lists: &DeviceLists, redactor: &Redactor) -> Value {
    let device = |entry: &DeviceEntry| {
        let label = if entry.synthetic { entry.label.clone() } else { redactor.device_label(&entry.label) };
        json!({
            "id": redactor.device_id(&entry.id),
            "label": label,
            "synthetic": entry.synthetic,
            "default": entry.default,
            "formats": entry.formats.iter().map(|format| redactor.text(format)).collect::<Vec<_>>(),
        })
    };
    let list = |entries: &[DeviceEntry]| entries.iter().map(device).collect::<Value>();
    json!({
        "cameras": list(&lists.cameras),
        "microphones": list(&lists.microphones),
        "speakers": list(&lists.speakers),
    })
}

/// The settings that may be shared. Devices in them have the pseudonyms of the list.
fn settings(paths: &Paths, redactor: &Redactor) -> Value {
    let table = match Settings::shareable(paths) {
        Ok(table) => table,
        Err(e) => return json!({ "cannot_be_read": redactor.text(&e.to_string()) }),
    };
    let mut value = serde_json::to_value(table).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut value {
        for (key, value) in fields.iter_mut() {
            let Value::String(text) = value else { continue };
            *text = match key.as_str() {
                "camera" | "microphone" | "speaker" => redactor.device_id(text),
                _ => redactor.text(text),
            };
        }
    }
    value
}

/// The receipts of the last exits. Lines that are not JSON are skipped.
fn exits(paths: &Paths, redactor: &Redactor) -> Value {
    let lines = match last_exits(paths) {
        Ok(lines) => lines,
        Err(e) => return json!([{ "cannot_be_read": redactor.text(&e.to_string()) }]),
    };
    let exit = |line: &String| {
        let exit: Value = serde_json::from_str(line).ok()?;
        let steps = exit["receipt"].as_array().map(Vec::as_slice).unwrap_or_default();
        let steps = steps.iter().map(|step| {
            json!({
                "step": redacted(&step["step"], redactor),
                "state": redacted(&step["state"], redactor),
                "ms": step["ms"].as_f64(),
                "detail": redacted(&step["detail"], redactor),
            })
        });
        Some(json!({
            "unix_ms": exit["unix_ms"].as_f64(),
            "user": exit["user"].as_str().map(|user| redactor.hide(Hidden::User, user)),
            "event": "ExitRoom",
            "reason": exit["reason"].as_u64(),
            "total_ms": exit["total_ms"].as_f64(),
            "receipt": steps.collect::<Vec<_>>(),
        }))
    };
    lines.iter().filter_map(exit).collect()
}

fn redacted(value: &Value, redactor: &Redactor) -> Option<String> {
    value.as_str().map(|text| redactor.text(text))
}

/// Reads a bundle from a file, after its size.
pub(crate) fn read_bundle(path: &Path) -> Result<Bundle, ReadError> {
    let facts = std::fs::metadata(path)?;
    if facts.is_dir() {
        return Err(ReadError::Folder);
    }
    if facts.len() > MAX_BYTES {
        return Err(ReadError::TooLarge);
    }
    let bytes = std::fs::read(path)?;
    let text = String::from_utf8(bytes).map_err(|_| ReadError::NotText)?;
    Ok(Bundle::parse(&text)?)
}

/// Why a bundle cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The system's error.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A folder.
    #[error("it is a folder. Name the file in it")]
    Folder,
    /// It is far larger than any bundle.
    #[error("it has more than {} MiB, so it is no bundle", MAX_BYTES >> 20)]
    TooLarge,
    /// Not UTF-8.
    #[error("it is no text. If it is packed, unpack it first")]
    NotText,
    /// No bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}
