//! Server addresses as users write them, and server messages for users.

use url::Url;

/// The address as an HTTP URL without query, fragment, and empty parts of the path; `None` if it is no address of a
/// server. Endpoints are appended to the path, where `wss://host/calls/` and `wss://host/calls` are the same.
pub(super) fn http_url(server: &str) -> Option<Url> {
    let mut url = Url::parse(server.trim()).ok().filter(Url::has_host)?;
    let scheme = match url.scheme() {
        "ws" | "http" => "http",
        "wss" | "https" => "https",
        _ => return None,
    };
    url.set_scheme(scheme).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
    let path = parts.join("/");
    url.set_path(&path);
    Some(url)
}

/// Host and port: the only parts of an address that errors show.
pub(super) fn shown(server: &str) -> String {
    let url = http_url(server);
    let host = url.as_ref().and_then(|u| Some((u.host_str()?.to_owned(), u.port())));
    match host {
        Some((host, Some(port))) => format!("{host}:{port}"),
        Some((host, None)) => host,
        None => server.chars().filter(|c| !c.is_control()).take(60).collect(),
    }
}

/// A server's message for the user: one plain sentence of at most 160 bytes that contains no part of `secret`. `None` if
/// the body is anything else.
pub(super) fn plain_sentence(body: &str, secret: &str) -> Option<String> {
    let json: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let field = |json: &serde_json::Value| {
        let named = ["message", "msg", "error", "reason", "detail"].iter().find_map(|name| json.get(name));
        named.or(Some(json)).and_then(|v| v.as_str()).map(str::to_owned)
    };
    let text = match &json {
        Some(json) => field(json)?,
        None => body.to_owned(),
    };
    let text = text.trim();
    let plain = !text.is_empty() && text.len() <= 160 && !text.contains(['<', '>', '{', '\n', '\r']);
    let leaks = text.contains("eyJ") || secret.split('.').any(|part| part.len() >= 6 && text.contains(part));
    if !plain || leaks || text.chars().any(char::is_control) {
        return None;
    }
    let mut sentence: String = text.chars().take(1).flat_map(char::to_uppercase).chain(text.chars().skip(1)).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    Some(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_and_port_are_shown() {
        assert_eq!(shown("wss://user:secret@meet.example.com:7443/x?access_token=abc"), "meet.example.com:7443");
        assert_eq!(shown("https://meet.example.com"), "meet.example.com");
        assert_eq!(shown("nonsense\n"), "nonsense");
        assert!(http_url("ftp://meet.example.com").is_none());
    }

    #[test]
    fn addresses_that_people_write_are_one() {
        for address in [
            "wss://meet.example.com/livekit",
            "wss://meet.example.com/livekit/",
            " wss://meet.example.com//livekit// ",
            "https://meet.example.com:443/livekit/?x=1#y",
            "WSS://Meet.Example.com/livekit",
        ] {
            assert_eq!(http_url(address).expect(address).as_str(), "https://meet.example.com/livekit", "{address}");
        }
        assert_eq!(http_url("ws://[::1]:7880").expect("an address").as_str(), "http://[::1]:7880/");
    }

    #[test]
    fn only_plain_messages_of_a_server_are_shown() {
        let token = "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl";
        let said = |body: &str| plain_sentence(body, token);
        assert_eq!(said("you were removed from this room"), Some("You were removed from this room.".into()));
        assert_eq!(said(r#"{"error":"the room is full"}"#), Some("The room is full.".into()));
        assert_eq!(said(r#"{"error":7}"#), None);
        assert_eq!(said("invalid token: c2lnbmF0dXJl"), None);
        assert_eq!(said("invalid token: eyJ0eXAi"), None);
        assert_eq!(said("<html>not found</html>"), None);
        assert_eq!(said(&"x".repeat(161)), None);
        assert_eq!(said("  "), None);
    }
}
