//! The part of a large screen that is seen: all of it, or a part at some size.

use egui::{Pos2, Rect, Vec2, pos2, vec2};

/// The largest magnification of a picture that fits.
const LARGEST: f32 = 8.0;

/// The part of a picture that is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Zoom {
    /// How many times larger than the size in which all of it is seen: 1 to 8.
    pub(super) times: f32,
    /// The point of the picture in the middle, from 0 to 1 in both directions.
    pub(super) middle: Pos2,
}

impl Default for Zoom {
    fn default() -> Self {
        Self { times: 1.0, middle: pos2(0.5, 0.5) }
    }
}

impl Zoom {
    /// Whether all of the picture is seen.
    pub(super) fn is_whole(&self) -> bool {
        self.times <= 1.0
    }

    /// The part that is seen, in texture coordinates, where `whole` is that of all of the picture with its bars.
    pub(super) fn part(&self, whole: Rect) -> Rect {
        let size = whole.size() / self.times.max(1.0);
        let within = |middle: f32, size: f32| {
            if size >= 1.0 { 0.5 } else { middle.clamp(size / 2.0, 1.0 - size / 2.0) }
        };
        Rect::from_center_size(pos2(within(self.middle.x, size.x), within(self.middle.y, size.y)), size)
    }

    /// [`Zoom::part`], or `all` as it is, which may be cut or mirrored, while nothing is magnified.
    pub(super) fn part_or_all(&self, all: Rect) -> Rect {
        if self.is_whole() { all } else { self.part(all) }
    }

    /// `factor` times larger, while the point of the picture at `at` (from 0 to 1 within the tile) stays where it is.
    pub(super) fn zoomed(self, whole: Rect, factor: f32, at: Vec2) -> Self {
        let before = self.part(whole);
        let times = (self.times * factor).clamp(1.0, LARGEST);
        let fixed = before.min + before.size() * at;
        let size = whole.size() / times;
        Self { times, middle: fixed + size * (vec2(0.5, 0.5) - at) }.settled(whole)
    }

    /// Moved by a part of the tile's size, as if the picture were dragged.
    pub(super) fn moved(self, whole: Rect, by: Vec2) -> Self {
        let part = self.part(whole);
        Self { middle: part.center() - part.size() * by, ..self }.settled(whole)
    }

    /// The same with its middle where the picture can be.
    fn settled(self, whole: Rect) -> Self {
        Self { middle: self.part(whole).center(), ..self }
    }

    /// At the size in which a pixel of the picture, which is `picture` wide, is one of the screen; `tile` is its tile's
    /// width in pixels of the screen. All of it, if that is smaller.
    pub(super) fn real_size(self, whole: Rect, picture: f32, tile: f32) -> Self {
        let fitted = tile / whole.width().max(0.01);
        Self { times: (picture / fitted.max(1.0)).clamp(1.0, LARGEST), ..self }.settled(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 16:9 picture in a tile that is wider: bars at its sides.
    const WHOLE: Rect = Rect { min: pos2(-0.25, 0.0), max: pos2(1.25, 1.0) };

    fn is_near(a: Rect, b: Rect) -> bool {
        (a.min - b.min).length() < 0.001 && (a.max - b.max).length() < 0.001
    }

    #[test]
    fn the_point_under_the_pointer_stays_and_nothing_beside_the_picture_is_seen() {
        let all = Zoom::default();
        assert!(all.is_whole() && is_near(all.part(WHOLE), WHOLE));
        let corner = all.zoomed(WHOLE, 3.0, vec2(1.0, 1.0));
        let part = corner.part(WHOLE);
        assert!(is_near(part, Rect::from_min_max(pos2(0.5, 0.6667), pos2(1.0, 1.0))), "{part:?}");
        let inside = all.zoomed(WHOLE, 4.0, vec2(0.5, 0.5)).zoomed(WHOLE, 1.5, vec2(0.3, 0.6));
        let (a, b) = (all.zoomed(WHOLE, 4.0, vec2(0.5, 0.5)).part(WHOLE), inside.part(WHOLE));
        let under = |part: Rect| part.min + part.size() * vec2(0.3, 0.6);
        assert!((under(a) - under(b)).length() < 0.001);
        assert!(inside.zoomed(WHOLE, 0.01, vec2(0.0, 0.0)).is_whole());
        assert!(inside.zoomed(WHOLE, 100.0, vec2(0.0, 0.0)).times <= LARGEST);
    }

    #[test]
    fn it_is_dragged_up_to_its_edges() {
        let zoom = Zoom::default().zoomed(WHOLE, 3.0, vec2(0.5, 0.5));
        let right = zoom.moved(WHOLE, vec2(-9.0, 0.0)).part(WHOLE);
        assert!((right.max.x - 1.0).abs() < 0.001, "{right:?}");
        let little = zoom.moved(WHOLE, vec2(-0.1, 0.0)).part(WHOLE);
        assert!((little.center().x - 0.55).abs() < 0.001, "{little:?}");
        assert_eq!(Zoom::default().moved(WHOLE, vec2(1.0, 1.0)), Zoom::default());
    }

    #[test]
    fn in_real_size_a_pixel_is_a_pixel() {
        // The tile is 1500 pixels wide, so the fitted picture is 1000.
        let zoom = Zoom::default().real_size(WHOLE, 1920.0, 1500.0);
        assert!((zoom.times - 1.92).abs() < 0.001);
        assert!(Zoom::default().real_size(WHOLE, 640.0, 1500.0).is_whole(), "it is not enlarged");
    }
}
