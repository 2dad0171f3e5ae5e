//! The state of processes as the operating system reports it. Tests assert on this, not on what the program says.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Sends a signal by name.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(status.is_ok_and(|s| s.success()), "kill -s {name} {pid} failed");
}

/// The running children of `pid`, with their command lines.
pub(crate) fn children(pid: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // The process may have ended meanwhile.
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

/// The Internet sockets of `pid` in the kernel's form: protocol, local and remote address in hexadecimal.
pub(crate) fn sockets(pid: u32) -> Vec<String> {
    let held: Vec<String> = descriptors(pid)
        .iter()
        .filter_map(|d| Some(d.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut found = Vec::new();
    for protocol in ["tcp", "tcp6", "udp", "udp6"] {
        let table = fs::read_to_string(format!("/proc/{pid}/net/{protocol}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if let [_, local, remote, _, _, _, _, _, _, inode, ..] = fields[..]
                && held.iter().any(|h| h == inode)
            {
                found.push(format!("{protocol} {local} {remote}"));
            }
        }
    }
    found
}

/// The number of threads of `pid`.
pub(crate) fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, |tasks| tasks.count())
}

/// The resident memory of `pid` in kB (`VmRSS`).
pub(crate) fn resident_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kb| kb.parse().ok()).unwrap_or_default()
}

/// The capture processes of `pid`.
pub(crate) fn capture_processes(pid: u32) -> Vec<(u32, String)> {
    children(pid)
        .into_iter()
        .filter(|(_, line)| line.contains("capture-camera") || line.contains("capture-screen"))
        .collect()
}

/// Whether `pid` still runs.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, after)| !after.starts_with('Z'))
}

/// The targets of the file descriptors of `pid`.
pub(crate) fn descriptors(pid: u32) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    entries.flatten().filter_map(|fd| fs::read_link(fd.path()).ok()).collect()
}
