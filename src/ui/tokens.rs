//! The design's tokens: the colours, the sizes and times that views share. The tests at the end check the contrast of
//! each pair of colours.

use egui::{Color32, CornerRadius, Shadow};

/// The colours of one theme.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Palette {
    /// Background of the window.
    pub(super) canvas: Color32,
    /// Bars, cards that lie flat.
    pub(super) surface: Color32,
    /// Cards, menus, tiles without video.
    pub(super) raised: Color32,
    /// Buttons at rest.
    pub(super) control: Color32,
    /// Buttons under the pointer.
    pub(super) control_hover: Color32,
    /// Buttons while pressed.
    pub(super) control_active: Color32,
    /// Hairlines; decoration only.
    pub(super) border: Color32,
    /// Edges that must be seen: fields, switches.
    pub(super) border_strong: Color32,
    /// Main text.
    pub(super) text: Color32,
    /// Second text.
    pub(super) text_2: Color32,
    /// Captions, times.
    pub(super) text_3: Color32,
    /// The main action of a screen, and selected items.
    pub(super) accent: Color32,
    pub(super) accent_hover: Color32,
    pub(super) accent_pressed: Color32,
    /// Text on `accent`.
    pub(super) on_accent: Color32,
    /// `accent` as text.
    pub(super) accent_text: Color32,
    /// `accent` as a background.
    pub(super) accent_soft: Color32,
    /// Speaking, connected, confirmed.
    pub(super) live: Color32,
    pub(super) live_text: Color32,
    pub(super) live_soft: Color32,
    /// Leave; nothing else is filled red.
    pub(super) danger: Color32,
    pub(super) danger_hover: Color32,
    pub(super) danger_pressed: Color32,
    /// Text on `danger`.
    pub(super) on_danger: Color32,
    /// Text of states that are off or failed.
    pub(super) danger_text: Color32,
    pub(super) danger_soft: Color32,
    /// Weak, waiting, busy.
    pub(super) warn: Color32,
    pub(super) warn_text: Color32,
    pub(super) warn_soft: Color32,
    /// Messages that are neither warnings nor errors.
    pub(super) info: Color32,
    pub(super) info_text: Color32,
    pub(super) info_soft: Color32,
    /// The focus ring.
    pub(super) focus: Color32,
    /// Only the lamp of a device that is open.
    pub(super) lamp: Color32,
    /// The mark, left half.
    pub(super) mark_left: Color32,
    /// The mark, right half.
    pub(super) mark_right: Color32,
    /// Behind the avatar of somebody whose camera is off.
    pub(super) camera_off: Color32,
    /// Over everything behind a dialog.
    pub(super) scrim: Color32,
    /// Cards that lie over the canvas.
    pub(super) shadow_card: Shadow,
    /// Shadow of menus and toasts.
    pub(super) shadow_menu: Shadow,
    /// Shadow of dialogs.
    pub(super) shadow_modal: Shadow,
}

impl Palette {
    /// Behind what can be typed into or chosen from: darker than its surroundings.
    pub(super) fn inset(&self) -> Color32 {
        if self.is_light() { self.raised } else { self.surface }
    }

    /// The chosen one of several parts.
    pub(super) fn chosen(&self) -> Color32 {
        if self.is_light() { self.raised } else { self.control_active }
    }

    /// Whether this is the light theme.
    pub(super) fn is_light(&self) -> bool {
        self.raised == Color32::WHITE
    }
}

