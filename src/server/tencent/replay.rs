//! The outcomes of executed requests, for as long as their signatures are valid.

use crate::proto::tencent::{ApiError, MAX_SKEW_S, RequestFingerprint};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// Validity of a signature from a clock that is ahead: twice the skew.
const KEPT_FOR: Duration = Duration::from_secs(2 * MAX_SKEW_S.unsigned_abs());
/// Outcomes kept. When it is full, which needs a very high rate limit, new requests fail until the oldest expire.
const MAX_KEPT: usize = 200_000;

/// The outcome of a request; empty while the request runs for the first time.
pub(super) type Outcome = Arc<OnceCell<Result<(), ApiError>>>;

/// The outcomes by request.
#[derive(Debug, Default)]
pub(super) struct ReplayCache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    outcomes: HashMap<RequestFingerprint, Outcome>,
    /// Oldest first.
    order: VecDeque<(Instant, RequestFingerprint)>,
}

impl ReplayCache {
    /// The outcome of a request that was sent before.
    pub(super) fn find(&self, request: &RequestFingerprint, now: Instant) -> Option<Outcome> {
        let mut kept = self.0.lock();
        kept.forget(now);
        kept.outcomes.get(request).cloned()
    }

    /// The place for the outcome of a request, the same for all its copies. `None`: the cache is full.
    pub(super) fn begin(&self, request: RequestFingerprint, now: Instant) -> Option<Outcome> {
        let mut kept = self.0.lock();
        if let Some(known) = kept.outcomes.get(&request) {
            return Some(known.clone());
        }
        if kept.order.len() >= MAX_KEPT {
            return None;
        }
        let outcome = Outcome::default();
        kept.order.push_back((now, request));
        kept.outcomes.insert(request, outcome.clone());
        Some(outcome)
    }
}

impl Kept {
    fn forget(&mut self, now: Instant) {
        while let Some((at, request)) = self.order.front().copied() {
            if now.saturating_duration_since(at) <= KEPT_FOR {
                break;
            }
            self.order.pop_front();
            self.outcomes.remove(&request);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Secret;
    use crate::proto::tencent::{HttpRequest, KeyPair, SignedCall};

    /// A request that the official Python SDK signed.
    fn request() -> RequestFingerprint {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../proto/tencent/vectors.json")).unwrap();
        let text = |name: &str| vectors[0][name].as_str().expect("a string").to_owned();
        let (method, query, body) = (text("method"), text("query"), text("body"));
        let headers = serde_json::from_value(vectors[0]["headers"].clone()).unwrap();
        let http = HttpRequest { method: &method, query: &query, headers, body: body.as_bytes() };
        let (id, secret) = ("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
        let key = KeyPair { id: id.into(), secret: Secret::new(secret.into()) };
        SignedCall::verify(&http, &[key], 1_795_586_561).unwrap().fingerprint
    }

    #[test]
    fn an_outcome_is_kept_while_the_signature_is_valid() {
        let (once, now) = (ReplayCache::default(), Instant::now());
        assert!(once.find(&request(), now).is_none());
        let first = once.begin(request(), now).expect("room");
        first.set(Err(ApiError::NoRoom)).unwrap();
        let again = once.begin(request(), now).expect("room");
        assert_eq!(again.get(), Some(&Err(ApiError::NoRoom)));
        assert!(once.find(&request(), now + KEPT_FOR).is_some());
        assert!(once.find(&request(), now + KEPT_FOR + Duration::from_secs(1)).is_none());
    }
}
