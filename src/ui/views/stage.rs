//! The stage of a call: the tiles, the banner of a lost connection, and the card of somebody who is alone.

use super::View;
use super::tile::{self, Tile};
use crate::call::view::{CallView, Phase};
use crate::proto::link;
use crate::ui::action::Action;
use crate::ui::flow::Screen;
use crate::ui::grid::{self, Grid};
use crate::ui::model::Corner;
use crate::ui::tokens::{radius, size, time};
use crate::ui::widgets::{Button, Look, avatar, glide, spinner};
use crate::ui::{icons, text};
use egui::epaint::StrokeKind;
use egui::{Align, Align2, Id, Rect, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, accesskit, pos2, vec2};
use std::f32::consts::TAU;

/// From your own tile to the stage's edge.
const OWN_EDGE: f32 = 16.0;

/// Draws the stage.
pub(super) fn stage(ui: &mut Ui, view: &mut View<'_>, area: Rect) {
    let Some(call) = view.model.call() else { return };
    let mut area = area.shrink(size::STAGE_PADDING);
    if let Phase::Reconnecting { attempt, limit, .. } = call.phase
        && view.model.screen == Screen::Call
    {
        let banner = Rect::from_min_size(area.min - vec2(0.0, 4.0), vec2(area.width(), size::BANNER));
        banner_row(ui, view, banner, attempt, limit.as_secs());
        area.min.y = banner.bottom() + 13.0;
    }
    if matches!(call.phase, Phase::Ended(_)) {
        return empty_tiles(ui, view, area);
    }
    match call.people.len() {
        0 => alone(ui, view, call, area),
        1 => face_to_face(ui, view, call, area),
        _ => tiles(ui, view, call, area),
    }
}

/// The tiles of a call that is over: their outlines.
fn empty_tiles(ui: &Ui, view: &View<'_>, area: Rect) {
    let people = view.model.flow.stay.1.max(1);
    for rect in grid::grid(people, area, size::TILE_GAP, view.model.columns).tiles {
        let stroke = Stroke::new(1.0, view.colors.border);
        ui.painter().rect_stroke(rect, radius::TILE, stroke, StrokeKind::Inside);
    }
}

/// Everybody in a grid, you last.
fn tiles(ui: &mut Ui, view: &mut View<'_>, call: &CallView, area: Rect) {
    let n = call.people.len() + 1;
    let small = super::compact(ui.max_rect());
    let mut order: Vec<usize> = (0..n).collect();
    let Grid { columns, tiles } = if small && n <= 4 {
        // The speaker takes the first row.
        if let Some(speaker) = call.people.iter().position(|p| p.speaking) {
            order.remove(speaker);
            order.insert(0, speaker);
        }
        grid::compact(n, area)
    } else {
        let gap = if small { size::TILE_GAP_COMPACT } else { size::TILE_GAP };
        let grid = grid::grid(n, area, gap, view.model.columns);
        if grid.columns != view.model.columns {
            view.say(Action::Columns(grid.columns));
        }
        grid
    };
    debug_assert!(columns > 0);
    for (rect, who) in tiles.into_iter().zip(order) {
        match call.people.get(who) {
            Some(person) => {
                let rect = moved(ui, Id::unique(("tile", person.user.as_str())), rect);
                tile::tile(ui, view, rect, &Tile::person(view, person));
            }
            None => {
                let rect = moved(ui, Id::unique("own tile"), rect);
                tile::tile(ui, view, rect, &Tile::own(view, call));
            }
        }
    }
}

/// One other person fills the stage; you lie in a corner.
fn face_to_face(ui: &mut Ui, view: &mut View<'_>, call: &CallView, area: Rect) {
    let rect = moved(ui, Id::unique(("tile", call.people[0].user.as_str())), area);
    let mut tile = Tile::person(view, &call.people[0]);
    let corner = view.model.own_corner;
    if !corner.top {
        // Your own tile lies over a corner with a chip.
        tile.covered[usize::from(!corner.left)] = own_size(area).x + OWN_EDGE;
    }
    tile::tile(ui, view, rect, &tile);
    own_tile(ui, view, call, area);
}

/// Your own tile's size beside somebody else's; smaller in a narrow window.
fn own_size(area: Rect) -> Vec2 {
    let [width, height] = size::OWN_TILE;
    vec2(width, height) * (area.width() / 3.0 / width).min(1.0)
}

/// Your own tile in a corner; it can be dragged to another one.
fn own_tile(ui: &mut Ui, view: &mut View<'_>, call: &CallView, area: Rect) {
    let size = own_size(area);
    let inner = area.shrink(OWN_EDGE);
    let corner = view.model.own_corner;
    let home = pos2(
        if corner.left { inner.left() } else { inner.right() - size.x },
        if corner.top { inner.top() } else { inner.bottom() - size.y },
    );
    let id = Id::unique("own tile");
    let drag = ui.interact(Rect::from_min_size(home, size), id.with("drag"), Sense::drag());
    let offset = drag.total_drag_delta().unwrap_or_default();
    let rect = Rect::from_min_size(home + offset, size);
    let rect = if drag.dragged() { rect } else { moved(ui, id, rect) };
    if drag.drag_stopped() {
        let middle = rect.center();
        let corner = Corner { left: middle.x < area.center().x, top: middle.y < area.center().y };
        view.say(Action::MoveOwn(corner));
    }
    // The picture below it needs an edge against it.
    ui.painter().rect_filled(rect.expand(2.0), radius::TILE, view.colors.canvas);
    tile::tile(ui, view, rect, &Tile::own(view, call));
}

