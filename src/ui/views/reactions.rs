//! The tools for hand and reactions, the chip of a raised hand, and the reactions that fly over the stage.

use super::View;
use crate::base::Reaction;
use crate::ui::action::Action;
use crate::ui::details::DetailsAction;
use crate::ui::parts::{Focus, Menu};
use crate::ui::reactions::{self, Flying};
use crate::ui::screens::Screen;
use crate::ui::tokens::{overlay, radius};
use crate::ui::widgets::{MenuEntry, MenuResult, PanelTool, menu};
use crate::ui::{icons, strings, text};
use egui::{Align2, Color32, Pos2, Rect, Ui, UiBuilder, Vec2, pos2, vec2};

/// Diameter of the circle behind a flying reaction.
const CIRCLE: f32 = 52.0;
/// From one to the next: so many places beside each other, so far apart.
const PLACES: usize = 6;
const APART: f32 = 64.0;

/// Adds the button that raises or lowers our hand.
pub(super) fn hand_tool(ui: &mut Ui, view: &mut View<'_>, size: Vec2, words: bool) {
    let model = view.model;
    let up = model.call().is_some_and(|call| call.hand.is_some());
    let action = if up { "Lower hand" } else { "Raise hand" };
    let tool = PanelTool::new("Hand", icons::HAND, (action, "Ctrl+Shift+H"))
        .word(if up { "Hand up" } else { "Hand" })
        .open(up)
        .words(words)
        .enabled(model.screen == Screen::Call);
    let response = tool.show(ui, view.colors, size);
    view.on_click(&response, Action::ToggleHand);
}

/// Adds the button that opens the menu of reactions. `with_hand`: the menu has the hand and the
/// call details too, as there are no buttons for them.
pub(super) fn react_tool(ui: &mut Ui, view: &mut View<'_>, size: Vec2, words: bool, with_hand: bool) {
    let model = view.model;
    let open = model.menu == Some(Menu::Reactions);
    let hand = model.call().and_then(|call| call.hand).filter(|_| with_hand);
    let (name, action) = if with_hand { ("Hand and reactions", "Raise a hand or react") } else { ("React", "React") };
    let icon = if with_hand && hand.is_some() { icons::HAND } else { icons::SMILEY };
    let tool = PanelTool::new(name, icon, (action, "Ctrl+Shift+R"))
        .word("React")
        .open(open || hand.is_some())
        .words(words)
        .enabled(model.screen == Screen::Call);
    let response = tool.show(ui, view.colors, size);
    view.focus(&response, Focus::ReactButton);
    view.on_click(&response, Action::ToggleMenu(Menu::Reactions));
    if !open {
        return;
    }
    let item = |label: &str, icon, value| MenuEntry::Item {
        label: label.to_owned(),
        note: String::new(),
        icon,
        danger: false,
        value,
    };
    let mut entries = Vec::new();
    if with_hand {
        entries.push(item(if hand.is_some() { "Lower hand" } else { "Raise hand" }, icons::HAND, Action::ToggleHand));
    }
    let all = Reaction::ALL.map(|r| item(strings::reaction(r), reactions::icon(r), Action::React(r)));
    entries.extend(all);
    if with_hand {
        entries.push(item("Call details", icons::LIFEBUOY, Action::Details(DetailsAction::Toggle)));
    }
    match menu(ui, view.colors, &response, "Reactions", 0.0, &entries) {
        MenuResult::Open => {}
        MenuResult::Close => view.dispatch(Action::CloseMenu),
        MenuResult::Chosen(action) => view.dispatch(action),
    }
}

/// Paints the chip of a raised hand, with its place in the queue, into the upper left corner of a tile.
pub(super) fn hand_chip(ui: &Ui, view: &View<'_>, corner: Pos2, height: f32, place: usize) {
    let word = place.to_string();
    let icon = height * 0.58;
    let width = 10.0 + icon + 6.0 + text::width(ui, text::LABEL_STRONG, &word) + 10.0;
    let rect = Rect::from_min_size(corner, vec2(width, height));
    ui.painter().rect_filled(rect, radius::CHIP_LARGE, view.colors.accent);
    let color = view.colors.on_accent;
    text::icon_fill(ui, pos2(rect.left() + 10.0 + icon / 2.0, rect.center().y), icon, color, icons::HAND);
    let at = pos2(rect.left() + 16.0 + icon, rect.center().y);
    text::paint(ui, at, Align2::LEFT_CENTER, text::LABEL_STRONG, color, &word, width);
}

/// Lets the reactions rise over the stage, at its left. Without motion they stand still.
pub(super) fn flying(ui: &mut Ui, view: &View<'_>, stage: Rect) {
    if view.model.reactions.flying.is_empty() {
        return;
    }
    let mut above = ui.new_child(UiBuilder::new().max_rect(stage));
    above.set_clip_rect(stage);
    for one in &view.model.reactions.flying {
        paint(&above, view, stage, one);
    }
}

fn paint(ui: &Ui, view: &View<'_>, stage: Rect, one: &Flying) {
    let gone = ((view.model.now - one.since) / reactions::FLIGHT).clamp(0.0, 1.0) as f32;
    let is_still = view.model.settings.reduce_motion;
    let rise = if is_still { 0.0 } else { 1.0 - (1.0 - gone).powi(2) };
    // It appears at once, and fades at the end.
    let light = ((1.0 - gone) / 0.25).min(1.0);
    let places = ((stage.width() - 2.0 * APART) / APART).clamp(1.0, PLACES as f32) as usize;
    let x = stage.left() + APART + (one.number % places) as f32 * APART;
    let bottom = stage.bottom() - CIRCLE;
    let at = pos2(x, bottom - rise * (stage.height() * 0.55));
    let dim = |c: Color32| c.gamma_multiply(light);
    ui.painter().circle_filled(at, CIRCLE / 2.0, dim(overlay::BACKGROUND));
    text::icon_fill(ui, at, 30.0, dim(overlay::LAMP), reactions::icon(one.reaction));
    let width = text::width(ui, text::TOOL, &one.name).min(APART + 40.0);
    let name = Rect::from_center_size(at + vec2(0.0, CIRCLE / 2.0 + 12.0), vec2(width + 12.0, 18.0));
    ui.painter().rect_filled(name, radius::CHIP, dim(overlay::BACKGROUND));
    text::paint(ui, name.center(), Align2::CENTER_CENTER, text::TOOL, dim(overlay::TEXT), &one.name, width + 1.0);
}
