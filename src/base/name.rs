//! Names and other text of strangers, made safe to show: in the window, in sentences, in a terminal.

/// Characters of a shown name at most; longer ones end in "…".
const SHOWN_CHARS: usize = 64;
/// Combining marks on one character at most: more of them reach into the lines above and below.
const MARKS: usize = 4;
/// The name of somebody whose name and identity have nothing that can be shown.
const NAMELESS: &str = "Guest";

/// The name under which a participant is shown: the display name, else the identity, without what [`visible`] removes.
/// Never empty, 65 characters at most.
pub(crate) fn shown_name(name: &str, identity: &str) -> String {
    let shown = [name, identity].into_iter().map(visible).find(|text| !text.is_empty());
    shortened(shown.unwrap_or_else(|| NAMELESS.to_owned()))
}

/// A text of 64 characters at most; a longer one ends in "…".
pub(super) fn shortened(text: String) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text,
    }
}

/// Text on one line without characters that are invisible or change what is around them (controls, bidi overrides and
/// isolates, zero-width and private characters), with single spaces. Joiners stay inside words: Persian and emoji need them.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut space, mut joiner, mut marks) = (false, None, 0);
    for c in text.chars() {
        if is_blank(c) {
            (space, joiner) = (true, None);
        } else if matches!(c, '\u{200c}' | '\u{200d}') {
            joiner = Some(c).filter(|_| !out.is_empty() && !space);
        } else if !is_unsafe(c) {
            marks = if is_mark(c) { marks + 1 } else { 0 };
            if marks > MARKS || (marks > 0 && (out.is_empty() || space)) {
                continue;
            }
            if std::mem::take(&mut space) && !out.is_empty() {
                out.push(' ');
            }
            out.extend(joiner.take());
            out.push(c);
        }
    }
    out
}

/// Text of several lines, each as [`visible`] makes it, without empty lines at its ends and with one at most between others.
pub(crate) fn visible_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_gap = false;
    for line in text.split(['\n', '\u{2028}', '\u{2029}']) {
        let line = visible(line);
        if line.is_empty() {
            is_gap = !out.is_empty();
            continue;
        }
        if !out.is_empty() {
            out.push_str(if std::mem::take(&mut is_gap) { "\n\n" } else { "\n" });
        }
        out.push_str(&line);
    }
    out
}

/// The beginning of a text, of so many bytes at most. No character is cut in two.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// JSON with the characters that a terminal might obey written as `\u` escapes: the same value, safe to print.
pub(crate) fn printable_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unsafe(c) {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character is a control, or invisible and of effect on others.
const fn is_unsafe(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}'
        | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
}

/// Whether a character leaves a gap: spaces, line ends, and letters without a shape.
const fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{115f}'..='\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}')
}

/// Whether a character is drawn onto the one before it.
const fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_shown_without_what_is_invisible_or_disturbs_others() {
        let shown = |name: &str| shown_name(name, "id-1");
        assert_eq!(shown("Mina\u{1b}[31m\u{7}\u{9b}2J Park\n"), "Mina[31m2J Park");
        assert_eq!(shown("gnp.\u{202e}kraP \u{2066}aniM\u{2069}\u{200f}"), "gnp.kraP aniM");
        assert_eq!(shown("Mi\u{200b}na\u{feff}\u{ad} \u{e0041}Park"), "Mina Park");
        assert_eq!(shown("\u{202e}\u{200b} \u{3164}"), "id-1", "nothing of it can be seen");
        assert_eq!(shown_name(" ", "\u{7}\n"), "Guest");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), 65);
        assert_eq!(shown("  Mina \t\u{2028} Park  "), "Mina Park");
    }

    #[test]
    fn names_of_all_scripts_stay_as_they_are() {
        for name in
            ["دانیال شریفی", "שרה לוי", "می\u{200c}نا", "👩\u{200d}🚀 Sam", "Tomás", "李雪", "Nguye\u{302}\u{303}n"]
        {
            assert_eq!(shown_name(name, "id"), name);
        }
        assert_eq!(visible("\u{200d}a\u{200d} \u{200c}b\u{200d}"), "a b", "a joiner with nothing to join");
        assert_eq!(visible(&format!("Z{}o", "\u{301}".repeat(50))).chars().count(), 6);
    }

    #[test]
    fn a_text_keeps_its_lines_and_nothing_that_disturbs() {
        assert_eq!(visible_lines("\n\r\n a \r\nb\u{202e}c\n\n\n\u{7}q\u{2028}e\n \n"), "a\nbc\n\nq\ne");
        assert_eq!(visible_lines(" \n\u{200b}"), "");
        assert_eq!((cut("añb", 1), cut("añb", 2), cut("añb", 3), cut("a", 9)), ("a", "a", "añ", "a"));
    }

    proptest! {
        #[test]
        fn any_name_is_shown_and_any_json_keeps_its_value(name in "\\PC*|[\u{0}-\u{a0}\u{2000}-\u{2070}]*", identity in ".*") {
            let shown = shown_name(&name, &identity);
            prop_assert!(!shown.trim().is_empty() && shown.chars().count() <= 65);
            prop_assert!(!shown.chars().any(|c| is_unsafe(c) || c.is_control()));
            prop_assert_eq!(visible(&shown), shown);
            let json = serde_json::to_string(&(&name, &identity)).expect("JSON");
            let printed = printable_json(&json);
            prop_assert!(!printed.chars().any(is_unsafe));
            prop_assert_eq!(serde_json::from_str::<(String, String)>(&printed).expect("JSON"), (name, identity));
        }
    }
}
