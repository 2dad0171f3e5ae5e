//! The page "Check my set-up": what it shows, and how it goes with the check that runs elsewhere.

use crate::base::{CheckName, Finding, RoomName, Secret, Verdict};
use crate::call::view::{CallCommand, DeviceChoice, DeviceState};
use crate::proto::link;
use crate::ui::effects::Effects;
use crate::ui::model::Model;
use crate::ui::parts::Focus;
use crate::ui::screens::Screen;
use std::sync::Arc;

/// Runs checks of the set-up. No call of it waits.
pub(crate) trait Checker {
    /// Begins a check. Nothing happens while one runs.
    fn start(&mut self, request: CheckRequest);
    /// Ends the running check: what it has open is closed, and no further step begins.
    fn stop(&mut self);
    /// The newest state.
    fn progress(&self) -> CheckProgress;
    /// The function to call when the state has changed.
    fn set_waker(&mut self, wake: Arc<dyn Fn() + Send + Sync>);
}

/// What is to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckRequest {
    /// The chosen devices.
    pub(crate) devices: DeviceChoice,
    /// The server that the lobby names; `None` if it names none.
    pub(crate) server: Option<String>,
    /// The room and the invitation of the link in the lobby.
    pub(crate) invitation: Option<(RoomName, Secret<String>)>,
}

/// The state of the last check.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CheckProgress {
    /// Whether it runs.
    pub(crate) running: bool,
    /// The step that runs.
    pub(crate) current: Option<CheckName>,
    /// What was found so far, in order.
    pub(crate) findings: Vec<Finding>,
}

/// An order to the [`Checker`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CheckOrder {
    Start(CheckRequest),
    Stop,
}

/// What a person does on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckAction {
    Open,
    Again,
    Stop,
    Close,
}

/// The page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CheckPage {
    pub(super) phase: CheckPhase,
    pub(super) progress: CheckProgress,
}

/// Where the page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckPhase {
    /// The lobby's preview closes its devices: the check opens them itself.
    Preparing,
    Running,
    /// It was stopped and closes what is open.
    Stopping,
    /// It is over; whether it was stopped.
    Over {
        stopped: bool,
    },
    /// The page was closed, and waits until nothing is open any more: the lobby's preview opens the devices again.
    Closing,
}

impl CheckPage {
    /// The most severe verdict so far.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.progress.findings.iter().map(|finding| finding.verdict).max()
    }

    /// Whether it can be stopped.
    pub(super) const fn runs(&self) -> bool {
        matches!(self.phase, CheckPhase::Preparing | CheckPhase::Running)
    }
}

pub(super) fn act(model: &mut Model, action: CheckAction, effects: &mut Effects) {
    match (action, &mut model.checkup) {
        (CheckAction::Open, None) if matches!(model.screen, Screen::Lobby | Screen::End) => {
            model.settings_open = false;
            begin(model, effects);
        }
        (CheckAction::Again, Some(CheckPage { phase: CheckPhase::Over { .. }, .. })) => begin(model, effects),
        (CheckAction::Stop, Some(page)) => match page.phase {
            CheckPhase::Preparing => page.phase = CheckPhase::Over { stopped: true },
            CheckPhase::Running => {
                page.phase = CheckPhase::Stopping;
                effects.check = Some(CheckOrder::Stop);
            }
            CheckPhase::Stopping | CheckPhase::Over { .. } | CheckPhase::Closing => {}
        },
        (CheckAction::Close, Some(page)) => {
            if matches!(page.phase, CheckPhase::Running) {
                effects.check = Some(CheckOrder::Stop);
            }
            page.phase = CheckPhase::Closing;
        }
        _ => {}
    }
}

fn begin(model: &mut Model, effects: &mut Effects) {
    model.menu = None;
    model.focus = Some(Focus::CloseCheck);
    model.checkup = Some(CheckPage { phase: CheckPhase::Preparing, progress: CheckProgress::default() });
    effects.commands.push(CallCommand::HidePreview);
}

