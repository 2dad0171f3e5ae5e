//! Draws the test page: a white page of small text, as people share it, with the three rows of blocks at its top.

use super::blocks::{self, BLACK, ROWS, WHITE};
use super::identity_code;
use crate::base::{Plane, VideoFrame, VideoFrameError};
use ab_glyph::{Font, FontRef, Glyph, ScaleFont, point};

/// Width and height of the page in pixels.
pub(crate) const PAGE_SIZE: (u32, u32) = (1920, 1080);
/// Size of the text: 10 points at 96 dots an inch, in pixels from one line of close text to the next.
const TEXT_PX: f32 = 10.0 / 72.0 * 96.0;
/// Pixels from one line to the next.
const LINE: usize = 19;
/// Left edges of the columns of text.
const COLUMNS: [usize; 3] = [40, 670, 1300];
/// A column shows the text from this many lines after the column before.
const COLUMN_LINES: u64 = 40;
/// Seconds in which the page scrolls, and as many in which it stands still.
const PHASE_S: u64 = 10;

/// The characters that the text uses.
const CHARACTERS: std::ops::RangeInclusive<char> = ' '..='~';

const FONT: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/fonts/JetBrainsMono-Regular.ttf"));

/// The text. Line `n` of the page is its number and one of these.
const SENTENCES: [&str; 16] = [
    "The committee meets on Tuesday at half past nine in the large hall.",
    "Please send the figures of the second quarter before Friday noon.",
    "A quick brown fox jumps over the lazy dog, and nobody minds it.",
    "let total = prices.iter().map(|p| p.cents * 107 / 100).sum();",
    "Invoice 20417: 3 chairs, 1 desk, 12 lamps; total 1,846.50 euros.",
    "if (queue.length > 64) { queue.shift(); dropped += 1; }",
    "Water boils at 100 degrees, and at 93 degrees on that mountain.",
    "Section 4.2 describes how a lost connection is resumed in time.",
    "Zurich, Quito, Kyoto and Havana were visited by the exhibition.",
    "SELECT name, born FROM people WHERE city = 'Oslo' ORDER BY born;",
    "The new bridge is 427 metres long, 18 wide, and opens in August.",
    "Exactly five wizards juggled heavy boxes of black quartz vases.",
    "We agreed to keep the old format for one more year, then stop.",
    "for line in sys.stdin: words.update(line.lower().split())",
    "Train 1753 leaves from platform 6 and reaches the coast by 8 pm.",
    "Milk, bread, two onions, a pound of rice, pepper, some apples.",
];

/// The number of the page's first line at a time: it grows by one a second, and stands still every other ten seconds.
pub(crate) const fn first_line(unix_ms: u64) -> u64 {
    let seconds = unix_ms / 1000;
    let within = seconds % (2 * PHASE_S);
    seconds / (2 * PHASE_S) * PHASE_S + if within < PHASE_S { within } else { PHASE_S }
}

/// A character as it is drawn.
struct Mask {
    /// Offset from the left of its cell and from the top of its line.
    x: usize,
    y: usize,
    width: usize,
    /// How dark each pixel is.
    coverage: Vec<u8>,
}

/// Draws the test page of one identity.
pub(crate) struct PagePainter {
    identity: u32,
    /// By character, from the first of [`CHARACTERS`].
    masks: Vec<Option<Mask>>,
    /// Width of a character in pixels: all have the same.
    advance: usize,
}

impl PagePainter {
    /// Draws pages that carry `identity`.
    pub(crate) fn new(identity: &str) -> Self {
        let (mut masks, mut advance) = (Vec::new(), 8);
        if let Ok(font) = FontRef::try_from_slice(FONT) {
            let height = font.height_unscaled() / font.units_per_em().unwrap_or(1000.0);
            let scaled = font.as_scaled(TEXT_PX * height);
            advance = scaled.h_advance(scaled.glyph_id('m')).round().max(1.0) as usize;
            let ascent = scaled.ascent().round();
            masks = CHARACTERS.map(|c| mask(&font, scaled.scaled_glyph(c), ascent)).collect();
        }
        Self { identity: identity_code(identity), masks, advance }
    }

    /// Draws the page with this number and time of drawing, both modulo 2^24, from line `first` on. `timestamp_us` is its
    /// time of capture.
    pub(crate) fn paint(
        &self,
        number: u32,
        first: u64,
        unix_ms: u64,
        timestamp_us: u64,
    ) -> Result<VideoFrame, VideoFrameError> {
        let (width, height) = (PAGE_SIZE.0 as usize, PAGE_SIZE.1 as usize);
        let mut luma = vec![WHITE; width * height];
        let time = (unix_ms % u64::from(blocks::MODULUS)) as u32;
        for (r, value) in [number, time, self.identity].into_iter().enumerate() {
            blocks::draw(&mut luma, width, r, value);
        }
        let top = blocks::lines(blocks::side(PAGE_SIZE.0), ROWS - 1).end + LINE;
        for (column, left) in (0..).zip(COLUMNS) {
            for (row, y) in (top..height - LINE).step_by(LINE).enumerate() {
                self.draw_line(&mut luma, left, y, &line(first + column * COLUMN_LINES + row as u64));
            }
        }
        let chroma = Plane { data: vec![128; width * height / 4], stride: width / 2 };
        let planes = [Plane { data: luma, stride: width }, chroma.clone(), chroma];
        VideoFrame::new(PAGE_SIZE.0, PAGE_SIZE.1, planes, timestamp_us)
    }

