//! Turns actions into changes of the model and effects. No widget, no handle, no clock.

use crate::base::{DeviceKind, ExitRequestedBy, NO_DEVICE};
use crate::call::view::{CallCommand, CallPhase, CallView, JoinParams, TalkKey};
use crate::proto::link;
use crate::store::{RecentRoom, Theme};
use crate::ui::action::{Action, Setting};
use crate::ui::chat;
use crate::ui::checkup;
use crate::ui::details;
use crate::ui::effects::Effects;
use crate::ui::form;
use crate::ui::hosting;
use crate::ui::icons;
use crate::ui::model::{FormError, Model};
use crate::ui::parts::{Field, Focus, Menu, Question, Region, SettingsSection};
use crate::ui::people;
use crate::ui::reactions;
use crate::ui::report;
use crate::ui::screens::Screen;
use crate::ui::share::{self, ShareAction};
use crate::ui::tile_layout::TileKey;
use crate::ui::tokens::time;

/// Applies one action to the model.
pub(super) fn update(model: &mut Model, action: Action, effects: &mut Effects) {
    match action {
        Action::Type(field, text) => form::type_into(model, field, text),
        Action::Again(i) => fill_in_recent(model, i),
        Action::ClearRecent => model.settings.recent.clear(),
        Action::ToggleAdvanced => model.form.advanced = !model.form.advanced,
        Action::OpenLink(link) => form::open_link(model, &link, effects),
        Action::Join => form::join(model, effects),
        Action::Host => form::host(model, effects),
        Action::ToggleTheme => {
            model.settings.theme = if model.dark { Theme::Light } else { Theme::Dark };
        }
        Action::Set(setting) => set(model, setting, effects),
        Action::SetLayout(layout) => model.tile_layout.choose(layout),
        Action::Pin(tile, on) => pin(model, tile, on),
        Action::UnpinAll => unpin_all(model),
        Action::GoToPage(page) => go_to_page(model, page),
        Action::GoToTile(place) => {
            model.tile_layout.current = place;
            model.focus = Some(Focus::Tiles);
        }
        Action::NextRegion(from, back) => next_region(model, from, back),
        Action::Talk(state) => {
            model.talk_told = model.now;
            effects.commands.push(CallCommand::Talk(TalkKey::Window, state));
        }
        Action::ToggleSettings => toggle_settings(model),
        Action::ShowSection(section) => show_section(model, section),
        Action::ToggleMenu(menu) => toggle_menu(model, menu),
        Action::CloseMenu => model.menu = None,
        Action::Choose(kind, id) => choose(model, kind, id, effects),
        Action::Retry => {
            effects.commands.push(CallCommand::RefreshDevices);
            effects.commands.push(CallCommand::UseDevices(model.snapshot.choice.clone()));
        }
        Action::ToggleMicrophone => toggle(model, DeviceKind::Microphone, effects),
        Action::ToggleCamera => toggle(model, DeviceKind::Camera, effects),
        Action::TurnOn(kind) if model.device(kind).wanted => {}
        Action::TurnOn(DeviceKind::Screen) => share::act(model, ShareAction::Change, effects),
        Action::TurnOn(kind) => toggle(model, kind, effects),
        Action::Details(action) => details::act(model, action, effects),
        Action::Chat(action) => chat::act(model, action, effects),
        Action::Check(action) => checkup::act(model, action, effects),
        Action::People(action) => people::act(model, action, effects),
        Action::Share(action) => share::act(model, action, effects),
        Action::ShowScreen(key) => model.tile_layout.chosen_screen = Some(key),
        Action::FullScreen(on) => full_screen(model, on, effects),
        Action::FullWindow(on) => full_window(model, on, effects),
        Action::Zoom(key, zoom) => model.tile_layout.zoom = Some((key, zoom)),
        Action::ToggleHand => reactions::toggle_hand(model, effects),
        Action::React(reaction) => reactions::react(model, reaction, effects),
        Action::AsHost(action) => hosting::act(model, action, effects),
        Action::Leave(by) => leave(model, by, effects),
        Action::Stay => stay(model),
        Action::TryNow => effects.commands.push(CallCommand::TryNow),
        Action::Quit => effects.commands.push(CallCommand::Quit),
        Action::WaitForMicrophone => {
            model.remind_at = model.now + time::REMIND_OF_MICROPHONE;
            model.focus = Some(if model.screen == Screen::End { Focus::NewCall } else { Focus::Dialog });
        }
        Action::HoldToast(i) => model.hold_toast(i),
        Action::AnswerToast(i) => answer_toast(model, i, effects),
        Action::CloseNow => effects.commands.push(CallCommand::CloseNow),
        Action::KeepWaiting => model.screens.keep_waiting = true,
        Action::MoveOwn(corner) => model.own_corner = corner,
        Action::Fitted { columns, per_page } => {
            model.columns = columns;
            model.tile_layout.order.per_page = per_page;
        }
        Action::Copy { text, said } => {
            effects.copy = Some(text);
            model.toast(icons::COPY, said.to_owned());
        }
        Action::ShowRelease => effects.page = model.release.as_ref().map(|release| release.page.clone()),
        Action::CloseRelease => {
            model.settings.closed_release = model.release.as_ref().map(|release| release.version.to_string());
        }
        Action::Report(action) => report::act(model, action, effects),
        Action::NewCall => effects.commands.push(CallCommand::Dismiss),
        Action::Rejoin => rejoin(model, effects),
    }
}

