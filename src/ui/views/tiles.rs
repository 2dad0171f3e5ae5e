//! The tile area of a call; `grid` computes where the tiles lie.

use super::tile::{self, Tile};
use super::{View, alone, banner, guests, pager, sharing};
use crate::base::cut;
use crate::call::view::{CallPhase, CallView};
use crate::store::SelfView;
use crate::ui::action::Action;
use crate::ui::grid::{self, Grid, Stripe};
use crate::ui::parts::{Corner, Focus};
use crate::ui::screens::Screen;
use crate::ui::tile_layout::{LayoutMode, RemoteTile};
use crate::ui::tokens::{radius, size, time};
use crate::ui::widgets::{Part, glide, place, segments};
use egui::epaint::StrokeKind;
use egui::{
    Align, Align2, Id, Key, Layout, Modifiers, Rect, ScrollArea, Sense, Stroke, Ui, UiBuilder, Vec2, pos2, vec2,
};
use std::iter::repeat_n;

/// Bytes of a tab's name at most.
const TAB_NAME: usize = 28;
/// From your own tile to the tile area's edge.
const OWN_EDGE: f32 = 16.0;

/// Draws the tile area.
pub(super) fn tiles(ui: &mut Ui, view: &mut View<'_>, area: Rect) {
    let Some(call) = view.model.call() else { return };
    let mut area = area.shrink(size::TILES_PADDING);
    if let CallPhase::Reconnecting { attempt, limit, .. } = call.phase
        && view.model.screen == Screen::Call
    {
        let row = Rect::from_min_size(area.min - vec2(0.0, 4.0), vec2(area.width(), size::BANNER));
        banner::banner(ui, view, row, attempt, limit.as_secs());
        area.min.y = row.bottom() + 12.0;
    }
    if view.model.shares() {
        let row = Rect::from_min_size(area.min - vec2(0.0, 4.0), vec2(area.width(), sharing::HEIGHT));
        sharing::sharing(ui, view, row);
        area.min.y = row.bottom() + 12.0;
    }
    if view.model.screen == Screen::Call && super::host::is_host(view) && !call.guests.is_empty() {
        let row = Rect::from_min_size(area.min - vec2(0.0, 4.0), vec2(area.width(), guests::HEIGHT));
        guests::bar(ui, view, call, row);
        area.min.y = row.bottom() + 12.0;
    }
    // While we leave, the others are gone from the snapshot already; the card of an empty call must not appear.
    let over = matches!(call.phase, CallPhase::Ended(_));
    if over || (call.people.is_empty() && matches!(call.phase, CallPhase::Leaving(_))) {
        return empty_tiles(ui, view, area);
    }
    match view.model.tile_layout.tiles(&call.people).as_slice() {
        [] => alone::alone(ui, view, call, area),
        [only] => face_to_face(ui, view, call, only, area),
        all => grid_layout(ui, view, call, all, area),
    }
}

/// The outlines of the tiles of an ended call.
fn empty_tiles(ui: &Ui, view: &View<'_>, area: Rect) {
    let tiles = view.model.screens.remote_tiles + 1;
    for rect in grid::grid(tiles, area, size::TILE_GAP, view.model.columns).tiles {
        let stroke = Stroke::new(1.0, view.colors.border);
        ui.painter().rect_stroke(rect, radius::TILE, stroke, StrokeKind::Inside);
    }
}

/// The place of a tile: somebody else's, or yours (`None`), which comes last.
type Placement<'a> = (Rect, Option<RemoteTile<'a>>);

/// Your own tiles among the others: one, or none.
fn own_count(view: &View<'_>) -> usize {
    usize::from(view.model.settings.self_view == SelfView::Tile)
}

/// Several tiles; yours comes last, or lies in a corner.
fn grid_layout(ui: &mut Ui, view: &mut View<'_>, call: &CallView, all: &[RemoteTile<'_>], area: Rect) {
    equal_or_large(ui, view, call, all, area);
    if view.model.settings.self_view == SelfView::Corner {
        own_tile(ui, view, call, area);
    }
}

