//! Actions in, changes of the model and commands out. No widget, no handle, no clock.

use crate::base::{DeviceKind, ExitRequestedBy, NO_DEVICE};
use crate::call::view::{CallCommand, CallPhase, CallView, JoinRequest};
use crate::proto::link;
use crate::store::{RecentRoom, Theme};
use crate::ui::action::{Action, Setting};
use crate::ui::form;
use crate::ui::hosting;
use crate::ui::icons;
use crate::ui::model::{Field, Focus, FormError, Model, Question, Region};
use crate::ui::screens::Screen;
use crate::ui::tokens::time;

/// What an update asks the world for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Effects {
    /// For the desk, in this order.
    pub(super) commands: Vec<CallCommand>,
    /// For the clipboard.
    pub(super) copy: Option<String>,
    /// A new size of texts and controls, in percent.
    pub(super) text_size: Option<u16>,
    /// A page for the browser.
    pub(super) page: Option<String>,
}

/// Carries one action out.
pub(super) fn update(model: &mut Model, action: Action, effects: &mut Effects) {
    match action {
        Action::Type(field, text) => form::type_into(model, field, text),
        Action::Again(i) => {
            if let Some(room) = model.settings.recent.get(i) {
                model.lobby.room = way_back(room);
                model.lobby.server.clone_from(&room.server);
                model.lobby.error = None;
                model.focus = Some(form::first_empty_field(model));
            }
        }
        Action::ClearRecent => model.settings.recent.clear(),
        Action::ToggleAdvanced => model.lobby.advanced = !model.lobby.advanced,
        Action::OpenLink(link) => form::open_link(model, &link, effects),
        Action::Join => form::join(model, effects),
        Action::Host => form::host(model, effects),
        Action::ToggleTheme => {
            model.settings.theme = if model.dark { Theme::Light } else { Theme::Dark };
        }
        Action::Set(setting) => set(model, setting, effects),
        Action::SetLayout(layout) => {
            model.tile_layout.layout = layout;
            model.tile_layout.pinned = None;
        }
        Action::Pin(tile) => {
            model.menu = None;
            model.tile_layout.pinned = tile;
            model.tile_layout.current = 0;
            model.focus = Some(Focus::Tiles);
        }
        Action::GoToPage(page) => {
            model.tile_layout.page = page;
            model.tile_layout.current = 0;
        }
        Action::GoToTile(place) => {
            model.tile_layout.current = place;
            model.focus = Some(Focus::Tiles);
        }
        Action::NextRegion(from, back) => next_region(model, from, back),
        Action::Talk(on) => talk(model, on, effects),
        Action::ToggleSettings => {
            model.settings_open = !model.settings_open;
            model.menu = None;
            model.focus = Some(if model.settings_open { Focus::CloseSettings } else { Focus::Settings });
        }
        Action::ShowSection(section) => {
            model.settings_open = true;
            model.section = section;
            model.scroll_to = Some(section);
        }
        Action::ToggleMenu(menu) => model.menu = Some(menu).filter(|m| model.menu.as_ref() != Some(m)),
        Action::CloseMenu => model.menu = None,
        Action::Choose(kind, id) => choose(model, kind, id, effects),
        Action::Retry => {
            effects.commands.push(CallCommand::RefreshDevices);
            effects.commands.push(CallCommand::UseDevices(model.snapshot.choice.clone()));
        }
        Action::ToggleMicrophone => toggle(model, DeviceKind::Microphone, effects),
        Action::ToggleCamera => toggle(model, DeviceKind::Camera, effects),
        Action::AsHost(action) => hosting::act(model, action, effects),
        Action::Leave(by) => leave(model, by, effects),
        Action::Stay => {
            let remove = matches!(model.question.take(), Some(Question::Remove(_)));
            model.focus = Some(if remove { Focus::Tiles } else { Focus::Leave });
        }
        Action::TryNow => effects.commands.push(CallCommand::TryNow),
        Action::Quit => effects.commands.push(CallCommand::Quit),
        Action::WaitForMicrophone => {
            model.patience = model.now + time::PATIENCE;
            model.focus = Some(if model.screen == Screen::End { Focus::NewCall } else { Focus::Dialog });
        }
        Action::HoldToast(i) => {
            if let Some(toast) = model.toasts.get_mut(i) {
                toast.until = toast.until.max(model.now + 1.0);
            }
        }
        Action::AnswerToast(i) => {
            if i < model.toasts.len()
                && let Some((_, action)) = model.toasts.remove(i).button
            {
                update(model, action, effects);
            }
        }
        Action::CloseNow => effects.commands.push(CallCommand::CloseNow),
        Action::KeepWaiting => model.screens.keep_waiting = true,
        Action::MoveOwn(corner) => model.own_corner = corner,
        Action::Columns(columns) => model.columns = columns,
        Action::Copy { text, said } => {
            effects.copy = Some(text);
            model.toast(icons::COPY, said.to_owned());
        }
        Action::ShowRelease => effects.page = model.release.as_ref().map(|release| release.page.clone()),
        Action::CloseRelease => {
            model.settings.closed_release = model.release.as_ref().map(|release| release.version.to_string());
        }
        Action::NewCall => effects.commands.push(CallCommand::Dismiss),
        Action::Rejoin => rejoin(model, effects),
    }
}

