//! Measures the others' test pictures and test tones for `--verify`.

use super::records::Records;
use crate::base::{EventKind, TrackRef, TrackRole, TrackVerification, UserId, Verification, VideoFrame};
use crate::call::{MediaObserver, VideoTap};
use crate::clock::unix_ms;
use crate::testcard::{FrameTracker, ToneMeter, ToneReading, read};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;

/// Frames that may be missing, in percent.
const MISSING_PERCENT: u64 = 10;
/// Frames that may be unreadable or somebody else's, in percent.
const WRONG_PERCENT: u64 = 2;
/// The longest gap that a tone may have, in ms.
const GAP_MS: f64 = 60.0;

/// Measures the test pictures and tones of all remote tracks.
#[derive(Default)]
pub(crate) struct Verifier {
    tracks: Mutex<Records<Measured>>,
}

/// The measurements of one track.
#[derive(Default)]
struct Measured {
    picture: Option<FrameTracker>,
    tone: Option<ToneMeter>,
    samples: Option<rtrb::Consumer<f32>>,
}

impl Measured {
    /// Passes the audio played since the last call to the tone meter.
    fn listen(&mut self) {
        let (Some(tone), Some(samples)) = (&mut self.tone, &mut self.samples) else { return };
        let waiting = samples.slots();
        if let Ok(chunk) = samples.read_chunk(waiting) {
            let (first, second) = chunk.as_slices();
            tone.push(first);
            tone.push(second);
            chunk.commit_all();
        }
    }

    fn picture(&self) -> Value {
        self.picture.as_ref().map_or(Value::Null, |p| p.reading().to_json())
    }

    fn tone(&mut self) -> Option<ToneReading> {
        self.listen();
        self.tone.as_ref().map(ToneMeter::reading)
    }

    fn is_met(&mut self) -> bool {
        let picture = self.picture.as_ref().is_none_or(|p| {
            let p = p.reading();
            let all = p.frames + p.missing;
            p.frames > 0 && p.missing * 100 <= all * MISSING_PERCENT && p.wrong * 100 <= all * WRONG_PERCENT
        });
        let tone = self.tone().is_none_or(|t| t.hz > 0.0 && t.longest_gap_ms <= GAP_MS);
        picture && tone && (self.picture.is_some() || self.tone.is_some())
    }
}

/// Reads a frame of `identity` that arrived at `unix_ms`.
fn measure(measured: &Mutex<Measured>, identity: &str, frame: &VideoFrame, unix_ms: u64) {
    let reading = read(frame);
    measured.lock().picture.get_or_insert_with(|| FrameTracker::new(identity)).on_frame(reading, unix_ms);
}

impl MediaObserver for Verifier {
    fn video(&self, track: &TrackRef) -> VideoTap {
        let measured = self.tracks.lock().begin(track);
        let identity = track.user.as_str().to_owned();
        Arc::new(move |frame: &VideoFrame| measure(&measured, &identity, frame, unix_ms() as u64))
    }

    fn audio(&self, track: &TrackRef, samples: rtrb::Consumer<f32>) {
        let measured = self.tracks.lock().begin(track);
        let mut measured = measured.lock();
        measured.tone.get_or_insert_with(ToneMeter::searching);
        measured.samples = Some(samples);
    }

    fn ended(&self, track: &TrackRef) {
        self.tracks.lock().end(|t| t == track);
    }
}

impl Verifier {
    /// Takes a frame that a window has painted at `unix_ms`.
    pub(crate) fn painted(&self, track: &TrackRef, frame: &VideoFrame, unix_ms: f64) {
        let measured = self.tracks.lock().begin(track);
        measure(&measured, track.user.as_str(), frame, unix_ms.max(0.0) as u64);
    }

    /// Follows the events of a window's call: which tracks have ended.
    pub(crate) fn follow(&self, event: &EventKind) {
        match event {
            EventKind::UserVideoAvailable { track, available: false }
            | EventKind::UserSubStreamAvailable { track, available: false } => self.ended(track),
            EventKind::RemoteUserLeaveRoom { user, .. } => self.tracks.lock().end(|t| t.user == *user),
            EventKind::ExitRoom { .. } => self.tracks.lock().end(|_| true),
            _ => {}
        }
    }

    /// The measurements so far. Must be called at least every second while audio is received.
    pub(crate) fn results(&self) -> Vec<Verification> {
        let tracks = self.tracks.lock();
        tracks.users().into_iter().map(|user| verification(&tracks, &user)).collect()
    }

    /// Reads the audio received since the last call, before the rings overflow.
    pub(crate) fn listen(&self) {
        for record in self.tracks.lock().iter() {
            record.value.lock().listen();
        }
    }

    /// Whether there was a track, and every track is within the limits.
    pub(crate) fn is_met(&self) -> bool {
        let tracks = self.tracks.lock();
        tracks.iter().next().is_some() && tracks.iter().all(|record| record.value.lock().is_met())
    }
}

fn verification(tracks: &Records<Measured>, user: &UserId) -> Verification {
    let picture = tracks.main(user, TrackRole::Camera).map(|r| r.value.lock().picture());
    let tone = tracks.main(user, TrackRole::Voice).and_then(|r| r.value.lock().tone());
    let of_track = |record: &super::records::Record<Measured>| {
        let mut measured = record.value.lock();
        TrackVerification {
            source: record.track.source,
            track: record.track.sid.clone(),
            picture: measured.picture(),
            tone: measured.tone().map_or(Value::Null, ToneReading::to_json),
        }
    };
    Verification {
        remote_user: user.as_str().to_owned(),
        picture: picture.unwrap_or(Value::Null),
        tone: tone.map_or(Value::Null, ToneReading::to_json),
        tracks: tracks.iter().filter(|r| r.track.user == *user).map(of_track).collect(),
    }
}