/// All tiles in a grid; on several pages where they would get too small. Or some large, the others in a strip.
fn equal_or_large(ui: &mut Ui, view: &mut View<'_>, call: &CallView, all: &[RemoteTile<'_>], area: Rect) {
    let own = own_count(view);
    let n = all.len() + own;
    let small = super::compact(ui.max_rect());
    if small && n <= 4 {
        return few(ui, view, call, all, area);
    }
    if view.model.tile_layout.shown_layout() == LayoutMode::Speaker {
        return speaker_layout(ui, view, call, all, area);
    }
    let (gap, least) =
        if small { (size::TILE_GAP_COMPACT, size::TILE_LEAST_COMPACT) } else { (size::TILE_GAP, size::TILE_LEAST) };
    let mut room = area;
    let mut fit = grid::page_size(n, room, gap, least);
    if fit < n {
        room.max.y -= size::PAGER;
        fit = grid::page_size(n, room, gap, least);
    }
    let others = fit - own;
    let page = view.model.tile_layout.page(all, others);
    // The places are the same on every page, and yours is the last one: no tile moves when another page has fewer people.
    let Grid { columns, tiles } = grid::grid(fit, room, gap, view.model.columns);
    if (columns, others) != (view.model.columns, view.model.tile_layout.order.per_page) {
        view.dispatch(Action::Fitted { columns, per_page: others });
    }
    let shown = page.tiles.iter().zip(&tiles);
    let shown = shown.filter_map(|(tile, rect)| Some((*rect, Some(*all.get((*tile)?)?))));
    let placements: Vec<Placement<'_>> = shown.chain(repeat_n((tiles[fit - 1], None), own)).collect();
    draw(ui, view, call, &placements, 0);
    if page.of > 1 {
        let row = Rect::from_min_max(pos2(area.left(), room.bottom() + 8.0), area.max);
        pager::pager(ui, view, row, &page);
    }
}

/// A few tiles in a compact window: the pinned one, a screen, or that of somebody who speaks takes the first row.
fn few(ui: &mut Ui, view: &mut View<'_>, call: &CallView, all: &[RemoteTile<'_>], area: Rect) {
    let mut order: Vec<Option<RemoteTile<'_>>> =
        all.iter().copied().map(Some).chain(repeat_n(None, own_count(view))).collect();
    let n = order.len();
    let tile_layout = &view.model.tile_layout;
    let pinned = all.iter().position(|tile| tile_layout.pinned.contains(&tile.key()));
    let screen = || all.iter().position(RemoteTile::is_screen);
    let speaker = || all.iter().position(RemoteTile::speaks);
    if let Some(first) = pinned.or_else(screen).or_else(speaker) {
        let first = order.remove(first);
        order.insert(0, first);
    }
    let placements: Vec<Placement<'_>> = grid::compact(n, area).tiles.into_iter().zip(order).collect();
    draw(ui, view, call, &placements, 0);
}

/// One tile large, or the pinned ones; the others in a strip that scrolls.
fn speaker_layout(ui: &mut Ui, view: &mut View<'_>, call: &CallView, all: &[RemoteTile<'_>], area: Rect) {
    let large = view.model.tile_layout.large(all);
    let others = all.iter().enumerate().filter(|(i, _)| !large.contains(i)).map(|(_, tile)| Some(*tile));
    let others: Vec<Option<RemoteTile<'_>>> = others.chain(repeat_n(None, own_count(view))).collect();
    let Stripe { main: mut stage, strip, tiles } = grid::stripe(others.len(), area);
    if others.is_empty() {
        stage = area;
    }
    let mut placements: Vec<Placement<'_>> = match *large {
        [main] => vec![(screen_tabs(ui, view, all, main, stage), Some(all[main]))],
        _ => {
            let places = grid::grid(large.len(), stage, size::TILE_GAP, 0).tiles;
            places.into_iter().zip(large.iter().map(|i| Some(all[*i]))).collect()
        }
    };
    let first = placements.len();
    let fits = tiles.last().is_none_or(|last| strip.expand(1.0).contains_rect(*last));
    if fits {
        placements.extend(tiles.into_iter().zip(others));
        return draw(ui, view, call, &placements, first);
    }
    let strip_placements: Vec<Placement<'_>> = tiles.into_iter().zip(others).collect();
    let present = view.model.tile_layout.current.min(first + strip_placements.len() - 1);
    for (place, placement) in placements.iter().enumerate() {
        tile_at(ui, view, call, *placement, (place, present), true);
    }
    let mut child = ui.new_child(UiBuilder::new().id_salt("strip").max_rect(strip));
    ScrollArea::both().auto_shrink(false).show(&mut child, |ui| {
        let scrolled = ui.min_rect().min - strip.min;
        for (i, (rect, shown)) in strip_placements.iter().enumerate() {
            let rect = rect.translate(scrolled);
            placements.push((rect, *shown));
            if i + first == present && view.model.focus == Some(Focus::Tiles) {
                ui.scroll_to_rect(rect, None);
            }
            // Tiles out of sight are not drawn, except the one that has the focus.
            if ui.is_rect_visible(rect) || i + first == present {
                tile_at(ui, view, call, (rect, *shown), (i + first, present), false);
            }
        }
        let all = placements[first..].iter().fold(Rect::NOTHING, |all, (rect, _)| all.union(*rect));
        ui.allocate_rect(all, Sense::hover());
    });
    arrows(ui, view, &placements, present);
}

