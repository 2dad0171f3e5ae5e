//! Real cameras, by nokhwa. Runs in the capture process only.

use super::child::{CaptureEnd, FrameWriter};
use crate::base::VideoFrame;
use crate::clock::unix_us;
use crate::codec::color;
use crate::devices::camera::CameraFormat;
use crate::devices::{DeviceEntry, DeviceError, ProblemKind};
use nokhwa::utils::{
    ApiBackend, CameraFormat as NativeFormat, CameraInfo, FrameFormat, RequestedFormat, RequestedFormatType,
};
use nokhwa::{Buffer, Camera, NokhwaError};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// What can be shown, the cheapest to convert first.
const FORMATS: [FrameFormat; 4] = [FrameFormat::YUYV, FrameFormat::NV12, FrameFormat::MJPEG, FrameFormat::RAWRGB];

/// How long the system may take to ask whether we may use the camera.
const PERMISSION_LIMIT: Duration = Duration::from_millis(4500);

/// Pictures in a row that may be bad, for example JPEGs cut short while a camera starts.
const BAD_FRAMES: u32 = 30;

/// Opens `device` and writes its pictures until that is to end.
pub(super) fn capture(device: &str, wanted: CameraFormat, output: &mut FrameWriter) -> Result<(), CaptureEnd> {
    ask_permission()?;
    let info = find(device)?;
    let index = info.index().clone();
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &FORMATS);
    let mut camera = Camera::new(index, any).map_err(|e| problem(&e))?;
    let captured = stream(&mut camera, &info, wanted, output);
    // Dropping a camera panics where stopping it fails; here that is only the end of it.
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
    while !output.stopped() {
        let picture = camera.frame().map_err(|e| in_use(&e))?;
        let time = picture.capture_timestamp().and_then(|t| u64::try_from(t.as_micros()).ok());
        let time = time.unwrap_or_else(unix_us);
        match convert(&picture, time) {
            Ok(frame) => {
                bad = 0;
                output.frame(&frame)?;
            }
            Err(error) if bad >= BAD_FRAMES => return Err(CaptureEnd::Failed(error)),
            Err(_) => bad += 1,
        }
    }
    Ok(())
}

/// A picture as I420.
fn convert(picture: &Buffer, unix_us: u64) -> Result<VideoFrame, DeviceError> {
    let (width, height) = (picture.resolution().width(), picture.resolution().height());
    let data = picture.buffer();
    match picture.source_frame_format() {
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

impl From<DeviceError> for CaptureEnd {
    fn from(error: DeviceError) -> Self {
        Self::Failed(error)
    }
}

/// macOS asks the user once; the other systems have nothing to ask.
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

/// The nearest to what is wanted: large enough before too small, then near in size, then fast enough, then cheap.
fn best(formats: &[NativeFormat], wanted: CameraFormat) -> Option<NativeFormat> {
    let cost = |format: &NativeFormat| {
        let too_small = format.width() < wanted.width || format.height() < wanted.height;
        let area = |w: u32, h: u32| i64::from(w) * i64::from(h);
        let size = area(format.width(), format.height()).abs_diff(area(wanted.width, wanted.height));
        let too_slow = wanted.fps.saturating_sub(format.frame_rate());
        let too_fast = format.frame_rate().saturating_sub(wanted.fps);
        let dear = FORMATS.iter().position(|f| *f == format.format());
        // A camera that is slow without compression is asked for JPEG pictures instead.
        (too_small, size, too_slow, dear, too_fast)
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

/// What the system says when a camera does not open. nokhwa hands its errors on as text; the numbers in it are errno.
fn problem(error: &NokhwaError) -> DeviceError {
    // Some are printed over several lines.
    let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let is = |numbers: &[&str]| numbers.iter().any(|n| text.contains(&format!("(os error {n})")));
    let kind = if is(&["16"]) || text.contains("in use by another") {
        ProblemKind::Busy
    } else if is(&["1", "13"]) || text.contains("denied") || text.contains("not authorized") {
        ProblemKind::Forbidden
    } else if is(&["2", "6", "19"]) {
        ProblemKind::NotFound
    } else {
        ProblemKind::Other
    };
    DeviceError::new(kind, text)
}

/// The same while pictures come: a camera that is not there any more was taken away.
fn in_use(error: &NokhwaError) -> DeviceError {
    match problem(error) {
        DeviceError::NotFound(message) => DeviceError::Unplugged(message),
        error => error,
    }
}

/// Linux knows cameras by their device node, or better by a link that names the hardware.
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

    /// V4L2's names of [`super::FORMATS`].
    const USED: [&[u8; 4]; 4] = [b"YUYV", b"NV12", b"MJPG", b"RGB3"];

    /// Drivers that scale offer every size there is.
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

    /// Many cameras have a second node, which gives no pictures. One that cannot be asked counts as a camera, so that
    /// its user learns why it cannot be used.
    pub(super) fn is_camera(camera: &CameraInfo) -> bool {
        match v4l::Device::with_path(node(camera)).and_then(|device| device.query_caps()) {
            Ok(able) => able.capabilities.contains(Flags::VIDEO_CAPTURE | Flags::STREAMING),
            Err(_) => true,
        }
    }

    /// Asked without setting anything, so that a camera in use elsewhere is not disturbed.
    pub(super) fn formats(camera: &CameraInfo) -> Vec<String> {
        let Ok(device) = v4l::Device::with_path(node(camera)) else { return Vec::new() };
        // The highest rate of each size and kind of pixels.
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

/// The other systems name the hardware in a field of its own.
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

    /// Only an open camera tells them here, and opening one turns its light on.
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
        assert_eq!(kind("V4L2 Error: Device or resource busy (os error 16)"), ProblemKind::Busy);
        assert_eq!(kind("V4L2 Error: Permission denied (os error 13)"), ProblemKind::Forbidden);
        assert_eq!(kind("V4L2 Error: No such file or directory (os error 2)"), ProblemKind::NotFound);
        assert_eq!(
            in_use(&NokhwaError::ReadFrameError("No such device (os error 19)".into())).kind(),
            ProblemKind::Unplugged
        );
        assert_eq!(kind("something else (os error 22)"), ProblemKind::Other);
    }
}
