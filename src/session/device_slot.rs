//! One of our devices: its wanted state, its state, and the next operation from the one towards the other.
//!
//! One operation runs at a time; a change that arrives meanwhile waits for its end. So a device is never opened twice, and
//! nothing is released that was not opened.

use super::device_target::DeviceTarget;
use super::io::{DeviceInput, Generation, Output};
use crate::base::{DeviceKind, Listed, NO_DEVICE, StepState};
use std::time::Duration;

/// Longest time for a device to close; then its driver takes it away by force.
pub(crate) const RELEASE_LIMIT: Duration = Duration::from_millis(1000);

/// A device of a session, or of the lobby's preview.
#[derive(Clone, Debug)]
pub(crate) struct DeviceSlot {
    kind: DeviceKind,
    wanted: bool,
    target: DeviceTarget,
    state: SlotState,
    generation: Generation,
    /// The last `Released`.
    last_release: Option<(StepState, String)>,
    /// The failure after which the device is being opened again by itself.
    failed_before: Option<Failure>,
}

/// Why a device is not open although it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The id of the device.
    pub(crate) id: String,
    /// The error, for the user.
    pub(crate) message: String,
}

/// The state of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SlotState {
    /// Not held.
    Closed,
    /// Not held, because it could not be opened or was lost. The next change of the wanted state tries again, and so does
    /// [`DeviceSlot::retry`], and a list in which there is a device to open.
    Failed(Failure),
    /// Being opened.
    Opening {
        /// The id that is being opened; `None` for the system's default.
        choice: Option<String>,
    },
    /// Open: the driver holds its lease.
    Open {
        /// The id that was opened; `None` for the system's default.
        choice: Option<String>,
        /// The id of the device.
        id: String,
    },
    /// Being released.
    Releasing {
        /// Its id.
        id: String,
        /// Whether it was open; if not, its opening is being cancelled.
        was_open: bool,
    },
}

/// A change of state, for events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SlotChange {
    /// The device with this id is open.
    Opened(String),
    /// It is closed.
    Closed { id: String, detail: String },
    /// Its opening was cancelled before it was open.
    OpeningCancelled,
    /// It failed and is not held.
    Failed { id: String, message: String },
    /// It was opened again by itself, and failed as before.
    FailedAgain,
}

impl DeviceSlot {
    /// A closed device. `choice` is its id, `None` the system's default.
    pub(crate) fn new(kind: DeviceKind, wanted: bool, choice: Option<String>) -> Self {
        let (generation, target) = (Generation(0), DeviceTarget::new(kind, choice));
        let state = SlotState::Closed;
        Self { kind, wanted, target, state, generation, last_release: None, failed_before: None }
    }

    /// Its state.
    pub(crate) fn state(&self) -> &SlotState {
        &self.state
    }

