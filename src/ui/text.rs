//! The type scale, and text: `add_…` lets egui place it, the others paint at a point.

use crate::ui::fonts;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{
    Align, Align2, Color32, FontId, Galley, Pos2, Rect, Response, Sense, Ui, WidgetInfo, accesskit::Role, vec2,
};
use std::sync::Arc;

/// One step of the type scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Type {
    family: &'static str,
    pub(super) size: f32,
    pub(super) line: f32,
    spacing: f32,
}

const fn scale(family: &'static str, size: f32, line: f32, spacing: f32) -> Type {
    Type { family, size, line, spacing }
}

// egui sets text without kerning: titles are spaced more tightly than in the design's tokens, so that their widths
// match.
pub(super) const HERO: Type = scale(fonts::DISPLAY, 44.0, 50.0, -1.35);
pub(super) const DISPLAY: Type = scale(fonts::DISPLAY, 32.0, 40.0, -0.65);
pub(super) const MODAL_TITLE: Type = scale(fonts::DISPLAY, 24.0, 30.0, -0.4);
pub(super) const TITLE: Type = scale(fonts::DISPLAY, 22.0, 28.0, -0.45);
pub(super) const BRAND: Type = scale(fonts::DISPLAY, 20.0, 26.0, -0.6);
pub(super) const LEAD_LARGE: Type = scale(fonts::REGULAR, 17.0, 26.0, 0.0);
pub(super) const LEAD: Type = scale(fonts::REGULAR, 15.0, 23.0, 0.0);
pub(super) const BUTTON_LARGE: Type = scale(fonts::SEMIBOLD, 16.0, 22.0, 0.0);
pub(super) const NAME: Type = scale(fonts::SEMIBOLD, 17.0, 24.0, 0.0);
pub(super) const HEADING: Type = scale(fonts::SEMIBOLD, 15.0, 20.0, 0.0);
pub(super) const FIELD: Type = scale(fonts::REGULAR, 15.0, 20.0, 0.0);
pub(super) const BODY: Type = scale(fonts::REGULAR, 14.0, 20.0, 0.0);
pub(super) const BODY_STRONG: Type = scale(fonts::SEMIBOLD, 14.0, 20.0, 0.0);
pub(super) const LABEL: Type = scale(fonts::MEDIUM, 13.0, 18.0, 0.0);
/// Words in chips, and in a choice of a few words.
pub(super) const CHIP: Type = scale(fonts::MEDIUM, 12.5, 18.0, 0.0);
pub(super) const LABEL_STRONG: Type = scale(fonts::SEMIBOLD, 13.0, 18.0, 0.0);
pub(super) const SMALL: Type = scale(fonts::REGULAR, 13.0, 18.0, 0.0);
pub(super) const CAPTION: Type = scale(fonts::REGULAR, 12.0, 16.0, 0.0);
pub(super) const CAPS: Type = scale(fonts::SEMIBOLD, 12.0, 16.0, 0.7);
pub(super) const TOOL: Type = scale(fonts::MEDIUM, 12.0, 14.0, 0.0);
pub(super) const MONO: Type = scale(fonts::MONO, 12.5, 18.0, 0.0);
/// The exact line below a sentence, for support.
pub(super) const MONO_SMALL: Type = scale(fonts::MONO, 12.0, 18.0, 0.0);
pub(super) const MONO_STRONG: Type = scale(fonts::MONO_SEMIBOLD, 14.0, 20.0, 0.0);
pub(super) const MONO_TOTAL: Type = scale(fonts::MONO_SEMIBOLD, 18.0, 24.0, 0.0);

impl Type {
    pub(super) fn font(self) -> FontId {
        FontId::new(self.size, fonts::family(self.family))
    }

    /// The same weight in another size.
    pub(super) const fn sized(self, size: f32) -> Self {
        Self { size, line: (size * 1.25).round(), ..self }
    }

    fn format(self, color: Color32) -> TextFormat {
        TextFormat {
            extra_letter_spacing: self.spacing,
            line_height: Some(self.line),
            ..TextFormat::simple(self.font(), color)
        }
    }

    /// Text that wraps at `width`.
    pub(super) fn wrapped(self, text: &str, color: Color32, width: f32) -> LayoutJob {
        let mut job = LayoutJob::single_section(text.to_owned(), self.format(color));
        job.wrap = TextWrapping { max_width: width, ..Default::default() };
        job
    }

