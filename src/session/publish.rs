//! Our own tracks: announced with AddTrack, published with an offer, muted while their device is off.
//!
//! A shared screen is never muted, as with LiveKit's own clients: its track is published when the capture is open, stays
//! while another screen takes its place, and is unpublished when nothing is shared any more.

use super::{Epoch, Output, PeerCommand, Phase, Session, SlotState, Timer};
use crate::base::{DeviceKind, MediaKind, Moment, SimulcastLayer, TrackSource, VIDEO_CODEC, Withheld};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use std::time::Duration;

/// The sources of our own tracks, in the order in which they are published.
const PUBLISHED: [TrackSource; 3] = [TrackSource::Microphone, TrackSource::Camera, TrackSource::Screen];

/// Longest wait for the answer to an announcement; then it is repeated, as it may be lost with a link.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(4);
/// How often a track is announced. If the last announcement is not answered, the track's device is closed.
const ANNOUNCEMENTS: u32 = 3;

/// A track of ours.
#[derive(Clone, Debug)]
pub(super) struct OwnTrack {
    pub(super) source: TrackSource,
    pub(super) cid: String,
    /// `TR_…`, once published.
    pub(super) sid: Option<String>,
    /// Whether it is muted at the server.
    pub(super) muted: bool,
    /// Whether the server has told us this state: what we sent last may be lost with the link.
    pub(super) acknowledged: bool,
    /// Whether the server has listed it among our tracks.
    listed: bool,
    /// How often it was announced.
    announcements: u32,
    /// Since when the last announcement is not answered.
    unanswered: Option<Moment>,
    /// The connection on which it was published.
    pub(super) epoch: Epoch,
}

impl Session {
    /// Publishes a track for each device that is wanted, may send and has none on this connection, with one offer for all.
    pub(super) fn publish_wanted(&mut self) {
        if self.room.is_waiting() {
            return;
        }
        let epoch = self.epoch;
        let mut added = false;
        for source in PUBLISHED {
            let known = self.tracks.iter().find(|t| t.source == source);
            if known.is_some_and(|t| t.epoch == epoch) || (known.is_none() && !self.is_to_be_published(source)) {
                continue;
            }
            self.tracks.retain(|t| t.source != source);
            if !self.rights.allow(source) {
                continue;
            }
            let muted = !self.source_is_on(source);
            self.announced += 1;
            let cid = format!("{}-{}", Announced::of(source).name, self.announced);
            self.send(Request::AddTrack(self.add_track(&cid, source, muted)));
            self.command(PeerCommand::Publish { cid: cid.clone(), source });
            self.tracks.push(OwnTrack {
                source,
                cid,
                sid: None,
                muted,
                acknowledged: false,
                listed: false,
                announcements: 1,
                unanswered: None,
                epoch,
            });
            self.out.push_back(Output::SetSending { source, on: !muted });
            added = true;
        }
        if added {
            self.offer(false);
        }
    }

    /// Whether a source that has no track is to get one.
    fn is_to_be_published(&self, source: TrackSource) -> bool {
        source.device().is_some_and(|kind| {
            let slot = self.slot(kind);
            // What is being chosen in a dialog of the system may come to nothing.
            slot.is_wanted() && (kind != DeviceKind::Screen || matches!(slot.state(), SlotState::Open { .. }))
        })
    }

    /// Unpublishes the screen when it is not shared any more.
    pub(super) fn unpublish_ended_screen(&mut self) {
        let at = self.tracks.iter().position(|t| t.source == TrackSource::Screen);
        if let Some(at) = at.filter(|_| !self.source_is_on(TrackSource::Screen)) {
            self.drop_track(at);
        }
    }

    /// Whether a track can be announced now: after a lost link only once media flows again, so that it is announced once.
    pub(super) fn may_announce(&self) -> bool {
        !self.room.is_waiting()
            && match &self.phase {
                Phase::Entering(entering) => entering.joined.is_some(),
                Phase::InRoom(_) => true,
                Phase::Reconnecting(r) => r.step.has_joined_afresh(),
                Phase::Leaving(_) | Phase::Ended(_) => false,
            }
    }

