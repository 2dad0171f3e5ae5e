//! A safe interface to libvpx. Settings for calls, and limits for received streams, are in [`super::vp8`].

#![allow(unsafe_code)]

use crate::base::{Plane, VideoFrame};
use bytes::Bytes;
use std::ffi::{CStr, c_int, c_long, c_uint};
use std::mem::MaybeUninit;
use std::ptr;
use vpx_sys as ffi;

/// An error of libvpx.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("libvpx could not {action}: {message}")]
pub(crate) struct VpxError {
    action: &'static str,
    message: String,
}

/// Settings of an encoder.
#[derive(Clone, Copy, Debug)]
pub(super) struct EncoderSettings {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) kbps: u32,
    pub(super) threads: u32,
    /// 0 to 16; greater is faster.
    pub(super) speed: u32,
    /// Bits of a key frame at most, in percent of a frame's average share.
    pub(super) keyframe_percent: u32,
    /// The finest quantizer, 0 to 63: a still picture is not refined beyond it.
    pub(super) min_quantizer: u32,
    /// `VP8E_SET_SCREEN_CONTENT_MODE`: 0 off, 1 on, 2 on and more willing to drop frames.
    pub(super) screen_content_mode: u32,
}

/// C's `long` has 32 bits on Windows and 64 elsewhere; the bindings' constants have 32.
const FORCE_KEYFRAME: ffi::vpx_enc_frame_flags_t = ffi::VPX_EFLAG_FORCE_KF as ffi::vpx_enc_frame_flags_t;
const DECODE_AT_ONCE: c_long = ffi::VPX_DL_REALTIME as c_long;

/// Presentation times, in ticks a second.
pub(super) const TIMEBASE: u32 = 90_000;

/// An initialised codec, destroyed on drop.
struct Context(Box<ffi::vpx_codec_ctx_t>);

// SAFETY: libvpx keeps no thread-local state; a context may move between threads as long as one at a time uses it, which
// `&mut` ensures.
unsafe impl Send for Context {}

impl Context {
    fn check(&self, action: &'static str, code: ffi::vpx_codec_err_t) -> Result<(), VpxError> {
        if code == ffi::VPX_CODEC_OK {
            return Ok(());
        }
        // SAFETY: the call takes any code and returns a static string.
        let message = unsafe { text(ffi::vpx_codec_err_to_string(code)) };
        // SAFETY: the context is initialised, so this is null or a string that lives as long as it.
        let detail = unsafe { text(self.0.err_detail) };
        let message = if detail.is_empty() { message } else { format!("{message} ({detail})") };
        Err(VpxError { action, message })
    }

    fn control(&mut self, id: c_int, value: c_int) -> Result<(), VpxError> {
        // SAFETY: every control that is used here takes one int or unsigned int by value.
        let code = unsafe { ffi::vpx_codec_control_(&raw mut *self.0, id, value) };
        self.check("take a setting", code)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: the context was initialised, and is not used again.
        unsafe { ffi::vpx_codec_destroy(&raw mut *self.0) };
    }
}

/// # Safety
/// `s` must be null or a string that ends in zero.
unsafe fn text(s: *const std::ffi::c_char) -> String {
    if s.is_null() {
        return String::new();
    }
    // SAFETY: see above.
    unsafe { CStr::from_ptr(s) }.to_string_lossy().into_owned()
}

/// A VP8 encoder for frames of one size.
pub(super) struct RawEncoder {
    context: Context,
    config: ffi::vpx_codec_enc_cfg_t,
    settings: EncoderSettings,
}

// SAFETY: the configuration's pointers (two-pass statistics) are null.
unsafe impl Send for RawEncoder {}

impl RawEncoder {
    pub(super) fn new(settings: EncoderSettings) -> Result<Self, VpxError> {
        // SAFETY: returns a static description of the codec.
        let interface = unsafe { ffi::vpx_codec_vp8_cx() };
        let config = configuration(settings)?;
        let mut context = MaybeUninit::zeroed();
        // SAFETY: the context is zeroed memory of the right size, the configuration is whole, and the version is that of
        // the headers. After success the context is initialised.
        let code = unsafe {
            let version = ffi::VPX_ENCODER_ABI_VERSION as c_int;
            ffi::vpx_codec_enc_init_ver(context.as_mut_ptr(), interface, &raw const config, 0, version)
        };
        if code != ffi::VPX_CODEC_OK {
            return Err(failed_setup("set up a VP8 encoder", code));
        }
        // SAFETY: initialised above.
        let mut context = Context(Box::new(unsafe { context.assume_init() }));
        use ffi::vp8e_enc_control_id as id;
        let speed = -(settings.speed as c_int);
        context.control(id::VP8E_SET_CPUUSED as c_int, speed)?;
        context.control(id::VP8E_SET_STATIC_THRESHOLD as c_int, 1)?;
        context.control(id::VP8E_SET_TOKEN_PARTITIONS as c_int, settings.threads.ilog2() as c_int)?;
        context.control(id::VP8E_SET_MAX_INTRA_BITRATE_PCT as c_int, settings.keyframe_percent as c_int)?;
        context.control(id::VP8E_SET_SCREEN_CONTENT_MODE as c_int, settings.screen_content_mode as c_int)?;
        Ok(Self { context, config, settings })
    }

