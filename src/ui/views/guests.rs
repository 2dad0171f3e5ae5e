//! Those who wait before the room, for a host: a bar above the tiles, and rows in the list of people.

use super::View;
use crate::base::UserId;
use crate::call::view::CallView;
use crate::ui::action::{Action, HostAction};
use crate::ui::bidi::{isolate, plain};
use crate::ui::people::PeopleAction;
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Button, IconButton, Look, add_avatar, place};
use crate::ui::{icons, strings, text};
use egui::epaint::StrokeKind;
use egui::{Align, Id, Layout, Rect, Role, Sense, Stroke, Ui, WidgetInfo, accesskit, vec2};

/// Height of the bar.
pub(super) const HEIGHT: f32 = 48.0;
/// Height of a row, and the diameter of an avatar.
const ROW: f32 = 48.0;
const AVATAR: f32 = 32.0;
/// Rows at most; the others follow when these have come in.
const ROWS: usize = 20;

/// Draws the bar into `rect`: who waits, and a button that lets them in.
pub(super) fn bar(ui: &mut Ui, view: &mut View<'_>, call: &CallView, rect: Rect) {
    let c = view.colors;
    let words = strings::people::guests(&call.guests);
    let response = ui.interact(rect, Id::unique("guests"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, plain(&words)));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(accesskit::Live::Polite));
    ui.painter().rect_filled(rect, radius::CARD, c.info_soft);
    let edge = Stroke::new(1.0, c.info_text.gamma_multiply(0.25));
    ui.painter().rect_stroke(rect, radius::CARD, edge, StrokeKind::Inside);
    let inner = rect.shrink2(vec2(14.0, 0.0));
    place::within(ui, inner, Layout::top_down(Align::Min), |ui| {
        let left = |ui: &mut Ui| {
            text::add_icon(ui, [size::ICON, HEIGHT], size::ICON, c.info_text, icons::HOURGLASS);
            ui.add_space(10.0);
            text::add_words(ui, text::BODY, c.text, &words);
        };
        let (_, (admit, see)) = place::sides(ui, HEIGHT, 12.0, left, |ui| {
            let word = if call.guests.len() == 1 { "Let in" } else { "Let all in" };
            let admit = Button::new(word, Look::Main).height(size::BUTTON_TINY).show(ui, c);
            ui.add_space(8.0);
            let see = Button::new("See", Look::Ghost).named("See who waits").height(size::BUTTON_TINY);
            (admit, (!view.model.people.open).then(|| see.show(ui, c)))
        });
        view.on_click(&admit, Action::AsHost(HostAction::Admit(None)));
        if let Some(see) = see {
            view.on_click(&see, Action::People(PeopleAction::Toggle));
        }
    });
}

/// Adds the rows of those who wait, above the people.
pub(super) fn rows(ui: &mut Ui, view: &mut View<'_>, call: &CallView) {
    let colors = view.colors;
    let count = call.guests.len();
    place::sides(
        ui,
        36.0,
        8.0,
        |ui| text::add_words(ui, text::LABEL, colors.text_2, &format!("Waiting {count}")),
        |ui| {
            let all = Button::new("Let all in", Look::Ghost).named("Let everybody in").height(size::BUTTON_TINY);
            if count > 1 {
                let response = all.show(ui, colors);
                view.on_click(&response, Action::AsHost(HostAction::Admit(None)));
            }
        },
    );
    for (user, name) in call.guests.iter().take(ROWS) {
        row(ui, view, user, name);
    }
    let (_, line) = ui.allocate_space(vec2(ui.available_width(), 17.0));
    ui.painter().hline(line.x_range(), line.center().y, Stroke::new(1.0, colors.border));
}

fn row(ui: &mut Ui, view: &mut View<'_>, user: &UserId, name: &str) {
    let colors = view.colors;
    let place = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), ROW));
    let response = ui.interact(place, Id::unique(("guest", user.as_str())), Sense::HOVER);
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, format!("{}, waiting", plain(name))));
    place::row(ui, ROW, |ui| {
        add_avatar(ui, AVATAR, user.as_str(), name);
        ui.add_space(11.0);
        let left = |ui: &mut Ui| text::add_words(ui, text::LABEL.sized(14.0), colors.text, &isolate(name));
        let (_, (refuse, admit)) = place::sides(ui, ROW, 8.0, left, |ui| {
            let (no, yes) = (format!("Do not let {} in", plain(name)), format!("Let {} in", plain(name)));
            let refuse = IconButton::new(&no, icons::X).show(ui, colors);
            (refuse, Button::new("Let in", Look::Plain).named(&yes).height(size::BUTTON_TINY).show(ui, colors))
        });
        view.on_click(&refuse, Action::AsHost(HostAction::Refuse(user.clone())));
        view.on_click(&admit, Action::AsHost(HostAction::Admit(Some(user.clone()))));
    });
}