    /// Waits for the answers to announcements, while in the room.
    pub(super) fn await_answers(&mut self, now: Moment) {
        let epoch = self.epoch;
        let waiting = self.tracks.iter_mut().filter(|t| t.epoch == epoch && t.sid.is_none());
        let first = waiting.map(|t| *t.unanswered.get_or_insert(now)).min();
        match first.filter(|_| matches!(self.phase, Phase::InRoom(_))) {
            Some(since) => self.timers.set(Timer::Answer, since + ANSWER_LIMIT),
            None => self.timers.stop(Timer::Answer),
        }
    }

    /// After a resume the answers have the whole time again.
    pub(super) fn await_answers_anew(&mut self) {
        self.tracks.iter_mut().for_each(|t| t.unanswered = None);
    }

    /// Repeats announcements that were not answered in time. A device whose track the server never publishes is closed:
    /// nobody would see that it is open.
    pub(super) fn announce_again(&mut self, now: Moment) {
        let is_late = |t: &OwnTrack| t.unanswered.is_some_and(|since| now.since(since) >= ANSWER_LIMIT);
        let late: Vec<String> = self.tracks.iter().filter(|t| is_late(t)).map(|t| t.cid.clone()).collect();
        for cid in late {
            let Some(at) = self.tracks.iter().position(|t| t.cid == cid) else { continue };
            let track = &mut self.tracks[at];
            if track.announcements >= ANNOUNCEMENTS {
                let source = self.drop_track(at);
                tracing::warn!(?source, "the server does not answer: a track of ours is not published");
                self.withhold_source(source, Withheld::Refused);
                continue;
            }
            track.announcements += 1;
            track.unanswered = Some(now);
            let (source, muted) = (track.source, track.muted);
            self.send(Request::AddTrack(self.add_track(&cid, source, muted)));
        }
    }

    /// Makes an offer, now or after the answer to the previous one.
    pub(super) fn offer(&mut self, ice_restart: bool) {
        if let Some(command) = self.joined_mut().and_then(|j| j.negotiation.want_offer(ice_restart)) {
            self.command(command);
        }
    }

