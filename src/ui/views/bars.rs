//! Top bar and tool bar of a call.

use super::{View, compact, host};
use crate::base::{ConnectionQuality, DeviceKind, ExitRequestedBy};
use crate::call::view::CallPhase;
use crate::ui::action::Action;
use crate::ui::model::{Focus, Menu};
use crate::ui::screens::Screen;
use crate::ui::tile_layout::LayoutMode;
use crate::ui::tokens::{radius, size, time};
use crate::ui::widgets::{
    LeaveState, Part, Tool, animate, icon_button, leave_button, leave_corners, mark, pill, segments,
};
use crate::ui::{icons, text};
use egui::{Align2, Key, Modifiers, Rect, Stroke, Ui, pos2, vec2};

/// Draws the top bar: mark, room, timer, connection.
pub(super) fn top(ui: &mut Ui, view: &mut View<'_>, bar: Rect) {
    let colors = view.colors;
    ui.painter().rect_filled(bar, 0.0, colors.surface);
    ui.painter().hline(bar.x_range(), bar.bottom() - 0.5, Stroke::new(1.0, colors.border));
    let middle = bar.center().y;
    let leaving = !matches!(view.model.screen, Screen::Call);
    let open = animate(ui, ui.scope_id().with("mark"), leaving, time::MARK_OPEN) * 3.0;
    let logo = Rect::from_center_size(pos2(bar.left() + 27.0, middle), vec2(22.0, 22.0));
    mark(ui.painter(), logo, colors, open);
    let (edge, gap) = if compact(bar) { (8.0, 3.0) } else { (12.0, 8.0) };
    let right = settings(ui, view, pos2(bar.right() - edge, middle));
    let right = layout(ui, view, pos2(right - gap, middle), compact(bar));
    let right = connection(ui, view, pos2(right, middle), compact(bar));
    let right = host::invite(ui, view, pos2(right - 8.0, middle), compact(bar));

    let Some(call) = view.model.call() else { return };
    let stay = match call.phase {
        CallPhase::Ended(_) | CallPhase::Leaving(_) => view.model.screens.stay.0,
        _ => view.model.screens.in_call(view.model.now),
    };
    let timer = clock(stay);
    let timer_width = text::width(ui, text::MONO, &timer);
    let room = call.room.to_string();
    let at = pos2(bar.left() + 50.0, middle);
    let space = right - at.x - timer_width - 28.0;
    let name = text::label(ui, at, Align2::LEFT_CENTER, text::BODY_STRONG, colors.text, &room, space);
    let at = pos2(name.right() + 12.0, middle);
    let timer = text::label(ui, at, Align2::LEFT_CENTER, text::MONO, colors.text_2, &timer, f32::INFINITY);
    host::sign(ui, view, call, timer.right() + 12.0, (right, middle));
}

/// The way to the settings, its right centre at `at`; returns its left edge.
fn settings(ui: &Ui, view: &mut View<'_>, at: egui::Pos2) -> f32 {
    let rect = Rect::from_min_size(pos2(at.x - 36.0, at.y - 16.0), vec2(36.0, 32.0));
    let enabled = view.model.screen == Screen::Call;
    let response = icon_button(ui, view.colors, rect, "Settings", (icons::GEAR_SIX, 20.0), enabled);
    view.focus(&response, Focus::Settings);
    view.on_click(&response, Action::ToggleSettings);
    rect.left()
}

/// Grid or speaker, where there is a choice; returns what is left of it.
fn layout(ui: &Ui, view: &mut View<'_>, at: egui::Pos2, small: bool) -> f32 {
    // It stays where it is while the call ends: nothing else is to move then.
    let open = view.model.screen == Screen::Call;
    let many = if open { view.model.call().is_some_and(|c| c.people.len() > 1) } else { view.model.screens.stay.1 > 2 };
    if small || !many {
        return at.x;
    }
    let parts =
        [Part { word: "Grid", icon: Some(icons::SQUARES_FOUR) }, Part { word: "Speaker", icon: Some(icons::SIDEBAR) }];
    let now = usize::from(view.model.tile_layout.shown_layout() == LayoutMode::Speaker);
    let (pressed, left) = segments(ui, view.colors, at, "Layout", &parts, Some(now));
    if let Some(i) = pressed.filter(|_| open) {
        view.dispatch(Action::SetLayout([LayoutMode::Grid, LayoutMode::Speaker][i]));
    }
    left - 12.0
}

