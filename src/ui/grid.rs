//! Computes where the tiles of a call lie, in points.

use crate::ui::tokens::size;
use egui::{Pos2, Rect, Vec2, pos2, vec2};

/// Tiles are 16:9.
const RATIO: f32 = 16.0 / 9.0;
/// Tiles on one page, at most.
const MOST: usize = 49;
/// The present number of columns is kept while its tiles are at least this part of the widest possible.
const KEEP: f32 = 0.92;

/// A grid of equal tiles.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    /// Columns of the full rows.
    pub(super) columns: usize,
    /// One rectangle for each tile, in reading order.
    pub(super) tiles: Vec<Rect>,
}

/// Places `n` tiles of 16:9 in `area`, as large as possible; `present` columns are kept while that costs little width.
pub(super) fn grid(n: usize, area: Rect, gap: f32, present: usize) -> Grid {
    let fits: Vec<Fit> = (1..=n).map(|columns| Fit::new(n, columns, area.size(), gap)).collect();
    let Some(best) = fits.iter().copied().reduce(Fit::better) else {
        return Grid { columns: 0, tiles: Vec::new() };
    };
    let kept = fits.iter().copied().find(|f| f.columns == present && f.width >= best.width * KEEP);
    let fit = kept.unwrap_or(best);
    Grid { columns: fit.columns, tiles: place(n, area, gap, fit.columns, vec2(fit.width, fit.height)) }
}

/// How many of `n` tiles go on one page: all, if they get at least `least` wide, and never more than 49.
pub(super) fn page_size(n: usize, area: Rect, gap: f32, least: f32) -> usize {
    let wide = |m: &usize| {
        let fits = (1..=*m).map(|columns| Fit::new(*m, columns, area.size(), gap).width);
        fits.fold(0.0, f32::max) >= least
    };
    // At least one other person is shown, however small the window.
    (2..=n.min(MOST)).rev().find(wide).unwrap_or(n.min(2))
}

/// One large tile, and a strip of small ones: at the right, or below in a narrow area.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stripe {
    /// The large tile.
    pub(super) main: Rect,
    /// The visible part of the strip.
    pub(super) strip: Rect,
    /// The small tiles; where they reach beyond the strip, it scrolls.
    pub(super) tiles: Vec<Rect>,
}

/// Places one large tile and `count` small ones.
pub(super) fn stripe(count: usize, area: Rect) -> Stripe {
    let gap = size::TILE_GAP;
    let right = area.width() >= size::STRIP_BELOW_UNDER;
    let tile = if right {
        vec2(size::STRIP, (size::STRIP / RATIO).floor())
    } else {
        vec2((size::STRIP_BELOW * RATIO).floor(), size::STRIP_BELOW)
    };
    let (main, strip) = if right {
        let x = area.right() - tile.x;
        (Rect::from_min_max(area.min, pos2(x - 15.0, area.bottom())), Rect::from_min_max(pos2(x, area.top()), area.max))
    } else {
        let y = area.bottom() - tile.y;
        (Rect::from_min_max(area.min, pos2(area.right(), y - gap)), Rect::from_min_max(pos2(area.left(), y), area.max))
    };
    // Centred while they fit, else from the strip's edge on.
    let along = if right { vec2(0.0, tile.y + gap) } else { vec2(tile.x + gap, 0.0) };
    let whole = (along * count as f32 - if right { vec2(0.0, gap) } else { vec2(gap, 0.0) }).max(Vec2::ZERO);
    let free = ((strip.size() - whole) / 2.0).max(Vec2::ZERO) * if right { vec2(0.0, 1.0) } else { vec2(1.0, 0.0) };
    let tiles = (0..count).map(|i| round(Rect::from_min_size(strip.min + free + along * i as f32, tile))).collect();
    Stripe { main: round(main), strip, tiles }
}

