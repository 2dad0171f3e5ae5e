//! Asks a proxy for a connection to a server: `CONNECT` (RFC 9110, section 9.3.6) and SOCKS 5 (RFC 1928, RFC 1929).

use super::connect::{Target, resolve};
use super::error::{ProxyError, ServerError};
use super::proxy::{Proxy, ProxyProtocol};
use base64::prelude::{BASE64_STANDARD, Engine};
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use url::Host;

/// Bytes of an answer to `CONNECT` at most.
const ANSWER_BYTES: usize = 16 * 1024;

/// Asks `proxy` for a connection to `target` over a connection to the proxy. Afterwards what is written to it goes to the
/// server.
pub(super) async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    target: &Target<'_>,
) -> Result<(), ServerError> {
    let failure = match proxy.protocol {
        ProxyProtocol::Http | ProxyProtocol::Https => connect(stream, proxy, target).await,
        ProxyProtocol::Socks5 { resolves } => {
            let address = if resolves { None } else { resolve(target).await?.first().map(SocketAddr::ip) };
            let host = match address {
                Some(IpAddr::V4(ip)) => Host::Ipv4(ip),
                Some(IpAddr::V6(ip)) => Host::Ipv6(ip),
                None => target.host.to_owned(),
            };
            socks5(stream, proxy, &host, target.port).await
        }
    };
    let Err(failure) = failure else { return Ok(()) };
    let (proxy_name, server, source_name) = (proxy.to_string(), target.with_port(), proxy.source_name);
    Err(ServerError::Proxy(match failure {
        Failure::Broken | Failure::Foreign => ProxyError::NotAProxy { proxy: proxy_name, source_name },
        Failure::Credentials(answer) => ProxyError::Credentials { proxy: proxy_name, server, answer, source_name },
        Failure::Refused(answer) => ProxyError::Refused { proxy: proxy_name, server, answer },
    }))
}

/// How a proxy answered.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// The connection ended.
    Broken,
    /// In another protocol.
    Foreign,
    /// It does not accept the credentials, or wants some.
    Credentials(String),
    Refused(String),
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

async fn connect(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    target: &Target<'_>,
) -> Result<(), Failure> {
    let server = target.with_port();
    let mut request = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n");
    if let Some((user, password)) = &proxy.credentials {
        let encoded = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
        request.push_str(&format!("Proxy-Authorization: Basic {encoded}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    // Byte by byte: the bytes after the answer are the server's.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == ANSWER_BYTES || (answer.len() >= 5 && !answer.starts_with(b"HTTP/")) {
            return Err(Failure::Foreign);
        }
        answer.push(stream.read_u8().await?);
    }
    let answer = String::from_utf8_lossy(&answer);
    let (_, status) = answer.lines().next().and_then(|line| line.split_once(' ')).ok_or(Failure::Foreign)?;
    let code: u16 = status.split(' ').next().and_then(|code| code.parse().ok()).ok_or(Failure::Foreign)?;
    let shown = || status.chars().filter(|c| !c.is_control()).take(60).collect::<String>().trim_end().to_owned();
    match code {
        200..=299 => Ok(()),
        407 => Err(Failure::Credentials(shown())),
        _ => Err(Failure::Refused(shown())),
    }
}

async fn socks5(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    host: &Host<String>,
    port: u16,
) -> Result<(), Failure> {
    const VERSION: u8 = 5;
    const NO_CREDENTIALS: u8 = 0;
    const NAME_AND_PASSWORD: u8 = 2;
    let methods: &[u8] = match proxy.credentials {
        Some(_) => &[VERSION, 2, NO_CREDENTIALS, NAME_AND_PASSWORD],
        None => &[VERSION, 1, NO_CREDENTIALS],
    };
    stream.write_all(methods).await?;
    let [version, method] = read(stream).await?;
    match (version, method, &proxy.credentials) {
        (VERSION, NO_CREDENTIALS, _) => {}
        (VERSION, NAME_AND_PASSWORD, Some((user, password))) => {
            let mut request = vec![1];
            for text in [user, password.expose()] {
                let length = u8::try_from(text.len()).map_err(|_| Failure::Credentials("they are too long".into()))?;
                request.push(length);
                request.extend_from_slice(text.as_bytes());
            }
            stream.write_all(&request).await?;
            let [_, status] = read(stream).await?;
            if status != 0 {
                return Err(Failure::Credentials("it does not accept this user name and password".into()));
            }
        }
        (VERSION, _, Some(_)) => return Err(Failure::Credentials("it wants another way to log in".into())),
        (VERSION, _, None) => return Err(Failure::Credentials("it wants a user name and a password".into())),
        _ => return Err(Failure::Foreign),
    }
    let mut request = vec![VERSION, 1, 0];
    match host {
        Host::Ipv4(ip) => request.extend([1].into_iter().chain(ip.octets())),
        Host::Ipv6(ip) => request.extend([4].into_iter().chain(ip.octets())),
        Host::Domain(name) => {
            let length = u8::try_from(name.len()).map_err(|_| Failure::Refused("the name is too long".into()))?;
            request.extend([3, length]);
            request.extend_from_slice(name.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    stream.write_all(&request).await?;
    let [version, reply, _, kind] = read(stream).await?;
    if version != VERSION {
        return Err(Failure::Foreign);
    }
    if reply != 0 {
        return Err(Failure::Refused(socks_reply(reply).to_owned()));
    }
    // The address from which the proxy connected is not needed.
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await?),
        _ => return Err(Failure::Foreign),
    };
    let mut rest = [0; 257];
    stream.read_exact(&mut rest[..length + 2]).await?;
    Ok(())
}

async fn read<const N: usize>(stream: &mut (impl AsyncRead + Unpin)) -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// The words of RFC 1928, section 6.
const fn socks_reply(reply: u8) -> &'static str {
    match reply {
        2 => "connection not allowed by ruleset",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "general SOCKS server failure",
    }
}
