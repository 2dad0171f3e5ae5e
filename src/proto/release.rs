//! Release feeds: the version and the page of the newest release.
//!
//! A feed is a JSON object with `tag_name` (`v1.2.3`) and `html_url`, as in GitHub's answer to `releases/latest`. Other
//! fields are ignored.

use semver::{BuildMetadata, Version};
use serde::Deserialize;

/// Longest URL of a page in bytes.
const PAGE_BYTES: usize = 500;

/// Reads the version in a release's tag: semantic versioning 2.0, with or without a `v` in front. Build metadata, which has
/// no order, is dropped.
pub(crate) fn parse_version(tag: &str) -> Result<Version, FeedError> {
    let version = Version::parse(tag.strip_prefix('v').unwrap_or(tag)).map_err(|_| FeedError::Version)?;
    Ok(Version { build: BuildMetadata::EMPTY, ..version })
}

/// A published release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    /// Its version.
    pub(crate) version: Version,
    /// The URL of its page.
    pub(crate) page: String,
}

/// Why a feed has no usable release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FeedError {
    /// The text is not a feed.
    #[error("it is no feed of releases")]
    Form,
    /// Its newest release has no version of three numbers.
    #[error("its newest release has no version like v1.2.3")]
    Version,
    /// Its newest release is a draft or a pre-release.
    #[error("its newest release is not finished")]
    Unfinished,
    /// The page is not below the expected URL.
    #[error("its newest release lies elsewhere")]
    Page,
}

#[derive(Deserialize)]
struct Entry {
    tag_name: String,
    html_url: String,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    prerelease: bool,
}

/// Reads the newest release from a feed. Its page must be below `place`, so that a feed cannot lead users elsewhere.
pub(crate) fn newest(feed: &[u8], place: &str) -> Result<Release, FeedError> {
    let entry: Entry = serde_json::from_slice(feed).map_err(|_| FeedError::Form)?;
    let version = parse_version(&entry.tag_name)?;
    if entry.draft || entry.prerelease || !version.pre.is_empty() {
        return Err(FeedError::Unfinished);
    }
    let page = entry.html_url;
    let below = page.strip_prefix(place).ok_or(FeedError::Page)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./~+%".contains(&b);
    if page.len() > PAGE_BYTES || !below.bytes().all(plain) || below.split('/').any(|part| part == "..") {
        return Err(FeedError::Page);
    }
    Ok(Release { version, page })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACE: &str = "https://example.com/visavis/releases/";

    fn version(text: &str) -> Version {
        parse_version(text).expect(text)
    }

    fn feed(tag: &str, page: &str, more: &str) -> Result<Release, FeedError> {
        newest(format!(r#"{{"tag_name": "{tag}", "html_url": "{page}"{more}}}"#).as_bytes(), PLACE)
    }

    #[test]
    fn versions_have_an_order() {
        let ordered = ["0.1.0-rc.1", "0.1.0", "v0.1.1", "0.2.0", "0.10.0", "1.0.0-alpha", "1.0.0", "1.0.10", "10.0.0"];
        for pair in ordered.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        assert_eq!(version("v1.2.3+debian"), version("1.2.3"));
        assert_eq!(version("v1.2.3").to_string(), "1.2.3");
        for bad in [
            "",
            "v",
            "1",
            "1.2",
            "1.2.3.4",
            "1..3",
            "a.b.c",
            "1.2.x",
            "-1.2.3",
            "1.2.3-",
            "1.2.18446744073709551616",
            "+1.2.3",
            "1.2.٣",
        ] {
            assert_eq!(parse_version(bad), Err(FeedError::Version), "{bad}");
        }
    }

    #[test]
    fn the_newest_release_is_read_as_github_writes_it() {
        let more = r#", "draft": false, "prerelease": false, "body": "words", "assets": [{"name": "a.deb"}]"#;
        let release = feed("v0.2.0", "https://example.com/visavis/releases/tag/v0.2.0", more).expect("a release");
        assert_eq!(release.version, version("0.2.0"));
        assert_eq!(release.page, "https://example.com/visavis/releases/tag/v0.2.0");
    }

    #[test]
    fn unpublished_and_foreign_releases_are_refused() {
        let page = "https://example.com/visavis/releases/tag/x";
        assert_eq!(feed("v0.2.0", page, r#", "draft": true"#), Err(FeedError::Unfinished));
        assert_eq!(feed("v0.2.0", page, r#", "prerelease": true"#), Err(FeedError::Unfinished));
        assert_eq!(feed("v0.2.0-rc.1", page, ""), Err(FeedError::Unfinished));
        assert_eq!(feed("nightly", page, ""), Err(FeedError::Version));
        let long = format!("{PLACE}{}", "x".repeat(PAGE_BYTES));
        for elsewhere in [
            "",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "http://example.com/visavis/releases/tag/x",
            "https://example.com.evil/visavis/releases/x",
            "https://example.com/visavis/releases/../../other",
            "https://example.com/visavis/releases/x y",
            "https://example.com/visavis/releases/$(x)",
            &long,
        ] {
            assert_eq!(feed("v0.2.0", elsewhere, ""), Err(FeedError::Page), "{elsewhere}");
        }
        for form in
            ["", "null", "[]", "{}", "<html>", r#"{"tag_name": 3, "html_url": ""}"#, r#"{"tag_name": "v1.0.0"}"#]
        {
            assert_eq!(newest(form.as_bytes(), PLACE), Err(FeedError::Form), "{form}");
        }
        assert_eq!(newest(&[0xff, 0xfe, 0], PLACE), Err(FeedError::Form));
    }

    proptest! {
        #[test]
        fn any_feed_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), tag in ".{0,20}", page in ".{0,40}") {
            newest(&bytes, PLACE).ok();
            let made = serde_json::json!({ "tag_name": tag, "html_url": format!("{PLACE}{page}") }).to_string();
            if let Ok(release) = newest(made.as_bytes(), PLACE) {
                prop_assert!(release.page.starts_with(PLACE) && release.version.pre.is_empty());
            }
        }
    }
}
