//! The timeline of a call: what happened, when, in plain words. A call that runs and a recorded one have the same words:
//! both are made of the fields of events ([docs/events.md](../../docs/events.md)).

use crate::base::{Event, EventKind, ExitReason, RemoteLeaveReason, Withheld};
use serde::Serialize;
use serde_json::Value;

/// One thing that happened in a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct TimelineEntry {
    /// When, in ms: Unix time in a call that runs, the time since the call began in a recorded one.
    pub(crate) at: f64,
    /// The name of its event, as in docs/events.md.
    pub(crate) kind: String,
    /// What happened, for people.
    pub(crate) words: String,
}

impl TimelineEntry {
    /// The entry of an event of a call that runs; `None` for measurements, and for what happens in the window alone. `name`
    /// gives the name of a user id; no text of a message is in the words.
    pub(crate) fn of(event: &Event, name: impl Fn(&str) -> String) -> Option<Self> {
        let is_shown = !matches!(
            event.kind,
            EventKind::ScreenShown { .. }
                | EventKind::Focused { .. }
                | EventKind::Statistics(_)
                | EventKind::Verified { .. }
        );
        is_shown.then(|| {
            let kind = event.kind.name();
            Self { at: event.unix_ms, kind: kind.to_owned(), words: words(kind, &event.kind.fields(), name) }
        })
    }

    /// A recorded entry, whose users are pseudonyms: `at_ms`, `event` and the event's fields. `None` if it is none.
    pub(crate) fn recorded(entry: &Value) -> Option<Self> {
        let (at, kind) = (entry["at_ms"].as_f64()?, entry["event"].as_str()?);
        let lost = entry["lost"].as_u64().map(|lost| format!(" ({lost} entries before this one were lost)"));
        let words = format!("{}{}", words(kind, entry, str::to_owned), lost.unwrap_or_default());
        Some(Self { at, kind: kind.to_owned(), words })
    }

    /// Statistics in a row as one entry.
    pub(crate) fn of_statistics(run: &[&Value]) -> Self {
        let at = run.first().and_then(|first| first["at_ms"].as_f64()).unwrap_or_default();
        Self { at, kind: "Statistics".to_owned(), words: many_statistics(run) }
    }
}

/// An event in words.
fn words(kind: &str, e: &Value, name: impl Fn(&str) -> String) -> String {
    // The event's own name of somebody who is gone by now.
    let who = || e["name"].as_str().map_or_else(|| name(&text(&e["remote_user"])), str::to_owned);
    let track = || format!("{}: {}", who(), source(kind, e));
    match kind {
        "EnterRoom" if !e["error"].is_null() => {
            format!("The room could not be entered ({}): {}", text(&e["error"]), text(&e["message"]))
        }
        "EnterRoom" => format!("You came in after {}", ms(&e["result_ms"])),
        "ExitRequested" => match e["by"].as_str() {
            Some("user") => "You pressed Leave",
            Some("window") => "You closed the window",
            Some("signal") => "The system asked the program to end",
            Some("timer") => "The time set for the call is over",
            _ => "Something asked to leave",
        }
        .to_owned(),
        "ExitRoom" => {
            let (after, receipt) = (ms(&e["total_ms"]), receipt(&e["receipt"]));
            format!("The call ended after {after}: {}{receipt}", reason(&e["reason"]))
        }
        "RemoteUserEnterRoom" => format!("{} came in", who()),
        "RemoteUserLeaveRoom" => format!("{} {}", who(), left(&e["reason"])),
        "UserVideoAvailable" | "UserAudioAvailable" | "UserSubStreamAvailable" => {
            format!("{} {}", track(), if e["available"] == true { "on" } else { "off" })
        }
        "TrackCovered" if e["covered"] == true => {
            let why = match e["codec"].as_str() {
                Some(codec) => format!("its codec is {codec}"),
                None => format!("it is {}", text(&e["why"])),
            };
            format!("{} cannot be used, {why}", track())
        }
        "TrackCovered" => format!("{} can be used again", track()),
        "TrackPaused" if e["paused"] == true => format!("{} paused by the server, a weak connection", track()),
        "TrackPaused" => format!("{} sent again", track()),
        "FirstVideoFrame" => {
            let (width, height) = (text(&e["width"]), text(&e["height"]));
            format!("{}: first picture of the {}, {width}×{height}", who(), source(kind, e))
        }
        "FirstAudioFrame" => format!("{}: first sound of the {}", who(), source(kind, e)),
        "ChatMessage" => {
            let chars = e["chars"].as_u64().map(|chars| format!(" ({chars} characters)")).unwrap_or_default();
            format!("{} wrote a {}message{chars}", who(), if e["private"] == true { "private " } else { "" })
        }
        "HandRaised" => format!("{} {} a hand", who(), if e["raised"] == true { "raised" } else { "lowered" }),
        "HandLowered" => format!("Your hand was lowered, {}", withheld(&e["reason"])),
        "Reaction" => format!("{} reacted: {}", who(), text(&e["reaction"])),
        "ConnectionLost" => "The connection was lost".to_owned(),
        "TryToReconnect" => format!("Attempt {} to connect again", text(&e["attempt"])),
        "ConnectionRecovery" => format!("Connected again, attempt {}", text(&e["attempt"])),
        "ScreenShown" => format!("The window shows: {}", text(&e["screen"])),
        "Statistics" => many_statistics(&[e]),
        "Verified" => format!("Test pictures and tones {}", if e["met"] == true { "arrive" } else { "are missing" }),
        "Log" => format!("{} {}: {}", text(&e["level"]), text(&e["target"]), text(&e["text"])),
        _ => of_devices(kind, e).or_else(|| of_hosts(kind, e, who, &name)).unwrap_or_else(|| e.to_string()),
    }
}

