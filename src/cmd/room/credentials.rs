//! The server of a command and its credentials: arguments override the profile, which overrides the environment.

use crate::admin::key_from_environment;
use crate::cmd::DEFAULT_SERVER;
#[cfg(feature = "server")]
use crate::proto::tencent::UserSigKey;
use crate::proto::token::ApiKey;
use crate::store::{Paths, Profile};
use anyhow::Context;
use std::io::Write;

/// The environment variable with the server's address, as in LiveKit's own tools.
const SERVER: &str = "LIVEKIT_URL";

/// A server and the credentials for it.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    /// The address of the server.
    pub(super) server: String,
    profile: Profile,
}

impl Credentials {
    /// Combines arguments, profile and environment.
    pub(super) fn find(server: Option<String>, profile: Option<&str>) -> anyhow::Result<Self> {
        let profile = match profile {
            Some(name) => {
                let paths = Paths::of_user().context("There are no profiles: this user has no home")?;
                let (profile, note) = Profile::load(&paths, name)?;
                if let Some(note) = note {
                    writeln!(std::io::stderr(), "visavis: {note}")?;
                }
                profile
            }
            None => Profile::default(),
        };
        Ok(Self::from(server, profile, std::env::var(SERVER).ok()))
    }

    fn from(argument: Option<String>, profile: Profile, environment: Option<String>) -> Self {
        let server = argument.or_else(|| profile.server.clone()).or(environment.filter(|server| !server.is_empty()));
        Self { server: server.unwrap_or_else(|| DEFAULT_SERVER.to_owned()), profile }
    }

    /// The key pair. The error says how to set one.
    pub(super) fn key(&self) -> anyhow::Result<ApiKey> {
        if let Some(key) = self.profile.key()? {
            return Ok(key);
        }
        key_from_environment()?.context(
            "No API key is set. Set LIVEKIT_API_KEY and LIVEKIT_API_SECRET (devkey and secret for --dev), \
             or name a profile that has them with --profile.",
        )
    }

    /// The key that signs UserSigs. The error says how to set one.
    #[cfg(feature = "server")]
    pub(super) fn user_sig_key(&self) -> anyhow::Result<UserSigKey> {
        let environment = crate::admin::application_from_environment()?;
        let missing = "Set VISAVIS_SDK_APP_ID and VISAVIS_SDK_SECRET_KEY to what the server has (sdk_app_id and \
                       user_sig_keys), or name a profile that has them with --profile";
        Ok(UserSigKey {
            sdk_app_id: self.profile.sdk_app_id.or(environment.sdk_app_id).context(missing)?,
            secret: self.profile.sdk_secret_key.clone().or(environment.user_sig_key).context(missing)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_argument_wins_then_the_profile_then_the_environment() {
        let server = |argument: Option<&str>, profile: Option<&str>, environment: Option<&str>| {
            let profile = Profile { server: profile.map(str::to_owned), ..Profile::default() };
            Credentials::from(argument.map(str::to_owned), profile, environment.map(str::to_owned)).server
        };
        assert_eq!(server(Some("ws://a"), Some("ws://b"), Some("ws://c")), "ws://a");
        assert_eq!(server(None, Some("ws://b"), Some("ws://c")), "ws://b");
        assert_eq!(server(None, None, Some("ws://c")), "ws://c");
        assert_eq!(server(None, None, Some("")), DEFAULT_SERVER);
    }
}
