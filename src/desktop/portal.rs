//! Whether the desktop portal answers, by which programs ask a Wayland desktop for a screen to share.

/// The state of `org.freedesktop.portal.Desktop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
pub(crate) enum Portal {
    /// It answers.
    There,
    /// There is a session bus, but no portal on it.
    Missing,
    /// There is no session bus.
    NoBus,
}

impl Portal {
    /// Asks the session bus, which starts the portal if it can. Blocks up to 10 s; `None` on systems without portals.
    pub(crate) fn find() -> Option<Self> {
        #[cfg(target_os = "linux")]
        return Some(super::linux::portal::find());
        #[cfg(not(target_os = "linux"))]
        None
    }
}
