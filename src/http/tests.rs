//! Connections over real sockets: servers with each kind of certificate, and proxies of each kind.

use super::connect::{ServerStream, connect_by};
use super::error::ProxyError;
use super::proxy::Proxy;
use super::tls::{TlsProblem, secure_with, trusting};
use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use url::Url;

/// Limit for every wait, so that a failure ends the test.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves one connection with `serve`. Returns the port.
async fn serving<F: Future<Output = ()> + Send + 'static>(serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move { serve(listener.accept().await.expect("a client").0).await });
    port
}

/// An authority and a certificate of it for `name`, valid in these years; without the authority signed by itself.
fn certificate(name: &str, years: [i32; 2], signed: bool) -> (RootCertStore, Arc<ServerConfig>) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Each authority has a name of its own.
    authority.distinguished_name.push(DnType::CommonName, format!("authority {}", rand::random::<u32>()));
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, "the server of the tests");
    [params.not_before, params.not_after] = years.map(|year| rcgen::date_time_ymd(year, 1, 1));
    let key = KeyPair::generate().expect("a key");
    let made = if signed { params.signed_by(&key, &issuer) } else { params.self_signed(&key) };
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).expect("an authority");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = builder.with_single_cert(vec![made.expect("a certificate").der().clone()], key.into());
    (roots, Arc::new(config.expect("a configuration")))
}

/// TLS with the server on this port.
async fn secure(roots: RootCertStore, port: u16) -> Result<ServerStream, TlsProblem> {
    let stream: ServerStream = Box::new(TcpStream::connect(("127.0.0.1", port)).await.expect("a connection"));
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let secured = tokio::time::timeout(PATIENCE, secure_with(trusting(roots).expect("authorities"), stream, name));
    secured.await.expect("in time")
}

#[tokio::test]
async fn each_fault_of_a_certificate_has_its_words() {
    use TlsProblem as P;
    for (name, years, signed, known, problem, says) in [
        ("127.0.0.1", [2000, 4000], true, true, None, ""),
        ("127.0.0.1", [1975, 1980], true, true, Some(P::Expired), "has expired"),
        ("127.0.0.1", [3999, 4000], true, true, Some(P::TooEarly), "not valid yet"),
        ("calls.example.com", [2000, 4000], true, true, Some(P::OtherName), "for another name"),
        ("127.0.0.1", [2000, 4000], true, false, Some(P::UnknownIssuer), "issuer is not known"),
        ("127.0.0.1", [2000, 4000], false, true, Some(P::SelfSigned), "signed it itself"),
    ] {
        let (roots, config) = certificate(name, years, signed);
        let roots = if known { roots } else { certificate(name, years, true).0 };
        let port = serving(async move |stream: TcpStream| {
            if let Ok(mut stream) = TlsAcceptor::from(config).accept(stream).await {
                stream.write_all(b"hello").await.ok();
                stream.read_u8().await.ok();
            }
        })
        .await;
        let secured = secure(roots, port).await;
        assert_eq!(secured.as_ref().err(), problem.as_ref(), "{name} {years:?} {signed} {known}");
        match secured {
            Err(problem) => {
                let sentence = problem.sentence("calls.example.com");
                assert!(sentence.contains(says) && sentence.contains("calls.example.com"), "{sentence}");
            }
            Ok(mut stream) => {
                let mut heard = [0; 5];
                stream.read_exact(&mut heard).await.expect("a word");
                assert_eq!(&heard, b"hello");
            }
        }
    }
}

#[tokio::test]
async fn servers_without_tls_and_with_an_old_one_are_told_apart() {
    /// An alert: fatal, `protocol_version`.
    const TOO_OLD: &[u8] = &[0x15, 3, 1, 0, 2, 2, 70];
    /// A ServerHello of TLS 1.0.
    const HELLO_OF_TLS_1_0: &[u8] = &[
        0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
        9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0x2f, 0,
    ];
    for (answer, problem) in [
        (TOO_OLD, TlsProblem::TooOld),
        (HELLO_OF_TLS_1_0, TlsProblem::TooOld),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", TlsProblem::NotTls),
        (b"SSH-2.0-OpenSSH_9.2\r\n", TlsProblem::NotTls),
        (&[0x15, 3, 3, 0, 2, 2, 40], TlsProblem::Handshake),
        (b"", TlsProblem::Handshake),
    ] {
        let port = serving(async move |mut stream: TcpStream| {
            let mut hello = [0; 4096];
            assert!(stream.read(&mut hello).await.expect("a ClientHello") > 0);
            stream.write_all(answer).await.expect("an answer");
        })
        .await;
        let (roots, _) = certificate("127.0.0.1", [2000, 4000], true);
        assert_eq!(secure(roots, port).await.err(), Some(problem), "{answer:?}");
    }
}

