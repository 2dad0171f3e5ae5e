//! What forwarding costs. Not a check: run it by name with `--ignored --nocapture`, and compare only figures of one run.

use super::stage::{LONG, Stage, single};
use std::fs;
use std::time::{Duration, Instant};

/// CPU time of the worker's thread.
fn worker_cpu() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux").flatten();
    let workers = tasks.filter(|t| fs::read_to_string(t.path().join("comm")).is_ok_and(|c| c.starts_with("sfu-")));
    let nanos = workers.filter_map(|t| {
        let text = fs::read_to_string(t.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

#[test]
#[ignore = "a measurement"]
fn cpu_of_one_publisher_and_eight_subscribers() {
    for rids in [&[][..], &["q", "h", "f"][..]] {
        let mut s = Stage::new();
        s.publisher(single(1), rids);
        s.filming = true;
        let mids: Vec<_> = (2..10).map(|n| (single(n), s.subscriber(single(n)).0)).collect();
        for (id, mid) in &mids {
            assert!(s.until(LONG, |s| s.peer(*id).got.contains_key(mid)));
        }
        s.pass(Duration::from_secs(3));
        let (cpu, before, from) = (worker_cpu(), s.sfu.statistics(), Instant::now());
        s.pass(Duration::from_secs(10));
        let (cpu, after) = (worker_cpu() - cpu, s.sfu.statistics());
        let forwarded = after.forwarded - before.forwarded;
        println!(
            "{} layers: {forwarded} forwarded in {:.1} s, in {} out {} datagrams, {:.0} ms of CPU, {:.2} s for 100,000",
            rids.len().max(1),
            from.elapsed().as_secs_f64(),
            after.packets_in - before.packets_in,
            after.packets_out - before.packets_out,
            cpu.as_secs_f64() * 1e3,
            cpu.as_secs_f64() * 1e5 / forwarded as f64,
        );
    }
}
