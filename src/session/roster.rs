//! The remote participants: who they are, which tracks they publish, and which received media belongs to which track.

use super::io::{BoundTrack, Output, TrackHandle};
use crate::base::{
    ConnectionQuality, EventKind, MediaKind, RemoteLeaveReason, TrackRef, TrackRole, TrackSid, TrackSource, UserId,
};
use livekit_protocol as lk;
use lk::participant_info::State;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A remote participant.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteParticipant {
    /// Their identity.
    pub user: UserId,
    /// Their display name.
    pub name: String,
    /// This stay's `PA_…`.
    pub sid: String,
    /// Their tracks, in the order in which they were first seen.
    pub tracks: Vec<RemotePublication>,
    /// Whether the server reports them as speaking.
    pub speaking: bool,
    /// The quality of their connection, as the server reports it.
    pub quality: ConnectionQuality,
}

impl RemoteParticipant {
    /// Whether they publish an unmuted voice: a microphone, or audio without a source.
    pub fn voice_on(&self) -> bool {
        self.tracks.iter().any(|t| !t.muted && t.source.role() == TrackRole::Voice)
    }
}

/// A track that a remote participant publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemotePublication {
    /// Its `TR_…`.
    pub sid: TrackSid,
    /// Its source.
    pub source: TrackSource,
    /// Whether it is muted.
    pub muted: bool,
}

/// Received media that is not yet bound to a track.
#[derive(Clone, Debug)]
struct UnboundTrack {
    mid: String,
    /// The track id of its `msid`: `TR_…` on v0.
    msid_track: TrackSid,
    kind: MediaKind,
}

/// The remote participants of a room and the media of their tracks.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    /// Our own identity. A participant who joins with it elsewhere replaces us and is not listed beside us.
    me: String,
    people: Vec<RemoteParticipant>,
    /// v1: the track of each m-line by its mid, as the last answer said.
    mids: BTreeMap<String, TrackSid>,
    unbound: BTreeMap<TrackHandle, UnboundTrack>,
    bound: BTreeMap<TrackHandle, TrackRef>,
}

impl Roster {
    pub(super) fn people(&self) -> &[RemoteParticipant] {
        &self.people
    }

    /// Takes our identity and the other participants after a first or a fresh join.
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
        self.bind_media(out);
    }

    /// Removes everybody who is not in the list of a resume or a fresh join.
    pub(super) fn keep_only(&mut self, infos: &[lk::ParticipantInfo], out: &mut Vec<Output>) {
        let here =
            |user: &UserId| infos.iter().any(|i| i.identity == user.as_str() && i.state() != State::Disconnected);
        let gone: Vec<UserId> = self.people.iter().filter(|p| !here(&p.user)).map(|p| p.user.clone()).collect();
        for user in gone {
            self.remove(&user, RemoteLeaveReason::Left, out);
        }
    }

    fn gone(&mut self, user: &UserId, info: &lk::ParticipantInfo, out: &mut Vec<Output>) {
        // The end of an older stay of a participant who has joined again.
        if self.people.iter().any(|p| p.user == *user && p.sid != info.sid) {
            return;
        }
        self.remove(user, leave_reason(info.disconnect_reason()), out);
    }

    fn remove(&mut self, user: &UserId, reason: RemoteLeaveReason, out: &mut Vec<Output>) {
        let Some(at) = self.people.iter().position(|p| p.user == *user) else { return };
        let gone = self.people.remove(at);
        self.detach_where(|track| track.user == *user, out);
        out.push(Output::Event(EventKind::RemoteUserLeaveRoom { user: gone.user, name: gone.name, reason }));
    }

    fn present(&mut self, user: UserId, info: &lk::ParticipantInfo, out: &mut Vec<Output>) {
        let name = if info.name.is_empty() { info.identity.clone() } else { info.name.clone() };
        let at = match self.people.iter().position(|p| p.user == user) {
            Some(at) => at,
            None => {
                out.push(Output::Event(EventKind::RemoteUserEnterRoom { user: user.clone(), name: name.clone() }));
                self.people.push(RemoteParticipant {
                    user,
                    name: String::new(),
                    sid: String::new(),
                    tracks: Vec::new(),
                    speaking: false,
                    quality: ConnectionQuality::Unknown,
                });
                self.people.len() - 1
            }
        };
        let person = &mut self.people[at];
        person.name = name;
        person.sid.clone_from(&info.sid);
        let before = std::mem::take(&mut person.tracks);
        person.tracks = in_order_of(&before, remote_tracks(&info.tracks));
        person.speaking &= person.voice_on();
        tell_receiving(&before, &person.tracks, out);
        tell_availability(&person.user, &before, &person.tracks, out);
        let (user, tracks) = (person.user.clone(), person.tracks.clone());
        self.detach_where(|bound| bound.user == user && tracks.iter().all(|t| t.sid != bound.sid), out);
    }

    /// Takes the tracks of m-lines: those of an answer on v1, of an offer on v0. Each lists everything that is bound.
    pub(super) fn bind(&mut self, mids: HashMap<String, String>, out: &mut Vec<Output>) {
        let changed = |mid: &str, track: &TrackSid| mids.get(mid).is_some_and(|t| t != track.as_str());
        let moved: Vec<TrackSid> =
            self.mids.iter().filter(|(mid, track)| changed(mid, track)).map(|(_, track)| track.clone()).collect();
        self.detach_where(|track| moved.contains(&track.sid), out);
        self.mids.extend(mids.into_iter().map(|(mid, track)| (mid, TrackSid::from(track.as_str()))));
        self.bind_media(out);
    }

    /// Takes media that has begun.
    pub(super) fn media(
        &mut self,
        handle: TrackHandle,
        mid: String,
        track_id: &str,
        kind: MediaKind,
        out: &mut Vec<Output>,
    ) {
        self.unbound.insert(handle, UnboundTrack { mid, msid_track: track_id.into(), kind });
        self.bind_media(out);
    }

    /// Forgets media that has ended.
    pub(super) fn media_ended(&mut self, handle: TrackHandle, out: &mut Vec<Output>) {
        self.unbound.remove(&handle);
        if self.bound.remove(&handle).is_some() {
            out.push(Output::Detach(handle));
        }
    }

    /// Forgets all media, for example because new peer connections are made. The participants stay.
    pub(super) fn forget_media(&mut self, out: &mut Vec<Output>) {
        self.detach_where(|_| true, out);
        self.unbound.clear();
        self.mids.clear();
    }

    /// Forgets everybody without an event, because our own stay has ended.
    pub(super) fn clear(&mut self, out: &mut Vec<Output>) {
        self.forget_media(out);
        self.people.clear();
    }

    /// Takes changes of who speaks.
    pub(super) fn speakers(&mut self, changed: &[lk::SpeakerInfo]) {
        for s in changed {
            if let Some(p) = self.people.iter_mut().find(|p| p.sid == s.sid) {
                p.speaking = s.active;
            }
        }
    }

    /// Takes changes of connection quality.
    pub(super) fn qualities(&mut self, changed: &[lk::ConnectionQualityInfo]) {
        for q in changed {
            if let Some(p) = self.people.iter_mut().find(|p| p.sid == q.participant_sid) {
                p.quality = connection_quality(q);
            }
        }
    }

    fn find(&self, sid: &TrackSid) -> Option<TrackRef> {
        self.people.iter().find_map(|p| {
            let track = p.tracks.iter().find(|t| t.sid == *sid)?;
            Some(TrackRef { user: p.user.clone(), source: track.source, sid: sid.clone() })
        })
    }

    /// Binds media to tracks as soon as both are known.
    fn bind_media(&mut self, out: &mut Vec<Output>) {
        let mut found = Vec::new();
        for (handle, media) in &self.unbound {
            let sid = self.mids.get(&media.mid).unwrap_or(&media.msid_track);
            found.extend(self.find(sid).filter(|t| t.source.kind() == media.kind).map(|track| (*handle, track)));
        }
        for (handle, track) in found {
            self.unbound.remove(&handle);
            // A track has one stream of media; a newer one replaces it.
            self.detach_where(|old| old.sid == track.sid, out);
            self.bound.insert(handle, track.clone());
            out.push(Output::Attach(BoundTrack { handle, track }));
        }
    }

    fn detach_where(&mut self, gone: impl Fn(&TrackRef) -> bool, out: &mut Vec<Output>) {
        self.bound.retain(|handle, track| {
            let stays = !gone(track);
            if !stays {
                out.push(Output::Detach(*handle));
            }
            stays
        });
    }
}

