//! The tracks of remote participants: what each shows, whether it can be decoded, and the events about it.

use super::io::Output;
use crate::base::{Codec, EventKind, MediaKind, TrackRef, TrackRole, TrackSid, TrackSource, Undecodable, UserId};
use livekit_protocol as lk;
use std::collections::BTreeSet;

/// A track that a remote participant publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePublication {
    /// Its `TR_…`.
    pub sid: TrackSid,
    /// Its source.
    pub source: TrackSource,
    /// Whether its publisher has muted it.
    pub muted: bool,
    /// Whether its publisher does not share it with us (LiveKit's subscription permissions).
    withheld: bool,
    /// Whether the server sends us none of it for now, because our connection is too weak.
    paused: bool,
    /// Why it cannot be decoded by what its publisher announces.
    announced: Option<Undecodable>,
    /// Its codec as announced; `None` if the server does not say.
    codec: Option<Codec>,
    /// Why it cannot be decoded by what the server or the decoder found out.
    observed: Option<Undecodable>,
}

impl RemotePublication {
    /// Why it can be neither shown nor played; `None` if it can.
    pub fn undecodable(&self) -> Option<Undecodable> {
        self.announced.or(self.observed)
    }

    /// Whether its publisher sends us nothing.
    pub const fn is_off(&self) -> bool {
        self.muted || self.withheld
    }

    /// Whether the server sends us none of it for now, because our connection is too weak (LiveKit's `StreamStateUpdate`).
    pub const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether nothing of it arrives.
    const fn is_silent(&self) -> bool {
        self.is_off() || self.paused
    }

    /// Whether it sends something that can be shown or played.
    pub fn is_available(&self) -> bool {
        !self.is_off() && self.undecodable().is_none()
    }

    /// Whether to receive it: what is announced as undecodable is not even worth its bandwidth.
    pub(super) const fn is_wanted(&self) -> bool {
        self.announced.is_none()
    }

    /// Records whether it can be decoded, from the decoder.
    pub(super) const fn observe(&mut self, why: Option<Undecodable>) {
        self.observed = why;
    }

    /// Records whether its publisher shares it with us.
    pub(super) const fn share(&mut self, allowed: bool) {
        self.withheld = !allowed;
    }

    /// Records whether the server has paused it.
    pub(super) const fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// The server has no codec of this track for us.
    pub(super) fn observe_no_codec(&mut self) {
        self.observed = Some(Undecodable::Codec(self.codec.unwrap_or(Codec::Other)));
    }
}

/// The tracks of a list, those of `before` first and in that order: the server lists them in any. A sid that the list
/// names again counts once: everything received is keyed by it.
pub(super) fn remote_tracks(infos: &[lk::TrackInfo], before: &[RemotePublication]) -> Vec<RemotePublication> {
    let mut known = BTreeSet::new();
    let tracks = infos.iter().filter_map(|info| remote_track(info, before));
    let mut now: Vec<RemotePublication> = tracks.filter(|t| known.insert(t.sid.clone())).collect();
    now.sort_by_key(|t| before.iter().position(|b| b.sid == t.sid).unwrap_or(usize::MAX));
    now
}

fn remote_track(t: &lk::TrackInfo, before: &[RemotePublication]) -> Option<RemotePublication> {
    let source = match (t.source(), t.r#type()) {
        (_, lk::TrackType::Data) => return None,
        (lk::TrackSource::Camera, lk::TrackType::Video) => TrackSource::Camera,
        (lk::TrackSource::Microphone, lk::TrackType::Audio) => TrackSource::Microphone,
        (lk::TrackSource::ScreenShare, lk::TrackType::Video) => TrackSource::Screen,
        (lk::TrackSource::ScreenShareAudio, lk::TrackType::Audio) => TrackSource::ScreenAudio,
        // Without a source, or with one of the other kind.
        (_, lk::TrackType::Video) => TrackSource::Unknown(MediaKind::Video),
        (_, lk::TrackType::Audio) => TrackSource::Unknown(MediaKind::Audio),
    };
    let (announced, codec) = announced(t);
    let sid = TrackSid::from(t.sid.as_str());
    let earlier = before.iter().find(|b| b.sid == sid);
    let (withheld, paused) = earlier.map_or((false, false), |b| (b.withheld, b.paused));
    // What was observed holds until the publisher announces something else.
    let observed = earlier.filter(|b| b.announced == announced && b.codec == codec).and_then(|b| b.observed);
    Some(RemotePublication { sid, source, muted: t.muted, withheld, paused, announced, codec, observed })
}

