//! Random sequences of operations. In any order, session descriptions stay consistent, closed links stay silent, each
//! connection is closed once, and at the end every client receives exactly what the others publish.

use super::stage::Stage;
use crate::base::MediaKind;
use crate::hub::{Input, MediaEvent};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use proptest::prelude::*;
use std::time::Duration;

const NAMES: [&str; 4] = ["mina", "jonas", "aiko", "sam"];

#[derive(Clone, Debug)]
enum Op {
    Enter { c: usize },
    Publish { c: usize, cid: usize },
    Unpublish { c: usize, cid: usize },
    Subscribe { c: usize, other: usize, yes: bool },
    Cut { c: usize },
    Resume { c: usize },
    Leave { c: usize },
    Kick { c: usize },
    Dismiss,
    MediaGone { c: usize },
    Arrive { picks: Vec<usize> },
    Wait { ms: u64 },
}

fn op() -> impl Strategy<Value = Op> {
    let c = 0..NAMES.len();
    let picks = prop::collection::vec(0..50usize, 1..20);
    prop_oneof![
        4 => c.clone().prop_map(|c| Op::Enter { c }),
        6 => (c.clone(), 0..3usize).prop_map(|(c, cid)| Op::Publish { c, cid }),
        4 => (c.clone(), 0..3usize).prop_map(|(c, cid)| Op::Unpublish { c, cid }),
        3 => (c.clone(), 0..NAMES.len(), any::<bool>()).prop_map(|(c, other, yes)| Op::Subscribe { c, other, yes }),
        2 => c.clone().prop_map(|c| Op::Cut { c }),
        4 => c.clone().prop_map(|c| Op::Resume { c }),
        1 => c.clone().prop_map(|c| Op::Leave { c }),
        1 => c.clone().prop_map(|c| Op::Kick { c }),
        1 => Just(Op::Dismiss),
        1 => c.prop_map(|c| Op::MediaGone { c }),
        12 => picks.prop_map(|picks| Op::Arrive { picks }),
        2 => (1..4000u64).prop_map(|ms| Op::Wait { ms }),
    ]
}

fn kind(cid: usize) -> MediaKind {
    if cid == 0 { MediaKind::Audio } else { MediaKind::Video }
}

fn run(stage: &mut Stage, op: Op) {
    match op {
        Op::Enter { c } => {
            if stage.clients[c].link.is_none() {
                stage.enter(c);
            }
        }
        Op::Publish { c, cid } => {
            let name = format!("cid-{c}-{cid}");
            let client = &mut stage.clients[c];
            if client.link.is_some() && !client.sid.is_empty() && !client.sending().contains(&name) {
                client.publish(&name, kind(cid));
            }
        }
        Op::Unpublish { c, cid } => {
            let name = format!("cid-{c}-{cid}");
            if stage.clients[c].link.is_some() && stage.clients[c].sending().contains(&name) {
                stage.clients[c].unpublish(&name);
            }
        }
        Op::Subscribe { c, other, yes } => {
            let name = NAMES[other];
            let tracks = stage.clients[c].others.get(name).map(|p| p.tracks.iter().map(|t| t.sid.clone()).collect());
            if let Some(track_sids) = tracks.filter(|_| stage.clients[c].link.is_some()) {
                let update = lk::UpdateSubscription { track_sids, subscribe: yes, participant_tracks: Vec::new() };
                stage.say(c, Request::Subscription(update));
            }
        }
        Op::Cut { c } => stage.cut(c),
        Op::Resume { c } => {
            if !stage.clients[c].sid.is_empty() && stage.clients[c].ended.is_none() {
                stage.resume(c);
            }
        }
        Op::Leave { c } => {
            if stage.clients[c].link.is_some() {
                stage.leave(c);
            }
        }
        Op::Kick { c } => drop(stage.kick(NAMES[c])),
        Op::Dismiss => drop(stage.dismiss()),
        Op::MediaGone { c } => {
            if let Some(connection) = stage.down(c) {
                stage.input(Input::Media(MediaEvent::Disconnected { connection }));
                stage.input(Input::Media(MediaEvent::Connected { connection }));
            }
        }
        Op::Arrive { picks } => {
            for pick in picks {
                stage.step(pick);
            }
        }
        Op::Wait { ms } => stage.wait(Duration::from_millis(ms)),
    }
}

/// When nothing is in flight, each client receives exactly what the others publish and it did not decline.
fn check_views(stage: &Stage) {
    for (c, client) in stage.clients.iter().enumerate() {
        let Some(connection) = stage.down(c).filter(|_| client.link.is_some()) else { continue };
        let member = &stage.hub.members[&connection.member];
        let wanted: std::collections::BTreeSet<_> = member.subscriptions.keys().cloned().collect();
        assert_eq!(client.sees(), wanted, "{} receives other tracks than it subscribed to", client.name);
        assert_eq!(stage.sfu.carries(connection), wanted, "{} is sent other tracks than it subscribed to", client.name);
        let others = stage.hub.members.values().filter(|m| m.room == member.room && m.id != member.id);
        for other in others {
            let shown = client.others.get(other.user.as_str());
            assert_eq!(
                shown.map(|p| p.sid.as_str()),
                Some(other.sid()),
                "{} is not shown with its current sid",
                other.user
            );
            for track in other.tracks.iter().filter(|t| t.is_published && !member.declined.contains(&t.sid)) {
                assert!(wanted.contains(&track.sid), "{} lacks a track of {}", client.name, other.user);
            }
        }
        let present = stage.hub.members.values().filter(|m| m.room == member.room).count();
        assert_eq!(client.others.len() + 1, present, "{} is shown a participant that left", client.name);
    }
}

/// 1500 sequences, or `PROPTEST_CASES`.
pub(super) fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1500);
    ProptestConfig { cases, max_shrink_iters: 20_000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_sequence_ends_well(
        versions in prop::array::uniform4(any::<bool>()),
        spare in 0..4usize,
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let mut stage = Stage::new();
        stage.spare_m_lines = spare;
        for (name, single) in NAMES.iter().zip(versions) {
            stage.client(name, single);
        }
        for op in ops {
            run(&mut stage, op);
        }
        // Long enough for repeated requests and for the resume window.
        stage.wait(Duration::from_secs(20));
        check_views(&stage);
        stage.end();
    }
}
