//! Top bar and tool bar of a call.

use super::{View, compact, host, reactions, view_menu};
use crate::base::{ConnectionQuality, DeviceKind, ExitRequestedBy};
use crate::call::view::CallPhase;
use crate::ui::action::Action;
use crate::ui::chat::ChatAction;
use crate::ui::details::{self, DetailsAction};
use crate::ui::model::Model;
use crate::ui::parts::{Focus, Menu};
use crate::ui::people::PeopleAction;
use crate::ui::screens::Screen;
use crate::ui::share::ShareAction;
use crate::ui::strings::{withheld, withheld_word};
use crate::ui::tile_layout::LayoutMode;
use crate::ui::tokens::{Palette, radius, size, time};
use crate::ui::widgets::{
    IconButton, LeaveState, PanelTool, Part, Pill, Tool, add_mark, animate, leave_button, leave_corners, place,
    segments,
};
use crate::ui::{icons, text};
use egui::{Align, Align2, Id, Key, Layout, Modifiers, Rect, Stroke, Ui, Vec2, vec2};

/// Draws the top bar: mark, room, timer; connection, layout, settings.
pub(super) fn top(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    let (_, bar) = ui.allocate_space(vec2(ui.available_width(), size::TOP_BAR));
    ui.painter().rect_filled(bar, 0.0, colors.surface);
    ui.painter().hline(bar.x_range(), bar.bottom() - 0.5, Stroke::new(1.0, colors.border));
    let small = compact(bar);
    let (edge, gap) = if small { (8.0, 3.0) } else { (12.0, 8.0) };
    let inner = Rect::from_min_max(bar.min + vec2(16.0, 0.0), bar.max - vec2(edge, 0.0));
    place::within(ui, inner, Layout::top_down(Align::Min), |ui| {
        let model = view.model;
        place::sides(
            ui,
            size::TOP_BAR,
            0.0,
            |ui| top_left(ui, model, colors),
            |ui| {
                settings(ui, view);
                ui.add_space(gap);
                layout(ui, view, small);
                connection(ui, view, small);
                view_menu::view_menu(ui, view);
                ui.add_space(8.0);
                host::invite(ui, view, small);
            },
        );
    });
}

/// The mark, the room, the timer, and a host's chip.
fn top_left(ui: &mut Ui, model: &Model, colors: &Palette) {
    let leaving = !matches!(model.screen, Screen::Call);
    let open = animate(ui, Id::unique("top bar's mark"), leaving, time::MARK_OPEN) * 3.0;
    add_mark(ui, 22.0, colors, open);
    ui.add_space(12.0);
    let Some(call) = model.call() else { return };
    let stay = match call.phase {
        CallPhase::Ended(_) | CallPhase::Leaving(_) => model.screens.stay.0,
        _ => model.screens.in_call(model.now),
    };
    let timer = clock(stay);
    let reserved = text::width(ui, text::MONO, &timer) + 28.0;
    ui.scope(|ui| {
        ui.set_max_width(ui.available_width() - reserved);
        text::add_line(ui, text::BODY_STRONG, colors.text, &call.room.shown());
    });
    ui.add_space(12.0);
    text::add_line(ui, text::MONO, colors.text_2, &timer);
    host::sign(ui, colors, call);
}

/// The settings button.
fn settings(ui: &mut Ui, view: &mut View<'_>) {
    let enabled = view.model.screen == Screen::Call;
    let button = IconButton::new("Settings", icons::GEAR_SIX).icon_size(20.0).enabled(enabled);
    let response = button.show(ui, view.colors);
    view.focus(&response, Focus::Settings);
    view.on_click(&response, Action::ToggleSettings);
}

