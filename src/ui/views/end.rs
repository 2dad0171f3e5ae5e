//! The end screen: what happened, what comes next, and the receipt.

use super::{View, header, receipt, report};
use crate::call::view::{CallPhase, CallSummary, CallView, DeviceState};
use crate::ui::action::Action;
use crate::ui::chat::ChatAction;
use crate::ui::parts::Focus;
use crate::ui::tokens::size;
use crate::ui::widgets::{Button, Look, add_mark, buttons, mark, place};
use crate::ui::{icons, strings, text};
use egui::{Align, Id, Rect, Role, ScrollArea, Sense, Stroke, Ui, Vec2, WidgetInfo, accesskit, vec2};

/// How far the halves of the mark stand apart once you have left.
const OPEN: f32 = 2.4;
/// Width of the left side, with the gap to the receipt.
const LEFT: f32 = 544.0;
/// Width of the receipt.
const RECEIPT: f32 = 460.0;
/// The width that is centred; the receipt reaches a little beyond it.
const CENTRED: f32 = 1000.0;

/// Draws the end screen.
pub(super) fn end(ui: &mut Ui, view: &mut View<'_>) {
    let window = ui.max_rect();
    let Some(call) = view.model.call() else { return };
    let CallPhase::Ended(summary) = &call.phase else { return };
    if window.width() < size::NARROW_BELOW || window.height() < 560.0 {
        return narrow(ui, view, call, summary);
    }
    header::header(ui, view, OPEN);
    // Left side and receipt begin at one height, a little above the middle.
    ui.add_space((window.height() * 0.4355 - 170.0 - size::HEADER).max(22.0));
    place::centred_column(ui, CENTRED, |ui| {
        place::beside(ui, |ui| {
            place::column(ui, LEFT, |ui| left_side(ui, view, call, summary));
            place::column(ui, RECEIPT, |ui| receipt::receipt(ui, view, call, summary));
        });
    });
}

/// The left side: mark, title, sentences, buttons, dark lamps.
fn left_side(ui: &mut Ui, view: &mut View<'_>, call: &CallView, summary: &CallSummary) {
    let colors = view.colors;
    ui.add_space(18.0);
    let (_, rect) = ui.allocate_space(Vec2::splat(72.0));
    mark(ui.painter(), rect.expand(0.5), colors, OPEN);
    ui.add_space(27.0);
    let ([first, second], sentence) = strings::left(summary, call.stale_peer_limit.as_secs());
    let title = ui.scope(|ui| {
        for line in [first, second] {
            text::add_words(ui, text::HERO, colors.text, line);
        }
    });
    announce_title(ui, title.response.rect, first, second);
    ui.add_space(15.0);
    place::column(ui, 446.0, |ui| text::add_paragraph(ui, text::LEAD_LARGE, colors.text_2, &sentence));
    ui.add_space(32.0);
    let [new, again] = next_buttons();
    let [new, again] = buttons(ui, colors, Align::Min, 12.0, [new, again]);
    view.focus(&new, Focus::NewCall);
    view.on_click(&new, Action::NewCall);
    view.on_click(&again, Action::Rejoin);
    ui.add_space(22.0);
    lamps(ui, view);
    if !call.chat.messages.is_empty() {
        ui.add_space(14.0);
        copy_chat(ui, view);
    }
    ui.add_space(14.0);
    report::report_button(ui, view, Align::Min);
}

/// The button that copies what was written, which is gone afterwards.
pub(super) fn copy_chat(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    let copy = Button::new("Copy the chat", Look::Ghost).icon(icons::COPY).height(size::BUTTON_TINY).hang(Align::Min);
    place::row(ui, size::BUTTON_TINY, |ui| {
        let copied = copy.show(ui, colors);
        view.on_click(&copied, Action::Chat(ChatAction::CopyAll));
        ui.add_space(4.0);
        text::add_line(ui, text::CAPTION, colors.text_3, "It is gone when you go on.");
    });
}

