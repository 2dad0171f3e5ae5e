//! Runs calls: the async layer around [`crate::session`].
//!
//! A [`Call`] applies the outputs of one session to [`crate::signal`], [`crate::rtc`], [`crate::devices`] and the media
//! pipelines, and passes their reports back as inputs. [`CallService`] serves the window: it owns the lobby's
//! preview and one call at a time. Headless participants own a [`Call`] themselves.

mod audio;
mod connection;
mod credentials;
mod decodability;
mod devices;
mod driver;
mod history;
mod host;
mod lipsync;
mod local_devices;
mod lookup;
mod media;
mod panic_point;
mod pictures;
mod report;
mod restart;
mod route;
mod service;
mod share_options;
mod statistics;
mod video_decoder;
mod video_encoder;
pub(crate) mod view;
mod volumes;

pub(crate) use audio::CallAudio;
pub(crate) use connection::ConnectPlan;
pub(crate) use credentials::{JoinCredentials, TokenSource, user_id};
pub(crate) use devices::{DeviceOwner, DeviceReport, Devices};
pub(crate) use driver::{Call, CallConfig, EventSink};
pub(crate) use media::MediaObserver;
pub(crate) use panic_point::panic_point;
pub(crate) use service::{CallService, CallServiceConfig, HostedServer, ServerStarter};
pub(crate) use video_decoder::VideoTap;
pub(crate) use video_encoder::VideoFanout;
