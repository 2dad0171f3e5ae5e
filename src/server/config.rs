//! The settings of a server: as a value, and as the TOML file of `visavis serve --config`.

use super::livekit::LiveKitAddress;
use super::network::Network;
use super::secrets::{Application, CALLS_PER_SECOND, Secrets};
use super::tcp_port::TcpPort;
use super::tls::Tls;
use super::webhooks::WebhookConfig;
use crate::admin::ApplicationKeys;
use crate::base::Secret;
use crate::hub::HubConfig;
use crate::proto::tencent::{KeyPair, UserSigKey};
use crate::proto::token::{ApiKey, ApiKeys, MintError};
use crate::proto::turn::{TurnServers, TurnServersError};
use crate::sfu::{Advertised, SfuConfig};
use crate::store::toml_mistake;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use url::Url;

/// Settings of a room server.
#[derive(Clone, Debug)]
pub(crate) struct ServerConfig {
    /// The keys at the start.
    pub(crate) secrets: Secrets,
    /// Whether `POST /token` gives everybody a token for any room.
    pub(crate) open_tokens: bool,
    /// The server's URL in join links and, with the embedded engine, in tokens. `None`: the address of each request.
    pub(crate) public_url: Option<String>,
    /// Proxies that name the addresses of their clients.
    pub(crate) trusted_proxies: Vec<Network>,
    /// Certificate and key. `None`: plain HTTP and WebSockets.
    pub(crate) tls: Option<Tls>,
    /// The LiveKit server that has the rooms and accepts the first key pair. `None`: the embedded engine.
    pub(crate) livekit: Option<LiveKitAddress>,
    /// The embedded engine's forwarding plane.
    pub(crate) media: SfuConfig,
    /// The embedded engine's rooms and their limits.
    pub(crate) rooms: HubConfig,
    /// Where events are posted; only with the embedded engine.
    pub(crate) webhooks: WebhookConfig,
    /// The folder in which bans and webhooks outlive a restart. `None`: they do not.
    pub(crate) state: Option<PathBuf>,
}

impl ServerConfig {
    /// For one process and its guests: a new key pair, tokens for everybody, media on any port of `address`.
    pub(crate) fn private(address: IpAddr) -> Result<Self, MintError> {
        let secret = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        Ok(Self::with_key(ApiKey::new("host", secret)?, address))
    }

    /// For development on this computer, like `livekit-server --dev`: key `devkey`, secret `secret`.
    pub(crate) fn dev() -> Self {
        Self::with_key(ApiKey::dev(), Ipv4Addr::LOCALHOST.into())
    }

    fn with_key(key: ApiKey, address: IpAddr) -> Self {
        Self {
            secrets: Secrets { keys: ApiKeys::new(vec![key]), application: None },
            open_tokens: true,
            public_url: None,
            trusted_proxies: Vec::new(),
            tls: None,
            livekit: None,
            media: SfuConfig { bind: address, tcp_port: Some(0), ..SfuConfig::default() },
            rooms: HubConfig::default(),
            webhooks: WebhookConfig::default(),
            state: None,
        }
    }
}

/// Why a settings file is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("The settings file {path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file is not TOML, or has an unknown or wrong setting.
    #[error("The settings file {path} is not usable: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line and setting, without any value.
        message: String,
    },
    /// A key has no id or no secret.
    #[error("The settings file has a key without id or secret.")]
    Key(#[from] MintError),
    /// There are keys for Tencent's API or for UserSigs, but no SdkAppId.
    #[error(
        "There are keys for Tencent's API or for UserSigs, but no SdkAppId. \
         Set VISAVIS_SDK_APP_ID, or sdk_app_id under [tencent] in the settings file."
    )]
    NoSdkAppId,
    /// An address under `[webhook]` is not usable; the text is its number.
    #[error("Address {0} under [webhook] is not one of a web server. It should look like https://host/path.")]
    WebhookUrl(usize),
    /// The TURN servers are not usable.
    #[error(transparent)]
    Turn(#[from] TurnServersError),
    /// `calls_per_second` is out of range.
    #[error("calls_per_second under [tencent] is not a number from 1 to 1000.")]
    CallsPerSecond,
}

