//! Keys come from the environment, never from an argument, which every user of the computer could read.

use crate::proto::token::ApiKey;

/// The names that LiveKit's own tools use.
const KEY: &str = "LIVEKIT_API_KEY";
/// Its secret.
const SECRET: &str = "LIVEKIT_API_SECRET";

/// What is wrong with the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Only one of the two.
    #[error("{present} is set, but {missing} is not. Both are needed.")]
    Half {
        /// The one that is set.
        present: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
}

/// The key pair of `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET`; none if neither is set.
pub fn key_from_environment() -> Result<Option<ApiKey>, CredentialsError> {
    let read = |name| std::env::var(name).unwrap_or_default();
    pair(read(KEY), read(SECRET))
}

fn pair(id: String, secret: String) -> Result<Option<ApiKey>, CredentialsError> {
    match (id.is_empty(), secret.is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Err(CredentialsError::Half { present: KEY, missing: SECRET }),
        (true, false) => Err(CredentialsError::Half { present: SECRET, missing: KEY }),
        (false, false) => Ok(ApiKey::new(id, secret).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_or_neither() {
        assert_eq!(pair(String::new(), String::new()), Ok(None));
        assert_eq!(pair("devkey".into(), "secret".into()), Ok(Some(ApiKey::dev())));
        let half = pair("devkey".into(), String::new()).unwrap_err();
        assert_eq!(half.to_string(), "LIVEKIT_API_KEY is set, but LIVEKIT_API_SECRET is not. Both are needed.");
        assert!(pair(String::new(), "hush".into()).is_err_and(|e| !e.to_string().contains("hush")));
    }
}
