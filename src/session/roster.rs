//! The remote participants: who they are, which tracks they publish, and which received media belongs to which track.

use super::io::{BoundTrack, Output, TrackHandle};
use super::remote_track::{RemotePublication, remote_tracks, tell_changes, tell_receiving};
use crate::base::{
    ConnectionQuality, EventKind, MediaKind, RaisedHand, RemoteLeaveReason, TrackRef, TrackRole, TrackSid, Undecodable,
    UserId, shown_name,
};
use crate::proto::{hand, standing};
use livekit_protocol as lk;
use lk::participant_info::State;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A remote participant.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteParticipant {
    /// Their identity.
    pub user: UserId,
    /// Their display name, safe to show: see [`shown_name`].
    pub name: String,
    /// This stay's `PA_…`.
    pub sid: String,
    /// Their tracks, in the order in which they were first seen.
    pub tracks: Vec<RemotePublication>,
    /// Whether they are heard speaking.
    pub speaking: bool,
    /// Whether the server reports them as speaking.
    is_reported_speaking: bool,
    /// The quality of their connection, as the server reports it.
    pub quality: ConnectionQuality,
    /// Their raised hand; `None` if it is down.
    pub hand: Option<RaisedHand>,
    /// Whether the server shows them as a host.
    pub host: bool,
    /// LiveKit's client protocol, which says how they read texts.
    client_protocol: i32,
}

impl RemoteParticipant {
    /// Whether they publish a voice that can be heard: a microphone, or audio without a source.
    pub fn voice_on(&self) -> bool {
        self.tracks.iter().any(|t| t.is_available() && t.source.role() == TrackRole::Voice)
    }

    /// Takes the server's word of who speaks. It does not know what can be heard here.
    fn set_speaking(&mut self, reported: bool) {
        let unmuted = self.tracks.iter().any(|t| !t.muted && t.source.role() == TrackRole::Voice);
        self.is_reported_speaking = reported && unmuted;
        self.speaking = self.is_reported_speaking && self.voice_on();
    }
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
    /// Tracks that the server was told not to send us in this stay.
    declined: BTreeSet<TrackSid>,
}

impl Roster {
    pub(super) fn people(&self) -> &[RemoteParticipant] {
        &self.people
    }

    /// Our own identity.
    pub(super) fn me(&self) -> &str {
        &self.me
    }

    /// Whether this identity is ours.
    pub(super) fn is_me(&self, identity: &str) -> bool {
        self.me == identity
    }

    /// The participant with this id.
    pub(super) fn person(&self, user: &UserId) -> Option<&RemoteParticipant> {
        self.people.iter().find(|p| p.user == *user)
    }

    /// Whether the receivers of a message, one person or everybody, are there and all have at least this client protocol.
    pub(super) fn all_have_protocol(&self, to: Option<&UserId>, least: i32) -> bool {
        let mut receivers = self.people.iter().filter(|p| to.is_none_or(|user| p.user == *user)).peekable();
        receivers.peek().is_some() && receivers.all(|p| p.client_protocol >= least)
    }

    /// Takes our identity and the other participants after a first or a fresh join.
    pub(super) fn joined(&mut self, me: &str, others: &[lk::ParticipantInfo], out: &mut Vec<Output>) {
        me.clone_into(&mut self.me);
        self.declined.clear();
        self.nothing_is_paused(out);
        self.keep_only(others, out);
        self.update(others, out);
    }

