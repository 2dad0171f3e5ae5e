//! A minimal HTTP client, and HTTP servers that are not ours.

use base64::Engine;
use sha1::{Digest, Sha1};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Sends one request. Returns status and body.
pub(crate) fn request(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit");
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).expect("the request goes out");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status.unwrap_or_else(|| panic!("no HTTP: {answer}")), body.to_owned())
}

/// A server that stops answering at a certain point and keeps its connections open. It runs until the tests end.
pub(crate) struct StuckServer {
    port: u16,
    reached: Arc<AtomicBool>,
}

impl StuckServer {
    /// Accepts connections and never sends a byte.
    pub(crate) fn silent() -> Self {
        Self::start(|_| true)
    }

    /// Opens WebSockets and never sends a message on them.
    pub(crate) fn after_the_upgrade() -> Self {
        Self::start(upgrade)
    }

    /// `ws://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Whether a client waits for an answer.
    pub(crate) fn is_reached(&self) -> bool {
        self.reached.load(Ordering::SeqCst)
    }

    fn start(answer: fn(&mut TcpStream) -> bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let reached = Arc::new(AtomicBool::new(false));
        let stuck = reached.clone();
        let serve = move || {
            let mut held = Vec::new();
            for mut stream in listener.incoming().flatten() {
                if answer(&mut stream) {
                    stuck.store(true, Ordering::SeqCst);
                }
                held.push(stream);
            }
        };
        std::thread::Builder::new().name("stuck server".into()).spawn(serve).expect("a thread");
        Self { port, reached }
    }
}

/// Answers the opening handshake of a WebSocket (RFC 6455, section 4.2.2). Returns whether it was one.
fn upgrade(stream: &mut TcpStream) -> bool {
    let mut head = String::new();
    let mut byte = [0];
    while !head.ends_with("\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.push(char::from(byte[0]));
    }
    let is_key = |line: &&str| line.to_ascii_lowercase().starts_with("sec-websocket-key:");
    let Some(key) = head.lines().find(is_key).and_then(|line| line.split_once(':')) else { return false };
    let digest = Sha1::digest(format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key.1.trim()));
    let accept = base64::engine::general_purpose::STANDARD.encode(digest);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).is_ok()
}

/// A web server that answers every request with the same JSON text and records the requests. It runs until the tests end.
pub(crate) struct Site {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Site {
    /// Starts it. `answer` makes the text from the address of the site.
    pub(crate) fn answering(answer: impl FnOnce(&str) -> String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let site = Self { port, requests: requests.clone() };
        let body = answer(&site.url());
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
        let text = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let serve = move || {
            for mut stream in listener.incoming().flatten() {
                let mut head = [0; 4096];
                let length = stream.read(&mut head).unwrap_or(0);
                requests.lock().expect("no panic").push(String::from_utf8_lossy(&head[..length]).into_owned());
                // The client may have closed the connection.
                let _written = stream.write_all(text.as_bytes());
            }
        };
        std::thread::Builder::new().name("a site".into()).spawn(serve).expect("a thread");
        site
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

/// A web server that is no room server: it answers every request with a page. It runs until the tests end.
pub(crate) fn other_web_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let serve = move || {
        for stream in listener.incoming().flatten() {
            answer_with_a_page(stream);
        }
    };
    std::thread::Builder::new().name("some other server".into()).spawn(serve).expect("a thread");
    port
}

fn answer_with_a_page(mut stream: TcpStream) {
    let page = "<!doctype html><title>Cats</title>";
    let text = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    let mut head = [0; 4096];
    // The client may have closed the connection.
    let _read = stream.read(&mut head);
    let _written = stream.write_all(text.as_bytes());
}
