//! Errors of joining a room and of resuming a session.

use super::clocks::{ClaimedTime, ClockProblem, Objection, ahead_of_server};
use super::sentence::plain_sentence;
use super::transport::OpenFailure;
use crate::base::EntryErrorKind;
use crate::clock::unix_s;
use crate::http::{ServerError, TlsProblem, connect, http_url, shown};
use crate::proto::token::unverified_claims;
use livekit_protocol::{DisconnectReason, leave_request};
use livekit_signaling::SignalError;
use std::time::Duration;

/// Time to find out whether a server speaks TLS where the handshake without it failed.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a room could not be joined. Each message says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The text is no address of a server.
    #[error("“{0}” is not a server address. One looks like wss://meet.example.com or ws://127.0.0.1:7880.")]
    Address(String),
    /// There is no connection to the server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server does not speak LiveKit's protocol.
    #[error("{0} answers, but it is no server for calls. Check the address and the port.")]
    NotALiveKitServer(String),
    /// The server speaks TLS, for which the address does not ask.
    #[error("{0} wants an encrypted connection. Write wss:// (or https://) before its address.")]
    WantsTls(String),
    /// 401: the server does not accept the token.
    #[error("{0}")]
    Unauthorized(TokenProblem),
    /// 401: the token's time has not come or is over by the server's clock, and one of the clocks is wrong.
    #[error("{0}")]
    WrongClock(ClockProblem),
    /// 403: the token does not permit it.
    #[error("{0}")]
    Forbidden(String),
    /// 403: removed after the token was made.
    #[error("You were removed from this call. Ask the host for a new invitation.")]
    Removed,
    /// 403: the call was ended for everyone after the token was made.
    #[error("This call was ended for everyone. Ask for a new invitation.")]
    Dismissed,
    /// 404 from a LiveKit server: there is no such room.
    #[error("This room does not exist on the server. Check its name, or ask the host to open it.")]
    NotFound,
    /// The room has as many participants as it may.
    #[error("The room is full. Try again when somebody has left.")]
    Full,
    /// 403: a host has locked the room.
    #[error("{LOCKED}")]
    Locked,
    /// Another error.
    #[error("{0}")]
    Other(String),
}

/// A host has locked the room.
pub(super) const LOCKED: &str = "This call is locked. Ask the host to let you in.";

/// Whether a refusal says that the room is locked.
pub(super) fn is_locked(body: &str) -> bool {
    body.to_lowercase().contains("the room is locked")
}

/// Why a server does not accept a token, or an invitation that it exchanged for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenProblem {
    /// Its time is over, by all clocks.
    #[error("This invitation has expired. Ask for a new link.")]
    Expired,
    /// It is no token: cut off, or another text.
    #[error(
        "The server does not accept this invitation: it is damaged, or none at all. Copy it again as a whole, or ask for a \
         new link."
    )]
    Damaged,
    /// It is signed with another secret, or with a key that the server does not know.
    #[error(
        "The server does not accept this invitation: it was made with another key or secret, or for another server. Check the \
         server's address, or ask for a new link."
    )]
    OtherKey,
    /// The server does not say why.
    #[error("The server does not accept this invitation. Ask for a new link.")]
    Unknown,
}

impl TokenProblem {
    /// Reads the body of a 401, of our server or livekit-server, beside the token.
    fn read(body: &str, token: &str, now: i64) -> Self {
        let Some(claims) = unverified_claims(token) else { return Self::Damaged };
        let body = body.to_lowercase();
        let says = |words: &[&str]| words.iter().any(|words| body.contains(words));
        if says(&["signature", "cryptographic primitive", "api key", "api secret", "another server", "invalid key"]) {
            Self::OtherKey
        } else if says(&["expired"]) || (claims.expires > 0 && claims.expires <= now) {
            Self::Expired
        } else {
            Self::Unknown
        }
    }
}

