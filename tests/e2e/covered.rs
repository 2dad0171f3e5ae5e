//! Participants whose media cannot be decoded: they are silent and covered, and nothing of theirs is called available.

use crate::kit::program::DEV_KEYS;
use crate::kit::wav::Recorded;
use crate::kit::{Events, Participant, Sdk, Server, TestContext, wait_until};
use std::time::Duration;

/// Events by which a script would take something of `user` for available, shown or heard.
fn shown(bot: &Participant, user: &str) -> Vec<String> {
    let names = ["UserVideoAvailable", "UserAudioAvailable", "FirstVideoFrame", "FirstAudioFrame"];
    let of_user = bot.events().into_iter().filter(|e| e["remote_user"] == user && e["available"] != false);
    let named = of_user.filter(|e| names.iter().any(|name| e["event"] == *name));
    named.map(|e| e["event"].to_string()).collect()
}

#[test]
fn an_encrypted_participant_is_silent_and_a_codec_that_rooms_do_not_carry_is_refused() {
    let context = TestContext::new("covered");
    let server = Server::start(&context);
    let (heard, pictures) = (context.artifact("heard.wav"), context.artifact("pictures"));
    let (heard_to, pictures_to) = (format!("file:{}", heard.display()), pictures.display().to_string());
    std::fs::create_dir_all(&pictures).expect("a folder");
    let more = ["--speaker", &heard_to, "--pictures", &pictures_to, "--verify"];
    let mut bot = Participant::bot(&context, &server.url(), "covered", "bot", &more);
    let join = |name: &str, more: &[&str]| Sdk::Python.join(&context, &server.url(), DEV_KEYS, "covered", name, more);
    let _sealed = join("sealed", &["--key", "visavis"]);
    for source in ["camera", "microphone"] {
        let covered = bot.wait_for_where("TrackCovered", |e| e["remote_user"] == "sealed" && e["source"] == source);
        assert_eq!((covered["covered"].as_bool(), covered["why"].as_str()), (Some(true), Some("encrypted")));
    }
    let _foreign = join("foreign", &["--codec", "AV1", "--tone", "0"]);
    bot.wait_for_user("RemoteUserEnterRoom", "foreign");
    std::thread::sleep(Duration::from_secs(2));
    for user in ["sealed", "foreign"] {
        assert_eq!(shown(&bot, user), Vec::<String>::new(), "{user}");
    }
    let announced = bot.events().into_iter().filter(|e| e["remote_user"] == "foreign" && !e["track"].is_null());
    assert_eq!(announced.count(), 0, "a track that nobody can get was announced");
    bot.running().signal("TERM");
    bot.wait_for("ExitRoom");
    bot.running().wait_exit();
    assert_eq!(std::fs::read_dir(&pictures).expect("the folder").count(), 0, "a picture was kept");
    let heard = Recorded::read(&heard);
    assert!(heard.seconds() > 2.0 && heard.peak() < 0.001, "{} s, peak {}", heard.seconds(), heard.peak());
}

#[test]
fn encryption_that_nobody_announced_is_silent_from_the_first_frame_and_ends_at_once() {
    let context = TestContext::new("covered-unsaid");
    let server = Server::start(&context);
    let heard = context.artifact("heard.wav");
    let heard_to = format!("file:{}", heard.display());
    let mut bot = Participant::bot(&context, &server.url(), "unsaid", "bot", &["--speaker", &heard_to, "--verify"]);
    let encrypts = ["--key", "visavis", "--unsaid"];
    let mut sdk = Sdk::Python.join(&context, &server.url(), DEV_KEYS, "unsaid", "sdk", &encrypts);
    let covered = |bot: &Participant, count: usize, covered: bool| {
        for source in ["camera", "microphone"] {
            let is_it = |e: &&serde_json::Value| e["source"] == source && e["covered"] == covered;
            wait_until("TrackCovered", || {
                (bot.all("TrackCovered").iter().filter(is_it).count() == count).then_some(())
            });
        }
    };
    covered(&bot, 1, true);
    std::thread::sleep(Duration::from_secs(1));
    let first_frames = |bot: &Participant| [bot.all("FirstVideoFrame").len(), bot.all("FirstAudioFrame").len()];
    assert_eq!(first_frames(&bot), [0, 0], "nothing was decoded");
    sdk.running().signal("USR2");
    covered(&bot, 1, false);
    bot.wait_for_user("FirstVideoFrame", "sdk");
    bot.wait_for_user("FirstAudioFrame", "sdk");
    std::thread::sleep(Duration::from_secs(1));
    sdk.running().signal("USR2");
    covered(&bot, 2, true);
    std::thread::sleep(Duration::from_secs(1));
    bot.running().signal("TERM");
    bot.wait_for("ExitRoom");
    bot.running().wait_exit();
    // The tone is at -20 dBFS, a peak of 0.1; decoded ciphertext would be noise at full scale.
    let peak = Recorded::read(&heard).peak();
    assert!((0.05..0.2).contains(&peak), "{peak}");
}
