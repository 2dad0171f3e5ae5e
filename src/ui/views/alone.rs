//! The card of somebody who is alone in a call: the link to send, and what is on.

use super::View;
use super::tiles::own_tile;
use crate::call::view::CallView;
use crate::proto::link;
use crate::ui::action::Action;
use crate::ui::hosting::HostAction;
use crate::ui::model::Focus;
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Button, Look, avatar};
use crate::ui::{grid, icons, text};
use egui::epaint::StrokeKind;
use egui::{Align, Align2, Rect, Shape, Stroke, Ui, pos2, vec2};
use std::f32::consts::TAU;

/// Draws the card.
pub(super) fn alone(ui: &mut Ui, view: &mut View<'_>, call: &CallView, area: Rect) {
    let colors = view.colors;
    let card = grid::single(area);
    let card = if super::compact(ui.max_rect()) { area } else { card };
    ui.painter().rect_filled(card, radius::CARD, colors.surface);
    ui.painter().rect_stroke(card, radius::CARD, Stroke::new(1.0, colors.border), StrokeKind::Inside);
    let (x, mut y) = (card.center().x, card.center().y - 110.0);
    avatar(ui, pos2(x - 66.0, y), 112.0, call.user.as_str(), &call.name);
    dashed_circle(ui, pos2(x + 66.0, y), 55.0, Stroke::new(2.0, colors.border_strong));
    text::icon(ui, pos2(x + 67.0, y), 40.0, colors.text_2, icons::USER_PLUS);
    y += 98.0;
    let width = (card.width() - 48.0).min(475.0);
    let kind = text::MODAL_TITLE.sized(26.0);
    text::label(ui, pos2(x, y), Align2::CENTER_CENTER, kind, colors.text, "You are the only one here", width);
    y += 25.0;
    let sentence = if call.host {
        "Invite copies a link for the people you want to meet. They can join from Windows, macOS or Linux."
    } else {
        "Send the link to the people you want to meet. They can join from Windows, macOS or Linux."
    };
    let narrow = width.min(410.0);
    let body = text::paragraph(ui, pos2(x, y), Align::Center, text::LEAD, colors.text_2, sentence, narrow);
    y = body.bottom() + 24.0;
    if call.host {
        invite(ui, view, pos2(x, y));
    } else {
        link_row(ui, view, call, pos2(x - width / 2.0, y), width);
    }
    y += size::FIELD + 27.0;
    let on = |on: bool| if on { "on" } else { "off" };
    let (camera, mic) = (view.model.snapshot.camera.wanted, view.model.snapshot.microphone.wanted);
    let sentence = match (camera, mic) {
        (false, false) => "Your camera and microphone are off.".to_owned(),
        (true, true) => "Your camera and microphone are on, and nobody is listening yet.".to_owned(),
        _ => format!("Your camera is {}. Your microphone is {}, and nobody is listening yet.", on(camera), on(mic)),
    };
    text::label(ui, pos2(x, y), Align2::CENTER_CENTER, text::SMALL, colors.text_3, &sentence, width);
    if camera && !super::compact(ui.max_rect()) {
        own_tile(ui, view, call, card);
    }
}

/// A host's button: the link is made when it is pressed.
fn invite(ui: &Ui, view: &mut View<'_>, at: egui::Pos2) {
    let button = Button::new("Invite", Look::Main).icon(icons::USER_PLUS).height(size::FIELD - 1.0);
    let left = at.x - button.size(ui).x / 2.0;
    let response = button.show_at(ui, view.colors, left, at.y + size::FIELD / 2.0);
    view.focus(&response, Focus::Tiles);
    view.on_click(&response, Action::AsHost(HostAction::Invite));
}

/// A guest's: the link that they came by themselves.
fn link_row(ui: &mut Ui, view: &mut View<'_>, call: &CallView, at: egui::Pos2, width: f32) {
    let colors = view.colors;
    let address = link::link(&call.server, &call.room, call.invitation.as_ref());
    let button = Button::new("Copy link", Look::Main).icon(icons::COPY).height(size::FIELD - 1.0);
    let button_width = button.size(ui).x;
    let field = Rect::from_min_size(at, vec2(width - button_width - 10.0, size::FIELD));
    ui.painter().rect_filled(field, radius::CONTROL, colors.canvas);
    ui.painter().rect_stroke(field, radius::CONTROL, Stroke::new(1.0, colors.border_strong), StrokeKind::Inside);
    text::icon(ui, pos2(field.left() + 24.0, field.center().y), size::ICON, colors.text_3, icons::LINK);
    let short = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
    let words = pos2(field.left() + 43.0, field.center().y);
    text::label(ui, words, Align2::LEFT_CENTER, text::FIELD, colors.text, short, field.width() - 57.0);
    let rect = Rect::from_min_size(pos2(field.right() + 10.0, at.y), vec2(button_width, size::FIELD));
    let response = button.show(ui, colors, rect);
    view.focus(&response, Focus::Tiles);
    view.on_click(&response, Action::Copy { text: address, said: "Link copied" });
}

fn dashed_circle(ui: &Ui, at: egui::Pos2, radius: f32, stroke: Stroke) {
    let points: Vec<_> = (0..=96).map(|i| at + radius * egui::Vec2::angled(TAU * i as f32 / 96.0)).collect();
    ui.painter().extend(Shape::dashed_line(&points, stroke, 6.0, 4.0));
}