fn of_devices(kind: &str, e: &Value) -> Option<String> {
    let device = match e["kind"].as_str() {
        Some("screen") => "shared screen".to_owned(),
        _ => text(&e["kind"]),
    };
    Some(match kind {
        "DeviceOpened" => format!("Your {device} opened: {}", text(&e["id"])),
        "DeviceClosed" => format!("Your {device} closed{}", message(&e["message"])),
        "DeviceFailed" => format!("Your {device} failed{}", message(&e["message"])),
        "DeviceWithheld" => format!("Your {device} was kept off, {}", withheld(&e["reason"])),
        "DeviceAllowed" => format!("Your {device} may be turned on"),
        "DeviceAsked" => format!("A host asked for your {device}"),
        _ => return None,
    })
}

/// What hosts do, and what they set for the room.
fn of_hosts(kind: &str, e: &Value, who: impl Fn() -> String, name: impl Fn(&str) -> String) -> Option<String> {
    Some(match kind {
        "Waiting" => "You wait to be let in".to_owned(),
        "Admitted" => "A host let you in".to_owned(),
        "GuestWaiting" if e["waiting"] == true => format!("{} waits to be let in", who()),
        "GuestWaiting" => format!("{} does not wait any more", who()),
        "RoomSettingsChanged" => {
            let lit = e["spotlight"].as_str().map(|user| format!("{} is shown large", name(user)));
            let set = [("muted_on_entry", "muted on entry"), ("locked", "locked"), ("waiting_room", "waiting room")];
            let set = set.iter().filter(|(field, _)| e[*field] == true).map(|(_, words)| (*words).to_owned());
            let all: Vec<String> = lit.into_iter().chain(set).collect();
            format!("For everybody: {}", if all.is_empty() { "nothing is set".to_owned() } else { all.join(", ") })
        }
        // Of a newer version.
        _ => return None,
    })
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

/// The system's message, if there is one.
fn message(message: &Value) -> String {
    message.as_str().filter(|message| !message.is_empty()).map(|message| format!(": {message}")).unwrap_or_default()
}

fn reason(code: &Value) -> String {
    let reason = code.as_u64().and_then(|code| u16::try_from(code).ok()).and_then(ExitReason::from_code);
    reason.map_or_else(|| format!("reason {}", text(code)), |reason| format!("{reason} ({})", reason.code()))
}

fn left(code: &Value) -> &'static str {
    let reasons = [RemoteLeaveReason::Left, RemoteLeaveReason::TimedOut, RemoteLeaveReason::Removed];
    match reasons.into_iter().find(|reason| code.as_u64() == Some(u64::from(reason.code()))) {
        Some(RemoteLeaveReason::Left) => "left",
        Some(RemoteLeaveReason::TimedOut) => "lost the connection",
        Some(RemoteLeaveReason::Removed) => "was removed",
        None => "is gone",
    }
}

/// The source of an event's track. One that its publisher does not name is a camera or a voice.
fn source(kind: &str, e: &Value) -> &'static str {
    match e["source"].as_str() {
        Some("microphone") => "microphone",
        Some("screen") => "screen",
        Some("screen_audio") => "screen sound",
        Some("unknown") if kind.contains("Audio") => "microphone",
        _ => "camera",
    }
}