/// Why a session could not be resumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResumeError {
    /// The server ended the session: kicked, dismissed, joined elsewhere. It cannot be resumed.
    #[error("The server has ended this call.")]
    Ended(DisconnectReason),
    /// The server has forgotten the session: join the room again.
    #[error("The server does not know this call any more.")]
    Rejoin(DisconnectReason),
    /// The token is no longer accepted. The session cannot be resumed.
    #[error(transparent)]
    Refused(ConnectError),
    /// The attempt failed; another may succeed.
    #[error(transparent)]
    Failed(ConnectError),
}

impl ConnectError {
    /// The kind, for the session and for scripts.
    pub(crate) const fn kind(&self) -> EntryErrorKind {
        match self {
            Self::Address(_) => EntryErrorKind::Unreachable,
            Self::Server(error) => error.kind(),
            Self::NotALiveKitServer(_) | Self::WantsTls(_) => EntryErrorKind::NotAServer,
            Self::Unauthorized(_) => EntryErrorKind::TokenRefused,
            Self::WrongClock(_) => EntryErrorKind::WrongClock,
            Self::Forbidden(_) => EntryErrorKind::NoPermission,
            Self::Removed => EntryErrorKind::Removed,
            Self::Dismissed => EntryErrorKind::Dismissed,
            Self::NotFound => EntryErrorKind::NoRoom,
            Self::Full => EntryErrorKind::RoomFull,
            Self::Locked => EntryErrorKind::Locked,
            Self::Other(_) => EntryErrorKind::Other,
        }
    }

    /// Whether another attempt may succeed. A certificate may come from the sign-in page of a network that we just joined,
    /// and the clock may be set a moment after the computer woke.
    pub(crate) const fn is_temporary(&self) -> bool {
        matches!(self, Self::Server(_) | Self::Other(_))
    }

    /// Whether another server of the same project may let us in: this one did not decide about us.
    pub(super) const fn is_of_this_server(&self) -> bool {
        matches!(self, Self::Server(_) | Self::Other(_) | Self::NotALiveKitServer(_))
    }

    /// The error of a status and body. `validated`: whether the server's `/validate` had no objection.
    fn from_status(status: u16, body: &str, server: &str, token: &str, validated: bool) -> Self {
        let said = plain_sentence(body, token);
        let lower = body.to_lowercase();
        match status {
            401 => Self::Unauthorized(TokenProblem::read(body, token, unix_s())),
            _ if lower.contains("full") || lower.contains("max participants") => Self::Full,
            // livekit-server refuses the upgrade to a full room with an empty 500, after `/validate` succeeded.
            500 if validated => Self::Full,
            // Messages of our own server.
            403 if lower.starts_with("removed from the room") => Self::Removed,
            403 if lower.starts_with("the room was dismissed") => Self::Dismissed,
            403 if is_locked(body) => Self::Locked,
            403 => Self::Forbidden(said.unwrap_or_else(|| "You may not enter this room. Ask the host.".into())),
            404 if lower.contains("room") => Self::NotFound,
            // nginx and Go's servers, when their port for TLS is asked without it.
            400 if lower.contains("to https port") || lower.contains("to an https server") => {
                Self::WantsTls(shown(server))
            }
            400 => Self::Other(
                said.unwrap_or_else(|| "The server finds this invitation faulty. Ask for a new link.".into()),
            ),
            429 | 500..=599 if !validated || status == 503 || status == 429 => {
                Self::Other("The server cannot take calls now. Try again in a minute.".into())
            }
            _ => Self::NotALiveKitServer(shown(server)),
        }
    }
}

