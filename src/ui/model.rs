//! Everything the views may see. Plain data: they read it and answer with [`Action`](super::action::Action)s.

use crate::base::{DeviceKind, ExitRequestedBy, SessionId, StepName, StepState, UserId};
use crate::call::view::{
    CallPhase, CallSummary, CallView, DeviceState, JoinRequest, LocalDevice, Notice, Person, RoomQuery, RoomStatus,
    Snapshot,
};
use crate::proto::release::Release;
use crate::store::Settings;
use crate::ui::action::Action;
use crate::ui::screens::{Screen, Screens};
use crate::ui::strings;
use crate::ui::tile_layout::{TileKey, TileLayout};
use crate::ui::tokens::{DARK, LIGHT, Palette, meter, time};
use jiff::tz::TimeZone;
use std::sync::Arc;

/// The window's state.
pub(super) struct Model {
    /// Seconds of the window's clock.
    pub(super) now: f64,
    /// Unix time in ms.
    pub(super) unix_ms: f64,
    /// What the desk shows.
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) settings: Settings,
    /// Whether the dark theme is on, after asking the system.
    pub(super) dark: bool,
    pub(super) screens: Screens,
    pub(super) screen: Screen,
    pub(super) lobby: Lobby,
    /// The room that the desk was asked for last.
    pub(super) asked: Option<RoomQuery>,
    pub(super) menu: Option<Menu>,
    /// Whether the settings cover lobby, tiles or end screen.
    pub(super) settings_open: bool,
    /// The section of the settings that was looked at last.
    pub(super) section: SettingsSection,
    /// The section that is brought into view in this frame.
    pub(super) scroll_to: Option<SettingsSection>,
    /// A question that is to be answered before anything else.
    pub(super) question: Option<Question>,
    /// The widget that gets the focus in this frame.
    pub(super) focus: Option<Focus>,
    pub(super) toasts: Vec<Toast>,
    pub(super) meter: Meter,
    pub(super) own_corner: Corner,
    pub(super) tile_layout: TileLayout,
    /// The key that talks while the microphone is off is held.
    pub(super) talking: bool,
    /// Columns of the grid, kept so that one more person does not shuffle everybody.
    pub(super) columns: usize,
    /// The window was asked to close; it does when the call has ended.
    pub(super) closing: bool,
    /// Until when nothing is said of a microphone that does not close.
    pub(super) patience: f64,
    pub(super) zone: TimeZone,
    /// What was joined last, for "Rejoin".
    pub(super) joined: Option<JoinRequest>,
    /// A newer version.
    pub(super) release: Option<Release>,
    /// The call that we asked the server to end for everyone.
    pub(super) ended_by_us: Option<SessionId>,
}

/// The lobby's form.
#[derive(Clone, Debug, Default)]
pub(super) struct Lobby {
    pub(super) room: String,
    pub(super) name: String,
    pub(super) server: String,
    /// Whether the server's field is unfolded.
    pub(super) advanced: bool,
    pub(super) error: Option<FormError>,
}

/// A sentence under a field of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FormError {
    pub(super) field: Field,
    pub(super) sentence: String,
}

/// A place of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Room,
    Name,
    Server,
    /// The whole form: what the server answered.
    Form,
}

/// An open menu; at most one is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Menu {
    /// A picker of the lobby.
    Picker(DeviceKind),
    /// The devices of a tool button in a call.
    Tool(DeviceKind),
    /// What can be done with somebody's tile.
    Tile(TileKey),
    /// A host's two ways to leave.
    Leave,
}

/// A part of a call's window, from top to bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    Top,
    Banner,
    Tiles,
    Tools,
}

/// A section of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum SettingsSection {
    #[default]
    Audio,
    Video,
    Appearance,
    Leaving,
    Shortcuts,
    About,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether to leave; asked where the settings say so.
    Leave(ExitRequestedBy),
    /// Whether a host removes somebody.
    Remove(UserId),
    /// Whether a host ends the call for everyone.
    End,
}

/// What can be given the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Focus {
    Room,
    Name,
    Join,
    Microphone,
    Leave,
    /// The present tile, or what there is instead.
    Tiles,
    /// The button of a lost connection's banner.
    Banner,
    NewCall,
    /// The way into the settings.
    Settings,
    /// The way out of them.
    CloseSettings,
    /// The safest button of a dialog.
    Dialog,
}

/// Where the own picture lies beside one other person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Corner {
    pub(super) left: bool,
    pub(super) top: bool,
}

