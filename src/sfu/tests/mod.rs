//! The driver against real clients (str0m as one) over sockets on loopback.

mod client;
mod damaged_sdp;
mod forwarding;
mod harness;
mod lifecycle;
