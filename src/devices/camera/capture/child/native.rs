//! Real cameras, through nokhwa. This code runs in the capture process only.

use super::output::{CaptureEnd, FrameWriter};
use crate::base::VideoFrame;
use crate::base::{DeviceEntry, DeviceProblemKind};
use crate::clock::unix_us;
use crate::codec::color;
use crate::devices::DeviceError;
use crate::devices::camera::frames::CameraFormat;
use nokhwa::utils::{
    ApiBackend, CameraFormat as NativeFormat, CameraInfo, FrameFormat, RequestedFormat, RequestedFormatType,
};
use nokhwa::{Buffer, Camera, NokhwaError};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// Pixel formats that can be converted, the cheapest first.
const FORMATS: [FrameFormat; 4] = [FrameFormat::YUYV, FrameFormat::NV12, FrameFormat::MJPEG, FrameFormat::RAWRGB];

/// How long the user may take to answer the system's question whether we may use the camera.
const PERMISSION_LIMIT: Duration = Duration::from_millis(4500);

/// Frames in a row that may be invalid, for example truncated JPEGs while a camera starts.
const MAX_BAD_FRAMES: u32 = 30;

/// Opens `device` and writes its frames until it is to stop.
pub(super) fn capture(device: &str, wanted: CameraFormat, output: &mut FrameWriter) -> Result<(), CaptureEnd> {
    ask_permission()?;
    let info = find(device)?;
    let index = info.index().clone();
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    let mut camera = Camera::new(index, any).map_err(|e| problem(&e))?;
    let captured = stream(&mut camera, &info, wanted, output);
    // nokhwa panics in drop if stopping fails there; stopping first returns the error instead.
    camera.stop_stream().ok();
    drop(camera);
    captured
}

