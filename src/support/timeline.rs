//! The timeline of a call in readable words, from the entries of the journal.

use serde_json::Value;

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub(crate) struct RecordedEntry {
    /// Seconds since the call began.
    pub(crate) at: f64,
    /// The event's name, as in docs/events.md.
    pub(crate) kind: String,
    /// What happened, in words.
    pub(crate) words: String,
}

/// The timeline of a call's entries. Statistics in a row are one line each.
pub(crate) fn timeline(entries: &[Value]) -> Vec<RecordedEntry> {
    let line = |entry: &Value| {
        let at = entry["at_ms"].as_f64()? / 1000.0;
        let kind = entry["event"].as_str()?;
        let lost = entry["lost"].as_u64().map(|lost| format!(" ({lost} entries before this one were lost)"));
        let words = format!("{}{}", words(kind, entry), lost.unwrap_or_default());
        Some(RecordedEntry { at, kind: kind.to_owned(), words })
    };
    in_order(entries).into_iter().filter_map(line).collect()
}

/// The entries in the order of their times: lines of the log are written at the end of a call.
fn in_order(entries: &[Value]) -> Vec<&Value> {
    let mut ordered: Vec<&Value> = entries.iter().collect();
    ordered.sort_by_key(|entry| entry["at_ms"].as_u64());
    ordered
}

/// The same with statistics in a row as one line, for people.
pub(crate) fn short_timeline(entries: &[Value]) -> Vec<RecordedEntry> {
    let is_statistics = |entry: &Value| entry["event"] == "Statistics" && entry["lost"].is_null();
    let mut short: Vec<RecordedEntry> = Vec::new();
    for run in in_order(entries).chunk_by(|one, next| is_statistics(one) && is_statistics(next)) {
        match run {
            [only] => short.extend(timeline(std::slice::from_ref(*only))),
            many => {
                let at = many[0]["at_ms"].as_f64().unwrap_or_default() / 1000.0;
                short.push(RecordedEntry { at, kind: "Statistics".to_owned(), words: many_statistics(many) });
            }
        }
    }
    short
}

