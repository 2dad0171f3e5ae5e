//! The state of the drawer with the call details: whom its plots are about, over which time, and what of the timeline is
//! shown.

mod series;

pub(super) use series::{PlotData, Series, Unit, plots};

use crate::base::UserId;
use crate::call::view::CallCommand;
use crate::ui::effects::Effects;
use crate::ui::icons;
use crate::ui::model::Model;
use crate::ui::parts::{Focus, Menu};
use crate::ui::screens::Screen;
use crate::ui::strings;
use crate::ui::tokens::size;
use std::time::Duration;

/// Width of the drawer in a window that is wide enough.
const DRAWER: f32 = 600.0;

/// What a person did with the call details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DetailsAction {
    /// Opened or closed the drawer.
    Toggle,
    /// Chose whom the plots are about; `None` is oneself.
    Whom(Option<UserId>),
    Span(Span),
    Part(DetailsPart),
    Filter(TimelineFilter),
    Copy,
    Save,
}

/// The time that the plots show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Span {
    #[default]
    Minute,
    TenMinutes,
}

impl Span {
    pub(super) const ALL: [Self; 2] = [Self::Minute, Self::TenMinutes];

    pub(super) const fn time(self) -> Duration {
        match self {
            Self::Minute => Duration::from_secs(60),
            Self::TenMinutes => Duration::from_secs(600),
        }
    }
}

/// What is below the plots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum DetailsPart {
    #[default]
    Timeline,
    /// The way of media, codecs, layers, devices.
    Media,
}

/// Which entries of the timeline are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TimelineFilter {
    #[default]
    All,
    Room,
    People,
    Media,
    Problems,
}

impl TimelineFilter {
    pub(super) const ALL: [Self; 5] = [Self::All, Self::Room, Self::People, Self::Media, Self::Problems];

    /// Whether the event of that name is shown.
    pub(super) fn shows(self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Problems => Tone::of(kind) == Tone::Warning,
            part => part == Self::part(kind),
        }
    }

    /// The part of a call that an event is about.
    fn part(kind: &str) -> Self {
        match kind {
            "RemoteUserEnterRoom"
            | "RemoteUserLeaveRoom"
            | "ChatMessage"
            | "HandRaised"
            | "HandLowered"
            | "Reaction" => Self::People,
            "EnterRoom" | "ExitRequested" | "ExitRoom" | "ConnectionLost" | "TryToReconnect" | "ConnectionRecovery" => {
                Self::Room
            }
            _ => Self::Media,
        }
    }
}

/// The colour of an entry's dot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// We asked for it.
    Ours,
    /// It came.
    Arrived,
    /// It left or stopped.
    Left,
    /// Something is wrong.
    Warning,
}

impl Tone {
    /// That of the event of this name.
    pub(super) fn of(kind: &str) -> Self {
        match kind {
            "ConnectionLost" | "TryToReconnect" | "DeviceFailed" | "DeviceWithheld" | "TrackCovered"
            | "TrackPaused" => Self::Warning,
            "ExitRequested" | "DeviceOpened" => Self::Ours,
            "RemoteUserLeaveRoom" | "ExitRoom" | "DeviceClosed" | "HandLowered" => Self::Left,
            _ => Self::Arrived,
        }
    }
}

/// The drawer's state.
#[derive(Clone, Debug, Default)]
pub(super) struct DetailsDrawer {
    pub(super) open: bool,
    /// Whom the plots are about; `None` is oneself.
    pub(super) whom: Option<UserId>,
    pub(super) span: Span,
    pub(super) part: DetailsPart,
    pub(super) filter: TimelineFilter,
}

/// Whether the drawer is seen.
pub(super) fn is_shown(model: &Model) -> bool {
    model.details.open && !model.settings_open && matches!(model.screen, Screen::Call | Screen::Leaving { .. })
}

/// The width of what stands beside the tiles of a call: the drawer, or people and chat; 0 without. In a narrow window both cover
/// the tiles.
pub(super) fn panel_width(model: &Model, window: f32) -> f32 {
    let is_seen = !model.settings_open && matches!(model.screen, Screen::Call | Screen::Leaving { .. });
    match (model.details.open, model.chat.open || model.people.open) {
        _ if !is_seen => 0.0,
        (true, _) if window < size::NARROW_BELOW => window,
        (true, _) => DRAWER,
        (false, true) => size::panel(window),
        (false, false) => 0.0,
    }
}

/// Closes the drawer when the call has ended, and turns from somebody who has left to oneself.
pub(super) fn observe(model: &mut Model, effects: &mut Effects) {
    if model.details.open && !matches!(model.screen, Screen::Call | Screen::Leaving { .. }) {
        close(model, effects);
    }
    if model.details.whom.as_ref().is_some_and(|user| model.person(user).is_none()) {
        model.details.whom = None;
    }
}

/// Applies one action.
pub(super) fn act(model: &mut Model, action: DetailsAction, effects: &mut Effects) {
    match action {
        // Under the settings it is not seen.
        DetailsAction::Toggle if is_shown(model) => {
            close(model, effects);
            model.focus = Some(Focus::DetailsButton);
        }
        DetailsAction::Toggle => {
            if !std::mem::replace(&mut model.details.open, true) {
                effects.commands.push(CallCommand::WatchDetails(true));
            }
            (model.chat.open, model.people.open) = (false, false);
            model.settings_open = false;
            model.menu = None;
            model.focus = Some(Focus::CloseDetails);
        }
        DetailsAction::Whom(whom) => {
            model.details.whom = whom;
            model.menu = None;
            model.focus = Some(Focus::Whom);
        }
        DetailsAction::Span(span) => model.details.span = span,
        DetailsAction::Part(part) => model.details.part = part,
        DetailsAction::Filter(filter) => model.details.filter = filter,
        DetailsAction::Copy => {
            effects.copy = strings::details::report(model);
            model.toast(icons::COPY, "Call details copied".to_owned());
        }
        DetailsAction::Save => effects.save = strings::details::file(model),
    }
}

/// Closes the drawer, so that nothing is made for it any more.
pub(super) fn close(model: &mut Model, effects: &mut Effects) {
    if std::mem::take(&mut model.details.open) {
        effects.commands.push(CallCommand::WatchDetails(false));
        model.menu = model.menu.take().filter(|menu| *menu != Menu::Whom);
    }
}
