//! Connections to servers, and requests over them: through a proxy where the environment or the system asks for one, with
//! TLS where the address asks for it. Each failure is a sentence that names who failed: the server, its certificate, or
//! the proxy.

mod address;
mod connect;
mod error;
mod no_proxy;
mod proxy;
mod request;
#[cfg(any(windows, target_os = "macos"))]
mod system_proxy;
#[cfg(test)]
mod tests;
mod tls;
mod tunnel;

pub(crate) use address::{http_url, shown};
pub(crate) use connect::{Connection, ServerStream, Stages, connect, connect_by_proxy, send_at_once};
pub(crate) use error::ServerError;
pub(crate) use request::{HttpAnswer, HttpError, HttpRequest};
pub(crate) use tls::TlsProblem;
