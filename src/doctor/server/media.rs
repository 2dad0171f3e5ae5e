//! The ways of media: UDP, TCP, and a relay, each tried alone by a participant of its own.

use super::ServerPlan;
use super::entry::Entry;
use super::probe::Probe;
use crate::base::{CandidatePair, CheckName, Finding, Transport};
use crate::doctor::Checkup;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How long a way may take to come up. With a third of the packets lost, ICE and DTLS need some seconds.
const LIMIT: Duration = Duration::from_secs(15);
/// How much longer the others may take when one is up: on a good link all come up within a second.
const GRACE: Duration = Duration::from_secs(5);

/// How one way came out.
#[derive(Debug)]
enum Way {
    /// Media can flow.
    Up { ms: u64, pair: Option<CandidatePair> },
    /// No connection came up; the ports at which the server offers media this way.
    Blocked { ports: Vec<u16> },
    /// The participant did not come in, for this reason.
    NotIn(String),
}

/// Tries the ways of media. Returns the first one that works, for the measurement.
pub(super) async fn check(checkup: &Checkup, plan: &ServerPlan, entry: &Entry) -> Option<Transport> {
    let first_up = watch::Sender::new(false);
    let attempt = |transport| attempt(checkup, plan, entry, transport, &first_up);
    checkup.begin(CheckName::MediaUdp);
    let relay = async {
        match entry.has_relay {
            true => Some(attempt(Transport::Relay).await),
            false => None,
        }
    };
    let (udp, tcp, relay) = if plan.lets_many_in() {
        tokio::join!(attempt(Transport::Udp), attempt(Transport::Tcp), relay)
    } else {
        // A second participant of the same identity would push the first one out.
        (attempt(Transport::Udp).await, attempt(Transport::Tcp).await, relay.await)
    };
    if checkup.stop.is_cancelled() {
        return None;
    }
    let works = |way: &Way| matches!(way, Way::Up { .. });
    let direct = works(&udp) || works(&tcp);
    let best = [
        (works(&udp), Transport::Udp),
        (works(&tcp), Transport::Tcp),
        (relay.as_ref().is_some_and(works), Transport::Relay),
    ];
    checkup.tell(of_udp(&udp));
    checkup.tell(of_tcp(&tcp, works(&udp)));
    checkup.tell(of_relay(relay.as_ref(), direct));
    best.into_iter().find(|(works, _)| *works).map(|(_, transport)| transport)
}

async fn attempt(
    checkup: &Checkup,
    plan: &ServerPlan,
    entry: &Entry,
    transport: Transport,
    first_up: &watch::Sender<bool>,
) -> Way {
    let stopped = || Way::NotIn("The check was stopped.".into());
    let entering = async {
        let (server, token) = plan.credentials(&entry.room).token().await.map_err(|error| error.message)?;
        Probe::enter(&server, &token, transport).await.map_err(|error| error.to_string())
    };
    let entered = tokio::select! {
        entered = entering => entered,
        () = checkup.stop.cancelled() => return stopped(),
    };
    let mut probe = match entered {
        Ok(probe) => probe,
        Err(message) => return Way::NotIn(message),
    };
    let begun = Instant::now();
    let connected = tokio::select! {
        connected = probe.connect(begun + LIMIT) => connected,
        () = graced(first_up) => false,
        () = checkup.stop.cancelled() => false,
    };
    let way = if connected {
        first_up.send_replace(true);
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Way::Up { ms, pair: probe.statistics().await.candidate_pairs.pop() }
    } else {
        let ports = if transport == Transport::Tcp { probe.ports.tcp() } else { probe.ports.udp() };
        Way::Blocked { ports }
    };
    probe.leave().await;
    way
}

/// Ends [`GRACE`] after another way has come up.
async fn graced(first_up: &watch::Sender<bool>) {
    let is_up = first_up.subscribe().wait_for(|is_up| *is_up).await.is_ok();
    if is_up {
        sleep(GRACE).await;
    } else {
        std::future::pending().await
    }
}

