//! Linux: services on D-Bus, and the X server.

pub(super) mod awake;
mod bus;
pub(super) mod display;
pub(super) mod lock;
pub(super) mod notification;
pub(super) mod portal;
