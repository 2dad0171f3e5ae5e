//! Who waits before the room, for a host: asked of the server every few seconds while there is a waiting room.

use super::task::{CallState, ServiceTask};
use crate::base::UserId;
use crate::session::Input;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Time between two questions.
const EVERY: Duration = Duration::from_secs(2);

/// People with their names.
pub(super) type Guests = Vec<(UserId, String)>;

/// The question under way, and when the next one follows.
#[derive(Default)]
pub(super) struct GuestWatch {
    asked: JoinSet<Option<Guests>>,
    next: Option<Instant>,
}

impl GuestWatch {
    /// The next answer; `None` in it if the server gave none.
    pub(super) async fn next(&mut self) -> Option<Guests> {
        match self.asked.join_next().await {
            Some(answer) => answer.unwrap_or_default(),
            None => std::future::pending().await,
        }
    }

    /// Asks again at once.
    pub(super) fn ask_soon(&mut self) {
        self.next = None;
    }
}

impl ServiceTask {
    /// Asks who waits when it is time, as a host of a room with a waiting room. Elsewhere nobody waits for us.
    pub(super) fn watch_guests(&mut self) {
        let Some(CallState::Running { call, .. }) = &self.call else { return };
        if !call.lets_guests_in() {
            self.guests.asked.abort_all();
            return if call.knows_guests() {
                self.take_guests(Some(Vec::new()))
            };
        }
        let is_due = self.guests.next.is_none_or(|at| at <= Instant::now());
        if let Some(rights) = call.host_rights().filter(|_| is_due && self.guests.asked.is_empty()) {
            self.guests.next = Some(Instant::now() + EVERY);
            self.guests.asked.spawn(rights.waiting());
        }
    }

    /// Takes the server's answer.
    pub(super) fn take_guests(&mut self, guests: Option<Guests>) {
        if let Some(guests) = guests {
            self.with_call(|call, devices| call.input(Input::GuestsWaiting(guests), devices));
        }
    }
}
