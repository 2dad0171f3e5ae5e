//! The event `Verified` of our bots and windows and of the SDK's peers.

use super::Events;
use serde_json::Value;
use std::time::Duration;

/// One user's test picture and tone as received.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    pub(crate) unix_ms: f64,
    pub(crate) frames: f64,
    pub(crate) missing: f64,
    pub(crate) wrong: f64,
    pub(crate) delay_ms_p95: f64,
    pub(crate) hz: f64,
    pub(crate) dbfs: f64,
    pub(crate) longest_gap_ms: f64,
}

/// The difference of two such events.
pub(crate) struct Between {
    pub(crate) seconds: f64,
    pub(crate) frames: f64,
    pub(crate) missing: f64,
    pub(crate) wrong: f64,
}

impl Verified {
    /// The figures of `user` in one event.
    pub(crate) fn of(event: &Value, user: &str) -> Option<Self> {
        let entry = event["users"].as_array()?.iter().find(|u| u["remote_user"] == user)?;
        let (picture, tone) = (&entry["picture"], &entry["tone"]);
        Some(Self {
            unix_ms: super::events::at(event),
            frames: picture["frames"].as_f64()?,
            missing: picture["missing"].as_f64()?,
            wrong: picture["wrong"].as_f64()?,
            delay_ms_p95: picture["delay_ms_p95"].as_f64()?,
            hz: tone["hz"].as_f64()?,
            dbfs: tone["dbfs"].as_f64()?,
            longest_gap_ms: tone["longest_gap_ms"].as_f64()?,
        })
    }

    /// The difference to `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Between {
        Between {
            seconds: (self.unix_ms - earlier.unix_ms) / 1000.0,
            frames: self.frames - earlier.frames,
            missing: self.missing - earlier.missing,
            wrong: self.wrong - earlier.wrong,
        }
    }

    /// Asserts that the tone has this frequency and the level of a test tone, -20 dBFS.
    #[track_caller]
    pub(crate) fn holds_tone(&self, hz: f64) {
        assert!((self.hz - hz).abs() < 5.0, "the tone is {} Hz, not {hz}: {self:?}", self.hz);
        assert!((self.dbfs + 20.0).abs() < 3.0, "the tone is at {} dBFS, not at -20: {self:?}", self.dbfs);
    }
}

impl Between {
    /// Asserts that frame numbers advance at the sent rate (± 20 %), that 90 % of frames arrive, and 98 % of these are
    /// readable.
    #[track_caller]
    pub(crate) fn moved_at(&self, fps: f64) {
        let sent = (self.frames + self.missing) / self.seconds;
        assert!((sent / fps - 1.0).abs() < 0.2, "frame numbers advance by {sent:.1} a second, not by {fps}");
        assert!(
            self.frames >= 0.9 * (self.frames + self.missing),
            "{} of {} pictures are missing",
            self.missing,
            self.frames + self.missing
        );
        assert!(self.wrong <= 0.02 * self.frames, "{} of {} pictures could not be read", self.wrong, self.frames);
    }
}

/// The first event about `user` that is at least `time` later than the very first one.
#[track_caller]
pub(crate) fn after(source: &impl Events, user: &str, time: Duration) -> Verified {
    let first = source.wait_for_where("Verified", |e| Verified::of(e, user).is_some());
    let from = super::events::at(&first) + time.as_secs_f64() * 1000.0;
    let limit = super::TIMEOUT + time;
    let event =
        source.wait_for_within(limit, "Verified", |e| super::events::at(e) >= from && Verified::of(e, user).is_some());
    Verified::of(&event, user).expect("just found")
}

/// The newest event about `user`.
pub(crate) fn newest(source: &impl Events, user: &str) -> Option<Verified> {
    source.all("Verified").iter().rev().find_map(|e| Verified::of(e, user))
}

/// The first event about `user`.
#[track_caller]
pub(crate) fn first(source: &impl Events, user: &str) -> Verified {
    after(source, user, Duration::ZERO)
}

/// Asserts that video and audio of `user` have been within 80 ms of each other, by the sender's clock.
#[track_caller]
pub(crate) fn together(source: &impl Events, user: &str) {
    let pictures =
        source.all("Statistics").into_iter().flat_map(|e| e["remote"].as_array().cloned().unwrap_or_default());
    let ahead: Vec<f64> =
        pictures.filter(|r| r["remote_user"] == user).filter_map(|r| r["ahead_ms"].as_f64()).collect();
    assert!(!ahead.is_empty(), "picture and sound were never compared");
    assert!(ahead.iter().all(|ms| ms.abs() <= 80.0), "the picture is ahead of the sound by {ahead:?} ms");
}
