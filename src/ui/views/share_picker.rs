//! The dialog in which a screen or a window is chosen, by a live picture of each.

use super::{View, dialog};
use crate::base::{ScreenSourceKind, SharingSupport};
use crate::call::view::{ShareOption, ShareOptions};
use crate::ui::action::Action;
use crate::ui::icons;
use crate::ui::parts::Focus;
use crate::ui::share::{self, ShareAction};
use crate::ui::strings;
use crate::ui::text;
use crate::ui::tokens::radius;
use crate::ui::video::{VideoKey, VideoLook};
use crate::ui::widgets::{Behind, Button, Look, add_spinner, buttons, clickable, modal};
use egui::{Align, Align2, Id, Key, Modifiers, Rect, Role, ScrollArea, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

/// Width of the dialog.
const WIDTH: f32 = 760.0;
/// Between two cards.
const GAP: f32 = 14.0;
/// A card is at least this wide.
const LEAST: f32 = 190.0;
/// Height of a card's title.
const TITLE: f32 = 34.0;

/// Shows the picker while it is open.
pub(super) fn share_picker(ui: &mut Ui, view: &mut View<'_>) {
    if view.model.share_picker.is_none() {
        return;
    }
    let colors = view.colors;
    let found = view.model.snapshot.share_options.clone();
    let title = "Share a screen or a window";
    let action = modal(ui, colors, title, Behind::Window, WIDTH, |ui| {
        dialog::title(ui, colors, title);
        dialog::body(ui, colors, "The others see it until you stop. Windows of Visavis are not listed.");
        ui.add_space(16.0);
        let height = (ui.ctx().content_rect().height() - 300.0).clamp(120.0, 420.0);
        let chosen = match found.as_deref() {
            None => waiting(ui, view, height),
            Some(found) if found.support != SharingSupport::Yes => unsupported(ui, view, found.support),
            Some(found) => cards(ui, view, found, height),
        };
        ui.add_space(20.0);
        chosen.or(answer(ui, view))
    });
    let escaped = ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)).then_some(ShareAction::Cancel);
    if let Some(action) = action.or(escaped) {
        view.dispatch(Action::Share(action));
    }
}

fn waiting(ui: &mut Ui, view: &View<'_>, height: f32) -> Option<ShareAction> {
    ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
        ui.set_min_height(height);
        ui.vertical_centered(|ui| {
            ui.add_space(height / 2.0 - 16.0);
            add_spinner(ui, 28.0, view.colors.text_2);
        });
    });
    None
}

fn unsupported(ui: &mut Ui, view: &View<'_>, support: SharingSupport) -> Option<ShareAction> {
    text::add_paragraph(ui, text::LEAD, view.colors.text, strings::sharing_support(support));
    None
}

/// The buttons at the lower edge.
fn answer(ui: &mut Ui, view: &View<'_>) -> Option<ShareAction> {
    let ready = share::chosen(view.model).is_some();
    if !ready {
        // Nothing is chosen: there is nothing to share yet.
        let cancel = Button::new("Cancel", Look::Plain);
        let [response] = buttons(ui, view.colors, Align::Max, 10.0, [cancel]);
        view.focus(&response, Focus::Dialog);
        return response.clicked().then_some(ShareAction::Cancel);
    }
    let both = [Button::new("Cancel", Look::Plain), Button::new("Share", Look::Main).named("Share what is chosen")];
    let [cancel, share] = buttons(ui, view.colors, Align::Max, 10.0, both);
    view.focus(&cancel, Focus::Dialog);
    match (share.clicked(), cancel.clicked()) {
        (true, _) => Some(ShareAction::Start),
        (_, true) => Some(ShareAction::Cancel),
        _ => None,
    }
}

