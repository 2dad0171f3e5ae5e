//! `visavis capture-camera` and `visavis capture-screen`: the capture processes that a call starts for its camera and for
//! its screen. `--help` does not list them.

use crate::devices::{CameraFormat, capture, capture_screen, screen_sources, watch_sources};
use std::io::Write;
use std::process::ExitCode;

/// Opens a camera and writes its video frames to standard output until standard input ends.
#[derive(Debug, clap::Args)]
pub(super) struct CaptureArgs {
    /// A camera's id, `default`, or `capture-process:FAULT`.
    #[arg(long, default_value = "default")]
    device: String,
    /// Requested width in pixels.
    #[arg(long, default_value_t = 1280, value_parser = clap::value_parser!(u32).range(160..=3840))]
    width: u32,
    /// Requested height in pixels.
    #[arg(long, default_value_t = 720, value_parser = clap::value_parser!(u32).range(90..=2160))]
    height: u32,
    /// Requested frames per second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=120))]
    fps: u32,
    /// A pixel format of the camera, as `visavis devices` names it, instead of the one that serves best.
    #[arg(long, value_parser = pixel_format)]
    pixel_format: Option<[u8; 4]>,
    /// Print the cameras of this computer as JSON instead.
    #[arg(long)]
    list: bool,
}

/// Captures, or lists the cameras.
pub(super) fn run(args: &CaptureArgs) -> anyhow::Result<ExitCode> {
    let CaptureArgs { ref device, width, height, fps, pixel_format, list } = *args;
    if list {
        println!("{}", serde_json::to_string(&capture::cameras())?);
        return Ok(ExitCode::SUCCESS);
    }
    Ok(capture::capture(device, CameraFormat { width, height, fps }, pixel_format))
}

/// Captures a screen or a window and writes its changes to standard output until standard input ends.
#[derive(Debug, clap::Args)]
pub(super) struct CaptureScreenArgs {
    /// The id of a screen or a window, `default`, or `capture-process:FAULT`.
    #[arg(long, default_value = "default")]
    source: String,
    /// Print what can be shared as JSON instead.
    #[arg(long, conflicts_with = "source")]
    list: bool,
    /// Print what can be shared again and again, one JSON object a line, with pictures of at most this width in pixels.
    #[arg(long, conflicts_with_all = ["source", "list"], value_parser = clap::value_parser!(u16).range(16..=1000))]
    thumbnails: Option<u16>,
}

/// Captures, or tells what can be shared.
pub(super) fn run_screen(args: &CaptureScreenArgs) -> anyhow::Result<ExitCode> {
    if args.list {
        println!("{}", serde_json::to_string(&screen_sources())?);
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(width) = args.thumbnails {
        return Ok(watch_sources(width, |sources| {
            let mut line = serde_json::to_vec(sources)?;
            line.push(b'\n');
            let mut out = std::io::stdout().lock();
            out.write_all(&line)?;
            out.flush()
        }));
    }
    Ok(capture_screen(&args.source))
}

/// Four characters; spaces may be missing at the end.
fn pixel_format(text: &str) -> Result<[u8; 4], String> {
    let padded = format!("{text:<4}");
    padded.as_bytes().try_into().map_err(|_| "a pixel format has four characters, as YUYV".to_owned())
}
