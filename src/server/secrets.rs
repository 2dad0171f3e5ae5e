//! The keys of a server. They are replaced as a whole while it runs.

use crate::proto::tencent::{KeyPair, UserSigClaims, UserSigError, UserSigKey};
use crate::proto::token::ApiKeys;
use std::sync::Arc;
use tokio::sync::watch;

/// All keys of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    /// Key pairs whose access tokens are accepted. The first one signs the server's own tokens and links.
    pub(crate) keys: ApiKeys,
    /// The keys of back ends and clients of TRTC. `None`: they are refused.
    pub(crate) application: Option<Application>,
}

/// The TRTC application that this server stands for.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    /// TRTC's SdkAppId, named in each call of the API and in each UserSig.
    pub(crate) sdk_app_id: u32,
    /// SecretId and SecretKey of each permitted caller of the API.
    pub(crate) keys: Vec<KeyPair>,
    /// SDKSecretKeys. A UserSig may be signed with any of them.
    pub(crate) user_sig_keys: Vec<UserSigKey>,
    /// The limit on calls of one action of the API in a second.
    pub(crate) calls_per_second: u32,
}

/// TRTC's own limit on calls of one action in a second.
pub(crate) const CALLS_PER_SECOND: u32 = 20;

impl Application {
    /// Verifies a UserSig. `now` is in Unix seconds.
    pub(crate) fn verify_user_sig(&self, user_sig: &str, now: i64) -> Result<UserSigClaims, UserSigError> {
        let mut refused = UserSigError::Signature;
        for key in &self.user_sig_keys {
            match key.verify(user_sig, now) {
                // Another key may have signed it.
                Err(UserSigError::Signature) => {}
                Err(other) => refused = other,
                good => return good,
            }
        }
        Err(refused)
    }
}

/// The keys of a running server. A request takes one copy, so that it uses one set of keys to its end.
#[derive(Clone, Debug)]
pub(crate) struct Keyring(watch::Sender<Arc<Secrets>>);

impl Keyring {
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self(watch::Sender::new(Arc::new(secrets)))
    }

    /// The current keys.
    pub(crate) fn current(&self) -> Arc<Secrets> {
        self.0.borrow().clone()
    }

    /// Replaces all keys. Requests that are running keep the old ones.
    pub(crate) fn replace(&self, secrets: Secrets) {
        self.0.send_replace(Arc::new(secrets));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use std::time::Duration;

    fn application() -> Application {
        let (keys, user_sig_keys) = (Vec::new(), Vec::new());
        Application { sdk_app_id: 7, keys, user_sig_keys, calls_per_second: CALLS_PER_SECOND }
    }

    #[test]
    fn a_user_sig_of_each_key_is_accepted() {
        let key = |secret: &str| UserSigKey { sdk_app_id: 7, secret: Secret::new(secret.into()) };
        let application = Application { user_sig_keys: vec![key("old"), key("new")], ..application() };
        let made =
            |by: UserSigKey| by.make(&"mina".parse().expect("valid"), Duration::from_secs(60), 1000).expect("signed");
        for good in ["old", "new"] {
            assert_eq!(application.verify_user_sig(made(key(good)).expose(), 1001).unwrap().user.as_str(), "mina");
        }
        let verify = |by, now| application.verify_user_sig(made(by).expose(), now);
        assert_eq!(verify(key("guess"), 1001), Err(UserSigError::Signature));
        assert_eq!(verify(key("old"), 1060), Err(UserSigError::Expired));
        assert_eq!(verify(UserSigKey { sdk_app_id: 8, ..key("old") }, 1001), Err(UserSigError::SdkAppId));
    }

    #[test]
    fn a_running_request_keeps_its_keys() {
        let keyring = Keyring::new(Secrets::default());
        let before = keyring.current();
        keyring.replace(Secrets { application: Some(application()), ..Secrets::default() });
        assert!(before.application.is_none() && keyring.current().application.is_some());
    }
}