/// What the server at the end of a tunnel says, or why there is none.
async fn ask_through(setting: &str, url: &str) -> Result<String, ServerError> {
    let proxy = Proxy::parse(setting, "http_proxy").expect("a proxy");
    let connection = connect_by(Some(proxy), &Url::parse(url).expect("an address"), Duration::from_secs(1)).await?;
    let mut stream = connection.stream;
    let mut said = String::new();
    stream.read_to_string(&mut said).await.expect("text");
    Ok(said)
}

/// A server that says a word.
async fn speaking() -> u16 {
    serving(async |mut stream: TcpStream| stream.write_all(b"hello").await.expect("a listener")).await
}

/// Reads a request up to its empty line.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a request"));
    }
    String::from_utf8(head).expect("text")
}

#[tokio::test]
async fn a_proxy_that_speaks_http_is_asked_to_connect() {
    for credentials in ["", "mina:p%40ss@"] {
        let server = speaking().await;
        let proxy = serving(async move |mut stream: TcpStream| {
            let head = head(&mut stream).await;
            assert!(
                head.starts_with("CONNECT calls.example.com:80 HTTP/1.1\r\nHost: calls.example.com:80\r\n"),
                "{head}"
            );
            assert_eq!(head.contains("\r\nProxy-Authorization: Basic bWluYTpwQHNz\r\n"), !credentials.is_empty());
            let mut server = TcpStream::connect(("127.0.0.1", server)).await.expect("the server");
            // The word of the server comes with the answer.
            let mut answer = b"HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n".to_vec();
            server.read_buf(&mut answer).await.expect("a word");
            stream.write_all(&answer).await.expect("an answer");
        });
        let proxy = proxy.await;
        let said = ask_through(&format!("{credentials}127.0.0.1:{proxy}"), "ws://calls.example.com").await;
        assert_eq!(said, Ok("hello".to_owned()), "{credentials}");
    }
}

#[tokio::test]
async fn a_proxy_that_fails_is_named() {
    type Check = fn(&ProxyError) -> bool;
    let credentials: Check = |error| matches!(error, ProxyError::Credentials { .. });
    let refused: Check = |error| matches!(error, ProxyError::Refused { .. });
    let foreign: Check = |error| matches!(error, ProxyError::NotAProxy { .. });
    let late: Check = |error| matches!(error, ProxyError::Timeout(_));
    for (answer, check, says) in [
        (&b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..], credentials, "407 Proxy Authentication Required"),
        (b"HTTP/1.1 403 Forbidden\r\nX: y\r\n\r\n", refused, "calls.example.com:7880: 403 Forbidden"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", refused, "502 Bad Gateway"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", foreign, "does not answer like a proxy"),
        (b"HTTP/1.1 hello\r\n\r\n", foreign, "in http_proxy, does not"),
        (b"", late, "did not answer in time"),
    ] {
        let proxy = serving(async move |mut stream: TcpStream| {
            head(&mut stream).await;
            stream.write_all(answer).await.expect("an answer");
            // Until the client gives up.
            while stream.read_u8().await.is_ok() {}
        })
        .await;
        let error = ask_through(&format!("mina:hush@127.0.0.1:{proxy}"), "ws://calls.example.com:7880").await;
        let Err(ServerError::Proxy(error)) = error else { panic!("{error:?}") };
        let sentence = error.to_string();
        assert!(check(&error) && sentence.contains(says), "{sentence}");
        assert!(sentence.contains(&format!("127.0.0.1:{proxy}")) && !sentence.contains("hush"), "{sentence}");
    }
    let error = ask_through("127.0.0.1:9", "ws://calls.example.com").await;
    assert!(matches!(error, Err(ServerError::Proxy(ProxyError::Unreachable { .. }))), "{error:?}");
}

