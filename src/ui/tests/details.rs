//! The call details: by keyboard and by accessible names.

use super::{Gallery, LARGE, SMALL, copied, in_a_call, press};
use crate::base::{
    CandidatePair, CandidateType, Carrier, DeviceKind, DeviceStatistics, ExitReason, LocalStatistics, RemoteStatistics,
    SignalTarget, Statistics, TimelineEntry, TrackSource,
};
use crate::call::view::{CallCommand, CallDetails, Notice, StatisticsSample};
use crate::store::Theme;
use crate::ui::App;
use crate::ui::testing::{World, ada, ada_with, ending, in_call};
use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use serde_json::Value;
use std::sync::Arc;

/// The clock of the test's window, in Unix ms.
const NOW: f64 = 1_763_908_327_312.0;

const OPENED: CallCommand = CallCommand::WatchDetails(true);
const CLOSED: CallCommand = CallCommand::WatchDetails(false);

fn remote(user: &str, source: TrackSource, i: usize) -> RemoteStatistics {
    let is_video = source == TrackSource::Camera;
    let slow = (40..46).contains(&i) && user == "mina";
    RemoteStatistics {
        remote_user: user.into(),
        source,
        track: format!("TR_{user}{source:?}").as_str().into(),
        kind: if is_video { "video" } else { "audio" },
        codec: if is_video { "vp8" } else { "opus" }.into(),
        width: if is_video { 1280 } else { 0 },
        height: if is_video { 720 } else { 0 },
        fps: if is_video { if slow { 11.0 } else { 29.0 + (i % 2) as f64 } } else { 0.0 },
        kbps: if is_video { if slow { 300.0 } else { 1200.0 + 20.0 * (i % 4) as f64 } } else { 38.0 },
        lost_percent: if slow { 7.5 } else { 0.0 },
        jitter_ms: 3.0,
        freezes: if is_video && i >= 42 && user == "mina" { 2 } else { 0 },
        delay_ms: 46.0,
        ahead_ms: None,
    }
}

/// The measurement number `i`, of 60.
fn statistics(i: usize) -> Statistics {
    let slow = (40..46).contains(&i);
    let pair = CandidatePair {
        connection: SignalTarget::Publisher,
        local: CandidateType::Host,
        remote: CandidateType::Host,
        protocol: Carrier::Udp,
        relay_protocol: None,
        proxied: false,
        local_address: "192.168.1.7:50123".into(),
        remote_address: "203.0.113.5:7882".into(),
    };
    let layer = |layer, width, height, target_kbps, encode_ms| LocalStatistics {
        source: TrackSource::Camera,
        codec: "vp8",
        layer,
        width,
        height,
        fps: if target_kbps > 0 { 30.0 } else { 0.0 },
        kbps: f64::from(target_kbps) * 0.96,
        target_kbps,
        encode_ms,
    };
    let video = |kind, fps| DeviceStatistics { kind, width: 1280, height: 720, fps, freezes: 0, rate: 0, channels: 0 };
    let sound = |kind, channels| DeviceStatistics { rate: 48_000, channels, width: 0, height: 0, ..video(kind, 0.0) };
    let tracks =
        ["mina", "tomás", "priya"].map(|u| [TrackSource::Camera, TrackSource::Microphone].map(|s| remote(u, s, i)));
    Statistics {
        rtt_ms: if slow { 180.0 } else { 36.0 + (i % 3) as f64 },
        sent_kbps: 1340.0 + 15.0 * (i % 5) as f64,
        received_kbps: if slow { 900.0 } else { 3100.0 + 30.0 * (i % 4) as f64 },
        sent_lost_percent: 0.4,
        received_lost_percent: if slow { 4.0 } else { 0.0 },
        capacity_kbps: 2600.0,
        cpu_percent: 34.0,
        candidate_pairs: vec![pair],
        devices: vec![video(DeviceKind::Camera, 30.0), sound(DeviceKind::Microphone, 1), sound(DeviceKind::Speaker, 2)],
        local: vec![layer("q", 320, 180, 0, 0.0), layer("h", 640, 360, 500, 1.2), layer("f", 1280, 720, 1700, 4.1)],
        remote: tracks.into_iter().flatten().collect(),
    }
}

