//! Sentences for users about ends, rooms and receipts, and the exact lines for support.

pub(super) mod chat;
mod checkup;
pub(super) mod details;
mod devices;
mod hands;
pub(super) mod people;
pub(super) mod report;
pub(super) mod stage;

pub(super) use checkup::{check_lines, check_part, check_status, check_verdict};
pub(super) use devices::{
    allowed, default_changed, default_device, device_problem, missing_device, problem_word, sharing_support, withheld,
    withheld_word,
};

pub(super) use hands::{hand_lowered, reaction};
pub(super) use people::asked;

use crate::base::{ExitReason, ReceiptStep, RoomName, RoomState, StepName, StepState};
use crate::call::view::{CallSummary, CallView, RoomStatus};
use crate::store::RecentRoom;
use crate::ui::app::TalkKeyProblem;
use crate::ui::bidi::isolate;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The window's title in a call. What is open comes first: a taskbar shows the beginning.
pub(super) fn title(room: &str, camera: bool, microphone: bool, screen: bool) -> String {
    let word = |on: bool| if on { "on" } else { "off" };
    let camera_is = if screen { "Sharing a screen, camera" } else { "Camera" };
    format!("{camera_is} {}, microphone {} – {} – Visavis", word(camera), word(microphone), isolate(room))
}

/// Why the key for push to talk in all programs does not work.
pub(super) fn talk_key_problem(problem: TalkKeyProblem, key: &str) -> String {
    match problem {
        TalkKeyProblem::Taken => format!("Another program uses {key}. Choose another key in the settings."),
        TalkKeyProblem::Refused => {
            format!("{key} cannot be used in other programs. Choose another key in the settings.")
        }
    }
}

/// Title and sentences of a call that ended by something else than our own Leave.
pub(super) fn over(
    reason: ExitReason,
    call: &CallView,
    ending: &CallSummary,
    zone: &TimeZone,
) -> (&'static str, String) {
    let (room, time) = (call.room.shown(), hour(ending.unix_ms, zone));
    let room = isolate(&room);
    let off = devices_are_off(ending);
    match reason {
        ExitReason::Kicked if call.waiting => (
            "The host did not let you in",
            format!("You waited for “{room}” until {time}. Nobody has seen or heard you. {off}"),
        ),
        ExitReason::Kicked => (
            "You were removed from this call",
            format!("The host or the server removed you from “{room}” at {time}. The call goes on without you. {off}"),
        ),
        ExitReason::Dismissed => (
            "This call was ended for everyone",
            format!("The host or the server closed “{room}” at {time}. Nobody is in it any more. {off}"),
        ),
        ExitReason::JoinedElsewhere => (
            "You joined from another device",
            format!("The same user name came into “{room}” somewhere else, so this call was closed here. {off}"),
        ),
        ExitReason::ServerStopped => (
            "The call server stopped",
            format!("The server closed every call, also “{room}”. This is not about you. {off}"),
        ),
        ExitReason::ConnectionLost => (
            "The connection did not come back",
            format!("We tried for some time and then left the call for you. {off} The others saw you drop out."),
        ),
        ExitReason::Left | ExitReason::EntryFailed => ("The call has ended", off.to_owned()),
    }
}

/// Title and sentences for the host who ended the call for everyone.
pub(super) fn ended_by_us(ending: &CallSummary) -> (&'static str, String) {
    let off = devices_are_off(ending);
    ("You ended the call for everyone", format!("It is confirmed. Everyone has been told. {off}"))
}

/// Title and sentences of the question whether to remove somebody.
pub(super) fn remove_question(room: &RoomName, name: &str) -> (String, String) {
    let (room, name) = (room.shown(), isolate(name));
    let room = isolate(&room);
    let sentence = format!(
        "{name} leaves “{room}” at once and reads: “You were removed from this call”. \
         The others see a short note that {name} was removed."
    );
    (format!("Remove {name}?"), sentence)
}

/// Title and sentences of the question whether to end the call for everyone; `people` counts us too.
pub(super) fn end_question(room: &RoomName, people: usize) -> (String, String) {
    let title = if people == 1 { "End the call?".to_owned() } else { format!("End the call for all {people} people?") };
    let room = room.shown();
    let room = isolate(&room);
    let sentence = format!(
        "Everyone leaves “{room}” at once and reads that the call was ended for everyone. This cannot be undone."
    );
    (title, sentence)
}

