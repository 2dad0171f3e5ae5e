//! A member: one participant's stay in a room, with its tracks and subscriptions.

use super::downlink_dual::DualDownlink;
use super::downlink_single::SingleDownlink;
use super::presence::MemberPresence;
use super::publish::UNKNOWN_STREAM;
use super::uplink::{AnnouncedTrack, Uplink};
use super::{ConnectionId, ConnectionRole, LinkId, MemberId};
use crate::base::{Codec, MediaKind, Moment, TrackSid, UserId};
use livekit_protocol as lk;
use std::collections::{BTreeMap, BTreeSet};

/// The number of a room. A room that is created again has a new number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RoomNo(pub(super) u64);

/// One participant's stay.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: MemberId,
    pub(super) room: RoomNo,
    pub(super) user: UserId,
    /// The participant info without tracks and permission, which [`Member::info`] adds.
    pub(super) base: lk::ParticipantInfo,
    pub(super) permission: lk::ParticipantPermission,
    /// The permission that it gets when it is let in; `None` once it is in the room.
    pub(super) waiting: Option<lk::ParticipantPermission>,
    /// `nbf` of the newest token that it joined or resumed with, in Unix seconds.
    pub(super) issued_at: i64,
    /// The client's protocol version.
    pub(super) protocol: i32,
    pub(super) auto_subscribe: bool,
    pub(super) link: Option<LinkId>,
    pub(super) presence: MemberPresence,
    /// Oldest first.
    pub(super) tracks: Vec<Track>,
    /// `add_track` requests whose cid is in use by a published track.
    pub(super) queued: Vec<lk::AddTrackRequest>,
    pub(super) uplink: Uplink,
    pub(super) downlink: Downlink,
    pub(super) subscriptions: BTreeMap<TrackSid, Subscription>,
    /// Tracks that the client unsubscribed from, although it subscribes automatically.
    pub(super) declined: BTreeSet<TrackSid>,
    /// The video codecs that the client can receive, by its last description; `None` before one names any.
    pub(super) receives: Option<BTreeSet<Codec>>,
    /// The users that may subscribe to this member's tracks.
    pub(super) sharing: lk::SubscriptionPermission,
    /// Sequence number of the last reliable data message, counted by the client.
    pub(super) last_sequence: u32,
    pub(super) quality: Option<(lk::ConnectionQuality, f32)>,
    /// Whether its first microphone is muted when it is published: the room's setting when it entered.
    pub(super) enters_muted: bool,
}

/// The m-lines that carry tracks to the client, by protocol version.
#[derive(Clone, Debug)]
pub(super) enum Downlink {
    /// v1.
    Single(SingleDownlink),
    /// v0.
    Dual {
        downlink: DualDownlink,
        /// Whether the subscriber connection is the primary one (`subscriber_primary`).
        primary: bool,
    },
}

/// A track that a client announced with `add_track`.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// The same id as `info.sid`.
    pub(super) sid: TrackSid,
    pub(super) info: lk::TrackInfo,
    pub(super) kind: MediaKind,
    /// The codec that was announced, or told instead of it. `None` if none was named: then the m-line tells.
    pub(super) announced_codec: Option<Codec>,
    pub(super) codec: Codec,
    pub(super) cids: Vec<String>,
    /// Whether an m-line carries it. Only then is it shown to the others.
    pub(super) is_published: bool,
    pub(super) subscribers: BTreeSet<MemberId>,
    /// Whether its publisher was sent `track_subscribed`.
    pub(super) sent_subscribed: bool,
    pub(super) dynacast: Dynacast,
}

/// How many simulcast layers the publisher is asked to send.
#[derive(Clone, Debug)]
pub(super) struct Dynacast {
    /// The number sent last.
    pub(super) requested: u8,
    /// When to send a lower number.
    pub(super) lower_at: Option<Moment>,
}

/// A member's subscription to another's track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subscription {
    pub(super) owner: MemberId,
    /// The highest layer wanted: 0 `q`, 1 `h`, 2 `f`.
    pub(super) layer: u8,
    pub(super) paused: bool,
    /// Whether the client was told that it is sent.
    pub(super) told_active: bool,
}

impl Subscription {
    pub(super) const BEST: u8 = 2;

