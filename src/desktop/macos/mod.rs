//! macOS: power assertions, and notifications.

pub(super) mod awake;
pub(super) mod lock;
pub(super) mod notification;