/// Grid or speaker, where others have two or more tiles.
fn layout(ui: &mut Ui, view: &mut View<'_>, small: bool) {
    // It stays while the call ends: the bar must not move then.
    let open = view.model.screen == Screen::Call;
    let call = view.model.call().filter(|_| open);
    let tiles = call.map_or(view.model.screens.remote_tiles, |call| view.model.tile_layout.tiles(&call.people).len());
    if small || tiles < 2 {
        return;
    }
    let parts =
        [Part { word: "Grid", icon: Some(icons::SQUARES_FOUR) }, Part { word: "Speaker", icon: Some(icons::SIDEBAR) }];
    let now = usize::from(view.model.tile_layout.shown_layout() == LayoutMode::Speaker);
    let pressed = segments(ui, view.colors, "Layout", &parts, Some(now));
    if let Some(i) = pressed.filter(|_| open) {
        view.dispatch(Action::SetLayout([LayoutMode::Grid, LayoutMode::Speaker][i]));
    }
    ui.add_space(12.0);
}

/// The chip with our own connection's quality.
fn connection(ui: &mut Ui, view: &View<'_>, short: bool) {
    let c = view.colors;
    let Some(call) = view.model.call() else { return };
    let ((fill, color), icon, word) = match (&call.phase, call.quality) {
        (CallPhase::Ended(_), _) => ((c.control, c.text_2), icons::WIFI_SLASH, "Not connected"),
        (CallPhase::Reconnecting { .. }, _) => ((c.warn_soft, c.warn_text), icons::WIFI_LOW, "Reconnecting"),
        (_, ConnectionQuality::Unknown) => ((c.control, c.text_2), icons::WIFI_HIGH, "Connected"),
        (_, ConnectionQuality::Lost) => ((c.warn_soft, c.warn_text), icons::WIFI_SLASH, "No connection"),
        (_, ConnectionQuality::Poor) if short => ((c.warn_soft, c.warn_text), icons::WIFI_LOW, "Weak"),
        (_, ConnectionQuality::Poor) => ((c.warn_soft, c.warn_text), icons::WIFI_LOW, "Weak connection"),
        (_, _) if short => ((c.live_soft, c.live_text), icons::WIFI_HIGH, "Good"),
        (_, _) => ((c.live_soft, c.live_text), icons::WIFI_HIGH, "Good connection"),
    };
    Pill { word, icon, fill, color, height: size::TOP_BAR_PILL }.show(ui);
}

/// `24:16`, `1:02:03`.
fn clock(seconds: f64) -> String {
    let s = seconds as u64;
    let (hours, minutes, seconds) = (s / 3600, s / 60 % 60, s % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:02}:{seconds:02}") }
}

/// Draws the tool bar: Mic and Camera with their device lists, Share, Hand and reactions, Chat, People, Support, and Leave,
/// which never moves.
pub(super) fn tools(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    let (_, bar) = ui.allocate_space(ui.available_size());
    ui.painter().rect_filled(bar, 0.0, colors.surface);
    ui.painter().hline(bar.x_range(), bar.top() + 0.5, Stroke::new(1.0, colors.border));
    let small = compact(bar);
    let words = bar.width() >= size::NARROW_BELOW;
    let [width, height] = if words { size::TOOL } else { size::TOOL_COMPACT };
    let gap = if small { 3.0 } else { 6.0 };
    let edge = if words { 2.0 } else { 4.0 };
    let between = if small { gap } else { 25.0 };
    let size = vec2(width, height);
    // In a compact bar one button has hand and reactions, and the chat's panel has the button for the people.
    let live = if small { 2.0 * width + gap } else { 3.0 * width + 2.0 * gap };
    // Nor has it a button for the call details: their key and the menu of reactions open them.
    let panels = if small { width } else { 3.0 * width + 2.0 * gap };
    let all = vec2(2.0 * (width + caret_width(small)) + gap + 2.0 * between + live + panels, height);
    // In the middle where that does not meet a host's Leave.
    let is_centered = words && bar.width() >= all.x + 2.0 * (size::LEAVE_HOST[0] + 32.0);
    let align = if is_centered { Align2::CENTER_CENTER } else { Align2::LEFT_CENTER };
    // The line at the bar's top belongs to its edge.
    let below_edge = bar.with_min_y(bar.top() + edge).shrink2(vec2(if small { 8.0 } else { 12.0 }, 0.0));
    place::overlay(ui, below_edge, align, all, |ui| {
        let space = |ui: &mut Ui| {
            let (_, line) = ui.allocate_space(vec2(between, 36.0));
            if !small {
                ui.painter().vline(line.center().x, line.y_range(), Stroke::new(1.0, colors.border));
            }
        };
        let caret = caret_width(small);
        tool(ui, view, (size, caret), DeviceKind::Microphone, words);
        ui.add_space(gap);
        tool(ui, view, (size, caret), DeviceKind::Camera, words);
        space(ui);
        share_tool(ui, view, size, words);
        ui.add_space(gap);
        if !small {
            reactions::hand_tool(ui, view, size, words);
            ui.add_space(gap);
        }
        reactions::react_tool(ui, view, size, words, small);
        space(ui);
        chat_tool(ui, view, size, words);
        if !small {
            ui.add_space(gap);
            people_tool(ui, view, size, words);
            ui.add_space(gap);
            details_tool(ui, view, size, words);
        }
    });
    leave(ui, view, bar.with_min_y(bar.top() + 2.0).shrink2(vec2(16.0, 0.0)), small);
}

