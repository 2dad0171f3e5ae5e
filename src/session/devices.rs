//! Our devices during a session: switching and choosing, and what their reports mean for the tracks that they feed.

use super::device_slot::SlotChange;
use super::{DeviceInput, DeviceSlot, Generation, Output, Phase, Session, SlotState};
use crate::base::{DeviceKind, EventKind, Moment, TrackSource};

impl Session {
    pub(super) fn set_device(&mut self, kind: DeviceKind, on: bool) {
        if self.is_leaving() {
            return;
        }
        let output = self.slot_mut(kind).want(on);
        self.out.extend(output);
        self.after_device();
    }

    pub(super) fn choose_device(&mut self, kind: DeviceKind, id: Option<String>) {
        if self.is_leaving() {
            return;
        }
        let output = self.slot_mut(kind).choose(id);
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
        let event = match change {
            SlotChange::Opened(id) => Some(EventKind::DeviceOpened { kind, id }),
            SlotChange::Closed { id, detail } => Some(EventKind::DeviceClosed { kind, id, message: detail }),
            SlotChange::Failed { id, message } => Some(EventKind::DeviceFailed { kind, id, message }),
            SlotChange::OpeningCancelled => None,
        };
        self.out.extend(event.map(Output::Event));
        if let Phase::Leaving(_) = self.phase {
            self.device_while_leaving(kind, now);
        } else {
            self.step_device(kind);
            self.after_device();
        }
    }

    /// Lets the tracks follow their devices, once we have joined.
    fn after_device(&mut self) {
        if matches!(self.phase, Phase::Entering(ref e) if e.joined.is_none()) {
            return;
        }
        if self.joined_mut().is_some() {
            self.publish_wanted();
        }
        self.send_mutes();
    }

    /// Whether the device of a source is wanted and has not failed. A device that is being opened counts as on.
    pub(super) fn source_is_on(&self, source: TrackSource) -> bool {
        source.device().is_some_and(|kind| {
            let slot = self.slot(kind);
            slot.is_wanted() && !matches!(slot.state(), SlotState::Failed { .. })
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
