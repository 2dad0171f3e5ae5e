//! The proxy in the system's settings: of Windows' Internet options, or of macOS' network settings.

use super::error::ProxyError;
use super::proxy::Proxy;
use crate::proto::link::is_loopback;
use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

/// Where this proxy is set, for errors.
const SOURCE: &str = "the system's settings";

/// The proxy for a server; `None` if it is reached directly, as each server on this computer is.
pub(super) fn proxy_for(url: &Url) -> Result<Option<Proxy>, ProxyError> {
    if is_loopback(url) {
        return Ok(None);
    }
    let scheme = if matches!(url.scheme(), "wss" | "https") { "https" } else { "http" };
    let host = url.host_str().unwrap_or_default();
    let Ok(uri) = format!("{scheme}://{host}/").parse::<Uri>() else { return Ok(None) };
    let proxy = Matcher::from_system().intercept(&uri);
    proxy.map(|proxy| Proxy::parse(&proxy.uri().to_string(), SOURCE)).transpose()
}
