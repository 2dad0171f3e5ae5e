//! Reactions, as user packets. LiveKit has no standard for them; this is the form of La Suite Meet, JSON with the name of the
//! emoji, and beside it the emoji itself. La Suite's packets have no topic; ours have `reaction`.

use crate::base::Reaction;
use livekit_protocol as lk;
use lk::data_packet::Value;
use serde::Deserialize;

const TOPIC: &str = "reaction";
const KIND: &str = "reactionReceived";
/// Bytes of a packet's JSON at most; a longer one is no reaction.
const BYTES: usize = 1024;

/// The value of a packet with a reaction.
pub(crate) fn encode(reaction: Reaction) -> Value {
    let data = serde_json::json!({ "emoji": reaction.as_str(), "character": reaction.emoji() });
    let payload = serde_json::json!({ "type": KIND, "data": data }).to_string().into_bytes();
    Value::User(lk::UserPacket { payload, topic: Some(TOPIC.to_owned()), ..Default::default() })
}

/// The reaction in the value of a packet, if there is one that we know.
pub(crate) fn decode(value: &Value) -> Option<Reaction> {
    #[derive(Deserialize)]
    struct Packet {
        r#type: String,
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        emoji: String,
    }
    let Value::User(user) = value else { return None };
    if user.payload.len() > BYTES || !matches!(user.topic.as_deref(), None | Some("" | TOPIC)) {
        return None;
    }
    let packet: Packet = serde_json::from_slice(&user.payload).ok().filter(|packet: &Packet| packet.r#type == KIND)?;
    let emoji = packet.data.emoji.as_str();
    Reaction::ALL.into_iter().find(|reaction| reaction.as_str() == emoji || reaction.emoji() == emoji)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(topic: Option<&str>, json: &str) -> Value {
        let payload = json.as_bytes().to_vec();
        Value::User(lk::UserPacket { payload, topic: topic.map(str::to_owned), ..Default::default() })
    }

    #[test]
    fn every_reaction_is_read_as_it_was_written() {
        for reaction in Reaction::ALL {
            assert_eq!(decode(&encode(reaction)), Some(reaction));
        }
    }

    #[test]
    fn the_form_of_la_suite_is_read() {
        let json = r#"{"type":"reactionReceived","data":{"emoji":"thumbs-up"}}"#;
        assert_eq!(decode(&packet(None, json)), Some(Reaction::ThumbsUp));
        let character = r#"{"type":"reactionReceived","data":{"emoji":"🎉"}}"#;
        assert_eq!(decode(&packet(Some("reaction"), character)), Some(Reaction::Party));
        for (topic, other) in [
            (Some("lk-chat-topic"), json),
            (None, r#"{"type":"handRaised"}"#),
            (None, r#"{"type":"reactionReceived","data":{"emoji":"a-new-one"}}"#),
            (None, "thumbs-up"),
        ] {
            assert_eq!(decode(&packet(topic, other)), None, "{other}");
        }
    }
}
