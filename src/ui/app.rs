//! The window as eframe's app: reads the call service, draws a view, carries the effects out.

mod desktop;

pub(crate) use desktop::viewport;

use crate::base::{ExitRequestedBy, TrackRef, TrackSid, VideoFrame, VideoView, WatchedVideos};
use crate::call::view::{CallApi, CallCommand, CallPhase, TalkKey};
use crate::store::Settings;
use crate::ui::action::Action;
use crate::ui::checkup::{self, CheckOrder, Checker};
use crate::ui::effects::{Effects, FileToSave};
use crate::ui::focus_report::{FocusReport, OnFocus};
use crate::ui::form::{first_empty_field, room_question};
use crate::ui::model::Model;
use crate::ui::notifications::NotificationOrder;
use crate::ui::observe::{Observation, observe};
use crate::ui::parts::Focus;
use crate::ui::report::{self, OnReport, ReportRequest, ReportState};
use crate::ui::screens::Screen;
use crate::ui::update::update;
use crate::ui::video::Videos;
use crate::ui::views::{self, View};
use crate::ui::{fonts, icons, keys, reactions, strings, theme, widgets};
use eframe::CreationContext;
use egui::{Context, Ui, ViewportCommand, ViewportId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The smallest and the largest text size, in percent.
const SMALLEST: u16 = 90;
const LARGEST: u16 = 150;

/// How long a program that is to end waits for its window to paint the end screen; a hidden window never paints.
const LAST_PAINTING: Duration = Duration::from_millis(400);

/// A window that was asked so often to be drawn, and was not for so long, is hidden.
const NOT_DRAWN: u32 = 3;
const NOT_DRAWN_FOR: Duration = Duration::from_secs(1);

/// Called with the track, and the frame's width and height.
pub(crate) type OnFirstFrame = Box<dyn FnMut(&TrackRef, u32, u32)>;

/// Called with the track, the frame, and when it was painted (Unix time in ms).
pub(crate) type OnPainted = Box<dyn FnMut(&TrackRef, &VideoFrame, f64)>;

/// Called with the name of a file, without a folder, and its text: writes it where the user finds it, and answers with
/// [`CallCommand::TellSaved`].
pub(crate) type OnSave = Box<dyn FnMut(&str, &str)>;

/// Called with the name of the key for push to talk in all programs.
pub(crate) type OnTalkKey = Box<dyn FnMut(Option<&str>) -> Result<(), TalkKeyProblem>>;

/// Called with what is to be done with the system's notification of this window.
pub(crate) type OnNotification = Box<dyn FnMut(NotificationOrder)>;

/// Why a key does not work in all programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TalkKeyProblem {
    /// Another program uses it.
    Taken,
    /// The system does not give it.
    Refused,
}

/// How the window starts, and the callbacks that report what it shows.
pub(crate) struct Options {
    /// The saved settings, overridden by the command line; they fill the lobby in. The devices in use are those of
    /// [`Snapshot::choice`](crate::call::view::Snapshot).
    pub(crate) settings: Settings,
    /// The link that the program was started with; it fills the lobby in.
    pub(crate) link: Option<String>,
    /// Called with a screen's name (`lobby`, `joining`, `call`, `leaving`, `end`, `kicked`, `dismissed`,
    /// `joined_elsewhere`, `server_stopped`, `connection_lost`) after the frame in which it was first painted.
    pub(crate) on_screen: Box<dyn FnMut(&'static str)>,
    /// Called once for each track of somebody else after its first frame was painted.
    pub(crate) on_first_frame: OnFirstFrame,
    /// Called for each frame of somebody else after it was painted; `None`: not reported.
    pub(crate) on_painted: Option<OnPainted>,
    /// Called when the user changed the settings, to save them.
    pub(crate) on_settings: Box<dyn FnMut(&Settings)>,
    /// Called with the accessible name of each control that gets the keyboard focus; `None`: not reported.
    pub(crate) on_focus: Option<OnFocus>,
    /// Whether the system has keys that work while other programs have the keyboard.
    pub(crate) has_talk_key: bool,
    /// Called with the name of such a key for push to talk (`F9`) when a call begins, and with `None` when it ends.
    pub(crate) on_talk_key: OnTalkKey,
    /// Called with the address of a page to open in the browser.
    pub(crate) on_page: Box<dyn FnMut(&str)>,
    /// Called with a file that the user wants to have.
    pub(crate) on_save: OnSave,
    /// Called when the system's notification is to be shown or withdrawn.
    pub(crate) on_notification: OnNotification,
    /// Called about the report of a problem.
    pub(crate) on_report: OnReport,
    /// Whether a part of the program broke down last time: the lobby offers a report.
    pub(crate) crashed: bool,
    /// Checks the set-up; `None` where that is not possible.
    pub(crate) checker: Option<Box<dyn Checker>>,
    /// Called when the window's event loop ends, before the process does.
    pub(crate) on_exit: Box<dyn FnMut()>,
    /// The wall clock: Unix time in ms.
    pub(crate) clock: fn() -> f64,
    /// The time zone that times are shown in.
    pub(crate) zone: jiff::tz::TimeZone,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            link: None,
            on_screen: Box::new(|_| ()),
            on_first_frame: Box::new(|_, _, _| ()),
            on_painted: None,
            on_focus: None,
            on_settings: Box::new(|_| ()),
            has_talk_key: true,
            on_talk_key: Box::new(|_| Ok(())),
            on_page: Box::new(|_| ()),
            on_save: Box::new(|_, _| ()),
            on_notification: Box::new(|_| ()),
            on_report: Box::new(|_| ReportState::Failed("This window has no reports.".to_owned())),
            crashed: false,
            checker: None,
            on_exit: Box::new(|| ()),
            clock: crate::clock::unix_ms,
            zone: jiff::tz::TimeZone::system(),
        }
    }
}