/// Converts an error of `livekit-signaling`; `failure`: why the WebSocket did not open.
pub(super) async fn connect_error(
    error: SignalError,
    failure: Option<OpenFailure>,
    server: &str,
    token: &str,
) -> ConnectError {
    tracing::debug!(server = shown(server), kind = log_kind(&error), ?failure, "join failed");
    match (error, failure) {
        (SignalError::UrlParse(_), _) => ConnectError::Address(shown(server)),
        (SignalError::TokenFormat, _) => ConnectError::Unauthorized(TokenProblem::Damaged),
        (SignalError::Client(status, body), _) if status.as_u16() == 401 => unauthorized(&body, server, token).await,
        (SignalError::Handshake { status }, _) if status.as_u16() == 401 => unauthorized("", server, token).await,
        (SignalError::Client(status, body) | SignalError::Server(status, body), _) => {
            ConnectError::from_status(status.as_u16(), &body, server, token, false)
        }
        (SignalError::Handshake { status }, _) => ConnectError::from_status(status.as_u16(), "", server, token, true),
        (_, Some(OpenFailure::Server(error))) => ConnectError::Server(error),
        (_, Some(OpenFailure::NotHttp | OpenFailure::Broken)) if wants_tls(server).await => {
            ConnectError::WantsTls(shown(server))
        }
        (_, Some(OpenFailure::NotHttp)) => ConnectError::NotALiveKitServer(shown(server)),
        (_, Some(OpenFailure::Broken)) => {
            ConnectError::Other("The connection to the server broke off. Try again.".into())
        }
        (SignalError::Timeout(_), None) => ServerError::Timeout(shown(server)).into(),
        (SignalError::Closed, None) => ConnectError::Other("The server closed the connection. Try again.".into()),
        (_, None) => ConnectError::Other("The connection to the server failed. Try again.".into()),
    }
}

/// Whether a server that is asked without TLS speaks TLS.
async fn wants_tls(server: &str) -> bool {
    let plain = http_url(server).filter(|url| url.scheme() == "http");
    // The port stays, also where it is the scheme's own.
    let secure = plain.and_then(|url| {
        let port = url.port_or_known_default()?;
        http_url(&format!("https://{}:{port}/", url.host_str()?))
    });
    let Some(url) = secure else { return false };
    let foreign = |problem| matches!(problem, TlsProblem::NotTls | TlsProblem::Handshake | TlsProblem::NoAuthorities);
    match connect(&url, PROBE_TIMEOUT).await {
        Ok(_) => true,
        Err(ServerError::Tls(problem, _)) => !foreign(problem),
        Err(_) => false,
    }
}

/// Converts an error of `livekit-signaling` from a resume.
pub(super) fn resume_error(error: SignalError, failure: Option<OpenFailure>, server: &str) -> ResumeError {
    tracing::debug!(server = shown(server), kind = log_kind(&error), ?failure, "resume failed");
    if let Some(OpenFailure::Server(error)) = failure {
        return ResumeError::Failed(error.into());
    }
    let other = |text: &str| ResumeError::Failed(ConnectError::Other(text.into()));
    match error {
        SignalError::LeaveRequest { reason, action: leave_request::Action::Disconnect } => ResumeError::Ended(reason),
        SignalError::LeaveRequest { reason, action: leave_request::Action::Reconnect } => ResumeError::Rejoin(reason),
        SignalError::Client(status, _) | SignalError::Handshake { status } if status.as_u16() == 401 => {
            ResumeError::Refused(ConnectError::Unauthorized(TokenProblem::Unknown))
        }
        SignalError::Client(status, _) | SignalError::Handshake { status } if status.as_u16() == 403 => {
            ResumeError::Refused(ConnectError::Forbidden("You may not return to this room.".into()))
        }
        SignalError::Timeout(_) => ResumeError::Failed(ServerError::Timeout(shown(server)).into()),
        SignalError::Closed => other("The server closed the connection. Try again."),
        _ => other("The connection to the server failed. Try again."),
    }
}

