//! The dialogs of a call that ended by something else than our own Leave: removed, ended for everyone, joined
//! elsewhere, server stopped, connection lost. They appear only after the devices are released.

use super::dialog::{self, Answer};
use super::{View, end, receipt, report};
use crate::base::ExitReason;
use crate::call::view::CallPhase;
use crate::ui::action::Action;
use crate::ui::parts::Focus;
use crate::ui::tokens::{Palette, size};
use crate::ui::widgets::{Behind, Button, Look, buttons, modal, place};
use crate::ui::{icons, strings};
use egui::{Align, Color32, Key, Modifiers, Ui};

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
        receipt::device_facts(ui, colors, ending);
        ui.add_space(9.0);
        let copied = details_row(ui, colors, &strings::callback_line(ending, zone));
        if !call.chat.messages.is_empty() {
            end::copy_chat(ui, view);
        }
        report::report_button(ui, view, Align::Min);
        ui.add_space(13.0);
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
        let [back] = buttons(ui, view.colors, Align::Max, 0.0, [Button::new("Back to lobby", Look::Main)]);
        view.focus(&back, Focus::Dialog);
        return back.clicked().then_some(Action::NewCall);
    };
    match dialog::answers(ui, view, (again, Look::Main), "Back to lobby")? {
        Answer::Main => Some(Action::Rejoin),
        Answer::Other => Some(Action::NewCall),
    }
}

/// The exact line with "Copy details"; whether that was pressed.
fn details_row(ui: &mut Ui, colors: &Palette, line: &str) -> bool {
    let copy = Button::new("Copy details", Look::Ghost).icon(icons::COPY).height(size::BUTTON_TINY).hang(Align::Max);
    let left = |ui: &mut Ui| dialog::mono(ui, colors, line);
    let (_, copy) = place::sides(ui, size::BUTTON_TINY, 0.0, left, |ui| copy.show(ui, colors));
    copy.clicked()
}
