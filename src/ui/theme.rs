//! The design's colours and sizes as egui's style, for what egui paints itself: text cursors, tooltips, scroll bars.

use crate::store;
use crate::ui::text;
use crate::ui::tokens::{DARK, LIGHT, Palette, radius};
use egui::epaint::FontColorTransferFunction;
use egui::{Color32, FontFamily, FontId, Stroke, Style, TextStyle, Theme, ThemePreference, Visuals};

/// Installs both themes.
pub(super) fn install(ctx: &egui::Context) {
    ctx.set_style_of(Theme::Dark, style(&DARK, Visuals::dark()));
    ctx.set_style_of(Theme::Light, style(&LIGHT, Visuals::light()));
}

/// The setting as egui's preference.
pub(super) const fn preference(choice: store::Theme) -> ThemePreference {
    match choice {
        store::Theme::System => ThemePreference::System,
        store::Theme::Dark => ThemePreference::Dark,
        store::Theme::Light => ThemePreference::Light,
    }
}

fn style(colors: &Palette, mut visuals: Visuals) -> Style {
    if visuals.dark_mode {
        // egui's default curve makes light text on dark too bold.
        visuals.text_options.color_transfer_function = FontColorTransferFunction::Gamma(0.8);
    }
    visuals.override_text_color = Some(colors.text);
    visuals.panel_fill = colors.canvas;
    visuals.window_fill = colors.raised;
    visuals.window_stroke = Stroke::new(1.0, colors.border);
    visuals.window_corner_radius = radius::CONTROL;
    visuals.menu_corner_radius = radius::CONTROL;
    visuals.popup_shadow = colors.shadow_menu;
    visuals.extreme_bg_color = colors.surface;
    visuals.selection.bg_fill = colors.info_soft;
    visuals.text_cursor.stroke = Stroke::new(1.5, colors.accent);
    // A blinking cursor would repaint an idle window.
    visuals.text_cursor.blink = false;
    visuals.widgets.noninteractive.bg_stroke = Stroke::new(1.0, colors.border);
    for widget in [&mut visuals.widgets.inactive, &mut visuals.widgets.hovered, &mut visuals.widgets.active] {
        widget.bg_stroke = Stroke::NONE;
        widget.fg_stroke.color = colors.text;
        widget.bg_fill = colors.control;
        widget.weak_bg_fill = colors.control;
    }
    visuals.selection.stroke.color = colors.focus;
    let mut style = Style { visuals, ..Style::default() };
    style.text_styles = [
        (TextStyle::Small, text::CAPTION.font()),
        (TextStyle::Body, text::LABEL.font()),
        (TextStyle::Button, text::BODY_STRONG.font()),
        (TextStyle::Heading, text::TITLE.font()),
        (TextStyle::Monospace, FontId::new(12.5, FontFamily::Monospace)),
    ]
    .into();
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    style.spacing.item_spacing = egui::Vec2::ZERO;
    style.spacing.menu_margin = egui::Margin::symmetric(10, 6);
    style.spacing.scroll = egui::style::ScrollStyle::floating();
    style.visuals.code_bg_color = Color32::TRANSPARENT;
    style
}