    fn draw_line(&self, luma: &mut [u8], left: usize, top: usize, text: &str) {
        let width = PAGE_SIZE.0 as usize;
        for (i, c) in text.chars().enumerate() {
            let place = (c as usize).wrapping_sub(*CHARACTERS.start() as usize);
            let Some(Some(mask)) = self.masks.get(place) else { continue };
            let x = left + i * self.advance + mask.x;
            for (row, coverage) in mask.coverage.chunks(mask.width).enumerate() {
                let at = (top + mask.y + row) * width + x;
                for (v, coverage) in luma[at..at + mask.width].iter_mut().zip(coverage) {
                    let dark = u16::from(WHITE - BLACK) * u16::from(*coverage) / 255;
                    *v = v.saturating_sub(dark as u8).max(BLACK);
                }
            }
        }
    }
}

/// Line `n` of the page.
fn line(n: u64) -> String {
    format!("{:04} {}", n % 10_000, SENTENCES[n as usize % SENTENCES.len()])
}

fn mask(font: &FontRef<'_>, mut glyph: Glyph, ascent: f32) -> Option<Mask> {
    // Room for what reaches over the left edge and the ascent.
    glyph.position = point(2.0, ascent + 2.0);
    let outlined = font.outline_glyph(glyph)?;
    let bounds = outlined.px_bounds();
    let (width, height) = (bounds.width().ceil() as usize, bounds.height().ceil() as usize);
    let mut coverage = vec![0; width * height];
    outlined.draw(|x, y, c| {
        if let Some(pixel) = coverage.get_mut(y as usize * width + x as usize) {
            *pixel = (c.clamp(0.0, 1.0) * 255.0).round() as u8;
        }
    });
    let side = |v: f32| v.max(0.0) as usize;
    Some(Mask { x: side(bounds.min.x), y: side(bounds.min.y), width: width.max(1), coverage })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testcard::read;

    #[test]
    fn the_page_scrolls_for_ten_seconds_and_stands_still_for_ten() {
        let start = 1_763_850_000_000u64;
        let first = first_line(start);
        let lines: Vec<u64> = (0..=40).map(|s| first_line(start + s * 1000 + 999) - first).collect();
        assert_eq!((lines[0], lines[5], lines[9], lines[10], lines[19], lines[20]), (0, 5, 9, 10, 10, 10));
        assert_eq!((lines[21], lines[30], lines[40]), (11, 20, 20));
        assert!(lines.windows(2).all(|pair| pair[1] - pair[0] <= 1));
    }

    #[test]
    fn the_rows_of_the_page_are_read_and_its_text_moves_by_a_line() {
        let painter = PagePainter::new("mina");
        let [one, two] = [0, 1].map(|n| painter.paint(n, 7 + u64::from(n), 5000, 9).expect("a page"));
        let reading = read(&two).expect("readable");
        assert_eq!((reading.frame, reading.time_ms24, reading.identity), (1, 5000, identity_code("mina")));
        assert_eq!((two.width(), two.height(), two.timestamp_us()), (1920, 1080, 9));
        let rows = |frame: &VideoFrame, from: usize| frame.plane(0).data[from * 1920..][..30 * LINE * 1920].to_vec();
        // From the second line on, which the first reaches into.
        let top = blocks::lines(blocks::side(1920), ROWS - 1).end + 2 * LINE;
        assert_ne!(rows(&one, top), rows(&two, top));
        assert!(rows(&one, top + LINE) == rows(&two, top), "scrolled");
        let dark = rows(&one, top).iter().filter(|v| **v < 100).count();
        assert!(dark > 10_000, "{dark} dark pixels: there is no text");
    }

    #[test]
    fn a_page_shows_every_letter_and_digit() {
        let all: String = SENTENCES.concat();
        for c in ('a'..='z').chain('0'..='9') {
            assert!(all.to_lowercase().contains(c), "{c}");
        }
        assert!(SENTENCES.iter().all(|s| s.len() + 5 <= 73 && s.chars().all(|c| CHARACTERS.contains(&c))));
        assert!(PagePainter::new("").masks.iter().filter(|m| m.is_some()).count() > 90);
    }
}
