//! The lobby's form: typing, links that fill it in, and the request to join.

use crate::base::display_name;
use crate::call::view::{CallCommand, CallPhase, JoinParams, RoomQuery};
use crate::proto::link::{self, LinkError};
use crate::ui::bidi::isolate;
use crate::ui::effects::Effects;
use crate::ui::icons;
use crate::ui::model::{FormError, Model};
use crate::ui::parts::{Field, Focus};
use crate::ui::screens::Screen;
use rand::Rng;

/// The first empty field, otherwise Join.
pub(super) fn first_empty_field(model: &Model) -> Focus {
    if model.form.room.trim().is_empty() {
        Focus::Room
    } else if model.form.name.trim().is_empty() {
        Focus::Name
    } else {
        Focus::Join
    }
}

pub(super) fn type_into(model: &mut Model, field: Field, text: String) {
    match field {
        Field::Room => model.form.room = text,
        Field::Name => model.form.name = text,
        Field::Server => model.form.server = text,
        Field::Form => {}
    }
    model.form.error = None;
}

/// Fills the form in from a link. During a call only a toast tells of the link.
pub(super) fn open_link(model: &mut Model, text: &str, effects: &mut Effects) {
    let place = link::parse(text);
    match model.call().map(|call| &call.phase) {
        Some(CallPhase::Ended(_)) => effects.commands.push(CallCommand::Dismiss),
        Some(_) => {
            let sentence = match place {
                Ok(place) => {
                    format!("Leave this call first, then open the link to {} again", isolate(&place.room.shown()))
                }
                Err(error) => error.to_string(),
            };
            model.toast(icons::LINK, sentence);
            return;
        }
        None => {}
    }
    model.settings_open = false;
    model.menu = None;
    match place {
        Ok(place) => {
            // The whole link where the room's name alone would not let us in, or would be taken for a link.
            let whole = place.invitation.is_some() || !link::is_bare(&place.room);
            model.form.room = if whole { text.to_owned() } else { place.room.as_str().to_owned() };
            if let Some(server) = place.server {
                model.form.server = server;
            }
            // A name that was typed is kept.
            if let Some(name) = place.name.filter(|_| model.form.name.trim().is_empty()) {
                model.form.name = name;
            }
            model.form.error = None;
            model.focus = Some(first_empty_field(model));
        }
        Err(error) => {
            model.form.room = text.to_owned();
            model.form.error = Some(FormError { field: Field::Room, sentence: error.to_string() });
            model.focus = Some(Focus::Room);
        }
    }
}

pub(super) fn join(model: &mut Model, effects: &mut Effects) {
    match request(model) {
        Ok(request) => send_join(model, request, effects),
        Err(error) => refuse(model, error),
    }
}

/// Reads the form; the error names the field that must change.
fn request(model: &Model) -> Result<JoinParams, FormError> {
    let error = |field, error: LinkError| FormError { field, sentence: error.to_string() };
    let place = link::parse(&model.form.room).map_err(|e| error(Field::Room, e))?;
    let name = display_name(&model.form.name).map_err(|e| error(Field::Name, e.into()))?;
    let server = match place.server {
        Some(server) => server,
        None if model.form.server.trim().is_empty() => return Err(error(Field::Server, LinkError::ServerMissing)),
        None => link::server(&model.form.server).map_err(|e| error(Field::Server, e))?,
    };
    Ok(JoinParams { server: Some(server), room: place.room, name, invitation: place.invitation })
}

/// The room to look up: the one that the form names, while the lobby is shown.
pub(super) fn room_question(model: &Model) -> Option<RoomQuery> {
    if model.screen != Screen::Lobby {
        return None;
    }
    let place = link::parse(&model.form.room).ok()?;
    let server = match place.server {
        Some(server) => server,
        None => link::server(&model.form.server).ok()?,
    };
    Some(RoomQuery { server, room: place.room, invitation: place.invitation })
}

