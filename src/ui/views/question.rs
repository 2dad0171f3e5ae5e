//! The questions in a dialog: whether to leave (a setting), whether a host removes somebody or ends the call for
//! everyone, and what to do about a microphone that does not close.

use super::View;
use super::dialog::{self, Answer};
use crate::base::ExitRequestedBy;
use crate::call::view::CallView;
use crate::ui::action::Action;
use crate::ui::action::HostAction;
use crate::ui::bidi::isolate;
use crate::ui::parts::Question;
use crate::ui::widgets::{Behind, Look, modal};
use crate::ui::{icons, strings};
use egui::{Key, Modifiers, Ui};

/// Asks `question` over the call.
pub(super) fn question(ui: &mut Ui, view: &mut View<'_>, question: &Question) {
    let Some(call) = view.model.call() else { return };
    let colors = view.colors;
    let text = match question {
        Question::Leave(by) => leave(call, *by),
        Question::Remove(user) => {
            let Some(person) = view.model.person(user) else { return };
            let words = strings::remove_question(&call.room, &person.name);
            let yes = Action::AsHost(HostAction::Remove(user.clone()));
            QuestionText { words, icon: icons::USER_MINUS, main: "Remove", other: "Cancel", yes }
        }
        Question::End => {
            let words = strings::end_question(&call.room, call.people.len() + 1);
            let yes = Action::AsHost(HostAction::End);
            QuestionText { words, icon: icons::USERS_THREE, main: "End for everyone", other: "Cancel", yes }
        }
    };
    let QuestionText { words: (title, sentence), icon, main, other, yes } = text;
    let answer = modal(ui, colors, &title, Behind::Window, dialog::WIDTH, |ui| {
        dialog::sign(ui, colors.danger_soft, colors.danger_text, icon);
        dialog::title(ui, colors, &title);
        dialog::body(ui, colors, &sentence);
        ui.add_space(24.0);
        let look = if matches!(question, Question::Leave(_)) { Look::Main } else { Look::Danger };
        dialog::answers(ui, view, (main, look), other)
    });
    match answer.or_else(|| escaped(ui)) {
        Some(Answer::Main) => view.dispatch(yes),
        Some(Answer::Other) => view.dispatch(Action::Stay),
        None => {}
    }
}

/// A question's words and icon, and the action of its main button.
struct QuestionText {
    /// Title and body.
    words: (String, String),
    icon: char,
    main: &'static str,
    other: &'static str,
    yes: Action,
}

fn leave(call: &CallView, by: ExitRequestedBy) -> QuestionText {
    let room = call.room.shown();
    let room = isolate(&room);
    let (sentence, main) = match by {
        ExitRequestedBy::Window => (
            format!("Closing the window also leaves “{room}”. Your camera and microphone go off first."),
            "Leave and close",
        ),
        _ => {
            (format!("You leave “{room}”. Your camera and microphone go off first, and the others are told."), "Leave")
        }
    };
    let words = ("Leave this call?".to_owned(), sentence);
    QuestionText { words, icon: icons::SIGN_OUT, main, other: "Stay", yes: Action::Leave(by) }
}

/// Asks what to do about a microphone that is still open after the call: only the end of the process is sure to close it.
pub(super) fn stuck_microphone(ui: &mut Ui, view: &mut View<'_>, label: &str) {
    let colors = view.colors;
    let title = "The microphone did not close";
    let which = if label.is_empty() { "Your microphone".to_owned() } else { format!("“{}”", isolate(label)) };
    let sentence = format!(
        "{which} was asked to close and is still open. Close Visavis now, so that the system takes the microphone \
         back. You have left the call, and nobody can hear you."
    );
    let line = view.model.ending().map(|ending| strings::callback_line(ending, &view.model.zone));
    let answer = modal(ui, colors, title, Behind::Window, dialog::WIDTH, |ui| {
        dialog::sign(ui, colors.danger_soft, colors.danger_text, icons::MICROPHONE);
        dialog::title(ui, colors, title);
        dialog::body(ui, colors, &sentence);
        ui.add_space(14.0);
        dialog::mono(ui, colors, line.as_deref().unwrap_or_default());
        ui.add_space(18.0);
        dialog::answers(ui, view, ("Close Visavis", Look::Main), "Keep waiting")
    });
    match answer.or_else(|| escaped(ui)) {
        Some(Answer::Main) => view.dispatch(Action::Quit),
        Some(Answer::Other) => view.dispatch(Action::WaitForMicrophone),
        None => {}
    }
}

fn escaped(ui: &Ui) -> Option<Answer> {
    ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)).then_some(Answer::Other)
}
