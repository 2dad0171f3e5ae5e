//! Server addresses as users write them.

use url::Url;

/// The address as an HTTP URL without query, fragment, and empty parts of the path; `None` if it is no address of a
/// server. Endpoints are appended to the path, where `wss://host/calls/` and `wss://host/calls` are the same.
pub(crate) fn http_url(server: &str) -> Option<Url> {
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

/// Host and port of a server's address, as errors show it.
pub(crate) fn shown(server: &str) -> String {
    match http_url(server) {
        Some(url) => server_name(&url),
        None => server.chars().filter(|c| !c.is_control()).take(60).collect(),
    }
}

/// The same of a URL: a port that the scheme has by itself is left out.
pub(super) fn server_name(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
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
}
