//! What the operating system says of processes: the tests believe this, not our own flags.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Sends a signal by name.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(status.is_ok_and(|s| s.success()), "kill -s {name} {pid} failed");
}

/// The processes that `pid` started and that still run, with their command lines.
pub(crate) fn children(pid: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // What ends while we look is no child any more.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, after)) = stat.rsplit_once(") ") else { continue };
        let mut fields = after.split(' ');
        let (state, parent) = (fields.next(), fields.next());
        if parent == Some(&pid.to_string()) && state != Some("Z") {
            let line = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            found.push((child, line.replace('\0', " ").trim().to_owned()));
        }
    }
    found
}

/// What the file descriptors of `pid` point at.
pub(crate) fn descriptors(pid: u32) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries.flatten().filter_map(|fd| fs::read_link(fd.path()).ok()).collect()
}
