//! Keeps the newest frame of each video track as a PNG file.

use super::records::Records;
use crate::base::{TrackRef, TrackRole, UserId, VideoFrame};
use crate::call::VideoTap;
use crate::codec::color::{self, ColorError};
use crate::store::{Readers, write_atomically};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The characters of a user id that are percent-encoded in a file name.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Why a picture was not kept.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    Color(#[from] ColorError),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    File(#[from] io::Error),
}

/// A folder with one PNG file for each video track.
pub(super) struct Album {
    folder: PathBuf,
    /// One frame of each track that waits to be written; later ones are dropped until then.
    tracks: Mutex<Records<Option<VideoFrame>>>,
    /// Held while files are written, so that two writers never share one.
    writing: Mutex<()>,
}

impl Album {
    /// Pictures go to `folder`, which exists.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, tracks: Mutex::default(), writing: Mutex::default() }
    }

    /// Takes the frames of a track.
    pub(super) fn video(&self, track: &TrackRef) -> VideoTap {
        let waiting = self.tracks.lock().begin(track);
        Arc::new(move |frame: &VideoFrame| {
            waiting.lock().get_or_insert_with(|| frame.clone());
        })
    }

    /// A track has ended.
    pub(super) fn ended(&self, track: &TrackRef) {
        self.tracks.lock().end(|t| t == track);
    }

    /// Writes the frames that arrived since the last call. Blocks.
    pub(super) fn save(&self) {
        let _alone = self.writing.lock();
        let frames = take_frames(&self.tracks.lock());
        for (name, frame) in frames {
            if let Err(error) = keep(&frame, &self.folder, &name) {
                tracing::warn!(%error, name, "a picture could not be kept");
            }
        }
    }
}

/// The frames that wait, with the names of their files.
fn take_frames(tracks: &Records<Option<VideoFrame>>) -> Vec<(String, VideoFrame)> {
    let mut places: HashMap<(&UserId, &str), u32> = HashMap::new();
    let mut frames = Vec::new();
    for record in tracks.iter() {
        let kind = match record.track.source.role() {
            TrackRole::Camera => "camera",
            TrackRole::Screen => "screen",
            TrackRole::Voice | TrackRole::ScreenAudio => continue,
        };
        let place = places.entry((&record.track.user, kind)).or_default();
        *place += 1;
        frames.extend(record.value.lock().take().map(|frame| (file_name(&record.track.user, kind, *place), frame)));
    }
    frames
}

/// `NAME` for a person's first camera, `NAME.screen` for their first screen, `NAME.camera-2` and so on for more. A dot of
/// the user id is escaped, so that names are unique.
fn file_name(user: &UserId, kind: &str, place: u32) -> String {
    let name = utf8_percent_encode(user.as_str(), ESCAPED);
    match (kind, place) {
        ("camera", 1) => name.to_string(),
        (_, 1) => format!("{name}.{kind}"),
        _ => format!("{name}.{kind}-{place}"),
    }
}

/// Writes `NAME.png` atomically, so that a reader finds a complete file.
fn keep(frame: &VideoFrame, folder: &Path, name: &str) -> Result<(), KeepError> {
    let mut rgba = Vec::new();
    color::to_rgba(frame, &mut rgba)?;
    let mut png = Vec::new();
    PngEncoder::new(&mut png).write_image(&rgba, frame.width(), frame.height(), ExtendedColorType::Rgba8)?;
    Ok(write_atomically(&folder.join(format!("{name}.png")), &png, Readers::Umask)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::TrackSource;
    use std::fs;

    #[test]
    fn the_newest_picture_of_each_track_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let album = Album::new(folder.path().to_owned());
        let track = |source, sid: &str| TrackRef { user: "../Mina 1".parse().expect("an id"), source, sid: sid.into() };
        let tap = album.video(&track(TrackSource::Camera, "TR_1"));
        let kept = folder.path().join("%2E%2E%2FMina%201.png");
        album.save();
        assert!(!kept.exists(), "there was nothing to keep");
        for (luma, gray) in [(235, 255), (16, 0)] {
            tap(&VideoFrame::filled(64, 32, [luma, 128, 128], 0).expect("a picture"));
            album.save();
            let read = image::ImageReader::open(&kept).expect("a file").with_guessed_format().expect("a format");
            let read = read.decode().expect("a picture").to_rgb8();
            assert_eq!((read.dimensions(), read.get_pixel(20, 20).0), ((64, 32), [gray; 3]));
        }
        let screen = album.video(&track(TrackSource::Screen, "TR_2"));
        let second = album.video(&track(TrackSource::Camera, "TR_3"));
        for tap in [screen, second] {
            tap(&VideoFrame::filled(64, 32, [128, 128, 128], 0).expect("a picture"));
        }
        album.ended(&track(TrackSource::Camera, "TR_1"));
        let again = album.video(&track(TrackSource::Camera, "TR_4"));
        again(&VideoFrame::filled(32, 32, [16, 128, 128], 0).expect("a picture"));
        album.save();
        let size = |name: &str| image::image_dimensions(folder.path().join(name)).expect("a picture");
        assert_eq!(size("%2E%2E%2FMina%201.png"), (32, 32), "a camera that is published anew is the person's picture");
        assert_eq!(size("%2E%2E%2FMina%201.screen.png"), (64, 32));
        assert_eq!(size("%2E%2E%2FMina%201.camera-2.png"), (64, 32));
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 3, "one file a track");
    }
}
