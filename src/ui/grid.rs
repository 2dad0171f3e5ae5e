//! Where the tiles of a call lie: arithmetic only, in points.

use crate::ui::tokens::size;
use egui::{Pos2, Rect, Vec2, pos2, vec2};

/// Tiles are 16:9.
const RATIO: f32 = 16.0 / 9.0;
/// A new number of columns must make tiles this much wider, or everybody would be shuffled for nothing.
const KEEP: f32 = 0.92;

/// A grid of equal tiles.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    /// Columns of the full rows.
    pub(super) columns: usize,
    /// One rectangle for each tile, in reading order.
    pub(super) tiles: Vec<Rect>,
}

/// Places `n` tiles of 16:9 in `area` as large as they get; `present` columns stay while that costs little.
pub(super) fn grid(n: usize, area: Rect, gap: f32, present: usize) -> Grid {
    let fits: Vec<Fit> = (1..=n).map(|columns| Fit::new(n, columns, area.size(), gap)).collect();
    let Some(best) = fits.iter().copied().reduce(Fit::better) else {
        return Grid { columns: 0, tiles: Vec::new() };
    };
    let kept = fits.iter().copied().find(|f| f.columns == present && f.width >= best.width * KEEP);
    let fit = kept.unwrap_or(best);
    Grid { columns: fit.columns, tiles: place(n, area, gap, fit.columns, vec2(fit.width, fit.height)) }
}

/// Places up to four tiles in a compact window: the first takes the full first row, the others share the second; they
/// give up 16:9 (between 4:3 and 1:1) and are cropped from the centre.
pub(super) fn compact(n: usize, area: Rect) -> Grid {
    let gap = size::TILE_GAP;
    if n < 2 {
        return Grid { columns: 1, tiles: vec![area; n] };
    }
    let below = n - 1;
    let width = (area.width() - (below - 1) as f32 * gap) / below as f32;
    // Two tiles share the height; more of them lie in a row that is lower than the first.
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

    /// The wider one; of equal ones the fuller one, then the one with fewer columns.
    fn better(self, other: Self) -> Self {
        let wider = other.width > self.width + 0.5;
        let equal = (other.width - self.width).abs() <= 0.5;
        if wider || (equal && other.empty < self.empty) { other } else { self }
    }
}

/// Rows centred in the area, the last one by itself.
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

/// Whole points, so that edges stay sharp.
fn round(r: Rect) -> Rect {
    Rect::from_min_size(r.min.round(), r.size().floor())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The stage of a 1280 x 800 window.
    const STAGE: Rect = Rect { min: pos2(16.0, 60.0), max: pos2(1264.0, 700.0) };

    #[test]
    fn the_pictures_of_the_design() {
        let four = grid(4, STAGE, 12.0, 0);
        assert_eq!(four.columns, 2);
        assert_eq!(four.tiles[0], Rect::from_min_size(pos2(76.0, 61.0), vec2(558.0, 313.0)));
        assert_eq!(four.tiles[3].min, pos2(646.0, 386.0));
        let nine = grid(9, STAGE, 12.0, 0);
        assert_eq!((nine.columns, nine.tiles[0].size()), (3, vec2(365.0, 205.0)));
        let five = grid(5, STAGE, 12.0, 0);
        assert_eq!((five.columns, five.tiles[0].size()), (3, vec2(408.0, 229.0)));
        assert_eq!((five.tiles[3].left(), five.tiles[4].left()), (226.0, 646.0));
    }

    #[test]
    fn one_more_person_does_not_shuffle_everybody() {
        let area = Rect::from_min_size(Pos2::ZERO, vec2(1000.0, 620.0));
        let present = grid(6, area, 12.0, 0).columns;
        assert_eq!(grid(6, area, 12.0, present).columns, present);
        let wide = Rect::from_min_size(Pos2::ZERO, vec2(1248.0, 330.0));
        assert_ne!(grid(4, wide, 12.0, 1).columns, 1, "a bad number of columns is given up");
    }

    #[test]
    fn a_compact_window_gives_the_speaker_the_first_row() {
        let area = Rect::from_min_size(pos2(16.0, 60.0), vec2(448.0, 476.0));
        let three = compact(3, area);
        assert_eq!(three.tiles[0], Rect::from_min_size(pos2(16.0, 60.0), vec2(448.0, 300.0)));
        assert_eq!(three.tiles[2], Rect::from_min_size(pos2(246.0, 372.0), vec2(218.0, 164.0)));
    }

    proptest! {
        #[test]
        fn tiles_stay_inside_and_apart(n in 1usize..26, w in 320f32..2000.0, h in 200f32..1400.0, present in 0usize..6) {
            let area = Rect::from_min_size(pos2(16.0, 60.0), vec2(w, h));
            let mut layouts = vec![grid(n, area, 12.0, present)];
            if n <= 4 {
                layouts.push(compact(n, area));
            }
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
