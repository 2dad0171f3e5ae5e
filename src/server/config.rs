//! What an operator can set: as a value, and as the TOML file of `visavis serve --config`.

use crate::hub::HubConfig;
use crate::proto::token::{ApiKey, ApiKeys, MintError};
use crate::sfu::SfuConfig;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Settings of a room server.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Key pairs whose tokens are accepted. The first one signs what the token endpoint gives out.
    pub keys: ApiKeys,
    /// Whether `POST /token` gives anybody a token for any room.
    pub open_tokens: bool,
    /// What the token endpoint names as the server. `None`: the address it was asked at.
    pub public_url: Option<String>,
    /// The forwarding plane.
    pub media: SfuConfig,
    /// Rooms and their bounds.
    pub rooms: HubConfig,
    /// A folder for what outlives the server: who was removed. `None`: a restart forgets it.
    pub state: Option<PathBuf>,
}

impl ServerConfig {
    /// For one process and its guests: a key pair nobody else knows, tokens for everybody who can reach it, media on
    /// any port of `address`.
    pub fn private(address: IpAddr) -> Result<Self, MintError> {
        let key = ApiKey::new("host", format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>()))?;
        Ok(Self {
            keys: ApiKeys::new(vec![key]),
            open_tokens: true,
            public_url: None,
            media: SfuConfig { bind: address, ..SfuConfig::default() },
            rooms: HubConfig::default(),
            state: None,
        })
    }

    /// For trying things out on this computer, as `livekit-server --dev` has it: key `devkey`, secret `secret`.
    pub fn dev() -> Self {
        Self {
            keys: ApiKeys::new(vec![ApiKey::dev()]),
            open_tokens: true,
            public_url: None,
            media: SfuConfig { bind: Ipv4Addr::LOCALHOST.into(), ..SfuConfig::default() },
            rooms: HubConfig::default(),
            state: None,
        }
    }
}

/// Why a settings file was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It could not be read.
    #[error("The settings file {path} cannot be read: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML, or says something that does not exist. The message names line and word, never a secret.
    #[error("The settings file {path} is not usable: {message}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A key pair is incomplete.
    #[error("The settings file has a key without id or secret.")]
    Key(#[from] MintError),
}

/// The settings file. Everything in it may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// Address and port of HTTP and signalling.
    pub listen: Option<SocketAddr>,
    /// See [`ServerConfig::public_url`].
    pub public_url: Option<String>,
    /// See [`ServerConfig::open_tokens`].
    pub open_tokens: bool,
    /// See [`ServerConfig::state`].
    pub state: Option<PathBuf>,
    /// Forwarding.
    pub media: MediaSection,
    /// Rooms.
    pub rooms: RoomsSection,
    keys: BTreeMap<String, String>,
}

/// `[media]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MediaSection {
    /// UDP port of the first worker; the next one has the next port.
    pub udp: Option<u16>,
    /// Threads that forward.
    pub workers: Option<usize>,
    /// Addresses that clients are told to send to.
    pub advertise: Vec<IpAddr>,
}

/// `[rooms]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoomsSection {
    /// Whether joining a room makes it.
    pub auto_create: Option<bool>,
    /// Participants of a room at most.
    pub max_participants: Option<usize>,
    /// Rooms at most.
    pub max_rooms: Option<usize>,
}

impl ConfigFile {
    /// Reads a settings file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
        Self::parse(&text).map_err(|message| ConfigError::Parse { path: path.into(), message })
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| {
            // The error's own Display quotes the line, and a message of a wrong type the value: either may be a secret.
            let line = e.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            let message = match e.message().rsplit_once(", expected ") {
                Some((wrong, expected)) if wrong.starts_with("invalid ") => format!("expected {expected}"),
                _ => e.message().to_owned(),
            };
            format!("line {line}: {message}")
        })
    }

    /// The key pairs of `[keys]`: `id = "secret"`.
    pub fn keys(&self) -> Result<Vec<ApiKey>, ConfigError> {
        self.keys.iter().map(|(id, secret)| Ok(ApiKey::new(id, secret)?)).collect()
    }

    /// The room settings, with defaults for what the file leaves out.
    pub fn room_settings(&self) -> HubConfig {
        let default = HubConfig::default();
        HubConfig {
            auto_create: self.rooms.auto_create.unwrap_or(default.auto_create),
            max_members: self.rooms.max_participants.unwrap_or(default.max_members),
            max_rooms: self.rooms.max_rooms.unwrap_or(default.max_rooms),
            ..default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_settings_file_is_read() {
        let file = ConfigFile::parse(
            r#"
            listen = "0.0.0.0:7880"
            public_url = "wss://calls.example.com"
            open_tokens = true
            [keys]
            office = "0123456789abcdef0123456789abcdef"
            school = "fedcba9876543210fedcba9876543210"
            [media]
            udp = 7900
            workers = 2
            advertise = ["203.0.113.5"]
            [rooms]
            auto_create = false
            max_participants = 20
            "#,
        )
        .unwrap();
        assert_eq!(file.keys().unwrap().iter().map(|k| k.id.as_str()).collect::<Vec<_>>(), ["office", "school"]);
        assert_eq!((file.media.udp, file.media.workers, file.media.advertise.len()), (Some(7900), Some(2), 1));
        let rooms = file.room_settings();
        assert_eq!((rooms.auto_create, rooms.max_members), (false, 20));
        assert_eq!(rooms.max_rooms, HubConfig::default().max_rooms);
    }

    #[test]
    fn a_mistake_is_named_by_line_and_word_without_quoting_the_file() {
        let message = ConfigFile::parse("open_tokens = true\nlisten_adress = \"hush\"\n").unwrap_err();
        assert!(message.starts_with("line 2") && message.contains("listen_adress"), "{message}");
        for text in ["[keys]\nid = \"hush\" hush\n", "keys = \"hush\"", "[keys]\nhush", "listen = \"hush\""] {
            let message = ConfigFile::parse(text).unwrap_err();
            assert!(!message.contains("hush"), "{message}");
        }
    }

    #[test]
    fn an_empty_secret_is_refused() {
        assert!(ConfigFile::parse("[keys]\nid = \"\"").unwrap().keys().is_err());
    }
}
