//! On the way out: the dimmed tile area from the first frame, the list of steps when it takes long, and a choice when the
//! server does not answer.

use super::View;
use super::dialog::{self, Answer};
use crate::base::{ExitReason, ReceiptStep, StepName, StepState};
use crate::call::view::{CallPhase, ExitProgress};
use crate::ui::action::Action;
use crate::ui::tokens::{Palette, radius, size, time};
use crate::ui::widgets::{Behind, glide, mark, modal, spinner};
use crate::ui::{icons, text};
use egui::{Align, Align2, Id, Rect, Sense, Ui, pos2, vec2};

/// The steps that a person follows; closing connections is too quick and too dull to be one.
const STEPS: [StepName; 3] = [StepName::CameraReleased, StepName::MicrophoneReleased, StepName::OthersTold];

/// Dims the tile area and shows what is going on.
pub(super) fn leaving(ui: &mut Ui, view: &mut View<'_>, steps: bool) {
    let Some(call) = view.model.call() else { return };
    let (done, reason): (&[ReceiptStep], _) = match &call.phase {
        CallPhase::Leaving(ExitProgress { done, reason, .. }) => (done, *reason),
        CallPhase::Ended(ending) => (&ending.receipt.steps, ending.reason),
        _ => (&[], ExitReason::Left),
    };
    // The bars stay as they are: Leave's corner says what is going on.
    dim(ui, view.colors);
    if !steps {
        return;
    }
    let released = [StepName::CameraReleased, StepName::MicrophoneReleased];
    let devices_done = released.iter().all(|s| done.iter().any(|d| d.step == *s));
    let slow = view.model.screens.leaving_for(view.model.now) >= time::SLOW_AFTER;
    let running = matches!(call.phase, CallPhase::Leaving(_));
    if running && slow && devices_done && reason == ExitReason::Left && !view.model.screens.keep_waiting {
        let ghost = call.stale_peer_limit.as_secs();
        return still_telling(ui, view, done, ghost);
    }
    let progress = done.iter().filter(|d| STEPS.contains(&d.step)).count() as f32 / STEPS.len() as f32;
    let colors = view.colors;
    let title = if reason == ExitReason::Left { "Leaving…" } else { "This call has ended" };
    modal(ui, colors, title, Behind::Call, size::LEAVING_WIDTH, |ui| step_list(ui, colors, title, done, progress));
}

/// The tile area goes dark.
fn dim(ui: &Ui, colors: &Palette) {
    let area = ui.max_rect();
    let bar = if super::compact(area) { size::TOOL_BAR_COMPACT } else { size::TOOL_BAR };
    let tiles = Rect::from_min_max(area.min + vec2(0.0, size::TOP_BAR), area.max - vec2(0.0, bar));
    ui.painter().rect_filled(tiles, 0.0, colors.scrim);
}

fn step_list(ui: &mut Ui, colors: &Palette, title: &str, done: &[ReceiptStep], progress: f32) {
    let width = ui.available_width();
    let (head, _) = ui.allocate_exact_size(vec2(width, 56.0), Sense::hover());
    let sign = Rect::from_min_size(head.min, vec2(56.0, 56.0));
    ui.painter().rect_filled(sign, radius::CARD, colors.control);
    mark(ui.painter(), Rect::from_center_size(sign.center(), vec2(30.0, 30.0)), colors, 3.0);
    let at = pos2(head.left() + 72.0, head.top() + 19.0);
    text::label(ui, at, Align2::LEFT_CENTER, text::TITLE, colors.text, title, width - 72.0);
    let sentence = "Nobody can see or hear you any more.";
    let at = pos2(head.left() + 72.0, head.top() + 42.0);
    text::label(ui, at, Align2::LEFT_CENTER, text::BODY, colors.text_2, sentence, width - 72.0);
    ui.add_space(14.0);
    for step in STEPS {
        step_row(ui, colors, step, done.iter().find(|d| d.step == step));
    }
    ui.add_space(11.0);
    let (line, _) = ui.allocate_exact_size(vec2(width, 4.0), Sense::hover());
    ui.painter().rect_filled(line, 2.0, colors.control);
    let part = glide(ui, Id::unique("exit progress"), progress.max(0.08), 0.2);
    let filled = Rect::from_min_size(line.min, vec2(line.width() * part, 4.0));
    ui.painter().rect_filled(filled, 2.0, colors.accent);
    ui.add_space(12.0);
    let sentence = "This takes less than a second. If the server does not answer, you can close without waiting.";
    let (space, _) = ui.allocate_exact_size(vec2(width, 28.0), Sense::hover());
    text::paragraph(ui, space.min, Align::Min, text::CAPTION, colors.text_3, sentence, width);
}

