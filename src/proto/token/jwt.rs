//! Encoding and decoding with the `jsonwebtoken` crate, and the HMAC that it signs with.
//!
//! The crate's own crypto backends bring RSA and elliptic curves along. LiveKit's tokens need HS256 alone, so this file
//! registers a provider that has nothing else.

use super::claims::Claims;
use super::{MintError, TokenError};
use crate::base::Secret;
use hmac::{Hmac, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwkUtils, JwtSigner, JwtVerifier};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use sha2::Sha256;
use std::sync::Once;

/// Signs claims with the secret of the key pair that `claims.iss` names.
pub(super) fn encode(claims: &Claims, secret: &Secret<String>) -> Result<Secret<String>, MintError> {
    if claims.iss.is_empty() || secret.expose().is_empty() {
        return Err(MintError::EmptyKey);
    }
    install_provider();
    let key = EncodingKey::from_secret(secret.expose().as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key);
    token.map(Secret::new).map_err(|_| MintError::Encoding)
}

/// How far clocks may differ, in seconds. livekit-server allows the same.
const LEEWAY_S: i64 = 60;

/// Checks signature, `exp` and `nbf`; clocks may differ by a minute. A token without `exp` does not expire.
pub(super) fn decode(token: &str, secret: &Secret<String>) -> Result<Claims, TokenError> {
    install_provider();
    let mut validation = Validation::new(Algorithm::HS256);
    // The crate refuses times and audiences that livekit-server accepts, so only the signature is left to it.
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let key = DecodingKey::from_secret(secret.expose().as_bytes());
    let decoded = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => TokenError::Signature,
        _ => TokenError::Malformed,
    })?;
    let claims = decoded.claims;
    let now = i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap_or(i64::MAX);
    if claims.exp.is_some_and(|exp| exp < now - LEEWAY_S) {
        Err(TokenError::Expired)
    } else if claims.nbf.is_some_and(|nbf| nbf > now + LEEWAY_S) {
        Err(TokenError::TooEarly)
    } else {
        Ok(claims)
    }
}

/// Reads claims without checking anything.
pub(super) fn decode_unverified(token: &str) -> Option<Claims> {
    jsonwebtoken::dangerous::insecure_decode(token).map(|token| token.claims).ok()
}

/// Registers [`PROVIDER`] for this process. Where another part of the process has registered one before, that one stays:
/// every provider of the crate knows HS256.
fn install_provider() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        PROVIDER.install_default().ok();
    });
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.try_get_hmac_secret()?)?)),
    verifier_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.try_get_hmac_secret()?)?)),
    jwk_utils: JwkUtils::new_unimplemented(),
};

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(algorithm: Algorithm, secret: &[u8]) -> Result<Self, Error> {
        if algorithm != Algorithm::HS256 {
            return Err(ErrorKind::InvalidAlgorithm.into());
        }
        Hmac::new_from_slice(secret).map(Self).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        // `verify_slice` compares in constant time.
        self.0.clone().chain_update(message).verify_slice(signature).map_err(SignatureError::from_source)
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
