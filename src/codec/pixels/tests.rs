//! Pictures in every pixel format, with padded rows and odd sizes: each sample is found in its place.

use super::PixelFormat as P;
use super::*;
use proptest::prelude::*;

const YUV: [PixelFormat; 9] = [
    P::Yuyv,
    P::Yvyu,
    P::Uyvy,
    P::Vyuy,
    P::Planar(Subsampling::Half),
    P::Planar(Subsampling::HalfWidth),
    P::Yv12,
    P::SemiPlanar(Subsampling::Half),
    P::SemiPlanarVu(Subsampling::HalfWidth),
];
const OTHERS: [PixelFormat; 12] = [
    P::SemiPlanar(Subsampling::HalfWidth),
    P::SemiPlanarVu(Subsampling::Half),
    P::Planar(Subsampling::None),
    P::SemiPlanar(Subsampling::None),
    P::SemiPlanarVu(Subsampling::None),
    P::Grey,
    P::Grey16(10),
    P::Rgb,
    P::Bgr,
    P::Rgbx,
    P::Bgrx,
    P::Rgb565,
];

/// Colour of a pixel as Y, U, V; chroma is the same in each block of 2x2.
fn yuv_at(x: usize, y: usize) -> [u8; 3] {
    [(16 + (3 * x + 11 * y) % 200) as u8, (100 + 5 * (x / 2) % 50) as u8, (200 - 7 * (y / 2) % 60) as u8]
}

/// Rows of `width` samples at `at`, each `step` pixels from the last, padded with 99 to `stride` bytes.
fn rows(size: (usize, usize), stride: usize, at: impl Fn(usize, usize) -> Vec<u8>) -> Vec<u8> {
    let mut data = Vec::new();
    for y in 0..size.1 {
        let mut row: Vec<u8> = (0..size.0).flat_map(|x| at(x, y)).collect();
        row.resize(row.len().max(stride), 99);
        data.extend(row);
    }
    data
}

/// A picture of this format and its stride.
fn picture(
    format: PixelFormat,
    w: usize,
    h: usize,
    padding: usize,
    at: impl Fn(usize, usize) -> [u8; 3],
) -> (Vec<u8>, usize) {
    let packed = |order: [usize; 4]| {
        let stride = w.div_ceil(2) * 4 + padding;
        let pair = |x: usize, y: usize| {
            let ([y0, u, v], [y1, ..]) = (at(2 * x, y), at((2 * x + 1).min(w - 1), y));
            let samples = [y0, u, y1, v];
            order.map(|i| samples[i]).to_vec()
        };
        (rows((w.div_ceil(2), h), stride, pair), stride)
    };
    let planes = |(across, down): (usize, usize), step: usize, v_first: bool| {
        let stride = w + padding;
        let size = (w.div_ceil(across), h.div_ceil(down));
        let chroma_stride = (stride * step / across).max(size.0 * step);
        let [first, second] = if v_first { [2, 1] } else { [1, 2] };
        let one = |i: usize| rows(size, chroma_stride, |x, y| vec![at(x * across, y * down)[i]]);
        let both = || {
            rows(size, chroma_stride, |x, y| {
                let sample = at(x * across, y * down);
                vec![sample[first], sample[second]]
            })
        };
        let luma = rows((w, h), stride, |x, y| vec![at(x, y)[0]]);
        let chroma = if step == 2 { both() } else { [one(first), one(second)].concat() };
        ([luma, chroma].concat(), stride)
    };
    let bytes = |count: usize, pixel: &dyn Fn([u8; 3]) -> Vec<u8>| {
        let stride = w * count + padding;
        (rows((w, h), stride, |x, y| pixel(at(x, y))), stride)
    };
    match format {
        P::Yuyv => packed([0, 1, 2, 3]),
        P::Yvyu => packed([0, 3, 2, 1]),
        P::Uyvy => packed([1, 0, 3, 2]),
        P::Vyuy => packed([3, 0, 1, 2]),
        P::Planar(chroma) => planes(chroma.steps(), 1, false),
        P::Yv12 => planes((2, 2), 1, true),
        P::SemiPlanar(chroma) => planes(chroma.steps(), 2, false),
        P::SemiPlanarVu(chroma) => planes(chroma.steps(), 2, true),
        P::Grey => bytes(1, &|p| vec![p[0]]),
        P::Grey16(bits) => bytes(2, &|p| (u16::from(p[0]) << (bits - 8)).to_le_bytes().to_vec()),
        P::Rgb => bytes(3, &|p| p.to_vec()),
        P::Bgr => bytes(3, &|[r, g, b]| vec![b, g, r]),
        P::Rgbx => bytes(4, &|[r, g, b]| vec![r, g, b, 7]),
        P::Bgrx => bytes(4, &|[r, g, b]| vec![b, g, r, 7]),
        P::Rgb565 => bytes(2, &|[r, g, b]| {
            (u16::from(r >> 3) << 11 | u16::from(g >> 2) << 5 | u16::from(b >> 3)).to_le_bytes().to_vec()
        }),
    }
}

