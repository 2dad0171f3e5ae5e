//! What forwarding costs. Not a check: run it by name with `--ignored --nocapture`, and compare only figures of one run.

use super::stage::{LONG, Stage, single};
use std::fs;
use std::time::{Duration, Instant};

/// CPU time of the worker's thread, and how often it slept.
fn worker() -> (Duration, u64) {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux").flatten().map(|t| t.path());
    let mut workers = tasks.filter(|t| fs::read_to_string(t.join("comm")).is_ok_and(|c| c.starts_with("sfu-")));
    let worker = workers.next().expect("a worker");
    let read = |name: &str| fs::read_to_string(worker.join(name)).unwrap_or_default();
    let nanos = read("schedstat").split_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let status = read("status");
    let sleeps = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"));
    (Duration::from_nanos(nanos), sleeps.and_then(|s| s.trim().parse().ok()).unwrap_or(0))
}

#[test]
#[ignore = "a measurement"]
fn cpu_of_one_publisher_and_eight_subscribers() {
    for (rids, packets) in [(&[][..], 0), (&[], 5), (&[], 30), (&["q", "h", "f"], 5)] {
        let mut s = Stage::new();
        s.publisher(single(1), rids);
        s.peer(single(1)).picture_size(packets.max(1));
        s.filming = true;
        let mids: Vec<_> = (2..10).map(|n| (single(n), s.subscriber(single(n)).0)).collect();
        for (id, mid) in &mids {
            assert!(s.until(LONG, |s| s.peer(*id).got.contains_key(mid)));
        }
        s.filming = packets > 0;
        s.pass(Duration::from_secs(3));
        let ((cpu, sleeps), before, from) = (worker(), s.sfu.statistics(), Instant::now());
        s.pass(Duration::from_secs(10));
        let ((cpu_after, sleeps_after), after) = (worker(), s.sfu.statistics());
        let forwarded = after.forwarded - before.forwarded;
        let cpu = (cpu_after - cpu).as_secs_f64();
        println!(
            "{} layers, {packets} packets a picture: {forwarded} forwarded in {:.1} s, in {} out {} datagrams, {} sleeps, \
             {:.0} ms of CPU, {:.2} s for 100,000",
            rids.len().max(1),
            from.elapsed().as_secs_f64(),
            after.packets_in - before.packets_in,
            after.packets_out - before.packets_out,
            sleeps_after - sleeps,
            cpu * 1e3,
            cpu * 1e5 / forwarded as f64,
        );
    }
}
