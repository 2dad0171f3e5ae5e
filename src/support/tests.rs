//! Secrets are planted everywhere, and none of them may be in the journal or in the bundle.

use super::*;
use crate::base::{
    CallPlace, DeviceEntry, DeviceKind, DeviceLists, EntryErrorKind, Event, EventKind, ExitReason, ExitRequestedBy,
    Reaction, Receipt, ReceiptStep, RemoteStatistics, Secret, SessionId, Statistics, StepName, StepState, TrackRef,
    TrackSid, TrackSource, UserId,
};
use crate::store::{Paths, RecentRoom, Settings, note_exit};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What must not be found. Each is unmistakable.
const SECRETS: &[&str] = &[
    "zebediah",
    "Quillfeather",
    "quillfeather-7",
    "sesquipedalian-room",
    "sesquipedalian%2Droom",
    "xylophone.example.net",
    "203.0.113.77",
    "2001:db8:5ec:e7::77",
    "10.77.66.55",
    "de:ad:be:ef:77:01",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ6ZWJlZGlhaCJ9.c2lnbmF0dXJl",
    "APIkey77xylophone",
    "apisecret77marmalade",
    "hunter2marmalade",
    "invitation77marmalade",
    "the otters meet at midnight",
    "/home/quux/otters.wav",
    "C:\\Users\\quux\\otters",
    "quux",
    "proxyuser77",
    "proxypass77",
    "SN77OTTER0012",
    "TR_VSotter77abcdef",
];

fn user(id: &str) -> UserId {
    id.parse().expect("a user id")
}

fn place() -> Option<Arc<CallPlace>> {
    Some(Arc::new(CallPlace {
        room: "sesquipedalian-room".parse().expect("a room"),
        server: "wss://proxyuser77:proxypass77@xylophone.example.net:7443/rtc?access_token=hunter2marmalade".into(),
        name: "Quillfeather".into(),
    }))
}

fn event(kind: EventKind) -> Event {
    Event { unix_ms: 1_764_534_000_000.0, session: SessionId(1), user: "zebediah".into(), place: place(), kind }
}

fn track() -> TrackRef {
    TrackRef { user: user("quillfeather-7"), source: TrackSource::Camera, sid: TrackSid::from("TR_VSotter77abcdef") }
}

/// A text with every secret in it, as a server or a driver may write it.
fn everything() -> String {
    format!(
        "no entry for {} (Authorization: Bearer {}) \"the otters meet at midnight\" at wss://xylophone.example.net:7443/j/sesquipedalian%2Droom#k=hunter2marmalade",
        SECRETS[..11].join(", "),
        SECRETS[10]
    )
}

fn kinds() -> Vec<EventKind> {
    let receipt = Receipt {
        steps: vec![ReceiptStep {
            step: StepName::CameraReleased,
            state: StepState::Failed,
            ms: 3.0,
            detail: everything(),
        }],
    };
    let remote = RemoteStatistics {
        remote_user: "quillfeather-7".into(),
        source: TrackSource::Camera,
        track: TrackSid::from("TR_VSotter77abcdef"),
        kind: "video",
        codec: "vp8".into(),
        width: 320,
        height: 180,
        fps: 15.0,
        kbps: 100.0,
        lost_percent: 0.0,
        jitter_ms: 1.0,
        freezes: 0,
        delay_ms: 40.0,
        ahead_ms: None,
    };
    vec![
        EventKind::DeviceOpened { kind: DeviceKind::Camera, id: "alsa_input.usb-SN77OTTER0012-00.mono".into() },
        EventKind::DeviceOpened { kind: DeviceKind::Microphone, id: "file:/home/quux/otters.wav".into() },
        EventKind::EnterRoom { result_ms: 250.0 },
        EventKind::EnterRoomFailed { error: EntryErrorKind::Other, message: everything() },
        EventKind::RemoteUserEnterRoom { user: user("quillfeather-7"), name: "Quillfeather".into() },
        EventKind::UserVideoAvailable { track: track(), available: true },
        EventKind::FirstVideoFrame { track: track(), width: 320, height: 180 },
        EventKind::ChatMessage {
            user: user("quillfeather-7"),
            text: "the otters meet at midnight".into(),
            private: true,
        },
        EventKind::HandRaised { user: user("quillfeather-7"), name: "Quillfeather".into(), raised: true },
        EventKind::Reaction { user: user("quillfeather-7"), name: "Quillfeather".into(), reaction: Reaction::Heart },
        EventKind::DeviceFailed { kind: DeviceKind::Camera, id: "de:ad:be:ef:77:01".into(), message: everything() },
        EventKind::Focused { control: "Quillfeather, tile".into() },
        EventKind::Statistics(Statistics { rtt_ms: 12.0, remote: vec![remote], ..Statistics::default() }),
        EventKind::ExitRequested { by: ExitRequestedBy::User },
        EventKind::ExitRoom { reason: ExitReason::Left, total_ms: 38.0, receipt },
    ]
}

