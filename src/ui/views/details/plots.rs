//! The four plots: two in a row, each with the value of now, or of the time under the pointer.

use crate::call::view::CallDetails;
use crate::ui::details::{self, PlotData, Series, Unit};
use crate::ui::strings;
use crate::ui::text;
use crate::ui::tokens::{Palette, radius};
use crate::ui::views::View;
use crate::ui::widgets::place;
use egui::{Align, Align2, Color32, Id, Layout, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};
use egui_plot::{Line, MarkerShape, Plot, PlotBounds, Points, VLine};

/// Height of a plot's card.
const CARD: f32 = 96.0;
/// Between two cards.
const GAP: f32 = 10.0;
/// From a card's edges to its content.
const EDGE: f32 = 12.0;
/// Height of a card's title.
const TITLE: f32 = 20.0;
/// In a narrower drawer the cards stand below each other.
const TWO_COLUMNS: f32 = 540.0;

/// Draws them over the available width.
pub(super) fn plots(ui: &mut Ui, view: &View<'_>, call_details: &CallDetails) {
    let state = &view.model.details;
    let plots = details::plots(call_details, state.whom.as_ref(), view.model.unix_ms, state.span.time());
    let width = ui.available_width();
    let columns = if width < TWO_COLUMNS { 1 } else { 2 };
    let rows = plots.len().div_ceil(columns) as f32;
    let (_, area) = ui.allocate_space(vec2(width, rows * CARD + (rows - 1.0) * GAP));
    let card = vec2((width - (columns - 1) as f32 * GAP) / columns as f32, CARD);
    let under_pointer = ui.data(|d| d.get_temp::<Option<f64>>(pointer_id())).flatten();
    let mut pointed = None;
    for (i, plot) in plots.iter().enumerate() {
        let step = (card + vec2(GAP, GAP)) * vec2((i % columns) as f32, (i / columns) as f32);
        let rect = Rect::from_min_size(area.min + step, card);
        pointed = pointed.or(one(ui, view, rect, plot, under_pointer));
    }
    if pointed != under_pointer {
        ui.data_mut(|d| d.insert_temp(pointer_id(), pointed));
        ui.ctx().request_repaint();
    }
}

/// Under this id is the time that the pointer is at, seconds before now: all four plots show their values of then.
fn pointer_id() -> Id {
    Id::unique("time under the pointer in the call details")
}

/// One card; returns the time that the pointer is at.
fn one(ui: &mut Ui, view: &View<'_>, rect: Rect, plot: &PlotData, pointer: Option<f64>) -> Option<f64> {
    let colors = view.colors;
    ui.painter().rect_filled(rect, radius::CONTROL, colors.raised);
    ui.painter().rect_stroke(rect, radius::CONTROL, Stroke::new(1.0, colors.border), egui::StrokeKind::Inside);
    let response = ui.interact(rect, Id::unique(("plot", plot.title)), Sense::hover());
    let words = strings::details::summary(plot, view.model.details.span);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &words));
    let inner = rect.shrink2(vec2(EDGE, 8.0));
    title(ui, colors, inner.with_max_y(inner.top() + TITLE), plot, pointer);
    let graph = inner.with_min_y(inner.top() + TITLE + 6.0);
    let span = view.model.details.span.time().as_secs_f64();
    lines(ui, colors, graph, plot, span, pointer);
    let x = |x: f32| f64::from((x - graph.right()) / graph.width()) * span;
    let pointer = ui.ctx().pointer_hover_pos().filter(|_| response.contains_pointer());
    pointer.filter(|at| graph.x_range().contains(at.x)).map(|at| x(at.x))
}