fn frame(format: PixelFormat, data: &[u8], (w, h): (usize, usize), stride: usize, encoding: YuvEncoding) -> VideoFrame {
    let (width, height) = (w as u32, h as u32);
    let picture = RawPicture { data, width, height, stride, format, encoding };
    picture.to_frame(5).unwrap_or_else(|e| panic!("{format:?} {w}x{h}, stride {stride}: {e}"))
}

/// The sample of a plane, without padding.
fn sample(frame: &VideoFrame, i: usize, x: usize, y: usize) -> u8 {
    frame.plane(i).data[y * frame.plane(i).stride + x]
}

#[test]
fn each_sample_of_yuv_is_in_its_place() {
    let formats = YUV.iter().chain(&OTHERS[..2]);
    for (&format, size, padding) in formats.flat_map(|f| {
        [(6, 4), (5, 3), (1, 1), (66, 35)].map(|s| (f, s, 0)).into_iter().chain([(f, (6, 4), 8), (f, (38, 10), 16)])
    }) {
        let (w, h) = size;
        let (data, stride) = picture(format, w, h, padding, yuv_at);
        let given = if padding == 0 { 0 } else { stride };
        let frame = frame(format, &data, size, given, YuvEncoding::default());
        assert_eq!((frame.width() as usize, frame.height() as usize, frame.timestamp_us()), (w, h, 5));
        for i in 0..3 {
            let (plane_w, plane_h) = frame.plane_size(i);
            for (x, y) in (0..plane_h).flat_map(|y| (0..plane_w).map(move |x| (x, y))) {
                let expected = if i == 0 { yuv_at(x, y)[0] } else { yuv_at(2 * x, 2 * y)[i] };
                assert_eq!(sample(&frame, i, x, y), expected, "{format:?} {size:?}: plane {i} at {x},{y}");
            }
        }
    }
}

/// Half of the picture on the left, half on the right.
fn halves<T>(w: usize, left: T, right: T) -> impl Fn(usize, usize) -> T
where
    T: Copy,
{
    move |x, _| if x < w / 2 { left } else { right }
}

/// Red and blue as RGB, and in limited-range BT.601.
const RED_BLUE_RGB: [[u8; 3]; 2] = [[255, 0, 0], [0, 0, 255]];
const RED_BLUE: [[u8; 3]; 2] = [[81, 90, 240], [41, 240, 110]];

fn assert_halves(frame: &VideoFrame, colours: [[u8; 3]; 2], what: &str) {
    for i in 0..3 {
        let (w, h) = frame.plane_size(i);
        for (colour, x) in colours.iter().zip([w / 4, w - 1 - w / 4]) {
            for y in [0, h / 2, h - 1] {
                let (is, wanted) = (sample(frame, i, x, y), colour[i]);
                assert!(is.abs_diff(wanted) <= 3, "{what}: plane {i} at {x},{y} is {is}, not {wanted}");
            }
        }
    }
}

#[test]
fn rgb_and_full_chroma_keep_their_colours() {
    for (format, (w, h), padding) in OTHERS[2..5].iter().flat_map(|f| [(*f, (32, 18), 0), (*f, (35, 9), 12)]) {
        let (data, stride) = picture(format, w, h, padding, halves(w, RED_BLUE[0], RED_BLUE[1]));
        let frame = frame(format, &data, (w, h), stride, YuvEncoding::default());
        assert_halves(&frame, RED_BLUE, &format!("{format:?} {w}x{h}"));
    }
    for (format, (w, h), padding) in OTHERS[7..].iter().flat_map(|f| [(*f, (32, 18), 0), (*f, (35, 9), 12)]) {
        let (data, stride) = picture(format, w, h, padding, halves(w, RED_BLUE_RGB[0], RED_BLUE_RGB[1]));
        // A buffer of a driver is longer, or ends with the last pixel.
        let longer = [&data[..], &[9; 1000]].concat();
        for given in [&data, &longer, &data[..data.len() - padding]] {
            let frame = frame(format, given, (w, h), stride, YuvEncoding { full_range: true, bt709: true });
            assert_halves(&frame, RED_BLUE, &format!("{format:?} {w}x{h}"));
        }
    }
}

