//! The driver against real clients (str0m as one) over sockets on loopback.

mod forwarding;
mod lifecycle;
mod peer;
mod stage;
