//! Reads a picture file as the frame of a camera or a screen.

use super::frames::CameraFormat;
use crate::base::VideoFrame;
use crate::codec::color;
use crate::devices::DeviceError;
use image::error::ImageError;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbImage};
use std::path::Path;

/// Memory that decoding a picture may take, in bytes.
const DECODE_LIMIT: u64 = 512 << 20;

/// How a picture is brought to a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::devices) enum Scaling {
    /// Until it fits; also enlarged.
    Fit,
    /// Made smaller until it fits, never larger.
    Shrink,
}

/// Reads a picture, upright and opaque, and scales it to `format`.
pub(super) fn read(path: &Path, format: CameraFormat, scaling: Scaling) -> Result<VideoFrame, DeviceError> {
    let picture = opaque(decode(path)?);
    let most = if scaling == Scaling::Fit { f64::INFINITY } else { 1.0 };
    let (width, height) = fit(picture.width(), picture.height(), format, most);
    let picture = DynamicImage::from(picture).resize_exact(width, height, FilterType::Triangle).into_rgb8();
    color::from_rgb(picture.as_raw(), width, height, 0).map_err(|e| DeviceError::Other(e.to_string()))
}

fn decode(path: &Path) -> Result<DynamicImage, DeviceError> {
    // The content decides what kind of picture it is, not the name.
    let reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format);
    let reader = reader.map_err(|e| DeviceError::of_file(path, &e))?;
    let bad = |e: ImageError| unreadable(path, e);
    let mut decoder = reader.into_decoder().map_err(bad)?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_LIMIT);
    limits.reserve(decoder.total_bytes()).map_err(bad)?;
    decoder.set_limits(limits).map_err(bad)?;
    // Damaged metadata is no reason to refuse the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(bad)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// The picture without transparency: on white, as on paper.
