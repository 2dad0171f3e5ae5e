//! Holds the folders of `src/` to the floor plan: which folder may import which, which crates belong to which folder,
//! that the pure floors use no clock, socket, thread or file, and how long a file may be. A breach names file and path.

mod map;
mod paths;
mod plan;

use paths::NamedPath;
use plan::{CRATES, CRATES_OUTSIDE_TESTS, FLOORS, IMPURE, PURE, SPAWNERS};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_file_keeps_to_the_floor_plan() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&src);
    assert!(files.len() > FLOORS.len(), "only {} files were found under {}", files.len(), src.display());
    let mut breaches = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).expect("a source file");
        let place = file.strip_prefix(&src).expect("a file under src").to_string_lossy().replace('\\', "/");
        breaches.extend(check(&place, &source));
    }
    assert!(breaches.is_empty(), "The floor plan does not hold:\n{}", breaches.join("\n"));
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry of a folder").path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// Maximum number of lines of a file. A longer one holds more than one idea.
const LONGEST_FILE: usize = 500;

#[test]
fn no_file_is_longer_than_the_house_allows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["src", "tests", "fuzz/targets"].map(|folder| rust_files(&root.join(folder))).concat();
    let lines = |file: &PathBuf| fs::read_to_string(file).expect("a source file").lines().count();
    let long: Vec<String> = files
        .iter()
        .map(|file| (lines(file), file))
        .filter(|(lines, _)| *lines > LONGEST_FILE)
        .map(|(lines, file)| format!("{} has {lines} lines", file.display()))
        .collect();
    assert!(files.len() > 300, "only {} files were found", files.len());
    assert!(long.is_empty(), "Over {LONGEST_FILE} lines: {long:#?}");
}

/// What egui offers to set text with, which does not know of texts from right to left.
const TEXT_OF_EGUI: &[&str] = &[
    ".layout_no_wrap(",
    ".layout_job(",
    ".layout(text",
    "LayoutJob",
    "RichText",
    ".on_hover_text(",
    "ui.label(",
    ".painter().text(",
    ".heading(",
    ".monospace(",
    "WidgetText",
];

#[test]
fn one_file_of_the_window_sets_all_texts() {
    let ui = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui");
    let setters = |file: &Path| {
        let source = fs::read_to_string(file).expect("a source file");
        TEXT_OF_EGUI.iter().filter(|name| source.contains(**name)).copied().collect::<Vec<_>>()
    };
    let home = ui.join("text.rs");
    assert!(setters(&home).contains(&"LayoutJob"), "the check can fail");
    let apart = |file: &Path| *file != home && !["text", "tests"].iter().any(|part| file.starts_with(ui.join(part)));
    let others = rust_files(&ui).into_iter().filter(|file| apart(file));
    let breaches: Vec<_> = others.map(|file| (setters(&file), file)).filter(|(names, _)| !names.is_empty()).collect();
    assert!(breaches.is_empty(), "Only ui/text.rs and its parts set text, in the order of its script: {breaches:#?}");
}

/// The errors of the file at `place` (relative to `src/`, with forward slashes).
fn check(place: &str, source: &str) -> Vec<String> {
    let named = match paths::named_in(place, source) {
        Ok(named) => named,
        Err(e) => return vec![format!("{place}: {e}")],
    };
    // lib.rs names every folder, main.rs the command line: they stand above the floors.
    if matches!(place, "lib.rs" | "main.rs") {
        return Vec::new();
    }
    let folder = place.split_once('/').map_or(place.trim_end_matches(".rs"), |(folder, _)| folder);
    let Some(level) = plan::level(folder) else {
        return vec![format!("{place}: the folder {folder}/ has no floor yet; give it one in tests/layering/plan.rs")];
    };
    let breach = |p: &NamedPath| {
        let why = why_not(place, folder, level, p)?;
        Some(format!("{place} names {}: {why}", p.segments.join("::")))
    };
    named.iter().filter_map(breach).collect()
}

fn why_not(place: &str, folder: &str, level: u8, p: &NamedPath) -> Option<String> {
    let first = p.segments.first()?.as_str();
    if first == "crate" {
        return wrong_floor(folder, level, p.segments.get(1)?);
    }
    let text = p.segments.join("::");
    let free_in_tests = CRATES_OUTSIDE_TESTS.iter().filter(|_| !p.in_tests);
    if let Some((name, homes)) = CRATES.iter().chain(free_in_tests).find(|(name, _)| *name == first)
        && !homes.iter().any(|home| place.starts_with(home))
    {
        return Some(format!("{name} belongs to {}", homes.join(" and ")));
    }
    if p.in_tests {
        return None;
    }
    let starts_with = |prefix: &&&str| text == **prefix || text.starts_with(&format!("{prefix}::"));
    if PURE.contains(&folder)
        && let Some(what) = IMPURE.iter().find(starts_with)
    {
        return Some(format!("{folder}/ is pure: no {what}"));
    }
    if text.ends_with("thread::spawn") {
        return Some("threads have names: use std::thread::Builder".to_owned());
    }
    if (text == "tokio::spawn" || text == "tokio::task::spawn") && !SPAWNERS.contains(&folder) {
        return Some(format!("{folder}/ starts no tasks; only {} do", SPAWNERS.join(", ")));
    }
    None
}