/// The window.
pub(crate) struct App {
    calls: Box<dyn CallApi>,
    options: Options,
    model: Model,
    videos: Videos,
    /// The videos that the service was told to watch.
    watched: Option<BTreeMap<TrackSid, VideoView>>,
    /// When the window was drawn last, and how often it was asked to since.
    drawn: (Instant, u32),
    /// The settings that `on_settings` got last.
    saved: Settings,
    /// The key that works in all programs, as it was passed on last.
    talk_key: Option<String>,
    /// egui's time of the last pass, and when it was.
    pass: (f64, Instant),
    /// The title that the window has.
    title: String,
    /// A new screen that this frame paints.
    fresh: Option<Screen>,
    /// A new screen that the last frame painted; the next one reports it.
    painted: Option<Screen>,
    /// When the program's end began to wait only for the end screen to be painted.
    quitting: Option<Instant>,
    /// Whether the window was asked to close.
    closed: bool,
}

impl App {
    /// A window on the call service.
    pub(crate) fn new(cc: &CreationContext<'_>, mut calls: Box<dyn CallApi>, mut options: Options) -> Self {
        let ctx = &cc.egui_ctx;
        if let Some(on_focus) = options.on_focus.take() {
            ctx.add_plugin(FocusReport::new(on_focus));
        }
        fonts::install(ctx);
        theme::install(ctx);
        let wake = ctx.clone();
        let wake: Arc<dyn Fn() + Send + Sync> =
            Arc::new(move || wake.request_repaint_after_for(Duration::from_millis(1), ViewportId::ROOT));
        if let Some(checker) = &mut options.checker {
            checker.set_waker(wake.clone());
        }
        calls.set_waker(wake);
        let mut model = Model::new(options.settings.clone());
        model.zone = options.zone.clone();
        model.has_talk_key = options.has_talk_key;
        model.crashed = options.crashed;
        model.has_checker = options.checker.is_some();
        model.snapshot = calls.snapshot();
        if model.call().is_none() {
            calls.send(CallCommand::SetMicrophone(model.settings.join_with_microphone));
            calls.send(CallCommand::SetCamera(model.settings.join_with_camera));
            calls.send(CallCommand::UseDevices(model.snapshot.choice.clone()));
            model.focus = Some(first_empty_field(&model));
        }
        let mut effects = Effects::default();
        if let Some(link) = &options.link {
            update(&mut model, Action::OpenLink(link.clone()), &mut effects);
        }
        for command in effects.commands {
            calls.send(command);
        }
        ctx.set_zoom_factor(f32::from(model.settings.text_size.clamp(SMALLEST, LARGEST)) / 100.0);
        let saved = model.settings.clone();
        let videos = Videos::new(cc.wgpu_render_state.as_ref());
        Self {
            calls,
            options,
            model,
            videos,
            watched: None,
            drawn: (Instant::now(), 0),
            saved,
            talk_key: None,
            pass: (0.0, Instant::now()),
            title: desktop::TITLE.to_owned(),
            fresh: Some(Screen::Lobby),
            painted: None,
            quitting: None,
            closed: false,
        }
    }

    /// The window's clock, in seconds. egui's own stands still while the window is minimised or covered, as it has no
    /// passes then; what is due by time, such as a notification, would wait until the window is seen.
    fn now(&mut self, ctx: &Context) -> f64 {
        let time = ctx.input(|i| i.time);
        if self.pass.0 != time {
            self.pass = (time, Instant::now());
        }
        time + self.pass.1.elapsed().as_secs_f64()
    }