/// A short note at the bottom.
#[derive(Clone, Debug)]
pub(super) struct Toast {
    pub(super) text: String,
    pub(super) icon: char,
    pub(super) until: f64,
    /// What can be done about it.
    pub(super) button: Option<(&'static str, Action)>,
}

/// The microphone's level as the meter shows it: quick up, slow down.
#[derive(Debug)]
pub(super) struct Meter {
    /// dBFS.
    pub(super) level: f32,
    /// Since when nobody would hear us.
    silent_since: f64,
    last: f64,
}

impl Default for Meter {
    fn default() -> Self {
        Self { level: meter::FLOOR_DB, silent_since: 0.0, last: 0.0 }
    }
}

impl Meter {
    /// Follows `target` (dBFS) until `now`.
    pub(super) fn follow(&mut self, target: f32, now: f64) {
        let seconds = (now - self.last).clamp(0.0, 1.0) as f32;
        self.last = now;
        let target = target.clamp(meter::FLOOR_DB, 0.0);
        let constant = if target > self.level { meter::ATTACK } else { meter::RELEASE };
        self.level += (target - self.level) * (1.0 - (-seconds / constant).exp());
        if (self.level - target).abs() < 0.2 {
            self.level = target;
        }
        if self.level > meter::SILENT_DB {
            self.silent_since = now;
        }
    }

    /// Whether it still moves towards `target`.
    pub(super) fn is_moving(&self, target: f32) -> bool {
        self.level != target.clamp(meter::FLOOR_DB, 0.0)
    }

    /// What it says in words.
    pub(super) fn words(&self, now: f64) -> &'static str {
        if self.level > meter::LOUD_DB {
            "Too loud"
        } else if now - self.silent_since >= meter::SILENT_AFTER {
            "We cannot hear you"
        } else {
            "You sound good"
        }
    }

    /// How many of its segments are lit.
    pub(super) fn lit(&self) -> usize {
        let part = (self.level - meter::FLOOR_DB) / -meter::FLOOR_DB;
        (part * meter::SEGMENTS as f32).round() as usize
    }
}

impl Model {
    /// A window that has seen nothing yet.
    pub(super) fn new(settings: Settings) -> Self {
        let lobby = Lobby {
            room: settings.room.clone(),
            name: settings.name.clone(),
            server: settings.server.clone(),
            ..Lobby::default()
        };
        Self {
            now: 0.0,
            unix_ms: 0.0,
            snapshot: Arc::default(),
            settings,
            dark: true,
            screens: Screens::default(),
            screen: Screen::Lobby,
            lobby,
            asked: None,
            menu: None,
            settings_open: false,
            section: SettingsSection::default(),
            scroll_to: None,
            question: None,
            focus: None,
            toasts: Vec::new(),
            meter: Meter::default(),
            own_corner: Corner::default(),
            tile_layout: TileLayout::default(),
            talking: false,
            columns: 0,
            closing: false,
            patience: 0.0,
            zone: TimeZone::system(),
            joined: None,
            release: None,
            ended_by_us: None,
        }
    }

