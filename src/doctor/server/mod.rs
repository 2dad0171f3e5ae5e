//! The way to a server, step by step. Each step uses what the one before has found; after a failure the rest is skipped.

mod entry;
mod measure;
mod media;
mod probe;
mod reach;

use super::Checkup;
use crate::base::{CheckName, CheckPart, Finding, RoomName, UserId};
use crate::call::{JoinCredentials, TokenSource, user_id};
use crate::http::http_url;

/// The name that others see of the participants that a check sends into a room.
const NAME: &str = "Visavis check";

/// The server whose way is checked.
pub(crate) struct ServerPlan {
    /// `ws://`, `wss://`, `http://` or `https://`.
    pub(crate) server: String,
    /// Where access tokens come from.
    pub(crate) tokens: TokenSource,
    /// The room of a link. Without one, the participants of the check meet in a room of their own.
    pub(crate) room: Option<RoomName>,
}

/// Why the server is not checked when none is named.
const NO_SERVER: &str = "No server is named. Name one with --server URL, or join a call once.";

/// Checks the way to the server; without one every step is skipped.
pub(super) async fn check(checkup: &Checkup, plan: Option<ServerPlan>) {
    let steps = || CheckName::ALL.into_iter().filter(|check| check.part() == CheckPart::Server);
    let Some(plan) = plan else {
        return checkup.skip(steps(), NO_SERVER);
    };
    let Some(url) = http_url(&plan.server) else {
        let advice = "Write it like wss://meet.example.com or ws://127.0.0.1:7880.";
        let finding = Finding::failed(CheckName::Name, "The server's address cannot be read.", advice);
        checkup.one(CheckName::Name, async { Some(finding) }).await;
        return checkup.skip(steps().skip(1), "The server's address cannot be read.");
    };
    if let Err(Skip(why)) = reach::check(checkup, &url, &plan.server).await {
        return checkup.skip(steps().filter(|step| *step > CheckName::Clock), why);
    }
    let entry = match entry::check(checkup, &plan).await {
        Ok(entry) => entry,
        Err(Skip(why)) => return checkup.skip(steps().filter(|step| *step > CheckName::Token), why),
    };
    let transport = Box::pin(media::check(checkup, &plan, &entry)).await;
    measure::check(checkup, &plan, &entry.room, transport).await;
}

/// The steps after this one cannot be tried, for this reason.
struct Skip(&'static str);

impl ServerPlan {
    /// Whether several participants of the check can be in the room at once: each needs an identity of its own.
    fn lets_many_in(&self) -> bool {
        !matches!(self.tokens, TokenSource::Given(_))
    }

    /// Credentials for one participant of the check, in the room of the link, of the token, or in `own_room`.
    fn credentials(&self, own_room: &RoomName) -> JoinCredentials {
        let room = self.tokens.room().or_else(|| self.room.clone()).unwrap_or_else(|| own_room.clone());
        let user: UserId = self.tokens.user().unwrap_or_else(|| user_id("check"));
        JoinCredentials { server: self.server.clone(), tokens: self.tokens.clone(), room, user, name: NAME.into() }
    }
}

/// A room name that nobody else uses.
fn own_room() -> RoomName {
    let name = format!("check-{:012x}", rand::random::<u64>() & 0xffff_ffff_ffff);
    name.parse().unwrap_or_else(|_| unreachable!("letters, digits and a dash make a room name"))
}