/// Two minutes of a call with an outage.
fn details() -> Arc<CallDetails> {
    let entry = |seconds: f64, kind: &str, words: &str| {
        Arc::new(TimelineEntry { at: NOW - seconds * 1000.0, kind: kind.into(), words: words.into() })
    };
    let timeline = vec![
        entry(1456.3, "EnterRoom", "You came in after 164 ms"),
        entry(1455.0, "DeviceOpened", "Your camera opened: cam0"),
        entry(1454.2, "RemoteUserEnterRoom", "Mina Park came in"),
        entry(1454.1, "UserVideoAvailable", "Mina Park: camera on"),
        entry(1454.0, "UserAudioAvailable", "Mina Park: microphone on"),
        entry(1453.8, "FirstVideoFrame", "Mina Park: first picture of the camera, 1280×720"),
        entry(1300.0, "RemoteUserEnterRoom", "Tomás Rivera came in"),
        entry(640.0, "RemoteUserEnterRoom", "Priya Nair came in"),
        entry(639.5, "HandRaised", "Priya Nair raised a hand"),
        entry(50.0, "ConnectionLost", "The connection was lost"),
        entry(45.5, "ConnectionRecovery", "Connected again, attempt 1"),
        entry(12.0, "RemoteUserLeaveRoom", "Sam Idris left"),
    ];
    let at = |i: usize| NOW - (59 - i) as f64 * 2000.0 - 700.0;
    let samples = (0..60).map(|i| Arc::new(StatisticsSample { at: at(i), statistics: statistics(i) }));
    // During the outage nothing is measured.
    let samples = samples.filter(|sample| !(45_500.0..50_000.0).contains(&(NOW - sample.at)));
    Arc::new(CallDetails { revision: 7, timeline, samples: samples.collect() })
}

/// A call with its details open.
fn opened(world: &World, size: [f32; 2], theme: Theme, text_size: u16) -> Harness<'static, App> {
    world.call(in_call());
    world.lock().snapshot.details = Some(details());
    let settings = ada_with(|s| (s.theme, s.text_size) = (theme, text_size));
    let mut window = world.window(size, settings);
    world.commands();
    details_key(&mut window);
    window.run_steps(8);
    window
}

fn details_key(window: &mut Harness<'static, App>) {
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::U);
    window.run_steps(3);
}

fn is_focused(window: &Harness<'static, App>, label: &str) -> bool {
    window.query_by(|n| n.is_focused() && n.label().is_some_and(|l| l == label)).is_some()
}

fn has(window: &Harness<'static, App>, label: &str) -> bool {
    window.query_by_label_contains(label).is_some()
}

#[test]
fn key_and_button_open_it_and_only_then_is_it_fetched() {
    let world = World::new();
    let mut window = in_a_call(&world);
    assert_eq!(world.commands(), [], "nothing is fetched while it is closed");
    details_key(&mut window);
    assert_eq!(world.commands(), [OPENED]);
    assert!(is_focused(&window, "Close call details"));
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert_eq!(world.commands(), [CLOSED]);
    assert!(is_focused(&window, "Support"));
    press(&mut window, "Support");
    press(&mut window, "Close call details");
    assert_eq!(world.commands(), [OPENED, CLOSED]);
}

#[test]
fn the_chat_takes_its_place_and_the_end_of_the_call_closes_it() {
    let world = World::new();
    let mut window = in_a_call(&world);
    press(&mut window, "Chat");
    press(&mut window, "Support");
    assert!(window.query_by_label("Message everyone").is_none() && has(&window, "Call details"));
    press(&mut window, "Chat");
    assert!(window.query_by_label("Message everyone").is_some() && !has(&window, "Close call details"));
    assert_eq!(world.commands(), [OPENED, CLOSED]);
    press(&mut window, "Support");
    world.end(ending(ExitReason::Left));
    window.run_steps(3);
    assert!(world.commands().contains(&CLOSED));
}