    /// Takes the newest snapshot and notices in.
    fn observe(&mut self, ctx: &Context) {
        let seen = Observation {
            now: self.now(ctx),
            unix_ms: (self.options.clock)(),
            snapshot: self.calls.snapshot(),
            notices: self.calls.notices(),
        };
        let mut effects = Effects::default();
        if self.model.report == Some(ReportState::Working) {
            effects.report = Some(ReportRequest::Poll);
        }
        observe(&mut self.model, seen, &mut effects);
        let page = self.model.checkup.is_some();
        let progress = self.options.checker.as_ref().filter(|_| page).map(|checker| checker.progress());
        checkup::observe(&mut self.model, progress, &mut effects);
        self.carry_out(ctx, effects);
    }

    /// Reports what the last frame has painted.
    fn report_painted(&mut self) {
        if let Some(screen) = self.painted.take() {
            (self.options.on_screen)(screen.name());
        }
        for first in self.videos.first_frames() {
            (self.options.on_first_frame)(&first.track, first.width, first.height);
        }
        if let Some(on_painted) = &mut self.options.on_painted {
            for (track, frame, unix_ms) in self.videos.newly_painted() {
                on_painted(&track, &frame, unix_ms);
            }
        }
    }

    fn carry_out(&mut self, ctx: &Context, effects: Effects) {
        for command in effects.commands {
            self.calls.send(command);
        }
        if let (Some(order), Some(checker)) = (effects.check, &mut self.options.checker) {
            match order {
                CheckOrder::Start(request) => checker.start(request),
                CheckOrder::Stop => checker.stop(),
            }
        }
        if let Some(text) = effects.copy {
            ctx.copy_text(text);
        }
        if let Some(FileToSave { name, text }) = effects.save {
            (self.options.on_save)(&name, &text);
        }
        if let Some(page) = effects.page {
            (self.options.on_page)(&page);
        }
        match effects.report {
            Some(ReportRequest::CloseCrashNote) => drop((self.options.on_report)(ReportRequest::CloseCrashNote)),
            Some(request) => report::take(&mut self.model, (self.options.on_report)(request)),
            None => {}
        }
        if let Some(on) = effects.full_screen {
            ctx.send_viewport_cmd(ViewportCommand::Fullscreen(on));
        }
        if effects.raise {
            ctx.send_viewport_cmd(ViewportCommand::Minimized(false));
            ctx.send_viewport_cmd(ViewportCommand::Focus);
        }
        if effects.shown.is_some() {
            self.fresh = effects.shown;
        }
        if let Some(percent) = effects.text_size {
            ctx.set_zoom_factor(f32::from(percent) / 100.0);
        }
        self.pass_talk_key_on();
        let question = room_question(&self.model);
        if self.model.asked != question {
            self.model.asked.clone_from(&question);
            self.calls.send(CallCommand::LookUp(question));
        }
        if self.model.settings != self.saved {
            self.saved = self.model.settings.clone();
            (self.options.on_settings)(&self.saved);
        }
    }

    /// The key for all programs works during a call only: other programs need it too.
    fn pass_talk_key_on(&mut self) {
        let model = &mut self.model;
        let wanted = model.settings.talk_key.clone().filter(|_| model.screen == Screen::Call && model.has_talk_key);
        if wanted == self.talk_key {
            return;
        }
        let result = (self.options.on_talk_key)(wanted.as_deref());
        if let (Err(problem), Some(key)) = (result, &wanted) {
            model.toast(icons::WARNING_CIRCLE, strings::talk_key_problem(problem, key));
        }
        self.talk_key = wanted;
    }

    /// Tells the service which videos are shown: those of the last frame, or none of a window that nobody sees.
    fn watch(&mut self, watched: BTreeMap<TrackSid, VideoView>) {
        if self.watched.as_ref() != Some(&watched) {
            self.calls.send(CallCommand::Watch(WatchedVideos::Only(watched.clone())));
            self.watched = Some(watched);
        }
    }

    /// Whether the window is minimised or covered. Where the system does not tell, it is not drawn although it was asked
    /// to be.
    fn is_hidden(&mut self, ctx: &Context) -> bool {
        let (at, asked) = &mut self.drawn;
        *asked += 1;
        is_told_hidden(ctx) || (*asked >= NOT_DRAWN && at.elapsed() > NOT_DRAWN_FOR)
    }