/// Above the large tile, where several screens are shared: the choice of one. Returns what is left for the tile.
fn screen_tabs(ui: &mut Ui, view: &mut View<'_>, all: &[RemoteTile<'_>], main: usize, area: Rect) -> Rect {
    let screens: Vec<(usize, &RemoteTile<'_>)> =
        all.iter().enumerate().filter(|(_, tile)| tile.shows_screen()).collect();
    if screens.len() < 2 || super::compact(area) {
        return area;
    }
    let names: Vec<String> = screens.iter().map(|(_, tile)| cut(&tile.name(), TAB_NAME).to_owned()).collect();
    let parts: Vec<Part<'_>> = names.iter().map(|name| Part::word(name)).collect();
    let chosen = screens.iter().position(|(i, _)| *i == main);
    let row = area.with_max_y(area.top() + size::SEGMENTS);
    let pressed = place::within(ui, row, Layout::left_to_right(Align::Center), |ui| {
        segments(ui, view.colors, "Shared screen", &parts, chosen)
    });
    if let Some((_, tile)) = pressed.and_then(|i| screens.get(i)) {
        view.dispatch(Action::ShowScreen(tile.key()));
    }
    area.with_min_y(row.bottom() + size::TILE_GAP)
}

/// The large screen alone.
pub(super) fn full_screen(ui: &mut Ui, view: &mut View<'_>) {
    let area = ui.max_rect();
    let Some(call) = view.model.call() else { return };
    let all = view.model.tile_layout.tiles(&call.people);
    let main = view.model.tile_layout.main(&all);
    let Some(remote) = all.get(main).filter(|tile| tile.is_screen()) else {
        return view.dispatch(Action::FullScreen(false));
    };
    tile_at(ui, view, call, (area, Some(*remote)), (0, 0), true);
    if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
        view.dispatch(Action::FullScreen(false));
    }
}

/// Draws `placements`, in reading order, of which the first `large` are large; a tile whose place has changed moves there.
fn draw(ui: &mut Ui, view: &mut View<'_>, call: &CallView, placements: &[Placement<'_>], large: usize) {
    let present = view.model.tile_layout.current.min(placements.len().saturating_sub(1));
    for (place, (rect, shown)) in placements.iter().enumerate() {
        let id = shown.map_or_else(|| Id::unique("own tile"), |tile| Id::unique(("tile", tile.key())));
        let rect = moved(ui, id, *rect);
        tile_at(ui, view, call, (rect, *shown), (place, present), place < large);
    }
    arrows(ui, view, placements, present);
}

fn tile_at(
    ui: &mut Ui,
    view: &mut View<'_>,
    call: &CallView,
    (rect, shown): Placement<'_>,
    (place, present): (usize, usize),
    large: bool,
) {
    let mut tile = match shown {
        Some(remote) => Tile::remote(view, &remote),
        None => Tile::own(view, call),
    };
    tile.place = (place, place == present);
    tile.large = large;
    tile::tile(ui, view, rect, &tile);
}

