//! Mends the headers of WAV files, which many programs write wrongly, while the file is read.
//!
//! A program that writes into a pipe does not know the sizes: it writes 0 or 0xFFFFFFFF. A recording that was cut short
//! names more than there is. Samples of 24 bits that fill 32 are announced in several ways. The file itself stays as it is.

use std::io::{self, Read, Seek, SeekFrom};

/// The code of the extensible format (`WAVE_FORMAT_EXTENSIBLE`).
const EXTENSIBLE: u16 = 0xFFFE;
/// The code of whole numbers (`WAVE_FORMAT_PCM`).
const PCM: u16 = 1;
/// Chunks that are looked at before the samples.
const MOST_CHUNKS: usize = 64;

/// A file of which some bytes are read as others.
pub(super) struct PatchedFile<F> {
    file: F,
    length: u64,
    position: u64,
    patches: Vec<Patch>,
}

/// Bytes that take the place of those at an offset.
#[derive(Debug, PartialEq, Eq)]
struct Patch {
    offset: u64,
    bytes: Vec<u8>,
}

impl<F: Read + Seek> PatchedFile<F> {
    /// A WAV file with a mended header; any other file as it is.
    pub(super) fn new(mut file: F) -> io::Result<Self> {
        let length = file.seek(SeekFrom::End(0))?;
        let patches = patches(&mut file, length)?.unwrap_or_default();
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { file, length, position: 0, patches })
    }

    /// Bytes of the file.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }
}

impl<F: Read> Read for PatchedFile<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        for patch in &self.patches {
            for (at, byte) in (patch.offset..).zip(&patch.bytes) {
                let place = at.checked_sub(self.position).and_then(|place| buffer[..read].get_mut(place as usize));
                if let Some(place) = place {
                    *place = *byte;
                }
            }
        }
        self.position += read as u64;
        Ok(read)
    }
}

impl<F: Seek> Seek for PatchedFile<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(to)?;
        Ok(self.position)
    }
}

/// What is to be changed in a WAV file; `None` for other files, and for one without samples.
fn patches(file: &mut (impl Read + Seek), length: u64) -> io::Result<Option<Vec<Patch>>> {
    let Some([a, b, c, d, _, _, _, _, w, x, y, z]) = bytes(file, 0, length)? else { return Ok(None) };
    // RF64 is the same for files of more than 4 GB.
    if !matches!(&[a, b, c, d], b"RIFF" | b"RF64") || &[w, x, y, z] != b"WAVE" {
        return Ok(None);
    }
    let patch = |offset, bytes: &[u8]| Patch { offset, bytes: bytes.into() };
    // The size of the whole is not needed: this one stands for "until the end".
    let mut patches = vec![patch(0, b"RIFF\xff\xff\xff\xff")];
    let (mut at, mut frame) = (12, 1);
    for _ in 0..MOST_CHUNKS {
        let Some([n, a, m, e, size @ ..]) = bytes::<8>(file, at, length)? else { return Ok(None) };
        let size = u32::from_le_bytes(size);
        let content = at + 8;
        match &[n, a, m, e] {
            b"fmt " => {
                if let Some(format) = bytes::<16>(file, content, length)? {
                    frame = u64::from(field(&format, 12)).max(1);
                    patches.extend(format_patches(&format, content, size));
                }
            }
            b"data" => {
                let rest = length - content;
                let is_true = size != 0 && u64::from(size) <= rest;
                let samples = if is_true { u64::from(size) } else { rest };
                // Whole frames; more than 4 GB are read as far as this number goes.
                let samples = (samples - samples % frame).min(u64::from(u32::MAX - 1));
                patches.push(patch(at + 4, &(samples as u32).to_le_bytes()));
                return Ok(Some(patches));
            }
            // Titles of odd length are written in several ways, and not needed.
            b"LIST" => patches.push(patch(at, b"JUNK")),
            _ => {}
        }
        // Chunks begin at even offsets.
        at = content + u64::from(size) + u64::from(size % 2);
    }
    Ok(None)
}

/// Whole numbers that do not fill the bytes of their samples are written in the upper bits, so they are read as numbers
/// that do.
fn format_patches(format: &[u8; 16], offset: u64, size: u32) -> Vec<Patch> {
    let (tag, channels, frame, bits) = (field(format, 0), field(format, 2), field(format, 12), field(format, 14));
    let filled = frame.checked_div(channels).unwrap_or(0).saturating_mul(8);
    if !matches!(tag, PCM | EXTENSIBLE) || !(bits..=32).contains(&filled) || bits == 0 {
        return Vec::new();
    }
    let filled = filled.to_le_bytes().to_vec();
    let mut patches = vec![Patch { offset: offset + 14, bytes: filled.clone() }];
    if tag == EXTENSIBLE && size >= 20 {
        patches.push(Patch { offset: offset + 18, bytes: filled });
    }
    patches
}

fn field(format: &[u8; 16], at: usize) -> u16 {
    u16::from_le_bytes([format[at], format[at + 1]])
}

/// Some bytes of the file; `None` if it ends before.
fn bytes<const N: usize>(file: &mut (impl Read + Seek), at: u64, length: u64) -> io::Result<Option<[u8; N]>> {
    if length.checked_sub(N as u64).is_none_or(|last| at > last) {
        return Ok(None);
    }
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read_as(content: &[u8]) -> Vec<u8> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(content).expect("written");
        let mut patched = PatchedFile::new(file).expect("read");
        let mut whole = Vec::new();
        // In small pieces: a patch may lie across two.
        let mut piece = [0; 7];
        while let Ok(n @ 1..) = patched.read(&mut piece) {
            whole.extend(&piece[..n]);
        }
        whole
    }

    #[test]
    fn other_files_and_hopeless_ones_are_read_as_they_are() {
        for content in
            [&b""[..], b"RIFF", b"fLaC\0\0\0\x22 and so on", b"RIFF\x04\0\0\0AVI LIST", b"RIFF\0\0\0\0WAVEdat"]
        {
            assert_eq!(read_as(content), content);
        }
        // A chunk that names more than there is.
        let long = b"RIFF\x04\0\0\0WAVELIST\xff\xff\xff\x7fxxxxxxxx";
        assert_eq!(read_as(long), long);
    }

    #[test]
    fn sizes_are_those_of_the_file() {
        let wav = |riff: u32, data: u32| {
            let mut file = b"RIFF".to_vec();
            file.extend(riff.to_le_bytes());
            file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\xbb\0\0\0\xee\x02\0\x04\0\x10\0data");
            file.extend(data.to_le_bytes());
            file.extend([1, 2, 3, 4, 5, 6]);
            file
        };
        for (riff, data) in [(0, 0), (u32::MAX, u32::MAX), (42, 4000), (42, 6)] {
            assert_eq!(read_as(&wav(riff, data)), wav(u32::MAX, 4), "{riff} {data}");
        }
        assert_eq!(read_as(&wav(42, 4)), wav(u32::MAX, 4));
    }
}