/// The sentence about camera and microphone; "off" is said only of a device that confirmed it.
fn devices_are_off(ending: &CallSummary) -> &'static str {
    let clean = |step| {
        let state = ending.receipt.step(step).map(|s| s.state);
        matches!(state, None | Some(StepState::Confirmed | StepState::NotApplicable))
    };
    match (clean(StepName::CameraReleased), clean(StepName::MicrophoneReleased)) {
        (true, true) => "Your camera and microphone are off.",
        (true, false) => "Your camera is off. The microphone did not confirm that it is.",
        (false, true) => "Your microphone is off. The camera did not confirm that it is.",
        (false, false) => "Neither camera nor microphone confirmed that they are off.",
    }
}

/// The two lines of the end screen's title, and the sentences below. The others see us as gone after `stale_s` seconds
/// when the server did not confirm.
pub(super) fn left(ending: &CallSummary, stale_s: u64) -> ([&'static str; 2], String) {
    let told = ending.receipt.step(StepName::OthersTold).map(|s| s.state);
    let confirmed = matches!(told, None | Some(StepState::Confirmed | StepState::NotApplicable));
    let off = devices_are_off(ending);
    if !confirmed {
        let sentence = format!("{off} The others see you as gone within {stale_s} seconds at most.");
        return (["You left.", "The server did not confirm."], sentence);
    }
    let off = if off.starts_with("Your camera and") {
        "Your camera and microphone are off and free for other apps."
    } else {
        off
    };
    let told = match names(&ending.told) {
        Some((names, 1)) => format!("{names} has been told."),
        Some((names, _)) => format!("{names} have been told."),
        None => "Nobody else was in the call.".to_owned(),
    };
    (["You left.", "It is confirmed."], format!("{off} {told}"))
}

/// "Mina, Tomás and Priya", and their number; first names, three at most.
fn names(all: &[String]) -> Option<(String, usize)> {
    let first: Vec<_> = all.iter().map(|n| isolate(n.split_whitespace().next().unwrap_or(n))).collect();
    let text = match &first[..] {
        [] => return None,
        [one] => one.to_string(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} others", rest.len()),
    };
    Some((text, first.len()))
}

/// The words of a receipt's row.
pub(super) fn receipt_row(step: &ReceiptStep) -> &'static str {
    use {StepName as N, StepState as S};
    match (step.step, step.state) {
        (N::CameraReleased, S::NotApplicable) => "Camera was not on",
        (N::CameraReleased, S::Confirmed) if !step.detail.is_empty() => "Camera released (driver stopped)",
        (N::CameraReleased, S::Confirmed) => "Camera released",
        (N::CameraReleased, _) => "Camera not confirmed",
        (N::MicrophoneReleased, S::NotApplicable) => "Microphone was not on",
        (N::MicrophoneReleased, S::Confirmed) => "Microphone released",
        (N::MicrophoneReleased, _) => "Microphone not confirmed",
        (N::ScreenReleased, S::NotApplicable) => "Screen was not shared",
        (N::ScreenReleased, S::Confirmed) => "Screen released",
        (N::ScreenReleased, _) => "Screen not confirmed",
        (N::OthersTold, S::NotApplicable) => "Everyone knows",
        (N::OthersTold, S::Confirmed) => "Everyone told",
        (N::OthersTold, _) => "The server did not confirm",
        (N::ConnectionsClosed, S::Confirmed) => "Connections closed",
        (N::ConnectionsClosed, _) => "Connections not confirmed",
    }
}

/// Whether a row is shown: camera and microphone always, other steps only if they applied to the call.
pub(super) fn receipt_shows(step: &ReceiptStep) -> bool {
    match step.step {
        StepName::CameraReleased | StepName::MicrophoneReleased => true,
        StepName::OthersTold | StepName::ScreenReleased => step.state != StepState::NotApplicable,
        StepName::ConnectionsClosed => !matches!(step.state, StepState::Confirmed | StepState::NotApplicable),
    }
}

/// `14:32:07.312 onExitRoom(reason 1)`.
pub(super) fn callback_line(ending: &CallSummary, zone: &TimeZone) -> String {
    format!("{} onExitRoom(reason {})", exact(ending.unix_ms, zone), ending.reason.code())
}

/// `14:32:07.312 reason 0, you left`.
pub(super) fn receipt_line(ending: &CallSummary, zone: &TimeZone) -> String {
    format!("{} reason {}, you left", exact(ending.unix_ms, zone), ending.reason.code())
}