fn step_row(ui: &mut Ui, colors: &Palette, step: StepName, done: Option<&ReceiptStep>) {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), 56.0), Sense::hover());
    let middle = row.center().y;
    let circle = pos2(row.left() + 18.0, middle);
    let state = done.map(|d| d.state);
    let (title, caption) = words(step, state);
    match state {
        None => {
            ui.painter().circle_filled(circle, 18.0, colors.accent_soft);
            spinner(ui, circle, 16.0, colors.accent_text);
        }
        Some(StepState::Confirmed | StepState::NotApplicable) => {
            ui.painter().circle_filled(circle, 18.0, colors.live_soft);
            text::icon_bold(ui, circle, 16.0, colors.live_text, icons::CHECK);
        }
        Some(StepState::Unconfirmed | StepState::Failed) => {
            ui.painter().circle_filled(circle, 18.0, colors.warn_soft);
            text::icon_bold(ui, circle, 16.0, colors.warn_text, icons::WARNING);
        }
    }
    let at = pos2(row.left() + 50.0, middle - 9.0);
    text::label(ui, at, Align2::LEFT_CENTER, text::BODY_STRONG, colors.text, title, row.width() - 120.0);
    let at = pos2(row.left() + 50.0, middle + 9.0);
    text::label(ui, at, Align2::LEFT_CENTER, text::CAPTION, colors.text_3, caption, row.width() - 120.0);
    let (figure, color) = match done {
        Some(d) if d.state == StepState::Confirmed => (format!("{:.0} ms", d.ms), colors.live_text),
        Some(_) => ("–".to_owned(), colors.text_3),
        None => ("…".to_owned(), colors.text_3),
    };
    let at = pos2(row.right(), middle);
    text::label(ui, at, Align2::RIGHT_CENTER, text::MONO, color, &figure, f32::INFINITY);
}

const fn words(step: StepName, state: Option<StepState>) -> (&'static str, &'static str) {
    let released = "Device released, lamp is dark";
    match (step, state) {
        (StepName::CameraReleased, None) => ("Turning the camera off", "Waiting for its driver"),
        (StepName::CameraReleased, Some(StepState::Confirmed)) => ("Camera is off", released),
        (StepName::CameraReleased, Some(StepState::NotApplicable)) => ("Camera is off", "It was not on"),
        (StepName::CameraReleased, Some(_)) => ("Camera does not answer", "The system takes it back"),
        (StepName::MicrophoneReleased, None) => ("Turning the microphone off", "Waiting for its driver"),
        (StepName::MicrophoneReleased, Some(StepState::Confirmed)) => ("Microphone is off", released),
        (StepName::MicrophoneReleased, Some(StepState::NotApplicable)) => ("Microphone is off", "It was not on"),
        (StepName::MicrophoneReleased, Some(_)) => ("Microphone does not answer", "The system takes it back"),
        (_, None) => ("Telling everyone", "Waiting for the server to confirm"),
        (_, Some(StepState::Confirmed)) => ("Everyone was told", "The server confirmed it"),
        (_, Some(StepState::NotApplicable)) => ("Everyone knows", "The server ended this call itself"),
        (_, Some(_)) => ("The server did not answer", "The others see you as gone in a moment"),
    }
}

/// The server does not answer: wait or go.
fn still_telling(ui: &Ui, view: &mut View<'_>, done: &[ReceiptStep], ghost: u64) {
    let colors = view.colors;
    let title = "Still telling everyone";
    let answer = modal(ui, colors, title, Behind::Call, dialog::WIDTH, |ui| {
        dialog::sign(ui, colors.warn_soft, colors.warn_text, icons::HOURGLASS);
        dialog::title(ui, colors, title);
        let sentence = format!(
            "Your camera and microphone are off. Nobody can see or hear you. The server has not answered yet. If you \
             close now, the others see you as gone within {ghost} seconds."
        );
        dialog::body(ui, colors, &sentence);
        ui.add_space(14.0);
        let ms = |step| done.iter().find(|d| d.step == step).map_or(0.0, |d| d.ms);
        let line = format!(
            "camera {:.0} ms, microphone {:.0} ms, told …",
            ms(StepName::CameraReleased),
            ms(StepName::MicrophoneReleased)
        );
        dialog::mono(ui, colors, &line);
        ui.add_space(18.0);
        dialog::answers(ui, view, "Close now", "Keep waiting")
    });
    match answer {
        Some(Answer::Main) => view.dispatch(Action::CloseNow),
        Some(Answer::Other) => view.dispatch(Action::KeepWaiting),
        None => {}
    }
}
