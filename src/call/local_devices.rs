//! Our devices as the window shows them: the state of a slot, with the label and the problem from the device's reports.

use super::devices::DeviceReport;
use super::view::{DeviceProblem, DeviceState, LocalDevice};
use crate::base::{DeviceKind, DeviceProblemKind};
use crate::session::{DeviceSlot, SlotState};
use std::collections::HashMap;

/// Labels and problems of our devices, from their reports. The preview owns one, and so does each call.
#[derive(Debug, Default)]
pub(super) struct LocalDevices {
    problems: HashMap<DeviceKind, DeviceProblem>,
    labels: HashMap<DeviceKind, String>,
}

impl LocalDevices {
    /// Takes label and problem out of a report. A report without a problem clears the last one.
    pub(super) fn take_report(&mut self, report: &mut DeviceReport) {
        match report.problem.take() {
            Some(problem) => self.problems.insert(report.kind, problem),
            None => self.problems.remove(&report.kind),
        };
        if !report.label.is_empty() {
            self.labels.insert(report.kind, std::mem::take(&mut report.label));
        }
    }

    /// Sets the label of a device that another owner has opened.
    pub(super) fn set_label(&mut self, kind: DeviceKind, label: String) {
        self.labels.insert(kind, label);
    }

    /// Forgets the problems, not the labels.
    pub(super) fn clear_problems(&mut self) {
        self.problems.clear();
    }

    /// The device of a slot as the window shows it.
    pub(super) fn view(&self, kind: DeviceKind, slot: &DeviceSlot) -> LocalDevice {
        let (id, state) = match (slot.failure(), slot.state()) {
            // Also while it is opened again by itself.
            (Some(failure), _) => {
                let unknown = || DeviceProblem { kind: DeviceProblemKind::Other, message: failure.message.clone() };
                (failure.id.as_str(), DeviceState::Failed(self.problems.get(&kind).cloned().unwrap_or_else(unknown)))
            }
            (None, SlotState::Closed | SlotState::Failed(_)) => (slot.choice().unwrap_or_default(), DeviceState::Off),
            (None, SlotState::Opening { choice }) => (choice.as_deref().unwrap_or_default(), DeviceState::Opening),
            (None, SlotState::Open { id, .. }) => (id.as_str(), DeviceState::Open),
            (None, SlotState::Releasing { id, .. }) => (id.as_str(), DeviceState::Closing),
        };
        let label = self.labels.get(&kind).cloned().unwrap_or_default();
        let wanted = slot.is_wanted();
        let missing = slot.is_missing().then(|| slot.choice().unwrap_or_default().to_owned());
        LocalDevice { id: id.to_owned(), label, wanted, state, withheld: None, missing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::devices::DeviceOwner;
    use crate::session::{DeviceInput, Generation};

    fn report(problem: Option<DeviceProblem>, label: &str) -> DeviceReport {
        DeviceReport {
            owner: DeviceOwner(1),
            kind: DeviceKind::Camera,
            generation: Generation(1),
            input: DeviceInput::Opened { id: "cam".into() },
            problem,
            label: label.into(),
        }
    }

    #[test]
    fn a_failed_device_shows_the_problem_of_its_report_and_keeps_its_label() {
        let mut slot = DeviceSlot::new(DeviceKind::Camera, false, None);
        slot.want(true);
        slot.handle(Generation(1), DeviceInput::Failed { id: "cam".into(), message: "busy".into() });
        let mut local = LocalDevices::default();
        let state = |local: &LocalDevices| local.view(DeviceKind::Camera, &slot).state;
        let unknown = DeviceProblem { kind: DeviceProblemKind::Other, message: "busy".into() };
        assert_eq!(state(&local), DeviceState::Failed(unknown.clone()));
        local.take_report(&mut report(None, "Camera"));
        let busy = DeviceProblem { kind: DeviceProblemKind::Busy, message: "busy".into() };
        local.take_report(&mut report(Some(busy.clone()), ""));
        assert_eq!(state(&local), DeviceState::Failed(busy));
        assert_eq!(local.view(DeviceKind::Camera, &slot).label, "Camera");
        local.take_report(&mut report(None, ""));
        assert_eq!(state(&local), DeviceState::Failed(unknown));
    }
}
