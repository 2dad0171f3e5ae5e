//! The exit receipt: a ticket with what was let go, and when.

use super::View;
use crate::base::{ReceiptStep, StepState};
use crate::call::view::{CallSummary, CallView};
use crate::ui::action::Action;
use crate::ui::strings;
use crate::ui::tokens::{Palette, radius, size};
use crate::ui::widgets::{Button, Look, pill};
use crate::ui::{icons, text};
use egui::{Align2, Rect, Shape, Stroke, Ui, pos2, vec2};

/// Height of the receipt of `ending`.
pub(super) fn height(ending: &CallSummary) -> f32 {
    209.0 + 44.0 * rows(ending).count() as f32
}

fn rows(ending: &CallSummary) -> impl Iterator<Item = &ReceiptStep> {
    ending.receipt.steps.iter().filter(|s| strings::receipt_shows(s))
}

/// Draws the receipt in `card`.
pub(super) fn receipt(ui: &mut Ui, view: &mut View<'_>, card: Rect, call: &CallView, ending: &CallSummary) {
    let colors = view.colors;
    ui.painter().add(colors.shadow_card.as_shape(card, radius::MODAL));
    ui.painter().rect_filled(card, radius::MODAL, colors.raised);
    let (left, right) = (card.left() + 28.0, card.right() - 28.0);
    let y = card.top() + 34.0;
    text::label(ui, pos2(left, y), Align2::LEFT_CENTER, text::CAPS, colors.text_2, "EXIT RECEIPT", f32::INFINITY);
    let (ground, icon, word) = if ending.receipt.is_clean() {
        ((colors.live_soft, colors.live_text), icons::SEAL_CHECK, "Confirmed")
    } else {
        ((colors.warn_soft, colors.warn_text), icons::WARNING, "Not confirmed")
    };
    pill(ui, [right, y, 24.0], ground, icon, word);
    let y = card.top() + 66.0;
    let (seconds, people) = view.model.screens.stay;
    let stay = strings::stay(seconds, people);
    let figure = text::label(ui, pos2(right, y + 1.0), Align2::RIGHT_CENTER, text::SMALL, colors.text_2, &stay, 200.0);
    let space = figure.left() - left - 12.0;
    let room = call.room.to_string();
    text::label(ui, pos2(left, y), Align2::LEFT_CENTER, text::NAME, colors.text, &room, space);
    perforation(ui, colors, card, card.top() + 100.0);

    let shown = view.model.screens.receipt_rows(view.model.now);
    let mut y = card.top() + 140.0;
    for (i, step) in rows(ending).enumerate() {
        row(ui, colors, pos2(left, y), right, step, i < shown);
        y += 44.0;
    }
    y -= 14.0;
    ui.painter().hline(left..=right, y, Stroke::new(1.0, colors.border));
    y += 24.0;
    text::label(ui, pos2(left, y), Align2::LEFT_CENTER, text::HEADING, colors.text, "Out in", f32::INFINITY);
    let total = format!("{:.0} ms", ending.total_ms);
    let at = pos2(right, y);
    text::label(ui, at, Align2::RIGHT_CENTER, text::MONO_TOTAL, colors.accent_text, &total, f32::INFINITY);
    y += 31.0;
    let line = strings::receipt_line(ending, &view.model.zone);
    text::label(ui, pos2(left, y), Align2::LEFT_CENTER, text::MONO_SMALL, colors.text_3, &line, right - left - 70.0);
    let copy = Button::new("Copy", Look::Ghost).icon(icons::COPY).named("Copy receipt").height(size::BUTTON_TINY);
    let response = copy.show_left_of(ui, colors, right + 14.0, y);
    let text = strings::details(call, ending, &view.model.zone);
    view.on_click(&response, Action::Copy { text, said: "Receipt copied" });
}

/// The dashed line, and the two half-round notches where a ticket is torn.
fn perforation(ui: &Ui, colors: &Palette, card: Rect, y: f32) {
    let ends = [pos2(card.left() + 24.0, y), pos2(card.right() - 24.0, y)];
    let stroke = Stroke::new(1.5, colors.border_strong.gamma_multiply(0.7));
    ui.painter().extend(Shape::dashed_line(&ends, stroke, 6.0, 4.0));
    for x in [card.left(), card.right()] {
        ui.painter().circle_filled(pos2(x, y), 11.0, colors.canvas);
    }
}

fn row(ui: &mut Ui, colors: &Palette, at: egui::Pos2, right: f32, step: &ReceiptStep, ticked: bool) {
    let (icon, color) = match step.state {
        StepState::Confirmed => (icons::CHECK_CIRCLE, colors.live_text),
        StepState::NotApplicable => (icons::MINUS_CIRCLE, colors.text_3),
        StepState::Unconfirmed | StepState::Failed => (icons::WARNING_CIRCLE, colors.warn_text),
    };
    let figure = match step.state {
        StepState::Confirmed => format!("{:.0} ms", step.ms),
        _ => "–".to_owned(),
    };
    if ticked {
        text::icon_fill(ui, pos2(at.x + 9.0, at.y), 19.0, color, icon);
    }
    let words = strings::receipt_row(step);
    let x = pos2(at.x + 31.0, at.y);
    text::label(ui, x, Align2::LEFT_CENTER, text::FIELD, colors.text, words, right - x.x - 80.0);
    let color = if ticked { colors.text } else { colors.text_3 };
    text::label(ui, pos2(right, at.y), Align2::RIGHT_CENTER, text::MONO_STRONG, color, &figure, f32::INFINITY);
}

/// The rows about camera and microphone in a dialog, in a box of their own.
pub(super) fn facts(ui: &mut Ui, colors: &Palette, ending: &CallSummary) {
    let rows: Vec<_> = rows(ending).filter(|s| s.state != StepState::NotApplicable).collect();
    if rows.is_empty() {
        return;
    }
    let height = 14.0 + 36.0 * rows.len() as f32;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), egui::Sense::hover());
    ui.painter().rect_filled(rect, radius::CARD, colors.surface);
    let edge = Stroke::new(1.0, colors.border);
    ui.painter().rect_stroke(rect, radius::CARD, edge, egui::StrokeKind::Inside);
    for (i, step) in rows.into_iter().enumerate() {
        let y = rect.top() + 25.0 + 36.0 * i as f32;
        fact(ui, colors, pos2(rect.left() + 17.0, y), rect.right() - 17.0, step);
    }
}

fn fact(ui: &mut Ui, colors: &Palette, at: egui::Pos2, right: f32, step: &ReceiptStep) {
    let (icon, color, figure) = match step.state {
        StepState::Confirmed => (icons::CHECK_CIRCLE, colors.live_text, format!("{:.0} ms", step.ms)),
        _ => (icons::WARNING_CIRCLE, colors.warn_text, "–".to_owned()),
    };
    text::icon_fill(ui, pos2(at.x + 9.0, at.y), 18.0, color, icon);
    let words = strings::receipt_row(step);
    text::label(ui, pos2(at.x + 28.0, at.y), Align2::LEFT_CENTER, text::BODY, colors.text, words, f32::INFINITY);
    let kind = text::MONO_STRONG.sized(13.0);
    text::label(ui, pos2(right, at.y), Align2::RIGHT_CENTER, kind, colors.text, &figure, f32::INFINITY);
}