/// Takes the newest state of the check in; `None` without a checker. Begins the check when the preview has closed its
/// devices, and lets the preview open them again when the check has closed them.
pub(super) fn observe(model: &mut Model, progress: Option<CheckProgress>, effects: &mut Effects) {
    let (Some(progress), Some(page)) = (progress, &model.checkup) else { return };
    let elsewhere = !matches!(model.screen, Screen::Lobby | Screen::End);
    if elsewhere && page.runs() {
        effects.check = Some(CheckOrder::Stop);
    }
    let snapshot = &model.snapshot;
    let is_closed = |state: &DeviceState| matches!(state, DeviceState::Off | DeviceState::Failed(_));
    let closed = is_closed(&snapshot.camera.state) && is_closed(&snapshot.microphone.state);
    let running = progress.running;
    let next = match page.phase {
        _ if elsewhere => None,
        CheckPhase::Preparing if closed && !running => {
            effects.check = Some(CheckOrder::Start(request(model)));
            return set(model, CheckPhase::Running, CheckProgress { running: true, ..CheckProgress::default() });
        }
        CheckPhase::Running if !running => Some(CheckPhase::Over { stopped: false }),
        CheckPhase::Stopping if !running => Some(CheckPhase::Over { stopped: true }),
        CheckPhase::Closing if !running => None,
        CheckPhase::Preparing => return,
        phase => Some(phase),
    };
    match next {
        Some(phase) => set(model, phase, progress),
        None => {
            model.checkup = None;
            if model.screen == Screen::Lobby {
                model.focus = Some(Focus::Settings);
                effects.commands.push(CallCommand::UseDevices(model.snapshot.choice.clone()));
            }
        }
    }
}

fn set(model: &mut Model, phase: CheckPhase, progress: CheckProgress) {
    if let Some(page) = &mut model.checkup {
        *page = CheckPage { phase, progress };
    }
}

/// The devices and the server that a call would use.
fn request(model: &Model) -> CheckRequest {
    let place = link::parse(&model.form.room).ok();
    let typed = || link::server(&model.form.server).ok();
    let server = place.as_ref().and_then(|place| place.server.clone()).or_else(typed);
    let invitation = place.and_then(|place| Some((place.room, place.invitation?)));
    CheckRequest { devices: model.snapshot.choice.clone(), server, invitation }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::view::{LocalDevice, Snapshot};
    use crate::store::Settings;

    fn model(state: DeviceState) -> Model {
        let mut model = Model::new(Settings::default());
        let microphone = LocalDevice { state, ..LocalDevice::default() };
        model.snapshot = Arc::new(Snapshot { microphone, ..Snapshot::default() });
        model
    }

    fn see(model: &mut Model, running: bool) -> Effects {
        let mut effects = Effects::default();
        observe(model, Some(CheckProgress { running, ..CheckProgress::default() }), &mut effects);
        effects
    }

    fn done(model: &mut Model, action: CheckAction) -> Effects {
        let mut effects = Effects::default();
        act(model, action, &mut effects);
        effects
    }

    #[test]
    fn the_check_begins_when_the_preview_has_closed_its_devices() {
        let mut m = model(DeviceState::Open);
        m.form.server = "wss://calls.example".into();
        assert_eq!(done(&mut m, CheckAction::Open).commands, [CallCommand::HidePreview]);
        assert_eq!(see(&mut m, false).check, None, "the microphone is open");
        m.snapshot = Arc::default();
        let Some(CheckOrder::Start(request)) = see(&mut m, false).check else { panic!("no start") };
        assert_eq!(request.server.as_deref(), Some("wss://calls.example"));
        assert_eq!(see(&mut m, true), Effects::default());
        assert_eq!(see(&mut m, false), Effects::default());
        assert_eq!(m.checkup.as_ref().map(|page| page.phase), Some(CheckPhase::Over { stopped: false }));
    }

    #[test]
    fn the_preview_comes_back_when_the_check_holds_nothing_any_more() {
        let mut m = model(DeviceState::Off);
        done(&mut m, CheckAction::Open);
        see(&mut m, false);
        see(&mut m, true);
        assert_eq!(done(&mut m, CheckAction::Close).check, Some(CheckOrder::Stop));
        assert_eq!(see(&mut m, true).commands, [], "it still closes what it has open");
        assert!(matches!(see(&mut m, false).commands[..], [CallCommand::UseDevices(_)]));
        assert_eq!(m.checkup, None);
    }

    #[test]
    fn a_call_ends_the_check() {
        let mut m = model(DeviceState::Off);
        done(&mut m, CheckAction::Open);
        see(&mut m, false);
        m.screen = Screen::Joining;
        assert_eq!(see(&mut m, true).check, Some(CheckOrder::Stop));
        assert_eq!(m.checkup, None);
    }
}
