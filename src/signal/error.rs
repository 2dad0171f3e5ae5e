//! Errors of joining a room and of resuming a session.

use super::address::{http_url, plain_sentence, shown};
use super::certificate::CertificateProblem;
use super::clocks::{ClaimedTime, ClockProblem, Objection, ahead_of_server};
use crate::base::EntryErrorKind;
use crate::clock::unix_s;
use livekit_protocol::{DisconnectReason, leave_request};
use livekit_signaling::SignalError;
use std::time::Duration;

/// Time to find out whether a server answers where the handshake failed.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a room could not be joined. Each message says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The text is no address of a server.
    #[error("“{0}” is not a server address. One looks like wss://meet.example.com or ws://127.0.0.1:7880.")]
    Address(String),
    /// No server answers there.
    #[error("The server {0} cannot be reached. Check the address and your network, then try again.")]
    Unreachable(String),
    /// The server does not speak LiveKit's protocol.
    #[error("{0} answers, but it is no server for calls. Check the address and the port.")]
    NotALiveKitServer(String),
    /// 401: the token is malformed, expired or signed with another key.
    #[error("The server does not accept this invitation; it may have expired. Ask for a new link.")]
    Unauthorized,
    /// 401: the token's time has not come or is over by the server's clock, and one of the clocks is wrong.
    #[error("{0}")]
    WrongClock(ClockProblem),
    /// The server's TLS certificate is not accepted.
    #[error("{}", .0.sentence(.1))]
    Certificate(CertificateProblem, String),
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
    /// No answer in time.
    #[error("The server {0} did not answer in time. Check your network, then try again.")]
    Timeout(String),
    /// Another error.
    #[error("{0}")]
    Other(String),
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
            Self::Address(_) | Self::Unreachable(_) => EntryErrorKind::Unreachable,
            Self::NotALiveKitServer(_) => EntryErrorKind::NotAServer,
            Self::Unauthorized => EntryErrorKind::TokenRefused,
            Self::WrongClock(_) | Self::Certificate(CertificateProblem::TooEarly, _) => EntryErrorKind::WrongClock,
            Self::Certificate(..) => EntryErrorKind::Certificate,
            Self::Forbidden(_) => EntryErrorKind::NoPermission,
            Self::Removed => EntryErrorKind::Removed,
            Self::Dismissed => EntryErrorKind::Dismissed,
            Self::NotFound => EntryErrorKind::NoRoom,
            Self::Full => EntryErrorKind::RoomFull,
            Self::Timeout(_) => EntryErrorKind::Timeout,
            Self::Other(_) => EntryErrorKind::Other,
        }
    }

    /// Whether another attempt may succeed. A certificate may come from the sign-in page of a network that we just joined,
    /// and the clock may be set a moment after the computer woke.
    pub(crate) const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Timeout(_) | Self::Certificate(..) | Self::Other(_))
    }

    /// The error of a status and body. `validated`: whether the server's `/validate` had no objection.
    fn from_status(status: u16, body: &str, server: &str, token: &str, validated: bool) -> Self {
        let said = plain_sentence(body, token);
        let lower = body.to_lowercase();
        match status {
            401 => Self::Unauthorized,
            _ if lower.contains("full") || lower.contains("max participants") => Self::Full,
            // livekit-server refuses the upgrade to a full room with an empty 500, after `/validate` succeeded.
            500 if validated => Self::Full,
            // Messages of our own server.
            403 if lower.starts_with("removed from the room") => Self::Removed,
            403 if lower.starts_with("the room was dismissed") => Self::Dismissed,
            403 => Self::Forbidden(said.unwrap_or_else(|| "You may not enter this room. Ask the host.".into())),
            404 if lower.contains("room") => Self::NotFound,
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

/// Converts an error of `livekit-signaling`. Where it does not tell who answered, the address is probed.
pub(super) async fn connect_error(error: SignalError, server: &str, token: &str) -> ConnectError {
    tracing::debug!(server = shown(server), kind = log_kind(&error), "join failed");
    match error {
        SignalError::UrlParse(_) => ConnectError::Address(shown(server)),
        SignalError::TokenFormat => ConnectError::Unauthorized,
        SignalError::Client(status, body) if status.as_u16() == 401 => unauthorized(&body, server, token).await,
        SignalError::Handshake { status } if status.as_u16() == 401 => unauthorized("", server, token).await,
        SignalError::Client(status, body) | SignalError::Server(status, body) => {
            ConnectError::from_status(status.as_u16(), &body, server, token, false)
        }
        SignalError::Handshake { status } => ConnectError::from_status(status.as_u16(), "", server, token, true),
        SignalError::Timeout(_) => ConnectError::Timeout(shown(server)),
        SignalError::Connection(text) => match CertificateProblem::read(&text) {
            Some(problem) => ConnectError::Certificate(problem, shown(server)),
            None => probe(server).await,
        },
        SignalError::Closed => ConnectError::Other("The server closed the connection. Try again.".into()),
        _ => ConnectError::Other("The connection to the server failed. Try again.".into()),
    }
}

/// Converts an error of `livekit-signaling` from a resume.
pub(super) fn resume_error(error: SignalError, server: &str) -> ResumeError {
    tracing::debug!(server = shown(server), kind = log_kind(&error), "resume failed");
    let other = |text: &str| ResumeError::Failed(ConnectError::Other(text.into()));
    match error {
        SignalError::LeaveRequest { reason, action: leave_request::Action::Disconnect } => ResumeError::Ended(reason),
        SignalError::LeaveRequest { reason, action: leave_request::Action::Reconnect } => ResumeError::Rejoin(reason),
        SignalError::Client(status, _) | SignalError::Handshake { status } if status.as_u16() == 401 => {
            ResumeError::Refused(ConnectError::Unauthorized)
        }
        SignalError::Client(status, _) | SignalError::Handshake { status } if status.as_u16() == 403 => {
            ResumeError::Refused(ConnectError::Forbidden("You may not return to this room.".into()))
        }
        SignalError::Timeout(_) => ResumeError::Failed(ConnectError::Timeout(shown(server))),
        SignalError::Connection(_) => ResumeError::Failed(ConnectError::Unreachable(shown(server))),
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
    let Some(objection) = Objection::read(body, ClaimedTime::of_token(token), unix_s()) else {
        return ConnectError::Unauthorized;
    };
    objection.problem(ahead_of_server(server).await).map_or(ConnectError::Unauthorized, ConnectError::WrongClock)
}

/// The error of a handshake that failed below HTTP: asks the address by HTTP to see whether a server answers.
async fn probe(server: &str) -> ConnectError {
    let Some(url) = http_url(server) else { return ConnectError::Address(shown(server)) };
    let client = reqwest::Client::builder().timeout(PROBE_TIMEOUT).pool_max_idle_per_host(0).build();
    let Ok(client) = client else { return ConnectError::Unreachable(shown(server)) };
    match client.get(url).send().await {
        Ok(_) => ConnectError::Other("The connection to the server broke off. Try again.".into()),
        Err(error) if error.is_connect() || error.is_timeout() => ConnectError::Unreachable(shown(server)),
        Err(_) => ConnectError::NotALiveKitServer(shown(server)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl";

    fn status(status: u16, body: &str, validated: bool) -> ConnectError {
        ConnectError::from_status(status, body, "ws://127.0.0.1:7880", TOKEN, validated)
    }

    #[test]
    fn each_status_has_its_error() {
        let here = || "127.0.0.1:7880".to_owned();
        assert_eq!(status(401, &format!("invalid token: {TOKEN}"), false), ConnectError::Unauthorized);
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
    fn no_message_contains_the_token() {
        for code in [400, 401, 403, 404, 418, 500, 503] {
            let shown = status(code, &format!("bad: {TOKEN}"), false).to_string();
            assert!(TOKEN.split('.').all(|part| !shown.contains(part)), "{shown}");
        }
    }
}
