//! Servers that are reached through a proxy, by names that only the proxy knows; and the regions of a LiveKit Cloud project.

use crate::kit::http::Site;
use crate::kit::program::DEV_KEYS;
use crate::kit::proxy::{Leads, Proxy};
use crate::kit::{Participant, Server, TestContext, Visavis};
use std::process::{Command, Output};

/// Enters, stays for a second and leaves.
fn bot(context: &TestContext, url: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Participant::bot_command(context, url, "tea", "mina");
    command.args(["--camera", "none", "--microphone", "none", "--leave-after", "1s"]);
    Visavis::run(command.envs(variables.iter().copied()))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_call_leads_through_a_proxy() {
    let context = TestContext::new("proxy");
    let server = Server::start(&context);
    let port = server.port();
    let proxy = Proxy::start(&["calls.example.com:80"], move |_| Leads::To(port));
    let address = proxy.address();
    // The token is fetched by HTTP, then the WebSocket is opened: both by the proxy.
    let output = bot(&context, "ws://calls.example.com", &[("http_proxy", &address)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let asked = proxy.requests();
    assert!(asked.len() >= 2 && asked.iter().all(|r| r == "CONNECT calls.example.com:80 HTTP/1.1"), "{asked:?}");
    let mut command: Command = Visavis::command(&context);
    command.env("LIVEKIT_URL", "http://calls.example.com").envs(DEV_KEYS).env("ALL_PROXY", format!("http://{address}"));
    let output = Visavis::run(command.args(["room", "list"]));
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(proxy.requests().len() > asked.len());
    // A server that is excepted is reached directly.
    let before = proxy.requests().len();
    let variables = [("http_proxy", address.as_str()), ("NO_PROXY", "localhost,127.0.0.0/8")];
    let output = bot(&context, &server.url(), &variables);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(proxy.requests().len(), before);
}

#[test]
fn a_proxy_that_fails_is_named_and_its_password_is_not() {
    let context = TestContext::new("proxy-fails");
    let server = Server::start(&context);
    let proxy = Proxy::start(&["calls.example.com:80"], |_| Leads::Refused("407 Proxy Authentication Required"));
    let address = proxy.address();
    let with_password = format!("http://mina:hush@{address}");
    for (url, keys, setting, named, says) in [
        ("ws://calls.example.com", true, with_password.as_str(), address.as_str(), "407 Proxy Authentication Required"),
        ("ws://calls.example.com", false, with_password.as_str(), address.as_str(), "user name and password"),
        (
            "ws://elsewhere.example.com",
            true,
            address.as_str(),
            address.as_str(),
            "elsewhere.example.com:80: 502 Bad Gateway",
        ),
        (server.url().as_str(), false, "127.0.0.1:9", "127.0.0.1:9", "cannot be reached"),
        ("ws://calls.example.com", true, "socks4://127.0.0.1:9", "http_proxy", "SOCKS 5"),
    ] {
        let mut variables = vec![("http_proxy", setting), ("RUST_LOG", "debug")];
        variables.extend(DEV_KEYS.iter().filter(|_| keys));
        let output = bot(&context, url, &variables);
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), stderr(&output));
        assert_eq!(output.status.code(), Some(20), "{stderr}");
        let words = stderr.lines().last().unwrap_or_default();
        assert!(words.to_lowercase().contains("proxy") && words.contains(named) && words.contains(says), "{words}");
        assert!(stdout.contains("\"error\":\"proxy\""), "{stdout}");
        assert!(!stderr.contains("hush") && !stdout.contains("hush"), "the password is in the log");
    }
}

#[test]
fn another_region_is_tried_when_one_fails() {
    const REGIONS: &str = r#"{"regions": [{"region": "x", "url": "http://x.livekit.cloud"}, {"region": "y", "url": "http://y.livekit.cloud"}]}"#;
    let context = TestContext::new("regions");
    let server = Server::start(&context);
    let port = server.port();
    // The project's own address answers nothing but its regions.
    let project = Site::answering(|_| REGIONS.to_owned());
    let at = project.url().rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port");
    let names = &["tea.livekit.cloud:80", "x.livekit.cloud:80", "y.livekit.cloud:80"];
    let proxy = Proxy::start(names, move |name| match name.as_bytes()[0] {
        b't' => Leads::To(at),
        b'y' => Leads::To(port),
        _ => Leads::Refused("504 Gateway Timeout"),
    });
    let address = proxy.address();
    let mut variables = vec![("http_proxy", address.as_str())];
    variables.extend(DEV_KEYS);
    let output = bot(&context, "ws://tea.livekit.cloud", &variables);
    assert_eq!(output.status.code(), Some(0), "{} {:?}", stderr(&output), proxy.requests());
    assert!(proxy.requests().iter().any(|r| r.contains("x.livekit.cloud")), "{:?}", proxy.requests());
    let asks = |request: &String| request.starts_with("GET /settings/regions ") && request.contains("Bearer ");
    assert!(project.requests().iter().any(asks), "{:?}", project.requests());
}
