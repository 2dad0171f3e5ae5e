//! The parts of the window that only a host has: the chip that says so, Invite, and the menu beside Leave.

use super::View;
use crate::base::ExitRequestedBy;
use crate::call::view::CallView;
use crate::ui::action::Action;
use crate::ui::action::HostAction;
use crate::ui::icons;
use crate::ui::parts::Menu;
use crate::ui::screens::Screen;
use crate::ui::tokens::{Palette, size};
use crate::ui::widgets::{Button, IconButton, Look, MenuEntry, MenuResult, Pill, leave_caret, menu};
use egui::{Ui, Vec2};

/// Whether the call is one in which we are a host.
pub(super) fn is_host(view: &View<'_>) -> bool {
    view.model.call().is_some_and(|call| call.host)
}

/// Invite in the top bar, where there is somebody else; alone, the tile area has it.
pub(super) fn invite(ui: &mut Ui, view: &mut View<'_>, small: bool) {
    let shown = view.model.screen == Screen::Call
        && view.model.call().is_some_and(|call| call.host && (!call.people.is_empty() || view.model.settings_open));
    if !shown {
        return;
    }
    let response = if small {
        IconButton::new("Invite", icons::USER_PLUS).icon_size(20.0).show(ui, view.colors)
    } else {
        let button = Button::new("Invite", Look::Ghost).icon(icons::USER_PLUS).height(size::BUTTON_TINY);
        button.show(ui, view.colors)
    };
    view.on_click(&response, Action::AsHost(HostAction::Invite));
    ui.add_space(8.0);
}

/// The chip that says who we are, where there is room for it.
pub(super) fn sign(ui: &mut Ui, colors: &Palette, call: &CallView) {
    let pill = Pill {
        word: "You are the host",
        icon: icons::USER,
        fill: colors.control,
        color: colors.text_2,
        height: size::TOP_BAR_PILL,
    };
    if call.host && 12.0 + pill.width(ui) + 12.0 < ui.available_width() {
        ui.add_space(12.0);
        pill.show(ui);
    }
}

/// The part of Leave that opens its menu, and the menu.
pub(super) fn leave_menu(ui: &mut Ui, view: &mut View<'_>, size: Vec2, opened_from_leave: bool) {
    let open = view.model.menu == Some(Menu::Leave);
    let caret = leave_caret(ui, view.colors, size, open);
    if caret.clicked() || opened_from_leave {
        view.dispatch(Action::ToggleMenu(Menu::Leave));
    }
    if !open {
        return;
    }
    let people = view.model.call().map_or(1, |call| call.people.len() + 1);
    let all = if people == 1 { "You are alone in it.".to_owned() } else { format!("All {people} people leave.") };
    let entries = [
        MenuEntry::Item {
            label: "Leave".to_owned(),
            note: "The others stay.".to_owned(),
            icon: icons::SIGN_OUT,
            danger: false,
            value: Action::Leave(ExitRequestedBy::User),
        },
        MenuEntry::Item {
            label: "End call for everyone…".to_owned(),
            note: format!("{all} We ask you once more."),
            icon: icons::USERS_THREE,
            danger: true,
            value: Action::AsHost(HostAction::AskToEnd),
        },
    ];
    match menu(ui, view.colors, &caret, "Leave", 336.0, &entries) {
        MenuResult::Open => {}
        MenuResult::Close => view.dispatch(Action::CloseMenu),
        MenuResult::Chosen(action) => view.dispatch(action),
    }
}