/// The kind of an error, for logs: the crate's own text may contain the URL, with the token, or a body.
fn log_kind(error: &SignalError) -> String {
    match error {
        SignalError::Client(status, _) | SignalError::Server(status, _) | SignalError::Handshake { status } => {
            format!("status {}", status.as_u16())
        }
        SignalError::LeaveRequest { reason, action } => format!("leave {reason:?} {action:?}"),
        SignalError::Timeout(_) => "timeout".into(),
        SignalError::Connection(_) => "connection".into(),
        SignalError::Closed => "closed".into(),
        _ => "other".into(),
    }
}

/// The error of a 401 with this body: of a wrong clock if the server objects to the token's time and a clock can be the
/// reason.
async fn unauthorized(body: &str, server: &str, token: &str) -> ConnectError {
    let problem = ConnectError::Unauthorized(TokenProblem::read(body, token, unix_s()));
    let Some(objection) = Objection::read(body, ClaimedTime::of_token(token), unix_s()) else { return problem };
    objection.problem(ahead_of_server(server).await).map_or(problem, ConnectError::WrongClock)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"alg":"HS256"}` and `{"sub":"u"}`.
    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl";

    fn status(status: u16, body: &str, validated: bool) -> ConnectError {
        ConnectError::from_status(status, body, "ws://127.0.0.1:7880", TOKEN, validated)
    }

    #[test]
    fn each_status_has_its_error() {
        let here = || "127.0.0.1:7880".to_owned();
        let unknown = ConnectError::Unauthorized(TokenProblem::Unknown);
        assert_eq!(status(401, &format!("invalid token: {TOKEN}"), false), unknown);
        let port = "The plain HTTP request was sent to HTTPS port";
        assert_eq!(status(400, port, false), ConnectError::WantsTls(here()));
        assert_eq!(status(404, "requested room does not exist", false), ConnectError::NotFound);
        assert_eq!(status(404, "404 page not found", false), ConnectError::NotALiveKitServer(here()));
        assert_eq!(status(200, "", true), ConnectError::NotALiveKitServer(here()));
        assert_eq!(status(500, "", true), ConnectError::Full);
        assert_eq!(status(403, "the room is full", false), ConnectError::Full);
        assert_eq!(status(403, "you were removed", false), ConnectError::Forbidden("You were removed.".into()));
        assert!(matches!(status(503, "", true), ConnectError::Other(_)));
        assert!(matches!(status(500, "oops", false), ConnectError::Other(_)));
    }

    #[test]
    fn a_refused_token_is_not_said_to_have_expired_unless_it_has() {
        use TokenProblem as P;
        let read = |body: &str, token: &str| TokenProblem::read(body, token, 1_795_586_184);
        // `{"exp":1795586183}`: a second ago.
        const EXPIRED: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE3OTU1ODYxODN9.c2lnbmF0dXJl";
        for (body, token, problem) in [
            ("The access token's signature is wrong.", TOKEN, P::OtherKey),
            ("The access token was made for another server: its key is not known here.", TOKEN, P::OtherKey),
            ("invalid token: eyJ, error: go-jose/go-jose: error in cryptographic primitive", EXPIRED, P::OtherKey),
            ("invalid API key: devkey", TOKEN, P::OtherKey),
            ("This is not a LiveKit access token.", "nonsense", P::Damaged),
            ("", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1I", P::Damaged),
            ("token is expired (exp)", TOKEN, P::Expired),
            ("", EXPIRED, P::Expired),
            ("", TOKEN, P::Unknown),
        ] {
            assert_eq!(read(body, token), problem, "{body:?}");
        }
        for problem in [P::OtherKey, P::Damaged, P::Unknown] {
            assert!(!problem.to_string().contains("expired"), "{problem}");
        }
    }

    #[test]
    fn no_message_contains_the_token() {
        for code in [400, 401, 403, 404, 418, 500, 503] {
            let shown = status(code, &format!("bad: {TOKEN}"), false).to_string();
            assert!(TOKEN.split('.').all(|part| !shown.contains(part)), "{shown}");
        }
    }
}
