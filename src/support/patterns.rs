//! Recognizes words that are private by their shape, whoever has written them.

use std::net::IpAddr;

/// An id or a key has at least so many characters, letters and digits among them.
const ID_CHARS: usize = 12;
/// A word of letters alone that is longer is no word of a sentence.
const WORD_CHARS: usize = 32;

/// What a word looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape<'a> {
    /// `scheme://…`
    Link { scheme: &'a str, host: &'a str, port: Option<u16> },
    /// An address of this computer itself, with `:port` or `/prefix`.
    Loopback { after: &'a str },
    /// An IP address, with `:port` or `/prefix`, or a MAC address.
    Address { address: String, after: &'a str },
    /// The name of a host, maybe with a port.
    Host,
    /// An e-mail address, or a user at a host.
    Person,
    /// A file or a folder.
    Path,
    /// An opaque id.
    Id,
    /// A token.
    Secret,
}

/// The shape of a word without spaces; `None` for an ordinary one.
pub(super) fn shape(word: &str) -> Option<Shape<'_>> {
    if let Some((scheme, rest)) = word.split_once("://") {
        return Some(link(scheme, rest));
    }
    if let Some(address) = address(word) {
        return Some(address);
    }
    if word.starts_with("eyJ") && word.len() >= ID_CHARS {
        return Some(Shape::Secret);
    }
    // `1280x720@30` is a format.
    if word.rsplit_once('@').is_some_and(|(_, after)| !after.is_empty() && !after.bytes().all(|b| b.is_ascii_digit())) {
        return Some(Shape::Person);
    }
    if is_path(word) {
        return Some(Shape::Path);
    }
    if is_host(word) {
        return Some(Shape::Host);
    }
    is_opaque(word).then_some(Shape::Id)
}

fn link<'a>(scheme: &'a str, rest: &'a str) -> Shape<'a> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() => (name, port.parse().ok()),
        _ => (host, None),
    };
    let known = scheme.len() <= 8 && scheme.bytes().all(|b| b.is_ascii_alphanumeric());
    Shape::Link { scheme: if known { scheme } else { "link" }, host: name.trim_matches(['[', ']']), port }
}

/// `1.2.3.4`, `1.2.3.4:5`, `::1`, `fe80::1%eth0`, `10.0.0.0/8`, `aa:bb:cc:dd:ee:ff`.
fn address(word: &str) -> Option<Shape<'_>> {
    let bare = word.trim_matches(['[', ']']);
    let (text, after) = match (bare.split_once('/'), bare.split_once('%')) {
        (Some((text, _)), _) => (text, &bare[text.len()..]),
        // The zone of a link-local address names an interface.
        (None, Some((text, _))) => (text, ""),
        (None, None) if bare.parse::<IpAddr>().is_ok() => (bare, ""),
        (None, None) => match bare.rsplit_once(':') {
            Some((text, port)) if port.parse::<u16>().is_ok() => (text, &bare[text.len()..]),
            _ => (bare, ""),
        },
    };
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        // The same address has one pseudonym, however it is written.
        let address = ip.to_canonical();
        return Some(match address.is_loopback() || address.is_unspecified() {
            true => Shape::Loopback { after },
            false => Shape::Address { address: address.to_string(), after },
        });
    }
    let parts: Vec<&str> = bare.split([':', '-', '_']).collect();
    let is_mac = parts.len() == 6 && parts.iter().all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()));
    is_mac.then(|| Shape::Address { address: parts.join(":").to_ascii_lowercase(), after: "" })
}

fn is_path(word: &str) -> bool {
    let bytes = word.as_bytes();
    if word.starts_with("/dev/video") && bytes[10..].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let has_drive =
        bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && matches!(bytes[2], b'\\' | b'/');
    if has_drive || word.contains('\\') || (word.len() > 1 && word.starts_with(['/', '~', '.']) && word.contains('/')) {
        return true;
    }
    match word.split('/').collect::<Vec<_>>().as_slice() {
        [_] => false,
        // `TCP/TLS`, `audio/opus`, and `kbit/s` are no paths; `num/123` is a room.
        [one, other] => {
            ![one, other].iter().all(|part| part.len() <= 12 && part.bytes().all(|b| b.is_ascii_alphabetic()))
        }
        _ => true,
    }
}

