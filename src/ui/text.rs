//! The type scale, and text: `add_…` lets egui place it, the others paint at a point. All texts of the window pass
//! through this file, which puts those of right-to-left scripts in order.

mod linked;

pub(super) use linked::add_linked;

use crate::ui::bidi::{self, Piece};
use crate::ui::fonts;
use egui::text::{ByteIndex, LayoutJob, LayoutSection, TextFormat, TextWrapping};
use egui::{
    Align, Align2, Color32, FontId, Galley, Id, Pos2, Rect, Response, RichText, Sense, Ui, WidgetInfo, accesskit,
    accesskit::Role, vec2,
};
use std::ops::Range;
use std::sync::Arc;

/// One step of the type scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Type {
    family: &'static str,
    pub(super) size: f32,
    pub(super) line: f32,
    spacing: f32,
}

const fn scale(family: &'static str, size: f32, line: f32, spacing: f32) -> Type {
    Type { family, size, line, spacing }
}

// egui sets text without kerning: titles are spaced more tightly than in the design's tokens, so that their widths
// match.
pub(super) const HERO: Type = scale(fonts::DISPLAY, 44.0, 50.0, -1.35);
pub(super) const DISPLAY: Type = scale(fonts::DISPLAY, 32.0, 40.0, -0.65);
pub(super) const MODAL_TITLE: Type = scale(fonts::DISPLAY, 24.0, 30.0, -0.4);
pub(super) const TITLE: Type = scale(fonts::DISPLAY, 22.0, 28.0, -0.45);
pub(super) const BRAND: Type = scale(fonts::DISPLAY, 20.0, 26.0, -0.6);
pub(super) const LEAD_LARGE: Type = scale(fonts::REGULAR, 17.0, 26.0, 0.0);
pub(super) const LEAD: Type = scale(fonts::REGULAR, 15.0, 23.0, 0.0);
pub(super) const BUTTON_LARGE: Type = scale(fonts::SEMIBOLD, 16.0, 22.0, 0.0);
pub(super) const NAME: Type = scale(fonts::SEMIBOLD, 17.0, 24.0, 0.0);
pub(super) const HEADING: Type = scale(fonts::SEMIBOLD, 15.0, 20.0, 0.0);
pub(super) const FIELD: Type = scale(fonts::REGULAR, 15.0, 20.0, 0.0);
pub(super) const BODY: Type = scale(fonts::REGULAR, 14.0, 20.0, 0.0);
pub(super) const BODY_STRONG: Type = scale(fonts::SEMIBOLD, 14.0, 20.0, 0.0);
pub(super) const LABEL: Type = scale(fonts::MEDIUM, 13.0, 18.0, 0.0);
/// Words in chips, and in a choice of a few words.
pub(super) const CHIP: Type = scale(fonts::MEDIUM, 12.5, 18.0, 0.0);
pub(super) const LABEL_STRONG: Type = scale(fonts::SEMIBOLD, 13.0, 18.0, 0.0);
pub(super) const SMALL: Type = scale(fonts::REGULAR, 13.0, 18.0, 0.0);
pub(super) const CAPTION: Type = scale(fonts::REGULAR, 12.0, 16.0, 0.0);
pub(super) const CAPS: Type = scale(fonts::SEMIBOLD, 12.0, 16.0, 0.7);
pub(super) const TOOL: Type = scale(fonts::MEDIUM, 12.0, 14.0, 0.0);
pub(super) const MONO: Type = scale(fonts::MONO, 12.5, 18.0, 0.0);
/// The exact line below a sentence, for support.
pub(super) const MONO_SMALL: Type = scale(fonts::MONO, 12.0, 18.0, 0.0);
pub(super) const MONO_STRONG: Type = scale(fonts::MONO_SEMIBOLD, 14.0, 20.0, 0.0);
pub(super) const MONO_TOTAL: Type = scale(fonts::MONO_SEMIBOLD, 18.0, 24.0, 0.0);

impl Type {
    pub(super) fn font(self) -> FontId {
        FontId::new(self.size, fonts::family(self.family))
    }

