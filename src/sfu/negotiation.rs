//! Offers and answers of one connection.

use super::channels::Channels;
use super::connection::{Connection, ConnectionFault, MLineBinding};
use super::sdp::{
    Msid, in_offered_order, refuse_without_codec, rewrite_answer, with_active_answer, with_codecs, without_transport_cc,
};
use super::track::ForwardedTrack;
use crate::base::{MediaKind, TrackSid};
use crate::hub::{Bound, ConnectionRole, Subscribed};
use std::collections::{HashMap, HashSet};
use str0m::RtcError;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, Mid};

/// The worker's tracks.
type Tracks = HashMap<TrackSid, ForwardedTrack>;

/// An offer to a client, with MID and track of its m-lines.
pub(super) struct Offer {
    pub(super) sdp: String,
    pub(super) m_lines: Vec<(String, TrackSid)>,
}

impl Connection {
    /// Answers a client's offer, after releasing and binding m-lines. If it fails, nothing is bound.
    pub(super) fn accept_offer(
        &mut self,
        offer: &str,
        bind: Vec<Bound>,
        release: &[String],
        tracks: &Tracks,
    ) -> Result<String, ConnectionFault> {
        for mid in release {
            self.outgoing.remove(&Mid::from(mid.as_str()));
        }
        let mut fresh = vec![];
        for Bound { mid, what } in bind {
            let mid = Mid::from(mid.as_str());
            if !self.used.insert(mid) {
                self.replace_stream(mid, what.kind);
            }
            fresh.push(mid);
            self.outgoing.insert(mid, MLineBinding::of(what));
        }
        let offer = with_active_answer(&without_transport_cc(offer, &self.without_feedback(tracks)));
        let answer = self.guarded(|c| {
            let offer = SdpOffer::from_sdp_string(&offer).map_err(RtcError::from)?;
            Ok(c.rtc.sdp_api().accept_offer(offer)?.to_sdp_string())
        });
        // The client's offer replaces an unanswered one of ours.
        self.pending = None;
        if answer.is_ok() {
            // M-lines that the client stopped receiving carry nothing.
            let receives = |mid: &Mid| self.rtc.media(*mid).is_some_and(|m| m.direction().is_sending());
            self.outgoing.retain(|mid, _| receives(mid));
        }
        let codecs = self.incoming.iter().filter_map(|(mid, sid)| {
            let origin = tracks.get(sid)?.origin.as_ref()?;
            Some((&**mid, origin.codec))
        });
        let codecs = codecs.collect();
        let answer = answer.map(|answer| in_offered_order(&refuse_without_codec(&answer), &offer));
        match answer.map(|answer| with_codecs(&answer, &codecs)) {
            Ok(answer) if self.id.role == ConnectionRole::Single => Ok(rewrite_answer(&answer, &self.bound())),
            Ok(answer) => Ok(answer),
            Err(e) => {
                for mid in fresh {
                    self.outgoing.remove(&mid);
                }
                Err(e)
            }
        }
    }

    /// Makes an offer; `None` if there is nothing to offer. An unanswered one is discarded, with its new m-lines.
    pub(super) fn make_offer(
        &mut self,
        add: Vec<Subscribed>,
        remove: &[String],
        ice_restart: bool,
    ) -> Result<Option<Offer>, ConnectionFault> {
        self.pending = None;
        let remove: Vec<Mid> = remove.iter().map(|m| Mid::from(m.as_str())).collect();
        for mid in &remove {
            self.outgoing.remove(mid);
        }
        self.outgoing.retain(|mid, _| self.rtc.media(*mid).is_some());
        let made = self.guarded(|c| {
            let mut api = c.rtc.sdp_api();
            if !c.channels_made {
                for config in Channels::configs() {
                    api.add_channel_with_config(config);
                }
            }
            for mid in remove {
                api.stop_media(mid);
            }
            for binding in add.into_iter().map(MLineBinding::of) {
                let (stream, track) = (binding.stream_id.clone(), binding.track.to_string());
                let mid = api.add_media(kind(binding.kind), Direction::SendOnly, Some(stream), Some(track), None);
                c.outgoing.insert(mid, binding);
            }
            if ice_restart {
                api.ice_restart(true);
            }
            Ok(api.apply())
        })?;
        let Some((offer, pending)) = made else { return Ok(None) };
        self.pending = Some(pending);
        let m_lines = self.outgoing.iter().filter(|(_, s)| s.enabled);
        let m_lines = m_lines.map(|(mid, s)| (mid.to_string(), s.track.clone())).collect();
        Ok(Some(Offer { sdp: offer.to_sdp_string(), m_lines }))
    }

    /// Applies the client's answer. Whether an offer was waiting for it.
    pub(super) fn accept_answer(&mut self, answer: &str, tracks: &Tracks) -> Result<bool, ConnectionFault> {
        let Some(pending) = self.pending.take() else { return Ok(false) };
        let answer = without_transport_cc(answer, &self.without_feedback(tracks));
        self.guarded(|c| {
            let answer = SdpAnswer::from_sdp_string(&answer).map_err(RtcError::from)?;
            Ok(c.rtc.sdp_api().accept_answer(pending, answer)?)
        })?;
        self.channels_made = true;
        Ok(true)
    }

    /// M-lines that need no transport-cc feedback, because there is no layer to choose.
    fn without_feedback(&self, tracks: &Tracks) -> HashSet<&str> {
        let has_layers = |track: &TrackSid| tracks.get(track).is_some_and(ForwardedTrack::has_layers);
        self.outgoing.iter().filter(|(_, s)| !has_layers(&s.track)).map(|(mid, _)| &**mid).collect()
    }

    fn bound(&self) -> HashMap<&str, Msid> {
        let enabled = self.outgoing.iter().filter(|(_, s)| s.enabled);
        enabled.map(|(mid, s)| (&**mid, Msid { stream: s.stream_id.clone(), track: s.track.to_string() })).collect()
    }
}

impl MLineBinding {
    fn of(what: Subscribed) -> Self {
        Self { track: what.track, stream_id: what.stream_id, kind: what.kind, enabled: true }
    }
}

fn kind(kind: MediaKind) -> str0m::media::MediaKind {
    match kind {
        MediaKind::Audio => str0m::media::MediaKind::Audio,
        MediaKind::Video => str0m::media::MediaKind::Video,
    }
}
