//! Sharing a screen or a window: the picker, and what its buttons and the sharing bar do.

use crate::base::{DeviceKind, Withheld};
use crate::call::view::{CallCommand, ShareOption};
use crate::ui::effects::Effects;
use crate::ui::model::Model;
use crate::ui::parts::Focus;
use crate::ui::screens::Screen;
use crate::ui::update::focus_stage;
use crate::ui::{icons, strings};

/// The open picker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SharePicker {
    /// The id of what is chosen.
    pub(super) chosen: Option<String>,
}

/// What a person does about sharing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ShareAction {
    /// Pressed Share: opens the picker, or stops sharing.
    Toggle,
    /// Asked for another screen or window.
    Change,
    /// Chose one in the picker, by its id.
    Choose(String),
    /// Shares what is chosen.
    Start,
    /// Closed the picker.
    Cancel,
    Stop,
    /// Lets the others see the last picture, or new ones again.
    Pause(bool),
}

pub(super) fn act(model: &mut Model, action: ShareAction, effects: &mut Effects) {
    if model.screen != Screen::Call {
        return;
    }
    match action {
        ShareAction::Toggle if model.shares() => act(model, ShareAction::Stop, effects),
        ShareAction::Toggle | ShareAction::Change => open(model, effects),
        ShareAction::Choose(id) => {
            if let Some(picker) = &mut model.share_picker {
                picker.chosen = Some(id);
            }
        }
        ShareAction::Start => {
            let Some(option) = chosen(model).map(|option| option.id.clone()) else { return };
            close(model, effects);
            effects.commands.push(CallCommand::Share(option));
        }
        ShareAction::Cancel => close(model, effects),
        ShareAction::Stop => {
            effects.commands.push(CallCommand::StopSharing);
            model.focus = Some(Focus::ShareButton);
        }
        ShareAction::Pause(paused) => effects.commands.push(CallCommand::PauseSharing(paused)),
    }
}

fn open(model: &mut Model, effects: &mut Effects) {
    if model.device(DeviceKind::Screen).withheld == Some(Withheld::NotAllowed) {
        let sentence = strings::withheld(DeviceKind::Screen, Withheld::NotAllowed);
        return model.toast(icons::PROHIBIT, sentence.to_owned());
    }
    model.menu = None;
    model.question = None;
    model.share_picker = Some(SharePicker::default());
    model.focus = Some(Focus::Dialog);
    effects.commands.push(CallCommand::WatchScreens(true));
}

/// Closes the picker, if it is open.
pub(super) fn close(model: &mut Model, effects: &mut Effects) {
    if model.share_picker.take().is_some() {
        effects.commands.push(CallCommand::WatchScreens(false));
        focus_stage(model);
    }
}

/// What is chosen in the picker, while it can still be shared.
pub(super) fn chosen(model: &Model) -> Option<&ShareOption> {
    let id = model.share_picker.as_ref()?.chosen.as_ref()?;
    model.snapshot.share_options.as_ref()?.options.iter().find(|option| option.id == *id)
}