    /// The same weight in another size.
    pub(super) const fn sized(self, size: f32) -> Self {
        Self { size, line: (size * 1.25).round(), ..self }
    }

    fn format(self, color: Color32) -> TextFormat {
        TextFormat {
            extra_letter_spacing: self.spacing,
            line_height: Some(self.line),
            ..TextFormat::simple(self.font(), color)
        }
    }

    /// Text on one line.
    fn single(self, text: &str, color: Color32) -> LayoutJob {
        let mut job = LayoutJob::single_section(text.to_owned(), self.format(color));
        job.break_on_newline = false;
        job
    }

    /// Lines of pieces in the order in which they stand.
    fn ordered(self, lines: &[Vec<Piece>], color: Color32) -> LayoutJob {
        let mut job = LayoutJob::default();
        for (i, line) in lines.iter().enumerate() {
            let end = (i > 0).then_some("\n");
            for text in end.into_iter().chain(line.iter().map(|piece| piece.text.as_str())) {
                // Not `append`, which joins sections of one format: the shaper takes each section by itself.
                let begin = ByteIndex(job.text.len());
                job.text.push_str(text);
                let byte_range = begin..ByteIndex(job.text.len());
                job.sections.push(LayoutSection { leading_space: 0.0, byte_range, format: self.format(color) });
            }
        }
        job
    }
}

fn layout(ui: &Ui, job: LayoutJob) -> Arc<Galley> {
    ui.painter().layout_job(job)
}

/// The line `range` of a mixed text, which is written from right to left if `leftwards`.
fn ordered_line(
    ui: &Ui,
    (kind, color): (Type, Color32),
    text: &str,
    range: Range<usize>,
    leftwards: bool,
) -> Arc<Galley> {
    layout(ui, kind.ordered(&[bidi::pieces(text, range, leftwards)], color))
}

/// One line of text, cut with "…" where `width` ends.
fn line(ui: &Ui, kind: Type, color: Color32, text: &str, width: f32) -> Arc<Galley> {
    let width = width.max(1.0);
    if !bidi::is_mixed(text) {
        let mut job = kind.single(text, color);
        job.wrap = TextWrapping::truncate_at_width(width);
        return layout(ui, job);
    }
    let text = text.replace(['\n', '\r'], " ");
    let leftwards = bidi::is_leftwards(&text);
    let whole = |text: &str| ordered_line(ui, (kind, color), text, 0..text.len(), leftwards);
    let galley = whole(&text);
    if galley.size().x <= width {
        return galley;
    }
    let cuts = bidi::cuts(&text);
    let fits = cuts.partition_point(|end| whole(&bidi::elided(&text, *end)).size().x <= width);
    whole(&bidi::elided(&text, cuts.get(fits.saturating_sub(1)).copied().unwrap_or(0)))
}

/// Text that wraps at `width`. One that is written from right to left begins at the right.
fn lines(ui: &Ui, kind: Type, color: Color32, text: &str, width: f32, align: Align) -> Arc<Galley> {
    let mut job = if bidi::is_mixed(text) {
        let lines: Vec<_> = text.split('\n').flat_map(|paragraph| wrapped(ui, kind, paragraph, width)).collect();
        kind.ordered(&lines, color)
    } else {
        let mut job = LayoutJob::single_section(text.to_owned(), kind.format(color));
        job.wrap = TextWrapping { max_width: width, ..Default::default() };
        job
    };
    job.halign = align;
    layout(ui, job)
}

