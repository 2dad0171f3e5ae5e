//! Reports of the peer connections.

use super::{Epoch, Output, PeerInput, Phase, Session, Timer};
use crate::base::{Moment, SignalTarget, TrackSid};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use std::time::Duration;

/// After this outage of the media path, with the link up, ICE is restarted.
const MEDIA_DOWN: Duration = Duration::from_millis(500);

impl Session {
    /// Takes a report of the peer connections.
    pub(super) fn peers(&mut self, epoch: Epoch, input: PeerInput, now: Moment) {
        if epoch != self.epoch {
            return;
        }
        if let Phase::Leaving(_) | Phase::Ended(_) = self.phase {
            if matches!(input, PeerInput::Closed) {
                self.peers_closed(now);
            }
            return;
        }
        match input {
            PeerInput::OfferMade(sdp) => {
                let Some(id) = self.joined_mut().map(|j| j.negotiation.offer_made()) else { return };
                self.send(Request::Offer(description("offer", sdp, id)));
            }
            PeerInput::AnswerMade { id, sdp } => self.send(Request::Answer(description("answer", sdp, id))),
            PeerInput::NegotiationFailed(_) => {
                let next = self.joined_mut().and_then(|j| j.negotiation.settled());
                if let Some(command) = next {
                    self.command(command);
                }
            }
            PeerInput::LocalCandidate { target, json } => self.send(Request::Trickle(lk::TrickleRequest {
                candidate_init: json,
                target: match target {
                    SignalTarget::Publisher => lk::SignalTarget::Publisher as i32,
                    SignalTarget::Subscriber => lk::SignalTarget::Subscriber as i32,
                },
                r#final: false,
            })),
            PeerInput::Up(target) => {
                self.timers.stop(Timer::MediaDown);
                self.data_path(target, true);
                if self.is_primary(target) {
                    if let Phase::InRoom(room) = &mut self.phase {
                        room.media_down = None;
                    }
                    self.entered(now);
                    self.recovered(now);
                }
                self.send_waiting();
            }
            PeerInput::Down(target) => {
                self.data_path(target, false);
                if self.is_primary(target)
                    && let Phase::InRoom(room) = &mut self.phase
                {
                    room.media_down.get_or_insert(now);
                    self.timers.set(Timer::MediaDown, now + MEDIA_DOWN);
                }
            }
            PeerInput::Track { handle, mid, stream_id: _, track_id, kind } => {
                self.with_roster(|roster, out| roster.media(handle, mid, &track_id, kind, out));
            }
            PeerInput::Decodability(handle, why) => {
                self.with_roster(|roster, out| roster.decodability(handle, why, out));
            }
            PeerInput::TrackEnded(handle) => self.with_roster(|roster, out| roster.media_ended(handle, out)),
            PeerInput::Data { payload, unix_ms } => self.data_received(payload, unix_ms),
            PeerInput::DataAcknowledged(sequence) => self.data_acknowledged(sequence),
            PeerInput::Closed => {}
        }
    }

    /// The media path is down: restarts ICE, which may find another path, and asks whether the link is still there. On its
    /// own it would notice an end of the network only after several seconds.
    pub(super) fn media_stayed_down(&mut self, now: Moment) {
        if matches!(self.phase, Phase::InRoom(_)) {
            self.offer(true);
            self.probe_link(now);
        }
    }

    /// Tells the server after a resume which tracks we hold published. The driver adds the session descriptions.
    pub(super) fn sync_state(&mut self) {
        let publish_tracks = self.tracks.iter().filter(|t| t.sid.is_some());
        let publish_tracks = publish_tracks
            .map(|t| lk::TrackPublishedResponse {
                cid: t.cid.clone(),
                track: Some(lk::TrackInfo { sid: t.sid.clone().unwrap_or_default(), ..Default::default() }),
            })
            .collect();
        let declined = self.roster.declined().map(TrackSid::to_string).collect();
        let subscription = lk::UpdateSubscription { track_sids: declined, subscribe: false, ..Default::default() };
        let subscription = Some(subscription);
        let datachannel_receive_states = self.data.receive_states();
        let state = lk::SyncState {
            publish_tracks,
            subscription,
            datachannel_receive_states,
            track_sids_disabled: self.watching.hidden().map(TrackSid::to_string).collect(),
            ..Default::default()
        };
        self.out.push_back(Output::SyncState(self.epoch, Box::new(state)));
    }
}

fn description(kind: &str, sdp: String, id: u32) -> lk::SessionDescription {
    lk::SessionDescription { r#type: kind.to_owned(), sdp, id, ..Default::default() }
}
