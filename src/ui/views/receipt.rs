//! The exit receipt: a card that lists what was released, and when.

use super::View;
use crate::base::{ReceiptStep, StepState};
use crate::call::view::{CallSummary, CallView};
use crate::ui::action::Action;
use crate::ui::strings;
use crate::ui::tokens::{Palette, radius, size};
use crate::ui::widgets::{Button, Look, Pill, place};
use crate::ui::{icons, text};
use egui::{Align, Frame, Margin, Shape, Stroke, Ui, pos2, vec2};

/// From a row's edge to the card's.
const MARGIN: i8 = 28;

fn rows(summary: &CallSummary) -> impl Iterator<Item = &ReceiptStep> {
    summary.receipt.steps.iter().filter(|s| strings::receipt_shows(s))
}

/// Draws the receipt over the available width.
pub(super) fn receipt(ui: &mut Ui, view: &mut View<'_>, call: &CallView, summary: &CallSummary) {
    let colors = view.colors;
    let ticket = Frame::new()
        .fill(colors.raised)
        .corner_radius(radius::MODAL)
        .shadow(colors.shadow_card)
        .inner_margin(Margin { left: MARGIN, right: MARGIN, top: 22, bottom: 13 });
    ticket.show(ui, |ui| {
        ui.set_width(ui.available_width());
        head(ui, view, call, summary);
        perforation(ui, colors);
        let shown = view.model.screens.receipt_rows(view.model.now);
        for (i, step) in rows(summary).enumerate() {
            row(ui, colors, step, i < shown);
        }
        ui.add_space(8.0);
        let (_, line) = ui.allocate_space(vec2(ui.available_width(), 0.0));
        ui.painter().hline(line.x_range(), line.top(), Stroke::new(1.0, colors.border));
        ui.add_space(12.0);
        foot(ui, view, call, summary);
    });
}

/// Title, seal, room, and how long the stay was.
fn head(ui: &mut Ui, view: &View<'_>, call: &CallView, summary: &CallSummary) {
    let colors = view.colors;
    let seal = if summary.receipt.is_clean() {
        Pill {
            word: "Confirmed",
            icon: icons::SEAL_CHECK,
            fill: colors.live_soft,
            color: colors.live_text,
            height: 24.0,
        }
    } else {
        Pill {
            word: "Not confirmed",
            icon: icons::WARNING,
            fill: colors.warn_soft,
            color: colors.warn_text,
            height: 24.0,
        }
    };
    let title = |ui: &mut Ui| text::add_line(ui, text::CAPS, colors.text_2, "EXIT RECEIPT");
    place::sides(ui, seal.height, 12.0, title, |ui| seal.show(ui));
    ui.add_space(8.0);
    let (seconds, people) = view.model.screens.stay;
    let room = call.room.shown();
    place::sides(
        ui,
        text::NAME.line,
        12.0,
        |ui| text::add_line(ui, text::NAME, colors.text, &room),
        |ui| text::add_line(ui, text::SMALL, colors.text_2, &strings::stay(seconds, people)),
    );
}

/// The dashed line, and the two half-round notches where a ticket is torn.
fn perforation(ui: &mut Ui, colors: &Palette) {
    let (_, band) = ui.allocate_space(vec2(ui.available_width(), 40.0));
    let y = band.top() + 22.0;
    let dashes = band.x_range().expand(4.0);
    let stroke = Stroke::new(1.5, colors.border_strong.gamma_multiply(0.7));
    ui.painter().extend(Shape::dashed_line(&[pos2(dashes.min, y), pos2(dashes.max, y)], stroke, 6.0, 4.0));
    let card = band.x_range().expand(f32::from(MARGIN));
    for x in [card.min, card.max] {
        ui.painter().circle_filled(pos2(x, y), 11.0, colors.canvas);
    }
}

fn row(ui: &mut Ui, colors: &Palette, step: &ReceiptStep, ticked: bool) {
    let (icon, color) = match step.state {
        StepState::Confirmed => (icons::CHECK_CIRCLE, colors.live_text),
        StepState::NotApplicable => (icons::MINUS_CIRCLE, colors.text_3),
        StepState::Unconfirmed | StepState::Failed => (icons::WARNING_CIRCLE, colors.warn_text),
    };
    let left = |ui: &mut Ui| {
        let (_, place) = ui.allocate_space(vec2(size::ICON, size::ICON));
        if ticked {
            text::icon_fill(ui, place.center(), 19.0, color, icon);
        }
        ui.add_space(13.0);
        text::add_line(ui, text::FIELD, colors.text, strings::receipt_row(step));
    };
    let strong = if ticked { colors.text } else { colors.text_3 };
    place::sides(ui, size::RECEIPT_ROW, 12.0, left, |ui| {
        text::add_line(ui, text::MONO_STRONG, strong, &duration(step));
    });
}

/// `35 ms`, or a dash where nothing was confirmed.
fn duration(step: &ReceiptStep) -> String {
    match step.state {
        StepState::Confirmed => format!("{:.0} ms", step.ms),
        _ => "–".to_owned(),
    }
}

/// The total, and the exact line with Copy.
fn foot(ui: &mut Ui, view: &mut View<'_>, call: &CallView, summary: &CallSummary) {
    let colors = view.colors;
    let total = format!("{:.0} ms", summary.total_ms);
    place::sides(
        ui,
        text::MONO_TOTAL.line,
        12.0,
        |ui| text::add_line(ui, text::HEADING, colors.text, "Out in"),
        |ui| text::add_line(ui, text::MONO_TOTAL, colors.accent_text, &total),
    );
    ui.add_space(4.0);
    let line = strings::receipt_line(summary, &view.model.zone);
    let copy = Button::new("Copy", Look::Ghost).icon(icons::COPY).named("Copy receipt").height(size::BUTTON_TINY);
    let (_, copy) = place::sides(
        ui,
        size::BUTTON_TINY,
        0.0,
        |ui| text::add_line(ui, text::MONO_SMALL, colors.text_3, &line),
        |ui| copy.hang(Align::Max).show(ui, colors),
    );
    let text = strings::details(call, summary, &view.model.zone);
    view.on_click(&copy, Action::Copy { text, said: "Receipt copied" });
}

/// The rows that applied to this call, in a dialog's box of their own.
pub(super) fn device_facts(ui: &mut Ui, colors: &Palette, summary: &CallSummary) {
    let rows: Vec<_> = rows(summary).filter(|s| s.state != StepState::NotApplicable).collect();
    if rows.is_empty() {
        return;
    }
    let margin = Margin::symmetric(16, 6);
    place::card(ui, colors, colors.surface, margin, |ui| {
        for step in rows {
            fact(ui, colors, step);
        }
    });
}

fn fact(ui: &mut Ui, colors: &Palette, step: &ReceiptStep) {
    let (icon, color) = match step.state {
        StepState::Confirmed => (icons::CHECK_CIRCLE, colors.live_text),
        _ => (icons::WARNING_CIRCLE, colors.warn_text),
    };
    let left = |ui: &mut Ui| {
        text::add_icon_fill(ui, [size::ICON; 2], size::ICON, color, icon);
        ui.add_space(10.0);
        text::add_line(ui, text::BODY, colors.text, strings::receipt_row(step));
    };
    place::sides(ui, 36.0, 12.0, left, |ui| {
        text::add_line(ui, text::MONO_STRONG.sized(13.0), colors.text, &duration(step));
    });
}
