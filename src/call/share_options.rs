//! What can be shared, as a picker shows it.

use crate::base::{FrameSlot, ScreenSourceKind, SharingSupport};

/// What can be shared, for a picker.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ShareOptions {
    /// Whether screens can be shared in this session.
    pub(crate) support: SharingSupport,
    /// The screens, then the windows from the top down.
    pub(crate) options: Vec<ShareOption>,
}

/// A screen or a window that can be shared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ShareOption {
    /// Its id, for [`CallCommand::Share`](super::view::CallCommand::Share).
    pub(crate) id: String,
    /// Its name: the title of a window.
    pub(crate) label: String,
    /// A screen or a window.
    pub(crate) kind: ScreenSourceKind,
    /// Width and height in pixels.
    pub(crate) size: (u32, u32),
    /// Small pictures of it.
    pub(crate) frames: FrameSlot,
}
