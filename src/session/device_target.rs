//! What a device slot opens: the chosen device, or the system's default while the chosen one is not plugged in.

use crate::base::{DeviceKind, Listed, names_real_device};

/// The choice of a device, and what the system lists.
#[derive(Clone, Debug)]
pub(super) struct DeviceTarget {
    kind: DeviceKind,
    /// `None` is the system's default.
    choice: Option<String>,
    /// The real devices; `None` before the system has listed them.
    listed: Option<Listed>,
    /// Whether the chosen device was listed since it was chosen.
    was_listed: bool,
    /// Whether it could not be opened, or was lost, and has not been listed since.
    failed: bool,
    /// The system's default when the last opening began.
    default_then: Option<String>,
}

impl DeviceTarget {
    pub(super) const fn new(kind: DeviceKind, choice: Option<String>) -> Self {
        Self { kind, choice, listed: None, was_listed: false, failed: false, default_then: None }
    }

    /// The chosen id; `None` for the system's default.
    pub(super) fn choice(&self) -> Option<&str> {
        self.choice.as_deref()
    }

    pub(super) fn choose(&mut self, choice: Option<String>) {
        if choice != self.choice {
            self.choice = choice;
            (self.was_listed, self.failed) = (false, false);
        }
        self.note_listed();
    }

    /// Takes the list of the real devices.
    pub(super) fn list(&mut self, listed: Listed) {
        if self.default_then.is_none() {
            // It was opened before the first list.
            self.default_then.clone_from(&listed.default);
        }
        self.listed = Some(listed);
        self.note_listed();
    }

    fn note_listed(&mut self) {
        if let (Some(listed), Some(choice)) = (&self.listed, &self.choice)
            && listed.has(choice)
        {
            (self.was_listed, self.failed) = (true, false);
        }
    }

    /// The chosen device could not be opened, or was lost.
    pub(super) const fn note_failure(&mut self) {
        self.failed = true;
    }

    /// An opening begins.
    pub(super) fn note_opening(&mut self) {
        self.default_then = self.listed.as_ref().and_then(|l| l.default.clone());
    }

    /// Whether the chosen device is not plugged in, so that the system's default takes its place. A device that the system
    /// does not list counts as plugged in until it fails: some ids work and are not listed, like `/dev/video0` beside its
    /// link in `/dev/v4l/by-id`.
    pub(super) fn is_missing(&self) -> bool {
        let (Some(listed), Some(choice)) = (&self.listed, &self.choice) else { return false };
        (self.was_listed || self.failed) && names_real_device(choice) && !listed.has(choice)
    }

    /// The id to open; `None` for the system's default.
    pub(super) fn id(&self) -> Option<&str> {
        if self.is_missing() { None } else { self.choice() }
    }

    /// Whether the system lists the device to open.
    pub(super) fn is_there(&self) -> bool {
        let Some(listed) = &self.listed else { return false };
        match self.id() {
            Some(id) => listed.has(id),
            None => !listed.ids.is_empty(),
        }
    }

    /// Whether the system's default is to be opened and was another device, or is gone, since the last opening: a sound
    /// server may have moved the stream to something else. A system has no default camera: the first one stays in use
    /// while it is plugged in.
    pub(super) fn default_moved(&self) -> bool {
        let (Some(listed), Some(then), None) = (&self.listed, &self.default_then, self.id()) else { return false };
        match &listed.default {
            Some(now) if self.kind != DeviceKind::Camera => now != then,
            _ => !listed.has(then),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(ids: &[&str], default: Option<&str>) -> Listed {
        Listed { ids: ids.iter().map(|&id| id.to_owned()).collect(), default: default.map(Into::into) }
    }

    fn chosen(id: &str) -> DeviceTarget {
        DeviceTarget::new(DeviceKind::Microphone, Some(id.into()))
    }

    #[test]
    fn a_chosen_device_is_replaced_by_the_default_while_it_is_unplugged() {
        let mut target = chosen("headset");
        target.list(listed(&["desk", "headset"], Some("desk")));
        assert_eq!((target.id(), target.is_missing()), (Some("headset"), false));
        target.list(listed(&["desk"], Some("desk")));
        assert_eq!((target.id(), target.is_missing(), target.is_there()), (None, true, true));
        target.list(listed(&[], None));
        assert_eq!((target.id(), target.is_there()), (None, false));
        target.list(listed(&["headset"], Some("headset")));
        assert_eq!((target.id(), target.is_there()), (Some("headset"), true));
    }

    #[test]
    fn an_id_that_is_not_listed_is_missing_once_it_has_failed() {
        let mut target = chosen("headset");
        target.list(listed(&["desk"], Some("desk")));
        assert_eq!(target.id(), Some("headset"), "it may work");
        target.note_failure();
        assert_eq!(target.id(), None);
        target.choose(Some("other".into()));
        assert_eq!(target.id(), Some("other"));
        for own in ["file:talk.wav", "test-tone:500", "none", "capture-process:none"] {
            let mut target = chosen(own);
            target.list(listed(&["desk"], Some("desk")));
            target.note_failure();
            assert_eq!(target.id(), Some(own), "no real device takes its place");
        }
    }

    #[test]
    fn the_default_is_followed_and_a_camera_stays_while_it_is_plugged_in() {
        let moved = |kind, before: Listed, after: Listed| {
            let mut target = DeviceTarget::new(kind, None);
            target.list(before);
            target.note_opening();
            target.list(after);
            target.default_moved()
        };
        let (a, b) = (listed(&["a", "b"], Some("a")), listed(&["a", "b"], Some("b")));
        assert!(moved(DeviceKind::Microphone, a.clone(), b.clone()));
        assert!(!moved(DeviceKind::Microphone, a.clone(), a.clone()));
        assert!(moved(DeviceKind::Microphone, a.clone(), listed(&[], None)), "it is gone");
        assert!(!moved(DeviceKind::Camera, a.clone(), b));
        assert!(moved(DeviceKind::Camera, a, listed(&["b"], Some("b"))));
        assert!(!moved(DeviceKind::Speaker, listed(&[], None), listed(&["a"], Some("a"))), "the first list");
    }
}
