//! One device of ours: what is wanted, what it is doing, and the next step from one to the other.
//!
//! At most one operation runs at a time; a wish that comes meanwhile waits for its end. So a device is never opened
//! twice, and nothing is released that was not opened.

use super::io::{DeviceInput, Generation, Output};
use crate::base::{DeviceKind, NO_DEVICE, StepState};
use std::time::Duration;

/// How long a device may take to let go before it is taken away by force.
pub const RELEASE_LIMIT: Duration = Duration::from_millis(1000);

/// A device's slot in a session, or in the lobby's preview.
#[derive(Clone, Debug)]
pub struct DeviceSlot {
    kind: DeviceKind,
    wanted: bool,
    choice: Option<String>,
    state: SlotState,
    generation: Generation,
    /// What the last release reported.
    last_release: Option<(StepState, String)>,
}

/// What a slot is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// Nothing is held.
    Closed,
    /// It could not be opened, or went away; nothing is held. It is tried again when it is wanted anew.
    Failed {
        /// Its id.
        id: String,
        /// The system's words.
        message: String,
    },
    /// Being opened.
    Opening {
        /// What was chosen.
        choice: Option<String>,
    },
    /// Held.
    Open {
        /// What was chosen.
        choice: Option<String>,
        /// Its id.
        id: String,
    },
    /// Being released.
    Releasing {
        /// Its id.
        id: String,
        /// Whether its handle ever existed; if not, its opening is being given up.
        was_open: bool,
    },
}

/// What changed, for events and for the tracks fed by the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotChange {
    /// Its handle exists.
    Opened(String),
    /// Its handle is closed.
    Closed {
        /// Its id.
        id: String,
        /// What a person should know.
        detail: String,
    },
    /// Its opening was given up before there was a handle.
    GivenUp,
    /// It failed; nothing is held.
    Failed {
        /// Its id.
        id: String,
        /// The system's words.
        message: String,
    },
}

impl DeviceSlot {
    /// A closed slot.
    pub fn new(kind: DeviceKind, wanted: bool, choice: Option<String>) -> Self {
        let generation = Generation(0);
        Self { kind, wanted, choice, state: SlotState::Closed, generation, last_release: None }
    }

    /// What it is doing.
    pub fn state(&self) -> &SlotState {
        &self.state
    }

    /// Whether the user wants it on.
    pub fn wanted(&self) -> bool {
        self.wanted
    }

    /// What was chosen; `None` is the system's default.
    pub fn choice(&self) -> Option<&str> {
        self.choice.as_deref()
    }