/// An end's details for support, as text to copy.
pub(super) fn details(call: &CallView, ending: &CallSummary, zone: &TimeZone) -> String {
    let mut text = format!(
        "{}\nroom {}\nuser {}\nserver {}\n",
        callback_line(ending, zone),
        call.room.shown(),
        call.user,
        call.server
    );
    for step in &ending.receipt.steps {
        let name = serde_json::to_value(step.step).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        let state = format!("{:?}", step.state).to_lowercase();
        text.push_str(&format!("{name} {state} {:.1} ms {}", step.ms, step.detail));
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text.push_str(&format!("total {:.1} ms\n", ending.total_ms));
    text
}

/// "24 min, 4 people".
pub(super) fn stay(seconds: f64, people: usize) -> String {
    let time = match seconds as u64 {
        s @ 0..60 => format!("{s} s"),
        s @ 60..3600 => format!("{} min", s / 60),
        s => format!("{} h {} min", s / 3600, s / 60 % 60),
    };
    if people == 1 { format!("{time}, alone") } else { format!("{time}, {people} people") }
}

/// The word in the room field's chip.
pub(super) const fn room_word(news: RoomStatus) -> &'static str {
    match news {
        RoomStatus::Checking => "Checking…",
        RoomStatus::Known(RoomState { is_open: true, .. }) => "Found",
        RoomStatus::Known(RoomState { is_open: false, .. }) => "Not found",
    }
}

/// The sentence below Join about the room that the form names.
pub(super) fn before_joining(news: Option<RoomStatus>) -> String {
    let nothing_sent = "Nothing is sent until you join.";
    match news {
        Some(RoomStatus::Known(RoomState { is_open: true, people, can_enter: false })) => {
            format!("This call is full ({people} people). Try again when someone leaves.")
        }
        Some(RoomStatus::Known(RoomState { is_open: true, people: 0, .. })) => {
            format!("Nobody is in the call yet. {nothing_sent}")
        }
        Some(RoomStatus::Known(RoomState { is_open: true, people: 1, .. })) => {
            format!("1 person is in the call. {nothing_sent}")
        }
        Some(RoomStatus::Known(RoomState { is_open: true, people, .. })) => {
            format!("{people} people are in the call. {nothing_sent}")
        }
        Some(RoomStatus::Known(RoomState { is_open: false, can_enter: true, .. })) => {
            "There is no call with this name. Check the link, or start it by pressing Join.".to_owned()
        }
        Some(RoomStatus::Known(RoomState { is_open: false, can_enter: false, .. })) => {
            "There is no call with this name. Check the link, or ask the host to start it.".to_owned()
        }
        Some(RoomStatus::Checking) | None => nothing_sent.to_owned(),
    }
}

fn local(unix_ms: f64, zone: &TimeZone) -> Option<jiff::Zoned> {
    let at = Timestamp::from_microsecond((unix_ms * 1000.0) as i64).ok()?;
    Some(at.to_zoned(zone.clone()))
}

/// How a recent call ended: "Left yesterday 16:02, confirmed".
pub(super) fn recent(room: &RecentRoom, now_unix_ms: f64, zone: &TimeZone) -> String {
    let when = day(room.left_at as f64 * 1000.0, now_unix_ms, zone);
    let how = match ExitReason::from_code(room.reason) {
        Some(ExitReason::Left) if room.confirmed => return format!("Left {when}, confirmed"),
        Some(ExitReason::Left) => return format!("Left {when}, not confirmed"),
        Some(ExitReason::Kicked) => "Removed",
        Some(ExitReason::Dismissed) => "Ended for everyone",
        Some(ExitReason::JoinedElsewhere) => "Joined elsewhere",
        Some(ExitReason::ServerStopped) => "Server stopped",
        Some(ExitReason::ConnectionLost) => "Connection lost",
        Some(ExitReason::EntryFailed) | None => "Ended",
    };
    format!("{how}, {when}")
}

/// `14:32`, `yesterday 14:32`, `Mon 14:32`, or `3 Nov`.
fn day(unix_ms: f64, now_unix_ms: f64, zone: &TimeZone) -> String {
    let (Some(then), Some(now)) = (local(unix_ms, zone), local(now_unix_ms, zone)) else { return String::new() };
    let days = now.date().since(then.date()).map_or(i32::MAX, |span| span.get_days());
    match days {
        0 => hour(unix_ms, zone),
        1 => format!("yesterday {}", hour(unix_ms, zone)),
        2..=6 => then.strftime("%a %H:%M").to_string(),
        _ => then.strftime("%-d %b").to_string(),
    }
}

