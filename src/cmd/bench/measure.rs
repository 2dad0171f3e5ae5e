//! What is measured. Times are differences between the event lines of two processes, which share this computer's clock.

use super::table::Figure;
use super::worker::Worker;
use crate::devices::CameraFormat;
use anyhow::Context;
use serde_json::Value;
use std::time::{Duration, Instant};

/// What comes and goes is a small picture: the measured times are those of the way, not of the encoder.
const SMALL: &str = "test-picture:320x180@30";
/// Before a call is watched, its rates have settled.
const SETTLED: Duration = Duration::from_secs(5);

/// Somebody enters a room where one other is, and leaves again.
pub(super) fn comings_and_goings(rounds: u32) -> anyhow::Result<Vec<Figure>> {
    let (_server, url) = Worker::server()?;
    let host = bot(&url, "host", SMALL, &[])?;
    host.event("EnterRoom", |_| true)?;
    let (mut enter, mut picture, mut told, mut out) = (vec![], vec![], vec![], vec![]);
    for round in 0..rounds {
        let name = format!("guest{round}");
        let guest = bot(&url, &name, SMALL, &["--leave-after", "700ms"])?;
        let (entered, seen) = joined(&guest)?;
        enter.push(entered);
        picture.push(seen);
        let leaves = unix_ms(&guest.event("ExitRequested", |_| true)?)?;
        out.push(number(&guest.event("ExitRoom", |_| true)?, "total_ms")?);
        let user = format!("{name}-1");
        told.push(unix_ms(&host.event("RemoteUserLeaveRoom", |e| e["remote_user"] == user.as_str())?)? - leaves);
    }
    Ok(vec![
        Figure::new("Join → in the room, media connected", "ms", enter),
        Figure::new("Join → first remote picture decoded", "ms", picture),
        Figure::new("Leave → the others know", "ms", told),
        Figure::new("Leave → ExitRoom: all released and confirmed", "ms", out),
    ])
}

/// Two participants send each other pictures and sound, and read what arrives.
pub(super) fn call(format: CameraFormat, time: Duration) -> anyhow::Result<Vec<Figure>> {
    let (server, url) = Worker::server()?;
    let picture = format!("test-picture:{format}");
    let ann = bot(&url, "ann", &picture, &["--verify"])?;
    let ben = bot(&url, "ben", &picture, &["--verify"])?;
    let both = [&ann, &ben];
    for one in both {
        one.event("FirstVideoFrame", |_| true)?;
    }
    let watched = watch(&both, &server, time)?;
    let users = || watched.verified.iter().filter_map(|e| e["users"].as_array()).flatten();
    let of = |key: &str| users().filter_map(|u| u["picture"][key].as_f64()).collect();
    let apart = watched.remote().filter_map(|r| r["ahead_ms"].as_f64()).map(f64::abs).collect();
    Ok(vec![
        Figure::new(format!("Picture {format}: drawn → decoded, median of 2 s"), "ms", of("delay_ms_p50")),
        Figure::new(format!("Picture {format}: drawn → decoded, 95 % of 2 s"), "ms", of("delay_ms_p95")),
        Figure::new("Picture and sound of one person apart, by the sender's clock", "ms", apart),
        Figure::new(format!("CPU of a participant without a window, {format} both ways"), "% of a core", watched.cpu),
        Figure::new("CPU of the server in this call of two", "% of a core", watched.server_cpu),
        Figure::new("Memory of a participant without a window", "MiB", watched.memory),
        Figure::new("Memory of the server", "MiB", watched.server_memory),
    ])
}

