//! The exit: bounded steps, and the receipt that they write.
//!
//! 1. New work is refused: nothing is opened, published or reconnected.
//! 2. Camera, microphone and screen are released, and in the same drain the goodbye is sent. Neither waits for the other:
//!    a dead network cannot keep the camera on, and a stuck driver cannot delay the goodbye.
//! 3. The peer connections are closed when the goodbye is written out; the signalling link when the server has
//!    acknowledged it, or after [`GOODBYE_LIMIT`].
//! 4. When every device, the peer connections and the link are closed, ExitRoom follows with the receipt.
//!
//! ExitRoom follows at [`CEILING`] at the latest; a step that is not confirmed by then is named in the receipt.
//! The others receive RemoteUserLeaveRoom at step 2, or, if the goodbye is lost, when the server's grace ends.

use crate::base::{DeviceKind, ExitReason, Moment, Receipt, ReceiptStep, StepName, StepState};
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest wait for the server's acknowledgement of the goodbye.
pub(super) const GOODBYE_LIMIT: Duration = Duration::from_millis(1500);
/// Longest wait for the peer connections and the link to close after that.
pub(super) const CLOSE_LIMIT: Duration = Duration::from_millis(300);
/// Latest time of ExitRoom after the beginning of the exit (the promise is 2 s).
pub(super) const CEILING: Duration = Duration::from_millis(1950);
/// Latest time of ExitRoom after [`Input::CloseNow`](crate::session::Input::CloseNow).
pub const CLOSE_NOW: Duration = Duration::from_millis(250);
/// Time for a device to close after `CloseNow`; then its driver takes it away by force.
pub(super) const RELEASE_NOW: Duration = Duration::from_millis(180);

/// An exit in progress.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// The reason; the first one stands.
    pub reason: ExitReason,
    /// When the exit was requested, or the server's `leave` arrived.
    pub since: Moment,
    /// For `EntryFailed` and `ConnectionLost`: a sentence for the user.
    pub message: String,
    /// Names of the participants in the room, who are told.
    pub told: Vec<String>,
    done: BTreeMap<StepName, ReceiptStep>,
    pub(super) speaker_open: bool,
    /// Whether the link was asked to close.
    pub(super) closing_link: bool,
    /// Whether the peer connections were asked to close.
    pub(super) closing_peers: bool,
    /// The first problem in closing, for the line `ConnectionsClosed`.
    pub(super) trouble: Option<(StepState, String)>,
}

impl Leaving {
    /// An exit of which no step has ended.
    pub(super) fn new(reason: ExitReason, since: Moment, message: String, told: Vec<String>) -> Self {
        Self {
            reason,
            since,
            message,
            told,
            done: BTreeMap::new(),
            speaker_open: false,
            closing_link: false,
            closing_peers: false,
            trouble: None,
        }
    }

    /// Ends a step; the first end stands.
    pub(super) fn finish(&mut self, step: StepName, state: StepState, detail: impl Into<String>, now: Moment) {
        let ms = if state == StepState::NotApplicable { 0.0 } else { now.millis_since(self.since) };
        let line = ReceiptStep { step, state, ms, detail: detail.into() };
        self.done.entry(step).or_insert(line);
    }

    /// Whether a step has ended.
    pub(super) fn is_done(&self, step: StepName) -> bool {
        self.done.contains_key(&step)
    }

    /// The steps that have ended, in the receipt's order.
    pub fn done(&self) -> impl Iterator<Item = &ReceiptStep> {
        self.done.values()
    }

    /// The steps that have not ended.
    pub fn running(&self) -> impl Iterator<Item = StepName> {
        ALL_STEPS.into_iter().filter(|s| !self.is_done(*s))
    }

    /// Whether every step has ended.
    pub(super) fn is_complete(&self) -> bool {
        self.running().next().is_none()
    }

    /// The receipt; steps that have not ended are unconfirmed.
    pub(super) fn receipt(mut self, now: Moment) -> Receipt {
        for step in ALL_STEPS {
            self.finish(step, StepState::Unconfirmed, "no confirmation within the limit", now);
        }
        Receipt { steps: self.done.into_values().collect() }
    }
}

const ALL_STEPS: [StepName; 5] = [
    StepName::CameraReleased,
    StepName::MicrophoneReleased,
    StepName::ScreenReleased,
    StepName::OthersTold,
    StepName::ConnectionsClosed,
];

/// The receipt's line of a device. The speaker belongs to `ConnectionsClosed`.
pub(super) const fn step_of(kind: DeviceKind) -> Option<StepName> {
    match kind {
        DeviceKind::Camera => Some(StepName::CameraReleased),
        DeviceKind::Microphone => Some(StepName::MicrophoneReleased),
        DeviceKind::Screen => Some(StepName::ScreenReleased),
        DeviceKind::Speaker => None,
    }
}