/// Places up to four tiles in a compact window: the first takes the first row, the others share the second. Their aspect
/// ratio is between 4:3 and 1:1; the video is cropped.
pub(super) fn compact(n: usize, area: Rect) -> Grid {
    let gap = size::TILE_GAP;
    if n < 2 {
        return Grid { columns: 1, tiles: vec![area; n] };
    }
    let below = n - 1;
    let width = (area.width() - (below - 1) as f32 * gap) / below as f32;
    // Two tiles share the height; with more, the second row is lower than the first.
    let small = if below == 1 { (area.height() - gap) / 2.0 } else { (width * 0.75).min((area.height() - gap) / 2.0) };
    let small = small.round();
    let large = (area.height() - gap - small).min(area.width());
    let top = area.top() + (area.height() - large - gap - small) / 2.0;
    let mut tiles = vec![Rect::from_min_size(pos2(area.left(), top), vec2(area.width(), large))];
    for i in 0..below {
        let x = area.left() + i as f32 * (width + gap);
        tiles.push(Rect::from_min_size(pos2(x, top + large + gap), vec2(width, small)));
    }
    Grid { columns: below, tiles: tiles.into_iter().map(round).collect() }
}

/// The largest 16:9 rectangle in the middle of `area`.
pub(super) fn single(area: Rect) -> Rect {
    let width = area.width().min(area.height() * RATIO);
    round(Rect::from_center_size(area.center(), vec2(width, width / RATIO)))
}

#[derive(Clone, Copy)]
struct Fit {
    columns: usize,
    width: f32,
    height: f32,
    empty: usize,
}

impl Fit {
    fn new(n: usize, columns: usize, area: Vec2, gap: f32) -> Self {
        let rows = n.div_ceil(columns);
        let width = (area.x - (columns - 1) as f32 * gap) / columns as f32;
        let height = (area.y - (rows - 1) as f32 * gap) / rows as f32;
        let width = width.min(height * RATIO).floor().max(0.0);
        Self { columns, width, height: (width / RATIO).floor(), empty: rows * columns - n }
    }

    /// The one with wider tiles; of equals the one with fewer empty places, then the one with fewer columns.
    fn better(self, other: Self) -> Self {
        let wider = other.width > self.width + 0.5;
        let equal = (other.width - self.width).abs() <= 0.5;
        if wider || (equal && other.empty < self.empty) { other } else { self }
    }
}

/// Rows of equal tiles, each centred in the area.
fn place(n: usize, area: Rect, gap: f32, columns: usize, tile: Vec2) -> Vec<Rect> {
    let rows = n.div_ceil(columns);
    let height = rows as f32 * tile.y + (rows - 1) as f32 * gap;
    let top = area.center().y - height / 2.0;
    let at = |i: usize| -> Pos2 {
        let (row, column) = (i / columns, i % columns);
        let in_row = if row + 1 == rows { n - row * columns } else { columns };
        let width = in_row as f32 * tile.x + (in_row - 1) as f32 * gap;
        let left = area.center().x - width / 2.0;
        pos2(left + column as f32 * (tile.x + gap), top + row as f32 * (tile.y + gap))
    };
    (0..n).map(|i| round(Rect::from_min_size(at(i), tile))).collect()
}

