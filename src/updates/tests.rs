use super::*;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Limit for every wait, so that a failure ends the test.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a test watches that nothing comes.
const QUIET: Duration = Duration::from_millis(400);
/// One request, at once.
const ONCE: UpdateSchedule = UpdateSchedule { first: Duration::ZERO, every: Duration::from_secs(3600) };

/// A web server with a feed, and the requests that it got.
struct Site {
    url: String,
    requests: mpsc::Receiver<String>,
    body: Arc<Mutex<String>>,
}

impl Site {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (sender, requests) = mpsc::channel(16);
        let body = Arc::new(Mutex::new(String::new()));
        let answer = body.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.is_ok_and(|n| n > 0) {}
                let text = answer.lock().clone();
                stream.write_all(text.as_bytes()).await.ok();
                sender.send(String::from_utf8_lossy(&request).into_owned()).await.expect("room for a request");
            }
        });
        Self { url, requests, body }
    }

    fn feed(&self) -> ReleaseFeed {
        ReleaseFeed::at(&format!("{}/latest.json", self.url)).expect("a feed")
    }

    fn answer(&self, status: &str, body: &str) {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        *self.body.lock() = head + body;
    }

    fn release(&self, tag: &str) {
        let page = format!("{}/tag/{tag}", self.url);
        self.answer("200 OK", &serde_json::json!({ "tag_name": tag, "html_url": page }).to_string());
    }

    async fn request(&mut self) -> String {
        timeout(PATIENCE, self.requests.recv()).await.expect("a request in time").expect("a request")
    }

    async fn gets_no_request(&mut self) -> bool {
        timeout(QUIET, self.requests.recv()).await.is_err()
    }
}

/// Follows a feed; the releases come out of the receiver.
fn following(feed: ReleaseFeed, schedule: UpdateSchedule, wanted: watch::Receiver<bool>) -> mpsc::Receiver<Release> {
    let (sender, told) = mpsc::channel(4);
    tokio::spawn(follow(feed, schedule, wanted, move |release| drop(sender.try_send(release))));
    told
}

#[tokio::test]
async fn a_newer_release_is_told_and_the_request_names_no_sender() {
    let mut site = Site::open().await;
    site.release("v999.0.0");
    let (_switch, wanted) = watch::channel(true);
    let mut told = following(site.feed(), ONCE, wanted);
    let request = site.request().await;
    let mut lines: Vec<String> = request.trim_end().lines().map(str::to_lowercase).collect();
    lines.retain(|line| !line.starts_with("host: 127.0.0.1"));
    lines.sort();
    assert_eq!(
        lines,
        ["accept: application/json", "connection: close", "get /latest.json http/1.1", "user-agent: visavis"]
    );
    let release = timeout(PATIENCE, told.recv()).await.expect("in time").expect("a release");
    assert_eq!((release.version.to_string(), release.page), ("999.0.0".into(), format!("{}/tag/v999.0.0", site.url)));
    assert!(site.gets_no_request().await, "one request");
}

#[tokio::test]
async fn nothing_is_sent_unless_the_user_wants_it() {
    let mut site = Site::open().await;
    site.release("v999.0.0");
    let (switch, wanted) = watch::channel(false);
    let mut told = following(site.feed(), ONCE, wanted);
    assert!(site.gets_no_request().await, "the user has not allowed it");
    switch.send_replace(true);
    site.request().await;
    timeout(PATIENCE, told.recv()).await.expect("in time").expect("a release");
    switch.send_replace(false);
    assert!(site.gets_no_request().await, "it was switched off");
    drop(switch);
    assert_eq!(timeout(PATIENCE, told.recv()).await.expect("it ends with the window"), None);
}

#[tokio::test]
async fn errors_of_a_feed_are_not_told_and_it_is_fetched_again() {
    let mut site = Site::open().await;
    site.answer("403 Forbidden", "{}");
    let (_switch, wanted) = watch::channel(true);
    let every = Duration::from_millis(50);
    let mut told = following(site.feed(), UpdateSchedule { first: Duration::ZERO, every }, wanted);
    site.request().await;
    for (status, body) in [("500 Oh", ""), ("200 OK", "<html>"), ("200 OK", &"x".repeat(FEED_BYTES + 1))] {
        site.answer(status, body);
        site.request().await;
        // The first of the two may have got the answer before.
        site.request().await;
    }
    // The running version is not told.
    site.release(env!("CARGO_PKG_VERSION"));
    site.request().await;
    site.request().await;
    assert!(told.try_recv().is_err(), "nothing newer was there");
    site.release("v999.0.0");
    timeout(PATIENCE, told.recv()).await.expect("in time").expect("a release");
}

#[tokio::test]
async fn without_a_network_it_waits_for_the_next_time() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let feed = ReleaseFeed::at(&format!("http://{closed}/latest.json")).expect("a feed");
    let (_switch, wanted) = watch::channel(true);
    let mut told = following(feed, ONCE, wanted);
    assert!(timeout(QUIET, told.recv()).await.is_err(), "it neither tells anything nor gives up");
}

#[test]
fn a_feed_is_fetched_by_https_or_from_this_computer() {
    let own = ReleaseFeed::of_project().expect("a feed");
    assert_eq!(own.url.as_str(), "https://api.github.com/repos/visavis-call/visavis/releases/latest");
    assert_eq!(own.place, "https://github.com/visavis-call/visavis/releases/");
    assert_eq!(
        ReleaseFeed::at("https://it.example:8443/visavis.json").expect("a feed").place,
        "https://it.example:8443/"
    );
    for bad in [
        "",
        "visavis.json",
        "http://it.example/visavis.json",
        "ftp://it.example/x",
        "https://user@it.example/x",
        "file:///x",
    ] {
        assert_eq!(ReleaseFeed::at(bad), Err(InvalidFeedUrl(bad.to_owned())), "{bad}");
    }
}
