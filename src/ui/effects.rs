//! Effects: requests to the world outside the model, which `App` carries out.

use crate::call::view::CallCommand;
use crate::ui::checkup::CheckOrder;
use crate::ui::report::ReportRequest;
use crate::ui::screens::Screen;

/// A file that the user wants to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileToSave {
    /// Its name, without a folder.
    pub(super) name: String,
    pub(super) text: String,
}

/// The requests of one frame.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Effects {
    /// For the call service, in this order.
    pub(super) commands: Vec<CallCommand>,
    /// For the check of the set-up.
    pub(super) check: Option<CheckOrder>,
    /// A text for the clipboard.
    pub(super) copy: Option<String>,
    /// A file for the user's folder of downloads.
    pub(super) save: Option<FileToSave>,
    /// A new size of texts and controls, in percent.
    pub(super) text_size: Option<u16>,
    /// The address of a page for the browser.
    pub(super) page: Option<String>,
    /// A request about the report of a problem.
    pub(super) report: Option<ReportRequest>,
    /// Lets the window fill the screen, or not any more.
    pub(super) full_screen: Option<bool>,
    /// Brings the window to the front.
    pub(super) raise: bool,
    /// A screen that replaced one of another name: reported once it is painted.
    pub(super) shown: Option<Screen>,
}
