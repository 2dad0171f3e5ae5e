//! Real cameras on Windows and macOS, through nokhwa. This code runs in the capture process only.

use super::formats::{Candidate, FourCc, PictureLayout, best_first, unreadable};
use super::native::{MAX_BAD_FRAMES, no_camera, while_open};
use super::output::{CaptureEnd, FrameWriter};
use crate::base::VideoFrame;
use crate::base::{DeviceEntry, DeviceProblemKind};
use crate::clock::unix_us;
use crate::codec::pixels::YuvEncoding;
use crate::devices::DeviceError;
use crate::devices::camera::frames::CameraFormat;
use nokhwa::utils::{
    ApiBackend, CameraFormat as NativeFormat, CameraInfo, FrameFormat, RequestedFormat, RequestedFormatType,
};
use nokhwa::{Buffer, Camera, NokhwaError};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// nokhwa's pixel formats: it lists a camera's others, H.264 for example, as none.
const FORMATS: [(FrameFormat, &FourCc); 6] = [
    (FrameFormat::NV12, b"NV12"),
    (FrameFormat::YUYV, b"YUYV"),
    (FrameFormat::RAWRGB, b"RGB3"),
    (FrameFormat::RAWBGR, b"BGR3"),
    (FrameFormat::MJPEG, b"MJPG"),
    (FrameFormat::GRAY, b"GREY"),
];

/// How long the user may take to answer the system's question whether we may use the camera.
const PERMISSION_LIMIT: Duration = Duration::from_millis(4500);

/// Opens `device` and writes its frames until it is to stop.
/// With `only`, no other pixel format is used.
pub(super) fn capture(
    device: &str,
    wanted: CameraFormat,
    only: Option<FourCc>,
    output: &mut FrameWriter,
) -> Result<(), CaptureEnd> {
    ask_permission()?;
    let info = find(device)?;
    let index = info.index().clone();
    let known = FORMATS.map(|(format, _)| format);
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &known);
    let mut camera = Camera::new(index, any).map_err(|e| problem(&e))?;
    let captured = stream(&mut camera, &info, wanted, only, output);
    // nokhwa panics in drop if stopping fails there; stopping first returns the error instead.
    camera.stop_stream().ok();
    drop(camera);
    captured
}

fn stream(
    camera: &mut Camera,
    info: &CameraInfo,
    wanted: CameraFormat,
    only: Option<FourCc>,
    output: &mut FrameWriter,
) -> Result<(), CaptureEnd> {
    let formats = camera.compatible_camera_formats().map_err(|e| problem(&e))?;
    let best = best(&formats, wanted, only).ok_or_else(|| unreadable(&[]))?;
    let decoder = [best.format()];
    let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(best), &decoder);
    camera.set_camera_requset(exact).map_err(|e| problem(&e))?;
    camera.open_stream().map_err(|e| problem(&e))?;
    let format = camera.camera_format();
    let opened = CameraFormat { width: format.width(), height: format.height(), fps: format.frame_rate() };
    output.opened(&info.human_name(), opened)?;
    let mut bad = 0;
    while !output.stop().asked() {
        let buffer = camera.frame().map_err(|e| while_open(problem(&e)))?;
        let time = buffer.capture_timestamp().and_then(|t| u64::try_from(t.as_micros()).ok());
        let time = time.unwrap_or_else(unix_us);
        match convert(&buffer, time) {
            Ok(frame) => {
                bad = 0;
                output.frame(&frame)?;
            }
            Err(error) if bad >= MAX_BAD_FRAMES => return Err(CaptureEnd::Failed(error)),
            Err(_) => bad += 1,
        }
    }
    Ok(())
}

/// Converts a buffer to I420.
fn convert(buffer: &Buffer, unix_us: u64) -> Result<VideoFrame, DeviceError> {
    let format = buffer.source_frame_format();
    let (width, height) = (buffer.resolution().width(), buffer.resolution().height());
    // Pictures without colour take the full range here.
    let encoding = YuvEncoding { full_range: format == FrameFormat::GRAY, bt709: false };
    PictureLayout { code: code(format), width, height, stride: 0, encoding }.read(buffer.buffer(), unix_us)
}

fn code(format: FrameFormat) -> FourCc {
    FORMATS.iter().find(|(known, _)| *known == format).map_or(*b"none", |(_, code)| **code)
}

/// Asks the user for permission, once, on macOS; the other systems have no such question.
fn ask_permission() -> Result<(), DeviceError> {
    if nokhwa::nokhwa_check() {
        return Ok(());
    }
    let (answered, answer) = sync_channel(1);
    nokhwa::nokhwa_initialize(move |granted| {
        answered.try_send(granted).ok();
    });
    match answer.recv_timeout(PERMISSION_LIMIT) {
        Ok(true) => Ok(()),
        Ok(false) => Err(DeviceError::Forbidden("the system does not allow Visavis to use the camera".into())),
        Err(_) => Err(DeviceError::Forbidden("nobody has answered yet whether Visavis may use the camera".into())),
    }
}

