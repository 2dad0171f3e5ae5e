//! The chat panel: what was written since we joined, and the field for a message.

use super::{View, panel};
use crate::base::{ChatMessage, cut};
use crate::call::view::CallView;
use crate::ui::action::Action;
use crate::ui::chat::{self, ChatAction};
use crate::ui::parts::Focus;
use crate::ui::people::PeopleAction;
use crate::ui::screens::Screen;
use crate::ui::strings;
use crate::ui::tokens::{Palette, size};
use crate::ui::widgets::{Button, IconButton, Look, MessageField, add_avatar, place};
use crate::ui::{icons, text};
use egui::{Align, Key, Layout, Modifiers, Rect, ScrollArea, Ui, vec2};

/// An avatar with the gap after it.
const AVATAR: f32 = 28.0;
const AVATAR_GAP: f32 = 10.0;
/// Bytes of a message that are shown; the rest is copied with the others.
const SHOWN_BYTES: usize = 4096;
/// Messages at the end that are always laid out; earlier ones only while they are in view.
const ALWAYS: usize = 40;

/// Draws the panel in `area`.
pub(super) fn panel(ui: &mut Ui, view: &mut View<'_>, area: Rect) {
    let Some(call) = view.model.call() else { return };
    let [title, body] = panel::panel(ui, view.colors, area);
    head(ui, view, call, title);
    let above = write(ui, view, body);
    messages(ui, view, call, body.with_max_y(above));
    let is_alone = view.model.menu.is_none() && view.model.question.is_none() && view.model.screen == Screen::Call;
    if is_alone && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
        view.dispatch(Action::Chat(ChatAction::Toggle));
    }
}

/// The title, with the buttons that copy and close.
fn head(ui: &mut Ui, view: &mut View<'_>, call: &CallView, rect: Rect) {
    let colors = view.colors;
    place::within(ui, rect, Layout::top_down(Align::Min), |ui| {
        let left = |ui: &mut Ui| text::add_line(ui, text::HEADING, colors.text, "Chat");
        let small = super::compact(ui.ctx().content_rect());
        let (_, (close, copy, people)) = place::sides(ui, rect.height(), 8.0, left, |ui| {
            let close = IconButton::new("Close chat", icons::X).show(ui, colors);
            let has_words = !call.chat.messages.is_empty();
            let copy = has_words.then(|| IconButton::new("Copy the chat", icons::COPY).show(ui, colors));
            (close, copy, small.then(|| IconButton::new("People", icons::USERS_THREE).show(ui, colors)))
        });
        if people.is_some_and(|people| people.clicked()) {
            view.dispatch(Action::Chat(ChatAction::Toggle));
            view.dispatch(Action::People(PeopleAction::Toggle));
        }
        view.on_click(&close, Action::Chat(ChatAction::Toggle));
        if let Some(copy) = copy {
            view.on_click(&copy, Action::Chat(ChatAction::CopyAll));
        }
    });
}

/// The messages, newest last; scrolled to the end until somebody scrolls up.
fn messages(ui: &mut Ui, view: &mut View<'_>, call: &CallView, rect: Rect) {
    let colors = view.colors;
    let mut clicked = None;
    place::within(ui, rect, Layout::top_down(Align::Min), |ui| {
        let scroll = ScrollArea::vertical().id_salt("chat").auto_shrink(false).stick_to_bottom(true);
        scroll.max_height(rect.height()).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
            ui.set_width(rect.width());
            text::add_paragraph(ui, text::CAPTION, colors.text_3, strings::chat::SINCE_JOINING);
            ui.add_space(12.0);
            let count = call.chat.messages.len();
            for (i, message) in call.chat.messages.iter().enumerate() {
                let shown = shown_text(message);
                let height = height(ui, message, &shown, rect.width());
                let place = Rect::from_min_size(ui.cursor().min, vec2(rect.width(), height));
                if i + ALWAYS < count && !ui.is_rect_visible(place) {
                    ui.allocate_space(place.size());
                } else {
                    let link = one(ui, view, call, message, &shown);
                    clicked = clicked.take().or(link);
                }
                ui.add_space(14.0);
            }
        });
    });
    if let Some(address) = clicked {
        view.dispatch(Action::Chat(ChatAction::OpenLink(address)));
    }
}

/// The text of a message as it is shown.
fn shown_text(message: &ChatMessage) -> String {
    match &*message.text {
        "" => "This message was taken back.".to_owned(),
        text if text.len() > SHOWN_BYTES => format!("{}…", cut(text, SHOWN_BYTES)),
        text => text.to_owned(),
    }
}

/// The height of a message.
fn height(ui: &Ui, message: &ChatMessage, shown: &str, width: f32) -> f32 {
    let words = text::height(ui, text::BODY, shown, width - AVATAR - AVATAR_GAP);
    let unsent = if strings::chat::unsent(message).is_some() { text::CAPTION.line + 2.0 } else { 0.0 };
    text::BODY_STRONG.line + 2.0 + words + unsent
}

