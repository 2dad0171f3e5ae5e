//! The audit trail: one line for each thing that somebody did to rooms through an API, under the log target `audit`.
//!
//! It is written unless `--log-level` or `RUST_LOG` say otherwise. Nothing in it is secret: keys go by their ids.

/// Who did something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Principal<'a> {
    /// The id of the key that has signed the request, or the token that came with it.
    pub(super) key: &'a str,
    /// The user whom the token names: a host. Empty for operators and back ends.
    pub(super) user: &'a str,
}

/// What somebody did, or tried to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct AuditEntry<'a> {
    /// The API's word for it.
    pub(super) action: &'a str,
    /// The room's wire name; empty if the request names none that is possible.
    pub(super) room: &'a str,
    /// User ids, separated by spaces.
    pub(super) users: &'a str,
    /// `ok`, or the API's code of the error.
    pub(super) result: &'a str,
    /// The request's id, where it has one.
    pub(super) request: &'a str,
}

/// Writes one line.
pub(super) fn record(principal: Principal<'_>, entry: AuditEntry<'_>) {
    let AuditEntry { action, room, users, result, request } = entry;
    tracing::info!(target: "audit", key = principal.key, by = principal.user, action, room, users, result, request);
}
