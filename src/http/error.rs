//! Why no connection to a server came about.

use super::tls::TlsProblem;
use crate::base::EntryErrorKind;

/// Why no connection to a server came about. Each message says what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ServerError {
    /// Its name is not known, or nothing listens there.
    #[error("The server {0} cannot be reached. Check the address and your network, then try again.")]
    Unreachable(String),
    /// No answer in time.
    #[error("The server {0} did not answer in time. Check your network, then try again.")]
    Timeout(String),
    /// No encrypted connection came about, or it cannot be trusted.
    #[error("{}", .0.sentence(.1))]
    Tls(TlsProblem, String),
    /// The proxy on the way failed.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

/// How a proxy failed. No message contains its user name or password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProxyError {
    /// The setting, named by its variable, cannot be read.
    #[error("The proxy in {0} is not usable. Write for example http://proxy.example.com:3128.")]
    Setting(&'static str),
    /// The setting asks for a protocol that is not supported: SOCKS 4, for example.
    #[error("The proxy in {0} has to speak HTTP or SOCKS 5: begin its address with http:// or socks5h://.")]
    Protocol(&'static str),
    /// Nothing listens there.
    #[error("The proxy {proxy} cannot be reached. Check {source_name}, or your network, then try again.")]
    Unreachable {
        /// Host and port of the proxy.
        proxy: String,
        /// Where it is set.
        source_name: &'static str,
    },
    /// It did not answer in time.
    #[error("The proxy {0} did not answer in time. Check your network, then try again.")]
    Timeout(String),
    /// The proxy itself is reached by TLS, which failed.
    #[error("{}", .0.sentence(&format!("the proxy {}", .1)))]
    Tls(TlsProblem, String),
    /// It answers, but not as a proxy does.
    #[error("{proxy}, the proxy in {source_name}, does not answer like a proxy. Check its address and port.")]
    NotAProxy {
        /// Host and port of the proxy.
        proxy: String,
        /// Where it is set.
        source_name: &'static str,
    },
    /// It wants another name and password, or any.
    #[error(
        "The proxy {proxy} refused the connection to {server}: {answer}. Put the right user name and password into \
        {source_name}: http://name:password@{proxy}."
    )]
    Credentials {
        /// Host and port of the proxy.
        proxy: String,
        /// Host and port of the server.
        server: String,
        /// Its answer.
        answer: String,
        /// Where it is set.
        source_name: &'static str,
    },
    /// It refused for another reason, or does not reach the server.
    #[error(
        "The proxy {proxy} refused the connection to {server}: {answer}. Check the server's address, or ask the \
        person who runs the proxy."
    )]
    Refused {
        /// Host and port of the proxy.
        proxy: String,
        /// Host and port of the server.
        server: String,
        /// Its answer.
        answer: String,
    },
}

impl ServerError {
    /// The kind, for scripts and for the session.
    pub(crate) const fn kind(&self) -> EntryErrorKind {
        match self {
            Self::Unreachable(_) => EntryErrorKind::Unreachable,
            Self::Timeout(_) => EntryErrorKind::Timeout,
            Self::Proxy(_) => EntryErrorKind::Proxy,
            Self::Tls(TlsProblem::TooEarly, _) => EntryErrorKind::WrongClock,
            Self::Tls(TlsProblem::NotTls | TlsProblem::Handshake, _) => EntryErrorKind::NotAServer,
            Self::Tls(..) => EntryErrorKind::Certificate,
        }
    }
}
