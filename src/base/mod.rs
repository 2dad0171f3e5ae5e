//! Plain data that every folder shares: ids, reasons, the exit receipt, events, frames, time.
//!
//! The lowest floor: no clock, no socket, no thread, no other folder.

mod chat;
mod checkup;
mod codec;
mod connection;
mod device;
mod entry;
mod event;
mod frame;
mod hand;
mod id;
mod media;
mod name;
mod orientation;
mod reason;
mod receipt;
mod room;
mod secret;
mod sender_report;
mod simulcast;
mod statistics;
mod time;
mod timeline;
mod timers;
mod watching;

pub use chat::{ChatMessage, ChatPerson, Delivery};
pub(crate) use checkup::{CheckName, CheckNews, CheckPart, Finding, GraphicsAdapter, Verdict};
pub use codec::{Codec, Undecodable};
pub use connection::{CandidatePair, CandidateType, Carrier, IceServer, SignalTarget, Transport};
pub(crate) use device::{
    DeviceEntry, DeviceLists, DeviceProblemKind, ScreenSource, ScreenSourceKind, ScreenSources, SharingSupport,
    names_real_device,
};
pub use device::{Listed, Withheld};
pub use entry::EntryErrorKind;
pub(crate) use event::{CallPlace, Event};
pub use event::{EventKind, ExitRequestedBy, TrackVerification, Verification};
pub(crate) use frame::{FrameSlot, Plane, VideoFrame, VideoFrameError};
pub use hand::{RaisedHand, Reaction};
pub use id::{IdError, RoomId, RoomName, TrackSid, UserId};
pub(crate) use id::{SessionId, display_name};
pub(crate) use media::LOUDEST;
pub use media::{DeviceKind, MediaKind, TrackRef, TrackRole, TrackSource};
pub(crate) use media::{EncodedFrame, MediaPacket, NO_DEVICE, PcmFormat, VIDEO_CODEC};
pub(crate) use name::{cut, shown_name, visible, visible_lines};
pub(crate) use orientation::Orientation;
pub use reason::{ExitReason, RemoteLeaveReason};
pub use receipt::{Receipt, ReceiptStep, StepName, StepState};
pub use room::ConnectionQuality;
pub(crate) use room::RoomState;
pub use secret::Secret;
pub(crate) use sender_report::SenderReport;
pub use simulcast::SimulcastLayer;
pub use statistics::{DeviceStatistics, LocalStatistics, RemoteStatistics, Statistics};
pub use time::Moment;
pub(crate) use timeline::TimelineEntry;
pub(crate) use timers::Timers;
pub use watching::{VideoView, WatchedVideos};
