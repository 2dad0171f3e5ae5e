//! The timeline: what happened in the call, newest last.

use crate::base::TimelineEntry;
use crate::call::view::CallDetails;
use crate::ui::action::Action;
use crate::ui::bidi::plain;
use crate::ui::details::{DetailsAction, TimelineFilter, Tone};
use crate::ui::strings;
use crate::ui::text;
use crate::ui::tokens::{Palette, radius, size};
use crate::ui::views::View;
use crate::ui::widgets::{Part, clickable, place, segments};
use egui::{
    Align, Align2, Color32, EventFilter, Id, Key, Modifiers, Rect, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2,
};
use std::sync::Arc;

/// Height of an entry on one line.
const ROW: f32 = 28.0;
/// From an entry's edge to its text.
const PADDING: f32 = 5.0;
/// Between time, dot and words.
const GAP: f32 = 10.0;
const DOT: f32 = 4.0;

/// Draws it, in `height` or as high as it is. It follows the newest entry until somebody scrolls up.
pub(super) fn timeline(ui: &mut Ui, view: &mut View<'_>, details: &CallDetails, height: Option<f32>) {
    let top = ui.cursor().top();
    filters(ui, view, details);
    ui.add_space(6.0);
    let filter = view.model.details.filter;
    let entries: Vec<&Arc<TimelineEntry>> = details.timeline.iter().filter(|e| filter.shows(&e.kind)).collect();
    if entries.is_empty() {
        text::add_paragraph(ui, text::BODY, view.colors.text_2, strings::details::NO_ENTRIES);
    }
    let Some(height) = height else { return list(ui, view, &entries) };
    let height = (height - (ui.cursor().top() - top)).max(0.0);
    let step = keys(ui, view, height);
    let scroll = ScrollArea::vertical().id_salt("timeline").auto_shrink(false).stick_to_bottom(true);
    scroll.max_height(height).show(ui, |ui| {
        if step != 0.0 {
            ui.scroll_with_delta(vec2(0.0, step));
        }
        list(ui, view, &entries);
    });
}

/// Lets the keyboard scroll what is drawn next, `height` high; returns by how much, upwards if it is more than 0.
fn keys(ui: &mut Ui, view: &View<'_>, height: f32) -> f32 {
    let rect = Rect::from_min_size(ui.cursor().min, vec2(ui.available_width(), height));
    let list = clickable(ui, rect, Id::unique("timeline"), WidgetInfo::labeled(Role::List, true, "Timeline"));
    list.ring(ui, view.colors, radius::CHIP);
    if !list.response.has_focus() {
        return 0.0;
    }
    let arrows = EventFilter { vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(list.response.id, arrows));
    let page = (height - ROW).max(ROW);
    let steps = [
        (Key::ArrowUp, ROW),
        (Key::ArrowDown, -ROW),
        (Key::PageUp, page),
        (Key::PageDown, -page),
        (Key::Home, 1e6),
        (Key::End, -1e6),
    ];
    let pressed = |key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
    steps.into_iter().find(|(key, _)| pressed(*key)).map_or(0.0, |(_, step)| step)
}

/// How much there is, and which of it is shown.
fn filters(ui: &mut Ui, view: &mut View<'_>, details: &CallDetails) {
    let problems = details.timeline.iter().filter(|e| TimelineFilter::Problems.shows(&e.kind)).count();
    let counted = format!("{} {problems}", strings::details::filter(TimelineFilter::Problems));
    let parts = TimelineFilter::ALL.map(|filter| match filter {
        TimelineFilter::Problems if problems > 0 => Part::word(&counted),
        filter => Part::word(strings::details::filter(filter)),
    });
    let chosen = TimelineFilter::ALL.iter().position(|filter| *filter == view.model.details.filter);
    let pressed = place::row(ui, size::SEGMENTS, |ui| segments(ui, view.colors, "Show", &parts, chosen));
    if let Some(i) = pressed {
        view.dispatch(Action::Details(DetailsAction::Filter(TimelineFilter::ALL[i])));
    }
}

fn list(ui: &mut Ui, view: &View<'_>, entries: &[&Arc<TimelineEntry>]) {
    ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
    let width = ui.available_width();
    // Digits of the font have one width.
    let times = text::width(ui, text::MONO_SMALL, "00:00:00.000").ceil();
    for (i, entry) in entries.iter().enumerate() {
        let left = 2.0 * PADDING + times + 2.0 * (GAP + DOT);
        let words = text::height(ui, text::SMALL, &entry.words, (width - left).max(60.0));
        let height = (words + 2.0 * PADDING).max(ROW);
        let place = Rect::from_min_size(ui.cursor().min, vec2(width, height));
        // Screen readers read what is in view, and the newest entries.
        if i + 40 < entries.len() && !ui.is_rect_visible(place) {
            ui.allocate_space(place.size());
        } else {
            row(ui, view, entry, place, times);
        }
    }
}

fn row(ui: &mut Ui, view: &View<'_>, entry: &TimelineEntry, rect: Rect, times: f32) {
    let colors = view.colors;
    let time = strings::details::at(entry, &view.model.zone);
    ui.allocate_space(rect.size());
    let id = Id::unique(("timeline", entry.at.to_bits(), &entry.kind, &entry.words));
    let response = ui.interact(rect, id, Sense::hover());
    let name = format!("{time} {}", plain(&entry.words));
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, &name));
    let tone = Tone::of(&entry.kind);
    if tone == Tone::Warning {
        ui.painter().rect_filled(rect, radius::CHIP, colors.warn_soft);
    }
    let middle = rect.top() + ROW / 2.0;
    let left = rect.left() + PADDING;
    text::paint(ui, pos2(left, middle), Align2::LEFT_CENTER, text::MONO_SMALL, colors.text_3, &time, times + 1.0);
    let dot = left + times + GAP + DOT;
    ui.painter().circle_filled(pos2(dot, middle), DOT, dot_color(tone, colors));
    let words = Rect::from_min_max(pos2(dot + DOT + GAP, rect.top() + PADDING), rect.max);
    text::paint_lines(ui, words.min, Align::Min, text::SMALL, colors.text, &entry.words, words.width());
    text::hint(response, &entry.kind);
}

const fn dot_color(tone: Tone, colors: &Palette) -> Color32 {
    match tone {
        Tone::Ours => colors.info,
        Tone::Arrived => colors.live,
        Tone::Left => colors.accent,
        Tone::Warning => colors.warn,
    }
}