/// The arrow keys, Home and End move the focus from the current tile.
fn arrows(ui: &Ui, view: &mut View<'_>, placements: &[Placement<'_>], present: usize) {
    let focused = ui.memory(egui::Memory::focused);
    if focused.is_none() || focused != tile::focus_id(ui.ctx()) || view.model.menu.is_some() {
        return;
    }
    let Some((here, _)) = placements.get(present) else { return };
    let vertical = |down: bool| {
        let beyond = |r: &Rect| if down { r.top() >= here.bottom() } else { r.bottom() <= here.top() };
        let far = |r: &Rect| (r.center() - here.center()).length();
        let near = placements.iter().enumerate().filter(|(_, (r, _))| beyond(r));
        near.min_by(|a, b| far(&a.1.0).total_cmp(&far(&b.1.0))).map(|(i, _)| i)
    };
    let pressed = |key: Key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
    let to = if pressed(Key::ArrowRight) {
        (present + 1 < placements.len()).then_some(present + 1)
    } else if pressed(Key::ArrowLeft) {
        present.checked_sub(1)
    } else if pressed(Key::ArrowDown) {
        vertical(true)
    } else if pressed(Key::ArrowUp) {
        vertical(false)
    } else if pressed(Key::Home) {
        Some(0)
    } else if pressed(Key::End) {
        placements.len().checked_sub(1)
    } else {
        None
    };
    if let Some(to) = to {
        view.dispatch(Action::GoToTile(to));
    }
}

/// One tile fills the tile area; yours lies in a corner.
fn face_to_face(ui: &mut Ui, view: &mut View<'_>, call: &CallView, only: &RemoteTile<'_>, area: Rect) {
    let rect = moved(ui, Id::unique(("tile", only.key())), area);
    let mut tile = Tile::remote(view, only);
    tile.place = (0, true);
    tile.large = true;
    let corner = view.model.own_corner;
    let hidden = view.model.settings.self_view == SelfView::Hidden;
    if !corner.top && !hidden {
        // Your own tile covers a corner that has a chip.
        tile.covered[usize::from(!corner.left)] = own_size(area).x + OWN_EDGE;
    }
    tile::tile(ui, view, rect, &tile);
    if !hidden {
        own_tile(ui, view, call, area);
    }
}

/// The size of your own tile in a corner; smaller in a narrow window.
fn own_size(area: Rect) -> Vec2 {
    let [width, height] = size::OWN_TILE;
    vec2(width, height) * (area.width() / 3.0 / width).min(1.0)
}

/// Your own tile in a corner; it can be dragged to another one.
pub(super) fn own_tile(ui: &mut Ui, view: &mut View<'_>, call: &CallView, area: Rect) {
    let size = own_size(area);
    let end = |min: bool| if min { Align::Min } else { Align::Max };
    let corner = view.model.own_corner;
    let corner = Align2([end(corner.left), end(corner.top)]);
    let home = corner.align_size_within_rect(size, area.shrink(OWN_EDGE));
    let id = Id::unique("own tile");
    let drag = ui.interact(home, id.with("drag"), Sense::DRAG);
    let rect = home.translate(drag.total_drag_delta().unwrap_or_default());
    let rect = if drag.dragged() { rect } else { moved(ui, id, rect) };
    if drag.drag_stopped() {
        let middle = rect.center();
        let corner = Corner { left: middle.x < area.center().x, top: middle.y < area.center().y };
        view.dispatch(Action::MoveOwn(corner));
    }
    // An edge sets it off from the video below.
    ui.painter().rect_filled(rect.expand(2.0), radius::TILE, view.colors.canvas);
    tile::tile(ui, view, rect, &Tile::own(view, call));
}

/// The rectangle on its way to `to`.
fn moved(ui: &Ui, id: Id, to: Rect) -> Rect {
    let animate = |name: &str, value: f32| glide(ui, id.with(name), value, time::TILE_MOVE);
    let min = pos2(animate("x", to.left()), animate("y", to.top()));
    let size = vec2(animate("w", to.width()), animate("h", to.height()));
    Rect::from_min_size(min, size)
}
