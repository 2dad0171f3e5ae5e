//! The measurements. Times are differences between events of processes that share this computer's clock.

use super::table::Measurement;
use super::worker::BenchProcess;
use crate::devices::CameraFormat;
use anyhow::Context;
use serde_json::Value;
use std::time::{Duration, Instant};

/// A small video, so that the measured times are those of the network path, not of the encoder.
const SMALL_CAMERA: &str = "test-picture:320x180@30";
/// How long a call may settle its bit rates before it is observed.
const SETTLING_TIME: Duration = Duration::from_secs(5);

/// A guest enters a room with one other participant, and leaves again.
pub(super) fn enter_and_leave(rounds: u32) -> anyhow::Result<Vec<Measurement>> {
    let (_server, url) = BenchProcess::server()?;
    let host = bot(&url, "host", SMALL_CAMERA, &[])?;
    host.event("EnterRoom", |_| true)?;
    let (mut enter, mut first_frame, mut others_told, mut exit) = (vec![], vec![], vec![], vec![]);
    for round in 0..rounds {
        let name = format!("guest{round}");
        let guest = bot(&url, &name, SMALL_CAMERA, &["--leave-after", "700ms"])?;
        let (entered, seen) = joined(&guest)?;
        enter.push(entered);
        first_frame.push(seen);
        let leaves = unix_ms(&guest.event("ExitRequested", |_| true)?)?;
        exit.push(number(&guest.event("ExitRoom", |_| true)?, "total_ms")?);
        let user = format!("{name}-1");
        others_told.push(unix_ms(&host.event("RemoteUserLeaveRoom", |e| e["remote_user"] == user.as_str())?)? - leaves);
    }
    Ok(vec![
        Measurement::new("Join → in the room, media connected", "ms", enter),
        Measurement::new("Join → first remote picture decoded", "ms", first_frame),
        Measurement::new("Leave → the others know", "ms", others_told),
        Measurement::new("Leave → ExitRoom: all released and confirmed", "ms", exit),
    ])
}

/// Two participants exchange audio and video and verify what arrives.
pub(super) fn call(format: CameraFormat, time: Duration) -> anyhow::Result<Vec<Measurement>> {
    let (server, url) = BenchProcess::server()?;
    let picture = format!("test-picture:{format}");
    let ann = bot(&url, "ann", &picture, &["--verify"])?;
    let ben = bot(&url, "ben", &picture, &["--verify"])?;
    let both = [&ann, &ben];
    for bot in both {
        bot.event("FirstVideoFrame", |_| true)?;
    }
    let observed = observe(&both, &server, time)?;
    let users = || observed.verified.iter().filter_map(|e| e["users"].as_array()).flatten();
    let of = |key: &str| users().filter_map(|u| u["picture"][key].as_f64()).collect();
    let apart = observed.remote().filter_map(|r| r["ahead_ms"].as_f64()).map(f64::abs).collect();
    Ok(vec![
        Measurement::new(format!("Picture {format}: drawn → decoded, median of 2 s"), "ms", of("delay_ms_p50")),
        Measurement::new(format!("Picture {format}: drawn → decoded, 95 % of 2 s"), "ms", of("delay_ms_p95")),
        Measurement::new("Picture and sound of one person apart, by the sender's clock", "ms", apart),
        Measurement::new(
            format!("CPU of a participant without a window, {format} both ways"),
            "% of a core",
            observed.cpu,
        ),
        Measurement::new("CPU of the server in this call of two", "% of a core", observed.server_cpu),
        Measurement::new("Memory of a participant without a window", "MiB", observed.memory),
        Measurement::new("Memory of the server", "MiB", observed.server_memory),
    ])
}

