//! The order of right-to-left and mixed texts on the screen: the Unicode Bidirectional Algorithm (UAX #9).
//!
//! egui shapes each run of characters, so that Arabic letters are joined, but places the runs from left to right. This
//! file cuts a line into pieces in the order in which they stand, and `text` lays each out as a section of its own.

use std::borrow::Cow;
use std::ops::Range;
use unicode_bidi::{BidiClass, BidiInfo, Level, bidi_class};
use unicode_bidi_mirroring::get_mirrored;
use unicode_segmentation::UnicodeSegmentation;

/// FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE.
const ISOLATE: char = '\u{2068}';
const POP: char = '\u{2069}';

/// A part of a line that the shaper takes as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it is in the text, in bytes.
    pub(super) at: Range<usize>,
    /// Its characters in logical order; brackets of a right-to-left part are mirrored.
    pub(super) text: String,
    /// Whether it is written from right to left.
    pub(super) leftwards: bool,
}

/// Whether a text has characters that are not written from left to right. All others need no order.
pub(super) fn is_mixed(text: &str) -> bool {
    use BidiClass as C;
    let other = |c| matches!(bidi_class(c), C::R | C::AL | C::AN);
    text.chars().any(|c| c >= '\u{590}' && other(c))
}

/// Whether the text as a whole is written from right to left: its first strong character is (rules P2 and P3).
pub(super) fn is_leftwards(text: &str) -> bool {
    level(text).is_rtl()
}

/// The level of the first paragraph.
fn level(text: &str) -> Level {
    BidiInfo::new(&without_overrides(text), None).paragraphs.first().map_or(Level::ltr(), |paragraph| paragraph.level)
}

/// A name, or another text of somebody, for a sentence of ours: its direction does not change that of the sentence, nor
/// does the sentence's change its own.
pub(super) fn isolate(text: &str) -> Cow<'_, str> {
    if !is_mixed(text) {
        return text.into();
    }
    // It must not end the isolate by itself.
    let inside = text.chars().filter(|c| !is_formatting(bidi_class(*c)));
    [ISOLATE].into_iter().chain(inside).chain([POP]).collect::<String>().into()
}

/// The text with a space without width, of the same length, for each character that forces a direction: texts of others
/// stand as they are read. Our own isolates stay.
fn without_overrides(text: &str) -> Cow<'_, str> {
    const FORCING: [char; 7] = ['\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}'];
    if text.contains(FORCING) { text.replace(FORCING, "\u{200b}").into() } else { text.into() }
}

/// The text without the characters of [`isolate`], for screen readers and tests.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if text.contains([ISOLATE, POP]) { text.replace([ISOLATE, POP], "").into() } else { text.into() }
}

/// Cuts the beginning of `text`, up to `end`, off and appends "…" to it, outside of every isolate that the cut opened.
pub(super) fn elided(text: &str, end: usize) -> String {
    let begin = text[..end].trim_end();
    let mut open = 0_usize;
    for c in begin.chars() {
        match bidi_class(c) {
            BidiClass::FSI | BidiClass::LRI | BidiClass::RLI => open += 1,
            BidiClass::PDI => open = open.saturating_sub(1),
            _ => {}
        }
    }
    format!("{begin}{}…", POP.to_string().repeat(open))
}

/// The places at which a text may be cut: before each grapheme cluster.
pub(super) fn cuts(text: &str) -> Vec<usize> {
    text.grapheme_indices(true).map(|(at, _)| at).collect()
}

/// The pieces of the line `line` of `text` from left to right. `text` is one paragraph; it is written from right to left
/// if `leftwards`.
pub(super) fn pieces(text: &str, line: Range<usize>, leftwards: bool) -> Vec<Piece> {
    let base = if leftwards { Level::rtl() } else { Level::ltr() };
    let free = without_overrides(text);
    let info = BidiInfo::new(&free, Some(base));
    let mut pieces = Vec::new();
    for paragraph in info.paragraphs.iter().filter(|p| p.range.start < line.end && line.start < p.range.end) {
        let line = line.start.max(paragraph.range.start)..line.end.min(paragraph.range.end);
        let (levels, runs) = info.visual_runs(paragraph, line);
        for run in runs {
            let leftwards = levels.get(run.start).is_some_and(Level::is_rtl);
            let before = pieces.len();
            cut_run(text, run, leftwards, &mut pieces);
            if leftwards {
                pieces[before..].reverse();
            }
        }
    }
    pieces
}

/// The pieces of a run in logical order. A word of a right-to-left script is one, and so is a run from left to right.
/// Between those words each character is one: the shaper would set several of them from left to right.
fn cut_run(text: &str, run: Range<usize>, leftwards: bool, pieces: &mut Vec<Piece>) {
    let mut joins = false;
    for (at, cluster) in text[run.clone()].grapheme_indices(true) {
        let at = run.start + at..run.start + at + cluster.len();
        let Some(first) = cluster.chars().next() else { continue };
        let class = bidi_class(first);
        if is_formatting(class) {
            continue;
        }
        // Digits of other scripts: the shaper would take some of them for letters, and reverse them.
        let digit = matches!(class, BidiClass::EN | BidiClass::AN) && !first.is_ascii();
        let word = if leftwards { matches!(class, BidiClass::R | BidiClass::AL) } else { !digit };
        match pieces.last_mut().filter(|last| joins && word && last.at.end <= at.start) {
            Some(last) => {
                last.at.end = at.end;
                last.text.push_str(cluster);
            }
            None => {
                let mirrored = get_mirrored(first).filter(|_| leftwards && cluster.len() == first.len_utf8());
                let text = mirrored.map_or_else(|| cluster.to_owned(), String::from);
                pieces.push(Piece { at, text, leftwards });
            }
        }
        joins = word;
    }
}