/// The settings file. Every setting is optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    /// Address and port of HTTP and signalling.
    pub(crate) listen: Option<SocketAddr>,
    /// See [`ServerConfig::public_url`].
    pub(crate) public_url: Option<String>,
    /// See [`ServerConfig::open_tokens`].
    pub(crate) open_tokens: bool,
    /// See [`ServerConfig::state`].
    pub(crate) state: Option<PathBuf>,
    /// See [`ServerConfig::trusted_proxies`].
    pub(crate) trusted_proxies: Vec<Network>,
    /// Whether plain HTTP is served to other computers.
    pub(crate) insecure_http: bool,
    /// Certificate and key.
    pub(crate) tls: Option<TlsSection>,
    /// The engine; embedded by default.
    pub(crate) engine: Option<EngineKind>,
    /// The LiveKit server, for that engine.
    pub(crate) livekit: LiveKitSection,
    /// The forwarding plane.
    pub(crate) media: MediaSection,
    /// Limits of rooms.
    pub(crate) rooms: RoomsSection,
    webhook: WebhookSection,
    /// Relays for participants who cannot reach this server.
    turn: TurnSection,
    /// `id = "secret"`.
    keys: BTreeMap<String, Secret<String>>,
    tencent: TencentSection,
}

/// `[tencent]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TencentSection {
    sdk_app_id: Option<u32>,
    calls_per_second: Option<u32>,
    /// SDKSecretKeys.
    user_sig_keys: Vec<Secret<String>>,
    /// `SecretId = "SecretKey"`.
    keys: BTreeMap<String, Secret<String>>,
}

/// `[webhook]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WebhookSection {
    urls: Vec<Secret<String>>,
    /// See [`WebhookConfig::api_key`].
    api_key: Option<String>,
}

/// `[tls]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSection {
    /// PEM file of the certificate chain.
    pub(crate) certificate: PathBuf,
    /// PEM file of the private key.
    pub(crate) key: PathBuf,
}

/// The engine that has the rooms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EngineKind {
    /// The hub in this process.
    #[default]
    Embedded,
    /// A LiveKit server.
    LiveKit,
}

/// `[livekit]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LiveKitSection {
    /// See [`LiveKitAddress::url`].
    pub(crate) url: Option<String>,
    /// See [`LiveKitAddress::public_url`].
    pub(crate) public_url: Option<String>,
}

/// `[media]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MediaSection {
    /// UDP port of the first worker. Each further worker uses the next port.
    pub(crate) udp: Option<u16>,
    /// TCP port of all workers.
    pub(crate) tcp: Option<TcpPort>,
    /// Number of threads that forward media.
    pub(crate) workers: Option<usize>,
    /// What the server's ICE candidates have instead of its own addresses.
    pub(crate) advertise: Vec<Advertised>,
}

/// `[turn]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct TurnSection {
    /// `turn:` and `turns:` URLs.
    urls: Vec<String>,
    /// The secret that the servers share with this one.
    secret: Option<Secret<String>>,
}

/// `[rooms]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RoomsSection {
    /// Whether joining a room creates it.
    pub(crate) auto_create: Option<bool>,
    /// See [`HubConfig::empty_timeout_s`].
    pub(crate) empty_timeout: Option<u32>,
    /// See [`HubConfig::departure_timeout_s`].
    pub(crate) departure_timeout: Option<u32>,
    /// Participants of a room at most.
    pub(crate) max_participants: Option<usize>,
    /// Rooms at most.
    pub(crate) max_rooms: Option<usize>,
}