/// The lines of a paragraph of mixed text. They are broken in logical order, at spaces where that is possible.
fn wrapped(ui: &Ui, kind: Type, text: &str, width: f32) -> Vec<Vec<Piece>> {
    let leftwards = bidi::is_leftwards(text);
    let fits = |range: &Range<usize>| {
        let end = range.start + text[range.clone()].trim_end().len();
        ordered_line(ui, (kind, Color32::WHITE), text, range.start..end, leftwards).size().x <= width
    };
    let words: Vec<usize> = text
        .split_inclusive(' ')
        .scan(0, |end, word| {
            *end += word.len();
            Some(*end)
        })
        .collect();
    let (mut lines, mut start) = (Vec::new(), 0);
    while start < text.len() {
        let after = |ends: &[usize]| {
            ends.iter().copied().filter(|end| *end > start).take_while(|end| fits(&(start..*end))).last()
        };
        // A word that is wider than a line is broken inside.
        let end = after(&words)
            .or_else(|| after(&bidi::cuts(text)))
            .or_else(|| bidi::cuts(text).into_iter().find(|at| *at > start));
        let end = end.unwrap_or(text.len());
        let shown = start + text[start..end].trim_end().len();
        lines.push(bidi::pieces(text, start..shown, leftwards));
        start = end;
    }
    if lines.is_empty() { vec![Vec::new()] } else { lines }
}

/// The label that a screen reader reads: in logical order, as it is spoken.
fn label(response: &Response, text: &str) {
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, bidi::plain(text)));
}

/// The width that `text` takes on one line.
pub(super) fn width(ui: &Ui, kind: Type, text: &str) -> f32 {
    line(ui, kind, Color32::WHITE, text, f32::INFINITY).size().x
}

/// Paints `text` on one line, `anchor` of it at `at`, cut with "…" at `width`; not for screen readers.
pub(super) fn paint(ui: &Ui, at: Pos2, anchor: Align2, kind: Type, color: Color32, text: &str, width: f32) -> Rect {
    let galley = line(ui, kind, color, text, width);
    let rect = anchor.anchor_size(at, galley.size());
    ui.painter().galley(rect.min, galley, color);
    rect
}

/// The height of wrapped text.
pub(super) fn height(ui: &Ui, kind: Type, text: &str, width: f32) -> f32 {
    lines(ui, kind, Color32::WHITE, text, width, Align::Min).size().y
}

/// Paints text that wraps at `width`, its lines aligned to `top` and below it; not for screen readers.
pub(super) fn paint_lines(ui: &Ui, top: Pos2, align: Align, kind: Type, color: Color32, text: &str, width: f32) {
    let galley = lines(ui, kind, color, text, width, align);
    ui.painter().galley(top, galley, color);
}

/// Adds one line of text, cut with "…" where the space ends; a label for screen readers.
pub(super) fn add_line(ui: &mut Ui, kind: Type, color: Color32, text: &str) -> Response {
    let galley = line(ui, kind, color, text, ui.available_width());
    let response = ui.allocate_response(galley.size(), Sense::hover());
    label(&response, text);
    ui.painter().galley(response.rect.min, galley, color);
    response
}

/// Adds the same line without a label, for words that the control beside them has as its name.
pub(super) fn add_words(ui: &mut Ui, kind: Type, color: Color32, text: &str) {
    let galley = line(ui, kind, color, text, ui.available_width());
    let (_, rect) = ui.allocate_space(galley.size());
    ui.painter().galley(rect.min, galley, color);
}

/// Adds text that wraps where the space ends, aligned as the layout is; a label for screen readers.
pub(super) fn add_paragraph(ui: &mut Ui, kind: Type, color: Color32, text: &str) -> Response {
    let width = ui.available_width();
    let align = match ui.layout().horizontal_placement() {
        Align::Min if bidi::is_mixed(text) && bidi::is_leftwards(text) => Align::Max,
        align => align,
    };
    let galley = lines(ui, kind, color, text, width, align);
    let response = ui.allocate_response(vec2(width, galley.size().y), Sense::hover());
    label(&response, text);
    let at = Align2([align, Align::Min]).pos_in_rect(&response.rect);
    ui.painter().galley(at, galley, color);
    response
}

/// Shows `words` while the pointer rests on the control.
pub(super) fn hint(response: Response, words: &str) -> Response {
    if !bidi::is_mixed(words) {
        return response.on_hover_text(words);
    }
    let pieces = bidi::pieces(words, 0..words.len(), bidi::is_leftwards(words));
    response.on_hover_text(LABEL.ordered(&[pieces], Color32::PLACEHOLDER))
}