/// Why a track cannot be decoded by its announcement, and its codec. A track with a backup codec lists several; one that
/// can be decoded suffices.
fn announced(t: &lk::TrackInfo) -> (Option<Undecodable>, Option<Codec>) {
    let listed = t.codecs.iter().map(|c| c.mime_type.as_str()).chain([t.mime_type.as_str()]);
    let codecs: Vec<Codec> = listed.filter_map(Codec::from_mime).collect();
    let codec = codecs.iter().copied().find(|c| c.is_decodable()).or_else(|| codecs.first().copied());
    // An unknown kind of encryption is encryption too.
    let is_encrypted = t.encryption != lk::encryption::Type::None as i32;
    let why = match codec {
        _ if is_encrypted => Some(Undecodable::Encrypted),
        Some(codec) if !codec.is_decodable() => Some(Undecodable::Codec(codec)),
        Some(_) | None => None,
    };
    (why, codec)
}

/// Tells which video tracks send to us, where that has changed. A new track sends unless it is off.
pub(super) fn tell_receiving(before: &[RemotePublication], now: &[RemotePublication], out: &mut Vec<Output>) {
    for track in now.iter().filter(|t| t.source.kind() == MediaKind::Video) {
        let was_silent = before.iter().find(|b| b.sid == track.sid).is_some_and(RemotePublication::is_silent);
        if track.is_silent() != was_silent {
            out.push(Output::SetReceiving { track: track.sid.clone(), on: !track.is_silent() });
        }
    }
}

/// Reports what has changed: first the tracks that have ceased to be available, then those that cannot be decoded or can
/// be again or are paused, then those that have become available.
pub(super) fn tell_changes(
    user: &UserId,
    before: &[RemotePublication],
    now: &[RemotePublication],
    out: &mut Vec<Output>,
) {
    let available = |tracks: &[RemotePublication], t: &RemotePublication| {
        tracks.iter().any(|other| other.sid == t.sid && other.source == t.source && other.is_available())
    };
    let track = |t: &RemotePublication| TrackRef { user: user.clone(), source: t.source, sid: t.sid.clone() };
    let ceased = before.iter().filter(|t| t.is_available() && !available(now, t));
    let ceased = ceased.filter_map(|t| availability(track(t), false));
    let covered = now.iter().filter_map(|t| {
        let earlier = before.iter().find(|b| b.sid == t.sid).and_then(RemotePublication::undecodable);
        let why = t.undecodable();
        (why != earlier).then(|| EventKind::TrackCovered { track: track(t), why })
    });
    let paused = now.iter().filter_map(|t| {
        let earlier = before.iter().find(|b| b.sid == t.sid).is_some_and(RemotePublication::is_paused);
        (t.paused != earlier).then(|| EventKind::TrackPaused { track: track(t), paused: t.paused })
    });
    let begun = now.iter().filter(|t| t.is_available() && !available(before, t));
    let begun = begun.filter_map(|t| availability(track(t), true));
    out.extend(ceased.chain(covered).chain(paused).chain(begun).map(Output::Event));
}

/// The event of a track that begins or ceases to be available; `None` for a screen's audio, of which TRTC has none.
fn availability(track: TrackRef, available: bool) -> Option<EventKind> {
    match track.source.role() {
        TrackRole::Camera => Some(EventKind::UserVideoAvailable { track, available }),
        TrackRole::Voice => Some(EventKind::UserAudioAvailable { track, available }),
        TrackRole::Screen => Some(EventKind::UserSubStreamAvailable { track, available }),
        TrackRole::ScreenAudio => None,
    }
}
