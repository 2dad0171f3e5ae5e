//! A message of a call's chat.

use super::UserId;
use std::sync::Arc;

/// Somebody in a chat, with the name that they had when the message was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatPerson {
    /// Their user id.
    pub user: UserId,
    /// Their name, safe to show.
    pub name: String,
}

/// How far a message of ours has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It waits for the connection.
    Waiting,
    /// It was sent, and the server has not acknowledged it.
    UnderWay,
    /// The server has it. Messages of others are always so.
    Sent,
    /// It was for somebody who has left before it could be sent.
    Undeliverable,
}

/// A message of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage {
    /// Counted from 1 within a stay.
    pub number: u64,
    /// Its id on the wire, unique for its author.
    pub id: Arc<str>,
    /// Who wrote it; `None` for us.
    pub author: Option<ChatPerson>,
    /// For whom we wrote it; `None` for everybody.
    pub recipient: Option<ChatPerson>,
    /// Whether it is not for everybody.
    pub private: bool,
    /// The text, safe to show, with line feeds. Empty: its author took it back.
    pub text: Arc<str>,
    /// Unix time in ms, by our clock, at which it was written here or arrived.
    pub unix_ms: i64,
    /// How far it has come.
    pub delivery: Delivery,
    /// Whether its author has changed it.
    pub edited: bool,
}