    /// The number of its last opening.
    #[cfg(test)]
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    /// Whether it is switched on and a device is chosen.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted && self.choice() != Some(NO_DEVICE)
    }

    /// The chosen id; `None` for the system's default.
    pub(crate) fn choice(&self) -> Option<&str> {
        self.target.choice()
    }

    /// Whether the chosen device is not plugged in, so that the system's default takes its place.
    pub(crate) fn is_missing(&self) -> bool {
        self.target.is_missing()
    }

    /// Whether it is not held and no operation runs.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, SlotState::Closed | SlotState::Failed(_))
    }

    /// Why it failed; also while it is opened again by itself, until it is open.
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match &self.state {
            SlotState::Failed(failure) => Some(failure),
            _ => self.failed_before.as_ref(),
        }
    }

    /// The last `Released`.
    pub(super) fn last_release(&self) -> Option<&(StepState, String)> {
        self.last_release.as_ref()
    }

    /// Switches it on or off, and returns the next operation. A failed device is tried again.
    pub(crate) fn want(&mut self, on: bool) -> Option<Output> {
        self.wanted = on;
        self.forget_failure();
        self.step()
    }

    /// Chooses another device, and returns the next operation. A failed device is tried again.
    pub(crate) fn choose(&mut self, choice: Option<String>) -> Option<Output> {
        self.forget_failure();
        self.target.choose(choice);
        self.step()
    }

    /// Opens a failed device again, if it is still wanted; nobody has asked for it. Until it is open,
    /// [`DeviceSlot::failure`] stays.
    pub(super) fn retry(&mut self) -> Option<Output> {
        let SlotState::Failed(failure) = &self.state else { return None };
        let failure = failure.clone();
        self.state = SlotState::Closed;
        let output = self.step();
        match output {
            Some(_) => self.failed_before = Some(failure),
            None => self.state = SlotState::Failed(failure),
        }
        output
    }

    /// Takes the list of the real devices, and returns the next operation: the chosen device comes back, the default takes
    /// its place or is followed. A failed device is tried again if it is listed.
    pub(crate) fn list(&mut self, listed: Listed) -> Option<Output> {
        self.note_listed(listed);
        let again = if self.target.is_there() { self.retry() } else { None };
        again.or_else(|| self.step())
    }

    /// Takes the list of the real devices before the first operation.
    pub(super) fn note_listed(&mut self, listed: Listed) {
        self.target.list(listed);
    }

    fn forget_failure(&mut self) {
        self.failed_before = None;
        if matches!(self.state, SlotState::Failed(_)) {
            self.state = SlotState::Closed;
        }
    }

    /// The next operation towards the wanted state, if one is due and none runs.
    pub(crate) fn step(&mut self) -> Option<Output> {
        let on = self.is_wanted();
        let target = self.target.id();
        let other = |choice: &Option<String>| choice.as_deref() != target || self.target.default_moved();
        match &self.state {
            SlotState::Closed if on => {
                let id = target.map(str::to_owned);
                self.generation.0 += 1;
                self.target.note_opening();
                self.state = SlotState::Opening { choice: id.clone() };
                let (kind, generation) = (self.kind, self.generation);
                Some(Output::OpenDevice { kind, generation, id })
            }
            SlotState::Opening { choice } if !on || other(choice) => {
                let id = choice.clone().unwrap_or_default();
                self.release(id, false)
            }
            SlotState::Open { choice, id } if !on || other(choice) => {
                let id = id.clone();
                self.release(id, true)
            }
            _ => None,
        }
    }

    /// Shortens a running release to `limit` from now on.
    pub(super) fn limit_release(&self, limit: Duration) -> Option<Output> {
        let (kind, generation) = (self.kind, self.generation);
        matches!(self.state, SlotState::Releasing { .. }).then_some(Output::ReleaseDevice { kind, generation, limit })
    }

    fn release(&mut self, id: String, was_open: bool) -> Option<Output> {
        self.state = SlotState::Releasing { id, was_open };
        Some(Output::ReleaseDevice { kind: self.kind, generation: self.generation, limit: RELEASE_LIMIT })
    }

    /// Takes a report. [`DeviceSlot::step`] may have an operation afterwards.
    pub(crate) fn handle(&mut self, generation: Generation, input: DeviceInput) -> Option<SlotChange> {
        if generation != self.generation {
            return None;
        }
        match (input, &self.state) {
            (DeviceInput::Opened { id }, SlotState::Opening { choice }) => {
                self.state = SlotState::Open { choice: choice.clone(), id: id.clone() };
                self.failed_before = None;
                Some(SlotChange::Opened(id))
            }
            // It opened after its release was requested: the release will report.
            (DeviceInput::Opened { id }, SlotState::Releasing { .. }) => {
                self.state = SlotState::Releasing { id: id.clone(), was_open: true };
                Some(SlotChange::Opened(id))
            }
            (
                DeviceInput::Failed { id, message },
                SlotState::Opening { choice: opened } | SlotState::Open { choice: opened, .. },
            ) => {
                let opened = opened.clone();
                if opened.as_deref() == self.choice() {
                    self.target.note_failure();
                }
                let before = self.failed_before.take().filter(|before| before.message == message);
                // An opening that fails does not know the id of the default device.
                let id = before.as_ref().map_or(id, |before| before.id.clone());
                // If it turns out not to be plugged in, the default takes its place.
                self.state = match self.target.id() == opened.as_deref() {
                    true => SlotState::Failed(Failure { id: id.clone(), message: message.clone() }),
                    false => SlotState::Closed,
                };
                Some(if before.is_some() { SlotChange::FailedAgain } else { SlotChange::Failed { id, message } })
            }
            // It failed after its release was requested: it is not held, and no other report follows.
            (DeviceInput::Failed { message, .. }, SlotState::Releasing { .. }) => {
                self.handle(generation, DeviceInput::Released { state: StepState::Confirmed, detail: message })
            }
            (DeviceInput::Released { state, detail }, SlotState::Releasing { id, was_open }) => {
                let change = match was_open {
                    true => SlotChange::Closed { id: id.clone(), detail: detail.clone() },
                    false => SlotChange::OpeningCancelled,
                };
                self.last_release = Some((state, detail));
                self.state = SlotState::Closed;
                Some(change)
            }
            _ => None,
        }
    }

    /// Stops waiting for a release; the receipt names it as failed.
    pub(super) fn abandon(&mut self) {
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
        assert_eq!(slot.handle(first, opened("a")), None, "a late report of the first opening");
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
        assert_eq!(slot.handle(Generation(1), failed()), Some(SlotChange::OpeningCancelled));
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
        assert_eq!(slot.handle(Generation(1), released()), Some(SlotChange::OpeningCancelled));
        assert!(slot.is_closed());
    }

    #[test]
    fn an_unplugged_device_gives_way_to_the_default_and_comes_back() {
        let listed = |ids: &[&str]| Listed {
            ids: ids.iter().map(|&id| id.to_owned()).collect(),
            default: ids.first().map(|&id| id.to_owned()),
        };
        let mut slot = DeviceSlot::new(DeviceKind::Microphone, true, Some("headset".into()));
        assert!(slot.list(listed(&["desk", "headset"])).is_some());
        assert!(slot.handle(Generation(1), opened("headset")).is_some());
        let failed = DeviceInput::Failed { id: "headset".into(), message: "it went away".into() };
        // The failure comes before the list without the device, or after it, or not at all.
        for order in 0..3 {
            if order == 0 {
                assert!(matches!(slot.handle(slot.generation, failed.clone()), Some(SlotChange::Failed { .. })));
                assert!(slot.step().is_none(), "the list still has it");
                assert!(matches!(slot.list(listed(&["desk"])), Some(Output::OpenDevice { id: None, .. })));
            } else {
                assert!(matches!(slot.list(listed(&["desk"])), Some(Output::ReleaseDevice { .. })));
                let end = if order == 1 { failed.clone() } else { released() };
                assert!(matches!(slot.handle(slot.generation, end), Some(SlotChange::Closed { .. })));
                assert!(matches!(slot.step(), Some(Output::OpenDevice { id: None, .. })));
            }
            assert!(slot.is_missing());
            assert!(slot.handle(slot.generation, opened("default")).is_some());
            assert!(slot.list(listed(&["desk"])).is_none(), "the same list");
            assert!(matches!(slot.list(listed(&["desk", "headset"])), Some(Output::ReleaseDevice { .. })));
            assert!(slot.handle(slot.generation, released()).is_some());
            assert!(matches!(slot.step(), Some(Output::OpenDevice { id: Some(id), .. }) if id == "headset"));
            assert!(slot.handle(slot.generation, opened("headset")).is_some());
        }
    }

    #[test]
    fn with_nothing_plugged_in_it_waits_for_the_next_device() {
        let listed = |id: &str| Listed { ids: vec![id.into()], default: Some(id.into()) };
        let mut slot = DeviceSlot::new(DeviceKind::Speaker, true, None);
        assert!(slot.list(Listed::default()).is_some(), "the system may know better");
        let failed = DeviceInput::Failed { id: "default".into(), message: "there is none".into() };
        assert!(slot.handle(Generation(1), failed).is_some());
        assert!(slot.list(Listed::default()).is_none());
        assert!(matches!(slot.list(listed("desk")), Some(Output::OpenDevice { id: None, .. })));
        // The default changes while it opens, and back before that is closed.
        assert!(matches!(slot.list(listed("headset")), Some(Output::ReleaseDevice { .. })));
        assert!(slot.list(listed("desk")).is_none(), "one operation at a time");
        assert_eq!(slot.handle(Generation(2), released()), Some(SlotChange::OpeningCancelled));
        assert!(slot.step().is_some());
        assert!(slot.handle(Generation(3), opened("default")).is_some());
        assert!(slot.list(listed("desk")).is_none());
        assert!(slot.list(listed("headset")).is_some(), "an open default is followed");
    }

    #[test]
    fn a_choice_that_is_not_plugged_in_at_the_start_fails_once_and_the_default_is_used() {
        let mut slot = DeviceSlot::new(DeviceKind::Microphone, true, Some("headset".into()));
        assert!(slot.step().is_some());
        let desk = Listed { ids: vec!["desk".into()], default: Some("desk".into()) };
        assert!(slot.list(desk).is_none(), "it may work without being listed");
        let failed = DeviceInput::Failed { id: "headset".into(), message: "not found".into() };
        assert!(matches!(slot.handle(Generation(1), failed), Some(SlotChange::Failed { .. })));
        assert!(matches!(slot.step(), Some(Output::OpenDevice { id: None, .. })));
        assert!(slot.is_missing() && slot.choice() == Some("headset"));
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

    #[test]
    fn a_failure_is_told_once_while_it_lasts() {
        let failed = |message: &str| DeviceInput::Failed { id: String::new(), message: message.into() };
        let mut slot = DeviceSlot::new(DeviceKind::Camera, true, None);
        assert!(slot.step().is_some() && slot.handle(Generation(1), opened("cam0")).is_some());
        let lost = DeviceInput::Failed { id: "cam0".into(), message: "unplugged".into() };
        assert!(matches!(slot.handle(Generation(1), lost), Some(SlotChange::Failed { .. })));
        let failure = Failure { id: "cam0".into(), message: "unplugged".into() };
        assert!(slot.retry().is_some());
        assert_eq!(slot.failure(), Some(&failure), "it is not open yet");
        assert_eq!(slot.handle(Generation(2), failed("unplugged")), Some(SlotChange::FailedAgain));
        assert_eq!(slot.failure(), Some(&failure));
        assert!(slot.retry().is_some());
        assert!(matches!(slot.handle(Generation(3), failed("busy")), Some(SlotChange::Failed { .. })));
        assert!(slot.retry().is_some());
        assert!(slot.handle(Generation(4), opened("cam0")).is_some());
        assert!(slot.failure().is_none() && slot.retry().is_none());
    }

    #[test]
    fn a_device_that_is_not_wanted_any_more_is_not_tried_again() {
        let mut slot = DeviceSlot::new(DeviceKind::Camera, true, None);
        assert!(slot.step().is_some());
        let failed = DeviceInput::Failed { id: "a".into(), message: "busy".into() };
        assert!(slot.handle(Generation(1), failed.clone()).is_some());
        assert!(slot.retry().is_some());
        assert!(matches!(slot.want(false), Some(Output::ReleaseDevice { .. })));
        assert_eq!(slot.failure(), None);
        assert_eq!(slot.handle(Generation(2), failed), Some(SlotChange::OpeningCancelled));
        assert!(slot.retry().is_none() && slot.is_closed());
    }
}
