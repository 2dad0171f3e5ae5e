//! Video in other codecs than VP8, by content: what LiveKit's SDKs send in them is forwarded and shown.

use crate::kit::livekit_server::KEYS;
use crate::kit::program::{DEV_KEYS, FPS, PICTURE};
use crate::kit::{Events, LiveKitServer, Participant, Sdk, SdkPeer, Server, TestContext, verified, wait_until};
use std::time::Duration;

/// What a publisher of `codec` is called.
fn name(codec: &str) -> String {
    format!("sends-{}", codec.to_lowercase())
}

/// The test picture of `user` moves and can be read. A busy machine's encoders of three codecs leave pictures out.
#[track_caller]
fn moves(viewer: &impl Events, user: &str) {
    let first = verified::first(viewer, user);
    let between = verified::after(viewer, user, Duration::from_secs(5)).since(&first);
    let (frames, wrong, sent) = (between.frames, between.wrong, FPS * between.seconds);
    assert!(frames > 0.5 * sent && wrong <= 0.02 * frames, "{frames} of {sent} pictures, {wrong} of them unreadable");
}

/// The bot's statistics name the codec of `user`.
#[track_caller]
fn receives(bot: &Participant, user: &str, codec: &str) {
    wait_until(&format!("{codec} of {user}"), || {
        let statistics = bot.all("Statistics").pop()?;
        let video =
            statistics["remote"].as_array()?.iter().find(|r| r["remote_user"] == user && r["kind"] == "video")?;
        (video["codec"] == codec && video["fps"].as_f64() > Some(1.0)).then_some(())
    });
}

#[test]
fn vp9_and_h264_of_the_python_sdk_are_forwarded_and_shown() {
    assert!(PICTURE.ends_with("@15"), "the SDK's peer sends at the same rate");
    let context = TestContext::new("codecs");
    let server = Server::start(&context);
    let bot = Participant::bot(&context, &server.url(), "codecs", "bot", &["--verify", "--camera", "none"]);
    let join =
        |codec: &str| Sdk::Python.join(&context, &server.url(), DEV_KEYS, "codecs", &name(codec), &["--codec", codec]);
    let senders: Vec<SdkPeer> = ["VP9", "H264"].map(join).into();
    for (i, codec) in ["VP9", "H264"].into_iter().enumerate() {
        moves(&bot, &name(codec));
        receives(&bot, &name(codec), &codec.to_lowercase());
        moves(&senders[1 - i], &name(codec));
    }
}

/// Beside VP8, so that the connection has several codecs.
#[test]
fn vp9_and_h264_are_shown_on_livekit_server() {
    let context = TestContext::new("codecs-livekit");
    let server = LiveKitServer::start(&context);
    // The SDK sends VP8 here if another offer of it is under way when it chooses the codec.
    let join = |codec: &str| {
        let options = ["--codec", codec, "--picture-after", "1"];
        Sdk::Python.join(&context, &server.url(), KEYS, "codecs", &name(codec), &options)
    };
    let _before = join("VP8");
    let bot = Participant::bot_by(&context, &server.url(), "codecs", "bot", |command| {
        command.args(["--verify", "--camera", "none"]).envs(KEYS);
    });
    let _after = ["VP9", "H264"].map(join);
    for codec in ["VP8", "VP9", "H264"] {
        moves(&bot, &name(codec));
        receives(&bot, &name(codec), &codec.to_lowercase());
    }
}

/// LiveKit Meet sends VP9, and VP8 to everybody as soon as one cannot receive VP9.
#[test]
fn a_browser_that_could_fall_back_to_vp8_goes_on_with_vp9() {
    let context = TestContext::new("codecs-backup");
    let server = LiveKitServer::start(&context);
    let meet = ["--codec", "VP9", "--backup"];
    let browser = Sdk::Browser.join(&context, &server.url(), KEYS, "meet", "browser", &meet);
    let bot = Participant::bot_by(&context, &server.url(), "meet", "bot", |command| {
        command.args(["--verify"]).envs(KEYS);
    });
    moves(&bot, "browser");
    let videos = bot.all("Statistics").into_iter().flat_map(|e| e["remote"].as_array().cloned().unwrap_or_default());
    let codecs: Vec<String> =
        videos.filter(|r| r["kind"] == "video").map(|r| r["codec"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(codecs.len() > 1 && codecs.iter().all(|codec| codec == "vp9"), "{codecs:?}");
    moves(&browser, bot.user());
}

/// Chromium sends three layers of VP9 in one stream.
#[test]
fn the_layers_of_scalable_vp9_of_a_browser_follow_what_is_watched() {
    let context = TestContext::new("codecs-browser");
    let server = Server::start(&context);
    let picture = ["--codec", "VP9", "--simulcast", "--picture", "1280x720@15"];
    let _browser = Sdk::Browser.join(&context, &server.url(), DEV_KEYS, "svc", "browser", &picture);
    let watch = |name: &str, view: &str| {
        Participant::bot(&context, &server.url(), "svc", name, &["--camera", "none", "--verify", "--watch", view])
    };
    let (small, large) = (watch("small", "320x180"), watch("large", "all"));
    let looks = ["--picture", "none", "--tone", "0", "--qualities", "2,0,1,2,1,0,2"];
    let python = Sdk::Python.join(&context, &server.url(), DEV_KEYS, "svc", "python", &looks);
    let width = |bot: &Participant| {
        let statistics = bot.all("Statistics").pop()?;
        statistics["remote"].as_array()?.iter().find(|r| r["kind"] == "video" && r["codec"] == "vp9")?["width"].as_u64()
    };
    wait_until("a small and a large picture", || {
        (width(&small) == Some(320) && width(&large) == Some(1280)).then_some(())
    });
    moves(&large, "browser");
    python.wait_for_within(Duration::from_secs(60), "QualitiesSeen", |_| true);
}