/// Moves the focus to the next part of a call's window.
fn next_region(model: &mut Model, from: Option<Region>, back: bool) {
    let lost = matches!(model.call().map(|c| &c.phase), Some(CallPhase::Reconnecting { .. })) && !model.settings_open;
    let all = [Region::Top, Region::Banner, Region::Tiles, Region::Tools];
    let regions: Vec<Region> = all.into_iter().filter(|r| *r != Region::Banner || lost).collect();
    let step = if back { regions.len() - 1 } else { 1 };
    let next = match from.and_then(|from| regions.iter().position(|r| *r == from)) {
        Some(at) => regions[(at + step) % regions.len()],
        None => Region::Tiles,
    };
    model.menu = None;
    model.focus = Some(match next {
        Region::Top => Focus::Settings,
        Region::Banner => Focus::Banner,
        Region::Tiles if model.settings_open => Focus::CloseSettings,
        Region::Tiles => Focus::Tiles,
        Region::Tools => Focus::Microphone,
    });
}

/// Talks while the key is held and the microphone is off otherwise.
fn talk(model: &mut Model, on: bool, effects: &mut Effects) {
    if model.talking != on && (!on || !model.snapshot.microphone.wanted) {
        model.talking = on;
        effects.commands.push(CallCommand::SetMicrophone(on));
    }
}

fn set(model: &mut Model, setting: Setting, effects: &mut Effects) {
    let settings = &mut model.settings;
    let in_lobby = model.snapshot.call.is_none();
    match setting {
        Setting::Mirror(on) => settings.mirror = on,
        Setting::ReduceNoise(on) => {
            settings.reduce_noise = on;
            effects.commands.push(CallCommand::ReduceNoise(on));
        }
        // In the lobby the device is switched with it, as its button shows what to join with.
        Setting::JoinWithMicrophone(on) if in_lobby => join_with(model, DeviceKind::Microphone, on, effects),
        Setting::JoinWithCamera(on) if in_lobby => join_with(model, DeviceKind::Camera, on, effects),
        Setting::JoinWithMicrophone(on) => settings.join_with_microphone = on,
        Setting::JoinWithCamera(on) => settings.join_with_camera = on,
        Setting::Theme(theme) => settings.theme = theme,
        Setting::TextSize(percent) => effects.text_size = Some(percent),
        Setting::ReduceMotion(on) => settings.reduce_motion = on,
        Setting::ShowReceipt(on) => settings.show_receipt = on,
        Setting::AskBeforeLeaving(on) => settings.ask_before_leaving = on,
        Setting::CheckForUpdates(on) => {
            settings.check_for_updates = Some(on);
            model.release = model.release.take().filter(|_| on);
        }
    }
}

/// Camera or microphone on or off in the lobby.
fn join_with(model: &mut Model, kind: DeviceKind, on: bool, effects: &mut Effects) {
    let (remembered, command) = match kind {
        DeviceKind::Camera => (&mut model.settings.join_with_camera, CallCommand::SetCamera(on)),
        DeviceKind::Microphone => (&mut model.settings.join_with_microphone, CallCommand::SetMicrophone(on)),
        // A call begins with the speaker on and no screen shared.
        DeviceKind::Speaker | DeviceKind::Screen => return,
    };
    *remembered = on;
    use_some_device(model, kind, on, effects);
    effects.commands.push(command);
}

/// The button or the key of camera or microphone.
fn toggle(model: &mut Model, kind: DeviceKind, effects: &mut Effects) {
    let on = !model.device(kind).wanted;
    if model.call().is_none() {
        return join_with(model, kind, on, effects);
    }
    let command = match kind {
        DeviceKind::Camera => CallCommand::SetCamera(on),
        DeviceKind::Microphone => CallCommand::SetMicrophone(on),
        // Neither has a button.
        DeviceKind::Speaker | DeviceKind::Screen => return,
    };
    use_some_device(model, kind, on, effects);
    effects.commands.push(command);
}

/// Leaves, or asks first. Whoever presses again while the question stands has answered it.
fn leave(model: &mut Model, by: ExitRequestedBy, effects: &mut Effects) {
    model.menu = None;
    let asked = matches!(model.question, Some(Question::Leave(_)));
    if model.settings.ask_before_leaving && model.screen == Screen::Call && !asked {
        model.question = Some(Question::Leave(by));
        model.focus = Some(Focus::Dialog);
        return;
    }
    model.question = None;
    model.closing |= by == ExitRequestedBy::Window;
    model.screens.press_leave();
    effects.commands.push(CallCommand::Leave(by));
}

