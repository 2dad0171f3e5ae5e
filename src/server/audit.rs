//! The audit log: one line for each change that somebody made to rooms through an API, under the log target `audit`.
//!
//! It is written unless `--log-level` or `RUST_LOG` turns the target off. It names keys by their ids and has no
//! secrets.

/// The author of a change, for its audit entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Principal<'a> {
    /// The id of the key that signed the request or its token.
    pub(super) key: &'a str,
    /// The user that the token names (a host); empty for operators and back ends.
    pub(super) user: &'a str,
}

/// A change, or an attempt at one.
#[derive(Clone, Copy, Debug)]
pub(super) struct AuditEntry<'a> {
    /// The API's name of the action.
    pub(super) action: &'a str,
    /// The room's wire name; empty if the request has no valid one.
    pub(super) room: &'a str,
    /// User ids, separated by spaces.
    pub(super) users: &'a str,
    /// `ok`, or the API's error code.
    pub(super) result: &'a str,
    /// The request's id; empty if it has none.
    pub(super) request: &'a str,
}

/// Writes one line.
pub(super) fn record(principal: Principal<'_>, entry: AuditEntry<'_>) {
    let AuditEntry { action, room, users, result, request } = entry;
    tracing::info!(target: "audit", key = principal.key, by = principal.user, action, room, users, result, request);
}
