//! The screens. A view reads the model, draws, and dispatches actions; it changes nothing itself.

mod alone;
mod banner;
mod bars;
mod call;
mod chat;
mod checkup;
mod details;
mod devices;
mod dialog;
mod end;
mod form;
mod guests;
mod header;
mod host;
mod leaving;
mod lobby;
mod over;
mod pager;
mod panel;
mod people;
mod person_menu;
mod preview;
mod question;
mod reactions;
mod receipt;
mod recent;
mod release;
mod report;
mod settings;
mod share_picker;
mod sharing;
mod stage_tools;
mod tile;
mod tile_cover;
mod tile_menu;
mod tiles;
mod toast;
mod view_menu;
mod waiting;

use crate::ui::action::{Action, Actions};
use crate::ui::model::Model;
use crate::ui::parts::Focus;
use crate::ui::screens::Screen;
use crate::ui::tokens::{Palette, size};
use crate::ui::video::Videos;
use egui::{Context, Key, Modifiers, Rect, Response, Ui};

/// The state that a view reads, and the actions that it dispatches in this frame.
pub(super) struct View<'a> {
    pub(super) model: &'a Model,
    pub(super) colors: &'static Palette,
    pub(super) videos: &'a mut Videos,
    pub(super) actions: Actions,
}

impl View<'_> {
    fn dispatch(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Dispatches `action` when the widget was pressed.
    fn on_click(&mut self, response: &Response, action: Action) {
        if response.clicked() {
            self.dispatch(action);
        }
    }

    /// Gives the widget the focus if the model asks for it.
    fn focus(&self, response: &Response, focus: Focus) {
        if self.model.focus == Some(focus) {
            response.request_focus();
        }
    }
}

/// Whether the keyboard focus is on the stage of a call: on a tile, or nowhere.
pub(super) fn stage_has_focus(ctx: &Context) -> bool {
    let focused = ctx.memory(egui::Memory::focused);
    focused.is_none() || focused == tile::focus_id(ctx)
}

/// Whether the window is compact.
fn compact(area: Rect) -> bool {
    area.width() < size::COMPACT_BELOW
}

/// The height of a call's tool bar.
fn tool_bar(window: Rect) -> f32 {
    if compact(window) { size::TOOL_BAR_COMPACT } else { size::TOOL_BAR }
}

/// The upper edge of a call's tool bar, which no menu of the call covers.
fn above_tools(ui: &Ui) -> f32 {
    let window = ui.ctx().content_rect();
    window.bottom() - tool_bar(window)
}

/// Escape leaves the full screen when nothing else takes it.
fn leave_full_window(ui: &Ui, view: &mut View<'_>) {
    let model = view.model;
    let is_free = model.full_window && model.menu.is_none() && !model.in_dialog() && !model.settings_open;
    if is_free && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
        view.dispatch(Action::FullWindow(false));
    }
}

/// Draws the whole window.
pub(super) fn window(ui: &mut Ui, view: &mut View<'_>) {
    let area = ui.max_rect();
    ui.painter().rect_filled(area, 0.0, view.colors.canvas);
    match view.model.screen {
        Screen::Lobby | Screen::End if view.model.checkup.is_some() => checkup::checkup(ui, view),
        Screen::Lobby | Screen::Waiting | Screen::End if view.model.settings_open => settings::settings(ui, view),
        Screen::Lobby | Screen::Joining | Screen::Waiting => lobby::lobby(ui, view),
        Screen::Call if view.model.full_screen => tiles::full_screen(ui, view),
        Screen::Call => {
            call::call(ui, view);
            share_picker::share_picker(ui, view);
            if let Some(question) = &view.model.question {
                question::question(ui, view, question);
            }
            leave_full_window(ui, view);
        }
        Screen::Leaving { steps } => {
            let tiles = call::call(ui, view);
            leaving::leaving(ui, view, tiles, steps);
        }
        Screen::End => end::end(ui, view),
        Screen::Over(reason) => {
            call::call(ui, view);
            if view.model.stuck_microphone().is_none() && view.model.report.is_none() {
                over::over(ui, view, reason);
            }
        }
    }
    if let Some(label) = view.model.stuck_microphone() {
        question::stuck_microphone(ui, view, label);
    }
    report::report(ui, view);
    toast::toasts(ui, view);
}
