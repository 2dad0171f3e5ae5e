//! A link with packet loss: video and audio continue and stay synchronous.

use crate::kit::{Fault, Participant, Server, TestContext, verified};

#[test]
fn five_percent_loss_costs_few_frames_and_no_audio() {
    let context = TestContext::new("loss");
    let (_server, relay) = Server::behind_relay(&context);
    let sends = ["--microphone", "test-tone:440", "--verify"];
    let ann = Participant::bot(&context, &relay.url(), "loss", "ann", &sends);
    let ben = Participant::bot(&context, &relay.url(), "loss", "ben", &["--microphone", "test-tone:700", "--verify"]);
    let before = verified::first(&ben, ann.user());
    relay.set(Fault { loss: 0.05, ..Fault::default() });
    let during = ben.verified_after(ann.user(), 3);
    let after = ben.verified_after(ann.user(), 18);
    let (passed, lost) = relay.counts();
    assert!(lost > 50 && passed > 10 * lost, "the relay lost {lost} of {} packets", passed + lost);

    let link = after.since(&during);
    let whole = link.frames / (link.frames + link.missing);
    assert!(whole >= 0.9, "only {:.0} % of the pictures came through", whole * 100.0);
    assert!(link.wrong <= 0.02 * link.frames, "{} pictures could not be read", link.wrong);
    assert!(after.longest_gap_ms <= 60.0, "the tone had a gap of {} ms", after.longest_gap_ms);
    assert!(after.frames > before.frames);
    after.holds_tone(440.0);
    verified::together(&ben, ann.user());
}
