//! Looks for newer versions in a feed of releases, only while the user wants that. A request tells the server nothing
//! about its sender: no version, no system, no id. Nothing else is fetched, and nothing is installed.

use crate::http::{HttpError, HttpRequest};
use crate::proto::link::is_loopback;
use crate::proto::release::{self, FeedError, Release, parse_version};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use url::Url;

/// Where this program's source and releases are.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Redirections that are followed.
const REDIRECTS: usize = 2;
/// Bytes that a feed may have.
const FEED_BYTES: usize = 1 << 20;

/// A feed of releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReleaseFeed {
    url: Url,
    /// The pages of its releases lie below this address.
    place: String,
}

/// An address that cannot be a feed's. The sentence is shown to people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” cannot be a feed of releases. One looks like https://host/latest.json.")]
pub(crate) struct InvalidFeedUrl(String);

/// Why the newest release is not known.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the feed cannot be fetched: {0}")]
    Network(#[from] HttpError),
    #[error("the feed answers with status {0}")]
    Status(u16),
    #[error("the feed leads elsewhere, which is not followed")]
    Redirect,
    #[error("the feed is not usable: {0}")]
    Feed(#[from] FeedError),
}

impl ReleaseFeed {
    /// The feed of this program's own releases.
    pub(crate) fn of_project() -> Result<Self, InvalidFeedUrl> {
        let name = REPOSITORY.strip_prefix("https://github.com/").unwrap_or_default();
        let feed = Self::at(&format!("https://api.github.com/repos/{name}/releases/latest"))?;
        Ok(Self { place: format!("{REPOSITORY}/releases/"), ..feed })
    }

    /// Another feed, whose releases lie on the same host. `http` is accepted for this computer only: anybody on the path
    /// could change a feed and send people to another page.
    pub(crate) fn at(address: &str) -> Result<Self, InvalidFeedUrl> {
        let invalid = || InvalidFeedUrl(address.to_owned());
        let url = Url::parse(address).map_err(|_| invalid())?;
        let usable = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        if !usable || url.host_str().is_none_or(str::is_empty) || !url.username().is_empty() {
            return Err(invalid());
        }
        let place = format!("{}/", url.origin().ascii_serialization());
        Ok(Self { url, place })
    }

    async fn newest(&self) -> Result<Release, FetchError> {
        let mut url = self.url.clone();
        for _ in 0..=REDIRECTS {
            let request = HttpRequest::get(url.clone()).header("accept", "application/json");
            let answer = request.header("user-agent", "visavis").send(TIMEOUT, FEED_BYTES).await?;
            match answer.status {
                200..=299 => return Ok(release::newest(&answer.body, &self.place)?),
                301 | 302 | 303 | 307 | 308 => {
                    let next = answer.header("location").and_then(|location| url.join(location).ok());
                    // Never from https to http.
                    url = next.filter(|next| next.scheme() == url.scheme()).ok_or(FetchError::Redirect)?;
                }
                status => return Err(FetchError::Status(status)),
            }
        }
        Err(FetchError::Redirect)
    }
}

/// When the feed is fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpdateSchedule {
    /// Time from the program's start to the first request, so that it does not delay the start.
    pub(crate) first: Duration,
    /// Time between two requests.
    pub(crate) every: Duration,
}

impl Default for UpdateSchedule {
    fn default() -> Self {
        Self { first: Duration::from_secs(3), every: Duration::from_secs(24 * 3600) }
    }
}

/// Calls `tell` with each release that is newer than this program, while `wanted` is true. Ends when the sender of
/// `wanted` is dropped. A failure is logged and the feed is fetched again at the next time.
pub(crate) async fn follow(
    feed: ReleaseFeed,
    schedule: UpdateSchedule,
    mut wanted: watch::Receiver<bool>,
    tell: impl Fn(Release),
) {
    let Ok(own) = parse_version(env!("CARGO_PKG_VERSION")) else { return };
    sleep(schedule.first).await;
    loop {
        if wanted.wait_for(|wanted| *wanted).await.is_err() {
            return;
        }
        match feed.newest().await {
            Ok(release) if release.version > own && *wanted.borrow() => tell(release),
            Ok(_) => {}
            Err(error) => tracing::info!(%error, "no release is known"),
        }
        let switched_off = async { wanted.wait_for(|wanted| !*wanted).await.is_err() };
        tokio::select! {
            () = sleep(schedule.every) => {}
            gone = switched_off => if gone { return },
        }
    }
}

#[cfg(test)]
mod tests;
