//! The formats of real cameras: which of them can be read, and which one serves a request best.

use crate::base::VideoFrame;
use crate::codec::color;
use crate::codec::pixels::{PixelFormat, RawPicture, Subsampling, YuvEncoding};
use crate::devices::DeviceError;
use crate::devices::camera::frames::CameraFormat;

/// A pixel format's code, as Linux (V4L2) and most systems have it: `YUYV`, `MJPG`.
pub(super) type FourCc = [u8; 4];

/// How a picture is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Raw(PixelFormat),
    Jpeg,
}

/// The formats that can be read, the best first: those that only have to be rearranged, then those that lose time, then
/// JPEG, which also loses quality, and last those without colour. The codes are those of `linux/videodev2.h`.
const READABLE: [(&FourCc, Coding); 30] = [
    (b"NV12", Coding::Raw(PixelFormat::SemiPlanar(Subsampling::Half))),
    (b"YU12", Coding::Raw(PixelFormat::Planar(Subsampling::Half))),
    (b"YV12", Coding::Raw(PixelFormat::Yv12)),
    (b"NV21", Coding::Raw(PixelFormat::SemiPlanarVu(Subsampling::Half))),
    (b"YUYV", Coding::Raw(PixelFormat::Yuyv)),
    (b"UYVY", Coding::Raw(PixelFormat::Uyvy)),
    (b"YVYU", Coding::Raw(PixelFormat::Yvyu)),
    (b"VYUY", Coding::Raw(PixelFormat::Vyuy)),
    (b"NV16", Coding::Raw(PixelFormat::SemiPlanar(Subsampling::HalfWidth))),
    (b"NV61", Coding::Raw(PixelFormat::SemiPlanarVu(Subsampling::HalfWidth))),
    (b"422P", Coding::Raw(PixelFormat::Planar(Subsampling::HalfWidth))),
    (b"XR24", Coding::Raw(PixelFormat::Bgrx)),
    (b"AR24", Coding::Raw(PixelFormat::Bgrx)),
    (b"BGR4", Coding::Raw(PixelFormat::Bgrx)),
    (b"XB24", Coding::Raw(PixelFormat::Rgbx)),
    (b"AB24", Coding::Raw(PixelFormat::Rgbx)),
    (b"RGB3", Coding::Raw(PixelFormat::Rgb)),
    (b"BGR3", Coding::Raw(PixelFormat::Bgr)),
    (b"NV24", Coding::Raw(PixelFormat::SemiPlanar(Subsampling::None))),
    (b"NV42", Coding::Raw(PixelFormat::SemiPlanarVu(Subsampling::None))),
    (b"RGBP", Coding::Raw(PixelFormat::Rgb565)),
    (b"MJPG", Coding::Jpeg),
    (b"JPEG", Coding::Jpeg),
    (b"GREY", Coding::Raw(PixelFormat::Grey)),
    (b"Y16 ", Coding::Raw(PixelFormat::Grey16(16))),
    (b"Y14 ", Coding::Raw(PixelFormat::Grey16(14))),
    (b"Y12 ", Coding::Raw(PixelFormat::Grey16(12))),
    (b"Y10 ", Coding::Raw(PixelFormat::Grey16(10))),
    (b"YUY2", Coding::Raw(PixelFormat::Yuyv)),
    (b"I420", Coding::Raw(PixelFormat::Planar(Subsampling::Half))),
];

fn place(code: FourCc) -> Option<(usize, Coding)> {
    READABLE.iter().position(|(known, _)| **known == code).map(|i| (i, READABLE[i].1))
}

/// Whether pictures in this format can be read.
#[cfg(any(test, target_os = "linux"))]
pub(super) fn is_readable(code: FourCc) -> bool {
    place(code).is_some()
}

/// A format as text, for lists and errors.
pub(super) fn name(code: FourCc) -> String {
    String::from_utf8_lossy(&code).trim_end().to_owned()
}