    /// Closes the window. In a call it leaves first (or asks whether to) and closes after the call. A second request
    /// answers the question; a third, or one while it leaves, closes at once.
    fn close(&mut self, ctx: &Context) {
        let open = self.model.call().is_some_and(|call| !matches!(call.phase, CallPhase::Ended(_)));
        if ctx.input(|i| i.viewport().close_requested()) && open {
            if self.model.closing {
                self.calls.send(CallCommand::CloseNow);
            } else {
                ctx.send_viewport_cmd(ViewportCommand::CancelClose);
                let mut effects = Effects::default();
                let leave = Action::Leave(ExitRequestedBy::Window);
                update(&mut self.model, leave, &mut effects);
                self.carry_out(ctx, effects);
            }
            return;
        }
        if open || self.closed || !(self.model.closing || self.model.snapshot.quit) {
            return;
        }
        let told = self.fresh.is_none() && self.painted.is_none();
        let since = *self.quitting.get_or_insert_with(Instant::now);
        if self.model.closing || told || since.elapsed() > LAST_PAINTING {
            self.closed = true;
            ctx.send_viewport_cmd(ViewportCommand::Close);
        } else {
            ctx.request_repaint_after_for(LAST_PAINTING / 4, ViewportId::ROOT);
        }
    }

    /// Reads the text size that egui's zoom keys have set, and keeps it within its bounds.
    fn text_size(&mut self, ctx: &Context) {
        let percent = (ctx.zoom_factor() * 100.0).round() as u16;
        let bounded = percent.clamp(SMALLEST, LARGEST);
        if bounded != percent {
            ctx.set_zoom_factor(f32::from(bounded) / 100.0);
        }
        self.model.settings.text_size = bounded;
    }

    /// Requests a repaint at the next time at which something changes by itself.
    fn schedule(&self, ctx: &Context) {
        let model = &self.model;
        let mut next = model.screens.next_change(model.now);
        let mut sooner = |seconds: f64| next = Some(next.map_or(seconds, |n: f64| n.min(seconds)));
        for toast in &model.toasts {
            sooner(toast.until - model.now);
        }
        if model.meter_shown() && model.meter.is_moving(model.snapshot.own_level) {
            sooner(1.0 / 30.0);
        } else if model.settings_open && model.call().is_some() {
            // During a call a new level does not wake the window.
            sooner(0.1);
        }
        if let Some(last) = model.reactions.flying.last() {
            let is_still = model.settings.reduce_motion;
            sooner(if is_still { last.since + reactions::FLIGHT - model.now } else { 1.0 / 30.0 });
        }
        if let Some(seconds) = model.tile_layout.next_change(model.now).filter(|_| model.screen == Screen::Call) {
            sooner(seconds);
        }
        if model.snapshot.talking == Some(TalkKey::Window) {
            sooner(keys::TELL_HELD);
        }
        if model.report == Some(ReportState::Working) {
            sooner(0.1);
        }
        if model.remind_at > model.now {
            sooner(model.remind_at - model.now);
        }
        if let Some(seconds) = next {
            ctx.request_repaint_after_for(Duration::from_secs_f64(seconds.max(0.002)), ViewportId::ROOT);
        }
    }
}

/// Whether the system says that the window is minimised or covered.
fn is_told_hidden(ctx: &Context) -> bool {
    ctx.input(|i| i.viewport().visible() == Some(false))
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.report_painted();
        self.observe(ctx);
        self.close(ctx);
        let hidden = self.is_hidden(ctx);
        if hidden {
            self.watch(BTreeMap::new());
        }
        self.notify(ctx, hidden);
        self.show_state(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        crate::call::panic_point("window");
        let ctx = ui.ctx().clone();
        keys::drop_repeats(&ctx);
        if self.model.focus == Some(Focus::Dialog) {
            widgets::show_focus(&ctx, true);
        } else if let Some(shown) = keys::focus_shown(&ctx) {
            widgets::show_focus(&ctx, shown);
        }
        ctx.set_theme(theme::preference(self.model.settings.theme));
        widgets::reduce_motion(&ctx, self.model.settings.reduce_motion);
        self.text_size(&ctx);
        self.model.dark = ctx.theme() == egui::Theme::Dark;
        let mut actions = keys::actions(&ctx, &self.model);
        let mut view =
            View { model: &self.model, colors: self.model.palette(), videos: &mut self.videos, actions: Vec::new() };
        views::window(ui, &mut view);
        actions.append(&mut view.actions);
        let watched = if is_told_hidden(&ctx) { BTreeMap::new() } else { self.videos.watched() };
        self.videos.end_frame();
        self.drawn = (Instant::now(), 0);
        self.watch(watched);
        // A widget holds the arrow keys only from the frame after the one in which it got the focus.
        let moved = self.model.focus.take().is_some();
        self.model.scroll_to = None;

        let mut effects = Effects::default();
        let acted = !actions.is_empty();
        for action in actions {
            update(&mut self.model, action, &mut effects);
        }
        self.carry_out(&ctx, effects);
        if let Some(screen) = self.fresh.take() {
            self.painted = Some(screen);
        }
        if acted || moved || self.painted.is_some() {
            ctx.request_repaint_after_for(Duration::from_millis(1), ViewportId::ROOT);
        }
        self.schedule(&ctx);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        (self.options.on_exit)();
    }

    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        self.model.palette().canvas.to_normalized_gamma_f32()
    }
}
