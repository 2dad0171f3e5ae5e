//! Keeps what a bot sees: the newest picture of everybody as a file.

use crate::base::{UserId, VideoFrame};
use crate::call::VideoTap;
use crate::codec::color::{self, ColorError};
use crate::store::{Readers, write_atomically};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What of a user id cannot stand in the name of a file.
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

/// One picture of somebody waits to be written; those that come meanwhile are passed over.
type Waiting = Arc<Mutex<Option<VideoFrame>>>;

/// A folder with one PNG file a person.
pub(super) struct Album {
    folder: PathBuf,
    people: Mutex<BTreeMap<UserId, Waiting>>,
    /// Held while files are written, so that two writers never share one.
    writing: Mutex<()>,
}

impl Album {
    /// Pictures go to `folder`, which exists.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, people: Mutex::default(), writing: Mutex::default() }
    }

    /// Takes the pictures of `user`.
    pub(super) fn picture(&self, user: &UserId) -> VideoTap {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = people.entry(user.clone()).or_default().clone();
        Arc::new(move |frame: &VideoFrame| {
            waiting.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| frame.clone());
        })
    }

    /// Writes what came since the last time. Blocks.
    pub(super) fn save(&self) {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (user, waiting) in people {
            let Some(frame) = waiting.lock().unwrap_or_else(PoisonError::into_inner).take() else { continue };
            let name = utf8_percent_encode(user.as_str(), ESCAPED).to_string();
            if let Err(error) = keep(&frame, &self.folder, &name) {
                tracing::warn!(%error, %user, "a picture could not be kept");
            }
        }
    }
}

/// Writes `NAME.png` atomically, so that a reader finds a whole picture.
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
    use std::fs;

    #[test]
    fn the_newest_picture_of_everybody_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let album = Album::new(folder.path().to_owned());
        let tap = album.picture(&"../Mina 1".parse().expect("an id"));
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
        let files = fs::read_dir(folder.path()).expect("the folder").count();
        assert_eq!(files, 1, "one file a person");
    }
}
