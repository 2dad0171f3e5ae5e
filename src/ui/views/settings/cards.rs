//! The cards of the settings.

use super::super::{View, devices};
use super::rows::Rows;
use crate::base::DeviceKind;
use crate::call::view::DeviceState;
use crate::store::Theme;
use crate::ui::action::{Action, Setting};
use crate::ui::keys::LIST;
use crate::ui::model::{Menu, SettingsSection};
use crate::ui::tokens::{radius, size};
use crate::ui::video::{VideoKey, VideoLook};
use crate::ui::widgets::{Button, Look, Picker, level_bar, picker};
use crate::ui::{icons, text};
use egui::{Align2, Pos2, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

/// Text sizes that can be chosen, in percent; the keys have those between too.
const TEXT_SIZES: [u16; 4] = [90, 100, 125, 150];

/// Draws the card of `section`; returns where it ends.
pub(super) fn card(ui: &mut Ui, view: &mut View<'_>, at: Pos2, width: f32, section: SettingsSection) -> f32 {
    let colors = view.colors;
    // Its height is known only afterwards.
    let ground = ui.painter().add(Shape::Noop);
    let edge = ui.painter().add(Shape::Noop);
    text::icon_fill(ui, at + vec2(27.0, 25.0), size::ICON, colors.accent_text, section.icon());
    let head = at + vec2(46.0, 25.0);
    text::label(ui, head, Align2::LEFT_CENTER, text::HEADING, colors.text, section.word(), width - 64.0);
    let mut rows = Rows { left: at.x + 19.0, right: at.x + width - 19.0, y: at.y + 44.0 };
    match section {
        SettingsSection::Audio => audio(ui, view, &mut rows),
        SettingsSection::Video => video(ui, view, &mut rows),
        SettingsSection::Appearance => appearance(ui, view, &mut rows),
        SettingsSection::Leaving => leaving(ui, view, &mut rows),
        SettingsSection::Shortcuts => shortcuts(ui, view, &mut rows),
        SettingsSection::About => about(ui, view, &mut rows),
    }
    let rect = Rect::from_min_max(at, pos2(at.x + width, rows.y + 11.0));
    ui.painter().set(ground, Shape::rect_filled(rect, radius::CARD, colors.raised));
    ui.painter().set(edge, Shape::rect_stroke(rect, radius::CARD, Stroke::new(1.0, colors.border), StrokeKind::Inside));
    rect.bottom()
}

fn audio(ui: &mut Ui, view: &mut View<'_>, rows: &mut Rows) {
    for kind in [DeviceKind::Microphone, DeviceKind::Speaker] {
        let row = rows.next(45.0);
        let width = (row.width() * 0.58).min(268.0);
        Rows::name(ui, view.colors, row, devices::word(kind), "", row.width() - width - 12.0);
        device(
            ui,
            view,
            Rect::from_min_max(pos2(row.right() - width, row.top() + 3.0), row.max - vec2(0.0, 4.0)),
            kind,
        );
    }
    level(ui, view, rows.next(41.0));
    let settings = &view.model.settings;
    let (noise, join) = (settings.reduce_noise, settings.join_with_microphone);
    let set = Action::Set(Setting::ReduceNoise(!noise));
    rows.switch(ui, view, "Reduce background noise", "Removes fans, keys and traffic", noise, set);
    let set = Action::Set(Setting::JoinWithMicrophone(!join));
    rows.switch(ui, view, "Join with microphone off", "", !join, set);
}

/// What the microphone hears.
fn level(ui: &mut Ui, view: &View<'_>, row: Rect) {
    let colors = view.colors;
    Rows::name(ui, colors, row, "Level now", "", row.width() / 2.0);
    let open = matches!(view.model.snapshot.microphone.state, DeviceState::Open | DeviceState::Closing);
    let lit = if open { view.model.meter.lit() } else { 0 };
    let marks = [colors.control_active, colors.live, colors.warn];
    let rect = level_bar(ui.painter(), row.right_center(), lit, marks);
    let response = ui.interact(rect, ui.scope_id().with("level"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Meter, true, "Microphone level"));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_numeric_value(lit as f64));
}

fn device(ui: &Ui, view: &mut View<'_>, rect: Rect, kind: DeviceKind) {
    let menu = Menu::Picker(kind);
    let open = view.model.menu.as_ref() == Some(&menu);
    let value = devices::chosen(view, kind);
    let problem = devices::problem(view, kind);
    let look = Picker {
        name: devices::word(kind),
        icon: devices::icon(view, kind),
        value: &value,
        problem,
        on_card: true,
        open,
    };
    let response = picker(ui, view.colors, rect, &look);
    view.on_click(&response, Action::ToggleMenu(menu));
    if open {
        devices::picker_menu(ui, view, kind, &response);
    }
}

