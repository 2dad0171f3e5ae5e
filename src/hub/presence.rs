//! Whether a member is still there, judged by its signalling link and its peer connections.
//!
//! A killed client counts as gone within 6 s. A lost link alone may resume within the resume window without the others
//! noticing. A closed peer connection alone is no departure: the Python SDK closes its connections some milliseconds
//! before it sends `leave`.

use super::ConnectionRole;
use super::config::HubConfig;
use crate::base::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// Silence after which a client without media is gone. Clients ping every 5 s.
const MISSED_PING: Duration = Duration::from_millis(5500);
/// How long a client may signal on after it closed its peer connection, before it is told to join again.
const CLOSED_LIMIT: Duration = Duration::from_secs(3);
/// Messages sent to a client less than this before it was last heard may be lost.
const IN_FLIGHT: Duration = Duration::from_secs(10);
/// Longest resume window for a client whose media never came up: it has usually given up joining.
const ENTERING: Duration = Duration::from_secs(1);
/// How long `leave` may take after the peer connection was closed.
const AFTER_MEDIA: Duration = Duration::from_millis(1500);

/// The connection states of one member.
#[derive(Clone, Debug)]
pub(super) struct MemberPresence {
    /// When the last message arrived.
    heard: Moment,
    /// Whether the client ever pinged: some clients of the protocol do not.
    has_pinged: bool,
    link_gone: Option<Moment>,
    media: BTreeMap<ConnectionRole, MediaState>,
    media_gone: Option<Moment>,
}

/// The state of a peer connection that was up once, or failed to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaState {
    Up,
    /// No packets; it may recover.
    Lost,
    /// Closed by the peer; it does not recover.
    Closed,
}

/// The conclusion from all connection states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PresenceStatus {
    /// Present; check again at that time.
    Present(Option<Moment>),
    /// The link is open but silent: it counts as lost.
    LinkDead,
    /// The link works but the media did not recover: the client has to join again.
    MediaDead,
    /// Gone; the stay ends.
    Gone,
}

impl MemberPresence {
    pub(super) fn new(now: Moment) -> Self {
        Self { heard: now, has_pinged: false, link_gone: None, media: BTreeMap::new(), media_gone: None }
    }

    pub(super) fn heard(&mut self, now: Moment) {
        self.heard = now;
    }

    /// Messages sent since then may not have arrived.
    pub(super) fn unsure_since(&self) -> Moment {
        Moment::from_micros(self.heard.as_micros().saturating_sub(IN_FLIGHT.as_micros() as u64))
    }

    pub(super) fn pinged(&mut self) {
        self.has_pinged = true;
    }

    pub(super) fn link_lost(&mut self, now: Moment) {
        self.link_gone = Some(now);
    }

    /// The client resumed. If the media is down, its limit restarts.
    pub(super) fn link_back(&mut self, now: Moment) {
        self.link_gone = None;
        self.heard = now;
        if self.media_gone.is_some() {
            self.media_gone = Some(now);
        }
    }

    /// A peer connection changed its state.
    pub(super) fn media(&mut self, role: ConnectionRole, media: MediaState, now: Moment) {
        self.media.insert(role, media);
        if self.media.values().any(|m| *m == MediaState::Up) {
            self.media_gone = None;
        } else if self.media_gone.is_none() {
            self.media_gone = Some(now);
        }
    }

    /// The end of the resume window, if the link is lost.
    pub(super) fn resumable_until(&self, config: &HubConfig) -> Option<Moment> {
        let lost = self.link_gone?;
        let start = self.media_gone.filter(|gone| self.heard <= *gone).map_or(lost, |gone| gone.min(lost));
        let is_entering = self.media.is_empty();
        Some(start + if is_entering { ENTERING.min(config.resume_window) } else { config.resume_window })
    }

    fn media_limit(&self, config: &HubConfig) -> Duration {
        let is_closed = self.media.values().any(|m| *m == MediaState::Closed);
        if is_closed { CLOSED_LIMIT } else { config.media_limit }
    }

    pub(super) fn status(&self, config: &HubConfig, now: Moment) -> PresenceStatus {
        let (at, verdict) = match (self.resumable_until(config), self.media_gone) {
            (Some(until), _) => (until, PresenceStatus::Gone),
            (None, Some(gone)) if self.heard > gone => (gone + self.media_limit(config), PresenceStatus::MediaDead),
            (None, Some(gone)) if self.has_pinged => {
                ((gone + AFTER_MEDIA).max(self.heard + MISSED_PING), PresenceStatus::Gone)
            }
            (None, Some(gone)) => (gone + config.resume_window, PresenceStatus::Gone),
            (None, None) if self.has_pinged => (self.heard + config.link_silence, PresenceStatus::LinkDead),
            (None, None) => return PresenceStatus::Present(None),
        };
        if at <= now { verdict } else { PresenceStatus::Present(Some(at)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::from_millis(ms)
    }

    #[test]
    fn a_lost_link_may_come_back_for_five_seconds() {
        let config = HubConfig::default();
        let mut p = MemberPresence::new(at(0));
        p.media(ConnectionRole::Single, MediaState::Up, at(10));
        p.link_lost(at(1000));
        assert_eq!(p.status(&config, at(5000)), PresenceStatus::Present(Some(at(6000))));
        p.link_back(at(5000));
        assert_eq!(p.status(&config, at(60_000)), PresenceStatus::Present(None));
        p.link_lost(at(60_000));
        assert_eq!(p.status(&config, at(65_000)), PresenceStatus::Gone);
    }

    #[test]
    fn without_media_and_ping_a_member_is_gone_within_six_seconds() {
        let config = HubConfig::default();
        let mut p = MemberPresence::new(at(0));
        p.media(ConnectionRole::Single, MediaState::Up, at(10));
        p.pinged();
        p.heard(at(10_000));
        p.media(ConnectionRole::Single, MediaState::Lost, at(14_000));
        assert_eq!(p.status(&config, at(15_400)), PresenceStatus::Present(Some(at(15_500))));
        assert_eq!(p.status(&config, at(15_500)), PresenceStatus::Gone);
    }

    #[test]
    fn a_link_that_works_outlives_its_media_for_a_while() {
        let config = HubConfig::default();
        let mut p = MemberPresence::new(at(0));
        p.pinged();
        p.media(ConnectionRole::Single, MediaState::Up, at(10));
        p.media(ConnectionRole::Single, MediaState::Lost, at(1000));
        p.heard(at(2000));
        assert_eq!(p.status(&config, at(15_900)), PresenceStatus::Present(Some(at(16_000))));
        assert_eq!(p.status(&config, at(16_000)), PresenceStatus::MediaDead);
        p.media(ConnectionRole::Single, MediaState::Up, at(16_000));
        assert_eq!(p.status(&config, at(16_500)), PresenceStatus::Present(Some(at(17_000))));
        assert_eq!(p.status(&config, at(17_000)), PresenceStatus::LinkDead);
    }
}
