//! The chat panel's state: whether it is open, for whom is written, what has been read. And the links in texts.

use crate::base::{ChatMessage, SessionId, UserId};
use crate::call::view::{CallCommand, CallView};
use crate::session::MESSAGE_BYTES;
use crate::ui::bidi::isolate;
use crate::ui::details;
use crate::ui::effects::Effects;
use crate::ui::model::Model;
use crate::ui::notifications::News;
use crate::ui::parts::Focus;
use crate::ui::screens::Screen;
use crate::ui::strings;
use crate::ui::tokens::time;
use crate::ui::update::focus_stage;
use std::ops::Range;

/// What a person did with the chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChatAction {
    /// Opened or closed the panel.
    Toggle,
    /// Chose for whom to write; `None` is everybody.
    WriteTo(Option<UserId>),
    /// Typed.
    Type(String),
    Send,
    /// Opened a link.
    OpenLink(String),
    /// Copied all words.
    CopyAll,
}

/// The chat panel's state.
#[derive(Clone, Debug, Default)]
pub(super) struct ChatPanel {
    session: Option<SessionId>,
    pub(super) open: bool,
    /// For whom is written; `None` is everybody.
    pub(super) to: Option<UserId>,
    /// What is typed, and not sent.
    pub(super) draft: String,
    /// The number of the last message that was read.
    read: u64,
    /// The number of the last message that was announced.
    announced: u64,
    /// What screen readers are told of the newest message, and until when, in seconds of the window's clock.
    news: Option<(String, f64)>,
}

impl ChatPanel {
    /// Messages of others that were not read.
    pub(super) fn unread(&self, call: &CallView) -> usize {
        let new = |m: &&ChatMessage| m.author.is_some() && m.number > self.read && !m.text.is_empty();
        call.chat.messages.iter().rev().take_while(|m| m.number > self.read).filter(new).count()
    }

    /// What screen readers are told of the newest message.
    pub(super) fn news(&self) -> Option<&str> {
        self.news.as_ref().map(|(words, _)| words.as_str())
    }
}

/// Takes the messages of a new snapshot in.
pub(super) fn observe(model: &mut Model) {
    let snapshot = model.snapshot.clone();
    let session = snapshot.call.as_ref().map(|call| call.session);
    if model.chat.session != session {
        model.chat = ChatPanel { session, ..ChatPanel::default() };
    }
    let Some(call) = &snapshot.call else { return };
    let chat = &mut model.chat;
    chat.news = chat.news.take().filter(|(_, until)| *until > model.now);
    let last = call.chat.messages.last().map_or(0, |message| message.number);
    let new = call.chat.messages.iter().rev().take_while(|message| message.number > chat.announced);
    let mut theirs = new.filter_map(|message| message.author.as_ref().map(|author| (author, message.private)));
    if let Some((author, private)) = theirs.next() {
        let kind = if private { "Private message" } else { "Message" };
        chat.news = Some((format!("{kind} from {}", isolate(&author.name)), model.now + time::TOAST));
    }
    for message in call.chat.messages.iter().filter(|message| message.number > chat.announced) {
        if let Some(author) = message.author.as_ref().filter(|_| !message.text.is_empty()) {
            let (name, text) = (author.name.clone(), message.text.to_string());
            model.notifications.note(News::Wrote { name, text }, model.now);
        }
    }
    chat.announced = last;
    if chat.open && !model.settings_open && model.screen == Screen::Call {
        chat.read = last;
    }
}

/// Why nothing can be sent to the one who is chosen; `None` if something can.
pub(super) fn obstacle(model: &Model) -> Option<String> {
    let call = model.call()?;
    let gone = model.chat.to.as_ref().filter(|user| model.person(user).is_none());
    if model.screen != Screen::Call {
        Some("The call has ended.".to_owned())
    } else if !call.chat.allowed {
        Some("You may not write in this room.".to_owned())
    } else if gone.is_some() {
        Some("They have left the call.".to_owned())
    } else if call.chat.full {
        Some("Too many messages wait for the connection.".to_owned())
    } else {
        None
    }
}

