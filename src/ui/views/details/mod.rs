//! The drawer with the call details: four plots, and below them the timeline or the facts about media.

mod facts;
mod plots;
mod timeline;

use super::{View, panel};
use crate::base::UserId;
use crate::call::view::{CallDetails, CallView};
use crate::ui::action::Action;
use crate::ui::details::{DetailsAction, DetailsPart, Span};
use crate::ui::parts::{Focus, Menu};
use crate::ui::screens::Screen;
use crate::ui::strings;
use crate::ui::tokens::size;
use crate::ui::widgets::{
    Button, IconButton, Look, MenuEntry, MenuResult, Part, Picker, menu, picker, place, segments,
};
use crate::ui::{icons, text};
use egui::{Align, Key, Layout, Modifiers, Rect, ScrollArea, Ui, vec2};

/// Between two rows.
const GAP: f32 = 10.0;
/// A drawer that is lower scrolls as a whole; in a higher one the part below the plots does.
const LOW: f32 = 560.0;

/// Draws the drawer in `area`.
pub(super) fn drawer(ui: &mut Ui, view: &mut View<'_>, area: Rect) {
    let Some(call) = view.model.call() else { return };
    let [title, body] = panel::panel(ui, view.colors, area);
    head(ui, view, call, title);
    let body = body.with_max_y(body.bottom() - 12.0);
    let empty = CallDetails::default();
    let details = view.model.snapshot.details.as_deref().unwrap_or(&empty);
    place::within(ui, body, Layout::top_down(Align::Min), |ui| {
        ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
        if body.height() < LOW {
            let scroll = ScrollArea::vertical().id_salt("call details").auto_shrink(false);
            scroll.max_height(body.height()).show(ui, |ui| {
                above(ui, view, call, details);
                below(ui, view, details, None);
                note(ui, view);
            });
        } else {
            above(ui, view, call, details);
            let words = text::height(ui, text::CAPTION, strings::details::PRIVACY, body.width());
            let left = (ui.available_height() - words - 8.0).max(0.0);
            below(ui, view, details, Some(left));
            note(ui, view);
        }
    });
    let is_alone = view.model.menu.is_none() && view.model.question.is_none() && view.model.screen == Screen::Call;
    if is_alone && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
        view.dispatch(Action::Details(DetailsAction::Toggle));
    }
}

/// The title, with the buttons that copy, save and close.
fn head(ui: &mut Ui, view: &mut View<'_>, call: &CallView, rect: Rect) {
    let colors = view.colors;
    let session = strings::details::session(call);
    let has_details = view.model.snapshot.details.is_some();
    place::within(ui, rect, Layout::top_down(Align::Min), |ui| {
        let left = |ui: &mut Ui| {
            text::add_line(ui, text::HEADING, colors.text, "Call details");
            ui.add_space(10.0);
            text::add_line(ui, text::MONO, colors.text_3, &session);
        };
        let (_, [close, copy, save]) = place::sides(ui, rect.height(), 8.0, left, |ui| {
            let close = IconButton::new("Close call details", icons::X).show(ui, colors);
            ui.add_space(8.0);
            let copy = IconButton::new("Copy call details", icons::COPY).enabled(has_details).show(ui, colors);
            ui.add_space(4.0);
            let save = Button::new("Save", Look::Plain).named("Save call details").icon(icons::FLOPPY_DISK);
            [close, copy, save.height(size::BUTTON_TINY).show(ui, colors)]
        });
        view.focus(&close, Focus::CloseDetails);
        view.on_click(&close, Action::Details(DetailsAction::Toggle));
        view.on_click(&copy, Action::Details(DetailsAction::Copy));
        view.on_click(&save, Action::Details(DetailsAction::Save));
    });
}

/// Whom the plots are about, over which time, and the plots.
fn above(ui: &mut Ui, view: &mut View<'_>, call: &CallView, details: &CallDetails) {
    let colors = view.colors;
    let spans = Span::ALL.map(|span| Part::word(strings::details::span(span)));
    let chosen = Span::ALL.iter().position(|span| *span == view.model.details.span);
    // The choice of the time is as wide as its words.
    let (rect, response, pressed) = place::row(ui, size::BUTTON_SMALL, |ui| {
        let row = ui.max_rect();
        let pressed = place::within(ui, row, Layout::right_to_left(Align::Center), |ui| {
            let pressed = segments(ui, colors, "Time", &spans, chosen);
            (pressed, ui.min_rect().width())
        });
        let (pressed, width) = pressed;
        let left = row.with_max_x(row.right() - width - 12.0);
        let response = place::within(ui, left, Layout::top_down(Align::Min), |ui| {
            ui.set_max_width(left.width().min(280.0));
            let look = Picker {
                name: "Numbers of",
                icon: icons::USER,
                value: &strings::details::whom(call, view.model.details.whom.as_ref()),
                problem: None,
                on_card: false,
                open: view.model.menu == Some(Menu::Whom),
                height: size::BUTTON_SMALL,
            };
            picker(ui, colors, &look)
        });
        (left, response, pressed)
    });
    if let Some(i) = pressed {
        view.dispatch(Action::Details(DetailsAction::Span(Span::ALL[i])));
    }
    view.focus(&response, Focus::Whom);
    view.on_click(&response, Action::ToggleMenu(Menu::Whom));
    if view.model.menu == Some(Menu::Whom) {
        whom_menu(ui, view, call, &response, rect.width().min(280.0));
    }
    ui.add_space(GAP);
    plots::plots(ui, view, details);
    ui.add_space(GAP);
}

fn whom_menu(ui: &Ui, view: &mut View<'_>, call: &CallView, button: &egui::Response, width: f32) {
    let chosen = view.model.details.whom.as_ref();
    let entry = |user: Option<&UserId>| MenuEntry::Choice {
        label: strings::details::whom(call, user),
        chosen: chosen == user,
        value: user.cloned(),
    };
    let entries: Vec<MenuEntry<Option<UserId>>> =
        std::iter::once(None).chain(call.people.iter().map(|p| Some(&p.user))).map(entry).collect();
    match menu(ui, view.colors, button, "Numbers of", width, &entries) {
        MenuResult::Open => {}
        MenuResult::Close => view.dispatch(Action::CloseMenu),
        MenuResult::Chosen(whom) => view.dispatch(Action::Details(DetailsAction::Whom(whom))),
    }
}

/// The timeline or the facts, as chosen; `height` high, or as high as its content.
fn below(ui: &mut Ui, view: &mut View<'_>, details: &CallDetails, height: Option<f32>) {
    let colors = view.colors;
    let top = ui.cursor().top();
    let all = [DetailsPart::Timeline, DetailsPart::Media];
    let parts = all.map(|part| Part::word(strings::details::part(part)));
    let chosen = all.iter().position(|part| *part == view.model.details.part);
    let pressed = place::row(ui, size::SEGMENTS, |ui| segments(ui, colors, "Below", &parts, chosen));
    if let Some(i) = pressed {
        view.dispatch(Action::Details(DetailsAction::Part(all[i])));
    }
    ui.add_space(GAP);
    let height = height.map(|height| (height - (ui.cursor().top() - top)).max(0.0));
    match view.model.details.part {
        DetailsPart::Timeline => timeline::timeline(ui, view, details, height),
        DetailsPart::Media => facts::facts(ui, view, details, height),
    }
}

/// What a copy holds.
fn note(ui: &mut Ui, view: &View<'_>) {
    ui.add_space(8.0);
    text::add_paragraph(ui, text::CAPTION, view.colors.text_3, strings::details::PRIVACY);
}