/// One way in which a camera can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its pixel format.
    pub(super) code: FourCc,
    /// Size and rate of its frames.
    pub(super) format: CameraFormat,
}

/// The candidates that can be read, the best for `wanted` first. The criteria in order: has colour, not too small, near in
/// size, not too slow, cheap to convert, not too fast.
pub(super) fn best_first(mut candidates: Vec<Candidate>, wanted: CameraFormat) -> Vec<Candidate> {
    let cost = |candidate: &Candidate| {
        let CameraFormat { width, height, fps } = candidate.format;
        let (conversion, coding) = place(candidate.code)?;
        let grey = matches!(coding, Coding::Raw(PixelFormat::Grey | PixelFormat::Grey16(_)));
        let too_small = width < wanted.width || height < wanted.height;
        let area = |w: u32, h: u32| i64::from(w) * i64::from(h);
        let size = area(width, height).abs_diff(area(wanted.width, wanted.height));
        // Speed before conversion: a camera that is slow without compression is asked for JPEG.
        Some((grey, too_small, size, wanted.fps.saturating_sub(fps), conversion, fps.saturating_sub(wanted.fps)))
    };
    candidates.retain(|candidate| cost(candidate).is_some() && candidate.format.fps > 0);
    candidates.sort_by_key(cost);
    candidates
}

/// Why a camera with these formats alone cannot be used.
pub(super) fn unreadable(offered: &[FourCc]) -> DeviceError {
    let spoken = |code: &FourCc| match code {
        b"H264" | b"AVC1" | b"X264" => "H.264".to_owned(),
        b"HEVC" | b"H265" => "H.265".to_owned(),
        b"MPG1" | b"MPG2" | b"MPG4" | b"MPEG" => "MPEG video".to_owned(),
        // Bayer patterns of 8 to 16 bits: `BA81`, `GBRG`, `pRAA`, `BG10`, `RG16`, …
        b"BA81" | b"GBRG" | b"GRBG" | b"RGGB" | b"BYR2" => "raw sensor data".to_owned(),
        [b'B' | b'G' | b'R', b'A' | b'B' | b'G', b'1', b'0' | b'2' | b'4' | b'6'] => "raw sensor data".to_owned(),
        [b'p', b'B' | b'G' | b'g' | b'R', ..] => "raw sensor data".to_owned(),
        other => name(*other),
    };
    let mut names: Vec<String> = offered.iter().map(spoken).collect();
    names.sort();
    names.dedup();
    DeviceError::Unreadable(match names.split_last() {
        None => "This camera offers no video. Choose another camera.".into(),
        Some((only, [])) => {
            format!("This camera gives only {only}, which Visavis cannot read yet. Choose another camera.")
        }
        Some((last, others)) => format!(
            "This camera gives only {} and {last}, which Visavis cannot read yet. Choose another camera.",
            others.join(", ")
        ),
    })
}

/// How the pictures of an open camera are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PictureLayout {
    /// Their pixel format.
    pub(super) code: FourCc,
    /// Width in pixels. A JPEG picture has its own size.
    pub(super) width: u32,
    /// Height in pixels.
    pub(super) height: u32,
    /// Bytes from one row to the next; 0 for rows without padding.
    pub(super) stride: usize,
    /// The meaning of YUV samples.
    pub(super) encoding: YuvEncoding,
}

impl PictureLayout {
    /// One picture as a frame.
    pub(super) fn read(&self, data: &[u8], unix_us: u64) -> Result<VideoFrame, DeviceError> {
        let Self { code, width, height, stride, encoding } = *self;
        let frame = match place(code) {
            Some((_, Coding::Raw(format))) => {
                RawPicture { data, width, height, stride, format, encoding }.to_frame(unix_us)
            }
            Some((_, Coding::Jpeg)) => color::from_jpeg(data, unix_us),
            None => return Err(unreadable(&[code])),
        };
        frame.map_err(|e| DeviceError::Other(e.to_string()))
    }
}

#[cfg(test)]
mod tests;
