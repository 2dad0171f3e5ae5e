//! The lists of devices: asked for at the start, on request, and whenever the system tells of a change.

use crate::base::{DeviceEntry, DeviceKind, DeviceLists, Listed};
use crate::devices::{DeviceChange, DeviceWatch, list_cameras, list_sound};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long listing the devices may take.
const LIST_LIMIT: Duration = Duration::from_secs(3);
/// Answers that wait for the task; their senders wait for a place.
const ANSWERS: usize = 4;
/// Names of devices that are remembered after they were unplugged; then the memory starts over.
const NAMES: usize = 256;

/// News about the lists.
pub(super) enum ListNews {
    /// The system tells of a change.
    Changed(DeviceChange),
    /// The cameras; `None` if the system did not answer.
    Cameras(Option<Vec<DeviceEntry>>),
    /// Microphones and speakers, likewise.
    Sound(Option<(Vec<DeviceEntry>, Vec<DeviceEntry>)>),
}

/// Whether a list is being asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Asked {
    #[default]
    No,
    Once,
    /// Something has changed meanwhile: it is asked for again.
    Again,
}

impl Asked {
    /// A list is wanted. Returns whether to ask now.
    fn want(&mut self) -> bool {
        let now = *self == Self::No;
        *self = if now { Self::Once } else { Self::Again };
        now
    }

    /// An answer came. Returns whether to ask again.
    fn answered(&mut self) -> bool {
        std::mem::take(self) == Self::Again
    }
}

pub(super) struct DeviceLister {
    lists: DeviceLists,
    /// The kinds that the system has listed.
    known: Vec<DeviceKind>,
    /// Names of the real devices that were listed, by id.
    names: BTreeMap<String, String>,
    watch: DeviceWatch,
    cameras: Asked,
    sound: Asked,
    answer_tx: mpsc::Sender<ListNews>,
    answers: mpsc::Receiver<ListNews>,
}

impl DeviceLister {
    /// Starts to watch, and asks for all lists.
    pub(super) fn start() -> Self {
        let (answer_tx, answers) = mpsc::channel(ANSWERS);
        let mut lister = Self {
            lists: DeviceLists::default(),
            known: Vec::new(),
            names: BTreeMap::new(),
            watch: DeviceWatch::start(),
            cameras: Asked::No,
            sound: Asked::No,
            answer_tx,
            answers,
        };
        lister.refresh();
        lister
    }

    /// The devices of this computer.
    pub(super) const fn lists(&self) -> &DeviceLists {
        &self.lists
    }

    /// The real devices, for the kinds that the system has listed.
    pub(super) fn listed(&self) -> Vec<(DeviceKind, Listed)> {
        self.known.iter().map(|&kind| (kind, self.lists.listed(kind))).collect()
    }

    /// The name of a device that is or was listed.
    pub(super) fn name(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// Asks for all lists.
    pub(super) fn refresh(&mut self) {
        self.ask_for_cameras();
        self.ask_for_sound();
    }

    /// The next news. Give it to [`DeviceLister::take`].
    pub(super) async fn next(&mut self) -> ListNews {
        tokio::select! {
            change = self.watch.next() => ListNews::Changed(change),
            Some(answer) = self.answers.recv() => answer,
        }
    }

    /// Takes news. Returns whether there are lists to act upon; they may be the same as before.
    pub(super) fn take(&mut self, news: ListNews) -> bool {
        match news {
            ListNews::Changed(DeviceChange::Cameras) => {
                self.ask_for_cameras();
                return false;
            }
            // The streams of a sound server that is gone say so themselves.
            ListNews::Changed(DeviceChange::Sound) => {
                self.ask_for_sound();
                return false;
            }
            ListNews::Cameras(cameras) => {
                if self.cameras.answered() {
                    self.ask_for_cameras();
                }
                let Some(cameras) = cameras else { return false };
                self.lists.cameras = cameras;
                self.note(&[DeviceKind::Camera]);
            }
            ListNews::Sound(sound) => {
                if self.sound.answered() {
                    self.ask_for_sound();
                }
                let Some((microphones, speakers)) = sound else { return false };
                (self.lists.microphones, self.lists.speakers) = (microphones, speakers);
                self.note(&[DeviceKind::Microphone, DeviceKind::Speaker]);
            }
        }
        true
    }

    fn note(&mut self, kinds: &[DeviceKind]) {
        for kind in kinds {
            if !self.known.contains(kind) {
                self.known.push(*kind);
            }
            if self.names.len() > NAMES {
                self.names.clear();
            }
            let real = self.lists.of(*kind).iter().filter(|e| !e.synthetic);
            self.names.extend(real.map(|e| (e.id.clone(), e.label.clone())));
        }
    }

    fn ask_for_cameras(&mut self) {
        if self.cameras.want() {
            let answer = self.answer_tx.clone();
            tokio::spawn(async move { answer.send(ListNews::Cameras(list_cameras(LIST_LIMIT).await)).await });
        }
    }

    fn ask_for_sound(&mut self) {
        if self.sound.want() {
            let answer = self.answer_tx.clone();
            tokio::spawn(async move { answer.send(ListNews::Sound(list_sound(LIST_LIMIT).await)).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_while_a_list_is_asked_for_asks_once_more() {
        let mut asked = Asked::default();
        assert!(asked.want());
        assert!(!asked.want() && !asked.want());
        assert!(asked.answered() && asked.want());
        assert!(!asked.answered());
        assert!(asked.want());
    }
}
