//! The reliable data channels, which carry the chat: packets arrive in order, wait for a path that is down, and are lost
//! with their connection. And the rules of the chat.

use super::people::Person;
use super::{Delivery, Stage};
use crate::base::{EventKind, Moment};
use crate::hub::{self, ConnectionId, ConnectionRole, MediaEvent};
use crate::session::{self, Outgoing, PeerInput};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// A packet on its way, or the acknowledgement of one.
#[derive(Clone, Debug)]
struct OnTheWay {
    /// When it arrives, if the path is up.
    at: Moment,
    connection: ConnectionId,
    sequence: u32,
    payload: Bytes,
}

/// The data channels of a participant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Channels {
    /// The connections that are up on both sides.
    open: BTreeSet<ConnectionId>,
    up: VecDeque<OnTheWay>,
    acknowledgements: VecDeque<OnTheWay>,
    down: VecDeque<OnTheWay>,
    /// Messages that were written, and those that the session has not got yet.
    written: u32,
    to_write: VecDeque<Outgoing>,
    /// The number of the last message that was heard from each participant.
    heard: BTreeMap<usize, u32>,
}

impl Channels {
    pub(crate) fn opened(&mut self, connection: ConnectionId) {
        self.open.insert(connection);
    }

    /// The client closes its connections.
    pub(crate) fn close(&mut self) {
        self.open.clear();
        for queue in [&mut self.up, &mut self.acknowledgements, &mut self.down] {
            queue.clear();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.up.is_empty() && self.acknowledgements.is_empty() && self.down.is_empty()
    }
}

impl Person {
    /// When something that is sent now arrives, after everything that was sent before.
    fn arrival(&self, queue: &VecDeque<OnTheWay>, now: Moment) -> Moment {
        let after = queue.back().map_or(Moment::ZERO, |last| last.at);
        (now + self.net.latency).max(self.net.stalled_until).max(after)
    }
}

impl Stage {
    /// Writes to everybody, or to one participant.
    pub fn write(&mut self, who: usize, to: Option<usize>) {
        let channels = &mut self.people[who].channels;
        channels.written += 1;
        let number = channels.written;
        let receiver = to.map(|to| self.people[to].user.clone());
        let text = format!("{who} {number} {}", receiver.as_ref().map_or("", |user| user.as_str()));
        let message = Outgoing { id: format!("{who}-{number}"), to: receiver, text, unix_ms: 0 };
        self.people[who].channels.to_write.push_back(message);
        self.later(Duration::ZERO, Delivery::Write(who));
    }

    /// The next message reaches the session. Those that a stopped process gets later stay in order.
    pub(crate) fn written(&mut self, who: usize) {
        if let Some(message) = self.people[who].channels.to_write.pop_front() {
            self.input_now(who, session::Input::SendMessage(message));
        }
    }

    /// A client sends a packet.
    pub(crate) fn send_data(&mut self, who: usize, sequence: u32, payload: Bytes) {
        let role = if self.people[who].single { ConnectionRole::Single } else { ConnectionRole::Publisher };
        let person = &mut self.people[who];
        let Some(member) = person.member else { return };
        let at = person.arrival(&person.channels.up, self.now);
        let connection = ConnectionId { member, role };
        person.channels.up.push_back(OnTheWay { at, connection, sequence, payload });
        self.at(at, Delivery::Data(who));
    }

    /// The server sends a packet to a member.
    pub(crate) fn forward_data(&mut self, who: usize, connection: ConnectionId, payload: Bytes) {
        let person = &mut self.people[who];
        let at = person.arrival(&person.channels.down, self.now);
        person.channels.down.push_back(OnTheWay { at, connection, sequence: 0, payload });
        self.at(at, Delivery::Data(who));
    }

    /// What has arrived at both ends is taken in; the rest waits for its time, or for the path.
    pub(crate) fn move_data(&mut self, who: usize) {
        if !self.people[who].has_peers {
            self.people[who].channels.close();
        }
        if !self.people[who].alive || !self.people[who].is_reachable() {
            return;
        }
        while let Some(packet) = self.next_arrived(who, |channels| &mut channels.up) {
            let OnTheWay { connection, sequence, ref payload, .. } = packet;
            if self.hub.is_none() || self.people[who].member != Some(connection.member) {
                continue;
            }
            let (label, payload) = ("_reliable".to_owned(), payload.clone());
            self.tell_hub(hub::Input::Media(MediaEvent::Data { connection, label, payload }));
            let person = &mut self.people[who];
            let at = person.arrival(&person.channels.acknowledgements, self.now);
            person.channels.acknowledgements.push_back(OnTheWay { at, sequence, ..packet });
            self.at(at, Delivery::Data(who));
        }
        while let Some(packet) = self.next_arrived(who, |channels| &mut channels.acknowledgements) {
            let epoch = self.people[who].epoch;
            self.input_now(who, session::Input::Peers(epoch, PeerInput::DataAcknowledged(packet.sequence)));
        }
        while let Some(packet) = self.next_arrived(who, |channels| &mut channels.down) {
            let (epoch, payload) = (self.people[who].epoch, packet.payload);
            self.input_now(who, session::Input::Peers(epoch, PeerInput::Data { payload, unix_ms: 0 }));
        }
    }

    /// The next packet of a queue whose time has come. One of an older stay is dropped.
    fn next_arrived(
        &mut self,
        who: usize,
        queue: impl Fn(&mut Channels) -> &mut VecDeque<OnTheWay>,
    ) -> Option<OnTheWay> {
        let (now, member) = (self.now, self.people[who].member);
        let channels = &mut self.people[who].channels;
        while queue(channels).pop_front_if(|first| Some(first.connection.member) != member).is_some() {}
        let open = channels.open.clone();
        queue(channels).pop_front_if(|first| first.at <= now && open.contains(&first.connection))
    }

    /// The path of a participant is up again: what waits goes on.
    pub(crate) fn data_goes_on(&mut self, who: usize) {
        if !self.people[who].channels.is_empty() {
            self.later(Duration::ZERO, Delivery::Data(who));
        }
    }

    /// A message arrives at most once, after those that its author wrote before, and only at those for whom it is.
    pub(crate) fn check_heard(&mut self, who: usize, event: &EventKind) {
        let EventKind::ChatMessage { user, text, private } = event else { return };
        let mut parts = text.split(' ');
        let mut number = || parts.next().and_then(|part| part.parse::<u32>().ok()).expect("a number");
        let (author, number) = (number() as usize, number());
        let receiver = parts.next().filter(|name| !name.is_empty());
        assert_eq!(self.people[author].user, *user, "the author of {text}");
        let me = self.people[who].user.as_str();
        assert!(receiver.is_none_or(|name| name == me), "{me} reads what is for {receiver:?}");
        assert_eq!(*private, receiver.is_some());
        let before = self.people[who].channels.heard.insert(author, number).unwrap_or(0);
        assert!(before < number, "{who} hears message {number} of {author} after message {before}");
    }

    /// How many messages everybody in the room has heard of each other, at least.
    pub fn heard_by_all(&self) -> u32 {
        let all = |who: usize| (0..self.people.len()).filter(move |author| *author != who);
        let heard = |who| all(who).map(move |author| self.people[who].channels.heard.get(&author).copied());
        (0..self.people.len()).flat_map(heard).map(Option::unwrap_or_default).min().unwrap_or(0)
    }
}
