//! The SFU with real clients (str0m in client mode) over loopback sockets.

mod client;
mod damaged_sdp;
mod data;
mod forwarding;
mod harness;
mod lifecycle;
mod tcp;
mod tcp_client;
