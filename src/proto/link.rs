//! Links to calls. People paste them into the lobby, write them on the command line and send them to each other.

use crate::base::{IdError, RoomName, Secret, display_name};
use core::net::{IpAddr, Ipv6Addr};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, Url, form_urlencoded};

/// The parameter with the invitation.
pub(crate) const INVITATION: &str = "i";
/// The parameter with the name of the person that the link was made for.
const NAME: &str = "name";
/// The host part of `visavis://join?server=…&room=…`.
const JOIN: &str = "join";
/// The parameters of `visavis://join`.
const SERVER: &str = "server";
const ROOM: &str = "room";
/// The prefix of a numeric room (TRTC's `roomId`), whose slash is written as it is.
const NUMERIC: &str = "num/";
/// The parameter of a `visavis://` link that overrides whether the server is reached by TLS: `yes` or `no`.
const TLS: &str = "tls";
/// The schemes of a server address.
const SCHEMES: [&str; 4] = ["ws://", "wss://", "http://", "https://"];
/// The characters that are percent-encoded in the room and the invitation of a link.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The address of a call: a room, and its server if the text named one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallAddress {
    /// The address of the room server with its scheme; `None` if the text named only a room.
    pub server: Option<String>,
    /// The room.
    pub room: RoomName,
    /// The invitation, if the link has one.
    pub invitation: Option<Secret<String>>,
    /// The participant's name, if the link has one: 1 to 64 characters.
    pub name: Option<String>,
}

