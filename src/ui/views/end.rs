//! The end screen: what happened, what comes next, and the receipt.

use super::{View, header, receipt};
use crate::call::view::{CallPhase, CallSummary, CallView};
use crate::ui::action::Action;
use crate::ui::model::Focus;
use crate::ui::tokens::size;
use crate::ui::widgets::{Button, Look, mark};
use crate::ui::{icons, strings, text};
use egui::{Align, Align2, Rect, ScrollArea, Stroke, Ui, accesskit, pos2, vec2};

/// How far the halves of the mark stand apart once you have left.
const OPEN: f32 = 2.4;

/// Draws the end screen.
pub(super) fn end(ui: &mut Ui, view: &mut View<'_>) {
    let area = ui.max_rect();
    let Some(call) = view.model.call() else { return };
    let CallPhase::Ended(ending) = &call.phase else { return };
    if area.width() < size::NARROW_BELOW || area.height() < 560.0 {
        return narrow(ui, view, area, call, ending);
    }
    header::header(ui, view, area, OPEN);
    let left = area.center().x - 500.0;
    let middle = (area.top() + area.height() * 0.4355).max(area.top() + header::HEIGHT + receipt::height(ending) / 2.0);
    said(ui, view, pos2(left, middle - 170.0), call, ending);
    let size = vec2(460.0, receipt::height(ending));
    let card = Rect::from_min_size(pos2(left + 544.0, middle - 170.0), size);
    receipt::receipt(ui, view, card, call, ending);
}

/// The left side: mark, title, sentences, buttons, dark lamps.
fn said(ui: &mut Ui, view: &mut View<'_>, at: egui::Pos2, call: &CallView, ending: &CallSummary) {
    let colors = view.colors;
    mark(ui.painter(), Rect::from_min_size(pos2(at.x - 0.5, at.y + 17.5), vec2(73.0, 73.0)), colors, OPEN);
    let ([first, second], sentence) = strings::left(ending, call.stale_peer_limit.as_secs());
    let mut y = at.y + 142.0;
    for line in [first, second] {
        text::paint(ui, pos2(at.x, y), Align2::LEFT_CENTER, text::HERO, colors.text, line, f32::INFINITY);
        y += text::HERO.line;
    }
    title_node(ui, Rect::from_min_size(pos2(at.x, at.y + 118.0), vec2(440.0, 100.0)), first, second);
    let body = text::paragraph(ui, pos2(at.x, y - 10.0), Align::Min, text::LEAD_LARGE, colors.text_2, &sentence, 446.0);
    let y = body.bottom() + 32.0 + size::BUTTON_LARGE / 2.0;
    let next = buttons(ui, view, pos2(at.x, y));
    lamps(ui, view, pos2(at.x, next + 31.0));
}

/// The title is announced as soon as it stands there.
fn title_node(ui: &mut Ui, rect: Rect, first: &str, second: &str) {
    let id = ui.scope_id().with("end title");
    let response = ui.interact(rect, id, egui::Sense::hover());
    let title = format!("{first} {second}");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Heading, true, &title));
    ui.ctx().accesskit_node_builder(id, |node| node.set_live(accesskit::Live::Assertive));
}

fn buttons(ui: &mut Ui, view: &mut View<'_>, at: egui::Pos2) -> f32 {
    let colors = view.colors;
    let new = Button::new("New call", Look::Main).icon(icons::VIDEO_CAMERA).height(size::BUTTON_LARGE);
    let new = new.show_at(ui, colors, at.x, at.y);
    let again = Button::new("Rejoin", Look::Plain).icon(icons::ARROW_COUNTER_CLOCKWISE).height(size::BUTTON_LARGE);
    let again = again.show_at(ui, colors, new.rect.right() + 12.0, at.y);
    view.focus(&new, Focus::NewCall);
    view.on_click(&new, Action::NewCall);
    view.on_click(&again, Action::Rejoin);
    new.rect.bottom()
}

/// Camera and microphone: their lamps are dark.
fn lamps(ui: &mut Ui, view: &View<'_>, at: egui::Pos2) {
    let colors = view.colors;
    let mut x = at.x;
    for (word, device) in [("Camera", &view.model.snapshot.camera), ("Microphone", &view.model.snapshot.microphone)] {
        let dark =
            !matches!(device.state, crate::call::view::DeviceState::Open | crate::call::view::DeviceState::Closing);
        let center = pos2(x + 4.0, at.y);
        if dark {
            ui.painter().circle_stroke(center, size::LAMP, Stroke::new(1.2, colors.text_3));
        } else {
            ui.painter().circle_filled(center, size::LAMP, colors.lamp);
        }
        let words = format!("{word} lamp {}", if dark { "dark" } else { "lit" });
        let at = pos2(x + 16.0, at.y);
        let rect = text::label(ui, at, Align2::LEFT_CENTER, text::SMALL, colors.text_3, &words, f32::INFINITY);
        x = rect.right() + 16.0;
    }
}

/// One column: title, receipt, buttons at the bottom.
fn narrow(ui: &mut Ui, view: &mut View<'_>, area: Rect, call: &CallView, ending: &CallSummary) {
    let colors = view.colors;
    let width = (area.width() - 48.0).min(560.0);
    let left = area.center().x - width / 2.0;
    let gap = 12.0;
    let ([first, second], sentence) = strings::left(ending, call.stale_peer_limit.as_secs());
    let footer = size::BUTTON_LARGE + 48.0;
    let content = Rect::from_min_max(area.min, pos2(area.right(), area.bottom() - footer));
    let mut child = ui.new_child(egui::UiBuilder::new().id_salt("end").max_rect(content));
    ScrollArea::vertical().auto_shrink(false).show(&mut child, |ui| {
        let top = ui.min_rect().top();
        mark(ui.painter(), Rect::from_min_size(pos2(left, top + 30.0), vec2(44.0, 44.0)), colors, OPEN);
        let title = format!("{first} {second}");
        let at = pos2(left + 60.0, top + 41.0);
        text::paint(ui, at, Align2::LEFT_CENTER, text::MODAL_TITLE, colors.text, &title, width - 60.0);
        title_node(ui, Rect::from_min_size(at - vec2(0.0, 14.0), vec2(width - 60.0, 28.0)), first, second);
        let at = pos2(left + 60.0, top + 57.0);
        let body = text::paragraph(ui, at, Align::Min, text::BODY, colors.text_2, &sentence, width - 60.0);
        let card_top = (body.bottom() + 16.0).max(top + 104.0);
        let card = Rect::from_min_size(pos2(left, card_top), vec2(width, receipt::height(ending)));
        receipt::receipt(ui, view, card, call, ending);
        ui.allocate_rect(Rect::from_min_max(pos2(left, top), card.max + vec2(0.0, 16.0)), egui::Sense::hover());
    });
    let half = (width - gap) / 2.0;
    let y = area.bottom() - 24.0 - size::BUTTON_LARGE;
    let place = |i: f32| Rect::from_min_size(pos2(left + i * (half + gap), y), vec2(half, size::BUTTON_LARGE));
    let again = Button::new("Rejoin", Look::Plain).icon(icons::ARROW_COUNTER_CLOCKWISE).height(size::BUTTON_LARGE);
    let again = again.show(ui, colors, place(0.0));
    let new = Button::new("New call", Look::Main).icon(icons::VIDEO_CAMERA).height(size::BUTTON_LARGE);
    let new = new.show(ui, colors, place(1.0));
    view.focus(&new, Focus::NewCall);
    view.on_click(&new, Action::NewCall);
    view.on_click(&again, Action::Rejoin);
}
