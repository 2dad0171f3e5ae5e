//! One HTTP/1.1 request on a connection of its own, with limits for its time and its answer.

use super::address::server_name;
use super::connect::connect;
use super::error::ServerError;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::{Position, Url};

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HttpError {
    /// There is no connection to the server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The connection broke, or the answer is no HTTP.
    #[error("The connection to {0} broke off. Try again.")]
    Broken(String),
    /// The answer is longer than the limit, in bytes.
    #[error("The answer is longer than {0} bytes.")]
    TooLong(usize),
}

/// A request.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    url: Url,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl HttpAnswer {
    /// Whether the status is 2xx.
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// A header's value; `None` if it is missing or no text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl HttpRequest {
    /// A GET request of an `http` or `https` URL.
    pub(crate) fn get(url: Url) -> Self {
        Self { url, method: Method::GET, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// A POST request with a body of this media type.
    pub(crate) fn post(url: Url, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media_type))]);
        Self { url, method: Method::POST, headers, body: body.into() }
    }

    /// A POST request with a JSON body.
    pub(crate) fn post_json(url: Url, body: &impl Serialize) -> Self {
        // Our own structs, whose keys are texts.
        Self::post(url, "application/json", serde_json::to_vec(body).unwrap_or_default())
    }

    /// Adds a header. One with control characters is left out.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds a token. It is not shown in logs.
    pub(crate) fn bearer(mut self, token: &str) -> Self {
        if let Ok(mut value) = format!("Bearer {token}").parse::<HeaderValue>() {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
        self
    }

    /// Sends it and reads the answer within `limit`. Of an answer of more than `most` bytes no more is read than that.
    pub(crate) async fn send(self, limit: Duration, most: usize) -> Result<HttpAnswer, HttpError> {
        let server = server_name(&self.url);
        let deadline = Instant::now() + limit;
        let stream = connect(&self.url, limit).await?.stream;
        let exchange = self.exchange(TokioIo::new(stream), most, &server);
        timeout_at(deadline, exchange).await.map_err(|_| ServerError::Timeout(server.clone()))?
    }

    async fn exchange<S>(self, stream: TokioIo<S>, most: usize, server: &str) -> Result<HttpAnswer, HttpError>
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let broken = |error: hyper::Error| {
            tracing::debug!(%error, "a request has no answer");
            HttpError::Broken(server.to_owned())
        };
        let mut request =
            Request::builder().method(self.method).uri(&self.url[Position::BeforePath..Position::AfterQuery]);
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers);
            if let Ok(host) = HeaderValue::from_str(server) {
                headers.insert(HOST, host);
            }
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let request = request.body(Full::new(self.body)).map_err(|_| HttpError::Broken(server.to_owned()))?;
        let (mut sender, connection) = http1::handshake(stream).await.map_err(broken)?;
        let answer = async { read(sender.send_request(request).await.map_err(broken)?, most, server).await };
        // The connection is driven by this future, and ends with it.
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            // An error of the connection is also that of the request.
            _ = connection => answer.await,
        }
    }
}

async fn read(response: Response<Incoming>, most: usize, server: &str) -> Result<HttpAnswer, HttpError> {
    let (head, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|_| HttpError::Broken(server.to_owned()))?;
        let Some(part) = frame.data_ref() else { continue };
        if body.len() + part.len() > most {
            return Err(HttpError::TooLong(most));
        }
        body.extend_from_slice(part);
    }
    Ok(HttpAnswer { status: head.status.as_u16(), headers: head.headers, body })
}
