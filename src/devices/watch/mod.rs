//! Tells when devices may have been plugged in or out, or the system's default may be another one. The lists themselves
//! are asked for afterwards.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod poll;

use tokio::sync::mpsc;

/// Changes that wait for the receiver; the watcher waits for a place.
const CHANGES: usize = 4;

/// A part of the system whose devices are to be listed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceChange {
    /// Cameras.
    Cameras,
    /// Microphones and speakers, or which of them is the default.
    Sound,
}

/// A thread that watches the devices; it ends within 2 s after this is dropped.
pub(crate) struct DeviceWatch {
    changes: mpsc::Receiver<DeviceChange>,
}

impl DeviceWatch {
    /// Starts to watch. Without a thread for it nothing is ever told.
    pub(crate) fn start() -> Self {
        let (tell, changes) = mpsc::channel(CHANGES);
        let run = move || {
            #[cfg(target_os = "linux")]
            linux::run(&tell);
            #[cfg(not(target_os = "linux"))]
            poll::run(&tell);
        };
        if let Err(error) = std::thread::Builder::new().name("device watch".into()).spawn(run) {
            tracing::warn!(%error, "no thread watches the devices: their lists stay as they are");
        }
        Self { changes }
    }

    /// The next change. Never returns if nothing can be watched.
    pub(crate) async fn next(&mut self) -> DeviceChange {
        match self.changes.recv().await {
            Some(change) => change,
            None => std::future::pending().await,
        }
    }
}