    fn add_track(&self, cid: &str, source: TrackSource, muted: bool) -> lk::AddTrackRequest {
        let announced = Announced::of(source);
        let common = lk::AddTrackRequest {
            cid: cid.to_owned(),
            name: announced.name.to_owned(),
            source: announced.source as i32,
            stream: announced.stream.to_owned(),
            muted,
            ..Default::default()
        };
        if source.kind() == MediaKind::Audio {
            return lk::AddTrackRequest { r#type: lk::TrackType::Audio as i32, disable_red: true, ..common };
        }
        let layer = |(i, l): (usize, &SimulcastLayer)| lk::VideoLayer {
            quality: i as i32, // LOW, MEDIUM, HIGH are 0, 1, 2
            width: l.width,
            height: l.height,
            bitrate: l.max_kbps * 1000,
            ..Default::default()
        };
        let sent = SimulcastLayer::for_source(source, &self.camera_layers);
        let layers: Vec<_> = sent.iter().enumerate().map(layer).collect();
        let (width, height) = sent.last().map_or((0, 0), |l| (l.width, l.height));
        let codec = lk::SimulcastCodec {
            codec: VIDEO_CODEC.into(),
            cid: cid.to_owned(),
            layers: layers.clone(),
            ..Default::default()
        };
        lk::AddTrackRequest {
            r#type: lk::TrackType::Video as i32,
            width,
            height,
            layers,
            simulcast_codecs: vec![codec],
            ..common
        }
    }

    /// The server has published a track of ours.
    pub(super) fn track_published(&mut self, p: lk::TrackPublishedResponse) {
        let Some(info) = p.track else { return };
        if let Some(t) = self.tracks.iter_mut().find(|t| t.cid == p.cid) {
            t.published(&info);
        }
        self.send_mutes();
    }

    /// Takes our own tracks from an update.
    pub(super) fn acknowledge(&mut self, infos: &[lk::TrackInfo]) {
        let epoch = self.epoch;
        for info in infos {
            let Some(t) = self.tracks.iter_mut().find(|t| t.epoch == epoch && t.is(info)) else { continue };
            t.listed = true;
            if t.sid.is_none() {
                t.published(info);
            }
            t.acknowledged |= t.muted == info.muted;
        }
        self.send_mutes();
    }

    /// Compares our tracks with those that the server has after a resume: what it said or we said last may be lost.
    pub(super) fn compare_tracks(&mut self, infos: &[lk::TrackInfo]) {
        let (mut muted_by_host, mut ended) = (Vec::new(), Vec::new());
        let epoch = self.epoch;
        for t in self.tracks.iter_mut().filter(|t| t.epoch == epoch) {
            let Some(sid) = t.sid.clone() else { continue };
            match infos.iter().find(|info| t.is(info)) {
                Some(info) if info.muted && !t.muted && t.acknowledged => {
                    muted_by_host.push(lk::MuteTrackRequest { sid, muted: true });
                }
                Some(info) => t.muted = info.muted,
                None if t.listed => ended.push(sid),
                // It is published with the next offer.
                None => {}
            }
        }
        for mute in muted_by_host {
            self.muted_by_server(&mute);
        }
        for sid in ended {
            self.unpublished_by_server(&sid);
        }
        self.send_mutes();
    }

    /// Dynacast: the server tells which layers of a track of ours have a subscriber.
    #[allow(deprecated)] // servers that know one codec for each track tell no other way
    pub(super) fn want_layers(&mut self, update: &lk::SubscribedQualityUpdate) {
        let Some(track) = self.tracks.iter().find(|t| t.sid.as_deref() == Some(&update.track_sid)) else { return };
        let codecs = update.subscribed_codecs.iter().filter(|c| c.codec.to_lowercase().contains(VIDEO_CODEC));
        let unnamed = Some(&update.subscribed_qualities).filter(|_| update.subscribed_codecs.is_empty());
        let qualities = codecs.map(|c| &c.qualities).chain(unnamed).flatten();
        // LOW, MEDIUM and HIGH are 0, 1 and 2: the indices of the layers.
        let qualities = qualities.filter(|q| q.quality() != lk::VideoQuality::Off);
        let layers: Vec<_> = qualities.map(|q| (q.quality as usize, q.enabled)).collect();
        if !layers.is_empty() {
            self.out.push_back(Output::WantLayers { cid: track.cid.clone(), layers });
        }
    }

    /// Mutes the tracks whose device is off, and unmutes the others.
    pub(super) fn send_mutes(&mut self) {
        let mut changes = Vec::new();
        for source in PUBLISHED {
            let muted = !self.source_is_on(source);
            if let Some(t) = self.tracks.iter_mut().find(|t| t.source == source && t.sid.is_some() && t.muted != muted)
            {
                (t.muted, t.acknowledged) = (muted, false);
                changes.push((source, lk::MuteTrackRequest { sid: t.sid.clone().unwrap_or_default(), muted }));
            }
        }
        for (source, mute) in changes {
            let on = !mute.muted;
            self.send(Request::Mute(mute));
            self.out.push_back(Output::SetSending { source, on });
        }
    }
}

impl OwnTrack {
    /// Takes the server's answer to the announcement.
    fn published(&mut self, info: &lk::TrackInfo) {
        self.sid = Some(info.sid.clone());
        (self.muted, self.acknowledged, self.unanswered) = (info.muted, true, None);
    }

    /// Whether the server's description is of this track. Without the answer to the announcement its client id tells.
    fn is(&self, info: &lk::TrackInfo) -> bool {
        match &self.sid {
            Some(sid) => info.sid == *sid,
            None => info.codecs.iter().any(|codec| codec.cid == self.cid),
        }
    }
}

/// LiveKit's word for a source.
pub(super) const fn lk_source(source: TrackSource) -> lk::TrackSource {
    Announced::of(source).source
}

/// How a track of ours is announced to the server.
struct Announced {
    name: &'static str,
    source: lk::TrackSource,
    /// Tracks of one stream are played in sync (RFC 8830, `msid`).
    stream: &'static str,
}

impl Announced {
    const fn of(source: TrackSource) -> Self {
        match source {
            TrackSource::Camera => Self { name: "camera", source: lk::TrackSource::Camera, stream: "camera" },
            TrackSource::Microphone => {
                Self { name: "microphone", source: lk::TrackSource::Microphone, stream: "camera" }
            }
            TrackSource::Screen => Self { name: "screen", source: lk::TrackSource::ScreenShare, stream: "screen" },
            TrackSource::ScreenAudio => {
                Self { name: "screen-audio", source: lk::TrackSource::ScreenShareAudio, stream: "screen" }
            }
            TrackSource::Unknown(_) => Self { name: "unknown", source: lk::TrackSource::Unknown, stream: "unknown" },
        }
    }
}
