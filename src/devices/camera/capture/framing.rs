//! The messages that a capture process writes to its standard output.
//!
//! Each message has a header of 32 bytes, with numbers in little endian, and a payload:
//!
//! | bytes | field |
//! |---|---|
//! | 0..4 | `VVC1` |
//! | 4 | kind: 1 opened, 2 frame, 3 failed |
//! | 5..8 | zero |
//! | 8..12, 12..16 | width and height in pixels (opened, frame), else zero |
//! | 16..20 | frames per second (opened), else zero |
//! | 20..24 | length of the payload in bytes |
//! | 24..32 | time of capture in Unix microseconds (frame), else zero |
//!
//! The payload of *opened* is the camera's name; that of *frame* the planes Y, U, V in I420, tightly packed; that of
//! *failed* a JSON object `{"kind": "busy", "message": "…"}` with the kinds of [`DeviceProblemKind`]. *Opened* or *failed*
//! comes first, and nothing comes after *failed*.

use crate::base::{DeviceProblemKind, Plane, VideoFrame};
use crate::devices::DeviceError;
use crate::devices::camera::frames::{CameraFormat, OpenedVideo};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

const MAGIC: [u8; 4] = *b"VVC1";
const HEADER: usize = 32;

/// The largest frame that is accepted, in pixels a side.
const MAX_SIDE: u32 = 4096;

/// The longest name or error, in bytes.
const MAX_TEXT: u32 = 64 << 10;

/// A message of a capture process.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    /// The camera is open.
    Opened(OpenedVideo),
    /// A video frame.
    Frame(VideoFrame),
    /// The camera could not be opened, or it failed in use.
    Failed(DeviceError),
}

/// Why no message could be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FramingError {
    /// The pipe ended or broke.
    #[error("the capture process went away: {0}")]
    Pipe(#[from] io::Error),
    /// The bytes are no message.
    #[error("the capture process wrote {0}")]
    Garbage(&'static str),
}

#[derive(Serialize, Deserialize)]
struct Failure {
    kind: DeviceProblemKind,
    message: String,
}

struct Header {
    kind: u8,
    width: u32,
    height: u32,
    fps: u32,
    length: u32,
    unix_us: u64,
}

impl Header {
    fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = self.kind;
        for (i, field) in [self.width, self.height, self.fps, self.length].into_iter().enumerate() {
            bytes[8 + 4 * i..12 + 4 * i].copy_from_slice(&field.to_le_bytes());
        }
        bytes[24..].copy_from_slice(&self.unix_us.to_le_bytes());
        bytes
    }

    fn read(from: &mut impl Read) -> Result<Self, FramingError> {
        let mut bytes = [0; HEADER];
        // Checked first: a program that writes less than a header, and something else, must not be waited for.
        from.read_exact(&mut bytes[..4])?;
        if bytes[..4] != MAGIC {
            return Err(FramingError::Garbage("something that is no picture"));
        }
        from.read_exact(&mut bytes[4..])?;
        let field = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(word)
        };
        let unix_us = u64::from(field(24)) | u64::from(field(28)) << 32;
        Ok(Self { kind: bytes[4], width: field(8), height: field(12), fps: field(16), length: field(20), unix_us })
    }
}

impl Message {
    /// Reads the next message. Allocates at most the size of the largest frame.
    pub(super) fn read(from: &mut impl Read) -> Result<Self, FramingError> {
        let header = Header::read(from)?;
        match header.kind {
            1 => {
                let label = text(from, &header)?;
                let Header { width, height, fps, .. } = header;
                Ok(Self::Opened(OpenedVideo { label, format: CameraFormat { width, height, fps } }))
            }
            2 => frame(from, &header).map(Self::Frame),
            3 => {
                let Failure { kind, message } = serde_json::from_str(&text(from, &header)?)
                    .map_err(|_| FramingError::Garbage("an error that cannot be read"))?;
                Ok(Self::Failed(DeviceError::new(kind, message)))
            }
            _ => Err(FramingError::Garbage("a message of an unknown kind")),
        }
    }
}

fn text(from: &mut impl Read, header: &Header) -> Result<String, FramingError> {
    if header.length > MAX_TEXT {
        return Err(FramingError::Garbage("a text of absurd length"));
    }
    Ok(String::from_utf8_lossy(&bytes(from, header.length as usize)?).into_owned())
}

