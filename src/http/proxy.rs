//! Which proxy leads to a server: curl's variables, then the system's setting.

use super::error::ProxyError;
use super::no_proxy::is_excepted;
use crate::base::Secret;
use crate::proto::link::is_loopback;
use percent_encoding::percent_decode_str;
use std::fmt;
use url::{Host, Url};

/// The port of a proxy whose setting has none, as curl has it.
const DEFAULT_PORT: u16 = 1080;

/// A proxy. It is shown as host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) protocol: ProxyProtocol,
    pub(super) host: Host<String>,
    pub(super) port: u16,
    /// User name and password.
    pub(super) credentials: Option<(String, Secret<String>)>,
    /// Where it is set, for errors.
    pub(super) source_name: &'static str,
}

/// How a proxy is asked for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProxyProtocol {
    /// `CONNECT` of HTTP/1.1 (RFC 9110, section 9.3.6).
    Http,
    /// The same over TLS.
    Https,
    /// SOCKS 5 (RFC 1928).
    Socks5 {
        /// Whether the proxy resolves names (`socks5h`).
        resolves: bool,
    },
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Proxy {
    /// Reads a setting: `host:port`, or a URL. Without a scheme the proxy speaks HTTP.
    pub(super) fn parse(setting: &str, source_name: &'static str) -> Result<Self, ProxyError> {
        let (scheme, rest) = setting.trim().split_once("://").unwrap_or(("http", setting.trim()));
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyProtocol::Http,
            "https" => ProxyProtocol::Https,
            "socks5" => ProxyProtocol::Socks5 { resolves: false },
            "socks5h" => ProxyProtocol::Socks5 { resolves: true },
            _ => return Err(ProxyError::Protocol(source_name)),
        };
        let unusable = || ProxyError::Setting(source_name);
        // A scheme without a port of its own, which would be left out.
        let url = Url::parse(&format!("proxy://{rest}")).map_err(|_| unusable())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(unusable)?;
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = decoded(url.username());
        let password = url.password().map(decoded);
        let has_credentials = !user.is_empty() || password.is_some();
        let own_port = if protocol == ProxyProtocol::Https { 443 } else { DEFAULT_PORT };
        Ok(Self {
            protocol,
            host: Host::parse(host).map_err(|_| unusable())?,
            port: url.port().unwrap_or(own_port),
            credentials: has_credentials.then(|| (user, Secret::new(password.unwrap_or_default()))),
            source_name,
        })
    }

    fn is_on_this_computer(&self) -> bool {
        Url::parse(&format!("http://{}", self.host)).is_ok_and(|url| is_loopback(&url))
    }
}

/// The proxy for the server at `url` (`ws`, `wss`, `http` or `https`); `None` if it is reached directly.
pub(super) fn proxy_for(url: &Url) -> Result<Option<Proxy>, ProxyError> {
    let variable = |name: &str| std::env::var(name).ok();
    match proxy_of_variables(url, variable)? {
        Setting::Proxy(proxy) => Ok(Some(proxy)),
        Setting::Direct => Ok(None),
        #[cfg(any(windows, target_os = "macos"))]
        Setting::Nothing => super::system_proxy::proxy_for(url),
        #[cfg(not(any(windows, target_os = "macos")))]
        Setting::Nothing => Ok(None),
    }
}

/// What the variables say about a server.
#[derive(Debug, PartialEq, Eq)]
enum Setting {
    Proxy(Proxy),
    /// It is excepted.
    Direct,
    /// They name no proxy.
    Nothing,
}

