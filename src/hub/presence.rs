//! Whether somebody is still there, from the signs that the link and the media give.
//!
//! A client that was killed is gone within 6 s; one that merely lost its link comes back within the resume window
//! unseen. A connection that the peer closed is no departure by itself: the Python SDK closes its connections a few
//! milliseconds before it says goodbye.

use super::Role;
use super::config::HubConfig;
use crate::base::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// A client pings every 5 s; one whose media is gone as well is not waited for much longer than that.
const MISSED_PING: Duration = Duration::from_millis(5500);
/// A client that speaks on without a connection that could come back is told so after this.
const CLOSED_LIMIT: Duration = Duration::from_secs(3);
/// What was sent to a client so long before it was last heard may have been lost on the way.
const IN_FLIGHT: Duration = Duration::from_secs(10);
/// Whoever loses the link before any media came up has mostly given up entering: they are waited for no longer than this.
const ENTERING: Duration = Duration::from_secs(1);
/// What a goodbye may need after the connection was closed.
const AFTER_MEDIA: Duration = Duration::from_millis(1500);

/// The signs of life of one member.
#[derive(Clone, Debug)]
pub(super) struct MemberPresence {
    heard: Moment,
    /// Some clients of the protocol do not ping; they are not expected to.
    pings: bool,
    link_gone: Option<Moment>,
    media: BTreeMap<Role, MediaState>,
    media_gone: Option<Moment>,
}

/// Where a connection is that was up once, or failed to come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaState {
    Up,
    /// Nothing comes; it may come again.
    Lost,
    /// Closed; it does not come back by itself.
    Closed,
}

/// What the signs mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PresenceStatus {
    /// Here; look again then.
    Here(Option<Moment>),
    /// The link is open, but nothing comes: it counts as lost.
    LinkDead,
    /// The link works, but the media does not come back: join afresh.
    MediaDead,
    /// Gone for good.
    Gone,
}

impl MemberPresence {
    pub(super) fn new(now: Moment) -> Self {
        Self { heard: now, pings: false, link_gone: None, media: BTreeMap::new(), media_gone: None }
    }

    pub(super) fn heard(&mut self, now: Moment) {
        self.heard = now;
    }

    /// What was said since then may not have arrived.
    pub(super) fn unsure_since(&self) -> Moment {
        Moment::from_micros(self.heard.as_micros().saturating_sub(IN_FLIGHT.as_micros() as u64))
    }

    pub(super) fn pinged(&mut self) {
        self.pings = true;
    }

    pub(super) fn link_lost(&mut self, now: Moment) {
        self.link_gone = Some(now);
    }

    /// A new link; a restart of the media gets its own time.
    pub(super) fn link_back(&mut self, now: Moment) {
        self.link_gone = None;
        self.heard = now;
        if self.media_gone.is_some() {
            self.media_gone = Some(now);
        }
    }

    /// One connection came up or went.
    pub(super) fn media(&mut self, role: Role, media: MediaState, now: Moment) {
        self.media.insert(role, media);
        if self.media.values().any(|m| *m == MediaState::Up) {
            self.media_gone = None;
        } else if self.media_gone.is_none() {
            self.media_gone = Some(now);
        }
    }

    /// Until when a lost link may come back.
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
            (None, Some(gone)) if self.pings => {
                ((gone + AFTER_MEDIA).max(self.heard + MISSED_PING), PresenceStatus::Gone)
            }
            (None, Some(gone)) => (gone + config.resume_window, PresenceStatus::Gone),
            (None, None) if self.pings => (self.heard + config.link_silence, PresenceStatus::LinkDead),
            (None, None) => return PresenceStatus::Here(None),
        };
        if at <= now { verdict } else { PresenceStatus::Here(Some(at)) }
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
        p.media(Role::Single, MediaState::Up, at(10));
        p.link_lost(at(1000));
        assert_eq!(p.status(&config, at(5000)), PresenceStatus::Here(Some(at(6000))));
        p.link_back(at(5000));
        assert_eq!(p.status(&config, at(60_000)), PresenceStatus::Here(None));
        p.link_lost(at(60_000));
        assert_eq!(p.status(&config, at(65_000)), PresenceStatus::Gone);
    }

    #[test]
    fn without_media_and_ping_somebody_is_gone_within_six_seconds_of_the_last_sign() {
        let config = HubConfig::default();
        let mut p = MemberPresence::new(at(0));
        p.media(Role::Single, MediaState::Up, at(10));
        p.pinged();
        p.heard(at(10_000));
        p.media(Role::Single, MediaState::Lost, at(14_000));
        assert_eq!(p.status(&config, at(15_400)), PresenceStatus::Here(Some(at(15_500))));
        assert_eq!(p.status(&config, at(15_500)), PresenceStatus::Gone);
    }

    #[test]
    fn a_link_that_works_outlives_its_media_for_a_while() {
        let config = HubConfig::default();
        let mut p = MemberPresence::new(at(0));
        p.pinged();
        p.media(Role::Single, MediaState::Up, at(10));
        p.media(Role::Single, MediaState::Lost, at(1000));
        p.heard(at(2000));
        assert_eq!(p.status(&config, at(15_900)), PresenceStatus::Here(Some(at(16_000))));
        assert_eq!(p.status(&config, at(16_000)), PresenceStatus::MediaDead);
        p.media(Role::Single, MediaState::Up, at(16_000));
        assert_eq!(p.status(&config, at(16_500)), PresenceStatus::Here(Some(at(17_000))));
        assert_eq!(p.status(&config, at(17_000)), PresenceStatus::LinkDead);
    }
}