    /// Whether nothing is held and nothing under way.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, SlotState::Closed | SlotState::Failed { .. })
    }

    /// What the last release reported.
    pub fn last_release(&self) -> Option<&(StepState, String)> {
        self.last_release.as_ref()
    }

    /// Wishes it on or off, then does the next step. A failed device is tried again.
    pub fn want(&mut self, on: bool) -> Option<Output> {
        self.wanted = on;
        if matches!(self.state, SlotState::Failed { .. }) {
            self.state = SlotState::Closed;
        }
        self.step()
    }

    /// Chooses another device, then does the next step.
    pub fn choose(&mut self, choice: Option<String>) -> Option<Output> {
        if matches!(self.state, SlotState::Failed { .. }) {
            self.state = SlotState::Closed;
        }
        self.choice = choice;
        self.step()
    }

    /// The next operation towards what is wanted, if one is due and none runs.
    pub fn step(&mut self) -> Option<Output> {
        let kind = self.kind;
        let none = self.choice.as_deref() == Some(NO_DEVICE);
        let on = self.wanted && !none;
        match &self.state {
            SlotState::Closed if on => {
                self.generation.0 += 1;
                self.state = SlotState::Opening { choice: self.choice.clone() };
                Some(Output::OpenDevice { kind, generation: self.generation, id: self.choice.clone() })
            }
            SlotState::Opening { choice } if !on || *choice != self.choice => {
                let id = choice.clone().unwrap_or_default();
                self.release(id, false)
            }
            SlotState::Open { choice, id } if !on || *choice != self.choice => {
                let id = id.clone();
                self.release(id, true)
            }
            _ => None,
        }
    }

    /// Leaves a release that runs at most `limit` from now on.
    pub fn hasten(&self, limit: Duration) -> Option<Output> {
        let (kind, generation) = (self.kind, self.generation);
        matches!(self.state, SlotState::Releasing { .. }).then_some(Output::ReleaseDevice { kind, generation, limit })
    }

    fn release(&mut self, id: String, was_open: bool) -> Option<Output> {
        self.state = SlotState::Releasing { id, was_open };
        Some(Output::ReleaseDevice { kind: self.kind, generation: self.generation, limit: RELEASE_LIMIT })
    }

    /// Takes a report. Reports of an older opening are dropped. The next step may be due afterwards.
    pub fn handle(&mut self, generation: Generation, input: DeviceInput) -> Option<SlotChange> {
        if generation != self.generation {
            return None;
        }
        match (input, &self.state) {
            (DeviceInput::Opened { id }, SlotState::Opening { choice }) => {
                self.state = SlotState::Open { choice: choice.clone(), id: id.clone() };
                Some(SlotChange::Opened(id))
            }
            // It opened while its release was already asked for: the release will report.
            (DeviceInput::Opened { id }, SlotState::Releasing { .. }) => {
                self.state = SlotState::Releasing { id: id.clone(), was_open: true };
                Some(SlotChange::Opened(id))
            }
            (DeviceInput::Failed { id, message }, SlotState::Opening { .. } | SlotState::Open { .. }) => {
                self.state = SlotState::Failed { id: id.clone(), message: message.clone() };
                Some(SlotChange::Failed { id, message })
            }
            // It failed just when it was to be released: nothing is held any more, and no other report comes.
            (DeviceInput::Failed { message, .. }, SlotState::Releasing { .. }) => {
                self.handle(generation, DeviceInput::Released { state: StepState::Confirmed, detail: message })
            }
            (DeviceInput::Released { state, detail }, SlotState::Releasing { id, was_open }) => {
                let change = match was_open {
                    true => SlotChange::Closed { id: id.clone(), detail: detail.clone() },
                    false => SlotChange::GivenUp,
                };
                self.last_release = Some((state, detail));
                self.state = SlotState::Closed;
                Some(change)
            }
            _ => None,
        }
    }

    /// Gives up waiting for a release: what did not let go is named in the receipt.
    pub fn abandon(&mut self) {
        if !self.is_closed() {
            self.last_release = Some((StepState::Failed, "it did not let go in time".into()));
            self.state = SlotState::Closed;
            self.generation.0 += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(id: &str) -> DeviceInput {
        DeviceInput::Opened { id: id.into() }
    }

    fn released() -> DeviceInput {
        DeviceInput::Released { state: StepState::Confirmed, detail: String::new() }
    }

    #[test]
    fn another_choice_releases_first_and_opens_then() {
        let mut slot = DeviceSlot::new(DeviceKind::Camera, false, None);
        assert!(matches!(slot.want(true), Some(Output::OpenDevice { id: None, .. })));
        let first = Generation(1);
        assert_eq!(slot.handle(first, opened("a")), Some(SlotChange::Opened("a".into())));
        assert!(matches!(slot.choose(Some("b".into())), Some(Output::ReleaseDevice { .. })));
        assert!(slot.step().is_none(), "one operation at a time");
        assert!(matches!(slot.handle(first, released()), Some(SlotChange::Closed { .. })));
        assert!(matches!(slot.step(), Some(Output::OpenDevice { generation: Generation(2), .. })));
        assert_eq!(slot.handle(first, opened("a")), None, "a late word of the first opening");
    }

    #[test]
    fn off_while_opening_releases_what_opens_late() {
        let mut slot = DeviceSlot::new(DeviceKind::Camera, true, None);
        assert!(slot.step().is_some());
        assert!(matches!(slot.want(false), Some(Output::ReleaseDevice { .. })));
        assert_eq!(slot.handle(Generation(1), opened("a")), Some(SlotChange::Opened("a".into())));
        assert!(!slot.is_closed());
        assert!(slot.handle(Generation(1), released()).is_some());
        assert!(slot.is_closed() && slot.step().is_none());
    }

    #[test]
    fn what_fails_while_it_is_being_released_is_closed() {
        let mut slot = DeviceSlot::new(DeviceKind::Camera, true, None);
        assert!(slot.step().is_some());
        let failed = || DeviceInput::Failed { id: "cam0".into(), message: "unplugged".into() };
        assert!(slot.want(false).is_some());
        assert_eq!(slot.handle(Generation(1), failed()), Some(SlotChange::GivenUp));
        assert!(slot.is_closed() && slot.want(true).is_some());
        assert!(slot.handle(Generation(2), DeviceInput::Opened { id: "cam0".into() }).is_some());
        assert!(slot.want(false).is_some());
        let closed = SlotChange::Closed { id: "cam0".into(), detail: "unplugged".into() };
        assert_eq!(slot.handle(Generation(2), failed()), Some(closed));
        assert_eq!(slot.last_release(), Some(&(StepState::Confirmed, "unplugged".to_owned())));
    }

    #[test]
    fn what_never_opened_does_not_close() {
        let mut slot = DeviceSlot::new(DeviceKind::Camera, true, None);
        assert!(slot.step().is_some());
        assert!(matches!(slot.want(false), Some(Output::ReleaseDevice { .. })));
        assert_eq!(slot.handle(Generation(1), released()), Some(SlotChange::GivenUp));
        assert!(slot.is_closed());
    }

    #[test]
    fn none_is_never_opened_and_a_failure_waits_for_a_new_wish() {
        let mut slot = DeviceSlot::new(DeviceKind::Camera, true, Some("none".into()));
        assert!(slot.step().is_none());
        assert!(slot.choose(Some("a".into())).is_some());
        let failed = DeviceInput::Failed { id: "a".into(), message: "busy".into() };
        assert!(slot.handle(Generation(1), failed).is_some());
        assert!(slot.step().is_none() && slot.is_closed());
        assert!(slot.want(true).is_some());
    }
}
