//! Words of the chat.

use super::local;
use crate::base::{ChatMessage, Delivery};
use crate::call::view::CallView;
use crate::ui::bidi::{isolate, plain};
use jiff::tz::TimeZone;

/// The sentence over the messages.
pub(in crate::ui) const SINCE_JOINING: &str = "You see what was written since you joined. After the call it is gone.";

/// The name of a message's author.
pub(in crate::ui) fn author(message: &ChatMessage) -> &str {
    message.author.as_ref().map_or("You", |author| &author.name)
}

/// `14:25`, and whom a message is for, if not for everybody.
pub(in crate::ui) fn when_and_to_whom(message: &ChatMessage, zone: &TimeZone) -> String {
    let time = super::hour(message.unix_ms as f64, zone);
    match (&message.recipient, message.private) {
        (Some(recipient), _) => format!("{time}, only to {}", isolate(&recipient.name)),
        (None, true) => format!("{time}, only to you"),
        (None, false) => time,
    }
}

/// What is said below a message of ours that the others do not have; `None` if they do, or soon will.
pub(in crate::ui) fn unsent(message: &ChatMessage) -> Option<String> {
    match (message.delivery, &message.recipient) {
        (Delivery::Waiting, _) => Some("Not sent".to_owned()),
        (Delivery::Undeliverable, Some(recipient)) => Some(format!("Not sent: {} has left", isolate(&recipient.name))),
        (Delivery::Undeliverable, None) => Some("Not sent".to_owned()),
        (Delivery::UnderWay | Delivery::Sent, _) => None,
    }
}

/// The words of a chat as text to copy: a line for each message, further lines of one indented.
pub(in crate::ui) fn words(call: &CallView, zone: &TimeZone) -> String {
    let first = call.chat.messages.first().and_then(|message| local(message.unix_ms as f64, zone));
    let date = first.map(|t| t.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    let mut text = format!("{}, {date}\n", call.room.shown());
    for message in call.chat.messages.iter().filter(|message| !message.text.is_empty()) {
        let who = if message.author.is_none() { &call.name } else { author(message) };
        let unsent = unsent(message).map(|why| format!(" ({why})")).unwrap_or_default();
        let line =
            format!("{} {who}: {}{unsent}\n", when_and_to_whom(message, zone), message.text.replace('\n', "\n    "));
        text.push_str(&plain(&line));
    }
    text
}
