//! The connections to the system's sound.

use cpal::Host;
use std::sync::{Arc, Mutex, PoisonError};

/// What a stream is opened for.
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

/// The connection to the sound system. There is one for each direction, because a connection costs PulseAudio a client
/// and us a thread; and not one for both, because that of a microphone which does not start has to be ended.
pub(super) fn host(direction: AudioDirection) -> Arc<Host> {
    let mut host = direction.host().lock().unwrap_or_else(PoisonError::into_inner);
    let open = || {
        #[cfg(target_os = "linux")]
        super::pulse_cookie::ensure();
        Arc::new(cpal::default_host())
    };
    host.get_or_insert_with(open).clone()
}

/// Makes the next [`host`] a new one, because `broken` has lost its server.
pub(super) fn forget_host(broken: &Arc<Host>, direction: AudioDirection) {
    let mut host = direction.host().lock().unwrap_or_else(PoisonError::into_inner);
    if host.as_ref().is_some_and(|host| Arc::ptr_eq(host, broken)) {
        *host = None;
    }
}

/// PulseAudio, or PipeWire in its place.
#[cfg(target_os = "linux")]
pub(super) fn is_pulse(host: &Host) -> bool {
    host.id().name() == "PulseAudio"
}

/// Without a sound server, Linux has ALSA, which offers devices even where there is no hardware.
pub(super) fn is_alsa(host: &Host) -> bool {
    host.id().name() == "ALSA"
}

pub(super) fn has_cards() -> bool {
    let entries = std::fs::read_dir("/proc/asound").into_iter().flatten().flatten();
    entries.map(|e| e.file_name()).any(|name| name.to_string_lossy().starts_with("card"))
}
