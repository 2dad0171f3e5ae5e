//! "Connection lost. Reconnecting…": a row of its own above the tiles.

use super::View;
use crate::ui::action::Action;
use crate::ui::parts::Focus;
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Button, Look, add_spinner, place};
use crate::ui::{icons, text};
use egui::epaint::StrokeKind;
use egui::{Align, Id, Layout, Rect, Role, Sense, Stroke, Ui, WidgetInfo, accesskit, vec2};

const TITLE: &str = "Connection lost. Reconnecting…";

/// Draws the banner of attempt number `attempt` into `rect`; the call is given up `limit` seconds after the loss.
pub(super) fn banner(ui: &mut Ui, view: &mut View<'_>, rect: Rect, attempt: u32, limit: u64) {
    let c = view.colors;
    let response = ui.interact(rect, Id::unique("banner"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, TITLE));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_live(accesskit::Live::Assertive);
        node.set_description("The others may not see or hear you. You can leave at any time.");
    });
    ui.painter().rect_filled(rect, radius::CARD, c.warn_soft);
    let edge = Stroke::new(1.0, c.warn.gamma_multiply(0.21));
    ui.painter().rect_stroke(rect, radius::CARD, edge, StrokeKind::Inside);
    let wide = !super::compact(ui.max_rect());
    let seconds = view.model.screens.lost_for(view.model.now) as u64;
    let tries = format!("{}, {seconds} {} so far.", ordinal(attempt), if seconds == 1 { "second" } else { "seconds" });
    let sentence =
        if wide { format!("The others may not see or hear you. {tries} You can leave at any time.") } else { tries };
    let inner = Rect::from_min_max(rect.min + vec2(23.0, 0.0), rect.max - vec2(13.0, 0.0));
    place::within(ui, inner, Layout::top_down(Align::Min), |ui| {
        let left = |ui: &mut Ui| {
            add_spinner(ui, 22.0, c.warn_text);
            ui.add_space(18.0);
            place::stack(ui, vec2(ui.available_width(), 42.0), |ui| {
                ui.add_space(2.0);
                text::add_words(ui, text::HEADING, c.warn_text, TITLE);
                ui.add_space(1.0);
                text::add_words(ui, text::SMALL, c.text, &sentence);
            });
        };
        place::sides(ui, rect.height(), 16.0, left, |ui| {
            let again = Button::new("Try now", Look::Plain).icon(icons::ARROW_CLOCKWISE).height(size::BUTTON_SMALL);
            let again = again.show(ui, c);
            view.focus(&again, Focus::Banner);
            view.on_click(&again, Action::TryNow);
            if wide {
                ui.add_space(16.0);
                progress(ui, view, seconds, limit);
            }
        });
    });
}

/// From the right: the seconds, and a line that fills up to the limit.
fn progress(ui: &mut Ui, view: &View<'_>, seconds: u64, limit: u64) {
    let c = view.colors;
    text::add_words(ui, text::MONO, c.warn_text, &format!("{seconds} / {limit} s"));
    ui.add_space(9.0);
    let (_, line) = ui.allocate_space(vec2(150.0, 4.0));
    let part = (seconds as f32 / limit.max(1) as f32).min(1.0);
    ui.painter().rect_filled(line, 2.0, c.warn.gamma_multiply(0.21));
    ui.painter().rect_filled(line.with_max_x(line.left() + line.width() * part), 2.0, c.warn);
}

fn ordinal(attempt: u32) -> String {
    match attempt {
        0 | 1 => "First try".to_owned(),
        2 => "Second try".to_owned(),
        3 => "Third try".to_owned(),
        n => format!("Try {n}"),
    }
}
