//! `signal` and `rtc` together against a real livekit-server: one layer above both.
//!
//! The server's program is `VISAVIS_LIVEKIT_SERVER`, the one that `scripts/setup --tests` installs, or one in Go's folder.

mod guest;
mod media;
mod resume;

use crate::base::{EntryErrorKind, Secret, Transport};
use crate::http::ServerError;
use crate::proto::LIVEKIT_SERVER_VERSION;
use crate::proto::token::sign_claims;
use crate::rtc::Mode;
use crate::signal::{ConnectError, ConnectOptions, SignalLink};
use guest::{Entry, Guest};
use livekit_api::access_token::{AccessToken, VideoGrants};
use livekit_protocol as proto;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

const KEY: &str = "devkey";
const SECRET: &str = "a-secret-of-more-than-32-characters";

/// A running livekit-server, ended with the test.
struct Server {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

fn binary() -> PathBuf {
    let home = std::env::home_dir().expect("a home folder");
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
    let named = std::env::var_os("VISAVIS_LIVEKIT_SERVER").map(PathBuf::from);
    let installed = cache.join(format!("visavis/tools/livekit-server-{LIVEKIT_SERVER_VERSION}"));
    let places = [named, Some(installed), Some(home.join("go/bin/livekit-server")), Some(home.join("go/bin/server"))];
    let found = places.into_iter().flatten().find(|path| path.exists());
    found.unwrap_or_else(|| {
        panic!(
            "livekit-server {LIVEKIT_SERVER_VERSION} is missing: run scripts/setup --tests, or set VISAVIS_LIVEKIT_SERVER"
        )
    })
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("an address").port()
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("livekit.yaml");
        let (port, udp, tcp, stun) = (free_port(), free_port(), free_port(), free_port());
        let text = format!(
            "port: {port}\nbind_addresses: [127.0.0.1]\nkeys: {{{KEY}: {SECRET}}}\nlogging: {{level: error}}\n\
             rtc: {{udp_port: {udp}, tcp_port: {tcp}, use_external_ip: false, node_ip: 127.0.0.1, \
             enable_loopback_candidate: true, stun_servers: [\"127.0.0.1:{stun}\"]}}\n"
        );
        std::fs::write(&config, text).expect("a configuration");
        let mut command = Command::new(binary());
        command.arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { process: command.spawn().expect("livekit-server"), port, _folder: folder };
        let listening = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(30), listening).await.expect("livekit-server listens");
        server
    }

    fn url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Removes a participant by the admin API.
    async fn remove(&self, room: &str, identity: &str) {
        let grants = VideoGrants { room_admin: true, room: room.into(), ..Default::default() };
        let token = AccessToken::with_api_key(KEY, SECRET).with_grants(grants).to_jwt().expect("a token");
        let url = format!("http://127.0.0.1:{}/twirp/livekit.RoomService/RemoveParticipant", self.port);
        let body = serde_json::json!({ "room": room, "identity": identity });
        let answer = reqwest::Client::new().post(url).bearer_auth(token).json(&body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().expect("livekit-server ends");
        self.process.wait().expect("livekit-server ended");
    }
}

fn token(room: &str, identity: &str) -> Secret<String> {
    let grants = VideoGrants { room_join: true, room: room.into(), ..Default::default() };
    let token = AccessToken::with_api_key(KEY, SECRET).with_identity(identity).with_name(identity).with_grants(grants);
    Secret::new(token.to_jwt().expect("a token"))
}

/// The requests of a host's window, on a server that is not ours.
#[tokio::test]
async fn a_host_removes_on_livekits_server_and_cannot_end() {
    use crate::admin::{AdminClient, AdminClientError};
    let server = Server::start().await;
    let grants = VideoGrants { room_join: true, room_admin: true, room: "tea".into(), ..Default::default() };
    let token = AccessToken::with_api_key(KEY, SECRET).with_identity("mina").with_grants(grants).to_jwt();
    let host = AdminClient::with_token(&server.url(), Secret::new(token.expect("a token"))).expect("a client");
    let (url, transport) = (server.url(), Transport::Auto);
    let entry = Entry { url: &url, room: "tea", identity: "tom", mode: Mode::Single, loss: 0.0, transport };
    let mut tom = Guest::join(entry).await;
    let (tea, user) = ("tea".parse().expect("a room"), "tom".parse().expect("a user"));
    assert!(matches!(host.dismiss(&tea).await, Err(AdminClientError::Denied(_))), "it wants roomCreate");
    assert!(matches!(host.guest_link(&tea).await, Err(AdminClientError::NotARoomServer(_))), "it makes no links");
    host.remove(&tea, &user).await.expect("a host may");
    assert!(tom.run(Duration::from_secs(10), |tom| tom.left.is_some()).await, "he is told");
    let left = tom.left.as_ref().map(proto::LeaveRequest::reason);
    assert_eq!(left, Some(proto::DisconnectReason::ParticipantRemoved));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livekit_refusals_are_told_apart() {
    let server = Server::start().await;
    let enter = async |url: String, token: &str| {
        let options = ConnectOptions { single: true, offer: None, timeout: Duration::from_secs(3) };
        let entered = SignalLink::connect(&url, &Secret::new(token.to_owned()), options).await;
        entered.err().expect("refused")
    };
    let good = token("room", "ann");
    let bad = format!("{}x", good.expose());
    let refused = enter(server.url(), &bad).await;
    assert!(matches!(refused, ConnectError::Unauthorized(_)), "{refused:?}");
    assert!(!refused.to_string().contains("expired"), "{refused}");
    assert!(!refused.to_string().contains(&bad));
    let now = crate::clock::unix_s();
    for (from, until, kind) in [(600, 4000, EntryErrorKind::WrongClock), (-4000, -600, EntryErrorKind::TokenRefused)] {
        let grants = serde_json::json!({ "roomJoin": true, "room": "room" });
        let claims = serde_json::json!({
            "iss": KEY, "sub": "ann", "nbf": now + from, "exp": now + until, "video": grants,
        });
        let refused = enter(server.url(), &sign_claims(SECRET, &claims)).await;
        assert_eq!(refused.kind(), kind, "{refused}");
    }
    let here = format!("127.0.0.1:{}", free_port());
    assert_eq!(
        enter(format!("ws://{here}"), good.expose()).await,
        ConnectError::Server(ServerError::Unreachable(here))
    );
    assert!(matches!(enter("not an address".into(), good.expose()).await, ConnectError::Address(_)));
}