/// The tracks of a list. A sid that it names again counts once: everything received is keyed by it.
fn remote_tracks(infos: &[lk::TrackInfo]) -> Vec<RemotePublication> {
    let mut known = BTreeSet::new();
    infos.iter().filter_map(remote_track).filter(|t| known.insert(t.sid.clone())).collect()
}

fn remote_track(t: &lk::TrackInfo) -> Option<RemotePublication> {
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
    Some(RemotePublication { sid: t.sid.as_str().into(), source, muted: t.muted })
}

/// The tracks of `now`: first those of `before`, in that order. The server lists them in any order.
fn in_order_of(before: &[RemotePublication], mut now: Vec<RemotePublication>) -> Vec<RemotePublication> {
    now.sort_by_key(|t| before.iter().position(|b| b.sid == t.sid).unwrap_or(usize::MAX));
    now
}

/// Tells which video tracks send, where that has changed. A new track sends unless it is muted.
fn tell_receiving(before: &[RemotePublication], now: &[RemotePublication], out: &mut Vec<Output>) {
    for track in now.iter().filter(|t| t.source.kind() == MediaKind::Video) {
        let was_muted = before.iter().find(|b| b.sid == track.sid).is_some_and(|b| b.muted);
        if track.muted != was_muted {
            out.push(Output::SetReceiving { track: track.sid.clone(), on: !track.muted });
        }
    }
}

/// Reports which tracks have begun or ceased to send: first what has ceased, then what has begun.
fn tell_availability(user: &UserId, before: &[RemotePublication], now: &[RemotePublication], out: &mut Vec<Output>) {
    let sends = |tracks: &[RemotePublication], t: &RemotePublication| {
        tracks.iter().any(|other| other.sid == t.sid && other.source == t.source && !other.muted)
    };
    let ceased = before.iter().filter(|t| !t.muted && !sends(now, t)).map(|t| (t, false));
    let begun = now.iter().filter(|t| !t.muted && !sends(before, t)).map(|t| (t, true));
    for (t, available) in ceased.chain(begun) {
        let track = TrackRef { user: user.clone(), source: t.source, sid: t.sid.clone() };
        out.extend(availability(track, available).map(Output::Event));
    }
}

/// The event of a track that begins or ceases to send; `None` for a screen's audio, of which TRTC has none.
fn availability(track: TrackRef, available: bool) -> Option<EventKind> {
    match track.source.role() {
        TrackRole::Camera => Some(EventKind::UserVideoAvailable { track, available }),
        TrackRole::Voice => Some(EventKind::UserAudioAvailable { track, available }),
        TrackRole::Screen => Some(EventKind::UserSubStreamAvailable { track, available }),
        TrackRole::ScreenAudio => None,
    }
}

/// TRTC's reason for LiveKit's.
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