fn frame(from: &mut impl Read, header: &Header) -> Result<VideoFrame, FramingError> {
    let Header { width, height, length, unix_us, .. } = *header;
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(FramingError::Garbage("a picture of impossible size"));
    }
    let (w, h) = (width as usize, height as usize);
    let sizes = [(w, h), (w.div_ceil(2), h.div_ceil(2)), (w.div_ceil(2), h.div_ceil(2))];
    if length as usize != sizes.iter().map(|(w, h)| w * h).sum::<usize>() {
        return Err(FramingError::Garbage("a picture whose length does not fit its size"));
    }
    let mut plane = |(w, h): (usize, usize)| Ok::<_, FramingError>(Plane { data: bytes(from, w * h)?, stride: w });
    let planes = [plane(sizes[0])?, plane(sizes[1])?, plane(sizes[2])?];
    VideoFrame::new(width, height, planes, unix_us).map_err(|_| FramingError::Garbage("an impossible picture"))
}

fn bytes(from: &mut impl Read, length: usize) -> Result<Vec<u8>, FramingError> {
    let mut bytes = Vec::with_capacity(length);
    if from.take(length as u64).read_to_end(&mut bytes)? < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(bytes)
}

/// Writes that the camera is open.
pub(super) fn write_opened(to: &mut impl Write, label: &str, format: CameraFormat) -> io::Result<()> {
    let CameraFormat { width, height, fps } = format;
    let label = &label.as_bytes()[..label.len().min(MAX_TEXT as usize)];
    to.write_all(&Header { kind: 1, width, height, fps, length: label.len() as u32, unix_us: 0 }.bytes())?;
    to.write_all(label)?;
    to.flush()
}

/// Writes a frame.
pub(super) fn write_frame(to: &mut impl Write, frame: &VideoFrame) -> io::Result<()> {
    let length: usize = (0..3).map(|i| frame.plane_size(i)).map(|(w, h)| w * h).sum();
    let header = Header {
        kind: 2,
        width: frame.width(),
        height: frame.height(),
        fps: 0,
        length: length as u32,
        unix_us: frame.timestamp_us(),
    };
    to.write_all(&header.bytes())?;
    for i in 0..3 {
        let (width, height) = frame.plane_size(i);
        let plane = frame.plane(i);
        if plane.stride == width {
            to.write_all(&plane.data[..width * height])?;
        } else {
            for row in plane.data.chunks(plane.stride).take(height) {
                to.write_all(&row[..width])?;
            }
        }
    }
    to.flush()
}

/// Writes that the camera cannot be used.
pub(super) fn write_failed(to: &mut impl Write, error: &DeviceError) -> io::Result<()> {
    let message = error.message().chars().take(1000).collect();
    let failure = serde_json::to_vec(&Failure { kind: error.kind(), message })?;
    to.write_all(&Header { kind: 3, width: 0, height: 0, fps: 0, length: failure.len() as u32, unix_us: 0 }.bytes())?;
    to.write_all(&failure)?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_read_as_they_were_written() {
        let format = CameraFormat { width: 640, height: 480, fps: 25 };
        let mut padded = VideoFrame::filled(5, 3, [1, 2, 3], 1_763_850_000_123_456).expect("frame");
        padded.planes_mut()[0] = Plane { data: (0..24).collect(), stride: 8 };
        let mut pipe = Vec::new();
        write_opened(&mut pipe, "Caméra", format).expect("write");
        write_frame(&mut pipe, &padded).expect("write");
        write_failed(&mut pipe, &DeviceError::Busy("EBUSY".into())).expect("write");

        let mut pipe = pipe.as_slice();
        let mut next = || Message::read(&mut pipe).expect("a message");
        assert_eq!(next(), Message::Opened(OpenedVideo { label: "Caméra".into(), format }));
        let Message::Frame(frame) = next() else { panic!("a picture") };
        assert_eq!((frame.width(), frame.height(), frame.timestamp_us()), (5, 3, 1_763_850_000_123_456));
        assert_eq!(frame.plane(0).data, [0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 16, 17, 18, 19, 20]);
        assert_eq!(frame.plane(2).data, [3; 6]);
        assert_eq!(next(), Message::Failed(DeviceError::Busy("EBUSY".into())));
        assert!(matches!(Message::read(&mut pipe), Err(FramingError::Pipe(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_take_memory(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), ours: bool) {
            if ours && bytes.len() >= 5 {
                bytes[..4].copy_from_slice(&MAGIC);
                bytes[4] = 1 + bytes[4] % 3;
            }
            let read = Message::read(&mut bytes.as_slice());
            prop_assert!(!matches!(read, Ok(Message::Frame(frame)) if frame.width() > 16 && frame.height() > 16));
        }
    }
}