fn video(ui: &mut Ui, view: &mut View<'_>, rows: &mut Rows) {
    let colors = view.colors;
    let row = rows.next(117.0);
    let picture = Rect::from_min_size(row.min, vec2(176.0, 99.0)).translate(vec2(0.0, 8.0));
    let open = matches!(view.model.snapshot.camera.state, DeviceState::Open | DeviceState::Closing);
    let look = VideoLook { mirror: view.model.settings.mirror, cover: true, radius: radius::CONTROL, light: 1.0 };
    let shown = open && view.videos.show(ui, picture, &VideoKey::Own, &view.model.snapshot.own_picture, &look);
    if !shown {
        ui.painter().rect_filled(picture, radius::CONTROL, colors.camera_off);
        text::icon(ui, picture.center(), 28.0, colors.text_3, icons::VIDEO_CAMERA_SLASH);
    }
    let spoken = if shown { "Your picture, as only you see it" } else { "Your camera is off" };
    let response = ui.interact(picture, ui.scope_id().with("own picture"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, spoken));
    let left = picture.right() + 16.0;
    let at = Rect::from_min_max(pos2(left, picture.center().y - 19.0), pos2(row.right(), picture.center().y + 19.0));
    device(ui, view, at, DeviceKind::Camera);
    let settings = &view.model.settings;
    let (mirror, join) = (settings.mirror, settings.join_with_camera);
    let set = Action::Set(Setting::Mirror(!mirror));
    rows.switch(ui, view, "Mirror my own picture", "Others always see it the right way round", mirror, set);
    let set = Action::Set(Setting::JoinWithCamera(!join));
    rows.switch(ui, view, "Join with camera off", "", !join, set);
}

fn appearance(ui: &mut Ui, view: &mut View<'_>, rows: &mut Rows) {
    let settings = &view.model.settings;
    let (theme, percent, motion) = (settings.theme, settings.text_size, settings.reduce_motion);
    let themes = [Theme::System, Theme::Dark, Theme::Light];
    let set = |i: usize| Action::Set(Setting::Theme(themes[i]));
    rows.choice(ui, view, "Theme", &["System", "Dark", "Light"], themes.iter().position(|t| *t == theme), set);
    let words = TEXT_SIZES.map(|p| format!("{p}%"));
    let words = words.each_ref().map(String::as_str);
    let chosen = TEXT_SIZES.iter().position(|p| *p == percent);
    rows.choice(ui, view, "Text size", &words, chosen, |i| Action::Set(Setting::TextSize(TEXT_SIZES[i])));
    let set = Action::Set(Setting::ReduceMotion(!motion));
    rows.switch(ui, view, "Reduce motion", "Moves become cuts", motion, set);
}

fn leaving(ui: &mut Ui, view: &mut View<'_>, rows: &mut Rows) {
    let settings = &view.model.settings;
    let (receipt, ask) = (settings.show_receipt, settings.ask_before_leaving);
    let set = Action::Set(Setting::ShowReceipt(!receipt));
    rows.switch(ui, view, "Show the exit receipt", "After every call. Off: back to the lobby at once", receipt, set);
    let set = Action::Set(Setting::AskBeforeLeaving(!ask));
    rows.switch(ui, view, "Ask before leaving", "Off: one press is enough", ask, set);
}

fn shortcuts(ui: &mut Ui, view: &View<'_>, rows: &mut Rows) {
    for (name, keys) in LIST {
        rows.keys(ui, view.colors, name, keys);
    }
    let row = rows.next(30.0);
    let said = "On macOS, ⌘ takes the place of Ctrl";
    text::label(ui, row.left_center(), Align2::LEFT_CENTER, text::CAPTION, view.colors.text_3, said, row.width());
}

fn about(ui: &mut Ui, view: &mut View<'_>, rows: &mut Rows) {
    let colors = view.colors;
    let row = rows.next(28.0);
    text::label(ui, row.left_center(), Align2::LEFT_CENTER, text::BODY, colors.text, super::VERSION, row.width());
    let row = rows.next(24.0);
    let said = "Calls that end when you say so. Free software under Apache-2.0.";
    text::label(ui, row.left_center(), Align2::LEFT_CENTER, text::CAPTION, colors.text_3, said, row.width());
    let on = view.model.settings.check_for_updates == Some(true);
    let set = Action::Set(Setting::CheckForUpdates(!on));
    rows.switch(ui, view, "Tell me about new versions", "Asks once a day, sends nothing about you", on, set);
    if let Some(release) = &view.model.release {
        let row = rows.next(45.0);
        Rows::name(ui, colors, row, &format!("Version {} is out", release.version), "", row.width() - 150.0);
        let more = Button::new("See what is new", Look::Plain).height(size::BUTTON_TINY);
        let more = more.show_left_of(ui, colors, row.right(), row.center().y);
        view.on_click(&more, Action::ShowRelease);
    }
}
