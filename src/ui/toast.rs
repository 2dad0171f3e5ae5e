//! Toasts: short notes at the bottom of the window; the model keeps them.

use crate::ui::action::Action;

/// A short note.
#[derive(Clone, Debug)]
pub(super) struct Toast {
    pub(super) text: String,
    pub(super) icon: char,
    /// When it goes, in seconds of the window's clock.
    pub(super) until: f64,
    /// A word and what pressing it does.
    pub(super) button: Option<(&'static str, Action)>,
}