#[track_caller]
fn assert_private(text: &str) {
    let lower = text.to_lowercase();
    for secret in SECRETS {
        assert!(!lower.contains(&secret.to_lowercase()), "{secret} is in it:\n{text}");
    }
}

fn files(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).expect("the journal").flatten();
    let texts = entries.filter(|e| e.file_name() != "key").map(|e| std::fs::read_to_string(e.path()).expect("text"));
    texts.collect()
}

/// A folder with everything that a bundle collects.
fn planted() -> (tempfile::TempDir, Paths, Arc<Redactor>) {
    let folder = tempfile::tempdir().expect("a folder");
    let paths = Paths::in_folder(folder.path());
    let redactor = Arc::new(Redactor::of_installation(Some(&paths.journal())));
    for secret in ["APIkey77xylophone", "apisecret77marmalade"] {
        redactor.learn_secret(secret);
    }
    redactor.learn(Hidden::User, "quux");
    redactor.learn_server("http://proxyuser77:proxypass77@10.77.66.55:3128");
    let mut settings = Settings::default();
    settings.name = "Quillfeather".into();
    settings.server = "wss://xylophone.example.net".into();
    settings.room = "sesquipedalian-room".into();
    settings.camera = Some("usb-SN77OTTER0012".into());
    settings.microphone = Some("file:/home/quux/otters.wav".into());
    settings.remember(RecentRoom {
        room: "sesquipedalian-room".into(),
        server: "wss://xylophone.example.net".into(),
        invitation: Some(Secret::new("invitation77marmalade".into())),
        left_at: 0,
        reason: 0,
        confirmed: true,
    });
    settings.save(&paths).expect("saved");
    let journal = Journal::start(paths.journal(), redactor.clone(), JournalProgram::Window, None).expect("a thread");
    for kind in kinds() {
        let event = event(kind);
        if let EventKind::ExitRoom { .. } = event.kind {
            note_exit(&paths, &event.to_line(1)).expect("noted");
        }
        journal.take(&event);
    }
    journal.flush(Duration::from_secs(10));
    (folder, paths, redactor)
}

fn devices() -> DeviceLists {
    let device = |id: &str, label: &str| DeviceEntry {
        id: id.into(),
        label: label.into(),
        synthetic: false,
        default: true,
        formats: vec!["1280x720@30 YUYV".into()],
    };
    DeviceLists {
        cameras: vec![device("usb-SN77OTTER0012", "Quillfeather's HD Webcam C920")],
        microphones: vec![device("bluez_input.DE_AD_BE_EF_77_01", "Zebediah AirPods Pro")],
        speakers: vec![device("{0.0.0.00000000}.{quux}", "Speakers (Realtek Audio)")],
    }
}

#[test]
fn nothing_private_is_in_the_journal() {
    let (_folder, paths, redactor) = planted();
    let text = files(&paths.journal());
    assert_private(&text);
    for kept in [
        "\"result_ms\":250",
        "\"reaction\":\"red-heart\"",
        "\"rtt_ms\":12",
        "\"chars\":27",
        "\"reason\":0",
        "\"id\":\"file\"",
    ] {
        assert!(text.contains(kept), "{kept} is missing:\n{text}");
    }
    let them = redactor.hide(Hidden::User, "quillfeather-7");
    assert!(text.matches(&them).count() > 5, "one person has one pseudonym:\n{text}");
}

#[test]
fn nothing_private_is_in_the_bundle_and_it_reads_well() {
    let (_folder, paths, redactor) = planted();
    std::fs::write(
        paths.journal().join("crash-0000000000001-1-main.json"),
        format!(
            "{{\"crash\":1,\"what\":\"panic\",\"process\":\"window\",\"message\":{:?}}}",
            redactor.text(&everything())
        ),
    )
    .expect("written");
    let log = LogRing::of_process();
    log.push("WARN", "visavis::tests", &everything());
    let bundle = Bundle::collect(Some(&paths), &devices(), Some(log), &redactor);
    let text = bundle.render();
    assert_private(&text);
    assert_eq!(Bundle::parse(&text).expect("a bundle"), bundle, "what is written can be read");
    let words = bundle_text(&bundle);
    assert_private(&words);
    assert_private(&bundle_json(&bundle).to_string());
    for said in [
        "Support bundle of Visavis",
        "calls: the journal of the last calls: events, statistics, receipts, and the log at their end (1)",
        "HD Webcam C920",
        "Speakers (Realtek Audio)",
        "You came in after 250 ms",
        " wrote a private message (27 characters)",
        "The call ended after 38 ms: left (0); camera_released failed",
        "Crash of",
    ] {
        assert!(words.contains(said), "{said:?} is not said:\n{words}");
    }
    assert!(text.lines().count() > 40, "it is readable:\n{text}");
}

