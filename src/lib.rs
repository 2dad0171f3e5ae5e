//! Visavis: desktop video calls that end when you say so.
//!
//! The folders are floors: each imports only lower ones, and `tests/layering.rs` holds them to it. The README draws
//! the plan. The promise of the exit lives in [`session`]; everything round it carries out what that says.

pub mod base;
pub mod proto;
pub mod testcard;

#[cfg(feature = "client")]
pub mod codec;
#[cfg(feature = "server")]
pub mod hub;
#[cfg(feature = "client")]
pub mod session;

pub mod admin;
#[cfg(feature = "client")]
pub mod devices;
#[cfg(feature = "client")]
pub mod rtc;
#[cfg(feature = "server")]
pub mod sfu;
#[cfg(feature = "client")]
pub mod signal;
#[cfg(feature = "client")]
pub mod sound;
pub mod store;
#[cfg(feature = "window")]
pub mod updates;

#[cfg(feature = "client")]
pub mod call;
#[cfg(feature = "server")]
pub mod server;

#[cfg(feature = "bot")]
pub mod bot;
#[cfg(feature = "window")]
pub mod ui;

#[cfg(feature = "client")]
pub mod cmd;

#[cfg(all(test, feature = "client"))]
mod livekit_tests;
