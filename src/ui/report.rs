//! "Report a problem": what the bundle for support holds is shown before it is saved. Nothing is sent.

use crate::ui::effects::Effects;
use crate::ui::model::Model;
use crate::ui::parts::Focus;
use crate::ui::screens::Screen;
use std::sync::Arc;

/// What the window asks of the code that collects and saves reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportRequest {
    /// Collect a new one.
    Collect,
    /// Save the one that was collected.
    Save,
    /// How far it is.
    Poll,
    /// The note about the crash was closed: it is not shown again.
    CloseCrashNote,
}

/// How far a report is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ReportState {
    /// It is collected or saved at this moment.
    Working,
    /// It is collected: what it holds, line by line.
    Ready(Arc<[String]>),
    /// It is saved in this file.
    Saved(String),
    /// Why there is none; a sentence for the user.
    Failed(String),
}

/// Carries a request out, without waiting for its end, and says how far the report is.
pub(crate) type OnReport = Box<dyn FnMut(ReportRequest) -> ReportState>;

/// What a person does about a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReportAction {
    /// Pressed "Report a problem".
    Open,
    /// Saves what is shown.
    Save,
    /// Closes the dialog; nothing is saved.
    Close,
    /// Closes the lobby's note about a crash.
    CloseCrashNote,
}

/// Applies an action about a report.
pub(super) fn act(model: &mut Model, action: ReportAction, effects: &mut Effects) {
    match action {
        ReportAction::Open => {
            model.menu = None;
            effects.report = Some(ReportRequest::Collect);
        }
        ReportAction::Save => effects.report = Some(ReportRequest::Save),
        ReportAction::Close => {
            model.report = None;
            model.focus = match model.screen {
                _ if model.settings_open => Some(Focus::CloseSettings),
                Screen::End => Some(Focus::NewCall),
                Screen::Over(_) => Some(Focus::Dialog),
                _ => None,
            };
        }
        ReportAction::CloseCrashNote => {
            model.crashed = false;
            effects.report = Some(ReportRequest::CloseCrashNote);
        }
    }
}

/// Takes a new state in. The focus goes to the dialog's safest button whenever its buttons change.
pub(super) fn take(model: &mut Model, state: ReportState) {
    if model.report.as_ref() != Some(&state) {
        // Whoever has seen the report need not be told of the crash again.
        model.crashed &= !matches!(state, ReportState::Ready(_));
        model.report = Some(state);
        model.focus = Some(Focus::Dialog);
    }
}
