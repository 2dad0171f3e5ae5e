//! Words about how the tiles of a call are shown.

use crate::store::SelfView;

/// The button, and its menu.
pub(in crate::ui) const VIEW: &str = "View";
pub(in crate::ui) const MY_PICTURE: &str = "My picture";
pub(in crate::ui) const PEOPLE: &str = "People";
pub(in crate::ui) const WINDOW: &str = "Window";
/// Where our own picture can be.
pub(in crate::ui) const SELF_VIEWS: [(SelfView, &str); 3] =
    [(SelfView::Tile, "Among the others"), (SelfView::Corner, "In a corner"), (SelfView::Hidden, "Hidden for me")];
pub(in crate::ui) const NEXT_CORNER: &str = "To the next corner";
pub(in crate::ui) const EVERYBODY: &str = "Everybody";
pub(in crate::ui) const UNPIN_ALL: &str = "Unpin all";
pub(in crate::ui) const FULL: &str = "Full screen";
pub(in crate::ui) const LEAVE_FULL: &str = "Leave full screen";
pub(in crate::ui) const FULL_KEYS: &str = "F11, and Esc to leave it";

/// The choice that leaves people without a camera out, with their number while it is made.
pub(in crate::ui) fn only_with_camera(hidden: usize) -> String {
    match hidden {
        0 => "Only people with a camera".to_owned(),
        1 => "Only people with a camera (1 without)".to_owned(),
        hidden => format!("Only people with a camera ({hidden} without)"),
    }
}
