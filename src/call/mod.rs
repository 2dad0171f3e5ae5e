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
pub(crate) mod view;
mod wake;

pub(crate) use access::{Access, TokenSource};
pub(crate) use connection::ConnectPlan;
pub(crate) use desk::{Desk, DeskConfig, Hosted, ServerStarter, ShownHook};
pub(crate) use devices::{DeviceReport, Devices, Tenant};
pub(crate) use driver::{Call, CallConfig, EventSink, unix_ms};
pub(crate) use host::HostRights;
pub(crate) use media::Taps;
pub(crate) use panic_point::panic_point;
pub(crate) use picture_in::PictureTap;
pub(crate) use picture_out::CameraFan;
pub(crate) use studio::Studio;
pub(crate) use wake::Wake;
