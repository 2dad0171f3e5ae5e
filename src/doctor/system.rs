//! This computer: program and system, display, graphics, sound system, portal.

use super::{Checkup, GraphicsLister};
use crate::base::{CheckName, Finding, GraphicsAdapter, SharingSupport};
use crate::devices::{SoundSystem, list_screens};
use std::time::Duration;
use tokio::time::timeout;

/// How long a part of the system may take to answer. Loading graphics drivers takes longest.
const LIMIT: Duration = Duration::from_secs(5);
/// Processors below which sending and receiving video at the same time is slow.
const PROCESSORS: usize = 2;

/// Checks this computer.
pub(super) async fn check(checkup: &Checkup, graphics: Option<GraphicsLister>) {
    checkup.one(CheckName::Program, async { Some(program()) }).await;
    checkup.one(CheckName::Display, async { Some(display(Session::of_environment(), sharing().await)) }).await;
    checkup.one(CheckName::Graphics, async { Some(find_graphics(graphics).await) }).await;
    checkup.one(CheckName::SoundSystem, async { Some(sound(ask(SoundSystem::find).await)) }).await;
    checkup.one(CheckName::Portal, async { Some(find_portal().await) }).await;
}

/// Runs `look` away from the tasks of the runtime; `None` if it does not return within [`LIMIT`].
async fn ask<T: Send + 'static>(look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    timeout(LIMIT, tokio::task::spawn_blocking(look)).await.ok()?.ok()
}

fn program() -> Finding {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let release = release();
    let on = release.as_deref().unwrap_or(os);
    let found = format!("Visavis {} on {on} ({arch}), {processors} processors.", env!("CARGO_PKG_VERSION"));
    let finding = if processors < PROCESSORS {
        let advice = "Close other programs during a call, and choose a smaller camera picture.";
        Finding::warning(CheckName::Program, found, advice)
    } else {
        Finding::ok(CheckName::Program, found)
    };
    finding
        .fact("version", env!("CARGO_PKG_VERSION"))
        .fact("os", os)
        .fact("arch", arch)
        .fact("release", release)
        .fact("processors", processors)
}

/// The name of the Linux distribution.
fn release() -> Option<String> {
    let text = std::fs::read_to_string("/etc/os-release").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim_matches('"').to_owned())
}

/// What the environment says about the login session.
struct Session {
    wayland: bool,
    x11: bool,
    desktop: Option<String>,
}

impl Session {
    fn of_environment() -> Self {
        let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            wayland: named("WAYLAND_DISPLAY").is_some(),
            x11: named("DISPLAY").is_some(),
            desktop: named("XDG_CURRENT_DESKTOP"),
        }
    }
}

async fn sharing() -> SharingSupport {
    list_screens(LIMIT).await.support
}

fn display(session: Session, sharing: SharingSupport) -> Finding {
    let server = match (cfg!(target_os = "linux"), session.wayland, session.x11) {
        (false, ..) => std::env::consts::OS,
        (true, true, _) => "wayland",
        (true, false, true) => "x11",
        (true, false, false) => "none",
    };
    let finding = match server {
        "none" => Finding::warning(
            CheckName::Display,
            "There is no display.",
            "Start Visavis from a desktop session. Without one, use visavis bot.",
        ),
        _ => {
            let desktop = session.desktop.as_ref().map(|desktop| format!(", desktop {desktop}")).unwrap_or_default();
            Finding::ok(CheckName::Display, format!("The display server is {server}{desktop}."))
        }
    };
    let sharing = serde_json::to_value(sharing).unwrap_or_default();
    finding.fact("server", server).fact("desktop", session.desktop).fact("sharing", sharing)
}

async fn find_graphics(lister: Option<GraphicsLister>) -> Finding {
    let Some(lister) = lister else {
        return Finding::skipped(CheckName::Graphics, "This build of Visavis has no window.");
    };
    match ask(lister).await {
        Some(adapters) => graphics(&adapters),
        None => Finding::warning(
            CheckName::Graphics,
            "The graphics driver does not answer.",
            "Update the graphics driver, or start Visavis with --renderer glow.",
        ),
    }
}

/// The finding about the adapters, of which the first is the one that the window takes.
fn graphics(adapters: &[GraphicsAdapter]) -> Finding {
    const CHECK: CheckName = CheckName::Graphics;
    let all = serde_json::to_value(adapters).unwrap_or_default();
    let Some(first) = adapters.first() else {
        let advice = "Install a driver for the graphics card; until then glow (OpenGL) may draw the window.";
        return Finding::warning(CHECK, "wgpu finds no graphics.", advice).fact("adapters", all);
    };
    let finding = if first.software {
        Finding::warning(
            CHECK,
            format!("The processor draws the window (“{}”): no graphics card is used.", first.name),
            "Install the driver of the graphics card. In a virtual machine, turn 3D acceleration on.",
        )
    } else {
        Finding::ok(CHECK, format!("“{}” draws the window, by {}.", first.name, first.backend))
    };
    finding
        .fact("name", first.name.as_str())
        .fact("backend", first.backend.as_str())
        .fact("driver", first.driver.as_str())
        .fact("software", first.software)
        .fact("adapters", all)
}