/// Dark theme.
pub(super) const DARK: Palette = Palette {
    canvas: hex(0x0c1114),
    surface: hex(0x131a1e),
    raised: hex(0x1b242a),
    control: hex(0x263139),
    control_hover: hex(0x303e47),
    control_active: hex(0x3b4b55),
    border: hex(0x253037),
    border_strong: hex(0x5f717b),
    text: hex(0xf4f1eb),
    text_2: hex(0xb3bfc5),
    text_3: hex(0x9dabb2),
    accent: hex(0xffb36b),
    accent_hover: hex(0xffc68f),
    accent_pressed: hex(0xf29e50),
    on_accent: hex(0x2b1600),
    accent_text: hex(0xffc68f),
    accent_soft: hex(0x3a2918),
    live: hex(0x5fd9c2),
    live_text: hex(0x7be3cf),
    live_soft: hex(0x11312d),
    danger: hex(0xd5303a),
    danger_hover: hex(0xd9353e),
    danger_pressed: hex(0xb8242e),
    on_danger: hex(0xffffff),
    danger_text: hex(0xff9a92),
    danger_soft: hex(0x3a1a1d),
    warn: hex(0xf0c649),
    warn_text: hex(0xf5d575),
    warn_soft: hex(0x332a10),
    info: hex(0x8db9ff),
    info_text: hex(0xa9cbff),
    info_soft: hex(0x172a45),
    focus: hex(0xa9d2ff),
    lamp: hex(0xffb36b),
    mark_left: hex(0xffb36b),
    mark_right: hex(0x5fd9c2),
    camera_off: hex(0x1b242a),
    scrim: over(5, 8, 10, 0.66),
    shadow_card: shadow(2, 8, over(0, 0, 0, 0.28)),
    shadow_menu: shadow(8, 24, over(0, 0, 0, 0.44)),
    shadow_modal: shadow(16, 48, over(0, 0, 0, 0.56)),
};

/// Light theme.
pub(super) const LIGHT: Palette = Palette {
    canvas: hex(0xefebe4),
    surface: hex(0xf9f7f3),
    raised: hex(0xffffff),
    control: hex(0xe9e4db),
    control_hover: hex(0xdfd9ce),
    control_active: hex(0xd2cbbe),
    border: hex(0xddd7cc),
    border_strong: hex(0x857d70),
    text: hex(0x14191c),
    text_2: hex(0x465158),
    text_3: hex(0x566067),
    accent: hex(0xffb36b),
    accent_hover: hex(0xffa653),
    accent_pressed: hex(0xf2953c),
    on_accent: hex(0x2b1600),
    accent_text: hex(0x874300),
    accent_soft: hex(0xffe9d2),
    live: hex(0x0a7d6b),
    live_text: hex(0x07624f),
    live_soft: hex(0xd3efe8),
    danger: hex(0xc4222c),
    danger_hover: hex(0xd22f38),
    danger_pressed: hex(0xa81922),
    on_danger: hex(0xffffff),
    danger_text: hex(0xa81922),
    danger_soft: hex(0xfbe2e0),
    warn: hex(0xc48a00),
    warn_text: hex(0x6b4b00),
    warn_soft: hex(0xfbeecb),
    info: hex(0x2766c9),
    info_text: hex(0x1d4f9f),
    info_soft: hex(0xdeeafb),
    focus: hex(0x1b62d1),
    lamp: hex(0xc25b00),
    mark_left: hex(0xe8893a),
    mark_right: hex(0x0a7d6b),
    camera_off: hex(0xdad4c9),
    scrim: over(60, 52, 40, 0.42),
    shadow_card: shadow(1, 4, over(60, 45, 25, 0.10)),
    shadow_menu: shadow(8, 24, over(60, 45, 25, 0.18)),
    shadow_modal: shadow(16, 48, over(60, 45, 25, 0.26)),
};

/// Chips over video: the same in both themes, as video does not change with the theme.
pub(super) mod overlay {
    use super::{Color32, hex, over};

    pub(in crate::ui) const BACKGROUND: Color32 = over(10, 15, 18, 0.82);
    pub(in crate::ui) const TEXT: Color32 = hex(0xf4f1eb);
    pub(in crate::ui) const TEXT_2: Color32 = hex(0xb3bfc5);
    pub(in crate::ui) const MUTED: Color32 = hex(0xff9a92);
    pub(in crate::ui) const SPEAKING: Color32 = hex(0x5fd9c2);
    pub(in crate::ui) const WEAK: Color32 = hex(0xf0c649);
    pub(in crate::ui) const WEAK_TEXT: Color32 = hex(0xf5d575);
    pub(in crate::ui) const LAMP: Color32 = hex(0xffb36b);
    pub(in crate::ui) const BAR_EMPTY: Color32 = over(255, 255, 255, 0.30);
    /// Under the name in the lobby's preview, at its lower edge.
    pub(in crate::ui) const SHADE: Color32 = over(0, 0, 0, 0.66);
    /// Brightness of paused video, from 0 to 1.
    pub(in crate::ui) const PAUSED: f32 = 0.42;
}

