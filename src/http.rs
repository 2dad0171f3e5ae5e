//! Reads HTTP responses within a limit.

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The connection broke or timed out.
    #[error(transparent)]
    Network(#[from] reqwest::Error),
    /// The body is longer than the limit.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
}

/// Reads a body of at most `limit` bytes. Of a longer one no more is read than that.
pub(crate) async fn read_body(response: &mut reqwest::Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await? {
        if body.len() + part.len() > limit {
            return Err(BodyError::TooLong(limit));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}
