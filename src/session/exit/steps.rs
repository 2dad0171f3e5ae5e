//! The exit: numbered, bounded steps, and the receipt that they write.
//!
//! 1. New work is refused: nothing is opened, published or reconnected any more.
//! 2. Camera, microphone and screen are released, and in the same drain the goodbye is sent. Neither waits for the other:
//!    a dead network cannot keep the camera on, a stuck driver cannot make the others think we froze.
//! 3. The peers are closed as soon as the goodbye is written out; the socket once the server has acknowledged it, or
//!    after [`GOODBYE_LIMIT`].
//! 4. When every device, the peers and the socket are closed, ExitRoom comes with the receipt.
//!
//! Whatever happens, it comes at [`CEILING`] at the latest; what was not seen to happen until then is named.
//! The others see our RemoteUserLeaveRoom at step 2, or within the server's grace if the goodbye did not get through.

use crate::base::{DeviceKind, ExitReason, Moment, Receipt, ReceiptStep, StepName, StepState};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long the server's acknowledgement of the goodbye is awaited.
pub const GOODBYE_LIMIT: Duration = Duration::from_millis(1500);
/// How long closing peers and socket may take after that.
pub const CLOSE_LIMIT: Duration = Duration::from_millis(300);
/// ExitRoom comes after so long at the latest (the promise says 2 s).
pub const CEILING: Duration = Duration::from_millis(1950);
/// The same after "do not wait any longer".
pub const CLOSE_NOW: Duration = Duration::from_millis(250);
/// How long a device may take to let go then, before it is taken away by force.
pub(in crate::session) const RELEASE_NOW: Duration = Duration::from_millis(180);

/// An exit under way.
#[derive(Clone, Debug)]
pub struct Leaving {
    /// Why.
    pub reason: ExitReason,
    /// When it was asked for, or the server's word came.
    pub since: Moment,
    /// For `EntryFailed` and `ConnectionLost`: a plain sentence.
    pub message: String,
    /// Who was in the room and is told.
    pub told: Vec<String>,
    done: BTreeMap<StepName, ReceiptStep>,
    pub(in crate::session) peers_open: bool,
    pub(in crate::session) link_open: bool,
    pub(in crate::session) speaker_open: bool,
    /// Whether the link may be closed, now that the goodbye is done with.
    pub(in crate::session) closing_link: bool,
    pub(in crate::session) closing_peers: bool,
    /// What went wrong with closing, for the receipt.
    pub(in crate::session) trouble: Option<(StepState, String)>,
}

impl Leaving {
    /// An exit in which everything is still to be done.
    pub(in crate::session) fn new(reason: ExitReason, since: Moment, message: String, told: Vec<String>) -> Self {
        Self {
            reason,
            since,
            message,
            told,
            done: BTreeMap::new(),
            peers_open: false,
            link_open: false,
            speaker_open: false,
            closing_link: false,
            closing_peers: false,
            trouble: None,
        }
    }

    /// Ends a step, once: what was written first stands.
    pub(in crate::session) fn finish(
        &mut self,
        step: StepName,
        state: StepState,
        detail: impl Into<String>,
        now: Moment,
    ) {
        let ms = if state == StepState::NotApplicable { 0.0 } else { now.millis_since(self.since) };
        let line = ReceiptStep { step, state, ms, detail: detail.into() };
        self.done.entry(step).or_insert(line);
    }

    /// Whether a step has ended.
    pub fn is_done(&self, step: StepName) -> bool {
        self.done.contains_key(&step)
    }

    /// The steps that have ended, in the receipt's order.
    pub fn done(&self) -> impl Iterator<Item = &ReceiptStep> {
        self.done.values()
    }

    /// The steps that still run.
    pub fn running(&self) -> impl Iterator<Item = StepName> {
        ALL_STEPS.into_iter().filter(|s| !self.is_done(*s))
    }

    /// Whether connections count as closed.
    pub(in crate::session) fn connections_closed(&self) -> bool {
        !self.peers_open && !self.link_open && !self.speaker_open
    }

    /// Whether ExitRoom is due.
    pub(in crate::session) fn is_complete(&self) -> bool {
        self.running().next().is_none()
    }

    /// The receipt; steps that still run are written as unconfirmed.
    pub(in crate::session) fn receipt(mut self, now: Moment) -> Receipt {
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

/// The receipt's line of a device; the speaker is a part of closing.
pub(in crate::session) const fn step_of(kind: DeviceKind) -> Option<StepName> {
    match kind {
        DeviceKind::Camera => Some(StepName::CameraReleased),
        DeviceKind::Microphone => Some(StepName::MicrophoneReleased),
        DeviceKind::Screen => Some(StepName::ScreenReleased),
        DeviceKind::Speaker => None,
    }
}
