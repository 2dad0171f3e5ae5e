//! Keys from the environment. They are never arguments, which every user of the computer could read.

#[cfg(feature = "server")]
use crate::base::Secret;
#[cfg(feature = "server")]
use crate::proto::tencent::KeyPair;
use crate::proto::token::{ApiKey, MintError};
use std::env::VarError;

/// The id of the API key, named as in LiveKit's own tools.
const KEY: &str = "LIVEKIT_API_KEY";
/// Its secret.
const SECRET: &str = "LIVEKIT_API_SECRET";
/// The id of the key for Tencent's API, named as in Tencent Cloud's own tools.
#[cfg(feature = "server")]
const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
/// Its secret.
#[cfg(feature = "server")]
const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
/// TRTC's SdkAppId.
#[cfg(feature = "server")]
const SDK_APP_ID: &str = "VISAVIS_SDK_APP_ID";
/// TRTC's SDKSecretKey, which signs UserSigs.
#[cfg(feature = "server")]
const SDK_SECRET_KEY: &str = "VISAVIS_SDK_SECRET_KEY";

/// The secret that TURN servers share with the room server.
#[cfg(feature = "server")]
const TURN_SECRET: &str = "VISAVIS_TURN_SECRET";

/// Why the environment's keys cannot be used. No message contains a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CredentialsError {
    /// Only one half of a pair is set.
    #[error("{present} is set, but {missing} is not. Both are needed.")]
    Half {
        /// The variable that is set.
        present: &'static str,
        /// The variable that is not.
        missing: &'static str,
    },
    /// A variable is not UTF-8.
    #[error("{0} is not readable as text.")]
    NotUnicode(&'static str),
    /// The pair is no API key.
    #[error("LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not usable. {0}")]
    Key(#[from] MintError),
    /// `VISAVIS_SDK_APP_ID` is not a positive `u32`.
    #[error("VISAVIS_SDK_APP_ID is not a number from 1 to 4294967295.")]
    SdkAppId,
}

/// The key pair of `LIVEKIT_API_KEY` and `LIVEKIT_API_SECRET`; `None` if neither is set.
pub(crate) fn key_from_environment() -> Result<Option<ApiKey>, CredentialsError> {
    let pair = pair([KEY, SECRET], read)?;
    Ok(pair.map(|(id, secret)| ApiKey::new(id, secret)).transpose()?)
}

/// The settings of a TRTC application.
#[cfg(feature = "server")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ApplicationKeys {
    /// `VISAVIS_SDK_APP_ID`.
    pub(crate) sdk_app_id: Option<u32>,
    /// `TENCENTCLOUD_SECRET_ID` and `TENCENTCLOUD_SECRET_KEY`: the key of callers of the API.
    pub(crate) key: Option<KeyPair>,
    /// `VISAVIS_SDK_SECRET_KEY`: the key that signs UserSigs.
    pub(crate) user_sig_key: Option<Secret<String>>,
}

/// The TRTC application of the environment.
#[cfg(feature = "server")]
pub(crate) fn application_from_environment() -> Result<ApplicationKeys, CredentialsError> {
    application(read)
}

#[cfg(feature = "server")]
fn application(
    read: impl Fn(&'static str) -> Result<String, CredentialsError>,
) -> Result<ApplicationKeys, CredentialsError> {
    let id = Some(read(SDK_APP_ID)?).filter(|id| !id.is_empty());
    let id = id.map(|id| id.parse().ok().filter(|id| *id > 0).ok_or(CredentialsError::SdkAppId)).transpose()?;
    let key = pair([SECRET_ID, SECRET_KEY], &read)?;
    Ok(ApplicationKeys {
        sdk_app_id: id,
        key: key.map(|(id, secret)| KeyPair { id, secret: Secret::new(secret) }),
        user_sig_key: Some(read(SDK_SECRET_KEY)?).filter(|key| !key.is_empty()).map(Secret::new),
    })
}

/// The secret of the TURN servers.
#[cfg(feature = "server")]
pub(crate) fn turn_secret_from_environment() -> Result<Option<Secret<String>>, CredentialsError> {
    Ok(Some(read(TURN_SECRET)?).filter(|secret| !secret.is_empty()).map(Secret::new))
}

/// A variable's value; empty if it is not set.
fn read(name: &'static str) -> Result<String, CredentialsError> {
    match std::env::var(name) {
        Ok(value) => Ok(value),
        Err(VarError::NotPresent) => Ok(String::new()),
        Err(VarError::NotUnicode(_)) => Err(CredentialsError::NotUnicode(name)),
    }
}

/// Both values of a pair, or `None` if neither is set.
fn pair(
    names: [&'static str; 2],
    read: impl Fn(&'static str) -> Result<String, CredentialsError>,
) -> Result<Option<(String, String)>, CredentialsError> {
    let (id, secret) = (read(names[0])?, read(names[1])?);
    match (id.is_empty(), secret.is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Err(CredentialsError::Half { present: names[0], missing: names[1] }),
        (true, false) => Err(CredentialsError::Half { present: names[1], missing: names[0] }),
        (false, false) => Ok(Some((id, secret))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_or_neither() {
        let pair = |id: &str, secret: &str| {
            pair([KEY, SECRET], |name| Ok(if name == KEY { id.to_owned() } else { secret.to_owned() }))
        };
        assert_eq!(pair("", ""), Ok(None));
        assert_eq!(pair("devkey", "secret"), Ok(Some(("devkey".into(), "secret".into()))));
        let half = pair("devkey", "").expect_err("half a pair");
        assert_eq!(half.to_string(), "LIVEKIT_API_KEY is set, but LIVEKIT_API_SECRET is not. Both are needed.");
        assert!(pair("", "hush").is_err_and(|e| !e.to_string().contains("hush")));
        let unreadable = super::pair([KEY, SECRET], |name| Err(CredentialsError::NotUnicode(name)));
        assert_eq!(
            unreadable,
            Err(CredentialsError::NotUnicode(KEY)),
            "an unreadable key is an error, not its absence"
        );
    }

    #[cfg(feature = "server")]
    #[test]
    fn an_application_has_a_number_and_two_kinds_of_keys() {
        let set = |variables: &'static [(&str, &str)]| {
            application(|name| Ok(variables.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| value).to_owned()))
        };
        assert_eq!(set(&[]), Ok(ApplicationKeys::default()));
        let all = set(&[(SDK_APP_ID, "1400000001"), (SECRET_ID, "a"), (SECRET_KEY, "b"), (SDK_SECRET_KEY, "c")]);
        let all = all.expect("complete");
        assert_eq!((all.sdk_app_id, all.key.expect("a key").id.as_str()), (Some(1_400_000_001), "a"));
        assert_eq!(all.user_sig_key.expect("a key").expose(), "c");
        for wrong in [&[(SDK_APP_ID, "x")], &[(SDK_APP_ID, "0")], &[(SDK_APP_ID, "4294967296")]] {
            assert_eq!(set(wrong), Err(CredentialsError::SdkAppId));
        }
        assert!(matches!(set(&[(SECRET_ID, "a")]), Err(CredentialsError::Half { missing: SECRET_KEY, .. })));
    }
}