    pub(super) const fn settings(&self) -> EncoderSettings {
        self.settings
    }

    pub(super) fn set_kbps(&mut self, kbps: u32) -> Result<(), VpxError> {
        self.config.rc_target_bitrate = kbps;
        self.settings.kbps = kbps;
        // SAFETY: both were initialised in `new`.
        let code = unsafe { ffi::vpx_codec_enc_config_set(&raw mut *self.context.0, &raw const self.config) };
        self.context.check("change the bitrate", code)
    }

    /// The encoded frame and whether it is a key frame; `None` if the rate control dropped it. `pts` must grow.
    pub(super) fn encode(
        &mut self,
        frame: &VideoFrame,
        pts: i64,
        duration: u32,
        keyframe: bool,
    ) -> Result<Option<(Bytes, bool)>, VpxError> {
        assert_eq!((frame.width(), frame.height()), (self.settings.width, self.settings.height), "size of the encoder");
        let mut image = wrap(frame)?;
        let flags = if keyframe { FORCE_KEYFRAME } else { 0 };
        // SAFETY: the image's planes are those of `frame`, which outlives the call; libvpx reads width by height samples
        // of each with the given strides (VideoFrame has checked that they are there), and copies them.
        let code = unsafe {
            let deadline = ffi::VPX_DL_REALTIME;
            let context = &raw mut *self.context.0;
            ffi::vpx_codec_encode(context, &raw mut image, pts, duration.into(), flags, deadline.into())
        };
        self.context.check("encode a frame", code)?;
        Ok(self.packet())
    }

    fn packet(&mut self) -> Option<(Bytes, bool)> {
        let mut iterator = ptr::null();
        loop {
            // SAFETY: the iterator belongs to this context and starts as null.
            let packet = unsafe { ffi::vpx_codec_get_cx_data(&raw mut *self.context.0, &raw mut iterator).as_ref() }?;
            if packet.kind != ffi::vpx_codec_cx_pkt_kind::VPX_CODEC_CX_FRAME_PKT {
                continue;
            }
            // SAFETY: the kind says which case of the union it is; the buffer lives until the next call of the encoder,
            // and is copied before that. One packet is one frame, as output by partition is off.
            let (data, flags) = unsafe {
                let frame = packet.data.frame;
                (std::slice::from_raw_parts(frame.buf.cast::<u8>(), frame.sz as usize), frame.flags)
            };
            return Some((Bytes::copy_from_slice(data), flags & ffi::VPX_FRAME_IS_KEY != 0));
        }
    }
}

fn configuration(settings: EncoderSettings) -> Result<ffi::vpx_codec_enc_cfg_t, VpxError> {
    let mut config = MaybeUninit::uninit();
    // SAFETY: the call writes the whole structure if it succeeds.
    let mut config = unsafe {
        let code = ffi::vpx_codec_enc_config_default(ffi::vpx_codec_vp8_cx(), config.as_mut_ptr(), 0);
        if code != ffi::VPX_CODEC_OK {
            return Err(failed_setup("find its VP8 encoder", code));
        }
        config.assume_init()
    };
    config.g_w = settings.width;
    config.g_h = settings.height;
    config.g_threads = settings.threads;
    config.g_timebase = ffi::vpx_rational { num: 1, den: TIMEBASE as c_int };
    config.g_error_resilient = ffi::VPX_ERROR_RESILIENT_DEFAULT;
    config.g_lag_in_frames = 0;
    config.kf_mode = ffi::vpx_kf_mode::VPX_KF_DISABLED;
    config.rc_end_usage = ffi::vpx_rc_mode::VPX_CBR;
    config.rc_target_bitrate = settings.kbps;
    config.rc_dropframe_thresh = 30;
    config.rc_resize_allowed = 0;
    config.rc_min_quantizer = settings.min_quantizer;
    config.rc_max_quantizer = 56;
    config.rc_undershoot_pct = 100;
    config.rc_overshoot_pct = 15;
    // Milliseconds of the target rate.
    config.rc_buf_initial_sz = 500;
    config.rc_buf_optimal_sz = 600;
    config.rc_buf_sz = 1000;
    Ok(config)
}

fn failed_setup(action: &'static str, code: ffi::vpx_codec_err_t) -> VpxError {
    // SAFETY: the call takes any code and returns a static string.
    VpxError { action, message: unsafe { text(ffi::vpx_codec_err_to_string(code)) } }
}