/// Background and text of an avatar; [`avatar`] chooses.
const AVATARS: [(Color32, Color32); 10] = [
    (hex(0x3f5e4c), hex(0xe9f3ec)),
    (hex(0x6a4b35), hex(0xfbe8d6)),
    (hex(0x3e5468), hex(0xe3eef8)),
    (hex(0x6b3a42), hex(0xfbe3e5)),
    (hex(0x3f5a50), hex(0xe2f2ea)),
    (hex(0x4b4570), hex(0xece9fb)),
    (hex(0x7a4029), hex(0xfde6da)),
    (hex(0x38566b), hex(0xe0eff9)),
    (hex(0x5d4a74), hex(0xf0e7f9)),
    (hex(0x3c5b4b), hex(0xe3f2e9)),
];

/// The avatar colours (background, text) of a user: FNV-1a of the user id, modulo 10, the same on every computer.
pub(super) fn avatar(user: &str) -> (Color32, Color32) {
    let hash = user.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    AVATARS[(hash % AVATARS.len() as u64) as usize]
}

/// Sizes in points.
pub(super) mod size {
    /// Diameter of a tile's avatar at most.
    pub(crate) const AVATAR: f32 = 128.0;
    pub(in crate::ui) const TOP_BAR: f32 = 44.0;
    pub(in crate::ui) const TOP_BAR_PILL: f32 = 26.0;
    /// The header of lobby and end screen.
    pub(in crate::ui) const HEADER: f32 = 84.0;
    /// The lobby's two columns with their gap, at most.
    pub(in crate::ui) const LOBBY: f32 = 1152.0;
    pub(in crate::ui) const LOBBY_FORM: f32 = 432.0;
    pub(in crate::ui) const LOBBY_ONE_COLUMN: f32 = 656.0;
    pub(in crate::ui) const TOOL_BAR: f32 = 84.0;
    pub(in crate::ui) const TOOL_BAR_COMPACT: f32 = 88.0;
    pub(in crate::ui) const TOOL: [f32; 2] = [70.0, 64.0];
    pub(in crate::ui) const TOOL_COMPACT: [f32; 2] = [48.0, 48.0];
    /// Width of the button beside Mic and Camera that opens their device list.
    pub(in crate::ui) const TOOL_CARET: f32 = 30.0;
    pub(in crate::ui) const LEAVE: [f32; 2] = [128.0, 56.0];
    pub(in crate::ui) const LEAVE_COMPACT: [f32; 2] = [124.0, 56.0];
    /// A host's Leave with its caret.
    pub(in crate::ui) const LEAVE_HOST: [f32; 2] = [152.0, 56.0];
    /// Width of the part of a host's Leave that opens its menu.
    pub(in crate::ui) const LEAVE_CARET: f32 = 42.0;
    pub(in crate::ui) const BUTTON: f32 = 44.0;
    pub(in crate::ui) const BUTTON_SMALL: f32 = 36.0;
    pub(in crate::ui) const BUTTON_TINY: f32 = 30.0;
    pub(in crate::ui) const BUTTON_LARGE: f32 = 54.0;
    /// The diameter of the buttons over the lobby's preview.
    pub(in crate::ui) const ROUND_BUTTON: f32 = 52.0;
    pub(in crate::ui) const FIELD: f32 = 48.0;
    pub(in crate::ui) const PICKER: f32 = 44.0;
    pub(in crate::ui) const MENU_ITEM: f32 = 38.0;
    pub(in crate::ui) const MENU_ITEM_WITH_NOTE: f32 = 60.0;
    /// Height of a choice of a few words.
    pub(in crate::ui) const SEGMENTS: f32 = 30.0;
    pub(in crate::ui) const SWITCH: [f32; 2] = [40.0, 24.0];
    pub(in crate::ui) const ICON_BUTTON: [f32; 2] = [36.0, 32.0];
    pub(in crate::ui) const MENU_WIDTH: f32 = 220.0;
    pub(in crate::ui) const MODAL_WIDTH: f32 = 480.0;
    pub(in crate::ui) const LEAVING_WIDTH: f32 = 456.0;
    pub(in crate::ui) const BANNER: f32 = 64.0;
    /// The note about a newer version, without its edge.
    pub(in crate::ui) const NOTE: f32 = 46.0;
    /// A row of the rooms that were left last.
    pub(in crate::ui) const RECENT_ROOM: f32 = 54.0;
    pub(in crate::ui) const RECEIPT_ROW: f32 = 44.0;
    /// The square with an icon at the top of a dialog.
    pub(in crate::ui) const DIALOG_SIGN: f32 = 56.0;
    /// The same in a card.
    pub(in crate::ui) const SIGN: f32 = 40.0;
    /// The list of sections in the settings.
    pub(in crate::ui) const SETTINGS_SIDE: f32 = 216.0;
    /// The settings' header where there is no room for that list.
    pub(in crate::ui) const SETTINGS_HEAD: f32 = 64.0;
    pub(in crate::ui) const SETTINGS_ROW: f32 = 45.0;
    /// A row with a sentence under its name.
    pub(in crate::ui) const SETTINGS_ROW_WITH_NOTE: f32 = 56.0;
    pub(in crate::ui) const TOAST: f32 = 48.0;
    pub(in crate::ui) const LAMP: f32 = 3.5;
    pub(in crate::ui) const LAMP_HALO: f32 = 6.5;
    pub(in crate::ui) const ICON_TOOL: f32 = 23.0;
    pub(in crate::ui) const ICON: f32 = 18.0;
    pub(in crate::ui) const ICON_SMALL: f32 = 16.0;
    /// The button of a tile's menu.
    pub(in crate::ui) const TILE_MENU: f32 = 30.0;
    pub(in crate::ui) const TILES_PADDING: f32 = 16.0;
    pub(in crate::ui) const TILE_GAP: f32 = 12.0;
    pub(in crate::ui) const TILE_GAP_COMPACT: f32 = 8.0;
    /// Tiles that would be narrower go on further pages.
    pub(in crate::ui) const TILE_LEAST: f32 = 208.0;
    pub(in crate::ui) const TILE_LEAST_COMPACT: f32 = 150.0;
    /// Height of the pager below the tiles.
    pub(in crate::ui) const PAGER: f32 = 44.0;
    /// Width of the strip beside the main speaker.
    pub(in crate::ui) const STRIP: f32 = 232.0;
    /// Height of the strip where it lies below.
    pub(in crate::ui) const STRIP_BELOW: f32 = 110.0;
    /// Below this width of the tile area the strip lies below.
    pub(in crate::ui) const STRIP_BELOW_UNDER: f32 = 900.0;
    /// Your own tile beside one other person.
    pub(in crate::ui) const OWN_TILE: [f32; 2] = [232.0, 130.0];
    pub(in crate::ui) const WINDOW: [f32; 2] = [1280.0, 800.0];
    pub(in crate::ui) const MIN_WINDOW: [f32; 2] = [480.0, 480.0];
    /// Below this width the window is compact.
    pub(in crate::ui) const COMPACT_BELOW: f32 = 720.0;
    /// Below this width the lobby has one column and the tools lose their words.
    pub(in crate::ui) const NARROW_BELOW: f32 = 1000.0;

