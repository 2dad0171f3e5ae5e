//! Links to calls: what people paste into the lobby, give on the command line, and send to each other.

use crate::base::{IdError, RoomId};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::net::IpAddr;
use url::Url;

/// What stays readable in a link's room.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A room, and the server that holds it when the text named one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The call server's address, with its scheme; `None` when only a room was named.
    pub server: Option<String>,
    /// The room.
    pub room: RoomId,
}

/// Why a text names no place. The sentence is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The room is not possible.
    #[error(transparent)]
    Room(#[from] IdError),
    /// It looks like a link and is none.
    #[error("This link cannot be read. It should look like visavis://host/room or https://host/j/room.")]
    Link,
    /// A room without a link, and no server to look for it on.
    #[error("Write the address of the call server here, or paste a link above.")]
    ServerMissing,
    /// A server's address that cannot be one.
    #[error("The server's address cannot be read. It should look like wss://host or ws://192.168.1.5:7880.")]
    Server,
}

/// Reads a room name (`design-review`, `num/4417`) or a link to one: `visavis://HOST/ROOM`, `https://HOST/j/ROOM`,
/// or `HOST/ROOM` as people type it.
pub fn parse(text: &str) -> Result<Place, LinkError> {
    let text = text.trim();
    if !text.contains('/') || text.starts_with("num/") {
        return Ok(Place { server: None, room: text.parse()? });
    }
    let rest = text.strip_prefix("visavis://").unwrap_or(text);
    let (server, path) = match rest.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').ok_or(LinkError::Link)?;
            (server(&format!("{scheme}://{host}")), path)
        }
        None => {
            let (host, path) = rest.split_once('/').ok_or(LinkError::Link)?;
            (server(host), path)
        }
    };
    let path = path.strip_prefix("j/").unwrap_or(path);
    let path = path.split(['?', '#']).next().unwrap_or(path).trim_end_matches('/');
    let room = percent_decode_str(path).decode_utf8().map_err(|_| LinkError::Link)?;
    if room.is_empty() {
        return Err(LinkError::Link);
    }
    Ok(Place { server: Some(server.map_err(|_| LinkError::Link)?), room: room.parse()? })
}

/// Completes a server's address: without a scheme, an IP address, `localhost` or a port mean the plain `ws://` of a
/// server in one's own network, anything else `wss://`.
pub fn server(text: &str) -> Result<String, LinkError> {
    let text = text.trim();
    let text = text.strip_suffix('/').unwrap_or(text);
    let full = if text.contains(":/") {
        text.to_owned()
    } else {
        let host = text.split(':').next().unwrap_or(text);
        let near = host == "localhost" || host.parse::<IpAddr>().is_ok() || text.contains(':') || text.starts_with('[');
        format!("{}://{text}", if near { "ws" } else { "wss" })
    };
    let url = Url::parse(&full).map_err(|_| LinkError::Server)?;
    let usable = matches!(url.scheme(), "ws" | "wss" | "http" | "https")
        && url.host_str().is_some_and(|h| !h.is_empty() && !h.contains(' '))
        && url.username().is_empty();
    if usable { Ok(full) } else { Err(LinkError::Server) }
}

/// The link to a room that others can open: `https://HOST/j/ROOM`, or `http://` for a plain server.
pub fn link(server: &str, room: &RoomId) -> String {
    let server = server.trim_end_matches('/');
    let base = match server.split_once("://") {
        Some(("ws", host)) => format!("http://{host}"),
        Some(("wss", host)) => format!("https://{host}"),
        Some(_) => server.to_owned(),
        None => format!("https://{server}"),
    };
    let room = match room {
        RoomId::Number(n) => format!("num/{n}"),
        RoomId::Text(text) => utf8_percent_encode(text, PATH).to_string(),
    };
    format!("{base}/j/{room}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(server: Option<&str>, room: &str) -> Result<Place, LinkError> {
        Ok(Place { server: server.map(str::to_owned), room: room.parse().expect("a room") })
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
    }

    #[test]
    fn what_cannot_be_a_place_is_refused_with_a_reason() {
        assert_eq!(parse(""), Err(LinkError::Room(IdError::RoomEmpty)));
        assert_eq!(parse("num/0"), Err(LinkError::Room(IdError::RoomNumber)));
        assert_eq!(parse("https://meet.example/j/"), Err(LinkError::Link));
        assert_eq!(parse("ftp://meet.example/j/a"), Err(LinkError::Link));
        assert_eq!(parse("https://meet.example/j/%ff"), Err(LinkError::Link));
        for bad in ["", "ws://", "javascript:alert(1)", "wss://user@meet.example", "a b"] {
            assert_eq!(server(bad), Err(LinkError::Server), "{bad}");
        }
    }

    #[test]
    fn a_link_leads_back_to_its_room() {
        for room in ["Design review", "num/4417", "a+b&c=d?e"] {
            let room: RoomId = room.parse().expect("a room");
            let link = link("ws://192.168.1.5:7880", &room);
            let server = Some("http://192.168.1.5:7880".to_owned());
            assert_eq!(parse(&link), Ok(Place { server, room }), "{link}");
        }
    }
}
