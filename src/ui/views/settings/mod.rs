//! The settings: sections at the left, their cards beside. Each change takes effect and is saved at once.

mod cards;
mod rows;

use super::View;
use crate::ui::action::Action;
use crate::ui::parts::{Focus, SettingsSection};
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{IconButton, clickable, place};
use crate::ui::{icons, text};
use egui::{Align, Align2, Frame, Id, Key, Layout, Margin, Modifiers, Role, ScrollArea, Stroke, Ui, WidgetInfo, vec2};

const VERSION: &str = concat!("Visavis ", env!("CARGO_PKG_VERSION"));
/// Space between cards.
const GAP: f32 = 16.0;

impl SettingsSection {
    const ALL: [Self; 7] =
        [Self::Audio, Self::Video, Self::Notifications, Self::Appearance, Self::Leaving, Self::Shortcuts, Self::About];

    const fn word(self) -> &'static str {
        match self {
            Self::Audio => "Audio",
            Self::Video => "Video",
            Self::Notifications => "Notifications",
            Self::Appearance => "Appearance",
            Self::Leaving => "Leaving",
            Self::Shortcuts => "Shortcuts",
            Self::About => "About",
        }
    }

    /// Whether its card is in the left one of two columns.
    const fn is_left(self) -> bool {
        matches!(self, Self::Audio | Self::Notifications | Self::Leaving | Self::About)
    }

    const fn icon(self) -> char {
        match self {
            Self::Audio => icons::MICROPHONE,
            Self::Video => icons::VIDEO_CAMERA,
            Self::Notifications => icons::BELL,
            Self::Appearance => icons::PALETTE,
            Self::Leaving => icons::SIGN_OUT,
            Self::Shortcuts => icons::KEYBOARD,
            Self::About => icons::INFO,
        }
    }
}

/// Draws the settings over the available area: the window's, or a call's between its bars.
pub(super) fn settings(ui: &mut Ui, view: &mut View<'_>) {
    let area = ui.available_rect_before_wrap();
    ui.painter().rect_filled(area, 0.0, view.colors.canvas);
    if area.width() >= size::COMPACT_BELOW {
        let (side, rest) = area.split_left_right_at_x(area.left() + size::SETTINGS_SIDE);
        place::within(ui, side, Layout::top_down(Align::Min), |ui| list(ui, view));
        place::within(ui, rest, Layout::top_down(Align::Min), |ui| cards(ui, view));
    } else {
        head(ui, view, 8.0, size::SETTINGS_HEAD);
        cards(ui, view);
    }
    if view.model.menu.is_none()
        && !view.model.in_dialog()
        && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape))
    {
        view.dispatch(Action::ToggleSettings);
    }
}

/// The Back button and the title.
fn head(ui: &mut Ui, view: &mut View<'_>, margin: f32, height: f32) {
    let colors = view.colors;
    place::row(ui, height, |ui| {
        ui.add_space(margin);
        let back = IconButton::new("Close settings", icons::ARROW_LEFT).icon_size(20.0).size([40.0, 36.0]);
        let back = back.show(ui, colors);
        view.on_click(&back, Action::ToggleSettings);
        view.focus(&back, Focus::CloseSettings);
        text::add_line(ui, text::BRAND, colors.text, "Settings");
    });
}

/// The list of sections, and what this program is.
fn list(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    let side = ui.max_rect();
    ui.painter().rect_filled(side, 0.0, colors.surface);
    ui.painter().vline(side.right() - 0.5, side.y_range(), Stroke::new(1.0, colors.border));
    ui.add_space(22.0);
    head(ui, view, 12.0, 36.0);
    ui.add_space(18.0);
    for section in SettingsSection::ALL {
        section_row(ui, view, section);
    }
    let below = ui.available_rect_before_wrap().shrink2(vec2(24.0, 22.0));
    let lines = [VERSION, "Changes are saved at once"];
    let height = text::CAPTION.line * lines.len() as f32;
    if below.height() >= height {
        let place = Align2::LEFT_BOTTOM.align_size_within_rect(vec2(below.width(), height), below);
        place::within(ui, place, Layout::top_down(Align::Min), |ui| {
            for line in lines {
                text::add_line(ui, text::CAPTION, colors.text_3, line);
            }
        });
    }
}

fn section_row(ui: &mut Ui, view: &mut View<'_>, section: SettingsSection) {
    let colors = view.colors;
    let on = view.model.section == section;
    place::row(ui, 42.0, |ui| {
        ui.add_space(12.0);
        let (_, rect) = ui.allocate_space(vec2(ui.available_width() - 13.0, 42.0));
        let info = WidgetInfo::selected(Role::Tab, true, on, section.word());
        let row = clickable(ui, rect, Id::unique(("settings section", section)), info);
        let (fill, color) = match (on, row.response.hovered()) {
            (true, _) => (colors.accent_soft, colors.accent_text),
            (_, true) => (colors.control, colors.text),
            _ => (colors.surface, colors.text_2),
        };
        ui.painter().rect_filled(rect, radius::CONTROL, fill);
        place::within(ui, rect.shrink2(vec2(13.0, 0.0)), Layout::left_to_right(Align::Center), |ui| {
            let add_icon = if on { text::add_icon_fill } else { text::add_icon };
            add_icon(ui, [size::ICON; 2], size::ICON, color, section.icon());
            ui.add_space(11.0);
            text::add_words(ui, text::LABEL.sized(14.0), color, section.word());
        });
        row.ring(ui, colors, radius::CONTROL);
        view.on_click(&row.response, Action::ShowSection(section));
    });
    ui.add_space(2.0);
}

/// The cards, in two columns where there is room.
fn cards(ui: &mut Ui, view: &mut View<'_>) {
    let margin = if ui.available_width() < 600.0 { 16 } else { 24 };
    let frame = Frame::new().inner_margin(Margin { left: margin, right: margin, top: 20, bottom: 8 });
    ScrollArea::vertical().id_salt("settings").auto_shrink(false).show(ui, |ui| {
        frame.show(ui, |ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            if ui.available_width() >= 900.0 {
                ui.columns_const(|[left, right]| {
                    for section in SettingsSection::ALL {
                        card(if section.is_left() { &mut *left } else { &mut *right }, view, section);
                    }
                });
            } else {
                let width = ui.available_width().min(640.0);
                place::column(ui, width, |ui| {
                    for section in SettingsSection::ALL {
                        card(ui, view, section);
                    }
                });
            }
        });
    });
}

fn card(ui: &mut Ui, view: &mut View<'_>, section: SettingsSection) {
    ui.spacing_mut().item_spacing.x = 0.0;
    let card = cards::card(ui, view, section);
    if view.model.scroll_to == Some(section) {
        ui.scroll_to_rect(card.with_min_y(card.top() - 20.0), Some(Align::Min));
    }
    ui.add_space(GAP);
}
