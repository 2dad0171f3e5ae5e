//! Everybody else in the room: who they are, what they send, and which received media is whose.

use super::io::{Attached, Output, TrackHandle};
use crate::base::{ConnectionQuality, EventKind, MediaKind, RemoteLeaveReason, TrackSource, UserId};
use livekit_protocol as lk;
use lk::participant_info::State;
use std::collections::{BTreeMap, HashMap};

/// Somebody else in the room.
#[derive(Clone, Debug, PartialEq)]
pub struct Remote {
    /// Who they are for the server.
    pub user: UserId,
    /// What is shown.
    pub name: String,
    /// This stay's `PA_…`.
    pub sid: String,
    /// Their tracks by `TR_…`.
    pub tracks: BTreeMap<String, RemoteTrack>,
    /// Whether the server says that they speak.
    pub speaking: bool,
    /// The server's word on their link.
    pub quality: ConnectionQuality,
    /// Whether a camera of theirs sends.
    pub video: bool,
    /// Whether a microphone of theirs sends.
    pub audio: bool,
    /// Whether a screen of theirs is shared.
    pub screen: bool,
}

/// A track that somebody publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteTrack {
    /// What it shows.
    pub source: TrackSource,
    /// Whether it is muted.
    pub muted: bool,
}

/// Media that arrives, not yet known by name.
#[derive(Clone, Debug)]
struct Nameless {
    mid: String,
    track_id: String,
    kind: MediaKind,
}

/// The people of a room and the media that belongs to them.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    /// Our own identity. Whoever comes with it from elsewhere takes our place and is nobody beside us.
    me: String,
    people: Vec<Remote>,
    /// v1: which section carries which track, as the last answer said.
    sections: BTreeMap<String, String>,
    nameless: BTreeMap<TrackHandle, Nameless>,
    attached: BTreeMap<TrackHandle, Attached>,
}

impl Roster {
    pub(super) fn people(&self) -> &[Remote] {
        &self.people
    }

    /// Who we are, and who else is here, after a first or a fresh join.
    pub(super) fn joined(&mut self, me: &str, others: &[lk::ParticipantInfo], out: &mut Vec<Output>) {
        me.clone_into(&mut self.me);
        self.keep_only(others, out);
        self.update(others, out);
    }

    /// Takes participants from a join, an update or a resume.
    pub(super) fn update(&mut self, infos: &[lk::ParticipantInfo], out: &mut Vec<Output>) {
        for info in infos {
            if info.identity == self.me {
                continue;
            }
            let Ok(user) = info.identity.parse::<UserId>() else { continue };
            if info.state() == State::Disconnected {
                self.gone(&user, info, out);
            } else {
                self.present(user, info, out);
            }
        }
        self.attach(out);
    }

    /// After a resume or a fresh join: whoever is not in the list is gone.
    pub(super) fn keep_only(&mut self, infos: &[lk::ParticipantInfo], out: &mut Vec<Output>) {
        let here =
            |user: &UserId| infos.iter().any(|i| i.identity == user.as_str() && i.state() != State::Disconnected);
        let gone: Vec<UserId> = self.people.iter().filter(|p| !here(&p.user)).map(|p| p.user.clone()).collect();
        for user in gone {
            self.remove(&user, RemoteLeaveReason::Left, out);
        }
    }

    fn gone(&mut self, user: &UserId, info: &lk::ParticipantInfo, out: &mut Vec<Output>) {
        // A word on an older stay of somebody who has joined again.
        if self.people.iter().any(|p| p.user == *user && p.sid != info.sid) {
            return;
        }
        self.remove(user, leave_reason(info.disconnect_reason()), out);
    }

    fn remove(&mut self, user: &UserId, reason: RemoteLeaveReason, out: &mut Vec<Output>) {
        let Some(at) = self.people.iter().position(|p| p.user == *user) else { return };
        let gone = self.people.remove(at);
        self.detach_where(|a| a.user == *user, out);
        out.push(Output::Event(EventKind::RemoteUserLeaveRoom { user: gone.user, name: gone.name, reason }));
    }

    fn present(&mut self, user: UserId, info: &lk::ParticipantInfo, out: &mut Vec<Output>) {
        let name = if info.name.is_empty() { info.identity.clone() } else { info.name.clone() };
        let at = match self.people.iter().position(|p| p.user == user) {
            Some(at) => at,
            None => {
                out.push(Output::Event(EventKind::RemoteUserEnterRoom { user: user.clone(), name: name.clone() }));
                self.people.push(Remote {
                    user,
                    name: String::new(),
                    sid: String::new(),
                    tracks: BTreeMap::new(),
                    speaking: false,
                    quality: ConnectionQuality::Unknown,
                    video: false,
                    audio: false,
                    screen: false,
                });
                self.people.len() - 1
            }
        };
        let person = &mut self.people[at];
        person.name = name;
        person.sid.clone_from(&info.sid);
        person.tracks = info.tracks.iter().filter_map(|t| Some((t.sid.clone(), remote_track(t)?))).collect();
        let (user, tracks) = (person.user.clone(), person.tracks.clone());
        availability(person, out);
        self.detach_where(|a| a.user == user && !tracks.contains_key(&a.track), out);
    }