/// As curl: an empty variable is none; `http_proxy` counts in lower case only, since a CGI program gets `HTTP_PROXY` from
/// whoever sends a header `Proxy`. A proxy on another computer does not reach servers on this one, so those are excepted
/// from it.
fn proxy_of_variables(url: &Url, variable: impl Fn(&str) -> Option<String>) -> Result<Setting, ProxyError> {
    let names: &[&'static str] = match url.scheme() {
        "wss" => &["wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        "https" => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        "ws" => &["ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"],
        _ => &["http_proxy", "all_proxy", "ALL_PROXY"],
    };
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| Some((*name, variable(name).filter(|value| !value.trim().is_empty())?)))
    };
    let Some((name, setting)) = first(names) else { return Ok(Setting::Nothing) };
    let exceptions = first(&["no_proxy", "NO_PROXY"]).map(|(_, list)| list).unwrap_or_default();
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return Ok(Setting::Direct) };
    if is_excepted(&exceptions, &host, port) {
        return Ok(Setting::Direct);
    }
    let proxy = Proxy::parse(&setting, name)?;
    Ok(if is_loopback(url) && !proxy.is_on_this_computer() { Setting::Direct } else { Setting::Proxy(proxy) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy for a server with these variables, as host and port; empty if it is reached directly.
    fn proxy(url: &str, variables: &[(&str, &str)]) -> String {
        let url = Url::parse(url).expect("an address");
        let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        match proxy_of_variables(&url, variable).expect("usable") {
            Setting::Proxy(proxy) => format!("{proxy} of {}", proxy.source_name),
            Setting::Direct | Setting::Nothing => String::new(),
        }
    }

    #[test]
    fn variables_are_read_as_curl_reads_them() {
        const SERVER: &str = "ws://calls.example.com";
        const SECURE: &str = "wss://calls.example.com";
        for (url, variables, expected) in [
            (SERVER, &[("http_proxy", "p:1")][..], "p:1 of http_proxy"),
            (SERVER, &[("HTTP_PROXY", "p:1")], ""),
            (SERVER, &[("https_proxy", "p:1"), ("HTTPS_PROXY", "p:1")], ""),
            (SECURE, &[("http_proxy", "p:1")], ""),
            (SECURE, &[("HTTPS_PROXY", "p:1")], "p:1 of HTTPS_PROXY"),
            (SECURE, &[("HTTPS_PROXY", "p:1"), ("https_proxy", "q:2")], "q:2 of https_proxy"),
            (SECURE, &[("HTTPS_PROXY", "p:1"), ("https_proxy", "")], "p:1 of HTTPS_PROXY"),
            (SERVER, &[("ALL_PROXY", "p:1")], "p:1 of ALL_PROXY"),
            (SERVER, &[("ALL_PROXY", "p:1"), ("all_proxy", "q:2"), ("http_proxy", "r:3")], "r:3 of http_proxy"),
            (SERVER, &[("all_proxy", "p:1"), ("http_proxy", " ")], "p:1 of all_proxy"),
            (SERVER, &[("ws_proxy", "p:1"), ("http_proxy", "q:2")], "p:1 of ws_proxy"),
            ("http://calls.example.com", &[("ws_proxy", "p:1"), ("http_proxy", "q:2")], "q:2 of http_proxy"),
            (SERVER, &[("http_proxy", "p:1"), ("NO_PROXY", "example.com")], ""),
            (SERVER, &[("http_proxy", "p:1"), ("NO_PROXY", "example.com"), ("no_proxy", "")], ""),
            (SERVER, &[("http_proxy", "p:1"), ("NO_PROXY", "example.com"), ("no_proxy", "other")], "p:1 of http_proxy"),
            (SERVER, &[("http_proxy", "p:1"), ("no_proxy", "*")], ""),
            ("ws://127.0.0.1:7880", &[("http_proxy", "127.0.0.1:9")], "127.0.0.1:9 of http_proxy"),
            ("ws://127.0.0.1:7880", &[("http_proxy", "127.0.0.1:9"), ("NO_PROXY", "127.0.0.0/8")], ""),
            ("ws://127.0.0.1:7880", &[("http_proxy", "p:1")], ""),
            ("ws://[::1]:7880", &[("http_proxy", "http://[::1]:9")], "[::1]:9 of http_proxy"),
        ] {
            assert_eq!(proxy(url, variables), expected, "{url} {variables:?}");
        }
    }

    #[test]
    fn a_setting_is_a_host_or_a_url() {
        use ProxyProtocol as P;
        for (setting, protocol, shown) in [
            ("proxy.example.com", P::Http, "proxy.example.com:1080"),
            ("proxy:80/", P::Http, "proxy:80"),
            ("http://proxy:80", P::Http, "proxy:80"),
            (" HTTP://192.0.2.1:3128/ ", P::Http, "192.0.2.1:3128"),
            ("https://proxy", P::Https, "proxy:443"),
            ("socks5://[2001:db8::1]:9050", P::Socks5 { resolves: false }, "[2001:db8::1]:9050"),
            ("Socks5h://proxy", P::Socks5 { resolves: true }, "proxy:1080"),
        ] {
            let proxy = Proxy::parse(setting, "http_proxy").expect(setting);
            assert_eq!((proxy.protocol, proxy.to_string().as_str(), proxy.credentials), (protocol, shown, None));
        }
        for setting in ["http://", "http://:80", "http://proxy:99999", "http://a b", "://"] {
            let error = Proxy::parse(setting, "http_proxy").expect_err(setting);
            assert!(matches!(error, ProxyError::Setting(_) | ProxyError::Protocol(_)), "{setting}: {error}");
        }
        for setting in ["socks4://proxy", "ftp://proxy", "socks://proxy"] {
            assert_eq!(Proxy::parse(setting, "ALL_PROXY"), Err(ProxyError::Protocol("ALL_PROXY")), "{setting}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_not_shown() {
        let proxy = Proxy::parse("http://mina:p%40ss%3aword@proxy:3128", "http_proxy").expect("usable");
        let (user, password) = proxy.credentials.clone().expect("credentials");
        assert_eq!((user.as_str(), password.expose().as_str()), ("mina", "p@ss:word"));
        assert!(!format!("{proxy} {proxy:?}").contains("p@ss"), "{proxy:?}");
        let error = Proxy::parse("http://mina:hush@:3128", "http_proxy").expect_err("no host");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}
