//! The async driver round [`crate::session`]: commands in, snapshots and events out.
//!
//! [`Call`] carries one session's outputs to [`crate::signal`], [`crate::rtc`], [`crate::devices`] and the media
//! pipelines; [`Desk`] is what a window talks to: the lobby's preview and one call at a time.

mod access;
mod connection;
mod desk;
mod devices;
mod driver;
mod endure;
mod figures;
mod host;
mod lipsync;
mod lookup;
mod media;
mod panic_point;
mod picture_in;
mod picture_out;
mod studio;
pub mod view;
mod wake;

pub use access::{Access, TokenSource};
pub use connection::ConnectPlan;
pub use desk::{Desk, DeskConfig, Hosted, ServerStarter, ShownHook};
pub use devices::{DeviceReport, Devices, Tenant};
pub use driver::{Call, CallConfig, EventSink, unix_ms};
pub use host::HostRights;
pub use media::Taps;
pub use panic_point::panic_point;
pub use picture_in::PictureTap;
pub use picture_out::CameraFan;
pub use studio::Studio;
pub use wake::Wake;