    /// v1: the sections of an answer; v0: those of an offer. Everything bound is repeated in each.
    pub(super) fn bind(&mut self, sections: HashMap<String, String>, out: &mut Vec<Output>) {
        let changed = |mid: &str, track: &str| sections.get(mid).is_some_and(|t| t != track);
        let moved: Vec<String> =
            self.sections.iter().filter(|(mid, track)| changed(mid, track)).map(|(_, track)| track.clone()).collect();
        self.detach_where(|a| moved.contains(&a.track), out);
        self.sections.extend(sections);
        self.attach(out);
    }

    /// Media arrived.
    pub(super) fn media(
        &mut self,
        handle: TrackHandle,
        mid: String,
        track_id: String,
        kind: MediaKind,
        out: &mut Vec<Output>,
    ) {
        self.nameless.insert(handle, Nameless { mid, track_id, kind });
        self.attach(out);
    }

    /// Media ended.
    pub(super) fn media_ended(&mut self, handle: TrackHandle, out: &mut Vec<Output>) {
        self.nameless.remove(&handle);
        if self.attached.remove(&handle).is_some() {
            out.push(Output::Detach(handle));
        }
    }

    /// Forgets all media, for example because the peers are made anew; the people stay.
    pub(super) fn forget_media(&mut self, out: &mut Vec<Output>) {
        self.detach_where(|_| true, out);
        self.nameless.clear();
        self.sections.clear();
    }

    /// Forgets everybody without a word: our own stay has ended.
    pub(super) fn clear(&mut self, out: &mut Vec<Output>) {
        self.forget_media(out);
        self.people.clear();
    }

    /// Who speaks: the server sends changes only.
    pub(super) fn speakers(&mut self, changed: &[lk::SpeakerInfo]) {
        for s in changed {
            if let Some(p) = self.people.iter_mut().find(|p| p.sid == s.sid) {
                p.speaking = s.active;
            }
        }
    }

    /// How good the others' links are.
    pub(super) fn qualities(&mut self, changed: &[lk::ConnectionQualityInfo]) {
        for q in changed {
            if let Some(p) = self.people.iter_mut().find(|p| p.sid == q.participant_sid) {
                p.quality = connection_quality(q);
            }
        }
    }

    fn owner(&self, track: &str) -> Option<(UserId, TrackSource)> {
        self.people.iter().find_map(|p| Some((p.user.clone(), p.tracks.get(track)?.source)))
    }

    /// Gives names to media as soon as both sides of a pair are known.
    fn attach(&mut self, out: &mut Vec<Output>) {
        let mut named = Vec::new();
        for (handle, media) in &self.nameless {
            let track = self.sections.get(&media.mid).unwrap_or(&media.track_id);
            let Some((user, source)) = self.owner(track) else { continue };
            if source.kind() == media.kind {
                named.push(Attached { handle: *handle, user, track: track.clone(), source });
            }
        }
        for a in named {
            self.nameless.remove(&a.handle);
            // A track has one stream of media; a newer one replaces it.
            self.detach_where(|old| old.track == a.track, out);
            self.attached.insert(a.handle, a.clone());
            out.push(Output::Attach(a));
        }
    }

    fn detach_where(&mut self, gone: impl Fn(&Attached) -> bool, out: &mut Vec<Output>) {
        self.attached.retain(|handle, a| {
            let stays = !gone(a);
            if !stays {
                out.push(Output::Detach(*handle));
            }
            stays
        });
    }
}

fn remote_track(t: &lk::TrackInfo) -> Option<RemoteTrack> {
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
    Some(RemoteTrack { source, muted: t.muted })
}

/// Tells what has become available or not.
fn availability(p: &mut Remote, out: &mut Vec<Output>) {
    let sends = |source| p.tracks.values().any(|t| t.source == source && !t.muted);
    let video = sends(TrackSource::Camera) || sends(TrackSource::Unknown(MediaKind::Video));
    let audio = sends(TrackSource::Microphone) || sends(TrackSource::Unknown(MediaKind::Audio));
    let screen = sends(TrackSource::Screen);
    let user = || p.user.clone();
    if video != p.video {
        out.push(Output::Event(EventKind::UserVideoAvailable { user: user(), available: video }));
    }
    if audio != p.audio {
        out.push(Output::Event(EventKind::UserAudioAvailable { user: user(), available: audio }));
    }
    if screen != p.screen {
        out.push(Output::Event(EventKind::UserSubStreamAvailable { user: user(), available: screen }));
    }
    (p.video, p.audio, p.screen) = (video, audio, screen);
    p.speaking &= audio;
}

/// Why somebody is gone, in TRTC's words.
fn leave_reason(r: lk::DisconnectReason) -> RemoteLeaveReason {
    use lk::DisconnectReason as R;
    match r {
        R::ParticipantRemoved | R::RoomDeleted => RemoteLeaveReason::Removed,
        R::ConnectionTimeout | R::SignalClose | R::StateMismatch | R::JoinFailure | R::MediaFailure => {
            RemoteLeaveReason::TimedOut
        }
        _ => RemoteLeaveReason::Left,
    }
}

/// The quality in a participant's update.
pub(super) fn connection_quality(info: &lk::ConnectionQualityInfo) -> ConnectionQuality {
    match info.quality() {
        lk::ConnectionQuality::Lost => ConnectionQuality::Lost,
        lk::ConnectionQuality::Poor => ConnectionQuality::Poor,
        lk::ConnectionQuality::Good => ConnectionQuality::Good,
        lk::ConnectionQuality::Excellent => ConnectionQuality::Excellent,
    }
}