fn withheld(reason: &Value) -> String {
    let all = [
        (Withheld::Host, "by the host"),
        (Withheld::NotAllowed, "the room does not allow it"),
        (Withheld::Refused, "the server refused it"),
    ];
    let known = all.iter().find(|(why, _)| serde_json::to_value(why).is_ok_and(|why| why == *reason));
    known.map_or_else(|| text(reason), |(_, words)| (*words).to_owned())
}

/// The steps of a receipt that were not confirmed.
fn receipt(receipt: &Value) -> String {
    let steps = receipt.as_array().map(Vec::as_slice).unwrap_or_default();
    let bad: Vec<String> = steps
        .iter()
        .filter(|step| !matches!(step["state"].as_str(), Some("confirmed" | "not_applicable")))
        .map(|step| format!("{} {}{}", text(&step["step"]), text(&step["state"]), detail(&step["detail"])))
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

/// A note of a step.
fn detail(detail: &Value) -> String {
    detail.as_str().filter(|detail| !detail.is_empty()).map(|detail| format!(" ({detail})")).unwrap_or_default()
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
    use crate::base::{DeviceKind, SessionId, Statistics, TrackRef, TrackSource, UserId};

    fn entry(kind: EventKind) -> Option<TimelineEntry> {
        let event = Event { unix_ms: 5.5, session: SessionId(1), user: "ada".into(), place: None, kind };
        TimelineEntry::of(&event, |user| if user == "mina" { "Mina Park".into() } else { user.to_owned() })
    }

    #[test]
    fn an_entry_has_the_time_the_event_and_the_name() {
        let user: UserId = "mina".parse().expect("an id");
        let track = TrackRef { user: user.clone(), source: TrackSource::Screen, sid: "TR_1".into() };
        let shared = entry(EventKind::UserSubStreamAvailable { track, available: true }).expect("an entry");
        assert_eq!(
            (shared.at, shared.kind.as_str(), shared.words.as_str()),
            (5.5, "UserSubStreamAvailable", "Mina Park: screen on")
        );
        let message = EventKind::ChatMessage { user, text: "a secret".into(), private: true };
        assert_eq!(entry(message).expect("an entry").words, "Mina Park wrote a private message");
        let kind = DeviceKind::Camera;
        let failed = EventKind::DeviceFailed { kind, id: "cam".into(), message: "busy".into() };
        assert_eq!(entry(failed).expect("an entry").words, "Your camera failed: busy");
    }

    #[test]
    fn measurements_are_no_entries() {
        assert_eq!(entry(EventKind::Statistics(Statistics::default())), None);
        assert_eq!(entry(EventKind::Focused { control: "Leave call".into() }), None);
    }
    /// Each kind of event has words of its own: none is shown as the JSON of its fields.
    #[test]
    fn a_call_that_runs_and_a_recorded_one_have_the_same_words() {
        let user: UserId = "mina".parse().expect("an id");
        let track = TrackRef { user: user.clone(), source: TrackSource::Camera, sid: "TR_1".into() };
        let kind = DeviceKind::Screen;
        let all = [
            EventKind::ExitRequested { by: crate::base::ExitRequestedBy::Window },
            EventKind::RemoteUserEnterRoom { user: user.clone(), name: "mina".into() },
            EventKind::RemoteUserLeaveRoom {
                user: user.clone(),
                name: "mina".into(),
                reason: RemoteLeaveReason::TimedOut,
            },
            EventKind::TrackPaused { track: track.clone(), paused: true },
            EventKind::TrackCovered { track, why: None },
            EventKind::HandLowered { reason: Withheld::Host },
            EventKind::DeviceWithheld { kind, reason: Withheld::NotAllowed },
            EventKind::DeviceAsked { kind },
            EventKind::GuestWaiting { user: user.clone(), name: "mina".into(), waiting: true },
            EventKind::RoomSettingsChanged {
                spotlight: Some(user),
                muted_on_entry: true,
                locked: false,
                waiting_room: true,
            },
            EventKind::Waiting,
            EventKind::ConnectionLost { attempt: 1 },
        ];
        for kind in all {
            let mut line = kind.fields();
            line["event"] = kind.name().into();
            line["at_ms"] = 5.into();
            let recorded = TimelineEntry::recorded(&line).expect("an entry").words;
            let event = Event { unix_ms: 0.0, session: SessionId(1), user: "ada".into(), place: None, kind };
            let live = TimelineEntry::of(&event, str::to_owned).expect("an entry").words;
            assert_eq!(live, recorded);
            assert!(!live.contains(['{', '?']), "{live}");
        }
    }
}
