//! Real cameras on Linux (Video4Linux 2). This code runs in the capture process only.

use super::formats::{Candidate, FourCc, PictureLayout, best_first, is_readable, name, unreadable};
use super::native::{MAX_BAD_FRAMES, no_camera, while_open};
use super::offered::{OfferedIntervals, OfferedSizes};
use super::output::{CaptureEnd, FrameWriter};
use crate::base::{DeviceEntry, DeviceProblemKind, Orientation};
use crate::clock::unix_us;
use crate::codec::pixels::YuvEncoding;
use crate::codec::turn_upright;
use crate::devices::DeviceError;
use crate::devices::camera::frames::CameraFormat;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};
use v4l::Device;
use v4l::buffer::{Flags as BufferFlags, Metadata, Type};
use v4l::capability::Flags;
use v4l::context::{Node, enum_devices};
use v4l::control::Value;
use v4l::format::{Colorspace, Format, FourCC, Quantization};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture;
use v4l::video::capture::Parameters;

/// Buffers that the driver fills in turn.
const BUFFERS: u32 = 4;

/// The control that tells how a camera is mounted: `V4L2_CID_CAMERA_SENSOR_ROTATION`.
const SENSOR_ROTATION: u32 = 0x009a_0923;

/// The system's error for a request that makes no sense.
const EINVAL: i32 = 22;

/// The greatest rate that is listed where the driver has a range.
const MOST_FPS: u32 = 120;

/// Sizes that are listed for each pixel format.
const MOST_SIZES: usize = 64;

/// Opens `device` and writes its frames until it is to stop. With `only`, no other pixel format is used.
pub(super) fn capture(
    device: &str,
    wanted: CameraFormat,
    only: Option<FourCc>,
    output: &mut FrameWriter,
) -> Result<(), CaptureEnd> {
    let node = find(device)?;
    let device = Device::with_path(node.path()).map_err(|e| problem(&e))?;
    let orientation = mounting(&device);
    let mut opened = false;
    loop {
        let (layout, format) = negotiate(&device, wanted, only)?;
        let mut stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS).map_err(|e| problem(&e))?;
        if !opened {
            output.opened(&label(&node), turned(format, orientation))?;
            opened = true;
        }
        let mut reading = Reading { layout, orientation, frames: 0, bad: 0 };
        let ended = reading.run(&mut stream, output);
        // v4l panics in drop if stopping fails there. The process ends soon, and the system stops the camera then.
        if stream.stop().is_err() {
            std::mem::forget(stream);
            return ended;
        }
        match ended {
            // The format may have changed, as that of a capture stick when another source is plugged in.
            Err(CaptureEnd::Failed(DeviceError::Other(reason))) if reading.frames > u64::from(MAX_BAD_FRAMES) => {
                tracing::info!(reason, "the camera is opened anew");
            }
            ended => return ended,
        }
    }
}

/// The frames of one streaming.
struct Reading {
    layout: PictureLayout,
    orientation: Orientation,
    /// Frames written.
    frames: u64,
    /// Invalid ones since then.
    bad: u32,
}

impl Reading {
    fn run(&mut self, stream: &mut Stream<'_>, output: &mut FrameWriter) -> Result<(), CaptureEnd> {
        while !output.stop().asked() {
            let (buffer, about) = stream.next().map_err(|e| while_open(problem(&e)))?;
            let used = &buffer[..buffer.len().min(about.bytesused as usize)];
            let damaged = about.flags.contains(BufferFlags::ERROR);
            match self.layout.read(used, captured_at(about)) {
                Ok(frame) if !damaged => {
                    self.bad = 0;
                    self.frames += 1;
                    output.frame(&turn_upright(frame, self.orientation))?;
                }
                Err(error) if self.bad >= MAX_BAD_FRAMES => return Err(CaptureEnd::Failed(error)),
                _ => self.bad += 1,
            }
        }
        Ok(())
    }
}