/// An event in words.
fn words(kind: &str, e: &Value) -> String {
    let who = || text(&e["remote_user"]);
    match kind {
        "EnterRoom" if !e["error"].is_null() => {
            format!("the room could not be entered ({}): {}", text(&e["error"]), text(&e["message"]))
        }
        "EnterRoom" => format!("in the room after {}", ms(&e["result_ms"])),
        "ExitRequested" => format!("asked to leave by the {}", text(&e["by"])),
        "ExitRoom" => {
            format!("the call ended after {}: {}{}", ms(&e["total_ms"]), reason(&e["reason"]), receipt(&e["receipt"]))
        }
        "RemoteUserEnterRoom" => format!("{} came", who()),
        "RemoteUserLeaveRoom" => {
            let why = match e["reason"].as_u64() {
                Some(0) => "left",
                Some(1) => "timed out",
                Some(2) => "was removed",
                _ => "is gone",
            };
            format!("{} {why}", who())
        }
        "UserVideoAvailable" | "UserAudioAvailable" | "UserSubStreamAvailable" => {
            let can = if e["available"] == true { "sends" } else { "no longer sends" };
            format!("{} {can} {} ({})", who(), text(&e["source"]), text(&e["track"]))
        }
        "TrackCovered" if e["covered"] == true => {
            let codec = e["codec"].as_str().map(|codec| format!(" {codec}")).unwrap_or_default();
            format!("the {} of {} cannot be shown: {}{codec}", text(&e["source"]), who(), text(&e["why"]))
        }
        "TrackCovered" => format!("the {} of {} can be shown again", text(&e["source"]), who()),
        "TrackPaused" if e["paused"] == true => {
            format!("the {} of {} is paused by the server: a weak connection", text(&e["source"]), who())
        }
        "TrackPaused" => format!("the {} of {} is sent again", text(&e["source"]), who()),
        "FirstVideoFrame" => {
            format!("first picture of {}: {} {}x{}", who(), text(&e["source"]), text(&e["width"]), text(&e["height"]))
        }
        "FirstAudioFrame" => format!("first sound of {}: {}", who(), text(&e["source"])),
        "ChatMessage" => {
            let private = if e["private"] == true { ", private" } else { "" };
            format!("message of {} ({} characters{private})", who(), text(&e["chars"]))
        }
        "HandRaised" => format!("{} {} a hand", who(), if e["raised"] == true { "raised" } else { "lowered" }),
        "HandLowered" => format!("our hand is down: {}", text(&e["reason"])),
        "Reaction" => format!("{} reacted: {}", who(), text(&e["reaction"])),
        "ConnectionLost" => format!("the connection was lost (attempt {})", text(&e["attempt"])),
        "TryToReconnect" => format!("attempt {} to reconnect", text(&e["attempt"])),
        "ConnectionRecovery" => format!("the connection is back (attempt {})", text(&e["attempt"])),
        "DeviceOpened" => format!("{} opened: {}", text(&e["kind"]), text(&e["id"])),
        "DeviceClosed" => format!("{} closed{}", text(&e["kind"]), because(&e["message"])),
        "DeviceFailed" => format!("{} failed: {}{}", text(&e["kind"]), text(&e["id"]), because(&e["message"])),
        "DeviceWithheld" => format!("{} is kept off: {}", text(&e["kind"]), text(&e["reason"])),
        "DeviceAllowed" => format!("{} is allowed again", text(&e["kind"])),
        "ScreenShown" => format!("the window shows: {}", text(&e["screen"])),
        "Statistics" => many_statistics(&[e]),
        "Verified" => format!("test pictures and tones {}", if e["met"] == true { "arrive" } else { "are missing" }),
        "Log" => format!("{} {}: {}", text(&e["level"]), text(&e["target"]), text(&e["text"])),
        // Of a newer version.
        _ => e.to_string(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "?".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn ms(value: &Value) -> String {
    value.as_f64().map_or_else(|| "?".to_owned(), |ms| format!("{ms:.0} ms"))
}

fn because(message: &Value) -> String {
    message.as_str().filter(|message| !message.is_empty()).map(|message| format!(" ({message})")).unwrap_or_default()
}

fn reason(code: &Value) -> String {
    let reason = code.as_u64().and_then(|code| crate::base::ExitReason::from_code(code as u16));
    reason.map_or_else(|| format!("reason {}", text(code)), |reason| format!("{reason} ({})", reason.code()))
}

/// The steps of a receipt that were not confirmed.
fn receipt(receipt: &Value) -> String {
    let steps = receipt.as_array().map(Vec::as_slice).unwrap_or_default();
    let bad: Vec<String> = steps
        .iter()
        .filter(|step| !matches!(step["state"].as_str(), Some("confirmed" | "not_applicable")))
        .map(|step| format!("{} {}{}", text(&step["step"]), text(&step["state"]), because(&step["detail"])))
        .collect();
    match (steps.is_empty(), bad.is_empty()) {
        (true, _) => String::new(),
        (false, true) => "; everything confirmed".to_owned(),
        (false, false) => format!("; {}", bad.join(", ")),
    }
}

/// Statistics in one line, with the smallest and the largest figure.
fn many_statistics(entries: &[&Value]) -> String {
    let range = |name: &str, of: &dyn Fn(&Value) -> Option<f64>, unit: &str| {
        let figures: Vec<f64> = entries.iter().filter_map(|entry| of(entry)).collect();
        let (low, high) = figures.iter().fold((f64::MAX, f64::MIN), |(low, high), f| (low.min(*f), high.max(*f)));
        match (figures.is_empty(), format!("{low:.0}") == format!("{high:.0}")) {
            (true, _) => String::new(),
            (false, true) => format!("{name} {high:.0} {unit}, "),
            (false, false) => format!("{name} {low:.0}–{high:.0} {unit}, "),
        }
    };
    let tracks = |e: &Value| e["remote"].as_array().map(|remote| remote.len() as f64);
    let worst = |field: &'static str| {
        move |e: &Value| e["remote"].as_array()?.iter().filter_map(|track| track[field].as_f64()).reduce(f64::max)
    };
    let mut line = match entries.len() {
        1 => String::new(),
        many => format!("{many} times: "),
    };
    line += &range("round trip", &|e| e["rtt_ms"].as_f64(), "ms");
    line += &range("sent", &|e| e["sent_kbps"].as_f64(), "kbit/s");
    line += &range("received", &|e| e["received_kbps"].as_f64(), "kbit/s");
    line += &range("processor", &|e| e["cpu_percent"].as_f64(), "%");
    line += &range("tracks", &tracks, "");
    line += &range("worst loss", &worst("lost_percent"), "%");
    line += &range("freezes", &worst("freezes"), "");
    line += &ways(entries.last().copied());
    line.trim_end_matches([',', ' ']).replace(" ,", ",")
}

/// The ways of media.
fn ways(statistics: Option<&Value>) -> String {
    let pairs = statistics.and_then(|s| s["candidate_pairs"].as_array()).map(Vec::as_slice).unwrap_or_default();
    let way = |pair: &Value| {
        let relay = pair["relay_protocol"].as_str().map(|by| format!(" by a relay over {by}")).unwrap_or_default();
        let proxied = if pair["proxied"] == true { " through a proxy" } else { "" };
        format!(
            "media over {} from {} to {}{relay}{proxied}",
            text(&pair["protocol"]),
            text(&pair["local"]),
            text(&pair["remote"])
        )
    };
    pairs.iter().map(way).collect::<Vec<_>>().join("; ")
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
        assert_eq!((all.len(), all[1].at, all[1].words.as_str()), (7, 1.5, "user-00000001 came"));
        let short = short_timeline(&entries);
        let words: Vec<&str> = short.iter().map(|entry| entry.words.as_str()).collect();
        assert_eq!(words[0], "in the room after 250 ms");
        assert_eq!(
            words[2],
            "2 times: round trip 12–30 ms, sent 100 kbit/s, received 100–900 kbit/s, processor 9 %, tracks 1, worst loss 0–31 %, \
             freezes 0–2"
        );
        assert_eq!(words[3], "camera failed: device-1 (busy) (4 entries before this one were lost)");
        assert_eq!(words[4], "the call ended after 38 ms: removed (1); others_told unconfirmed (no answer)");
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
