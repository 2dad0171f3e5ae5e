//! Before the room, until a host lets us in: our own preview and devices as in the lobby, and Leave.

use super::View;
use crate::base::ExitRequestedBy;
use crate::call::view::CallPhase;
use crate::ui::action::Action;
use crate::ui::bidi::isolate;
use crate::ui::parts::Focus;
use crate::ui::tokens::size;
use crate::ui::widgets::{Button, Look, add_spinner, place};
use crate::ui::{icons, strings, text};
use egui::{Ui, accesskit};

/// Draws what stands in place of the form.
pub(super) fn waiting(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    let Some(call) = view.model.call() else { return };
    let lost = matches!(call.phase, CallPhase::Reconnecting { .. });
    let title = text::add_paragraph(ui, text::DISPLAY, colors.text, strings::people::WAITING);
    ui.ctx().accesskit_node_builder(title.id, |node| node.set_live(accesskit::Live::Polite));
    ui.add_space(10.0);
    let room = call.room.shown();
    let sentence = if lost { strings::people::waiting_lost() } else { strings::people::waiting(&isolate(&room)) };
    text::add_paragraph(ui, text::LEAD.sized(16.0), colors.text_2, &sentence);
    ui.add_space(24.0);
    place::row(ui, size::BUTTON, |ui| {
        add_spinner(ui, 20.0, colors.text_2);
        ui.add_space(12.0);
        text::add_words(ui, text::BODY, colors.text_2, if lost { "Connecting…" } else { "Waiting…" });
    });
    ui.add_space(16.0);
    let leave = Button::new("Leave", Look::Danger).named("Leave call").icon(icons::SIGN_OUT);
    let response = leave.height(size::BUTTON_LARGE).show_wide(ui, colors);
    view.focus(&response, Focus::LeaveWaiting);
    view.on_click(&response, Action::Leave(ExitRequestedBy::User));
}
