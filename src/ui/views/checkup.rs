//! The page "Check my set-up": its findings as they come in, in a card for each part.

use super::View;
use crate::base::{CheckPart, Finding, Verdict};
use crate::ui::action::Action;
use crate::ui::checkup::{CheckAction, CheckPage, CheckPhase};
use crate::ui::parts::Focus;
use crate::ui::tokens::{Palette, size};
use crate::ui::widgets::{Button, IconButton, Look, add_spinner, buttons, place};
use crate::ui::{icons, strings, text};
use egui::{Align, Color32, Key, Margin, Modifiers, ScrollArea, Ui};

/// Widest that the findings are.
const WIDTH: f32 = 760.0;
/// From a row's edge to its words.
const INDENT: f32 = 32.0;

/// Draws the page over the window.
pub(super) fn checkup(ui: &mut Ui, view: &mut View<'_>) {
    let Some(page) = &view.model.checkup else { return };
    let colors = view.colors;
    let area = ui.available_rect_before_wrap();
    ui.painter().rect_filled(area, 0.0, colors.canvas);
    ui.add_space(16.0);
    head(ui, view);
    ScrollArea::vertical().id_salt("checkup").auto_shrink(false).show(ui, |ui| {
        let width = (ui.available_width() - 32.0).min(WIDTH);
        place::centred_column(ui, width, |ui| {
            status(ui, view, page);
            for part in [CheckPart::Devices, CheckPart::Server, CheckPart::System] {
                let findings: Vec<&Finding> =
                    page.progress.findings.iter().filter(|finding| finding.check.part() == part).collect();
                if !findings.is_empty() {
                    card(ui, colors, part, &findings);
                    ui.add_space(16.0);
                }
            }
            ui.add_space(16.0);
        });
    });
    if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
        view.dispatch(Action::Check(CheckAction::Close));
    }
}

fn head(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    place::row(ui, size::SETTINGS_HEAD, |ui| {
        ui.add_space(12.0);
        let back = IconButton::new("Close the check", icons::ARROW_LEFT).icon_size(20.0).size([40.0, 36.0]);
        let back = back.show(ui, colors);
        view.on_click(&back, Action::Check(CheckAction::Close));
        view.focus(&back, Focus::CloseCheck);
        text::add_line(ui, text::BRAND, colors.text, "Check my set-up");
    });
}

/// What goes on, and the buttons.
fn status(ui: &mut Ui, view: &mut View<'_>, page: &CheckPage) {
    let colors = view.colors;
    let words = strings::check_status(page);
    place::row(ui, 40.0, |ui| {
        match (page.phase, page.verdict()) {
            (CheckPhase::Over { stopped: false }, Some(verdict)) => {
                let (icon, color) = sign(colors, verdict);
                text::add_icon_fill(ui, [22.0; 2], 20.0, color, icon);
            }
            (CheckPhase::Over { .. }, _) => {
                text::add_icon_fill(ui, [22.0; 2], 20.0, colors.text_3, icons::MINUS_CIRCLE)
            }
            _ => add_spinner(ui, 20.0, colors.text_2),
        }
        ui.add_space(10.0);
        // The steps pass too fast to be read out one by one; the outcome is read out.
        if matches!(page.phase, CheckPhase::Over { .. }) {
            let line = ui.scope(|ui| text::add_words(ui, text::HEADING, colors.text, &words)).response.rect;
            text::announce_politely(ui, line, &words);
        } else {
            text::add_line(ui, text::HEADING, colors.text, &words);
        }
    });
    let note = "Camera, microphone and speaker are opened one after the other and closed again. Packets go to the server \
                and back; nobody sees or hears you.";
    text::add_paragraph(ui, text::SMALL, colors.text_2, note);
    ui.add_space(14.0);
    if page.runs() {
        let stop = Button::new("Stop", Look::Plain).named("Stop the check").height(size::BUTTON_SMALL);
        let [stop] = buttons(ui, colors, Align::Min, 10.0, [stop]);
        view.on_click(&stop, Action::Check(CheckAction::Stop));
    } else if matches!(page.phase, CheckPhase::Over { .. }) {
        let again = Button::new("Check again", Look::Main).height(size::BUTTON_SMALL);
        let copy = Button::new("Copy", Look::Plain).icon(icons::COPY).named("Copy the findings");
        let [again, copy] = buttons(ui, colors, Align::Min, 10.0, [again, copy.height(size::BUTTON_SMALL)]);
        view.on_click(&again, Action::Check(CheckAction::Again));
        view.on_click(&copy, Action::Copy { text: strings::check_lines(page), said: "Findings copied" });
    }
    ui.add_space(18.0);
}

fn card(ui: &mut Ui, colors: &Palette, part: CheckPart, findings: &[&Finding]) {
    let margin = Margin { left: 18, right: 18, top: 5, bottom: 12 };
    place::card(ui, colors, colors.raised, margin, |ui| {
        place::row(ui, 38.0, |ui| text::add_line(ui, text::HEADING, colors.text, strings::check_part(part)));
        for finding in findings {
            row(ui, colors, finding);
        }
    });
}

fn row(ui: &mut Ui, colors: &Palette, finding: &Finding) {
    let (icon, color) = sign(colors, finding.verdict);
    ui.add_space(6.0);
    place::beside(ui, |ui| {
        text::add_icon_fill(ui, [size::ICON, text::LABEL_STRONG.line], size::ICON, color, icon);
        ui.add_space(INDENT - size::ICON);
        let width = ui.available_width();
        place::column(ui, width, |ui| {
            let title = finding.check.title();
            let words = ui.scope(|ui| text::add_words(ui, text::LABEL_STRONG, colors.text, title));
            let verdict = strings::check_verdict(finding.verdict);
            text::announce(ui, words.response.rect, &format!("{title}: {verdict}"));
            text::add_paragraph(ui, text::SMALL, colors.text_2, &finding.found);
            if let Some(advice) = &finding.advice {
                ui.add_space(2.0);
                text::add_paragraph(ui, text::SMALL, colors.text, advice);
            }
        });
    });
    ui.add_space(4.0);
}

const fn sign(colors: &Palette, verdict: Verdict) -> (char, Color32) {
    match verdict {
        Verdict::Ok => (icons::CHECK_CIRCLE, colors.live_text),
        Verdict::Warning => (icons::WARNING_CIRCLE, colors.warn_text),
        Verdict::Failed => (icons::X_CIRCLE, colors.danger_text),
        Verdict::Skipped => (icons::MINUS_CIRCLE, colors.text_3),
    }
}