/// Fills the form in with one of the rooms that were left last.
fn fill_in_recent(model: &mut Model, i: usize) {
    let Some(room) = model.settings.recent.get(i) else { return };
    model.form.room = way_back(room);
    model.form.server.clone_from(&room.server);
    model.form.error = None;
    model.focus = Some(form::first_empty_field(model));
}

/// Shows the large screen alone on the whole screen, or not any more.
pub(super) fn full_screen(model: &mut Model, on: bool, effects: &mut Effects) {
    if std::mem::replace(&mut model.full_screen, on) != on {
        model.menu = None;
        model.focus = Some(Focus::Tiles);
        effects.full_screen = Some(on || model.full_window);
    }
}

/// Fills the whole screen with the window, or not any more.
fn full_window(model: &mut Model, on: bool, effects: &mut Effects) {
    if std::mem::replace(&mut model.full_window, on) != on {
        effects.full_screen = Some(on);
    }
}

fn toggle_menu(model: &mut Model, menu: Menu) {
    // Its key opens it too; from the button the arrow keys lead into it.
    match menu {
        Menu::Reactions => model.focus = Some(Focus::ReactButton),
        Menu::View => model.focus = Some(Focus::ViewButton),
        _ => {}
    }
    model.menu = Some(menu).filter(|m| model.menu.as_ref() != Some(m));
}

fn go_to_page(model: &mut Model, page: usize) {
    model.tile_layout.page = page;
    model.tile_layout.current = 0;
}

fn pin(model: &mut Model, tile: TileKey, on: bool) {
    model.menu = None;
    model.tile_layout.pin(tile, on);
    model.tile_layout.current = 0;
    model.focus = Some(Focus::Tiles);
}

fn unpin_all(model: &mut Model) {
    model.menu = None;
    model.tile_layout.pinned.clear();
}

/// Opens the settings at a section.
fn show_section(model: &mut Model, section: SettingsSection) {
    model.settings_open = true;
    model.section = section;
    model.scroll_to = Some(section);
}

fn toggle_settings(model: &mut Model) {
    model.settings_open = !model.settings_open;
    model.menu = None;
    match (model.settings_open, model.screen) {
        (true, _) => model.focus = Some(Focus::CloseSettings),
        (false, Screen::Call) => focus_stage(model),
        (false, _) => model.focus = Some(Focus::Settings),
    }
}

/// The focus of a call whose dialog or settings were closed, and of one that was just entered: the present tile, where
/// Space talks. Without other people it is nowhere, as there Space would press the only button.
pub(super) fn focus_stage(model: &mut Model) {
    let others = model.call().is_some_and(|call| !call.people.is_empty());
    model.focus = others.then_some(Focus::Tiles);
}

fn stay(model: &mut Model) {
    model.question = None;
    focus_stage(model);
}

/// Removes the toast and applies its button's action.
fn answer_toast(model: &mut Model, i: usize, effects: &mut Effects) {
    if i < model.toasts.len()
        && let Some((_, action)) = model.toasts.remove(i).button
    {
        update(model, action, effects);
    }
}

/// Moves the focus from region `from` to the next or previous region of a call's window.
fn next_region(model: &mut Model, from: Option<Region>, back: bool) {
    let lost = matches!(model.call().map(|c| &c.phase), Some(CallPhase::Reconnecting { .. })) && !model.settings_open;
    let drawer = details::is_shown(model);
    let panel = drawer || model.panel_open();
    let all = [Region::Top, Region::Banner, Region::Tiles, Region::Panel, Region::Tools];
    let is_there = |r: &Region| (*r != Region::Banner || lost) && (*r != Region::Panel || panel);
    let regions: Vec<Region> = all.into_iter().filter(is_there).collect();
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
        Region::Panel if drawer => Focus::CloseDetails,
        Region::Panel if model.people.open => Focus::SearchPeople,
        Region::Panel => Focus::Message,
        Region::Tools => Focus::Microphone,
    });
}