/// Width of the button beside Mic and Camera.
const fn caret_width(small: bool) -> f32 {
    if small { 24.0 } else { size::TOOL_CARET }
}

fn tool(ui: &mut Ui, view: &mut View<'_>, (size, caret): (Vec2, f32), kind: DeviceKind, words: bool) {
    let enabled = view.model.screen == Screen::Call;
    let microphone = kind == DeviceKind::Microphone;
    let tool = Tool {
        name: if microphone { "Microphone" } else { "Camera" },
        word: if microphone { "Mic" } else { "Camera" },
        key: if microphone { "Ctrl+D" } else { "Ctrl+E" },
        icons: if microphone {
            [icons::MICROPHONE, icons::MICROPHONE_SLASH]
        } else {
            [icons::VIDEO_CAMERA, icons::VIDEO_CAMERA_SLASH]
        },
        device: view.model.device(kind),
        withheld: view.model.device(kind).withheld.map(|why| (why, [withheld(kind, why), withheld_word(why)])),
        words,
        enabled,
    };
    let response = tool.show(ui, view.colors, size);
    view.on_click(&response, if microphone { Action::ToggleMicrophone } else { Action::ToggleCamera });
    if microphone {
        view.focus(&response, Focus::Microphone);
    }
    let menu = Menu::Tool(kind);
    let key = response.has_focus() && ui.input_mut(|i| i.consume_key(Modifiers::SHIFT, Key::F10));
    if enabled && (response.secondary_clicked() || key) {
        view.dispatch(Action::ToggleMenu(menu.clone()));
    }
    let name = if microphone { "Choose microphone and speaker" } else { "Choose camera" };
    let button = IconButton::new(name, icons::CARET_UP).icon_size(13.0).size([caret, size.y]);
    let opener = button.enabled(enabled).show(ui, view.colors);
    view.on_click(&opener, Action::ToggleMenu(menu.clone()));
    if view.model.menu == Some(menu) {
        super::devices::tool_menu(ui, view, kind, &response);
    }
}

/// The button that shares a screen, or stops that.
fn share_tool(ui: &mut Ui, view: &mut View<'_>, size: Vec2, words: bool) {
    let model = view.model;
    let shares = model.shares();
    let action = if shares { "Stop sharing" } else { "Share a screen or a window" };
    let tool = PanelTool::new("Share", icons::MONITOR_ARROW_UP, (action, "Ctrl+Shift+S"))
        .word(if shares { "Sharing" } else { "Share" })
        .open(shares)
        .words(words)
        .enabled(model.screen == Screen::Call);
    let response = tool.show(ui, view.colors, size);
    view.focus(&response, Focus::ShareButton);
    view.on_click(&response, Action::Share(ShareAction::Toggle));
}

