//! Actions in, changes of the model and commands out. No widget, no handle, no clock.

use crate::base::{DeviceKind, ExitRequestedBy, NO_DEVICE, display_name};
use crate::call::view::{CallView, Command, JoinRequest, Phase, RoomQuestion};
use crate::proto::link::{self, LinkError};
use crate::store::{RecentRoom, Theme};
use crate::ui::action::{Action, Setting};
use crate::ui::flow::Screen;
use crate::ui::hosting;
use crate::ui::icons;
use crate::ui::model::{Field, Focus, FormError, Model, Question, Region};
use crate::ui::tokens::time;
use rand::Rng;

/// What an update asks the world for.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Effects {
    /// For the desk, in this order.
    pub(super) commands: Vec<Command>,
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
        Action::Type(field, text) => type_into(model, field, text),
        Action::Again(i) => {
            if let Some(room) = model.settings.recent.get(i) {
                model.lobby.room = way_back(room);
                model.lobby.server.clone_from(&room.server);
                model.lobby.error = None;
                model.focus = Some(first_empty_field(model));
            }
        }
        Action::ClearRecent => model.settings.recent.clear(),
        Action::ToggleAdvanced => model.lobby.advanced = !model.lobby.advanced,
        Action::OpenLink(link) => open_link(model, &link, effects),
        Action::Join => join(model, effects),
        Action::Host => host(model, effects),
        Action::ToggleTheme => {
            model.settings.theme = if model.dark { Theme::Light } else { Theme::Dark };
        }
        Action::Set(setting) => set(model, setting, effects),
        Action::SetLayout(layout) => {
            model.seating.layout = layout;
            model.seating.pinned = None;
        }
        Action::Pin(user) => {
            model.menu = None;
            model.seating.pinned = user;
            model.seating.current = 0;
            model.focus = Some(Focus::Stage);
        }
        Action::GoToPage(page) => {
            model.seating.page = page;
            model.seating.current = 0;
        }
        Action::GoToTile(place) => {
            model.seating.current = place;
            model.focus = Some(Focus::Stage);
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
            effects.commands.push(Command::RefreshDevices);
            effects.commands.push(Command::UseDevices(model.snapshot.choice.clone()));
        }
        Action::ToggleMicrophone => toggle(model, DeviceKind::Microphone, effects),
        Action::ToggleCamera => toggle(model, DeviceKind::Camera, effects),
        Action::AsHost(action) => hosting::act(model, action, effects),
        Action::Leave(by) => leave(model, by, effects),
        Action::Stay => {
            let remove = matches!(model.question.take(), Some(Question::Remove(_)));
            model.focus = Some(if remove { Focus::Stage } else { Focus::Leave });
        }
        Action::TryNow => effects.commands.push(Command::TryNow),
        Action::Quit => effects.commands.push(Command::Quit),
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
        Action::CloseNow => effects.commands.push(Command::CloseNow),
        Action::KeepWaiting => model.flow.keep_waiting = true,
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
        Action::NewCall => effects.commands.push(Command::Dismiss),
        Action::Rejoin => rejoin(model, effects),
    }
}

/// Moves the focus to the next part of a call's window.
fn next_region(model: &mut Model, from: Option<Region>, back: bool) {
    let lost = matches!(model.call().map(|c| &c.phase), Some(Phase::Reconnecting { .. })) && !model.settings_open;
    let all = [Region::Top, Region::Banner, Region::Stage, Region::Tools];
    let regions: Vec<Region> = all.into_iter().filter(|r| *r != Region::Banner || lost).collect();
    let step = if back { regions.len() - 1 } else { 1 };
    let next = match from.and_then(|from| regions.iter().position(|r| *r == from)) {
        Some(at) => regions[(at + step) % regions.len()],
        None => Region::Stage,
    };
    model.menu = None;
    model.focus = Some(match next {
        Region::Top => Focus::Settings,
        Region::Banner => Focus::Banner,
        Region::Stage if model.settings_open => Focus::CloseSettings,
        Region::Stage => Focus::Stage,
        Region::Tools => Focus::Microphone,
    });
}

