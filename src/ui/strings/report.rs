//! Words of "Report a problem".

/// The button, and the title of the dialog.
pub(in crate::ui) const REPORT: &str = "Report a problem";
/// While it is collected or saved.
pub(in crate::ui) const WORKING: &str = "One moment: devices are listed and the last calls are read.";
/// Above what the file holds.
pub(in crate::ui) const READY: &str = "This is what the file will hold. It has no names, rooms, servers, messages or \
                                       passwords; pseudonyms stand for them. Nothing is sent: you save it and give it \
                                       to the person who helps you.";
/// The title once it is saved.
pub(in crate::ui) const SAVED_TITLE: &str = "The report is saved";
/// The sentence once it is saved.
pub(in crate::ui) const SAVED: &str = "Give this file to the person who helps you.";
/// The title if there is none.
pub(in crate::ui) const FAILED_TITLE: &str = "The report was not saved";
/// The lobby's note after a crash.
pub(in crate::ui) const CRASHED: &str = "Visavis broke down last time";
