//! Dialogs: a card in the middle; everything behind it is dimmed and out of reach.

use crate::ui::bidi::plain;
use crate::ui::tokens::{Palette, radius, size};
use egui::{Align2, Color32, Frame, Id, Margin, Role, Stroke, Ui, vec2};

/// The area behind a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum Behind {
    /// The whole window, which the dialog dims; it stands in the window's middle.
    Window,
    /// A call whose tile area is dimmed already; the dialog stands in the tile area's middle.
    Call,
}

/// Shows a dialog of `width` (less in a narrow window) with this accessible name. Neither Esc nor a click beside it
/// closes it; that is up to the model.
pub(in crate::ui) fn modal<R>(
    ui: &Ui,
    colors: &Palette,
    name: &str,
    behind: Behind,
    width: f32,
    content: impl FnOnce(&mut Ui) -> R,
) -> R {
    let screen = ui.ctx().content_rect();
    let width = width.min(screen.width() - 32.0);
    let frame = Frame::new()
        .fill(colors.raised)
        .stroke(Stroke::new(1.0, colors.border))
        .corner_radius(radius::MODAL)
        .shadow(colors.shadow_modal)
        .inner_margin(Margin::same(28));
    let id = Id::unique(("modal", name));
    // No fade: `ScreenShown` must not be reported before the dialog can be read.
    let bar = if screen.width() < size::COMPACT_BELOW { size::TOOL_BAR_COMPACT } else { size::TOOL_BAR };
    let (backdrop, up) = match behind {
        Behind::Window => (colors.scrim, 0.0),
        Behind::Call => (Color32::TRANSPARENT, (bar - size::TOP_BAR) / 2.0),
    };
    let area = egui::Modal::default_area(id).fade_in(false).anchor(Align2::CENTER_CENTER, vec2(0.0, -up));
    let response = egui::Modal::new(id).area(area).backdrop_color(backdrop).frame(frame).show(ui.ctx(), |ui| {
        ui.set_width(width - 58.0);
        ui.spacing_mut().item_spacing = egui::Vec2::ZERO;
        let node = ui.unique_id();
        ui.ctx().accesskit_node_builder(node, |node| {
            node.set_role(Role::AlertDialog);
            node.set_label(plain(name).into_owned());
            node.set_modal();
        });
        content(ui)
    });
    response.inner
}
