//! Changes of the network: the connection is restored on the new way at once, instead of when a limit of silence ends.

use super::{NetworkChange, Phase, Session, Timer};
use crate::base::Moment;

impl Session {
    /// The way to the server has changed.
    pub(super) fn network_changed(&mut self, change: NetworkChange, now: Moment) {
        match (&mut self.phase, change) {
            (Phase::InRoom(room), NetworkChange::Lost | NetworkChange::Moved) => {
                let joined = room.joined.clone();
                self.start_reconnecting(Some(joined), now);
                self.try_now(now);
            }
            // An attempt that runs does so from an address that is gone, or has gathered its candidates while there was none.
            (Phase::Reconnecting(r), NetworkChange::Moved | NetworkChange::Back) => {
                let session = r.step.take_session();
                r.step.wait(session);
                self.timers.stop(Timer::Attempt);
                self.timers.set(Timer::Retry, now);
            }
            // The time for entering goes on.
            (Phase::Entering(entering), NetworkChange::Moved) => {
                entering.joined = None;
                self.join_afresh();
            }
            // An exit has limits of its own. Before EnterRoom, what runs may still succeed.
            (Phase::Entering(_), NetworkChange::Lost | NetworkChange::Back)
            | (Phase::InRoom(_), NetworkChange::Back)
            | (Phase::Reconnecting(_), NetworkChange::Lost)
            | (Phase::Leaving(_) | Phase::Ended(_), _) => {}
        }
    }
}
