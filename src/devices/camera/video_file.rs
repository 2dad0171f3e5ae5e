//! The camera that plays a file: a PNG or JPEG picture, or a Y4M video in a loop.

use super::frames::{CameraFormat, OpenedCamera};
use super::output::CameraOutput;
use crate::base::{Plane, VideoFrame};
use crate::clock::unix_us;
use crate::codec::color;
use crate::devices::DeviceError;
use crate::devices::thread::{Closed, OpenReport, Stop};
use crate::devices::ticker::Ticker;
use image::imageops::{FilterType, crop_imm};
use image::{ImageReader, Limits};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

/// Memory that decoding a picture may take, in bytes.
const DECODE_LIMIT: u64 = 512 << 20;

/// The largest video that is accepted, in pixels.
const MAX_WIDTH: u32 = 3840;
const MAX_HEIGHT: u32 = 2160;

/// Plays the file until it is stopped.
pub(super) fn run(
    path: &Path,
    format: CameraFormat,
    stop: &Stop,
    opened: OpenReport<OpenedCamera>,
    output: &CameraOutput,
) -> Closed {
    let is_video = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("y4m"));
    let source = if is_video { Video::open(path).map(Source::Video) } else { still(path, format).map(Source::Still) };
    let mut source = match source {
        Ok(source) => source,
        Err(e) => {
            opened.tell(Err(e));
            return Closed::confirmed();
        }
    };
    let format = source.format(format);
    let label = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    opened.tell(Ok(OpenedCamera { label, format }));
    let mut ticker = Ticker::new(format.interval());
    while ticker.tick(stop) {
        match source.next() {
            Ok(frame) => (output.sink)(Arc::new(frame)),
            Err(e) => {
                output.failed(e);
                break;
            }
        }
    }
    Closed::confirmed()
}

enum Source {
    Still(VideoFrame),
    Video(Video),
}

impl Source {
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

/// Reads a picture and scales it to fit `format`.
fn still(path: &Path, format: CameraFormat) -> Result<VideoFrame, DeviceError> {
    let mut reader = ImageReader::open(path).map_err(|e| DeviceError::of_file(path, &e))?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_LIMIT);
    reader.limits(limits);
    let picture = reader
        .decode()
        .map_err(|e| DeviceError::Other(format!("{}: {e}", path.display())))?
        .resize(format.width, format.height, FilterType::Triangle)
        .to_rgb8();
    // I420 halves the chroma planes in both directions: even sides need no rounding.
    let (width, height) = (picture.width() & !1, picture.height() & !1);
    let picture = crop_imm(&picture, 0, 0, width, height).to_image();
    color::from_rgb(picture.as_raw(), width, height, 0).map_err(other)
}

/// A Y4M file that starts again after its end.
struct Video {
    path: Box<Path>,
    decoder: y4m::Decoder<BufReader<File>>,
    format: CameraFormat,
    /// Frames read since the file was opened.
    read: u64,
}

impl Video {
    fn open(path: &Path) -> Result<Self, DeviceError> {
        let file = File::open(path).map_err(|e| DeviceError::of_file(path, &e))?;
        let limits = y4m::Limits { bytes: MAX_WIDTH as usize * MAX_HEIGHT as usize * 3 / 2 };
        let decoder = y4m::Decoder::new_with_limits(BufReader::new(file), limits).map_err(|e| bad_video(path, &e))?;
        let rate = decoder.get_framerate();
        let fps = (rate.num as f64 / rate.den.max(1) as f64).round().clamp(1.0, 120.0) as u32;
        let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let format = CameraFormat { width: size(decoder.get_width()), height: size(decoder.get_height()), fps };
        let subsampled = matches!(
            decoder.get_colorspace(),
            y4m::Colorspace::C420 | y4m::Colorspace::C420jpeg | y4m::Colorspace::C420paldv | y4m::Colorspace::C420mpeg2
        );
        if !subsampled || format.width > MAX_WIDTH || format.height > MAX_HEIGHT {
            let message = "only 8 bit 4:2:0 video of at most 3840x2160 can be shown";
            return Err(DeviceError::Other(format!("{}: {message}", path.display())));
        }
        Ok(Self { path: path.into(), decoder, format, read: 0 })
    }

    fn next(&mut self) -> Result<VideoFrame, DeviceError> {
        if let Some(frame) = self.read()? {
            return Ok(frame);
        }
        if self.read == 0 {
            return Err(DeviceError::Other(format!("{}: it has no pictures", self.path.display())));
        }
        *self = Self::open(&self.path.clone())?;
        self.read()?.ok_or_else(|| DeviceError::Other(format!("{}: it has no pictures", self.path.display())))
    }

    /// The next frame; `None` at the end of the file.
    fn read(&mut self) -> Result<Option<VideoFrame>, DeviceError> {
        let CameraFormat { width, height, .. } = self.format;
        let frame = match self.decoder.read_frame() {
            Ok(frame) => frame,
            Err(y4m::Error::EOF) => return Ok(None),
            Err(e) => return Err(bad_video(&self.path, &e)),
        };
        let plane = |data: &[u8], width: u32| Plane { data: data.to_vec(), stride: width as usize };
        let half = width.div_ceil(2);
        let planes =
            [plane(frame.get_y_plane(), width), plane(frame.get_u_plane(), half), plane(frame.get_v_plane(), half)];
        self.read += 1;
        VideoFrame::new(width, height, planes, unix_us()).map(Some).map_err(other)
    }
}

fn bad_video(path: &Path, error: &y4m::Error) -> DeviceError {
    DeviceError::Other(format!("{}: not a Y4M video that can be read ({error:?})", path.display()))
}
