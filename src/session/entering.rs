//! Entering: devices and connection at once; EnterRoom when the server has let us in and media can flow.

use super::link::ice_servers;
use super::negotiation::Negotiation;
use super::{InRoom, Joined, Output, OwnTrack, PeerCommand, Phase, Session, Timer};
use crate::base::{
    DeviceKind, EntryErrorKind, EventKind, ExitReason, MediaKind, Moment, NO_DEVICE, SimulcastLayer, TrackSource,
};
use crate::session::io::EntryError;
use livekit_protocol as lk;
use std::time::Duration;

/// Entering ends with reason 103 after so long.
pub const ENTER_LIMIT: Duration = Duration::from_secs(15);

/// The sources of our own tracks, in the order in which they are published.
pub(super) const PUBLISHED: [TrackSource; 3] = [TrackSource::Microphone, TrackSource::Camera, TrackSource::Screen];

impl Session {
    pub(super) fn begin(&mut self, now: Moment) {
        self.out.push_back(Output::Connect(self.epoch));
        for kind in DeviceKind::ALL {
            self.step_device(kind);
        }
        self.timers.set(Timer::Enter, now + ENTER_LIMIT);
    }

    /// The server's first message, of a first or a fresh join.
    pub(super) fn joined(&mut self, response: &lk::JoinResponse, single: bool, now: Moment) {
        let Some(me) = response.participant.as_ref() else {
            let message = "The server answered, but not like a LiveKit room server. Check its address.".into();
            return self.refused(EntryError { kind: EntryErrorKind::NotAServer, message, retry: false }, now);
        };
        let joined = Joined {
            sid: me.sid.clone(),
            negotiation: Negotiation::new(single),
            subscriber_primary: !single && response.subscriber_primary,
        };
        match &mut self.phase {
            Phase::Entering(e) => e.joined = Some(joined),
            Phase::Reconnecting(r) => r.step.rejoined(joined),
            _ => return,
        }
        self.command(PeerCommand::SetIceServers(ice_servers(&response.ice_servers)));
        self.with_roster(|roster, out| roster.joined(&me.identity, &response.other_participants, out));
        self.publish_wanted();
    }

    /// The room could not be entered, or entered again.
    pub(super) fn refused(&mut self, error: EntryError, now: Moment) {
        match &self.phase {
            Phase::Entering(_) => {
                self.link_open = false;
                self.peers_open = false;
                let message = error.message.clone();
                self.out
                    .push_back(Output::Event(EventKind::EnterRoomFailed { error: error.kind, message: error.message }));
                self.leave(ExitReason::EntryFailed, message, now);
            }
            Phase::Reconnecting(_) => self.rejoin_refused(error, now),
            _ => {}
        }
    }

    pub(super) fn enter_timed_out(&mut self, now: Moment) {
        if let Phase::Entering(e) = &self.phase {
            let message = if e.joined.is_some() {
                "The server let you in, but no media connection came up. A firewall may block UDP to it."
            } else {
                "The server does not answer. Check its address and your internet connection."
            };
            let message = message.to_owned();
            self.out.push_back(Output::Event(EventKind::EnterRoomFailed {
                error: EntryErrorKind::Timeout,
                message: message.clone(),
            }));
            self.leave(ExitReason::EntryFailed, message, now);
        }
    }

    /// Media can flow: this is EnterRoom.
    pub(super) fn entered(&mut self, now: Moment) {
        let Phase::Entering(e) = &mut self.phase else { return };
        let Some(joined) = e.joined.take() else { return };
        let result_ms = now.millis_since(e.since);
        self.phase = Phase::InRoom(InRoom { since: now, media_down: None, joined });
        self.timers.stop(Timer::Enter);
        self.out.push_back(Output::Event(EventKind::EnterRoom { result_ms }));
    }

    /// Publishes a track for each device that is wanted and has none yet in this epoch, with one offer for all.
    pub(super) fn publish_wanted(&mut self) {
        let epoch = self.epoch;
        let mut added = false;
        for source in PUBLISHED {
            let slot = source.device().map(|kind| self.slot(kind));
            let wanted = slot.is_some_and(|s| s.wanted() && s.choice() != Some(NO_DEVICE));
            let known = self.tracks.iter().find(|t| t.source == source);
            if known.is_some_and(|t| t.epoch == epoch) || (known.is_none() && !wanted) {
                continue;
            }
            let muted = !self.source_is_fed(source);
            self.tracks.retain(|t| t.source != source);
            let cid = format!("{}-{}", Announced::of(source).name, epoch.0);
            self.send(lk::signal_request::Message::AddTrack(self.add_track(&cid, source, muted)));
            self.command(PeerCommand::Publish { cid: cid.clone(), source });
            self.tracks.push(OwnTrack { source, cid, sid: None, muted, epoch });
            self.out.push_back(Output::Feed { source, on: !muted });
            added = true;
        }
        if added {
            self.offer(false);
        }
    }

    /// Makes an offer, now or after the answer that is awaited.
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
            codec: "vp8".into(),
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
