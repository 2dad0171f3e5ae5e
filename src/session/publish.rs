//! Our own tracks: announced with AddTrack, published with an offer, muted while their device is off.

use super::{Epoch, Output, PeerCommand, Session};
use crate::base::{MediaKind, SimulcastLayer, TrackSource, VIDEO_CODEC};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;

/// The sources of our own tracks, in the order in which they are published.
const PUBLISHED: [TrackSource; 3] = [TrackSource::Microphone, TrackSource::Camera, TrackSource::Screen];

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
    /// The connection on which it was published.
    pub(super) epoch: Epoch,
}

impl Session {
    /// Publishes a track for each device that is wanted, may send and has none on this connection, with one offer for all.
    pub(super) fn publish_wanted(&mut self) {
        let epoch = self.epoch;
        let mut added = false;
        for source in PUBLISHED {
            let wanted = source.device().is_some_and(|kind| self.slot(kind).is_wanted());
            let known = self.tracks.iter().find(|t| t.source == source);
            if known.is_some_and(|t| t.epoch == epoch) || (known.is_none() && !wanted) {
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
            self.tracks.push(OwnTrack { source, cid, sid: None, muted, acknowledged: false, epoch });
            self.out.push_back(Output::SetSending { source, on: !muted });
            added = true;
        }
        if added {
            self.offer(false);
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
        for info in infos {
            if let Some(t) = self.tracks.iter_mut().find(|t| t.sid.as_deref() == Some(&info.sid)) {
                t.acknowledged |= t.muted == info.muted;
            }
        }
    }

    /// Compares our tracks with those that the server has after a resume: what it said or we said last may be lost.
    pub(super) fn compare_tracks(&mut self, infos: &[lk::TrackInfo]) {
        let mut muted_by_host = Vec::new();
        let epoch = self.epoch;
        for t in self.tracks.iter_mut().filter(|t| t.epoch == epoch) {
            let Some(sid) = &t.sid else {
                // The answer to AddTrack is missing. The server may have published the track all the same.
                let of_cid = |info: &&lk::TrackInfo| info.codecs.iter().any(|codec| codec.cid == t.cid);
                if let Some(info) = infos.iter().find(of_cid) {
                    t.published(info);
                }
                continue;
            };
            match infos.iter().find(|info| info.sid == *sid) {
                Some(info) if info.muted && !t.muted && t.acknowledged => {
                    muted_by_host.push(lk::MuteTrackRequest { sid: sid.clone(), muted: true });
                }
                Some(info) => t.muted = info.muted,
                None => {}
            }
        }
        for mute in muted_by_host {
            self.muted_by_server(&mute);
        }
        self.send_mutes();
    }

    /// Dynacast: the server tells which layers of a track of ours have a subscriber.
    pub(super) fn want_layers(&mut self, update: &lk::SubscribedQualityUpdate) {
        let Some(track) = self.tracks.iter().find(|t| t.sid.as_deref() == Some(&update.track_sid)) else { return };
        let codecs = update.subscribed_codecs.iter().filter(|c| c.codec.to_lowercase().contains(VIDEO_CODEC));
        // LOW, MEDIUM and HIGH are 0, 1 and 2: the indices of the layers.
        let qualities = codecs.flat_map(|c| &c.qualities).filter(|q| q.quality() != lk::VideoQuality::Off);
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
    fn published(&mut self, info: &lk::TrackInfo) {
        self.sid = Some(info.sid.clone());
        (self.muted, self.acknowledged) = (info.muted, true);
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
