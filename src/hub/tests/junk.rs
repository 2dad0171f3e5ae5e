//! Nonsense from clients and from the forwarding plane: nothing of it may end in a panic, reach a dead link or leave
//! something behind.

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
    let role = prop_oneof![Just(Role::Single), Just(Role::Publisher), Just(Role::Subscriber)];
    let connection = (0..6u64, role).prop_map(|(member, role)| ConnectionId { member: MemberId(member), role });
    prop_oneof![
        (connection.clone(), 0..4u32, sdp())
            .prop_map(|(connection, offer_id, sdp)| { MediaEvent::Answered { connection, offer_id, sdp } }),
        (connection.clone(), sdp(), text(), text()).prop_map(|(connection, sdp, mid, track)| {
            MediaEvent::Offered { connection, sdp, sections: vec![(mid, track)] }
        }),
        (connection.clone(), text())
            .prop_map(|(connection, message)| { MediaEvent::NegotiationFailed { connection, message } }),
        connection.clone().prop_map(|connection| MediaEvent::Connected { connection }),
        connection.clone().prop_map(|connection| MediaEvent::Disconnected { connection }),
        connection.clone().prop_map(|connection| MediaEvent::Closed { connection }),
        (connection, text(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(connection, label, payload)| {
            let label = if label.is_empty() { "_reliable".into() } else { label };
            MediaEvent::Data { connection, label, payload: payload.into() }
        }),
        (text(), any::<f32>()).prop_map(|(track, level)| MediaEvent::Level { track, level, active: true }),
        (0..6u64, any::<f32>(), any::<f32>()).prop_map(|(member, lost_percent, rtt_ms)| {
            MediaEvent::LinkQuality { member: MemberId(member), lost_percent, rtt_ms }
        }),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let join =
        (0..8u64, 0..3u8, any::<bool>(), any::<bool>(), sdp()).prop_map(|(link, user, single, reconnect, sdp)| {
            let user: crate::base::UserId = format!("user-{user}").parse().expect("a user id");
            let all = lk::ParticipantPermission {
                can_subscribe: true,
                can_publish: true,
                can_publish_data: true,
                can_update_metadata: true,
                ..Default::default()
            };
            let admission = Admission {
                room: "r".into(),
                name: "x".repeat(300),
                user,
                metadata: String::new(),
                attributes: Vec::new(),
                permission: all,
                room_admin: false,
                issued_at: 1,
                room_config: Some(Box::new(lk::RoomConfiguration { max_participants: 2, ..Default::default() })),
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
struct Watch {
    open: BTreeSet<ConnectionId>,
    links: BTreeSet<LinkId>,
    used: BTreeSet<LinkId>,
}

impl Watch {
    fn see(&mut self, output: Output) {
        match output {
            Output::Signal { link, message } => assert!(self.links.contains(&link), "{link:?} is dead: {message:?}"),
            Output::CloseLink { link } => assert!(self.links.remove(&link), "{link:?} is closed and was dead"),
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
    fn nonsense_does_no_harm(inputs in prop::collection::vec((input(), 0..5000u64), 1..60)) {
        let mut hub = Hub::new(HubConfig::default(), 3);
        let (mut watch, mut now) = (Watch::default(), 0);
        for (input, pause) in inputs {
            now += pause;
            match &input {
                // a number is never used again, and a link that is gone stays silent
                Input::Join { link, .. } if !watch.used.insert(*link) => continue,
                Input::Join { link, .. } => drop(watch.links.insert(*link)),
                Input::LinkGone { link } => drop(watch.links.remove(link)),
                _ => {}
            }
            hub.handle(input, Moment::from_millis(now));
            while let Some(output) = hub.poll() {
                watch.see(output);
            }
        }
        hub.handle(Input::Shutdown, Moment::from_millis(now));
        while let Some(output) = hub.poll() {
            watch.see(output);
        }
        prop_assert!(hub.is_empty(), "something is left: {hub:?}");
        prop_assert!(watch.open.is_empty() && watch.links.is_empty());
    }
}
