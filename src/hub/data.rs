//! Data channel messages: the hub writes the sender's identity into each and forwards it to its receivers.

use super::config::{DATA_BYTES, NAME_BYTES};
use super::member::{Member, RoomNo};
use super::{Hub, MediaCommand, MemberId};
use bytes::Bytes;
use livekit_protocol as lk;
use lk::data_packet::{Kind, Value};
use prost::Message as _;

const RELIABLE: &str = "_reliable";
const LOSSY: &str = "_lossy";
/// A channel without a label of LiveKit's: its messages are bytes. They are sent on as reliable user packets.
const OWN: &str = "";
/// Receivers in one message at most; a message with more is dropped.
const MAX_RECEIVERS: usize = 1000;
/// Length of a nonce, in bytes: receivers recognise a message by it that they got before.
const NONCE_BYTES: usize = 16;

/// The receivers of a message. Both lists empty: everybody but the sender.
#[derive(Clone, Debug, Default)]
struct Receivers {
    identities: Vec<String>,
    sids: Vec<String>,
}

impl Receivers {
    fn include(&self, member: &Member) -> bool {
        let everybody = self.identities.is_empty() && self.sids.is_empty();
        everybody
            || self.identities.iter().any(|identity| identity == member.user.as_str())
            || self.sids.iter().any(|sid| sid == member.sid())
    }
}

impl Hub {
    /// Forwards a client's message. A message that is too long, malformed or not permitted is dropped: the protocol has
    /// no answer to it.
    pub(super) fn data(&mut self, id: MemberId, label: &str, payload: &Bytes) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let kind = match label {
            RELIABLE | OWN => Kind::Reliable,
            LOSSY => Kind::Lossy,
            _ => return,
        };
        if payload.len() > DATA_BYTES || !member.permission.can_publish_data {
            tracing::debug!(user = %member.user, bytes = payload.len(), "a data message is dropped");
            return;
        }
        let mut packet = if label == OWN {
            let user = lk::UserPacket { payload: payload.to_vec(), ..Default::default() };
            lk::DataPacket { value: Some(Value::User(user)), ..Default::default() }
        } else {
            let Ok(packet) = lk::DataPacket::decode(payload.clone()) else { return };
            packet
        };
        if kind == Kind::Reliable && packet.sequence > 0 {
            // After a resume a client repeats messages that may be lost.
            if packet.sequence <= member.last_sequence {
                return;
            }
            member.last_sequence = packet.sequence;
        }
        let Some(receivers) = stamp_sender(&mut packet, member, kind) else { return };
        let room = member.room;
        self.distribute(room, Some(id), &packet, kind, &receivers);
    }

    /// Sends a message of the admin API. The error says what is wrong with it.
    pub(super) fn send_data(&mut self, room: RoomNo, request: lk::SendDataRequest) -> Result<(), &'static str> {
        if request.data.len() > DATA_BYTES || request.topic.as_ref().is_some_and(|t| t.len() > NAME_BYTES) {
            return Err("the data or topic is too long");
        }
        if !matches!(request.nonce.len(), 0 | NONCE_BYTES) {
            return Err("nonce should be 16-bytes or not present");
        }
        let kind = request.kind();
        let receivers = receivers_of(&request);
        let user =
            lk::UserPacket { payload: request.data, topic: request.topic, nonce: request.nonce, ..Default::default() };
        let mut packet = lk::DataPacket { value: Some(Value::User(user)), ..Default::default() };
        set_kind(&mut packet, kind);
        self.distribute(room, None, &packet, kind, &receivers);
        Ok(())
    }

    fn distribute(
        &mut self,
        room: RoomNo,
        sender: Option<MemberId>,
        packet: &lk::DataPacket,
        kind: Kind,
        receivers: &Receivers,
    ) {
        let payload = Bytes::from(packet.encode_to_vec());
        let label = if kind == Kind::Lossy { LOSSY } else { RELIABLE };
        let origin = sender.and_then(|id| self.members.get(&id)).map(Member::up);
        for id in self.present_in(room).into_iter().filter(|id| Some(*id) != sender) {
            let Some(member) = self.members.get(&id).filter(|m| receivers.include(m)) else { continue };
            if kind == Kind::Lossy && !member.is_active() {
                continue;
            }
            let connection = member.down();
            self.command(MediaCommand::SendData { connection, sender: origin, label, payload: payload.clone() });
        }
    }
}

/// Writes the sender into a message. Returns its receivers, who stay named in it: they can tell a private message by that.
/// `None` if clients must not send this kind of message, or it has too many receivers.
#[allow(deprecated)] // older clients read both places
fn stamp_sender(packet: &mut lk::DataPacket, sender: &Member, kind: Kind) -> Option<Receivers> {
    packet.participant_identity = sender.user.as_str().to_owned();
    packet.participant_sid = sender.sid().to_owned();
    set_kind(packet, kind);
    let mut receivers = Receivers { identities: packet.destination_identities.clone(), sids: Vec::new() };
    match &mut packet.value {
        Some(Value::User(user)) => {
            user.participant_identity.clone_from(&packet.participant_identity);
            user.participant_sid.clone_from(&packet.participant_sid);
            receivers.identities.extend_from_slice(&user.destination_identities);
            receivers.sids.clone_from(&user.destination_sids);
        }
        Some(Value::Speaker(_)) | None => return None,
        Some(_) => {}
    }
    if receivers.identities.len() + receivers.sids.len() > MAX_RECEIVERS {
        return None;
    }
    // Newer clients read this place.
    if packet.destination_identities.is_empty() {
        packet.destination_identities.clone_from(&receivers.identities);
    }
    Some(receivers)
}

#[allow(deprecated)] // older clients read it
fn set_kind(packet: &mut lk::DataPacket, kind: Kind) {
    packet.kind = kind as i32;
}

#[allow(deprecated)] // older callers name receivers by sid
fn receivers_of(request: &lk::SendDataRequest) -> Receivers {
    Receivers { identities: request.destination_identities.clone(), sids: request.destination_sids.clone() }
}