/// `14:32`.
fn hour(unix_ms: f64, zone: &TimeZone) -> String {
    local(unix_ms, zone).map(|t| t.strftime("%H:%M").to_string()).unwrap_or_default()
}

/// `14:32:07.312`.
fn exact(unix_ms: f64, zone: &TimeZone) -> String {
    local(unix_ms, zone).map(|t| t.strftime("%H:%M:%S%.3f").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Receipt;
    use crate::call::view::CallPhase;
    use crate::ui::testing::{call, ending};

    #[test]
    fn removed_and_ended_are_told_apart() {
        let call = call(CallPhase::Entering);
        let text = |reason| {
            let (title, body) = over(reason, &call, &ending(reason), &TimeZone::UTC);
            format!("{title} {body}").to_lowercase()
        };
        assert!(text(ExitReason::Kicked).contains("removed") && !text(ExitReason::Kicked).contains("ended"));
        assert!(text(ExitReason::Dismissed).contains("ended") && !text(ExitReason::Dismissed).contains("removed"));
        assert!(text(ExitReason::Kicked).contains("“design review” at 14:32"));
    }

    #[test]
    fn confirmed_is_said_only_after_a_confirmation() {
        let mut end = ending(ExitReason::Left);
        assert_eq!(left(&end, 6).0[1], "It is confirmed.");
        assert!(left(&end, 6).1.ends_with("Mina, Tomás and Priya have been told."));
        for step in &mut end.receipt.steps {
            step.state = StepState::Unconfirmed;
        }
        let (title, body) = left(&end, 6);
        assert_eq!(title[1], "The server did not confirm.");
        assert!(body.contains("within 6 seconds") && !body.contains("are off and free"), "{body}");
    }

    #[test]
    fn times_are_local_and_exact_below() {
        let end = ending(ExitReason::Kicked);
        assert_eq!(callback_line(&end, &TimeZone::UTC), "14:32:07.312 onExitRoom(reason 1)");
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        assert!(callback_line(&end, &zone).starts_with("16:32:07.312"));
        assert_eq!((stay(12.3, 1), stay(1456.0, 4)), ("12 s, alone".into(), "24 min, 4 people".into()));
        assert_eq!(stay(3700.0, 3), "1 h 1 min, 3 people");
    }

    #[test]
    fn recent_calls_say_how_and_when_they_ended() {
        let now = 1_763_908_327_312.0;
        let said = |days_ago: i64, reason: u16, confirmed| {
            let left_at = 1_763_908_327 - days_ago * 86_400;
            let (room, server) = (String::new(), String::new());
            let room = RecentRoom { room, server, invitation: None, left_at, reason, confirmed };
            recent(&room, now, &TimeZone::UTC)
        };
        assert_eq!(said(0, 0, true), "Left 14:32, confirmed");
        assert_eq!(said(1, 0, false), "Left yesterday 14:32, not confirmed");
        assert_eq!(said(5, 2, true), "Ended for everyone, Tue 14:32");
        assert_eq!(said(20, 1, true), "Removed, 3 Nov");
        assert_eq!(said(400, 9, true), "Ended, 19 Oct");
    }

    #[test]
    fn a_name_from_right_to_left_leaves_the_sentence_as_it_is() {
        let (title, body) = remove_question(&"חדר".parse().expect("a room"), "محمد علي");
        assert_eq!(title, "Remove \u{2068}محمد علي\u{2069}?");
        assert!(body.starts_with("\u{2068}محمد علي\u{2069} leaves “\u{2068}חדר\u{2069}” at once"), "{body}");
        let told = names(&["דנה כהן".to_owned(), "Tomás".to_owned()]);
        assert_eq!(told, Some(("\u{2068}דנה\u{2069} and Tomás".to_owned(), 2)));
    }

    #[test]
    fn details_hold_every_step() {
        let text = details(&call(CallPhase::Entering), &ending(ExitReason::Left), &TimeZone::UTC);
        assert!(text.contains("camera_released confirmed 11.0 ms\n"), "{text}");
        assert!(text.ends_with("total 35.0 ms\n"), "{text}");
        assert_eq!(Receipt::default().steps.len(), 0);
    }
}
