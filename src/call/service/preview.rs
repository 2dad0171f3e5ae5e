//! The lobby's preview: the chosen devices and switches for the next call, and camera and microphone while no call runs.

use crate::base::{DeviceKind, Listed, NO_DEVICE, SimulcastLayer, WatchedVideos};
use crate::call::devices::{DeviceOwner, DeviceReport, Devices};
use crate::call::local_devices::LocalDevices;
use crate::call::view::{DeviceChoice, DeviceState, LocalDevice};
use crate::session::{DeviceSlot, Output, SessionConfig};
use std::collections::BTreeMap;

/// The owner of the preview's devices; calls count from 1.
pub(super) const OWNER: DeviceOwner = DeviceOwner(0);

/// The devices and switches of the next call, and their preview.
pub(super) struct Preview {
    /// The devices that were chosen, in the lobby or in a call.
    choice: DeviceChoice,
    camera_on: bool,
    microphone_on: bool,
    camera: DeviceSlot,
    microphone: DeviceSlot,
    local: LocalDevices,
    /// The real devices that are plugged in, by kind.
    listed: BTreeMap<DeviceKind, Listed>,
    /// Whether the lobby is shown and wants the devices open.
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
            local: LocalDevices::default(),
            listed: BTreeMap::new(),
            shown: false,
        }
    }

    pub(super) const fn choice(&self) -> &DeviceChoice {
        &self.choice
    }

    /// Keeps the chosen devices for the next call. The preview does not switch to them.
    pub(super) fn note_choice(&mut self, choice: DeviceChoice) {
        self.choice = choice;
    }

    /// Keeps whether a device is on, for the next call.
    pub(super) fn note_on(&mut self, kind: DeviceKind, on: bool) {
        match kind {
            DeviceKind::Camera => self.camera_on = on,
            DeviceKind::Microphone => self.microphone_on = on,
            // A call begins with the speaker on and no screen shared.
            DeviceKind::Speaker | DeviceKind::Screen => {}
        }
    }

    /// Shows the chosen devices.
    pub(super) fn preview_choice(&mut self, devices: &mut Devices) {
        let outputs =
            [self.camera.choose(self.choice.camera.clone()), self.microphone.choose(self.choice.microphone.clone())];
        apply(outputs, devices);
        self.show(true, devices);
    }

    /// Opens the devices that are on, or closes them.
    pub(super) fn show(&mut self, shown: bool, devices: &mut Devices) {
        self.shown = shown;
        self.refresh(devices);
    }

    /// Opens and closes devices as they are switched.
    pub(super) fn refresh(&mut self, devices: &mut Devices) {
        let outputs =
            [self.camera.want(self.shown && self.camera_on), self.microphone.want(self.shown && self.microphone_on)];
        apply(outputs, devices);
    }

    /// Follows what is plugged in.
    pub(super) fn list(&mut self, kind: DeviceKind, listed: Listed, devices: &mut Devices) {
        self.listed.insert(kind, listed.clone());
        let next = self.slot(kind).and_then(|slot| slot.list(listed));
        apply([next], devices);
    }

    /// A device of the preview, which opens neither speaker nor screen.
    fn slot(&mut self, kind: DeviceKind) -> Option<&mut DeviceSlot> {
        match kind {
            DeviceKind::Camera => Some(&mut self.camera),
            DeviceKind::Microphone => Some(&mut self.microphone),
            DeviceKind::Speaker | DeviceKind::Screen => None,
        }
    }

    /// Takes a report of a device of the preview.
    pub(super) fn take_report(&mut self, mut report: DeviceReport, devices: &mut Devices) {
        self.local.take_report(&mut report);
        let Some(slot) = self.slot(report.kind) else { return };
        slot.handle(report.generation, report.input);
        let next = slot.step();
        apply([next], devices);
    }

    /// The configuration of a session whose camera sends `layers`.
    pub(super) fn session(&self, layers: Vec<SimulcastLayer>) -> SessionConfig {
        SessionConfig {
            camera_on: self.camera_on,
            microphone_on: self.microphone_on,
            camera: self.choice.camera.clone(),
            microphone: self.choice.microphone.clone(),
            speaker: self.choice.speaker.clone(),
            screen: None,
            camera_layers: layers,
            listed: self.listed.clone().into_iter().collect(),
            watched: WatchedVideos::All,
        }
    }

    /// A call has begun and has taken over the devices that it wants. Releases the others; the slots start over.
    pub(super) fn hand_over(&mut self, devices: &mut Devices) {
        self.shown = false;
        let outputs = [
            (!self.camera_on).then(|| self.camera.want(false)).flatten(),
            (!self.microphone_on).then(|| self.microphone.want(false)).flatten(),
        ];
        apply(outputs, devices);
        self.camera = DeviceSlot::new(DeviceKind::Camera, false, self.choice.camera.clone());
        self.microphone = DeviceSlot::new(DeviceKind::Microphone, false, self.choice.microphone.clone());
        for (kind, listed) in self.listed.clone() {
            // What is not wanted is not opened.
            self.list(kind, listed, devices);
        }
        self.local.clear_problems();
    }

    /// Keeps the label of a device that a call had open.
    pub(super) fn note_label(&mut self, kind: DeviceKind, label: String) {
        self.local.set_label(kind, label);
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
        let mut device = self.local.view(kind, slot);
        device.wanted = on && slot.choice() != Some(NO_DEVICE);
        if device.state == DeviceState::Off && devices.is_stuck(kind) {
            device.state = DeviceState::Closing;
        }
        device
    }
}

/// Applies the outputs of the slots; they open and release devices and do nothing else.
fn apply(outputs: impl IntoIterator<Item = Option<Output>>, devices: &mut Devices) {
    for output in outputs.into_iter().flatten() {
        match output {
            Output::OpenDevice { kind, generation, id } => devices.open(OWNER, kind, generation, id),
            Output::ReleaseDevice { kind, generation, limit } => devices.release(OWNER, kind, generation, limit),
            _ => {}
        }
    }
}