/// Asks the driver for the best format that it keeps its word about.
fn negotiate(
    device: &Device,
    wanted: CameraFormat,
    only: Option<FourCc>,
) -> Result<(PictureLayout, CameraFormat), DeviceError> {
    let offered: Vec<FourCc> =
        device.enum_formats().map_err(|e| problem(&e))?.into_iter().map(|f| f.fourcc.repr).collect();
    let chosen = |code: &FourCc| is_readable(*code) && only.is_none_or(|only| only == *code);
    let candidates = offered.iter().copied().filter(chosen).flat_map(|code| candidates(device, code, wanted)).collect();
    let candidates = best_first(candidates, wanted);
    if candidates.is_empty() {
        return Err(unreadable(&offered));
    }
    for candidate in candidates {
        let CameraFormat { width, height, fps } = candidate.format;
        // A driver may give another size or pixel format than it was asked for, or refuse one that it lists.
        let given = match device.set_format(&Format::new(width, height, FourCC::new(&candidate.code))) {
            Ok(given) if chosen(&given.fourcc.repr) && given.width > 0 && given.height > 0 => given,
            Err(error) if error.raw_os_error() != Some(EINVAL) => return Err(problem(&error)),
            _ => continue,
        };
        // Many drivers have one rate for all, and an error for this request.
        let rate =
            device.set_params(&Parameters::with_fps(fps)).map(|p| (p.interval.numerator, p.interval.denominator));
        let rate = rate.map_or(0, |interval| OfferedIntervals::One(interval).nearest(fps));
        let format = CameraFormat { width: given.width, height: given.height, fps: if rate == 0 { fps } else { rate } };
        return Ok((layout(&given), format));
    }
    Err(DeviceError::Other("the camera gives none of the formats that it lists".into()))
}

fn layout(given: &Format) -> PictureLayout {
    // videodev2.h, V4L2_MAP_QUANTIZATION_DEFAULT and V4L2_MAP_YCBCR_ENC_DEFAULT. v4l does not read the field for another
    // matrix.
    let full_range = match given.quantization {
        Quantization::FullRange => true,
        Quantization::LimitedRange => false,
        Quantization::Default => matches!(given.colorspace, Colorspace::JPEG),
    };
    let bt709 = matches!(given.colorspace, Colorspace::Rec709 | Colorspace::DCIP3);
    let stride = given.stride as usize;
    let encoding = YuvEncoding { full_range, bt709 };
    PictureLayout { code: given.fourcc.repr, width: given.width, height: given.height, stride, encoding }
}

/// The sizes of one pixel format nearest to `wanted`, each with its best rate.
fn candidates(device: &Device, code: FourCc, wanted: CameraFormat) -> Vec<Candidate> {
    let mut sizes: Vec<(u32, u32)> =
        sizes(device, code).into_iter().map(|s| s.nearest(wanted.width, wanted.height)).collect();
    if sizes.is_empty() {
        // The driver does not list them, and rounds what it is asked for.
        sizes.push((wanted.width, wanted.height));
    }
    let one = |(width, height): (u32, u32)| {
        let rates = rates(device, code, width, height, wanted.fps);
        // Without a list the rate is whatever the camera has.
        let rates = if rates.is_empty() { vec![wanted.fps] } else { rates };
        rates.into_iter().map(move |fps| Candidate { code, format: CameraFormat { width, height, fps } })
    };
    sizes.into_iter().flat_map(one).collect()
}

fn sizes(device: &Device, code: FourCc) -> Vec<OfferedSizes> {
    let listed = device.enum_framesizes(FourCC::new(&code)).unwrap_or_default();
    let size = |size| match size {
        FrameSizeEnum::Discrete(size) => OfferedSizes::One(size.width, size.height),
        FrameSizeEnum::Stepwise(all) => OfferedSizes::Range {
            width: [all.min_width, all.max_width, all.step_width],
            height: [all.min_height, all.max_height, all.step_height],
        },
    };
    listed.into_iter().map(|listed| size(listed.size)).collect()
}