/// Answers as a SOCKS 5 proxy: with this method, whether the credentials are accepted, and this reply. Returns the port
/// and, later, the request.
async fn socks(method: u8, reply: u8, server: u16) -> (u16, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut methods = [0; 2];
        stream.read_exact(&mut methods).await.expect("the methods");
        stream.read_exact(&mut vec![0; methods[1].into()]).await.expect("the methods");
        stream.write_all(&[5, method]).await.expect("the method");
        if method == 2 {
            let mut login = [0; 11];
            stream.read_exact(&mut login).await.expect("the credentials");
            stream.write_all(&[1, u8::from(&login != b"\x01\x04mina\x04hush")]).await.expect("a word");
        }
        let mut request = vec![0; 512];
        let length = stream.read(&mut request).await.expect("a request");
        request.truncate(length);
        if !request.is_empty() {
            stream.write_all(&[5, reply, 0, 3, 1, b'x', 0, 0]).await.ok();
            if let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await {
                copy_bidirectional(&mut stream, &mut server).await.ok();
            }
        }
        request
    });
    (port, served)
}

#[tokio::test]
async fn a_proxy_that_speaks_socks_is_asked_to_connect() {
    const NAME: &[u8] = b"\x05\x01\x00\x03\x09localhost\x1e\xc8";
    for (scheme, credentials, method, url, request) in [
        ("socks5h", "", 0, "ws://localhost:7880", NAME),
        ("socks5h", "mina:hush@", 2, "ws://localhost:7880", NAME),
        ("socks5h", "mina:hush@", 0, "ws://127.0.0.1:7880", b"\x05\x01\x00\x01\x7f\x00\x00\x01\x1e\xc8"),
        ("socks5", "", 0, "ws://127.0.0.1", b"\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50"),
    ] {
        let (port, served) = socks(method, 0, speaking().await).await;
        let said = ask_through(&format!("{scheme}://{credentials}127.0.0.1:{port}"), url).await;
        assert_eq!(said, Ok("hello".to_owned()), "{scheme} {credentials} {url}");
        assert_eq!(served.await.expect("no panic"), request, "{scheme} {credentials} {url}");
    }
    let (port, served) = socks(0, 0, speaking().await).await;
    ask_through(&format!("socks5://127.0.0.1:{port}"), "ws://localhost:7880").await.expect("a tunnel");
    assert_ne!(served.await.expect("no panic")[3], 3, "the name is resolved here");
}

#[tokio::test]
async fn a_proxy_that_speaks_socks_and_fails_is_named() {
    for (credentials, method, reply, says) in [
        ("", 0xff, 0, "wants a user name and a password"),
        ("mina:nope@", 2, 0, "does not accept this user name and password"),
        ("", 0, 2, "connection not allowed by ruleset"),
        ("", 0, 5, "connection refused"),
    ] {
        let (port, _served) = socks(method, reply, 9).await;
        let error = ask_through(&format!("socks5h://{credentials}127.0.0.1:{port}"), "ws://calls.example.com").await;
        let Err(ServerError::Proxy(error)) = error else { panic!("{error:?}") };
        let sentence = error.to_string();
        assert!(sentence.contains(says) && sentence.contains(&format!("127.0.0.1:{port}")), "{sentence}");
        assert!(!sentence.contains("nope"), "{sentence}");
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_limit() {
    for (answer, most, read) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 5, Ok("hello")),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 5, Ok("hello")),
        ("HTTP/1.1 200 OK\r\n\r\nhello", 5, Ok("hello")),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 4, Err(HttpError::TooLong(4))),
    ] {
        let port = serving(async move |mut stream: TcpStream| {
            let head = head(&mut stream).await;
            assert!(head.starts_with("GET /a?b=c HTTP/1.1\r\n") && !head.contains("mina"), "{head}");
            stream.write_all(answer.as_bytes()).await.expect("an answer");
        })
        .await;
        let url = Url::parse(&format!("http://127.0.0.1:{port}/a?b=c#d")).expect("an address");
        let answer = HttpRequest::get(url).send(PATIENCE, most).await;
        let answer = answer.map(|answer| String::from_utf8(answer.body).expect("text"));
        assert_eq!(answer, read.map(str::to_owned));
    }
    let port = serving(async |mut stream: TcpStream| {
        head(&mut stream).await;
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await.expect("an answer");
    })
    .await;
    let url = Url::parse(&format!("http://127.0.0.1:{port}/")).expect("an address");
    let broken = HttpRequest::get(url).send(PATIENCE, 9).await;
    assert!(matches!(broken, Err(HttpError::Broken(_))), "{broken:?}");
}
