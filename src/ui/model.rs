//! The window's state: plain data that the views read. They answer with [`Action`](super::action::Action)s.

use crate::base::{DeviceKind, SessionId, StepName, StepState, UserId};
use crate::call::view::{
    CallPhase, CallSummary, CallView, DeviceState, JoinParams, LocalDevice, Person, RoomQuery, RoomStatus, Snapshot,
};
use crate::proto::release::Release;
use crate::store::Settings;
use crate::ui::action::Action;
use crate::ui::chat::ChatPanel;
use crate::ui::checkup::CheckPage;
use crate::ui::details::DetailsDrawer;
use crate::ui::meter::Meter;
use crate::ui::notifications::{JoinSounds, Notifications};
use crate::ui::parts::{Corner, Field, Focus, Menu, Question, SettingsSection};
use crate::ui::people::PeoplePanel;
use crate::ui::reactions::Reactions;
use crate::ui::report::ReportState;
use crate::ui::screens::{Screen, Screens};
use crate::ui::share::SharePicker;
use crate::ui::tile_layout::TileLayout;
use crate::ui::toast::Toast;
use crate::ui::tokens::{DARK, LIGHT, Palette, time};
use jiff::tz::TimeZone;
use std::sync::Arc;

/// The window's state.
pub(super) struct Model {
    /// The window's clock, in seconds.
    pub(super) now: f64,
    /// Unix time in ms.
    pub(super) unix_ms: f64,
    /// The newest snapshot of the call service.
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) settings: Settings,
    /// Whether the dark theme is on, whether by choice or by the system's.
    pub(super) dark: bool,
    pub(super) screens: Screens,
    pub(super) screen: Screen,
    pub(super) form: JoinForm,
    /// The room that was looked up last.
    pub(super) asked: Option<RoomQuery>,
    pub(super) menu: Option<Menu>,
    /// Whether the settings cover lobby, tiles or end screen.
    pub(super) settings_open: bool,
    /// The section of the settings that was opened last.
    pub(super) section: SettingsSection,
    /// The section that is brought into view in this frame.
    pub(super) scroll_to: Option<SettingsSection>,
    /// The question that is open.
    pub(super) question: Option<Question>,
    /// The widget that gets the focus in this frame.
    pub(super) focus: Option<Focus>,
    pub(super) toasts: Vec<Toast>,
    pub(super) notifications: Notifications,
    pub(super) join_sounds: JoinSounds,
    pub(super) chat: ChatPanel,
    pub(super) details: DetailsDrawer,
    /// Whether the set-up can be checked.
    pub(super) has_checker: bool,
    /// The check of the set-up, while its page is shown.
    pub(super) checkup: Option<CheckPage>,
    pub(super) people: PeoplePanel,
    /// The picker of what to share, while it is open.
    pub(super) share_picker: Option<SharePicker>,
    /// Whether the large screen is shown alone, on the whole screen.
    pub(super) full_screen: bool,
    /// Whether the window fills the whole screen.
    pub(super) full_window: bool,
    pub(super) reactions: Reactions,
    pub(super) meter: Meter,
    pub(super) own_corner: Corner,
    pub(super) tile_layout: TileLayout,
    /// When the call service was last told that the key for push to talk is down, in seconds of the window's clock.
    pub(super) talk_told: f64,
    /// Whether the system has keys that work while other programs have the keyboard.
    pub(super) has_talk_key: bool,
    /// Columns of the grid; kept while one more person costs little width, so that the tiles do not move.
    pub(super) columns: usize,
    /// Whether the window closes once the call has ended.
    pub(super) closing: bool,
    /// When the dialog about a microphone that does not close appears, in seconds of the window's clock.
    pub(super) remind_at: f64,
    pub(super) zone: TimeZone,
    /// The last request to join, for Rejoin.
    pub(super) joined: Option<JoinParams>,
    /// A newer version.
    pub(super) release: Option<Release>,
    /// The report of a problem, while its dialog is open.
    pub(super) report: Option<ReportState>,
    /// Whether a part of the program broke down last time, and nobody was told yet.
    pub(super) crashed: bool,
    /// The call that we asked the server to end for everyone.
    pub(super) ended_by_us: Option<SessionId>,
    /// The last ended call that the lobby has dismissed.
    pub(super) dismissed: Option<SessionId>,
    /// Whether the dialog about a microphone that does not close is shown.
    pub(super) stuck_shown: bool,
}

