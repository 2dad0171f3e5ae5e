//! The call as the window shows it.

use super::{Call, STALE_PEER_LIMIT};
use crate::base::{DeviceKind, MediaKind, TrackRef, UserId};
use crate::call::view::{CallPhase, CallSummary, CallView, ChatView, ExitProgress, LocalDevice, Person, PersonTrack};
use crate::session::{self, RemoteParticipant, RemotePublication};
use std::time::Duration;

impl Call {
    /// One of our devices as the window shows it.
    pub(crate) fn local(&self, kind: DeviceKind) -> LocalDevice {
        LocalDevice { withheld: self.session.withheld(kind), ..self.local.view(kind, self.session.slot(kind)) }
    }

    /// The call as the window shows it.
    pub(crate) fn view(&self) -> CallView {
        let track = |p: &RemoteParticipant, t: &RemotePublication| PersonTrack {
            track: TrackRef { user: p.user.clone(), source: t.source, sid: t.sid.clone() },
            muted: t.is_off(),
            undecodable: t.undecodable(),
            paused: t.is_paused(),
            frames: (t.source.kind() == MediaKind::Video && t.is_available()).then(|| self.media.slot(&t.sid)),
        };
        let hands = self.session.raised_hands();
        let hand = |user: Option<&UserId>| hands.iter().position(|hand| *hand == user).map(|at| at + 1);
        let people = self.session.people().iter().map(|p| Person {
            user: p.user.clone(),
            name: p.name.clone(),
            tracks: p.tracks.iter().map(|t| track(p, t)).collect(),
            speaking: p.speaking,
            quality: p.quality,
            hand: hand(Some(&p.user)),
            host: p.host,
            volume: self.media.volume(&p.user),
        });
        let credentials = &self.config.plan.credentials;
        CallView {
            session: self.config.session,
            room: credentials.room.clone(),
            user: credentials.user.clone(),
            name: credentials.name.clone(),
            server: credentials.server.clone(),
            invitation: credentials.tokens.invitation().cloned(),
            host: self.is_host(),
            settings: self.session.room_settings().clone(),
            waiting: self.session.is_waiting(),
            guests: self.session.guests().to_vec(),
            phase: self.phase_view(),
            people: people.collect(),
            chat: ChatView {
                messages: self.session.messages().clone(),
                allowed: self.session.may_write(),
                full: self.session.is_chat_full(),
            },
            hand: hand(None),
            quality: self.session.quality(),
            speaking: self.session.speaking(),
            stale_peer_limit: STALE_PEER_LIMIT,
        }
    }

    fn phase_view(&self) -> CallPhase {
        let now = self.clock.now();
        match self.session.phase() {
            session::Phase::Entering(_) => CallPhase::Entering,
            // No media: shown at once, before signalling notices that its connection is lost.
            session::Phase::InRoom(room) => match room.media_down {
                Some(since) => reconnecting(1, now.since(since)),
                None => CallPhase::InCall { elapsed: now.since(room.since) },
            },
            session::Phase::Reconnecting(r) => reconnecting(r.attempt.max(1), now.since(r.since)),
            session::Phase::Leaving(l) => CallPhase::Leaving(ExitProgress {
                reason: l.reason,
                elapsed: now.since(l.since),
                done: l.done().cloned().collect(),
                running: l.running().collect(),
            }),
            session::Phase::Ended(ended) => CallPhase::Ended(CallSummary {
                reason: ended.reason,
                receipt: ended.receipt.clone(),
                total_ms: ended.total_ms,
                unix_ms: self.ended_unix_ms,
                told: ended.told.clone(),
                message: ended.message.clone(),
            }),
        }
    }
}

fn reconnecting(attempt: u32, elapsed: Duration) -> CallPhase {
    let limit = session::RECONNECT_LIMIT;
    // The last attempt may take some seconds more.
    CallPhase::Reconnecting { attempt, elapsed: elapsed.min(limit), limit }
}