#[test]
fn grey_has_no_colour() {
    for format in [P::Grey, P::Grey16(10), P::Grey16(12), P::Grey16(16)] {
        let (data, stride) = picture(format, 9, 5, 6, |x, y| [(20 * x + y) as u8, 0, 0]);
        let frame = frame(format, &data, (9, 5), stride, YuvEncoding::default());
        for (x, y) in (0..5).flat_map(|y| (0..9).map(move |x| (x, y))) {
            assert_eq!(usize::from(sample(&frame, 0, x, y)), 20 * x + y, "{format:?}");
        }
        assert!([1, 2].iter().all(|&i| frame.plane(i).data.iter().all(|&v| v == 128)));
    }
    // A driver that sets bits which the format leaves zero.
    let loud = RawPicture {
        data: &[255; 2],
        width: 1,
        height: 1,
        stride: 0,
        format: P::Grey16(10),
        encoding: YuvEncoding::default(),
    };
    assert_eq!(loud.to_frame(0).expect("a frame").plane(0).data, [255]);
}

#[test]
fn full_range_and_bt709_become_limited_bt601() {
    // Black, white, and red of full range (JFIF), then of BT.709 in limited range (Rec. ITU-R BT.709-6).
    let full = YuvEncoding { full_range: true, bt709: false };
    let hd = YuvEncoding { full_range: false, bt709: true };
    for format in YUV.into_iter().chain(OTHERS[..5].iter().copied()) {
        let converted = |colours: [[u8; 3]; 2], encoding| {
            let (data, stride) = picture(format, 32, 18, 0, halves(32, colours[0], colours[1]));
            frame(format, &data, (32, 18), stride, encoding)
        };
        let what = format!("{format:?}");
        assert_halves(&converted([[0, 128, 128], [255, 128, 128]], full), [[16, 128, 128], [235, 128, 128]], &what);
        assert_halves(&converted([[76, 85, 255], [29, 255, 107]], full), RED_BLUE, &what);
        assert_halves(&converted([[63, 102, 240], [32, 240, 118]], hd), RED_BLUE, &what);
    }
}

#[test]
fn data_that_is_too_short_is_refused() {
    for format in YUV.into_iter().chain(OTHERS) {
        let (data, stride) = picture(format, 6, 4, 0, |_, _| [60, 128, 128]);
        let read = |length: usize, stride: usize| {
            let encoding = YuvEncoding::default();
            RawPicture { data: &data[..length], width: 6, height: 4, stride, format, encoding }.to_frame(0)
        };
        assert!(read(data.len(), stride).is_ok(), "{format:?}");
        assert!(matches!(read(data.len() - 1, stride), Err(ColorError::Short { .. })), "{format:?}");
        assert!(matches!(read(data.len(), 2), Err(ColorError::Short { .. })), "{format:?}: rows that overlap");
    }
    let none =
        RawPicture { data: &[], width: 0, height: 2, stride: 0, format: P::Grey, encoding: YuvEncoding::default() };
    assert!(matches!(none.to_frame(0), Err(ColorError::Size(_))));
}

proptest! {
    #[test]
    fn no_size_and_no_length_makes_it_panic(
        which in 0usize..21, width in 0u32..40, height in 0u32..20, stride in 0usize..200,
        data in proptest::collection::vec(any::<u8>(), 0..4000), full_range: bool,
    ) {
        let format = YUV.into_iter().chain(OTHERS).nth(which).unwrap_or(P::Grey);
        let picture = RawPicture { data: &data, width, height, stride, format, encoding: YuvEncoding { full_range, bt709: false } };
        if let Ok(frame) = picture.to_frame(0) {
            prop_assert_eq!((frame.width(), frame.height()), (width, height));
        }
    }
}
