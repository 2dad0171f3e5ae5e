//! Just enough HTTP to ask a server on this computer a question, and to be one that is not ours.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Sends one request and gives back status and body.
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

/// A web server that knows nothing of calls: it answers everything with a page. It lives as long as the tests.
pub(crate) fn some_other_server() -> u16 {
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
    // A client that goes away early is its own affair.
    let _read = stream.read(&mut head);
    let _written = stream.write_all(text.as_bytes());
}
