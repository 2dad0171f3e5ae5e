//! The timeline of a recorded call, from the entries of the journal.

use crate::base::TimelineEntry;
use serde_json::Value;

/// The timeline of a call's entries.
pub(crate) fn timeline(entries: &[Value]) -> Vec<TimelineEntry> {
    in_order(entries).into_iter().filter_map(TimelineEntry::recorded).collect()
}

/// The entries in the order of their times: lines of the log are written at the end of a call.
fn in_order(entries: &[Value]) -> Vec<&Value> {
    let mut ordered: Vec<&Value> = entries.iter().collect();
    ordered.sort_by_key(|entry| entry["at_ms"].as_u64());
    ordered
}

/// The same with statistics in a row as one line, for people.
pub(crate) fn short_timeline(entries: &[Value]) -> Vec<TimelineEntry> {
    let is_statistics = |entry: &Value| entry["event"] == "Statistics" && entry["lost"].is_null();
    let mut short: Vec<TimelineEntry> = Vec::new();
    for run in in_order(entries).chunk_by(|one, next| is_statistics(one) && is_statistics(next)) {
        match run {
            [only] => short.extend(TimelineEntry::recorded(only)),
            many => short.push(TimelineEntry::of_statistics(many)),
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn entries_read_as_sentences() {
        let entries = [
            json!({"n": 1, "at_ms": 250, "event": "EnterRoom", "result_ms": 249.6}),
            json!({"n": 2, "at_ms": 1500, "event": "RemoteUserEnterRoom", "remote_user": "user-00000001"}),
            json!({"n": 3, "at_ms": 2000, "event": "Statistics", "rtt_ms": 12.2, "sent_kbps": 100.0, "received_kbps": 900.0,
                "cpu_percent": 9.0, "remote": [{"lost_percent": 0.0, "freezes": 0}], "candidate_pairs": [
                {"protocol": "udp", "local": "host", "remote": "host", "relay_protocol": null, "proxied": false}]}),
            json!({"n": 4, "at_ms": 4000, "event": "Statistics", "rtt_ms": 30.0, "sent_kbps": 100.0, "received_kbps": 100.0,
                "cpu_percent": 9.0, "remote": [{"lost_percent": 31.0, "freezes": 2}], "candidate_pairs": []}),
            json!({"n": 9, "at_ms": 5000, "event": "DeviceFailed", "kind": "camera", "id": "device-1", "message": "busy", "lost": 4}),
            json!({"n": 10, "at_ms": 6000, "event": "ExitRoom", "reason": 1, "total_ms": 38.2, "receipt": [
                {"step": "camera_released", "state": "confirmed", "ms": 1.0, "detail": ""},
                {"step": "others_told", "state": "unconfirmed", "ms": 1.0, "detail": "no answer"}]}),
            json!({"n": 11, "at_ms": 6000, "event": "OfTheFuture", "x": 1}),
        ];
        let all = timeline(&entries);
        assert_eq!((all.len(), all[1].at, all[1].words.as_str()), (7, 1500.0, "user-00000001 came in"));
        let short = short_timeline(&entries);
        let words: Vec<&str> = short.iter().map(|entry| entry.words.as_str()).collect();
        assert_eq!(words[0], "You came in after 250 ms");
        assert_eq!(
            words[2],
            "2 times: round trip 12–30 ms, sent 100 kbit/s, received 100–900 kbit/s, processor 9 %, tracks 1, worst loss 0–31 %, \
             freezes 0–2"
        );
        assert_eq!(words[3], "Your camera failed: busy (4 entries before this one were lost)");
        assert_eq!(words[4], "The call ended after 38 ms: removed (1); others_told unconfirmed (no answer)");
        assert!(words[5].contains("OfTheFuture"));
        assert!(all[2].words.ends_with("media over udp from host to host"), "{}", all[2].words);
    }

    #[test]
    fn entries_that_are_not_ours_are_left_out_and_break_nothing() {
        let strange = [
            json!(null),
            json!([1]),
            json!({"at_ms": "x"}),
            json!({"at_ms": 1, "event": 7}),
            json!({"at_ms": 1, "event": "ExitRoom"}),
        ];
        assert_eq!(timeline(&strange).len(), 1);
        assert_eq!(short_timeline(&strange).len(), 1);
    }
}
