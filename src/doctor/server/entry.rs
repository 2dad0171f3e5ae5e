//! Signalling and the access token: whether the server speaks LiveKit's protocol, and lets us in.

use super::probe::{Probe, ProbeError};
use super::{ServerPlan, Skip, own_room};
use crate::base::{CheckName, EntryErrorKind, Finding, RoomName, Secret, Transport};
use crate::doctor::Checkup;
use crate::session::EntryError;
use crate::signal::{ConnectError, ConnectOptions, SignalLink};
use livekit_protocol as lk;
use std::time::Duration;

/// How long the WebSocket may take to open.
const LIMIT: Duration = Duration::from_secs(5);
/// A token that no server accepts: its refusal shows that the server speaks the protocol.
const NO_TOKEN: &str = "e30.e30.e30";

/// What the first entry has shown.
pub(super) struct Entry {
    /// The room that the participants of the check meet in.
    pub(super) room: RoomName,
    /// Whether the server names a relay.
    pub(super) has_relay: bool,
}

/// Enters the room once.
pub(super) async fn check(checkup: &Checkup, plan: &ServerPlan) -> Result<Entry, Skip> {
    if checkup.stop.is_cancelled() {
        return Err(Skip("The check was stopped."));
    }
    let room = own_room();
    checkup.begin(CheckName::Signalling);
    let credentials = plan.credentials(&room);
    let token = tokio::select! {
        token = credentials.token() => token,
        () = checkup.stop.cancelled() => return Err(Skip("The check was stopped.")),
    };
    let (server, token) = match token {
        Ok(found) => found,
        Err(error) => {
            let refused = refusal_without_token(&plan.server).await;
            checkup.tell(signalling(&refused));
            checkup.tell(no_token(&error));
            return Err(Skip("There is no access token."));
        }
    };
    let entered = tokio::select! {
        entered = Probe::enter(&server, &token, Transport::Auto) => entered,
        () = checkup.stop.cancelled() => return Err(Skip("The check was stopped.")),
    };
    match entered {
        Ok(probe) => {
            let (info, has_relay) = (probe.server.clone(), probe.has_relay);
            probe.leave().await;
            checkup.tell(welcome(&info));
            checkup.tell(Finding::ok(CheckName::Token, "The access token lets this computer in."));
            Ok(Entry { room, has_relay })
        }
        Err(ProbeError::Connect(error)) => {
            checkup.tell(signalling(&error));
            let refused = token_refused(&error);
            checkup.tell(refused.unwrap_or_else(|| Finding::skipped(CheckName::Token, "There is no signalling.")));
            Err(Skip("The room could not be entered."))
        }
        Err(error) => {
            let advice = "Start the program again. If that does not help, send the log (--log-level debug) to support.";
            checkup.tell(Finding::failed(CheckName::Signalling, error.to_string(), advice));
            checkup.tell(Finding::skipped(CheckName::Token, "There is no signalling."));
            Err(Skip("The room could not be entered."))
        }
    }
}

/// How the server answers a token that is none.
async fn refusal_without_token(server: &str) -> ConnectError {
    let options = ConnectOptions { single: false, offer: None, timeout: LIMIT };
    match SignalLink::connect(server, &Secret::new(NO_TOKEN.into()), options).await {
        // A server that lets everybody in speaks the protocol, and the link is closed with the drop.
        Ok(_) => ConnectError::Forbidden("The server accepts a token that is none.".into()),
        Err(error) => error,
    }
}

/// Whether the refusal is about the token: then the server speaks the protocol.
const fn is_about_token(kind: EntryErrorKind) -> bool {
    use EntryErrorKind as K;
    matches!(
        kind,
        K::TokenRefused | K::WrongClock | K::NoPermission | K::Removed | K::Dismissed | K::RoomFull | K::NoRoom
    )
}

/// The finding about signalling, from a refusal.
fn signalling(error: &ConnectError) -> Finding {
    const CHECK: CheckName = CheckName::Signalling;
    if is_about_token(error.kind()) {
        return Finding::ok(CHECK, "The server speaks LiveKit's protocol.");
    }
    let (found, advice) = split(&error.to_string());
    Finding::failed(CHECK, found, advice).fact("problem", error.kind().as_str())
}

fn welcome(info: &lk::ServerInfo) -> Finding {
    let version = if info.version.is_empty() { String::new() } else { format!(", version {}", info.version) };
    Finding::ok(CheckName::Signalling, format!("The server speaks LiveKit's protocol{version}."))
        .fact("version", info.version.as_str())
        .fact("protocol", info.protocol)
        .fact("region", info.region.as_str())
}

/// The finding about a token that the server refused; `None` if it did not.
fn token_refused(error: &ConnectError) -> Option<Finding> {
    is_about_token(error.kind()).then(|| {
        let (found, advice) = split(&error.to_string());
        Finding::failed(CheckName::Token, found, advice).fact("problem", error.kind().as_str())
    })
}

/// The finding about a token that is not to be had.
fn no_token(error: &EntryError) -> Finding {
    let (found, advice) = split(&error.message);
    let credentials = "Give the check a link (visavis doctor LINK), --token FILE, or LIVEKIT_API_KEY and \
                       LIVEKIT_API_SECRET.";
    Finding::failed(CheckName::Token, found, format!("{advice} {credentials}")).fact("problem", error.kind.as_str())
}

/// The first sentence tells what was found, the others what to do.
fn split(sentences: &str) -> (String, String) {
    match sentences.split_once(". ") {
        Some((found, advice)) => (format!("{found}."), advice.to_owned()),
        None => (sentences.to_owned(), "Ask the person who runs the server.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Verdict;
    use crate::http::ServerError;

    #[test]
    fn a_refused_token_shows_that_signalling_works() {
        let refused = ConnectError::Removed;
        assert_eq!(signalling(&refused).verdict, Verdict::Ok);
        let token = token_refused(&refused).expect("a finding");
        assert_eq!(token.found, "You were removed from this call.");
        assert_eq!(token.advice.as_deref(), Some("Ask the host for a new invitation."));
        let silent = ConnectError::Server(ServerError::Timeout("h:7880".into()));
        assert_eq!((signalling(&silent).verdict, token_refused(&silent)), (Verdict::Failed, None));
        let website = ConnectError::NotALiveKitServer("h".into());
        assert_eq!(signalling(&website).facts["problem"], "not_a_server");
    }

    #[test]
    fn a_missing_token_names_the_ways_to_give_one() {
        let error = EntryError {
            kind: EntryErrorKind::TokenRefused,
            message: "This server gives no tokens away. Ask whoever runs it for an invitation.".into(),
            retry: false,
        };
        let finding = no_token(&error);
        assert_eq!(finding.found, "This server gives no tokens away.");
        assert!(finding.advice.is_some_and(|advice| advice.contains("--token FILE")));
    }
}
