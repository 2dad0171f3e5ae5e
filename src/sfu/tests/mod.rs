//! The driver against real clients (str0m as one) over sockets on loopback.

mod forwarding;
mod lifecycle;
mod odd_text;
mod peer;
mod stage;
