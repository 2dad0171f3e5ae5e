//! Notices of the call service, which come once; most become a toast.

use crate::base::DeviceKind;
use crate::call::view::{DeviceState, Notice};
use crate::ui::action::Action;
use crate::ui::effects::Effects;
use crate::ui::model::Model;
use crate::ui::parts::Menu;
use crate::ui::update::update;
use crate::ui::{hosting, icons, strings};

/// Applies one notice. Joins and leaves become toasts in calls of up to six people only.
pub(super) fn apply(model: &mut Model, notice: Notice, effects: &mut Effects) {
    let few = model.call().is_none_or(|c| c.people.len() < 6);
    let (icon, text) = match notice {
        Notice::Joined(name) if few => (icons::USER_PLUS, format!("{name} joined")),
        Notice::Left(name) if few => (icons::SIGN_OUT, format!("{name} left")),
        Notice::Joined(_) | Notice::Left(_) => return,
        Notice::Removed(name) => (icons::USER_MINUS, format!("{name} was removed")),
        Notice::Dropped(name) => (icons::WIFI_SLASH, format!("{name} lost the connection")),
        Notice::BackInCall => (icons::WIFI_HIGH, "You are back in the call".to_owned()),
        Notice::Device(kind) => return device_failed(model, kind),
        Notice::Refused { request, sentence } => return hosting::refused(model, &request, sentence),
        Notice::Link(link) => {
            effects.raise = true;
            return update(model, Action::OpenLink(link), effects);
        }
        Notice::Invitation(link) => {
            return update(model, Action::Copy { text: link, said: "Link copied" }, effects);
        }
        Notice::NewRelease(release) => {
            model.release = Some(release);
            return;
        }
    };
    model.toast(icon, text);
}

/// Tells that a device failed during a call, with a button that opens the list of the others.
fn device_failed(model: &mut Model, kind: DeviceKind) {
    let device = model.device(kind);
    let DeviceState::Failed(problem) = &device.state else { return };
    let (title, _) = strings::device_problem(kind, device, problem);
    let (menu, word) = match kind {
        DeviceKind::Camera => (Menu::Tool(DeviceKind::Camera), "Choose another camera"),
        DeviceKind::Microphone => (Menu::Tool(DeviceKind::Microphone), "Choose another microphone"),
        DeviceKind::Speaker => (Menu::Tool(DeviceKind::Microphone), "Choose a speaker"),
        // There is no list of screens to choose from.
        DeviceKind::Screen => return model.toast(icons::PLUGS, title.to_owned()),
    };
    model.toast_with(icons::PLUGS, title.to_owned(), Some((word, Action::ToggleMenu(menu))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::view::Snapshot;
    use crate::store::Settings;
    use std::sync::Arc;

    #[test]
    fn comings_and_goings_are_told_in_small_calls_only() {
        let mut model = Model::new(Settings::default());
        apply(&mut model, Notice::Left("Mina Park".into()), &mut Effects::default());
        assert_eq!(model.toasts[0].text, "Mina Park left");
        let mut call = crate::ui::testing::call(crate::call::view::CallPhase::Entering);
        let person = call.people[0].clone();
        call.people = vec![person; 7];
        model.snapshot = Arc::new(Snapshot { call: Some(call), ..Snapshot::default() });
        apply(&mut model, Notice::Joined("Priya Nair".into()), &mut Effects::default());
        assert_eq!(model.toasts.len(), 1);
    }
}