/// Announces the title as soon as it is shown.
fn announce_title(ui: &Ui, rect: Rect, first: &str, second: &str) {
    let id = Id::unique("end title");
    let response = ui.interact(rect, id, Sense::hover());
    let title = format!("{first} {second}");
    response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &title));
    ui.ctx().accesskit_node_builder(id, |node| node.set_live(accesskit::Live::Assertive));
}

/// New call and Rejoin.
fn next_buttons() -> [Button<'static>; 2] {
    [
        Button::new("New call", Look::Main).icon(icons::VIDEO_CAMERA).height(size::BUTTON_LARGE),
        Button::new("Rejoin", Look::Plain).icon(icons::ARROW_COUNTER_CLOCKWISE).height(size::BUTTON_LARGE),
    ]
}

/// The lamps of camera and microphone: dark once the devices are released.
fn lamps(ui: &mut Ui, view: &View<'_>) {
    let colors = view.colors;
    place::row(ui, text::SMALL.line, |ui| {
        for (word, device) in [("Camera", &view.model.snapshot.camera), ("Microphone", &view.model.snapshot.microphone)]
        {
            let dark = !matches!(device.state, DeviceState::Open | DeviceState::Closing);
            let (_, rect) = ui.allocate_space(vec2(8.0, 8.0));
            if dark {
                ui.painter().circle_stroke(rect.center(), size::LAMP, Stroke::new(1.2, colors.text_3));
            } else {
                ui.painter().circle_filled(rect.center(), size::LAMP, colors.lamp);
            }
            ui.add_space(8.0);
            let words = format!("{word} lamp {}", if dark { "dark" } else { "lit" });
            text::add_line(ui, text::SMALL, colors.text_3, &words);
            ui.add_space(16.0);
        }
    });
}

/// One column: title, receipt, buttons at the bottom.
fn narrow(ui: &mut Ui, view: &mut View<'_>, call: &CallView, summary: &CallSummary) {
    let colors = view.colors;
    let width = (ui.available_width() - 48.0).min(560.0);
    let above_buttons = ui.available_height() - 2.0 * 24.0 - size::BUTTON_LARGE;
    ScrollArea::vertical().id_salt("end").max_height(above_buttons).auto_shrink(false).show(ui, |ui| {
        place::centred_column(ui, width, |ui| {
            ui.add_space(26.0);
            narrow_title(ui, view, call, summary);
            ui.add_space(16.0);
            receipt::receipt(ui, view, call, summary);
            ui.add_space(16.0);
            if !call.chat.messages.is_empty() {
                copy_chat(ui, view);
                ui.add_space(16.0);
            }
            report::report_button(ui, view, Align::Min);
            ui.add_space(16.0);
        });
    });
    ui.add_space(24.0);
    place::centred_column(ui, width, |ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        ui.columns_const(|[left, right]| {
            let [new, again] = next_buttons();
            let again = again.show_wide(left, colors);
            let new = new.show_wide(right, colors);
            view.focus(&new, Focus::NewCall);
            view.on_click(&new, Action::NewCall);
            view.on_click(&again, Action::Rejoin);
        });
    });
}

/// The mark, with title and sentences beside it.
fn narrow_title(ui: &mut Ui, view: &View<'_>, call: &CallView, summary: &CallSummary) {
    let colors = view.colors;
    let ([first, second], sentence) = strings::left(summary, call.stale_peer_limit.as_secs());
    place::beside(ui, |ui| {
        place::column(ui, 44.0, |ui| {
            ui.add_space(4.0);
            add_mark(ui, 44.0, colors, OPEN);
        });
        ui.add_space(16.0);
        place::column(ui, ui.available_width(), |ui| {
            ui.set_min_height(62.0);
            let title = format!("{first} {second}");
            let title = ui.scope(|ui| text::add_words(ui, text::MODAL_TITLE, colors.text, &title)).response;
            announce_title(ui, title.rect, first, second);
            ui.add_space(1.0);
            text::add_paragraph(ui, text::BODY, colors.text_2, &sentence);
        });
    });
}