/// The native format that serves best.
fn best(formats: &[NativeFormat], wanted: CameraFormat, only: Option<FourCc>) -> Option<NativeFormat> {
    let candidate = |native: &NativeFormat| {
        let format = CameraFormat { width: native.width(), height: native.height(), fps: native.frame_rate() };
        Candidate { code: code(native.format()), format }
    };
    let candidates = formats.iter().map(candidate).filter(|c| only.is_none_or(|only| only == c.code)).collect();
    let best = *best_first(candidates, wanted).first()?;
    formats.iter().find(|native| candidate(native) == best).copied()
}

fn find(device: &str) -> Result<CameraInfo, DeviceError> {
    let mut cameras = nokhwa::query(ApiBackend::Auto).map_err(|e| problem(&e))?;
    cameras.sort_by_key(|c| c.index().as_index().unwrap_or(u32::MAX));
    let found = if device == "default" {
        cameras.into_iter().find(system::is_camera)
    } else {
        cameras.into_iter().find(|c| system::is_named(c, device))
    };
    found.ok_or_else(|| no_camera(device))
}

/// The cameras of this computer.
pub(super) fn list() -> Vec<DeviceEntry> {
    let mut cameras = nokhwa::query(ApiBackend::Auto).unwrap_or_default();
    cameras.sort_by_key(|c| c.index().as_index().unwrap_or(u32::MAX));
    let entry = |(i, camera): (usize, CameraInfo)| DeviceEntry {
        id: system::id(&camera),
        label: camera.human_name(),
        synthetic: false,
        default: i == 0,
        formats: system::formats(&camera),
    };
    cameras.into_iter().filter(system::is_camera).enumerate().map(entry).collect()
}

/// nokhwa's error when a camera does not open. nokhwa passes the system's error as text; the number in it is errno.
fn problem(error: &NokhwaError) -> DeviceError {
    // Some texts have several lines.
    let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let is = |numbers: &[&str]| numbers.iter().any(|n| text.contains(&format!("(os error {n})")));
    let kind = if is(&["16"]) || text.contains("in use by another") {
        DeviceProblemKind::Busy
    } else if is(&["1", "13"]) || text.contains("denied") || text.contains("not authorized") {
        DeviceProblemKind::Forbidden
    } else if is(&["2", "6", "19"]) {
        DeviceProblemKind::NotFound
    } else {
        DeviceProblemKind::Other
    };
    DeviceError::new(kind, text)
}

/// nokhwa has a separate field for the hardware's id.
mod system {
    use super::CameraInfo;

    pub(super) fn id(camera: &CameraInfo) -> String {
        let unique = camera.misc();
        if unique.is_empty() { camera.index().as_string() } else { unique }
    }

    pub(super) fn is_named(camera: &CameraInfo, device: &str) -> bool {
        id(camera) == device || camera.index().as_string() == device
    }

    pub(super) fn is_camera(_: &CameraInfo) -> bool {
        true
    }

    /// Unknown: these systems tell them of an open camera only, and opening one turns its light on.
    pub(super) fn formats(_: &CameraInfo) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_again() {
        let f = |w, h, format, fps| NativeFormat::new_from(w, h, format, fps);
        let formats = [
            f(1280, 720, FrameFormat::MJPEG, 30),
            f(640, 480, FrameFormat::YUYV, 30),
            f(1280, 720, FrameFormat::GRAY, 30),
        ];
        let wanted = CameraFormat::default();
        assert_eq!(best(&formats, wanted, None), Some(formats[0]));
        assert_eq!(best(&formats, wanted, Some(*b"GREY")), Some(formats[2]));
        assert_eq!(best(&[], wanted, None), None);
    }

    #[test]
    fn the_systems_words_are_understood() {
        let kind = |text: &str| problem(&NokhwaError::OpenStreamError(text.into())).kind();
        assert_eq!(kind("V4L2 Error: Device or resource busy (os error 16)"), DeviceProblemKind::Busy);
        assert_eq!(kind("V4L2 Error: Permission denied (os error 13)"), DeviceProblemKind::Forbidden);
        assert_eq!(kind("V4L2 Error: No such file or directory (os error 2)"), DeviceProblemKind::NotFound);
        assert_eq!(
            while_open(problem(&NokhwaError::ReadFrameError("No such device (os error 19)".into()))).kind(),
            DeviceProblemKind::Unplugged
        );
        assert_eq!(kind("something else (os error 22)"), DeviceProblemKind::Other);
    }
}
