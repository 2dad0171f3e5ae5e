//! Our devices during a session: switching, choosing, and what their reports mean for the tracks that they feed.

use super::{DeviceInput, DeviceSlot, Generation, Output, Phase, Session, SlotChange, SlotState};
use crate::base::{DeviceKind, EventKind, Moment, NO_DEVICE, TrackSource};

impl Session {
    pub(super) fn set_device(&mut self, kind: DeviceKind, on: bool) {
        if matches!(self.phase, Phase::Leaving(_) | Phase::Gone(_)) {
            return;
        }
        let output = self.slot_mut(kind).want(on);
        self.out.extend(output);
        self.after_device();
    }

    pub(super) fn choose_device(&mut self, kind: DeviceKind, id: Option<String>) {
        if matches!(self.phase, Phase::Leaving(_) | Phase::Gone(_)) {
            return;
        }
        let output = self.slot_mut(kind).choose(id);
        self.out.extend(output);
        self.after_device();
    }

    pub(super) fn step_device(&mut self, kind: DeviceKind) {
        if let Some(output) = self.slot_mut(kind).step() {
            self.out.push_back(output);
        }
    }

    pub(super) fn device(&mut self, kind: DeviceKind, generation: Generation, input: DeviceInput, now: Moment) {
        let Some(change) = self.slot_mut(kind).handle(generation, input) else { return };
        let event = match change {
            SlotChange::Opened(id) => Some(EventKind::DeviceOpened { kind, id }),
            SlotChange::Closed { id, detail } => Some(EventKind::DeviceClosed { kind, id, message: detail }),
            SlotChange::Failed { id, message } => Some(EventKind::DeviceFailed { kind, id, message }),
            SlotChange::GivenUp => None,
        };
        self.out.extend(event.map(Output::Event));
        if let Phase::Leaving(_) = self.phase {
            self.device_while_leaving(kind, now);
        } else {
            self.step_device(kind);
            self.after_device();
        }
    }

    /// Tracks follow their devices: published when first wanted, muted while nothing feeds them.
    fn after_device(&mut self) {
        if matches!(self.phase, Phase::Entering(ref e) if e.joined.is_none()) {
            return;
        }
        if self.joined_mut().is_some() {
            self.publish_wanted();
        }
        self.tell_mutes();
    }

    /// Whether a device is wanted and has not failed; while it opens, its track counts as live.
    pub(super) fn source_is_fed(&self, source: TrackSource) -> bool {
        source.device().is_some_and(|kind| {
            let s = self.slot(kind);
            s.wanted() && s.choice() != Some(NO_DEVICE) && !matches!(s.state(), SlotState::Failed { .. })
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
