//! The pages of the grid: arrows, dots, and which page it is, in a row below the tiles.

use super::View;
use crate::ui::action::Action;
use crate::ui::icons;
use crate::ui::text;
use crate::ui::tile_layout::Page;
use crate::ui::tokens::size;
use crate::ui::widgets::icon_button;
use egui::{Align2, Key, Modifiers, Rect, Ui, pos2, vec2};

/// Draws the row into `rect`.
pub(super) fn pager(ui: &mut Ui, view: &mut View<'_>, rect: Rect, page: &Page) {
    let colors = view.colors;
    let words = format!("Page {} of {}", page.number + 1, page.of);
    let dots = page.of as f32 * 14.0;
    let width = dots + 12.0 + text::width(ui, text::CAPTION, &words);
    let middle = rect.center();
    let mut x = middle.x - width / 2.0;
    let arrow = |x: f32| Rect::from_center_size(pos2(x, middle.y), vec2(36.0, size::BUTTON_TINY));
    let ends = [(page.number > 0).then(|| page.number - 1), (page.number + 1 < page.of).then_some(page.number + 1)];
    for (key, to) in [(Key::PageUp, ends[0]), (Key::PageDown, ends[1])] {
        if ui.input_mut(|i| i.consume_key(Modifiers::NONE, key))
            && let Some(to) = to
        {
            view.dispatch(Action::GoToPage(to));
        }
    }
    let before = (arrow(x - 28.0), "Previous page", icons::CARET_LEFT, ends[0]);
    let after = (arrow(x + width + 28.0), "Next page", icons::CARET_RIGHT, ends[1]);
    for (place, name, icon, to) in [before, after] {
        let response = icon_button(ui, colors, place, name, (icon, size::ICON_SMALL), to.is_some());
        if let Some(to) = to {
            view.on_click(&response, Action::GoToPage(to));
        }
    }
    for i in 0..page.of {
        let color = if i == page.number { colors.accent } else { colors.border_strong };
        ui.painter().circle_filled(pos2(x + 7.0, middle.y), 4.0, color);
        x += 14.0;
    }
    text::label(ui, pos2(x + 12.0, middle.y), Align2::LEFT_CENTER, text::CAPTION, colors.text_2, &words, f32::INFINITY);
}