/// The lobby's form.
#[derive(Clone, Debug, Default)]
pub(super) struct JoinForm {
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

impl Model {
    /// The state before the first snapshot.
    pub(super) fn new(settings: Settings) -> Self {
        let form = JoinForm {
            room: settings.room.clone(),
            name: settings.name.clone(),
            server: settings.server.clone(),
            ..JoinForm::default()
        };
        Self {
            now: 0.0,
            unix_ms: 0.0,
            snapshot: Arc::default(),
            settings,
            dark: true,
            screens: Screens::default(),
            screen: Screen::Lobby,
            form,
            asked: None,
            menu: None,
            settings_open: false,
            section: SettingsSection::default(),
            scroll_to: None,
            question: None,
            focus: None,
            toasts: Vec::new(),
            notifications: Notifications::default(),
            join_sounds: JoinSounds::default(),
            chat: ChatPanel::default(),
            details: DetailsDrawer::default(),
            has_checker: false,
            checkup: None,
            people: PeoplePanel::default(),
            share_picker: None,
            full_screen: false,
            full_window: false,
            reactions: Reactions::default(),
            meter: Meter::default(),
            own_corner: Corner::default(),
            tile_layout: TileLayout::default(),
            talk_told: 0.0,
            has_talk_key: true,
            columns: 0,
            closing: false,
            remind_at: 0.0,
            zone: TimeZone::system(),
            joined: None,
            release: None,
            report: None,
            crashed: false,
            ended_by_us: None,
            dismissed: None,
            stuck_shown: false,
        }
    }

    /// Whether the microphone's level is shown.
    pub(super) fn meter_shown(&self) -> bool {
        matches!(self.screen, Screen::Lobby | Screen::Waiting) || self.settings_open
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

    /// The answer about the room that the form names.
    pub(super) fn room_status(&self) -> Option<RoomStatus> {
        let (question, news) = self.snapshot.room.as_ref()?;
        (self.asked.as_ref() == Some(question)).then_some(*news)
    }

    /// Our device of that kind.
    pub(super) fn device(&self, kind: DeviceKind) -> &LocalDevice {
        self.snapshot.device(kind)
    }

    /// Whether we share a screen, or are about to.
    pub(super) fn shares(&self) -> bool {
        let screen = &self.snapshot.screen;
        screen.wanted && !matches!(screen.state, DeviceState::Failed(_)) && self.screen == Screen::Call
    }

    /// Whether a panel is open beside the tiles.
    pub(super) const fn panel_open(&self) -> bool {
        (self.chat.open || self.people.open) && !self.settings_open
    }

    /// Whether a dialog is open over a call.
    pub(super) const fn in_dialog(&self) -> bool {
        self.question.is_some() || self.share_picker.is_some() || self.report.is_some()
    }

    /// How the call ended, while that is shown.
    pub(super) fn ending(&self) -> Option<&CallSummary> {
        match &self.call()?.phase {
            CallPhase::Ended(ending) => Some(ending),
            _ => None,
        }
    }

    /// The newer version that the lobby tells of, unless its note was closed.
    pub(super) fn release_note(&self) -> Option<&Release> {
        let closed = self.settings.closed_release.as_deref();
        self.release.as_ref().filter(|release| closed != Some(release.version.to_string().as_str()))
    }

    /// Whether to ask if newer versions are to be looked for: after the first call, until answered.
    pub(super) fn asks_about_updates(&self) -> bool {
        self.settings.check_for_updates.is_none() && !self.settings.recent.is_empty()
    }

    /// The label of the microphone while it is still open after the call.
    pub(super) fn stuck_microphone(&self) -> Option<&str> {
        let microphone = &self.snapshot.microphone;
        let told = self.ending()?.receipt.step(StepName::MicrophoneReleased)?.state;
        let open =
            matches!(told, StepState::Failed | StepState::Unconfirmed) && microphone.state == DeviceState::Closing;
        (open && self.now >= self.remind_at).then_some(microphone.label.as_str())
    }

    /// Adds a toast; of more than two the oldest goes.
    pub(super) fn toast(&mut self, icon: char, text: String) {
        self.toast_with(icon, text, None);
    }

    /// Adds a toast with a button; it stays longer.
    pub(super) fn toast_with(&mut self, icon: char, text: String, button: Option<(&'static str, Action)>) {
        let seconds = if button.is_some() { time::TOAST_WITH_BUTTON } else { time::TOAST };
        self.toasts.push(Toast { text, icon, until: self.now + seconds, button });
        if self.toasts.len() > 2 {
            self.toasts.remove(0);
        }
    }

    /// Keeps a toast for another second at least.
    pub(super) fn hold_toast(&mut self, i: usize) {
        if let Some(toast) = self.toasts.get_mut(i) {
            toast.until = toast.until.max(self.now + 1.0);
        }
    }
}
