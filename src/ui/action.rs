//! What a person can do in the window. Views answer with these; `update` turns them into changes and commands.

use crate::base::{DeviceKind, ExitRequestedBy};
use crate::store::Theme;
use crate::ui::hosting::HostAction;
use crate::ui::model::{Corner, Field, Menu, Region, SettingsSection};
use crate::ui::tile_layout::{LayoutMode, TileKey};

/// One thing a person did.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Typed into a field of the lobby.
    Type(Field, String),
    /// Folded the server's field in or out.
    ToggleAdvanced,
    /// Opened a link to a call, in a browser or a menu: it fills the form in, and enters nothing.
    OpenLink(String),
    /// Pressed Join.
    Join,
    /// Pressed "Start a call on this computer".
    Host,
    /// Chose one of the rooms that were left last, by its place.
    Again(usize),
    /// Forgets those rooms.
    ClearRecent,
    /// Pressed the theme's button.
    ToggleTheme,
    /// Chose another layout of the tile area.
    SetLayout(LayoutMode),
    /// Pinned a tile, or none any more.
    Pin(Option<TileKey>),
    /// Turned to another page of the grid.
    GoToPage(usize),
    /// Went to a tile, by its place in reading order.
    GoToTile(usize),
    /// Went from this part of the window, if the focus was in one, to the next, or back.
    NextRegion(Option<Region>, bool),
    /// Began to hold the key that talks while the microphone is off, or let it go.
    Talk(bool),
    /// Changed a setting.
    Set(Setting),
    /// Opened the settings, or closed them.
    ToggleSettings,
    /// Opened the settings at one of their sections, or went there.
    ShowSection(SettingsSection),
    /// Opened a menu, or closed it by pressing its button again.
    ToggleMenu(Menu),
    /// Closed the open menu.
    CloseMenu,
    /// Chose a device: `None` is the system's default.
    Choose(DeviceKind, Option<String>),
    /// Asked to try a device again.
    Retry,
    /// Pressed the microphone's button or its key.
    ToggleMicrophone,
    /// Pressed the camera's button or its key.
    ToggleCamera,
    /// Did what only a host may.
    AsHost(HostAction),
    /// Left, or stopped entering.
    Leave(ExitRequestedBy),
    /// Said no to a question.
    Stay,
    /// Wants the next try to reconnect at once.
    TryNow,
    /// Ends the program.
    Quit,
    /// Gives a microphone that does not close a little more time.
    WaitForMicrophone,
    /// The pointer or the focus is on a toast: it stays.
    HoldToast(usize),
    /// Pressed a toast's button.
    AnswerToast(usize),
    /// Does not want to wait for a slow server.
    CloseNow,
    /// Wants to wait for a slow server.
    KeepWaiting,
    /// Dragged the own picture to a corner.
    MoveOwn(Corner),
    /// The grid chose another number of columns.
    Columns(usize),
    /// Copies a text; the toast says what it was.
    Copy {
        /// What goes to the clipboard.
        text: String,
        /// What the toast says.
        said: &'static str,
    },
    /// Wants to read about the newer version.
    ShowRelease,
    /// Wants to hear no more of that version in the lobby.
    CloseRelease,
    /// Back to the lobby.
    NewCall,
    /// Into the same room again.
    Rejoin,
}

/// A setting with its new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Mirror(bool),
    ReduceNoise(bool),
    JoinWithMicrophone(bool),
    JoinWithCamera(bool),
    Theme(Theme),
    /// In percent.
    TextSize(u16),
    ReduceMotion(bool),
    ShowReceipt(bool),
    AskBeforeLeaving(bool),
    CheckForUpdates(bool),
}

/// What a view has to say at the end of a frame.
pub(super) type Actions = Vec<Action>;
