//! The tool bar's buttons: Mic and Camera with their lamps, and Leave.

use super::{Pressable, clickable, lamp, mix, spinner};
use crate::base::Withheld;
use crate::call::view::{DeviceState, LocalDevice};
use crate::ui::icons;
use crate::ui::text;
use crate::ui::tokens::{Palette, radius, size};
use egui::{Align2, Color32, CornerRadius, Id, Rect, Response, Role, Stroke, Ui, Vec2, WidgetInfo, pos2};

/// A button for one of our devices. Its word tells the state, its tooltip what a press does.
pub(in crate::ui) struct Tool<'a> {
    /// Accessible name: "Microphone", "Camera".
    pub(in crate::ui) name: &'a str,
    /// The word's beginning: "Mic", "Camera".
    pub(in crate::ui) word: &'a str,
    /// The key, for the tooltip.
    pub(in crate::ui) key: &'a str,
    /// Icons for on and off.
    pub(in crate::ui) icons: [char; 2],
    pub(in crate::ui) device: &'a LocalDevice,
    /// Why others keep the device off, and the words for it: a sentence, and the button's.
    pub(in crate::ui) withheld: Option<(Withheld, [&'static str; 2])>,
    /// Whether there is room for words.
    pub(in crate::ui) words: bool,
    pub(in crate::ui) enabled: bool,
}

impl Tool<'_> {
    /// Adds the button.
    pub(in crate::ui) fn show(&self, ui: &mut Ui, colors: &Palette, size: Vec2) -> Response {
        let (_, rect) = ui.allocate_space(size);
        let on = self.on();
        let info = WidgetInfo::selected(Role::Button, self.enabled, on, self.name);
        let tool = clickable(ui, rect, Id::unique(("tool", self.name)), info);
        let action = format!("Turn {} {}", self.name.to_lowercase(), if on { "off" } else { "on" });
        let (description, hover) = match self.withheld {
            // A press changes nothing.
            Some((Withheld::NotAllowed, [sentence, _])) => (sentence.to_owned(), sentence.to_owned()),
            Some((_, [sentence, _])) => {
                (format!("{action}, {}. {sentence}", self.key), format!("{sentence}. {action} ({})", self.key))
            }
            None => (format!("{action}, {}. {}", self.key, self.state()), format!("{action} ({})", self.key)),
        };
        ui.ctx().accesskit_node_builder(tool.response.id, |node| node.set_description(description));
        self.draw(ui, colors, rect, &tool);
        text::hint(tool.response, &hover)
    }

    /// Whether it shows "on": what the user wants, or, while disabled, whether the device is open.
    fn on(&self) -> bool {
        self.device.wanted && (self.enabled || self.device.state != DeviceState::Off)
    }

    /// The lamp's state in words.
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

    fn draw(&self, ui: &Ui, colors: &Palette, rect: Rect, tool: &Pressable) {
        let on = self.on();
        let failed = matches!(self.device.state, DeviceState::Failed(_));
        let moving = matches!(self.device.state, DeviceState::Opening | DeviceState::Closing);
        let (mut fill, mut color) = match (failed, moving, on) {
            (true, _, _) => (colors.warn_soft, colors.warn_text),
            (_, true, _) => (colors.control, colors.text_2),
            (_, _, true) => (mix(colors.control, colors.control_hover, tool.hover), colors.text),
            _ => (colors.danger_soft, colors.danger_text),
        };
        if tool.is_held() {
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
            let word = match self.withheld {
                Some((_, [_, word])) => word.to_owned(),
                None => format!("{} {}", self.word, if on { "on" } else { "off" }),
            };
            let at = pos2(rect.center().x, rect.top() + 46.0);
            text::paint(ui, at, Align2::CENTER_CENTER, text::TOOL, color, &word, rect.width());
        }
        tool.ring(ui, colors, radius::CONTROL);
    }
}

/// The state of the Leave button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum LeaveState {
    Ready,
    /// With a spinner.
    Leaving,
    /// The call was ended by others.
    Left,
}

/// Adds the Leave button, filled red, with its word in every state. `corners` are square where something adjoins it.
pub(in crate::ui) fn leave_button(
    ui: &mut Ui,
    colors: &Palette,
    size: Vec2,
    corners: CornerRadius,
    state: LeaveState,
) -> Response {
    let (_, rect) = ui.allocate_space(size);
    let ready = state == LeaveState::Ready;
    let (name, word) = match state {
        LeaveState::Ready => ("Leave call", "Leave"),
        LeaveState::Leaving => ("Leaving the call", "Leaving…"),
        LeaveState::Left => ("Left the call", "Left"),
    };
    let leave = clickable(ui, rect, Id::unique("leave"), WidgetInfo::labeled(Role::Button, ready, name));
    let (fill, color) = match state {
        LeaveState::Ready => (red(colors, &leave, leave.hover), colors.on_danger),
        LeaveState::Leaving | LeaveState::Left => (colors.control, colors.text),
    };
    ui.painter().rect_filled(rect, corners, fill);
    let kind = text::HEADING;
    let content = 20.0 + 8.0 + text::width(ui, kind, word);
    let left = rect.center().x - content / 2.0;
    let at = pos2(left + 10.0, rect.center().y);
    match state {
        LeaveState::Ready => text::icon_bold(ui, at, 20.0, color, icons::SIGN_OUT),
        LeaveState::Leaving => spinner(ui, at, 18.0, color),
        LeaveState::Left => text::icon_bold(ui, at, 20.0, color, icons::CHECK),
    }
    text::paint(ui, pos2(left + 28.0, rect.center().y), Align2::LEFT_CENTER, kind, color, word, f32::INFINITY);
    leave.ring(ui, colors, corners);
    if ready { text::hint(leave.response, "Leave (Ctrl+Shift+L)") } else { leave.response }
}

/// Adds the part of a host's Leave button that opens its menu.
pub(in crate::ui) fn leave_caret(ui: &mut Ui, colors: &Palette, size: Vec2, open: bool) -> Response {
    let (_, rect) = ui.allocate_space(size);
    let name = "More ways to leave";
    let caret = clickable(ui, rect, Id::unique("leave caret"), WidgetInfo::labeled(Role::Button, true, name));
    ui.ctx().accesskit_node_builder(caret.response.id, |node| node.set_expanded(open));
    let [_, right] = leave_corners();
    ui.painter().rect_filled(rect, right, red(colors, &caret, if open { 1.0 } else { caret.hover }));
    let line = Stroke::new(1.0, colors.on_danger.gamma_multiply(0.45));
    ui.painter().vline(rect.left(), rect.y_range(), line);
    text::icon_bold(ui, rect.center(), 16.0, colors.on_danger, icons::CARET_UP);
    caret.ring(ui, colors, right);
    text::hint(caret.response, name)
}

/// The corners of Leave and of its caret, which adjoin.
pub(in crate::ui) const fn leave_corners() -> [CornerRadius; 2] {
    let CornerRadius { nw, ne, sw, se } = radius::BUTTON_LARGE;
    [CornerRadius { nw, ne: 0, sw, se: 0 }, CornerRadius { nw: 0, ne, sw: 0, se }]
}

fn red(colors: &Palette, button: &Pressable, hover: f32) -> Color32 {
    if button.is_held() { colors.danger_pressed } else { mix(colors.danger, colors.danger_hover, hover) }
}
