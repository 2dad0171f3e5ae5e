//! Strangers who hold connections open keep nobody else out.

use super::*;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

/// An eighth of the 4096 places.
const OF_ONE_ADDRESS: usize = 512;

fn address(server: &Embedded) -> SocketAddr {
    server.url().trim_start_matches("ws://").parse().expect("an address")
}

/// Sends the begin of a request from an address of this computer.
async fn begin(server: &Embedded, from: &str, begin: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(from.parse::<IpAddr>().expect("an address"), 0)).expect("bound");
    let mut stream = socket.connect(address(server)).await.expect("connected");
    // A connection over the limit may be closed already.
    stream.write_all(begin.as_bytes()).await.unwrap_or_default();
    stream
}

/// The status line of the answer, or nothing if the connection ends without one.
async fn answer(mut stream: TcpStream) -> String {
    let mut text = vec![0; 256];
    let length = timeout(PATIENCE, stream.read(&mut text)).await.expect("an answer in time").unwrap_or(0);
    String::from_utf8_lossy(&text[..length]).lines().next().unwrap_or_default().to_owned()
}

const WHOLE: &str = "GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

// Other systems have only one loopback address.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn half_open_requests_of_one_address_keep_nobody_else_out() {
    let server = start().await;
    let mut stranger = Vec::new();
    for _ in 0..OF_ONE_ADDRESS + 20 {
        stranger.push(begin(&server, "127.0.0.1", "GET /healthz HTTP/1.1\r\nhost:").await);
    }
    assert_eq!(answer(begin(&server, "127.0.0.1", WHOLE).await).await, "", "it has as many as it may have");
    assert_eq!(answer(begin(&server, "127.0.0.2", WHOLE).await).await, "HTTP/1.1 200 OK");
    let metrics =
        reqwest::Client::builder().local_address("127.0.0.3".parse::<IpAddr>().ok()).build().expect("a client");
    let metrics =
        metrics.get(http_url(&server, "/metrics")).send().await.expect("an answer").text().await.expect("text");
    let refused = metrics.lines().find_map(|line| line.strip_prefix("visavis_http_refused_total ")).expect("a count");
    assert!(refused.parse::<usize>().expect("a number") > 20, "{metrics}");
    // Those that were let in have sent no whole request in time.
    let first = stranger.swap_remove(0);
    assert!(answer(first).await.is_empty() || !answer(begin(&server, "127.0.0.1", WHOLE).await).await.is_empty());
    drop(stranger);
    server.stop().await.expect("stopped");
}

#[tokio::test]
async fn a_trusted_proxy_is_not_limited_but_each_of_its_clients_is() {
    let trusted_proxies = vec!["127.0.0.1".parse().expect("a network")];
    let server = Embedded::start(ServerConfig { trusted_proxies, ..ServerConfig::dev() }).await.expect("a server");
    // Its body does not come.
    let slow = "POST /token HTTP/1.1\r\nhost: a\r\nx-forwarded-for: 6.6.6.6, 203.0.113.7\r\ncontent-length: 9\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..OF_ONE_ADDRESS {
        held.push(begin(&server, "127.0.0.1", slow).await);
    }
    let of = |client: &str| WHOLE.replace("\r\n\r\n", &format!("\r\nX-Forwarded-For: {client}\r\n\r\n"));
    let mut status = String::new();
    for _ in 0..100 {
        status = answer(begin(&server, "127.0.0.1", &of("203.0.113.7")).await).await;
        if status == "HTTP/1.1 429 Too Many Requests" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status, "HTTP/1.1 429 Too Many Requests");
    for other in ["203.0.113.8", "203.0.113.7, 203.0.113.9", "unknown"] {
        assert_eq!(answer(begin(&server, "127.0.0.1", &of(other)).await).await, "HTTP/1.1 200 OK", "{other}");
    }
    drop(held);
    server.stop().await.expect("stopped");
}

// Other systems have only one loopback address.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_trusted_proxy_may_keep_its_connection_between_two_requests() {
    let trusted_proxies = vec!["127.0.0.1".parse().expect("a network")];
    let server = Embedded::start(ServerConfig { trusted_proxies, ..ServerConfig::dev() }).await.expect("a server");
    let kept = WHOLE.replace("connection: close\r\n", "");
    let mut proxy = begin(&server, "127.0.0.1", &kept).await;
    let mut stranger = begin(&server, "127.0.0.2", &kept).await;
    let mut text = String::new();
    timeout(PATIENCE, stranger.read_to_string(&mut text)).await.expect("it is cut off").expect("text");
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
    proxy.write_all(WHOLE.as_bytes()).await.expect("the connection is open");
    let mut text = String::new();
    timeout(PATIENCE, proxy.read_to_string(&mut text)).await.expect("the end in time").expect("text");
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
    server.stop().await.expect("stopped");
}