#[test]
fn plots_are_told_in_words_and_are_about_whom_one_chooses() {
    let world = World::new();
    let mut window = opened(&world, LARGE, Theme::Dark, 100);
    let image = |window: &Harness<'static, App>, words: &str| {
        window.query_by(|n| n.role() == Role::Image && n.label().is_some_and(|l| l.contains(words))).is_some()
    };
    let expected = [
        "Rate, last 60 seconds. Sent: now 1.40 Mbit/s, between 1.34 and 1.40 Mbit/s. Received: now 3.19 Mbit/s, \
         between 0.90 and 3.19 Mbit/s.",
        "Lost packets, last 60 seconds. Sent: now 0.4 %, between 0.4 and 0.4 %. Received: now 0.0 %, between 0.0 and 4.0 %.",
        "Round trip, last 60 seconds. To the server: now 38 ms, between 36 and 180 ms.",
        "Frame rate, last 60 seconds. Sent: now 30 fps, between 30 and 30 fps. Camera: now 30 fps",
    ];
    for words in expected {
        assert!(image(&window, words), "{words}");
    }
    window.get_by_role_and_label(Role::ComboBox, "Numbers of").click();
    window.run_steps(3);
    window.get_by_role_and_label(Role::MenuItemRadio, "Mina Park").click();
    window.run_steps(3);
    assert!(image(&window, "Frame rate, last 60 seconds. Shown: now 30 fps, between 11 and 30 fps. 2 freezes."));
    assert!(image(&window, "Delay in our buffers, last 60 seconds. Longest: now 46 ms"));
    window.get_by_label("Below: Media").click();
    window.run_steps(3);
    assert!(has(
        &window,
        "Camera vp8: 1280×720, 30 fps, 1260 kbit/s, 0.0 % lost, jitter 3 ms, 46 ms in our buffer, 2 freezes"
    ));
    world.with_call(|call| call.people.retain(|p| p.name != "Mina Park"));
    window.run_steps(3);
    assert!(image(&window, "Round trip"), "whoever has left has no numbers");
    window.get_by_label("Time: 10 min").click();
    window.run_steps(3);
    assert!(image(&window, "Rate, last 600 seconds."));
}

#[test]
fn the_timeline_is_filtered_and_the_facts_name_the_way_of_media() {
    let world = World::new();
    let mut window = opened(&world, LARGE, Theme::Dark, 100);
    let rows = |window: &Harness<'static, App>| window.query_all_by_role(Role::ListItem).count();
    assert_eq!(rows(&window), 12);
    assert!(has(&window, "The connection was lost"));
    for (filter, count) in [("Room", 3), ("People", 5), ("Media", 4), ("Problems 1", 1)] {
        window.get_by_label(&format!("Show: {filter}")).click();
        window.run_steps(3);
        assert_eq!(rows(&window), count, "{filter}");
    }
    window.get_by_label("Below: Media").click();
    window.run_steps(3);
    let expected = [
        "UDP, direct: 192.168.1.7:50123 (host) to 203.0.113.5:7882 (host)",
        "Camera vp8 f: 1280×720, 30 fps, 1632 of 1700 kbit/s, 4.1 ms a frame",
        "Camera vp8 q: off",
        "Microphone: 48000 Hz, 1 channel",
        "Program 34 % of a processor core, encoders 16 %. The way to the server carries about 2600 kbit/s",
    ];
    for words in expected {
        assert!(has(&window, words), "{words}");
    }
}