    /// Takes participants from a join, an update or a resume.
    pub(super) fn update(&mut self, infos: &[lk::ParticipantInfo], out: &mut Vec<Output>) {
        for info in infos {
            if info.identity == self.me {
                continue;
            }
            let user = user_of(info);
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
        let here = |user: &UserId| infos.iter().any(|i| user_of(i) == *user && i.state() != State::Disconnected);
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
        // What a person shares ends before the person goes.
        let is_screen = |t: &&RemotePublication| t.source.role() == TrackRole::Screen;
        let screens: Vec<RemotePublication> = gone.tracks.iter().filter(is_screen).cloned().collect();
        tell_changes(&gone.user, &screens, &[], out);
        out.push(Output::Event(EventKind::RemoteUserLeaveRoom { user: gone.user, name: gone.name, reason }));
    }

    fn present(&mut self, user: UserId, info: &lk::ParticipantInfo, out: &mut Vec<Output>) {
        let name = shown_name(&info.name, &info.identity);
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
                    is_reported_speaking: false,
                    quality: ConnectionQuality::Unknown,
                    hand: None,
                    host: false,
                    client_protocol: 0,
                });
                self.people.len() - 1
            }
        };
        let person = &mut self.people[at];
        person.name = name;
        person.sid.clone_from(&info.sid);
        person.client_protocol = info.client_protocol;
        person.host = standing::is_host(&info.attributes);
        let hand = hand::read(&info.attributes);
        if std::mem::replace(&mut person.hand, hand).is_some() != hand.is_some() {
            let (user, name, raised) = (person.user.clone(), person.name.clone(), hand.is_some());
            out.push(Output::Event(EventKind::HandRaised { user, name, raised }));
        }
        let before = std::mem::take(&mut person.tracks);
        person.tracks = remote_tracks(&info.tracks, &before);
        person.set_speaking(person.is_reported_speaking);
        tell_receiving(&before, &person.tracks, out);
        tell_changes(&person.user, &before, &person.tracks, out);
        let (user, tracks) = (person.user.clone(), person.tracks.clone());
        let receives = |bound: &TrackRef| tracks.iter().any(|t| t.sid == bound.sid && t.is_wanted());
        self.detach_where(|bound| bound.user == user && !receives(bound), out);
    }

    /// Changes what is observed of a track, and reports the change.
    fn observe(&mut self, sid: &TrackSid, change: impl FnOnce(&mut RemotePublication), out: &mut Vec<Output>) {
        let Some(person) = self.people.iter_mut().find(|p| p.tracks.iter().any(|t| t.sid == *sid)) else { return };
        let before = person.tracks.clone();
        if let Some(track) = person.tracks.iter_mut().find(|t| t.sid == *sid) {
            change(track);
        }
        person.set_speaking(person.is_reported_speaking);
        tell_receiving(&before, &person.tracks, out);
        tell_changes(&person.user, &before, &person.tracks, out);
    }

    /// A publisher shares a track with us, or ceases to.
    pub(super) fn shared(&mut self, sid: &TrackSid, allowed: bool, out: &mut Vec<Output>) {
        self.observe(sid, |track| track.share(allowed), out);
    }

    /// The server pauses video tracks, or sends them again.
    pub(super) fn stream_states(&mut self, states: &[lk::StreamStateInfo], out: &mut Vec<Output>) {
        for info in states {
            let paused = info.state() == lk::StreamState::Paused;
            self.observe(&TrackSid::from(info.track_sid.as_str()), |track| track.pause(paused), out);
        }
    }

    /// After a lost link or a fresh join nobody knows what is paused: the server tells it again.
    pub(super) fn nothing_is_paused(&mut self, out: &mut Vec<Output>) {
        let paused = self.people.iter().flat_map(|p| &p.tracks).filter(|t| t.is_paused()).map(|t| t.sid.clone());
        for sid in paused.collect::<Vec<_>>() {
            self.observe(&sid, |track| track.pause(false), out);
        }
    }

    /// The decoder found that the frames of some media cannot be decoded, or that they can again.
    pub(super) fn decodability(&mut self, handle: TrackHandle, why: Option<Undecodable>, out: &mut Vec<Output>) {
        if let Some(sid) = self.bound.get(&handle).map(|track| track.sid.clone()) {
            self.observe(&sid, |track| track.observe(why), out);
        }
    }

    /// The server cannot send us a track, because we offered none of its codecs.
    pub(super) fn no_codec(&mut self, sid: &TrackSid, out: &mut Vec<Output>) {
        self.observe(sid, RemotePublication::observe_no_codec, out);
    }

    /// The tracks to subscribe to again (`true`) and to unsubscribe from, since the last call of this.
    pub(super) fn subscription_changes(&mut self) -> Vec<(bool, Vec<TrackSid>)> {
        let all = || self.people.iter().flat_map(|p| &p.tracks);
        let unwanted: BTreeSet<TrackSid> = all().filter(|t| !t.is_wanted()).map(|t| t.sid.clone()).collect();
        let subscribe: Vec<TrackSid> =
            all().filter(|t| t.is_wanted() && self.declined.contains(&t.sid)).map(|t| t.sid.clone()).collect();
        let decline: Vec<TrackSid> = unwanted.difference(&self.declined).cloned().collect();
        self.declined = unwanted;
        [(true, subscribe), (false, decline)].into_iter().filter(|(_, tracks)| !tracks.is_empty()).collect()
    }

    /// The tracks that the server was told not to send us.
    pub(super) fn declined(&self) -> impl Iterator<Item = &TrackSid> {
        self.declined.iter()
    }

    /// Takes the tracks of m-lines: those of an answer on v1, of an offer on v0. Each lists everything that is bound.
    pub(super) fn bind(&mut self, mids: HashMap<String, String>, out: &mut Vec<Output>) {
        let changed = |mid: &str, track: &TrackSid| mids.get(mid).is_some_and(|t| t != track.as_str());
        let moved: Vec<TrackSid> =
            self.mids.iter().filter(|(mid, track)| changed(mid, track)).map(|(_, track)| track.clone()).collect();
        self.detach_where(|track| moved.contains(&track.sid), out);
        // livekit-server subscribes everybody to everything when they become active, whatever they declined before.
        self.declined.retain(|sid| mids.values().all(|bound| bound != sid.as_str()));
        // It found a codec for a track of which it had none.
        let no_codec = |t: &RemotePublication| matches!(t.undecodable(), Some(Undecodable::Codec(_))) && t.is_wanted();
        let tracks = self.people.iter().flat_map(|p| &p.tracks).filter(|t| no_codec(t)).map(|t| t.sid.clone());
        let found: Vec<TrackSid> = tracks.filter(|sid| mids.values().any(|bound| bound == sid.as_str())).collect();
        for sid in found {
            self.observe(&sid, |track| track.observe(None), out);
        }
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
                p.set_speaking(s.active);
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
            let track = p.tracks.iter().find(|t| t.sid == *sid && t.is_wanted())?;
            Some(TrackRef { user: p.user.clone(), source: track.source, sid: sid.clone() })
        })
    }

    /// Binds media to tracks as soon as both are known. What is not to be decoded stays unbound.
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

/// The user of a participant. Servers may name people in ways that we do not: nobody is left out for it.
fn user_of(info: &lk::ParticipantInfo) -> UserId {
    UserId::of_participant(if info.identity.is_empty() { &info.sid } else { &info.identity })
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
