//! Outlines of shapes.

use super::canvas::Point;
use std::f32::consts::TAU;

/// Points of an ellipse.
const POINTS: usize = 48;
/// Points of a curve.
const STEPS: usize = 10;

/// An ellipse.
pub(super) fn ellipse([x, y]: Point, [rx, ry]: Point) -> Vec<Point> {
    arc([x, y], [rx, ry], 0.0, 1.0)
}

/// The part of an ellipse from the turn `from` to the turn `to`, closed by a line; 0 is at the right, a quarter below.
pub(super) fn arc([x, y]: Point, [rx, ry]: Point, from: f32, to: f32) -> Vec<Point> {
    let at = |i: usize| {
        let turn = (from + (to - from) * i as f32 / POINTS as f32) * TAU;
        [x + rx * turn.cos(), y + ry * turn.sin()]
    };
    (0..=POINTS).map(at).collect()
}

/// A rectangle between two corners.
pub(super) fn rectangle([left, top]: Point, [right, bottom]: Point) -> Vec<Point> {
    vec![[left, top], [right, top], [right, bottom], [left, bottom]]
}

/// A line of this width that bends through `through` halfway.
pub(super) fn stroke(from: Point, through: Point, to: Point, width: f32) -> Vec<Point> {
    let half = width / 2.0;
    let line = curve(from, through, to);
    let above = line.iter().map(|[x, y]| [*x, *y - half]);
    let below = line.iter().rev().map(|[x, y]| [*x, *y + half]);
    above.chain(below).collect()
}

/// Between an upper and a lower bend from one point to another: a mouth, a fringe, a leaf.
pub(super) fn lens(from: Point, upper: Point, lower: Point, to: Point) -> Vec<Point> {
    let below = curve(from, lower, to);
    curve(from, upper, to).into_iter().chain(below.into_iter().rev()).collect()
}

/// Points of a quadratic curve that goes through `through` halfway.
pub(super) fn curve(from: Point, through: Point, to: Point) -> Vec<Point> {
    let control: Point = std::array::from_fn(|i| 2.0 * through[i] - (from[i] + to[i]) / 2.0);
    let at = |i: usize| {
        let t = i as f32 / STEPS as f32;
        let weights = [(1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t];
        std::array::from_fn(|i| weights[0] * from[i] + weights[1] * control[i] + weights[2] * to[i])
    };
    (0..=STEPS).map(at).collect()
}
