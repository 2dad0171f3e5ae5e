//! Reliable data packets, which carry the chat: none is lost or doubled over a resume.
//!
//! Each packet of ours has the next sequence number of this stay at the server. It is kept until the server's SCTP has
//! acknowledged it. After a resume the server says which one it received last: the later ones are sent again under their
//! numbers, by which the server recognises those that arrive twice. After a fresh join the messages that were not
//! acknowledged are sent again under their ids, by which clients recognise them.

use super::chat::UNSENT;
use super::{Output, PeerCommand, Phase, Session};
use crate::base::{Delivery, Reaction, SignalTarget, UserId};
use crate::proto::chat::{self, ChatReader, INLINE_PROTOCOL};
use crate::proto::reaction;
use bytes::Bytes;
use livekit_protocol as lk;
use lk::data_packet::Value;
use prost::Message as _;
use std::collections::{BTreeMap, VecDeque};

/// Packets that wait for their acknowledgement at most; refusals of requests beyond that are dropped.
const PACKETS: usize = 4 * UNSENT;
/// Participants whose last sequence number is remembered at most.
const SENDERS: usize = 1024;

/// A message of ours for the chat.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its id on the wire: new, and not to be guessed.
    pub id: String,
    /// For whom it is; `None` for everybody.
    pub to: Option<UserId>,
    /// The text.
    pub text: String,
    /// Unix time in ms.
    pub unix_ms: i64,
}

/// A packet that was sent and is not acknowledged.
#[derive(Clone, Debug)]
struct Packet {
    sequence: u32,
    payload: Bytes,
    /// The id of the message that it belongs to.
    message: Option<String>,
    /// Whether it is the message's last one.
    is_last: bool,
}

/// The data path of a stay.
#[derive(Clone, Debug, Default)]
pub(super) struct DataPath {
    reader: ChatReader,
    /// The last sequence number that arrived from each participant, by their sid.
    received: BTreeMap<String, u32>,
    /// The last sequence number of ours.
    sequence: u32,
    unacknowledged: VecDeque<Packet>,
    /// The ids of messages that are not sent yet.
    waiting: VecDeque<String>,
    /// Whether our publisher connection is up, and whether it ever was with this server.
    is_up: bool,
    was_up: bool,
    /// Whether an offer for that connection was requested because a message waits.
    is_requested: bool,
    /// Whether the packets that are not acknowledged are to be sent again.
    must_repeat: bool,
    /// The newest reaction of ours, until the connection for it is up.
    reaction: Option<Reaction>,
}

impl DataPath {
    /// A message waits to be sent.
    pub(super) fn wait(&mut self, id: String) {
        self.waiting.push_back(id);
    }

    /// Messages of ours that the server has not acknowledged.
    pub(super) fn unsent(&self) -> usize {
        self.waiting.len() + self.unacknowledged.iter().filter(|p| p.is_last && p.message.is_some()).count()
    }

    /// The last sequence number received from each participant, for the server after a resume.
    pub(super) fn receive_states(&self) -> Vec<lk::DataChannelReceiveState> {
        let state =
            |(sid, last): (&String, &u32)| lk::DataChannelReceiveState { publisher_sid: sid.clone(), last_seq: *last };
        self.received.iter().map(state).collect()
    }

    /// Whether a packet has not arrived before.
    fn is_new(&mut self, packet: &lk::DataPacket) -> bool {
        let (sid, sequence) = (&packet.participant_sid, packet.sequence);
        if sequence == 0 || sid.is_empty() {
            return true;
        }
        match self.received.get_mut(sid) {
            Some(last) if sequence <= *last => false,
            Some(last) => {
                *last = sequence;
                true
            }
            None => {
                if self.received.len() >= SENDERS {
                    self.received.pop_first();
                }
                self.received.insert(sid.clone(), sequence);
                true
            }
        }
    }
}

impl Session {
    /// Takes a packet of the reliable channel.
    pub(super) fn data_received(&mut self, payload: Bytes, unix_ms: i64) {
        let Ok(packet) = lk::DataPacket::decode(payload) else { return };
        let sender = packet.participant_identity.clone();
        if let (true, Some(value)) = (sender.is_empty(), &packet.value) {
            return self.asked_by_host(value);
        }
        if sender.is_empty() || self.roster.is_me(&sender) || !self.data.is_new(&packet) {
            return;
        }
        let private = !packet.destination_identities.is_empty();
        let Some(value) = packet.value else { return };
        if let Some(reaction) = reaction::decode(&value) {
            return self.reacted(&sender, reaction);
        }
        if let Some(request) = chat::rpc_request(&value) {
            let request = request.to_owned();
            return self.refuse_request(&sender, &request);
        }
        if let Some(item) = self.data.reader.take(&sender, value) {
            self.hear(&sender, item, private, unix_ms);
        }
    }

    fn refuse_request(&mut self, caller: &str, request: &str) {
        if self.can_send_data() && self.data.unacknowledged.len() < PACKETS {
            let to = Some(UserId::of_participant(caller));
            self.send_packets(chat::rpc_refusal(request).into(), to.as_ref(), None);
        }
    }

