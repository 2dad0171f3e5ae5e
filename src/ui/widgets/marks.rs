//! Small drawings: the mark (our logo), the lamp, the spinner, avatars, bars.

use super::{animate, motion_is_reduced};
use crate::base::ConnectionQuality;
use crate::call::view::DeviceState;
use crate::ui::bidi::is_mixed;
use crate::ui::text;
use crate::ui::tokens::{self, Palette, meter, overlay, size, time};
use egui::epaint::PathStroke;
use egui::{
    Align2, Color32, CornerRadius, Painter, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use std::f32::consts::TAU;
use std::time::Duration;

/// Paints the mark: two shapes face to face, each moved outwards by `open` points of a 32-point square.
pub(in crate::ui) fn mark(painter: &Painter, rect: Rect, colors: &Palette, open: f32) {
    let scale = rect.width() / 32.0;
    for (sign, color) in [(1.0, colors.mark_left), (-1.0, colors.mark_right)] {
        let at = |x: f32, y: f32| {
            let x = 16.0 + sign * (x - 16.0 - open);
            rect.min + vec2(x, y) * scale
        };
        let mut points = vec![at(11.0, 4.2), at(6.2, 4.2)];
        points.extend(curve([(6.2, 4.2), (2.9, 4.2), (1.2, 7.4), (2.7, 10.3)]).map(|(x, y)| at(x, y)));
        points.push(at(12.9, 27.4));
        points.extend(curve([(12.9, 27.4), (13.5, 28.4), (14.9, 28.0), (14.8, 26.8)]).map(|(x, y)| at(x, y)));
        painter.add(Shape::convex_polygon(points, color, PathStroke::new(1.6 * scale, color)));
    }
}

/// Adds the mark as a square of `side`.
pub(in crate::ui) fn add_mark(ui: &mut Ui, side: f32, colors: &Palette, open: f32) {
    let (_, rect) = ui.allocate_space(Vec2::splat(side));
    mark(ui.painter(), rect, colors, open);
}

/// Eight points of a cubic Bézier curve, without its first.
fn curve(p: [(f32, f32); 4]) -> impl Iterator<Item = (f32, f32)> {
    (1..=8).map(move |i| {
        let t = i as f32 / 8.0;
        let u = 1.0 - t;
        let w = [u * u * u, 3.0 * u * u * t, 3.0 * u * t * t, t * t * t];
        let sum = |f: fn((f32, f32)) -> f32| (0..4).map(|k| w[k] * f(p[k])).sum::<f32>();
        (sum(|q| q.0), sum(|q| q.1))
    })
}

/// The lamp of a device: lit while its handle is open, a hollow ring once it is released.
pub(in crate::ui) fn lamp(ui: &Ui, at: Pos2, state: &DeviceState, lit: Color32, hollow: Color32) {
    let open = matches!(state, DeviceState::Open | DeviceState::Closing);
    let painter = ui.painter();
    // It lights at once and fades out: it is never dark while the device is open.
    let seconds = if open { 0.0 } else { time::LAMP_OFF };
    let id = ui.scope_id().with(("lamp", at.x as i32, at.y as i32));
    let glow = animate(ui, id, open, seconds);
    if glow < 1.0 {
        painter.circle_stroke(at, size::LAMP - 0.5, Stroke::new(1.2, hollow.gamma_multiply(1.0 - glow)));
    }
    if glow > 0.0 {
        painter.circle_filled(at, size::LAMP_HALO, lit.gamma_multiply(0.24 * glow));
        painter.circle_filled(at, size::LAMP, lit.gamma_multiply(glow));
    }
}

/// Paints a turning ring, and requests the next frame.
pub(in crate::ui) fn spinner(ui: &Ui, at: Pos2, diameter: f32, color: Color32) {
    let (time, reduced) = (ui.input(|i| i.time), motion_is_reduced(ui));
    // With reduced motion it advances once a second.
    let turns = if reduced { time.floor() / 3.0 } else { time / time::SPINNER_TURN };
    let turn = turns.fract() as f32;
    let radius = diameter / 2.0 - 1.0;
    let points = (0..=32).map(|i| {
        let angle = TAU * (turn + 0.78 * i as f32 / 32.0);
        at + radius * vec2(angle.cos(), angle.sin())
    });
    ui.painter().add(Shape::line(points.collect(), Stroke::new(2.0, color)));
    ui.ctx().request_repaint_after(Duration::from_millis(if reduced { 1000 } else { 16 }));
}

/// Adds a spinner.
pub(in crate::ui) fn add_spinner(ui: &mut Ui, diameter: f32, color: Color32) {
    let (_, rect) = ui.allocate_space(Vec2::splat(diameter));
    spinner(ui, rect.center(), diameter, color);
}

/// Paints a circle with the initials of a name, in the user's colours.
pub(in crate::ui) fn avatar(ui: &Ui, at: Pos2, diameter: f32, user: &str, name: &str) {
    let (background, color) = tokens::avatar(user);
    ui.painter().circle_filled(at, diameter / 2.0, background);
    let kind = text::NAME.sized((diameter * 0.375).round());
    text::paint(ui, at, Align2::CENTER_CENTER, kind, color, &initials(name), f32::INFINITY);
}

/// Adds an avatar.
pub(in crate::ui) fn add_avatar(ui: &mut Ui, diameter: f32, user: &str, name: &str) {
    let (_, rect) = ui.allocate_space(Vec2::splat(diameter));
    avatar(ui, rect.center(), diameter, user, name);
}

/// Adds a coloured square for an icon; returns its middle.
pub(in crate::ui) fn add_sign(ui: &mut Ui, side: f32, radius: CornerRadius, ground: Color32) -> Pos2 {
    let (_, rect) = ui.allocate_space(Vec2::splat(side));
    ui.painter().rect_filled(rect, radius, ground);
    rect.center()
}

/// The first letters of the first and the last word; for Chinese, Japanese and Korean the first character.
pub(in crate::ui) fn initials(name: &str) -> String {
    let letters = |word: &str| word.chars().find(|c| c.is_alphanumeric());
    let mut words = name.split_whitespace().filter_map(letters);
    let Some(first) = words.next() else { return "?".to_owned() };
    if matches!(first, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}') {
        return first.to_string();
    }
    let last = words.next_back();
    // Letters of a script that joins them would look like a word.
    let apart = Some('\u{200c}').filter(|_| last.is_some_and(|last| is_mixed(&last.to_string())));
    first.to_uppercase().chain(apart).chain(last.into_iter().flat_map(char::to_uppercase)).collect()
}

