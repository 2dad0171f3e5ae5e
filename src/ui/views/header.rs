//! The header of lobby and end screen: the mark, the name, the theme button, the settings button.

use super::View;
use crate::ui::action::Action;
use crate::ui::icons;
use crate::ui::parts::Focus;
use crate::ui::screens::Screen;
use crate::ui::text;
use crate::ui::tokens::size;
use crate::ui::widgets::{Button, Look, add_mark, place};
use egui::{Frame, Margin, Ui};

/// Draws the header; the halves of the mark stand `open` apart.
pub(super) fn header(ui: &mut Ui, view: &mut View<'_>, open: f32) {
    let colors = view.colors;
    let margin = if super::compact(ui.max_rect()) { 16 } else { 32 };
    let left = |ui: &mut Ui| {
        add_mark(ui, 30.0, colors, open);
        ui.add_space(10.0);
        text::add_line(ui, text::BRAND, colors.text, "Visavis");
    };
    Frame::new().inner_margin(Margin::symmetric(margin, 0)).show(ui, |ui| {
        place::sides(ui, size::HEADER, 0.0, left, |ui| buttons(ui, view));
    });
}

/// The buttons, from the right edge on.
fn buttons(ui: &mut Ui, view: &mut View<'_>) {
    let settings = Button::new("Settings", Look::Ghost).icon(icons::GEAR_SIX).height(size::BUTTON_SMALL);
    let settings = settings.show(ui, view.colors);
    view.focus(&settings, Focus::Settings);
    view.on_click(&settings, Action::ToggleSettings);
    if view.model.screen == Screen::End {
        return;
    }
    ui.add_space(10.0);
    let (word, name, icon) = if view.model.dark {
        ("Light", "Use the light theme", icons::SUN)
    } else {
        ("Dark", "Use the dark theme", icons::MOON)
    };
    let theme = Button::new(word, Look::Ghost).icon(icon).named(name).height(size::BUTTON_SMALL);
    let theme = theme.show(ui, view.colors);
    view.on_click(&theme, Action::ToggleTheme);
}
