//! Our devices during a session: switching and choosing, and what their reports mean for the tracks that they feed.

use super::device_slot::SlotChange;
use super::{DeviceInput, DeviceSlot, Generation, Output, Phase, Session, Timer};
use crate::base::{DeviceKind, EventKind, Listed, Moment, TrackSource};
use std::time::Duration;

/// Pauses before a failed device is opened again by itself; the last one repeats.
const PAUSES_S: [u64; 5] = [1, 2, 5, 10, 30];
/// After so long a time open, the pauses begin anew.
const STEADY: Duration = Duration::from_secs(30);

/// The failures of a device that is to be open.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    /// In a row.
    count: usize,
    opened: Option<Moment>,
}

impl Failures {
    /// Counts a failure. Returns the pause before the device is opened again.
    fn add(&mut self, now: Moment) -> Duration {
        if self.opened.take().is_some_and(|at| now.since(at) >= STEADY) {
            self.count = 0;
        }
        let pause = PAUSES_S[self.count.min(PAUSES_S.len() - 1)];
        self.count += 1;
        Duration::from_secs(pause)
    }
}

impl Session {
    pub(super) fn set_device(&mut self, kind: DeviceKind, on: bool) {
        if self.is_leaving() {
            return;
        }
        self.forget_failures(kind);
        let output = self.slot_mut(kind).want(on);
        self.out.extend(output);
        self.after_device();
    }

    pub(super) fn choose_device(&mut self, kind: DeviceKind, id: Option<String>) {
        if self.is_leaving() {
            return;
        }
        self.forget_failures(kind);
        let output = self.slot_mut(kind).choose(id);
        self.out.extend(output);
        self.after_device();
    }

    fn forget_failures(&mut self, kind: DeviceKind) {
        self.failures.remove(&kind);
        self.timers.stop(Timer::RetryDevice(kind));
    }

    /// Opens the failed devices again without a pause.
    pub(super) fn retry_failed_devices(&mut self) {
        for kind in DeviceKind::ALL.into_iter().filter(|kind| *kind != DeviceKind::Screen) {
            if self.slot(kind).failure().is_some() {
                self.forget_failures(kind);
                self.retry_device(kind);
            }
        }
    }

    /// Opens a failed device again.
    pub(super) fn retry_device(&mut self, kind: DeviceKind) {
        let output = self.slot_mut(kind).retry();
        self.out.extend(output);
    }

    pub(super) fn list_devices(&mut self, kind: DeviceKind, listed: Listed) {
        if self.is_leaving() {
            return;
        }
        let output = self.slot_mut(kind).list(listed);
        self.out.extend(output);
        self.after_device();
    }

    pub(super) fn step_device(&mut self, kind: DeviceKind) {
        let output = self.slot_mut(kind).step();
        self.out.extend(output);
    }

    /// Takes a report of a device.
    pub(super) fn device(&mut self, kind: DeviceKind, generation: Generation, input: DeviceInput, now: Moment) {
        let Some(change) = self.slot_mut(kind).handle(generation, input) else { return };
        match &change {
            SlotChange::Opened(_) => self.failures.entry(kind).or_default().opened = Some(now),
            SlotChange::Failed { .. } | SlotChange::FailedAgain => self.device_failed(kind, now),
            SlotChange::Closed { .. } | SlotChange::OpeningCancelled => {}
        }
        let event = match change {
            SlotChange::Opened(id) => Some(EventKind::DeviceOpened { kind, id }),
            SlotChange::Closed { id, detail } => Some(EventKind::DeviceClosed { kind, id, message: detail }),
            SlotChange::Failed { id, message } => Some(EventKind::DeviceFailed { kind, id, message }),
            SlotChange::OpeningCancelled | SlotChange::FailedAgain => None,
        };
        self.out.extend(event.map(Output::Event));
        if let Phase::Leaving(_) = self.phase {
            self.device_while_leaving(kind, now);
        } else {
            self.step_device(kind);
            self.after_device();
        }
    }

    fn device_failed(&mut self, kind: DeviceKind, now: Moment) {
        // A shared screen or window that is gone does not come back.
        if kind != DeviceKind::Screen && !self.is_leaving() {
            let pause = self.failures.entry(kind).or_default().add(now);
            self.timers.set(Timer::RetryDevice(kind), now + pause);
        }
    }

    /// Lets the tracks follow their devices, once we have joined.
    fn after_device(&mut self) {
        if matches!(self.phase, Phase::Entering(ref e) if e.joined.is_none()) {
            return;
        }
        self.unpublish_ended_screen();
        if self.may_announce() {
            self.publish_wanted();
        }
        self.send_mutes();
    }

    /// Whether the device of a source is wanted and has not failed. A device that is being opened counts as on, unless it is
    /// opened again after a failure.
    pub(super) fn source_is_on(&self, source: TrackSource) -> bool {
        source.device().is_some_and(|kind| {
            let slot = self.slot(kind);
            slot.is_wanted() && slot.failure().is_none()
        })
    }

    pub(super) fn slot_mut(&mut self, kind: DeviceKind) -> &mut DeviceSlot {
        match kind {
            DeviceKind::Camera => &mut self.camera,
            DeviceKind::Microphone => &mut self.microphone,
            DeviceKind::Speaker => &mut self.speaker,
            DeviceKind::Screen => &mut self.screen,
        }
    }
}
