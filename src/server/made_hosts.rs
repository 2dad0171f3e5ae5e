//! The participants whom hosts have made hosts in the rooms of a LiveKit server: it cannot change what a token grants, so this
//! server accepts their tokens as those of hosts.

use std::collections::HashMap;

/// How long a participant stays one, in seconds: as long as a call may take.
const LIFETIME_S: i64 = 12 * 3600;
/// Hosts at most; beyond that nobody is made one.
const MOST: usize = 10_000;

/// Rooms and identities, with the time when they were made hosts, in Unix seconds.
#[derive(Debug, Default)]
pub(super) struct MadeHosts(HashMap<(String, String), i64>);

impl MadeHosts {
    /// A participant is a host from now on.
    pub(super) fn add(&mut self, room: &str, user: &str, now: i64) {
        self.0.retain(|_, since| now - *since < LIFETIME_S);
        if self.0.len() < MOST {
            self.0.insert((room.to_owned(), user.to_owned()), now);
        }
    }

    /// A participant was removed.
    pub(super) fn remove(&mut self, room: &str, user: &str) {
        self.0.remove(&(room.to_owned(), user.to_owned()));
    }

    /// Whether a participant is a host.
    pub(super) fn contain(&self, room: &str, user: &str, now: i64) -> bool {
        self.0.get(&(room.to_owned(), user.to_owned())).is_some_and(|since| now - since < LIFETIME_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_in_one_room_for_a_while_until_it_is_removed() {
        let mut hosts = MadeHosts::default();
        hosts.add("tea", "mina", 100);
        assert!(hosts.contain("tea", "mina", 200) && !hosts.contain("coffee", "mina", 200));
        assert!(!hosts.contain("tea", "jonas", 200) && !hosts.contain("tea", "mina", 100 + LIFETIME_S));
        hosts.remove("tea", "mina");
        assert!(!hosts.contain("tea", "mina", 200));
    }
}