    /// The width of a side panel in a window of this width; a compact one it fills.
    pub(in crate::ui) fn panel(window: f32) -> f32 {
        if window < COMPACT_BELOW { window } else { 352.0 }
    }
}

/// Corner radii.
pub(super) mod radius {
    use super::CornerRadius;

    pub(in crate::ui) const CHIP: CornerRadius = CornerRadius::same(8);
    pub(in crate::ui) const CHIP_LARGE: CornerRadius = CornerRadius::same(9);
    pub(in crate::ui) const SIGN: CornerRadius = CornerRadius::same(10);
    pub(in crate::ui) const CONTROL: CornerRadius = CornerRadius::same(12);
    pub(in crate::ui) const BUTTON_LARGE: CornerRadius = CornerRadius::same(14);
    pub(in crate::ui) const TILE: CornerRadius = CornerRadius::same(14);
    pub(in crate::ui) const CARD: CornerRadius = CornerRadius::same(16);
    pub(in crate::ui) const MODAL: CornerRadius = CornerRadius::same(20);
    pub(in crate::ui) const PREVIEW: CornerRadius = CornerRadius::same(20);
}

/// Times in seconds.
pub(super) mod time {
    pub(in crate::ui) const HOVER: f32 = 0.12;
    pub(in crate::ui) const RING_IN: f32 = 0.08;
    pub(in crate::ui) const RING_OUT: f32 = 0.4;
    pub(in crate::ui) const LAMP_OFF: f32 = 0.12;
    pub(in crate::ui) const TILE_MOVE: f32 = 0.22;
    pub(in crate::ui) const MARK_OPEN: f32 = 0.4;
    pub(in crate::ui) const SPINNER_TURN: f64 = 0.9;
    pub(in crate::ui) const TOAST: f64 = 4.0;
    pub(in crate::ui) const TOAST_WITH_BUTTON: f64 = 8.0;
    /// The dialog about a microphone that does not close appears again after this.
    pub(in crate::ui) const REMIND_OF_MICROPHONE: f64 = 5.0;
    /// The list of steps appears when an exit takes this long …
    pub(in crate::ui) const STEPS_AFTER: f64 = 0.15;
    /// … and then stays at least this long, so that nothing flashes.
    pub(in crate::ui) const STEPS_STAY: f64 = 0.5;
    /// After this the user may stop waiting for the server.
    pub(in crate::ui) const SLOW_AFTER: f64 = 1.0;
    /// Between the ticks of a receipt's rows.
    pub(in crate::ui) const RECEIPT_ROW: f64 = 0.06;
    /// Somebody who has spoken for this long becomes the main speaker …
    pub(in crate::ui) const SPEAKS_AFTER: f64 = 1.5;
    /// … and stays it for at least this long.
    pub(in crate::ui) const MAIN_SPEAKER_STAYS: f64 = 3.0;
    /// Paused video gives way to the avatar after this.
    pub(in crate::ui) const DROP_VIDEO_AFTER: f64 = 10.0;
}

