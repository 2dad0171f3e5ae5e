//! The pages of the grid: arrows, dots and the page number, in a row below the tiles.

use super::View;
use crate::ui::action::Action;
use crate::ui::icons;
use crate::ui::text;
use crate::ui::tile_layout::Page;
use crate::ui::tokens::size;
use crate::ui::widgets::{IconButton, place};
use egui::{Align2, Key, Modifiers, Rect, Ui, vec2};

/// From the middle of a dot to the next.
const DOT: f32 = 14.0;
const ARROW: [f32; 2] = [36.0, size::BUTTON_TINY];

/// Draws the row in the middle of `rect`.
pub(super) fn pager(ui: &mut Ui, view: &mut View<'_>, rect: Rect, page: &Page) {
    let before = (page.number > 0).then(|| page.number - 1);
    let after = (page.number + 1 < page.of).then_some(page.number + 1);
    for (key, to) in [(Key::PageUp, before), (Key::PageDown, after)] {
        if ui.input_mut(|i| i.consume_key(Modifiers::NONE, key))
            && let Some(to) = to
        {
            view.dispatch(Action::GoToPage(to));
        }
    }
    let colors = view.colors;
    let words = format!("Page {} of {}", page.number + 1, page.of);
    let dots = vec2(page.of as f32 * DOT, 8.0);
    let width = dots.x + 12.0 + text::width(ui, text::CAPTION, &words) + 2.0 * (ARROW[0] + 10.0);
    place::overlay(ui, rect, Align2::CENTER_CENTER, vec2(width, ARROW[1]), |ui| {
        arrow(ui, view, "Previous page", icons::CARET_LEFT, before);
        ui.add_space(10.0);
        let (_, dots) = ui.allocate_space(dots);
        for i in 0..page.of {
            let color = if i == page.number { colors.accent } else { colors.border_strong };
            let middle = dots.left_center() + vec2((i as f32 + 0.5) * DOT, 0.0);
            ui.painter().circle_filled(middle, 4.0, color);
        }
        ui.add_space(12.0);
        text::add_line(ui, text::CAPTION, colors.text_2, &words);
        ui.add_space(10.0);
        arrow(ui, view, "Next page", icons::CARET_RIGHT, after);
    });
}

fn arrow(ui: &mut Ui, view: &mut View<'_>, name: &str, icon: char, to: Option<usize>) {
    let response = IconButton::new(name, icon).size(ARROW).enabled(to.is_some()).show(ui, view.colors);
    if let Some(to) = to {
        view.on_click(&response, Action::GoToPage(to));
    }
}