    pub(super) const fn is_default(self) -> bool {
        self.layer == Self::BEST && !self.paused
    }
}

impl Downlink {
    pub(super) fn want(&mut self, track: TrackSid, kind: MediaKind) {
        match self {
            Self::Single(s) => s.want(track, kind),
            Self::Dual { downlink, .. } => downlink.want(track),
        }
    }

    pub(super) fn drop_track(&mut self, track: &TrackSid) -> bool {
        match self {
            Self::Single(s) => s.drop_track(track),
            Self::Dual { downlink, .. } => downlink.drop_track(track),
        }
    }

    pub(super) fn is_bound(&self, track: &TrackSid) -> bool {
        match self {
            Self::Single(s) => s.is_bound(track),
            Self::Dual { downlink, .. } => downlink.is_bound(track),
        }
    }
}

impl Member {
    /// The connection on which the client offers and publishes.
    pub(super) const fn up(&self) -> ConnectionId {
        let role = if matches!(self.downlink, Downlink::Single(_)) {
            ConnectionRole::Single
        } else {
            ConnectionRole::Publisher
        };
        ConnectionId { member: self.id, role }
    }

    /// The connection on which tracks and data are sent to the client.
    pub(super) const fn down(&self) -> ConnectionId {
        let role = if matches!(self.downlink, Downlink::Single(_)) {
            ConnectionRole::Single
        } else {
            ConnectionRole::Subscriber
        };
        ConnectionId { member: self.id, role }
    }

    /// The connection that makes the participant active when it connects.
    pub(super) const fn primary(&self) -> ConnectionId {
        if matches!(self.downlink, Downlink::Dual { primary: false, .. }) { self.up() } else { self.down() }
    }

    /// All peer connections.
    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        let (up, down) = (self.up(), self.down());
        if up == down { vec![up] } else { vec![up, down] }
    }

    pub(super) fn sid(&self) -> &str {
        &self.base.sid
    }

    pub(super) fn is_active(&self) -> bool {
        self.base.state == lk::participant_info::State::Active as i32
    }

    /// The participant info that is sent to clients.
    pub(super) fn info(&self) -> lk::ParticipantInfo {
        let tracks: Vec<_> = self.tracks.iter().filter(|t| t.is_published).map(|t| t.info.clone()).collect();
        let is_publisher = !tracks.is_empty();
        lk::ParticipantInfo { tracks, is_publisher, permission: Some(self.permission.clone()), ..self.base.clone() }
    }

    /// Whether the client can receive tracks of this codec, as far as it has said.
    pub(super) fn can_receive(&self, kind: MediaKind, codec: Codec) -> bool {
        kind == MediaKind::Audio || self.receives.as_ref().is_none_or(|codecs| codecs.contains(&codec))
    }

    pub(super) fn track(&self, sid: &TrackSid) -> Option<&Track> {
        self.tracks.iter().find(|t| t.sid == *sid)
    }

    pub(super) fn track_mut(&mut self, sid: &TrackSid) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|t| t.sid == *sid)
    }

    /// Whether `other` may subscribe to this member's `track`.
    pub(super) fn shares(&self, track: &TrackSid, other: &Self) -> bool {
        self.sharing.all_participants
            || self.sharing.track_permissions.iter().any(|p| {
                let is_named = p.participant_sid == other.sid() || p.participant_identity == other.user.as_str();
                is_named && (p.all_tracks || p.track_sids.iter().any(|t| t == track.as_str()))
            })
    }

    /// The stream id of the track's `msid`. Clients synchronize the tracks of one stream.
    pub(super) fn stream_id(&self, track: &Track) -> String {
        let is_alone = matches!(track.info.stream.as_str(), "" | UNKNOWN_STREAM);
        let stream = if is_alone { &track.info.sid } else { &track.info.stream };
        format!("{}|{stream}", self.sid())
    }
}

impl Track {
    pub(super) fn announced(&self) -> AnnouncedTrack<'_> {
        AnnouncedTrack { track: &self.sid, kind: self.kind, cids: &self.cids }
    }

    /// The simulcast layers of the first codec.
    pub(super) fn layers(&self) -> &[lk::VideoLayer] {
        self.info.codecs.first().map_or(&[], |codec| &codec.layers)
    }
}