/// The window: until it can be used, until it shows the other, and what it needs in a call.
#[cfg(feature = "window")]
pub(super) fn window(format: CameraFormat, time: Duration, rounds: u32) -> anyhow::Result<Vec<Figure>> {
    let (server, url) = Worker::server()?;
    let picture = format!("test-picture:{format}");
    let (mut usable, mut empty, mut times, mut shown) = (vec![], vec![], vec![], vec![]);
    for _ in 0..rounds {
        let least = painted("empty window", &["bench", "empty-window"], super::empty::SCREEN)?;
        let lobby = painted("window", &["--events", "-", "--camera", "none", "--microphone", "none"], "lobby")?;
        empty.push(least);
        usable.push(lobby);
        times.push(lobby / least);
    }
    let guest = bot(&url, "guest", &picture, &[])?;
    guest.event("EnterRoom", |_| true)?;
    let there = ["--server", &url, "--room", "bench", "--name", "Mina", "--join", "--verify", "--events", "-"];
    let synthetic = ["--camera", &picture, "--microphone", "test-tone", "--speaker", "none"];
    let arguments = [there.as_slice(), synthetic.as_slice()].concat();
    for _ in 1..rounds {
        shown.push(joined(&Worker::start("window", &arguments)?)?.1);
    }
    let window = Worker::start("window", &arguments)?;
    shown.push(joined(&window)?.1);
    let watched = watch(&[&window], &server, time)?;
    let fps = watched.remote().filter(|r| r["kind"] == "video").filter_map(|r| r["fps"].as_f64()).collect();
    let users = || watched.verified.iter().filter_map(|e| e["users"].as_array()).flatten();
    let of = |key: &str| users().filter_map(|u| u["picture"][key].as_f64()).collect();
    Ok(vec![
        Figure::new("Start of the program → lobby painted", "ms", usable),
        Figure::new("Start of an empty window of eframe → painted", "ms", empty),
        Figure::new("The former in terms of the latter", "times", times),
        Figure::new("Join in the window → first remote picture painted", "ms", shown),
        Figure::new(
            format!("Picture {format}: drawn → painted in the window, median so far"),
            "ms",
            of("delay_ms_p50"),
        ),
        Figure::new(format!("Picture {format}: drawn → painted in the window, 95 % so far"), "ms", of("delay_ms_p95")),
        Figure::new(format!("CPU of the window in a 1:1 call, {format}"), "% of a core", watched.cpu),
        Figure::new("Pictures decoded for it", "a second", fps),
        Figure::new("Memory of the window in this call", "MiB", watched.memory),
    ])
}

/// From the start of a window to its first screen, in ms.
#[cfg(feature = "window")]
fn painted(name: &str, arguments: &[&str], screen: &str) -> anyhow::Result<f64> {
    let started = crate::clock::unix_ms();
    let window = Worker::start(name, arguments)?;
    Ok(unix_ms(&window.event("ScreenShown", |e| e["screen"] == screen)?)? - started)
}

/// From Join to EnterRoom, and to the first picture of somebody else, in ms.
fn joined(who: &Worker) -> anyhow::Result<(f64, f64)> {
    let entered = who.event("EnterRoom", |_| true)?;
    let result_ms = number(&entered, "result_ms")?;
    let picture = who.event("FirstVideoFrame", |_| true)?;
    Ok((result_ms, unix_ms(&picture)? - unix_ms(&entered)? + result_ms))
}

/// What was seen of some participants and their server.
pub(super) struct Watched {
    cpu: Vec<f64>,
    memory: Vec<f64>,
    pub(super) server_cpu: Vec<f64>,
    server_memory: Vec<f64>,
    pub(super) verified: Vec<Value>,
    statistics: Vec<Value>,
}

impl Watched {
    /// What `Statistics` said of each remote track.
    fn remote(&self) -> impl Iterator<Item = &Value> {
        self.statistics.iter().filter_map(|e| e["remote"].as_array()).flatten()
    }
}

/// Watches for `time`, after things have settled.
pub(super) fn watch(participants: &[&Worker], server: &Worker, time: Duration) -> anyhow::Result<Watched> {
    std::thread::sleep(SETTLED);
    for one in participants {
        one.waiting();
    }
    let (began, before) = (Instant::now(), participants.iter().map(|p| p.cpu()).collect::<Vec<_>>());
    let server_before = server.cpu();
    std::thread::sleep(time);
    let seconds = began.elapsed().as_secs_f64();
    let percent =
        |before: Option<Duration>, after: Option<Duration>| Some((after? - before?).as_secs_f64() * 100.0 / seconds);
    let used = participants.iter().zip(before).filter_map(|(p, before)| percent(before, p.cpu()));
    let (mut verified, mut statistics) = (vec![], vec![]);
    let cpu = used.collect();
    for event in participants.iter().flat_map(|p| p.waiting()) {
        match event["event"].as_str() {
            Some("Verified") => verified.push(event),
            Some("Statistics") => statistics.push(event),
            _ => {}
        }
    }
    Ok(Watched {
        cpu,
        memory: participants.iter().filter_map(|p| p.memory_mib()).collect(),
        server_cpu: percent(server_before, server.cpu()).into_iter().collect(),
        server_memory: server.memory_mib().into_iter().collect(),
        verified,
        statistics,
    })
}

pub(super) fn bot(url: &str, name: &str, picture: &str, more: &[&str]) -> anyhow::Result<Worker> {
    let common = ["bot", "--server", url, "--room", "bench", "--name-prefix", name, "--camera", picture];
    Worker::start(name, &[common.as_slice(), &["--events", "-"], more].concat())
}

fn unix_ms(event: &Value) -> anyhow::Result<f64> {
    number(event, "unix_ms")
}

fn number(event: &Value, key: &str) -> anyhow::Result<f64> {
    event[key].as_f64().with_context(|| format!("An event without {key}: {event}"))
}