/// One message; returns the link that was pressed.
fn one(ui: &mut Ui, view: &View<'_>, call: &CallView, message: &ChatMessage, shown: &str) -> Option<String> {
    let colors = view.colors;
    place::beside(ui, |ui| {
        let (user, name) = match &message.author {
            Some(author) => (author.user.as_str(), author.name.as_str()),
            None => (call.user.as_str(), call.name.as_str()),
        };
        add_avatar(ui, AVATAR, user, name);
        ui.add_space(AVATAR_GAP);
        place::column(ui, ui.available_width(), |ui| {
            title(ui, view, message);
            ui.add_space(2.0);
            let is_whole = !message.text.is_empty();
            let color = if is_whole { colors.text } else { colors.text_3 };
            let links = if is_whole { chat::links(shown) } else { Vec::new() };
            let pressed = text::add_linked(ui, (text::BODY, color, colors.info_text), shown, &links);
            if let Some(why) = strings::chat::unsent(message) {
                ui.add_space(2.0);
                text::add_line(ui, text::CAPTION, colors.warn_text, &why);
            }
            pressed.and_then(|i| links.get(i)).map(|range| shown[range.clone()].to_owned())
        })
    })
}

/// The author's name, the time, and whom the message is for.
fn title(ui: &mut Ui, view: &View<'_>, message: &ChatMessage) {
    let colors = view.colors;
    let mut rest = strings::chat::when_and_to_whom(message, &view.model.zone);
    if message.edited {
        rest.push_str(", edited");
    }
    let reserved = text::width(ui, text::CAPTION, &rest) + 8.0;
    place::row(ui, text::BODY_STRONG.line, |ui| {
        ui.scope(|ui| {
            ui.set_max_width((ui.available_width() - reserved).max(60.0));
            text::add_line(ui, text::BODY_STRONG, colors.text, strings::chat::author(message));
        });
        ui.add_space(8.0);
        text::add_line(ui, text::CAPTION, colors.text_3, &rest);
    });
}

/// The field at the bottom of `rect`, and above it for whom is written, if not for everybody. Returns its upper edge.
fn write(ui: &mut Ui, view: &mut View<'_>, rect: Rect) -> f32 {
    let colors = view.colors;
    let model = view.model;
    let name = match model.chat.to.as_ref() {
        None => "Message everyone".to_owned(),
        Some(user) => {
            let name = model.person(user).map_or(user.as_str(), |person| person.name.as_str());
            format!("Message {}", crate::ui::bidi::plain(name))
        }
    };
    let obstacle = chat::obstacle(model);
    let too_long = chat::is_too_long(model);
    let field = MessageField {
        name: &name,
        obstacle: obstacle.as_deref(),
        ready: obstacle.is_none() && !too_long && !model.chat.draft.trim().is_empty(),
    };
    let height = field.height(ui, &model.chat.draft, rect.width());
    let place = rect.with_max_y(rect.bottom() - panel::EDGE).with_min_y(rect.bottom() - panel::EDGE - height);
    let mut above = place.top() - 12.0;
    if too_long {
        above = note(ui, colors, rect, above, "This message is too long. Shorten it, or send it in parts.");
    }
    if model.chat.to.is_some() {
        above = recipient(ui, view, rect.with_max_y(above), &name);
    }
    let written = field.show(ui, colors, place, &model.chat.draft);
    view.focus(&written.response, Focus::Message);
    if let Some(text) = written.changed {
        view.dispatch(Action::Chat(ChatAction::Type(text)));
    }
    if written.sent {
        view.dispatch(Action::Chat(ChatAction::Send));
    }
    above
}

/// A sentence above the field; returns its upper edge.
fn note(ui: &mut Ui, colors: &Palette, rect: Rect, bottom: f32, words: &str) -> f32 {
    let height = text::height(ui, text::CAPTION, words, rect.width());
    let row = rect.with_max_y(bottom).with_min_y(bottom - height);
    place::within(ui, row, Layout::top_down(Align::Min), |ui| {
        text::add_paragraph(ui, text::CAPTION, colors.danger_text, words);
    });
    row.top() - 8.0
}

/// Says for whom alone is written, with a button back to everybody; returns its upper edge.
fn recipient(ui: &mut Ui, view: &mut View<'_>, rect: Rect, name: &str) -> f32 {
    let colors = view.colors;
    let row = rect.with_min_y(rect.bottom() - size::BUTTON_TINY);
    let everyone = Button::new("To everyone", Look::Ghost).height(size::BUTTON_TINY).named("Write to everyone");
    place::within(ui, row, Layout::top_down(Align::Min), |ui| {
        let only = format!("{}, privately", name);
        let left = |ui: &mut Ui| text::add_line(ui, text::LABEL_STRONG, colors.accent_text, &only);
        let (_, button) = place::sides(ui, size::BUTTON_TINY, 8.0, left, |ui| everyone.show(ui, colors));
        view.on_click(&button, Action::Chat(ChatAction::WriteTo(None)));
    });
    row.top() - 8.0
}
