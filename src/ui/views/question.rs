//! The questions: whether to leave, where that is asked, and what to do about a microphone that does not close.

use super::View;
use super::dialog::{self, Answer};
use crate::base::ExitRequestedBy;
use crate::ui::action::Action;
use crate::ui::model::Question;
use crate::ui::widgets::modal;
use crate::ui::{icons, sentences};
use egui::{Key, Modifiers, Ui};

/// Asks `question` over the call.
pub(super) fn question(ui: &mut Ui, view: &mut View<'_>, question: Question) {
    let Some(call) = view.model.call() else { return };
    let Question::Leave(by) = question;
    let colors = view.colors;
    let title = "Leave this call?";
    let (sentence, main) = match by {
        ExitRequestedBy::Window => (
            format!("Closing the window also leaves “{}”. Your camera and microphone go off first.", call.room),
            "Leave and close",
        ),
        _ => (
            format!("You leave “{}”. Your camera and microphone go off first, and the others are told.", call.room),
            "Leave",
        ),
    };
    let answer = modal(ui, colors, title, colors.scrim, dialog::WIDTH, |ui| {
        dialog::sign(ui, colors.danger_soft, colors.danger_text, icons::SIGN_OUT);
        dialog::title(ui, colors, title);
        dialog::body(ui, colors, &sentence);
        ui.add_space(24.0);
        dialog::answers(ui, view, main, "Stay")
    });
    match answer.or_else(|| escaped(ui)) {
        Some(Answer::Main) => view.say(Action::Leave(by)),
        Some(Answer::Other) => view.say(Action::Stay),
        None => {}
    }
}

/// The call is over and the microphone is still open: nothing but the end of the program is sure to close it.
pub(super) fn stuck_microphone(ui: &mut Ui, view: &mut View<'_>, label: &str) {
    let colors = view.colors;
    let title = "The microphone did not close";
    let which = if label.is_empty() { "Your microphone".to_owned() } else { format!("“{label}”") };
    let sentence = format!(
        "{which} was asked to close and is still open. Close Visavis now, so that the system takes the microphone \
         back. You have left the call, and nobody can hear you."
    );
    let line = view.model.ending().map(|ending| sentences::callback_line(ending, &view.model.zone));
    let answer = modal(ui, colors, title, colors.scrim, dialog::WIDTH, |ui| {
        dialog::sign(ui, colors.danger_soft, colors.danger_text, icons::MICROPHONE);
        dialog::title(ui, colors, title);
        dialog::body(ui, colors, &sentence);
        ui.add_space(14.0);
        dialog::mono(ui, colors, line.as_deref().unwrap_or_default());
        ui.add_space(18.0);
        dialog::answers(ui, view, "Close Visavis", "Keep waiting")
    });
    match answer.or_else(|| escaped(ui)) {
        Some(Answer::Main) => view.say(Action::Quit),
        Some(Answer::Other) => view.say(Action::WaitForMicrophone),
        None => {}
    }
}

fn escaped(ui: &Ui) -> Option<Answer> {
    ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)).then_some(Answer::Other)
}
