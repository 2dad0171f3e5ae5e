//! The stage of a call: the tiles in their layouts.

use super::tile::{self, Tile};
use super::{View, alone, banner};
use crate::call::view::{CallView, Phase};
use crate::ui::action::Action;
use crate::ui::flow::Screen;
use crate::ui::grid::{self, Grid};
use crate::ui::model::Corner;
use crate::ui::tokens::{radius, size, time};
use crate::ui::widgets::glide;
use egui::epaint::StrokeKind;
use egui::{Id, Rect, Sense, Stroke, Ui, Vec2, pos2, vec2};

/// From your own tile to the stage's edge.
const OWN_EDGE: f32 = 16.0;

/// Draws the stage.
pub(super) fn stage(ui: &mut Ui, view: &mut View<'_>, area: Rect) {
    let Some(call) = view.model.call() else { return };
    let mut area = area.shrink(size::STAGE_PADDING);
    if let Phase::Reconnecting { attempt, limit, .. } = call.phase
        && view.model.screen == Screen::Call
    {
        let row = Rect::from_min_size(area.min - vec2(0.0, 4.0), vec2(area.width(), size::BANNER));
        banner::banner(ui, view, row, attempt, limit.as_secs());
        area.min.y = row.bottom() + 13.0;
    }
    if matches!(call.phase, Phase::Ended(_)) {
        return empty_tiles(ui, view, area);
    }
    match call.people.len() {
        0 => alone::alone(ui, view, call, area),
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
pub(super) fn own_tile(ui: &mut Ui, view: &mut View<'_>, call: &CallView, area: Rect) {
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
