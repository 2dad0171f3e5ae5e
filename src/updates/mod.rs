//! Whether there is a newer version: asked of the feed of releases, only while the user wants that. A request says
//! nothing of whoever sends it: no version, no system, no id. Nothing is fetched but the feed, and nothing installed.

use crate::proto::release::{self, FeedError, Release, Version};
use reqwest::redirect::Policy;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use url::Url;

/// Where this program's source and releases are.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");
/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A larger answer is no feed.
const FEED_BYTES: usize = 1 << 20;

/// Where releases are told, and below which address their pages lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Feed {
    url: Url,
    place: String,
}

/// An address at which no feed is asked for. The sentence is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” cannot be a feed of releases. One looks like https://host/latest.json.")]
pub(crate) struct NoFeed(String);

/// Why the feed has told nothing.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("the feed cannot be had: {0}")]
    Network(#[from] reqwest::Error),
    #[error("the feed answers with {0}")]
    Status(u16),
    #[error("the feed is far too large")]
    TooLarge,
    #[error("the feed is of no use: {0}")]
    Feed(#[from] FeedError),
}

impl Feed {
    /// The feed of this program's own releases.
    pub(crate) fn of_project() -> Result<Self, NoFeed> {
        let name = REPOSITORY.strip_prefix("https://github.com/").unwrap_or_default();
        let feed = Self::at(&format!("https://api.github.com/repos/{name}/releases/latest"))?;
        Ok(Self { place: format!("{REPOSITORY}/releases/"), ..feed })
    }

    /// Another feed; the pages of its releases lie on the same host. Without `https` only on this computer: whoever can
    /// change a feed on its way leads people elsewhere.
    pub(crate) fn at(address: &str) -> Result<Self, NoFeed> {
        let no_feed = || NoFeed(address.to_owned());
        let url = Url::parse(address).map_err(|_| no_feed())?;
        let near = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        let usable = url.scheme() == "https" || (url.scheme() == "http" && near);
        if !usable || url.host_str().is_none_or(str::is_empty) || !url.username().is_empty() {
            return Err(no_feed());
        }
        let place = format!("{}/", url.origin().ascii_serialization());
        Ok(Self { url, place })
    }

    async fn newest(&self) -> Result<Release, AskError> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .user_agent("visavis")
            .redirect(Policy::limited(2))
            .https_only(self.url.scheme() == "https")
            .build()?;
        let mut answer = client.get(self.url.clone()).header("accept", "application/json").send().await?;
        if !answer.status().is_success() {
            return Err(AskError::Status(answer.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await? {
            body.extend_from_slice(&part);
            if body.len() > FEED_BYTES {
                return Err(AskError::TooLarge);
            }
        }
        Ok(release::newest(&body, &self.place)?)
    }
}

/// When the feed is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// So long after the start: a start has more urgent things to do.
    pub(crate) first: Duration,
    /// And again so long after each time.
    pub(crate) every: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { first: Duration::from_secs(3), every: Duration::from_secs(24 * 3600) }
    }
}

/// Asks for releases that are newer than this program while that is `wanted`, and tells of them. Ends when nobody can
/// want it any more. A feed that cannot be had, or makes no sense, is no more than a line in the log.
pub(crate) async fn follow(feed: Feed, times: Times, mut wanted: watch::Receiver<bool>, tell: impl Fn(Release)) {
    let Ok(own) = env!("CARGO_PKG_VERSION").parse::<Version>() else { return };
    sleep(times.first).await;
    loop {
        if wanted.wait_for(|wanted| *wanted).await.is_err() {
            return;
        }
        match feed.newest().await {
            Ok(release) if release.version > own && *wanted.borrow() => tell(release),
            Ok(_) => {}
            Err(error) => tracing::info!(%error, "nothing is known of new releases"),
        }
        let switched_off = async { wanted.wait_for(|wanted| !*wanted).await.is_err() };
        tokio::select! {
            () = sleep(times.every) => {}
            gone = switched_off => if gone { return },
        }
    }
}

#[cfg(test)]
mod tests;
