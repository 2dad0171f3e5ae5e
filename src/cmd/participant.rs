//! Arguments of the window and of bots: the call to join, the devices, and the destination of events.

use crate::admin::key_from_environment;
use crate::base::{Event, RoomName, Secret, Transport};
use crate::call::{EventSink, TokenSource};
use crate::devices::{CameraChoice, MicrophoneChoice, ScreenChoice, SpeakerChoice};
use crate::signal::token_endpoint;
use anyhow::Context;
use parking_lot::Mutex;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The room to join and the devices to use.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ParticipantArgs {
    /// The room server: ws://, wss://, http:// or https://
    #[arg(long, value_name = "URL", env = "LIVEKIT_URL", value_parser = parse_server)]
    pub(super) server: Option<String>,
    /// The room; a numeric one is written num/123
    #[arg(long, value_name = "ROOM")]
    pub(super) room: Option<RoomName>,
    /// A file that holds an access token (JWT); without it, and without LIVEKIT_API_KEY and LIVEKIT_API_SECRET to sign
    /// one, the server's token endpoint is asked
    #[arg(long, value_name = "JWT-FILE")]
    pub(super) token: Option<PathBuf>,
    /// Ask this token endpoint instead of the server's own
    #[arg(long, value_name = "URL", value_parser = parse_server, conflicts_with = "token")]
    pub(super) token_endpoint: Option<String>,
    /// A camera's id, none, test-picture[:WxH@FPS], portrait[:N] or file:PATH
    #[arg(long, value_name = "ID", value_parser = parse_camera)]
    pub(super) camera: Option<String>,
    /// A microphone's id, none, test-tone[:HZ], test-voice[:N] or file:PATH
    #[arg(long, value_name = "ID", value_parser = parse_microphone)]
    pub(super) microphone: Option<String>,
    /// A speaker's id, none or file:PATH.wav, which records
    #[arg(long, value_name = "ID", value_parser = parse_speaker)]
    pub(super) speaker: Option<String>,
    /// Share this at once: the id of a screen or a window, none, test-page or file:PATH
    #[arg(long, value_name = "ID", value_parser = parse_screen)]
    pub(super) screen: Option<String>,
    /// How media may go: auto, udp, tcp (also TLS) or relay (through a TURN server)
    #[arg(long, value_name = "WAY", default_value_t = Transport::Auto)]
    pub(super) transport: Transport,
    /// Write one JSON object a line as things happen; - is the standard output
    #[arg(long, value_name = "FILE")]
    pub(super) events: Option<PathBuf>,
    /// Leave by itself so long after entering, for example 10s
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(super) leave_after: Option<Duration>,
}

pub(super) fn parse_server(address: &str) -> Result<String, String> {
    token_endpoint(address).map(|_| address.trim().to_owned()).map_err(|e| e.to_string())
}

pub(super) fn parse_camera(id: &str) -> Result<String, String> {
    id.parse::<CameraChoice>().map(|_| id.to_owned()).map_err(|e| e.to_string())
}

pub(super) fn parse_microphone(id: &str) -> Result<String, String> {
    id.parse::<MicrophoneChoice>().map(|_| id.to_owned()).map_err(|e| e.to_string())
}

pub(super) fn parse_speaker(id: &str) -> Result<String, String> {
    id.parse::<SpeakerChoice>().map(|_| id.to_owned()).map_err(|e| e.to_string())
}

fn parse_screen(id: &str) -> Result<String, String> {
    id.parse::<ScreenChoice>().map(|_| id.to_owned()).map_err(|e| e.to_string())
}

/// The source of tokens: a file, an endpoint, the key pair of the environment, or the server.
pub(super) fn token_source(file: Option<&Path>, endpoint: Option<&str>) -> anyhow::Result<TokenSource> {
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("The token file {} cannot be read", path.display()))?;
        return Ok(TokenSource::Given(Secret::new(text.trim().to_owned())));
    }
    if let Some(url) = endpoint {
        return Ok(TokenSource::Endpoint(url.to_owned()));
    }
    Ok(key_from_environment()?.map_or(TokenSource::Server, TokenSource::Signed))
}

impl ParticipantArgs {
    /// Whether any argument but the server is given. The server may come from the environment.
    #[cfg(feature = "window")]
    pub(super) fn is_configured(&self) -> bool {
        let texts = [&self.token_endpoint, &self.camera, &self.microphone, &self.speaker, &self.screen];
        self.room.is_some()
            || self.transport != Transport::Auto
            || self.token.is_some()
            || self.events.is_some()
            || self.leave_after.is_some()
            || texts.iter().any(|text| text.is_some())
    }

    /// The source of tokens.
    pub(super) fn tokens(&self) -> anyhow::Result<TokenSource> {
        token_source(self.token.as_deref(), self.token_endpoint.as_deref())
    }

    /// The destination of events: a file, the standard output, or none.
    pub(super) fn event_sink(&self) -> anyhow::Result<EventSink> {
        let Some(path) = &self.events else { return Ok(Arc::new(|_: &Event| {})) };
        let out: Box<dyn Write + Send> = if path.as_os_str() == "-" {
            Box::new(std::io::stdout())
        } else {
            let file =
                File::create(path).with_context(|| format!("The event file {} cannot be written", path.display()))?;
            Box::new(file)
        };
        let out = Mutex::new(out);
        let pid = std::process::id();
        Ok(Arc::new(move |event: &Event| {
            let mut out = out.lock();
            let written = writeln!(out, "{}", event.to_line(pid)).and_then(|()| out.flush());
            if let Err(error) = written {
                tracing::warn!(%error, "an event could not be written");
            }
        }))
    }
}