fn stream(
    camera: &mut Camera,
    info: &CameraInfo,
    wanted: CameraFormat,
    output: &mut FrameWriter,
) -> Result<(), CaptureEnd> {
    let formats = camera.compatible_camera_formats().map_err(|e| problem(&e))?;
    if let Some(best) = best(&formats, wanted) {
        let decoder = [best.format()];
        let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(best), &decoder);
        camera.set_camera_requset(exact).map_err(|e| problem(&e))?;
    }
    camera.open_stream().map_err(|e| problem(&e))?;
    let format = camera.camera_format();
    let opened = CameraFormat { width: format.width(), height: format.height(), fps: format.frame_rate() };
    output.opened(&info.human_name(), opened)?;
    let mut bad = 0;
    while !output.stop().asked() {
        let buffer = camera.frame().map_err(|e| in_use(&e))?;
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
    let (width, height) = (buffer.resolution().width(), buffer.resolution().height());
    let data = buffer.buffer();
    match buffer.source_frame_format() {
        FrameFormat::YUYV => color::from_yuyv(data, width, height, unix_us),
        FrameFormat::NV12 => color::from_nv12(data, width, height, unix_us),
        FrameFormat::MJPEG => color::from_jpeg(data, unix_us),
        FrameFormat::RAWRGB => color::from_rgb(data, width, height, unix_us),
        other => {
            return Err(DeviceError::Other(format!("the camera gives pictures as {other}, which was not asked for")));
        }
    }
    .map_err(|e| DeviceError::Other(e.to_string()))
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

/// The native format nearest to `wanted`, by these criteria in order: not too small, near in size, not too slow, cheap to
/// convert, not too fast.
fn best(formats: &[NativeFormat], wanted: CameraFormat) -> Option<NativeFormat> {
    let cost = |format: &NativeFormat| {
        let too_small = format.width() < wanted.width || format.height() < wanted.height;
        let area = |w: u32, h: u32| i64::from(w) * i64::from(h);
        let size = area(format.width(), format.height()).abs_diff(area(wanted.width, wanted.height));
        let too_slow = wanted.fps.saturating_sub(format.frame_rate());
        let too_fast = format.frame_rate().saturating_sub(wanted.fps);
        let conversion = FORMATS.iter().position(|f| *f == format.format());
        // Speed before conversion: a camera that is slow without compression is asked for JPEG.
        (too_small, size, too_slow, conversion, too_fast)
    };
    let possible = formats.iter().filter(|f| FORMATS.contains(&f.format()) && f.frame_rate() > 0);
    possible.min_by_key(|f| cost(f)).copied()
}

fn find(device: &str) -> Result<CameraInfo, DeviceError> {
    let mut cameras = nokhwa::query(ApiBackend::Auto).map_err(|e| problem(&e))?;
    cameras.sort_by_key(|c| c.index().as_index().unwrap_or(u32::MAX));
    let found = if device == "default" {
        cameras.into_iter().find(system::is_camera)
    } else {
        cameras.into_iter().find(|c| system::is_named(c, device))
    };
    found.ok_or_else(|| match device {
        "default" => DeviceError::NotFound("this computer has no camera".into()),
        device => DeviceError::NotFound(device.into()),
    })
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

/// The same while frames arrive: a camera that is no longer listed was unplugged.
fn in_use(error: &NokhwaError) -> DeviceError {
    match problem(error) {
        DeviceError::NotFound(message) => DeviceError::Unplugged(message),
        error => error,
    }
}

/// Linux: a camera's id is a link that names the hardware, or else its device node.
#[cfg(target_os = "linux")]
mod system {
    use super::CameraInfo;
    use nokhwa::utils::CameraIndex;
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::PathBuf;
    use v4l::capability::Flags;
    use v4l::frameinterval::FrameIntervalEnum;
    use v4l::video::Capture;

    /// [`super::FORMATS`] as V4L2's FourCC codes.
    const USED: [&[u8; 4]; 4] = [b"YUYV", b"NV12", b"MJPG", b"RGB3"];

    /// Sizes that are listed for each pixel format: a driver that scales offers every size.
    const MOST_SIZES: usize = 64;

    fn node(camera: &CameraInfo) -> PathBuf {
        format!("/dev/video{}", camera.index().as_index().unwrap_or(u32::MAX)).into()
    }

    pub(super) fn id(camera: &CameraInfo) -> String {
        let node = node(camera);
        let links = fs::read_dir("/dev/v4l/by-id").into_iter().flatten().flatten().map(|entry| entry.path());
        let link = links.filter(|link| fs::canonicalize(link).is_ok_and(|target| target == node)).min();
        link.unwrap_or(node).to_string_lossy().into_owned()
    }

    pub(super) fn is_named(camera: &CameraInfo, device: &str) -> bool {
        fs::canonicalize(device).is_ok_and(|path| path == node(camera))
            || *camera.index() == CameraIndex::String(device.into())
    }

    /// Many cameras have a second node without frames. A node that cannot be queried counts as a camera, so that opening
    /// it tells its user the reason.
    pub(super) fn is_camera(camera: &CameraInfo) -> bool {
        match v4l::Device::with_path(node(camera)).and_then(|device| device.query_caps()) {
            Ok(able) => able.capabilities.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING),
            Err(_) => true,
        }
    }

    /// Only queries, so a camera that another program uses is not disturbed.
    pub(super) fn formats(camera: &CameraInfo) -> Vec<String> {
        let Ok(device) = v4l::Device::with_path(node(camera)) else { return Vec::new() };
        // The highest rate for each size and pixel format.
        let mut found = BTreeMap::new();
        let kinds = device.enum_formats().unwrap_or_default();
        for kind in kinds.into_iter().map(|k| k.fourcc).filter(|k| USED.contains(&&k.repr)) {
            let sizes = device.enum_framesizes(kind).unwrap_or_default();
            let sizes = sizes.into_iter().flat_map(|s| s.size.to_discrete().into_iter().take(MOST_SIZES));
            for size in sizes.take(MOST_SIZES) {
                let times = device.enum_frameintervals(kind, size.width, size.height).unwrap_or_default();
                let rates = times.into_iter().filter_map(|time| match time.interval {
                    FrameIntervalEnum::Discrete(time) => Some(time.denominator / time.numerator.max(1)),
                    FrameIntervalEnum::Stepwise(_) => None,
                });
                if let Some(rate) = rates.max() {
                    found.insert((size.width, size.height, kind.to_string()), rate);
                }
            }
        }
        found.into_iter().rev().map(|((w, h, kind), rate)| format!("{w}x{h}@{rate} {kind}")).collect()
    }
}

/// The other systems: nokhwa has a separate field for the hardware's id.
#[cfg(not(target_os = "linux"))]
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
    fn the_format_that_serves_best_is_chosen() {
        let f = |w, h, format, fps| NativeFormat::new_from(w, h, format, fps);
        let formats = [
            f(640, 480, FrameFormat::YUYV, 30),
            f(1280, 720, FrameFormat::YUYV, 10),
            f(1280, 720, FrameFormat::MJPEG, 30),
            f(1920, 1080, FrameFormat::MJPEG, 30),
        ];
        let best = |width, height, fps| best(&formats, CameraFormat { width, height, fps }).expect("a format");
        assert_eq!(best(1280, 720, 30), formats[2]);
        assert_eq!(best(1280, 720, 10), formats[1]);
        assert_eq!(best(640, 360, 30), formats[0]);
        assert_eq!(best(3840, 2160, 30), formats[3]);
        assert!(super::best(&[], CameraFormat::default()).is_none());
    }

    #[test]
    fn the_systems_words_are_understood() {
        let kind = |text: &str| problem(&NokhwaError::OpenStreamError(text.into())).kind();
        assert_eq!(kind("V4L2 Error: Device or resource busy (os error 16)"), DeviceProblemKind::Busy);
        assert_eq!(kind("V4L2 Error: Permission denied (os error 13)"), DeviceProblemKind::Forbidden);
        assert_eq!(kind("V4L2 Error: No such file or directory (os error 2)"), DeviceProblemKind::NotFound);
        assert_eq!(
            in_use(&NokhwaError::ReadFrameError("No such device (os error 19)".into())).kind(),
            DeviceProblemKind::Unplugged
        );
        assert_eq!(kind("something else (os error 22)"), DeviceProblemKind::Other);
    }
}
