//! A file as a camera or a screen: a picture, or a Y4M video in a loop.

use super::frames::{CameraFormat, OpenedVideo};
use super::output::VideoOutput;
use super::picture_file::{self, Scaling};
use crate::base::VideoFrame;
use crate::clock::unix_us;
use crate::codec::pixels::{PixelFormat, RawPicture, Subsampling, YuvEncoding};
use crate::devices::DeviceError;
use crate::devices::thread::{Closed, OpenReport, Stop};
use crate::devices::ticker::Ticker;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

/// The largest video that is accepted, in pixels.
const MAX_WIDTH: u32 = 3840;
const MAX_HEIGHT: u32 = 2160;

/// The rate of a video that names none.
const DEFAULT_FPS: f64 = 25.0;

/// Plays the file until it is stopped. A picture is scaled to `format`; one that is only shrunk stands for a screen, which
/// gives one frame while nothing changes, and otherwise it is repeated at the rate.
pub(in crate::devices) fn run(
    path: &Path,
    format: CameraFormat,
    scaling: Scaling,
    stop: &Stop,
    opened: OpenReport<OpenedVideo>,
    output: &VideoOutput,
) -> Closed {
    let mut source = match FileSource::open(path, format, scaling) {
        Ok(source) => source,
        Err(e) => {
            opened.tell(Err(e));
            return Closed::confirmed();
        }
    };
    let format = source.format(format);
    let label = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    opened.tell(Ok(OpenedVideo { label, format }));
    let mut ticker = Ticker::new(format.interval());
    while ticker.tick(stop) {
        match source.next() {
            Ok(frame) => (output.sink)(Arc::new(frame)),
            Err(e) => {
                output.failed(e);
                break;
            }
        }
        if scaling == Scaling::Shrink && matches!(source, FileSource::Still(_)) {
            stop.wait();
        }
    }
    Closed::confirmed()
}

/// The frames of a file.
enum FileSource {
    /// A picture: always the same frame.
    Still(VideoFrame),
    /// A video that starts again after its end.
    Video(Video),
}

impl FileSource {
    /// Opens the file. A picture is scaled to `format`.
    fn open(path: &Path, format: CameraFormat, scaling: Scaling) -> Result<Self, DeviceError> {
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("y4m")) {
            Video::open(path).map(Self::Video)
        } else {
            picture_file::read(path, format, scaling).map(Self::Still)
        }
    }

    /// The format of its frames; `asked` tells the rate of a picture.
    fn format(&self, asked: CameraFormat) -> CameraFormat {
        match self {
            Self::Still(frame) => CameraFormat { width: frame.width(), height: frame.height(), fps: asked.fps },
            Self::Video(video) => video.format,
        }
    }

    /// The next frame, with the time of now as its time of capture.
    fn next(&mut self) -> Result<VideoFrame, DeviceError> {
        match self {
            Self::Still(frame) => {
                let planes = std::array::from_fn(|i| frame.plane(i).clone());
                VideoFrame::new(frame.width(), frame.height(), planes, unix_us()).map_err(other)
            }
            Self::Video(video) => video.next(),
        }
    }
}

fn other(error: impl std::fmt::Display) -> DeviceError {
    DeviceError::Other(error.to_string())
}

/// A Y4M file that starts again after its end.
struct Video {
    path: Box<Path>,
    decoder: y4m::Decoder<BufReader<File>>,
    format: CameraFormat,
    pixels: PixelFormat,
    encoding: YuvEncoding,
    /// Frames read since the file was opened.
    read: u64,
}

impl Video {
    fn open(path: &Path) -> Result<Self, DeviceError> {
        let file = File::open(path).map_err(|e| DeviceError::of_file(path, &e))?;
        let limits = y4m::Limits { bytes: MAX_WIDTH as usize * MAX_HEIGHT as usize * 3 };
        let decoder = y4m::Decoder::new_with_limits(BufReader::new(file), limits).map_err(|e| bad_video(path, &e))?;
        let rate = decoder.get_framerate();
        // 0:0 is an unknown rate.
        let fps = if rate.num == 0 || rate.den == 0 { DEFAULT_FPS } else { rate.num as f64 / rate.den as f64 };
        let fps = fps.round().clamp(1.0, 120.0) as u32;
        let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let format = CameraFormat { width: size(decoder.get_width()), height: size(decoder.get_height()), fps };
        if format.width > MAX_WIDTH || format.height > MAX_HEIGHT {
            return Err(too_large(path));
        }
        use y4m::Colorspace as C;
        let pixels = match decoder.get_colorspace() {
            C::C420 | C::C420jpeg | C::C420paldv | C::C420mpeg2 => PixelFormat::Planar(Subsampling::Half),
            C::C422 => PixelFormat::Planar(Subsampling::HalfWidth),
            C::C444 => PixelFormat::Planar(Subsampling::None),
            C::Cmono => PixelFormat::Grey,
            _ => return Err(other_samples(path)),
        };
        // ffmpeg's extension; without it the range is limited.
        let full_range = decoder.get_raw_params().split(|&b| b == b' ').any(|p| p == b"XCOLORRANGE=FULL");
        let encoding = YuvEncoding { full_range, bt709: false };
        Ok(Self { path: path.into(), decoder, format, pixels, encoding, read: 0 })
    }

    fn next(&mut self) -> Result<VideoFrame, DeviceError> {
        if let Some(frame) = self.read()? {
            return Ok(frame);
        }
        if self.read == 0 {
            return Err(no_pictures(&self.path));
        }
        *self = Self::open(&self.path.clone())?;
        self.read()?.ok_or_else(|| no_pictures(&self.path))
    }

