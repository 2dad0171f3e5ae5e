//! How loud the user wants to hear each of the others.

use crate::base::{LOUDEST, UserId};
use std::collections::HashMap;

/// The volumes that differ from the usual one, in percent.
#[derive(Debug, Default)]
pub(super) struct Volumes(HashMap<UserId, u16>);

impl Volumes {
    /// Sets a volume, of [`LOUDEST`] at most; returns it.
    pub(super) fn set(&mut self, user: &UserId, percent: u16) -> u16 {
        let percent = percent.min(LOUDEST);
        self.0.insert(user.clone(), percent);
        percent
    }

    /// The volume of a person; 100 is as they send it.
    pub(super) fn of(&self, user: &UserId) -> u16 {
        self.0.get(user).copied().unwrap_or(100)
    }

    /// Forgets those who are not among the people.
    pub(super) fn keep_only(&mut self, is_here: impl Fn(&UserId) -> bool) {
        self.0.retain(|user, _| is_here(user));
    }
}
