//! The card of a call with nobody else in it: the link to send, and whether camera and microphone are on.

use super::View;
use super::tiles::own_tile;
use crate::call::view::CallView;
use crate::proto::link;
use crate::ui::action::Action;
use crate::ui::action::HostAction;
use crate::ui::parts::Focus;
use crate::ui::tokens::{Palette, radius, size};
use crate::ui::widgets::{Button, Look, add_avatar, buttons, place};
use crate::ui::{grid, icons, text};
use egui::epaint::StrokeKind;
use egui::{Align, Layout, Rect, Shape, Stroke, Ui, Vec2, vec2};
use std::f32::consts::TAU;

/// Diameter of the avatar and of the empty place beside it.
const CIRCLE: f32 = 112.0;
/// From the top of the circles to the middle of the card.
const ABOVE_MIDDLE: f32 = 166.0;

/// Draws the card.
pub(super) fn alone(ui: &mut Ui, view: &mut View<'_>, call: &CallView, area: Rect) {
    let colors = view.colors;
    let compact = super::compact(ui.max_rect());
    let card = if compact { area } else { grid::single(area) };
    ui.painter().rect_filled(card, radius::CARD, colors.surface);
    ui.painter().rect_stroke(card, radius::CARD, Stroke::new(1.0, colors.border), StrokeKind::Inside);
    place::within(ui, card, Layout::top_down(Align::Center), |ui| content(ui, view, call, card));
    if view.model.snapshot.camera.wanted && !compact {
        own_tile(ui, view, call, card);
    }
}

fn content(ui: &mut Ui, view: &mut View<'_>, call: &CallView, card: Rect) {
    let colors = view.colors;
    ui.add_space(card.height() / 2.0 - ABOVE_MIDDLE);
    place::group(ui, vec2(2.0 * CIRCLE + 20.0, CIRCLE), |ui| {
        add_avatar(ui, CIRCLE, call.user.as_str(), &call.name);
        ui.add_space(20.0);
        empty_place(ui, colors);
    });
    let width = (card.width() - 48.0).min(475.0);
    ui.add_space(25.5);
    let title = text::MODAL_TITLE.sized(26.0);
    place::centred_column(ui, width, |ui| {
        ui.vertical_centered(|ui| text::add_line(ui, title, colors.text, "You are the only one here"));
    });
    ui.add_space(8.5);
    let sentence = if call.host {
        "Invite copies a link for the people you want to meet. They can join from Windows, macOS or Linux."
    } else {
        "Send the link to the people you want to meet. They can join from Windows, macOS or Linux."
    };
    place::centred_column(ui, width.min(410.0), |ui| {
        ui.vertical_centered(|ui| text::add_paragraph(ui, text::LEAD, colors.text_2, sentence));
    });
    ui.add_space(24.0);
    if call.host {
        invite(ui, view);
    } else {
        place::centred_column(ui, width, |ui| link_row(ui, view, call));
    }
    ui.add_space(18.0);
    text::add_line(ui, text::SMALL, colors.text_3, &devices_sentence(view));
}

fn devices_sentence(view: &View<'_>) -> String {
    let on = |on: bool| if on { "on" } else { "off" };
    let (camera, mic) = (view.model.snapshot.camera.wanted, view.model.snapshot.microphone.wanted);
    match (camera, mic) {
        (false, false) => "Your camera and microphone are off.".to_owned(),
        (true, true) => "Your camera and microphone are on, and nobody is listening yet.".to_owned(),
        _ => format!("Your camera is {}. Your microphone is {}, and nobody is listening yet.", on(camera), on(mic)),
    }
}

/// A host's button: the link is made when it is pressed.
fn invite(ui: &mut Ui, view: &mut View<'_>) {
    let button = Button::new("Invite", Look::Main).icon(icons::USER_PLUS).height(size::FIELD);
    let [invite] = buttons(ui, view.colors, Align::Center, 0.0, [button]);
    view.focus(&invite, Focus::Tiles);
    view.on_click(&invite, Action::AsHost(HostAction::Invite));
}

/// A guest's link, which is the one they came by.
fn link_row(ui: &mut Ui, view: &mut View<'_>, call: &CallView) {
    let colors = view.colors;
    let address = link::link(&call.server, &call.room, call.invitation.as_ref());
    let button = Button::new("Copy link", Look::Main).icon(icons::COPY).height(size::FIELD);
    let (_, copy) =
        place::sides(ui, size::FIELD, 10.0, |ui| link_field(ui, colors, &address), |ui| button.show(ui, colors));
    view.focus(&copy, Focus::Tiles);
    view.on_click(&copy, Action::Copy { text: address, said: "Link copied" });
}

/// The link without its scheme, in a box.
fn link_field(ui: &mut Ui, colors: &Palette, address: &str) {
    let (_, field) = ui.allocate_space(vec2(ui.available_width(), size::FIELD));
    ui.painter().rect_filled(field, radius::CONTROL, colors.canvas);
    ui.painter().rect_stroke(field, radius::CONTROL, Stroke::new(1.0, colors.border_strong), StrokeKind::Inside);
    let short = address.split_once("://").map_or(address, |(_, rest)| rest);
    place::within(ui, field.shrink2(vec2(15.0, 0.0)), Layout::left_to_right(Align::Center), |ui| {
        text::add_icon(ui, [size::ICON; 2], size::ICON, colors.text_3, icons::LINK);
        ui.add_space(10.0);
        text::add_line(ui, text::FIELD, colors.text, short);
    });
}

/// The place of somebody who has not come yet: a dashed circle.
fn empty_place(ui: &mut Ui, colors: &Palette) {
    let (_, rect) = ui.allocate_space(Vec2::splat(CIRCLE));
    let (middle, radius) = (rect.center(), CIRCLE / 2.0 - 1.0);
    let points: Vec<_> = (0..=96).map(|i| middle + radius * Vec2::angled(TAU * i as f32 / 96.0)).collect();
    let stroke = Stroke::new(2.0, colors.border_strong);
    ui.painter().extend(Shape::dashed_line(&points, stroke, 6.0, 4.0));
    text::icon(ui, middle + vec2(1.0, 0.0), 40.0, colors.text_2, icons::USER_PLUS);
}
