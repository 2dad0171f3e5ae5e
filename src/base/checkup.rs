//! The findings of `visavis doctor` and of the window's "Check my set-up": of this computer, of its devices, and of the way
//! to a server. Their names and facts are a public interface; `docs/support.md` lists them.

use serde::Serialize;
use serde_json::{Map, Value};

/// What is checked, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckName {
    /// This program and the system that it runs on.
    Program,
    /// The display server.
    Display,
    /// What draws the window.
    Graphics,
    /// The sound server.
    SoundSystem,
    /// The desktop portal (Linux).
    Portal,
    /// The camera opens, delivers and closes.
    Camera,
    /// The same of the microphone.
    Microphone,
    /// The speaker opens, plays and closes.
    Speaker,
    /// The server's name has an address.
    Name,
    /// A TCP connection to the server, or to the proxy before it.
    Tcp,
    /// The server's certificate.
    Tls,
    /// The clocks of this computer and of the server.
    Clock,
    /// The server speaks LiveKit's protocol.
    Signalling,
    /// An access token is to be had, and lets in.
    Token,
    /// Media by UDP.
    MediaUdp,
    /// Media by TCP.
    MediaTcp,
    /// Media through a relay (TURN).
    MediaRelay,
    /// Round trip of media to the server and back.
    RoundTrip,
    /// Packets that are lost on the way to the server.
    LossUp,
    /// Packets that are lost on the way from the server.
    LossDown,
    /// Variation of the delay.
    Jitter,
    /// Rate to the server.
    RateUp,
    /// Rate from the server.
    RateDown,
}

/// The part of the set-up that a check belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckPart {
    /// This computer.
    System,
    /// Camera, microphone, speaker.
    Devices,
    /// The way to the server.
    Server,
}

impl CheckName {
    /// All checks, in their order.
    pub(crate) const ALL: [Self; 23] = [
        Self::Program,
        Self::Display,
        Self::Graphics,
        Self::SoundSystem,
        Self::Portal,
        Self::Camera,
        Self::Microphone,
        Self::Speaker,
        Self::Name,
        Self::Tcp,
        Self::Tls,
        Self::Clock,
        Self::Signalling,
        Self::Token,
        Self::MediaUdp,
        Self::MediaTcp,
        Self::MediaRelay,
        Self::RoundTrip,
        Self::LossUp,
        Self::LossDown,
        Self::Jitter,
        Self::RateUp,
        Self::RateDown,
    ];

    /// The part that it belongs to.
    pub(crate) const fn part(self) -> CheckPart {
        match self {
            Self::Program | Self::Display | Self::Graphics | Self::SoundSystem | Self::Portal => CheckPart::System,
            Self::Camera | Self::Microphone | Self::Speaker => CheckPart::Devices,
            _ => CheckPart::Server,
        }
    }

    /// The name for people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Program => "Program",
            Self::Display => "Display",
            Self::Graphics => "Graphics",
            Self::SoundSystem => "Sound system",
            Self::Portal => "Desktop portal",
            Self::Camera => "Camera",
            Self::Microphone => "Microphone",
            Self::Speaker => "Speaker",
            Self::Name => "Server name",
            Self::Tcp => "TCP connection",
            Self::Tls => "TLS certificate",
            Self::Clock => "Clock",
            Self::Signalling => "Signalling",
            Self::Token => "Access token",
            Self::MediaUdp => "Media by UDP",
            Self::MediaTcp => "Media by TCP",
            Self::MediaRelay => "Media by relay",
            Self::RoundTrip => "Round trip",
            Self::LossUp => "Loss up",
            Self::LossDown => "Loss down",
            Self::Jitter => "Jitter",
            Self::RateUp => "Rate up",
            Self::RateDown => "Rate down",
        }
    }
}

/// The outcome of a check. The order is that of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It could not be tried, or there is nothing to check.
    Skipped,
    /// It is as it should be.
    Ok,
    /// Calls work, but not well.
    Warning,
    /// Calls do not work, or a part of them.
    Failed,
}

impl Verdict {
    /// The word for people and for scripts.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One line of the check.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    /// What was checked.
    pub(crate) check: CheckName,
    /// How it came out.
    pub(crate) verdict: Verdict,
    /// A sentence about what was found; of a skipped check, why.
    pub(crate) found: String,
    /// A sentence about what to do; `None` where nothing is to be done.
    pub(crate) advice: Option<String>,
    /// The same in numbers and words for scripts.
    pub(crate) facts: Map<String, Value>,
}

impl Finding {
    /// All is well.
    pub(crate) fn ok(check: CheckName, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, found: found.into(), advice: None, facts: Map::new() }
    }

    /// It works, but not well; `advice` says what to do.
    pub(crate) fn warning(check: CheckName, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, advice: Some(advice.into()), ..Self::ok(check, found) }
    }

    /// It does not work; `advice` says what to do.
    pub(crate) fn failed(check: CheckName, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Failed, advice: Some(advice.into()), ..Self::ok(check, found) }
    }

    /// It was not checked.
    pub(crate) fn skipped(check: CheckName, why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, ..Self::ok(check, why) }
    }

    /// Adds a fact.
    pub(crate) fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

/// The progress of a check.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CheckNews {
    /// This check has begun.
    Begun(CheckName),
    /// A check is over.
    Found(Finding),
}

/// A graphics adapter that can draw the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct GraphicsAdapter {
    /// Its name.
    pub(crate) name: String,
    /// vulkan, gl, metal or dx12.
    pub(crate) backend: String,
    /// The driver and its version.
    pub(crate) driver: String,
    /// Whether the processor does its work.
    pub(crate) software: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_written_with_stable_words() {
        let finding = Finding::failed(CheckName::MediaUdp, "Blocked.", "Open it.").fact("port", 7882);
        assert_eq!(
            serde_json::to_value(finding).expect("JSON"),
            serde_json::json!({
                "check": "media_udp", "verdict": "failed", "found": "Blocked.", "advice": "Open it.",
                "facts": { "port": 7882 }
            })
        );
        assert_eq!(serde_json::to_value(Verdict::Warning).expect("JSON"), Verdict::Warning.word());
    }

    #[test]
    fn the_list_of_checks_is_complete_and_in_order() {
        assert!(CheckName::ALL.is_sorted());
        assert_eq!(CheckName::ALL.len(), CheckName::RateDown as usize + 1);
        assert!(Verdict::Ok < Verdict::Warning && Verdict::Warning < Verdict::Failed);
    }
}