    /// The user reacts. It is for now: what cannot be sent soon is dropped.
    pub(super) fn react(&mut self, reaction: Reaction) {
        let is_whole = matches!(&self.phase, Phase::InRoom(room) if room.media_down.is_none());
        if is_whole && self.may_write() && self.data.unacknowledged.len() < PACKETS {
            self.data.reaction = Some(reaction);
            self.send_waiting();
        }
    }

    /// The server has everything up to this sequence number.
    pub(super) fn data_acknowledged(&mut self, sequence: u32) {
        while let Some(packet) = self.data.unacknowledged.pop_front_if(|p| p.sequence <= sequence) {
            if let Some(id) = packet.message.filter(|_| packet.is_last) {
                self.chat.set_delivery(&id, Delivery::Sent);
            }
        }
    }

    /// A connection of ours is up or down.
    pub(super) fn data_path(&mut self, target: SignalTarget, is_up: bool) {
        if target == SignalTarget::Publisher {
            self.data.is_up = is_up;
            self.data.was_up |= is_up;
            self.data.is_requested &= !is_up;
            if !is_up {
                self.data_interrupted();
            }
        }
    }

    /// The connection is lost: what is not acknowledged counts as not sent.
    pub(super) fn data_interrupted(&mut self) {
        self.data.reaction = None;
        for packet in &self.data.unacknowledged {
            if let Some(id) = &packet.message {
                self.chat.set_delivery(id, Delivery::Waiting);
            }
        }
    }

    /// The server resumes our stay. It has received everything up to this sequence number.
    pub(super) fn data_resumed(&mut self, last_received: u32) {
        self.data_acknowledged(last_received);
        self.data.must_repeat = true;
    }

    /// New peer connections are made, for a fresh join: sequence numbers begin anew.
    pub(super) fn data_restarts(&mut self) {
        let packets = std::mem::take(&mut self.data.unacknowledged);
        for id in packets.into_iter().rev().filter(|p| p.is_last).filter_map(|p| p.message) {
            self.data.waiting.push_front(id);
        }
        self.data.reader = ChatReader::default();
        self.data.sequence = 0;
        (self.data.is_up, self.data.was_up) = (false, false);
        (self.data.is_requested, self.data.must_repeat) = (false, false);
    }

    /// Our stay ends: nothing is sent any more.
    pub(super) fn end_data(&mut self) {
        self.data_interrupted();
        self.data = DataPath::default();
    }

    fn can_send_data(&self) -> bool {
        let is_whole = matches!(&self.phase, Phase::InRoom(room) if room.media_down.is_none());
        is_whole && self.data.is_up && self.may_write()
    }

    /// Sends what waits, if the connection allows it. With two connections ours comes up when there is something to send.
    pub(super) fn send_waiting(&mut self) {
        if !self.can_send_data() {
            let is_in_room = matches!(&self.phase, Phase::InRoom(room) if room.media_down.is_none());
            let has_something = !self.data.waiting.is_empty() || self.data.reaction.is_some();
            if is_in_room && !self.data.is_up && !self.data.is_requested && has_something {
                self.data.is_requested = true;
                self.offer(self.data.was_up);
            }
            return;
        }
        let must_repeat = std::mem::take(&mut self.data.must_repeat);
        let under_way: Vec<Packet> = self.data.unacknowledged.iter().cloned().collect();
        for Packet { sequence, payload, message, .. } in under_way {
            if let Some(id) = message {
                self.chat.set_delivery(&id, Delivery::UnderWay);
            }
            if must_repeat {
                self.command(PeerCommand::SendData { sequence, payload });
            }
        }
        while let Some(id) = self.data.waiting.pop_front() {
            self.send_message(&id);
        }
        if let Some(reaction) = self.data.reaction.take() {
            self.send_packets(vec![reaction::encode(reaction)], None, None);
        }
    }

    fn send_message(&mut self, id: &str) {
        let Some(message) = self.chat.own(id) else { return };
        let to = message.recipient.as_ref().map(|p| p.user.clone());
        if to.as_ref().is_some_and(|user| self.roster.person(user).is_none()) {
            return self.chat.set_delivery(id, Delivery::Undeliverable);
        }
        let inline = self.roster.all_have_protocol(to.as_ref(), INLINE_PROTOCOL);
        let values = chat::encode(id, message.unix_ms, &message.text, inline);
        self.send_packets(values, to.as_ref(), Some(id));
        self.chat.set_delivery(id, Delivery::UnderWay);
    }

    fn send_packets(&mut self, values: Vec<Value>, to: Option<&UserId>, message: Option<&str>) {
        let count = values.len();
        for (at, value) in values.into_iter().enumerate() {
            self.data.sequence += 1;
            let packet = lk::DataPacket {
                destination_identities: to.map(UserId::to_string).into_iter().collect(),
                sequence: self.data.sequence,
                value: Some(value),
                ..lk::DataPacket::default()
            };
            let (sequence, payload) = (self.data.sequence, Bytes::from(packet.encode_to_vec()));
            let message = message.map(str::to_owned);
            let kept = Packet { sequence, payload: payload.clone(), message, is_last: at + 1 == count };
            self.data.unacknowledged.push_back(kept);
            self.out.push_back(Output::Peers(self.epoch, PeerCommand::SendData { sequence, payload }));
        }
    }
}
