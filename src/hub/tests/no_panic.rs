//! Arbitrary input from clients and from the forwarding plane must not cause a panic, a message on a closed link, or
//! state that stays behind.

use crate::base::Moment;
use crate::hub::*;
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn text() -> impl Strategy<Value = String> + Clone {
    prop_oneof![Just(String::new()), Just("0".to_owned()), Just("cam".to_owned()), Just("x".repeat(300)), "\\PC{0,12}",]
}

fn sdp() -> impl Strategy<Value = String> + Clone {
    let section = (any::<bool>(), 0..4u8, 0..4usize, text()).prop_map(|(video, mid, way, track)| {
        let kind = if video { "video" } else { "audio" };
        let way = ["sendonly", "recvonly", "inactive", "sendrecv"][way];
        format!("m={kind} 9 X 96\r\na=mid:{mid}\r\na={way}\r\na=msid:- {track}\r\na=simulcast:send q;h\r\n")
    });
    prop_oneof![text(), prop::collection::vec(section, 0..6).prop_map(|s| s.concat())]
}

fn request() -> impl Strategy<Value = Request> {
    let description = (sdp(), 0..4u32).prop_map(|(sdp, id)| lk::SessionDescription { sdp, id, ..Default::default() });
    let sids = prop::collection::vec(text(), 0..3);
    prop_oneof![
        description.clone().prop_map(Request::Offer),
        description.prop_map(Request::Answer),
        (text(), any::<i32>()).prop_map(|(candidate_init, target)| {
            Request::Trickle(lk::TrickleRequest { candidate_init, target, r#final: false })
        }),
        (text(), -1..4i32, any::<i32>(), text(), 0..5usize).prop_map(|(cid, kind, source, sid, layers)| {
            let sid = if sid.len() == 1 { sid } else { String::new() };
            let layers = vec![lk::VideoLayer { quality: source, ..Default::default() }; layers];
            Request::AddTrack(lk::AddTrackRequest { cid, r#type: kind, source, sid, layers, ..Default::default() })
        }),
        (text(), any::<bool>()).prop_map(|(sid, muted)| Request::Mute(lk::MuteTrackRequest { sid, muted })),
        (sids.clone(), any::<bool>()).prop_map(|(track_sids, subscribe)| {
            Request::Subscription(lk::UpdateSubscription { track_sids, subscribe, ..Default::default() })
        }),
        (sids, any::<i32>(), any::<u32>()).prop_map(|(track_sids, quality, width)| {
            Request::TrackSetting(lk::UpdateTrackSettings { track_sids, quality, width, ..Default::default() })
        }),
        (text(), text()).prop_map(|(metadata, name)| {
            Request::UpdateMetadata(lk::UpdateParticipantMetadata { metadata, name, ..Default::default() })
        }),
        any::<bool>().prop_map(|all| {
            let sharing = lk::SubscriptionPermission { all_participants: all, ..Default::default() };
            Request::SubscriptionPermission(sharing)
        }),
        Just(Request::SyncState(lk::SyncState::default())),
        Just(Request::Leave(lk::LeaveRequest::default())),
        any::<i64>().prop_map(Request::Ping),
    ]
}

fn event() -> impl Strategy<Value = MediaEvent> {
    let role =
        prop_oneof![Just(ConnectionRole::Single), Just(ConnectionRole::Publisher), Just(ConnectionRole::Subscriber)];
    let connection = (0..6u64, role).prop_map(|(member, role)| ConnectionId { member: MemberId(member), role });
    prop_oneof![
        (connection.clone(), 0..4u32, sdp())
            .prop_map(|(connection, offer_id, sdp)| { MediaEvent::Answered { connection, offer_id, sdp } }),
        (connection.clone(), sdp(), text(), text()).prop_map(|(connection, sdp, mid, track)| {
            MediaEvent::Offered { connection, sdp, m_lines: vec![(mid, track.as_str().into())] }
        }),
        (connection.clone(), text())
            .prop_map(|(connection, message)| { MediaEvent::NegotiationFailed { connection, message } }),
        connection.clone().prop_map(|connection| MediaEvent::Connected { connection }),
        connection.clone().prop_map(|connection| MediaEvent::Disconnected { connection }),
        (connection.clone(), text())
            .prop_map(|(connection, candidate)| MediaEvent::Candidate { connection, candidate }),
        connection.clone().prop_map(|connection| MediaEvent::Closed { connection }),
        (connection, text(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(connection, label, payload)| {
            let label = if label.is_empty() { "_reliable".into() } else { label };
            MediaEvent::Data { connection, label, payload: payload.into() }
        }),
        (text(), any::<f32>()).prop_map(|(track, level)| {
            let track = track.as_str().into();
            MediaEvent::Level { track, level, active: true }
        }),
        (0..6u64, any::<f32>(), any::<f32>()).prop_map(|(member, lost_percent, rtt_ms)| {
            MediaEvent::LinkQuality { member: MemberId(member), lost_percent, rtt_ms }
        }),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let join =
        (0..8u64, 0..3u8, any::<bool>(), any::<bool>(), sdp()).prop_map(|(link, user, single, reconnect, sdp)| {
            let user = format!("user-{user}").parse().expect("a user id");
            let admission = Admission {
                name: "x".repeat(300),
                room_config: Some(Box::new(lk::RoomConfiguration { max_participants: 2, ..Default::default() })),
                ..Admission::for_tests("r", user, 1)
            };
            let offer = lk::SessionDescription { sdp, ..Default::default() };
            let request = lk::JoinRequest { reconnect, publisher_offer: Some(offer), ..Default::default() };
            Input::Join { link: LinkId(link), admission: Box::new(admission), request: Box::new(request), single }
        });
    prop_oneof![
        2 => join,
        10 => (0..8u64, request()).prop_map(|(link, m)| Input::Signal { link: LinkId(link), message: Box::new(m) }),
        1 => (0..8u64).prop_map(|link| Input::LinkGone { link: LinkId(link) }),
        6 => event().prop_map(Input::Media),
        1 => Just(Input::Tick),
    ]
}

#[derive(Default)]
struct Checker {
    open: BTreeSet<ConnectionId>,
    links: BTreeSet<LinkId>,
    used: BTreeSet<LinkId>,
}

impl Checker {
    fn check(&mut self, output: Output) {
        match output {
            Output::Signal { link, message } => assert!(self.links.contains(&link), "{link:?} is closed: {message:?}"),
            Output::CloseLink { link } => assert!(self.links.remove(&link), "{link:?} is closed twice"),
            Output::Media(MediaCommand::Open { connection, .. }) => assert!(self.open.insert(connection)),
            Output::Media(MediaCommand::Close { connection }) => assert!(self.open.remove(&connection)),
            Output::Media(
                MediaCommand::AcceptOffer { connection, .. }
                | MediaCommand::MakeOffer { connection, .. }
                | MediaCommand::AcceptAnswer { connection, .. }
                | MediaCommand::Unsubscribe { connection, .. }
                | MediaCommand::Prefer { connection, .. }
                | MediaCommand::SendData { connection, .. },
            ) => assert!(self.open.contains(&connection), "{connection:?} is not open"),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(super::random::config())]

    #[test]
    fn arbitrary_input_does_no_harm(inputs in prop::collection::vec((input(), 0..5000u64), 1..60)) {
        let mut hub = Hub::new(HubConfig::default(), 3);
        let (mut checker, mut now) = (Checker::default(), 0);
        for (input, pause) in inputs {
            now += pause;
            match &input {
                // Link numbers are not reused, and a closed link stays silent.
                Input::Join { link, .. } if !checker.used.insert(*link) => continue,
                Input::Join { link, .. } => drop(checker.links.insert(*link)),
                Input::LinkGone { link } => drop(checker.links.remove(link)),
                _ => {}
            }
            hub.handle(input, Moment::from_millis(now));
            while let Some(output) = hub.poll() {
                checker.check(output);
            }
        }
        hub.handle(Input::Shutdown, Moment::from_millis(now));
        while let Some(output) = hub.poll() {
            checker.check(output);
        }
        prop_assert!(hub.is_empty(), "the hub is not empty: {hub:?}");
        prop_assert!(checker.open.is_empty() && checker.links.is_empty());
    }
}
