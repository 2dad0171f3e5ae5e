//! The menu of somebody's tile, and its button, which shows under the pointer or the focus.

use super::View;
use crate::base::UserId;
use crate::ui::action::Action;
use crate::ui::bidi::plain;
use crate::ui::icons;
use crate::ui::parts::Menu;
use crate::ui::text;
use crate::ui::tile_layout::TileKey;
use crate::ui::tokens::{overlay, radius, size};
use crate::ui::widgets::{MenuResult, chip, focus_is_shown, menu_above};
use egui::{CursorIcon, Key, Modifiers, Response, Role, Sense, Ui, Vec2, WidgetInfo};

/// Adds the button of `tile`, a tile of `user`, and shows its menu while that is open.
pub(super) fn tile_menu(
    ui: &mut Ui,
    view: &mut View<'_>,
    tile: &Response,
    (key, user): (&TileKey, &UserId),
    name: &str,
) {
    let this = Menu::Tile(key.clone());
    let open = view.model.menu.as_ref() == Some(&this);
    let keys = tile.has_focus()
        && ui.input_mut(|i| i.consume_key(Modifiers::SHIFT, Key::F10) || i.consume_key(Modifiers::NONE, Key::Enter));
    if tile.secondary_clicked() || keys {
        view.dispatch(Action::ToggleMenu(this.clone()));
    }
    let focused = tile.has_focus() && focus_is_shown(ui);
    if !(open || focused || ui.rect_contains_pointer(tile.rect)) {
        return;
    }
    let (_, rect) = ui.allocate_space(Vec2::splat(size::TILE_MENU));
    // It does not take the focus: Enter on the tile does the same.
    let button = ui.interact(rect, tile.id.with("menu"), Sense::CLICK);
    let spoken = format!("More about {}", plain(name));
    button.widget_info(|| WidgetInfo::labeled(Role::Button, true, &spoken));
    ui.ctx().accesskit_node_builder(button.id, |node| node.set_expanded(open));
    chip(ui, rect, radius::CHIP_LARGE);
    if button.hovered() || open {
        ui.painter().rect_filled(rect, radius::CHIP_LARGE, overlay::BAR_EMPTY.gamma_multiply(0.4));
    }
    text::icon_bold(ui, rect.center(), 18.0, overlay::TEXT, icons::DOTS_THREE);
    view.on_click(&button.clone().on_hover_cursor(CursorIcon::PointingHand), Action::ToggleMenu(this));
    if !open {
        return;
    }
    let Some(person) = view.model.person(user) else { return };
    let entries = super::person_menu::entries(view, person, key, name);
    let limit = super::above_tools(ui);
    match menu_above(ui, view.colors, &button, (&plain(name), limit), 0.0, &entries) {
        MenuResult::Open => {}
        MenuResult::Close => view.dispatch(Action::CloseMenu),
        MenuResult::Chosen(action) => view.dispatch(action),
    }
}
