//! Actions: everything that a person can do in the window. Views and keys return them; `update` turns them into changes
//! of the model and effects.

use crate::base::{DeviceKind, ExitRequestedBy, Reaction, TrackRole, UserId};
use crate::call::view::KeyState;
use crate::store::{SelfView, Theme};
use crate::ui::chat::ChatAction;
use crate::ui::checkup::CheckAction;
use crate::ui::details::DetailsAction;
use crate::ui::parts::{Corner, Field, Menu, Region, SettingsSection};
use crate::ui::people::PeopleAction;
use crate::ui::report::ReportAction;
use crate::ui::share::ShareAction;
use crate::ui::tile_layout::{LayoutMode, TileKey};
use crate::ui::zoom::Zoom;

/// One thing a person did.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Typed into a field of the lobby.
    Type(Field, String),
    /// Folded the server's field in or out.
    ToggleAdvanced,
    /// Opened a link to a call outside the window: it fills the form in, and does not join.
    OpenLink(String),
    Join,
    /// Pressed "Start a call on this computer".
    Host,
    /// Chose a recent room, by its index.
    Again(usize),
    /// Forgets the recent rooms.
    ClearRecent,
    ToggleTheme,
    SetLayout(LayoutMode),
    /// Pinned a tile, or unpinned it.
    Pin(TileKey, bool),
    UnpinAll,
    /// Turned to a page of the grid, from 0.
    GoToPage(usize),
    /// Moved the focus to a tile, by its index in reading order.
    GoToTile(usize),
    /// Moved the focus from this region, if it was in one, to the next one, or (`true`) to the one before.
    NextRegion(Option<Region>, bool),
    /// What the key for push to talk did.
    Talk(KeyState),
    Set(Setting),
    ToggleSettings,
    /// Opened the settings at that section.
    ShowSection(SettingsSection),
    /// Pressed the button of a menu.
    ToggleMenu(Menu),
    CloseMenu,
    /// Chose a device by its id; `None` is the system's default.
    Choose(DeviceKind, Option<String>),
    /// Asked to try the devices again.
    Retry,
    ToggleMicrophone,
    ToggleCamera,
    /// Turned a device on that others had turned off; it changes nothing if it is on.
    TurnOn(DeviceKind),
    Chat(ChatAction),
    Details(DetailsAction),
    Check(CheckAction),
    People(PeopleAction),
    Share(ShareAction),
    /// Chose which of several shared screens is the large tile.
    ShowScreen(TileKey),
    /// Shows the large screen alone on the whole screen, or not any more.
    FullScreen(bool),
    /// Fills the whole screen with the window, or not any more.
    FullWindow(bool),
    /// Changed which part of a large screen is seen.
    Zoom(TileKey, Zoom),
    /// Raised the hand, or lowered it.
    ToggleHand,
    React(Reaction),
    AsHost(HostAction),
    /// Left, or stopped joining.
    Leave(ExitRequestedBy),
    /// Answered a question with its safe button.
    Stay,
    /// Asked for the next attempt to reconnect at once.
    TryNow,
    /// Ends the program.
    Quit,
    /// Gives a microphone that does not close more time.
    WaitForMicrophone,
    /// Holds the pointer or the focus on a toast, which keeps it from going.
    HoldToast(usize),
    /// Pressed a toast's button.
    AnswerToast(usize),
    /// Closes without waiting for a slow server.
    CloseNow,
    /// Waits for a slow server.
    KeepWaiting,
    /// Dragged our own tile to a corner.
    MoveOwn(Corner),
    /// Not a person: the grid chose another number of columns, or of tiles on a page without yours.
    Fitted {
        columns: usize,
        per_page: usize,
    },
    Copy {
        /// For the clipboard.
        text: String,
        /// For the toast.
        said: &'static str,
    },
    /// Opens the page about the newer version.
    ShowRelease,
    /// Closes the note about that version for good.
    CloseRelease,
    Report(ReportAction),
    /// Goes back to the lobby.
    NewCall,
    /// Joins the same room again.
    Rejoin,
}

/// Actions that only a host has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostAction {
    /// Chose "Remove from call…", which asks first.
    AskToRemove(UserId),
    Remove(UserId),
    LowerHand(UserId),
    /// Turns off what somebody sends: their microphone, camera or shared screens.
    TurnOff(UserId, TrackRole),
    /// Mutes the microphones of all others.
    MuteAll,
    /// Asks somebody to turn a device on.
    AskToTurnOn(UserId, DeviceKind),
    MakeHost(UserId),
    /// Shows somebody large to everybody; `None` ends that.
    Spotlight(Option<UserId>),
    /// Whether microphones are muted when people enter.
    MuteOnEntry(bool),
    /// Locks the room, or unlocks it.
    Lock(bool),
    /// Whether newcomers wait to be let in.
    WaitingRoom(bool),
    /// Lets somebody in who waits; `None` is all of them.
    Admit(Option<UserId>),
    /// Does not let somebody in who waits.
    Refuse(UserId),
    /// Chose "End call for everyone…", which asks first.
    AskToEnd,
    End,
    /// Asked for a link that lets guests in.
    Invite,
}

/// A setting with its new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    Mirror(bool),
    SelfView(SelfView),
    OnlyWithCamera(bool),
    ReduceNoise(bool),
    /// The key for push to talk in all programs; `None` is off.
    TalkKey(Option<&'static str>),
    /// Whether the system's notifications tell of a call that is not seen.
    Notifications(bool),
    /// Whether they show what was written.
    NotificationText(bool),
    /// Whether a sound tells who comes and goes.
    JoinSounds(bool),
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

/// The actions of one frame.
pub(super) type Actions = Vec<Action>;
