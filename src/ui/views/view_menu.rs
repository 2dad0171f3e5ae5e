//! How the tiles of a call are shown: our own picture, people without a camera, pins, the whole screen.

use super::View;
use crate::call::view::CallView;
use crate::store::SelfView;
use crate::ui::action::{Action, Setting};
use crate::ui::icons;
use crate::ui::parts::{Corner, Focus, Menu};
use crate::ui::screens::Screen;
use crate::ui::strings::stage;
use crate::ui::tile_layout::RemoteTile;
use crate::ui::widgets::{IconButton, MenuEntry, MenuResult, menu};
use egui::Ui;

/// Adds the button to the top bar, and shows its menu while that is open.
pub(super) fn view_menu(ui: &mut Ui, view: &mut View<'_>) {
    let model = view.model;
    let Some(call) = model.call().filter(|call| model.screen == Screen::Call && !call.people.is_empty()) else {
        return;
    };
    ui.add_space(4.0);
    let button = IconButton::new(stage::VIEW, icons::CORNERS_OUT).show(ui, view.colors);
    view.focus(&button, Focus::ViewButton);
    view.on_click(&button, Action::ToggleMenu(Menu::View));
    if model.menu != Some(Menu::View) {
        return;
    }
    match menu(ui, view.colors, &button, stage::VIEW, 300.0, &entries(view, call)) {
        MenuResult::Open => {}
        MenuResult::Close => view.dispatch(Action::CloseMenu),
        MenuResult::Chosen(action) => {
            view.dispatch(Action::CloseMenu);
            view.dispatch(action);
        }
    }
}

fn entries(view: &View<'_>, call: &CallView) -> Vec<MenuEntry<Action>> {
    let (model, settings) = (view.model, &view.model.settings);
    let mut entries = vec![MenuEntry::Title(stage::MY_PICTURE.to_owned())];
    entries.extend(stage::SELF_VIEWS.map(|(place, label)| MenuEntry::Choice {
        label: label.to_owned(),
        chosen: settings.self_view == place,
        value: Action::Set(Setting::SelfView(place)),
    }));
    let alone = model.tile_layout.tiles(&call.people).len() == 1 && settings.self_view != SelfView::Hidden;
    if alone || settings.self_view == SelfView::Corner {
        let next = next_corner(model.own_corner);
        entries.push(item(stage::NEXT_CORNER, "", icons::ARROW_CLOCKWISE, Action::MoveOwn(next)));
    }
    entries.push(MenuEntry::Title(stage::PEOPLE.to_owned()));
    let hidden = RemoteTile::all(&call.people).len() - model.tile_layout.tiles(&call.people).len();
    for (only, label) in [(false, stage::EVERYBODY.to_owned()), (true, stage::only_with_camera(hidden))] {
        let value = Action::Set(Setting::OnlyWithCamera(only));
        entries.push(MenuEntry::Choice { label, chosen: settings.only_with_camera == only, value });
    }
    entries.push(MenuEntry::Title(stage::WINDOW.to_owned()));
    if !model.tile_layout.pinned.is_empty() {
        entries.push(item(stage::UNPIN_ALL, "", icons::PUSH_PIN_SLASH, Action::UnpinAll));
    }
    let full = model.full_window;
    let (label, icon) = if full { (stage::LEAVE_FULL, icons::CORNERS_IN) } else { (stage::FULL, icons::CORNERS_OUT) };
    entries.push(item(label, stage::FULL_KEYS, icon, Action::FullWindow(!full)));
    entries
}

fn item(label: &str, note: &str, icon: char, value: Action) -> MenuEntry<Action> {
    MenuEntry::Item { label: label.to_owned(), note: note.to_owned(), icon, danger: false, value }
}

/// The corner after this one, clockwise.
const fn next_corner(corner: Corner) -> Corner {
    Corner { left: !corner.top, top: corner.left }
}
