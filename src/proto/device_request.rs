//! A host's request to somebody to turn a device on, as a user packet on the topic `visavis.turn_on`. A host sends it by
//! RoomService's `SendData`; so it has no sender, by which clients tell it from what a participant writes.

use crate::base::DeviceKind;
#[cfg(feature = "client")]
use livekit_protocol::data_packet::Value;

/// The topic.
pub(crate) const TOPIC: &str = "visavis.turn_on";
/// The devices that can be asked for, and their words.
const WORDS: [(DeviceKind, &str); 2] = [(DeviceKind::Microphone, "microphone"), (DeviceKind::Camera, "camera")];

/// The payload; `None` for a device that nobody is asked for.
pub(crate) fn encode(kind: DeviceKind) -> Option<Vec<u8>> {
    WORDS.iter().find(|(known, _)| *known == kind).map(|(_, word)| word.as_bytes().to_vec())
}

/// The device that the value of a packet asks for.
#[cfg(feature = "client")]
pub(crate) fn decode(value: &Value) -> Option<DeviceKind> {
    let Value::User(user) = value else { return None };
    let is_ours = user.topic.as_deref() == Some(TOPIC);
    WORDS.iter().find(|(_, word)| is_ours && user.payload == word.as_bytes()).map(|(kind, _)| *kind)
}

#[cfg(all(test, feature = "client"))]
mod tests {
    use super::*;
    use livekit_protocol as lk;

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let packet = |topic: &str, payload: Vec<u8>| {
            Value::User(lk::UserPacket { payload, topic: Some(topic.to_owned()), ..Default::default() })
        };
        for kind in [DeviceKind::Microphone, DeviceKind::Camera] {
            assert_eq!(decode(&packet(TOPIC, encode(kind).expect("a word"))), Some(kind));
        }
        assert_eq!(encode(DeviceKind::Speaker), None);
        assert_eq!(decode(&packet("chat", b"camera".to_vec())), None);
        assert_eq!(decode(&packet(TOPIC, b"cameras".to_vec())), None);
    }
}
