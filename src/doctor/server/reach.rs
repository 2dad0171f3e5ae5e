//! The steps before LiveKit's protocol: name, TCP, TLS, and the difference of the clocks.

use super::Skip;
use crate::base::{CheckName, Finding, Verdict};
use crate::doctor::Checkup;
use crate::http::{ServerError, Stages, shown};
use crate::signal::{CLOCKS_AGREE_S, ahead_of_server, duration_in_words};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use url::Url;

/// How long each step may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Checks the way to the server up to TLS, and its clock.
pub(super) async fn check(checkup: &Checkup, url: &Url, server: &str) -> Result<(), Skip> {
    const STEPS: [CheckName; 4] = [CheckName::Name, CheckName::Tcp, CheckName::Tls, CheckName::Clock];
    let server = shown(server);
    let stages = match Stages::to(url) {
        Ok(stages) => stages,
        // Only a proxy's setting can be at fault before anything was opened.
        Err(error) => {
            let finding = of_error(CheckName::Name, &error);
            checkup.one(CheckName::Name, async { Some(finding) }).await;
            let why = "The proxy's setting is not usable.";
            checkup.skip(STEPS[1..].iter().copied(), why);
            return Err(Skip(why));
        }
    };
    let addresses = checkup.step(CheckName::Name, name(&stages, &server)).await;
    if addresses.is_none() {
        let why = "The server's name has no address.";
        checkup.skip(STEPS[1..].iter().copied(), why);
        return Err(Skip(why));
    }
    let opened = checkup.step(CheckName::Tcp, tcp(&stages, &server)).await;
    let Some(connection) = opened else {
        let why = "There is no TCP connection to the server.";
        checkup.skip(STEPS[2..].iter().copied(), why);
        return Err(Skip(why));
    };
    let secured = checkup.step(CheckName::Tls, tls(&stages, connection, &server)).await;
    if secured.is_none() {
        let why = "There is no trusted TLS connection to the server.";
        checkup.skip([CheckName::Clock], why);
        return Err(Skip(why));
    }
    checkup.one(CheckName::Clock, async { Some(clock(ahead_of_server(url.as_str()).await)) }).await;
    Ok(())
}

async fn name(stages: &Stages<'_>, server: &str) -> (Finding, Option<Vec<SocketAddr>>) {
    const CHECK: CheckName = CheckName::Name;
    let begun = Instant::now();
    let found = stages.addresses(LIMIT).await;
    let proxy = stages.proxy();
    let whose = proxy.as_ref().map_or_else(|| server.to_owned(), |proxy| format!("the proxy {proxy}"));
    let Some(addresses) = found else {
        let advice = "Check how the address is written. If it is right, check the network and its DNS server; inside an \
                      organisation a VPN may be needed.";
        let failed = Finding::failed(CHECK, format!("The name of {whose} is not known."), advice);
        return (failed.fact("proxy", proxy), None);
    };
    let mut texts: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    texts.dedup();
    let finding = Finding::ok(CHECK, format!("{whose} has the address {}.", texts.join(", ")))
        .fact("addresses", texts)
        .fact("proxy", proxy)
        .fact("ms", millis(begun));
    (finding, Some(addresses))
}

async fn tcp(stages: &Stages<'_>, server: &str) -> (Finding, Option<crate::http::Connection>) {
    let begun = Instant::now();
    match stages.open(LIMIT).await {
        Ok(connection) => {
            let by = if connection.proxied { " through the proxy" } else { "" };
            let found = format!("{server} answers{by} within {} ms.", millis(begun));
            let finding = Finding::ok(CheckName::Tcp, found)
                .fact("peer", connection.peer.to_string())
                .fact("proxied", connection.proxied)
                .fact("ms", millis(begun));
            (finding, Some(connection))
        }
        Err(error) => (of_error(CheckName::Tcp, &error), None),
    }
}

async fn tls(
    stages: &Stages<'_>,
    connection: crate::http::Connection,
    server: &str,
) -> (Finding, Option<crate::http::Connection>) {
    if !stages.is_secure() {
        let why = "The address asks for no encryption (ws:// or http://).";
        return (Finding::skipped(CheckName::Tls, why), Some(connection));
    }
    let begun = Instant::now();
    match stages.secure(connection, LIMIT).await {
        Ok(secured) => {
            let found = format!("This computer trusts the certificate of {server}.");
            (Finding::ok(CheckName::Tls, found).fact("ms", millis(begun)), Some(secured))
        }
        Err(error) => (of_error(CheckName::Tls, &error), None),
    }
}