/// Why a text is not the address of a call. The sentences are for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The room or the name is invalid.
    #[error(transparent)]
    Room(#[from] IdError),
    /// It looks like a link, but is not one.
    #[error("This link cannot be read. It should look like https://host/j/room or visavis://host/room.")]
    Link,
    /// `visavis://join?…` without the parameter `server` or `room`.
    #[error("This link names no {0}. It should look like visavis://join?server=wss://host&room=name.")]
    JoinLacks(&'static str),
    /// Neither the text nor the form names a server.
    #[error("Write the address of the call server here, or paste a link above.")]
    ServerMissing,
    /// A link to a call where the address of a server belongs.
    #[error("This is a link to a call. Paste it above, in “Link or room name”; the server needs no address then.")]
    LinkAsServer,
    /// The address of the server is invalid.
    #[error("The server's address cannot be read. It should look like wss://host or ws://192.168.1.5:7880.")]
    Server,
}

/// Whether the host of `url` is this computer: `localhost` or a loopback address.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Reads a room name (`design-review`, `num/4417`) or a link to one:
///
/// - `https://HOST/j/ROOM`, the form that people send to each other;
/// - `visavis://HOST/ROOM`, or `HOST/ROOM` as people type it;
/// - `visavis://join?server=URL&room=ROOM`, the form that other programs make: both parts are query parameters.
///
/// Each may have an invitation (`i=…`) and a name (`name=…`). Other parameters are ignored.
pub fn parse(text: &str) -> Result<CallAddress, LinkError> {
    let text = text.trim();
    if is_bare_text(text) {
        return Ok(CallAddress { server: None, room: text.parse()?, invitation: None, name: None });
    }
    let app = text.strip_prefix("visavis://");
    let rest = app.unwrap_or(text);
    let rest = rest.split('#').next().unwrap_or(rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    // Browsers append a slash to `join`, which they take for a host.
    let (server, room) = if app.is_some() && rest.strip_suffix('/').unwrap_or(rest) == JOIN {
        let named = |what| parameter(query, what).ok_or(LinkError::JoinLacks(what));
        (server(&named(SERVER)?)?, named(ROOM)?)
    } else {
        by_path(rest, parameter(query, TLS).as_deref())?
    };
    let invitation = parameter(query, INVITATION).map(Secret::new);
    let name = parameter(query, NAME).map(|name| display_name(&name)).transpose()?;
    Ok(CallAddress { server: Some(server), room: room.parse()?, invitation, name })
}

/// Whether a text in the place of a link is the name of a room.
fn is_bare_text(text: &str) -> bool {
    !text.contains('/') || text.starts_with(NUMERIC)
}

/// Whether [`parse`] reads the room's name alone as this room, and a person can see all of it. Other rooms need a link.
#[cfg(feature = "window")]
pub(crate) fn is_bare(room: &RoomName) -> bool {
    let name = room.as_str();
    is_bare_text(name) && crate::base::visible(name) == name
}

/// The first parameter of this name, trimmed; `None` if it is absent or empty.
fn parameter(query: &str, wanted: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let (_, value) = pairs.find(|(name, _)| name == wanted)?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// Server and room of `HOST/ROOM` or `SERVER/j/ROOM`. `tls` chooses the scheme of a server without one.
fn by_path(rest: &str, tls: Option<&str>) -> Result<(String, String), LinkError> {
    let scheme_end = rest.find("://").map_or(0, |at| at + 3);
    let host_end = rest[scheme_end..].find('/').ok_or(LinkError::Link)? + scheme_end;
    // A server may have a path; a room has no slash but the one of `num/`.
    let (host, path) = match rest.rfind("/j/").filter(|at| *at >= host_end) {
        Some(at) => (&rest[..at], &rest[at + 3..]),
        None => (&rest[..host_end], &rest[host_end + 1..]),
    };
    let host = match tls {
        Some("yes") if scheme_end == 0 => format!("wss://{host}"),
        Some("no") if scheme_end == 0 => format!("ws://{host}"),
        _ => host.to_owned(),
    };
    let path = path.trim_end_matches('/');
    // A slash of the name is percent-encoded, except in a numeric room: any other one belongs to another kind of page.
    if path.is_empty() || path.strip_prefix(NUMERIC).unwrap_or(path).contains('/') {
        return Err(LinkError::Link);
    }
    let room = percent_decode_str(path).decode_utf8().map_err(|_| LinkError::Link)?;
    Ok((server(&host).map_err(|_| LinkError::Link)?, room.into_owned()))
}

/// Completes the address of a server. Without a scheme, an IP address, `localhost` or a port get `ws://` (a server in the
/// local network), anything else gets `wss://`. Empty parts of a path are left out.
pub fn server(text: &str) -> Result<String, LinkError> {
    let text = text.trim();
    let full = if text.contains(":/") {
        text.to_owned()
    } else if text.parse::<Ipv6Addr>().is_ok() {
        format!("ws://[{text}]")
    } else {
        let host = text.split([':', '/']).next().unwrap_or(text);
        let local = host == "localhost" || host.parse::<IpAddr>().is_ok();
        let local = local || text.contains(':') || text.starts_with('[');
        format!("{}://{text}", if local { "ws" } else { "wss" })
    };
    // `Url` also accepts `http:/host` and `HTTPS://host`, which other parsers read differently.
    let (scheme, rest) = full.split_once("://").ok_or(LinkError::Server)?;
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    let full = format!("{}://{}", scheme.to_ascii_lowercase(), parts.join("/"));
    let url = Url::parse(&full).map_err(|_| LinkError::Server)?;
    let usable = SCHEMES.iter().any(|scheme| full.starts_with(scheme))
        && url.host_str().is_some_and(|h| !h.is_empty() && !h.contains(' '))
        && url.username().is_empty()
        && url.query().is_none()
        && url.fragment().is_none()
        // Inside a link, such a path could not be told from the link itself.
        && !parts.contains(&"j")
        && !rest.contains("://")
        && !text.contains(char::is_whitespace);
    match usable {
        true => Ok(full),
        false if is_link(&full, text) => Err(LinkError::LinkAsServer),
        false => Err(LinkError::Server),
    }
}

/// Whether somebody pasted a link to a call instead of the address of its server.
fn is_link(full: &str, text: &str) -> bool {
    let of_browser = SCHEMES.iter().any(|scheme| full.starts_with(scheme)) && full.contains("/j/");
    text.starts_with("visavis://") || of_browser
}

/// The link for others: `https://HOST/j/ROOM`, or `http://…` for a server without TLS.
pub fn link(server: &str, room: &RoomName, invitation: Option<&Secret<String>>) -> String {
    let (tls, host) = split(server);
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{host}/j/{}{}", path(room), query(invitation, None))
}

/// The link that starts the program: `visavis://HOST/ROOM`, or `visavis://SERVER/j/ROOM` for a server with a path.
pub fn app_link(address: &str, room: &RoomName, invitation: Option<&Secret<String>>) -> String {
    let (tls, host) = split(address);
    let is_default = server(host).is_ok_and(|full| full.starts_with("wss://") == tls);
    let separator = if host.contains('/') { "/j/" } else { "/" };
    format!("visavis://{host}{separator}{}{}", path(room), query(invitation, (!is_default).then_some(tls)))
}

/// Whether the scheme means TLS, and the address without it.
fn split(server: &str) -> (bool, &str) {
    let server = server.trim_end_matches('/');
    match server.split_once("://") {
        Some((scheme, host)) => (matches!(scheme, "wss" | "https"), host),
        None => (true, server),
    }
}

fn path(room: &RoomName) -> String {
    let (slash, rest) = room.as_str().strip_prefix(NUMERIC).map_or(("", room.as_str()), |rest| (NUMERIC, rest));
    // Without anything after it, the slash would be lost as the end of the path.
    if rest.is_empty() {
        utf8_percent_encode(room.as_str(), PATH).to_string()
    } else {
        format!("{slash}{}", utf8_percent_encode(rest, PATH))
    }
}

fn query(invitation: Option<&Secret<String>>, tls: Option<bool>) -> String {
    let invitation = invitation.map(|text| format!("{INVITATION}={}", utf8_percent_encode(text.expose(), PATH)));
    let tls = tls.map(|tls| format!("{TLS}={}", if tls { "yes" } else { "no" }));
    let all: Vec<String> = invitation.into_iter().chain(tls).collect();
    if all.is_empty() { String::new() } else { format!("?{}", all.join("&")) }
}

/// Reads the end of an invitation's validity without trusting it, in Unix seconds; `None` if it has no end, or `text` is
/// no invitation. The format is that of `proto::invitation`, which participants do not contain.
#[cfg(feature = "client")]
pub(crate) fn invitation_end(text: &str) -> Option<i64> {
    let until: i64 = text.rsplit('.').nth(1)?.parse().ok()?;
    Some(until).filter(|until| *until != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(server: Option<&str>, room: &str) -> Result<CallAddress, LinkError> {
        let room = room.parse().expect("a room");
        Ok(CallAddress { server: server.map(str::to_owned), room, invitation: None, name: None })
    }

    #[test]
    fn rooms_and_links_are_told_apart() {
        assert_eq!(parse(" Design review "), place(None, "Design review"));
        assert_eq!(parse("num/4417"), place(None, "num/4417"));
        assert_eq!(parse("meet.example/design-review"), place(Some("wss://meet.example"), "design-review"));
        assert_eq!(parse("visavis://192.168.1.5:7880/a"), place(Some("ws://192.168.1.5:7880"), "a"));
        assert_eq!(
            parse("https://meet.example/j/Design%20review?x=1"),
            place(Some("https://meet.example"), "Design review")
        );
        assert_eq!(parse("http://localhost:7880/j/num/12/"), place(Some("http://localhost:7880"), "num/12"));
        assert_eq!(parse("https://meet.example/calls/j/j"), place(Some("https://meet.example/calls"), "j"));
        assert_eq!(parse("visavis://join/tea"), place(Some("wss://join"), "tea"));
    }

    #[test]
    fn other_programs_pass_server_and_room_as_parameters() {
        assert_eq!(
            parse("visavis://join?room=Design+review%3F&server=wss%3A%2F%2Fmeet.example%2Fcalls&utm_source=mail"),
            place(Some("wss://meet.example/calls"), "Design review?")
        );
        assert_eq!(
            parse("visavis://join/?server=192.168.1.5:7880&room=num/7"),
            place(Some("ws://192.168.1.5:7880"), "num/7")
        );
        let all =
            parse("visavis://join?server=ws://h:7880&room=tea&i=k.guest.0.x_-&name=%20Mina%20Park#x").expect("a place");
        assert_eq!(all.invitation.map(|text| text.expose().clone()).as_deref(), Some("k.guest.0.x_-"));
        assert_eq!((all.server.as_deref(), all.name.as_deref()), (Some("ws://h:7880"), Some("Mina Park")));
        let named = parse("https://meet.example/j/tea?name=Jo&i=").expect("a place");
        assert_eq!((named.name.as_deref(), named.invitation), (Some("Jo"), None));
    }

    #[test]
    fn errors_of_a_join_link_are_specific() {
        let long = "n".repeat(65);
        for (query, because) in [
            ("", "names no server"),
            ("server=&room=tea", "names no server"),
            ("server=wss://h", "names no room"),
            ("server=wss://h&room=", "names no room"),
            ("server=javascript:alert(1)&room=tea", "server's address cannot be read"),
            ("server=wss://h%3Fx&room=tea", "server's address cannot be read"),
            (&format!("server=wss://h&room={}", "n".repeat(257)), "257 bytes"),
            (&format!("server=wss://h&room=tea&name={long}"), "65 characters"),
        ] {
            let error = parse(&format!("visavis://join?{query}")).expect_err(query).to_string();
            assert!(error.contains(because), "{query}: {error}");
        }
        assert_eq!(parse("visavis://join"), Err(LinkError::JoinLacks("server")));
    }

    #[test]
    fn invalid_addresses_are_refused_with_a_reason() {
        assert_eq!(parse(""), Err(LinkError::Room(IdError::RoomEmpty)));
        assert_eq!(parse(&"n".repeat(257)), Err(LinkError::Room(IdError::RoomTooLong { bytes: 257, most: 256 })));
        assert_eq!(parse("https://meet.example/calls/tea"), Err(LinkError::Link));
        assert_eq!(parse("https://meet.example/j/calls/tea"), Err(LinkError::Link));
        assert_eq!(parse("https://meet.example/j/"), Err(LinkError::Link));
        assert_eq!(parse("ftp://meet.example/j/a"), Err(LinkError::Link));
        assert_eq!(parse("https://meet.example/j/%ff"), Err(LinkError::Link));
        assert_eq!(parse("http:/review/[::1]:7880/javis://192.1681.5:/a"), Err(LinkError::Link));
        assert_eq!(parse("HTTPS://meet.HTTPS://meet.example/j/teaexample/j/tea"), Err(LinkError::Link));
        let odd = ["http:/meet.example", "ws:/a://b", "ws://a/?b", "ws://a/#b", "ws://a/j", "ws:///", "::1:x"];
        for bad in ["", "ws://", "javascript:alert(1)", "wss://user@meet.example", "a b"].into_iter().chain(odd) {
            assert_eq!(server(bad), Err(LinkError::Server), "{bad}");
        }
        // The case of the scheme does not matter.
        assert_eq!(server("WSS://meet.example"), Ok("wss://meet.example".into()));
        for link in ["ws://a/j/b", "https://meet.example/calls/j/tea?i=k.guest.0.x", "visavis://meet.example/tea"] {
            assert_eq!(server(link), Err(LinkError::LinkAsServer), "{link}");
        }
    }

    #[test]
    fn addresses_of_servers_are_completed() {
        for (text, full) in [
            ("wss://host/livekit/", "wss://host/livekit"),
            (" wss://host//livekit// ", "wss://host/livekit"),
            ("host/livekit/", "wss://host/livekit"),
            ("https://meet.example/", "https://meet.example"),
            ("192.168.1.5/lk", "ws://192.168.1.5/lk"),
            ("[::1]:7880", "ws://[::1]:7880"),
            ("2001:db8::1", "ws://[2001:db8::1]"),
            ("wss://[2001:db8::1]:7443/", "wss://[2001:db8::1]:7443"),
        ] {
            assert_eq!(server(text), Ok(full.into()), "{text}");
        }
    }

    #[cfg(feature = "window")]
    #[test]
    fn a_room_that_its_name_alone_names_is_bare() {
        for (name, bare) in
            [("Über uns", true), ("num/7", true), ("a/b", false), (" tea", false), ("te\u{202e}a", false)]
        {
            assert_eq!(is_bare(&name.parse().expect("a room")), bare, "{name}");
        }
    }

    #[test]
    fn a_link_leads_back_to_its_room() {
        let invitation = Secret::new("a key.guest.0.x_-".to_owned());
        for address in [
            "ws://192.168.1.5:7880",
            "wss://meet.example",
            "https://meet.example:8443",
            "http://meet.example",
            "wss://meet.example/calls",
        ] {
            for room in [
                "Design review",
                "num/4417",
                "num/",
                "num/a/b",
                "a+b&c=d?e#f",
                "a/b/",
                "/j/",
                " Über uns ",
                "日本語🎉",
                "\u{202e}x\n",
            ] {
                for invitation in [None, Some(&invitation)] {
                    let room: RoomName = room.parse().expect("a room");
                    let tls = address.starts_with("wss") || address.starts_with("https");
                    for link in [link(address, &room, invitation), app_link(address, &room, invitation)] {
                        let place = parse(&link).expect("a place");
                        assert_eq!((&place.room, place.invitation.as_ref()), (&room, invitation), "{link}");
                        let back = place.server.expect("a server");
                        assert_eq!(split(&back), (tls, split(address).1), "{link}");
                    }
                }
            }
        }
        let room = |name: &str| name.parse::<RoomName>().expect("a room");
        assert_eq!(app_link("wss://meet.example", &room("num/7"), None), "visavis://meet.example/num/7");
        assert_eq!(link("wss://meet.example", &room("a/b"), None), "https://meet.example/j/a%2Fb");
    }
}
