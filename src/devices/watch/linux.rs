//! Linux: inotify on `/dev` tells of cameras, the sound server of microphones and speakers. Without a sound server ALSA's
//! list of cards is read once a second.

use super::DeviceChange;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How often a missing sound server and ALSA's cards are looked for, and whether anybody still listens.
const PERIOD: Duration = Duration::from_secs(1);

/// From the first sign of a change to its report. A device comes and goes in several steps: udev sets its rights, the
/// sound server moves its streams and chooses the new default.
const SETTLE: Duration = Duration::from_millis(300);

/// ALSA's sound cards, one line or more for each.
const CARDS: &str = "/proc/asound/cards";

/// Watches until the receiver is gone.
pub(super) fn run(tell: &mpsc::Sender<DeviceChange>) {
    let cameras = CameraNodes::watch(Path::new("/dev"));
    let mut sound = Sound::default();
    let (mut cameras_due, mut sound_due) = (None::<Instant>, None::<Instant>);
    while !tell.is_closed() {
        match sound.look() {
            SoundNews::Nothing => {}
            SoundNews::Changed => drop(sound_due.get_or_insert_with(|| Instant::now() + SETTLE)),
            SoundNews::ServerGone => {
                // All microphones and speakers have gone with it; another server may be there already.
                sound_due = Some(Instant::now() + SETTLE);
                if tell.blocking_send(DeviceChange::Sound).is_err() {
                    return;
                }
            }
        }
        if cameras.as_ref().is_some_and(CameraNodes::changed) {
            cameras_due.get_or_insert_with(|| Instant::now() + SETTLE);
        }
        for (due, change) in [(&mut cameras_due, DeviceChange::Cameras), (&mut sound_due, DeviceChange::Sound)] {
            if due.take_if(|at| *at <= Instant::now()).is_some() && tell.blocking_send(change).is_err() {
                return;
            }
        }
        let next = [cameras_due, sound_due].into_iter().flatten().min();
        let pause = next.map_or(PERIOD, |at| at.saturating_duration_since(Instant::now()).min(PERIOD));
        wait(cameras.as_ref(), &sound, pause);
    }
}

/// Waits until there is something to look at, at most `limit`.
#[cfg_attr(not(feature = "window"), allow(unused_variables))]
fn wait(cameras: Option<&CameraNodes>, sound: &Sound, limit: Duration) {
    let mut watched = Vec::with_capacity(2);
    if let Some(cameras) = cameras {
        watched.push(PollFd::new(&cameras.inotify, PollFlags::IN));
    }
    #[cfg(feature = "window")]
    if let Some(server) = &sound.server {
        watched.push(PollFd::from_borrowed_fd(server.as_fd(), PollFlags::IN));
    }
    // In whole milliseconds and one more: a wait that ends too early would be repeated at once.
    let limit = Duration::from_millis(limit.as_millis() as u64 + 1);
    let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
    // An error is a signal's interruption: then everything is looked at again.
    poll(&mut watched, Some(&limit)).ok();
}

/// The video device nodes in a folder.
struct CameraNodes {
    inotify: OwnedFd,
}

impl CameraNodes {
    fn watch(folder: &Path) -> Option<Self> {
        let watch = || {
            let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
            // The rights of a node are set after it has been made.
            inotify::add_watch(&inotify, folder, WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::ATTRIB)?;
            Ok::<_, rustix::io::Errno>(inotify)
        };
        let watching = watch().inspect_err(|error| tracing::warn!(%error, "cameras that are plugged in are not seen"));
        watching.ok().map(|inotify| Self { inotify })
    }

    /// Whether a node has come, gone, or changed its rights since the last call.
    fn changed(&self) -> bool {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(self.inotify.as_fd(), &mut buffer);
        let mut changed = false;
        while let Ok(event) = events.next() {
            changed |= event.file_name().is_some_and(|name| name.to_bytes().starts_with(b"video"));
        }
        changed
    }
}

/// The news of the sound devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SoundNews {
    Nothing,
    Changed,
    ServerGone,
}

/// The connection to the sound server, or ALSA's cards without one.
#[derive(Default)]
struct Sound {
    #[cfg(feature = "window")]
    server: Option<crate::devices::audio::ServerEvents>,
    cards: String,
    /// When the server is looked for again.
    next_look: Option<Instant>,
}

impl Sound {
    fn look(&mut self) -> SoundNews {
        #[cfg(feature = "window")]
        if let Some(server) = &mut self.server {
            return match server.changed() {
                Ok(false) => SoundNews::Nothing,
                Ok(true) => SoundNews::Changed,
                Err(error) => {
                    let before = server.instance();
                    self.server = crate::devices::audio::ServerEvents::subscribe();
                    // Only this connection was lost, or the server with all its streams.
                    let same = self.server.as_ref().is_some_and(|server| server.instance() == before);
                    tracing::debug!(%error, same, "the connection that tells of sound devices was lost");
                    if same { SoundNews::Changed } else { SoundNews::ServerGone }
                }
            };
        }
        let now = Instant::now();
        if self.next_look.is_some_and(|at| now < at) {
            return SoundNews::Nothing;
        }
        self.next_look = Some(now + PERIOD);
        #[cfg(feature = "window")]
        if let Some(server) = crate::devices::audio::ServerEvents::subscribe() {
            self.server = Some(server);
            return SoundNews::Changed;
        }
        let cards = fs::read_to_string(CARDS).unwrap_or_default();
        if std::mem::replace(&mut self.cards, cards) == self.cards { SoundNews::Nothing } else { SoundNews::Changed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_comes_goes_or_changes_its_rights_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let nodes = CameraNodes::watch(folder.path()).expect("inotify");
        assert!(!nodes.changed());
        for name in ["null", "v4l-subdev0", "snd"] {
            fs::write(folder.path().join(name), "").expect("a node");
        }
        assert!(!nodes.changed(), "no camera");
        let node = folder.path().join("video7");
        fs::write(&node, "").expect("a node");
        assert!(nodes.changed());
        assert!(!nodes.changed(), "told once");
        let rights = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(&node, rights).expect("rights");
        assert!(nodes.changed());
        fs::remove_file(&node).expect("removed");
        assert!(nodes.changed());
    }
}
