//! Menus. egui handles the arrow keys, Enter and Esc.

use super::{clickable, place};
use crate::ui::bidi::plain;
use crate::ui::icons;
use crate::ui::text;
use crate::ui::tokens::{Palette, radius, size};
use egui::{Align2, CornerRadius, Frame, Id, Margin, Popup, PopupCloseBehavior, PopupKind, RectAlign, Response, Role};
use egui::{Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// From a menu to the window's upper and lower edge at least.
const MARGIN: f32 = 16.0;
/// Between a menu and its button.
const GAP: f32 = 6.0;

/// A row of a menu.
#[derive(Clone, Debug)]
pub(in crate::ui) enum MenuEntry<T> {
    /// A small title over a group.
    Title(String),
    /// Something to choose.
    Choice {
        label: String,
        /// Whether it is ticked.
        chosen: bool,
        /// Returned when it is chosen.
        value: T,
    },
    /// Something to do.
    Item {
        label: String,
        /// An explanation below the label; may be empty.
        note: String,
        /// Before the label.
        icon: char,
        /// Whether it affects others or cannot be undone; such items come last, after a line.
        danger: bool,
        /// Returned when it is chosen.
        value: T,
    },
}

/// The state of a menu after a frame.
pub(in crate::ui) enum MenuResult<T> {
    /// It stays open.
    Open,
    /// The user closed it.
    Close,
    /// A row was chosen.
    Chosen(T),
}

/// Shows a menu above or below the button that opened it, at least `width` wide.
pub(in crate::ui) fn menu<T: Clone>(
    ui: &Ui,
    colors: &Palette,
    button: &Response,
    name: &str,
    width: f32,
    entries: &[MenuEntry<T>],
) -> MenuResult<T> {
    menu_above(ui, colors, button, (name, f32::INFINITY), width, entries)
}

/// The same for a menu that must not reach below `limit`: where it would, it stands beside its button.
pub(in crate::ui) fn menu_above<T: Clone>(
    ui: &Ui,
    colors: &Palette,
    button: &Response,
    (name, limit): (&str, f32),
    width: f32,
    entries: &[MenuEntry<T>],
) -> MenuResult<T> {
    let width = width.max(size::MENU_WIDTH);
    let window = ui.ctx().content_rect();
    let height = 12.0 + entries.iter().map(height).sum::<f32>();
    let beside = (button.rect.bottom() + GAP + height > limit).then(|| {
        let top = (limit - GAP - height).max(window.top() + GAP);
        pos2((button.rect.left() - GAP - width).max(window.left() + GAP), top)
    });
    let highest = match beside {
        Some(at) => limit - GAP - 12.0 - at.y,
        None => window.height() - 2.0 * MARGIN,
    };
    let frame = Frame::new()
        .fill(colors.raised)
        .stroke(Stroke::new(1.0, colors.border))
        .corner_radius(radius::BUTTON_LARGE)
        .shadow(colors.shadow_menu)
        .inner_margin(Margin::same(6));
    let popup = Popup::new(Id::unique(("menu", name)), ui.ctx().clone(), button.rect, ui.layer_id())
        .kind(PopupKind::Menu)
        .anchor_widget(button.id)
        .accessible_name(name)
        .open(true)
        .align(RectAlign::BOTTOM_START)
        .align_alternatives(&[RectAlign::TOP_START, RectAlign::TOP_END, RectAlign::BOTTOM_END])
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .gap(GAP)
        .width(width)
        .frame(frame);
    let popup = match beside {
        Some(at) => popup.at_position(at).gap(0.0).align_alternatives(&[]),
        None => popup,
    };
    let mut chosen = None;
    let shown = popup.show(|ui| {
        ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
        ui.set_width(width - 12.0);
        let mut ids = Vec::new();
        let scroll = egui::ScrollArea::vertical().max_height(highest);
        scroll.show(ui, |ui| {
            for entry in entries {
                match entry {
                    MenuEntry::Title(title) => show_title(ui, colors, title),
                    MenuEntry::Choice { label, value, .. } | MenuEntry::Item { label, value, .. } => {
                        if matches!(entry, MenuEntry::Item { danger: true, .. }) {
                            line(ui, colors);
                        }
                        let response = row(ui, colors, entry, label);
                        if response.clicked() {
                            chosen = Some(value.clone());
                        }
                        ids.push((response.id, label));
                    }
                }
            }
        });
        jump(ui, &ids);
    });
    match (chosen, shown) {
        (Some(value), _) => MenuResult::Chosen(value),
        (None, Some(shown)) if shown.response.should_close() => MenuResult::Close,
        _ => MenuResult::Open,
    }
}

/// The height of a row, with the line before a dangerous one.
fn height<T>(entry: &MenuEntry<T>) -> f32 {
    match entry {
        MenuEntry::Title(_) => TITLE,
        MenuEntry::Choice { .. } => size::MENU_ITEM,
        MenuEntry::Item { note, danger, .. } => {
            let row = if note.is_empty() { size::MENU_ITEM } else { size::MENU_ITEM_WITH_NOTE };
            if *danger { row + LINE } else { row }
        }
    }
}

/// Height of a title, and of the line before dangerous items.
const TITLE: f32 = 28.0;
const LINE: f32 = 13.0;

/// Home, End and a first letter move the focus.
fn jump(ui: &Ui, ids: &[(Id, &String)]) {
    let focused = ui.memory(egui::Memory::focused);
    let at = ids.iter().position(|(id, _)| Some(*id) == focused);
    let typed = ui.input(|i| {
        i.events.iter().find_map(|e| match e {
            egui::Event::Text(text) => text.chars().next(),
            _ => None,
        })
    });
    let (home, end) = ui.input(|i| (i.key_pressed(egui::Key::Home), i.key_pressed(egui::Key::End)));
    let target = if home {
        ids.first()
    } else if end {
        ids.last()
    } else {
        typed.and_then(|c| {
            let after = at.map_or(0, |i| i + 1);
            let starts = |(_, label): &&(Id, &String)| {
                label.chars().next().is_some_and(|first| first.to_lowercase().eq(c.to_lowercase()))
            };
            ids.iter().skip(after).find(starts).or_else(|| ids.iter().find(starts))
        })
    };
    if let Some((id, _)) = target {
        ui.memory_mut(|m| m.request_focus(*id));
    }
}

fn show_title(ui: &mut Ui, colors: &Palette, title: &str) {
    place::row(ui, TITLE, |ui| {
        ui.add_space(11.0);
        text::add_line(ui, text::CAPTION, colors.text_3, title);
    });
}

/// The line before dangerous items.
fn line(ui: &mut Ui, colors: &Palette) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), LINE), Sense::hover());
    ui.painter().hline(rect.x_range().shrink(6.0), rect.center().y, Stroke::new(1.0, colors.border));
}

