//! A raised hand, as an attribute of the participant. LiveKit has no standard for it; this is the form of La Suite Meet:
//! `handRaisedAt`, the time of raising (RFC 3339, UTC). Without a value the hand is down. An attribute survives a resume, and
//! those who join later see it. The attributes of small programs, `handRaised` and `raisedHand`, are read too.

use crate::base::RaisedHand;
use jiff::Timestamp;
use std::collections::HashMap;

/// The attribute that is written.
const ATTRIBUTE: &str = "handRaisedAt";
/// Attributes that are read too; they have no time.
const OTHERS: [&str; 2] = ["handRaised", "raisedHand"];
/// Length of a value in bytes at most, with some room for other forms of a time.
const VALUE_BYTES: usize = 64;

/// Whether this pair is an attribute of a hand, with a value that is no longer than such a one.
pub(crate) fn is_hand(key: &str, value: &str) -> bool {
    (key == ATTRIBUTE || OTHERS.contains(&key)) && value.len() <= VALUE_BYTES
}

/// The raised hand of a participant with these attributes; `None` if it is down.
pub(crate) fn read(attributes: &HashMap<String, String>) -> Option<RaisedHand> {
    let set = |key: &str| attributes.get(key).map(String::as_str).filter(|v| !matches!(*v, "" | "0" | "false"));
    if let Some(time) = set(ATTRIBUTE) {
        return Some(RaisedHand { at_ms: time.parse::<Timestamp>().ok().map(Timestamp::as_millisecond) });
    }
    OTHERS.into_iter().find_map(set).map(|_| RaisedHand { at_ms: None })
}

/// The attributes of a hand that is raised at this time (Unix ms), or lowered.
pub(crate) fn attributes(raised_at_ms: Option<i64>) -> HashMap<String, String> {
    let time = raised_at_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    match time {
        Some(time) => HashMap::from([(ATTRIBUTE.to_owned(), time.to_string())]),
        // An empty value removes an attribute.
        None => [ATTRIBUTE].iter().chain(&OTHERS).map(|key| ((*key).to_owned(), String::new())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Option<RaisedHand> {
        read(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn a_hand_is_written_and_read_with_its_time() {
        let raised = attributes(Some(1_763_908_327_312));
        assert_eq!(raised["handRaisedAt"], "2025-11-23T14:32:07.312Z");
        assert_eq!(read(&raised), Some(RaisedHand { at_ms: Some(1_763_908_327_312) }));
        let lowered = attributes(None);
        assert!(lowered.len() == 3 && lowered.values().all(String::is_empty), "{lowered:?}");
        assert_eq!(read(&lowered), None);
    }

    #[test]
    fn other_forms_are_read() {
        assert_eq!(
            of(&[("handRaisedAt", "2025-11-23T16:32:07+02:00")]),
            of(&[("handRaisedAt", "2025-11-23T14:32:07Z")])
        );
        let without_time = Some(RaisedHand { at_ms: None });
        for (key, value) in [("handRaised", "true"), ("raisedHand", "1"), ("handRaisedAt", "now")] {
            assert_eq!(of(&[(key, value)]), without_time, "{key}");
        }
        for none in ["", "false", "0"] {
            assert_eq!(of(&[("handRaised", none), ("handRaisedAt", none)]), None, "{none}");
        }
        assert_eq!(of(&[("role", "host")]), None);
    }

    #[test]
    fn only_short_values_of_its_attributes_are_a_hand() {
        assert!(is_hand("handRaisedAt", "") && is_hand("raisedHand", "true"));
        assert!(!is_hand("role", "host") && !is_hand("handRaisedAt", &"x".repeat(65)));
    }
}
