//! The dialogs of a call that something else ended: removed, ended for everyone, joined elsewhere, server stopped,
//! connection lost. They come only after the devices were released.

use super::dialog::{self, Answer};
use super::{View, receipt};
use crate::base::ExitReason;
use crate::call::view::CallPhase;
use crate::ui::action::Action;
use crate::ui::model::Focus;
use crate::ui::tokens::{Palette, size};
use crate::ui::widgets::{Behind, Button, Look, modal};
use crate::ui::{icons, strings, text};
use egui::{Align2, Color32, Key, Modifiers, Sense, Ui, vec2};

/// Shows the dialog of `reason`.
pub(super) fn over(ui: &mut Ui, view: &mut View<'_>, reason: ExitReason) {
    let Some(call) = view.model.call() else { return };
    let CallPhase::Ended(ending) = &call.phase else { return };
    let colors = view.colors;
    let zone = &view.model.zone;
    let ours = reason == ExitReason::Dismissed && view.model.ended_by_us == Some(call.session);
    let (words, sentence) = if ours { strings::ended_by_us(ending) } else { strings::over(reason, call, ending, zone) };
    let pressed = modal(ui, colors, words, Behind::Window, dialog::WIDTH, |ui| {
        let (ground, color, icon) = sign_of(reason, colors);
        dialog::sign(ui, ground, color, icon);
        dialog::title(ui, colors, words);
        dialog::body(ui, colors, &sentence);
        ui.add_space(18.0);
        receipt::facts(ui, colors, ending);
        ui.add_space(13.0);
        let copied = details_row(ui, colors, &strings::callback_line(ending, zone));
        ui.add_space(17.0);
        let pressed = answers(ui, view, reason);
        let text = strings::details(call, ending, zone);
        copied.then_some(Action::Copy { text, said: "Details copied" }).or(pressed)
    });
    let escaped = ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)).then_some(Action::NewCall);
    if let Some(action) = pressed.or(escaped) {
        view.dispatch(action);
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
    let again = match reason {
        ExitReason::JoinedElsewhere => Some("Join here instead"),
        ExitReason::ConnectionLost => Some("Rejoin"),
        _ => None,
    };
    let Some(again) = again else {
        let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), size::BUTTON), Sense::hover());
        let back = Button::new("Back to lobby", Look::Main);
        let back = back.show_left_of(ui, view.colors, row.right(), row.center().y);
        view.focus(&back, Focus::Dialog);
        return back.clicked().then_some(Action::NewCall);
    };
    match dialog::answers(ui, view, again, "Back to lobby")? {
        Answer::Main => Some(Action::Rejoin),
        Answer::Other => Some(Action::NewCall),
    }
}

/// The exact line with "Copy details"; whether that was pressed.
fn details_row(ui: &mut Ui, colors: &Palette, line: &str) -> bool {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    let button = Button::new("Copy details", Look::Ghost).icon(icons::COPY).height(size::BUTTON_TINY);
    let copy = button.show_left_of(ui, colors, row.right() + 14.0, row.center().y);
    let space = copy.rect.left() - row.left();
    text::label(ui, row.left_center(), Align2::LEFT_CENTER, text::MONO_SMALL, colors.text_3, line, space);
    copy.clicked()
}
