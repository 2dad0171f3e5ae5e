//! A bot's use of received media: it verifies it, keeps pictures of it, or both.

use super::album::Album;
use super::verify::Verifier;
use crate::base::{Event, EventKind, SessionId, TrackRef, UserId};
use crate::call::{EventSink, MediaObserver, VideoTap};
use crate::clock::unix_ms;
use std::path::PathBuf;
use std::sync::Arc;

/// Observes received media.
pub(super) struct Watch {
    verifier: Option<Verifier>,
    album: Option<Album>,
}

impl Watch {
    /// `verify` measures test pictures and tones; `pictures` is the folder to keep pictures in. `None` without either.
    pub(super) fn new(verify: bool, pictures: Option<PathBuf>) -> Option<Arc<Self>> {
        let (verifier, album) = (verify.then(Verifier::default), pictures.map(Album::new));
        (verifier.is_some() || album.is_some()).then(|| Arc::new(Self { verifier, album }))
    }

    /// Reads the audio received since the last call. Must be called at least every second while audio is received.
    pub(super) fn listen(&self) {
        if let Some(verifier) = &self.verifier {
            verifier.listen();
        }
    }

    /// Sends the event Verified, and keeps the newest pictures. Blocks.
    pub(super) fn tell(&self, session: SessionId, user: &UserId, events: &EventSink) {
        if let Some(verifier) = &self.verifier {
            events(&Event {
                unix_ms: unix_ms(),
                session,
                user: user.as_str().to_owned(),
                place: None,
                kind: EventKind::Verified { users: verifier.results(), met: verifier.is_met() },
            });
        }
        if let Some(album) = &self.album {
            album.save();
        }
    }

    /// Whether the verification passed; `None` without `verify`.
    pub(super) fn is_met(&self) -> Option<bool> {
        self.verifier.as_ref().map(Verifier::is_met)
    }
}

impl MediaObserver for Watch {
    fn video(&self, track: &TrackRef) -> VideoTap {
        let verifier = self.verifier.as_ref().map(|v| v.video(track));
        let album = self.album.as_ref().map(|a| a.video(track));
        Arc::new(move |frame| {
            for tap in [&verifier, &album].into_iter().flatten() {
                tap(frame);
            }
        })
    }

    fn audio(&self, track: &TrackRef, samples: rtrb::Consumer<f32>) {
        if let Some(verifier) = &self.verifier {
            verifier.audio(track, samples);
        }
    }

    fn ended(&self, track: &TrackRef) {
        if let Some(verifier) = &self.verifier {
            verifier.ended(track);
        }
        if let Some(album) = &self.album {
            album.ended(track);
        }
    }
}
