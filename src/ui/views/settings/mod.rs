//! The settings: sections at the left, their cards beside. Everything takes effect and is kept at once.

mod cards;
mod rows;

use super::View;
use crate::ui::action::Action;
use crate::ui::model::{Focus, SettingsSection};
use crate::ui::tokens::{radius, size};
use crate::ui::widgets::{focus_ring, icon_button};
use crate::ui::{icons, text};
use egui::{
    Align2, CursorIcon, Key, Modifiers, Pos2, Rect, Role, ScrollArea, Sense, Stroke, Ui, UiBuilder, WidgetInfo,
};
use egui::{pos2, vec2};

/// Width of the list of sections.
const SIDE: f32 = 216.0;
/// Height of the head where there is no room for the list.
const HEAD: f32 = 64.0;
/// What this is.
const VERSION: &str = concat!("Visavis ", env!("CARGO_PKG_VERSION"));
/// Between cards.
const GAP: f32 = 16.0;

impl SettingsSection {
    const ALL: [Self; 6] = [Self::Audio, Self::Video, Self::Appearance, Self::Leaving, Self::Shortcuts, Self::About];

    const fn word(self) -> &'static str {
        match self {
            Self::Audio => "Audio",
            Self::Video => "Video",
            Self::Appearance => "Appearance",
            Self::Leaving => "Leaving",
            Self::Shortcuts => "Shortcuts",
            Self::About => "About",
        }
    }

    const fn icon(self) -> char {
        match self {
            Self::Audio => icons::MICROPHONE,
            Self::Video => icons::VIDEO_CAMERA,
            Self::Appearance => icons::PALETTE,
            Self::Leaving => icons::SIGN_OUT,
            Self::Shortcuts => icons::KEYBOARD,
            Self::About => icons::INFO,
        }
    }
}

/// Draws the settings into `area`: the window's, or a call's between its bars.
pub(super) fn settings(ui: &mut Ui, view: &mut View<'_>, area: Rect) {
    ui.painter().rect_filled(area, 0.0, view.colors.canvas);
    let side = area.width() >= size::COMPACT_BELOW;
    let cards = if side {
        list(ui, view, Rect::from_min_size(area.min, vec2(SIDE, area.height())));
        Rect::from_min_max(pos2(area.left() + SIDE, area.top()), area.max)
    } else {
        head(ui, view, pos2(area.left() + 8.0, area.top() + HEAD / 2.0));
        Rect::from_min_max(pos2(area.left(), area.top() + HEAD), area.max)
    };
    let mut child = ui.new_child(UiBuilder::new().id_salt("settings").max_rect(cards));
    ScrollArea::vertical().auto_shrink(false).show(&mut child, |ui| columns(ui, view, cards.left(), cards.width()));
    if view.model.menu.is_none()
        && view.model.question.is_none()
        && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape))
    {
        view.dispatch(Action::ToggleSettings);
    }
}

/// The way back, and the title.
fn head(ui: &mut Ui, view: &mut View<'_>, at: Pos2) {
    let colors = view.colors;
    let rect = Rect::from_min_size(pos2(at.x, at.y - 18.0), vec2(40.0, 36.0));
    let back = icon_button(ui, colors, rect, "Close settings", (icons::ARROW_LEFT, 20.0), true);
    view.on_click(&back, Action::ToggleSettings);
    view.focus(&back, Focus::CloseSettings);
    let at = pos2(rect.right(), at.y);
    text::label(ui, at, Align2::LEFT_CENTER, text::BRAND, colors.text, "Settings", f32::INFINITY);
}

fn list(ui: &mut Ui, view: &mut View<'_>, side: Rect) {
    let colors = view.colors;
    ui.painter().rect_filled(side, 0.0, colors.surface);
    ui.painter().vline(side.right() - 0.5, side.y_range(), Stroke::new(1.0, colors.border));
    head(ui, view, pos2(side.left() + 12.0, side.top() + 40.0));
    let mut y = side.top() + 76.0;
    for section in SettingsSection::ALL {
        let rect = Rect::from_min_size(pos2(side.left() + 12.0, y), vec2(side.width() - 25.0, 42.0));
        y += 44.0;
        let on = view.model.section == section;
        let response = ui.interact(rect, ui.scope_id().with(("section", section)), Sense::click());
        let name = section.word();
        response.widget_info(|| WidgetInfo::selected(Role::Tab, true, on, name));
        let (fill, color) = match (on, response.hovered()) {
            (true, _) => (colors.accent_soft, colors.accent_text),
            (_, true) => (colors.control, colors.text),
            _ => (colors.surface, colors.text_2),
        };
        ui.painter().rect_filled(rect, radius::CONTROL, fill);
        let draw = if on { text::icon_fill } else { text::icon };
        draw(ui, pos2(rect.left() + 22.0, rect.center().y), size::ICON, color, section.icon());
        let at = pos2(rect.left() + 42.0, rect.center().y);
        text::paint(ui, at, Align2::LEFT_CENTER, text::LABEL.sized(14.0), color, name, rect.width() - 50.0);
        focus_ring(ui, &response, radius::CONTROL, colors);
        view.on_click(&response.on_hover_cursor(CursorIcon::PointingHand), Action::ShowSection(section));
    }
    let mut at = pos2(side.left() + 24.0, side.bottom() - 46.0);
    if at.y > y {
        for said in [VERSION, "Changes are saved at once"] {
            text::label(ui, at, Align2::LEFT_CENTER, text::CAPTION, colors.text_3, said, side.width() - 40.0);
            at.y += 16.0;
        }
    }
}

/// The cards, in two columns where there is room.
fn columns(ui: &mut Ui, view: &mut View<'_>, left: f32, width: f32) {
    let top = ui.min_rect().top();
    let margin = if width < 600.0 { 16.0 } else { 24.0 };
    let inner = width - 2.0 * margin;
    let at = |x: f32, y: f32| pos2(left + margin + x, y);
    let mut bottoms = [top + 20.0; 2];
    let two = inner >= 900.0;
    let half = (inner - GAP) / 2.0;
    for section in SettingsSection::ALL {
        let column = usize::from(
            two && !matches!(section, SettingsSection::Audio | SettingsSection::Leaving | SettingsSection::About),
        );
        let (x, width) = if two { (column as f32 * (half + GAP), half) } else { (0.0, inner.min(640.0)) };
        let y = bottoms[column];
        let bottom = cards::card(ui, view, at(x, y), width, section);
        if view.model.scroll_to == Some(section) {
            ui.scroll_to_rect(Rect::from_min_max(at(x, y - 20.0), at(x, bottom)), Some(egui::Align::Min));
        }
        bottoms[column] = bottom + GAP;
    }
    let all = Rect::from_min_max(pos2(left, top), pos2(left + width, bottoms[0].max(bottoms[1]) + 8.0));
    ui.allocate_rect(all, Sense::hover());
}
