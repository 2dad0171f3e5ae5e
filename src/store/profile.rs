//! Profiles: the servers that an operator runs, each with a name and its credentials, in a TOML file.

use crate::base::Secret;
use crate::proto::token::{ApiKey, MintError};
use crate::store::Paths;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A server and its credentials. Missing fields come from the command line or the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Profile {
    /// `ws://`, `wss://`, `http://` or `https://`.
    pub(crate) server: Option<String>,
    /// LiveKit's LIVEKIT_API_KEY.
    pub(crate) api_key: Option<String>,
    /// LiveKit's LIVEKIT_API_SECRET.
    pub(crate) api_secret: Option<Secret<String>>,
    /// TRTC's SDKAppID.
    pub(crate) sdk_app_id: Option<u32>,
    /// TRTC's SDKSecretKey, which signs UserSigs.
    pub(crate) sdk_secret_key: Option<Secret<String>>,
}

/// Why a profile cannot be used. The sentences are shown to people and never quote the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    /// There is no file.
    #[error("There is no profile “{name}”: {} does not exist. Write it as visavis room --help shows.", path.display())]
    NoFile {
        /// Which profile was asked for.
        name: String,
        /// Where the file would be.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("The profiles in {} cannot be read: {error}.", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The file is not TOML, or has an unknown key.
    #[error("The profiles in {} are not usable: {message}.", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// The line and the mistake.
        message: String,
    },
    /// No profile has that name.
    #[error("There is no profile “{name}” in {}. It has {known}.", path.display())]
    Unknown {
        /// Which profile was asked for.
        name: String,
        /// Which file.
        path: PathBuf,
        /// The names in the file.
        known: String,
    },
    /// Only one half of the key pair is there.
    #[error("The profile has only one of api_key and api_secret. Both are needed.")]
    Half,
    /// The key pair is malformed.
    #[error(transparent)]
    Key(#[from] MintError),
}

impl Profile {
    /// Reads the profile `name`; also a warning for its owner if others can read the file.
    pub(crate) fn load(paths: &Paths, name: &str) -> Result<(Self, Option<String>), ProfileError> {
        let path = paths.profiles();
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ProfileError::NoFile { name: name.to_owned(), path: path.clone() },
            _ => ProfileError::Read { path: path.clone(), error },
        })?;
        let all: BTreeMap<String, Self> = toml::from_str(&text)
            .map_err(|e| ProfileError::Parse { path: path.clone(), message: toml_mistake(&text, &e) })?;
        let Some(profile) = all.get(name) else {
            let names: Vec<&str> = all.keys().map(String::as_str).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(ProfileError::Unknown { name: name.to_owned(), path, known });
        };
        let note = is_open_to_others(&path).then(|| {
            let path = path.display();
            format!("Others on this computer can read the secrets in {path}. Say: chmod 600 {path}")
        });
        Ok((profile.clone(), note))
    }

    /// The key pair, if the profile has one.
    pub(crate) fn key(&self) -> Result<Option<ApiKey>, ProfileError> {
        match (&self.api_key, &self.api_secret) {
            (None, None) => Ok(None),
            (Some(id), Some(secret)) => Ok(Some(ApiKey::new(id, secret.expose())?)),
            _ => Err(ProfileError::Half),
        }
    }
}

/// Whether others than its owner may read the file. Elsewhere than on Unix this is not checked: the folder is private.
#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|facts| facts.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

/// The line and the mistake in a TOML file that may hold secrets. The error's own text is not used: it quotes the line,
/// and for a wrong type the value.
pub(crate) fn toml_mistake(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
    let message = match error.message().rsplit_once(", expected ") {
        Some((wrong, expected)) if wrong.starts_with("invalid ") => format!("expected {expected}"),
        _ => error.message().to_owned(),
    };
    format!("line {line}: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "\
        [office]\nserver = \"wss://calls.example.com\"\napi_key = \"office\"\napi_secret = \"hush\"\n\
        sdk_app_id = 1400000001\nsdk_secret_key = \"hush\"\n[home]\nserver = \"ws://192.168.1.5:7880\"\n";

    fn with(text: &str) -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().expect("folder");
        let paths = Paths::in_folder(folder.path());
        fs::write(paths.profiles(), text).expect("file");
        (folder, paths)
    }

    #[test]
    fn a_profile_is_found_by_its_name() {
        let (_folder, paths) = with(TWO);
        let (office, _) = Profile::load(&paths, "office").expect("a profile");
        assert_eq!(
            (office.server.as_deref(), office.sdk_app_id),
            (Some("wss://calls.example.com"), Some(1_400_000_001))
        );
        let key = office.key().expect("a key").expect("a key");
        assert_eq!((key.id.as_str(), key.secret.expose().as_str()), ("office", "hush"));
        assert!(!format!("{office:?}").contains("hush"), "not in a log");
        let (home, _) = Profile::load(&paths, "home").expect("a profile");
        assert_eq!(home.key().expect("none"), None);
        let error = Profile::load(&paths, "ofice").expect_err("no such profile").to_string();
        assert!(error.contains("“ofice”") && error.ends_with("It has home, office."), "{error}");
    }

    #[test]
    fn mistakes_are_named_and_secrets_are_not() {
        for (text, named) in [
            ("[office]\napi_secret = hush", "line 2"),
            ("[office]\napi_secret = \"hush\"\napikey = \"a\"", "apikey"),
            ("[office]\nsdk_app_id = \"hush\"", "line 2"),
            ("office = \"hush\"", "line 1"),
        ] {
            let (_folder, paths) = with(text);
            let error = Profile::load(&paths, "office").expect_err("a mistake").to_string();
            assert!(error.contains(named) && !error.contains("hush"), "{text}: {error}");
        }
        let (_folder, paths) = with("[office]\napi_key = \"office\"");
        let (half, _) = Profile::load(&paths, "office").expect("a profile");
        assert!(half.key().is_err_and(|e| e.to_string().contains("api_secret")));
        let nowhere = Paths::in_folder(paths.config().join("nowhere"));
        let error = Profile::load(&nowhere, "office").expect_err("no file").to_string();
        assert!(error.contains("profiles.toml does not exist"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_told_of() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, paths) = with(TWO);
        for (mode, told) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            fs::set_permissions(paths.profiles(), fs::Permissions::from_mode(mode)).expect("permissions");
            let (_, note) = Profile::load(&paths, "office").expect("a profile");
            assert_eq!(note.is_some_and(|n| n.contains("chmod 600") && n.contains("profiles.toml")), told, "{mode:o}");
        }
    }
}
