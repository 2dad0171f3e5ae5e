//! The keys that a server goes by, replaced as a whole while it runs.

use crate::proto::tencent::{KeyPair, UserSigClaims, UserSigError, UserSigKey};
use crate::proto::token::ApiKeys;
use std::sync::{Arc, PoisonError, RwLock};

/// All keys of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets {
    /// Key pairs whose access tokens are accepted. The first one signs what the server makes itself.
    pub(crate) keys: ApiKeys,
    /// What back ends and clients of TRTC show. `None`: this server is no application of theirs.
    pub(crate) application: Option<Application>,
}

/// An application of TRTC, as this server plays it.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    /// TRTC's SdkAppId: what back ends name in each call, and UserSigs are made for.
    pub(crate) sdk_app_id: u32,
    /// Who may call the API: SecretId and SecretKey.
    pub(crate) keys: Vec<KeyPair>,
    /// SDKSecretKeys, all good for UserSigs.
    pub(crate) user_sig_keys: Vec<UserSigKey>,
    /// Calls of one action of the API that are answered in a second.
    pub(crate) calls_per_second: u32,
}

/// TRTC's own limit on calls of one action in a second.
pub(crate) const CALLS_PER_SECOND: u32 = 20;

impl Application {
    /// Whose UserSig this is. `now` is in Unix seconds.
    pub(crate) fn verify_user_sig(&self, user_sig: &str, now: i64) -> Result<UserSigClaims, UserSigError> {
        let mut refused = UserSigError::Signature;
        for key in &self.user_sig_keys {
            match key.verify(user_sig, now) {
                // Perhaps another key has signed it.
                Err(UserSigError::Signature) => {}
                Err(other) => refused = other,
                good => return good,
            }
        }
        Err(refused)
    }
}

/// The keys of a running server, for everybody who needs them.
///
/// A copy is taken for each request, so that one request goes by one set of keys.
#[derive(Clone, Debug)]
pub(crate) struct Keyring(Arc<RwLock<Arc<Secrets>>>);

impl Keyring {
    /// Starts with these.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(secrets))))
    }

    /// The keys of this moment.
    pub(crate) fn current(&self) -> Arc<Secrets> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on these, and no others. Calls that are under way go on.
    pub(crate) fn replace(&self, secrets: Secrets) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(secrets);
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
    fn each_of_several_keys_is_good_for_user_sigs() {
        let key = |secret: &str| UserSigKey { sdk_app_id: 7, secret: Secret::new(secret.into()) };
        let application = Application { user_sig_keys: vec![key("old"), key("new")], ..application() };
        let made = |by: UserSigKey| by.make(&"mina".parse().unwrap(), Duration::from_secs(60), 1000).unwrap();
        for good in ["old", "new"] {
            assert_eq!(application.verify_user_sig(made(key(good)).expose(), 1001).unwrap().user.as_str(), "mina");
        }
        let verify = |by, now| application.verify_user_sig(made(by).expose(), now);
        assert_eq!(verify(key("guess"), 1001), Err(UserSigError::Signature));
        assert_eq!(verify(key("old"), 1060), Err(UserSigError::Expired));
        assert_eq!(verify(UserSigKey { sdk_app_id: 8, ..key("old") }, 1001), Err(UserSigError::SdkAppId));
    }

    #[test]
    fn a_request_keeps_the_keys_with_which_it_began() {
        let keyring = Keyring::new(Secrets::default());
        let before = keyring.current();
        keyring.replace(Secrets { application: Some(application()), ..Secrets::default() });
        assert!(before.application.is_none() && keyring.current().application.is_some());
    }
}
