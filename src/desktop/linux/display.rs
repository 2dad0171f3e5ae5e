//! Whether the X server or Wayland compositor is there: a connection of our own, which ends together with the window's.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::env;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use x11rb::rust_connection::RustConnection;

/// How long the end of our connection may come after that of another one: the X server closes them one by one.
const LIMIT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// A connection that carries nothing.
pub(in crate::desktop) enum Display {
    /// An X server closes connections that do not begin with a request.
    X(Box<RustConnection>),
    Wayland(UnixStream),
}

impl Display {
    /// Connects to the display on which winit opens windows: Wayland's, if there is one.
    pub(in crate::desktop) fn connect() -> Option<Self> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        if let Some(name) = set("WAYLAND_DISPLAY") {
            return Self::wayland(set("XDG_RUNTIME_DIR"), name);
        }
        // A socket that was inherited cannot be opened again.
        if set("WAYLAND_SOCKET").is_some() {
            return None;
        }
        set("DISPLAY")?;
        let (connection, _) = RustConnection::connect(None).ok()?;
        Some(Self::X(Box::new(connection)))
    }

    /// The socket of a compositor is an absolute path, or a name in the runtime folder (wl_display_connect(3)).
    fn wayland(folder: Option<OsString>, name: OsString) -> Option<Self> {
        let socket = PathBuf::from(folder.unwrap_or_default()).join(name);
        UnixStream::connect(socket).ok().map(Self::Wayland)
    }

    /// Whether the other end has closed the connection, or does within a second.
    pub(in crate::desktop) fn is_gone(&self) -> bool {
        let socket = match self {
            Self::X(connection) => connection.stream().as_fd(),
            Self::Wayland(stream) => stream.as_fd(),
        };
        has_hung_up(socket)
    }
}

fn has_hung_up(socket: BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::from_borrowed_fd(socket, PollFlags::RDHUP)];
    poll(&mut polled, Some(&LIMIT)).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_compositor_is_gone_when_it_closes_its_connections() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("wayland-7");
        let listener = UnixListener::bind(&path).expect("a socket");
        let relative = Display::wayland(Some(folder.path().into()), "wayland-7".into()).expect("connected");
        let absolute = Display::wayland(Some("/nowhere".into()), path.into()).expect("connected");
        let [first, second] = [(); 2].map(|()| listener.accept().expect("a connection"));
        assert!(!relative.is_gone(), "the compositor runs");
        drop((first, second, listener));
        assert!(relative.is_gone() && absolute.is_gone());
    }

    #[test]
    fn without_a_compositor_there_is_nothing_to_watch() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(Display::wayland(Some(folder.path().into()), "wayland-7".into()).is_none());
    }
}
