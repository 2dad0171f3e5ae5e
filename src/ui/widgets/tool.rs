//! The tool bar's buttons: Mic and Camera with their lamps, and Leave.

use super::{animate, focus_ring, lamp, mix, spinner};
use crate::call::view::{DeviceState, LocalDevice};
use crate::ui::text;
use crate::ui::tokens::{Palette, radius, size, time};
use crate::ui::{fonts, icons};
use egui::{
    Align2, Color32, CornerRadius, CursorIcon, FontId, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};

/// A tool button for one of our devices. The word says what is, the tooltip what a press does.
pub(in crate::ui) struct Tool<'a> {
    /// Accessible name: "Microphone", "Camera".
    pub(in crate::ui) name: &'a str,
    /// The word's beginning: "Mic", "Camera".
    pub(in crate::ui) word: &'a str,
    /// The key, for the tooltip.
    pub(in crate::ui) key: &'a str,
    /// Icons for on and off.
    pub(in crate::ui) icons: [char; 2],
    /// What it shows.
    pub(in crate::ui) device: &'a LocalDevice,
    /// Whether there is room for words.
    pub(in crate::ui) words: bool,
    /// Whether it can be pressed.
    pub(in crate::ui) enabled: bool,
}

impl Tool<'_> {
    /// Shows the button in `rect`.
    pub(in crate::ui) fn show(&self, ui: &Ui, colors: &Palette, rect: Rect) -> Response {
        let on = self.on();
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let response = ui.interact(rect, ui.scope_id().with(("tool", self.name)), sense);
        let action = format!("Turn {} {}", self.name.to_lowercase(), if on { "off" } else { "on" });
        response.widget_info(|| WidgetInfo::selected(Role::Button, self.enabled, on, self.name));
        let description = format!("{action}, {}. {}", self.key, self.state());
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(description));
        self.draw(ui, colors, rect, &response);
        let tip = format!("{action} ({})", self.key);
        response.on_hover_text(tip).on_hover_cursor(CursorIcon::PointingHand)
    }

    /// What the button shows: the wish, or after the call what became of it.
    fn on(&self) -> bool {
        self.device.wanted && (self.enabled || self.device.state != DeviceState::Off)
    }

    /// What the lamp says, in words.
    fn state(&self) -> String {
        let name = self.name;
        match &self.device.state {
            DeviceState::Off => format!("{name} is off"),
            DeviceState::Opening => format!("{name} is being opened"),
            DeviceState::Open => format!("{name} is on"),
            DeviceState::Closing => format!("{name} is being closed"),
            DeviceState::Failed(problem) => format!("{name} does not work: {}", problem.message),
        }
    }

    fn draw(&self, ui: &Ui, colors: &Palette, rect: Rect, response: &Response) {
        let hover = animate(ui, response.id, response.hovered(), time::HOVER);
        let on = self.on();
        let failed = matches!(self.device.state, DeviceState::Failed(_));
        let moving = matches!(self.device.state, DeviceState::Opening | DeviceState::Closing);
        let (mut fill, mut color) = match (failed, moving, on) {
            (true, _, _) => (colors.warn_soft, colors.warn_text),
            (_, true, _) => (colors.control, colors.text_2),
            (_, _, true) => (mix(colors.control, colors.control_hover, hover), colors.text),
            _ => (colors.danger_soft, colors.danger_text),
        };
        if response.is_pointer_button_down_on() {
            fill = colors.control_active;
        }
        let dim = |c: Color32| if self.enabled { c } else { c.gamma_multiply(0.38) };
        (fill, color) = (dim(fill), dim(color));
        ui.painter().rect_filled(rect, radius::CONTROL, fill);

        let middle = if self.words { pos2(rect.center().x, rect.top() + 22.0) } else { rect.center() };
        let icon = if on && !failed { self.icons[0] } else { self.icons[1] };
        if moving {
            spinner(ui, middle, size::ICON_TOOL - 3.0, color);
        } else {
            text::icon(ui, middle, size::ICON_TOOL, color, icon);
        }
        let corner = pos2(middle.x + 16.5, middle.y - 8.5);
        let corner = if self.words { corner } else { pos2(rect.right() - 11.0, rect.top() + 11.0) };
        if failed {
            text::icon_fill(ui, corner, 13.0, color, icons::WARNING);
        } else {
            lamp(ui, corner, &self.device.state, dim(colors.lamp), dim(colors.danger_text));
        }
        if self.words {
            let word = format!("{} {}", self.word, if on { "on" } else { "off" });
            let at = pos2(rect.center().x, rect.top() + 46.0);
            text::paint(ui, at, Align2::CENTER_CENTER, text::TOOL, color, &word, rect.width());
        }
        focus_ring(ui, response, radius::CONTROL, colors);
    }
}

