//! All the rooms of a server. Pure: a goodbye, a kick, a lost link and an offer are inputs like any other.

mod config;
mod io;

pub use config::HubConfig;
pub use io::*;

use crate::base::Moment;
use std::collections::VecDeque;

/// All the rooms of a server: who is in them, who publishes what, who sees it, and who must not come back.
///
/// One input, then drain [`Hub::poll`], then the next. [`Hub::deadline`] says when to come with [`Input::Tick`].
#[derive(Debug)]
pub struct Hub {
    config: HubConfig,
    out: VecDeque<Output>,
}

impl Hub {
    /// An empty server. The same seed and inputs give the same ids.
    pub fn new(config: HubConfig, _seed: u64) -> Self {
        Self { config, out: VecDeque::new() }
    }

    /// Takes one input. Every input also carries out what was due until `now`.
    pub fn handle(&mut self, _input: Input, _now: Moment) {}

    /// The next thing to do, in order.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to come with [`Input::Tick`] if nothing else happens.
    pub fn deadline(&self) -> Option<Moment> {
        None
    }

    /// Whether somebody is turned away at the door. A resume never is: it is answered by `leave` on the link, so that
    /// whoever was removed meanwhile learns why.
    pub fn refusal(&self, _admission: &Admission, _resume: bool) -> Option<Refusal> {
        None
    }

    /// Who is barred, to be written down before a restart.
    pub fn bars(&self) -> impl Iterator<Item = Bar> + '_ {
        std::iter::empty()
    }

    /// Takes back what [`Hub::bars`] gave before a restart.
    pub fn restore(&mut self, _bars: impl IntoIterator<Item = Bar>) {}

    /// Names of all rooms.
    pub fn rooms(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// How many people are in all rooms together.
    pub fn members(&self) -> usize {
        0
    }

    /// Whether nobody is here, no room is kept and no timer runs. Bars do not count.
    pub fn is_empty(&self) -> bool {
        self.config.max_rooms > 0
    }
}
