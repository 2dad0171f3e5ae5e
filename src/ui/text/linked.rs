//! Text with links in it.

use super::{Type, add_paragraph, label, layout, line};
use crate::ui::bidi;
use egui::text::{CCursor, LayoutJob, TextFormat, TextWrapping};
use egui::{Color32, CursorIcon, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit::Role, pos2, vec2};
use std::ops::Range;

/// Adds text that wraps, with links in it, by their places in bytes; returns the one that was pressed. Each link is a
/// control of its own. In mixed text, whose characters stand in another order, the links follow below the text.
pub(in crate::ui) fn add_linked(
    ui: &mut Ui,
    (kind, color, link): (Type, Color32, Color32),
    text: &str,
    links: &[Range<usize>],
) -> Option<usize> {
    if links.is_empty() || bidi::is_mixed(text) {
        add_paragraph(ui, kind, color, text);
        let mut pressed = None;
        for (i, range) in links.iter().enumerate() {
            let address = &text[range.clone()];
            let galley = line(ui, kind, link, address, ui.available_width());
            let (_, rect) = ui.allocate_space(galley.size());
            ui.painter().galley(rect.min, galley, link);
            pressed = pressed.or(link_at(ui, i, &[rect], address).then_some(i));
        }
        return pressed;
    }
    let mut job = LayoutJob::default();
    let mut end = 0;
    for range in links {
        job.append(&text[end..range.start], 0.0, kind.format(color));
        let underline = Stroke::new(1.0, link);
        job.append(&text[range.clone()], 0.0, TextFormat { underline, ..kind.format(link) });
        end = range.end;
    }
    job.append(&text[end..], 0.0, kind.format(color));
    let width = ui.available_width();
    job.wrap = TextWrapping { max_width: width, ..Default::default() };
    let galley = layout(ui, job);
    let response = ui.allocate_response(vec2(width, galley.size().y), Sense::hover());
    label(&response, text);
    let at = response.rect.min.to_vec2();
    ui.painter().galley(response.rect.min, galley.clone(), color);
    let place = |byte: usize| galley.pos_from_cursor(CCursor::new(text[..byte].chars().count())).translate(at);
    let mut pressed = None;
    for (i, range) in links.iter().enumerate() {
        let (from, to) = (place(range.start), place(range.end));
        let rows = ((to.top() - from.top()) / kind.line).round() as usize;
        let row = |n: usize| {
            let top = from.top() + n as f32 * kind.line;
            let left = if n == 0 { from.left() } else { response.rect.left() };
            let right = if n == rows { to.left() } else { response.rect.right() };
            Rect::from_min_max(pos2(left, top), pos2(right, top + kind.line))
        };
        let rows: Vec<Rect> = (0..=rows).map(row).collect();
        pressed = pressed.or(link_at(ui, i, &rows, &text[range.clone()]).then_some(i));
    }
    pressed
}

/// Makes the rows of a text's link, of that number in it, a control; whether it was pressed.
fn link_at(ui: &Ui, number: usize, rows: &[Rect], address: &str) -> bool {
    let id = ui.next_auto_id().with(("link", number));
    let mut pressed = false;
    for (i, row) in rows.iter().enumerate() {
        // The first row alone takes the focus, and has a name.
        let sense = if i == 0 { Sense::click() } else { Sense::CLICK };
        let response = ui.interact(*row, id.with(i), sense).on_hover_cursor(CursorIcon::PointingHand);
        if i == 0 {
            response.widget_info(|| WidgetInfo::labeled(Role::Link, true, address));
            if response.has_focus() {
                ui.painter().rect_stroke(row.expand(1.0), 3.0, ui.visuals().selection.stroke, StrokeKind::Outside);
            }
        }
        pressed |= response.clicked();
    }
    pressed
}
