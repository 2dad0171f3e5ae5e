//! Finds test pictures on a screenshot and reads the numbers in them.

use std::path::Path;

/// The numbers in a test picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Frame number; `None` if a cropped tile hides its row.
    pub(crate) frame: Option<u32>,
    /// Time of drawing, Unix milliseconds modulo 2^24.
    pub(crate) drawn: u32,
}

/// The luma of a screenshot.
#[derive(PartialEq)]
pub(crate) struct Screen {
    width: usize,
    height: usize,
    luma: Vec<u8>,
}

impl Screen {
    /// Reads a PNG file.
    pub(crate) fn read(path: &Path) -> Self {
        let picture = image::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into_luma8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        Self { width, height, luma: picture.into_raw() }
    }

    /// Finds the test picture of `user` by its third row, which depends on the user alone. Size and place do not matter.
    pub(crate) fn find(&self, user: &str) -> Option<Seen> {
        let identity = with_checksum(crc32(user.as_bytes()) & 0xFF_FFFF);
        for y in 0..self.height {
            let runs = self.runs(y);
            for start in 0..runs.len() {
                if let Some((left, block)) = matches(&runs[start..], identity) {
                    return self.read_above(left, block, y as f64);
                }
            }
        }
        None
    }

    /// The runs of equal pixels in line `y`, as (start, length, white).
    fn runs(&self, y: usize) -> Vec<(usize, usize, bool)> {
        let line = &self.luma[y * self.width..(y + 1) * self.width];
        let mut runs: Vec<(usize, usize, bool)> = Vec::new();
        for (x, luma) in line.iter().enumerate() {
            let white = *luma >= 128;
            match runs.last_mut() {
                Some(last) if last.2 == white => last.1 += 1,
                _ => runs.push((x, 1, white)),
            }
        }
        runs
    }

    /// Reads rows 1 and 0, two and four blocks above row 2, whose upper edge is at `y`.
    fn read_above(&self, left: f64, block: f64, y: f64) -> Option<Seen> {
        let row = |above: f64| {
            let middle = y - above * block + block / 2.0;
            let bit = |i: u32| self.at(left + (f64::from(i) + 0.5) * block, middle);
            let bits = (0..32).try_fold(0_u32, |bits, i| Some(bits << 1 | u32::from(bit(i)? >= 128)))?;
            (with_checksum(bits >> 8) == bits).then_some(bits >> 8)
        };
        Some(Seen { frame: row(4.0), drawn: row(2.0)? })
    }

    fn at(&self, x: f64, y: f64) -> Option<u8> {
        let inside = x >= 0.0 && y >= 0.0 && (x as usize) < self.width && (y as usize) < self.height;
        inside.then(|| self.luma[y as usize * self.width + x as usize])
    }
}

/// If the runs encode `bits`: the left edge and the width of a block. The first and the last run may be longer than their
/// bits, where the background has the same colour.
fn matches(runs: &[(usize, usize, bool)], bits: u32) -> Option<(f64, f64)> {
    let wanted = run_lengths(bits);
    if runs.len() < wanted.len() || runs[0].2 != (bits >> 31 == 1) {
        return None;
    }
    let inner = &runs[1..wanted.len() - 1];
    let inner_bits: usize = wanted[1..wanted.len() - 1].iter().sum();
    let block = inner.iter().map(|r| r.1).sum::<usize>() as f64 / inner_bits as f64;
    let fits = |have: usize, bits: usize| (have as f64 - bits as f64 * block).abs() <= block * 0.35;
    let alike = block >= 3.0 && inner.iter().zip(&wanted[1..]).all(|(run, bits)| fits(run.1, *bits));
    alike.then(|| (runs[1].0 as f64 - wanted[0] as f64 * block, block))
}

/// The lengths of runs of equal bits, most significant bit first.
fn run_lengths(bits: u32) -> Vec<usize> {
    let mut lengths = vec![1];
    for i in (0..31).rev() {
        match lengths.last_mut() {
            Some(last) if (bits >> i) & 1 == (bits >> (i + 1)) & 1 => *last += 1,
            _ => lengths.push(1),
        }
    }
    lengths
}

fn with_checksum(value: u32) -> u32 {
    let mut crc = 0_u8;
    for byte in &value.to_be_bytes()[1..] {
        crc ^= byte;
        for _ in 0..8 {
            crc = if crc & 0x80 == 0 { crc << 1 } else { crc << 1 ^ 0x07 };
        }
    }
    value << 8 | u32::from(crc)
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xEDB8_8320 })
    };
    !bytes.iter().fold(!0, step)
}