/// The rates for a size that are nearest to `fps`: one for each entry of the driver's list.
fn rates(device: &Device, code: FourCc, width: u32, height: u32, fps: u32) -> Vec<u32> {
    let listed = device.enum_frameintervals(FourCC::new(&code), width, height).unwrap_or_default();
    let interval = |interval| match interval {
        FrameIntervalEnum::Discrete(one) => OfferedIntervals::One((one.numerator, one.denominator)),
        FrameIntervalEnum::Stepwise(all) => {
            OfferedIntervals::Range((all.min.numerator, all.min.denominator), (all.max.numerator, all.max.denominator))
        }
    };
    listed.into_iter().map(|listed| interval(listed.interval).nearest(fps)).collect()
}

/// When a frame was captured, in Unix microseconds.
fn captured_at(about: &Metadata) -> u64 {
    let now = unix_us();
    if (about.flags & BufferFlags::TIMESTAMP_MASK) != BufferFlags::TIMESTAMP_MONOTONIC {
        return now;
    }
    let clock = clock_gettime(ClockId::Monotonic);
    let micros = |seconds: i64, micros: i64| seconds.saturating_mul(1_000_000).saturating_add(micros);
    let age = micros(clock.tv_sec, clock.tv_nsec / 1000) - micros(about.timestamp.sec, about.timestamp.usec);
    now.saturating_sub(u64::try_from(age).unwrap_or_default())
}

/// How the camera's pictures have to be turned because of the way in which it is mounted.
fn mounting(device: &Device) -> Orientation {
    match device.control(SENSOR_ROTATION).map(|control| control.value) {
        Ok(Value::Integer(degrees)) => mounted_at(degrees),
        _ => Orientation::default(),
    }
}

/// The control's value is the turn that puts pictures upright, in degrees counter-clockwise.
fn mounted_at(degrees: i64) -> Orientation {
    Orientation::new((4 - degrees.rem_euclid(360) / 90) as u8, false)
}

/// The format of turned pictures.
const fn turned(format: CameraFormat, orientation: Orientation) -> CameraFormat {
    match orientation.quarter_turns() {
        1 | 3 => CameraFormat { width: format.height, height: format.width, ..format },
        _ => format,
    }
}

fn label(node: &Node) -> String {
    node.name().unwrap_or_else(|| node.path().to_string_lossy().into_owned())
}

/// The nodes of cameras, in the order of their numbers.
fn nodes() -> Vec<Node> {
    // The folder may hold other names that begin alike, whose number v4l cannot read.
    let numbered = |node: &Node| {
        let name = node.path().file_name().map(|name| name.to_string_lossy().into_owned());
        name.is_some_and(|name| name.strip_prefix("video").is_some_and(|rest| rest.parse::<u32>().is_ok()))
    };
    let mut nodes: Vec<Node> = enum_devices().into_iter().filter(numbered).collect();
    nodes.sort_by_key(Node::index);
    nodes
}

fn find(device: &str) -> Result<Node, DeviceError> {
    let is_named = |node: &Node| fs::canonicalize(device).is_ok_and(|path| path == node.path());
    let found = nodes().into_iter().find(|node| if device == "default" { is_camera(node) } else { is_named(node) });
    found.ok_or_else(|| no_camera(device))
}

/// The cameras of this computer.
pub(super) fn list() -> Vec<DeviceEntry> {
    let entry = |(i, node): (usize, Node)| DeviceEntry {
        id: id(node.path()),
        label: label(&node),
        synthetic: false,
        default: i == 0,
        formats: formats(node.path()),
    };
    nodes().into_iter().filter(is_camera).enumerate().map(entry).collect()
}

/// A camera's id is a link that names the hardware, or else its device node.
fn id(node: &Path) -> String {
    let links = fs::read_dir("/dev/v4l/by-id").into_iter().flatten().flatten().map(|entry| entry.path());
    let link = links.filter(|link| fs::canonicalize(link).is_ok_and(|target| target == node)).min();
    link.as_deref().unwrap_or(node).to_string_lossy().into_owned()
}

