//! Newer versions in the lobby: the question whether to look for them, and the note that there is one. Both disappear
//! for good once answered.

use super::View;
use crate::ui::action::{Action, Setting};
use crate::ui::tokens::size;
use crate::ui::widgets::{Button, IconButton, Look, buttons, place};
use crate::ui::{icons, text};
use egui::{Align, Margin, Ui};

/// Draws the note, the question, or nothing.
pub(super) fn release(ui: &mut Ui, view: &mut View<'_>) {
    if let Some(version) = view.model.release_note().map(|release| release.version.clone()) {
        ui.add_space(16.0);
        note(ui, view, &format!("Version {version} is out"));
    } else if view.model.asks_about_updates() {
        ui.add_space(16.0);
        question(ui, view);
    }
}

fn note(ui: &mut Ui, view: &mut View<'_>, words: &str) {
    let colors = view.colors;
    let left = |ui: &mut Ui| {
        text::add_icon(ui, [size::ICON; 2], size::ICON, colors.text_2, icons::INFO);
        ui.add_space(13.0);
        text::add_line(ui, text::BODY, colors.text, words);
    };
    let margin = Margin { left: 14, right: 9, ..Margin::ZERO };
    place::card(ui, colors, colors.raised, margin, |ui| {
        place::sides(ui, size::NOTE, 0.0, left, |ui| {
            let close = IconButton::new("Close this note", icons::X).show(ui, colors);
            view.on_click(&close, Action::CloseRelease);
            ui.add_space(2.0);
            let more = Button::new("See what is new", Look::Ghost).height(size::BUTTON_TINY).show(ui, colors);
            view.on_click(&more, Action::ShowRelease);
        });
    });
}

fn question(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    let margin = Margin { left: 17, right: 17, top: 14, bottom: 15 };
    place::card(ui, colors, colors.raised, margin, |ui| {
        text::add_line(ui, text::BODY_STRONG, colors.text, "May Visavis tell you about new versions?");
        ui.add_space(6.0);
        let sentence = "It asks once a day where its releases are published, and sends nothing about you. It never \
                        installs anything by itself.";
        text::add_paragraph(ui, text::SMALL, colors.text_2, sentence);
        ui.add_space(12.0);
        let yes = Button::new("Yes, tell me", Look::Plain).height(size::BUTTON_TINY);
        let no = Button::new("No", Look::Ghost).named("No, do not look for new versions").height(size::BUTTON_TINY);
        let [yes, no] = buttons(ui, colors, Align::Min, 6.0, [yes, no]);
        view.on_click(&yes, Action::Set(Setting::CheckForUpdates(true)));
        view.on_click(&no, Action::Set(Setting::CheckForUpdates(false)));
    });
}
