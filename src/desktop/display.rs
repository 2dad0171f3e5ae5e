//! Tells an ended login session from a broken window: both end the event loop, in no order that can be relied on.

/// Knows whether the display server of the window is still there.
pub(crate) struct DisplayWatch {
    #[cfg(target_os = "linux")]
    display: Option<super::linux::display::Display>,
}

#[cfg(target_os = "linux")]
impl DisplayWatch {
    /// Connects to the display server. Call it before the window is opened.
    pub(crate) fn start() -> Self {
        Self { display: super::linux::display::Display::connect() }
    }

    /// Whether the display server has ended, or does within a second. It waits so long for one that runs.
    pub(crate) fn is_gone(&self) -> bool {
        self.display.as_ref().is_some_and(super::linux::display::Display::is_gone)
    }
}

/// Windows and macOS end the program of a session that ends in other ways, see `src/cmd/shutdown.rs`.
#[cfg(not(target_os = "linux"))]
impl DisplayWatch {
    /// Nothing is watched.
    pub(crate) const fn start() -> Self {
        Self {}
    }

    /// Never.
    pub(crate) const fn is_gone(&self) -> bool {
        false
    }
}
