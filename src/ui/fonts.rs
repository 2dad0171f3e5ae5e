//! The fonts: Inter and JetBrains Mono for text, Phosphor for icons. Other scripts come from the system's fonts, which
//! are read only when a name needs them.

use egui::epaint::text::{FallbackRequest, FontInsert, FontPriority, InsertFontFamily};
use egui::{FontData, FontDefinitions, FontFamily};
use parking_lot::Mutex;
use std::sync::Arc;

pub(super) const REGULAR: &str = "Inter 400";
pub(super) const MEDIUM: &str = "Inter 500";
pub(super) const SEMIBOLD: &str = "Inter 600";
pub(super) const DISPLAY: &str = "Inter Display 600";
pub(super) const MONO: &str = "JetBrains Mono 400";
pub(super) const MONO_SEMIBOLD: &str = "JetBrains Mono 600";
pub(super) const ICONS: &str = "Phosphor";
pub(super) const ICONS_FILL: &str = "Phosphor Fill";
pub(super) const ICONS_BOLD: &str = "Phosphor Bold";

/// Families that are tried first for a character that our fonts lack.
const FALLBACKS: [&str; 13] = [
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Noto Sans",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Segoe UI",
    "Geeza Pro",
    "Arial Hebrew",
    "DejaVu Sans",
];

macro_rules! font {
    ($path:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/", $path)).as_slice()
    };
}

const FILES: [(&str, &[u8]); 9] = [
    (REGULAR, font!("fonts/Inter-Regular.ttf")),
    (MEDIUM, font!("fonts/Inter-Medium.ttf")),
    (SEMIBOLD, font!("fonts/Inter-SemiBold.ttf")),
    (DISPLAY, font!("fonts/InterDisplay-SemiBold.ttf")),
    (MONO, font!("fonts/JetBrainsMono-Regular.ttf")),
    (MONO_SEMIBOLD, font!("fonts/JetBrainsMono-SemiBold.ttf")),
    (ICONS, font!("icons/Phosphor.ttf")),
    (ICONS_FILL, font!("icons/Phosphor-Fill.ttf")),
    (ICONS_BOLD, font!("icons/Phosphor-Bold.ttf")),
];

/// The family of that name.
pub(super) fn family(name: &'static str) -> FontFamily {
    FontFamily::Name(name.into())
}

/// Installs our fonts. Each weight is a family of its own that falls back to Inter Regular.
pub(super) fn install(ctx: &egui::Context) {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in FILES {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
        let mut chain = vec![name.to_owned()];
        if name != REGULAR {
            chain.push(REGULAR.to_owned());
        }
        fonts.families.insert(family(name), chain);
    }
    fonts.families.insert(FontFamily::Proportional, vec![REGULAR.to_owned()]);
    fonts.families.insert(FontFamily::Monospace, vec![MONO.to_owned(), REGULAR.to_owned()]);
    ctx.set_fonts(fonts);
    let system = SystemFonts::default();
    ctx.add_font_provider(Arc::new(move |request: &FallbackRequest<'_>| system.font_for(request)));
}

/// The system's fonts, read at the first character that needs them.
#[derive(Default)]
struct SystemFonts {
    database: Mutex<Option<fontdb::Database>>,
}

impl SystemFonts {
    fn font_for(&self, request: &FallbackRequest<'_>) -> Option<FontInsert> {
        let character = request.cluster.chars().next()?;
        let mut database = self.database.lock();
        let database = database.get_or_insert_with(|| {
            let mut database = fontdb::Database::new();
            database.load_system_fonts();
            database
        });
        let preferred = FALLBACKS.iter().filter_map(|family| {
            let families = [fontdb::Family::Name(family)];
            database.query(&fontdb::Query { families: &families, ..Default::default() })
        });
        let others = database.faces().map(|face| face.id);
        let id = preferred.chain(others).find(|id| has_glyph(database, *id, character))?;
        let (name, index) = (database.face(id)?.post_script_name.clone(), database.face(id)?.index);
        let bytes = database.with_face_data(id, |data, _| data.to_vec())?;
        let mut data = FontData::from_owned(bytes);
        data.index = index;
        tracing::debug!(%name, ?character, "using a font of the system");
        // One weight serves all: a CJK font takes tens of megabytes.
        let families = FILES.iter().filter(|(n, _)| !n.starts_with("Phosphor")).map(|(n, _)| family(n));
        let families = families.map(|family| InsertFontFamily { family, priority: FontPriority::Lowest }).collect();
        Some(FontInsert { name, data, families })
    }
}

fn has_glyph(database: &fontdb::Database, id: fontdb::ID, character: char) -> bool {
    let glyph = |data: &[u8], index: u32| {
        let face = ttf_parser::Face::parse(data, index).ok()?;
        face.glyph_index(character)
    };
    database.with_face_data(id, glyph).flatten().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_is_in_every_weight() {
        let source = include_str!("icons.rs");
        let points: Vec<char> = source
            .split("'\\u{")
            .skip(1)
            .filter_map(|rest| char::from_u32(u32::from_str_radix(rest.get(..4)?, 16).ok()?))
            .collect();
        assert!(points.len() > 30);
        for (name, bytes) in FILES.iter().filter(|(n, _)| n.starts_with("Phosphor")) {
            let face = ttf_parser::Face::parse(bytes, 0).expect("an icon font");
            for point in &points {
                assert!(face.glyph_index(*point).is_some(), "{name} lacks {point:?}: run assets/subset.sh");
            }
        }
    }

    #[test]
    fn the_text_fonts_have_the_letters_of_european_names() {
        for (name, bytes) in FILES.iter().filter(|(n, _)| n.starts_with("Inter")) {
            let face = ttf_parser::Face::parse(bytes, 0).expect("a text font");
            for c in "Tomás Łukasz Şeyma Đặng Ελένη Владимир “quoted” … € — →".chars() {
                assert!(face.glyph_index(c).is_some(), "{name} lacks {c:?}");
            }
        }
    }
}
