//! Somebody else in a call, as the window shows them.

use crate::base::{ConnectionQuality, FrameSlot, TrackRef, TrackRole, Undecodable, UserId};

/// Another participant of the call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    /// Their user id.
    pub(crate) user: UserId,
    /// Their display name.
    pub(crate) name: String,
    /// Their tracks, in the order in which they were first seen.
    pub(crate) tracks: Vec<PersonTrack>,
    /// Whether the server lists them as a speaker.
    pub(crate) speaking: bool,
    /// The quality of their connection.
    pub(crate) quality: ConnectionQuality,
    /// The place of their hand among those that are up, from 1; `None` if it is down.
    pub(crate) hand: Option<usize>,
    /// Whether the server shows them as a host.
    pub(crate) host: bool,
    /// How loud we hear them, in percent of what they send.
    pub(crate) volume: u16,
}

impl Person {
    /// Whether a microphone of theirs can be heard.
    pub(crate) fn microphone_on(&self) -> bool {
        self.voices().any(|t| t.undecodable.is_none())
    }

    /// Why nothing of what their microphones send can be heard; `None` if something can, or nothing is sent.
    pub(crate) fn voice_undecodable(&self) -> Option<Undecodable> {
        self.voices().next()?.undecodable.filter(|_| !self.microphone_on())
    }

    fn voices(&self) -> impl Iterator<Item = &PersonTrack> {
        self.tracks.iter().filter(|t| !t.muted && t.role() == TrackRole::Voice)
    }

    /// Whether they send something of this role, whether it can be shown and played or not.
    pub(crate) fn sends(&self, role: TrackRole) -> bool {
        self.tracks.iter().any(|t| !t.muted && t.role() == role)
    }

    /// Their cameras that send. The first one fills their tile.
    pub(crate) fn cameras(&self) -> impl Iterator<Item = &PersonTrack> {
        self.tracks.iter().filter(|t| !t.muted && t.role() == TrackRole::Camera)
    }

    /// Their screens that send.
    pub(crate) fn screens(&self) -> impl Iterator<Item = &PersonTrack> {
        self.tracks.iter().filter(|t| !t.muted && t.role() == TrackRole::Screen)
    }
}

/// A track of another participant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PersonTrack {
    /// User, source and sid.
    pub(crate) track: TrackRef,
    /// Whether it is muted.
    pub(crate) muted: bool,
    /// Why it can be neither shown nor played; `None` if it can.
    pub(crate) undecodable: Option<Undecodable>,
    /// Whether the server sends none of it for now, because our connection is too weak.
    pub(crate) paused: bool,
    /// Its frames, if it is a video track that is not muted and can be decoded.
    pub(crate) frames: Option<FrameSlot>,
}

impl PersonTrack {
    /// How it is presented.
    pub(crate) const fn role(&self) -> TrackRole {
        self.track.source.role()
    }
}
