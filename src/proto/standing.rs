//! What a participant is in a room, as attributes that only the server and hosts write: host, waiting, admitted. LiveKit has
//! no words for them. On a livekit-server a participant with the right to change its own attributes can claim them; they
//! give no rights there.

use std::collections::HashMap;

/// What the attributes of this program begin with.
const PREFIX: &str = "visavis.";
const HOST: &str = "visavis.host";
const WAITING: &str = "visavis.waiting";
const ADMITTED: &str = "visavis.admitted";
/// The value of an attribute that is set.
const YES: &str = "true";

/// Whether participants may not write this attribute themselves.
pub(crate) fn is_reserved(key: &str) -> bool {
    key.starts_with(PREFIX)
}

/// Whether a participant with these attributes is a host.
pub(crate) fn is_host(attributes: &HashMap<String, String>) -> bool {
    is_set(attributes, HOST)
}

/// Whether a participant with these attributes waits to be let in.
pub(crate) fn is_waiting(attributes: &HashMap<String, String>) -> bool {
    is_set(attributes, WAITING)
}

/// The attribute of a host.
pub(crate) fn host() -> (String, String) {
    (HOST.to_owned(), YES.to_owned())
}

/// The attribute of somebody who waits.
pub(crate) fn waiting() -> (String, String) {
    (WAITING.to_owned(), YES.to_owned())
}

/// The change of attributes that lets somebody in: an empty value removes one.
pub(crate) fn no_longer_waiting() -> (String, String) {
    (WAITING.to_owned(), String::new())
}

/// Whether this change of attributes lets somebody in.
pub(crate) fn lets_in(change: &HashMap<String, String>) -> bool {
    change.get(WAITING).is_some_and(String::is_empty)
}

/// The attribute of somebody who was let into the room with this sid. A token that carries it opens the same room again.
pub(crate) fn admitted(room_sid: &str) -> (String, String) {
    (ADMITTED.to_owned(), room_sid.to_owned())
}

/// Whether these attributes of a token say that its bearer was let into the room with this sid.
pub(crate) fn was_admitted(attributes: &[(String, String)], room_sid: &str) -> bool {
    attributes.iter().any(|(key, value)| key == ADMITTED && value == room_sid)
}

fn is_set(attributes: &HashMap<String, String>, key: &str) -> bool {
    attributes.get(key).is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_read_as_it_was_written_and_reserved() {
        let of = |pair: (String, String)| HashMap::from([pair]);
        assert!(is_host(&of(host())) && !is_host(&of(waiting())));
        assert!(is_waiting(&of(waiting())) && !is_waiting(&of(no_longer_waiting())));
        assert!(lets_in(&of(no_longer_waiting())) && !lets_in(&of(waiting())) && !lets_in(&HashMap::new()));
        assert!(was_admitted(&[admitted("RM_1")], "RM_1") && !was_admitted(&[admitted("RM_1")], "RM_2"));
        assert!([host(), waiting(), admitted("RM_1")].iter().all(|(key, _)| is_reserved(key)));
        assert!(!is_reserved("handRaisedAt"));
    }
}
