//! The messages of a stay's chat.

use super::data::Outgoing;
use super::{Output, Phase, Session};
use crate::base::{ChatMessage, ChatPerson, Delivery, EventKind, UserId, cut, shown_name, visible_lines};
use crate::proto::chat::ChatItem;
use std::collections::VecDeque;
use std::sync::Arc;

/// Messages that are kept at most; the oldest is forgotten.
const MESSAGES: usize = 1000;
/// Bytes of all kept texts at most; the oldest is forgotten.
const BYTES: usize = 4 * 1024 * 1024;
/// Ids that are remembered at most, so that a repetition is recognised.
const IDS: usize = 4 * MESSAGES;
/// Messages of ours that wait for the connection, or for the server's acknowledgement, at most.
pub(crate) const UNSENT: usize = 100;
/// Bytes of a message of ours at most; the rest is cut off.
pub(crate) const MESSAGE_BYTES: usize = 4096;

/// The author of a message: `None` for us.
type Author = Option<UserId>;

/// The chat of a stay, oldest message first.
#[derive(Clone, Debug, Default)]
pub(super) struct Chat {
    messages: Arc<Vec<ChatMessage>>,
    /// Messages so far, with those that are forgotten.
    count: u64,
    /// The ids of all messages, oldest first.
    ids: VecDeque<(Author, Arc<str>)>,
}

impl Chat {
    fn push(&mut self, message: ChatMessage) {
        self.count += 1;
        self.ids.push_back((message.author.as_ref().map(|a| a.user.clone()), message.id.clone()));
        if self.ids.len() > IDS {
            self.ids.pop_front();
        }
        let messages = Arc::make_mut(&mut self.messages);
        messages.push(ChatMessage { number: self.count, ..message });
        let mut bytes: usize = messages.iter().map(|m| m.text.len()).sum();
        let mut forgotten = 0;
        while messages.len() - forgotten > MESSAGES || bytes > BYTES {
            bytes -= messages[forgotten].text.len();
            forgotten += 1;
        }
        messages.drain(..forgotten);
    }

    fn knows(&self, author: &Author, id: &str) -> bool {
        self.ids.iter().any(|(a, known)| a == author && **known == *id)
    }

    /// Changes the message of an author, if it is kept.
    fn change(&mut self, author: &Author, id: &str, change: impl FnOnce(&mut ChatMessage)) {
        let is_it = |m: &ChatMessage| m.author.as_ref().map(|a| &a.user) == author.as_ref() && *m.id == *id;
        if let Some(at) = self.messages.iter().rposition(is_it) {
            change(&mut Arc::make_mut(&mut self.messages)[at]);
        }
    }

    /// Notes how far a message of ours has come.
    pub(super) fn set_delivery(&mut self, id: &str, delivery: Delivery) {
        self.change(&None, id, |message| message.delivery = delivery);
    }

    /// A message of ours.
    pub(super) fn own(&self, id: &str) -> Option<&ChatMessage> {
        self.messages.iter().rfind(|m| m.author.is_none() && *m.id == *id)
    }
}

impl Session {
    /// The messages of this stay, oldest first.
    pub fn messages(&self) -> &Arc<Vec<ChatMessage>> {
        &self.chat.messages
    }

    /// Whether we may write to others.
    pub(crate) fn may_write(&self) -> bool {
        self.rights.allow_data()
    }

    /// Whether so many messages of ours are unsent that no further one is taken.
    pub(crate) fn is_chat_full(&self) -> bool {
        self.data.unsent() >= UNSENT
    }

    /// Writes to everybody, or to one person. It is shown at once, and sent when the connection allows it. Without the
    /// right, without that person, with too many messages that are not sent, or without text nothing happens.
    pub(super) fn write(&mut self, message: Outgoing) {
        let text = visible_lines(cut(&message.text, MESSAGE_BYTES));
        let recipient = message.to.as_ref().map(|user| self.roster.person(user));
        let is_known = !matches!(recipient, Some(None)) && !self.chat.knows(&None, &message.id);
        let is_in_room = matches!(self.phase, Phase::InRoom(_) | Phase::Reconnecting(_));
        if text.is_empty() || !is_known || !is_in_room || !self.may_write() || self.is_chat_full() {
            return;
        }
        let recipient = recipient.flatten().map(|p| ChatPerson { user: p.user.clone(), name: p.name.clone() });
        self.chat.push(ChatMessage {
            number: 0,
            id: message.id.as_str().into(),
            author: None,
            private: recipient.is_some(),
            recipient,
            text: text.into(),
            unix_ms: message.unix_ms,
            delivery: Delivery::Waiting,
            edited: false,
        });
        self.data.wait(message.id);
        self.send_waiting();
    }

    /// Takes what somebody else says in the chat.
    pub(super) fn hear(&mut self, sender: &str, item: ChatItem, private: bool, unix_ms: i64) {
        let user = UserId::of_participant(sender);
        let author = Some(user.clone());
        let edit = |text: String| {
            move |message: &mut ChatMessage| {
                let text = visible_lines(&text);
                // A text that was taken back stays so.
                if !message.text.is_empty() && *message.text != *text && !text.is_empty() {
                    message.text = text.into();
                    message.edited = true;
                }
            }
        };
        let (id, text) = match item {
            ChatItem::Edit { id, text } => return self.chat.change(&author, &id, edit(text)),
            ChatItem::Deletion { id } => return self.chat.change(&author, &id, |message| message.text = "".into()),
            ChatItem::Older { id, .. } if self.chat.knows(&author, &id) => return,
            ChatItem::Text { id, text } if self.chat.knows(&author, &id) => {
                return self.chat.change(&author, &id, edit(text));
            }
            ChatItem::Older { id, text } | ChatItem::Text { id, text } => (id, visible_lines(&text)),
        };
        if text.is_empty() {
            return;
        }
        let name = self.roster.person(&user).map_or_else(|| shown_name("", sender), |p| p.name.clone());
        self.out.push_back(Output::Event(EventKind::ChatMessage { user: user.clone(), text: text.clone(), private }));
        self.chat.push(ChatMessage {
            number: 0,
            id: id.into(),
            author: Some(ChatPerson { user, name }),
            recipient: None,
            private,
            text: text.into(),
            unix_ms,
            delivery: Delivery::Sent,
            edited: false,
        });
    }
}