    /// The colours of the theme.
    pub(super) const fn palette(&self) -> &'static Palette {
        if self.dark { &DARK } else { &LIGHT }
    }

    /// The call, if one is open or its end is shown.
    pub(super) fn call(&self) -> Option<&CallView> {
        self.snapshot.call.as_ref()
    }

    /// Somebody else in the call.
    pub(super) fn person(&self, user: &UserId) -> Option<&Person> {
        self.call()?.people.iter().find(|p| p.user == *user)
    }

    /// What is known of the room that the form names.
    pub(super) fn room_status(&self) -> Option<RoomStatus> {
        let (question, news) = self.snapshot.room.as_ref()?;
        (self.asked.as_ref() == Some(question)).then_some(*news)
    }

    /// Our device of that kind.
    pub(super) fn device(&self, kind: DeviceKind) -> &LocalDevice {
        match kind {
            DeviceKind::Camera => &self.snapshot.camera,
            DeviceKind::Microphone => &self.snapshot.microphone,
            DeviceKind::Speaker => &self.snapshot.speaker,
            DeviceKind::Screen => &self.snapshot.screen,
        }
    }

    /// How the call ended, while that is shown.
    pub(super) fn ending(&self) -> Option<&CallSummary> {
        match &self.call()?.phase {
            CallPhase::Ended(ending) => Some(ending),
            _ => None,
        }
    }

    /// The newer version that the lobby tells of: not one whose note was closed.
    pub(super) fn release_note(&self) -> Option<&Release> {
        let closed = self.settings.closed_release.as_deref();
        self.release.as_ref().filter(|release| closed != Some(release.version.to_string().as_str()))
    }

    /// Whether to ask if newer versions are to be looked for: once somebody has been in a call, and never again.
    pub(super) fn asks_about_updates(&self) -> bool {
        self.settings.check_for_updates.is_none() && !self.settings.recent.is_empty()
    }

    /// What the microphone is called that is still open though the call is over.
    pub(super) fn stuck_microphone(&self) -> Option<&str> {
        let microphone = &self.snapshot.microphone;
        let told = self.ending()?.receipt.step(StepName::MicrophoneReleased)?.state;
        let open =
            matches!(told, StepState::Failed | StepState::Unconfirmed) && microphone.state == DeviceState::Closing;
        (open && self.now >= self.patience).then_some(microphone.label.as_str())
    }

    /// Adds a toast; of more than two the oldest goes.
    pub(super) fn toast(&mut self, icon: char, text: String) {
        self.toast_with(icon, text, None);
    }

    /// Adds a toast with a button; it stays longer.
    fn toast_with(&mut self, icon: char, text: String, button: Option<(&'static str, Action)>) {
        let seconds = if button.is_some() { time::TOAST_WITH_BUTTON } else { time::TOAST };
        self.toasts.push(Toast { text, icon, until: self.now + seconds, button });
        if self.toasts.len() > 2 {
            self.toasts.remove(0);
        }
    }

    /// Turns a notice into a toast. Coming and going is told up to six people; above that it would never be quiet.
    pub(super) fn notice(&mut self, notice: Notice) {
        use crate::ui::icons::{SIGN_OUT, USER_MINUS, USER_PLUS, WIFI_HIGH, WIFI_SLASH};
        let few = self.call().is_none_or(|c| c.people.len() < 6);
        let (icon, text) = match notice {
            Notice::Joined(name) if few => (USER_PLUS, format!("{name} joined")),
            Notice::Left(name) if few => (SIGN_OUT, format!("{name} left")),
            Notice::Joined(_) | Notice::Left(_) => return,
            Notice::Removed(name) => (USER_MINUS, format!("{name} was removed")),
            Notice::Dropped(name) => (WIFI_SLASH, format!("{name} lost the connection")),
            Notice::BackInCall => (WIFI_HIGH, "You are back in the call".to_owned()),
            Notice::Device(kind) => return self.device_notice(kind),
            Notice::Refused { request, sentence } => return crate::ui::hosting::refused(self, &request, sentence),
            // The window opens the one and copies the other.
            Notice::Link(_) | Notice::Invitation(_) => return,
            Notice::NewRelease(release) => {
                self.release = Some(release);
                return;
            }
        };
        self.toast(icon, text);
    }

    /// A device failed in a call: what happened, and the list of others to choose from.
    fn device_notice(&mut self, kind: DeviceKind) {
        let device = self.device(kind);
        let DeviceState::Failed(problem) = &device.state else { return };
        let (title, _) = strings::device_problem(kind, device, problem);
        let (menu, word) = match kind {
            // There is no list of screens to choose from.
            DeviceKind::Screen => return self.toast(crate::ui::icons::PLUGS, title.to_owned()),
            DeviceKind::Camera => (Menu::Tool(DeviceKind::Camera), "Choose another camera"),
            DeviceKind::Microphone => (Menu::Tool(DeviceKind::Microphone), "Choose another microphone"),
            DeviceKind::Speaker => (Menu::Tool(DeviceKind::Microphone), "Choose a speaker"),
        };
        self.toast_with(crate::ui::icons::PLUGS, title.to_owned(), Some((word, Action::ToggleMenu(menu))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_rises_quickly_and_falls_slowly() {
        let mut meter = Meter::default();
        meter.follow(-12.0, 0.1);
        assert!(meter.level > -13.0 && meter.lit() == 14, "{meter:?}");
        meter.follow(-90.0, 0.2);
        assert!(meter.level > -30.0, "{meter:?}");
        assert_eq!(meter.words(0.2), "You sound good");
        for tick in 3..60 {
            meter.follow(-90.0, f64::from(tick) * 0.1);
        }
        assert_eq!((meter.words(6.0), meter.lit(), meter.is_moving(-90.0)), ("We cannot hear you", 0, false));
    }

    #[test]
    fn comings_and_goings_are_told_in_small_calls_only() {
        let mut model = Model::new(Settings::default());
        model.notice(Notice::Left("Mina Park".into()));
        assert_eq!(model.toasts[0].text, "Mina Park left");
        let mut call = crate::ui::testing::call(crate::call::view::CallPhase::Entering);
        let person = call.people[0].clone();
        call.people = vec![person; 7];
        model.snapshot = Arc::new(Snapshot { call: Some(call), ..Snapshot::default() });
        model.notice(Notice::Joined("Priya Nair".into()));
        assert_eq!(model.toasts.len(), 1);
    }
}