/// The words in an empty field; ours, which are written from left to right.
pub(super) fn placeholder(kind: Type, color: Color32, words: &str) -> RichText {
    RichText::new(words).font(kind.font()).color(color)
}

/// One line of text in a field.
pub(super) fn edited(ui: &Ui, kind: Type, color: Color32, text: &str) -> Arc<Galley> {
    EditedLine::new(ui, kind, color, text).map_or_else(|| layout(ui, kind.single(text, color)), |line| line.galley)
}

/// One line of mixed text that somebody types. It is painted in order, and each of its characters is where a text cursor
/// before it belongs, so that egui's cursor and selection follow the text as it is written.
pub(super) struct EditedLine {
    pub(super) galley: Arc<Galley>,
    /// The place of the cursor before each character, and behind the last one.
    carets: Vec<f32>,
}

impl EditedLine {
    /// Lays out a mixed text; `None` for another one, of which egui's own layout is right.
    pub(super) fn new(ui: &Ui, kind: Type, color: Color32, text: &str) -> Option<Self> {
        if !bidi::is_mixed(text) {
            return None;
        }
        let pieces = bidi::pieces(text, 0..text.len(), bidi::is_leftwards(text));
        let wide = |part: &str, leftwards| {
            let piece = Piece { at: 0..part.len(), text: part.to_owned(), leftwards };
            layout(ui, kind.ordered(&[vec![piece]], color)).size().x
        };
        let carets = carets(text, &pieces, wide);
        let mut galley = (*layout(ui, kind.ordered(&[pieces], color))).clone();
        let row = Arc::make_mut(&mut galley.rows.first_mut()?.row);
        let pattern = *row.glyphs.first()?;
        let places = text.chars().zip(carets.iter().zip(&carets[1..]));
        let glyph = |(chr, (from, to)): (char, (&f32, &f32))| {
            let mut glyph = pattern;
            (glyph.chr, glyph.pos.x, glyph.advance_width) = (chr, *from, to - from);
            glyph
        };
        row.glyphs = places.map(glyph).collect();
        row.size.x = *carets.last()?;
        Some(Self { galley: Arc::new(galley), carets })
    }

    /// The place for the cursor, as a number of characters, that is nearest to `x`.
    pub(super) fn nearest(&self, x: f32) -> usize {
        let away = |i: &usize| (self.carets[*i] - x).abs();
        (0..self.carets.len()).min_by(|a, b| away(a).total_cmp(&away(b))).unwrap_or(0)
    }
}

/// The place of a cursor before each character of `text`, and behind the last one, by the width of parts.
fn carets(text: &str, pieces: &[Piece], wide: impl Fn(&str, bool) -> f32) -> Vec<f32> {
    let mut carets: Vec<Option<f32>> = vec![None; text.len() + 1];
    let (mut x, mut last) = (0.0, (0, 0.0));
    for piece in pieces {
        let width = wide(&piece.text, piece.leftwards);
        let place = |before: f32| if piece.leftwards { x + width - before } else { x + before };
        let characters = text[piece.at.clone()].char_indices();
        for ((within, _), shown) in characters.zip(piece.text.char_indices().map(|(at, _)| at)) {
            let before = if shown == 0 { 0.0 } else { wide(&piece.text[..shown], piece.leftwards) };
            carets[piece.at.start + within] = Some(place(before));
        }
        if piece.at.end >= last.0 {
            last = (piece.at.end, place(width));
        }
        x += width;
    }
    carets[text.len()] = Some(last.1);
    // Characters that are not shown are where the next one is.
    let mut next = last.1;
    for caret in carets.iter_mut().rev() {
        next = *caret.get_or_insert(next);
    }
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.filter_map(|at| carets[at]).collect()
}

/// Lets screen readers say a text that is not shown, when they have said what they are saying.
pub(super) fn announce_politely(ui: &Ui, rect: Rect, text: &str) {
    let id = Id::unique("polite announcement");
    label(&ui.interact(rect, id, Sense::hover()), text);
    ui.ctx().accesskit_node_builder(id, |node| node.set_live(accesskit::Live::Polite));
}