/// The microphone meter.
pub(super) mod meter {
    pub(in crate::ui) const SEGMENTS: usize = 18;
    pub(in crate::ui) const SEGMENT: [f32; 2] = [5.0, 10.0];
    pub(in crate::ui) const GAP: f32 = 3.0;
    pub(in crate::ui) const FLOOR_DB: f32 = -60.0;
    pub(in crate::ui) const LOUD_DB: f32 = -6.0;
    /// Below this the microphone counts as silent.
    pub(in crate::ui) const SILENT_DB: f32 = -50.0;
    pub(in crate::ui) const SILENT_AFTER: f64 = 3.0;
    pub(in crate::ui) const ATTACK: f32 = 0.02;
    pub(in crate::ui) const RELEASE: f32 = 0.3;
}

const fn hex(rgb: u32) -> Color32 {
    Color32::from_rgb((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)
}

/// A colour with that opacity; egui keeps colours premultiplied.
const fn over(r: u8, g: u8, b: u8, alpha: f32) -> Color32 {
    const fn times(c: u8, alpha: f32) -> u8 {
        (c as f32 * alpha + 0.5) as u8
    }
    Color32::from_rgba_premultiplied(times(r, alpha), times(g, alpha), times(b, alpha), times(255, alpha))
}

const fn shadow(down: i8, blur: u8, color: Color32) -> Shadow {
    Shadow { offset: [0, down], blur, spread: 0, color }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2 contrast ratio of two opaque colours.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |c: Color32| {
            let [r, g, b] = [c.r(), c.g(), c.b()].map(|v| {
                let v = f32::from(v) / 255.0;
                if v <= 0.03928 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn text_has_a_contrast_of_4_5_and_marks_of_3() {
        for (theme, p) in [("dark", &DARK), ("light", &LIGHT)] {
            let text = [
                (p.text, p.canvas, "text on canvas"),
                (p.text, p.surface, "text on surface"),
                (p.text, p.raised, "text on raised"),
                (p.text, p.control, "text on control"),
                (p.text, p.control_hover, "text on control_hover"),
                (p.text, p.control_active, "text on control_active"),
                (p.text_2, p.canvas, "text_2 on canvas"),
                (p.text_2, p.surface, "text_2 on surface"),
                (p.text_2, p.raised, "text_2 on raised"),
                (p.text_2, p.control, "text_2 on control"),
                (p.text_2, p.control_hover, "text_2 on control_hover"),
                (p.text_3, p.canvas, "text_3 on canvas"),
                (p.text_3, p.surface, "text_3 on surface"),
                (p.text_3, p.raised, "text_3 on raised"),
                (p.text_3, p.control, "text_3 on control"),
                (p.text_3, p.control_hover, "text_3 on control_hover"),
                (p.on_accent, p.accent, "on_accent on accent"),
                (p.on_accent, p.accent_hover, "on_accent on accent_hover"),
                (p.on_accent, p.accent_pressed, "on_accent on accent_pressed"),
                (p.on_danger, p.danger, "on_danger on danger"),
                (p.on_danger, p.danger_hover, "on_danger on danger_hover"),
                (p.on_danger, p.danger_pressed, "on_danger on danger_pressed"),
                (p.accent_text, p.accent_soft, "accent_text on accent_soft"),
                (p.accent_text, p.raised, "accent_text on raised"),
                (p.accent_text, p.surface, "accent_text on surface"),
                (p.live_text, p.live_soft, "live_text on live_soft"),
                (p.live_text, p.raised, "live_text on raised"),
                (p.warn_text, p.warn_soft, "warn_text on warn_soft"),
                (p.warn_text, p.raised, "warn_text on raised"),
                (p.text, p.warn_soft, "text on warn_soft"),
                (p.danger_text, p.danger_soft, "danger_text on danger_soft"),
                (p.danger_text, p.raised, "danger_text on raised"),
                (p.danger_text, p.surface, "danger_text on surface"),
                (p.info_text, p.info_soft, "info_text on info_soft"),
                (p.info_text, p.surface, "info_text on surface"),
                (p.info_text, p.raised, "info_text on raised"),
            ];
            let marks = [
                (p.border_strong, p.canvas, "border_strong on canvas"),
                (p.border_strong, p.surface, "border_strong on surface"),
                (p.border_strong, p.raised, "border_strong on raised"),
                (p.focus, p.canvas, "focus on canvas"),
                (p.focus, p.surface, "focus on surface"),
                (p.focus, p.raised, "focus on raised"),
                (p.live, p.canvas, "live on canvas"),
                (p.live, p.surface, "live on surface"),
                (p.lamp, p.control, "lamp on control"),
                (p.lamp, p.surface, "lamp on surface"),
                (p.lamp, p.canvas, "lamp on canvas"),
                (p.warn, p.raised, "warn on raised"),
                (p.danger, p.surface, "danger on surface"),
            ];
            for (a, b, what) in text {
                assert!(contrast(a, b) >= 4.5, "{theme}: {what} is {:.2}", contrast(a, b));
            }
            for (a, b, what) in marks {
                assert!(contrast(a, b) >= 3.0, "{theme}: {what} is {:.2}", contrast(a, b));
            }
        }
        for (background, text) in AVATARS {
            assert!(contrast(background, text) >= 4.5);
        }
    }

    #[test]
    fn chips_can_be_read_on_white_video() {
        let [r, g, b, a] = overlay::BACKGROUND.to_array();
        let chip = Color32::from_rgb(r + (255 - a), g + (255 - a), b + (255 - a));
        for (color, least) in
            [(overlay::TEXT, 4.5), (overlay::MUTED, 4.5), (overlay::SPEAKING, 3.0), (overlay::WEAK, 3.0)]
        {
            assert!(contrast(color, chip) >= least, "{color:?} is {:.2}", contrast(color, chip));
        }
    }

    #[test]
    fn a_user_has_the_same_avatar_colours_on_every_computer() {
        // FNV-1a (64 bits) of the user id, modulo the number of pairs.
        for (user, pair) in [("mina", 4), ("tomas", 1), ("priya", 8), ("ada", 1), ("noah", 5), ("lena", 5), ("", 7)] {
            assert_eq!(avatar(user), AVATARS[pair], "{user}");
        }
    }
}
