//! `visavis serve`: the room server.

use super::log::LogFormat;
use super::signals::Signals;
use crate::admin::{application_from_environment, key_from_environment, turn_secret_from_environment};
use crate::proto::link::is_loopback;
use crate::proto::token::{ApiKey, ApiKeys};
use crate::server::{
    ConfigFile, EngineKind, Keyring, LiveKitAddress, Reloader, Secrets, Server, ServerConfig, TcpPort, Tls, TlsFiles,
};
use crate::sfu::{Advertised, SfuConfig};
use anyhow::{Context, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;

/// The default port of HTTP and signalling.
const PORT: u16 = 7880;
/// The default UDP port of the first worker.
const UDP: u16 = 7882;

const EXAMPLES: &str = "\
Examples:
  visavis serve --dev
  LIVEKIT_API_KEY=office LIVEKIT_API_SECRET=… visavis serve --listen 0.0.0.0:7880 \\
    --tls-certificate chain.pem --tls-key key.pem --workers 2
  LIVEKIT_API_KEY=office LIVEKIT_API_SECRET=… visavis serve --engine livekit \\
    --livekit-url wss://livekit.example.com

A settings file; everything in it may be left out:
  listen = \"0.0.0.0:7880\"
  public_url = \"wss://calls.example.com\"  # where this server is reached: links lead there
  open_tokens = false                     # whether POST /token gives anybody a token
  state = \"/var/lib/visavis\"            # remembers who was removed across a restart
  trusted_proxies = [\"127.0.0.1\"]       # proxies before it, or networks of them, that write X-Forwarded-For
  insecure_http = false                   # whether other computers are served without a certificate
  engine = \"embedded\"                     # or \"livekit\": what holds the rooms
  [livekit]                               # for engine = \"livekit\"
  url = \"ws://127.0.0.1:7890\"            # where its RoomService is
  public_url = \"wss://lk.example.com\"   # where clients reach it, if that is not the same
  [tls]
  certificate = \"/etc/visavis/chain.pem\"
  key = \"/etc/visavis/key.pem\"
  [keys]
  office = \"at least 32 characters\"      # LIVEKIT_API_KEY = LIVEKIT_API_SECRET
  [tencent]                               # for back ends and clients that were made for TRTC
  sdk_app_id = 1400000001
  user_sig_keys = [\"an SDKSecretKey\"]   # UserSigs of these let people in
  calls_per_second = 20                   # of each action
  [tencent.keys]
  AKIDexample = \"a SecretKey\"           # SecretId = SecretKey of who may call the API
  [media]
  udp = 7882
  tcp = 7882                              # for networks that let no UDP through; \"off\" for none
  workers = 2
  # Where clients send to, if that is not this computer's own addresses: addresses and host names.
  # \"interfaces\" stands for the own ones, \"stun:HOST:PORT\" for the one that a STUN server sees.
  advertise = [\"203.0.113.5\", \"interfaces\"]
  [webhook]                               # what happens in rooms is posted there, as livekit-server does
  urls = [\"https://back-end.example.com/webhook\"]
  api_key = \"office\"                    # the key that signs; the first one otherwise
  [turn]                                  # relays for people who cannot reach this server
  urls = [\"turns:turn.example.com:443?transport=tcp\"]
  secret = \"coturn's static-auth-secret\"
  [rooms]
  auto_create = true                      # whether joining a room makes it
  empty_timeout = 300                     # seconds until a room closes that nobody joins
  departure_timeout = 20                  # seconds until it closes after the last one left
  max_participants = 50
  max_rooms = 1000";

/// The room server: rooms, forwarding, admin API and tokens, until it is told to stop
///
/// With `--engine livekit` rooms and forwarding are a LiveKit server's; admin API, tokens and links are here. The first
/// key is then that server's.
///
/// Its keys come from LIVEKIT_API_KEY and LIVEKIT_API_SECRET, and from [keys] of the settings file. Those of a TRTC
/// application come from VISAVIS_SDK_APP_ID, VISAVIS_SDK_SECRET_KEY, TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY,
/// and from [tencent]; the secret of TURN servers comes from VISAVIS_TURN_SECRET, or from [turn]. When the settings file or
/// the certificate changes, and on SIGHUP, keys and certificate are read again; the rest needs a restart.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ServeArgs {
    /// Address and port of HTTP and signalling; port 0 takes a free one [default: 127.0.0.1:7880]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(super) listen: Option<SocketAddr>,
    /// The engine that holds the rooms: this program, or a LiveKit server [default: embedded]
    #[arg(long, value_parser = PossibleValuesParser::new(["embedded", "livekit"]).map(engine))]
    pub(super) engine: Option<EngineKind>,
    /// The LiveKit server of `--engine livekit`
    #[arg(long, value_name = "URL", env = "LIVEKIT_URL")]
    pub(super) livekit_url: Option<String>,
    /// UDP port of the first worker, the next one has the next port; 0 takes free ones [default: 7882]
    #[arg(long, value_name = "PORT")]
    pub(super) udp: Option<u16>,
    /// TCP port for participants whose network lets no UDP through, or `off`; 0 takes a free one [default: the number of
    /// the first UDP port]
    #[arg(long, value_name = "PORT")]
    pub(super) tcp: Option<TcpPort>,
    /// Threads that forward media [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) workers: Option<u16>,
    /// Addresses and host names that media is sent to instead of this computer's own addresses, for example that of a
    /// router in front of it; "interfaces" stands for the own ones, stun:HOST:PORT for the one that a STUN server sees
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub(super) advertise: Vec<Advertised>,
    /// Folder that remembers across a restart who was removed from which room
    #[arg(long, value_name = "FOLDER")]
    pub(super) state: Option<PathBuf>,
    /// Settings in TOML; what is given here wins
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// PEM file of the certificate for wss:// and https://, and of those that lead to a known authority
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(super) tls_certificate: Option<PathBuf>,
    /// PEM file of the certificate's key
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub(super) tls_key: Option<PathBuf>,
    /// Serve other computers without a certificate: in a network that you trust, or behind a proxy that has one
    #[arg(long)]
    pub(super) insecure_http: bool,
    /// The form of the log on standard error: text, or a JSON object on each line
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(super) log_format: LogFormat,
    /// To try things out: key "devkey", secret "secret", tokens for everybody, this computer only
    #[arg(long)]
    pub(super) dev: bool,
}

/// Runs the server until a signal stops it. All participants are told before it returns.
pub(super) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let file = settings_file(&args)?;
    let tls_files = tls_files(&args, &file);
    let watched = tls_files.iter().flat_map(|files| [&files.certificate, &files.key]).chain(&args.config);
    let reloader = Reloader::new(watched.cloned().collect()).context("SIGHUP cannot be caught")?;
    let tls = tls_files.map(Tls::load).transpose()?;
    let (listen, config) = settings(&args, &file, tls.clone())?;
    let livekit_url = config.livekit.as_ref().map(|livekit| livekit.url.clone());
    let listener = TcpListener::bind(listen).await.with_context(|| format!("{listen} cannot be listened at"))?;
    let server = Server::bind(listener, config).await?;
    let signals = Signals::without_hangup().context("Signals cannot be caught")?;
    let ready = ready_line(&server, tls.is_some(), livekit_url.as_deref());
    for line in std::iter::once(ready).chain(server.media_sentences()) {
        writeln!(std::io::stdout(), "{line}").context("The standard output is closed")?;
    }
    let keyring = server.keyring();
    tokio::select! {
        served = server.run(signals.first()) => served?,
        () = reloader.run(|| reload(&args, &keyring, tls.as_ref())) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The line that scripts wait for: the server is ready, at this address.
fn ready_line(server: &Server, tls: bool, livekit_url: Option<&str>) -> String {
    let (secure, address) = (if tls { "s" } else { "" }, server.address());
    match livekit_url {
        None => {
            let tcp = server.media_tcp_port().map(|port| format!(" and TCP {port}")).unwrap_or_default();
            format!("Listening on ws{secure}://{address}, media on UDP {}{tcp}", ports(server.media_ports()))
        }
        Some(livekit) => format!("Listening on http{secure}://{address}, rooms at {livekit}"),
    }
}

fn engine(name: String) -> EngineKind {
    if name == "livekit" { EngineKind::LiveKit } else { EngineKind::Embedded }
}

/// The address of the LiveKit server; `None` for the embedded engine.
fn livekit(args: &ServeArgs, file: &ConfigFile) -> anyhow::Result<Option<LiveKitAddress>> {
    if args.engine.or(file.engine).unwrap_or_default() == EngineKind::Embedded {
        return Ok(None);
    }
    let Some(url) = args.livekit_url.clone().or_else(|| file.livekit.url.clone()) else {
        bail!(
            "The engine is a LiveKit server, but not which one. Give --livekit-url, or url under [livekit] in the \
             settings file."
        );
    };
    Ok(Some(LiveKitAddress { url, public_url: file.livekit.public_url.clone() }))
}

/// Reads the keys of the settings file and the certificate again. If one of them is invalid, the old one stays in use.
fn reload(args: &ServeArgs, keyring: &Keyring, tls: Option<&Tls>) {
    match settings_file(args).and_then(|file| secrets(args, &file)) {
        Ok(secrets) => {
            keyring.replace(secrets);
            tracing::info!(target: "audit", action = "reload", result = "ok");
        }
        Err(error) => tracing::warn!("The keys stay as they are. {error:#}"),
    }
    if let Some(Err(error)) = tls.map(Tls::reload) {
        tracing::warn!("The certificate stays as it is. {error}");
    }
}

fn tls_files(args: &ServeArgs, file: &ConfigFile) -> Option<TlsFiles> {
    let arguments = args.tls_certificate.clone().zip(args.tls_key.clone());
    let (certificate, key) = arguments.or_else(|| file.tls.clone().map(|tls| (tls.certificate, tls.key)))?;
    Some(TlsFiles { certificate, key })
}

fn settings_file(args: &ServeArgs) -> anyhow::Result<ConfigFile> {
    Ok(args.config.as_deref().map(ConfigFile::read).transpose()?.unwrap_or_default())
}

/// The keys of the environment and of the settings file.
fn secrets(args: &ServeArgs, file: &ConfigFile) -> anyhow::Result<Secrets> {
    let mut secrets = file.secrets(key_from_environment()?, application_from_environment()?)?;
    if args.dev {
        secrets.keys = ApiKeys::new(vec![ApiKey::dev()]);
    } else if secrets.keys.is_empty() {
        bail!("No API key is set. Set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or try it out with --dev.");
    }
    Ok(secrets)
}

/// The address to listen on and the configuration: arguments override the settings file.
fn settings(args: &ServeArgs, file: &ConfigFile, tls: Option<Tls>) -> anyhow::Result<(SocketAddr, ServerConfig)> {
    let listen = args.listen.or(file.listen).unwrap_or(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
    if args.dev && !listen.ip().is_loopback() {
        bail!("--dev has keys that everybody knows, so it listens on this computer only. Leave out --dev or --listen.");
    }
    if tls.is_none() && !listen.ip().is_loopback() && !args.insecure_http && !file.insecure_http {
        bail!(
            "Other computers would reach {listen} without encryption: whoever listens in the network could read their \
             tokens. Give --tls-certificate and --tls-key; or say --insecure-http if you trust the network, or if a \
             proxy in front of this has the certificate."
        );
    }
    let mut config = ServerConfig { secrets: secrets(args, file)?, tls, ..ServerConfig::dev() };
    if !args.dev {
        config.open_tokens = file.open_tokens;
    }
    config.public_url.clone_from(&file.public_url);
    let advertised = if args.advertise.is_empty() { &file.media.advertise } else { &args.advertise };
    let first_port = args.udp.or(file.media.udp).unwrap_or(UDP);
    config.trusted_proxies.clone_from(&file.trusted_proxies);
    config.media = SfuConfig {
        bind: if args.dev { listen.ip() } else { media_address(listen.ip(), file.public_url.as_deref(), advertised) },
        first_port,
        tcp_port: match args.tcp.or(file.media.tcp) {
            None => Some(first_port),
            Some(TcpPort::Port(port)) => Some(port),
            Some(TcpPort::Off) => None,
        },
        workers: args.workers.map(usize::from).or(file.media.workers).unwrap_or(1),
        advertised: advertised.clone(),
    };
    config.livekit = livekit(args, file)?;
    config.webhooks = file.webhooks()?;
    if config.livekit.is_some() && !config.webhooks.urls.is_empty() {
        bail!("The rooms are a LiveKit server's, which sends the webhooks: name their addresses in its settings.");
    }
    config.rooms = file.room_settings(turn_secret_from_environment()?)?;
    config.state = args.state.clone().or_else(|| file.state.clone());
    Ok((listen, config))
}

/// The address of the UDP sockets: that of the listener. Behind a proxy on this computer, which people from elsewhere reach
/// or to which addresses are advertised, it is every address: media does not pass through the proxy.
fn media_address(listen: IpAddr, public_url: Option<&str>, advertised: &[Advertised]) -> IpAddr {
    let is_elsewhere = |url: &str| url::Url::parse(url).is_ok_and(|url| !is_loopback(&url));
    let is_here = |entry: &Advertised| matches!(entry, Advertised::Address(ip) if ip.is_loopback());
    if listen.is_loopback() && (!advertised.iter().all(is_here) || public_url.is_some_and(is_elsewhere)) {
        return Ipv4Addr::UNSPECIFIED.into();
    }
    listen
}

fn ports(ports: &[u16]) -> String {
    let texts: Vec<_> = ports.iter().map(u16::to_string).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ServeArgs,
    }

    fn typed(words: &str) -> ServeArgs {
        Line::parse_from(std::iter::once("serve").chain(words.split_whitespace())).args
    }

    fn settings(args: &ServeArgs) -> anyhow::Result<(SocketAddr, ServerConfig)> {
        super::settings(args, &settings_file(args)?, None)
    }

    #[test]
    fn dev_stays_on_this_computer() {
        let (listen, config) = settings(&typed("--dev")).expect("settings");
        assert_eq!((listen.to_string().as_str(), config.media.first_port), ("127.0.0.1:7880", 7882));
        assert!(config.media.bind.is_loopback() && config.open_tokens);
        assert!(settings(&typed("--dev --listen 0.0.0.0:1")).expect_err("a refusal").to_string().contains("--dev"));
    }

    #[test]
    fn arguments_override_the_settings_file() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let text = "listen = \"0.0.0.0:80\"\ninsecure_http = true\n[keys]\na = \"b\"\n[media]\nudp = 90\nworkers = 3\n";
        let text = format!("state = \"/old\"\n{text}");
        std::fs::write(file.path(), text).expect("a settings file");
        let config = format!("--config {}", file.path().display());
        let (listen, settled) = settings(&typed(&config)).expect("settings");
        assert_eq!((listen.port(), settled.media.first_port, settled.media.workers), (80, 90, 3));
        assert!(!settled.open_tokens && settled.media.bind.is_unspecified());
        assert_eq!(settled.state, Some("/old".into()));
        assert_eq!(settled.media.tcp_port, Some(90), "the number of the UDP port");
        let tcp_port = |words: &str| settings(&typed(&format!("{config} {words}"))).expect("settings").1.media.tcp_port;
        assert_eq!((tcp_port("--tcp off"), tcp_port("--tcp 443"), tcp_port("--udp 0")), (None, Some(443), Some(0)));
        assert!(Line::try_parse_from(["serve", "--tcp", "on"]).is_err());
        let more = format!("{config} --listen [::1]:81 --udp 91 --workers 1 --state /new");
        let (listen, settled) = settings(&typed(&more)).expect("settings");
        assert_eq!(settled.state, Some("/new".into()));
        assert_eq!((listen.port(), settled.media.first_port, settled.media.workers), (81, 91, 1));
    }

    #[test]
    fn media_behind_a_proxy_comes_to_every_address() {
        let bind = |listen: &str, public_url, advertised: &[Advertised]| {
            media_address(listen.parse().expect("an address"), public_url, advertised).to_string()
        };
        assert_eq!(bind("127.0.0.1", Some("wss://calls.example.com"), &[]), "0.0.0.0");
        assert_eq!(bind("::1", None, &[Advertised::Interfaces]), "0.0.0.0");
        assert_eq!(
            bind("127.0.0.1", Some("ws://localhost:7880"), &["127.0.0.2".parse().expect("an entry")]),
            "127.0.0.1"
        );
        assert_eq!(bind("::1", None, &[]), "::1");
        assert_eq!(bind("10.9.0.1", Some("wss://calls.example.com"), &[]), "10.9.0.1");
    }

    #[test]
    fn advertised_addresses_of_the_command_line_override_those_of_the_settings_file() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "[media]\nadvertise = [\"203.0.113.5\"]\n").expect("a settings file");
        let with = |words: &str| {
            let args = typed(&format!("--dev --config {} {words}", file.path().display()));
            settings(&args).expect("settings").1.media.advertised
        };
        assert_eq!(with(""), ["203.0.113.5".parse().expect("an entry")]);
        let typed = with("--advertise calls.example.com,interfaces --advertise fd00::1");
        assert_eq!(typed, ["calls.example.com", "interfaces", "fd00::1"].map(|e| e.parse().expect("an entry")));
        assert!(Line::try_parse_from(["serve", "--advertise", "fd00::1:70000"]).is_err());
    }

    #[test]
    fn the_settings_file_of_the_help_is_valid() {
        let (_, example) = EXAMPLES.split_once("left out:\n").expect("the example");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), example).expect("a settings file");
        let args = typed(&format!("--insecure-http --config {}", file.path().display()));
        let (listen, config) = settings(&args).expect("settings");
        assert_eq!((listen.port(), config.media.workers, config.rooms.max_members), (7880, 2, 50));
        let tls = tls_files(&args, &settings_file(&args).expect("a settings file")).expect("a certificate");
        assert_eq!(tls.key, PathBuf::from("/etc/visavis/key.pem"));
    }

    #[test]
    fn other_computers_are_served_with_a_certificate_or_with_insecure_http() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "[keys]\na = \"b\"\n").expect("a settings file");
        let with = |words: &str| settings(&typed(&format!("{words} --config {}", file.path().display())));
        for plain in ["--listen 0.0.0.0:80", "--listen [::]:80", "--listen 192.0.2.1:80"] {
            assert!(with(plain).expect_err("a refusal").to_string().contains("--tls-certificate"), "{plain}");
            assert!(with(&format!("{plain} --insecure-http")).is_ok(), "{plain}");
        }
        assert!(with("--listen [::1]:80").is_ok());
    }

    #[test]
    fn a_livekit_server_is_the_engine_where_it_is_named() {
        let with = |words: &str| settings(&typed(&format!("--dev {words}"))).map(|(_, config)| config.livekit);
        let url = || "ws://127.0.0.1:7890".to_owned();
        assert_eq!(with("--livekit-url ws://127.0.0.1:7890").expect("settings"), None);
        assert!(with("--engine livekit").expect_err("a refusal").to_string().contains("--livekit-url"));
        let typed_only = Some(LiveKitAddress { url: url(), public_url: None });
        assert_eq!(with("--engine livekit --livekit-url ws://127.0.0.1:7890").expect("settings"), typed_only);
        let file = tempfile::NamedTempFile::new().expect("a file");
        let text = format!("engine = \"livekit\"\n[livekit]\nurl = \"{}\"\npublic_url = \"wss://lk\"\n", url());
        std::fs::write(file.path(), text).expect("a settings file");
        let config = format!("--config {}", file.path().display());
        let of_file = Some(LiveKitAddress { url: url(), public_url: Some("wss://lk".into()) });
        assert_eq!(with(&config).expect("settings"), of_file);
        assert_eq!(with(&format!("{config} --engine embedded")).expect("settings"), None);
    }

    #[test]
    fn a_missing_settings_file_is_named() {
        let error = settings(&typed("--config /nowhere/visavis.toml")).expect_err("a refusal").to_string();
        assert!(error.contains("/nowhere/visavis.toml"), "{error}");
    }
}