/// The window: time to the lobby, time to the first remote video frame, and its cost in a call.
#[cfg(feature = "window")]
pub(super) fn window(format: CameraFormat, time: Duration, rounds: u32) -> anyhow::Result<Vec<Measurement>> {
    let (server, url) = BenchProcess::server()?;
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
        shown.push(joined(&BenchProcess::start("window", &arguments)?)?.1);
    }
    let window = BenchProcess::start("window", &arguments)?;
    shown.push(joined(&window)?.1);
    let observed = observe(&[&window], &server, time)?;
    let fps = observed.remote().filter(|r| r["kind"] == "video").filter_map(|r| r["fps"].as_f64()).collect();
    let users = || observed.verified.iter().filter_map(|e| e["users"].as_array()).flatten();
    let of = |key: &str| users().filter_map(|u| u["picture"][key].as_f64()).collect();
    Ok(vec![
        Measurement::new("Start of the program → lobby painted", "ms", usable),
        Measurement::new("Start of an empty window of eframe → painted", "ms", empty),
        Measurement::new("The former in terms of the latter", "times", times),
        Measurement::new("Join in the window → first remote picture painted", "ms", shown),
        Measurement::new(
            format!("Picture {format}: drawn → painted in the window, median so far"),
            "ms",
            of("delay_ms_p50"),
        ),
        Measurement::new(
            format!("Picture {format}: drawn → painted in the window, 95 % so far"),
            "ms",
            of("delay_ms_p95"),
        ),
        Measurement::new(format!("CPU of the window in a 1:1 call, {format}"), "% of a core", observed.cpu),
        Measurement::new("Pictures decoded for it", "a second", fps),
        Measurement::new("Memory of the window in this call", "MiB", observed.memory),
    ])
}

/// From the start of a window to its first painted screen, in ms.
#[cfg(feature = "window")]
fn painted(name: &str, arguments: &[&str], screen: &str) -> anyhow::Result<f64> {
    let started = crate::clock::unix_ms();
    let window = BenchProcess::start(name, arguments)?;
    Ok(unix_ms(&window.event("ScreenShown", |e| e["screen"] == screen)?)? - started)
}

/// From Join to EnterRoom, and to the first remote video frame, in ms.
fn joined(who: &BenchProcess) -> anyhow::Result<(f64, f64)> {
    let entered = who.event("EnterRoom", |_| true)?;
    let result_ms = number(&entered, "result_ms")?;
    let picture = who.event("FirstVideoFrame", |_| true)?;
    Ok((result_ms, unix_ms(&picture)? - unix_ms(&entered)? + result_ms))
}

/// Observations of some participants and their server.
pub(super) struct Observed {
    cpu: Vec<f64>,
    memory: Vec<f64>,
    pub(super) server_cpu: Vec<f64>,
    server_memory: Vec<f64>,
    pub(super) verified: Vec<Value>,
    statistics: Vec<Value>,
}

impl Observed {
    /// The figures of each remote track in the Statistics events.
    fn remote(&self) -> impl Iterator<Item = &Value> {
        self.statistics.iter().filter_map(|e| e["remote"].as_array()).flatten()
    }
}

/// Observes for `time`, after the call has settled.
pub(super) fn observe(
    participants: &[&BenchProcess],
    server: &BenchProcess,
    time: Duration,
) -> anyhow::Result<Observed> {
    std::thread::sleep(SETTLING_TIME);
    for participant in participants {
        participant.waiting();
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
    Ok(Observed {
        cpu,
        memory: participants.iter().filter_map(|p| p.memory_mib()).collect(),
        server_cpu: percent(server_before, server.cpu()).into_iter().collect(),
        server_memory: server.memory_mib().into_iter().collect(),
        verified,
        statistics,
    })
}

pub(super) fn bot(url: &str, name: &str, picture: &str, more: &[&str]) -> anyhow::Result<BenchProcess> {
    let common = ["bot", "--server", url, "--room", "bench", "--name-prefix", name, "--camera", picture];
    BenchProcess::start(name, &[common.as_slice(), &["--events", "-"], more].concat())
}

fn unix_ms(event: &Value) -> anyhow::Result<f64> {
    number(event, "unix_ms")
}

fn number(event: &Value, key: &str) -> anyhow::Result<f64> {
    event[key].as_f64().with_context(|| format!("An event without {key}: {event}"))
}