/// Rounds to whole points, so that edges are sharp.
fn round(r: Rect) -> Rect {
    Rect::from_min_size(r.min.round(), r.size().floor())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The tile area of a window of 1280 × 800.
    const AREA: Rect = Rect { min: pos2(16.0, 60.0), max: pos2(1264.0, 700.0) };

    #[test]
    fn the_layouts_of_the_design() {
        let four = grid(4, AREA, 12.0, 0);
        assert_eq!(four.columns, 2);
        assert_eq!(four.tiles[0], Rect::from_min_size(pos2(76.0, 61.0), vec2(558.0, 313.0)));
        assert_eq!(four.tiles[3].min, pos2(646.0, 386.0));
        let nine = grid(9, AREA, 12.0, 0);
        assert_eq!((nine.columns, nine.tiles[0].size()), (3, vec2(365.0, 205.0)));
        let five = grid(5, AREA, 12.0, 0);
        assert_eq!((five.columns, five.tiles[0].size()), (3, vec2(408.0, 229.0)));
        assert_eq!((five.tiles[3].left(), five.tiles[4].left()), (226.0, 646.0));
    }

    #[test]
    fn one_more_person_keeps_the_columns() {
        let area = Rect::from_min_size(Pos2::ZERO, vec2(1000.0, 620.0));
        let present = grid(6, area, 12.0, 0).columns;
        assert_eq!(grid(6, area, 12.0, present).columns, present);
        let wide = Rect::from_min_size(Pos2::ZERO, vec2(1248.0, 330.0));
        assert_ne!(grid(4, wide, 12.0, 1).columns, 1, "a bad number of columns is given up");
    }

    #[test]
    fn pages_keep_tiles_wide_enough() {
        assert_eq!(page_size(9, AREA, 12.0, 208.0), 9);
        assert_eq!(page_size(25, AREA, 12.0, 208.0), 25);
        let lower = Rect::from_min_size(Pos2::ZERO, vec2(1000.0, 500.0));
        assert_eq!(page_size(25, lower, 12.0, 208.0), 12, "a fourth row would make them 206 wide");
        let large = Rect::from_min_size(Pos2::ZERO, vec2(2400.0, 1300.0));
        assert_eq!(page_size(60, large, 12.0, 208.0), 49);
        let tiny = Rect::from_min_size(Pos2::ZERO, vec2(120.0, 90.0));
        assert_eq!((page_size(7, tiny, 8.0, 150.0), page_size(1, tiny, 8.0, 150.0)), (2, 1));
    }

    #[test]
    fn the_strip_lies_beside_or_below() {
        let beside = stripe(4, AREA);
        assert_eq!(beside.tiles[0], Rect::from_min_size(pos2(1032.0, 102.0), vec2(232.0, 130.0)), "as designed");
        assert_eq!(beside.main.right(), 1017.0);
        let many = stripe(9, AREA);
        assert_eq!(many.tiles[0].top(), AREA.top(), "from the edge on when it scrolls");
        let narrow = stripe(2, Rect::from_min_size(pos2(16.0, 60.0), vec2(700.0, 500.0)));
        assert!(narrow.main.bottom() < narrow.strip.top() && narrow.tiles[1].right() <= narrow.strip.right());
    }

    #[test]
    fn a_compact_window_gives_the_speaker_the_first_row() {
        let area = Rect::from_min_size(pos2(16.0, 60.0), vec2(448.0, 476.0));
        let three = compact(3, area);
        assert_eq!(three.tiles[0], Rect::from_min_size(pos2(16.0, 60.0), vec2(448.0, 300.0)));
        assert_eq!(three.tiles[2], Rect::from_min_size(pos2(246.0, 372.0), vec2(218.0, 164.0)));
    }

    #[test]
    fn upright_windows_have_tiles_below_each_other() {
        let upright = Rect::from_min_size(Pos2::ZERO, vec2(600.0, 1300.0));
        let columns: Vec<usize> = [2, 5, 12, 49].map(|n| grid(n, upright, 12.0, 0).columns).into();
        assert_eq!(columns, [1, 1, 2, 4]);
    }

    proptest! {
        #[test]
        fn tiles_stay_inside_and_apart(n in 1usize..50, w in 320f32..2000.0, h in 200f32..1400.0, present in 0usize..6) {
            let area = Rect::from_min_size(pos2(16.0, 60.0), vec2(w, h));
            let mut layouts = vec![grid(n, area, 12.0, present)];
            if n <= 4 {
                layouts.push(compact(n, area));
            }
            let ratio = layouts[0].tiles[0].aspect_ratio();
            prop_assert!((ratio / RATIO - 1.0).abs() < 0.1, "{} is no 16:9", ratio);
            for layout in layouts {
                prop_assert_eq!(layout.tiles.len(), n);
                for (i, tile) in layout.tiles.iter().enumerate() {
                    prop_assert!(area.expand(1.0).contains_rect(*tile), "{:?} outside {:?}", tile, area);
                    for other in &layout.tiles[i + 1..] {
                        prop_assert!(!tile.shrink(0.5).intersects(*other), "{:?} meets {:?}", tile, other);
                    }
                }
            }
        }
    }
}
