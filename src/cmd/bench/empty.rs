//! An empty window of eframe: the lower bound that the start of our window is compared with.

use crate::base::EventKind;
use crate::cmd::program_event;
use crate::cmd::window::Renderer;
use anyhow::anyhow;
use eframe::egui;
use std::process::ExitCode;

/// The name of its only screen, as in ScreenShown.
pub(super) const SCREEN: &str = "empty";

/// A window with nothing in it, until it is ended
#[derive(Clone, Debug, clap::Args)]
pub(super) struct EmptyArgs {
    /// How it is drawn
    #[arg(long, value_name = "RENDERER", env = "VISAVIS_RENDERER")]
    renderer: Option<Renderer>,
}

pub(super) fn run(args: &EmptyArgs) -> anyhow::Result<ExitCode> {
    let native = eframe::NativeOptions {
        viewport: crate::ui::viewport(),
        renderer: Renderer::of_eframe(args.renderer),
        ..Default::default()
    };
    eframe::run_native("visavis", native, Box::new(|_| Ok(Box::new(Empty::default()))))
        .map_err(|e| anyhow!("The window could not be opened: {e}"))?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Default)]
struct Empty {
    painted: bool,
    told: bool,
}

impl eframe::App for Empty {
    /// Emits ScreenShown in the frame after the first painted one, as our window does.
    fn logic(&mut self, _ctx: &egui::Context, _frame: &mut eframe::Frame) {
        if self.painted && !std::mem::replace(&mut self.told, true) {
            let event = program_event(EventKind::ScreenShown { screen: SCREEN.to_owned() });
            println!("{}", event.to_line(std::process::id()));
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.painted = true;
        ui.ctx().request_repaint();
    }
}
