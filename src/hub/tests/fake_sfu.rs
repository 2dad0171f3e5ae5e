//! A forwarding plane without media that checks the order of the hub's commands.

use crate::base::TrackSid;
use crate::hub::{ConnectionId, ConnectionRole, MediaCommand, MediaEvent, Mid};
use crate::proto::sdp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Debug, Default)]
pub(super) struct FakeSfu {
    pub(super) open: BTreeMap<ConnectionId, Connection>,
    pub(super) closed: BTreeSet<ConnectionId>,
    pub(super) published: BTreeSet<TrackSid>,
    pub(super) events: VecDeque<MediaEvent>,
    pub(super) commands: Vec<MediaCommand>,
    next_mid: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Connection {
    pub(super) bound: BTreeMap<Mid, TrackSid>,
    /// The bindings before an offer that is not answered yet.
    before_offer: Option<BTreeMap<Mid, TrackSid>>,
    is_up: bool,
}

impl FakeSfu {
    pub(super) fn execute(&mut self, command: MediaCommand) {
        self.commands.push(command.clone());
        match command {
            MediaCommand::Open { connection, .. } => {
                assert!(!self.closed.contains(&connection), "{connection:?} is opened again");
                let old = self.open.insert(connection, Connection::default());
                assert!(old.is_none(), "{connection:?} is open already");
            }
            MediaCommand::Close { connection } => {
                assert!(self.open.remove(&connection).is_some(), "{connection:?} is closed without being open");
                self.closed.insert(connection);
            }
            MediaCommand::AcceptOffer { connection, offer_id, sdp, publish, bind, release } => {
                self.published.extend(publish.into_iter().map(|p| p.track));
                for bound in &bind {
                    assert!(self.published.contains(&bound.what.track), "{bound:?} is not published");
                }
                let c = self.get(connection);
                let receiving: BTreeSet<_> =
                    sdp::m_lines(&sdp).into_iter().filter(|s| s.is_receiving()).map(|s| s.mid).collect();
                for mid in release {
                    assert!(c.bound.remove(&mid).is_some(), "{mid} is released without being bound");
                }
                for bound in bind {
                    assert!(receiving.contains(&bound.mid), "{bound:?} has no m_line");
                    assert!(c.bound.insert(bound.mid.clone(), bound.what.track).is_none(), "{} is bound", bound.mid);
                }
                let sdp = c.bound.iter().map(|(mid, track)| format!("{mid}={track}\n")).collect();
                self.events.push_back(MediaEvent::Answered { connection, offer_id, sdp });
                self.come_up(connection);
            }
            MediaCommand::MakeOffer { connection, add, remove, ice_restart } => {
                assert_eq!(connection.role, ConnectionRole::Subscriber);
                self.make_offer(connection, add.into_iter().map(|s| s.track).collect(), remove, ice_restart);
            }
            MediaCommand::AcceptAnswer { connection, .. } => {
                let answered = self.get(connection).before_offer.take();
                assert!(answered.is_some(), "{connection:?}: an answer without an offer");
                self.come_up(connection);
            }
            MediaCommand::Publish { published, .. } => {
                assert!(self.published.insert(published.track));
            }
            MediaCommand::Unpublish { track } => assert!(self.published.remove(&track), "{track} is not published"),
            MediaCommand::Mute { track, .. } => assert!(self.published.contains(&track), "{track} is not published"),
            MediaCommand::Unsubscribe { connection, .. }
            | MediaCommand::Prefer { connection, .. }
            | MediaCommand::SendData { connection, .. }
            | MediaCommand::AddCandidate { connection, .. } => {
                self.get(connection);
            }
        }
    }

    fn make_offer(&mut self, connection: ConnectionId, add: Vec<TrackSid>, remove: Vec<Mid>, restart: bool) {
        let mids: Vec<Mid> = add
            .iter()
            .map(|_| {
                self.next_mid += 1;
                format!("s{}", self.next_mid)
            })
            .collect();
        for track in &add {
            assert!(self.published.contains(track), "{track} is not published");
        }
        let c = self.get(connection);
        let is_first = c.before_offer.is_none() && !c.is_up;
        assert!(is_first || restart || !(add.is_empty() && remove.is_empty()), "there is nothing to offer");
        if let Some(before) = c.before_offer.take() {
            assert!(restart, "{connection:?}: an offer while another is not answered");
            c.bound = before;
        }
        c.before_offer = Some(c.bound.clone());
        for mid in remove {
            assert!(c.bound.remove(&mid).is_some(), "{mid} is stopped without being bound");
        }
        for (mid, track) in mids.into_iter().zip(add) {
            assert!(!c.bound.values().any(|t| *t == track), "{track} is added twice");
            c.bound.insert(mid, track);
        }
        let m_lines = c.bound.clone().into_iter().collect();
        self.events.push_back(MediaEvent::Offered { connection, sdp: String::new(), m_lines });
    }

    fn get(&mut self, connection: ConnectionId) -> &mut Connection {
        self.open.get_mut(&connection).unwrap_or_else(|| panic!("{connection:?} is not open"))
    }

    fn come_up(&mut self, connection: ConnectionId) {
        if !std::mem::replace(&mut self.get(connection).is_up, true) {
            self.events.push_back(MediaEvent::Connected { connection });
        }
    }

    /// The tracks that a connection carries to its client.
    pub(super) fn carries(&self, connection: ConnectionId) -> BTreeSet<TrackSid> {
        self.open.get(&connection).map(|c| c.bound.values().cloned().collect()).unwrap_or_default()
    }
}