#[test]
fn ordinary_sentences_stay_as_they_are() {
    let redactor = Redactor::of_installation(None);
    for sentence in [
        "its driver did not let go and had to be stopped",
        "No media connection came up. A firewall may block UDP port 7882 and TCP port 7882 to it.",
        "the camera gave no picture for 5 seconds",
        "No such device (os error 19)",
        "Device or resource busy (os error 16)",
        "640x360@30 on /dev/video0, 12.5 % lost after 1763850000123ms",
        "It's the system's answer: H.264 isn't decoded; use TCP/TLS, e.g. on port 443.",
    ] {
        assert_eq!(redactor.text(sentence), sentence);
    }
    assert_eq!(redactor.text("at 127.0.0.1:7880"), "at loopback:7880");
    let host = redactor.hide(Hidden::Server, "calls.example.com");
    assert_eq!(
        redactor.text("wss://Calls.Example.com:443/rtc?x=1 and calls.example.com."),
        format!("wss://{host}:443 and {host}.")
    );
    for (link, after) in
        [("(visavis://join?server=a&room=b c#d=e),", "b"), ("url=https://h.example/j/x?k=[v];w={z},", "v")]
    {
        let text = redactor.text(link);
        assert!(!text.contains(&format!("={after}")) && !text.contains('?'), "{text}");
    }
    redactor.learn_user("m-17", "Al");
    let al = redactor.hide(Hidden::User, "m-17");
    assert_eq!(redactor.text("Also al and AL, m-17!"), format!("Also {al} and {al}, {al}!"), "whole words alone");
    let owner = redactor.text("Tomás’s phone");
    assert!(owner.starts_with("user-") && owner.ends_with("’s phone"), "{owner}");
}

/// A named pipe that nobody reads is a disk that never answers: opening it blocks.
#[cfg(unix)]
#[test]
fn a_disk_that_hangs_costs_the_call_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = format!("call-1764534000000-{}-1.jsonl", std::process::id());
    let made = std::process::Command::new("mkfifo").arg(folder.path().join(name)).status().expect("mkfifo");
    assert!(made.success());
    let redactor = Arc::new(Redactor::of_installation(None));
    let journal = Journal::start(folder.path().to_owned(), redactor, JournalProgram::Window, None).expect("a thread");
    let began = Instant::now();
    for _ in 0..5000 {
        journal.take(&event(EventKind::EnterRoom { result_ms: 1.0 }));
    }
    journal.flush(Duration::from_millis(20));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn an_ended_call_is_not_begun_anew_and_each_call_has_a_journal() {
    let folder = tempfile::tempdir().expect("a folder");
    let redactor = Arc::new(Redactor::of_installation(None));
    let journal = Journal::start(folder.path().to_owned(), redactor, JournalProgram::Bot, None).expect("a thread");
    for session in [1, 2] {
        for kind in kinds() {
            journal.take(&Event { session: SessionId(session), ..event(kind) });
        }
        let late = EventKind::Verified { users: Vec::new(), met: true };
        journal.take(&Event { session: SessionId(session), ..event(late) });
    }
    journal.flush(Duration::from_secs(10));
    let calls = super::journal_file::recorded_calls(folder.path()).expect("read");
    assert_eq!(calls.len(), 2);
    for call in calls {
        assert_eq!(call.entries.last().map(|entry| entry["event"].clone()), Some("ExitRoom".into()));
        assert_eq!(call.header["program"], "bot");
    }
}

#[test]
fn damaged_bundles_are_told_apart() {
    let told = |text: &str| Bundle::parse(text).expect_err("no bundle").to_string();
    assert!(told(" \n").contains("empty"));
    assert!(told("{\n \"bundle\": 1,\n \"calls\": [{").contains("line 3"));
    assert!(told("[]").contains("no bundle") && told("{\"visavis\": \"0.1\"}").contains("no bundle"));
    assert!(told("{\"bundle\": 99}").contains("newer"));
    assert!(told("{\"bundle\": 1, \"calls\": {}}").contains("calls"));
    assert!(told("{\"bundle\": 1, \"calls\": [7]}").contains("calls"));
    let least = Bundle::parse("{\"bundle\": 1}").expect("a bundle");
    assert!(bundle_text(&least).contains("Support bundle of Visavis"));
    let strange = "{\"bundle\": 1, \"calls\": [{\"entries\": [null, {\"event\": 1}]}], \"crashes\": [3], \"devices\": 7, \"contents\": 5}";
    assert!(bundle_text(&Bundle::parse(strange).expect("a bundle")).contains("Call 1 of 1"));
}
