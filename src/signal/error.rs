//! What keeps somebody out, and what a lost link finds when it comes back.

use super::address::{http_url, plain_sentence, shown};
use crate::base::EntryErrorKind;
use livekit_protocol::{DisconnectReason, LeaveRequest, leave_request};
use livekit_signaling::SignalError;
use std::time::Duration;

/// Time to find out who answers at an address where the handshake failed.
const PROBE: Duration = Duration::from_secs(2);

/// Why a room could not be entered. Each says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectError {
    /// Not an address.
    #[error("“{0}” is not a server address. One looks like wss://meet.example.com or ws://127.0.0.1:7880.")]
    Address(String),
    /// Nobody answers there.
    #[error("The server {0} cannot be reached. Check the address and your network, then try again.")]
    Unreachable(String),
    /// Somebody answers who does not speak LiveKit.
    #[error("{0} answers, but it is no server for calls. Check the address and the port.")]
    NotALiveKitServer(String),
    /// 401: the token is bad, expired or somebody else's.
    #[error("The server does not accept this invitation; it may have expired. Ask for a new link.")]
    Unauthorized,
    /// 403: not permitted.
    #[error("{0}")]
    Forbidden(String),
    /// 403: removed after the token was made.
    #[error("You were removed from this call. Ask the host for a new invitation.")]
    Removed,
    /// 403: the call was ended for everyone after the token was made.
    #[error("This call was ended for everyone. Ask for a new invitation.")]
    Dismissed,
    /// 404 from a LiveKit server.
    #[error("This room does not exist on the server. Check its name, or ask the host to open it.")]
    NotFound,
    /// As many as may are in the room.
    #[error("The room is full. Try again when somebody has left.")]
    Full,
    /// No answer in time.
    #[error("The server {0} did not answer in time. Check your network, then try again.")]
    Timeout(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Why a session could not be resumed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResumeError {
    /// The server has ended the session: kicked, dismissed, joined elsewhere. There is no way back.
    #[error("The server has ended this call.")]
    Ended(DisconnectReason),
    /// The server does not know the session any more: enter the room anew.
    #[error("The server does not know this call any more.")]
    Rejoin(DisconnectReason),
    /// The token is not accepted any more. There is no way back.
    #[error(transparent)]
    Refused(ConnectError),
    /// It did not work this time.
    #[error(transparent)]
    Failed(ConnectError),
}

impl ConnectError {
    /// The kind for scripts and for the session.
    pub(crate) const fn kind(&self) -> EntryErrorKind {
        match self {
            Self::Address(_) | Self::Unreachable(_) => EntryErrorKind::Unreachable,
            Self::NotALiveKitServer(_) => EntryErrorKind::NotAServer,
            Self::Unauthorized => EntryErrorKind::TokenRefused,
            Self::Forbidden(_) => EntryErrorKind::NoPermission,
            Self::Removed => EntryErrorKind::Removed,
            Self::Dismissed => EntryErrorKind::Dismissed,
            Self::NotFound => EntryErrorKind::NoRoom,
            Self::Full => EntryErrorKind::RoomFull,
            Self::Timeout(_) => EntryErrorKind::Timeout,
            Self::Other(_) => EntryErrorKind::Other,
        }
    }

    /// Whether trying the same again may help.
    pub(crate) const fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Timeout(_) | Self::Other(_))
    }

    /// What the server says with its status and body. `checked`: whether `/validate` found nothing wrong.
    fn from_status(status: u16, body: &str, server: &str, token: &str, checked: bool) -> Self {
        let said = plain_sentence(body, token);
        let lower = body.to_lowercase();
        match status {
            401 => Self::Unauthorized,
            _ if lower.contains("full") || lower.contains("max participants") => Self::Full,
            // livekit-server refuses the upgrade with a bare 500 when the room is full, but finds nothing wrong before.
            500 if checked => Self::Full,
            // Our own server's words.
            403 if lower.starts_with("removed from the room") => Self::Removed,
            403 if lower.starts_with("the room was dismissed") => Self::Dismissed,
            403 => Self::Forbidden(said.unwrap_or_else(|| "You may not enter this room. Ask the host.".into())),
            404 if lower.contains("room") => Self::NotFound,
            400 => Self::Other(
                said.unwrap_or_else(|| "The server finds this invitation faulty. Ask for a new link.".into()),
            ),
            429 | 500..=599 if !checked || status == 503 || status == 429 => {
                Self::Other("The server cannot take calls now. Try again in a minute.".into())
            }
            _ => Self::NotALiveKitServer(shown(server)),
        }
    }
}

impl ResumeError {
    /// The server's word, as the `leave` that it sends or stands for; `None` when it could not be asked.
    pub(crate) fn leave(&self) -> Option<LeaveRequest> {
        let (action, reason) = match self {
            Self::Ended(reason) => (leave_request::Action::Disconnect, *reason),
            Self::Rejoin(reason) => (leave_request::Action::Reconnect, *reason),
            Self::Refused(_) => (leave_request::Action::Disconnect, DisconnectReason::JoinFailure),
            Self::Failed(_) => return None,
        };
        Some(LeaveRequest { action: action.into(), reason: reason.into(), ..LeaveRequest::default() })
    }
}

/// Turns the crate's error into ours; asks the address itself where the crate says too little.
pub(super) async fn connect_error(error: SignalError, server: &str, token: &str) -> ConnectError {
    tracing::debug!(server = shown(server), kind = words(&error), "no way in");
    match error {
        SignalError::UrlParse(_) => ConnectError::Address(shown(server)),
        SignalError::TokenFormat => ConnectError::Unauthorized,
        SignalError::Client(status, body) | SignalError::Server(status, body) => {
            ConnectError::from_status(status.as_u16(), &body, server, token, false)
        }
        SignalError::Handshake { status } => ConnectError::from_status(status.as_u16(), "", server, token, true),
        SignalError::Timeout(_) => ConnectError::Timeout(shown(server)),
        SignalError::Connection(_) => who_answers(server).await,
        SignalError::Closed => ConnectError::Other("The server closed the connection. Try again.".into()),
        _ => ConnectError::Other("The connection to the server failed. Try again.".into()),
    }
}

/// Turns what a resume met into ours.
pub(super) fn resume_error(error: SignalError, server: &str) -> ResumeError {
    tracing::debug!(server = shown(server), kind = words(&error), "not resumed");
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

/// The crate's own text may hold a URL or a body: only the kind of an error is logged.
fn words(error: &SignalError) -> String {
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

/// The handshake failed below HTTP: is anybody there at all?
async fn who_answers(server: &str) -> ConnectError {
    let Some(url) = http_url(server) else { return ConnectError::Address(shown(server)) };
    let probe = reqwest::Client::builder().timeout(PROBE).pool_max_idle_per_host(0).build();
    let Ok(client) = probe else { return ConnectError::Unreachable(shown(server)) };
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

    fn status(status: u16, body: &str, checked: bool) -> ConnectError {
        ConnectError::from_status(status, body, "ws://127.0.0.1:7880", TOKEN, checked)
    }

    #[test]
    fn each_status_has_its_meaning() {
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
    fn no_message_repeats_the_token() {
        for code in [400, 401, 403, 404, 418, 500, 503] {
            let shown = status(code, &format!("bad: {TOKEN}"), false).to_string();
            assert!(TOKEN.split('.').all(|part| !shown.contains(part)), "{shown}");
        }
    }
}