fn opaque(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    let (width, height) = picture.dimensions();
    let blend = |colour: u8, alpha: u8| {
        let (colour, alpha) = (u16::from(colour), u16::from(alpha));
        ((colour * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    let pixels = picture.into_raw();
    let rgb = pixels.chunks_exact(4).flat_map(|p| [blend(p[0], p[3]), blend(p[1], p[3]), blend(p[2], p[3])]);
    RgbImage::from_raw(width, height, rgb.collect()).unwrap_or_default()
}

/// The size in which a picture fills `format` with its own aspect ratio, at most `most` times its own: even, since chroma
/// has half of it, and at least 2.
fn fit(width: u32, height: u32, format: CameraFormat, most: f64) -> (u32, u32) {
    let ratio = |of: u32, side: u32| f64::from(of) / f64::from(side.max(1));
    let scale = ratio(format.width, width).min(ratio(format.height, height)).min(most);
    let even = |side: u32, most: u32| ((f64::from(side) * scale).round() as u32).clamp(2, most) & !1;
    (even(width, format.width), even(height, format.height))
}

fn unreadable(path: &Path, error: ImageError) -> DeviceError {
    let path = path.display();
    DeviceError::Unreadable(match error {
        ImageError::Limits(_) => {
            format!("{path} has too many pixels. Save it smaller, or choose another picture.")
        }
        ImageError::Unsupported(_) => {
            format!("{path} is no PNG or JPEG picture. Save it as one of these.")
        }
        error => format!("{path} cannot be read as a picture: {error}. Choose another one."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ExtendedColorType, ImageEncoder, Rgb, Rgba, RgbaImage};
    use std::path::PathBuf;

    const FORMAT: CameraFormat = CameraFormat { width: 320, height: 180, fps: 30 };

    /// A folder for pictures.
    struct Album(tempfile::TempDir);

    impl Album {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// Reads a picture of these bytes.
        fn read(&self, name: &str, bytes: &[u8]) -> Result<VideoFrame, DeviceError> {
            std::fs::write(self.path(name), bytes).expect("a file");
            read(&self.path(name), FORMAT, Scaling::Fit)
        }
    }

    /// A picture of 32x16, white with its upper left quarter black.
    fn corner() -> RgbImage {
        RgbImage::from_fn(32, 16, |x, y| Rgb([if x < 16 && y < 8 { 0 } else { 255 }; 3]))
    }

    /// The quarter that is dark: 0 and 1 above, 2 and 3 below; and whether the picture is upright.
    fn dark_quarter(frame: &VideoFrame) -> (usize, bool) {
        let (w, h) = frame.plane_size(0);
        let luma = |(x, y): (usize, usize)| frame.plane(0).data[y * frame.plane(0).stride + x];
        let quarters = [(w / 4, h / 4), (w - w / 4, h / 4), (w / 4, h - h / 4), (w - w / 4, h - h / 4)].map(luma);
        let dark: Vec<usize> = (0..4).filter(|&i| quarters[i] < 40).collect();
        assert!(dark.len() == 1 && quarters.iter().filter(|&&v| v > 220).count() == 3, "{quarters:?}");
        (dark[0], h > w)
    }

    /// A JPEG with the Exif orientation `tag`, in either byte order.
    fn turned_jpeg(tag: u16, big_endian: bool) -> Vec<u8> {
        let mut jpeg = Vec::new();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95);
        let short = |v: u16| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
        let long = |v: u32| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() };
        let order: &[u8] = if big_endian { b"MM" } else { b"II" };
        // TIFF 6.0: a header, then a folder of one entry: tag 0x112, type SHORT, count 1, value.
        let mut exif = [order, &short(42), &long(8), &short(1), &short(0x112), &short(3), &long(1)].concat();
        exif.extend([short(tag), [0, 0]].concat());
        exif.extend(long(0));
        encoder.set_exif_metadata(exif).expect("metadata");
        encoder.write_image(corner().as_raw(), 32, 16, ExtendedColorType::Rgb8).expect("a JPEG");
        jpeg
    }

    #[test]
    fn a_shared_picture_is_not_enlarged() {
        let album = Album::new();
        let path = album.path("small.png");
        corner().save(&path).expect("a file");
        let size = |scaling| read(&path, FORMAT, scaling).map(|f| (f.width(), f.height())).expect("a frame");
        assert_eq!((size(Scaling::Shrink), size(Scaling::Fit)), ((32, 16), (320, 160)));
    }

    #[test]
    fn photos_are_turned_as_exif_says() {
        let album = Album::new();
        // Where the upper left quarter comes to lie, and whether width and height are exchanged (Exif 2.3, 4.6.4 A).
        let expected = [(1, 0, false), (2, 1, false), (3, 3, false), (4, 2, false)];
        let on_their_side = [(5, 0, true), (6, 1, true), (7, 3, true), (8, 2, true)];
        for (tag, quarter, upright) in expected.into_iter().chain(on_their_side) {
            for big_endian in [false, true] {
                let frame = album.read("photo.jpg", &turned_jpeg(tag, big_endian)).expect("a frame");
                assert_eq!(dark_quarter(&frame), (quarter, upright), "orientation {tag}");
            }
        }
        for nonsense in [0, 9, 65_535] {
            let frame = album.read("photo.jpg", &turned_jpeg(nonsense, false)).expect("a frame");
            assert_eq!(dark_quarter(&frame), (0, false), "orientation {nonsense}");
        }
    }

    #[test]
    fn all_kinds_of_pictures_are_read_by_their_content() {
        let album = Album::new();
        for kind in ["png", "jpg"] {
            corner().save(album.path("picture").with_extension(kind)).expect(kind);
            let bytes = std::fs::read(album.path("picture").with_extension(kind)).expect(kind);
            let frame = album.read("misnamed.png", &bytes).expect(kind);
            assert_eq!((dark_quarter(&frame), frame.width(), frame.height()), ((0, false), 320, 160), "{kind}");
        }
        let mut grey = Vec::new();
        let encoder = image::codecs::jpeg::JpegEncoder::new(&mut grey);
        let luma = DynamicImage::from(corner()).into_luma8();
        encoder.write_image(luma.as_raw(), 32, 16, ExtendedColorType::L8).expect("a JPEG");
        assert_eq!(dark_quarter(&album.read("grey.jpg", &grey).expect("grey")), (0, false));
        DynamicImage::from(corner()).into_rgb16().save(album.path("deep.png")).expect("a PNG");
        assert_eq!(dark_quarter(&read(&album.path("deep.png"), FORMAT, Scaling::Fit).expect("16 bits")), (0, false));
    }

    #[test]
    fn transparency_lies_on_white() {
        let album = Album::new();
        let shades = RgbaImage::from_fn(64, 16, |x, _| Rgba([0, 0, 0, if x < 32 { 0 } else { 255 }]));
        shades.save(album.path("logo.png")).expect("a PNG");
        let frame = read(&album.path("logo.png"), FORMAT, Scaling::Fit).expect("a frame");
        let luma = &frame.plane(0).data;
        assert!(luma[10] >= 234 && luma[frame.width() as usize - 10] <= 17, "{} {}", luma[10], luma[310]);
        let blend = RgbaImage::from_pixel(4, 4, Rgba([0, 0, 0, 128]));
        let half = opaque(DynamicImage::from(blend)).get_pixel(1, 1).0;
        assert_eq!(half, [127; 3]);
    }

    #[test]
    fn any_size_gives_a_frame_that_can_be_sent() {
        let album = Album::new();
        for (w, h) in [(1, 1), (1, 900), (900, 1), (3, 5), (2001, 1001), (5000, 40)] {
            RgbImage::from_pixel(w, h, Rgb([200, 0, 0])).save(album.path("size.png")).expect("a PNG");
            let frame = read(&album.path("size.png"), FORMAT, Scaling::Fit).unwrap_or_else(|e| panic!("{w}x{h}: {e}"));
            let (width, height) = (frame.width(), frame.height());
            assert!(width >= 2 && height >= 2 && width % 2 == 0 && height % 2 == 0, "{w}x{h}: {width}x{height}");
            assert!(width <= 320 && height <= 180 && (width == 320 || height == 180), "{w}x{h}: {width}x{height}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_shown_gives_a_sentence() {
        let album = Album::new();
        let said = |name: &str, bytes: &[u8]| match album.read(name, bytes) {
            Err(DeviceError::Unreadable(sentence)) => sentence,
            other => panic!("{name}: {other:?}"),
        };
        let heic = said("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
        assert!(heic.contains("photo.heic is no PNG or JPEG picture. Save it as"), "{heic}");
        let misnamed = said("photo.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
        assert!(misnamed.contains("photo.jpg cannot be read as a picture"), "{misnamed}");
        // A grey PNG of 60000x60000 pixels, whose checksum is right, and of which nothing follows.
        let mut huge = Vec::from(b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR");
        huge.extend([60_000u32.to_be_bytes(), 60_000u32.to_be_bytes()].concat());
        huge.extend([16, 0, 0, 0, 0]);
        huge.extend(crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&huge[12..]).to_be_bytes());
        huge.extend(b"\0\0\0\x01IDAT\0");
        let huge = said("huge.png", &huge);
        assert!(huge.contains("too many pixels"), "{huge}");
        let mut cut = Vec::new();
        corner().write_to(&mut std::io::Cursor::new(&mut cut), image::ImageFormat::Png).expect("a PNG");
        cut.truncate(cut.len() / 2);
        assert!(said("cut.png", &cut).contains("cut.png cannot be read as a picture"));
        assert!(said("empty.jpg", b"").contains("empty.jpg cannot be read as a picture"));
        assert!(matches!(read(&album.path("nowhere.png"), FORMAT, Scaling::Fit), Err(DeviceError::NotFound(_))));
    }
}
