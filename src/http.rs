//! Reading HTTP answers from servers that nobody here controls.

/// Why the body of an answer was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The connection broke, or the time was up.
    #[error(transparent)]
    Network(#[from] reqwest::Error),
    /// The body is longer than the limit.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
}

/// Reads the body of `response`, which may have `limit` bytes; the rest of a longer one is not read.
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