#[test]
fn it_is_copied_as_text_and_saved_as_json() {
    let world = World::new();
    let mut window = opened(&world, LARGE, Theme::Dark, 100);
    window.get_by_role_and_label(Role::Button, "Copy call details").click();
    let text = copied(&mut window).expect("it is copied");
    for words in [
        "Design review, Session 1, ",
        "Way of media: UDP, direct: 192.168.1.7",
        "Mina Park came in (RemoteUserEnterRoom)",
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    press(&mut window, "Save call details");
    let (name, text) = world.lock().files.pop().expect("it is saved");
    assert_eq!(name, "visavis-call-2025-11-23-143207.json");
    let saved: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (&saved["room"], &saved["timeline"][2]["kind"]),
        (&"Design review".into(), &"RemoteUserEnterRoom".into())
    );
    assert_eq!(saved["statistics"][0]["rtt_ms"], 36.0);
    let file = "/home/ada/Downloads/visavis-call.json".to_owned();
    world.lock().notices.push(Notice::Saved(Ok(file)));
    window.run_steps(3);
    assert!(has(&window, "Saved as /home/ada/Downloads/visavis-call.json"));
    world.lock().notices.push(Notice::Saved(Err("The disk is full.".into())));
    window.run_steps(3);
    assert!(has(&window, "The file could not be written: The disk is full."));
}

#[test]
fn before_anything_was_measured_it_says_so() {
    let world = World::new();
    let mut window = in_a_call(&world);
    details_key(&mut window);
    assert!(has(&window, "Rate, last 60 seconds. Sent: not measured."));
    window.get_by_label("Below: Media").click();
    window.run_steps(3);
    assert!(has(&window, "Nothing is measured yet."));
}

#[test]
fn the_keyboard_reaches_every_part_of_it() {
    let world = World::new();
    let mut window = opened(&world, LARGE, Theme::Dark, 100);
    let mut reached = Vec::new();
    for _ in 0..16 {
        let focused = window.query_by(|n| n.is_focused()).and_then(|n| n.accesskit_node().label());
        reached.extend(focused);
        window.key_press(Key::Tab);
        window.run_steps(2);
    }
    for label in [
        "Close call details",
        "Save call details",
        "Numbers of",
        "Time: 1 min",
        "Below: Timeline",
        "Show: All",
        "Timeline",
    ] {
        assert!(reached.iter().any(|l| l == label), "{label} is not among {reached:?}");
    }
}

#[test]
fn in_a_narrow_window_it_covers_the_tiles_and_the_menu_of_reactions_opens_it() {
    for (size, text_size) in [(SMALL, 100), ([720.0, 640.0], 90), ([720.0, 600.0], 150), (LARGE, 150)] {
        let world = World::new();
        let window = opened(&world, size, Theme::Dark, text_size);
        let close = window.get_by_label("Close call details").rect();
        assert!(close.right() <= size[0], "{size:?} at {text_size} %: {close:?}");
        let covers = window.query_by(|n| n.label().is_some_and(|l| l.starts_with("Mina Park,"))).is_none();
        assert_eq!(covers, size[0] < 1000.0, "{size:?} at {text_size} %");
        assert!(window.query_by_label("Leave call").is_some());
    }
    let world = World::new();
    world.call(in_call());
    let mut window = world.window(SMALL, ada());
    press(&mut window, "Hand and reactions");
    window.get_by_role_and_label(Role::MenuItem, "Call details").click();
    window.run_steps(3);
    assert!(has(&window, "Close call details"));
}

#[test]
fn it_looks_as_designed() {
    let mut gallery = Gallery::default();
    for (name, theme) in [("details", Theme::Dark), ("details-light", Theme::Light)] {
        let world = World::new();
        let mut window = opened(&world, LARGE, theme, 100);
        if theme == Theme::Light {
            window.get_by_label("Below: Media").click();
            window.run_steps(4);
        }
        gallery.compare(&mut window, name);
    }
    for (name, size, text_size) in [("details-compact", SMALL, 100), ("details-large-text", LARGE, 150)] {
        let world = World::new();
        let mut window = opened(&world, size, Theme::Dark, text_size);
        gallery.keep(&mut window, name);
    }
}
