//! The hub on a stage: clients as the SDKs behave, a forwarding plane that checks its orders, a clock moved by hand.

mod client;
mod junk;
mod plane;
mod random;
mod scenarios;
mod stage;
mod wire;
