//! The words of the format.

use crate::base::{DeviceKind, ExitReason, StepName};
use livekit_protocol as lk;

/// An enum of words, each with what it means; for the reader, its error messages and the schema.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident $word:literal $means:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name {
            $(#[doc = $means] $variant,)*
        }

        impl $name {
            /// Each word with what it means.
            pub(super) const ALL: &'static [(Self, &'static str, &'static str)] = &[$((Self::$variant, $word, $means),)*];
        }
    };
}

words! {
    /// What happens.
    StepWord {
        Leave "leave" "`who` presses Leave",
        Kick "kick" "A host removes `who`",
        Dismiss "dismiss" "A host ends the call for everybody",
        Cut "cut" "The network of `who` is gone, until `restore` or for the time `for`",
        Silence "silence" "Nothing of `who` arrives any more, and no connection ends, until `restore` or for the time `for`",
        Restore "restore" "The network of `who` is there again",
        Move "move" "`who` changes to another network",
        Stop "stop" "The process of `who` is stopped, until `continue` or for the time `for`",
        Sleep "sleep" "The computer of `who` sleeps, until `continue` or for the time `for`",
        Continue "continue" "The process of `who` goes on, or the computer wakes",
        Kill "kill" "The process of `who` is killed",
        PowerOff "power_off" "The computer of `who` loses its power",
        Mute "mute" "A host mutes the `device` of `who`",
        TurnOff "turn_off" "`who` turns the `device` off",
        TurnOn "turn_on" "`who` turns the `device` on",
        Unplug "unplug" "The `device` of `who` is unplugged",
        Plug "plug" "All devices of `who` are plugged in again",
        StopServer "stop_server" "The server is stopped in good order, and starts again after the time `for`, if there is one",
        KillServer "kill_server" "The server process is killed, and starts again after the time `for`, if there is one",
    }
}

words! {
    /// A device of a step.
    Device {
        Camera "camera" "The camera",
        Microphone "microphone" "The microphone",
        Screen "screen" "The shared screen",
    }
}

words! {
    /// How the devices of a participant behave.
    DeviceFault {
        None "none" "Devices open and close at once",
        Slow "slow" "Devices take 2 s to open, and 400 ms to close",
        Fails "fails" "No device opens",
        HangsAtClose "hangs" "Devices report nothing, neither that they are open nor that they are closed",
    }
}

words! {
    /// Why a stay ended.
    Reason {
        Left "left" "The user left",
        Removed "removed" "A host removed the user",
        Dismissed "dismissed" "A host ended the call for everybody",
        JoinedElsewhere "joined_elsewhere" "The same user joined from somewhere else",
        ServerStopped "server_stopped" "The server stopped",
        ConnectionLost "connection_lost" "The connection did not come back",
        CouldNotEnter "could_not_enter" "The room could not be entered",
    }
}

words! {
    /// A step of a receipt.
    ReceiptWord {
        Camera "camera_released" "The camera is closed",
        Microphone "microphone_released" "The microphone is closed",
        Screen "screen_released" "Screen capture has ended",
        OthersTold "others_told" "The server acknowledged the goodbye",
        Connections "connections_closed" "The connections are closed",
    }
}

/// The events that both ways to run a scenario know; measurements are none of them.
pub(super) const EVENTS: &[&str] = &[
    "EnterRoom",
    "ExitRoom",
    "ExitRequested",
    "RemoteUserEnterRoom",
    "RemoteUserLeaveRoom",
    "UserVideoAvailable",
    "UserAudioAvailable",
    "UserSubStreamAvailable",
    "ConnectionLost",
    "TryToReconnect",
    "ConnectionRecovery",
    "DeviceOpened",
    "DeviceClosed",
    "DeviceFailed",
    "DeviceWithheld",
    "DeviceAllowed",
    "DeviceAsked",
    "HandRaised",
    "HandLowered",
    "Waiting",
    "Admitted",
    "GuestWaiting",
    "RoomSettingsChanged",
];

impl StepWord {
    /// Its word in the format.
    pub(super) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(step, _, _)| *step == self).map_or("", |(_, word, _)| *word)
    }

    /// Whether it happens to one participant.
    pub(super) const fn needs_who(self) -> bool {
        !matches!(self, Self::Dismiss | Self::StopServer | Self::KillServer)
    }

    /// Whether it happens to one device.
    pub(super) const fn needs_device(self) -> bool {
        matches!(self, Self::Mute | Self::TurnOff | Self::TurnOn | Self::Unplug)
    }

    /// Whether it may end by itself.
    pub(super) const fn may_last(self) -> bool {
        matches!(self, Self::Cut | Self::Silence | Self::Stop | Self::Sleep | Self::StopServer | Self::KillServer)
    }
}

impl Device {
    /// The kind of device.
    pub(super) const fn kind(self) -> DeviceKind {
        match self {
            Self::Camera => DeviceKind::Camera,
            Self::Microphone => DeviceKind::Microphone,
            Self::Screen => DeviceKind::Screen,
        }
    }

    /// The source of its track.
    pub(super) const fn source(self) -> lk::TrackSource {
        match self {
            Self::Camera => lk::TrackSource::Camera,
            Self::Microphone => lk::TrackSource::Microphone,
            Self::Screen => lk::TrackSource::ScreenShare,
        }
    }
}

impl Reason {
    /// The reason of ExitRoom.
    pub(super) const fn reason(self) -> ExitReason {
        match self {
            Self::Left => ExitReason::Left,
            Self::Removed => ExitReason::Kicked,
            Self::Dismissed => ExitReason::Dismissed,
            Self::JoinedElsewhere => ExitReason::JoinedElsewhere,
            Self::ServerStopped => ExitReason::ServerStopped,
            Self::ConnectionLost => ExitReason::ConnectionLost,
            Self::CouldNotEnter => ExitReason::EntryFailed,
        }
    }
}

impl ReceiptWord {
    /// The step of the receipt.
    pub(super) const fn step(self) -> StepName {
        match self {
            Self::Camera => StepName::CameraReleased,
            Self::Microphone => StepName::MicrophoneReleased,
            Self::Screen => StepName::ScreenReleased,
            Self::OthersTold => StepName::OthersTold,
            Self::Connections => StepName::ConnectionsClosed,
        }
    }
}
