//! Chat between participants, as the values of the data packets on the reliable channel.
//!
//! A text is a stream on the topic `lk.chat` (livekit_models.proto, `DataStream`): a header, numbered chunks and a trailer.
//! Participants with client protocol 2 also understand a header that holds the whole text. Two older forms are read, and
//! not written: JSON in a user packet with the topic `lk-chat-topic`, which some programs send beside the stream with the
//! same id, and the packet `chat_message`.

use crate::base::cut;
use livekit_protocol as lk;
use lk::data_packet::Value;
use lk::data_stream::header::ContentHeader;
use lk::data_stream::{Chunk, CompressionType, Header, TextHeader, Trailer};
use serde::Deserialize;
use std::collections::VecDeque;

/// The topic of a chat's streams.
const TOPIC: &str = "lk.chat";
/// The topic of the older form in JSON.
const OLDER_TOPIC: &str = "lk-chat-topic";
/// The topic of streams that request a remote procedure call (RPC v2), and the attribute with the request's id.
const RPC_TOPIC: &str = "lk.rpc_request";
const RPC_ID: &str = "lk.rpc_request_id";
/// The error of an RPC request whose method the receiver does not have.
const UNSUPPORTED_METHOD: u32 = 1400;

/// The client protocol from which on a header may hold the whole text.
pub(crate) const INLINE_PROTOCOL: i32 = 2;
/// Bytes of a text in a header at most: the packet stays below the 15,000 bytes that LiveKit's SDKs allow.
const INLINE_BYTES: usize = 14_000;
/// Bytes in a chunk at most, as LiveKit's SDKs cut them.
const CHUNK_BYTES: usize = 15_000;
/// Bytes of a received text at most; the rest is cut off.
const TEXT_BYTES: usize = 64 * 1024;
/// Bytes of an id at most; a packet with a longer one is ignored.
const ID_BYTES: usize = 128;
/// Streams that are open at once at most, and of one sender. The oldest one is given up for a new one.
const OPEN: usize = 64;
const OPEN_OF_ONE: usize = 8;

/// Writes a text as the values of packets, in order. `inline`: every receiver has [`INLINE_PROTOCOL`].
pub(crate) fn encode(id: &str, unix_ms: i64, text: &str, inline: bool) -> Vec<Value> {
    let inline = inline && text.len() <= INLINE_BYTES;
    let header = Header {
        stream_id: id.to_owned(),
        timestamp: unix_ms,
        topic: TOPIC.to_owned(),
        mime_type: "text/plain".to_owned(),
        total_length: Some(text.len() as u64),
        inline_content: inline.then(|| text.as_bytes().to_vec()),
        content_header: Some(ContentHeader::TextHeader(TextHeader::default())),
        ..Header::default()
    };
    let mut values = vec![Value::StreamHeader(header)];
    if inline {
        return values;
    }
    let (mut rest, mut index) = (text, 0);
    while !rest.is_empty() {
        let part = cut(rest, CHUNK_BYTES);
        let content = part.as_bytes().to_vec();
        values.push(Value::StreamChunk(Chunk {
            stream_id: id.to_owned(),
            chunk_index: index,
            content,
            ..Chunk::default()
        }));
        rest = &rest[part.len()..];
        index += 1;
    }
    values.push(Value::StreamTrailer(Trailer { stream_id: id.to_owned(), ..Trailer::default() }));
    values
}

/// The id of the request, if a value requests a remote procedure call.
pub(crate) fn rpc_request(value: &Value) -> Option<&str> {
    let id = match value {
        Value::RpcRequest(request) => request.id.as_str(),
        Value::StreamHeader(header) if header.topic == RPC_TOPIC => header.attributes.get(RPC_ID)?,
        _ => return None,
    };
    (!id.is_empty() && id.len() <= ID_BYTES).then_some(id)
}

