//! The parts of the window that actions and the model name.

use crate::base::{DeviceKind, ExitRequestedBy, UserId};
use crate::ui::tile_layout::TileKey;

/// A field of the lobby's form; errors name one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Room,
    Name,
    Server,
    /// None of them: the server refused.
    Form,
}

/// A menu; at most one is open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Menu {
    /// A picker of the lobby.
    Picker(DeviceKind),
    /// The devices of a tool button in a call.
    Tool(DeviceKind),
    /// A tile's menu.
    Tile(TileKey),
    /// The menu of somebody in the list of people.
    Person(UserId),
    /// The reactions.
    Reactions,
    /// A host's ways to leave.
    Leave,
    /// Whom the call details are about.
    Whom,
    /// How the tiles are shown.
    View,
}

/// A region of a call's window, from top to bottom; F6 goes from one to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Region {
    Top,
    Banner,
    Tiles,
    /// The list of people and the chat, or the call details.
    Panel,
    Tools,
}

/// A section of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum SettingsSection {
    #[default]
    Audio,
    Video,
    /// Notifications, and the sounds of coming and going.
    Notifications,
    Appearance,
    Leaving,
    Shortcuts,
    About,
}

/// A question that is asked in a dialog over a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether to leave; only where the settings say so.
    Leave(ExitRequestedBy),
    /// Whether a host removes somebody.
    Remove(UserId),
    /// Whether a host ends the call for everyone.
    End,
}

/// A control that the model can give the focus to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Focus {
    Room,
    Name,
    Join,
    Microphone,
    /// The present tile, or the button that stands there when nobody else is in the call.
    Tiles,
    /// The field for a message.
    Message,
    /// The button that opens the chat.
    ChatButton,
    /// The button that opens the call details.
    DetailsButton,
    /// The button that closes them.
    CloseDetails,
    /// The choice of whom they are about.
    Whom,
    /// The field that searches the people.
    SearchPeople,
    /// The volume of somebody.
    Volume,
    /// The button that opens the list of people.
    PeopleButton,
    /// The button that shares a screen, or stops that.
    ShareButton,
    /// The button that opens the reactions.
    ReactButton,
    /// The button that opens the choice of how the tiles are shown.
    ViewButton,
    /// The button of a lost connection's banner.
    Banner,
    /// Leave, while we wait to be let in.
    LeaveWaiting,
    NewCall,
    /// The button that opens the settings.
    Settings,
    /// The button that closes them.
    CloseSettings,
    /// The button that closes the check of the set-up.
    CloseCheck,
    /// The safest button of a dialog.
    Dialog,
}

/// The corner of our own tile beside one other person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Corner {
    pub(super) left: bool,
    pub(super) top: bool,
}