/// The title, and at the right the values in the colours of their lines.
fn title(ui: &mut Ui, colors: &Palette, row: Rect, plot: &PlotData, pointer: Option<f64>) {
    let top = plot.top();
    let middle = row.center().y;
    let unit = strings::details::unit(plot.unit, top);
    let mut right = row.right();
    let mut put = |ui: &Ui, kind, color, words: &str| {
        let at = pos2(right, middle);
        right = text::paint(ui, at, Align2::RIGHT_CENTER, kind, color, words, row.width()).left() - 6.0;
    };
    put(ui, text::CAPTION, colors.text_2, unit);
    for (i, series) in plot.series.iter().enumerate().rev() {
        let value = pointer.map_or_else(|| series.newest(), |x| series.at(x));
        let value = strings::details::number(plot.unit, top, value);
        put(ui, text::MONO_STRONG, line_color(colors, plot, i), &value);
        if plot.series.len() > 1 {
            put(ui, text::CAPTION, colors.text_2, series.name);
        }
    }
    if let Some(x) = pointer {
        put(ui, text::CAPTION, colors.text_3, &format!("{:.0} s ago:", -x));
    }
    let left = row.left_center();
    text::paint(ui, left, Align2::LEFT_CENTER, text::LABEL, colors.text, plot.title, (right - row.left()).max(1.0));
}

/// Contrast with the card is that of icons and marks, 3:1.
fn line_color(colors: &Palette, plot: &PlotData, i: usize) -> Color32 {
    match (plot.unit, i) {
        (Unit::Rate | Unit::Frames, 0) if plot.series.len() > 1 => colors.accent_text,
        (Unit::Percent, 0) => colors.warn_text,
        (Unit::Milliseconds, _) => colors.info_text,
        _ => colors.live_text,
    }
}

fn lines(ui: &mut Ui, colors: &Palette, rect: Rect, plot: &PlotData, span: f64, pointer: Option<f64>) {
    let top = plot.top();
    place::within(ui, rect, Layout::top_down(Align::Min), |ui| {
        // It is looked at, not moved: the wheel scrolls the drawer.
        let show = Plot::new(("call details", plot.title))
            .width(rect.width())
            .height(rect.height())
            .sense(Sense::hover())
            .show_axes(false)
            .show_grid(false)
            .show_background(false)
            .show_x(false)
            .show_y(false)
            .show_crosshair(false)
            .allow_zoom(false)
            .allow_scroll(false)
            .allow_drag(false)
            .allow_boxed_zoom(false)
            .allow_axis_zoom_drag(false)
            .allow_double_click_reset(false);
        show.show(ui, |at| {
            at.set_plot_bounds(PlotBounds::from_min_max([-span, 0.0], [0.0, top]));
            for (i, series) in plot.series.iter().enumerate() {
                let color = line_color(colors, plot, i);
                for piece in &series.pieces {
                    let line = Line::new(series.name, piece.clone()).color(color).width(2.0).allow_hover(false);
                    at.line(line.fill(0.0).fill_alpha(0.14));
                }
                let alone: Vec<[f64; 2]> = alone(series).collect();
                if !alone.is_empty() {
                    at.points(Points::new(series.name, alone).color(color).radius(2.0).allow_hover(false));
                }
            }
            if !plot.freezes.is_empty() {
                let marks: Vec<[f64; 2]> = plot.freezes.iter().map(|(x, _)| [*x, top * 0.92]).collect();
                let points = Points::new("Freezes", marks).shape(MarkerShape::Down).color(colors.warn_text);
                at.points(points.radius(4.0).allow_hover(false));
            }
            if let Some(x) = pointer {
                at.vline(VLine::new("Pointer", x).color(colors.text_3).width(1.0).allow_hover(false));
            }
        });
    });
    let base = rect.bottom() + 0.5;
    ui.painter().hline(rect.x_range(), base, Stroke::new(1.0, colors.border_strong));
}

/// Values with a gap before and after them, which make no line.
fn alone(series: &Series) -> impl Iterator<Item = [f64; 2]> {
    series.pieces.iter().filter(|piece| piece.len() == 1).filter_map(|piece| piece.first().copied())
}