pub(super) fn host(model: &mut Model, effects: &mut Effects) {
    if model.form.room.trim().is_empty() {
        model.form.room = format!("call-{}", rand::rng().random_range(1000..10000));
    }
    let error = |field, error: LinkError| FormError { field, sentence: error.to_string() };
    let request = link::parse(&model.form.room).map_err(|e| error(Field::Room, e)).and_then(|place| {
        let name = display_name(&model.form.name).map_err(|e| error(Field::Name, e.into()))?;
        Ok(JoinParams { server: None, room: place.room, name, invitation: None })
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
        Field::Server => model.form.advanced = true,
        Field::Form => {}
    }
    model.form.error = Some(error);
}

fn send_join(model: &mut Model, request: JoinParams, effects: &mut Effects) {
    model.form.error = None;
    model.settings.name.clone_from(&request.name);
    model.form.room.trim().clone_into(&mut model.settings.room);
    model.settings.server = model.form.server.trim().to_owned();
    model.joined = Some(request.clone());
    effects.commands.push(CallCommand::Join(request));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Settings;
    use crate::ui::action::Action;
    use crate::ui::testing::act;

    fn model(room: &str, name: &str, server: &str) -> Model {
        let mut settings = Settings::default();
        (settings.room, settings.name, settings.server) = (room.into(), name.into(), server.into());
        Model::new(settings)
    }

    #[test]
    fn a_link_fills_the_lobby_in_and_enters_nothing() {
        let mut model = model("old", "Mina", "ws://localhost:7880");
        let commands = act(&mut model, Action::OpenLink("visavis://calls.example/tea".into()));
        assert_eq!(commands, Vec::new());
        assert_eq!((model.form.room.as_str(), model.form.server.as_str()), ("tea", "wss://calls.example"));
        assert_eq!((model.form.error.clone(), model.focus), (None, Some(Focus::Join)));
    }

    #[test]
    fn a_name_in_a_link_fills_an_empty_field_only() {
        let link = "visavis://join?server=wss://calls.example/lk&room=Tea%20time&name=Jo";
        for (name, then) in [("Mina", "Mina"), (" ", "Jo")] {
            let mut model = model("old", name, "");
            act(&mut model, Action::OpenLink(link.into()));
            assert_eq!((model.form.name.as_str(), model.focus), (then, Some(Focus::Join)));
            assert_eq!((model.form.room.as_str(), model.form.server.as_str()), ("Tea time", "wss://calls.example/lk"));
        }
    }

    #[test]
    fn a_link_that_cannot_be_read_is_shown_with_a_sentence() {
        let mut model = model("old", "Mina", "ws://localhost:7880");
        act(&mut model, Action::OpenLink("visavis://calls.example/".into()));
        let error = model.form.error.clone().expect("a sentence");
        assert_eq!((error.field, model.form.room.as_str()), (Field::Room, "visavis://calls.example/"));
        assert!(error.sentence.contains("cannot be read"), "{}", error.sentence);
        assert_eq!(model.form.server, "ws://localhost:7880");
    }

    #[test]
    fn a_link_that_comes_during_a_call_leaves_the_call_alone() {
        let world = crate::ui::testing::World::new();
        world.call(CallPhase::InCall { elapsed: std::time::Duration::from_secs(5) });
        let mut model = model("old", "Mina", "ws://localhost:7880");
        model.snapshot = std::sync::Arc::new(world.lock().snapshot.clone());
        assert_eq!(act(&mut model, Action::OpenLink("visavis://calls.example/tea".into())), Vec::new());
        assert_eq!(model.form.room, "old");
        assert!(model.toasts[0].text.contains("tea"), "{:?}", model.toasts);
    }

    #[test]
    fn join_reads_the_form() {
        let mut m = model("Design review", " Ada Okafor ", "meet.example");
        let request = JoinParams {
            server: Some("wss://meet.example".into()),
            room: "Design review".parse().expect("a room"),
            name: "Ada Okafor".into(),
            invitation: None,
        };
        assert_eq!(act(&mut m, Action::Join), [CallCommand::Join(request)]);
        assert_eq!(m.settings.name, "Ada Okafor");
    }

    #[test]
    fn a_link_brings_its_own_server() {
        let mut m = model("https://meet.example/j/a", "Ada", "ws://127.0.0.1:7880");
        let commands = act(&mut m, Action::Join);
        assert!(matches!(&commands[..], [CallCommand::Join(r)] if r.server.as_deref() == Some("https://meet.example")));
    }

    #[test]
    fn a_bad_form_names_the_field_and_sends_nothing() {
        let long = "x".repeat(257);
        for (room, name, server, field) in [
            ("", "Ada", "ws://a", Field::Room),
            (long.as_str(), "Ada", "ws://a", Field::Room),
            ("a", "  ", "ws://a", Field::Name),
            ("a", &"n".repeat(1000), "ws://a", Field::Name),
            ("a", "Ada", "gopher://a", Field::Server),
            ("a", "Ada", " ", Field::Server),
        ] {
            let mut m = model(room, name, server);
            assert_eq!(act(&mut m, Action::Join), []);
            let error = m.form.error.clone().expect("an error");
            assert_eq!(error.field, field);
            assert!(error.sentence.ends_with('.') || error.sentence.ends_with(','), "{}", error.sentence);
            assert_eq!(m.form.advanced, field == Field::Server);
        }
    }

    #[test]
    fn hosting_needs_no_server_and_finds_a_room_name() {
        let mut m = model("", "Ada", "");
        let commands = act(&mut m, Action::Host);
        let [CallCommand::Join(request)] = &commands[..] else { panic!("{commands:?}") };
        assert_eq!(request.server, None);
        assert!(request.room.as_str().starts_with("call-"));
    }
}