fn wrong_floor(folder: &str, level: u8, other: &str) -> Option<String> {
    if other == folder {
        return None;
    }
    match plan::level(other) {
        None => Some(format!("crate::{other} is no folder of the plan")),
        Some(theirs) if theirs < level => None,
        Some(theirs) if theirs == level => {
            Some(format!("{folder}/ imports its sibling {other}/ (both on floor {level})"))
        }
        Some(theirs) => Some(format!("{folder}/ (floor {level}) imports {other}/ from above (floor {theirs})")),
    }
}

/// The check itself must be able to fail: each case is a breach, and its mended form is none.
mod the_check_can_fail {
    use super::check;

    #[track_caller]
    fn refused(place: &str, source: &str, because: &str) {
        let breaches = check(place, source);
        assert_eq!(breaches.len(), 1, "{place} `{source}`: {breaches:?}");
        assert!(breaches[0].contains(because), "{breaches:?} does not say {because:?}");
    }

    #[track_caller]
    fn fine(place: &str, source: &str) {
        assert_eq!(check(place, source), Vec::<String>::new(), "{place} `{source}`");
    }

    #[test]
    fn imports_from_above_and_beside() {
        refused("session/leaving.rs", "use crate::call::Command;", "from above");
        refused("session/leaving.rs", "use crate::hub::Hub;", "sibling hub/");
        refused("base/id.rs", "use crate::{base::Moment, proto};", "proto/ from above");
        refused("session/mod.rs", "fn f() { let x = crate::server::run(); }", "session/ (floor 2)");
        refused("session/mod.rs", "fn f() { println!(\"{}\", crate::server::run()); }", "names crate::server::run");
        fine("session/leaving.rs", "use crate::base::{Moment, Timers}; use crate::session::Step;");
        refused("session/mod.rs", "use crate::clock::unix_s;", "sibling clock/");
        refused("clock.rs", "use crate::session::Session;", "sibling session/");
        fine("call/mod.rs", "pub use crate::session::Session; // crate::ui::App");
        fine("call/mod.rs", "/// See [`crate::ui`].\npub const TEXT: &str = \"crate::ui::App\";");
    }

    #[test]
    fn climbing_out_of_a_folder_by_super() {
        refused("session/leaving.rs", "use super::super::hub::Hub;", "sibling hub/");
        refused("session/mod.rs", "mod tests { use super::super::hub::Hub; }", "sibling hub/");
        refused("session/mod.rs", "use super::call::Call;", "from above");
        fine("session/leaving.rs", "use super::Step; mod tests { use super::*; use super::super::Step; }");
    }

    #[test]
    fn folders_without_a_floor() {
        refused("attic/mod.rs", "pub struct Box;", "no floor yet");
        refused("cmd/mod.rs", "use crate::attic::Box;", "no folder of the plan");
    }

    #[test]
    fn clocks_threads_and_sockets_on_pure_floors() {
        for what in [
            "std::time::Instant",
            "std::time::SystemTime",
            "std::thread",
            "std::net::UdpSocket",
            "std::fs",
            "tokio::sync::mpsc",
        ] {
            refused("hub/mod.rs", &format!("use {what};"), "is pure");
        }
        refused("session/mod.rs", "fn f() { let now = Instant::now(); }", "no Instant");
        refused("codec/opus.rs", "use std::{sync::Arc, thread};", "no std::thread");
        fine("hub/mod.rs", "use std::time::Duration;");
        fine("hub/mod.rs", "#[cfg(test)] mod tests { use std::time::Instant; }");
        fine("server/mod.rs", "use std::time::Instant; use tokio::net::TcpListener;");
    }

    #[test]
    fn crates_outside_their_home() {
        refused("call/mod.rs", "use webrtc::peer_connection::PeerConnection;", "rtc/");
        refused("server/mod.rs", "use str0m::Rtc;", "sfu/");
        refused("call/view.rs", "fn f(c: &egui::Context) {}", "ui/");
        refused("hub/mod.rs", "use anyhow::Result;", "cmd/");
        refused("ui/lobby.rs", "#[cfg(test)] mod tests { use str0m::Rtc; }", "sfu/");
        refused("server/http.rs", "use reqwest::Client;", "livekit_tests/");
        fine("server/http.rs", "#[cfg(test)] mod tests { use reqwest::Client; }");
        fine("ui/lobby.rs", "use egui::Ui;");
        fine("cmd/window.rs", "fn f() { eframe::run_native(); }");
        fine("call/mod.rs", "use crate::rtc::Connection; use crate::rtc; fn f() { rtc::open(); }");
    }

    #[test]
    fn tasks_and_threads_out_of_place() {
        refused("ui/mod.rs", "fn f() { tokio::spawn(async {}); }", "starts no tasks");
        refused("server/mod.rs", "fn f() { std::thread::spawn(|| ()); }", "have names");
        fine("server/mod.rs", "fn f() { tokio::spawn(async {}); std::thread::Builder::new(); }");
    }

    #[test]
    fn a_file_that_is_no_rust() {
        refused("hub/mod.rs", "fn f( {", "cannot be read");
    }
}