fn row<T>(ui: &mut Ui, colors: &Palette, entry: &MenuEntry<T>, label: &str) -> Response {
    let (note, danger) = match entry {
        MenuEntry::Item { note, danger, .. } => (note.as_str(), *danger),
        _ => ("", false),
    };
    let height = if note.is_empty() { size::MENU_ITEM } else { size::MENU_ITEM_WITH_NOTE };
    // Two devices may have one label, so the row's id is its place.
    let (id, rect) = ui.allocate_space(vec2(ui.available_width(), height));
    let (chosen, icon) = match entry {
        MenuEntry::Item { icon, .. } => (false, Some((*icon, if danger { colors.danger_text } else { colors.text_2 }))),
        MenuEntry::Choice { chosen, .. } => (*chosen, chosen.then_some((icons::CHECK, colors.accent_text))),
        MenuEntry::Title(_) => (false, None),
    };
    let info = match entry {
        MenuEntry::Choice { .. } => WidgetInfo::selected(Role::MenuItemRadio, true, chosen, plain(label)),
        _ => WidgetInfo::labeled(Role::MenuItem, true, plain(label)),
    };
    let row = clickable(ui, rect, id, info);
    let response = &row.response;
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, CornerRadius::same(9), colors.control);
    }
    if let Some((icon, color)) = icon {
        text::icon(ui, pos2(rect.left() + 19.0, rect.center().y), size::ICON_SMALL, color, icon);
    }
    let (x, middle, width) = (rect.left() + 38.0, rect.center().y, rect.width() - 50.0);
    let color = match (danger, chosen) {
        (true, _) => colors.danger_text,
        (_, true) => colors.accent_text,
        _ => colors.text,
    };
    if note.is_empty() {
        text::paint(ui, pos2(x, middle), Align2::LEFT_CENTER, text::LABEL, color, label, width);
    } else {
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(note));
        text::paint(ui, pos2(x, middle - 9.0), Align2::LEFT_CENTER, text::LABEL_STRONG, color, label, width);
        text::paint(ui, pos2(x, middle + 9.0), Align2::LEFT_CENTER, text::CAPTION, colors.text_2, note, width);
    }
    row.ring(ui, colors, CornerRadius::same(9));
    row.response
}