/// The finding about a failed step. The errors say both what is wrong and what to do.
fn of_error(check: CheckName, error: &ServerError) -> Finding {
    let sentences = error.to_string();
    // The first sentence tells what was found, the others what to do.
    let (found, advice) = match sentences.split_once(". ") {
        Some((found, advice)) => (format!("{found}."), advice.to_owned()),
        None => (sentences.clone(), "Check the address and your network.".to_owned()),
    };
    let problem = match error {
        ServerError::Tls(problem, _) => problem.word(),
        other => other.kind().as_str(),
    };
    Finding::failed(check, found, advice).fact("problem", problem)
}

/// The finding about the clocks: this computer's is `ahead` seconds ahead of the server's.
fn clock(ahead: Option<i64>) -> Finding {
    const CHECK: CheckName = CheckName::Clock;
    let Some(ahead) = ahead else {
        return Finding::skipped(CHECK, "The server does not tell its time.");
    };
    let finding = if ahead.abs() < CLOCKS_AGREE_S {
        Finding::ok(CHECK, "The clocks of this computer and of the server agree.")
    } else {
        let way = if ahead > 0 { "ahead of" } else { "behind" };
        let found =
            format!("The clock of this computer is {} {way} the server's.", duration_in_words(ahead.unsigned_abs()));
        Finding::failed(CHECK, found, "Let the system set the clock from the network, here or on the server.")
    };
    finding.fact("ahead_s", ahead)
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Checkup {
    /// Runs a step whose result the next one needs; `None` after a failure or a stop.
    async fn step<T>(&self, name: CheckName, step: impl Future<Output = (Finding, Option<T>)>) -> Option<T> {
        let mut result = None;
        let check = async {
            let (finding, found) = tokio::select! {
                told = step => told,
                () = self.stop.cancelled() => return None,
            };
            result = found.filter(|_| finding.verdict != Verdict::Failed);
            Some(finding)
        };
        self.one(name, check).await;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::CheckNews;
    use crate::http::TlsProblem;
    use parking_lot::Mutex;
    use std::sync::Arc;
    use tokio_util::sync::CancellationToken;

    /// The findings of a server's address.
    async fn findings(address: &str) -> Vec<Finding> {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = told.clone();
        let news = Arc::new(move |news: CheckNews| {
            if let CheckNews::Found(finding) = news {
                sink.lock().push(finding);
            }
        });
        let checkup = Checkup { news, stop: CancellationToken::new() };
        let url = crate::http::http_url(address).expect("an address");
        check(&checkup, &url, address).await.ok();
        told.lock().clone()
    }

    fn verdicts(findings: &[Finding]) -> Vec<Verdict> {
        findings.iter().map(|finding| finding.verdict).collect()
    }

    #[tokio::test]
    async fn the_step_that_fails_is_named_and_the_rest_skipped() {
        use Verdict::{Failed, Ok, Skipped};
        assert_eq!(verdicts(&findings("wss://no-such-host.invalid").await), [Failed, Skipped, Skipped, Skipped]);
        let nobody = findings("ws://127.0.0.1:9").await;
        assert_eq!(verdicts(&nobody), [Ok, Failed, Skipped, Skipped]);
        assert_eq!(nobody[1].facts["problem"], "unreachable");
        assert_eq!(nobody[1].found, "The server 127.0.0.1:9 cannot be reached.");
    }

    #[tokio::test]
    async fn a_server_without_tls_is_told_from_one_that_is_not_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("wss://{}", listener.local_addr().expect("an address"));
        let server = async {
            use tokio::io::AsyncWriteExt;
            let mut streams = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().await.expect("a client");
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.ok();
                streams.push(stream);
            }
        };
        let told = tokio::select! {
            told = findings(&address) => told,
            () = server => unreachable!("it serves for ever"),
        };
        assert_eq!(verdicts(&told)[..3], [Verdict::Ok, Verdict::Ok, Verdict::Failed]);
        assert_eq!(told[2].facts["problem"], "no_tls");
    }

    #[test]
    fn an_expired_certificate_is_named_with_what_to_do() {
        let error = ServerError::Tls(TlsProblem::Expired, "meet.example.com".into());
        let finding = of_error(CheckName::Tls, &error);
        assert_eq!(finding.facts["problem"], "expired");
        assert_eq!(finding.found, "By the clock of this computer, the certificate of meet.example.com has expired.");
        assert!(finding.advice.is_some_and(|advice| advice.starts_with("Check date and time here")));
    }

    #[test]
    fn clocks_that_differ_fail() {
        assert_eq!(clock(Some(3)).verdict, Verdict::Ok);
        assert_eq!(clock(Some(-605)).found, "The clock of this computer is 10 minutes behind the server's.");
        assert_eq!(clock(None).verdict, Verdict::Skipped);
    }
}
