//! A canvas in I420 that fills outlines with smooth edges. The inside of a shape is written a row at a time, so that only its
//! edges cost something for each pixel.

use crate::base::Plane;

/// Lines of samples within a row, for smooth edges.
const SUBROWS: usize = 4;
/// Edges of a shape that one line may cross, at most; further ones are left out.
const CROSSINGS: usize = 4;

/// A point: x and y in units of the picture, or in pixels.
pub(super) type Point = [f32; 2];

/// A colour as luma and the two chromas (BT.601, limited range).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Color(pub(super) [u8; 3]);

impl Color {
    /// That of red, green and blue.
    pub(super) fn rgb(red: u8, green: u8, blue: u8) -> Self {
        let [r, g, b] = [red, green, blue].map(f32::from);
        let luma = 16.0 + (65.74 * r + 129.06 * g + 25.06 * b) / 256.0;
        let blue = 128.0 + (-37.95 * r - 74.49 * g + 112.44 * b) / 256.0;
        let red = 128.0 + (112.44 * r - 94.15 * g - 18.29 * b) / 256.0;
        Self([luma, blue, red].map(|value| value.round() as u8))
    }

    /// A part of the way to another colour.
    pub(super) fn toward(self, other: Self, part: f32) -> Self {
        Self(std::array::from_fn(|i| mix(self.0[i], other.0[i], part)))
    }
}

fn mix(from: u8, to: u8, part: f32) -> u8 {
    (f32::from(from) + (f32::from(to) - f32::from(from)) * part + 0.5) as u8
}

/// A picture that is being drawn.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    pub(super) planes: [Plane; 3],
    size: [usize; 2],
    /// The crossings of the present shape with each line of samples, and their number.
    crossings: Vec<([f32; CROSSINGS], usize)>,
}

impl Canvas {
    /// A picture of `width` by `height` pixels in one colour.
    pub(super) fn new(width: usize, height: usize, color: Color) -> Self {
        let plane = |i: usize| {
            let [w, h] = plane_size([width, height], i);
            Plane { data: vec![color.0[i]; w * h], stride: w }
        };
        Self { planes: [plane(0), plane(1), plane(2)], size: [width, height], crossings: Vec::new() }
    }

    /// Fills each row with a colour that goes from `from` at the left to `to` at the right, darker to the bottom.
    pub(super) fn gradient(&mut self, from: Color, to: Color) {
        for i in 0..3 {
            let [w, h] = plane_size(self.size, i);
            for y in 0..h {
                for x in 0..w {
                    let part = 0.6 * x as f32 / w as f32 + 0.4 * y as f32 / h as f32;
                    self.planes[i].data[y * w + x] = mix(from.0[i], to.0[i], part);
                }
            }
        }
    }

    /// Fills the closed outline, in pixels, with `color` at this opacity.
    pub(super) fn fill(&mut self, outline: &[Point], color: Color, opacity: f32) {
        for i in 0..3 {
            let size = plane_size(self.size, i);
            let scale = if i == 0 { 1.0 } else { 0.5 };
            let Some(top) = self.cross(outline, scale, size[1]) else { continue };
            let stride = self.planes[i].stride;
            for (r, lines) in self.crossings.chunks_exact(SUBROWS).enumerate() {
                let begin = (top + r) * stride;
                fill_row(&mut self.planes[i].data[begin..begin + size[0]], lines, color.0[i], opacity);
            }
        }
    }

    /// Finds where the outline crosses the lines of samples; returns the first row that it covers.
    fn cross(&mut self, outline: &[Point], scale: f32, height: usize) -> Option<usize> {
        let ys = outline.iter().map(|point| point[1] * scale);
        let (low, high) = ys.fold((f32::MAX, f32::MIN), |(low, high), y| (low.min(y), high.max(y)));
        let (top, bottom) = (low.max(0.0) as usize, (high.max(0.0).ceil() as usize).min(height));
        if top >= bottom {
            return None;
        }
        let count = (bottom - top) * SUBROWS;
        self.crossings.clear();
        self.crossings.resize(count, ([0.0; CROSSINGS], 0));
        let subrows = SUBROWS as f32;
        let line_of = |y: f32| ((y * scale - top as f32) * subrows - 0.5).ceil().max(0.0) as usize;
        for (i, from) in outline.iter().enumerate() {
            let to = outline[(i + 1) % outline.len()];
            let (upper, lower) = if from[1] <= to[1] { (*from, to) } else { (to, *from) };
            let (first, end) = (line_of(upper[1]), line_of(lower[1]).min(count));
            if first >= end {
                continue;
            }
            let slope = (lower[0] - upper[0]) / (lower[1] - upper[1]);
            let y = top as f32 + (first as f32 + 0.5) / subrows;
            let mut x = upper[0] * scale + (y - upper[1] * scale) * slope;
            for (at, used) in &mut self.crossings[first..end] {
                if *used < CROSSINGS {
                    // They stay in order: there are few of them.
                    let place = at[..*used].iter().position(|other| *other > x).unwrap_or(*used);
                    at.copy_within(place..*used, place + 1);
                    at[place] = x;
                    *used += 1;
                }
                x += slope / subrows;
            }
        }
        Some(top)
    }
}