fn set(model: &mut Model, setting: Setting, effects: &mut Effects) {
    let settings = &mut model.settings;
    let in_lobby = model.snapshot.call.is_none();
    match setting {
        Setting::Mirror(on) => settings.mirror = on,
        Setting::SelfView(place) => settings.self_view = place,
        Setting::OnlyWithCamera(on) => settings.only_with_camera = on,
        Setting::ReduceNoise(on) => {
            settings.reduce_noise = on;
            effects.commands.push(CallCommand::ReduceNoise(on));
        }
        Setting::TalkKey(key) => settings.talk_key = key.map(str::to_owned),
        // In the lobby the device is switched with it, as its button shows what to join with.
        Setting::JoinWithMicrophone(on) if in_lobby => join_with(model, DeviceKind::Microphone, on, effects),
        Setting::JoinWithCamera(on) if in_lobby => join_with(model, DeviceKind::Camera, on, effects),
        Setting::JoinWithMicrophone(on) => settings.join_with_microphone = on,
        Setting::JoinWithCamera(on) => settings.join_with_camera = on,
        Setting::Notifications(on) => settings.notifications = on,
        Setting::NotificationText(on) => settings.notification_text = on,
        Setting::JoinSounds(on) => settings.join_sounds = on,
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

/// Turns camera or microphone on or off in the lobby, and remembers it for the next call.
fn join_with(model: &mut Model, kind: DeviceKind, on: bool, effects: &mut Effects) {
    let (remembered, command) = match kind {
        DeviceKind::Camera => (&mut model.settings.join_with_camera, CallCommand::SetCamera(on)),
        DeviceKind::Microphone => (&mut model.settings.join_with_microphone, CallCommand::SetMicrophone(on)),
        DeviceKind::Speaker | DeviceKind::Screen => return,
    };
    *remembered = on;
    use_some_device(model, kind, on, effects);
    effects.commands.push(command);
}

/// Toggles camera or microphone.
fn toggle(model: &mut Model, kind: DeviceKind, effects: &mut Effects) {
    let on = !model.device(kind).wanted;
    if model.call().is_none() {
        return join_with(model, kind, on, effects);
    }
    use_some_device(model, kind, on, effects);
    effects.commands.push(match kind {
        DeviceKind::Camera => CallCommand::SetCamera(on),
        DeviceKind::Microphone => CallCommand::SetMicrophone(on),
        DeviceKind::Speaker | DeviceKind::Screen => return,
    });
}

/// Leaves, or asks first where the settings say so; a second press while the question stands leaves.
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

/// Prepares the model for the screen that has just replaced `from`.
pub(super) fn screen_changed(model: &mut Model, from: Screen, effects: &mut Effects) {
    model.menu = None;
    model.question = None;
    model.report = None;
    model.settings_open = false;
    share::close(model, effects);
    full_screen(model, false, effects);
    full_window(model, false, effects);
    remember_room(model);
    match model.screen {
        Screen::Lobby => {
            if let Some(CallPhase::Ended(ending)) = model.call().map(|c| &c.phase) {
                if !ending.message.is_empty() {
                    model.form.error = Some(FormError { field: Field::Form, sentence: ending.message.clone() });
                }
                effects.commands.push(CallCommand::Dismiss);
            }
            model.toasts.clear();
            model.focus = Some(form::first_empty_field(model));
            effects.commands.push(CallCommand::UseDevices(model.snapshot.choice.clone()));
        }
        Screen::Waiting => model.focus = Some(Focus::LeaveWaiting),
        Screen::Call if matches!(from, Screen::Joining | Screen::Lobby | Screen::Waiting) => focus_stage(model),
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

/// Adds an ended call to the recent rooms, if it was entered. A room on this computer is left out: it ends with its
/// server.
fn remember_room(model: &mut Model) {
    let (Some(call), Some(ending)) = (model.call(), model.ending()) else { return };
    let joined = model.joined.as_ref().filter(|joined| joined.room == call.room);
    let server = joined.map_or_else(|| Some(call.server.clone()), |joined| joined.server.clone());
    let Some(server) = server.filter(|_| model.screens.was_entered()) else { return };
    let room = RecentRoom {
        room: call.room.as_str().to_owned(),
        server,
        invitation: call.invitation.clone(),
        left_at: (ending.unix_ms / 1000.0) as i64,
        reason: ending.reason.code(),
        confirmed: ending.receipt.is_clean(),
    };
    model.settings.remember(room);
}

/// The lobby's first field for a recent room: a link when the room needs an invitation, or its name would be taken for
/// one.
fn way_back(room: &RecentRoom) -> String {
    match room.room.parse() {
        Ok(name) if room.invitation.is_some() || !link::is_bare(&name) => {
            link::link(&room.server, &name, room.invitation.as_ref())
        }
        _ => room.room.clone(),
    }
}

fn choose(model: &mut Model, kind: DeviceKind, id: Option<String>, effects: &mut Effects) {
    model.menu = None;
    // The choice in the snapshot may come from the command line; only what is chosen here is saved.
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

/// Chooses the system's default device when one is turned on while "none" is chosen.
fn use_some_device(model: &mut Model, kind: DeviceKind, on: bool, effects: &mut Effects) {
    let choice = match kind {
        DeviceKind::Camera => &model.snapshot.choice.camera,
        DeviceKind::Microphone => &model.snapshot.choice.microphone,
        DeviceKind::Speaker => &model.snapshot.choice.speaker,
        DeviceKind::Screen => return,
    };
    if on && choice.as_deref() == Some(NO_DEVICE) {
        choose(model, kind, None, effects);
    }
}

fn rejoin(model: &mut Model, effects: &mut Effects) {
    let Some(call) = model.call() else { return };
    let asked = |call: &CallView| JoinParams {
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