/// Many cameras have a second node without frames. A node that cannot be queried counts as a camera, so that opening it
/// tells its user the reason.
fn is_camera(node: &Node) -> bool {
    match Device::with_path(node.path()).and_then(|device| device.query_caps()) {
        Ok(able) => able.capabilities.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING),
        Err(_) => true,
    }
}

/// Sizes, rates and pixel formats that can be read. Only queries, so a camera that another program uses is not disturbed.
fn formats(node: &Path) -> Vec<String> {
    let Ok(device) = Device::with_path(node) else { return Vec::new() };
    // The highest rate for each size and pixel format.
    let mut found = BTreeMap::new();
    let codes = device.enum_formats().unwrap_or_default().into_iter().map(|f| f.fourcc.repr);
    for code in codes.filter(|code| is_readable(*code)) {
        for size in sizes(&device, code).into_iter().take(MOST_SIZES) {
            // Of a range the largest: a driver that scales offers every size.
            let (width, height) = size.nearest(u32::MAX, u32::MAX);
            if let Some(rate) = rates(&device, code, width, height, MOST_FPS).into_iter().max() {
                found.insert((width, height, name(code)), rate);
            }
        }
    }
    found.into_iter().rev().map(|((w, h, code), rate)| format!("{w}x{h}@{rate} {code}")).collect()
}

/// The error when a camera does not open.
fn problem(error: &io::Error) -> DeviceError {
    // errno: EBUSY, EPERM, EACCES, ENOENT, ENXIO, ENODEV.
    let kind = match error.raw_os_error() {
        Some(16) => DeviceProblemKind::Busy,
        Some(1 | 13) => DeviceProblemKind::Forbidden,
        Some(2 | 6 | 19) => DeviceProblemKind::NotFound,
        _ => DeviceProblemKind::Other,
    };
    DeviceError::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_errors_are_understood() {
        let kind = |errno: i32| problem(&io::Error::from_raw_os_error(errno)).kind();
        assert_eq!(kind(16), DeviceProblemKind::Busy);
        assert_eq!((kind(1), kind(13)), (DeviceProblemKind::Forbidden, DeviceProblemKind::Forbidden));
        assert_eq!(kind(2), DeviceProblemKind::NotFound);
        assert_eq!(kind(22), DeviceProblemKind::Other);
        let unplugged = while_open(problem(&io::Error::from_raw_os_error(19)));
        assert_eq!(unplugged.kind(), DeviceProblemKind::Unplugged);
    }

    #[test]
    fn range_and_matrix_are_those_of_the_colorspace_unless_the_driver_names_a_range() {
        let encoding = |colorspace, quantization| {
            let mut format = Format::new(640, 480, FourCC::new(b"YUYV"));
            (format.colorspace, format.quantization, format.stride) = (colorspace, quantization, 1300);
            let layout = layout(&format);
            assert_eq!((layout.code, layout.width, layout.height, layout.stride), (*b"YUYV", 640, 480, 1300));
            (layout.encoding.full_range, layout.encoding.bt709)
        };
        assert_eq!(encoding(Colorspace::SRGB, Quantization::Default), (false, false));
        assert_eq!(encoding(Colorspace::JPEG, Quantization::Default), (true, false));
        assert_eq!(encoding(Colorspace::JPEG, Quantization::LimitedRange), (false, false));
        assert_eq!(encoding(Colorspace::Rec709, Quantization::FullRange), (true, true));
    }

    #[test]
    fn a_camera_that_is_mounted_on_its_side_is_turned_back() {
        let turns = |degrees| mounted_at(degrees).quarter_turns();
        // Counter-clockwise in the control, clockwise here.
        assert_eq!([0, 90, 180, 270, 360, -90].map(turns), [0, 3, 2, 1, 0, 1]);
    }
}
