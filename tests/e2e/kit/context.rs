//! The context of a test: its share of the machine, and the folder `artifacts/NAME/` for its logs and screenshots.

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};

/// Tests with calls in real time run alone. Tests with tiny video frames that measure nothing share the machine.
static MACHINE: RwLock<()> = RwLock::new(());

/// Holds the machine, or a share of it, for one test.
pub(crate) struct TestContext {
    folder: PathBuf,
    _machine: Share,
}

/// The share of the machine.
enum Share {
    Alone { _whole: RwLockWriteGuard<'static, ()> },
    Beside { _shared: RwLockReadGuard<'static, ()> },
}

impl TestContext {
    /// Waits until no other test runs, and empties the folder of artifacts.
    pub(crate) fn new(name: &str) -> Self {
        let whole = MACHINE.write();
        Self::with(name, Share::Alone { _whole: whole })
    }

    /// The same for a test that runs beside others of its kind.
    pub(crate) fn beside_others(name: &str) -> Self {
        let shared = MACHINE.read();
        Self::with(name, Share::Beside { _shared: shared })
    }

    fn with(name: &str, machine: Share) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts").join(name);
        let _absent = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for artifacts");
        Self { folder, _machine: machine }
    }

    /// The path of a file in the folder of artifacts.
    pub(crate) fn artifact(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }
}

/// A port that is free for TCP and UDP.
pub(crate) fn free_port() -> u16 {
    super::wait_until("a port that is free", || {
        let udp = UdpSocket::bind("127.0.0.1:0").ok()?;
        let port = udp.local_addr().ok()?.port();
        std::net::TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    })
}

/// The path of a file that `scripts/setup --tests` installs.
pub(crate) fn tool(name: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    let tool = cache.expect("a home folder").join("visavis/tools").join(name);
    assert!(tool.exists(), "{} is missing: run scripts/setup --tests", tool.display());
    tool
}
