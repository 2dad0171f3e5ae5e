//! What only a host's window has: the sign that says so, Invite, and the menu beside Leave.

use super::View;
use crate::base::ExitRequestedBy;
use crate::call::view::CallView;
use crate::ui::action::Action;
use crate::ui::hosting::HostAction;
use crate::ui::icons;
use crate::ui::model::Menu;
use crate::ui::screens::Screen;
use crate::ui::tokens::size;
use crate::ui::widgets::{Button, Look, MenuEntry, MenuResult, icon_button, leave_caret, menu, pill, pill_width};
use egui::{Pos2, Rect, Ui, pos2, vec2};

const SIGN: &str = "You are the host";

/// Whether the call is one in which we are a host.
pub(super) fn is_host(view: &View<'_>) -> bool {
    view.model.call().is_some_and(|call| call.host)
}

/// Invite in the top bar, its right centre at `at`; returns its left edge. Alone, the tile area has it.
pub(super) fn invite(ui: &Ui, view: &mut View<'_>, at: Pos2, small: bool) -> f32 {
    let shown = view.model.screen == Screen::Call
        && view.model.call().is_some_and(|call| call.host && (!call.people.is_empty() || view.model.settings_open));
    if !shown {
        return at.x;
    }
    let response = if small {
        let rect = Rect::from_min_size(pos2(at.x - 36.0, at.y - 16.0), vec2(36.0, 32.0));
        icon_button(ui, view.colors, rect, "Invite", (icons::USER_PLUS, 20.0), true)
    } else {
        let button = Button::new("Invite", Look::Ghost).icon(icons::USER_PLUS).height(size::BUTTON_TINY);
        button.show_left_of(ui, view.colors, at.x, at.y)
    };
    view.on_click(&response, Action::AsHost(HostAction::Invite));
    response.rect.left() - 8.0
}

/// The chip that says who we are, if it fits between `left` and `right`.
pub(super) fn sign(ui: &mut Ui, view: &View<'_>, call: &CallView, left: f32, (right, middle): (f32, f32)) {
    let edge = left + pill_width(ui, SIGN);
    if call.host && edge + 12.0 < right {
        let colors = (view.colors.control, view.colors.text_2);
        pill(ui, [edge, middle, 26.0], colors, icons::USER, SIGN);
    }
}

/// The part of Leave that opens its menu, and the menu.
pub(super) fn leave_menu(ui: &Ui, view: &mut View<'_>, rect: Rect, opened_from_leave: bool) {
    let open = view.model.menu == Some(Menu::Leave);
    let caret = leave_caret(ui, view.colors, rect, open);
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