/// Talks while the key is held and the microphone is off otherwise.
fn talk(model: &mut Model, on: bool, effects: &mut Effects) {
    if model.talking != on && (!on || !model.snapshot.microphone.wanted) {
        model.talking = on;
        effects.commands.push(Command::SetMicrophone(on));
    }
}

fn set(model: &mut Model, setting: Setting, effects: &mut Effects) {
    let settings = &mut model.settings;
    let in_lobby = model.snapshot.call.is_none();
    match setting {
        Setting::Mirror(on) => settings.mirror = on,
        Setting::ReduceNoise(on) => {
            settings.reduce_noise = on;
            effects.commands.push(Command::ReduceNoise(on));
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
        DeviceKind::Camera => (&mut model.settings.join_with_camera, Command::SetCamera(on)),
        _ => (&mut model.settings.join_with_microphone, Command::SetMicrophone(on)),
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
    use_some_device(model, kind, on, effects);
    effects.commands.push(if kind == DeviceKind::Camera { Command::SetCamera(on) } else { Command::SetMicrophone(on) });
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
    model.flow.press_leave();
    effects.commands.push(Command::Leave(by));
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
            if let Some(Phase::Ended(ending)) = model.call().map(|c| &c.phase) {
                if !ending.message.is_empty() {
                    model.lobby.error = Some(FormError { field: Field::Form, sentence: ending.message.clone() });
                }
                effects.commands.push(Command::Dismiss);
            }
            model.toasts.clear();
            model.focus = Some(first_empty_field(model));
            effects.commands.push(Command::UseDevices(model.snapshot.choice.clone()));
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
    let Some(server) = server.filter(|_| model.flow.was_entered()) else { return };
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

/// The first empty field of the lobby, otherwise Join.
pub(super) fn first_empty_field(model: &Model) -> Focus {
    if model.lobby.room.trim().is_empty() {
        Focus::Room
    } else if model.lobby.name.trim().is_empty() {
        Focus::Name
    } else {
        Focus::Join
    }
}

fn type_into(model: &mut Model, field: Field, text: String) {
    match field {
        Field::Room => model.lobby.room = text,
        Field::Name => model.lobby.name = text,
        Field::Server => model.lobby.server = text,
        Field::Form => {}
    }
    model.lobby.error = None;
}

/// Fills the form in. During a call it says what the link is for, and leaves the call alone.
fn open_link(model: &mut Model, text: &str, effects: &mut Effects) {
    let place = link::parse(text);
    match model.call().map(|call| &call.phase) {
        Some(Phase::Ended(_)) => effects.commands.push(Command::Dismiss),
        Some(_) => {
            let sentence = match place {
                Ok(place) => format!("Leave this call first, then open the link to {} again", place.room),
                Err(error) => error.to_string(),
            };
            model.toast(icons::LINK, sentence);
            return;
        }
        None => {}
    }
    // The lobby is to be seen.
    model.settings_open = false;
    model.menu = None;
    match place {
        Ok(place) => {
            // The whole link when it lets us in: without its invitation, the room alone would be of no use.
            model.lobby.room = if place.invitation.is_some() { text.to_owned() } else { place.room.to_string() };
            if let Some(server) = place.server {
                model.lobby.server = server;
            }
            // Whoever has a name keeps it.
            if let Some(name) = place.name.filter(|_| model.lobby.name.trim().is_empty()) {
                model.lobby.name = name;
            }
            model.lobby.error = None;
            model.focus = Some(first_empty_field(model));
        }
        Err(error) => {
            model.lobby.room = text.to_owned();
            model.lobby.error = Some(FormError { field: Field::Room, sentence: error.to_string() });
            model.focus = Some(Focus::Room);
        }
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
    effects.commands.push(Command::UseDevices(choice));
}

/// Whoever turns a device on after choosing none means the system's.
fn use_some_device(model: &mut Model, kind: DeviceKind, on: bool, effects: &mut Effects) {
    let choice = match kind {
        DeviceKind::Camera => &model.snapshot.choice.camera,
        _ => &model.snapshot.choice.microphone,
    };
    if on && choice.as_deref() == Some(NO_DEVICE) {
        choose(model, kind, None, effects);
    }
}

fn join(model: &mut Model, effects: &mut Effects) {
    match request(model) {
        Ok(request) => send_join(model, request, effects),
        Err(error) => refuse(model, error),
    }
}

/// Reads the form; the error names the field that must change.
fn request(model: &Model) -> Result<JoinRequest, FormError> {
    let error = |field, error: LinkError| FormError { field, sentence: error.to_string() };
    let place = link::parse(&model.lobby.room).map_err(|e| error(Field::Room, e))?;
    let name = display_name(&model.lobby.name).map_err(|e| error(Field::Name, e.into()))?;
    let server = match place.server {
        Some(server) => server,
        None if model.lobby.server.trim().is_empty() => return Err(error(Field::Server, LinkError::ServerMissing)),
        None => link::server(&model.lobby.server).map_err(|e| error(Field::Server, e))?,
    };
    Ok(JoinRequest { server: Some(server), room: place.room, name, invitation: place.invitation })
}

/// The room that the lobby's form names, for as long as nobody joins it.
pub(super) fn room_question(model: &Model) -> Option<RoomQuestion> {
    if model.screen != Screen::Lobby {
        return None;
    }
    let place = link::parse(&model.lobby.room).ok()?;
    let server = match place.server {
        Some(server) => server,
        None => link::server(&model.lobby.server).ok()?,
    };
    Some(RoomQuestion { server, room: place.room, invitation: place.invitation })
}

fn host(model: &mut Model, effects: &mut Effects) {
    if model.lobby.room.trim().is_empty() {
        model.lobby.room = format!("call-{}", rand::rng().random_range(1000..10000));
    }
    let error = |field, error: LinkError| FormError { field, sentence: error.to_string() };
    let request = link::parse(&model.lobby.room).map_err(|e| error(Field::Room, e)).and_then(|place| {
        let name = display_name(&model.lobby.name).map_err(|e| error(Field::Name, e.into()))?;
        Ok(JoinRequest { server: None, room: place.room, name, invitation: None })
    });
    match request {
        Ok(request) => send_join(model, request, effects),
        Err(error) => refuse(model, error),
    }
}

fn refuse(model: &mut Model, error: FormError) {
    match error.field {
        Field::Room => model.focus = Some(Focus::Room),
        Field::Name => model.focus = Some(Focus::Name),
        Field::Server => model.lobby.advanced = true,
        Field::Form => {}
    }
    model.lobby.error = Some(error);
}

fn send_join(model: &mut Model, request: JoinRequest, effects: &mut Effects) {
    model.lobby.error = None;
    model.settings.name.clone_from(&request.name);
    model.lobby.room.trim().clone_into(&mut model.settings.room);
    model.settings.server = model.lobby.server.trim().to_owned();
    model.joined = Some(request.clone());
    effects.commands.push(Command::Join(request));
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
    effects.commands.push(Command::Dismiss);
    effects.commands.push(Command::Join(request));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RoomId;
    use crate::store::Settings;

    fn model(room: &str, name: &str, server: &str) -> Model {
        let mut settings = Settings::default();
        (settings.room, settings.name, settings.server) = (room.into(), name.into(), server.into());
        Model::new(settings)
    }

    fn act(model: &mut Model, action: Action) -> Vec<Command> {
        let mut effects = Effects::default();
        update(model, action, &mut effects);
        effects.commands
    }

    #[test]
    fn a_link_fills_the_lobby_in_and_enters_nothing() {
        let mut model = model("old", "Mina", "ws://localhost:7880");
        let commands = act(&mut model, Action::OpenLink("visavis://calls.example/tea".into()));
        assert_eq!(commands, Vec::new());
        assert_eq!((model.lobby.room.as_str(), model.lobby.server.as_str()), ("tea", "wss://calls.example"));
        assert_eq!((model.lobby.error.clone(), model.focus), (None, Some(Focus::Join)));
    }

    #[test]
    fn a_name_in_a_link_is_for_those_who_have_none() {
        let link = "visavis://join?server=wss://calls.example/lk&room=Tea%20time&name=Jo";
        for (name, then) in [("Mina", "Mina"), (" ", "Jo")] {
            let mut model = model("old", name, "");
            act(&mut model, Action::OpenLink(link.into()));
            assert_eq!((model.lobby.name.as_str(), model.focus), (then, Some(Focus::Join)));
            assert_eq!(
                (model.lobby.room.as_str(), model.lobby.server.as_str()),
                ("Tea time", "wss://calls.example/lk")
            );
        }
    }

    #[test]
    fn a_link_that_cannot_be_read_is_shown_with_a_sentence() {
        let mut model = model("old", "Mina", "ws://localhost:7880");
        act(&mut model, Action::OpenLink("visavis://calls.example/".into()));
        let error = model.lobby.error.clone().expect("a sentence");
        assert_eq!((error.field, model.lobby.room.as_str()), (Field::Room, "visavis://calls.example/"));
        assert!(error.sentence.contains("cannot be read"), "{}", error.sentence);
        assert_eq!(model.lobby.server, "ws://localhost:7880");
    }

    #[test]
    fn a_link_that_comes_during_a_call_leaves_the_call_alone() {
        let world = crate::ui::testing::World::new();
        world.call(Phase::InCall { elapsed: std::time::Duration::from_secs(5) });
        let mut model = model("old", "Mina", "ws://localhost:7880");
        model.snapshot = std::sync::Arc::new(world.lock().snapshot.clone());
        assert_eq!(act(&mut model, Action::OpenLink("visavis://calls.example/tea".into())), Vec::new());
        assert_eq!(model.lobby.room, "old");
        assert!(model.toasts[0].text.contains("tea"), "{:?}", model.toasts);
    }

    #[test]
    fn join_reads_the_form() {
        let mut m = model("Design review", " Ada Okafor ", "meet.example");
        let request = JoinRequest {
            server: Some("wss://meet.example".into()),
            room: RoomId::Text("Design review".into()),
            name: "Ada Okafor".into(),
            invitation: None,
        };
        assert_eq!(act(&mut m, Action::Join), [Command::Join(request)]);
        assert_eq!(m.settings.name, "Ada Okafor");
    }

    #[test]
    fn a_device_that_is_turned_on_is_some_device() {
        let mut m = model("a", "Ada", "ws://a");
        let mut snapshot = (*m.snapshot).clone();
        snapshot.choice.camera = Some(NO_DEVICE.to_owned());
        m.snapshot = std::sync::Arc::new(snapshot);
        let commands = act(&mut m, Action::ToggleCamera);
        assert!(matches!(&commands[..], [Command::UseDevices(c), Command::SetCamera(true)] if c.camera.is_none()));
        assert!(matches!(&act(&mut m, Action::ToggleMicrophone)[..], [Command::SetMicrophone(true)]));
    }

    #[test]
    fn a_link_brings_its_own_server() {
        let mut m = model("https://meet.example/j/a", "Ada", "ws://127.0.0.1:7880");
        let commands = act(&mut m, Action::Join);
        assert!(matches!(&commands[..], [Command::Join(r)] if r.server.as_deref() == Some("https://meet.example")));
    }

    #[test]
    fn a_bad_form_names_the_field_and_sends_nothing() {
        let long = "x".repeat(65);
        for (room, name, server, field) in [
            ("", "Ada", "ws://a", Field::Room),
            (long.as_str(), "Ada", "ws://a", Field::Room),
            ("num/4294967295", "Ada", "ws://a", Field::Room),
            ("a", "  ", "ws://a", Field::Name),
            ("a", &"n".repeat(1000), "ws://a", Field::Name),
            ("a", "Ada", "gopher://a", Field::Server),
            ("a", "Ada", " ", Field::Server),
        ] {
            let mut m = model(room, name, server);
            assert_eq!(act(&mut m, Action::Join), []);
            let error = m.lobby.error.clone().expect("an error");
            assert_eq!(error.field, field);
            assert!(error.sentence.ends_with('.') || error.sentence.ends_with(','), "{}", error.sentence);
            assert_eq!(m.lobby.advanced, field == Field::Server);
        }
    }

    #[test]
    fn hosting_needs_no_server_and_finds_a_room_name() {
        let mut m = model("", "Ada", "");
        let commands = act(&mut m, Action::Host);
        let [Command::Join(request)] = &commands[..] else { panic!("{commands:?}") };
        assert_eq!(request.server, None);
        assert!(request.room.to_string().starts_with("call-"));
    }
}
