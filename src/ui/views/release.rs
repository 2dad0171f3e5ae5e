//! Newer versions in the lobby: the question whether to look for them, and the note that there is one. Either goes away
//! for good when it is answered.

use super::View;
use crate::ui::action::{Action, Setting};
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Button, Look, icon_button};
use crate::ui::{icons, text};
use egui::{Align, Align2, Pos2, Rect, Shape, Stroke, StrokeKind, Ui, pos2, vec2};

/// Height of the note.
const NOTE: f32 = 48.0;

/// Draws whichever there is; returns where it ends.
pub(super) fn release(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32) -> f32 {
    let at = at + vec2(0.0, 16.0);
    if let Some(version) = view.model.release_note().map(|release| release.version.clone()) {
        note(ui, view, Rect::from_min_size(at, vec2(width, NOTE)), &format!("Version {version} is out"))
    } else if view.model.asks_about_updates() {
        question(ui, view, at, width)
    } else {
        at.y - 16.0
    }
}

fn note(ui: &mut Ui, view: &mut View<'_>, rect: Rect, words: &str) -> f32 {
    let colors = view.colors;
    ui.painter().rect_filled(rect, radius::CARD, colors.raised);
    ui.painter().rect_stroke(rect, radius::CARD, Stroke::new(1.0, colors.border), StrokeKind::Inside);
    let middle = rect.center().y;
    text::icon(ui, pos2(rect.left() + 24.0, middle), size::ICON, colors.text_2, icons::INFO);
    let close = Rect::from_min_size(pos2(rect.right() - 46.0, middle - 16.0), vec2(36.0, 32.0));
    let close = icon_button(ui, colors, close, "Close this note", (icons::X, size::ICON_SMALL), true);
    view.on_click(&close, Action::CloseRelease);
    let more = Button::new("See what is new", Look::Ghost).height(size::BUTTON_TINY);
    let more = more.show_left_of(ui, colors, close.rect.left() - 2.0, middle);
    view.on_click(&more, Action::ShowRelease);
    let at = pos2(rect.left() + 46.0, middle);
    text::label(ui, at, Align2::LEFT_CENTER, text::BODY, colors.text, words, more.rect.left() - at.x);
    rect.bottom()
}

fn question(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32) -> f32 {
    let colors = view.colors;
    // Its height is known only afterwards.
    let ground = ui.painter().add(Shape::Noop);
    let edge = ui.painter().add(Shape::Noop);
    let (left, space) = (at.x + 18.0, width - 36.0);
    let title = "May Visavis tell you about new versions?";
    text::label(ui, pos2(left, at.y + 25.0), Align2::LEFT_CENTER, text::BODY_STRONG, colors.text, title, space);
    let sentence = "It asks once a day where its releases are published, and sends nothing about you. It never installs \
                    anything by itself.";
    let words = pos2(left, at.y + 41.0);
    let said = text::paragraph(ui, words, Align::Min, text::SMALL, colors.text_2, sentence, space);
    let middle = said.bottom() + 12.0 + size::BUTTON_TINY / 2.0;
    let yes = Button::new("Yes, tell me", Look::Plain).height(size::BUTTON_TINY).show_at(ui, colors, left, middle);
    view.on_click(&yes, Action::Set(Setting::CheckForUpdates(true)));
    let no = Button::new("No", Look::Ghost).named("No, do not look for new versions").height(size::BUTTON_TINY);
    let no = no.show_at(ui, colors, yes.rect.right() + 6.0, middle);
    view.on_click(&no, Action::Set(Setting::CheckForUpdates(false)));
    let rect = Rect::from_min_max(at, pos2(at.x + width, yes.rect.bottom() + 16.0));
    ui.painter().set(ground, Shape::rect_filled(rect, radius::CARD, colors.raised));
    ui.painter().set(edge, Shape::rect_stroke(rect, radius::CARD, Stroke::new(1.0, colors.border), StrokeKind::Inside));
    rect.bottom()
}