    /// The next frame; `None` at the end of the file. A last frame that was cut short is skipped.
    fn read(&mut self) -> Result<Option<VideoFrame>, DeviceError> {
        let frame = match self.decoder.read_frame() {
            Ok(frame) => frame,
            Err(y4m::Error::EOF) => return Ok(None),
            Err(e) => return Err(bad_video(&self.path, &e)),
        };
        let data = [frame.get_y_plane(), frame.get_u_plane(), frame.get_v_plane()].concat();
        let CameraFormat { width, height, .. } = self.format;
        let picture =
            RawPicture { data: &data, width, height, stride: 0, format: self.pixels, encoding: self.encoding };
        self.read += 1;
        picture.to_frame(unix_us()).map(Some).map_err(other)
    }
}

fn too_large(path: &Path) -> DeviceError {
    let path = path.display();
    DeviceError::Unreadable(format!("{path} is larger than {MAX_WIDTH}x{MAX_HEIGHT}. Choose a smaller video."))
}

fn other_samples(path: &Path) -> DeviceError {
    DeviceError::Unreadable(format!(
        "{} is no video of 8 bits in 4:2:0, 4:2:2, 4:4:4 or grey. Convert it: ffmpeg -i IN -pix_fmt yuv420p OUT.y4m",
        path.display()
    ))
}

fn no_pictures(path: &Path) -> DeviceError {
    DeviceError::Unreadable(format!("{} has no whole picture. Choose another video.", path.display()))
}

fn bad_video(path: &Path, error: &y4m::Error) -> DeviceError {
    match error {
        y4m::Error::IoError(e) => DeviceError::of_file(path, e),
        y4m::Error::OutOfMemory => too_large(path),
        y4m::Error::UnknownColorspace => other_samples(path),
        error => DeviceError::Unreadable(format!(
            "{} cannot be read as a Y4M video: {error}. Choose another one.",
            path.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// A file with this header and these frames.
    fn file(folder: &tempfile::TempDir, header: &str, frames: &[Vec<u8>]) -> PathBuf {
        let mut bytes = format!("YUV4MPEG2 {header}\n").into_bytes();
        for frame in frames {
            bytes.extend(b"FRAME\n");
            bytes.extend(frame);
        }
        let path = folder.path().join("video.y4m");
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// Samples of Y, U and V of the first frame.
    fn first(path: &Path) -> Result<([u8; 3], CameraFormat), DeviceError> {
        let mut video = Video::open(path)?;
        let frame = video.next()?;
        let mid = |i: usize| frame.plane(i).data[frame.plane(i).data.len() / 2];
        Ok(([mid(0), mid(1), mid(2)], video.format))
    }

    #[test]
    fn all_common_samplings_and_rates_are_played() {
        let folder = tempfile::tempdir().expect("a folder");
        let frame = |y: usize, c: usize| [vec![81; y], vec![90; c], vec![240; c]].concat();
        let red = [81, 90, 240];
        // An odd size: 5x3.
        for (colours, chroma, expected) in [
            ("C420jpeg", 6, red),
            ("C420mpeg2", 6, red),
            ("C420paldv", 6, red),
            ("C420", 6, red),
            ("XYSCSS=420JPEG", 6, red),
            ("C422", 9, red),
            ("C444", 15, red),
            ("Cmono", 0, [81, 128, 128]),
        ] {
            let path = file(&folder, &format!("W5 H3 F25:1 Ip A1:1 {colours}"), &[frame(15, chroma)]);
            let (samples, format) = first(&path).expect(colours);
            assert!((0..3).all(|i| samples[i].abs_diff(expected[i]) <= 2), "{colours}: {samples:?}");
            assert_eq!(format, CameraFormat { width: 5, height: 3, fps: 25 });
        }
        for (rate, fps) in [("F30000:1001", 30), ("F0:0", 25), ("F1:10", 1), ("F50:1", 50), ("F1000:1", 120)] {
            let path = file(&folder, &format!("W4 H2 {rate} It"), &[frame(8, 2)]);
            assert_eq!(first(&path).expect(rate).1.fps, fps, "{rate}");
        }
        let path = file(&folder, "W4 H2 F25:1 C420jpeg XCOLORRANGE=FULL", &[[vec![255; 8], vec![128; 4]].concat()]);
        assert!(first(&path).expect("full range").0[0].abs_diff(235) <= 1);
    }

    #[test]
    fn a_last_frame_that_was_cut_short_is_skipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let (whole, cut) = (vec![100; 12], vec![200; 7]);
        let mut video = Video::open(&file(&folder, "W4 H2 F25:1", &[whole, cut.clone()])).expect("a video");
        for _ in 0..3 {
            assert_eq!(video.next().expect("a frame").plane(0).data[0], 100);
        }
        let said = first(&file(&folder, "W4 H2 F25:1", &[cut])).expect_err("no frame").to_string();
        assert!(said.contains("video.y4m has no whole picture"), "{said}");
    }

    #[test]
    fn a_video_that_cannot_be_played_gives_a_sentence() {
        let folder = tempfile::tempdir().expect("a folder");
        let said = |header: &str| match first(&file(&folder, header, &[])) {
            Err(DeviceError::Unreadable(sentence)) => sentence,
            other => panic!("{header}: {other:?}"),
        };
        for samples in ["C420p10", "C422p12", "Cmono12", "C411", "C444alpha", "C420p16"] {
            let sentence = said(&format!("W4 H2 F25:1 {samples}"));
            assert!(sentence.contains("no video of 8 bits in 4:2:0"), "{samples}: {sentence}");
        }
        assert!(said("W3842 H2 F25:1").contains("larger than 3840x2160"));
        assert!(said("W99999 H99999 F25:1").contains("larger than 3840x2160"));
        assert!(said("H2 F25:1").contains("cannot be read as a Y4M video"));
    }
}
