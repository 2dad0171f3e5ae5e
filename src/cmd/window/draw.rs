//! Runs eframe, with wgpu or glow.

use super::args::Renderer;
use crate::call::CallService;
use crate::ui;
use anyhow::anyhow;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// Runs the window until it is closed. A panic in it ends the window, not the process: the call is still to be left.
pub(super) fn run(renderer: Option<Renderer>, service: CallService, options: ui::Options) -> anyhow::Result<()> {
    catch_unwind(AssertUnwindSafe(|| run_with_fallback(renderer, service, options)))
        .unwrap_or_else(|_| Err(anyhow!("The window broke down. The call was left; start Visavis again to go back.")))
}

/// Where wgpu finds no usable graphics, and no renderer was asked for, glow draws the window.
fn run_with_fallback(renderer: Option<Renderer>, service: CallService, options: ui::Options) -> anyhow::Result<()> {
    let parts = Rc::new(Cell::new(Some((service, options))));
    let run = |renderer: eframe::Renderer| {
        let native = eframe::NativeOptions { viewport: ui::viewport(), renderer, ..Default::default() };
        let parts = parts.clone();
        let create: eframe::AppCreator<'_> = Box::new(move |cc| {
            let (service, options) = parts.take().ok_or("the window was made already")?;
            Ok(Box::new(ui::App::new(cc, Box::new(service), options)))
        });
        eframe::run_native("visavis", native, create)
    };
    let mut ended = run(Renderer::of_eframe(renderer));
    if let (Err(error), None) = (&ended, renderer) {
        let unused = parts.take();
        if unused.is_some() {
            tracing::warn!(%error, "wgpu cannot draw here: glow does");
            parts.set(unused);
            ended = run(eframe::Renderer::Glow);
        }
    }
    ended.map_err(|e| anyhow!("The window could not be opened: {e}. Without a display, use \"visavis bot\"."))
}
