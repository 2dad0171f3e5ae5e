//! While a call ends: the tile area is dimmed from the first frame, the steps are listed when the exit takes long, and
//! a dialog offers to close at once when the server does not answer.

use super::View;
use super::dialog::{self, Answer};
use crate::base::{ExitReason, ReceiptStep, StepName, StepState};
use crate::call::view::{CallPhase, ExitProgress};
use crate::ui::action::Action;
use crate::ui::tokens::{Palette, radius, size, time};
use crate::ui::widgets::{Behind, Look, add_sign, glide, mark, modal, place, spinner};
use crate::ui::{icons, text};
use egui::{Align, Id, Layout, Rect, Ui, Vec2, vec2};

/// The steps that are listed; closing connections takes no time that a person would notice.
const STEPS: [StepName; 3] = [StepName::CameraReleased, StepName::MicrophoneReleased, StepName::OthersTold];

/// Dims `tiles` and shows the progress; the list of steps only where `steps` says so.
pub(super) fn leaving(ui: &mut Ui, view: &mut View<'_>, tiles: Rect, steps: bool) {
    let Some(call) = view.model.call() else { return };
    let (done, reason): (&[ReceiptStep], _) = match &call.phase {
        CallPhase::Leaving(ExitProgress { done, reason, .. }) => (done, *reason),
        CallPhase::Ended(ending) => (&ending.receipt.steps, ending.reason),
        _ => (&[], ExitReason::Left),
    };
    // The bars stay as they are: the Leave button shows the progress.
    ui.painter().rect_filled(tiles, 0.0, view.colors.scrim);
    if !steps {
        return;
    }
    let released = [StepName::CameraReleased, StepName::MicrophoneReleased];
    let devices_done = released.iter().all(|s| done.iter().any(|d| d.step == *s));
    let slow = view.model.screens.leaving_for(view.model.now) >= time::SLOW_AFTER;
    let running = matches!(call.phase, CallPhase::Leaving(_));
    if running && slow && devices_done && reason == ExitReason::Left && !view.model.screens.keep_waiting {
        let stale_s = call.stale_peer_limit.as_secs();
        return still_telling(ui, view, done, stale_s);
    }
    let progress = done.iter().filter(|d| STEPS.contains(&d.step)).count() as f32 / STEPS.len() as f32;
    let colors = view.colors;
    let title = if reason == ExitReason::Left { "Leaving…" } else { "This call has ended" };
    modal(ui, colors, title, Behind::Call, size::LEAVING_WIDTH, |ui| step_list(ui, colors, title, done, progress));
}

fn step_list(ui: &mut Ui, colors: &Palette, title: &str, done: &[ReceiptStep], progress: f32) {
    place::row(ui, size::DIALOG_SIGN, |ui| {
        let middle = add_sign(ui, size::DIALOG_SIGN, radius::CARD, colors.control);
        mark(ui.painter(), Rect::from_center_size(middle, Vec2::splat(30.0)), colors, 3.0);
        ui.add_space(16.0);
        place::stack(ui, vec2(ui.available_width(), size::DIALOG_SIGN), |ui| {
            ui.add_space(4.0);
            text::add_line(ui, text::TITLE, colors.text, title);
            text::add_line(ui, text::BODY, colors.text_2, "Nobody can see or hear you any more.");
        });
    });
    ui.add_space(14.0);
    for step in STEPS {
        step_row(ui, colors, step, done.iter().find(|d| d.step == step));
    }
    ui.add_space(11.0);
    progress_line(ui, colors, progress);
    ui.add_space(12.0);
    let sentence = "This takes less than a second. If the server does not answer, you can close without waiting.";
    let (_, below) = ui.allocate_space(vec2(ui.available_width(), 28.0));
    place::within(ui, below, Layout::top_down(Align::Min), |ui| {
        text::add_paragraph(ui, text::CAPTION, colors.text_3, sentence);
    });
}

/// A line that fills up to `progress`, from 0 to 1; a little of it is filled from the start.
fn progress_line(ui: &mut Ui, colors: &Palette, progress: f32) {
    let (_, line) = ui.allocate_space(vec2(ui.available_width(), 4.0));
    ui.painter().rect_filled(line, 2.0, colors.control);
    let part = glide(ui, Id::unique("exit progress"), progress.max(0.08), 0.2);
    ui.painter().rect_filled(line.with_max_x(line.left() + line.width() * part), 2.0, colors.accent);
}

fn step_row(ui: &mut Ui, colors: &Palette, step: StepName, done: Option<&ReceiptStep>) {
    let (title, caption) = words(step, done.map(|d| d.state));
    let left = |ui: &mut Ui| {
        step_sign(ui, colors, done.map(|d| d.state));
        ui.add_space(14.0);
        place::stack(ui, vec2(ui.available_width(), text::BODY_STRONG.line + 18.0), |ui| {
            text::add_line(ui, text::BODY_STRONG, colors.text, title);
            text::add_line(ui, text::CAPTION, colors.text_3, caption);
        });
    };
    let (figure, color) = match done {
        Some(d) if d.state == StepState::Confirmed => (format!("{:.0} ms", d.ms), colors.live_text),
        Some(_) => ("–".to_owned(), colors.text_3),
        None => ("…".to_owned(), colors.text_3),
    };
    place::sides(ui, 56.0, 12.0, left, |ui| text::add_line(ui, text::MONO, color, &figure));
}

/// A circle: a spinner while the step runs, then a tick or a warning.
fn step_sign(ui: &mut Ui, colors: &Palette, state: Option<StepState>) {
    let (_, rect) = ui.allocate_space(Vec2::splat(36.0));
    let middle = rect.center();
    let circle = |fill| ui.painter().circle_filled(middle, 18.0, fill);
    match state {
        None => {
            circle(colors.accent_soft);
            spinner(ui, middle, 16.0, colors.accent_text);
        }
        Some(StepState::Confirmed | StepState::NotApplicable) => {
            circle(colors.live_soft);
            text::icon_bold(ui, middle, 16.0, colors.live_text, icons::CHECK);
        }
        Some(StepState::Unconfirmed | StepState::Failed) => {
            circle(colors.warn_soft);
            text::icon_bold(ui, middle, 16.0, colors.warn_text, icons::WARNING);
        }
    }
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

/// The dialog while the server does not answer: close now, or wait.
fn still_telling(ui: &Ui, view: &mut View<'_>, done: &[ReceiptStep], stale_s: u64) {
    let colors = view.colors;
    let title = "Still telling everyone";
    let answer = modal(ui, colors, title, Behind::Call, dialog::WIDTH, |ui| {
        dialog::sign(ui, colors.warn_soft, colors.warn_text, icons::HOURGLASS);
        dialog::title(ui, colors, title);
        let sentence = format!(
            "Your camera and microphone are off. Nobody can see or hear you. The server has not answered yet. If you \
             close now, the others see you as gone within {stale_s} seconds."
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
        dialog::answers(ui, view, ("Close now", Look::Main), "Keep waiting")
    });
    match answer {
        Some(Answer::Main) => view.dispatch(Action::CloseNow),
        Some(Answer::Other) => view.dispatch(Action::KeepWaiting),
        None => {}
    }
}
