//! What can be shared, for a picker that is open.

use crate::base::{FrameSlot, ScreenSource, ScreenSources, SharingSupport};
use crate::call::view::{ShareOption, ShareOptions};
use crate::devices::ScreenWatch;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Lists that wait for the task; the thread that found a further one waits for a place.
const FOUND: usize = 1;

/// The screens and windows that are looked for while a picker is open.
#[derive(Default)]
pub(super) struct ScreenPicker {
    /// The process that looks, and what it finds.
    watch: Option<(ScreenWatch, mpsc::Receiver<ScreenSources>)>,
    found: Option<Arc<ShareOptions>>,
    /// The pictures of each, by id.
    slots: HashMap<String, FrameSlot>,
}

impl ScreenPicker {
    /// Looks from now on, or no more. What was found before is forgotten.
    pub(super) fn watch(&mut self, on: bool) {
        if on == self.watch.is_some() {
            return;
        }
        (self.watch, self.found) = (None, None);
        self.slots.clear();
        if on {
            let (found_tx, found) = mpsc::channel(FOUND);
            match ScreenWatch::start(move |sources| found_tx.blocking_send(sources).is_ok()) {
                Ok(watch) => self.watch = Some((watch, found)),
                Err(error) => {
                    tracing::warn!(%error, "screens cannot be listed");
                    let none = ShareOptions { support: SharingSupport::NoDisplay, options: Vec::new() };
                    self.found = Some(Arc::new(none));
                }
            }
        }
    }

    /// What was found last.
    pub(super) const fn found(&self) -> Option<&Arc<ShareOptions>> {
        self.found.as_ref()
    }

    pub(super) fn take(&mut self, found: ScreenSources) {
        self.slots.retain(|id, _| found.sources.iter().any(|source| source.id == *id));
        let options = found.sources.into_iter().map(|source| self.option(source)).collect();
        self.found = Some(Arc::new(ShareOptions { support: found.support, options }));
    }

    fn option(&mut self, source: ScreenSource) -> ShareOption {
        let ScreenSource { id, label, kind, width, height, thumbnail } = source;
        let frames = self.slots.entry(id.clone()).or_default().clone();
        // In a build without the window nobody looks at them.
        #[cfg(feature = "window")]
        if let Some(frame) = thumbnail.and_then(|jpeg| crate::codec::color::from_jpeg(&jpeg, 0).ok()) {
            frames.put(Arc::new(frame));
        }
        #[cfg(not(feature = "window"))]
        drop(thumbnail);
        ShareOption { id, label, kind, size: (width, height), frames }
    }

    /// Waits for the next list; for ever while nothing looks.
    pub(super) async fn next(&mut self) -> ScreenSources {
        if let Some((_, found)) = &mut self.watch
            && let Some(found) = found.recv().await
        {
            return found;
        }
        std::future::pending().await
    }
}