/// The answer to an RPC request: we have no methods. Without it the caller waits for its whole timeout.
pub(crate) fn rpc_refusal(request: &str) -> [Value; 2] {
    let error = lk::RpcError {
        code: UNSUPPORTED_METHOD,
        message: "Method not supported at destination".to_owned(),
        ..lk::RpcError::default()
    };
    let id = request.to_owned();
    [
        Value::RpcAck(lk::RpcAck { request_id: id.clone() }),
        Value::RpcResponse(lk::RpcResponse { request_id: id, value: Some(lk::rpc_response::Value::Error(error)) }),
    ]
}

/// What a value says in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChatItem {
    /// A text. The same id again replaces an earlier text.
    Text {
        /// Unique for its sender.
        id: String,
        /// The text as it was sent.
        text: String,
    },
    /// A text in an older form. If its id is known, it is the same text again.
    Older {
        /// Unique for its sender.
        id: String,
        /// The text as it was sent.
        text: String,
    },
    /// Another text for an earlier message.
    Edit {
        /// The id of the message.
        id: String,
        /// The new text.
        text: String,
    },
    /// A message is taken back.
    Deletion {
        /// Its id.
        id: String,
    },
}

/// Joins the packets of streams to texts. Everything that is not a chat is ignored: other topics, files, compressed
/// contents (we do not say that we read them), streams with a gap.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChatReader {
    open: VecDeque<OpenStream>,
}

/// A stream whose trailer has not arrived.
#[derive(Clone, Debug)]
struct OpenStream {
    sender: String,
    id: String,
    next_chunk: u64,
    bytes: Vec<u8>,
    is_cut: bool,
}

impl OpenStream {
    fn is(&self, sender: &str, id: &str) -> bool {
        self.sender == sender && self.id == id
    }

    fn append(&mut self, content: &[u8]) {
        let space = TEXT_BYTES - self.bytes.len();
        self.is_cut |= content.len() > space;
        self.bytes.extend_from_slice(&content[..content.len().min(space)]);
    }

    fn into_item(self) -> ChatItem {
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        if self.is_cut {
            text.push('…');
        }
        ChatItem::Text { id: self.id, text }
    }
}

impl ChatReader {
    /// Takes the next value of a participant.
    pub(crate) fn take(&mut self, sender: &str, value: Value) -> Option<ChatItem> {
        match value {
            Value::StreamHeader(header) => self.header(sender, header),
            Value::StreamChunk(chunk) => {
                self.chunk(sender, &chunk);
                None
            }
            Value::StreamTrailer(trailer) => self.trailer(sender, &trailer),
            Value::User(user) if user.topic.as_deref() == Some(OLDER_TOPIC) => older(&user.payload),
            Value::ChatMessage(message) => chat_message(message),
            _ => None,
        }
    }

    fn header(&mut self, sender: &str, header: Header) -> Option<ChatItem> {
        let is_text = matches!(header.content_header, Some(ContentHeader::TextHeader(_)));
        let is_plain = header.compression() == CompressionType::None;
        if header.topic != TOPIC || !is_text || !is_plain || !is_id(&header.stream_id) {
            return None;
        }
        self.close(sender, &header.stream_id);
        let (sender, id) = (sender.to_owned(), header.stream_id);
        let mut stream = OpenStream { sender, id, next_chunk: 0, bytes: Vec::new(), is_cut: false };
        if let Some(content) = header.inline_content {
            stream.append(&content);
            return Some(stream.into_item());
        }
        let theirs = self.open.iter().filter(|open| open.sender == stream.sender).count();
        let oldest = match theirs >= OPEN_OF_ONE {
            true => self.open.iter().position(|open| open.sender == stream.sender),
            false => (self.open.len() >= OPEN).then_some(0),
        };
        if let Some(at) = oldest {
            self.open.remove(at);
        }
        self.open.push_back(stream);
        None
    }

