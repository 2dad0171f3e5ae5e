//! Runs eframe in an event loop of ours, with wgpu or glow.

use super::args::Renderer;
use super::commands::send_now;
use super::keyboard::KeyboardWatch;
use crate::call::CallService;
use crate::call::view::{CallCommand, KeyState, TalkKey};
use crate::ui;
use anyhow::anyhow;
use eframe::{EframeWinitApplication, UserEvent};
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use winit::application::ApplicationHandler;
use winit::event::{DeviceEvent, DeviceId, StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, EventLoop};
use winit::platform::run_on_demand::EventLoopExtRunOnDemand as _;
use winit::window::WindowId;

/// Runs the window until it is closed. A panic in it ends the window, not the process: the call is still to be left.
pub(super) fn run(renderer: Option<Renderer>, service: CallService, options: ui::Options) -> anyhow::Result<()> {
    catch_unwind(AssertUnwindSafe(|| run_with_fallback(renderer, service, options))).unwrap_or_else(|_| Err(broken()))
}

fn broken() -> anyhow::Error {
    anyhow!("The window broke down. The call was left; start Visavis again to go back.")
}

/// Where wgpu finds no usable graphics, and no renderer was asked for, glow draws the window.
fn run_with_fallback(renderer: Option<Renderer>, service: CallService, mut options: ui::Options) -> anyhow::Result<()> {
    let mut events = EventLoop::<UserEvent>::with_user_event().build().map_err(|error| not_opened(&error))?;
    let commands = service.remote();
    let ended = Rc::new(Cell::new(false));
    let mut on_exit = std::mem::replace(&mut options.on_exit, Box::new(|| ()));
    let ended_too = ended.clone();
    options.on_exit = Box::new(move || {
        ended_too.set(true);
        on_exit();
    });
    let parts = Rc::new(Cell::new(Some((service, options))));
    let mut run = |renderer: eframe::Renderer| {
        let native = eframe::NativeOptions { viewport: ui::viewport(), renderer, ..Default::default() };
        let parts = parts.clone();
        let create: eframe::AppCreator<'_> = Box::new(move |cc| {
            let (service, options) = parts.take().ok_or("the window was made already")?;
            Ok(Box::new(ui::App::new(cc, Box::new(service), options)))
        });
        let commands = commands.clone();
        let talk_ended = move || send_now(&commands, CallCommand::Talk(TalkKey::Window, KeyState::Up));
        let app = eframe::create_native("visavis", native, create, &events);
        let keyboard = KeyboardWatch::new(talk_ended);
        // After a panic of the event loop the window is not dropped: where the display is gone, dropping it panics once more,
        // which would end the process in the middle of the exit.
        let mut window = ManuallyDrop::new(Window { app, keyboard, ended: ended.clone(), broke_down: false });
        let outcome = events.run_app_on_demand(&mut *window);
        let window = ManuallyDrop::into_inner(window);
        outcome.map_err(|error| not_opened(&error))?;
        anyhow::Ok(window.broke_down)
    };
    let mut broke_down = run(Renderer::of_eframe(renderer))?;
    let unused = parts.take();
    if unused.is_some() {
        if renderer.is_some() {
            return Err(not_opened(&"there are no usable graphics"));
        }
        tracing::warn!("wgpu cannot draw here: glow does");
        parts.set(unused);
        broke_down = run(eframe::Renderer::Glow)?;
        if parts.take().is_some() {
            return Err(not_opened(&"there are no usable graphics"));
        }
    }
    if broke_down {
        return Err(broken());
    }
    Ok(())
}

fn not_opened(error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow!("The window could not be opened: {error}. Without a display, use \"visavis bot\".")
}

/// eframe's application behind the watch of the keyboard.
struct Window<'a> {
    app: EframeWinitApplication<'a>,
    keyboard: KeyboardWatch,
    /// Whether the window was closed in good order.
    ended: Rc<Cell<bool>>,
    /// Whether the event loop ends because of an error, which eframe has logged.
    broke_down: bool,
}

impl ApplicationHandler<UserEvent> for Window<'_> {
    fn window_event(&mut self, event_loop: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        if self.keyboard.take(&event) {
            self.app.window_event(event_loop, id, event);
        }
    }

    fn exiting(&mut self, event_loop: &ActiveEventLoop) {
        self.broke_down = !self.ended.get();
        self.app.exiting(event_loop);
    }

    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        self.app.resumed(event_loop);
    }

    fn suspended(&mut self, event_loop: &ActiveEventLoop) {
        self.app.suspended(event_loop);
    }

    fn new_events(&mut self, event_loop: &ActiveEventLoop, cause: StartCause) {
        self.app.new_events(event_loop, cause);
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, event: UserEvent) {
        self.app.user_event(event_loop, event);
    }

    fn device_event(&mut self, event_loop: &ActiveEventLoop, id: DeviceId, event: DeviceEvent) {
        self.app.device_event(event_loop, id, event);
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        self.keyboard.settle();
        self.app.about_to_wait(event_loop);
    }

    fn memory_warning(&mut self, event_loop: &ActiveEventLoop) {
        self.app.memory_warning(event_loop);
    }
}
