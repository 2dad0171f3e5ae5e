//! macOS and Windows: what the system lists is compared every few seconds. Their notifications need a run loop or COM
//! objects of our own; the crates that list devices offer neither.

use super::DeviceChange;
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often microphones, speakers and their defaults are compared. It takes a few milliseconds.
const SOUND_PERIOD: Duration = Duration::from_secs(2);

/// How often the cameras are listed. A capture process does it, because a driver may hang: about 50 ms of processor time.
const CAMERA_PERIOD: Duration = Duration::from_secs(6);

/// Watches until the receiver is gone.
pub(super) fn run(tell: &mpsc::Sender<DeviceChange>) {
    let mut sound = fingerprint();
    let mut cameras_due = Instant::now() + CAMERA_PERIOD;
    loop {
        thread::sleep(SOUND_PERIOD);
        let now = fingerprint();
        if std::mem::replace(&mut sound, now) != sound && tell.blocking_send(DeviceChange::Sound).is_err() {
            return;
        }
        if cameras_due <= Instant::now() {
            cameras_due = Instant::now() + CAMERA_PERIOD;
            if tell.blocking_send(DeviceChange::Cameras).is_err() {
                return;
            }
        }
        if tell.is_closed() {
            return;
        }
    }
}

/// The ids of microphones and speakers, and the defaults.
#[cfg(feature = "window")]
fn fingerprint() -> Vec<String> {
    let (microphones, speakers) = crate::devices::audio::list();
    microphones.into_iter().chain(speakers).map(|e| format!("{} {}", e.id, e.default)).collect()
}

#[cfg(not(feature = "window"))]
fn fingerprint() -> Vec<String> {
    Vec::new()
}