/// The button that opens the chat.
fn chat_tool(ui: &mut Ui, view: &mut View<'_>, size: Vec2, words: bool) {
    let model = view.model;
    let open = model.chat.open && !model.settings_open;
    let action = if open { "Close chat" } else { "Open chat" };
    let tool = PanelTool::new("Chat", icons::CHAT_CIRCLE_TEXT, (action, "Ctrl+Shift+C"))
        .open(open)
        .unread(model.call().map_or(0, |call| model.chat.unread(call)), "unread")
        .words(words)
        .enabled(model.screen == Screen::Call);
    let response = tool.show(ui, view.colors, size);
    view.focus(&response, Focus::ChatButton);
    view.on_click(&response, Action::Chat(ChatAction::Toggle));
}

/// The button that opens the call details.
fn details_tool(ui: &mut Ui, view: &mut View<'_>, size: Vec2, words: bool) {
    let model = view.model;
    let open = details::is_shown(model);
    let action = if open { "Close call details" } else { "Open call details" };
    let tool = PanelTool::new("Support", icons::LIFEBUOY, (action, "Ctrl+Shift+U"))
        .open(open)
        .words(words)
        .enabled(model.screen == Screen::Call);
    let response = tool.show(ui, view.colors, size);
    view.focus(&response, Focus::DetailsButton);
    view.on_click(&response, Action::Details(DetailsAction::Toggle));
}

/// The button that opens the list of people.
fn people_tool(ui: &mut Ui, view: &mut View<'_>, size: Vec2, words: bool) {
    let model = view.model;
    let open = model.people.open && !model.settings_open;
    let action = if open { "Close the list of people" } else { "Open the list of people" };
    let word = format!("People {}", model.call().map_or(1, |call| call.people.len() + 1));
    let tool = PanelTool::new("People", icons::USERS_THREE, (action, "Ctrl+Shift+P"))
        .word(&word)
        .open(open)
        .words(words)
        .enabled(model.screen == Screen::Call);
    let response = tool.show(ui, view.colors, size);
    view.focus(&response, Focus::PeopleButton);
    view.on_click(&response, Action::People(PeopleAction::Toggle));
}

/// Leave at the right end of `area`; a host's has a menu beside it.
fn leave(ui: &mut Ui, view: &mut View<'_>, area: Rect, small: bool) {
    let hosts = host::is_host(view);
    let [width, height] = match (hosts, small) {
        (true, _) => size::LEAVE_HOST,
        (false, true) => size::LEAVE_COMPACT,
        (false, false) => size::LEAVE,
    };
    let state = match view.model.screen {
        Screen::Leaving { .. } => LeaveState::Leaving,
        Screen::Over(_) => LeaveState::Left,
        _ => LeaveState::Ready,
    };
    place::overlay(ui, area, Align2::RIGHT_CENTER, vec2(width, height), |ui| {
        let with_menu = hosts && state == LeaveState::Ready;
        let caret = if with_menu { size::LEAVE_CARET } else { 0.0 };
        let corners = if with_menu { leave_corners()[0] } else { radius::BUTTON_LARGE };
        let response = leave_button(ui, view.colors, vec2(width - caret, height), corners, state);
        view.on_click(&response, Action::Leave(ExitRequestedBy::User));
        if with_menu {
            let key = response.has_focus() && ui.input_mut(|i| i.consume_key(Modifiers::SHIFT, Key::F10));
            host::leave_menu(ui, view, vec2(caret, height), key || response.secondary_clicked());
        }
    });
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_timer_counts_hours_when_there_are_some() {
        assert_eq!(super::clock(12.9), "00:12");
        assert_eq!(super::clock(24.0 * 60.0 + 16.0), "24:16");
        assert_eq!(super::clock(3723.0), "1:02:03");
    }
}