/// Adds the microphone's meter with `lit` segments, in the colours of a dark, a lit, and a too loud segment.
pub(in crate::ui) fn level_bar(ui: &mut Ui, lit: usize, marks: [Color32; 3]) {
    let [width, height] = meter::SEGMENT;
    let whole = meter::SEGMENTS as f32 * (width + meter::GAP) - meter::GAP;
    let response = ui.allocate_response(vec2(whole, height), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Meter, true, "Microphone level"));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_min_numeric_value(0.0);
        node.set_max_numeric_value(meter::SEGMENTS as f64);
        node.set_numeric_value(lit as f64);
    });
    let (rect, painter) = (response.rect, ui.painter());
    let loud = ((meter::LOUD_DB - meter::FLOOR_DB) / -meter::FLOOR_DB * meter::SEGMENTS as f32) as usize;
    for i in 0..meter::SEGMENTS {
        let x = rect.left() + i as f32 * (width + meter::GAP);
        let color = match i {
            _ if i >= lit => marks[0],
            _ if i >= loud => marks[2],
            _ => marks[1],
        };
        painter.rect_filled(Rect::from_min_size(pos2(x, rect.top()), vec2(width, height)), 2.0, color);
    }
}

/// Paints the three bars of somebody who speaks, 14 wide, with their middle at `at`.
pub(in crate::ui) fn speaking_bars(painter: &Painter, at: Pos2, color: Color32) {
    for (i, height) in [6.0, 13.0, 8.0].into_iter().enumerate() {
        let x = at.x + (i as f32 - 1.0) * 5.0;
        painter.rect_filled(Rect::from_center_size(pos2(x, at.y), vec2(3.0, height)), 1.5, color);
    }
}

/// How many of four bars a connection has; `None` when its quality is unknown.
pub(in crate::ui) const fn bars(quality: ConnectionQuality) -> Option<usize> {
    match quality {
        ConnectionQuality::Unknown => None,
        ConnectionQuality::Lost => Some(0),
        ConnectionQuality::Poor => Some(1),
        ConnectionQuality::Good => Some(3),
        ConnectionQuality::Excellent => Some(4),
    }
}

/// Paints the four bars of a connection's quality, 15 wide, with their middle at `at`.
pub(in crate::ui) fn quality_bars(painter: &Painter, at: Pos2, filled: usize) {
    let color = match filled {
        0 | 1 => overlay::MUTED,
        2 => overlay::WEAK,
        _ => overlay::SPEAKING,
    };
    for i in 0..4 {
        let height = 5.0 + 3.0 * i as f32;
        let left = at.x - 7.5 + 4.0 * i as f32;
        let bar = Rect::from_min_max(pos2(left, at.y + 7.0 - height), pos2(left + 3.0, at.y + 7.0));
        painter.rect_filled(bar, 1.0, if i < filled { color } else { overlay::BAR_EMPTY });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_in_any_script() {
        for (name, expected) in [
            ("Ada Okafor", "AO"),
            ("tomás de la rivera", "TR"),
            ("Mina", "M"),
            ("李雪", "李"),
            ("田中 Yuki", "田"),
            ("  ", "?"),
            ("(guest) 7", "G7"),
            ("محمد علي", "م\u{200c}ع"),
        ] {
            assert_eq!(initials(name), expected);
        }
    }
}