/// What happens by itself when another screen comes.
pub(super) fn screen_changed(model: &mut Model, from: Screen, effects: &mut Effects) {
    model.menu = None;
    model.question = None;
    model.settings_open = false;
    talk(model, false, effects);
    remember_room(model);
    match model.screen {
        Screen::Lobby => {
            if let Some(CallPhase::Ended(ending)) = model.call().map(|c| &c.phase) {
                if !ending.message.is_empty() {
                    model.lobby.error = Some(FormError { field: Field::Form, sentence: ending.message.clone() });
                }
                effects.commands.push(CallCommand::Dismiss);
            }
            model.toasts.clear();
            model.focus = Some(form::first_empty_field(model));
            effects.commands.push(CallCommand::UseDevices(model.snapshot.choice.clone()));
        }
        Screen::Call if matches!(from, Screen::Joining | Screen::Lobby) => model.focus = Some(Focus::Microphone),
        Screen::End => {
            model.toasts.clear();
            model.focus = Some(Focus::NewCall);
        }
        Screen::Over(_) => {
            model.toasts.clear();
            model.focus = Some(Focus::Dialog);
        }
        Screen::Joining | Screen::Call | Screen::Leaving { .. } => {}
    }
}

/// A call that was entered and is over is one of the rooms that were left last. A room on this computer is not: it is
/// gone with its server.
fn remember_room(model: &mut Model) {
    let (Some(call), Some(ending)) = (model.call(), model.ending()) else { return };
    let joined = model.joined.as_ref().filter(|joined| joined.room == call.room);
    let server = joined.map_or_else(|| Some(call.server.clone()), |joined| joined.server.clone());
    let Some(server) = server.filter(|_| model.screens.was_entered()) else { return };
    let room = RecentRoom {
        room: call.room.to_string(),
        server,
        invitation: call.invitation.clone(),
        left_at: (ending.unix_ms / 1000.0) as i64,
        reason: ending.reason.code(),
        confirmed: ending.receipt.is_clean(),
    };
    model.settings.remember(room);
}

/// What the lobby's first field says for a room that was left: the whole link when it lets us in.
fn way_back(room: &RecentRoom) -> String {
    match (room.room.parse(), &room.invitation) {
        (Ok(id), Some(invitation)) => link::link(&room.server, &id, Some(invitation)),
        _ => room.room.clone(),
    }
}

fn choose(model: &mut Model, kind: DeviceKind, id: Option<String>, effects: &mut Effects) {
    model.menu = None;
    // The desk's choice may come from the command line; only what was chosen here is remembered.
    let mut choice = model.snapshot.choice.clone();
    let settings = &mut model.settings;
    let (chosen, remembered) = match kind {
        DeviceKind::Camera => (&mut choice.camera, &mut settings.camera),
        DeviceKind::Microphone => (&mut choice.microphone, &mut settings.microphone),
        DeviceKind::Speaker => (&mut choice.speaker, &mut settings.speaker),
        DeviceKind::Screen => return,
    };
    chosen.clone_from(&id);
    *remembered = id;
    effects.commands.push(CallCommand::UseDevices(choice));
}

/// Whoever turns a device on after choosing none means the system's.
fn use_some_device(model: &mut Model, kind: DeviceKind, on: bool, effects: &mut Effects) {
    let choice = match kind {
        DeviceKind::Camera => &model.snapshot.choice.camera,
        DeviceKind::Microphone => &model.snapshot.choice.microphone,
        DeviceKind::Speaker => &model.snapshot.choice.speaker,
        // Screens are not chosen beforehand.
        DeviceKind::Screen => return,
    };
    if on && choice.as_deref() == Some(NO_DEVICE) {
        choose(model, kind, None, effects);
    }
}

fn rejoin(model: &mut Model, effects: &mut Effects) {
    let Some(call) = model.call() else { return };
    let asked = |call: &CallView| JoinRequest {
        server: Some(call.server.clone()),
        room: call.room.clone(),
        name: call.name.clone(),
        invitation: call.invitation.clone(),
    };
    let request = model.joined.clone().filter(|r| r.room == call.room).unwrap_or_else(|| asked(call));
    effects.commands.push(CallCommand::Dismiss);
    effects.commands.push(CallCommand::Join(request));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Settings;
    use crate::ui::testing::act;

    #[test]
    fn a_device_that_is_turned_on_is_some_device() {
        let mut m = Model::new(Settings::default());
        let mut snapshot = (*m.snapshot).clone();
        snapshot.choice.camera = Some(NO_DEVICE.to_owned());
        m.snapshot = std::sync::Arc::new(snapshot);
        let commands = act(&mut m, Action::ToggleCamera);
        assert!(
            matches!(&commands[..], [CallCommand::UseDevices(c), CallCommand::SetCamera(true)] if c.camera.is_none())
        );
        assert!(matches!(&act(&mut m, Action::ToggleMicrophone)[..], [CallCommand::SetMicrophone(true)]));
    }
}
