//! Visavis: desktop video calls that end when you say so.
//!
//! The folders are floors: each imports only lower ones. `ARCHITECTURE.md` describes them, and `tests/layering` checks
//! the imports. [`session`] decides the exit; the floors above it apply its outputs.

// Code that one feature alone uses is dead without that feature, so only the build with all features is checked for it.
#![cfg_attr(not(all(feature = "window", feature = "server", feature = "bot")), allow(dead_code, unused_imports))]

pub mod base;
pub mod proto;
pub(crate) mod testcard;

pub(crate) mod clock;
pub(crate) mod http;
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) mod net;

#[cfg(feature = "client")]
pub(crate) mod codec;
#[cfg(feature = "server")]
pub mod hub;
#[cfg(feature = "client")]
pub mod session;

pub(crate) mod admin;
#[cfg(feature = "client")]
pub(crate) mod audio;
#[cfg(feature = "window")]
pub(crate) mod desktop;
#[cfg(feature = "client")]
pub(crate) mod devices;
#[cfg(feature = "client")]
pub(crate) mod rtc;
#[cfg(feature = "server")]
pub(crate) mod sfu;
#[cfg(feature = "client")]
pub(crate) mod signal;
#[cfg(all(feature = "bot", feature = "server"))]
pub mod stage;
pub(crate) mod store;
#[cfg(feature = "window")]
pub(crate) mod updates;

#[cfg(feature = "client")]
pub(crate) mod call;
#[cfg(feature = "server")]
pub(crate) mod server;
#[cfg(feature = "client")]
pub(crate) mod support;

#[cfg(feature = "bot")]
pub(crate) mod bot;
#[cfg(feature = "bot")]
pub(crate) mod doctor;
#[cfg(all(feature = "bot", feature = "server"))]
pub(crate) mod scenario;
#[cfg(feature = "window")]
pub(crate) mod ui;

#[cfg(feature = "client")]
pub mod cmd;

#[cfg(all(test, feature = "client"))]
mod livekit_tests;
