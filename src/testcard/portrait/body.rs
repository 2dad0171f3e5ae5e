//! A person from the shoulders up. Lengths are in heights of the picture, x from its middle, y from its top.

use super::canvas::{Canvas, Color, Point};
use super::motion::Pose;
use super::outline::{arc, curve, ellipse, lens, rectangle, stroke};
use super::people::{Hair, Look};
use super::{Stage, motion::Part};

/// From the face's middle to an eye.
const EYE: f32 = 0.073;
/// The height of the eyes.
const EYES: f32 = 0.46;

/// Draws a person.
pub(super) struct Body<'a> {
    pub(super) canvas: &'a mut Canvas,
    pub(super) stage: &'a Stage,
    pub(super) look: &'a Look,
    pub(super) pose: &'a Pose,
}

impl Body<'_> {
    /// Draws all of them, from back to front.
    pub(super) fn draw(&mut self) {
        self.hair_behind();
        self.shoulders();
        self.head();
        self.hair_in_front();
        self.eyes();
        self.mouth();
    }

    fn fill(&mut self, part: Part, outline: Vec<Point>, color: Color, opacity: f32) {
        let placed = self.stage.moved(outline, part, self.pose);
        self.canvas.fill(&placed, color, opacity);
    }

    /// Fills a part of the head.
    fn on_head(&mut self, outline: Vec<Point>, color: Color) {
        self.fill(Part::Head, outline, color, 1.0);
    }

    fn shadow(&self, color: Color, part: f32) -> Color {
        color.toward(Color::rgb(20, 14, 16), part)
    }

    fn hair_behind(&mut self) {
        let (look, dark) = (self.look, self.shadow(self.look.hair, 0.15));
        match look.style {
            Hair::Long => {
                let below = vec![[-0.225, 0.42], [0.225, 0.42], [0.29, 0.96], [-0.29, 0.96]];
                self.fill(Part::Head, below, dark, 1.0);
                self.on_head(ellipse([0.0, 0.42], [0.225, 0.225]), look.hair);
            }
            Hair::Bob => {
                self.fill(Part::Head, rectangle([-0.228, 0.43], [0.228, 0.7]), dark, 1.0);
                self.on_head(ellipse([0.0, 0.43], [0.228, 0.225]), look.hair);
            }
            Hair::Bun => {
                self.on_head(ellipse([0.0, 0.16], [0.095, 0.09]), dark);
                self.on_head(ellipse([0.0, 0.43], [0.197, 0.225]), look.hair);
            }
            Hair::Curls => self.on_head(ellipse([0.0, 0.43], [0.29, 0.27]), look.hair),
            Hair::Short => self.on_head(ellipse([0.0, 0.43], [0.197, 0.21]), look.hair),
            Hair::None => {}
        }
    }

    fn shoulders(&mut self) {
        let clothes = self.look.clothes;
        self.fill(Part::Body, ellipse([0.0, 1.03], [0.5, 0.3]), self.shadow(clothes, 0.18), 1.0);
        self.fill(Part::Body, ellipse([0.09, 1.06], [0.36, 0.32]), clothes, 1.0);
        let neck = self.shadow(self.look.skin, 0.14);
        self.fill(Part::Body, ellipse([0.0, 0.75], [0.088, 0.07]), neck, 1.0);
        self.fill(Part::Neck, rectangle([-0.088, 0.58], [0.088, 0.76]), neck, 1.0);
    }

    fn head(&mut self) {
        let (skin, dark) = (self.look.skin, self.shadow(self.look.skin, 0.1));
        for side in [-1.0, 1.0] {
            self.on_head(ellipse([side * 0.178, 0.5], [0.032, 0.05]), dark);
            if self.look.earrings {
                self.on_head(ellipse([side * 0.182, 0.565], [0.014, 0.014]), Color::rgb(250, 214, 110));
            }
        }
        self.on_head(ellipse([0.0, 0.485], [0.175, 0.22]), skin);
        for side in [-1.0, 1.0] {
            let cheek = ellipse([side * 0.1, 0.535], [0.045, 0.04]);
            self.fill(Part::Head, cheek, Color::rgb(232, 112, 104), 0.22);
        }
        let nose = stroke([-0.014, 0.522], [0.004, 0.531], [0.02, 0.517], 0.009);
        let color = self.shadow(skin, 0.28);
        self.on_head(nose, color);
        if self.look.beard {
            let mut beard = arc([0.0, 0.485], [0.181, 0.237], 0.0, 0.5);
            beard.extend(curve([-0.181, 0.485], [0.0, 0.562], [0.181, 0.485]));
            self.on_head(beard, self.look.hair);
        }
    }

    fn hair_in_front(&mut self) {
        let hairline = match self.look.style {
            Hair::Bob => [0.0, 0.375],
            Hair::Long => [0.05, 0.34],
            Hair::Short => [0.03, 0.335],
            Hair::Bun | Hair::Curls => [0.0, 0.33],
            Hair::None => {
                let shine = ellipse([-0.06, 0.315], [0.05, 0.02]);
                return self.fill(Part::Head, shine, Color::rgb(255, 255, 255), 0.25);
            }
        };
        let mut front = arc([0.0, 0.45], [0.188, 0.2], 0.5, 1.0);
        front.extend(curve([0.188, 0.45], hairline, [-0.188, 0.45]));
        self.on_head(front, self.look.hair);
    }

    fn eyes(&mut self) {
        let (skin, dark, white) = (self.look.skin, Color::rgb(34, 26, 30), Color::rgb(255, 255, 255));
        let brow = self.shadow(self.look.hair, 0.2);
        let (lid, gaze) = (self.pose.lid, self.pose.gaze);
        for side in [-1.0, 1.0] {
            let x = side * EYE;
            if self.look.glasses {
                self.on_head(ellipse([x, EYES], [0.062, 0.053]), dark);
                self.on_head(ellipse([x, EYES], [0.053, 0.044]), skin.toward(white, 0.12));
            }
            let lift = self.pose.brow;
            let [outer, inner] = [x + side * 0.032, x - side * 0.034];
            self.on_head(stroke([outer, 0.412 - lift], [x, 0.394 - lift], [inner, 0.408 - lift], 0.012), brow);
            if lid > 0.75 {
                self.on_head(stroke([x - 0.022, EYES], [x, EYES + 0.008], [x + 0.022, EYES], 0.008), dark);
                continue;
            }
            self.on_head(ellipse([x + gaze, EYES], [0.019, 0.023 * (1.0 - lid)]), dark);
            if lid < 0.3 {
                self.on_head(ellipse([x + gaze + 0.006, EYES - 0.008], [0.0055, 0.0055]), white);
            }
        }
        if self.look.glasses {
            self.on_head(stroke([-0.013, EYES], [0.0, EYES - 0.008], [0.013, EYES], 0.009), dark);
        }
    }

    fn mouth(&mut self) {
        let open = self.pose.mouth;
        let half = 0.06 - 0.014 * open;
        let [left, right] = [[-half, 0.588], [half, 0.588]];
        let lips = if self.look.beard { Color::rgb(226, 168, 150) } else { self.shadow(self.look.skin, 0.42) };
        self.on_head(lens(left, [0.0, 0.602], [0.0, 0.618 + 0.052 * open], right), lips);
        if open > 0.12 {
            let [left, right] = [[-half + 0.012, 0.597], [half - 0.012, 0.597]];
            let inside = lens(left, [0.0, 0.608], [0.0, 0.612 + 0.044 * open], right);
            self.on_head(inside, Color::rgb(92, 34, 40));
            let teeth = lens(left, [0.0, 0.608], [0.0, 0.613 + 0.008 * open], right);
            self.on_head(teeth, Color::rgb(244, 240, 234));
        }
    }
}