/// `calls.example.com`, also with a port; `computer:7880`.
fn is_host(word: &str) -> bool {
    let (name, port) = match word.rsplit_once(':') {
        Some((name, port)) if port.len() >= 2 && port.parse::<u16>().is_ok() => (name, true),
        _ => (word, false),
    };
    let labels: Vec<&str> = name.split('.').collect();
    let well_formed = labels.iter().all(|label| {
        !label.is_empty() && label.len() <= 63 && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    });
    let ends_in_letters =
        labels.last().is_some_and(|last| last.chars().count() >= 2 && last.chars().all(char::is_alphabetic));
    match labels.len() {
        0 => false,
        1 => port && well_formed && name.len() > 1 && name.contains(|c: char| c.is_alphabetic()),
        _ => well_formed && ends_in_letters,
    }
}

/// A key, a hash, an id: long, of letters and digits.
fn is_opaque(word: &str) -> bool {
    let chars = word.chars().count();
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    if letters > 0 && digits > 0 && chars >= ID_CHARS {
        // `1763850000123ms` is a number with its unit, and so are `0x…` of less than that.
        let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+'));
        return unit.len() > 3 || unit.contains(|c: char| c.is_ascii_digit());
    }
    chars > WORD_CHARS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_private_is_recognized_by_its_shape() {
        let kind = |word: &str| match shape(word) {
            None => "",
            Some(Shape::Link { .. }) => "link",
            Some(Shape::Loopback { .. }) => "loopback",
            Some(Shape::Address { .. }) => "address",
            Some(Shape::Host) => "host",
            Some(Shape::Person) => "person",
            Some(Shape::Path) => "path",
            Some(Shape::Id) => "id",
            Some(Shape::Secret) => "secret",
        };
        for (expected, words) in [
            ("link", &["wss://calls.example.com", "visavis://join?room=a", "http://a:b@10.0.0.1:80/x"][..]),
            ("loopback", &["127.0.0.1", "127.0.0.1:7880", "::1", "[::1]:7880", "0.0.0.0"]),
            (
                "address",
                &["10.1.2.3", "10.1.2.3:7882", "10.0.0.0/8", "2001:db8::7", "[2001:db8::7]:443", "fe80::1%eth0"],
            ),
            ("address", &["aa:bb:cc:dd:ee:0f", "AC_BC_32_00_11_22", "::ffff:10.1.2.3"]),
            (
                "host",
                &[
                    "calls.example.com",
                    "calls.example.com:7880",
                    "minas-laptop.local",
                    "xn--bcher-kva.example",
                    "nas:7880",
                ],
            ),
            ("person", &["mina@example.com", "@mina"]),
            ("path", &["/home/mina/a.wav", "~/x", "./x", "C:\\Users\\mina", "num/123", "a/b/c", "Users\\mina"]),
            (
                "id",
                &["TR_VSabcdef123456", "550e8400-e29b-41d4-a716-446655440000", "APIabcdefgh1234", "devices2mina0000"],
            ),
            ("secret", &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtaW5hIn0.c2ln"]),
            (
                "",
                &[
                    "the",
                    "camera",
                    "12.5",
                    "1763850000123ms",
                    "0.1.0",
                    "TCP/TLS",
                    "kbit/s",
                    "audio/opus",
                    "1280x720@30",
                ],
            ),
            ("", &["/dev/video0", "H.264", "SIGSEGV", "e.g", "12:30:04", "1:2", "capture-process"]),
        ] {
            for word in words {
                assert_eq!(kind(word), expected, "{word}");
            }
        }
        assert_eq!(
            shape("ws://u:p@[2001:db8::7]:7880/rtc?access_token=x"),
            Some(Shape::Link { scheme: "ws", host: "2001:db8::7", port: Some(7880) })
        );
        assert_eq!(
            shape("::ffff:10.1.2.3"),
            Some(Shape::Address { address: "10.1.2.3".into(), after: "" }),
            "one address has one pseudonym"
        );
    }
}
