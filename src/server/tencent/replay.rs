//! Requests that were carried out, for as long as somebody could send them again.

use crate::proto::tencent::{ApiError, MAX_SKEW_S, RequestFingerprint};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// A signature of a clock that is ahead is good for twice the skew.
const KEPT_FOR: Duration = Duration::from_secs(2 * MAX_SKEW_S.unsigned_abs());
/// Requests remembered at most. The rate limit stays below that unless it is set very high; then nothing new is
/// carried out until the oldest ones have expired.
const MAX_KEPT: usize = 200_000;

/// What came of a request; empty while it is being carried out for the first time.
pub(super) type Outcome = Arc<OnceCell<Result<(), ApiError>>>;

/// What came of which request.
#[derive(Debug, Default)]
pub(super) struct ReplayCache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    outcomes: HashMap<RequestFingerprint, Outcome>,
    /// Oldest first.
    order: VecDeque<(Instant, RequestFingerprint)>,
}

impl ReplayCache {
    /// What came of the request, if it was sent before.
    pub(super) fn find(&self, request: &RequestFingerprint, now: Instant) -> Option<Outcome> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget(now);
        kept.outcomes.get(request).cloned()
    }

    /// A place for what will come of the request; the same one for everybody who sends it. `None`: there is no room.
    pub(super) fn begin(&self, request: RequestFingerprint, now: Instant) -> Option<Outcome> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// A request that the official Python SDK has signed.
    fn request() -> RequestFingerprint {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../proto/tencent/vectors.json")).unwrap();
        let text = |name: &str| vectors[0][name].as_str().unwrap().to_owned();
        let (method, query, body) = (text("method"), text("query"), text("body"));
        let headers = serde_json::from_value(vectors[0]["headers"].clone()).unwrap();
        let http = HttpRequest { method: &method, query: &query, headers, body: body.as_bytes() };
        let (id, secret) = ("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE");
        let key = KeyPair { id: id.into(), secret: Secret::new(secret.into()) };
        SignedCall::verify(&http, &[key], 1_795_586_561).unwrap().fingerprint
    }

    #[test]
    fn an_outcome_is_kept_for_as_long_as_the_signature_is_good() {
        let (once, now) = (ReplayCache::default(), Instant::now());
        assert!(once.find(&request(), now).is_none());
        let first = once.begin(request(), now).unwrap();
        first.set(Err(ApiError::NoRoom)).unwrap();
        let again = once.begin(request(), now).unwrap();
        assert_eq!(again.get(), Some(&Err(ApiError::NoRoom)));
        assert!(once.find(&request(), now + KEPT_FOR).is_some());
        assert!(once.find(&request(), now + KEPT_FOR + Duration::from_secs(1)).is_none());
    }
}
