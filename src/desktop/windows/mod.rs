//! Windows: the state of threads, messages to windows, and the notification area.

pub(super) mod awake;
pub(super) mod lock;
pub(super) mod message_window;
pub(super) mod notification;
