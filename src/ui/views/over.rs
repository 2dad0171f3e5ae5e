//! The dialogs of a call that something else ended: removed, ended for everyone, joined elsewhere, server stopped,
//! connection lost. They come only after the devices were released.

use super::{View, receipt};
use crate::base::ExitReason;
use crate::call::view::Phase;
use crate::ui::action::Action;
use crate::ui::model::Focus;
use crate::ui::tokens::{Palette, radius, size};
use crate::ui::widgets::{Button, Look, modal};
use crate::ui::{icons, sentences, text};
use egui::{Align, Align2, Color32, Key, Modifiers, Rect, Sense, Ui, vec2};

/// The width of a dialog.
pub(super) const WIDTH: f32 = size::MODAL_WIDTH;

/// Shows the dialog of `reason`.
pub(super) fn over(ui: &mut Ui, view: &mut View<'_>, reason: ExitReason) {
    let Some(call) = view.model.call() else { return };
    let Phase::Ended(ending) = &call.phase else { return };
    let colors = view.colors;
    let zone = &view.model.zone;
    let (words, sentence) = sentences::over(reason, call, ending, zone);
    let pressed = modal(ui, colors, words, colors.scrim, WIDTH, |ui| {
        let (ground, color, icon) = sign_of(reason, colors);
        sign(ui, ground, color, icon);
        title(ui, colors, words);
        body(ui, colors, &sentence);
        ui.add_space(18.0);
        receipt::facts(ui, colors, ending);
        ui.add_space(13.0);
        let copied = details_row(ui, colors, &sentences::callback_line(ending, zone));
        ui.add_space(17.0);
        let pressed = answers(ui, view, reason);
        let text = sentences::details(call, ending, zone);
        copied.then_some(Action::Copy { text, said: "Details copied" }).or(pressed)
    });
    let escaped = ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)).then_some(Action::NewCall);
    if let Some(action) = pressed.or(escaped) {
        view.say(action);
    }
}

const fn sign_of(reason: ExitReason, c: &Palette) -> (Color32, Color32, char) {
    match reason {
        ExitReason::Kicked => (c.danger_soft, c.danger_text, icons::USER_MINUS),
        ExitReason::Dismissed => (c.info_soft, c.info_text, icons::USERS_THREE),
        ExitReason::JoinedElsewhere => (c.info_soft, c.info_text, icons::DEVICES),
        ExitReason::ServerStopped => (c.danger_soft, c.danger_text, icons::PLUGS),
        ExitReason::ConnectionLost => (c.warn_soft, c.warn_text, icons::WIFI_SLASH),
        ExitReason::Left | ExitReason::EntryFailed => (c.info_soft, c.info_text, icons::INFO),
    }
}

/// The buttons at the right, the main one last; the focus starts on the safest useful one, Back to lobby.
fn answers(ui: &mut Ui, view: &View<'_>, reason: ExitReason) -> Option<Action> {
    let colors = view.colors;
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), size::BUTTON), Sense::hover());
    let (right, middle) = (row.right(), row.center().y);
    let again = match reason {
        ExitReason::JoinedElsewhere => Some("Join here instead"),
        ExitReason::ConnectionLost => Some("Rejoin"),
        _ => None,
    };
    let Some(again) = again else {
        let back = Button::new("Back to lobby", Look::Main).show_left_of(ui, colors, right, middle);
        view.focus(&back, Focus::Dialog);
        return back.clicked().then_some(Action::NewCall);
    };
    let main = Button::new(again, Look::Main);
    let width = main.size(ui).x;
    let back = Button::new("Back to lobby", Look::Plain).show_left_of(ui, colors, right - width - 10.0, middle);
    let main = main.show_left_of(ui, colors, right, middle);
    view.focus(&back, Focus::Dialog);
    match (main.clicked(), back.clicked()) {
        (true, _) => Some(Action::Rejoin),
        (_, true) => Some(Action::NewCall),
        _ => None,
    }
}

/// The square with an icon on top of a dialog.
pub(super) fn sign(ui: &mut Ui, ground: Color32, color: Color32, icon: char) {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 56.0), Sense::hover());
    let square = Rect::from_min_size(row.min, vec2(56.0, 56.0));
    ui.painter().rect_filled(square, radius::CARD, ground);
    text::icon(ui, square.center(), 28.0, color, icon);
    ui.add_space(18.0);
}

/// A dialog's title.
pub(super) fn title(ui: &mut Ui, colors: &Palette, words: &str) {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    text::label(ui, row.left_center(), Align2::LEFT_CENTER, text::MODAL_TITLE, colors.text, words, row.width());
    ui.add_space(9.0);
}

/// A dialog's sentences.
pub(super) fn body(ui: &mut Ui, colors: &Palette, sentence: &str) {
    let width = ui.available_width();
    let at = ui.cursor().min;
    let rect = text::paragraph(ui, at, Align::Min, text::LEAD, colors.text_2, sentence, width);
    ui.allocate_exact_size(vec2(width, rect.height()), Sense::hover());
}

/// A dialog's exact line.
pub(super) fn mono(ui: &mut Ui, colors: &Palette, line: &str) {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
    text::label(ui, row.left_center(), Align2::LEFT_CENTER, text::MONO, colors.text_3, line, row.width());
}

/// The exact line with "Copy details"; whether that was pressed.
fn details_row(ui: &mut Ui, colors: &Palette, line: &str) -> bool {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    let button = Button::new("Copy details", Look::Ghost).icon(icons::COPY).height(size::BUTTON_TINY);
    let copy = button.show_left_of(ui, colors, row.right() + 14.0, row.center().y);
    let space = copy.rect.left() - row.left();
    text::label(ui, row.left_center(), Align2::LEFT_CENTER, text::MONO, colors.text_3, line, space);
    copy.clicked()
}
