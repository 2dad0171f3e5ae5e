//! macOS: notifications of the login window, and of the workspace.

#![allow(unsafe_code)]

use crate::desktop::lock::Locked;
use block2::RcBlock;
use objc2_app_kit::{
    NSWorkspace, NSWorkspaceScreensDidSleepNotification, NSWorkspaceSessionDidResignActiveNotification,
    NSWorkspaceWillSleepNotification,
};
use objc2_foundation::{NSDistributedNotificationCenter, NSNotification, NSString};
use std::ptr::NonNull;
use std::sync::Arc;

/// What the login window tells everybody when the screen is locked.
const LOCKED: &str = "com.apple.screenIsLocked";

pub(in crate::desktop) fn watch(locked: Locked) {
    let locked = Arc::new(locked);
    let tell = move |_: NonNull<NSNotification>| locked();
    let block = RcBlock::new(tell);
    let name = NSString::from_str(LOCKED);
    let center = NSDistributedNotificationCenter::defaultCenter();
    let workspace = NSWorkspace::sharedWorkspace().notificationCenter();
    // SAFETY: the block is `Send` and `Sync`, as no queue is named and the poster's thread calls it. The observers are kept
    // to the program's end, with the centers, which hold them.
    unsafe {
        std::mem::forget(center.addObserverForName_object_queue_usingBlock(Some(&name), None, None, &block));
        for name in [
            NSWorkspaceScreensDidSleepNotification,
            NSWorkspaceSessionDidResignActiveNotification,
            NSWorkspaceWillSleepNotification,
        ] {
            std::mem::forget(workspace.addObserverForName_object_queue_usingBlock(Some(name), None, None, &block));
        }
    }
}
