//! macOS: a power assertion, which `pmset -g assertions` lists.
//! <https://developer.apple.com/documentation/iokit/1557134-iopmassertioncreatewithname>

#![allow(unsafe_code)]

use crate::desktop::awake::{PROGRAM, REASON};
use objc2_core_foundation::CFString;
use objc2_io_kit::{
    IOPMAssertionCreateWithName, IOPMAssertionID, IOPMAssertionRelease, kIOPMAssertionLevelOn, kIOReturnSuccess,
};

/// The display stays on, and with it the computer awake.
const DISPLAY: &str = "PreventUserIdleDisplaySleep";

/// A request that holds while it exists.
#[derive(Debug)]
pub(in crate::desktop) struct Request {
    assertion: Option<IOPMAssertionID>,
}

impl Request {
    pub(in crate::desktop) fn make() -> Self {
        let kind = CFString::from_static_str(DISPLAY);
        let name = CFString::from_str(&format!("{PROGRAM}: {REASON}"));
        let mut id: IOPMAssertionID = 0;
        // SAFETY: both strings live during the call, and `id` is ours to be written.
        let result =
            unsafe { IOPMAssertionCreateWithName(Some(&kind), kIOPMAssertionLevelOn, Some(&name), &raw mut id) };
        if result != kIOReturnSuccess {
            tracing::info!(result, "the screen may go off during the call: macOS refuses");
        }
        Self { assertion: (result == kIOReturnSuccess).then_some(id) }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(id) = self.assertion {
            IOPMAssertionRelease(id);
        }
    }
}
