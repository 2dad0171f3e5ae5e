//! The dialog "Report a problem", the buttons that open it, and the lobby's note after a crash.

use super::{View, dialog};
use crate::ui::action::Action;
use crate::ui::parts::Focus;
use crate::ui::report::{ReportAction, ReportState};
use crate::ui::strings::report as words;
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{Behind, Button, IconButton, Look, add_spinner, buttons, modal, place};
use crate::ui::{icons, text};
use egui::{Align, Frame, Key, Margin, Modifiers, ScrollArea, Stroke, Ui, vec2};

/// Width of the dialog.
const WIDTH: f32 = 860.0;
/// Width that is kept for the scroll bar.
const SCROLL_BAR: f32 = 12.0;
/// What the window keeps around the preview: title, sentences, buttons.
const AROUND: f32 = 330.0;

/// Draws the dialog while it is open.
pub(super) fn report(ui: &mut Ui, view: &mut View<'_>) {
    let Some(state) = &view.model.report else { return };
    let colors = view.colors;
    let title = match state {
        ReportState::Saved(_) => words::SAVED_TITLE,
        ReportState::Failed(_) => words::FAILED_TITLE,
        ReportState::Working | ReportState::Ready(_) => words::REPORT,
    };
    let action = modal(ui, colors, title, Behind::Window, WIDTH, |ui| {
        dialog::title(ui, colors, title);
        match state {
            ReportState::Working => {
                dialog::body(ui, colors, words::WORKING);
                ui.add_space(16.0);
                add_spinner(ui, 28.0, colors.text_2);
            }
            ReportState::Ready(lines) => {
                dialog::body(ui, colors, words::READY);
                ui.add_space(14.0);
                preview(ui, view, lines);
            }
            ReportState::Saved(path) => {
                dialog::body(ui, colors, words::SAVED);
                ui.add_space(10.0);
                text::add_paragraph(ui, text::MONO, colors.text, path);
            }
            ReportState::Failed(sentence) => dialog::body(ui, colors, sentence),
        }
        ui.add_space(20.0);
        answer(ui, view, state)
    });
    let close = || Action::Report(ReportAction::Close);
    let escaped = ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)).then(close);
    if let Some(action) = action.or(escaped) {
        view.dispatch(action);
    }
}

/// The buttons at the lower edge, the safest one first.
fn answer(ui: &mut Ui, view: &View<'_>, state: &ReportState) -> Option<Action> {
    let (other, main) = match state {
        ReportState::Working => ("Cancel", None),
        ReportState::Ready(_) => ("Cancel", Some(("Save", Action::Report(ReportAction::Save)))),
        ReportState::Saved(path) => {
            ("Close", Some(("Copy the path", Action::Copy { text: path.clone(), said: "Path copied" })))
        }
        ReportState::Failed(_) => ("Close", Some(("Try again", Action::Report(ReportAction::Open)))),
    };
    let other = Button::new(other, Look::Plain);
    let Some((word, action)) = main else {
        let [other] = buttons(ui, view.colors, Align::Max, 10.0, [other]);
        view.focus(&other, Focus::Dialog);
        return other.clicked().then_some(Action::Report(ReportAction::Close));
    };
    let [other, main] = buttons(ui, view.colors, Align::Max, 10.0, [other, Button::new(word, Look::Main)]);
    view.focus(&other, Focus::Dialog);
    match (main.clicked(), other.clicked()) {
        (true, _) => Some(action),
        (_, true) => Some(Action::Report(ReportAction::Close)),
        _ => None,
    }
}

/// What the file holds. The arrow and page keys move it, as nothing in it takes the focus.
fn preview(ui: &mut Ui, view: &View<'_>, lines: &[String]) {
    let colors = view.colors;
    let height = (ui.ctx().content_rect().height() - AROUND).clamp(120.0, 460.0);
    let keys = [
        (Key::ArrowDown, -text::MONO_SMALL.line),
        (Key::ArrowUp, text::MONO_SMALL.line),
        (Key::PageDown, -height),
        (Key::PageUp, height),
    ];
    let moved = |key| ui.input_mut(|i| i.count_and_consume_key(Modifiers::NONE, key)) as f32;
    let by: f32 = keys.map(|(key, step)| moved(key) * step).iter().sum();
    let frame = Frame::new()
        .fill(colors.surface)
        .stroke(Stroke::new(1.0, colors.border))
        .corner_radius(radius::CONTROL)
        .inner_margin(Margin::symmetric(12, 8));
    frame.show(ui, |ui| {
        let columns = (ui.available_width() - SCROLL_BAR) / text::width(ui, text::MONO_SMALL, "0").max(1.0);
        let lines = wrapped(lines, columns.floor().max(20.0) as usize);
        let mut area = ScrollArea::vertical().id_salt("report").max_height(height).auto_shrink(false);
        if view.model.focus == Some(Focus::Dialog) {
            // Just opened: at the beginning, wherever the last one was left.
            area = area.scroll_offset(egui::Vec2::ZERO);
        }
        area.show_rows(ui, text::MONO_SMALL.line, lines.len(), |ui, shown| {
            if by != 0.0 {
                ui.scroll_with_delta(vec2(0.0, by));
            }
            for line in &lines[shown] {
                text::add_line(ui, text::MONO_SMALL, colors.text_2, line);
            }
        });
    });
}

/// The lines, cut where the space ends. An empty one is a space, which has its height.
fn wrapped(lines: &[String], columns: usize) -> Vec<&str> {
    let mut cut = Vec::with_capacity(lines.len());
    for line in lines {
        let mut rest = if line.is_empty() { " " } else { line };
        while let Some((end, _)) = rest.char_indices().nth(columns) {
            cut.push(&rest[..end]);
            rest = &rest[end..];
        }
        cut.push(rest);
    }
    cut
}

/// The button that opens the dialog, where a call's end is shown.
pub(super) fn report_button(ui: &mut Ui, view: &mut View<'_>, hang: Align) {
    let button = Button::new(words::REPORT, Look::Ghost).icon(icons::INFO).height(size::BUTTON_TINY).hang(hang);
    place::row(ui, size::BUTTON_TINY, |ui| {
        let pressed = button.show(ui, view.colors);
        view.on_click(&pressed, Action::Report(ReportAction::Open));
    });
}

/// The lobby's note after a crash.
pub(super) fn crash_note(ui: &mut Ui, view: &mut View<'_>) {
    if !view.model.crashed {
        return;
    }
    let colors = view.colors;
    ui.add_space(16.0);
    let left = |ui: &mut Ui| {
        text::add_icon(ui, [size::ICON; 2], size::ICON, colors.warn_text, icons::WARNING_CIRCLE);
        ui.add_space(13.0);
        text::add_line(ui, text::BODY, colors.text, words::CRASHED);
    };
    let margin = Margin { left: 14, right: 9, ..Margin::ZERO };
    place::card(ui, colors, colors.raised, margin, |ui| {
        place::sides(ui, size::NOTE, 0.0, left, |ui| {
            let close = IconButton::new("Close the note about the crash", icons::X).show(ui, colors);
            view.on_click(&close, Action::Report(ReportAction::CloseCrashNote));
            ui.add_space(2.0);
            let more = Button::new(words::REPORT, Look::Ghost).height(size::BUTTON_TINY).show(ui, colors);
            view.on_click(&more, Action::Report(ReportAction::Open));
        });
    });
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn long_lines_go_on_in_the_next_one() {
        let lines = ["äbcdef".to_owned(), String::new(), "abc".to_owned()];
        assert_eq!(wrapped(&lines, 3), ["äbc", "def", " ", "abc"]);
    }
}
