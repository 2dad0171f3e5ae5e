//! The cards of the settings.

use super::super::{View, devices};
use super::rows::{choice_row, keys_row, row, switch_row};
use crate::base::DeviceKind;
use crate::call::view::DeviceState;
use crate::store::Theme;
use crate::ui::action::{Action, Setting};
use crate::ui::checkup::CheckAction;
use crate::ui::keys::LIST;
use crate::ui::parts::{Menu, SettingsSection};
use crate::ui::report::ReportAction;
use crate::ui::tokens::{radius, size};
use crate::ui::video::{Crop, VideoKey, VideoLook};
use crate::ui::widgets::{Button, Look, Picker, level_bar, picker, place};
use crate::ui::zoom::Zoom;
use crate::ui::{icons, strings, text};
use egui::{Id, Margin, Rect, Role, Sense, Ui, WidgetInfo, vec2};

/// Height of a picker on a card.
const PICKER: f32 = 38.0;
const PREVIEW_SIZE: [f32; 2] = [176.0, 99.0];
/// Text sizes that can be chosen, in percent; the keys reach those between too.
const TEXT_SIZES: [u16; 4] = [90, 100, 125, 150];

/// Keys for push to talk in all programs: those that few programs use. The settings file takes others too.
const TALK_KEYS: [(&str, Option<&str>); 4] =
    [("Off", None), ("F8", Some("F8")), ("F9", Some("F9")), ("Pause", Some("Pause"))];

/// Draws the card of `section`; returns its rectangle.
pub(super) fn card(ui: &mut Ui, view: &mut View<'_>, section: SettingsSection) -> Rect {
    let colors = view.colors;
    let margin = Margin { left: 18, right: 18, top: 5, bottom: 10 };
    let (_, rect) = place::card(ui, colors, colors.raised, margin, |ui| {
        place::row(ui, 38.0, |ui| {
            text::add_icon_fill(ui, [size::ICON_SMALL; 2], size::ICON, colors.accent_text, section.icon());
            ui.add_space(11.0);
            text::add_line(ui, text::HEADING, colors.text, section.word());
        });
        match section {
            SettingsSection::Audio => audio(ui, view),
            SettingsSection::Video => video(ui, view),
            SettingsSection::Notifications => notifications(ui, view),
            SettingsSection::Appearance => appearance(ui, view),
            SettingsSection::Leaving => leaving(ui, view),
            SettingsSection::Shortcuts => shortcuts(ui, view),
            SettingsSection::About => about(ui, view),
        }
    });
    rect
}

fn audio(ui: &mut Ui, view: &mut View<'_>) {
    for kind in [DeviceKind::Microphone, DeviceKind::Speaker] {
        let width = (ui.available_width() * 0.58).min(268.0);
        row(ui, view.colors, size::SETTINGS_ROW, devices::word(kind), |ui| {
            place::stack(ui, vec2(width, PICKER + 1.0), |ui| {
                ui.set_width(width);
                device(ui, view, kind);
            });
        });
    }
    level(ui, view);
    let settings = &view.model.settings;
    let (noise, join) = (settings.reduce_noise, settings.join_with_microphone);
    let set = Action::Set(Setting::ReduceNoise(!noise));
    switch_row(ui, view, "Reduce background noise", "Removes fans, keys and traffic", noise, set);
    let set = Action::Set(Setting::JoinWithMicrophone(!join));
    switch_row(ui, view, "Join with microphone off", "", !join, set);
}

/// The microphone's level.
fn level(ui: &mut Ui, view: &View<'_>) {
    let colors = view.colors;
    let open = matches!(view.model.snapshot.microphone.state, DeviceState::Open | DeviceState::Closing);
    let lit = if open { view.model.meter.lit() } else { 0 };
    row(ui, colors, 41.0, "Level now", |ui| level_bar(ui, lit, [colors.control_active, colors.live, colors.warn]));
}

fn device(ui: &mut Ui, view: &mut View<'_>, kind: DeviceKind) {
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
        height: PICKER,
    };
    let response = picker(ui, view.colors, &look);
    view.on_click(&response, Action::ToggleMenu(menu));
    if open {
        devices::picker_menu(ui, view, kind, &response);
    }
}

fn video(ui: &mut Ui, view: &mut View<'_>) {
    ui.add_space(8.0);
    place::row(ui, PREVIEW_SIZE[1], |ui| {
        own_frames(ui, view);
        ui.add_space(16.0);
        device(ui, view, DeviceKind::Camera);
    });
    ui.add_space(10.0);
    let settings = &view.model.settings;
    let (mirror, join) = (settings.mirror, settings.join_with_camera);
    let set = Action::Set(Setting::Mirror(!mirror));
    switch_row(ui, view, "Mirror my own picture", "Others always see it the right way round", mirror, set);
    let set = Action::Set(Setting::JoinWithCamera(!join));
    switch_row(ui, view, "Join with camera off", "", !join, set);
    let settings = &view.model.settings;
    let (place, only) = (settings.self_view, settings.only_with_camera);
    let set = |i: usize| Action::Set(Setting::SelfView(strings::stage::SELF_VIEWS[i].0));
    let chosen = strings::stage::SELF_VIEWS.iter().position(|(other, _)| *other == place);
    choice_row(ui, view, strings::stage::MY_PICTURE, &["Tile", "Corner", "Hidden"], chosen, set);
    let set = Action::Set(Setting::OnlyWithCamera(!only));
    switch_row(ui, view, &strings::stage::only_with_camera(0), "Others are heard, and listed in People", only, set);
}