/// What Leave says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum LeaveState {
    /// Leave.
    Ready,
    /// Leaving… with a spinner.
    Leaving,
    /// Left: the others ended it.
    Left,
}

/// The Leave button, filled red, with its word in every state. `corners` are square where something adjoins it.
pub(in crate::ui) fn leave_button(
    ui: &Ui,
    colors: &Palette,
    rect: Rect,
    corners: CornerRadius,
    state: LeaveState,
) -> Response {
    let ready = state == LeaveState::Ready;
    let sense = if ready { Sense::click() } else { Sense::hover() };
    let response = ui.interact(rect, ui.scope_id().with("leave"), sense);
    let (name, word) = match state {
        LeaveState::Ready => ("Leave call", "Leave"),
        LeaveState::Leaving => ("Leaving the call", "Leaving…"),
        LeaveState::Left => ("Left the call", "Left"),
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ready, name));
    let hover = animate(ui, response.id, response.hovered() && ready, time::HOVER);
    let (fill, color) = match state {
        LeaveState::Ready => (red(colors, hover, &response), colors.on_danger),
        LeaveState::Leaving | LeaveState::Left => (colors.control, colors.text),
    };
    ui.painter().rect_filled(rect, corners, fill);
    let galley = ui.painter().layout_no_wrap(word.to_owned(), FontId::new(15.0, fonts::family(fonts::SEMIBOLD)), color);
    let content = 20.0 + 8.0 + galley.size().x;
    let left = rect.center().x - content / 2.0;
    let at = pos2(left + 10.0, rect.center().y);
    match state {
        LeaveState::Ready => text::icon_bold(ui, at, 20.0, color, icons::SIGN_OUT),
        LeaveState::Leaving => spinner(ui, at, 18.0, color),
        LeaveState::Left => text::icon_bold(ui, at, 20.0, color, icons::CHECK),
    }
    ui.painter().galley(pos2(left + 28.0, rect.center().y) - vec2(0.0, galley.size().y / 2.0), galley, color);
    focus_ring(ui, &response, corners, colors);
    if ready {
        return response.on_hover_text("Leave (Ctrl+Shift+L)").on_hover_cursor(CursorIcon::PointingHand);
    }
    response
}

/// What adjoins a host's Leave at its right and opens its menu.
pub(in crate::ui) fn leave_caret(ui: &Ui, colors: &Palette, rect: Rect, open: bool) -> Response {
    let name = "More ways to leave";
    let response = ui.interact(rect, ui.scope_id().with("leave caret"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_expanded(open));
    let hover = animate(ui, response.id, response.hovered() || open, time::HOVER);
    let [_, right] = leave_corners();
    ui.painter().rect_filled(rect, right, red(colors, hover, &response));
    let line = Stroke::new(1.0, colors.on_danger.gamma_multiply(0.45));
    ui.painter().vline(rect.left(), rect.y_range(), line);
    text::icon_bold(ui, rect.center(), 16.0, colors.on_danger, icons::CARET_UP);
    focus_ring(ui, &response, right, colors);
    response.on_hover_text(name).on_hover_cursor(CursorIcon::PointingHand)
}

/// The corners of Leave and of what adjoins it.
pub(in crate::ui) const fn leave_corners() -> [CornerRadius; 2] {
    let CornerRadius { nw, ne, sw, se } = radius::BUTTON_LARGE;
    [CornerRadius { nw, ne: 0, sw, se: 0 }, CornerRadius { nw: 0, ne, sw: 0, se }]
}

fn red(colors: &Palette, hover: f32, response: &Response) -> Color32 {
    if response.is_pointer_button_down_on() {
        colors.danger_pressed
    } else {
        mix(colors.danger, colors.danger_hover, hover)
    }
}
