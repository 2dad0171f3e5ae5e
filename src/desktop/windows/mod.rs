//! Windows: the state of threads, and messages to windows.

pub(super) mod awake;
pub(super) mod lock;
pub(super) mod message_window;
