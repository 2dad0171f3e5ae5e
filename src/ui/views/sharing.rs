//! The bar above the tiles that tells what we share: what the others see of it, pause, another screen, stop.

use super::View;
use crate::ui::action::Action;
use crate::ui::bidi::isolate;
use crate::ui::icons;
use crate::ui::share::ShareAction;
use crate::ui::text;
use crate::ui::tokens::{radius, size};
use crate::ui::video::{VideoKey, VideoLook};
use crate::ui::widgets::{Button, Look, place};
use egui::epaint::StrokeKind;
use egui::{Align, Id, Layout, Rect, Role, Sense, Stroke, Ui, WidgetInfo, accesskit, vec2};

/// Height of the bar.
pub(super) const HEIGHT: f32 = 56.0;

/// Draws the bar into `rect`.
pub(super) fn sharing(ui: &mut Ui, view: &mut View<'_>, rect: Rect) {
    let c = view.colors;
    let snapshot = &view.model.snapshot;
    let (label, paused) = (snapshot.screen.label.clone(), snapshot.sharing_paused);
    let title = match label.as_str() {
        "" => "You are sharing your screen".to_owned(),
        label => format!("You are sharing “{}”", isolate(label)),
    };
    let sentence = if paused { "Paused: the others see the last picture" } else { "The others see it" };
    let response = ui.interact(rect, Id::unique("sharing"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, format!("{title}. {sentence}.")));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(accesskit::Live::Polite));
    ui.painter().rect_filled(rect, radius::CARD, c.accent_soft);
    let edge = Stroke::new(1.0, c.accent_text.gamma_multiply(0.25));
    ui.painter().rect_stroke(rect, radius::CARD, edge, StrokeKind::Inside);
    let wide = rect.width() >= 620.0;
    let inner = Rect::from_min_max(rect.min + vec2(10.0, 0.0), rect.max - vec2(10.0, 0.0));
    place::within(ui, inner, Layout::top_down(Align::Min), |ui| {
        let left = |ui: &mut Ui, view: &mut View<'_>| {
            let (_, picture) = ui.allocate_space(vec2(64.0, 36.0));
            let look = VideoLook { radius: radius::CHIP, ..VideoLook::plain(c.camera_off) };
            let frames = view.model.snapshot.screen_frames.clone();
            if !view.videos.show(ui, picture, &VideoKey::OwnScreen, &frames, &look) {
                text::icon_fill(ui, picture.center(), 22.0, c.accent_text, icons::MONITOR_ARROW_UP);
            }
            ui.add_space(12.0);
            place::stack(ui, vec2(ui.available_width(), 38.0), |ui| {
                text::add_words(ui, text::BODY_STRONG, c.accent_text, &title);
                text::add_words(ui, text::SMALL, c.text, sentence);
            });
        };
        // Both sides draw with the view, one after the other: the buttons first, from the right edge.
        let buttons = buttons_width(ui, wide, paused);
        let row = ui.max_rect();
        let split = row.right() - buttons;
        place::within(ui, row.with_max_x(split - 12.0), Layout::left_to_right(Align::Center), |ui| left(ui, view));
        place::within(ui, row.with_min_x(split), Layout::left_to_right(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for (button, action) in self::buttons(wide, paused) {
                let response = button.show(ui, c);
                view.on_click(&response, Action::Share(action));
            }
        });
    });
}

/// Between two buttons.
const GAP: f32 = 8.0;

/// The buttons from left to right; Stop is at the right end.
fn buttons(wide: bool, paused: bool) -> Vec<(Button<'static>, ShareAction)> {
    let small = |word, name, look, icon| Button::new(word, look).named(name).icon(icon).height(size::BUTTON_SMALL);
    let pause = match paused {
        true => small("Go on", "Go on sharing", Look::Plain, icons::PLAY),
        false => small("Pause", "Pause sharing", Look::Ghost, icons::PAUSE),
    };
    let change = small("Change", "Share something else", Look::Ghost, icons::APP_WINDOW);
    let stop = small("Stop", "Stop sharing", Look::Danger, icons::X);
    let mut all = vec![(pause, ShareAction::Pause(!paused))];
    if wide {
        all.push((change, ShareAction::Change));
    }
    all.push((stop, ShareAction::Stop));
    all
}

fn buttons_width(ui: &Ui, wide: bool, paused: bool) -> f32 {
    let widths = buttons(wide, paused).into_iter().map(|(button, _)| button.size(ui).x + GAP);
    widths.sum::<f32>() - GAP
}
