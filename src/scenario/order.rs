//! The order of events, by which a recorded call and a played one are compared.

use super::replay::word;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// A device failed.
const FAILED: &str = "DeviceFailed";

/// The events of one person in their order. Events of independent things have no order between them: the stay (entering,
/// outages, the exit), the camera, the microphone, the screen, and of each other person the stay and each source.
/// Measurements, the speaker, the numbers of attempts, and failures of a device that has failed already are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EventOrder {
    lanes: BTreeMap<String, Vec<String>>,
}

impl EventOrder {
    /// The order of lines as in an event file or a journal.
    pub(crate) fn of(lines: &[Value]) -> Self {
        let mut order = Self::default();
        for line in lines {
            if let Some((lane, event)) = lane_of(line) {
                let events = order.lanes.entry(lane).or_default();
                if event != FAILED || events.last() != Some(&event) {
                    events.push(event);
                }
            }
        }
        order
    }

    /// What was recorded and what was played, where they differ: three lines for each independent thing.
    pub(crate) fn differences(&self, played: &Self) -> String {
        let shown = |order: &Self, lane: &str| match order.lanes.get(lane) {
            Some(events) => events.join("; "),
            None => "nothing".to_owned(),
        };
        let mut text = String::new();
        let lanes: BTreeSet<&String> = self.lanes.keys().chain(played.lanes.keys()).collect();
        for lane in lanes.into_iter().filter(|lane| self.lanes.get(*lane) != played.lanes.get(*lane)) {
            let (recorded, played) = (shown(self, lane), shown(played, lane));
            // Writing to a string does not fail.
            writeln!(text, "{lane}:\n  recorded: {recorded}\n  played:   {played}").ok();
        }
        text
    }
}

/// What an event is about, and the event; `None` for one that is not compared.
fn lane_of(line: &Value) -> Option<(String, String)> {
    let name = line["event"].as_str()?;
    let user = word(&line["remote_user"]);
    let stay = || "stay".to_owned();
    Some(match name {
        "EnterRoom" if !line["error"].is_null() => (stay(), "EnterRoom, error".to_owned()),
        "EnterRoom" | "ConnectionLost" | "ConnectionRecovery" | "ExitRequested" => (stay(), name.to_owned()),
        "ExitRoom" => (stay(), format!("ExitRoom, reason {}", line["reason"])),
        "DeviceOpened" | "DeviceClosed" | FAILED if line["kind"] != "speaker" => (word(&line["kind"]), name.to_owned()),
        "RemoteUserEnterRoom" => (user, name.to_owned()),
        "RemoteUserLeaveRoom" => (user, format!("{name}, reason {}", line["reason"])),
        "UserVideoAvailable" | "UserAudioAvailable" | "UserSubStreamAvailable" => {
            (format!("{user}, {}", word(&line["source"])), format!("{name}, {}", line["available"]))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_independent_has_no_order_and_the_rest_has_one() {
        let enter = json!({ "event": "EnterRoom", "result_ms": 12 });
        let opened = |kind: &str| json!({ "event": "DeviceOpened", "kind": kind, "id": "x" });
        let exit = |reason: u64| json!({ "event": "ExitRoom", "reason": reason });
        let recorded = [opened("camera"), opened("speaker"), enter.clone(), opened("microphone"), exit(0)];
        let same = [enter.clone(), json!({ "event": "Statistics" }), opened("microphone"), opened("camera"), exit(0)];
        assert_eq!(EventOrder::of(&recorded), EventOrder::of(&same));
        assert_eq!(EventOrder::of(&recorded).differences(&EventOrder::of(&same)), "");
        for other in [&[exit(0), enter.clone()][..], &[enter, exit(1)]] {
            let text = EventOrder::of(&recorded).differences(&EventOrder::of(other));
            assert!(text.contains("stay:\n  recorded: EnterRoom; ExitRoom, reason 0\n  played:   E"), "{text}");
            assert!(text.contains("camera:\n  recorded: DeviceOpened\n  played:   nothing"), "{text}");
        }
    }
}