/// Puts text that was drawn at `rect` into the accessibility tree.
pub(super) fn announce(ui: &mut Ui, rect: Rect, text: &str) {
    let id = ui.next_auto_id();
    ui.skip_ahead_auto_ids(1);
    label(&ui.interact(rect, id, Sense::hover()), text);
}

/// Adds an icon in the middle of a box of that size.
pub(super) fn add_icon(ui: &mut Ui, place: [f32; 2], size: f32, color: Color32, icon: char) {
    let (_, rect) = ui.allocate_space(place.into());
    paint_icon(ui, fonts::ICONS, rect.center(), size, color, icon);
}

/// Adds a filled icon in the middle of a box of that size.
pub(super) fn add_icon_fill(ui: &mut Ui, place: [f32; 2], size: f32, color: Color32, icon: char) {
    let (_, rect) = ui.allocate_space(place.into());
    paint_icon(ui, fonts::ICONS_FILL, rect.center(), size, color, icon);
}

/// Paints an icon with its middle at `at`.
pub(super) fn icon(ui: &Ui, at: Pos2, size: f32, color: Color32, icon: char) {
    paint_icon(ui, fonts::ICONS, at, size, color, icon);
}

/// Paints a filled icon.
pub(super) fn icon_fill(ui: &Ui, at: Pos2, size: f32, color: Color32, icon: char) {
    paint_icon(ui, fonts::ICONS_FILL, at, size, color, icon);
}

/// Paints a bold icon, for filled buttons.
pub(super) fn icon_bold(ui: &Ui, at: Pos2, size: f32, color: Color32, icon: char) {
    paint_icon(ui, fonts::ICONS_BOLD, at, size, color, icon);
}