impl ConfigFile {
    /// Reads a settings file.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
        Self::parse(&text).map_err(|message| ConfigError::Parse { path: path.into(), message })
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| toml_mistake(text, &e))
    }

    /// All keys: those of the environment first, then those of the file.
    pub(crate) fn secrets(&self, key: Option<ApiKey>, application: ApplicationKeys) -> Result<Secrets, ConfigError> {
        let keys = self.keys.iter().map(|(id, secret)| ApiKey::new(id, secret.expose()));
        let keys = key.into_iter().map(Ok).chain(keys).collect::<Result<_, _>>()?;
        Ok(Secrets { keys: ApiKeys::new(keys), application: self.application(application)? })
    }

    fn application(&self, environment: ApplicationKeys) -> Result<Option<Application>, ConfigError> {
        let section = &self.tencent;
        let pairs = section.keys.iter().map(|(id, secret)| KeyPair { id: id.clone(), secret: secret.clone() });
        let keys: Vec<_> = environment.key.into_iter().chain(pairs).collect();
        let signers: Vec<_> = environment.user_sig_key.into_iter().chain(section.user_sig_keys.clone()).collect();
        if keys.iter().any(|key| key.id.is_empty() || key.secret.expose().is_empty())
            || signers.iter().any(|secret| secret.expose().is_empty())
        {
            return Err(MintError::EmptyKey.into());
        }
        let calls_per_second = section.calls_per_second.unwrap_or(CALLS_PER_SECOND);
        if !(1..=1000).contains(&calls_per_second) {
            return Err(ConfigError::CallsPerSecond);
        }
        let Some(sdk_app_id) = environment.sdk_app_id.or(section.sdk_app_id) else {
            return if keys.is_empty() && signers.is_empty() { Ok(None) } else { Err(ConfigError::NoSdkAppId) };
        };
        let user_sig_keys = signers.into_iter().map(|secret| UserSigKey { sdk_app_id, secret }).collect();
        Ok(Some(Application { sdk_app_id, keys, user_sig_keys, calls_per_second }))
    }

    /// The webhooks.
    pub(crate) fn webhooks(&self) -> Result<WebhookConfig, ConfigError> {
        let url = |(index, text): (usize, &Secret<String>)| {
            let url = Url::parse(text.expose()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            url.map(Secret::new).ok_or(ConfigError::WebhookUrl(index + 1))
        };
        let urls = self.webhook.urls.iter().enumerate().map(url).collect::<Result<_, _>>()?;
        Ok(WebhookConfig { urls, api_key: self.webhook.api_key.clone() })
    }

    /// The room settings, with defaults for absent ones, and the TURN servers. Their secret is the one of the environment,
    /// if it is given.
    pub(crate) fn room_settings(&self, turn_secret: Option<Secret<String>>) -> Result<HubConfig, ConfigError> {
        let default = HubConfig::default();
        let secret = || turn_secret.or_else(|| self.turn.secret.clone()).unwrap_or_default();
        let urls = Some(self.turn.urls.clone()).filter(|urls| !urls.is_empty());
        Ok(HubConfig {
            turn: urls.map(|urls| TurnServers::new(urls, secret())).transpose()?,
            auto_create: self.rooms.auto_create.unwrap_or(default.auto_create),
            empty_timeout_s: self.rooms.empty_timeout.unwrap_or(default.empty_timeout_s),
            departure_timeout_s: self.rooms.departure_timeout.unwrap_or(default.departure_timeout_s),
            max_members: self.rooms.max_participants.unwrap_or(default.max_members),
            max_rooms: self.rooms.max_rooms.unwrap_or(default.max_rooms),
            ..default
        })
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
            trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]
            [keys]
            office = "0123456789abcdef0123456789abcdef"
            school = "fedcba9876543210fedcba9876543210"
            [tencent]
            sdk_app_id = 1400000001
            calls_per_second = 5
            user_sig_keys = ["hush"]
            [tencent.keys]
            AKIDa = "a"
            AKIDb = "b"
            [media]
            udp = 7900
            tcp = "off"
            workers = 2
            advertise = ["203.0.113.5", "calls.example.com", "interfaces"]
            [webhook]
            urls = ["https://a.example/hook?k=1"]
            api_key = "office"
            [turn]
            urls = ["turn:turn.example.com", "turns:turn.example.com:443"]
            secret = "north"
            [rooms]
            auto_create = false
            max_participants = 20
            departure_timeout = 0
            "#,
        )
        .unwrap();
        let secrets = file.secrets(None, ApplicationKeys::default()).expect("valid");
        assert_eq!(secrets.keys.first().expect("present").id, "office");
        let application = secrets.application.expect("present");
        assert_eq!((application.sdk_app_id, application.calls_per_second), (1_400_000_001, 5));
        assert_eq!((application.keys.len(), application.user_sig_keys.len()), (2, 1));
        assert_eq!((file.media.udp, file.media.workers, file.media.advertise.len()), (Some(7900), Some(2), 3));
        assert_eq!(file.media.tcp, Some(TcpPort::Off));
        assert_eq!(file.trusted_proxies.len(), 2);
        let webhooks = file.webhooks().expect("valid");
        assert_eq!(
            (webhooks.urls[0].expose().as_str(), webhooks.api_key.as_deref()),
            ("https://a.example/hook?k=1", Some("office"))
        );
        let rooms = file.room_settings(None).expect("valid");
        assert_eq!((rooms.auto_create, rooms.max_members), (false, 20));
        assert_eq!((rooms.empty_timeout_s, rooms.departure_timeout_s), (300, 0));
        let given = |rooms: &HubConfig| rooms.turn.as_ref().expect("servers").for_user("mina", 0);
        assert_eq!(given(&rooms).urls.len(), 2);
        let other = file.room_settings(Some(Secret::new("south".into()))).expect("valid");
        assert_ne!(given(&rooms).credential, given(&other).credential, "that of the environment comes first");
        assert_eq!(rooms.max_rooms, HubConfig::default().max_rooms);
    }

    #[test]
    fn a_mistake_is_reported_with_its_line_and_setting_but_no_value() {
        let message = ConfigFile::parse("open_tokens = true\nlisten_adress = \"hush\"\n").expect_err("refused");
        assert!(message.starts_with("line 2") && message.contains("listen_adress"), "{message}");
        let message = ConfigFile::parse("[media]\nadvertise = [\"203.0.113.5:7882\"]\n").expect_err("refused");
        assert!(message.contains("--udp") && !message.contains("hush"), "{message}");
        for text in [
            "[media]\ntcp = \"hush\"\n",
            "[keys]\nid = \"hush\" hush\n",
            "keys = \"hush\"",
            "[keys]\nhush",
            "listen = \"hush\"",
            "trusted_proxies = [\"hush\"]",
        ] {
            let message = ConfigFile::parse(text).expect_err("refused");
            assert!(!message.contains("hush"), "{message}");
        }
    }

    fn secrets(text: &str, environment: ApplicationKeys) -> Result<Secrets, ConfigError> {
        ConfigFile::parse(text).expect("TOML").secrets(Some(ApiKey::dev()), environment)
    }

    #[test]
    fn keys_of_the_environment_come_first() {
        let key = Some(KeyPair { id: "AKIDenv".into(), secret: Secret::new("s".into()) });
        let environment = ApplicationKeys { sdk_app_id: Some(7), key, user_sig_key: None };
        let file = "[keys]\na = \"b\"\n[tencent]\nsdk_app_id = 8\nkeys = { AKIDfile = \"t\" }";
        let both = secrets(file, environment).unwrap();
        assert_eq!(both.keys.first(), Some(&ApiKey::dev()));
        let application = both.application.expect("present");
        assert_eq!((application.sdk_app_id, application.calls_per_second), (7, CALLS_PER_SECOND));
        assert_eq!(application.keys.iter().map(|k| k.id.as_str()).collect::<Vec<_>>(), ["AKIDenv", "AKIDfile"]);
    }

    #[test]
    fn unusable_settings_are_refused() {
        let refused = |text| secrets(text, ApplicationKeys::default()).expect_err("refused").to_string();
        for text in ["[keys]\nid = \"\"", "[tencent]\nsdk_app_id = 1\nkeys = { a = \"\" }"] {
            assert!(refused(text).contains("without id or secret"), "{text}");
        }
        let turn = |text| ConfigFile::parse(text).expect("TOML").room_settings(None).expect_err("refused").to_string();
        assert!(turn("[turn]\nurls = [\"turn:a\"]").contains("VISAVIS_TURN_SECRET"));
        assert!(turn("[turn]\nurls = [\"a\"]\nsecret = \"hush\"").contains("\"a\" is not a TURN server"));
        assert!(refused("[tencent.keys]\na = \"b\"").contains("VISAVIS_SDK_APP_ID"));
        assert!(refused("[tencent]\nsdk_app_id = 1\ncalls_per_second = 0").contains("1 to 1000"));
        let hook =
            |url: &str| ConfigFile::parse(&format!("[webhook]\nurls = [\"http://a\", \"{url}\"]")).unwrap().webhooks();
        let error = hook("ftp://hush").expect_err("refused").to_string();
        assert!(error.contains("Address 2") && !error.contains("hush"), "{error}");
        assert!(hook("https://b").is_ok() && hook("hush").is_err());
        assert!(secrets("", ApplicationKeys::default()).expect("valid").application.is_none());
    }
}
