//! Offers and answers of one connection: what the commands say, put into str0m's words.

use super::channels::Channels;
use super::connection::{Connection, ConnectionFault, MLineBinding};
use super::sdp::{Msid, rewrite_answer, without_transport_cc};
use crate::base::MediaKind;
use crate::hub::{Bound, Role, Subscribed, TrackSid};
use std::collections::{HashMap, HashSet};
use str0m::RtcError;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, Mid};

/// Whether a track comes in layers.
pub(super) type Layered<'a> = &'a dyn Fn(&str) -> bool;

/// An offer to a client, with all sections that carry tracks.
pub(super) struct Offer {
    pub(super) sdp: String,
    pub(super) sections: Vec<(String, TrackSid)>,
}

impl Connection {
    /// Answers a client's offer, with sections released and bound before. When it fails nothing is bound.
    pub(super) fn accept_offer(
        &mut self,
        offer: &str,
        bind: Vec<Bound>,
        release: &[String],
        layered: Layered,
    ) -> Result<String, ConnectionFault> {
        for mid in release {
            self.sends.remove(&Mid::from(mid.as_str()));
        }
        let mut fresh = vec![];
        for Bound { mid, what } in bind {
            let mid = Mid::from(mid.as_str());
            if !self.used.insert(mid) {
                self.renew(mid, what.kind);
            }
            fresh.push(mid);
            self.sends.insert(mid, MLineBinding::of(what));
        }
        let offer = without_transport_cc(offer, &self.uncounted(layered));
        let answer = self.guarded(|c| {
            let offer = SdpOffer::from_sdp_string(&offer).map_err(RtcError::from)?;
            Ok(c.rtc.sdp_api().accept_offer(offer)?.to_sdp_string())
        });
        // An offer of the client's own rolls back one of ours; the next description is made anew.
        self.pending = None;
        if answer.is_ok() {
            // What the client does not want to receive any more carries nothing.
            let receives = |mid: &Mid| self.rtc.media(*mid).is_some_and(|m| m.direction().is_sending());
            self.sends.retain(|mid, _| receives(mid));
        }
        match answer {
            Ok(answer) if self.id.role == Role::Single => Ok(rewrite_answer(&answer, &self.bound())),
            Ok(answer) => Ok(answer),
            Err(e) => {
                for mid in fresh {
                    self.sends.remove(&mid);
                }
                Err(e)
            }
        }
    }

    /// Makes an offer. One that has not been answered is void, and its new sections are gone.
    pub(super) fn make_offer(
        &mut self,
        add: Vec<Subscribed>,
        remove: &[String],
        ice_restart: bool,
    ) -> Result<Option<Offer>, ConnectionFault> {
        self.pending = None;
        let remove: Vec<Mid> = remove.iter().map(|m| Mid::from(m.as_str())).collect();
        for mid in &remove {
            self.sends.remove(mid);
        }
        self.sends.retain(|mid, _| self.rtc.media(*mid).is_some());
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
            for section in add.into_iter().map(MLineBinding::of) {
                let (stream, track) = (section.stream_id.clone(), section.track.clone());
                let mid = api.add_media(kind(section.kind), Direction::SendOnly, Some(stream), Some(track), None);
                c.sends.insert(mid, section);
            }
            if ice_restart {
                api.ice_restart(true);
            }
            Ok(api.apply())
        })?;
        let Some((offer, pending)) = made else { return Ok(None) };
        self.pending = Some(pending);
        let sections = self.sends.iter().filter(|(_, s)| s.wanted);
        let sections = sections.map(|(mid, s)| (mid.to_string(), s.track.clone())).collect();
        Ok(Some(Offer { sdp: offer.to_sdp_string(), sections }))
    }

    /// Takes the client's answer. Whether there was an offer to answer.
    pub(super) fn accept_answer(&mut self, answer: &str, layered: Layered) -> Result<bool, ConnectionFault> {
        let Some(pending) = self.pending.take() else { return Ok(false) };
        let answer = without_transport_cc(answer, &self.uncounted(layered));
        self.guarded(|c| {
            let answer = SdpAnswer::from_sdp_string(&answer).map_err(RtcError::from)?;
            Ok(c.rtc.sdp_api().accept_answer(pending, answer)?)
        })?;
        self.channels_made = true;
        Ok(true)
    }

    /// Sections whose packets need not be counted by the client: there is no layer to choose.
    fn uncounted(&self, layered: Layered) -> HashSet<&str> {
        self.sends.iter().filter(|(_, s)| !layered(&s.track)).map(|(mid, _)| &**mid).collect()
    }

    fn bound(&self) -> HashMap<&str, Msid> {
        let wanted = self.sends.iter().filter(|(_, s)| s.wanted);
        wanted.map(|(mid, s)| (&**mid, Msid { stream: s.stream_id.clone(), track: s.track.clone() })).collect()
    }
}

impl MLineBinding {
    fn of(what: Subscribed) -> Self {
        Self { track: what.track, stream_id: what.stream_id, kind: what.kind, wanted: true }
    }
}

fn kind(kind: MediaKind) -> str0m::media::MediaKind {
    match kind {
        MediaKind::Audio => str0m::media::MediaKind::Audio,
        MediaKind::Video => str0m::media::MediaKind::Video,
    }
}