/// Width and height of a plane, in samples.
fn plane_size([width, height]: [usize; 2], plane: usize) -> [usize; 2] {
    if plane == 0 { [width, height] } else { [width.div_ceil(2), height.div_ceil(2)] }
}

/// Fills what the lines of samples of one row cover.
fn fill_row(row: &mut [u8], lines: &[([f32; CROSSINGS], usize)], value: u8, opacity: f32) {
    let width = row.len() as f32;
    let (mut left, mut right) = (width, 0f32);
    // All samples between these two are covered, unless a line has none or several spans.
    let (mut inner_left, mut inner_right) = (0f32, width);
    for (at, used) in lines {
        if *used < 2 {
            inner_right = 0.0;
            continue;
        }
        let last = at[used - 1];
        (left, right) = (left.min(at[0]), right.max(last));
        (inner_left, inner_right) = (inner_left.max(at[0]), inner_right.min(last));
        if *used > 2 {
            inner_right = 0.0;
        }
    }
    if right <= left {
        return;
    }
    let (left, right) = (left.clamp(0.0, width) as usize, right.clamp(0.0, width).ceil() as usize);
    let (from, to) = (inner_left.clamp(0.0, width).ceil() as usize, inner_right.clamp(0.0, width) as usize);
    let (from, to) = if from < to { (from, to) } else { (right, right) };
    if opacity >= 1.0 {
        row[from..to].fill(value);
    } else {
        row[from..to].iter_mut().for_each(|sample| *sample = mix(*sample, value, opacity));
    }
    for (x, sample) in row.iter_mut().enumerate().take(right).skip(left) {
        if x >= from && x < to {
            continue;
        }
        let covered: f32 = lines.iter().map(|(at, used)| covered(&at[..*used], x as f32)).sum();
        if covered > 0.0 {
            *sample = mix(*sample, value, opacity * covered / SUBROWS as f32);
        }
    }
}

/// How much of the pixel at `x` lies between the crossings, from 0 to 1.
fn covered(crossings: &[f32], x: f32) -> f32 {
    crossings.chunks_exact(2).map(|span| (span[1].min(x + 1.0) - span[0].max(x)).max(0.0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Color = Color([235, 128, 128]);
    const BLACK: Color = Color([16, 128, 128]);

    fn luma(outline: &[Point]) -> Vec<u8> {
        let mut canvas = Canvas::new(8, 8, BLACK);
        canvas.fill(outline, WHITE, 1.0);
        canvas.planes[0].data.clone()
    }

    #[test]
    fn a_rectangle_covers_its_pixels_and_halves_at_its_edges() {
        let filled = luma(&[[1.5, 2.0], [5.0, 2.0], [5.0, 4.5], [1.5, 4.5]]);
        let row = |y: usize| &filled[y * 8..y * 8 + 8];
        assert_eq!(row(1), [16; 8]);
        assert_eq!(row(2), [16, 126, 235, 235, 235, 16, 16, 16]);
        assert_eq!(row(4)[2], 126, "the last row is half covered");
    }

    #[test]
    fn an_outline_beyond_the_picture_is_cut() {
        assert!(luma(&[[-9.0, -9.0], [99.0, -9.0], [99.0, 99.0], [-9.0, 99.0]]).iter().all(|v| *v == 235));
        assert!(luma(&[[20.0, 20.0], [30.0, 20.0], [30.0, 30.0]]).iter().all(|v| *v == 16));
    }

    #[test]
    fn colours_are_those_of_bt601() {
        assert_eq!(Color::rgb(255, 255, 255), Color([235, 128, 128]));
        assert_eq!(Color::rgb(0, 0, 0), Color([16, 128, 128]));
        assert_eq!(Color::rgb(255, 0, 0).0[2], 240);
    }
}