/// Whether characters of this class only say in which direction the others are written.
const fn is_formatting(class: BidiClass) -> bool {
    use BidiClass as C;
    matches!(class, C::LRE | C::RLE | C::LRO | C::RLO | C::PDF | C::LRI | C::RLI | C::FSI | C::PDI)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a whole text, from left to right.
    fn shown(text: &str) -> Vec<String> {
        pieces(text, 0..text.len(), is_leftwards(text)).into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn the_first_word_of_a_right_to_left_name_stands_at_the_right() {
        assert_eq!(shown("محمد علي"), ["علي", " ", "محمد"]);
        assert_eq!(shown("محمد بن علي"), ["علي", " ", "بن", " ", "محمد"]);
        assert_eq!(shown("Mina Park"), ["Mina Park"]);
        assert!(!is_mixed("Mina Łukasz 李雪 😀 e\u{301}") && is_mixed("Mina שלום"));
    }

    #[test]
    fn mixed_names_have_their_parts_in_order_and_their_brackets_mirrored() {
        // From the right: the word, "(Mina)".
        assert_eq!(shown("שלום (Mina)"), ["(", "Mina", ")", " ", "שלום"]);
        assert_eq!(shown("(שלום)"), ["(", "שלום", ")"]);
        // An English name with a Hebrew one behind it is written from left to right.
        assert_eq!(shown("Mina (שלום כהן)"), ["Mina (", "כהן", " ", "שלום", ")"]);
        assert_eq!(shown("דנה 42 כהן"), ["כהן", " ", "42", " ", "דנה"]);
    }

    #[test]
    fn digits_of_each_script_keep_their_order() {
        let digits = |text: &str| shown(text).concat();
        assert!(digits("علي ١٢٣").starts_with("١٢٣"), "Arabic-Indic");
        assert!(digits("علی ۱۲۳").starts_with("۱۲۳"), "Persian");
        // The shaper gets each Persian digit alone.
        assert_eq!(shown("علی ۱۲۳"), ["۱", "۲", "۳", " ", "علی"]);
    }

    #[test]
    fn a_name_in_a_sentence_changes_nothing_else_of_it() {
        let name = isolate("محمد علي");
        let left = format!("{name} left");
        assert!(!is_leftwards(&left));
        assert_eq!(shown(&left), ["علي", " ", "محمد", " left"]);
        let two = format!("{}, {} and 2 others", isolate("דנה"), isolate("יוסי"));
        assert_eq!(shown(&two), ["דנה", ", ", "יוסי", " and 2 others"]);
        // Without isolates the comma would belong to the names, and change their places.
        assert_eq!(shown("דנה, יוסי"), ["יוסי", " ", ",", "דנה"]);
        assert_eq!(isolate("Mina Park"), "Mina Park");
        assert_eq!(plain(&left), "محمد علي left");
    }

    #[test]
    fn overrides_in_a_name_turn_nothing_round() {
        assert_eq!(shown("a\u{202e}txt.exe"), ["atxt.exe"]);
        assert_eq!(shown("אב \u{202e}gpj.exe\u{202c}"), ["gpj.exe", " ", "אב"]);
        assert_eq!(shown("\u{2067}a b\u{2069} c"), ["a b c"]);
        let left = format!("{} left", isolate("אב\u{2069} גד\u{202e}"));
        assert_eq!(left, "\u{2068}אב גד\u{2069} left");
    }

    #[test]
    fn a_cut_name_ends_with_its_ellipsis_in_its_own_direction() {
        let name = "محمد علي";
        let cut = elided(name, "محمد ".len());
        assert_eq!(cut, "محمد…");
        assert_eq!(shown(&cut), ["…", "محمد"]);
        let sentence = format!("{} left", isolate(name));
        let cut = elided(&sentence, "\u{2068}محمد ع".len());
        assert_eq!(shown(&cut), ["ع", " ", "محمد", "…"], "at the right, as in all our sentences");
    }

    #[test]
    fn marks_stay_with_their_letters_and_emoji_whole() {
        assert_eq!(shown("שָׁלוֹם 👨\u{200d}👩\u{200d}👧"), ["👨\u{200d}👩\u{200d}👧", " ", "שָׁלוֹם"]);
        assert_eq!(cuts("e\u{301}שָׁ"), [0, 3]);
    }

    #[test]
    fn every_byte_is_in_one_piece() {
        for text in ["a", "", "שלום (Mina) 12", "ab ١٢ \u{2068}גד\u{2069}, x", "\u{202e}אב\u{202c}c"] {
            let mut all: Vec<_> = pieces(text, 0..text.len(), is_leftwards(text)).into_iter().map(|p| p.at).collect();
            all.sort_by_key(|at| at.start);
            let shown = |text: &str| text.chars().filter(|c| !is_formatting(bidi_class(*c))).count();
            let covered: usize = all.iter().map(|at| shown(&text[at.clone()])).sum();
            assert_eq!(covered, shown(text), "{text:?}");
            assert!(all.windows(2).all(|two| two[0].end <= two[1].start), "{text:?}: {all:?}");
        }
    }
}
