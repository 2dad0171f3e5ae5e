//! Chat: data packets of several participants, each with its length in two bytes before it. The number of senders is bounded
//! by the bytes, so that streams meet.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../src/base/mod.rs"]
mod base;
#[path = "../../src/proto/chat.rs"]
mod chat;

use chat::{ChatItem, ChatReader, encode, rpc_request};
use libfuzzer_sys::fuzz_target;
use livekit_protocol::DataPacket;
use prost::Message;

/// Bytes of a text at most, without the mark of one that was cut.
const TEXT: usize = 64 * 1024;
/// Bytes of an id at most.
const ID: usize = 128;

fuzz_target!(|input: &[u8]| {
    let mut reader = ChatReader::default();
    let mut rest = input;
    while let [sender, high, low, more @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(more.len());
        let (packet, after) = more.split_at(length);
        rest = after;
        let Some(value) = DataPacket::decode(packet).ok().and_then(|packet| packet.value) else { continue };
        assert!(rpc_request(&value).is_none_or(|id| !id.is_empty() && id.len() <= ID));
        let Some(item) = reader.take(&(sender % 4).to_string(), value) else { continue };
        let (ChatItem::Text { id, text } | ChatItem::Older { id, text } | ChatItem::Edit { id, text }) = item else {
            continue;
        };
        // A text of invalid UTF-8 grows: each byte may become U+FFFD, of three bytes.
        assert!(!id.is_empty() && id.len() <= ID && text.len() <= 3 * TEXT + 3);
        if text.len() <= TEXT {
            let mut again = ChatReader::default();
            let read = encode(&id, 7, &text, *high % 2 == 0).into_iter().find_map(|value| again.take("me", value));
            assert_eq!(read, Some(ChatItem::Text { id, text }), "what is written is read");
        }
    }
});