/// The screens, then the windows.
fn cards(ui: &mut Ui, view: &mut View<'_>, found: &ShareOptions, height: f32) -> Option<ShareAction> {
    let mut action = None;
    ScrollArea::vertical().max_height(height).auto_shrink([false, true]).show(ui, |ui| {
        ui.set_width(ui.available_width() - 10.0);
        for (kind, title) in [(ScreenSourceKind::Screen, "Screens"), (ScreenSourceKind::Window, "Windows")] {
            let of_kind: Vec<&ShareOption> = found.options.iter().filter(|o| o.kind == kind).collect();
            text::add_line(ui, text::CAPS, view.colors.text_2, &title.to_uppercase());
            ui.add_space(8.0);
            if of_kind.is_empty() {
                let none = if kind == ScreenSourceKind::Screen { "There is no screen." } else { "No window is open." };
                text::add_line(ui, text::SMALL, view.colors.text_2, none);
            }
            let columns = ((ui.available_width() + GAP) / (LEAST + GAP)).floor().max(1.0) as usize;
            let width = (ui.available_width() - (columns - 1) as f32 * GAP) / columns as f32;
            for row in of_kind.chunks(columns) {
                let (_, line) = ui.allocate_space(vec2(ui.available_width(), width * 9.0 / 16.0 + TITLE));
                for (i, option) in row.iter().enumerate() {
                    let left = line.left() + i as f32 * (width + GAP);
                    let rect = Rect::from_min_size(pos2(left, line.top()), vec2(width, line.height()));
                    action = card(ui, view, option, rect).or(action.take());
                }
                ui.add_space(GAP);
            }
            ui.add_space(6.0);
        }
    });
    action
}

fn card(ui: &mut Ui, view: &mut View<'_>, option: &ShareOption, rect: Rect) -> Option<ShareAction> {
    let c = view.colors;
    let picker = view.model.share_picker.as_ref();
    let is_chosen = picker.is_some_and(|picker| picker.chosen.as_deref() == Some(option.id.as_str()));
    let kind = if option.kind == ScreenSourceKind::Screen { "Screen" } else { "Window" };
    let name = format!("{kind}: {}", option.label);
    let info = WidgetInfo::selected(Role::RadioButton, true, is_chosen, name);
    let card = clickable(ui, rect, Id::unique(("share option", &option.id)), info);
    let (width, height) = option.size;
    let description = format!("{width} by {height} pixels");
    ui.ctx().accesskit_node_builder(card.response.id, |node| node.set_description(description));
    if card.response.gained_focus() {
        card.response.scroll_to_me(None);
    }
    let picture = rect.with_max_y(rect.bottom() - TITLE);
    ui.painter().rect_filled(picture, radius::CONTROL, c.camera_off);
    let inner = picture.shrink(4.0);
    let look = VideoLook { radius: radius::CHIP, ..VideoLook::plain(c.camera_off) };
    let key = VideoKey::ShareOption(option.id.clone());
    if !ui.is_rect_visible(inner) || !view.videos.show(ui, inner, &key, &option.frames, &look) {
        let icon = if option.kind == ScreenSourceKind::Screen { icons::DESKTOP } else { icons::APP_WINDOW };
        text::icon(ui, inner.center(), 28.0, c.text_3, icon);
    }
    let (edge, stroke) = match (is_chosen, card.hover > 0.0) {
        (true, _) => (c.accent, 3.0),
        (_, true) => (c.border_strong, 1.0),
        _ => (c.border, 1.0),
    };
    ui.painter().rect_stroke(picture, radius::CONTROL, Stroke::new(stroke, edge), StrokeKind::Inside);
    if is_chosen {
        text::icon_fill(ui, picture.right_top() + vec2(-18.0, 18.0), 22.0, c.accent, icons::CHECK_CIRCLE);
    }
    let at = pos2(rect.center().x, rect.bottom() - TITLE / 2.0 + 2.0);
    let (weight, color) = if is_chosen { (text::LABEL_STRONG, c.text) } else { (text::LABEL, c.text_2) };
    text::paint(ui, at, Align2::CENTER_CENTER, weight, color, &option.label, rect.width() - 8.0);
    card.ring(ui, c, radius::CONTROL);
    if card.response.double_clicked() && is_chosen {
        return Some(ShareAction::Start);
    }
    card.response.clicked().then(|| ShareAction::Choose(option.id.clone()))
}
