//! One test's place: it runs alone, and keeps its logs and screenshots in `artifacts/NAME/`.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Calls in real time need the machine for themselves: one test after the other.
static ALONE: Mutex<()> = Mutex::new(());

/// Holds the machine for one test.
pub(crate) struct Stage {
    folder: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Stage {
    /// Waits for the machine and empties the test's folder of artifacts.
    pub(crate) fn new(name: &str) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(name);
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for artifacts");
        Self { folder, _alone: alone }
    }

    /// A file among the test's artifacts.
    pub(crate) fn artifact(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }
}

/// A port that nobody listens on, neither by TCP nor by UDP.
pub(crate) fn free_port() -> u16 {
    super::wait_until("a port that is free", || {
        let udp = UdpSocket::bind("127.0.0.1:0").ok()?;
        let port = udp.local_addr().ok()?.port();
        std::net::TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    })
}

/// A file that `scripts/setup --tests` installs for the tests.
pub(crate) fn tool(name: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    let tool = cache.expect("a home folder").join("visavis/tools").join(name);
    assert!(tool.exists(), "{} is missing: run scripts/setup --tests", tool.display());
    tool
}