fn own_frames(ui: &mut Ui, view: &mut View<'_>) {
    let (_, picture) = ui.allocate_space(PREVIEW_SIZE.into());
    let open = matches!(view.model.snapshot.camera.state, DeviceState::Open | DeviceState::Closing);
    let (mirror, bars) = (view.model.settings.mirror, view.colors.camera_off);
    let look = VideoLook { mirror, crop: Crop::Some, bars, radius: radius::CONTROL, light: 1.0, zoom: Zoom::default() };
    let shown = open && view.videos.show(ui, picture, &VideoKey::Own, &view.model.snapshot.own_frames, &look);
    if !shown {
        ui.painter().rect_filled(picture, radius::CONTROL, view.colors.camera_off);
        text::icon(ui, picture.center(), 28.0, view.colors.text_3, icons::VIDEO_CAMERA_SLASH);
    }
    let spoken = if shown { "Your picture, as only you see it" } else { "Your camera is off" };
    let response = ui.interact(picture, Id::unique("settings' own picture"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, spoken));
}

fn notifications(ui: &mut Ui, view: &mut View<'_>) {
    let settings = &view.model.settings;
    let (on, text, sounds) = (settings.notifications, settings.notification_text, settings.join_sounds);
    let set = Action::Set(Setting::Notifications(!on));
    let note = "While the window is not in front. Never while you share a screen";
    switch_row(ui, view, "Notify me about the call", note, on, set);
    let set = Action::Set(Setting::NotificationText(!text));
    switch_row(ui, view, "Show messages in notifications", "Off: only who has written", text, set);
    let set = Action::Set(Setting::JoinSounds(!sounds));
    switch_row(ui, view, "Sound when people come and go", "Only you hear it. Quiet when many do", sounds, set);
}

fn appearance(ui: &mut Ui, view: &mut View<'_>) {
    let settings = &view.model.settings;
    let (theme, percent, motion) = (settings.theme, settings.text_size, settings.reduce_motion);
    let themes = [Theme::System, Theme::Dark, Theme::Light];
    let set = |i: usize| Action::Set(Setting::Theme(themes[i]));
    let chosen = themes.iter().position(|t| *t == theme);
    choice_row(ui, view, "Theme", &["System", "Dark", "Light"], chosen, set);
    let words = TEXT_SIZES.map(|p| format!("{p}%"));
    let words = words.each_ref().map(String::as_str);
    let chosen = TEXT_SIZES.iter().position(|p| *p == percent);
    choice_row(ui, view, "Text size", &words, chosen, |i| Action::Set(Setting::TextSize(TEXT_SIZES[i])));
    let set = Action::Set(Setting::ReduceMotion(!motion));
    switch_row(ui, view, "Reduce motion", "Moves become cuts", motion, set);
}

fn leaving(ui: &mut Ui, view: &mut View<'_>) {
    let settings = &view.model.settings;
    let (receipt, ask) = (settings.show_receipt, settings.ask_before_leaving);
    let set = Action::Set(Setting::ShowReceipt(!receipt));
    switch_row(ui, view, "Show the exit receipt", "After every call. Off: back to the lobby at once", receipt, set);
    let set = Action::Set(Setting::AskBeforeLeaving(!ask));
    switch_row(ui, view, "Ask before leaving", "Off: one press is enough", ask, set);
}

fn shortcuts(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    for (name, keys) in LIST {
        keys_row(ui, colors, name, keys);
    }
    talk_key(ui, view);
    place::row(ui, 30.0, |ui| {
        text::add_line(ui, text::CAPTION, colors.text_3, "On macOS, ⌘ takes the place of Ctrl");
    });
}

/// The key for push to talk while other programs have the keyboard.
fn talk_key(ui: &mut Ui, view: &mut View<'_>) {
    if !view.model.has_talk_key {
        let said = "A key to talk from other programs is not possible here: Wayland gives none";
        place::row(ui, 30.0, |ui| text::add_line(ui, text::CAPTION, view.colors.text_3, said));
        return;
    }
    let chosen = TALK_KEYS.iter().position(|(_, key)| *key == view.model.settings.talk_key.as_deref());
    let words = TALK_KEYS.map(|(word, _)| word);
    let set = |i: usize| Action::Set(Setting::TalkKey(TALK_KEYS[i].1));
    choice_row(ui, view, "Talk from other programs", &words, chosen, set);
}

fn about(ui: &mut Ui, view: &mut View<'_>) {
    let colors = view.colors;
    place::row(ui, 28.0, |ui| text::add_line(ui, text::BODY, colors.text, super::VERSION));
    let said = "Calls that end when you say so. Free software under Apache-2.0.";
    place::row(ui, 24.0, |ui| text::add_line(ui, text::CAPTION, colors.text_3, said));
    let on = view.model.settings.check_for_updates == Some(true);
    let set = Action::Set(Setting::CheckForUpdates(!on));
    switch_row(ui, view, "Tell me about new versions", "Asks once a day, sends nothing about you", on, set);
    if view.model.has_checker && view.model.call().is_none() {
        let check = Button::new("Check my set-up", Look::Plain).height(size::BUTTON_TINY);
        let check = row(ui, colors, size::SETTINGS_ROW, "Devices and server", |ui| check.show(ui, colors));
        view.on_click(&check, Action::Check(CheckAction::Open));
    }
    if let Some(release) = &view.model.release {
        let words = format!("Version {} is out", release.version);
        let more = Button::new("See what is new", Look::Plain).height(size::BUTTON_TINY);
        let more = row(ui, colors, size::SETTINGS_ROW, &words, |ui| more.show(ui, colors));
        view.on_click(&more, Action::ShowRelease);
    }
    let report = Button::new(strings::report::REPORT, Look::Plain).height(size::BUTTON_TINY);
    let report = row(ui, colors, size::SETTINGS_ROW, "Something does not work?", |ui| report.show(ui, colors));
    view.on_click(&report, Action::Report(ReportAction::Open));
}
