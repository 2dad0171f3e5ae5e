//! What is behind a person. It does not move.

use super::Stage;
use super::canvas::{Canvas, Color, Point};
use super::outline::{ellipse, lens, rectangle};
use super::people::{Look, Room};

/// Draws wall and furniture.
pub(super) fn draw(canvas: &mut Canvas, stage: &Stage, look: &Look) {
    canvas.gradient(look.wall[0], look.wall[1]);
    let mut fill = |outline: Vec<Point>, color: Color, opacity: f32| {
        canvas.fill(&stage.still(outline), color, opacity);
    };
    let [white, dark] = [Color::rgb(255, 255, 255), Color::rgb(24, 22, 26)];
    match look.room {
        Room::Window => {
            fill(rectangle([0.28, -0.05], [0.82, 0.61]), white, 0.45);
            fill(rectangle([0.543, -0.05], [0.557, 0.61]), look.wall[1], 0.8);
            fill(rectangle([0.28, 0.263], [0.82, 0.277]), look.wall[1], 0.8);
            fill(ellipse([-0.82, 0.98], [0.32, 0.32]), dark, 0.12);
        }
        Room::Lamp => {
            for ring in 1..=14 {
                let radius = 0.035 * ring as f32;
                fill(ellipse([-0.6, 0.28], [radius; 2]), Color::rgb(255, 224, 170), 0.04);
            }
            fill(rectangle([-0.606, 0.34], [-0.594, 1.0]), dark, 0.55);
            let shade = vec![[-0.65, 0.2], [-0.55, 0.2], [-0.5, 0.345], [-0.7, 0.345]];
            fill(shade, Color::rgb(252, 230, 192), 1.0);
        }
        Room::Shelf => {
            let books = [(-0.78, 0.19, [206, 140, 88]), (-0.72, 0.16, [196, 190, 180]), (-0.66, 0.21, [108, 138, 156])];
            for (left, top, [red, green, blue]) in books {
                fill(rectangle([left, top], [left + 0.05, 0.36]), Color::rgb(red, green, blue), 0.8);
            }
            fill(ellipse([-0.42, 0.3], [0.06, 0.06]), white, 0.4);
            fill(rectangle([-0.82, 0.36], [-0.3, 0.38]), dark, 0.5);
            fill(rectangle([0.42, 0.09], [0.56, 0.23]), white, 0.25);
            fill(rectangle([0.62, 0.12], [0.665, 0.23]), Color::rgb(120, 160, 170), 0.7);
            fill(rectangle([0.35, 0.23], [0.83, 0.25]), dark, 0.5);
        }
        Room::Picture => {
            fill(rectangle([-0.76, 0.12], [-0.46, 0.51]), white, 0.6);
            fill(ellipse([-0.61, 0.31], [0.085, 0.085]), Color::rgb(222, 140, 118), 0.8);
            let hills = vec![[-0.73, 0.47], [-0.64, 0.35], [-0.59, 0.4], [-0.56, 0.37], [-0.49, 0.47]];
            fill(hills, Color::rgb(98, 122, 108), 0.8);
            fill(rectangle([0.42, 0.24], [0.76, 0.49]), white, 0.3);
        }
        Room::Plant => {
            fill(lens([-0.66, 1.0], [-0.575, 0.7], [-0.56, 0.7], [-0.6, 0.42]), dark, 0.35);
            let leaves: [[Point; 2]; 5] = [
                [[-0.62, 0.54], [-0.82, 0.4]],
                [[-0.6, 0.58], [-0.38, 0.66]],
                [[-0.61, 0.72], [-0.84, 0.66]],
                [[-0.6, 0.76], [-0.42, 0.88]],
                [[-0.62, 0.86], [-0.84, 0.86]],
            ];
            for [from, to] in leaves {
                let middle: Point = std::array::from_fn(|i| (from[i] + to[i]) / 2.0);
                let leaf = lens(from, [middle[0], middle[1] - 0.07], [middle[0], middle[1] + 0.06], to);
                fill(leaf, Color::rgb(96, 144, 104), 0.8);
            }
            fill(rectangle([0.36, 0.13], [0.7, 0.57]), white, 0.08);
            fill(rectangle([0.41, 0.17], [0.65, 0.53]), Color::rgb(196, 176, 130), 0.35);
        }
    }
}