fn of_udp(way: &Way) -> Finding {
    const CHECK: CheckName = CheckName::MediaUdp;
    match way {
        Way::Up { ms, pair } => up(CHECK, "UDP", *ms, pair.as_ref()),
        Way::Blocked { ports } => {
            let found = format!("No media gets through by UDP{}.", at(ports));
            let advice = format!(
                "A firewall or the network blocks it: allow UDP{} to the server. Until then calls go by TCP or a relay, \
                 with more delay.",
                at(ports)
            );
            Finding::failed(CHECK, found, advice).fact("ports", ports.clone())
        }
        Way::NotIn(message) => not_in(CHECK, message),
    }
}

fn of_tcp(way: &Way, udp_works: bool) -> Finding {
    const CHECK: CheckName = CheckName::MediaTcp;
    match way {
        Way::Up { ms, pair } => up(CHECK, "TCP", *ms, pair.as_ref()),
        Way::Blocked { ports } => {
            let found = match ports.is_empty() {
                true => "The server offers no media by TCP.".to_owned(),
                false => format!("No media gets through by TCP{}.", at(ports)),
            };
            let advice = format!(
                "It is needed only where UDP is blocked: then allow TCP{} to the server, or give it a relay.",
                at(ports)
            );
            let finding = match udp_works {
                true => Finding::warning(CHECK, found, advice),
                false => Finding::failed(CHECK, found, advice),
            };
            finding.fact("ports", ports.clone())
        }
        Way::NotIn(message) => not_in(CHECK, message),
    }
}

fn of_relay(way: Option<&Way>, direct: bool) -> Finding {
    const CHECK: CheckName = CheckName::MediaRelay;
    match way {
        None => Finding::skipped(CHECK, "The server names no relay (TURN)."),
        Some(Way::Up { ms, pair }) => up(CHECK, "the relay", *ms, pair.as_ref()),
        Some(Way::Blocked { .. }) => {
            let found = "No media gets through the relay (TURN).";
            let advice =
                "Ask the person who runs the server to check the relay: its address, its ports, its credentials.";
            if direct { Finding::warning(CHECK, found, advice) } else { Finding::failed(CHECK, found, advice) }
        }
        Some(Way::NotIn(message)) => not_in(CHECK, message),
    }
}

fn up(check: CheckName, way: &str, ms: u64, pair: Option<&CandidatePair>) -> Finding {
    let pair = pair.map(|pair| serde_json::to_value(pair).unwrap_or_default());
    Finding::ok(check, format!("Media gets through by {way}, after {ms} ms.")).fact("ms", ms).fact("pair", pair)
}

fn not_in(check: CheckName, message: &str) -> Finding {
    Finding::failed(check, message, "Run the check again.")
}

fn at(ports: &[u16]) -> String {
    match ports {
        [] => String::new(),
        [port] => format!(" port {port}"),
        ports => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            format!(" ports {}", ports.join(", "))
        }
    }
}

/// Why nothing was measured.
pub(super) const NO_MEDIA: &str = "No media gets through.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Verdict;

    #[test]
    fn blocked_udp_is_named_with_its_port() {
        let finding = of_udp(&Way::Blocked { ports: vec![7882] });
        assert_eq!((finding.verdict, &*finding.found), (Verdict::Failed, "No media gets through by UDP port 7882."));
        assert!(finding.advice.is_some_and(|advice| advice.contains("allow UDP port 7882 to the server")));
    }

    #[test]
    fn tcp_fails_only_where_udp_does_too() {
        let blocked = Way::Blocked { ports: Vec::new() };
        assert_eq!(of_tcp(&blocked, true).verdict, Verdict::Warning);
        assert_eq!(of_tcp(&blocked, false).verdict, Verdict::Failed);
        assert_eq!(of_relay(None, true).verdict, Verdict::Skipped);
        assert_eq!(of_relay(Some(&blocked), true).verdict, Verdict::Warning);
    }
}
