//! TURN servers with credentials for each participant.

use super::stage::Stage;
use crate::base::{Moment, Secret};
use crate::hub::*;
use crate::proto::turn::TurnServers;
use livekit_protocol as lk;
use lk::signal_response::Message;

/// A joining client gets TURN servers with credentials of its own, and newer ones when it resumes.
#[test]
fn turn_credentials_come_with_each_join_and_resume() {
    let stage = Stage::new();
    let turn = TurnServers::new(vec!["turns:turn.example.com".into()], Secret::new("north".into())).expect("servers");
    let now = stage.unix_s();
    let config = HubConfig { turn: Some(turn.clone()), unix_ms_at_zero: now * 1000, ..HubConfig::default() };
    let mut hub = Hub::new(config, 1);
    let mut enter = |link, request, at| {
        let admission = Box::new(stage.admission("mina"));
        hub.handle(Input::Join { link: LinkId(link), admission, request: Box::new(request), single: true }, at);
        std::iter::from_fn(|| hub.poll())
            .filter_map(|o| if let Output::Signal { message, .. } = o { Some(*message) } else { None })
            .collect::<Vec<_>>()
    };
    let joined = enter(1, lk::JoinRequest::default(), Moment::ZERO);
    let Some(Message::Join(join)) = joined.first() else { panic!("{joined:?}") };
    assert_eq!(join.ice_servers, [turn.for_user("mina", now)]);
    let participant_sid = join.participant.as_ref().expect("ourselves").sid.clone();
    let request = lk::JoinRequest { reconnect: true, participant_sid, ..Default::default() };
    let resumed = enter(2, request, Moment::from_millis(3000));
    let Some(Message::Reconnect(reconnect)) = resumed.first() else { panic!("{resumed:?}") };
    assert_eq!(reconnect.ice_servers, [turn.for_user("mina", now + 3)]);
}