/// A libvpx image over the planes of `frame`, for reading.
fn wrap(frame: &VideoFrame) -> Result<ffi::vpx_image_t, VpxError> {
    let mut image = MaybeUninit::uninit();
    let data = frame.plane(0).data.as_ptr().cast_mut();
    // SAFETY: with a buffer given, the call only fills the structure in, and returns null if it refuses.
    let mut image = unsafe {
        let format = ffi::vpx_img_fmt::VPX_IMG_FMT_I420;
        if ffi::vpx_img_wrap(image.as_mut_ptr(), format, frame.width(), frame.height(), 1, data).is_null() {
            return Err(VpxError { action: "read a frame", message: "the size is not possible".into() });
        }
        image.assume_init()
    };
    for i in 0..3 {
        let plane = frame.plane(i);
        image.planes[i] = plane.data.as_ptr().cast_mut();
        image.stride[i] = c_int::try_from(plane.stride)
            .map_err(|_| VpxError { action: "read a frame", message: "the stride is too large".into() })?;
    }
    Ok(image)
}

/// A codec of libvpx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VpxCodec {
    Vp8,
    Vp9,
}

/// A VP8 or VP9 decoder.
pub(super) struct RawDecoder(Context);

impl RawDecoder {
    pub(super) fn new(codec: VpxCodec, threads: u32) -> Result<Self, VpxError> {
        let mut context = MaybeUninit::zeroed();
        let config = ffi::vpx_codec_dec_cfg_t { threads, w: 0, h: 0 };
        // SAFETY: the context is zeroed memory of the right size, and the version is that of the headers. After success
        // the context is initialised.
        let code = unsafe {
            let version = ffi::VPX_DECODER_ABI_VERSION as c_int;
            let interface = match codec {
                VpxCodec::Vp8 => ffi::vpx_codec_vp8_dx(),
                VpxCodec::Vp9 => ffi::vpx_codec_vp9_dx(),
            };
            ffi::vpx_codec_dec_init_ver(context.as_mut_ptr(), interface, &raw const config, 0, version)
        };
        if code != ffi::VPX_CODEC_OK {
            return Err(failed_setup("set up a decoder", code));
        }
        // SAFETY: initialised above.
        Ok(Self(Context(Box::new(unsafe { context.assume_init() }))))
    }

    /// Decodes one frame; `None` if it is not to be shown.
    pub(super) fn decode(&mut self, data: &[u8], timestamp_us: u64) -> Result<Option<VideoFrame>, VpxError> {
        let length = c_uint::try_from(data.len())
            .map_err(|_| VpxError { action: "decode a frame", message: "it is too long".into() })?;
        // SAFETY: the data is read during the call only.
        let code = unsafe {
            ffi::vpx_codec_decode(&raw mut *self.0.0, data.as_ptr(), length, ptr::null_mut(), DECODE_AT_ONCE)
        };
        self.0.check("decode a frame", code)?;
        if self.is_corrupted()? {
            return Err(VpxError { action: "decode a frame", message: "it is damaged".into() });
        }
        let mut iterator = ptr::null();
        // SAFETY: the iterator belongs to this context and starts as null; the image lives until the next call of the
        // decoder, and is copied before that.
        let image = unsafe { ffi::vpx_codec_get_frame(&raw mut *self.0.0, &raw mut iterator).as_ref() };
        image.map(|image| copy(image, timestamp_us)).transpose()
    }
}

impl RawDecoder {
    /// Whether the last frame ended too early, or builds on one that did.
    fn is_corrupted(&mut self) -> Result<bool, VpxError> {
        let mut corrupted: c_int = 0;
        // SAFETY: this control writes one int through the pointer, during the call only.
        let code = unsafe {
            let id = ffi::vp8_dec_control_id::VP8D_GET_FRAME_CORRUPTED as c_int;
            ffi::vpx_codec_control_(&raw mut *self.0.0, id, &raw mut corrupted)
        };
        self.0.check("tell whether a frame is damaged", code)?;
        Ok(corrupted != 0)
    }
}

fn copy(image: &ffi::vpx_image_t, timestamp_us: u64) -> Result<VideoFrame, VpxError> {
    let unexpected = |message: String| VpxError { action: "return a frame", message };
    if image.fmt != ffi::vpx_img_fmt::VPX_IMG_FMT_I420 {
        return Err(unexpected("it is not in I420".into()));
    }
    let (width, height) = (image.d_w as usize, image.d_h as usize);
    let planes = std::array::from_fn(|i| {
        let (w, h) = if i == 0 { (width, height) } else { (width.div_ceil(2), height.div_ceil(2)) };
        let mut data = Vec::with_capacity(w * h);
        for y in 0..h {
            // SAFETY: libvpx's planes hold h rows of at least w samples, one every stride bytes.
            data.extend_from_slice(unsafe {
                let row = image.planes[i].offset(y as isize * image.stride[i] as isize);
                std::slice::from_raw_parts(row, w)
            });
        }
        Plane { data, stride: w }
    });
    VideoFrame::new(image.d_w, image.d_h, planes, timestamp_us).map_err(|e| unexpected(e.to_string()))
}