    /// Text on one line, cut with "…" where `width` ends.
    pub(super) fn cut(self, text: &str, color: Color32, width: f32) -> LayoutJob {
        let mut job = LayoutJob::single_section(text.to_owned(), self.format(color));
        job.break_on_newline = false;
        job.wrap = TextWrapping::truncate_at_width(width.max(1.0));
        job
    }
}

pub(super) fn layout(ui: &Ui, job: LayoutJob) -> Arc<Galley> {
    ui.painter().layout_job(job)
}

/// The width that `text` takes on one line.
pub(super) fn width(ui: &Ui, kind: Type, text: &str) -> f32 {
    layout(ui, kind.cut(text, Color32::WHITE, f32::INFINITY)).size().x
}

/// Paints `text` on one line, `anchor` of it at `at`, cut with "…" at `width`; not for screen readers.
pub(super) fn paint(ui: &Ui, at: Pos2, anchor: Align2, kind: Type, color: Color32, text: &str, width: f32) -> Rect {
    let galley = layout(ui, kind.cut(text, color, width));
    let rect = anchor.anchor_size(at, galley.size());
    ui.painter().galley(rect.min, galley, color);
    rect
}

/// The height of wrapped text.
pub(super) fn height(ui: &Ui, kind: Type, text: &str, width: f32) -> f32 {
    layout(ui, kind.wrapped(text, Color32::WHITE, width)).size().y
}

/// Adds one line of text, cut with "…" where the space ends; a label for screen readers.
pub(super) fn add_line(ui: &mut Ui, kind: Type, color: Color32, text: &str) -> Response {
    let galley = layout(ui, kind.cut(text, color, ui.available_width()));
    let response = ui.allocate_response(galley.size(), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    ui.painter().galley(response.rect.min, galley, color);
    response
}

/// Adds the same line without a label, for words that the control beside them has as its name.
pub(super) fn add_words(ui: &mut Ui, kind: Type, color: Color32, text: &str) {
    let galley = layout(ui, kind.cut(text, color, ui.available_width()));
    let (_, rect) = ui.allocate_space(galley.size());
    ui.painter().galley(rect.min, galley, color);
}

/// Adds text that wraps where the space ends, aligned as the layout is; a label for screen readers.
pub(super) fn add_paragraph(ui: &mut Ui, kind: Type, color: Color32, text: &str) -> Response {
    let width = ui.available_width();
    let mut job = kind.wrapped(text, color, width);
    let align = ui.layout().horizontal_placement();
    job.halign = align;
    let galley = layout(ui, job);
    let response = ui.allocate_response(vec2(width, galley.size().y), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    let at = Align2([align, Align::Min]).pos_in_rect(&response.rect);
    ui.painter().galley(at, galley, color);
    response
}

/// Puts text that was drawn at `rect` into the accessibility tree.
pub(super) fn announce(ui: &mut Ui, rect: Rect, text: &str) {
    let id = ui.next_auto_id();
    ui.skip_ahead_auto_ids(1);
    let response = ui.interact(rect, id, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
}

/// Adds an icon in the middle of a box of that size.
pub(super) fn add_icon(ui: &mut Ui, place: [f32; 2], size: f32, color: Color32, icon: char) {
    let (_, rect) = ui.allocate_space(place.into());
    paint_icon(ui, fonts::ICONS, rect.center(), size, color, icon);
}

/// Adds a filled icon in the middle of a box of that size.
pub(super) fn add_icon_fill(ui: &mut Ui, place: [f32; 2], size: f32, color: Color32, icon: char) {
    let (_, rect) = ui.allocate_space(place.into());
    paint_icon(ui, fonts::ICONS_FILL, rect.center(), size, color, icon);
}

/// Paints an icon with its middle at `at`.
pub(super) fn icon(ui: &Ui, at: Pos2, size: f32, color: Color32, icon: char) {
    paint_icon(ui, fonts::ICONS, at, size, color, icon);
}

/// Paints a filled icon.
pub(super) fn icon_fill(ui: &Ui, at: Pos2, size: f32, color: Color32, icon: char) {
    paint_icon(ui, fonts::ICONS_FILL, at, size, color, icon);
}

/// Paints a bold icon, for filled buttons.
pub(super) fn icon_bold(ui: &Ui, at: Pos2, size: f32, color: Color32, icon: char) {
    paint_icon(ui, fonts::ICONS_BOLD, at, size, color, icon);
}

fn paint_icon(ui: &Ui, family: &'static str, at: Pos2, size: f32, color: Color32, icon: char) {
    let font = FontId::new(size, fonts::family(family));
    ui.painter().text(at, Align2::CENTER_CENTER, icon, font, color);
}