fn paint_icon(ui: &Ui, family: &'static str, at: Pos2, size: f32, color: Color32, icon: char) {
    let font = FontId::new(size, fonts::family(family));
    ui.painter().text(at, Align2::CENTER_CENTER, icon, font, color);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In a window with the fonts of the program and of the system.
    fn in_window(test: impl Fn(&mut Ui)) {
        let ctx = egui::Context::default();
        fonts::install(&ctx);
        let frame = |show: &dyn Fn(&mut Ui)| {
            let mut output = ctx.run_ui(egui::RawInput::default(), |ui| show(ui));
            output.textures_delta.clear();
        };
        // A font of the system is there from the frame on after the one that needed it.
        for _ in 0..2 {
            frame(&|ui| {
                [NAME, BODY, FIELD].into_iter().for_each(|kind| drop(line(ui, kind, Color32::WHITE, "אم…", 99.0)))
            });
        }
        frame(&test);
    }

    /// The characters of each row from left to right, as they are painted; those of a word of letters that are joined
    /// have the word's direction.
    fn rows(galley: &Galley) -> Vec<String> {
        let row = |row: &egui::epaint::text::PlacedRow| {
            let mut glyphs: Vec<_> = row.glyphs.iter().filter(|g| g.advance_width > 0.0).collect();
            glyphs.sort_by(|a, b| a.pos.x.total_cmp(&b.pos.x));
            glyphs.iter().map(|g| g.chr).collect()
        };
        galley.rows.iter().map(row).collect()
    }

    #[test]
    fn words_and_brackets_of_a_name_stand_in_the_order_of_its_script() {
        in_window(|ui| {
            let painted = |text: &str| rows(&line(ui, NAME, Color32::WHITE, text, f32::INFINITY)).concat();
            // From left to right, so the first letter of the first word is the last.
            assert_eq!(painted("דנה כהן"), "ןהכ הנד");
            assert_eq!(painted("שלום (Mina)"), "(Mina) םולש");
            assert_eq!(painted("Mina (דנה כהן) 7"), "Mina (ןהכ הנד) 7");
            assert_eq!(painted("\u{2068}דנה כהן\u{2069} left"), "ןהכ הנד left");
            assert_eq!(painted("Mina Park"), "Mina Park");
        });
    }

    #[test]
    fn arabic_letters_are_joined_in_each_word() {
        in_window(|ui| {
            let forms = |text: &str| {
                let galley = line(ui, NAME, Color32::WHITE, text, f32::INFINITY);
                let letters =
                    galley.rows[0].glyphs.iter().filter(|glyph| glyph.chr == 'م' && glyph.advance_width > 0.0);
                letters.map(|glyph| (glyph.uv_rect.min, glyph.uv_rect.max)).collect::<Vec<_>>()
            };
            let (alone, joined) = (forms("م"), forms("محمد علي"));
            assert!(joined.len() == 2 && !joined.contains(&alone[0]), "is a font with Arabic letters installed?");
            let wide = |text: &str| width(ui, NAME, text);
            let two = wide("محمد علي") - wide("محمد") - wide("علي");
            assert!((two - wide("a b") + wide("a") + wide("b")).abs() < 1.5, "a space of {two} between the words");
        });
    }

    #[test]
    fn a_long_name_loses_its_end_not_its_beginning() {
        in_window(|ui| {
            let name = "דנה כהן לוי מזרחי פרץ ביטון";
            let painted = |text: &str, width: f32| {
                let galley = line(ui, NAME, Color32::WHITE, text, width);
                assert!(galley.size().x <= width, "{} > {width}", galley.size().x);
                rows(&galley).concat()
            };
            let cut = painted(name, 90.0);
            assert!(cut.starts_with('…') && cut.ends_with("הנד"), "{cut}");
            // In a sentence of ours, which is written from left to right, the end is at the right.
            let cut = painted(&format!("{} left", bidi::isolate(name)), 90.0);
            assert!(cut.ends_with("הנד…"), "{cut}");
        });
    }

    #[test]
    fn a_long_text_is_broken_in_the_order_in_which_it_is_read() {
        in_window(|ui| {
            let text = "שלום לכולם, הפגישה (Design review) מתחילה בשעה 12:30 בחדר הגדול";
            let galley = lines(ui, BODY, Color32::WHITE, text, 160.0, Align::Min);
            let rows = rows(&galley);
            assert!(rows.len() > 2 && galley.size().x <= 160.0, "{rows:?}");
            assert!(rows[0].ends_with("םולש") && rows[0].contains(",םלוכל"), "{rows:?}");
            assert!(rows.concat().contains("12:30") && rows.concat().contains("Design"), "{rows:?}");
            assert!(rows.last().is_some_and(|last| last.starts_with("לודגה")), "{rows:?}");
            // A word that is wider than the line is broken, and nothing is lost.
            let long = "א".repeat(40);
            let broken = lines(ui, BODY, Color32::WHITE, &long, 100.0, Align::Min);
            assert_eq!(broken.rows.iter().map(|row| row.glyphs.len()).sum::<usize>() >= 40, broken.rows.len() > 1);
        });
    }

    #[test]
    fn the_cursor_stands_where_the_next_letter_is_written() {
        in_window(|ui| {
            let edited = |text: &str| EditedLine::new(ui, FIELD, Color32::WHITE, text).expect("mixed text");
            assert!(EditedLine::new(ui, FIELD, Color32::WHITE, "Mina").is_none());
            let line = edited("דנה כהן");
            let width = line.galley.size().x;
            assert!(line.carets.is_sorted_by(|a, b| a > b), "{:?}", line.carets);
            assert!((line.carets[0] - width).abs() < 1.0 && line.carets[7].abs() < 0.1, "{:?}", line.carets);
            assert_eq!((line.nearest(-5.0), line.nearest(width + 5.0)), (7, 0));
            assert_eq!(line.nearest(line.carets[3]), 3);
            assert_eq!(line.galley.rows[0].glyphs.len(), 7, "one for each character, for egui's cursor");
            assert_eq!(line.galley.end().index.0, 7);
            let line = edited("ab דנה");
            assert!(line.carets[0] < line.carets[1] && line.carets[1] < line.carets[3], "{:?}", line.carets);
            assert!(line.carets[4] > line.carets[5], "{:?}", line.carets);
            // Joined letters, and one that no glyph shows.
            assert_eq!(edited("محمد\u{2069} علي").carets.len(), 10);
        });
    }
}
