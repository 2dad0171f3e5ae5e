//! The window as the desktop sees it: name, icon, the title with the state of the devices, and notifications.

use super::App;
use crate::base::DeviceKind;
use crate::call::view::{CallPhase, DeviceState};
use crate::ui::model::Model;
use crate::ui::notifications::Circumstances;
use crate::ui::strings;
use crate::ui::tokens::size;
use egui::{Context, ViewportBuilder, ViewportCommand, ViewportId};
use std::time::Duration;

/// The title of a window without a call.
pub(super) const TITLE: &str = "Visavis";

/// The name by which a Linux desktop finds the program's entry and icon: Wayland's app id, X11's window class.
const APP_ID: &str = "io.github.visavis_call.Visavis";

/// Size, title and icon of the window.
pub(crate) fn viewport() -> ViewportBuilder {
    let icon = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/icons/app-icon-128.png"));
    let builder = match eframe::icon_data::from_png_bytes(icon) {
        Ok(icon) => ViewportBuilder::default().with_icon(icon),
        Err(error) => {
            tracing::warn!(%error, "the window's icon cannot be read");
            ViewportBuilder::default()
        }
    };
    builder.with_title(TITLE).with_app_id(APP_ID).with_inner_size(size::WINDOW).with_min_inner_size(size::MIN_WINDOW)
}

impl App {
    /// Has the system tell of news in a call that the user does not see, and no longer where they see it.
    pub(super) fn notify(&mut self, ctx: &Context, hidden: bool) {
        let model = &mut self.model;
        let snapshot = model.snapshot.clone();
        let room = going_on(model).then(|| snapshot.call.as_ref().map(|call| call.room.shown())).flatten();
        let screen = &snapshot.screen;
        let circumstances = Circumstances {
            room: room.as_deref(),
            seen: !hidden && ctx.input(|i| i.focused),
            shares: screen.wanted || !matches!(screen.state, DeviceState::Off | DeviceState::Failed(_)),
            wanted: model.settings.notifications,
            with_text: model.settings.notification_text,
        };
        if let Some(order) = model.notifications.decide(model.now, &circumstances) {
            (self.options.on_notification)(order);
        }
        if let Some(seconds) = model.notifications.next_change(model.now) {
            ctx.request_repaint_after_for(Duration::from_secs_f64(seconds.max(0.002)), ViewportId::ROOT);
        }
    }

    /// Tells in the title, which the taskbar shows, what of us is open in a call: by the devices' state, not by the switches.
    pub(super) fn show_state(&mut self, ctx: &Context) {
        let model = &self.model;
        let is_open = |kind| matches!(model.device(kind).state, DeviceState::Open | DeviceState::Closing);
        let title = match model.call().filter(|_| going_on(model)) {
            Some(call) => {
                let [camera, microphone, screen] =
                    [DeviceKind::Camera, DeviceKind::Microphone, DeviceKind::Screen].map(is_open);
                strings::title(&call.room.shown(), camera, microphone, screen)
            }
            None => TITLE.to_owned(),
        };
        if title != self.title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }
}

/// Whether a call goes on: from its entry to the beginning of its exit.
fn going_on(model: &Model) -> bool {
    model.call().is_some_and(|call| matches!(call.phase, CallPhase::InCall { .. } | CallPhase::Reconnecting { .. }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_desktop_entry_is_that_of_the_window() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/linux");
        let entry = std::fs::read_to_string(folder.join(format!("{}.desktop", super::APP_ID))).expect("an entry");
        assert!(entry.lines().any(|line| line == format!("StartupWMClass={}", super::APP_ID)), "{entry}");
    }
}
