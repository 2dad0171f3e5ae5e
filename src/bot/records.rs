//! One record for each remote track, for `--verify` and `--pictures`.

use crate::base::{TrackRef, TrackRole, UserId};
use parking_lot::Mutex;
use std::sync::Arc;

/// Records by track, in the order in which the tracks began. A track that begins where another one of the same user and
/// source has ended continues its record, as when a camera is published again.
pub(super) struct Records<T> {
    all: Vec<Record<T>>,
}

/// The record of one track.
pub(super) struct Record<T> {
    /// The track whose media was received last.
    pub(super) track: TrackRef,
    /// Whether its media has not ended.
    is_live: bool,
    /// The recorded value.
    pub(super) value: Arc<Mutex<T>>,
}

impl<T> Default for Records<T> {
    fn default() -> Self {
        Self { all: Vec::new() }
    }
}

impl<T: Default> Records<T> {
    /// The record of a track whose media begins or goes on.
    pub(super) fn begin(&mut self, track: &TrackRef) -> Arc<Mutex<T>> {
        let same = |r: &Record<T>| r.track == *track;
        let free = |r: &Record<T>| !r.is_live && r.track.user == track.user && r.track.source == track.source;
        let at = self.all.iter().position(same).or_else(|| self.all.iter().position(free));
        let at = at.unwrap_or_else(|| {
            self.all.push(Record { track: track.clone(), is_live: true, value: Arc::default() });
            self.all.len() - 1
        });
        let record = &mut self.all[at];
        record.track.clone_from(track);
        record.is_live = true;
        record.value.clone()
    }

    /// The media of these tracks has ended. Their records stay.
    pub(super) fn end(&mut self, ended: impl Fn(&TrackRef) -> bool) {
        for record in self.all.iter_mut().filter(|r| ended(&r.track)) {
            record.is_live = false;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Record<T>> {
        self.all.iter()
    }

    /// The users of all tracks, each once, in the order in which they began.
    pub(super) fn users(&self) -> Vec<UserId> {
        let mut users: Vec<UserId> = Vec::new();
        for record in &self.all {
            if !users.contains(&record.track.user) {
                users.push(record.track.user.clone());
            }
        }
        users
    }

    /// The record that stands for a user in one role: of several tracks the first whose media has not ended.
    pub(super) fn main(&self, user: &UserId, role: TrackRole) -> Option<&Record<T>> {
        let fits = |r: &&Record<T>| r.track.user == *user && r.track.source.role() == role;
        self.all.iter().filter(fits).find(|r| r.is_live).or_else(|| self.all.iter().find(fits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{MediaKind, TrackSource};

    fn track(user: &str, source: TrackSource, sid: &str) -> TrackRef {
        TrackRef { user: user.parse().expect("an id"), source, sid: sid.into() }
    }

    fn add(records: &mut Records<u32>, track: &TrackRef) -> u32 {
        let record = records.begin(track);
        let mut count = record.lock();
        *count += 1;
        *count
    }

    #[test]
    fn a_camera_that_is_published_anew_continues_its_record_and_a_second_one_has_its_own() {
        let (mut records, camera) = (Records::default(), TrackSource::Camera);
        let (first, second, third) = (track("m", camera, "1"), track("m", camera, "2"), track("m", camera, "3"));
        assert_eq!((add(&mut records, &first), add(&mut records, &first)), (1, 2), "the same track goes on");
        assert_eq!(add(&mut records, &second), 1, "both are live");
        records.end(|t| *t == first);
        assert_eq!(add(&mut records, &third), 3);
        assert_eq!(add(&mut records, &track("tom", camera, "4")), 1, "somebody else's");
        let sids: Vec<&str> = records.iter().map(|r| r.track.sid.as_str()).collect();
        assert_eq!(sids, ["3", "2", "4"]);
        assert_eq!(records.users().len(), 2);
    }

    #[test]
    fn a_person_is_shown_by_a_live_camera_and_never_by_a_screen() {
        let mut records = Records::<u32>::default();
        let (screen, user) = (track("m", TrackSource::Screen, "1"), "m".parse().expect("an id"));
        records.begin(&screen);
        assert!(records.main(&user, TrackRole::Camera).is_none());
        let old = track("m", TrackSource::Camera, "2");
        records.begin(&old);
        records.end(|t| *t == old);
        let sid = |records: &Records<u32>| records.main(&user, TrackRole::Camera).map(|r| r.track.sid.to_string());
        assert_eq!(sid(&records).as_deref(), Some("2"), "the last one known");
        records.begin(&track("m", TrackSource::Unknown(MediaKind::Video), "3"));
        assert_eq!(sid(&records).as_deref(), Some("3"));
    }
}
