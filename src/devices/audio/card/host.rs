//! The connections to the system's audio, and its errors.

use crate::base::DeviceProblemKind;
use crate::devices::DeviceError;
use cpal::{ErrorKind, Host};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a stream records or plays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AudioDirection {
    In,
    Out,
}

impl AudioDirection {
    fn host(self) -> &'static Mutex<Option<Arc<Host>>> {
        static IN: Mutex<Option<Arc<Host>>> = Mutex::new(None);
        static OUT: Mutex<Option<Arc<Host>>> = Mutex::new(None);
        match self {
            Self::In => &IN,
            Self::Out => &OUT,
        }
    }
}

/// The connection to the audio system. There is one for each direction: each costs PulseAudio a client and us a thread,
/// but the connection of a microphone that does not start has to be ended without the speaker's.
pub(super) fn host(direction: AudioDirection) -> Arc<Host> {
    let open = || {
        #[cfg(target_os = "linux")]
        super::pulse_cookie::ensure();
        let host = Arc::new(cpal::default_host());
        #[cfg(target_os = "linux")]
        if is_pulse(&host) {
            HAD_SERVER.store(true, Ordering::SeqCst);
        }
        host
    };
    let mut host = direction.host().lock();
    // A sound server may have been started since.
    host.take_if(|host| is_alsa(host)).inspect(|_| tracing::debug!("a sound server is looked for"));
    host.get_or_insert_with(open).clone()
}

/// Whether this process has used a sound server.
static HAD_SERVER: AtomicBool = AtomicBool::new(false);

/// Makes the next call of [`host`] reconnect, because `broken` has lost its server.
pub(super) fn forget_host(broken: &Arc<Host>, direction: AudioDirection) {
    let mut host = direction.host().lock();
    if host.as_ref().is_some_and(|host| Arc::ptr_eq(host, broken)) {
        *host = None;
    }
}

/// Whether the server is PulseAudio, or PipeWire in its place.
#[cfg(target_os = "linux")]
pub(super) fn is_pulse(host: &Host) -> bool {
    host.id().name() == "PulseAudio"
}

/// Whether there is no sound server and Linux falls back to ALSA, which offers devices even without hardware.
pub(super) fn is_alsa(host: &Host) -> bool {
    host.id().name() == "ALSA"
}

/// Whether ALSA has a sound card that we may use. A sound server that was there comes back, and would find a card that we
/// took meanwhile occupied.
pub(super) fn has_cards() -> bool {
    !HAD_SERVER.load(Ordering::SeqCst) && has_cards_in(Path::new("/proc/asound"))
}

fn has_cards_in(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    // `cards` and `card0` … `card31`: only the latter are hardware.
    let number = |name: &str| name.strip_prefix("card").is_some_and(|n| n.parse::<u8>().is_ok());
    entries.map(|e| e.file_name()).any(|name| number(&name.to_string_lossy()))
}

/// cpal's error as a device error.
pub(super) fn device_error(error: &cpal::Error) -> DeviceError {
    let kind = match error.kind() {
        ErrorKind::DeviceBusy => DeviceProblemKind::Busy,
        ErrorKind::PermissionDenied => DeviceProblemKind::Forbidden,
        ErrorKind::DeviceNotAvailable | ErrorKind::HostUnavailable | ErrorKind::StreamInvalidated => {
            DeviceProblemKind::NotFound
        }
        _ => DeviceProblemKind::Other,
    };
    DeviceError::new(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_cards_are_hardware() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!has_cards_in(&folder.path().join("missing")));
        for name in ["cards", "devices", "pcm"] {
            std::fs::write(folder.path().join(name), "").expect("a file");
        }
        assert!(!has_cards_in(folder.path()));
        std::fs::create_dir(folder.path().join("card0")).expect("a folder");
        assert!(has_cards_in(folder.path()));
    }
}
