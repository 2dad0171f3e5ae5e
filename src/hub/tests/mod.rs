//! The hub with simulated clients that behave like the SDKs, a fake forwarding plane that checks each command, and a
//! clock moved by hand.

mod client;
mod codecs;
mod door;
mod dynacast;
mod fake_sfu;
mod hands;
mod hosts;
mod no_panic;
mod random;
mod rooms;
mod scenarios;
mod stage;
mod turn;
mod unsupported;
mod wire;