    fn chunk(&mut self, sender: &str, chunk: &Chunk) {
        let Some(stream) = self.open.iter_mut().find(|open| open.is(sender, &chunk.stream_id)) else { return };
        match chunk.chunk_index.cmp(&stream.next_chunk) {
            std::cmp::Ordering::Less => {} // a repetition
            std::cmp::Ordering::Equal => {
                stream.next_chunk += 1;
                stream.append(&chunk.content);
            }
            std::cmp::Ordering::Greater => drop(self.close(sender, &chunk.stream_id)),
        }
    }

    fn trailer(&mut self, sender: &str, trailer: &Trailer) -> Option<ChatItem> {
        let stream = self.close(sender, &trailer.stream_id)?;
        // With a reason the sender broke off.
        trailer.reason.is_empty().then(|| stream.into_item())
    }

    fn close(&mut self, sender: &str, id: &str) -> Option<OpenStream> {
        let at = self.open.iter().position(|open| open.is(sender, id))?;
        self.open.remove(at)
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= ID_BYTES
}

/// A text that is no longer than a received one may be.
fn bounded(text: String) -> String {
    match text.len() > TEXT_BYTES {
        true => format!("{}…", cut(&text, TEXT_BYTES)),
        false => text,
    }
}

/// The older form in JSON.
#[derive(Deserialize)]
struct OlderMessage {
    id: String,
    message: String,
    /// Whether the text was also sent as a stream, and the server carries streams.
    #[serde(default, rename = "ignoreLegacy")]
    ignore: bool,
}

fn older(payload: &[u8]) -> Option<ChatItem> {
    let read: OlderMessage = serde_json::from_slice(payload).ok()?;
    (!read.ignore && is_id(&read.id)).then(|| ChatItem::Older { id: read.id, text: bounded(read.message) })
}

fn chat_message(message: lk::ChatMessage) -> Option<ChatItem> {
    let id = Some(message.id).filter(|id| is_id(id))?;
    let text = bounded(message.message);
    Some(match (message.deleted, message.edit_timestamp) {
        (true, _) => ChatItem::Deletion { id },
        (false, Some(_)) => ChatItem::Edit { id, text },
        (false, None) => ChatItem::Older { id, text },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(id: &str, text: &str) -> ChatItem {
        ChatItem::Text { id: id.into(), text: text.into() }
    }

    /// What a reader makes of values of one sender.
    fn read(values: impl IntoIterator<Item = Value>) -> Vec<ChatItem> {
        let mut reader = ChatReader::default();
        values.into_iter().filter_map(|value| reader.take("mina", value)).collect()
    }

    fn header(id: &str, topic: &str) -> Header {
        let content_header = Some(ContentHeader::TextHeader(TextHeader::default()));
        Header { stream_id: id.into(), topic: topic.into(), content_header, ..Header::default() }
    }

    #[test]
    fn both_forms_of_a_stream_are_read_as_they_were_written() {
        let long = "schöne Grüße 😀\n".repeat(3000);
        for (inline, packets, said) in [(true, 1, "hi"), (false, 3, "hi"), (true, 7, &long), (false, 7, &long)] {
            let values = encode("1", 7, said, inline);
            assert_eq!(values.len(), packets, "{} bytes, inline {inline}", said.len());
            assert_eq!(read(values), [text("1", said)]);
        }
        assert_eq!(read(encode("1", 7, "", false)), [text("1", "")]);
    }

    #[test]
    fn streams_of_two_people_with_one_id_are_two() {
        let mut reader = ChatReader::default();
        let (mina, tom) = (encode("1", 7, "from mina", false), encode("1", 7, "from tom", false));
        let mut heard = Vec::new();
        for (m, t) in mina.into_iter().zip(tom) {
            heard.extend(reader.take("mina", m));
            heard.extend(reader.take("tom", t));
        }
        assert_eq!(heard, [text("1", "from mina"), text("1", "from tom")]);
    }

    #[test]
    fn what_is_no_chat_or_incomplete_is_ignored() {
        let mut other = encode("1", 7, "a transcription", true);
        if let Value::StreamHeader(header) = &mut other[0] {
            header.topic = "lk.transcription".into();
        }
        assert_eq!(read(other), []);
        let mut file = encode("1", 7, "a file", true);
        if let Value::StreamHeader(header) = &mut file[0] {
            header.content_header = Some(ContentHeader::ByteHeader(Default::default()));
        }
        assert_eq!(read(file), []);
        let mut compressed = encode("1", 7, "deflated", true);
        if let Value::StreamHeader(header) = &mut compressed[0] {
            header.compression = CompressionType::DeflateRaw as i32;
        }
        assert_eq!(read(compressed), []);
        let mut gap = encode("1", 7, &"x".repeat(40_000), false);
        gap.remove(2);
        assert_eq!(read(gap), []);
        let mut broken_off = encode("1", 7, "never mi", false);
        if let Some(Value::StreamTrailer(trailer)) = broken_off.last_mut() {
            trailer.reason = "interrupted".into();
        }
        assert_eq!(read(broken_off), []);
        let mut twice = encode("1", 7, "once", false);
        twice.insert(1, twice[1].clone());
        assert_eq!(read(twice), [text("1", "once")], "a chunk that is repeated");
    }

    #[test]
    fn older_forms_are_read() {
        let json = |text: &str| {
            let payload = text.as_bytes().to_vec();
            Value::User(lk::UserPacket { payload, topic: Some(OLDER_TOPIC.into()), ..Default::default() })
        };
        let older = |id: &str| ChatItem::Older { id: id.into(), text: "hello".into() };
        assert_eq!(read([json(r#"{"id":"a","timestamp":1,"message":"hello"}"#)]), [older("a")]);
        assert_eq!(read([json(r#"{"id":"a","timestamp":1,"message":"hello","ignoreLegacy":true}"#)]), []);
        assert_eq!(read([json("[1]"), json(r#"{"id":7}"#)]), []);
        let message = lk::ChatMessage { id: "b".into(), message: "hello".into(), ..Default::default() };
        let edit = lk::ChatMessage { edit_timestamp: Some(2), ..message.clone() };
        let deletion = lk::ChatMessage { deleted: true, ..message.clone() };
        let values = [message, edit, deletion].map(Value::ChatMessage);
        let edited = ChatItem::Edit { id: "b".into(), text: "hello".into() };
        assert_eq!(read(values), [older("b"), edited, ChatItem::Deletion { id: "b".into() }]);
    }

    #[test]
    fn what_a_sender_can_make_us_keep_is_bounded() {
        let mut reader = ChatReader::default();
        for sender in 0..40 {
            for id in 0..40 {
                let header = header(&format!("{id}"), TOPIC);
                assert_eq!(reader.take(&format!("{sender}"), Value::StreamHeader(header)), None);
            }
        }
        assert_eq!(reader.open.len(), OPEN);
        let long = encode("1", 7, &"é".repeat(TEXT_BYTES), false);
        let [ChatItem::Text { text, .. }] = &read(long)[..] else { panic!("no text") };
        assert!(text.len() <= TEXT_BYTES + 6 && text.ends_with('…'), "{}", text.len());
        assert_eq!(read([Value::StreamHeader(header(&"x".repeat(129), TOPIC))]), []);
    }

    #[test]
    fn requests_of_both_kinds_are_recognised() {
        let first = Value::RpcRequest(lk::RpcRequest { id: "r1".into(), ..Default::default() });
        assert_eq!(rpc_request(&first), Some("r1"));
        let mut second = header("s", RPC_TOPIC);
        second.attributes.insert(RPC_ID.into(), "r2".into());
        assert_eq!(rpc_request(&Value::StreamHeader(second)), Some("r2"));
        assert_eq!(rpc_request(&Value::StreamHeader(header("s", TOPIC))), None);
    }

    proptest! {
        #[test]
        fn any_text_arrives_as_it_was_sent(said in "\\PC{0,60}", times in 1..2000usize, inline in any::<bool>()) {
            let said = cut(&said.repeat(times), TEXT_BYTES).to_owned();
            prop_assert_eq!(read(encode("1", 7, &said, inline)), [text("1", &said)]);
        }
    }
}
