//! The lobby's camera and microphone: what is chosen and switched on, and the preview while no call has the devices.

use crate::base::{DeviceKind, NO_DEVICE, SimulcastLayer};
use crate::call::devices::{DeviceOwner, DeviceReport, Devices};
use crate::call::driver::local_device;
use crate::call::view::{DeviceChoice, DeviceProblem, DeviceState, LocalDevice};
use crate::session::{DeviceSlot, Output, SessionConfig};
use std::collections::HashMap;

/// Whose the devices of the preview are; calls count from one.
pub(super) const OWNER: DeviceOwner = DeviceOwner(0);

/// What a call begins with, and a preview of it.
pub(super) struct Preview {
    /// What is chosen, in the lobby or in a call.
    choice: DeviceChoice,
    camera_on: bool,
    microphone_on: bool,
    camera: DeviceSlot,
    microphone: DeviceSlot,
    problems: HashMap<DeviceKind, DeviceProblem>,
    labels: HashMap<DeviceKind, String>,
    /// Whether the lobby wants the devices open.
    shown: bool,
}

impl Preview {
    pub(super) fn new(choice: DeviceChoice, camera_on: bool, microphone_on: bool) -> Self {
        Self {
            camera: DeviceSlot::new(DeviceKind::Camera, false, choice.camera.clone()),
            microphone: DeviceSlot::new(DeviceKind::Microphone, false, choice.microphone.clone()),
            choice,
            camera_on,
            microphone_on,
            problems: HashMap::new(),
            labels: HashMap::new(),
            shown: false,
        }
    }

    pub(super) const fn choice(&self) -> &DeviceChoice {
        &self.choice
    }

    /// Notes what is chosen, for the next call. The preview keeps what it has.
    pub(super) fn note_choice(&mut self, choice: DeviceChoice) {
        self.choice = choice;
    }

    /// Notes what is on, for the next call.
    pub(super) fn note_on(&mut self, kind: DeviceKind, on: bool) {
        match kind {
            DeviceKind::Camera => self.camera_on = on,
            DeviceKind::Microphone => self.microphone_on = on,
            // A call begins with the speaker on and no screen shared.
            DeviceKind::Speaker | DeviceKind::Screen => {}
        }
    }

    /// Shows what is chosen.
    pub(super) fn preview_choice(&mut self, devices: &mut Devices) {
        let outputs =
            [self.camera.choose(self.choice.camera.clone()), self.microphone.choose(self.choice.microphone.clone())];
        apply(outputs, devices);
        self.show(true, devices);
    }

    /// Opens what is on, or closes it.
    pub(super) fn show(&mut self, shown: bool, devices: &mut Devices) {
        self.shown = shown;
        self.refresh(devices);
    }

    /// Opens and closes what was switched since.
    pub(super) fn refresh(&mut self, devices: &mut Devices) {
        let outputs =
            [self.camera.want(self.shown && self.camera_on), self.microphone.want(self.shown && self.microphone_on)];
        apply(outputs, devices);
    }

    /// What a device of the preview has to say.
    pub(super) fn report(&mut self, report: DeviceReport, devices: &mut Devices) {
        let kind = report.kind;
        match report.problem {
            Some(problem) => self.problems.insert(kind, problem),
            None => self.problems.remove(&kind),
        };
        if !report.label.is_empty() {
            self.labels.insert(kind, report.label);
        }
        let slot = match kind {
            DeviceKind::Camera => &mut self.camera,
            DeviceKind::Microphone => &mut self.microphone,
            // The preview opens neither.
            DeviceKind::Speaker | DeviceKind::Screen => return,
        };
        slot.handle(report.generation, report.input);
        let next = slot.step();
        apply([next], devices);
    }

    /// What a call begins with, whose camera sends `layers`.
    pub(super) fn session(&self, layers: Vec<SimulcastLayer>) -> SessionConfig {
        SessionConfig {
            camera_on: self.camera_on,
            microphone_on: self.microphone_on,
            camera: self.choice.camera.clone(),
            microphone: self.choice.microphone.clone(),
            speaker: self.choice.speaker.clone(),
            camera_layers: layers,
        }
    }

    /// A call has begun, and has taken over what it wants. The rest is released; the preview starts anew afterwards.
    pub(super) fn hand_over(&mut self, devices: &mut Devices) {
        self.shown = false;
        let outputs = [
            (!self.camera_on).then(|| self.camera.want(false)).flatten(),
            (!self.microphone_on).then(|| self.microphone.want(false)).flatten(),
        ];
        apply(outputs, devices);
        self.camera = DeviceSlot::new(DeviceKind::Camera, false, self.choice.camera.clone());
        self.microphone = DeviceSlot::new(DeviceKind::Microphone, false, self.choice.microphone.clone());
        self.problems.clear();
    }

    /// What a device of the call was called.
    pub(super) fn note_label(&mut self, kind: DeviceKind, label: String) {
        self.labels.insert(kind, label);
    }

    /// A device as the lobby shows it; the preview opens neither speaker nor screen.
    pub(super) fn local(&self, kind: DeviceKind, devices: &Devices) -> LocalDevice {
        match kind {
            DeviceKind::Camera => self.device(kind, &self.camera, self.camera_on, devices),
            DeviceKind::Microphone => self.device(kind, &self.microphone, self.microphone_on, devices),
            DeviceKind::Speaker | DeviceKind::Screen => LocalDevice::default(),
        }
    }

    fn device(&self, kind: DeviceKind, slot: &DeviceSlot, on: bool, devices: &Devices) -> LocalDevice {
        let label = self.labels.get(&kind).map_or("", String::as_str);
        let mut device = local_device(slot, self.problems.get(&kind), label);
        device.wanted = on && slot.choice() != Some(NO_DEVICE);
        if device.state == DeviceState::Off && devices.is_stuck(kind) {
            device.state = DeviceState::Closing;
        }
        device
    }
}

fn apply(outputs: impl IntoIterator<Item = Option<Output>>, devices: &mut Devices) {
    for output in outputs.into_iter().flatten() {
        match output {
            Output::OpenDevice { kind, generation, id } => devices.open(OWNER, kind, generation, id),
            Output::ReleaseDevice { kind, generation, limit } => devices.release(OWNER, kind, generation, limit),
            _ => {}
        }
    }
}
