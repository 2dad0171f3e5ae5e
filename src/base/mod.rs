//! Words that everyone in the house uses: ids, reasons, the exit receipt, events, frames, time.
//!
//! Level 0 of the floor plan: nothing here knows a clock, a socket, a thread or another folder.

mod entry;
mod event;
mod frame;
mod id;
mod media;
mod reason;
mod receipt;
mod secret;
mod simulcast;
mod time;
mod timers;

pub use entry::EntryErrorKind;
pub use event::{Event, EventKind, ExitRequestedBy, RemoteStatistics, Statistics, Verification};
pub use frame::{FrameSlot, Plane, VideoFrame, VideoFrameError};
pub use id::{IdError, RoomId, SessionId, UserId, display_name};
pub use media::{DeviceKind, EncodedFrame, MediaKind, MediaPacket, NO_DEVICE, PcmFormat, TrackSource};
pub use reason::{ExitReason, RemoteLeaveReason};
pub use receipt::{Receipt, ReceiptStep, StepName, StepState};
pub use secret::Secret;
pub use simulcast::SimulcastLayer;
pub use time::Moment;
pub use timers::Timers;