/// The chip that says how our own link is; returns its left edge.
fn connection(ui: &mut Ui, view: &View<'_>, at: egui::Pos2, short: bool) -> f32 {
    let c = view.colors;
    let Some(call) = view.model.call() else { return at.x };
    let (colors, icon, word) = match (&call.phase, call.quality) {
        (CallPhase::Ended(_), _) => ((c.control, c.text_2), icons::WIFI_SLASH, "Not connected"),
        (CallPhase::Reconnecting { .. }, _) => ((c.warn_soft, c.warn_text), icons::WIFI_LOW, "Reconnecting"),
        (_, ConnectionQuality::Unknown) => ((c.control, c.text_2), icons::WIFI_HIGH, "Connected"),
        (_, ConnectionQuality::Lost) => ((c.warn_soft, c.warn_text), icons::WIFI_SLASH, "No connection"),
        (_, ConnectionQuality::Poor) if short => ((c.warn_soft, c.warn_text), icons::WIFI_LOW, "Weak"),
        (_, ConnectionQuality::Poor) => ((c.warn_soft, c.warn_text), icons::WIFI_LOW, "Weak connection"),
        (_, _) if short => ((c.live_soft, c.live_text), icons::WIFI_HIGH, "Good"),
        (_, _) => ((c.live_soft, c.live_text), icons::WIFI_HIGH, "Good connection"),
    };
    pill(ui, [at.x, at.y, 26.0], colors, icon, word).left()
}

/// `24:16`, `1:02:03`.
fn clock(seconds: f64) -> String {
    let s = seconds as u64;
    let (hours, minutes, seconds) = (s / 3600, s / 60 % 60, s % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:02}:{seconds:02}") }
}

/// Draws the tool bar: Mic and Camera with their device lists, and Leave, which never moves.
pub(super) fn tools(ui: &mut Ui, view: &mut View<'_>, bar: Rect) {
    let colors = view.colors;
    ui.painter().rect_filled(bar, 0.0, colors.surface);
    ui.painter().hline(bar.x_range(), bar.top() + 0.5, Stroke::new(1.0, colors.border));
    let small = compact(bar);
    let [width, height] = if small { size::TOOL_COMPACT } else { size::TOOL };
    let gap = if small { 4.0 } else { 6.0 };
    let middle = bar.top() + bar.height() / 2.0 + if small { 1.0 } else { 0.0 };
    let pair = width + size::TOOL_CARET;
    let left = if small { bar.left() + 12.0 } else { bar.center().x - pair - gap / 2.0 };
    let words = bar.width() >= size::NARROW_BELOW;
    for (i, kind) in [DeviceKind::Microphone, DeviceKind::Camera].into_iter().enumerate() {
        let x = left + i as f32 * (pair + gap);
        let rect = Rect::from_min_size(pos2(x, middle - height / 2.0 + 1.0), vec2(width, height));
        tool(ui, view, rect, kind, words);
    }
    leave(ui, view, bar, small);
}

fn tool(ui: &mut Ui, view: &mut View<'_>, rect: Rect, kind: DeviceKind, words: bool) {
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
        words,
        enabled,
    };
    let response = tool.show(ui, view.colors, rect);
    view.on_click(&response, if microphone { Action::ToggleMicrophone } else { Action::ToggleCamera });
    if microphone {
        view.focus(&response, Focus::Microphone);
    }
    let menu = Menu::Tool(kind);
    let key = response.has_focus() && ui.input_mut(|i| i.consume_key(Modifiers::SHIFT, Key::F10));
    if enabled && (response.secondary_clicked() || key) {
        view.dispatch(Action::ToggleMenu(menu.clone()));
    }
    let caret = Rect::from_min_size(rect.right_top(), vec2(size::TOOL_CARET, rect.height()));
    let name = if microphone { "Choose microphone and speaker" } else { "Choose camera" };
    let opener = icon_button(ui, view.colors, caret, name, (icons::CARET_UP, 13.0), enabled);
    view.on_click(&opener, Action::ToggleMenu(menu.clone()));
    if view.model.menu == Some(menu) {
        super::devices::tool_menu(ui, view, kind, &response);
    }
}

fn leave(ui: &mut Ui, view: &mut View<'_>, bar: Rect, small: bool) {
    let hosts = host::is_host(view);
    let [width, height] = match (hosts, small) {
        (true, _) => size::LEAVE_HOST,
        (false, true) => size::LEAVE_COMPACT,
        (false, false) => size::LEAVE,
    };
    let middle = bar.top() + bar.height() / 2.0 + 1.0;
    let rect = Rect::from_min_size(pos2(bar.right() - 16.0 - width, middle - height / 2.0), vec2(width, height));
    let state = match view.model.screen {
        Screen::Leaving { .. } => LeaveState::Leaving,
        Screen::Over(_) => LeaveState::Left,
        _ => LeaveState::Ready,
    };
    if !hosts || state != LeaveState::Ready {
        let response = leave_button(ui, view.colors, rect, radius::BUTTON_LARGE, state);
        view.focus(&response, Focus::Leave);
        return view.on_click(&response, Action::Leave(ExitRequestedBy::User));
    }
    let (left, right) = rect.split_left_right_at_x(rect.right() - size::LEAVE_CARET);
    let response = leave_button(ui, view.colors, left, leave_corners()[0], state);
    view.focus(&response, Focus::Leave);
    view.on_click(&response, Action::Leave(ExitRequestedBy::User));
    let key = response.has_focus() && ui.input_mut(|i| i.consume_key(Modifiers::SHIFT, Key::F10));
    host::leave_menu(ui, view, right, key || response.secondary_clicked());
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
