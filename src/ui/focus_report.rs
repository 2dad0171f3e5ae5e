//! Reports the control with the keyboard focus by its accessible name, out of the tree that screen readers get.

use egui::accesskit::NodeId;
use egui::{Context, FullOutput, Plugin};

/// Called with the accessible name of the control that got the keyboard focus.
pub(crate) type OnFocus = Box<dyn Fn(&str) + Send + Sync>;

/// Compares the control that has the focus after each frame with the one before. Another name of the same control is not
/// reported.
pub(super) struct FocusReport {
    on_focus: OnFocus,
    reported: Option<NodeId>,
}

impl FocusReport {
    pub(super) const fn new(on_focus: OnFocus) -> Self {
        Self { on_focus, reported: None }
    }
}

impl Plugin for FocusReport {
    fn debug_name(&self) -> &'static str {
        "focus report"
    }

    fn setup(&mut self, ctx: &Context) {
        ctx.enable_accesskit();
    }

    fn output_hook(&mut self, _ctx: &Context, output: &mut FullOutput) {
        let Some(update) = &output.platform_output.accesskit_update else { return };
        let node = update.nodes.iter().find(|(id, _)| *id == update.focus);
        let named = node.and_then(|(id, node)| Some((*id, node.label()?)));
        let focus = named.map(|(id, _)| id);
        if let Some((_, name)) = named.filter(|_| focus != self.reported) {
            (self.on_focus)(name);
        }
        self.reported = focus;
    }
}
