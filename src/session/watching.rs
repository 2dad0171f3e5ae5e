//! Which remote videos are watched, told to the server by `UpdateTrackSettings`: it then sends each in the layer that its
//! tile needs, and nothing of those that nobody sees.
//!
//! A video that comes into view is asked for at once. Other changes wait for [`SETTLE`], so that a window that is being
//! resized sends a few messages and no storm.

use super::{Output, Phase, RemotePublication, Session, Timer};
use crate::base::{MediaKind, Moment, TrackSid, VideoView, WatchedVideos};
use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a change of size, or a video that goes out of view, waits for further changes.
pub(super) const SETTLE: Duration = Duration::from_millis(250);
/// How long a track that has never been in view may take to come into view: its tile must be drawn first.
pub(super) const FIRST_VIEW: Duration = Duration::from_secs(1);

/// The setting of a track at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TrackSetting {
    /// Nothing is sent.
    Hidden,
    /// The layer for this view is sent.
    Shown(VideoView),
    /// The best layer is sent: the server's default.
    Best,
}

/// Tracks by their setting: one message for each setting.
type Settings = BTreeMap<TrackSetting, Vec<TrackSid>>;

/// The videos that are watched, and what the server was told of them on this connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Watching {
    watched: WatchedVideos,
    told: BTreeMap<TrackSid, TrackSetting>,
    /// Since when the setting of a track is not what the server was told.
    outdated: BTreeMap<TrackSid, Moment>,
}

impl Watching {
    pub(super) fn new(watched: WatchedVideos) -> Self {
        Self { watched, ..Self::default() }
    }

    /// The server has forgotten the settings, or may have.
    pub(super) fn forget_told(&mut self) {
        self.told.clear();
        self.outdated.clear();
    }

    /// The server subscribes us anew to these tracks, with its default settings.
    pub(super) fn forget_told_of(&mut self, tracks: &[TrackSid]) {
        self.told.retain(|sid, _| !tracks.contains(sid));
    }

    /// The tracks of which the server was told to send nothing.
    pub(super) fn hidden(&self) -> impl Iterator<Item = &TrackSid> {
        self.told.iter().filter(|(_, setting)| **setting == TrackSetting::Hidden).map(|(sid, _)| sid)
    }

    fn setting(&self, sid: &TrackSid) -> TrackSetting {
        match &self.watched {
            WatchedVideos::All => TrackSetting::Best,
            WatchedVideos::Each(view) => view.map_or(TrackSetting::Hidden, TrackSetting::Shown),
            WatchedVideos::Only(views) => {
                views.get(sid).map_or(TrackSetting::Hidden, |view| TrackSetting::Shown(*view))
            }
        }
    }

    /// The settings to send now, and when to call this again.
    fn changes(&mut self, tracks: &BTreeSet<TrackSid>, now: Moment) -> (Settings, Option<Moment>) {
        let before = std::mem::take(&mut self.outdated);
        let mut changed = Vec::new();
        for sid in tracks {
            let (told, setting) = (self.told.get(sid).copied(), self.setting(sid));
            if setting == told.unwrap_or(TrackSetting::Best) {
                continue;
            }
            let since = before.get(sid).copied().unwrap_or(now);
            self.outdated.insert(sid.clone(), since);
            let is_new = told.is_none() && setting == TrackSetting::Hidden;
            let due = match told {
                _ if is_new => since + FIRST_VIEW,
                None | Some(TrackSetting::Hidden) => now,
                Some(_) => since + SETTLE,
            };
            changed.push((sid, setting, due, is_new));
        }
        // With the first change that is due go all others; a new track keeps its time.
        let is_due = changed.iter().any(|(.., due, _)| *due <= now);
        let goes = |due: Moment, is_new: bool| if is_new { due <= now } else { is_due };
        let waiting = changed.iter().filter(|(.., due, is_new)| !goes(*due, *is_new)).map(|(.., due, _)| *due).min();
        let mut settings = Settings::new();
        for (sid, setting, ..) in changed.iter().filter(|(.., due, is_new)| goes(*due, *is_new)) {
            self.outdated.remove(*sid);
            self.told.insert((*sid).clone(), *setting);
            settings.entry(*setting).or_default().push((*sid).clone());
        }
        (settings, waiting)
    }
}

impl Session {
    /// Other videos are watched from now on.
    pub(super) fn watch(&mut self, watched: WatchedVideos) {
        self.watching.watched = watched;
    }

    /// Tells the server which videos are watched, where that has changed. To be called after each input.
    pub(super) fn tell_watched(&mut self, now: Moment) {
        if !matches!(self.phase, Phase::InRoom(_)) {
            return self.timers.stop(Timer::TrackSettings);
        }
        let is_watchable = |t: &&RemotePublication| t.source.kind() == MediaKind::Video && t.is_available();
        let all = || self.roster.people().iter().flat_map(|p| &p.tracks);
        let tracks: BTreeSet<TrackSid> = all().filter(is_watchable).map(|t| t.sid.clone()).collect();
        let known: BTreeSet<TrackSid> = all().map(|t| t.sid.clone()).collect();
        self.watching.told.retain(|sid, _| known.contains(sid));
        let (settings, next) = self.watching.changes(&tracks, now);
        match next {
            Some(at) => self.timers.set(Timer::TrackSettings, at),
            None => self.timers.stop(Timer::TrackSettings),
        }
        for (setting, tracks) in settings {
            let on = setting != TrackSetting::Hidden;
            self.send(Request::TrackSetting(update(setting, &tracks)));
            self.out.extend(tracks.into_iter().map(|track| Output::SetWatched { track, on }));
        }
    }
}

fn update(setting: TrackSetting, tracks: &[TrackSid]) -> lk::UpdateTrackSettings {
    let track_sids = tracks.iter().map(TrackSid::to_string).collect();
    // The quality counts where no size is given.
    let quality = lk::VideoQuality::High as i32;
    let update = lk::UpdateTrackSettings { track_sids, quality, ..Default::default() };
    match setting {
        TrackSetting::Hidden => lk::UpdateTrackSettings { disabled: true, ..update },
        TrackSetting::Shown(VideoView { width, height, fps }) => {
            lk::UpdateTrackSettings { width, height, fps, ..update }
        }
        TrackSetting::Best => update,
    }
}