/// Whether what is typed is longer than a message may be.
pub(super) fn is_too_long(model: &Model) -> bool {
    model.chat.draft.len() > MESSAGE_BYTES
}

/// Applies one action.
pub(super) fn act(model: &mut Model, action: ChatAction, effects: &mut Effects) {
    match action {
        // Under the settings it is not seen.
        ChatAction::Toggle if model.chat.open && !model.settings_open => {
            model.chat.open = false;
            model.focus = Some(Focus::ChatButton);
        }
        ChatAction::Toggle => open(model, effects),
        ChatAction::WriteTo(to) => {
            model.chat.to = to;
            open(model, effects);
        }
        ChatAction::Type(text) => model.chat.draft = text,
        ChatAction::Send => send(model, effects),
        ChatAction::OpenLink(address) => effects.page = Some(address),
        ChatAction::CopyAll => {
            effects.copy = model.call().map(|call| strings::chat::words(call, &model.zone));
            model.toast(crate::ui::icons::COPY, "Chat copied".to_owned());
        }
    }
}

fn open(model: &mut Model, effects: &mut Effects) {
    details::close(model, effects);
    model.chat.open = true;
    model.settings_open = false;
    model.menu = None;
    model.focus = Some(Focus::Message);
    if obstacle(model).is_some() && model.chat.to.is_none() {
        focus_stage(model);
    }
}

fn send(model: &mut Model, effects: &mut Effects) {
    model.focus = Some(Focus::Message);
    if model.chat.draft.trim().is_empty() || is_too_long(model) || obstacle(model).is_some() {
        return;
    }
    let text = std::mem::take(&mut model.chat.draft);
    effects.commands.push(CallCommand::SendMessage { to: model.chat.to.clone(), text });
}

/// Where the links of a text are, in bytes: web addresses only, without the punctuation behind them.
pub(super) fn links(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("http").map(|at| at + from) {
        let rest = &text[at..];
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '“' | '”')).unwrap_or(rest.len());
        let address = trimmed(&rest[..end]);
        let begins = text[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
        if begins && is_web_address(address) {
            found.push(at..at + address.len());
        }
        from = at + address.len().max(4);
    }
    found
}

/// An address without the punctuation of the sentence that it stands in. A bracket that it opens belongs to it.
fn trimmed(address: &str) -> &str {
    let mut address = address;
    loop {
        let open = |open: char, close: char| address.matches(open).count() >= address.matches(close).count();
        address = match address.chars().next_back() {
            Some(last @ ('.' | ',' | ';' | ':' | '!' | '?' | '\'' | '…')) => {
                &address[..address.len() - last.len_utf8()]
            }
            Some(')') if !open('(', ')') => &address[..address.len() - 1],
            Some(']') if !open('[', ']') => &address[..address.len() - 1],
            _ => return address,
        };
    }
}

fn is_web_address(address: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        links(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn web_addresses_are_links_and_nothing_else_is() {
        assert_eq!(found("see https://a.example/x?y=1#z."), ["https://a.example/x?y=1#z"]);
        assert_eq!(
            found("(http://a.example/b_(c)), http://b.example!"),
            ["http://a.example/b_(c)", "http://b.example"]
        );
        assert_eq!(found("https://a.example\nhttps://b.example"), ["https://a.example", "https://b.example"]);
        assert_eq!(found("“https://a.example”…"), ["https://a.example"]);
        assert_eq!(found("http://א.example/ב, http"), ["http://א.example/ב"]);
        for none in ["http", "https://", "xhttps://a.example", "file:///etc", "javascript:alert(1)", "httpé", "http:a"]
        {
            assert!(found(none).iter().all(|link| link.starts_with("http:a")), "{none}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_has_its_links_at_characters(text in "(http|https://|[a-z.)(é \\n]|\\PC){0,40}") {
            for range in links(&text) {
                proptest::prop_assert!(is_web_address(&text[range]));
            }
        }
    }
}