/// Moves to its place in a moment instead of jumping there.
fn moved(ui: &Ui, id: Id, to: Rect) -> Rect {
    let animate = |name: &str, value: f32| glide(ui, id.with(name), value, time::TILE_MOVE);
    let min = pos2(animate("x", to.left()), animate("y", to.top()));
    let size = vec2(animate("w", to.width()), animate("h", to.height()));
    Rect::from_min_size(min, size)
}

/// Nobody else is here: the link to send, and what is on.
fn alone(ui: &mut Ui, view: &mut View<'_>, call: &CallView, area: Rect) {
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
    let sentence = "Send the link to the people you want to meet. They can join from Windows, macOS or Linux.";
    let narrow = width.min(410.0);
    let body = text::paragraph(ui, pos2(x, y), Align::Center, text::LEAD, colors.text_2, sentence, narrow);
    y = body.bottom() + 24.0;
    link_row(ui, view, call, pos2(x - width / 2.0, y), width);
    y += size::FIELD + 27.0;
    let on = |on: bool| if on { "on" } else { "off" };
    let (camera, mic) = (view.model.snapshot.camera.wanted, view.model.snapshot.microphone.wanted);
    let sentence = match (camera, mic) {
        (false, false) => "Your camera and microphone are off.".to_owned(),
        (true, true) => "Your camera and microphone are on, and nobody is here yet.".to_owned(),
        _ => format!("Your camera is {}. Your microphone is {}, and nobody is here yet.", on(camera), on(mic)),
    };
    text::label(ui, pos2(x, y), Align2::CENTER_CENTER, text::SMALL, colors.text_3, &sentence, width);
    if camera && !super::compact(ui.max_rect()) {
        own_tile(ui, view, call, card);
    }
}

fn link_row(ui: &mut Ui, view: &mut View<'_>, call: &CallView, at: egui::Pos2, width: f32) {
    let colors = view.colors;
    let address = link::link(&call.server, &call.room, None);
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
    view.on_click(&response, Action::Copy { text: address, said: "Link copied" });
}

fn dashed_circle(ui: &Ui, at: egui::Pos2, radius: f32, stroke: Stroke) {
    let points: Vec<_> = (0..=96).map(|i| at + radius * egui::Vec2::angled(TAU * i as f32 / 96.0)).collect();
    ui.painter().extend(Shape::dashed_line(&points, stroke, 6.0, 4.0));
}

/// "Connection lost. Reconnecting…", above the tiles.
fn banner_row(ui: &mut Ui, view: &View<'_>, rect: Rect, attempt: u32, limit: u64) {
    let c = view.colors;
    let seconds = view.model.flow.lost_for(view.model.now) as u64;
    let sentence = format!(
        "The others may not see or hear you. {}, {seconds} {} so far. You can leave at any time.",
        ordinal(attempt),
        if seconds == 1 { "second" } else { "seconds" },
    );
    let response = ui.interact(rect, ui.scope_id().with("banner"), Sense::hover());
    let spoken = "Connection lost. Reconnecting…";
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, spoken));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_live(accesskit::Live::Assertive);
        node.set_description("The others may not see or hear you. You can leave at any time.");
    });
    ui.painter().rect_filled(rect, radius::CARD, c.warn_soft);
    let edge = Stroke::new(1.0, c.warn.gamma_multiply(0.4));
    ui.painter().rect_stroke(rect, radius::CARD, edge, StrokeKind::Inside);
    spinner(ui, pos2(rect.left() + 34.0, rect.center().y), 22.0, c.warn_text);
    let wide = !super::compact(ui.max_rect());
    let right = if wide { rect.right() - 250.0 } else { rect.right() - 12.0 };
    let at = pos2(rect.left() + 63.0, rect.top() + 23.0);
    let space = right - at.x;
    text::paint(ui, at, Align2::LEFT_CENTER, text::HEADING, c.warn_text, spoken, space);
    text::paint(ui, at + vec2(0.0, 20.0), Align2::LEFT_CENTER, text::SMALL, c.text, &sentence, space);
    if wide {
        let line = Rect::from_min_size(pos2(rect.right() - 235.0, rect.center().y - 2.0), vec2(150.0, 4.0));
        let part = (seconds as f32 / limit.max(1) as f32).min(1.0);
        ui.painter().rect_filled(line, 2.0, c.warn.gamma_multiply(0.25));
        let filled = Rect::from_min_size(line.min, vec2(line.width() * part, 4.0));
        ui.painter().rect_filled(filled, 2.0, c.warn);
        let at = pos2(rect.right() - 16.0, rect.center().y);
        let count = format!("{seconds} / {limit} s");
        text::paint(ui, at, Align2::RIGHT_CENTER, text::MONO, c.warn_text, &count, f32::INFINITY);
    }
}

fn ordinal(attempt: u32) -> String {
    match attempt {
        0 | 1 => "First try".to_owned(),
        2 => "Second try".to_owned(),
        3 => "Third try".to_owned(),
        n => format!("Try {n}"),
    }
}
