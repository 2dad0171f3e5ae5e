//! The command line of the window, and its merger with the stored settings.

use super::hosting::HostOptions;
use crate::base::{NO_DEVICE, RoomId, RoomName, display_name};
use crate::call::view::JoinParams;
use crate::cmd::DEFAULT_SERVER;
use crate::cmd::participant::ParticipantArgs;
use crate::proto::link;
use crate::store::Settings;
use std::net::{IpAddr, Ipv4Addr};

const EXAMPLES: &str = "\
Example:
  visavis host --room design-review --name Mina --join";

/// Opens the window.
#[derive(Clone, Debug, Default, clap::Args)]
pub(in crate::cmd) struct WindowArgs {
    /// A link to a call: it fills the lobby in
    #[arg(value_name = "LINK")]
    pub(super) link: Option<String>,
    #[command(flatten)]
    pub(super) participant: ParticipantArgs,
    /// The name the others see
    #[arg(long, value_name = "NAME", value_parser = display_name)]
    name: Option<String>,
    /// Enter at once
    #[arg(long)]
    pub(super) join: bool,
    /// What to do after ExitRoom
    #[arg(long, value_name = "WHAT")]
    pub(super) then: Option<Then>,
    /// Read the others' test pictures as they are painted: the event Verified tells how they came
    #[arg(long)]
    pub(super) verify: bool,
    /// How the window is drawn: wgpu, or glow where wgpu finds no graphics
    #[arg(long, value_name = "RENDERER", env = "VISAVIS_RENDERER")]
    pub(super) renderer: Option<Renderer>,
}

/// The window with a room server in the same process
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cmd) struct HostArgs {
    #[command(flatten)]
    pub(super) window: WindowArgs,
    /// Where the room server listens: this computer, or 0.0.0.0 for everybody in the network
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// Put so many synthetic participants into the call: the second is muted, the third has no camera
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=20))]
    with_bots: u32,
}

/// The action after ExitRoom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Then {
    /// End the program; its exit code tells the reason.
    Quit,
}

/// The graphics library of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cmd) enum Renderer {
    Wgpu,
    Glow,
}

impl Renderer {
    /// The renderer in eframe's terms; wgpu unless told otherwise.
    pub(in crate::cmd) const fn of_eframe(renderer: Option<Self>) -> eframe::Renderer {
        match renderer {
            Some(Self::Glow) => eframe::Renderer::Glow,
            Some(Self::Wgpu) | None => eframe::Renderer::Wgpu,
        }
    }
}

impl HostArgs {
    /// The options of the room server, with `my-call` as the default room.
    pub(super) fn hosting(&self) -> HostOptions {
        let room = self.window.participant.room.clone().unwrap_or_else(|| RoomId::Text("my-call".into()).wire_name());
        HostOptions { listen: self.listen, bots: self.with_bots, room }
    }
}

impl WindowArgs {
    /// The link, if it is the only argument: browsers and menus start the program so.
    pub(super) fn only_a_link(&self) -> Option<&str> {
        let has_more = self.join || self.name.is_some() || self.then.is_some() || self.participant.is_configured();
        self.link.as_deref().filter(|_| !has_more)
    }

    /// Puts the arguments in the place of stored settings.
    pub(super) fn override_settings(&self, mut settings: Settings) -> anyhow::Result<Settings> {
        let args = &self.participant;
        let replace = |stored: &mut String, argument: Option<String>| {
            if let Some(argument) = argument {
                *stored = argument;
            }
        };
        replace(&mut settings.name, self.name.clone());
        replace(&mut settings.server, args.server.clone());
        settings.camera = args.camera.clone().or(settings.camera);
        settings.microphone = args.microphone.clone().or(settings.microphone);
        settings.speaker = args.speaker.clone().or(settings.speaker);
        // A device that is named on the command line is switched on.
        settings.join_with_camera |= args.camera.as_deref().is_some_and(|id| id != NO_DEVICE);
        settings.join_with_microphone |= args.microphone.as_deref().is_some_and(|id| id != NO_DEVICE);
        if settings.server.is_empty() {
            settings.server = DEFAULT_SERVER.to_owned();
        }
        // A name that the lobby would take for a link becomes a link.
        let typed = |room: &RoomName| match link::is_bare(room) {
            true => room.as_str().to_owned(),
            false => link::link(&settings.server, room, None),
        };
        if let Some(room) = &args.room {
            settings.room = typed(room);
        }
        // Without --join, the window reads the link and shows what is wrong with it.
        if let (Some(link), true) = (&self.link, self.join) {
            let address = link::parse(link)?;
            // The room alone would drop the invitation, which lets us in.
            let whole = address.invitation.is_some() || !link::is_bare(&address.room);
            settings.room = if whole { link.clone() } else { address.room.as_str().to_owned() };
            replace(&mut settings.server, address.server);
            if settings.name.is_empty() {
                replace(&mut settings.name, address.name);
            }
        }
        Ok(settings)
    }

    /// The call to join at once, if `--join` asks for one.
    pub(super) fn join_request(
        &self,
        settings: &Settings,
        hosting: Option<&HostOptions>,
    ) -> anyhow::Result<Option<JoinParams>> {
        if !self.join {
            return Ok(None);
        }
        let (room, invitation) = match hosting {
            Some(hosting) => (hosting.room.clone(), None),
            None => {
                let address = link::parse(&settings.room)?;
                (address.room, address.invitation)
            }
        };
        let name = display_name(&settings.name)?;
        let server = hosting.is_none().then(|| settings.server.clone());
        Ok(Some(JoinParams { server, room, name, invitation }))
    }
}
