//! The head of lobby and end screen: the mark, the name, the theme's button, the way to the settings.

use super::View;
use crate::ui::action::Action;
use crate::ui::icons;
use crate::ui::model::Focus;
use crate::ui::screens::Screen;
use crate::ui::text;
use crate::ui::tokens::size;
use crate::ui::widgets::{Button, Look, mark};
use egui::{Align2, Rect, Ui, pos2, vec2};

/// Height of the header.
pub(super) const HEIGHT: f32 = 84.0;

/// Draws the header over the top of `area`; the mark stands `open` apart.
pub(super) fn header(ui: &mut Ui, view: &mut View<'_>, area: Rect, open: f32) {
    let colors = view.colors;
    let margin = if super::compact(area) { 16.0 } else { 32.0 };
    let middle = area.top() + 42.0;
    let logo = Rect::from_min_size(pos2(area.left() + margin, middle - 15.0), vec2(30.0, 30.0));
    mark(ui.painter(), logo, colors, open);
    let at = pos2(logo.right() + 10.0, middle);
    text::label(ui, at, Align2::LEFT_CENTER, text::BRAND, colors.text, "Visavis", f32::INFINITY);
    let settings = Button::new("Settings", Look::Ghost).icon(icons::GEAR_SIX).height(size::BUTTON_SMALL);
    let settings = settings.show_left_of(ui, colors, area.right() - margin, middle);
    view.focus(&settings, Focus::Settings);
    view.on_click(&settings, Action::ToggleSettings);
    if view.model.screen == Screen::End {
        return;
    }
    let (word, name, icon) = if view.model.dark {
        ("Light", "Use the light theme", icons::SUN)
    } else {
        ("Dark", "Use the dark theme", icons::MOON)
    };
    let button = Button::new(word, Look::Ghost).icon(icon).named(name).height(size::BUTTON_SMALL);
    let response = button.show_left_of(ui, colors, settings.rect.left() - 10.0, middle);
    view.on_click(&response, Action::ToggleTheme);
}