/// The finding about the sound system; the outer `None` is one that does not answer.
fn sound(system: Option<Option<SoundSystem>>) -> Finding {
    const CHECK: CheckName = CheckName::SoundSystem;
    let restart = "Restart the sound server, or log out and in again.";
    let Some(system) = system else {
        let found = "The sound server does not answer.";
        return Finding::warning(CHECK, found, restart).fact("system", "silent");
    };
    match system {
        Some(SoundSystem::Server(name)) => {
            Finding::ok(CHECK, format!("The sound server is {name}.")).fact("system", "server").fact("name", name)
        }
        Some(SoundSystem::Alsa) => {
            Finding::ok(CHECK, "There is no sound server; the sound cards are used directly.").fact("system", "alsa")
        }
        Some(SoundSystem::Native(name)) => {
            Finding::ok(CHECK, format!("The sound system is {name}.")).fact("system", "native").fact("name", name)
        }
        // Whether that is a fault is said by the microphone and the speaker that were chosen.
        Some(SoundSystem::None) => Finding::warning(
            CHECK,
            "There is neither a sound server nor a sound card.",
            "Start PipeWire or PulseAudio in this login session, or plug in a headset.",
        )
        .fact("system", "none"),
        None => Finding::skipped(CHECK, "This build of Visavis has no real devices."),
    }
}

#[cfg(feature = "window")]
async fn find_portal() -> Finding {
    use crate::desktop::Portal;
    const CHECK: CheckName = CheckName::Portal;
    let advice =
        "Install xdg-desktop-portal and the part of it for this desktop (for example xdg-desktop-portal-gnome).";
    match ask(Portal::find).await {
        Some(None) => Finding::skipped(CHECK, "This system has no portals and needs none."),
        Some(Some(Portal::There)) => Finding::ok(CHECK, "The desktop portal answers.").fact("portal", "there"),
        // On X11 nothing depends on it.
        Some(Some(_)) | None if !Session::of_environment().wayland => {
            Finding::ok(CHECK, "There is no desktop portal, and X11 needs none.").fact("portal", "missing")
        }
        Some(Some(Portal::Missing)) => {
            Finding::warning(CHECK, "There is no desktop portal.", advice).fact("portal", "missing")
        }
        Some(Some(Portal::NoBus)) => Finding::warning(
            CHECK,
            "There is no session bus, so there is no desktop portal.",
            "Start Visavis from the desktop session, not over ssh or as another user.",
        )
        .fact("portal", "no_bus"),
        None => Finding::warning(CHECK, "The desktop portal does not answer.", advice).fact("portal", "silent"),
    }
}

#[cfg(not(feature = "window"))]
async fn find_portal() -> Finding {
    Finding::skipped(CheckName::Portal, "This build of Visavis has no window.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Verdict;

    fn adapter(name: &str, software: bool) -> GraphicsAdapter {
        GraphicsAdapter { name: name.into(), backend: "vulkan".into(), driver: "mesa 25".into(), software }
    }

    #[test]
    fn drawing_by_the_processor_is_a_warning() {
        assert_eq!(graphics(&[adapter("Arc", false), adapter("llvmpipe", true)]).verdict, Verdict::Ok);
        let software = graphics(&[adapter("llvmpipe", true)]);
        assert_eq!((software.verdict, &software.facts["software"]), (Verdict::Warning, &true.into()));
        assert_eq!(graphics(&[]).verdict, Verdict::Warning);
    }

    #[test]
    fn a_missing_sound_server_is_named() {
        assert_eq!(sound(Some(Some(SoundSystem::None))).verdict, Verdict::Warning);
        assert_eq!(sound(None).found, "The sound server does not answer.");
        let server = sound(Some(Some(SoundSystem::Server("PulseAudio (on PipeWire 1.4) 15.0.0".into()))));
        assert_eq!(server.facts["name"], "PulseAudio (on PipeWire 1.4) 15.0.0");
    }

    #[test]
    fn every_part_of_a_warning_says_what_to_do() {
        let nobody = Session { wayland: false, x11: false, desktop: None };
        let finding = display(nobody, SharingSupport::NoDisplay);
        assert_eq!(finding.verdict == Verdict::Ok, finding.advice.is_none());
    }

    #[tokio::test]
    async fn the_program_tells_its_version() {
        let finding = program();
        assert_eq!(finding.facts["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(find_graphics(None).await.verdict, Verdict::Skipped);
    }
}
